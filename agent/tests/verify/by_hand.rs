//! `docs/verify-by-hand.sh` says the same as our verifier, with the tools of any Linux machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hozen::seal::{LocalKey, SealKey as _, seal_folder};
use hozen::verify::{Options, Verdict, verify};
use hozen_collector::host::Clock;
use hozen_collector::model::record::Event;
use hozen_collector::model::salvage::{Salvage, Salvaged, SalvagedUpload, salvage_key};
use hozen_collector::model::seal::Sealer;
use hozen_collector::model::{Timestamp, canonical};
use serde_json::json;

use crate::support::builder::{self, Forge};

/// What the run gave up, and what somebody made of an upload that it had left open.
const GIVEN_UP: &str = "data/file/files.jsonl.zst";
const SALVAGED: &str = "data/memory/kcore/000000.lime.zst";

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

/// Puts an event before the last that says that an object was given up.
fn give_up(events: &mut Vec<Event>) {
    let at = events.len() - 1;
    let mut lost = events[at].clone();
    lost.event = "object.failed".to_owned();
    lost.data = json!({"key": GIVEN_UP, "from": 0, "reason": "UploadPart given up after 5 tries"});
    events.insert(at, lost);
    for (seq, event) in (1..).zip(events) {
        (event.seq, event.mono_ns) = (seq, seq * 1_000_000);
    }
}

/// A record that `key` was completed at that time.
fn salvage(key: &str, salvaged: Timestamp) -> Salvage {
    let upload = SalvagedUpload {
        key: key.to_owned(),
        upload_id: "u".to_owned(),
        initiated: None,
        outcome: Salvaged::Completed,
        reason: None,
        parts: 2,
        parts_left: 0,
        size: 3,
        version_id: None,
        checksum: None,
        facts: std::collections::BTreeMap::new(),
    };
    let salvager = Sealer { version: "0.1.0".to_owned(), sha256: None };
    Salvage { v: 1, run: None, salvaged, salvager, location: "s3://evidence/run".to_owned(), uploads: vec![upload] }
}

/// Both of them say the same of a folder, and whether that is what is due.
fn assert_both(dir: &Path, verified: bool, word: &str) {
    let ((code, text), report) = (run(dir, &[]), verify(dir, &Options::default()));
    assert_eq!(code, Some(i32::from(!verified)), "{text}");
    assert_eq!(report.verdict == Verdict::Verified, verified, "{}", report.to_text());
    assert!(text.contains(word), "{word}: {text}");
}

#[test]
fn what_is_there_and_no_part_of_the_run_is_told_and_fails_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    builder::forge(dir.path(), &Forge { events: give_up, ..Forge::default() });
    assert_both(dir.path(), true, "all checks passed");
    put(GIVEN_UP, b"half of a fra");
    assert_both(dir.path(), true, &format!("note    {GIVEN_UP} is there and no part of the run"));
    put(SALVAGED, b"zst");
    assert_both(dir.path(), false, "FAILED  SHA256SUMS");
    let time: Timestamp = "2026-11-22T03:50:27.000000000Z".parse().unwrap();
    let (record, name) = (salvage(SALVAGED, time), salvage_key(time));
    put(name.as_str(), &canonical::to_bytes(&record).unwrap());
    assert_both(dir.path(), true, &format!("note    {name}: {SALVAGED} was made of 2 parts (3 bytes)"));
    let next = Timestamp::from_nanoseconds(time.nanoseconds() + 1_000_000_000);
    let other = salvage_key(next);
    put(other.as_str(), &canonical::to_bytes(&record).unwrap());
    assert_both(dir.path(), false, "another time than its name says");
    // A run leaves none of its own records open: whoever says so would have a whole run called incomplete.
    for key in ["999-end.json", "900-manifest.json", "SHA256SUMS", "custody/000001.jsonl", "seal/20261122T035027Z.json"] {
        put(other.as_str(), &canonical::to_bytes(&salvage(key, next)).unwrap());
        assert_both(dir.path(), false, "which no run leaves open");
        let report = verify(dir.path(), &Options::default());
        assert_eq!((report.verdict, report.findings.len()), (Verdict::Failed, 1), "{}", report.to_text());
    }
    // What the run has a receipt for is of the run, whatever a record says.
    put(other.as_str(), &canonical::to_bytes(&salvage(builder::ARCHIVE, next)).unwrap());
    assert_both(dir.path(), true, "all checks passed");
    put(builder::ARCHIVE, b"zst");
    assert_both(dir.path(), false, "FAILED  SHA256SUMS");
    fs::remove_file(dir.path().join(builder::ARCHIVE)).unwrap();
    assert_both(dir.path(), false, "FAILED  SHA256SUMS");
}

#[test]
fn wrong_use_is_told_apart() {
    assert_eq!(run(Path::new("/nonexistent"), &[]).0, Some(2));
}
