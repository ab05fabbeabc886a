//! Runs that are wrong in one way and whose digests and signatures are all right: what a liar with the run's key would make, or
//! a bug in the agent. The sweep cannot find out whether these checks exist, because digests catch all that it does.

use std::path::Path;

use hozen::verify::{Options, Report, Verdict, verify};
use hozen_collector::model::record::{Before, Begin, Continues, Event, Manifest, RunStatus, Subject};
use hozen_collector::model::{Digest, Encoding, RunId, Status, Timestamp};
use serde_json::json;

use crate::support::builder::{self, ARCHIVE, Forge, PORTS, PROCESSES};

const BEGIN: &str = "000-begin.json";
const FIRST: &str = "custody/000001.jsonl";
const SECOND: &str = "custody/000002.jsonl";
const SUMS: &str = "SHA256SUMS";
const MANIFEST: &str = "900-manifest.json";
const END: &str = "999-end.json";

fn report_of(forge: &Forge) -> Report {
    let dir = tempfile::tempdir().unwrap();
    builder::forge(dir.path(), forge);
    verify(dir.path(), &Options::default())
}

/// Each forgery fails with a finding at `object` that says `word`.
fn expect(cases: Vec<(&str, &str, Forge)>) {
    for (object, word, forge) in cases {
        let report = report_of(&forge);
        let found = report.findings.iter().any(|finding| finding.object == object && finding.what.contains(word));
        let all: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
        assert!(found && report.verdict == Verdict::Failed, "{object}: {word}: {:?}\n{}", report.verdict, all.join("\n"));
    }
}

macro_rules! forge {
    ($hand:ident, $with:expr) => {
        Forge { $hand: $with, ..Forge::default() }
    };
}

fn named<'a>(events: &'a mut [Event], name: &str) -> &'a mut Event {
    events.iter_mut().find(|event| event.event == name).unwrap()
}

#[test]
fn lies_of_the_begin_record() {
    expect(vec![
        (BEGIN, "version 2", forge!(begin, |begin| begin.v = 2)),
        (BEGIN, "names process twice", forge!(begin, |begin| begin.plan[1].artefact = "process".to_owned())),
        (BEGIN, "not an Ed25519 key", forge!(begin, |begin| begin.run_key.algorithm = "rsa".to_owned())),
        (BEGIN, "not the digest of its key", forge!(begin, |begin| begin.run_key.keyid.push('0'))),
        (BEGIN, "PEM form", forge!(begin, |begin| begin.run_key.pem.push('\n'))),
        (BEGIN, "its subject", forge!(begin, |begin| begin.agent.sha256 = None)),
        (BEGIN, "its subject", forge!(program, |program| program[0].name = "other".to_owned())),
        (BEGIN, "unknown kind", forge!(begin, |begin| begin.host.id_kind = "guess".to_owned())),
        (BEGIN, "clocks", forge!(begin, |begin| begin.clock = json!(1))),
    ]);
}

/// The run that it says it goes on with.
fn first() -> RunId {
    RunId::new(Timestamp::from_seconds(0), 9)
}

fn goes_on(begin: &mut Begin) {
    let (location, reason) = ("s3://evidence/first".to_owned(), "the bucket was lost".to_owned());
    begin.continues = Some(Continues { run: first(), location, begin_sha256: Digest::of(b""), sealed: false, reason });
}

fn knows_of_it(manifest: &mut Manifest) {
    let (steps, objects, chain) = (manifest.steps.clone(), manifest.objects.clone(), manifest.chain.clone());
    manifest.continues = Some(Before { run: first(), steps, objects, chain });
}

#[test]
fn lies_about_the_run_that_it_goes_on_with() {
    let report = report_of(&Forge { begin: goes_on, manifest: knows_of_it, ..Forge::default() });
    assert_eq!(report.verdict, Verdict::Verified, "{}", report.to_text());
    let without_receipts = |manifest: &mut Manifest| {
        knows_of_it(manifest);
        manifest.continues.iter_mut().for_each(|before| before.objects.clear());
    };
    let itself = |begin: &mut Begin| {
        goes_on(begin);
        begin.run = first();
    };
    expect(vec![
        (BEGIN, "with itself", forge!(begin, itself)),
        (MANIFEST, "another run than the begin record says", forge!(begin, goes_on)),
        (MANIFEST, "another run than the begin record says", forge!(manifest, knows_of_it)),
        (MANIFEST, "without a receipt", Forge { begin: goes_on, manifest: without_receipts, ..Forge::default() }),
    ]);
}

fn warned_of(begin: &mut Begin) {
    begin.sink.insert("warnings".to_owned(), json!(["it locks nothing"]));
}

#[test]
fn lies_about_what_was_warned_of() {
    let says = |manifest: &mut Manifest| manifest.warnings = vec!["it locks nothing".to_owned()];
    // The last is of an agent that did not write them into the manifest, the one before of a destination that says nothing of them.
    for (forge, place) in [
        (Forge { begin: warned_of, manifest: says, ..Forge::default() }, MANIFEST),
        (forge!(manifest, says), MANIFEST),
        (forge!(begin, warned_of), BEGIN),
    ] {
        let report = report_of(&forge);
        let told = report.warnings.iter().any(|warning| warning.object == place && warning.what.ends_with("it locks nothing"));
        assert!(told && report.verdict == Verdict::Verified, "{}", report.to_text());
    }
    let other = |manifest: &mut Manifest| manifest.warnings = vec!["all is well".to_owned()];
    expect(vec![(MANIFEST, "other warnings", Forge { begin: warned_of, manifest: other, ..Forge::default() })]);
}

#[test]
fn other_spellings_of_a_signed_record() {
    let duplicate = |_: &str, bytes: &mut Vec<u8>| drop(bytes.splice(1..1, b"\"payload\":\"\",".iter().copied()));
    for (name, spoil) in [
        ("canonical", (|_, bytes| bytes.push(b'\n')) as fn(&str, &mut Vec<u8>)),
        ("trailing", |_, bytes| bytes.extend(b"{}")),
        ("duplicate", duplicate),
    ] {
        expect([BEGIN, MANIFEST, END].map(|object| (object, name, forge!(envelope, spoil))).into());
    }
}

#[test]
fn lies_of_the_journal() {
    expect(vec![
        (FIRST, "another run", forge!(events, |events| events[1].run = hozen_collector::model::RunId::new(events[1].t, 7))),
        (FIRST, "number 9, and 2 is due", forge!(events, |events| events[1].seq = 9)),
        (FIRST, "runs backwards", forge!(events, |events| events[2].mono_ns = 0)),
        (FIRST, "another version of the evidence", forge!(events, |events| events[2].v = 2)),
        (FIRST, "another version of the agent", forge!(events, |events| events[2].actor.version = "9".to_owned())),
        (FIRST, "not the agent", forge!(events, |events| events[2].actor.kind = "man".to_owned())),
        (FIRST, "is unknown", forge!(events, |events| events[1].event = "step.begin".to_owned())),
        (FIRST, "not run.begin", forge!(events, |events| events[0].event = "step.start".to_owned())),
        (FIRST, "run.begin is not the first line", forge!(events, |events| events[1] = Event { seq: 2, ..events[0].clone() })),
        (FIRST, "another begin record", forge!(events, |events| events[0].data = json!({"begin_sha256": Digest::of(b"")}))),
        (FIRST, "does not name the artefact", forge!(events, |events| events[1].data = json!({"artefact": "other"}))),
        (FIRST, "not what the format says", forge!(events, |events| events[1].data = json!({"artefact": "process", "x": 1}))),
        (FIRST, "completed a second time", forge!(events, |events| events[2] = Event { seq: 3, ..events[3].clone() })),
        (SECOND, "begun a second time", forge!(events, |events| events[6].data = json!({"artefact": "process"}))),
        (SECOND, "finished a second time", forge!(events, |events| events[8].data = events[5].data.clone())),
        (SECOND, "without run.end", forge!(events, |events| drop(events.pop()))),
        (SECOND, "behind run.end", forge!(events, |events| events.swap(10, 11))),
        (
            FIRST,
            "is unknown",
            forge!(events, |events| {
                events[1].event = "interrupted".to_owned();
                events[1].data = json!({"cause": "boredom"});
            }),
        ),
        (FIRST, "canonical", forge!(journal, |text| text.insert(1, b' '))),
        (SECOND, "is empty", forge!(journal, |text| text.clear())),
        (FIRST, "longer than 1 MiB", forge!(events, |events| events[1].justification = "x".repeat(2 << 20))),
    ]);
}

#[test]
fn lies_of_receipts() {
    expect(vec![
        (PROCESSES, "holds more than", forge!(receipt, |receipt| receipt.content.size = receipt.content.size.min(10))),
        (PROCESSES, "content has", forge!(receipt, |receipt| receipt.content.size += 1)),
        (PROCESSES, "digest of its content", forge!(receipt, |receipt| receipt.content.sha256 = Digest::of(b"x"))),
        (PROCESSES, "its receipt says 9", forge!(receipt, |receipt| receipt.content.entries = Some(9))),
        (ARCHIVE, "does not say how many", forge!(receipt, |receipt| receipt.content.entries = None)),
        (PORTS, "1 zstd frames, and its receipt says 2 parts", forge!(receipt, |receipt| receipt.parts = 2)),
        (PROCESSES, "another encoding", forge!(receipt, |receipt| receipt.content.encoding = Encoding::Identity)),
        (BEGIN, "another encoding", forge!(receipt, |receipt| receipt.content.encoding = Encoding::ZstdFrames)),
        (BEGIN, "its content differs", forge!(receipt, |receipt| receipt.content.sha256 = Digest::of(b"x"))),
        (PROCESSES, "bytes, and its receipt says 1", forge!(receipt, |receipt| receipt.size = 1)),
    ]);
}

#[test]
fn lies_of_content() {
    expect(vec![
        (
            PROCESSES,
            "has number 7",
            forge!(rows, |rows| {
                let text = String::from_utf8(std::mem::take(rows)).unwrap();
                *rows = text.replace("\"seq\":1", "\"seq\":7").into_bytes();
            }),
        ),
        (PROCESSES, "entries", forge!(rows, |rows| rows.truncate(rows.len() / 2))),
        (PROCESSES, "does not end with a newline", forge!(rows, |rows| rows.truncate(rows.len() - 1))),
        (PROCESSES, "not UTF-8", forge!(rows, |rows| rows[10] = 0xff)),
        (ARCHIVE, "damaged header", forge!(archive, |archive| archive[5] ^= 1)),
        (ARCHIVE, "cut off", forge!(archive, |archive| archive.truncate(600))),
        (
            PROCESSES,
            "does not begin as a zstd frame",
            forge!(compressed, |stored| stored.extend(b"\x50\x2a\x4d\x18\x00\x00\x00\x00")),
        ),
        (
            PROCESSES,
            "is damaged",
            forge!(compressed, |stored| {
                let last = stored.len() - 1;
                stored[last] ^= 1;
            }),
        ),
        (PROCESSES, "cut off", forge!(compressed, |stored| stored.truncate(stored.len() - 1))),
    ]);
}

#[test]
fn a_bomb_stops_at_the_size_that_its_receipt_says() {
    // 64 MiB of zeros in a few kilobytes, eight frames of 8 MiB.
    let report = report_of(&forge!(compressed, |stored| {
        let mut compressor = zstd::bulk::Compressor::new(1).unwrap();
        compressor.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true)).unwrap();
        *stored = compressor.compress(&vec![0; 8 << 20]).unwrap().repeat(8);
    }));
    assert_eq!(report.verdict, Verdict::Failed);
    assert!(report.findings.iter().any(|finding| finding.object == PROCESSES && finding.what.contains("holds more than")));
}

#[test]
fn a_table_that_the_sink_took_in_part_is_sound_as_far_as_it_goes() {
    let rows: fn(&mut Vec<u8>) = |rows| rows.truncate(rows.len() - 30);
    expect(vec![(PROCESSES, "does not end with a newline", forge!(rows, rows))]);
    let events: fn(&mut Vec<Event>) = |events| {
        let from = events[3].data["content"]["size"].clone();
        let failed = json!({"key": PROCESSES, "reason": "no space", "from": from});
        let start = named(events, "step.start");
        (start.event, start.data) = ("object.failed".to_owned(), failed);
    };
    let report = report_of(&Forge { rows, events, ..Forge::default() });
    assert_eq!(report.verdict, Verdict::Verified, "{}", report.to_text());
    assert!(report.to_text().contains("no space"));
}

#[test]
fn lies_of_the_manifest() {
    let drop_object = |manifest: &mut hozen_collector::model::record::Manifest| {
        manifest.objects.retain(|receipt| receipt.key.as_str() != PORTS);
    };
    expect(vec![
        (MANIFEST, "version 2", forge!(manifest, |manifest| manifest.v = 2)),
        (
            MANIFEST,
            "another run",
            forge!(manifest, |manifest| {
                manifest.run = hozen_collector::model::RunId::new(manifest.steps[0].started, 7);
            }),
        ),
        (MANIFEST, "another case", forge!(manifest, |manifest| manifest.case = "other".parse().unwrap())),
        (MANIFEST, "its subjects", forge!(subjects, |subjects| subjects.push(Subject::new("x", Digest::of(b""))))),
        (MANIFEST, "not sorted", forge!(manifest, |manifest| manifest.objects.swap(0, 1))),
        (PORTS, "does not list it", forge!(manifest, drop_object)),
        (
            PORTS,
            "another receipt",
            forge!(manifest, |manifest| {
                let ports = manifest.objects.iter_mut().find(|receipt| receipt.key.as_str() == PORTS).unwrap();
                ports.finished = ports.started;
            }),
        ),
        (
            PORTS,
            "is not what the manifest lists",
            forge!(manifest, |manifest| {
                manifest.objects.iter_mut().find(|receipt| receipt.key.as_str() == PORTS).unwrap().size += 1;
            }),
        ),
        (MANIFEST, "another line", forge!(manifest, |manifest| manifest.chain.seq += 1)),
        (MANIFEST, "not those of the plan", forge!(manifest, |manifest| manifest.steps.swap(0, 1))),
        (MANIFEST, "was to be skipped", forge!(manifest, |manifest| manifest.steps[2].status = Status::Absent)),
        (MANIFEST, "counts", forge!(manifest, |manifest| *manifest.counts.get_mut(&Status::Ok).unwrap() = 9)),
        (MANIFEST, "counts", forge!(manifest, |manifest| manifest.counts.retain(|status, _| *status != Status::Timeout))),
        (PORTS, "belongs to 0 steps", forge!(manifest, |manifest| manifest.steps[1].objects.clear())),
        (PORTS, "belongs to 2 steps", forge!(manifest, |manifest| manifest.steps[2].objects = manifest.steps[1].objects.clone())),
        (
            PORTS,
            "not a name that the artefact process",
            forge!(manifest, |manifest| {
                manifest.steps[0].objects = manifest.steps[1].objects.clone();
            }),
        ),
        (MANIFEST, "its objects are not sorted", forge!(manifest, |manifest| manifest.steps[0].objects.reverse())),
        (MANIFEST, "no reason or gap", forge!(manifest, |manifest| manifest.steps[2].reasons.clear())),
        (MANIFEST, "it is ok, and yet", forge!(manifest, |manifest| manifest.steps[0].status = Status::Ok)),
        (MANIFEST, "another outcome", forge!(manifest, |manifest| manifest.steps[0].status = Status::Failed)),
        (MANIFEST, "other gaps", forge!(manifest, |manifest| manifest.steps[0].gaps[0].offset = None)),
        (MANIFEST, "other gaps", forge!(manifest, |manifest| manifest.steps[0].gaps.clear())),
        (MANIFEST, "as many gaps", forge!(manifest, |manifest| manifest.steps[0].gaps_omitted = 1)),
    ]);
}

#[test]
fn journal_and_manifest_that_do_not_fit() {
    expect(vec![
        (MANIFEST, "another outcome", forge!(events, |events| named(events, "step.finish").data["status"] = json!("failed"))),
        (MANIFEST, "another number of gaps", forge!(events, |events| named(events, "step.finish").data["gap_count"] = json!(2))),
        (MANIFEST, "other gaps", forge!(events, |events| named(events, "gap").data["gap"]["reason"] = json!("bored"))),
        (
            MANIFEST,
            "does not say how it ended",
            forge!(events, |events| {
                let start = events[1].clone();
                let finish = named(events, "step.finish");
                finish.event = "interrupted".to_owned();
                finish.data = json!({"cause": "signal"});
                assert_eq!(start.event, "step.start");
            }),
        ),
        (
            PROCESSES,
            "has no receipt for it",
            forge!(events, |events| {
                let completed = named(events, "object.completed");
                completed.event = "interrupted".to_owned();
                completed.data = json!({"cause": "deadline"});
            }),
        ),
    ]);
}

#[test]
fn lies_of_sums_and_end() {
    expect(vec![
        (SUMS, "should be here", forge!(sums, |sums| sums[0] ^= 1)),
        (SUMS, "should end here", forge!(sums, |sums| sums.extend(b"x"))),
        (SUMS, "should be here", forge!(sums, |sums| sums.clear())),
        (END, "version 2", forge!(end, |end| end.v = 2)),
        (END, "another run", forge!(end, |end| end.run = hozen_collector::model::RunId::new(end.ended, 7))),
        (END, "has 3 objects", forge!(end, |end| end.objects = 3)),
        (END, "another line", forge!(end, |end| end.chain.head.push('0'))),
        (END, "than the manifest", forge!(end, |end| end.chain.seq = 1)),
        (END, "than the journal", forge!(end, |end| end.exit_code = 11)),
        (END, "contradict each other", forge!(end, |end| end.status = RunStatus::Complete)),
        (END, "contradict each other", forge!(end, |end| end.exit_code = 0)),
        (
            END,
            "the step process ended partial",
            forge!(end, |end| {
                end.status = RunStatus::Complete;
                end.exit_code = 0;
                end.reasons.clear();
            }),
        ),
    ]);
}

#[test]
fn records_signed_with_another_key() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    builder::build(one.path());
    builder::forge(other.path(), &Forge { key: [8; 32], ..Forge::default() });
    for object in [MANIFEST, END] {
        let honest = std::fs::read(one.path().join(object)).unwrap();
        std::fs::copy(other.path().join(object), one.path().join(object)).unwrap();
        let report = verify(one.path(), &Options::default());
        let told = report.findings.iter().any(|finding| finding.object == object && finding.what.contains("signature is wrong"));
        assert!(told && report.verdict == Verdict::Failed, "{object}");
        std::fs::write(one.path().join(object), honest).unwrap();
    }
    assert_eq!(verify(Path::new(one.path()), &Options::default()).verdict, Verdict::Verified);
}
