//! The policies of `packaging/cloudformation`: valid, without a right too many or too few, each statement explained.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests read the repository with the standard library")]

use std::collections::BTreeSet;

use hozen_tests::agent::code;
use hozen_tests::aws::cloud::KeyState;
use hozen_tests::s3::{Bucket, Options};
use hozen_tests::serve::{Fault, Rule};
use hozen_tests::vault::{BUCKET, Role, Shared, TO, Vault, actions, policies, policy};
use nix::sys::signal::Signal;

fn files() -> Vec<String> {
    let names = std::fs::read_dir(policies()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".json")).collect();
    names.sort();
    names
}

/// A bucket that encrypts with a key of KMS, so that rights over the key are needed too.
fn vault() -> (Vault, String) {
    let vault = Vault::with(Options::default(), Bucket::new(BUCKET).locked(None).encrypted_with("evidence-key"));
    vault.cloud.set_kms_key("evidence-key", KeyState::Enabled);
    let arn = vault.kms.service().api().add_signing_key("seal-key");
    (vault, arn)
}

#[test]
fn policies_are_valid_and_each_statement_is_explained() {
    let readme = std::fs::read_to_string(policies().join("README.md")).unwrap();
    assert_eq!(files().len(), 22, "{:?}", files());
    for file in files() {
        assert!(readme.contains(&file), "the README does not mention {file}");
        let policy = policy(&file);
        assert_eq!(policy["Version"], "2012-10-17", "{file}");
        let mut seen = BTreeSet::new();
        for statement in policy["Statement"].as_array().unwrap() {
            let sid = statement["Sid"].as_str().unwrap();
            assert!(sid.bytes().all(|b| b.is_ascii_alphanumeric()) && seen.insert(sid.to_owned()), "{file}: {sid}");
            assert!(readme.contains(&format!("`{sid}`")), "the README does not explain {sid} of {file}");
            assert!(["Allow", "Deny"].contains(&statement["Effect"].as_str().unwrap()), "{file}: {sid}");
            let is_resource_policy = file.ends_with("-policy.json");
            assert_eq!(statement["Principal"].is_null(), !is_resource_policy, "{file}: {sid}");
            assert!(!statement["Action"].is_null() && !statement["Resource"].is_null(), "{file}: {sid}");
        }
    }
}

#[test]
fn a_writer_has_exactly_what_a_run_needed() {
    let (vault, _) = vault();
    let _shared = Shared::new(12 << 20);
    let preflight = ["preflight", "--to", TO, "--case", "TEST-1", "--lock", "compliance", "--retain-days", "30"];
    assert!([code::COMPLETE, 60].contains(&vault.run(Role::Writer, &preflight).code()));
    let _ = vault.collect(&["--only", "context,shm"]);
    assert_eq!(vault.used(Role::Writer), Role::Writer.actions());
    assert_eq!(actions(&policy("writer-session.json")), Role::Writer.actions());
    for action in Role::Writer.actions() {
        let harmless = ["Get", "List", "Delete", "Abort", "Acl", "Bypass"].iter().all(|word| !action.contains(word));
        assert!(harmless || action == "s3:GetBucketObjectLockConfiguration", "{action}");
    }
}

#[test]
fn a_reader_has_exactly_what_verification_needed() {
    let (vault, _) = vault();
    let place = vault.collect(&["--only", "context"]);
    vault.assert_verdict(&place, &["--rehash"], 0, "verified");
    assert_eq!(vault.used(Role::Reader), Role::Reader.actions());
    vault.deny(Role::Reader, "kms:Decrypt");
    vault.assert_verdict(&place, &[], 3, "kms:Decrypt");
}

#[test]
fn a_sealer_has_exactly_what_a_seal_needed() {
    let (vault, arn) = vault();
    let place = vault.collect(&["--only", "context"]);
    vault.run(Role::Sealer, &["seal", &place, "--kms-key", &arn]).assert_code(code::COMPLETE);
    assert_eq!(vault.used(Role::Sealer), Role::Sealer.actions());
}

#[test]
fn a_salvager_has_exactly_what_a_salvage_needed() {
    let (vault, _) = vault();
    let _shared = Shared::new(40 << 20);
    vault.s3.inject(Rule::on("UploadPart", Fault::Stall(None)).after(2).always());
    let mut running = vault.agent(Role::Writer).start(vault.collection(&["--only", "shm", "--parallel-uploads", "1"]));
    while !vault.s3.uploads(BUCKET).iter().any(|(_, upload)| upload.parts.len() == 2) {
        assert!(!running.has_ended(), "{:?}", running.wait());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    running.signal(Signal::SIGKILL);
    let _ = running.wait();
    vault.s3.clear_rules();
    let keys = vault.s3.keys(BUCKET);
    let place = format!("s3://{BUCKET}/{}", keys.iter().find_map(|key| key.strip_suffix("/000-begin.json")).unwrap());
    vault.run(Role::Salvager, &["salvage", &place]).assert_code(code::COMPLETE);
    assert_eq!(vault.used(Role::Salvager), Role::Salvager.actions());
}
