//! Seals: made over what verifies, checked in themselves, and a witness where their key was given.

use std::fs;
use std::path::Path;
use std::process::Command;

use hozen::seal::{LocalKey, SealError, SealKey, SealPublic, seal_folder};
use hozen::verify::{Options, Verdict, Witness, verify};
use hozen_collector::host::Clock;
use hozen_collector::model::dsse::Envelope;
use serde_json::Value;

use crate::support::builder;
use crate::{check, findings};

/// A key that openssl has made, as the help tells.
fn key(folder: &Path, name: &str) -> LocalKey {
    let file = folder.join(name);
    let arguments = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out"];
    assert!(Command::new("openssl").args(arguments).arg(&file).stderr(std::process::Stdio::null()).status().unwrap().success());
    LocalKey::read(&file).unwrap()
}

fn given(key: &LocalKey) -> Options {
    Options { seal_key: Some(SealPublic::from_pem(key.public().pem()).unwrap()), ..Options::default() }
}

#[test]
fn a_seal_is_a_witness_where_its_key_was_given() {
    let (dir, keys) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    builder::build(dir.path());
    let key = key(keys.path(), "seal.key");
    let sealed = seal_folder(dir.path(), &Options::default(), &key, Clock::start()).unwrap();
    let report = check(dir.path());
    assert_eq!((report.verdict, report.witness, report.objects), (Verdict::Verified, Witness::None, 10), "{}", report.to_text());
    assert_eq!(report.seals.iter().map(|seal| seal.object.as_str()).collect::<Vec<_>>(), [sealed.key.as_str()]);
    let report = verify(dir.path(), &given(&key));
    assert_eq!((report.verdict, report.witness), (Verdict::Verified, Witness::Agrees), "{}", report.to_text());
    assert!(report.to_text().contains("every byte was read for it"));
    let other = self::key(keys.path(), "other.key");
    let report = verify(dir.path(), &given(&other));
    assert_eq!(report.verdict, Verdict::Failed);
    assert!(findings(&report).contains("no seal here is signed with the key that was given"), "{}", findings(&report));
}

#[test]
fn a_seal_tells_that_its_run_was_removed() {
    let (dir, keys) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    builder::build(dir.path());
    let sealed = seal_folder(dir.path(), &Options::default(), &key(keys.path(), "seal.key"), Clock::start()).unwrap();
    for entry in fs::read_dir(dir.path()).unwrap().map(Result::unwrap).filter(|entry| entry.file_name() != "seal") {
        let is_folder = entry.file_type().unwrap().is_dir();
        let removed = if is_folder { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) };
        removed.unwrap();
    }
    let report = check(dir.path());
    assert_eq!((report.verdict, report.findings.len()), (Verdict::Failed, 1), "{}", report.to_text());
    assert!(
        findings(&report).starts_with(sealed.key.as_str()) && findings(&report).contains("it was removed"),
        "{}",
        findings(&report)
    );
    fs::remove_dir_all(dir.path().join("seal")).unwrap();
    let report = check(dir.path());
    assert_eq!((report.verdict, report.findings.len()), (Verdict::CouldNotCheck, 0), "{}", report.to_text());
}

#[test]
fn what_does_not_verify_is_not_sealed() {
    let (dir, keys) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let key = key(keys.path(), "seal.key");
    builder::build(dir.path());
    let end = fs::read(dir.path().join("999-end.json")).unwrap();
    fs::remove_file(dir.path().join("999-end.json")).unwrap();
    let refused = |wanted: Verdict| match seal_folder(dir.path(), &Options::default(), &key, Clock::start()) {
        Err(SealError::NotVerified(report)) => assert_eq!(report.verdict, wanted),
        other => panic!("{other:?}"),
    };
    refused(Verdict::Incomplete);
    fs::write(dir.path().join("999-end.json"), &end[1..]).unwrap();
    refused(Verdict::Failed);
    fs::write(dir.path().join("999-end.json"), end).unwrap();
    let wrong = Options { end_sha256: Some(builder::digest_of(dir.path(), "000-begin.json")), ..Options::default() };
    assert!(matches!(seal_folder(dir.path(), &wrong, &key, Clock::start()), Err(SealError::NotVerified(_))));
    assert!(!dir.path().join("seal").exists());
}

#[test]
fn every_change_of_a_seal_is_found() {
    let (dir, keys) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    builder::build(dir.path());
    let key = key(keys.path(), "seal.key");
    let name = seal_folder(dir.path(), &Options::default(), &key, Clock::start()).unwrap().key;
    let path = dir.path().join(name.as_str());
    let honest = fs::read(&path).unwrap();
    for at in 0..honest.len() {
        let mut bytes = honest.clone();
        bytes[at] ^= 1;
        fs::write(&path, bytes).unwrap();
        let report = check(dir.path());
        assert_eq!(report.verdict, Verdict::Failed, "byte {at}");
        assert!(findings(&report).starts_with("seal/"), "{}", findings(&report));
    }
    fs::write(&path, &honest[..honest.len() / 2]).unwrap();
    assert_eq!(check(dir.path()).verdict, Verdict::Failed);
    fs::rename(&path, dir.path().join("seal/20000101T000000Z.json")).unwrap();
    fs::write(dir.path().join("seal/20000101T000000Z.json"), &honest).unwrap();
    assert!(findings(&check(dir.path())).contains("at another time than its name says"));
}

/// A seal of another run proves nothing of this one, however right its signature.
#[test]
fn a_seal_of_another_run_is_none_of_this() {
    let (one, two, keys) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    builder::build(one.path());
    builder::forge(two.path(), &builder::Forge { key: [9; 32], ..builder::Forge::default() });
    let key = key(keys.path(), "seal.key");
    let name = seal_folder(two.path(), &Options::default(), &key, Clock::start()).unwrap().key;
    fs::create_dir(one.path().join("seal")).unwrap();
    fs::copy(two.path().join(name.as_str()), one.path().join(name.as_str())).unwrap();
    let report = verify(one.path(), &given(&key));
    assert_eq!(report.verdict, Verdict::Failed);
    assert!(findings(&report).contains("not over the manifest and the end record that are here"), "{}", findings(&report));
}

/// A sealer that died while it wrote says nothing of the run; a second seal in the same second is refused, and the first stays.
#[test]
fn seals_do_not_get_in_each_others_way() {
    let (dir, keys) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    builder::build(dir.path());
    let key = key(keys.path(), "seal.key");
    fs::create_dir(dir.path().join("seal")).unwrap();
    fs::write(dir.path().join("seal/20000101T000000Z.json.part"), "{").unwrap();
    let mut made = std::collections::BTreeSet::new();
    for _ in 0..3 {
        match seal_folder(dir.path(), &Options::default(), &key, Clock::start()) {
            Ok(sealed) => assert!(made.insert(sealed.key)),
            Err(SealError::Store(error)) => assert_eq!(error.cause, hozen_collector::sink::Cause::Exists),
            Err(other) => panic!("{other:?}"),
        }
    }
    let report = verify(dir.path(), &given(&key));
    assert_eq!((report.verdict, report.seals.len()), (Verdict::Verified, made.len()), "{}", report.to_text());
}

/// The signature is what openssl says it is.
#[test]
fn openssl_agrees() {
    let (dir, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    builder::build(dir.path());
    let key = key(work.path(), "seal.key");
    let name = seal_folder(dir.path(), &Options::default(), &key, Clock::start()).unwrap().key;
    let envelope = Envelope::parse(&fs::read(dir.path().join(name.as_str())).unwrap()).unwrap();
    let payload = envelope.payload().unwrap();
    let statement: Value = serde_json::from_slice(&payload).unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = work.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let pem = file("seal.pub", statement["predicate"]["seal_key"]["pem"].as_str().unwrap().as_bytes());
    let signature = file("signature", &envelope.signatures[0].bytes().unwrap());
    let signed = file("signed", &hozen_collector::model::dsse::pae(&envelope.payload_type, &payload));
    let verified = Command::new("openssl")
        .args(["dgst", "-sha256", "-verify"])
        .arg(pem)
        .arg("-signature")
        .args([signature, signed])
        .output()
        .unwrap();
    assert!(verified.status.success(), "{verified:?}");
}
