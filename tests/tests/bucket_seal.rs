//! Seals of runs in a bucket: by a key of KMS or of a file, over the versions, checksums and locks that were there.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests lay out files with the standard library")]

use std::path::PathBuf;
use std::process::Command;

use hozen_tests::agent::{Agent, code};
use hozen_tests::aws::cloud::KeyState;
use hozen_tests::s3::{Mode, Retention};
use hozen_tests::vault::{BUCKET, Role, Vault};
use jiff::SignedDuration;
use serde_json::Value;

const KEY: &str = "11111111-2222-3333-4444-555555555555";
const DATA: &str = "data/system/clocks.jsonl.zst";

/// A key pair in files, made by openssl.
fn key_pair(folder: &std::path::Path) -> (PathBuf, PathBuf) {
    let (key, public) = (folder.join("seal.key"), folder.join("seal.pub"));
    let mut make = Command::new("openssl");
    make.args(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out"]).arg(&key);
    assert!(make.output().unwrap().status.success());
    let mut show = Command::new("openssl");
    show.args(["pkey", "-pubout", "-in"]).arg(&key).arg("-out").arg(&public);
    assert!(show.output().unwrap().status.success());
    (key, public)
}

#[test]
fn a_key_of_kms_seals_what_verifies_and_the_seal_is_locked_like_the_run() {
    let vault = Vault::new();
    let arn = vault.kms.service().api().add_signing_key(KEY);
    let place = vault.collect(&["--only", "context"]);
    for rehash in [false, true] {
        let more: &[&str] = if rehash { &["--rehash"] } else { &[] };
        let arguments = [&["seal", &place, "--kms-key", &arn, "--json"][..], more].concat();
        let finished = vault.run(Role::Sealer, &arguments);
        finished.assert_code(code::COMPLETE);
        let sealed: Value = serde_json::from_str(&finished.stdout).unwrap();
        let object = vault.s3.object(BUCKET, &vault.key(&place, sealed["seal"].as_str().unwrap())).unwrap();
        let begin = vault.s3.object(BUCKET, &vault.key(&place, "000-begin.json")).unwrap();
        assert_eq!(object.retention, begin.retention);
        // One seal a second has a name of its own.
        let report = vault.assert_verdict(&place, &[], 0, "verified");
        assert_eq!(sealed["places"], report["objects"]);
        let line = report["seals"].as_array().unwrap().iter().find(|line| line["object"] == sealed["seal"]).unwrap();
        assert_eq!((line["kms_key"].as_str(), &line["rehashed"]), (Some(arn.as_str()), &rehash.into()), "{line}");
        while !rehash && hozen_tests::vault::second_is(sealed["seal"].as_str().unwrap()) {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

#[test]
fn a_seal_holds_the_bucket_to_what_it_said() {
    let (vault, dir) = (Vault::new(), tempfile::tempdir().unwrap());
    let (key, public) = key_pair(dir.path());
    let place = vault.collect(&["--only", "context"]);
    // Longer than the run asked for: a seal over it keeps it so.
    let lengthen = |by: i64| {
        vault.change(&place, DATA, |versions| {
            versions[0].retention.as_mut().unwrap().until += SignedDuration::from_hours(24 * by);
        });
    };
    lengthen(10);
    vault.run(Role::Sealer, &["seal", &place, "--local-key", key.to_str().unwrap()]).assert_code(code::COMPLETE);
    vault.assert_verdict(&place, &["--seal-key", public.to_str().unwrap()], 0, "agrees");
    lengthen(-5);
    vault.assert_verdict(&place, &[], 1, "has a weaker or shorter lock than when it was made");
    lengthen(5);
    vault.assert_verdict(&place, &[], 0, "verified");
    let other = key_pair(&{
        let other = dir.path().join("other");
        std::fs::create_dir(&other).unwrap();
        other
    })
    .1;
    vault.assert_verdict(&place, &["--seal-key", other.to_str().unwrap()], 1, "no seal here is signed with the key");
}

#[test]
fn what_the_bucket_does_not_say_contradicts_no_seal() {
    let vault = Vault::new();
    let arn = vault.kms.service().api().add_signing_key(KEY);
    let place = vault.collect(&["--only", "context"]);
    vault.run(Role::Sealer, &["seal", &place, "--kms-key", &arn]).assert_code(code::COMPLETE);
    for action in ["s3:GetObjectVersionAttributes", "s3:GetObjectRetention"] {
        vault.deny(Role::Reader, action);
        let report = vault.assert_verdict(&place, &[], 3, action);
        assert_eq!(report["findings"], serde_json::json!([]), "{report:#}");
    }
}

#[test]
fn what_does_not_verify_is_not_sealed() {
    let vault = Vault::new();
    let arn = vault.kms.service().api().add_signing_key(KEY);
    let place = vault.collect(&["--only", "context"]);
    vault.change(&place, DATA, |versions| {
        let until = versions[0].retention.unwrap().until;
        versions[0].retention = Some(Retention { mode: Mode::Governance, until });
    });
    let finished = vault.run(Role::Sealer, &["seal", &place, "--kms-key", &arn]);
    finished.assert_code(1);
    assert!(finished.said().contains("its lock is GOVERNANCE"), "{}", finished.said());
    let (data, end) = (vault.key(&place, DATA), vault.key(&place, "999-end.json"));
    vault.s3.change(BUCKET, |bucket| {
        let compliant = bucket.versions[&end][0].retention;
        bucket.versions.get_mut(&data).expect("data")[0].retention = compliant;
        bucket.versions.remove(&end);
    });
    vault.run(Role::Sealer, &["seal", &place, "--kms-key", &arn]).assert_code(2);
    assert!(vault.seals(&place).is_empty());
}

#[test]
fn a_key_that_cannot_seal_is_refused_by_name() {
    let vault = Vault::new();
    let arn = vault.kms.service().api().add_signing_key(KEY);
    let place = vault.collect(&["--only", "context"]);
    let refused = |code: i32, word: &str| {
        let finished = vault.run(Role::Sealer, &["seal", &place, "--kms-key", &arn]);
        finished.assert_code(code);
        assert!(finished.said().contains(word), "{word}: {}", finished.said());
    };
    vault.kms.service().api().set_spec(&arn, "ECC_NIST_P384");
    refused(code::USAGE, "ECC_NIST_P384");
    vault.kms.service().api().set_spec(&arn, "ECC_NIST_P256");
    vault.kms.service().api().set_state(&arn, KeyState::Disabled);
    refused(code::USAGE, "is disabled");
    vault.kms.service().api().set_state(&arn, KeyState::Enabled);
    vault.deny(Role::Sealer, "kms:GetPublicKey");
    refused(code::USAGE, "the sealer needs kms:GetPublicKey");
    vault.deny(Role::Sealer, "kms:Sign");
    refused(31, "the sealer needs kms:Sign");
    vault.deny(Role::Sealer, "s3:PutObject");
    refused(31, "s3:PutObject");
    assert!(vault.seals(&place).is_empty());
}

#[test]
fn a_key_of_kms_seals_a_folder_too() {
    let (vault, dir) = (Vault::new(), tempfile::tempdir().unwrap());
    let arn = vault.kms.service().api().add_signing_key(KEY);
    vault.kms.service().api().set_alias("alias/hozen-seal", &arn);
    let folder = dir.path().join("evidence");
    let unprivileged: &[&str] = if nix::unistd::geteuid().is_root() { &[] } else { &["--unprivileged"] };
    let _ = Agent::find().collect(&folder, &[&["--only", "context"][..], unprivileged].concat());
    let sealed = vault.run(Role::Sealer, &["seal", folder.to_str().unwrap(), "--kms-key", "alias/hozen-seal"]);
    sealed.assert_code(code::COMPLETE);
    let verified = Agent::find().verify(&folder);
    verified.assert_code(0);
    assert!(verified.stdout.split_whitespace().collect::<String>().contains(&arn), "{}", verified.stdout);
}
