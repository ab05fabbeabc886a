//! Tools written by others agree: coreutils, zstd, openssl and jq verify the evidence, DuckDB and jq read its tables.

#![expect(clippy::disallowed_methods, clippy::panic, clippy::unwrap_used, reason = "tests run other people's programs")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hozen_tests::agent::Agent;
use hozen_tests::aws::cloud::{ACCOUNT, Cloud};
use hozen_tests::aws::identity::Signer;
use hozen_tests::aws::imds;
use hozen_tests::evidence::Evidence;
use hozen_tests::helper::Helper;
use hozen_tests::host::{is_root, skipped};
use hozen_tests::python;
use hozen_tests::volatility::succeeded;
use serde_json::Value;
use tempfile::TempDir;

const VOLATILE: &[&str] = &["--profile", "volatile"];

/// Whether these programs are installed.
fn have(test: &str, programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = |name: &str| std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
    programs.iter().all(|name| there(name) || skipped(test, name))
}

fn collected() -> (TempDir, Evidence) {
    let folder = tempfile::tempdir().unwrap();
    let evidence = Agent::find().collect(&folder.path().join("evidence"), VOLATILE);
    (folder, evidence)
}

fn by_hand(dir: &Path) -> Command {
    let mut command = Command::new("sh");
    command.arg(python::script("../../docs/verify-by-hand.sh")).arg(dir);
    command
}

#[test]
fn the_run_verifies_by_hand() {
    if !have("the_run_verifies_by_hand", &["sh", "sha256sum", "zstd", "openssl", "jq"]) {
        return;
    }
    let (_folder, evidence) = collected();
    let said = succeeded(&mut by_hand(&evidence.dir)).stdout;
    assert!(String::from_utf8_lossy(&said).contains("all checks passed"));
    // The same with a change to one byte of each kind of object, so that a script that checks nothing is noticed.
    for key in [
        "000-begin.json",
        "custody/000001.jsonl",
        "SHA256SUMS",
        "900-manifest.json",
        "999-end.json",
        "data/file/mounts.jsonl.zst",
    ] {
        let before = evidence.stored(key);
        let mut after = before.clone();
        let middle = after.len() / 2;
        after[middle] ^= 1;
        fs::write(evidence.dir.join(key), &after).unwrap();
        let output = by_hand(&evidence.dir).output().unwrap();
        assert!(!output.status.success(), "a change to {key} goes unnoticed");
        fs::write(evidence.dir.join(key), &before).unwrap();
    }
    succeeded(&mut by_hand(&evidence.dir));
}

/// `docs/verify-identity.sh` over this evidence: whether it passes, and what it says.
fn identity(evidence: &Evidence, certificate: &Path, form: &str) -> (bool, String) {
    let mut command = Command::new("sh");
    command.arg(python::script("../../docs/verify-identity.sh")).arg(&evidence.dir).arg(certificate).arg(form);
    let output = command.output().unwrap();
    (output.status.success(), format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn openssl_verifies_the_identity_of_the_instance() {
    if !have("openssl_verifies_the_identity_of_the_instance", &["sh", "sha256sum", "zstd", "openssl", "jq"]) {
        return;
    }
    let (cloud, folder, amazon, stranger) = (Cloud::new(), tempfile::tempdir().unwrap(), Signer::new(), Signer::new());
    let collect = |name: &str, signer: &Signer| {
        let double = imds::start(&cloud, signer);
        let url = double.url();
        Agent::find().collect(&folder.path().join(name), &["--only", "context", "--imds-endpoint", &url])
    };
    let (honest, forged) = (collect("honest", &amazon), collect("forged", &stranger));
    for form in ["rsa2048", "pkcs7", "signature"] {
        let (passes, said) = identity(&honest, &amazon.certificate(), form);
        assert!(passes && said.contains("\"i-0123456789abcdef0\"") && said.contains(ACCOUNT), "{form}: {said}");
        let (passes, said) = identity(&honest, &stranger.certificate(), form);
        assert!(!passes && said.contains("FAILED"), "{form}: {said}");
        // Its messages bring the stranger's own certificate along.
        let (passes, said) = identity(&forged, &amazon.certificate(), form);
        assert!(!passes && said.contains("FAILED"), "{form}: {said}");
    }
    // A run is whole, whoever signed for the instance.
    succeeded(&mut by_hand(&forged.dir));
    // Another document beside an honest signature.
    let mut envelope: Value = serde_json::from_slice(&honest.stored("000-begin.json")).unwrap();
    let payload = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
    let mut statement: Value = serde_json::from_slice(&payload).unwrap();
    let document = &mut statement["predicate"]["instance"]["signed"]["document"];
    let text = String::from_utf8(STANDARD.decode(document.as_str().unwrap()).unwrap()).unwrap();
    *document = STANDARD.encode(text.replace(ACCOUNT, "999999999999")).into();
    envelope["payload"] = STANDARD.encode(statement.to_string()).into();
    fs::write(honest.dir.join("000-begin.json"), envelope.to_string()).unwrap();
    for form in ["rsa2048", "pkcs7", "signature"] {
        let (passes, said) = identity(&honest, &amazon.certificate(), form);
        assert!(!passes && said.contains("FAILED"), "{form}: {said}");
    }
}

#[test]
fn jq_reads_every_table() {
    if !have("jq_reads_every_table", &["bash", "zstd", "jq"]) {
        return;
    }
    let (_folder, evidence) = collected();
    for (name, key, entries) in tables(&evidence) {
        let script = "set -o pipefail; zstd -dcq \"$1\" | jq -es 'map(select(type == \"object\")) | length'";
        let output = Command::new("bash").args(["-c", script, "-"]).arg(evidence.dir.join(key)).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), entries.to_string(), "{name}: {output:?}");
    }
}

/// Name, key and number of rows of every table, as the manifest has them.
fn tables(evidence: &Evidence) -> Vec<(String, String, u64)> {
    let manifest = evidence.predicate("900-manifest.json");
    let objects = manifest.get("objects").and_then(Value::as_array).unwrap();
    let table = |object: &Value| {
        let key = object.get("key")?.as_str()?;
        let name = key.strip_prefix("data/")?.strip_suffix(".jsonl.zst")?.rsplit('/').next()?;
        Some((name.to_owned(), key.to_owned(), object.get("content")?.get("entries")?.as_u64()?))
    };
    let tables: Vec<_> = objects.iter().filter_map(table).collect();
    assert!(tables.len() > 10, "{tables:?}");
    tables
}

#[test]
fn duckdb_reads_every_table() {
    let Some(python) = python::with("duckdb_reads_every_table", &["duckdb"]) else { return };
    let (_folder, evidence) = collected();
    let said = succeeded(Command::new(python).arg(python::script("tables.py")).arg(&evidence.dir)).stdout;
    let read: Value = serde_json::from_slice(&said).unwrap();
    let told: serde_json::Map<String, Value> = tables(&evidence).into_iter().map(|(name, _, rows)| (name, rows.into())).collect();
    assert_eq!(read, Value::Object(told));
}

/// The rows that a query of `docs/queries` has.
fn rows<'a>(answers: &'a Value, query: &str) -> &'a [Value] {
    answers.get(query).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_else(|| panic!("no query {query}"))
}

#[test]
fn every_query_runs_and_finds_what_was_planted() {
    let test = "every_query_runs_and_finds_what_was_planted";
    let folder = tempfile::tempdir().unwrap();
    let deleted = Helper::start("odd", ["deleted".as_ref(), folder.path().as_os_str()]);
    let memfd = Helper::start("odd", ["memfd"]);
    let sniffer = is_root(test).then(|| Helper::start("odd", ["sniffer"]));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let _stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (own, to) = (std::process::id(), folder.path().join("evidence"));
    let evidence = Agent::find().collect(&to, &["--memory", "off", "--skip", "files,hidden_files"]);
    let Some(answers) = python::queries(test, &evidence.dir, &["address=127.0.0.1", &format!("pid={own}")]) else { return };
    let silent: Vec<&String> =
        answers.as_object().unwrap().iter().filter(|(_, rows)| rows.is_null()).map(|(name, _)| name).collect();
    assert_eq!(
        silent,
        ["hidden-files"],
        "queries of tables that the run lacks; that one is asked of a host that hides files (vm.rs)"
    );
    assert!(answers.as_object().unwrap().len() > 18);
    let has = |query: &str, columns: &[(&str, Value)]| {
        let found = rows(&answers, query).iter().any(|row| columns.iter().all(|(name, value)| row[*name] == *value));
        assert!(found, "{query} has no row with {columns:?}: {:#?}", rows(&answers, query));
    };
    has("who-listens", &[("local_port", port.into()), ("pid", own.into())]);
    has("talks-to-address", &[("remote_port", port.into()), ("pid", own.into())]);
    has("ran-from-tmp", &[("pid", deleted.number("pid").into()), ("exe_deleted", 1.into())]);
    has("ran-from-tmp", &[("pid", memfd.number("pid").into()), ("exe_memfd", 1.into())]);
    has("findings", &[("pid", memfd.number("pid").into()), ("finding", "memfd-executable".into())]);
    if let Some(sniffer) = sniffer {
        let filter = ("name", sniffer.fact("sha256").into());
        has("network-hooks", &[("hook", "packet socket".into()), filter, ("netns_inode", sniffer.number("netns").into())]);
    }
    has("parents", &[("pid", own.into()), ("up", 0.into())]);
    assert!(rows(&answers, "parents").len() > 1, "{:?}", rows(&answers, "parents"));
}

/// Columns by table, each with its type.
type Declared = BTreeMap<String, Vec<(String, String)>>;

/// What a file of `docs/queries` declares: each table after `keyword`, its columns after the next `begin`.
fn declared(file: &str, keyword: &str, begin: &str) -> Declared {
    let text = fs::read_to_string(python::script("../../docs/queries").join(file)).unwrap();
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let column = |piece: &str| {
        let (name, rest) = piece.trim().trim_start_matches(['"', '`']).split_once(|letter: char| !is_word(letter)).unwrap();
        (name.to_owned(), rest.trim_matches([':', '"', '`', '\'', ' ']).to_owned())
    };
    let table = |part: &str| {
        let (name, rest) = part.split_once(|letter: char| !is_word(letter)).unwrap();
        let columns = rest.split_once(begin).unwrap().1.split("\n}").next().unwrap().split("\n)").next().unwrap();
        // The comma within `decimal(20,0)` has no space behind it.
        (name.to_owned(), columns.split(", ").flat_map(|piece| piece.split(",\n")).map(column).collect::<Vec<_>>())
    };
    text.split(keyword).skip(1).map(table).collect()
}

/// Types of DuckDB that `duckdb.sql` has, and what Athena reads the same values as. HUGEINT has one digit more than the widest
/// decimal of Athena; no value of ours has so many.
const TYPES: [(&str, &str); 8] = [
    ("BIGINT", "bigint"),
    ("BIGINT[]", "array<bigint>"),
    ("DOUBLE", "double"),
    ("HUGEINT", "decimal(38,0)"),
    ("JSON", "string"),
    ("UBIGINT", "decimal(20,0)"),
    ("VARCHAR", "string"),
    ("VARCHAR[]", "array<string>"),
];

/// The same declarations with Athena's types.
fn with_types_of_athena(duckdb: &Declared) -> Declared {
    let known = BTreeMap::from(TYPES);
    let used: BTreeSet<&str> = duckdb.values().flatten().map(|(_, kind)| kind.as_str()).collect();
    let translatable: BTreeSet<&str> = known.keys().copied().collect();
    assert_eq!(used, translatable, "types of duckdb.sql, and those whose counterpart is known");
    let translated =
        |(name, kind): &(String, String)| (name.clone(), known.get(kind.as_str()).copied().unwrap_or_default().to_owned());
    duckdb.iter().map(|(table, columns)| (table.clone(), columns.iter().map(translated).collect())).collect()
}

#[test]
fn both_dialects_declare_the_same_columns_and_types_of_every_table() {
    let duckdb = declared("duckdb.sql", "CREATE OR REPLACE VIEW ", "columns = {");
    let athena: Declared = declared("athena.sql", "CREATE EXTERNAL TABLE ", "(")
        .into_iter()
        .map(|(table, columns)| (table.strip_suffix("_raw").unwrap().to_owned(), columns))
        .collect();
    assert!(duckdb.len() > 20 && duckdb.values().all(|columns| columns.len() > 8), "{duckdb:?}");
    let wanted = with_types_of_athena(&duckdb);
    for (table, columns) in &wanted {
        assert_eq!(Some(columns), athena.get(table), "columns of {table}, of duckdb.sql and of athena.sql");
    }
    assert_eq!(wanted.len(), athena.len(), "tables of duckdb.sql and of athena.sql");
    let listed = Agent::find().run(["artefacts", "--json"]);
    let artefacts: Value = serde_json::from_str(&listed.stdout).unwrap();
    let tables = artefacts.as_array().unwrap().iter().flat_map(|artefact| artefact["tables"].as_array().unwrap());
    let tables: BTreeSet<&str> = tables.map(|table| table.as_str().unwrap()).collect();
    let viewed: BTreeSet<&str> = duckdb.keys().map(String::as_str).collect();
    assert_eq!(tables, viewed, "tables of the catalogue, and those with a view");
}
