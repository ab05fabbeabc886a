#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests lay out runs and damage them with the standard library"
)]
//! Verification of whole runs: honest, cut off, damaged, and forged with the right key.

mod by_hand;
mod forged;
mod seals;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;

use hozen::verify::{Options, Report, State, Verdict, Witness, verify};
use proptest::prelude::*;
use support::builder::{self, Forge};
use support::mutate;

fn check(dir: &Path) -> Report {
    verify(dir, &Options::default())
}

fn findings(report: &Report) -> String {
    report.findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_honest_run_is_verified_and_its_report_says_what_that_means() {
    let dir = tempfile::tempdir().unwrap();
    builder::build(dir.path());
    let report = check(dir.path());
    assert_eq!(report.verdict, Verdict::Verified, "{}", report.to_text());
    assert_eq!((report.findings.len(), report.unattested.len(), report.verdict.exit_code()), (0, 0, 0));
    assert!(report.checks[..7].iter().all(|check| check.state == State::Passed && check.count > 0), "{:?}", report.checks);
    assert_eq!((report.objects, report.steps.len(), report.steps[0].gaps), (10, 3, 1));
    let text = report.to_text();
    for said in [
        "VERIFIED",
        "IR-2026-11",
        "ticket 4711",
        "1 gap: EIO: /proc/1/mem\\n (10 bytes from byte 4096)",
        "not asked for",
        "(iv)",
        "That the content is true",
        "web\\x1b[2J\\x1b",
        "need an outside witness",
        "3 rows and 2 archive members",
    ] {
        assert!(text.split_whitespace().collect::<Vec<_>>().join(" ").contains(said), "{said}\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 100 && !line.contains('\x1b')), "{text}");
    serde_json::to_string(&report).unwrap();
}

#[test]
fn a_digest_from_elsewhere_is_compared() {
    let dir = tempfile::tempdir().unwrap();
    builder::build(dir.path());
    let (end, manifest) = (builder::digest_of(dir.path(), "999-end.json"), builder::digest_of(dir.path(), "900-manifest.json"));
    let right = verify(dir.path(), &Options { end_sha256: Some(end), manifest_sha256: Some(manifest), ..Options::default() });
    assert_eq!((right.verdict, right.witness), (Verdict::Verified, Witness::Agrees));
    assert!(right.to_text().contains("vouches for these records"));
    let wrong = verify(dir.path(), &Options { end_sha256: Some(manifest), ..Options::default() });
    assert_eq!((wrong.verdict, wrong.witness), (Verdict::Failed, Witness::Disagrees));
    assert!(findings(&wrong).starts_with("999-end.json: the digest given from elsewhere"));
    // A run that was forged whole, with a new key, is sound in itself: only the witness tells.
    let forged = tempfile::tempdir().unwrap();
    builder::forge(forged.path(), &Forge { key: [9; 32], ..Forge::default() });
    assert_eq!(check(forged.path()).verdict, Verdict::Verified);
    let told = verify(forged.path(), &Options { end_sha256: Some(end), ..Options::default() });
    assert_eq!(told.verdict, Verdict::Failed);
    // So is a run that was cut off by hand.
    fs::remove_file(dir.path().join("999-end.json")).unwrap();
    let cut = verify(dir.path(), &Options { end_sha256: Some(end), ..Options::default() });
    assert_eq!(cut.verdict, Verdict::Failed);
}

#[test]
fn a_witness_of_the_begin_vouches_for_the_key() {
    let dir = tempfile::tempdir().unwrap();
    builder::build(dir.path());
    let (begin, end) = (builder::digest_of(dir.path(), "000-begin.json"), builder::digest_of(dir.path(), "999-end.json"));
    let given = Options { begin_sha256: Some(begin), ..Options::default() };
    let right = verify(dir.path(), &given);
    assert_eq!((right.verdict, right.witness), (Verdict::Verified, Witness::AgreesOnBegin));
    assert!(right.to_text().contains("vouches for the begin"));
    let both = verify(dir.path(), &Options { end_sha256: Some(end), ..given.clone() });
    assert_eq!((both.verdict, both.witness), (Verdict::Verified, Witness::Agrees));
    let forged = tempfile::tempdir().unwrap();
    builder::forge(forged.path(), &Forge { key: [9; 32], ..Forge::default() });
    let told = verify(forged.path(), &given);
    assert_eq!((told.verdict, told.witness), (Verdict::Failed, Witness::Disagrees));
    assert!(findings(&told).starts_with("000-begin.json: the digest given from elsewhere"));
    // It speaks for a run that was cut off, too.
    fs::remove_file(dir.path().join("999-end.json")).unwrap();
    let cut = verify(dir.path(), &given);
    assert_eq!((cut.verdict, cut.witness), (Verdict::Incomplete, Witness::AgreesOnBegin));
}

#[test]
fn every_mutation_is_detected_and_named() {
    let dir = tempfile::tempdir().unwrap();
    builder::build(dir.path());
    let mutations = mutate::sweep(dir.path(), 1);
    assert!(mutations > 200, "only {mutations} mutations");
}

#[test]
fn a_run_cut_off_anywhere_is_incomplete() {
    let whole = tempfile::tempdir().unwrap();
    let order = builder::build(whole.path());
    let dir = tempfile::tempdir().unwrap();
    for (number, name) in order.iter().enumerate() {
        let bytes = fs::read(whole.path().join(name)).unwrap();
        let (path, part) = (dir.path().join(name), dir.path().join(format!("{name}.part")));
        let before = check(dir.path());
        let due = if number == 0 { Verdict::CouldNotCheck } else { Verdict::Incomplete };
        assert_eq!(before.verdict, due, "before {name}: {}", before.to_text());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&part, &bytes[..bytes.len() / 2]).unwrap();
        let within = check(dir.path());
        assert_eq!(within.verdict, Verdict::Incomplete, "within {name}: {}", within.to_text());
        assert_eq!(within.growing.len(), 1);
        fs::remove_file(part).unwrap();
        fs::write(path, bytes).unwrap();
    }
    assert_eq!(check(dir.path()).verdict, Verdict::Verified);
}

#[test]
fn what_has_no_receipt_is_unattested_and_open_steps_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let order = builder::build(dir.path());
    let first = order.iter().position(|name| name == "custody/000001.jsonl").unwrap();
    order[first + 2..].iter().for_each(|name| fs::remove_file(dir.path().join(name)).unwrap());
    let report = check(dir.path());
    assert_eq!((report.verdict, report.verdict.exit_code()), (Verdict::Incomplete, 2));
    assert_eq!(report.unattested, [builder::PORTS]);
    let outcomes: Vec<&str> = report.steps.iter().map(|step| step.outcome.as_str()).collect();
    assert_eq!(outcomes, ["partial", "not reached", "skipped"]);
    fs::remove_file(dir.path().join(builder::ARCHIVE)).unwrap();
    assert!(findings(&check(dir.path())).contains("data/raw/process.tar.zst: is missing"));
}

#[test]
fn a_cut_run_that_was_damaged_is_never_verified() {
    let whole = tempfile::tempdir().unwrap();
    let order = builder::build(whole.path());
    let kept = &order[..order.len() - 3];
    for name in kept {
        let dir = tempfile::tempdir().unwrap();
        for other in kept {
            fs::create_dir_all(dir.path().join(other).parent().unwrap()).unwrap();
            fs::copy(whole.path().join(other), dir.path().join(other)).unwrap();
        }
        assert_eq!(check(dir.path()).verdict, Verdict::Incomplete);
        let mut bytes = fs::read(dir.path().join(name)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(dir.path().join(name), bytes).unwrap();
        let report = check(dir.path());
        assert_eq!(report.verdict, Verdict::Failed, "{name}");
        assert!(report.findings.iter().any(|finding| finding.object == *name), "{name}: {}", findings(&report));
    }
}

#[test]
fn what_is_no_run_could_not_be_checked() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(check(dir.path()).verdict, Verdict::CouldNotCheck);
    assert_eq!(check(&dir.path().join("nowhere")).verdict.exit_code(), 3);
    fs::write(dir.path().join("file"), "x").unwrap();
    assert_eq!(check(&dir.path().join("file")).verdict, Verdict::CouldNotCheck);
    // A folder of something else is not a run that was damaged.
    assert_eq!(check(dir.path()).verdict, Verdict::CouldNotCheck);
}

/// Nothing is unreadable to root, so this test runs itself once more as somebody else.
#[test]
fn what_cannot_be_read_could_not_be_checked() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir().unwrap();
    let program = place.path().join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    for (number, hidden) in ["data/network", builder::PROCESSES, "000-begin.json", "custody/000001.jsonl"].iter().enumerate() {
        let dir = place.path().join(number.to_string());
        builder::build(&dir);
        fs::set_permissions(dir.join(hidden), fs::Permissions::from_mode(0o000)).unwrap();
        let output = std::process::Command::new("setpriv")
            .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
            .arg(&program)
            .args(["--ignored", "--exact", "as_somebody_else"])
            .env("HOZEN_TEST_RUN", &dir)
            .output()
            .unwrap();
        assert!(output.status.success(), "{hidden}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
#[ignore = "run by what_cannot_be_read_could_not_be_checked, as another user"]
fn as_somebody_else() {
    let report = check(Path::new(&std::env::var_os("HOZEN_TEST_RUN").unwrap()));
    assert_eq!((report.verdict, report.verdict.exit_code()), (Verdict::CouldNotCheck, 3), "{}", report.to_text());
    assert!(!report.unreadable.is_empty());
}

#[test]
fn pipes_and_strange_names_are_told_and_never_opened() {
    let dir = tempfile::tempdir().unwrap();
    builder::build(dir.path());
    let pipe = dir.path().join("log.jsonl.zst");
    fs::remove_file(&pipe).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    fs::create_dir_all(dir.path().join("data/process/deeper/still")).unwrap();
    fs::write(dir.path().join("data/\u{1b}[2J\n"), "x").unwrap();
    let report = check(dir.path());
    let told = findings(&report);
    assert!(told.contains("log.jsonl.zst: is a FIFO"), "{told}");
    assert!(told.contains("data/process/deeper: is a folder that no run has"), "{told}");
    assert!(told.contains("data/\\x1b[2J\\n: is not a name"), "{told}");
    assert!(!report.to_text().contains('\x1b'));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn random_bytes_in_place_of_any_object_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0_usize..10) {
        let dir = tempfile::tempdir().unwrap();
        let order = builder::build(dir.path());
        fs::write(dir.path().join(&order[at]), &bytes).unwrap();
        let report = check(dir.path());
        prop_assert_eq!(report.verdict, Verdict::Failed);
        prop_assert!(!report.to_text().is_empty());
    }
}
