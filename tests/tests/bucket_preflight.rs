//! What is wrong with a bucket is said before a run, with what to do; what is right is shown by one small object.

#![expect(clippy::indexing_slicing, reason = "tests")]

use hozen_tests::agent::{Finished, code};
use hozen_tests::aws::access::{ANYBODY, Key};
use hozen_tests::aws::cloud::KeyState;
use hozen_tests::s3::{Bucket, DefaultRetention, Mode, Options};
use hozen_tests::serve::{Fault, Rule};
use hozen_tests::vault::{BUCKET, Role, TO, Vault};
use serde_json::Value;

const LOCK: [&str; 4] = ["--lock", "compliance", "--retain-days", "30"];

fn preflight(vault: &Vault, more: &[&str]) -> (Finished, Value) {
    let finished = vault.run(Role::Writer, &[&["preflight", "--to", TO, "--case", "TEST-1"], more].concat());
    let report = serde_json::from_str(&finished.stdout).unwrap_or(Value::Null);
    (finished, report)
}

/// Refused at this step, with a reason and an action that say these words; nothing is written.
fn refused(vault: &Vault, more: &[&str], step: &str, reason: &str, action: &str) {
    let (finished, report) = preflight(vault, more);
    finished.assert_code(code::BAD_DESTINATION);
    let destination = &report["destination"];
    let text = |member: &str| destination[member].as_str().unwrap_or_default().to_owned();
    assert_eq!((text("step").as_str(), &report["ready"]), (step, &false.into()), "{destination:#}");
    assert!(text("reason").contains(reason) && text("action").contains(action), "{reason}, {action}: {destination:#}");
    assert!(vault.s3.keys(BUCKET).is_empty());
    assert_in_time(destination);
}

/// By the program's own budget, which it keeps whatever does not answer, it is below ten seconds. What it took is by its own clock; on a
/// machine that does not let it run, it may be more than the budget.
fn assert_in_time(destination: &Value) {
    let milliseconds = |member: &str| destination[member].as_u64().unwrap_or(u64::MAX);
    assert!(milliseconds("limit_ms") < 10_000 && milliseconds("took_ms") < 30_000, "{destination:#}");
}

#[test]
fn a_bucket_that_is_right_has_one_small_locked_object_more() {
    let vault = Vault::new();
    let key = vault.cloud.set_kms_key("aaaa", KeyState::Enabled);
    vault.cloud.shift_clock(120);
    let (finished, report) = preflight(&vault, &[&LOCK[..], &["--kms-key", &key]].concat());
    let bucket = &report["destination"]["bucket"];
    assert_eq!(report["destination"]["ready"], true, "{report:#}");
    assert_eq!(finished.code() == code::COMPLETE, report["obstacles"] == serde_json::json!([]), "{report:#}");
    let keys = vault.s3.keys(BUCKET);
    assert!(keys.len() == 1 && keys[0].starts_with("cases/TEST-1/preflight/"), "{keys:?}");
    let object = vault.s3.object(BUCKET, &keys[0]).unwrap();
    assert!(object.retention.is_some() && object.size < 1000);
    assert_eq!(bucket["object"]["version_id"], object.id);
    assert_eq!(bucket["object"]["encryption"]["key"], key);
    assert_eq!(bucket["public"], serde_json::json!({"read": false, "list": false}));
    assert!((118..=122).contains(&bucket["clock_offset_s"].as_i64().unwrap()), "{bucket:#}");
    assert_eq!((&bucket["bucket_lock"]["enabled"], &bucket["credentials"]["source"]), (&true.into(), &"environment".into()));
}

#[test]
fn an_unlocked_bucket_is_refused_unless_that_is_wanted() {
    let vault = Vault::with(Options::default(), Bucket::new(BUCKET).versioned());
    refused(&vault, &[], "lock", "has no Object Lock", "--allow-unlocked");
    refused(&vault, &LOCK, "write", "missing Object Lock", "--allow-unlocked");
    let (_, report) = preflight(&vault, &["--allow-unlocked"]);
    assert_eq!(report["destination"]["bucket"]["allow_unlocked"], true, "{report:#}");
    let vault = Vault::with(Options::default(), Bucket::new(BUCKET).locked(None));
    refused(&vault, &[], "lock", "no default retention", "--lock");
    let default = DefaultRetention { mode: Mode::Governance, days: 1 };
    let vault = Vault::with(Options::default(), Bucket::new(BUCKET).locked(Some(default)));
    assert_eq!(preflight(&vault, &[]).1["destination"]["ready"], true);
}

#[test]
fn a_bucket_whose_lock_is_not_known_is_refused_unless_a_lock_is_named() {
    let default = DefaultRetention { mode: Mode::Governance, days: 1 };
    let vault = Vault::with(Options::default(), Bucket::new(BUCKET).locked(Some(default)));
    vault.deny(Role::Writer, "s3:GetBucketObjectLockConfiguration");
    refused(&vault, &[], "lock", "it is not known", "grant s3:GetBucketObjectLockConfiguration, or name a lock with --lock");
    for more in [&LOCK[..], &["--allow-unlocked"]] {
        let (_, report) = preflight(&vault, more);
        assert_eq!(report["destination"]["ready"], true, "{report:#}");
    }
    vault.allow(Role::Writer, &Role::Writer.actions());
    assert_eq!(preflight(&vault, &[]).1["destination"]["ready"], true);
    let vault = Vault::with(Options::default(), Bucket::new(BUCKET).locked(Some(default)));
    vault.s3.inject(Rule::on("GetObjectLockConfiguration", Fault::Stall(None)).always());
    refused(&vault, &[], "lock", "no answer", "check the route to S3");
    vault.s3.clear_rules();
}

#[test]
fn a_bucket_that_is_open_to_everybody_is_refused() {
    for (action, word) in [("s3:GetObject", "can read what"), ("s3:ListBucket", "can list what")] {
        let vault = Vault::new();
        vault.cloud.add_key(Key::new(ANYBODY, "", &[action]));
        let (finished, report) = preflight(&vault, &LOCK);
        finished.assert_code(code::BAD_DESTINATION);
        let destination = &report["destination"];
        assert_eq!((&destination["step"], &report["ready"]), (&"public".into(), &false.into()), "{destination:#}");
        assert_in_time(destination);
        let said = destination.to_string();
        assert!(said.contains(word) && said.contains("Block Public Access"), "{said}");
    }
}

#[test]
fn each_thing_that_is_wrong_is_named_with_what_to_do() {
    let vault = Vault::new();
    refused(&vault, &[&LOCK[..], &["--bucket-owner", "999999999999"]].concat(), "write", "AccessDenied", "--bucket-owner");
    refused(&vault, &[&LOCK[..], &["--kms-key", "gone"]].concat(), "write", "KMS", "--kms-key");
    let disabled = vault.cloud.set_kms_key("bbbb", KeyState::Disabled);
    refused(&vault, &[&LOCK[..], &["--kms-key", &disabled]].concat(), "write", "KMS", "--kms-key");
    let key = vault.cloud.set_kms_key("aaaa", KeyState::Enabled);
    let encrypted = [&LOCK[..], &["--kms-key", &key]].concat();
    for action in ["s3:PutObject", "s3:PutObjectRetention", "kms:GenerateDataKey", "kms:Decrypt"] {
        vault.deny(Role::Writer, action);
        refused(&vault, &encrypted, "write", action, "");
    }
    vault.allow(Role::Writer, &Role::Writer.actions());
    refused(&vault, &[&LOCK[..], &["--ca-bundle", "/nonexistent.pem"]].concat(), "credentials", "--ca-bundle", "");
    refused(&vault, &[&LOCK[..], &["--credentials", "instance-role", "--imds-endpoint", "off"]].concat(), "credentials", "", "");
    for (fault, reason, action) in [
        (Fault::EXPIRED_TOKEN, "ExpiredToken", "new ones"),
        (Fault::Refuse(404, "NoSuchBucket"), "NoSuchBucket", "--to"),
        (Fault::Refuse(301, "PermanentRedirect"), "PermanentRedirect", "--region"),
    ] {
        vault.s3.inject(Rule::next(fault).always());
        refused(&vault, &LOCK, "write", reason, action);
        vault.s3.clear_rules();
    }
    vault.cloud.remove_key(Role::Writer.id());
    refused(&vault, &LOCK, "write", "InvalidAccessKeyId", "three parts");
}

#[test]
fn a_bucket_that_encrypts_otherwise_than_was_asked_is_refused() {
    let ignoring = Options { ignores_encryption: true, ..Options::default() };
    let vault = Vault::with(ignoring, Bucket::new(BUCKET).locked(None));
    let (key, other) = (vault.cloud.set_kms_key("aaaa", KeyState::Enabled), vault.cloud.set_kms_key("bbbb", KeyState::Enabled));
    for (bucket_key, word) in [(None, "encrypts the object by AES256"), (Some(&other), other.as_str())] {
        vault.s3.change(BUCKET, |bucket| bucket.kms_key = bucket_key.cloned());
        let (finished, report) = preflight(&vault, &[&LOCK[..], &["--kms-key", &key]].concat());
        finished.assert_code(code::BAD_DESTINATION);
        let destination = &report["destination"];
        assert_eq!((&destination["step"], &report["ready"]), (&"write".into(), &false.into()), "{destination:#}");
        let text = |member: &str| destination[member].as_str().unwrap();
        assert!(text("reason").contains(word) && text("action").contains("--kms-key"), "{destination:#}");
    }
    vault.s3.change(BUCKET, |bucket| bucket.kms_key = Some(key.clone()));
    assert_eq!(preflight(&vault, &[&LOCK[..], &["--kms-key", &key]].concat()).1["destination"]["ready"], true);
}

#[test]
fn a_bucket_that_never_answers_is_given_up() {
    let vault = Vault::new();
    vault.s3.inject(Rule::next(Fault::Stall(None)).always());
    let (finished, report) = preflight(&vault, &LOCK);
    finished.assert_code(code::BAD_DESTINATION);
    assert!(report["destination"]["reason"].as_str().unwrap().contains("no answer"), "{report:#}");
    assert_in_time(&report["destination"]);
    vault.s3.clear_rules();
}

#[test]
fn what_is_really_so_is_refused_as_what_is_made_up() {
    let vault = Vault::with(Options::default(), Bucket::new("another").locked(None));
    refused(&vault, &LOCK, "write", "NoSuchBucket", "--to");
    let elsewhere = Options { region: "us-west-2".to_owned(), ..Options::default() };
    let vault = Vault::with(elsewhere, Bucket::new(BUCKET).locked(None).in_region("us-west-2"));
    refused(&vault, &LOCK, "write", "us-west-2", "--region");
    let vault = Vault::new();
    let over = vault.cloud.now() - std::time::Duration::from_secs(60);
    let key = vault.cloud.key(Role::Writer.id()).unwrap();
    vault.cloud.add_key(key.clone().session(key.token.as_deref().unwrap(), Some(over)));
    refused(&vault, &LOCK, "write", "ExpiredToken", "new ones");
    vault.cloud.add_key(key);
    // The answer that would have told the bucket's time is lost, and a month by the host's clock is over by the bucket's.
    vault.cloud.shift_clock(40 * 86_400);
    vault.s3.inject(Rule::on("GetObjectLockConfiguration", Fault::DropAfterCommit).always());
    refused(&vault, &[&LOCK[..], &["--allow-clock-offset"]].concat(), "write", "retain until", "--retain-days");
}

#[test]
fn credentials_that_are_empty_are_refused() {
    let vault = Vault::new();
    let names = Role::Writer.environment().map(|(name, _)| name);
    let arguments = vault.arguments(&[&["preflight", "--to", TO, "--imds-endpoint", "off"], &LOCK[..]].concat());
    for (empty, action) in [(&names[..], "--credentials"), (&names[1..2], "SSM_AWS_SECRET_ACCESS_KEY")] {
        let agent = empty.iter().fold(vault.agent(Role::Writer), |agent, name| agent.with(name, ""));
        let finished = agent.run(&arguments);
        finished.assert_code(code::BAD_DESTINATION);
        let report: Value = serde_json::from_str(&finished.stdout).unwrap_or_default();
        let destination = &report["destination"];
        assert_eq!(destination["step"], "credentials", "{report:#}");
        assert!(destination["action"].as_str().unwrap_or_default().contains(action), "{destination:#}");
        assert_in_time(destination);
    }
    assert_eq!(vault.s3.requests(), 0);
}

#[test]
fn a_clock_that_is_far_from_the_buckets_is_refused_unless_that_is_known() {
    let vault = Vault::new();
    for (seconds, word) in [(3600, "behind"), (-7200, "ahead of")] {
        vault.cloud.shift_clock(seconds);
        refused(&vault, &LOCK, "clock", word, "--allow-clock-offset");
        let (_, report) = preflight(&vault, &LOCK);
        let offset = report["destination"]["bucket"]["clock_offset_s"].as_i64().unwrap();
        let said = report["destination"]["reason"].as_str().unwrap();
        assert!((offset - seconds).abs() < 120 && said.contains(&format!("{} s", offset.abs())), "{report:#}");
    }
    let (_, report) = preflight(&vault, &[&LOCK[..], &["--allow-clock-offset"]].concat());
    let destination = &report["destination"];
    assert_eq!(destination["ready"], true, "{report:#}");
    assert!(destination["bucket"]["warnings"].to_string().contains("clock is far"), "{destination:#}");
    assert_eq!(vault.s3.keys(BUCKET).len(), 1);
    // A quarter of an hour is what S3 itself takes.
    vault.cloud.shift_clock(800);
    assert_eq!(preflight(&vault, &LOCK).1["destination"]["ready"], true);
}

#[test]
fn a_place_that_cannot_be_is_refused_as_a_destination() {
    let vault = Vault::new();
    for to in ["s3:", "s3://", "s3:/evidence", "S3://evidence", "s3://Evidence", "s3://evidence//x", "s3://1.2.3.4/x"] {
        let finished = vault.run(Role::Writer, &["preflight", "--to", to]);
        finished.assert_code(code::BAD_DESTINATION);
        let report: Value = serde_json::from_str(&finished.stdout).unwrap_or_default();
        let destination = &report["destination"];
        assert_eq!((&destination["to"], &destination["step"], &report["ready"]), (&to.into(), &"options".into(), &false.into()));
        assert!(destination["action"].as_str().unwrap_or_default().contains("s3://bucket/prefix"), "{report:#}");
    }
    assert_eq!(vault.s3.requests(), 0);
}

#[test]
fn wrong_arguments_are_refused_before_anything_is_asked() {
    let vault = Vault::new();
    for more in [&["--to", "https://evidence"][..], &["--lock", "compliance"], &["--part-size", "1MiB"], &["--to", "folder"]] {
        let arguments =
            if more[0] == "--to" { [&["preflight"], more].concat() } else { [&["preflight", "--to", TO], more].concat() };
        vault.run(Role::Writer, &arguments).assert_code(code::USAGE);
    }
    assert_eq!(vault.s3.requests(), 0);
}
