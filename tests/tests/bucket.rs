//! The binary and a bucket: collected with a role that can only write, downloaded by somebody who can read, verified.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests lay out files with the standard library"
)]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use hozen_tests::agent::{Agent, Finished, code};
use hozen_tests::aws::access::{Key, WRITE_ONLY};
use hozen_tests::aws::cloud::{ACCOUNT, Cloud, REGION};
use hozen_tests::s3::{Bucket, Options, S3Double, assert_write_only};
use hozen_tests::serve::{Fault, Outage, Rule, most_at_once};

const BUCKET: &str = "evidence";
const ID: &str = "ASIAWRITEONLY";
const SECRET: &str = "AlphaSecretThatMustBeNowhere0123456789";
const TOKEN: &str = "BravoTokenThatMustBeNowhere0123456789==";

fn double() -> S3Double {
    let cloud = Cloud::new();
    cloud.add_key(Key::new(ID, SECRET, WRITE_ONLY).session(TOKEN, None));
    let double = S3Double::start(&cloud, Options::default());
    double.add_bucket(Bucket::new(BUCKET).locked(None));
    double
}

/// The options that lead to the double; `more` comes behind them.
fn arguments(double: &S3Double, more: &[&str]) -> Vec<String> {
    let url = double.url();
    let fixed = ["collect", "--case", "TEST-1", "--to", "s3://evidence/cases", "--endpoint-url", &url, "--region", REGION];
    let fixed = fixed.into_iter().chain(["--path-style", "--lock", "compliance", "--retain-days", "30"]);
    let owner = if more.contains(&"--bucket-owner") { None } else { Some(["--bucket-owner", ACCOUNT]) };
    let unprivileged = if nix::unistd::geteuid().is_root() { None } else { Some("--unprivileged") };
    fixed.chain(owner.into_iter().flatten()).chain(unprivileged).chain(more.iter().copied()).map(str::to_owned).collect()
}

fn agent() -> Agent {
    let names = [("SSM_AWS_ACCESS_KEY_ID", ID), ("SSM_AWS_SECRET_ACCESS_KEY", SECRET), ("SSM_AWS_SESSION_TOKEN", TOKEN)];
    names.into_iter().fold(Agent::find(), |agent, (name, value)| agent.with(name, value))
}

/// Copies the one run in the bucket into `to`.
fn download(double: &S3Double, to: &Path) {
    let keys = double.keys(BUCKET);
    let begin = keys.iter().find(|key| key.ends_with("/000-begin.json")).expect("a begin record");
    let prefix = begin.strip_suffix("000-begin.json").unwrap();
    for key in &keys {
        let path = to.join(key.strip_prefix(prefix).unwrap_or_else(|| panic!("{key} is outside {prefix}")));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, double.object(BUCKET, key).unwrap().content().unwrap()).unwrap();
    }
}

/// Every byte that was written, decompressed too.
fn everything(double: &S3Double) -> Vec<u8> {
    let mut all = Vec::new();
    for key in double.keys(BUCKET) {
        let stored = double.object(BUCKET, &key).unwrap().content().unwrap();
        if key.ends_with(".zst") {
            all.extend(zstd::decode_all(stored.as_slice()).unwrap());
        }
        all.extend(stored);
    }
    all
}

fn contains(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle.as_bytes())
}

fn assert_no_secret(finished: &Finished, double: &S3Double) {
    let all = everything(double);
    for secret in [SECRET, TOKEN] {
        assert!(!finished.said().contains(secret), "a secret was printed");
        assert!(!contains(&all, secret), "a secret is in the evidence");
    }
}

#[test]
fn a_run_into_a_bucket_is_whole_and_a_copy_of_it_verifies() {
    let (double, copy) = (double(), tempfile::tempdir().unwrap());
    let finished = agent().run(arguments(&double, &["--profile", "volatile"]));
    finished.assert_sealed();
    let result = finished.result();
    assert!(result["to"].as_str().unwrap().starts_with("s3://evidence/cases/TEST-1/no-account/"), "{result}");
    assert!(result["end"]["version"].is_string(), "{result}");
    download(&double, copy.path());
    Agent::find().verify(copy.path()).assert_code(0);
    for key in double.keys(BUCKET) {
        assert!(double.object(BUCKET, &key).unwrap().retention.is_some(), "{key} is not locked");
    }
    assert!(double.uploads(BUCKET).is_empty());
    assert_every_receipt_names_its_version(&double, copy.path());
    let counts = assert_write_only(&double.journal(), ACCOUNT);
    assert!(counts.get("PutObject").is_some_and(|count| *count > 3), "{counts:?}");
    // Outside EC2 the machine's own id stands where an instance's would, and the account is said to be none.
    let begin = hozen_tests::evidence::Evidence::open(copy.path()).predicate("000-begin.json");
    let place: Vec<&str> = result["to"].as_str().unwrap().split('/').collect();
    assert_eq!((place[4], place[5]), ("TEST-1", "no-account"));
    assert_eq!(place[6], begin["host"]["id"], "{result}");
    let id = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
    if begin["host"]["id_kind"] == "machine-id" {
        assert_eq!(place[6], id.trim());
    }
    let said =
        format!("filed under no-account and its {}, {}", begin["host"]["id_kind"].as_str().unwrap().replace('-', " "), place[6]);
    assert!(finished.stderr.contains(&said), "{said}: {}", finished.stderr);
}

/// In the manifest and in the journal: the version that is there, and no other.
fn assert_every_receipt_names_its_version(double: &S3Double, copy: &Path) {
    let evidence = hozen_tests::evidence::Evidence::open(copy);
    let manifest = evidence.predicate("900-manifest.json");
    let listed = manifest.get("objects").and_then(|objects| objects.as_array()).expect("receipts").clone();
    // All but the manifest itself and the end record.
    assert_eq!(listed.len() + 2, evidence.keys().len());
    let events = evidence.journal().into_iter().filter(|event| event.get("event").is_some_and(|word| word == "object.completed"));
    let completed: Vec<_> = events.map(|event| event.get("data").expect("a receipt").clone()).collect();
    assert!(!completed.is_empty());
    for receipt in listed.into_iter().chain(completed) {
        let held =
            |name: &str| receipt.get("sink").and_then(|sink| sink.get(name)).unwrap_or_else(|| panic!("no {name}: {receipt:#}"));
        let version = double.object(BUCKET, held("key").as_str().expect("a key")).expect("an object");
        assert_eq!(*held("version_id"), version.id.as_str(), "{receipt:#}");
        assert_eq!(*held("ambiguous"), false, "{receipt:#}");
    }
}

#[test]
fn as_many_parts_are_on_their_way_as_was_asked_for() {
    let (double, _shared) = (double(), hozen_tests::vault::Shared::new(24 << 20));
    double.inject(Rule::on("UploadPart", Fault::Late(Some(Duration::from_millis(300)))).always());
    let finished = agent().run(arguments(&double, &["--only", "shm", "--part-size", "5MiB", "--parallel-uploads", "3"]));
    finished.assert_sealed();
    assert_eq!(most_at_once(&double.journal(), "UploadPart"), 3);
    let copy = tempfile::tempdir().unwrap();
    download(&double, copy.path());
    assert_eq!(hozen_tests::evidence::Evidence::open(copy.path()).predicate("000-begin.json")["sink"]["parallel_uploads"], 3);
    assert_every_receipt_names_its_version(&double, copy.path());
}

#[test]
fn a_limit_to_what_leaves_in_a_second_is_kept_and_told() {
    let (double, _shared) = (double(), hozen_tests::vault::Shared::new(12 << 20));
    let began = std::time::Instant::now();
    let finished = agent().run(arguments(&double, &["--only", "shm", "--max-bandwidth", "8MiB"]));
    finished.assert_sealed();
    // A body waits for its turns, and no wait is shorter than it was to be: a lower bound that chance cannot break.
    assert!(began.elapsed() >= std::time::Duration::from_secs(1), "{:?}", began.elapsed());
    let copy = tempfile::tempdir().unwrap();
    download(&double, copy.path());
    Agent::find().verify(copy.path()).assert_code(0);
    let begin = hozen_tests::evidence::Evidence::open(copy.path()).predicate("000-begin.json");
    assert_eq!(begin["sink"]["max_bandwidth"], 8 << 20);
}

/// `cargo test -p hozen-tests --test bucket -- --ignored`
#[test]
#[ignore = "takes sixteen minutes: for a quarter of an hour, by the clock, nobody answers"]
fn a_quarter_of_an_hour_without_a_bucket_loses_nothing() {
    let (double, _shared) = (double(), hozen_tests::vault::Shared::new(64 << 20));
    let mut running =
        agent().start(arguments(&double, &["--profile", "triage", "--skip", "files,packages", "--max-bandwidth", "8MiB"]));
    // In the middle of the run, with objects complete before it and to come behind it.
    while double.keys(BUCKET).len() < 4 {
        assert!(!running.has_ended(), "it was to go on for longer");
        std::thread::sleep(Duration::from_millis(20));
    }
    double.set_outage(Some(Outage::Refuse));
    std::thread::sleep(Duration::from_secs(15 * 60));
    assert!(!running.has_ended(), "it gave up");
    double.set_outage(None);
    let finished = running.wait();
    finished.assert_sealed();
    let copy = tempfile::tempdir().unwrap();
    download(&double, copy.path());
    Agent::find().verify(copy.path()).assert_code(0);
    let events = hozen_tests::evidence::Evidence::open(copy.path()).journal();
    let outages: Vec<_> = events.iter().filter(|event| event["event"] == "outage").collect();
    assert!(!outages.is_empty() && outages.iter().all(|event| event["data"]["failures"].as_u64() > Some(0)), "{outages:#?}");
}

#[test]
fn no_secret_is_in_what_is_written_even_where_secrets_are_asked_for() {
    let double = double();
    let finished = agent().run(arguments(&double, &["--only", "context,freeze_frame,process_envs", "--include-secrets"]));
    finished.assert_sealed();
    assert!(contains(&everything(&double), "SSM_AWS_SECRET_ACCESS_KEY"), "our own environment is among the evidence");
    assert_no_secret(&finished, &double);
}

#[test]
fn credentials_come_through_a_descriptor() {
    let (double, dir) = (double(), tempfile::tempdir().unwrap());
    let file = dir.path().join("triple");
    std::fs::write(&file, format!(r#"{{"AccessKeyId":"{ID}","SecretAccessKey":"{SECRET}","SessionToken":"{TOKEN}"}}"#)).unwrap();
    let mut command = Command::new("/bin/sh");
    command.args(["-c", r#"exec 3<"$0"; exec "$@""#]).arg(&file).arg(Agent::find().program());
    let output = command.args(arguments(&double, &["--only", "context", "--credentials-fd", "3"])).output().unwrap();
    let finished = Finished {
        status: output.status,
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    finished.assert_sealed();
    assert_no_secret(&finished, &double);
}

#[test]
fn every_thread_is_under_the_filter() {
    let double = double();
    double.inject(Rule::on("PutObject", Fault::Stall(None)).after(1));
    let mut running = agent().start(arguments(&double, &["--only", "context"]));
    while double.journal().iter().filter(|entry| entry.operation == "PutObject").count() < 2 {
        assert!(!running.has_ended(), "{:?}", running.wait());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let mut names = Vec::new();
    for task in std::fs::read_dir(format!("/proc/{}/task", running.pid())).unwrap().flatten() {
        let text = |name: &str| std::fs::read_to_string(task.path().join(name)).unwrap_or_default();
        let (name, status) = (text("comm"), text("status"));
        assert!(status.is_empty() || status.contains("Seccomp:\t2\n"), "{name}: {status}");
        names.push(name);
    }
    assert!(names.iter().any(|name| name.starts_with("hozen-network")), "{names:?}");
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_read() {
    let double = double();
    let refused = |agent: &Agent, more: &[&str], code: i32, word: &str| {
        let finished = agent.run(arguments(&double, more));
        finished.assert_code(code);
        assert!(finished.said().contains(word), "{word}: {}", finished.said());
        assert!(!finished.said().contains(SECRET));
    };
    refused(&agent(), &["--part-size", "1MiB"], code::USAGE, "5MiB");
    refused(&agent(), &["--max-bandwidth", "10Mbit"], code::USAGE, "10MiB");
    refused(&agent(), &["--max-bandwidth", "1KiB"], code::USAGE, "64KiB");
    refused(&agent(), &["--credentials", "presigned"], code::USAGE, "instance-role");
    refused(&Agent::find(), &[], code::BAD_DESTINATION, "no credentials");
    refused(&Agent::find(), &["--credentials", "environment"], code::BAD_DESTINATION, "SSM_AWS_ACCESS_KEY_ID");
    refused(&agent().with("SSM_AWS_SECRET_ACCESS_KEY", "wrong"), &[], code::BAD_DESTINATION, "SignatureDoesNotMatch");
    refused(&agent().with("SSM_AWS_SECRET_ACCESS_KEY", ""), &[], code::BAD_DESTINATION, "no usable credentials");
    refused(&agent(), &["--ca-bundle", "/nonexistent.pem"], code::BAD_DESTINATION, "--ca-bundle");
    let places = ["s3://", "s3://Evidence/x", "s3://evidence//x", "S3://evidence"].map(|to| (to, code::BAD_DESTINATION));
    for (to, code) in places.into_iter().chain([("https://evidence/x", code::USAGE)]) {
        let finished = agent().run(["collect", "--to", to]);
        finished.assert_code(code);
        assert_eq!(finished.result()["outcome"], "refused");
        assert!(finished.said().contains("s3://bucket/prefix") || finished.said().contains("--to"), "{}", finished.said());
    }
    assert!(double.keys(BUCKET).is_empty());
}

#[test]
fn a_bucket_that_refuses_sends_the_run_into_the_spool() {
    let (double, dir) = (double(), tempfile::tempdir().unwrap());
    let spool = dir.path().join("spool");
    let spool = spool.to_str().unwrap();
    let finished = agent().run(arguments(&double, &["--only", "context", "--spool", spool, "--bucket-owner", "999999999999"]));
    finished.assert_code(code::SPOOLED);
    assert_eq!(finished.result()["spool"], spool);
    assert!(finished.stderr.contains("sealed, in the spool"), "{}", finished.stderr);
    Agent::find().verify(Path::new(spool)).assert_code(0);
}
