//! `docs/verify-by-hand.sh` says the same as our verifier, with the tools of any Linux machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hozen::seal::{LocalKey, SealKey as _, seal_folder};
use hozen::verify::Options;
use hozen_collector::host::Clock;

use crate::support::builder;

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/verify-by-hand.sh")
}

fn run(dir: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = Command::new("sh").arg(script()).arg(dir).args(arguments).output().unwrap();
    (status.code(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

#[test]
fn an_honest_run_passes() {
    let dir = tempfile::tempdir().unwrap();
    builder::build(dir.path());
    let end = builder::digest_of(dir.path(), "999-end.json").to_string();
    for arguments in [&[][..], &[end.as_str()]] {
        let (code, text) = run(dir.path(), arguments);
        assert_eq!((code, text.lines().last()), (Some(0), Some("all checks passed")), "{text}");
    }
    let (code, text) = run(dir.path(), &["00"]);
    assert_eq!(code, Some(1), "{text}");
}

#[test]
fn every_object_that_is_changed_or_missing_fails() {
    let dir = tempfile::tempdir().unwrap();
    for name in builder::build(dir.path()) {
        let path = dir.path().join(&name);
        let honest = fs::read(&path).unwrap();
        let mut flipped = honest.clone();
        let last = flipped.len() - 3;
        flipped[last] ^= 1;
        for bytes in [Some(flipped), Some(honest[..honest.len() / 2].to_vec()), None] {
            match &bytes {
                Some(bytes) => fs::write(&path, bytes).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            let (code, text) = run(dir.path(), &[]);
            assert_eq!(code, Some(1), "{name}: {text}");
            assert!(text.lines().any(|line| line.starts_with("FAILED")), "{name}: {text}");
        }
        fs::write(&path, honest).unwrap();
    }
    fs::write(dir.path().join("data/alien"), "x").unwrap();
    assert_eq!(run(dir.path(), &[]).0, Some(1));
}

/// A seal lies beside the run and is checked too; of a changed one the script says so.
#[test]
fn a_seal_is_checked_as_well() {
    let (dir, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    builder::build(dir.path());
    let file = work.path().join("seal.key");
    let arguments = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out"];
    assert!(Command::new("openssl").args(arguments).arg(&file).output().unwrap().status.success());
    let key = LocalKey::read(&file).unwrap();
    let name = seal_folder(dir.path(), &Options::default(), &key, Clock::start()).unwrap().key;
    let (code, text) = run(dir.path(), &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(&key.public().keyid()) && text.contains("ok      seal/"), "{text}");
    let path = dir.path().join(name.as_str());
    let honest = fs::read_to_string(&path).unwrap();
    // Every signature in DER begins with a sequence: M in base64.
    let forged = honest.replace("\"sig\":\"M", "\"sig\":\"N");
    assert_ne!(forged, honest);
    fs::write(&path, forged).unwrap();
    let (code, text) = run(dir.path(), &[]);
    assert_eq!(code, Some(1), "{text}");
}

#[test]
fn wrong_use_is_told_apart() {
    assert_eq!(run(Path::new("/nonexistent"), &[]).0, Some(2));
}
