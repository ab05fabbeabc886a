//! A run in a bucket, verified by somebody who can read and do nothing else: what holds, what was tampered with, what is not known.

#![expect(clippy::unwrap_used, reason = "tests")]

use hozen_tests::aws::cloud::KeyState;
use hozen_tests::evidence::Evidence;
use hozen_tests::s3::{Bucket, S3Double};
use hozen_tests::s3::{DefaultRetention, Kind, Mode, Options, Retention, Upload, Version};
use hozen_tests::serve::{Fault, Rule};
use hozen_tests::vault::{BUCKET, Role, Shared, Vault};
use jiff::SignedDuration;

const DATA: &str = "data/system/clocks.jsonl.zst";
const CUSTODY: &str = "custody/000001.jsonl";
const MANIFEST: &str = "900-manifest.json";
const END: &str = "999-end.json";

/// How often bytes of evidence were read.
fn reads_of_data(double: &S3Double) -> usize {
    let journal = double.journal();
    journal.iter().filter(|entry| entry.operation == "GetObject" && entry.head.path.contains("/data/")).count()
}

fn marker(vault: &Vault, like: &Version) -> Version {
    Version { id: vault.cloud.new_id("version").chars().take(32).collect(), is_marker: true, size: 0, ..like.clone() }
}

/// Another version, of other bytes.
fn another(vault: &Vault, like: &Version) -> Version {
    Version {
        id: vault.cloud.new_id("version").chars().take(32).collect(),
        size: 1,
        checksum: None,
        parts: Vec::new(),
        ..like.clone()
    }
}

#[test]
fn a_reader_verifies_what_a_writer_wrote() {
    let (vault, _shared) = (Vault::new(), Shared::new(12 << 20));
    let place = vault.collect(&["--only", "context,shm"]);
    let report = vault.assert_verdict(&place, &[], 0, "verified");
    let (facts, objects) = (&report["bucket"], &report["objects"]);
    assert_eq!((&facts["locked"], &facts["unlocked"], facts["lock_mode"].as_str()), (objects, &0.into(), Some("COMPLIANCE")));
    assert!(
        facts["first_stored"].is_string() && facts["locked_until"].is_string() && facts["compared"].as_u64() > Some(3),
        "{facts}"
    );
    assert_eq!(report["warnings"], serde_json::json!([]), "{report:#}");
    assert_eq!(reads_of_data(&vault.s3), 0, "evidence was read although its checksums are there");
    let report = vault.assert_verdict(&place, &["--rehash"], 0, "verified");
    assert_eq!(report["bucket"]["rehashed"], true);
    assert!(reads_of_data(&vault.s3) > 0);
    let text = vault.run(Role::Reader, &["verify", &place]).stdout;
    for words in ["locked (COMPLIANCE)", "by the bucket's own clock", "were compared"] {
        assert!(text.split_whitespace().collect::<Vec<_>>().join(" ").contains(words), "{words}: {text}");
    }
}

#[test]
fn both_forms_of_composite_checksums_are_understood() {
    let _shared = Shared::new(12 << 20);
    for attributes_count_parts in [false, true] {
        let vault = Vault::with(Options { attributes_count_parts, ..Options::default() }, Bucket::new(BUCKET).locked(None));
        let place = vault.collect(&["--only", "shm"]);
        let big = vault.s3.object(BUCKET, &vault.key(&place, "data/raw/shm.tar.zst")).unwrap();
        assert!(big.parts.len() > 1 && big.checksum.unwrap().kind == Kind::Composite);
        vault.assert_verdict(&place, &[], 0, "verified");
        assert_eq!(reads_of_data(&vault.s3), 0);
    }
}

#[test]
fn what_was_laid_over_the_evidence_is_told_and_harms_nothing() {
    let vault = Vault::new();
    let place = vault.collect(&["--only", "context"]);
    for name in [DATA, "000-begin.json", MANIFEST] {
        vault.change(&place, name, |versions| versions.push(another(&vault, &versions[0].clone())));
    }
    vault.change(&place, CUSTODY, |versions| versions.push(marker(&vault, &versions[0].clone())));
    let report = vault.assert_verdict(&place, &["--rehash"], 0, "a delete marker was laid over it");
    assert_eq!(report["warnings"].as_array().unwrap().len(), 4, "{report:#}");
    assert!(report.to_string().contains("has 1 later version over the one that was verified"), "{report:#}");
}

#[test]
fn listings_of_many_pages_are_read_to_their_end() {
    let vault = Vault::new();
    let place = vault.collect(&["--only", "context"]);
    vault.change(&place, CUSTODY, |versions| {
        let first = versions[0].clone();
        versions.extend((0..2500).map(|_| another(&vault, &first)));
    });
    vault.assert_verdict(&place, &[], 0, "2500 later versions");
}

/// Changes the one version of an object.
fn changed(name: &str, code: i32, word: &str, change: fn(&mut Version)) {
    let vault = Vault::new();
    let place = vault.collect(&["--only", "context"]);
    vault.change(&place, name, |versions| change(versions.first_mut().unwrap()));
    vault.assert_verdict(&place, &[], code, word);
}

#[test]
fn a_weaker_lock_than_was_promised_is_found() {
    let until = |version: &mut Version| version.retention.as_mut().unwrap().until -= SignedDuration::from_hours(24);
    changed(DATA, 1, "and it was stored with COMPLIANCE", until);
    changed(END, 1, "and it was stored with COMPLIANCE", until);
    changed(DATA, 1, "its lock is none", |version| version.retention = None);
    changed(MANIFEST, 1, "its lock is GOVERNANCE", |version| version.retention.as_mut().unwrap().mode = Mode::Governance);
    changed(DATA, 0, "verified", |version| version.retention.as_mut().unwrap().until += SignedDuration::from_hours(24));
}

#[test]
fn other_bytes_are_found() {
    changed(DATA, 1, "bytes in the bucket, and its receipt says", |version| version.size -= 1);
    changed(DATA, 1, "checksum of it", |version| {
        version.checksum.as_mut().unwrap().value = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=".to_owned();
    });
    changed(DATA, 1, "is not there; another one is", |version| version.id = "x".repeat(32));
    changed(CUSTODY, 1, CUSTODY, |version| {
        let part = &mut version.parts[0];
        let mut bytes = part.data.as_ref().unwrap().to_vec();
        bytes[100] ^= 1;
        part.data = Some(bytes.into());
        version.checksum = None;
    });
}

#[test]
fn a_bucket_that_lies_about_its_checksums_is_found_by_reading() {
    let vault = Vault::new();
    let place = vault.collect(&["--only", "context"]);
    vault.change(&place, DATA, |versions| {
        let part = &mut versions[0].parts[0];
        let mut bytes = part.data.as_ref().unwrap().to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        part.data = Some(bytes.into());
    });
    vault.assert_verdict(&place, &[], 0, "verified");
    // The client compares the checksum of what it reads, and gives up on bytes that are not those.
    let (code, report) = vault.verify(&place, &["--rehash"]);
    assert!([1, 3].contains(&code) && report.to_string().contains(DATA), "{code}: {report:#}");
}

#[test]
fn what_is_missing_or_added_is_found() {
    let vault = Vault::new();
    let place = vault.collect(&["--only", "context"]);
    let (data, end, stray) = (vault.key(&place, DATA), vault.key(&place, END), vault.key(&place, "notes.txt"));
    let mut kept = None;
    vault.s3.change(BUCKET, |bucket| kept = bucket.versions.remove(&data));
    vault.assert_verdict(&place, &[], 1, "is missing, though the manifest lists it");
    vault.s3.change(BUCKET, |bucket| {
        bucket.versions.insert(data, kept.clone().unwrap());
        bucket.versions.insert(stray.clone(), kept.clone().unwrap());
    });
    vault.assert_verdict(&place, &[], 1, "is not a name that a run has");
    vault.s3.change(BUCKET, |bucket| {
        bucket.versions.remove(&stray);
        bucket.versions.remove(&end);
    });
    vault.assert_verdict(&place, &[], 2, "incomplete");
}

#[test]
fn an_upload_that_was_left_open_is_told() {
    let vault = Vault::new();
    let place = vault.collect(&["--only", "context"]);
    let key = vault.key(&place, "data/raw/shm.tar.zst");
    let now = vault.cloud.now();
    vault.s3.change(BUCKET, |bucket| {
        let like = bucket.versions.values().next().unwrap()[0].clone();
        let upload = Upload {
            key,
            initiated: now,
            initiator: "somebody".to_owned(),
            algorithm: None,
            kind: Kind::FullObject,
            retention: None,
            hold: false,
            encryption: like.encryption,
            metadata: Vec::new(),
            parts: std::collections::BTreeMap::new(),
        };
        bucket.uploads.insert("upload-1".to_owned(), upload);
    });
    let report = vault.assert_verdict(&place, &[], 0, "upload-1");
    assert_eq!(report["bucket"]["uploads"].as_array().unwrap().len(), 1);
}

#[test]
fn each_right_that_a_reader_lacks_is_named() {
    let vault = Vault::new();
    let place = vault.collect(&["--only", "context"]);
    for action in Role::Reader.actions() {
        // Nothing is encrypted with a key here.
        if action.starts_with("kms:") {
            continue;
        }
        vault.deny(Role::Reader, &action);
        vault.assert_verdict(&place, &[], 3, &action);
    }
}

#[test]
fn an_answer_that_was_lost_is_decided_by_what_is_there() {
    let vault = Vault::new();
    let rule = vault.s3.inject(Rule::on("PutObject", Fault::DropAfterCommit).after(2).times(2));
    let place = vault.collect(&["--only", "context"]);
    assert_eq!(vault.s3.times_fired(rule), 2);
    vault.assert_verdict(&place, &[], 0, "the answer that completed it was lost");
}

#[test]
fn bytes_that_break_off_are_asked_for_again() {
    let (vault, _shared) = (Vault::new(), Shared::new(6 << 20));
    let place = vault.collect(&["--only", "shm"]);
    let rule = vault.s3.inject(Rule::on("GetObject", Fault::Truncate(900)).times(3));
    vault.assert_verdict(&place, &["--rehash"], 0, "verified");
    assert_eq!(vault.s3.times_fired(rule), 3);
}

#[test]
fn a_default_retention_is_a_promise_too() {
    let default = DefaultRetention { mode: Mode::Compliance, days: 7 };
    let vault = Vault::with(Options::default(), Bucket::new(BUCKET).locked(Some(default)));
    let mut arguments = vault.collection(&["--only", "context"]);
    // The bucket decides.
    let at = arguments.iter().position(|argument| argument == "--lock").unwrap();
    arguments.drain(at..at + 4);
    let finished = vault.agent(Role::Writer).run(arguments);
    finished.assert_sealed();
    let place = finished.result()["to"].as_str().unwrap().to_owned();
    vault.assert_verdict(&place, &[], 0, "verified");
    vault.cloud.shift_clock(8 * 86_400);
    vault.assert_verdict(&place, &[], 0, "has ended, of the first at");
    vault.cloud.shift_clock(0);
    vault.change(&place, DATA, |versions| versions[0].retention = None);
    vault.assert_verdict(&place, &[], 1, "and the bucket gave COMPLIANCE");
}

#[test]
fn an_encryption_that_is_not_what_was_asked_is_found() {
    let ignoring = Options { ignores_encryption: true, ..Options::default() };
    let (vault, _shared) = (Vault::with(ignoring, Bucket::new(BUCKET).locked(None)), Shared::new(12 << 20));
    let (key, other) = (vault.cloud.set_kms_key("aaaa", KeyState::Enabled), vault.cloud.set_kms_key("bbbb", KeyState::Enabled));
    for (bucket_key, word) in [(None, "encrypts the object by AES256"), (Some(&other), other.as_str())] {
        vault.s3.change(BUCKET, |bucket| bucket.kms_key = bucket_key.cloned());
        let place = vault.collect(&["--only", "context,shm", "--kms-key", &key]);
        let report = vault.assert_verdict(&place, &[], 1, word);
        let findings = report["findings"].as_array().unwrap();
        for name in [DATA, "data/raw/shm.tar.zst", "000-begin.json"] {
            assert!(findings.iter().any(|finding| finding["object"] == name), "{name}: {report:#}");
        }
    }
    vault.s3.change(BUCKET, |bucket| bucket.kms_key = Some(key.clone()));
    let place = vault.collect(&["--only", "context,shm", "--kms-key", &key]);
    vault.assert_verdict(&place, &[], 0, "verified");
}

#[test]
fn an_unlocked_bucket_is_told_as_one() {
    let vault = Vault::with(Options::default(), Bucket::new(BUCKET).versioned());
    let mut arguments = vault.collection(&["--only", "context", "--allow-unlocked"]);
    let at = arguments.iter().position(|argument| argument == "--lock").unwrap();
    arguments.drain(at..at + 4);
    let finished = vault.agent(Role::Writer).run(arguments);
    finished.assert_sealed();
    let place = finished.result()["to"].as_str().unwrap().to_owned();
    let warning =
        "the bucket evidence has no Object Lock, and --allow-unlocked was given: what is written into it can be deleted";
    let said = finished.said();
    assert_eq!(said.matches(&format!("hozen: warning: {warning}")).count(), 1, "{said}");
    let report = vault.assert_verdict(&place, &[], 0, "have no lock");
    assert!(report["warnings"].to_string().contains(&format!("the agent warned: {warning}")), "{report:#}");
    let text = vault.run(Role::Reader, &["verify", &place]).stdout;
    assert!(text.split_whitespace().collect::<Vec<_>>().join(" ").contains(warning), "{text}");
    let copy = tempfile::tempdir().unwrap();
    vault.download(&place, copy.path());
    let evidence = Evidence::open(copy.path());
    let sink = &evidence.predicate("000-begin.json")["sink"];
    let expected = serde_json::json!([warning]);
    assert_eq!((&evidence.predicate(MANIFEST)["warnings"], &sink["warnings"]), (&expected, &expected));
    assert_eq!((&sink["allow_unlocked"], &sink["bucket_lock"]["enabled"]), (&true.into(), &false.into()), "{sink:#}");
    assert_eq!(report["bucket"]["unlocked"], report["objects"]);
}

#[test]
fn a_place_above_runs_is_not_taken_for_one() {
    let vault = Vault::new();
    let place = vault.collect(&["--only", "context"]);
    let id = place.rsplit('/').next().unwrap();
    vault.assert_verdict("s3://evidence/cases", &[], 3, id);
    vault.assert_verdict("s3://evidence/nothing", &[], 3, "holds no run");
    vault.run(Role::Reader, &["verify", "s3://Evidence"]).assert_code(3);
}

#[test]
fn a_copy_in_another_place_says_where_it_is_from() {
    let vault = Vault::new();
    let place = vault.collect(&["--only", "context"]);
    let from = vault.key(&place, "");
    vault.s3.change(BUCKET, |bucket| {
        let moved = std::mem::take(&mut bucket.versions).into_iter();
        bucket.versions = moved
            .map(|(key, mut versions)| {
                versions[0].retention = Some(Retention { mode: Mode::Governance, until: versions[0].retention.unwrap().until });
                (format!("copies/1/{}", key.strip_prefix(&from).unwrap()), versions)
            })
            .collect();
    });
    let report = vault.assert_verdict("s3://evidence/copies/1", &[], 0, "verified");
    assert_eq!(report["bucket"]["copied_from"], place);
}
