//! A host that dies in the middle of an object: what is in the bucket is locked, what is open can be saved, and is never called whole.

#![expect(clippy::unwrap_used, reason = "tests")]

use hozen_tests::agent::{Running, code};
use hozen_tests::serve::{Fault, Rule};
use hozen_tests::vault::{BUCKET, Role, Shared, Vault};
use nix::sys::signal::Signal;
use serde_json::Value;

const BIG: &str = "data/raw/shm.tar.zst";

/// A collection that has sent two parts of an object and waits for the answer to the third, and its place.
fn sending(vault: &Vault) -> (Running, String) {
    let _shared = Shared::new(40 << 20);
    vault.s3.inject(Rule::on("UploadPart", Fault::Stall(None)).after(2).always());
    let mut running = vault.agent(Role::Writer).start(vault.collection(&["--only", "context,shm", "--parallel-uploads", "1"]));
    let has_parts = || vault.s3.uploads(BUCKET).iter().any(|(_, upload)| upload.parts.len() == 2);
    while !has_parts() {
        assert!(!running.has_ended(), "{:?}", running.wait());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let keys = vault.s3.keys(BUCKET);
    let begin = keys.iter().find_map(|key| key.strip_suffix("/000-begin.json")).unwrap();
    (running, format!("s3://{BUCKET}/{begin}"))
}

/// Kills it. Gives the run's place, as it is an hour later.
fn killed(vault: &Vault) -> String {
    let (running, place) = sending(vault);
    running.signal(Signal::SIGKILL);
    let _ = running.wait();
    vault.s3.clear_rules();
    vault.let_an_hour_pass();
    place
}

fn salvage(vault: &Vault, place: &str, more: &[&str]) -> (i32, Value) {
    let finished = vault.run(Role::Salvager, &[&["salvage", place, "--json"], more].concat());
    (finished.code(), serde_json::from_str(&finished.stdout).unwrap_or(Value::Null))
}

#[test]
fn what_a_dead_host_left_open_is_saved_and_called_partial() {
    let vault = Vault::new();
    let place = killed(&vault);
    let report = vault.assert_verdict(&place, &[], 2, "incomplete");
    assert_eq!(report["bucket"]["uploads"][0]["object"], BIG, "{report:#}");
    assert_eq!(report["findings"], serde_json::json!([]));
    let (code, done) = salvage(&vault, &place, &[]);
    assert_eq!((code, done["uploads"][0]["outcome"].as_str()), (code::COMPLETE, Some("completed")), "{done}");
    let object = vault.s3.object(BUCKET, &vault.key(&place, BIG)).unwrap();
    assert_eq!((done["uploads"][0]["size"].as_u64(), object.parts.len()), (Some(object.size), 2));
    assert!(object.retention.is_some(), "it is not locked");
    let record = vault.s3.object(BUCKET, &vault.key(&place, done["record"].as_str().unwrap())).unwrap();
    assert_eq!(record.retention, vault.s3.object(BUCKET, &vault.key(&place, "000-begin.json")).unwrap().retention);
    let report = vault.assert_verdict(&place, &[], 2, "incomplete");
    assert_eq!((&report["salvaged"][0]["object"], &report["findings"]), (&BIG.into(), &serde_json::json!([])), "{report:#}");
    assert!(vault.run(Role::Reader, &["verify", &place]).stdout.contains("partial: 2 parts"));
    assert_eq!(vault.verify(&place, &["--rehash"]).0, 2);
    // All of its frames but the last can be read.
    let (mut decoder, mut content) = (zstd::Decoder::new(std::io::Cursor::new(object.content().unwrap())).unwrap(), Vec::new());
    let _ = std::io::copy(&mut decoder, &mut content);
    assert!(content.len() >= 8 << 20, "{}", content.len());
    let (code, done) = salvage(&vault, &place, &[]);
    assert_eq!((code, &done["record"]), (code::COMPLETE, &Value::Null));
}

#[test]
fn parts_behind_a_hole_are_lost_and_counted() {
    let vault = Vault::new();
    let place = killed(&vault);
    vault.s3.change(BUCKET, |bucket| {
        let upload = bucket.uploads.values_mut().next().unwrap();
        let second = upload.parts.remove(&2).unwrap();
        upload.parts.insert(3, hozen_tests::s3::Part { number: 3, ..second });
    });
    let (code, done) = salvage(&vault, &place, &[]);
    assert_eq!(code, code::COMPLETE);
    assert_eq!((done["uploads"][0]["parts"].as_u64(), done["uploads"][0]["parts_left"].as_u64()), (Some(1), Some(1)), "{done}");
}

/// A salvage would take the object from the agent that is sending it.
#[test]
fn a_run_that_may_be_going_on_is_left_alone_unless_forced() {
    let vault = Vault::new();
    let (running, place) = sending(&vault);
    let refused = || {
        let finished = vault.run(Role::Salvager, &["salvage", &place]);
        finished.assert_code(code::USAGE);
        assert!(finished.said().contains("may still be sending") && finished.said().contains("--force"), "{}", finished.said());
        assert_eq!(vault.s3.uploads(BUCKET)[0].1.parts.len(), 2);
    };
    refused();
    assert!(vault.run(Role::Reader, &["verify", &place]).stdout.contains("the newest object of it came at"));
    // All is old but the part that came last.
    let came = vault.s3.uploads(BUCKET)[0].1.parts[&2].modified;
    vault.let_an_hour_pass();
    vault.s3.change(BUCKET, |bucket| {
        let upload = bucket.uploads.values_mut().next().unwrap();
        upload.parts.get_mut(&2).unwrap().modified = came;
    });
    refused();
    let (code, done) = salvage(&vault, &place, &["--force"]);
    assert_eq!((code, done["uploads"][0]["outcome"].as_str()), (code::COMPLETE, Some("completed")), "{done}");
    running.signal(Signal::SIGKILL);
    let _ = running.wait();
}

#[test]
fn a_run_that_has_ended_is_left_alone_unless_forced() {
    let (vault, _shared) = (Vault::new(), Shared::new(1 << 20));
    let dead = killed(&vault);
    let place = vault.collect(&["--only", "context"]);
    // The open upload of the dead run, as if it had been begun in this one.
    let key = vault.key(&place, BIG);
    vault.s3.change(BUCKET, |bucket| bucket.uploads.values_mut().next().unwrap().key = key);
    assert_eq!(salvage(&vault, &place, &[]).0, code::USAGE);
    assert_eq!(vault.s3.uploads(BUCKET).len(), 1);
    assert_eq!(salvage(&vault, &dead, &[]).0, code::COMPLETE);
    let (code, done) = salvage(&vault, &place, &["--force"]);
    assert_eq!((code, done["uploads"][0]["outcome"].as_str()), (code::COMPLETE, Some("completed")), "{done}");
    // What was made is no part of the run, which is as whole as before.
    let report = vault.assert_verdict(&place, &[], 0, "verified");
    assert_eq!(report["salvaged"][0]["object"], BIG);
}

#[test]
fn who_may_not_salvage_is_told_what_is_missing() {
    let vault = Vault::new();
    let place = killed(&vault);
    let refused = |action: &str, code: i32| {
        vault.deny(Role::Salvager, action);
        let finished = vault.run(Role::Salvager, &["salvage", &place]);
        finished.assert_code(code);
        assert!(finished.said().contains(action), "{action}: {}", finished.said());
        assert_eq!(vault.s3.uploads(BUCKET).len(), 1, "{action}");
    };
    refused("s3:ListBucketVersions", 3);
    refused("s3:ListBucketMultipartUploads", 3);
    assert_eq!(vault.run(Role::Salvager, &["salvage", "s3://evidence/nothing"]).code(), 3);
    vault.run(Role::Salvager, &["salvage", "folder"]).assert_code(code::USAGE);
}
