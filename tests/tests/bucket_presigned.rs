//! A host without any credentials, and a list that somebody else has signed for one run: what it can do, and what nobody can do with it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests lay out files with the standard library, and fail by panicking"
)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use hozen_tests::agent::{Agent, Finished, code};
use hozen_tests::aws::identity::Signer;
use hozen_tests::aws::imds;
use hozen_tests::evidence::Evidence;
use hozen_tests::s3::{Bucket, DefaultRetention, Mode, Options};
use hozen_tests::serve::{Fault, Rule};
use hozen_tests::vault::{BUCKET, Role, Shared, TO, Vault};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

const HOST: &str = "i-0123456789abcdef0";
const BIG: &str = "data/raw/shm.tar.zst";

/// What somebody changes in a list, in a word.
type Change = (&'static str, fn(&mut Value));

/// A list, and the folder that it lies in.
struct Signed {
    dir: TempDir,
    path: PathBuf,
}

impl Signed {
    /// Signed by the writer, for a run that is retained for 30 days in COMPLIANCE, with little room.
    fn by(vault: &Vault, more: &[&str]) -> Self {
        let lock = ["--lock", "compliance", "--retain-days", "30"];
        Self::with(vault, &[&lock[..], more].concat())
    }

    fn with(vault: &Vault, more: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run.json");
        let fixed = ["presign", "--to", TO, "--case", "TEST-1", "--host", HOST, "--memory", "1G"];
        let rest = ["--part-size", "5MiB", "-o", path.to_str().unwrap()];
        let archives: &[&str] = if more.contains(&"--archives") { &[] } else { &["--archives", "64M"] };
        let finished = vault.run(Role::Writer, &[&fixed[..], &rest, archives, more].concat());
        finished.assert_code(0);
        Self { dir, path }
    }

    fn value(&self) -> Value {
        serde_json::from_slice(&std::fs::read(&self.path).unwrap()).unwrap()
    }

    fn place(&self) -> String {
        self.value()["place"].as_str().unwrap().to_owned()
    }

    /// A copy that somebody has changed.
    fn changed(&self, change: impl FnOnce(&mut Value)) -> PathBuf {
        let (mut value, path) = (self.value(), self.dir.path().join("changed.json"));
        change(&mut value);
        std::fs::write(&path, serde_json::to_vec(&value).unwrap()).unwrap();
        path
    }
}

/// The arguments of a collection that goes by a list.
fn collection(list: &Path, more: &[&str]) -> Vec<String> {
    let fixed = ["collect", "--presigned", list.to_str().unwrap()];
    let unprivileged = if nix::unistd::geteuid().is_root() { None } else { Some("--unprivileged") };
    fixed.into_iter().chain(unprivileged).chain(more.iter().copied()).map(str::to_owned).collect()
}

fn collect(list: &Path, more: &[&str]) -> Finished {
    Agent::find().run(collection(list, more))
}

/// The predicate of a record in the bucket.
fn predicate(vault: &Vault, place: &str, name: &str) -> Value {
    use base64::Engine as _;
    let bytes = vault.s3.object(BUCKET, &vault.key(place, name)).unwrap().content().unwrap();
    let envelope: Value = serde_json::from_slice(&bytes).unwrap();
    let payload = base64::engine::general_purpose::STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
    serde_json::from_slice::<Value>(&payload).unwrap()["predicate"].take()
}

fn refused(list: &Path, more: &[&str], code: i32, word: &str) {
    let finished = collect(list, &[&["--only", "context"], more].concat());
    finished.assert_code(code);
    assert!(finished.said().contains(word), "{word}: {}", finished.said());
}

#[test]
fn a_host_without_credentials_collects_and_a_reader_verifies() {
    let (vault, _shared) = (Vault::new(), Shared::new(12 << 20));
    let list = Signed::by(&vault, &[]);
    assert_eq!(std::fs::metadata(&list.path).unwrap().permissions().mode() & 0o777, 0o600);
    let (before, uploads) = (vault.s3.journal().len(), vault.s3.uploads(BUCKET).len());
    let finished = collect(&list.path, &["--only", "context,shm"]);
    finished.assert_sealed();
    let (place, value) = (list.place(), list.value());
    assert_eq!(finished.result()["to"].as_str(), Some(place.as_str()));
    assert!(place.starts_with(&format!("{TO}/TEST-1/no-account/{HOST}/")), "{place}");

    let requests = vault.s3.journal().split_off(before);
    for entry in &requests {
        assert!(entry.head.header("authorization").is_none() && entry.head.parameter("X-Amz-Signature").is_some());
        let write = ["PutObject", "UploadPart", "CompleteMultipartUpload"].contains(&entry.operation.as_str());
        assert!(write && entry.status == Some(200), "{} {:?}", entry.operation, entry.status);
    }
    let big = vault.s3.object(BUCKET, &vault.key(&place, BIG)).unwrap();
    assert!(big.parts.len() > 2, "{} parts", big.parts.len());
    assert_eq!(vault.s3.uploads(BUCKET).len(), uploads - 1, "what was completed is open no more");
    for name in vault.names(&place) {
        let object = vault.s3.object(BUCKET, &vault.key(&place, &name)).unwrap();
        assert_eq!(object.retention.map(|retention| retention.mode), Some(Mode::Compliance), "{name}");
    }

    let begin = predicate(&vault, &place, "000-begin.json");
    assert_eq!(begin["sink"]["credentials"]["source"], "presigned-list");
    assert_eq!(begin["sink"]["presigned"]["host"], HOST);
    assert!(begin["sink"]["warnings"].to_string().contains("no instance metadata"), "{begin}");
    assert_eq!(begin["sink"]["retention"]["until"], value["terms"]["lock"]["until"]);
    let manifest = predicate(&vault, &place, "900-manifest.json");
    let receipt = manifest["objects"].as_array().unwrap().iter().find(|receipt| receipt["key"] == BIG).unwrap();
    assert_eq!(receipt["sink"]["checksum"]["type"], "NONE", "{receipt}");

    let report = vault.assert_verdict(&place, &[], 0, "verified");
    assert_eq!((&report["bucket"]["locked"], &report["bucket"]["unlocked"]), (&report["objects"], &json!(0)));
    let facts = &report["bucket"];
    assert_eq!((&facts["compared"], &facts["rehashed"], &facts["presigned"]), (&json!(0), &json!(true), &json!(true)));
    let text = vault.run(Role::Reader, &["verify", &place]).stdout;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("every byte was read for this report") && !text.contains("were compared"), "{text}");
    assert_eq!(text.matches("begun with the presigned list").count(), 1, "{text}");
    let read =
        |name: &str| vault.s3.journal().iter().any(|entry| entry.operation == "GetObject" && entry.head.path.ends_with(name));
    assert!(read(BIG), "what no checksum vouches for must be read");
    assert_nothing_usable_is_told(&vault, &value, &finished);
}

/// No signature and no token is in the evidence or was printed.
fn assert_nothing_usable_is_told(vault: &Vault, list: &Value, finished: &Finished) {
    let token = list["terms"]["token"].as_str().unwrap();
    let signatures: Vec<&str> = list["objects"].as_object().unwrap().values().filter_map(|entry| entry["put"].as_str()).collect();
    let tells = |text: &str| text.contains(token) || signatures.iter().any(|signature| text.contains(signature));
    assert!(!tells(&finished.said()), "{}", finished.said());
    for key in vault.s3.keys(BUCKET) {
        let stored = vault.s3.object(BUCKET, &key).unwrap().content().unwrap();
        let content = if key.ends_with(".zst") { zstd::decode_all(stored.as_slice()).unwrap() } else { stored };
        if content.len() < 8 << 20 {
            assert!(!tells(&String::from_utf8_lossy(&content)), "{key}");
        }
    }
}

#[test]
fn every_object_of_the_catalogue_has_its_place_in_a_list() {
    let bucket = Bucket::new(BUCKET).locked(Some(DefaultRetention { mode: Mode::Governance, days: 3 }));
    let vault = Vault::with(Options::default(), bucket);
    let list = Signed::with(&vault, &["--archives", "1G"]);
    // Other tests lay much into shared memory while they run.
    let finished = collect(
        &list.path,
        &["--profile", "full", "--memory", "off", "--process-memory", "1", "--skip", "shm,files,hidden_files"],
    );
    finished.assert_sealed();
    let manifest = predicate(&vault, &list.place(), "900-manifest.json");
    for step in manifest["steps"].as_array().unwrap() {
        assert!(!step.to_string().contains("presigned list"), "{step:#}");
    }
    let tables =
        manifest["objects"].as_array().unwrap().iter().filter(|receipt| receipt["key"].as_str().unwrap().starts_with("data/"));
    assert!(tables.count() > 30);
    vault.assert_verdict(&list.place(), &[], 0, "verified");
}

#[test]
fn a_list_is_good_for_one_run_of_one_case_on_one_host_until_it_expires() {
    let vault = Vault::new();
    let list = Signed::by(&vault, &["--expires", "1h"]);
    refused(&list.path, &["--case", "OTHER"], code::USAGE, "TEST-1");
    refused(&list.path, &["--to", "s3://evidence/elsewhere"], code::USAGE, "--to");
    refused(&list.path, &["--lock", "governance", "--retain-days", "1"], code::USAGE, "--lock");
    refused(&list.path, &["--credentials", "environment"], code::USAGE, "--credentials");
    refused(Path::new("/nonexistent/list"), &[], code::USAGE, "/nonexistent/list");
    let other = std::fs::write(list.dir.path().join("other"), "{\"v\":1}").map(|()| list.dir.path().join("other")).unwrap();
    refused(&other, &[], code::USAGE, "hozen presign");

    let changes: [Change; 5] = [
        ("mode", |list| list["terms"]["lock"]["mode"] = "GOVERNANCE".into()),
        ("until", |list| list["terms"]["lock"]["until"] = "2100-01-01T00:00:00.000000000Z".into()),
        ("lock", |list| drop(list["terms"].as_object_mut().unwrap().remove("lock"))),
        ("place", |list| list["place"] = "s3://evidence/elsewhere".into()),
        ("expires", |list| list["terms"]["expires_s"] = 604_800.into()),
    ];
    for (what, change) in changes {
        let finished = collect(&list.changed(change), &["--only", "context"]);
        assert_eq!(finished.code(), code::BAD_DESTINATION, "{what}: {}", finished.said());
        assert!(finished.said().contains("SignatureDoesNotMatch"), "{what}: {}", finished.said());
    }
    vault.cloud.shift_clock(3700);
    refused(&list.path, &[], code::BAD_DESTINATION, "make a new one with hozen presign");
    assert!(vault.s3.keys(BUCKET).is_empty());
    vault.cloud.shift_clock(0);
    collect(&list.path, &["--only", "context"]).assert_sealed();
    let keys = vault.s3.keys(BUCKET);
    refused(&list.path, &[], code::BAD_DESTINATION, "exists already");
    // Not taken for this run's own begin record whose answer was lost.
    let lost = vault.s3.inject(Rule::next(Fault::ResetAfter(0)));
    refused(&list.path, &[], code::BAD_DESTINATION, "exists already");
    assert_eq!((vault.s3.times_fired(lost), vault.s3.keys(BUCKET)), (1, keys));
    vault.assert_verdict(&list.place(), &[], 0, "verified");
}

#[test]
fn what_a_shared_configuration_says_gives_way_to_the_list() {
    let vault = Vault::new();
    let (list, shared) = (Signed::by(&vault, &[]), tempfile::tempdir().unwrap());
    let config = shared.path().join("hozen.toml");
    let text = "to = \"./elsewhere\"\ncase = \"unassigned\"\n[bucket]\nlock = \"bucket-default\"\npart-size = \"8MiB\"\n[network]\nregion = \"eu-west-1\"\n";
    std::fs::write(&config, text).unwrap();
    let finished = collect(&list.path, &["--config", config.to_str().unwrap(), "--only", "context"]);
    finished.assert_sealed();
    assert_eq!((&finished.result()["case"], &finished.result()["to"]), (&"TEST-1".into(), &list.place().into()));
    vault.assert_verdict(&list.place(), &[], 0, "verified");
}

#[test]
fn a_list_that_nobody_could_use_is_not_signed_and_nothing_is_begun() {
    let vault = Vault::new();
    for (more, option) in [(["--archives", "80G"], "--archives"), (["--memory", "40T"], "--memory")] {
        let output = tempfile::tempdir().unwrap().path().join("run.json");
        let fixed = ["presign", "--to", TO, "--case", "TEST-1", "--host", HOST, "-o", output.to_str().unwrap()];
        let lock = ["--lock", "compliance", "--retain-days", "30"];
        let finished = vault.run(Role::Writer, &[&fixed[..], &lock, &more].concat());
        finished.assert_code(code::BAD_DESTINATION);
        assert!(finished.said().contains(option) && finished.said().contains("--part-size"), "{}", finished.said());
    }
    assert!(vault.s3.uploads(BUCKET).is_empty() && vault.s3.keys(BUCKET).is_empty());
}

#[test]
fn an_instance_knows_whether_the_list_is_for_it_and_asks_for_no_role() {
    let (vault, signer) = (Vault::new(), Signer::new());
    let imds = imds::start(&vault.cloud, &signer);
    let way = imds.url();
    let way = ["--imds-endpoint", way.as_str()];
    let list = Signed::by(&vault, &[]);
    let other = list.changed(|list| list["host"] = "i-0fedcba9876543210".into());
    refused(
        &other,
        &way,
        code::BAD_DESTINATION,
        "the presigned list is for i-0fedcba9876543210, and this is i-0123456789abcdef0",
    );
    assert!(vault.s3.keys(BUCKET).is_empty());
    collect(&list.path, &[&["--only", "context"], &way[..]].concat()).assert_sealed();
    let begin = predicate(&vault, &list.place(), "000-begin.json");
    assert!(!begin["sink"]["warnings"].to_string().contains("no instance metadata"), "{begin}");
    let role = |path: &String| path.rsplit_once("security-credentials/").is_some_and(|(_, role)| !role.is_empty());
    assert!(!imds.paths_read().iter().any(role), "{:?}", imds.paths_read());
}

#[test]
fn a_list_never_needs_to_lie_on_a_disk() {
    let (vault, dir) = (Vault::new(), tempfile::tempdir().unwrap());
    let fixed = ["presign", "--to", TO, "--case", "TEST-1", "--host", HOST, "--memory", "1G", "--archives", "64M", "-o", "-"];
    let signed = vault.run(Role::Writer, &[&fixed[..], &["--lock", "compliance", "--retain-days", "30"]].concat());
    signed.assert_code(0);
    assert!(signed.stderr.contains("hozen verify s3://"), "{}", signed.stderr);
    let list: Value = serde_json::from_str(&signed.stdout).unwrap();
    let pipe = dir.path().join("pipe");
    std::fs::write(&pipe, &signed.stdout).unwrap();
    let mut command = std::process::Command::new("/bin/sh");
    command.args(["-c", r#"cat "$0" | "$@""#]).arg(&pipe).arg(Agent::find().program());
    let output = command.args(collection(Path::new("-"), &["--only", "context", "--max-bandwidth", "1MiB"])).output().unwrap();
    let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    Finished { status: output.status, stdout, stderr }.assert_sealed();
    let place = list["place"].as_str().unwrap();
    assert_eq!(predicate(&vault, place, "000-begin.json")["sink"]["max_bandwidth"], 1 << 20);
    vault.assert_verdict(place, &[], 0, "verified");
    let arn = vault.kms.service().api().add_signing_key("seal-key");
    vault.run(Role::Sealer, &["seal", place, "--kms-key", &arn]).assert_code(code::COMPLETE);
    let report = vault.assert_verdict(place, &[], 0, "verified");
    assert_eq!(report["seals"][0]["rehashed"], true, "{report:#}");
}

#[test]
fn a_list_that_is_refused_sends_the_run_into_the_spool() {
    let vault = Vault::new();
    let list = Signed::by(&vault, &[]);
    vault.cloud.shift_clock(13 * 3600);
    let spool = list.dir.path().join("spool");
    let finished = collect(&list.path, &["--only", "context", "--spool", spool.to_str().unwrap()]);
    finished.assert_code(code::SPOOLED);
    Agent::find().verify(&spool).assert_code(0);
}

/// The used list's run is in the bucket. Under the same id the run in the spool could never be told from it, nor be pushed beside it.
#[test]
fn a_run_that_goes_into_the_spool_because_its_list_was_used_is_another_run() {
    let vault = Vault::new();
    let list = Signed::by(&vault, &[]);
    collect(&list.path, &["--only", "context"]).assert_sealed();
    let (spool, used) = (list.dir.path().join("spool"), list.value()["run"].clone());
    let finished = collect(&list.path, &["--only", "context", "--spool", spool.to_str().unwrap()]);
    finished.assert_code(code::SPOOLED);
    let begin = Evidence::open(&spool).predicate("000-begin.json");
    assert_ne!(begin["run"], used);
    assert_eq!((&begin["run"], &begin["access"]["spooled"]["run"]), (&finished.result()["run"], &used));
    assert!(begin["access"]["spooled"]["reason"].as_str().unwrap().contains("exists already"), "{begin}");
    let fixed = ["push", spool.to_str().unwrap(), "--to", TO, "--lock", "compliance", "--retain-days", "30", "--json"];
    let pushed = vault.run(Role::Writer, &fixed);
    pushed.assert_code(0);
    let line: Value = serde_json::from_str(&pushed.stdout).unwrap();
    for place in [list.place().as_str(), line["pushed"]["location"].as_str().unwrap()] {
        vault.assert_verdict(place, &[], 0, "verified");
    }
}

/// Both clocks are honest here; the host's is taken for the one that lies. So much is on its way at this pace that two minutes are too few.
#[test]
fn the_deadline_of_a_list_goes_by_the_clock_of_the_bucket() {
    let slow = ["--only", "context", "--parallel-uploads", "16", "--max-bandwidth", "512KiB"];
    let told = |vault: &Vault, place: &str| {
        let custody = vault.names(place).into_iter().filter(|name| name.starts_with("custody/"));
        let text = |name: String| vault.s3.object(BUCKET, &vault.key(place, &name)).unwrap().content().unwrap();
        String::from_utf8(custody.flat_map(text).collect()).unwrap().contains(r#""event":"deadline""#)
    };
    // By the host's clock the list has two minutes left, by the bucket's an hour.
    let vault = Vault::new();
    vault.cloud.shift_clock(120 - 3600);
    let list = Signed::by(&vault, &["--expires", "1h"]);
    collect(&list.path, &slow).assert_sealed();
    vault.assert_verdict(&list.place(), &[], 0, "verified");
    assert!(!told(&vault, &list.place()));
    // And the other way round.
    let vault = Vault::new();
    let list = Signed::by(&vault, &["--expires", "1h"]);
    vault.cloud.shift_clock(3600 - 120);
    collect(&list.path, &slow).assert_code(code::CUT_SHORT);
    vault.assert_verdict(&list.place(), &[], 0, "verified");
    assert!(told(&vault, &list.place()));
}

#[test]
fn what_a_list_has_no_room_for_is_named_and_the_rest_is_sealed() {
    let (vault, _shared) = (Vault::new(), Shared::new(24 << 20));
    let list = Signed::by(&vault, &["--archives", "8M"]);
    let finished = collect(&list.path, &["--only", "context,shm"]);
    finished.assert_code(code::PARTIAL);
    let place = list.place();
    let report = vault.assert_verdict(&place, &[], 0, "verified");
    assert_eq!(report["findings"], json!([]), "{report:#}");
    let manifest = predicate(&vault, &place, "900-manifest.json");
    let step = manifest["steps"].as_array().unwrap().iter().find(|step| step["artefact"] == "shm").unwrap();
    assert!(step.to_string().contains("the presigned list has room for 2 parts"), "{step:#}");

    let list = Signed::by(&vault, &[]);
    let without = list.changed(|list| drop(list["objects"].as_object_mut().unwrap().remove("data/system/clocks.jsonl.zst")));
    collect(&without, &["--only", "context"]).assert_code(code::PARTIAL);
    assert!(predicate(&vault, &list.place(), "900-manifest.json").to_string().contains("the presigned list has no place for it"));
}

#[test]
fn the_last_custody_object_is_kept_for_the_seal_and_without_one_nothing_is_claimed() {
    let vault = Vault::new();
    let keep = |list: &mut Value, most: usize| {
        let objects = list["objects"].as_object_mut().unwrap();
        let custody: Vec<String> = objects.keys().filter(|key| key.starts_with("custody/")).skip(most).cloned().collect();
        custody.iter().for_each(|key| drop(objects.remove(key)));
    };
    let list = Signed::by(&vault, &[]);
    collect(&list.changed(|list| keep(list, 1)), &["--only", "context"]).assert_sealed();
    vault.assert_verdict(&list.place(), &[], 0, "verified");

    let list = Signed::by(&vault, &[]);
    let finished = collect(&list.changed(|list| keep(list, 0)), &["--only", "context"]);
    finished.assert_code(31);
    assert!(finished.said().contains("the presigned list has no place for it"), "{}", finished.said());
    vault.assert_verdict(&list.place(), &[], 2, "incomplete");
}

#[test]
fn a_list_that_is_good_no_more_in_the_middle_of_a_run_ends_it_unsealed() {
    let vault = Vault::new();
    let list = Signed::by(&vault, &[]);
    // What S3 answers to a signature that has expired.
    vault.s3.inject(Rule::on("PutObject", Fault::Refuse(403, "AccessDenied")).after(3).always());
    let finished = collect(&list.path, &["--only", "context"]);
    finished.assert_code(31);
    assert_eq!(finished.result()["safe_to_isolate"], false);
    vault.assert_verdict(&list.place(), &[], 2, "incomplete");
}

#[test]
fn a_lost_answer_is_settled_by_the_key_that_is_taken() {
    let vault = Vault::new();
    let list = Signed::by(&vault, &[]);
    let rule = vault.s3.inject(Rule::on("PutObject", Fault::DropAfterCommit).after(2));
    collect(&list.path, &["--only", "context"]).assert_sealed();
    assert_eq!(vault.s3.times_fired(rule), 1);
    let manifest = predicate(&vault, &list.place(), "900-manifest.json");
    assert!(manifest.to_string().contains("\"ambiguous\":true"), "{manifest}");
    vault.assert_verdict(&list.place(), &[], 0, "verified");
}

#[test]
fn what_a_dead_host_sent_by_a_list_is_saved() {
    let vault = Vault::new();
    let list = Signed::by(&vault, &[]);
    let shared = Shared::new(40 << 20);
    vault.s3.inject(Rule::on("UploadPart", Fault::Stall(None)).after(2).always());
    let mut running = Agent::find().start(collection(&list.path, &["--only", "context,shm", "--parallel-uploads", "1"]));
    let has_parts = || vault.s3.uploads(BUCKET).iter().any(|(_, upload)| upload.parts.len() == 2);
    while !has_parts() {
        assert!(!running.has_ended(), "{:?}", running.wait());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    running.signal(Signal::SIGKILL);
    let _ = running.wait();
    drop(shared);
    vault.s3.clear_rules();
    let place = list.place();
    vault.assert_verdict(&place, &[], 2, "incomplete");
    vault.let_an_hour_pass();
    let finished = vault.run(Role::Salvager, &["salvage", &place, "--json"]);
    finished.assert_code(0);
    let done: Value = serde_json::from_str(&finished.stdout).unwrap();
    let outcomes = done["uploads"].as_array().unwrap().iter().map(|upload| (upload["key"].as_str(), upload["outcome"].as_str()));
    let completed: Vec<_> = outcomes.filter(|(_, outcome)| *outcome == Some("completed")).collect();
    assert_eq!(completed, [(Some(BIG), Some("completed"))]);
    let object = vault.s3.object(BUCKET, &vault.key(&place, BIG)).unwrap();
    assert!(object.parts.len() == 2 && object.retention.is_some());
    let report = vault.assert_verdict(&place, &[], 2, "incomplete");
    assert_eq!((&report["salvaged"][0]["object"], &report["findings"]), (&BIG.into(), &json!([])), "{report:#}");
}

#[test]
fn whoever_signs_is_told_what_cannot_be() {
    let (vault, dir) = (Vault::new(), tempfile::tempdir().unwrap());
    let path = dir.path().join("list");
    let path = path.to_str().unwrap();
    let refused = |more: &[&str], code: i32, word: &str| {
        let fixed = ["presign", "--to", TO, "--case", "TEST-1", "--memory", "1G", "--archives", "64M", "-o", path];
        let finished = vault.run(Role::Writer, &[&fixed[..], more].concat());
        finished.assert_code(code);
        assert!(finished.said().contains(word), "{word}: {}", finished.said());
        assert!(!Path::new(path).exists() && vault.s3.uploads(BUCKET).is_empty());
    };
    let host = ["--host", HOST];
    refused(&[&host[..], &["--expires", "8d"]].concat(), code::USAGE, "7d");
    refused(&["--host", "a b"], code::USAGE, "--host");
    refused(&[&host[..], &["--account", "12"]].concat(), code::USAGE, "--account");
    refused(&[&host[..], &["--spool", "x"]].concat(), code::USAGE, "--spool");
    refused(&host, code::BAD_DESTINATION, "no default retention");
    refused(
        &[&host[..], &["--lock", "compliance", "--retain-days", "1", "--bucket-owner", "999999999999"]].concat(),
        code::BAD_DESTINATION,
        "AccessDenied",
    );
    std::fs::write(path, "mine").unwrap();
    let fixed = ["presign", "--to", TO, "--case", "TEST-1", "-o", path, "--lock", "compliance", "--retain-days", "1"];
    let finished = vault.run(Role::Writer, &[&fixed[..], &host].concat());
    finished.assert_code(code::BAD_DESTINATION);
    assert!(finished.said().contains("exists") && vault.s3.uploads(BUCKET).is_empty(), "{}", finished.said());
    assert_eq!(std::fs::read_to_string(path).unwrap(), "mine");
}
