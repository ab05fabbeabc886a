//! `docs/verify-by-hand.sh` says the same as our verifier, with the tools of any Linux machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

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

#[test]
fn wrong_use_is_told_apart() {
    assert_eq!(run(Path::new("/nonexistent"), &[]).0, Some(2));
}
