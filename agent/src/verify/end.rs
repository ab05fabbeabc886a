//! The end record (evidence format, section 2.3): how the run ended, over the manifest and the journal.

use hozen_collector::model::Digest;
use hozen_collector::model::record::{END_KEY, END_TYPE, End, MANIFEST_KEY, MAX_RECORD_BYTES, RunStatus, Subject};

use super::begin::Beginning;
use super::envelope::{self, Record};
use super::findings::Findings;
use super::holding::Holding;
use super::journal::Journal;
use super::manifest::Listed;
use super::words;

/// An end record that could be read.
#[derive(Debug)]
pub(super) struct Ending {
    /// Digest of its stored bytes.
    pub(super) sha256: Digest,
    /// What it says.
    pub(super) end: End,
}

/// What the end record must agree with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rest<'a> {
    pub(super) holding: &'a Holding,
    pub(super) beginning: Option<&'a Beginning>,
    pub(super) journal: &'a Journal,
    pub(super) listed: Option<&'a Listed>,
}

/// Reads the end record, if there is one, and compares it with all else.
pub(super) fn check(rest: Rest<'_>, findings: &mut Findings) -> Option<Ending> {
    if rest.holding.has(END_KEY) && !rest.holding.has(MANIFEST_KEY) {
        findings.fail(MANIFEST_KEY, "is missing, though the end record, which is written after it, is there");
    }
    let bytes = rest.holding.read(END_KEY, MAX_RECORD_BYTES, findings)?;
    let record: Record<End> = envelope::parse(END_KEY, &bytes, END_TYPE, findings)?;
    let end = &record.statement.predicate;
    envelope::require_version(END_KEY, end.v, findings);
    if let Some(beginning) = rest.beginning {
        if let Some(key) = &beginning.key {
            key.check(END_KEY, &record, findings);
        }
        findings.require(end.run == beginning.begin.run, END_KEY, "it belongs to another run than the begin record");
    }
    let there = words::length(rest.holding.objects().len());
    let told = format!("it says that the run has {}, and {there} are there", words::count(end.objects, "object"));
    findings.require(end.objects == there || !rest.holding.is_whole(), END_KEY, told);
    if let Some(listed) = rest.listed {
        check_manifest(&record, listed, findings);
    }
    if rest.journal.whole {
        check_journal(end, rest.journal, findings);
    }
    check_status(end, rest, findings);
    Some(Ending { sha256: record.sha256, end: record.statement.predicate })
}

fn check_manifest(record: &Record<End>, listed: &Listed, findings: &mut Findings) {
    let subject = [Subject::new(MANIFEST_KEY, listed.sha256)];
    findings.require(record.statement.subject == subject, END_KEY, "it does not name the digest of the manifest that is there");
    let same = record.statement.predicate.chain == listed.manifest.chain;
    findings.require(same, END_KEY, "it says another end of the journal than the manifest");
}

fn check_journal(end: &End, journal: &Journal, findings: &mut Findings) {
    findings.require(journal.ends_with(&end.chain), END_KEY, "it says that the journal ends with another line than it does");
    if let Some(told) = &journal.story.end {
        let same = (told.status, told.exit_code) == (end.status, end.exit_code);
        findings.require(same, END_KEY, "it says another status or exit code than the journal");
    }
}

/// `complete` means exit code 0, nothing to explain, and every step that was not skipped by the plan sound.
fn check_status(end: &End, rest: Rest<'_>, findings: &mut Findings) {
    let complete = end.status == RunStatus::Complete;
    findings.require(complete == (end.exit_code == 0), END_KEY, "its status and its exit code contradict each other");
    findings.require(!complete || end.reasons.is_empty(), END_KEY, "its status and its reasons contradict each other");
    let (true, Some(beginning), Some(listed)) = (complete, rest.beginning, rest.listed) else { return };
    for (planned, step) in beginning.begin.plan.iter().zip(&listed.manifest.steps) {
        let fine = planned.skip.is_some() || step.is_sound();
        let told = format!("it says complete, and the step {} ended {}", step.artefact, step.status.word());
        findings.require(fine, END_KEY, told);
    }
}
