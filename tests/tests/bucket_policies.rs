//! The policies of `packaging/cloudformation`: valid, without a right too many or too few, each statement explained.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests read the repository with the standard library")]

use std::collections::BTreeSet;
use std::time::Duration;

use hozen_tests::agent::{LIMIT, code};
use hozen_tests::aws::access::Key;
use hozen_tests::aws::client::{Asked, ask};
use hozen_tests::aws::cloud::{ACCOUNT, KeyState, ORGANISATION};
use hozen_tests::s3::{Bucket, Options};
use hozen_tests::serve::{Fault, Rule, Tls};
use hozen_tests::vault::{BUCKET, Role, Shared, TO, Vault, actions, policies, policy};
use nix::sys::signal::Signal;
use serde_json::Value;

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
    vault.let_an_hour_pass();
    vault.run(Role::Salvager, &["salvage", &place]).assert_code(code::COMPLETE);
    assert_eq!(vault.used(Role::Salvager), Role::Salvager.actions());
}

/// The bucket's policy, with what an account has in the place of its words.
fn bucket_policy(key: &str, organisation: &str) -> Value {
    let glass = format!("arn:aws:iam::{ACCOUNT}:role/break-glass");
    let words = [
        ("EVIDENCE-BUCKET", BUCKET),
        ("ORGANISATION-ID", organisation),
        ("BREAK-GLASS-ROLE-ARN", &glass),
        ("EVIDENCE-KEY-ARN", key),
        ("LEAST-DAYS", "29"),
    ];
    let text = words.into_iter().fold(policy("bucket-policy.json").to_string(), |text, (word, is)| text.replace(word, is));
    serde_json::from_str(&text).unwrap()
}

/// A vault whose bucket encrypts with a key of KMS and is under the policy, changed so.
fn under(options: Options, organisation: &str, change: impl FnOnce(&mut Vec<Value>)) -> (Vault, String) {
    let vault = Vault::with(options, Bucket::new(BUCKET).locked(None).encrypted_with("evidence-key"));
    let key = vault.cloud.set_kms_key("evidence-key", KeyState::Enabled);
    let mut policy = bucket_policy(&key, organisation);
    change(policy.get_mut("Statement").and_then(Value::as_array_mut).unwrap());
    vault.s3.change(BUCKET, |bucket| *bucket = bucket.clone().under(&policy));
    (vault, key)
}

#[test]
fn runs_and_seals_go_under_the_whole_policy_of_the_bucket() {
    let folder = tempfile::tempdir().unwrap();
    let (tls, root) = Tls::self_signed(folder.path());
    let (vault, key) = under(Options { tls: Some(tls), ..Options::default() }, ORGANISATION, |_| ());
    let (_shared, seal_key) = (Shared::new(12 << 20), vault.kms.service().api().add_signing_key("seal-key"));
    let root = ["--ca-bundle", root.to_str().unwrap()];
    // The key is named, or the bucket's own encrypts.
    let place = vault.collect(&[&root[..], &["--only", "context,shm", "--kms-key", &key]].concat());
    let second = vault.collect(&[&root[..], &["--only", "context"]].concat());
    vault.run(Role::Sealer, &[&["seal", &place, "--kms-key", &seal_key], &root[..]].concat()).assert_code(code::COMPLETE);
    for place in [&place, &second] {
        vault.assert_verdict(place, &root, 0, "verified");
    }
    let preflight = ["preflight", "--to", TO, "--case", "TEST-1", "--lock", "compliance", "--retain-days"];
    let thiefs = vault.cloud.set_kms_key("thiefs-key", KeyState::Enabled);
    for (more, action) in [(&["7"][..], "s3:PutObjectRetention"), (&["30", "--kms-key", &thiefs], "s3:PutObject")] {
        let finished = vault.run(Role::Writer, &[&preflight[..], more, &root].concat());
        finished.assert_code(code::BAD_DESTINATION);
        let said = finished.said();
        assert!(said.contains("explicit deny") && said.contains(&format!("perform: {action} on")), "{action}: {said}");
    }
}

/// Whether the bucket's policy denies this to `who`; what it does not deny is done.
fn is_denied(vault: &Vault, who: &Key, method: &str, target: &str, headers: &[(&str, &str)]) -> bool {
    vault.cloud.add_key(who.clone());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let path = format!("/{BUCKET}{path}");
    let asked = Asked { method, path: &path, query, headers, body: b"" };
    let heard = ask(vault.s3.address(), &vault.cloud, who, &asked, LIMIT).unwrap();
    let (denied, status) = (heard.text().contains("explicit deny"), heard.status().unwrap_or_default());
    assert!(if denied { status == 403 } else { (200..300).contains(&status) }, "{}", heard.text());
    denied
}

#[test]
fn what_the_policy_of_the_bucket_denies_nobody_does() {
    let anything = Key::mighty("AKIAMIGHTY", "may do all");
    let glass =
        Key { arn: format!("arn:aws:sts::{ACCOUNT}:assumed-role/break-glass/x"), ..Key::mighty("AKIAGLASS", "may do all") };
    let (vault, key) = under(Options::default(), ORGANISATION, |statements| statements.retain(|one| one["Sid"] != "OnlyOverTls"));
    let thiefs = vault.cloud.set_kms_key("thiefs-key", KeyState::Enabled);
    let in_days = |days: u64| (vault.cloud.now() + Duration::from_secs(days * 86_400 + 60)).strftime("%FT%TZ").to_string();
    let (short, long) = (in_days(5), in_days(30));
    let (free, sum) = (("if-none-match", "*"), ("x-amz-checksum-sha256", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="));
    let (mode, until) = (("x-amz-object-lock-mode", "GOVERNANCE"), "x-amz-object-lock-retain-until-date");
    let (kms, with) = (("x-amz-server-side-encryption", "aws:kms"), "x-amz-server-side-encryption-aws-kms-key-id");
    let hold = "x-amz-object-lock-legal-hold";
    // Who, does what, where, with which headers, and whether the policy denies it.
    type Case<'a> = (&'a Key, &'a str, &'a str, &'a [(&'a str, &'a str)], bool);
    let cases: [Case<'_>; 15] = [
        (&anything, "PUT", "/cases/a", &[free], false),
        (&anything, "PUT", "/cases/a", &[], true),
        (&anything, "PUT", "/elsewhere", &[], false),
        (&anything, "POST", "/cases/m?uploads=", &[], false),
        (&anything, "PUT", "/cases/b", &[free, sum, mode, (until, &short)], true),
        (&anything, "PUT", "/cases/b", &[free, sum, mode, (until, &long)], false),
        (&anything, "PUT", "/cases/c", &[free, sum, (hold, "OFF")], true),
        (&anything, "PUT", "/cases/c", &[free, sum, (hold, "ON")], false),
        (&anything, "PUT", "/cases/d", &[free, kms, (with, &thiefs)], true),
        (&anything, "PUT", "/cases/d", &[free, kms, (with, &key)], false),
        (&anything, "GET", "/cases/a", &[], false),
        (&anything, "DELETE", "/cases/a", &[], true),
        (&anything, "DELETE", "/cases/a?versionId=x", &[("x-amz-bypass-governance-retention", "true")], true),
        (&anything, "PUT", "?versioning=", &[], true),
        (&glass, "DELETE", "/cases/a", &[], false),
    ];
    for (who, method, target, headers, denied) in cases {
        assert_eq!(is_denied(&vault, who, method, target, headers), denied, "{method} {target} {headers:?}");
    }
    // In the clear, and of another organisation: nothing at all, not even for who may break the glass.
    let (in_the_clear, _) = under(Options::default(), ORGANISATION, |_| ());
    let (foreign, _) = under(Options::default(), "o-another", |statements| statements.retain(|one| one["Sid"] != "OnlyOverTls"));
    for vault in [&in_the_clear, &foreign] {
        for (method, headers) in [("GET", &[][..]), ("PUT", &[free]), ("DELETE", &[])] {
            assert!(is_denied(vault, &glass, method, "/cases/a", headers), "{method}");
        }
    }
}
