//! `hozen symbols` on what is no evidence, not enough of it, or not what it was: refused with the thing named and what to do.
//! That it makes a file that serves is seen in volatility.rs.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests lay out files with the standard library")]

use std::fs;
use std::path::Path;

use hozen_tests::agent::Agent;
use hozen_tests::evidence::Evidence;
use hozen_tests::volatility::make_symbols;

const ARCHIVE: &str = "data/raw/kernel_symbols.tar.zst";

/// A refusal: this exit code, a message that names all of `things`, nothing on stdout, nothing written.
fn refused(evidence: &Path, code: i32, things: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("symbols");
    let finished = make_symbols(evidence, &to);
    finished.assert_code(code);
    for thing in things {
        assert!(finished.stderr.contains(thing), "the message does not name {thing:?}: {}", finished.stderr);
    }
    assert!(finished.stdout.is_empty() && !to.exists(), "{}", finished.stdout);
}

fn collect(folder: &Path, options: &[&str]) -> Evidence {
    Agent::find().collect(&folder.join("evidence"), options)
}

#[test]
fn what_is_no_evidence_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    refused(Path::new("/nowhere/at/all"), 40, &["/nowhere/at/all", "not a folder of evidence"]);
    refused(folder.path(), 40, &[&folder.path().display().to_string(), "000-begin.json"]);
    let file = folder.path().join("file");
    fs::write(&file, "text").unwrap();
    refused(&file, 40, &["not a folder of evidence"]);
    fs::write(folder.path().join("000-begin.json"), "{}").unwrap();
    refused(folder.path(), 1, &["000-begin.json"]);
    Agent::find().run(["symbols", "evidence"]).assert_code(40);
}

#[test]
fn a_run_without_the_artefact_says_why_it_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let evidence = collect(folder.path(), &["--only", "context"]);
    refused(&evidence.dir, 61, &[ARCHIVE, "skipped", "Collect again"]);
}

#[test]
fn an_archive_that_was_altered_or_put_there_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let evidence = collect(folder.path(), &["--only", "kernel_symbols"]);
    let mut bytes = evidence.stored(ARCHIVE);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(evidence.dir.join(ARCHIVE), &bytes).unwrap();
    refused(&evidence.dir, 1, &[ARCHIVE, "altered", "hozen verify"]);
    let other = tempfile::tempdir().unwrap();
    let without = collect(other.path(), &["--only", "context"]);
    fs::create_dir_all(without.dir.join("data/raw")).unwrap();
    fs::write(without.dir.join(ARCHIVE), &bytes).unwrap();
    refused(&without.dir, 1, &[ARCHIVE, "no receipt"]);
}

/// Without a manifest nothing vouches for the archive; a broken one is told all the same.
#[test]
fn a_run_that_was_cut_off_is_read_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let evidence = collect(folder.path(), &["--only", "kernel_symbols"]);
    for record in ["900-manifest.json", "999-end.json"] {
        fs::remove_file(evidence.dir.join(record)).unwrap();
    }
    fs::write(evidence.dir.join(ARCHIVE), b"no archive").unwrap();
    refused(&evidence.dir, 1, &[ARCHIVE]);
}

/// What an ordinary user gets is sealed, says what was refused, and is not enough: the message names the way out.
#[test]
fn an_unprivileged_collection_names_what_is_hidden() {
    if !hozen_tests::host::is_root("an_unprivileged_collection_names_what_is_hidden") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let program = folder.path().join("hozen");
    let to = folder.path().join("evidence");
    let agent = Agent::find().copied_to(&program).as_user(65_534);
    let finished = agent.run(Agent::collection(&to, &["--only", "kernel_symbols", "--unprivileged"]));
    finished.assert_sealed();
    Agent::find().verify(&to).assert_code(0);
    let evidence = Evidence::open(&to);
    let [row]: [serde_json::Value; 1] = evidence.table("kernel_symbols").try_into().unwrap();
    assert!(!row.get("reasons").and_then(serde_json::Value::as_array).unwrap().is_empty(), "{row}");
    refused(&to, 61, &["no symbol file can be made", "dwarf2json"]);
}
