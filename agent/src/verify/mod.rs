//! Offline verification of one run in a folder, by anyone.
//!
//! Written from `docs/evidence-format.md` as a stranger would: the order here is that of its section 8. All checks are made even
//! after one has failed, so that the report tells everything that is wrong.
//!
//! **Invariant:** no bytes make it panic, memory does not grow with the objects, and nothing is written or executed.

pub(crate) mod archive;
mod begin;
mod end;
mod envelope;
mod events;
mod findings;
mod folder;
pub(crate) mod frames;
mod held;
mod holding;
mod journal;
mod manifest;
mod missing;
pub(crate) mod name;
mod objects;
mod opened;
mod report;
mod rows;
mod seals;
mod steps;
mod sums;
mod text;
mod words;

use std::collections::BTreeMap;
use std::path::Path;

use hozen_collector::model::record::{ChainHead, END_KEY, MANIFEST_KEY, RunStatus, SUMS_KEY};
use hozen_collector::model::{CaseId, Digest, ObjectKey, Receipt, RunId};
use serde::Serialize;

use begin::Beginning;
use end::Ending;
use findings::Findings;
use holding::Holding;
use journal::Journal;
use manifest::Listed;
use objects::{Measured, Said};

pub use crate::seal::SealPublic;
pub(crate) use envelope::{from_pem as key_from_pem, prefixed as keyid};
pub use findings::{Finding, MAX_FINDINGS, State};
pub use missing::GapGroup;
pub(crate) use opened::{Opened, open};
pub use report::{Check, Facts, Lost, Report, StepLine, Witness};
pub use seals::SealLine;

/// Digests that are known from elsewhere: from the agent's result line, a ticket, a sealed envelope.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// SHA-256 of `999-end.json`.
    pub end_sha256: Option<Digest>,
    /// SHA-256 of `900-manifest.json`.
    pub manifest_sha256: Option<Digest>,
    /// A key that must have sealed the run, known from elsewhere.
    pub seal_key: Option<SealPublic>,
}

/// What verification has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The folder holds one whole run, and nothing contradicts its records.
    Verified,
    /// Something contradicts the records.
    Failed,
    /// The run was cut off; nothing contradicts what is there.
    Incomplete,
    /// Something could not be opened or read, and nothing that could be contradicts.
    CouldNotCheck,
}

impl Verdict {
    /// The exit code of `hozen verify`.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Verified => 0,
            Self::Failed => 1,
            Self::Incomplete => 2,
            Self::CouldNotCheck => 3,
        }
    }
}

/// All that was found out, before it becomes a report.
#[derive(Debug, Default)]
struct Examined {
    holding: Option<Holding>,
    beginning: Option<Beginning>,
    journal: Journal,
    listed: Option<Listed>,
    measured: Measured,
    ending: Option<Ending>,
    witness: Witness,
    seals: Vec<SealLine>,
    checks: Vec<Check>,
    findings: Findings,
}

/// What a run that is verified says of itself: what a seal is made over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// The run.
    pub run: RunId,
    /// The case.
    pub case: CaseId,
    /// How it ended.
    pub status: RunStatus,
    /// The custody journal's last line.
    pub chain: ChainHead,
    /// Objects of the run, seals not counted.
    pub objects: u64,
    /// Digest of the manifest.
    pub manifest_sha256: Digest,
    /// Digest of the end record.
    pub end_sha256: Digest,
}

/// Verifies the run in the folder `dir`.
#[must_use]
pub fn verify(dir: &Path, options: &Options) -> Report {
    examine(dir, options).0
}

/// As [`verify`]; what is verified comes with what it says of itself.
#[must_use]
pub fn examine(dir: &Path, options: &Options) -> (Report, Option<Whole>) {
    let mut run = Examined::default();
    run.examine(dir, options);
    let whole = run.whole();
    let report = report::assemble(dir, run);
    let verified = report.verdict == Verdict::Verified;
    (report, whole.filter(|_| verified))
}

impl Examined {
    fn whole(&self) -> Option<Whole> {
        let (begin, ending) = (&self.beginning.as_ref()?.begin, self.ending.as_ref()?);
        Some(Whole {
            run: begin.run,
            case: begin.case.clone(),
            status: ending.end.status,
            chain: ending.end.chain.clone(),
            objects: ending.end.objects,
            manifest_sha256: self.listed.as_ref()?.sha256,
            end_sha256: ending.sha256,
        })
    }

    fn examine(&mut self, dir: &Path, options: &Options) {
        let mark = self.findings.mark();
        let Some(holding) = folder::open(dir, &mut self.findings) else { return };
        if holding.objects().is_empty() && holding.growing().is_empty() {
            self.findings = Findings::default();
            self.findings.unreadable(findings::Place::folder(), "holds no run: there is not even the beginning of one in it");
            return;
        }
        self.note("folder", mark, holding.entries(), "files, each of them regular and with a name of the evidence format");
        self.begin(&holding);
        self.journal(&holding);
        let mark = self.findings.mark();
        self.listed = manifest::read(&holding, self.beginning.as_ref(), &mut self.findings);
        let manifest = self.findings.since(mark);
        self.objects(&holding);
        self.manifest(&holding, manifest);
        self.sums(&holding);
        self.end(&holding);
        self.seals(&holding, options);
        self.compare_with_witness(&holding, options);
        self.holding = Some(holding);
    }

    fn begin(&mut self, holding: &Holding) {
        let mark = self.findings.mark();
        self.beginning = begin::check(holding, &mut self.findings);
        if self.beginning.is_some() || self.findings.since(mark) != State::Passed {
            self.note("begin record", mark, 1, "record, in its one spelling and signed with the key that it carries");
        } else {
            self.not_done("begin record", "there is none yet: the run was cut off before it was stored");
        }
    }

    fn journal(&mut self, holding: &Holding) {
        let mark = self.findings.mark();
        self.journal = journal::check(holding, self.beginning.as_ref(), &mut self.findings);
        if self.journal.lines == 0 && self.findings.since(mark) == State::Passed {
            return self.not_done("custody journal", "there is none yet");
        }
        let what =
            "lines, each numbered in turn and with the digest of the line before it, the first with that of the begin record";
        self.note("custody journal", mark, self.journal.lines, what);
    }

    fn objects(&mut self, holding: &Holding) {
        let mark = self.findings.mark();
        let said = Said {
            receipts: receipts(&self.journal, self.listed.as_ref()),
            cut: self.journal.story.lost.iter().map(|lost| (&lost.key, lost.from)).collect(),
            host_id: self.beginning.as_ref().map(|beginning| beginning.begin.host.id.as_str()),
        };
        self.measured = objects::check(holding, &said, &mut self.findings);
        let Measured { with_receipt, decompressed, rows, members, .. } = self.measured;
        let what = format!(
            "objects with the size and digest that their receipt says; {decompressed} of them were decompressed to content of the \
             size, digest and number of entries that the receipt says ({rows} rows and {members} archive members in all)"
        );
        self.note("objects", mark, with_receipt, &what);
    }

    fn manifest(&mut self, holding: &Holding, form: State) {
        let mark = self.findings.mark();
        let Some(listed) = &self.listed else {
            return match form {
                State::Passed => self.not_done("manifest", "there is none: the run was cut off before it was written"),
                state => self.checks.push(Check::new("manifest", state, 0, "it could not be read")),
            };
        };
        let beginning = self.beginning.as_ref();
        manifest::check(listed, holding, beginning, &self.journal, &self.measured, &mut self.findings);
        let state = if form == State::Passed { self.findings.since(mark) } else { form };
        let what = "objects listed under the signature of the run's key: those that are there and no others, with the receipts, \
                    outcomes and gaps of the journal, and a step for each entry of the plan";
        let count = words::length(listed.manifest.objects.len());
        self.checks.push(Check::new("manifest", state, count, what));
    }

    fn sums(&mut self, holding: &Holding) {
        let mark = self.findings.mark();
        let lines = sums::check(holding, self.listed.as_ref(), &self.measured, &mut self.findings);
        if lines.is_none() && self.findings.since(mark) == State::Passed {
            return self.not_done(SUMS_KEY, "there is none: the run was cut off before it was written");
        }
        self.note(SUMS_KEY, mark, lines.unwrap_or_default(), "lines, exactly those that follow from the objects");
    }

    fn end(&mut self, holding: &Holding) {
        let mark = self.findings.mark();
        let rest =
            end::Rest { holding, beginning: self.beginning.as_ref(), journal: &self.journal, listed: self.listed.as_ref() };
        self.ending = end::check(rest, &mut self.findings);
        if self.ending.is_none() && self.findings.since(mark) == State::Passed {
            return self.not_done("end record", "there is none: the run was cut off");
        }
        let what = "record, signed with the run's key, over the manifest that is there, the end of the journal and the number of \
                    objects";
        self.note("end record", mark, 1, what);
    }

    fn seals(&mut self, holding: &Holding, options: &Options) {
        let mark = self.findings.mark();
        let run = seals::Run { beginning: self.beginning.as_ref(), listed: self.listed.as_ref(), ending: self.ending.as_ref() };
        self.seals = seals::check(holding, run, options.seal_key.as_ref(), &mut self.findings);
        if holding.seals().is_empty() && self.findings.since(mark) == State::Passed {
            return self.not_done("seals", "there are none: nobody has countersigned this run");
        }
        let count = words::length(self.seals.len());
        self.note(
            "seals",
            mark,
            count,
            "made over the manifest and the end record that are here, each signed with the key it names",
        );
    }

    fn compare_with_witness(&mut self, holding: &Holding, options: &Options) {
        let pairs = [
            (END_KEY, options.end_sha256, self.ending.as_ref().map(|ending| ending.sha256)),
            (MANIFEST_KEY, options.manifest_sha256, self.listed.as_ref().map(|listed| listed.sha256)),
        ];
        let digests = pairs.iter().filter(|(_, given, _)| given.is_some()).count();
        let given = words::length(digests);
        if digests == 0 {
            return self.compare_with_seals();
        }
        let mark = self.findings.mark();
        let mut agrees = true;
        for (key, given, there) in pairs.into_iter().filter_map(|(key, given, there)| Some((key, given?, there))) {
            agrees &= there == Some(given);
            match there {
                Some(there) if there == given => {}
                Some(there) => {
                    self.findings.fail(key, format!("the digest given from elsewhere is {given}, and here it is {there}"))
                }
                None if !holding.has(key) => self.findings.fail(key, "is missing, and its digest was given from elsewhere"),
                // It is there and is no such record, or cannot be read: that has been told.
                None => {}
            }
        }
        self.witness = if agrees { Witness::Agrees } else { Witness::Disagrees };
        if !agrees && self.findings.since(mark) == State::Passed {
            return self.not_done("outside witness", "the record whose digest was given cannot be read");
        }
        self.note("outside witness", mark, given, "digest given from elsewhere and found to be that of the record here");
    }

    /// Without a digest from elsewhere, a key from elsewhere that has sealed the run is the witness.
    fn compare_with_seals(&mut self) {
        if !self.seals.iter().any(|seal| seal.key_was_given) {
            return self.not_done("outside witness", "no digest from elsewhere was given to compare with");
        }
        self.witness = Witness::Agrees;
        let mark = self.findings.mark();
        self.note("outside witness", mark, 1, "key given from elsewhere and found to have sealed this run");
    }

    fn note(&mut self, name: &'static str, mark: findings::Mark, count: u64, what: &str) {
        self.checks.push(Check::new(name, self.findings.since(mark), count, what));
    }

    fn not_done(&mut self, name: &'static str, why: &str) {
        self.checks.push(Check::new(name, State::NotDone, 0, why));
    }
}

/// The receipt of each object: the journal's, else the manifest's.
fn receipts<'a>(journal: &'a Journal, listed: Option<&'a Listed>) -> BTreeMap<&'a ObjectKey, &'a Receipt> {
    let listed = listed.into_iter().flat_map(|listed| &listed.manifest.objects).map(|receipt| (&receipt.key, receipt));
    listed.chain(&journal.story.receipts).collect()
}
