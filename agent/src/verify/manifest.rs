//! The manifest (evidence format, section 2.2) against the folder, the journal and the plan.

use std::collections::{BTreeMap, BTreeSet};

use hozen_collector::model::record::{Begin, MANIFEST_KEY, MANIFEST_TYPE, MAX_MANIFEST_BYTES, Manifest, Subject};
use hozen_collector::model::{Digest, ObjectKey, Receipt};

use super::begin::Beginning;
use super::envelope::{self, Record};
use super::findings::Findings;
use super::holding::Holding;
use super::journal::Journal;
use super::name::Name;
use super::objects::Measured;
use super::steps;
use super::warned;

/// A manifest that could be read.
#[derive(Debug)]
pub(super) struct Listed {
    /// Digest of its stored bytes.
    pub(super) sha256: Digest,
    subjects: Vec<Subject>,
    /// What it says.
    pub(super) manifest: Manifest,
}

/// Reads the manifest, if there is one, and checks its form and its signature.
pub(super) fn read(holding: &Holding, beginning: Option<&Beginning>, findings: &mut Findings) -> Option<Listed> {
    let bytes = holding.read(MANIFEST_KEY, MAX_MANIFEST_BYTES, findings)?;
    let record: Record<Manifest> = envelope::parse(MANIFEST_KEY, &bytes, MANIFEST_TYPE, findings)?;
    if let Some(key) = beginning.and_then(|beginning| beginning.key.as_ref()) {
        key.check(MANIFEST_KEY, &record, findings);
    }
    Some(Listed { sha256: record.sha256, subjects: record.statement.subject, manifest: record.statement.predicate })
}

/// Compares the manifest with all else.
pub(super) fn check(
    listed: &Listed,
    holding: &Holding,
    beginning: Option<&Beginning>,
    journal: &Journal,
    measured: &Measured,
    findings: &mut Findings,
) {
    let manifest = &listed.manifest;
    envelope::require_version(MANIFEST_KEY, manifest.v, findings);
    if let Some(begin) = beginning.map(|beginning| &beginning.begin) {
        findings.require(manifest.run == begin.run, MANIFEST_KEY, "it belongs to another run than the begin record");
        findings.require(manifest.case == begin.case, MANIFEST_KEY, "it belongs to another case than the begin record");
        steps::match_plan(manifest, &begin.plan, findings);
        check_before(manifest, begin, findings);
        warned::compare(manifest, begin, findings);
    }
    check_list(listed, findings);
    check_folder(manifest, holding, journal, measured, findings);
    steps::check_objects(manifest, findings);
    if journal.whole {
        let told = "it says that the journal ends with another line than it does";
        findings.require(journal.ends_with(&manifest.chain), MANIFEST_KEY, told);
        check_receipts(manifest, holding, journal, findings);
        steps::match_journal(manifest, &journal.story, findings);
    }
}

/// The run that this one goes on with is that of the begin record, and every object of its steps has a receipt.
fn check_before(manifest: &Manifest, begin: &Begin, findings: &mut Findings) {
    let (before, first) = (manifest.continues.as_ref(), begin.continues.as_ref());
    let same = before.map(|before| before.run) == first.map(|first| first.run);
    findings.require(same, MANIFEST_KEY, "it goes on with another run than the begin record says");
    let Some(before) = before else { return };
    let listed: BTreeSet<&ObjectKey> = before.objects.iter().map(|receipt| &receipt.key).collect();
    let known = before.steps.iter().flat_map(|step| &step.objects).all(|key| listed.contains(key));
    findings.require(known, MANIFEST_KEY, "of the run that it goes on with it names objects without a receipt");
}

/// Subjects and receipts are one list, sorted, nothing twice.
fn check_list(listed: &Listed, findings: &mut Findings) {
    let receipts = &listed.manifest.objects;
    let subjects: Vec<Subject> = receipts.iter().map(|receipt| Subject::new(receipt.key.as_str(), receipt.sha256)).collect();
    findings.require(subjects == listed.subjects, MANIFEST_KEY, "its subjects are not the objects of its receipts");
    let sorted = receipts.is_sorted_by(|a, b| a.key < b.key);
    findings.require(sorted, MANIFEST_KEY, "its objects are not sorted, or one stands twice");
}

/// Listed and there are the same objects, with the same bytes.
fn check_folder(manifest: &Manifest, holding: &Holding, journal: &Journal, measured: &Measured, findings: &mut Findings) {
    let listed: BTreeSet<&ObjectKey> = manifest.objects.iter().map(|receipt| &receipt.key).collect();
    let is_later = |key: &ObjectKey| matches!(Name::of(key), Some(Name::Manifest | Name::End));
    for key in holding.objects().iter().filter(|key| !is_later(key) && !listed.contains(key)) {
        findings.fail(key, "is there, and the manifest does not list it");
    }
    for receipt in &manifest.objects {
        let later = is_later(&receipt.key);
        findings.require(!later, MANIFEST_KEY, format!("it lists {}, which is written after it", receipt.key));
        findings.require(later || !holding.lacks(&receipt.key), &receipt.key, "is missing, though the manifest lists it");
        // Where the journal has no receipt, the object has been compared with this one already.
        if let (Some(_), Some(stored)) = (journal.story.receipts.get(&receipt.key), measured.stored.get(&receipt.key)) {
            let same = (stored.sha256, stored.size) == (receipt.sha256, receipt.size);
            findings.require(same, &receipt.key, "is not what the manifest lists");
        }
    }
}

/// The journal has the same receipts as the manifest for all that it has receipts for.
fn check_receipts(manifest: &Manifest, holding: &Holding, journal: &Journal, findings: &mut Findings) {
    let theirs: BTreeMap<&ObjectKey, &Receipt> = manifest.objects.iter().map(|receipt| (&receipt.key, receipt)).collect();
    for (key, receipt) in &journal.story.receipts {
        let same = theirs.get(key).is_none_or(|listed| *listed == receipt);
        findings.require(same, key, "the journal has another receipt for it than the manifest");
    }
    // Of what is not there, no receipt was kept, and that it is not there has been told.
    let there = theirs.keys().filter(|key| holding.objects().contains(**key));
    let due = there.filter(|key| Name::of(key).is_some_and(Name::has_journal_receipt));
    for key in due.filter(|key| !journal.story.receipts.contains_key(**key)) {
        findings.fail(key, "the manifest lists it, and the journal has no receipt for it");
    }
}
