//! The report as data: what `--json` prints and what the text is made of.
//!
//! **Invariant:** every text in it is safe to print.

use hozen_collector::model::receipt::Lock;
use hozen_collector::model::record::{Continues, RunStatus};
use hozen_collector::model::{Digest, Timestamp};
use serde::Serialize;
use serde_json::Value;

use super::Verdict;
use super::findings::{Finding, State};
use super::killed::KilledLine;
use super::missing::GapGroup;
use super::salvage::SalvageLine;
use super::seals::SealLine;
use crate::s3::read::Version;

/// What verification found out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What it has come to.
    pub verdict: Verdict,
    /// The folder or the place in a bucket, as it was named; escaped text.
    pub folder: String,
    /// What the bucket says, where the run lies in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<BucketFacts>,
    /// What the records say of the run.
    pub facts: Facts,
    /// Every check, in the order of the evidence format.
    pub checks: Vec<Check>,
    /// Whether a digest from elsewhere was compared.
    pub witness: Witness,
    /// The seals that lie beside the run.
    pub seals: Vec<SealLine>,
    /// One entry per artefact of the plan.
    pub steps: Vec<StepLine>,
    /// What the destination refused during the run, by the journal.
    pub lost: Vec<Lost>,
    /// What contradicts the records, with its place.
    pub findings: Vec<Finding>,
    /// Contradictions beyond those listed.
    pub findings_omitted: u64,
    /// What could not be opened or read.
    pub unreadable: Vec<Finding>,
    /// What contradicts nothing, and should be known.
    pub warnings: Vec<Finding>,
    /// What salvages made of uploads that the run had left open: partial, and no part of the run.
    pub salvaged: Vec<SalvageLine>,
    /// What the watchdog of an agent that was killed says of its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub killed: Option<KilledLine>,
    /// Objects that are there and that no receipt speaks of: nothing here vouches for them.
    pub unattested: Vec<String>,
    /// Objects that were still growing when the run was cut off.
    pub growing: Vec<String>,
    /// Objects that are there.
    pub objects: u64,
    /// Their stored bytes.
    pub bytes: u64,
}

/// What the records say of the run. Absent where the record is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// Run id.
    pub run: Option<String>,
    /// Case id.
    pub case: Option<String>,
    /// Host id and which kind of id it is.
    pub host_id: Option<String>,
    /// `instance-id`, `machine-id` or `hostname`.
    pub host_id_kind: Option<String>,
    /// Host name.
    pub hostname: Option<String>,
    /// Kernel release.
    pub kernel: Option<String>,
    /// Architecture.
    pub machine: Option<String>,
    /// Who asked for the run, as told to the agent.
    pub operator: Option<String>,
    /// Ticket or legal ground, as told to the agent.
    pub reference: Option<String>,
    /// When it began, by the host's clock.
    pub started: Option<String>,
    /// When it ended, by the host's clock.
    pub ended: Option<String>,
    /// Time of the journal's last line.
    pub last_event: Option<String>,
    /// `complete`, `partial` or `failed`.
    pub status: Option<RunStatus>,
    /// Why, if not complete.
    pub reasons: Vec<String>,
    /// The agent's exit code.
    pub exit_code: Option<u8>,
    /// The run that it goes on with, whose destination was lost; verified for itself, and not here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub continues: Option<Continues>,
    /// What interrupted it.
    pub interrupted: Vec<String>,
    /// Version of the agent.
    pub agent_version: Option<String>,
    /// Digest of its program.
    pub agent_sha256: Option<Digest>,
    /// Id of the run's key.
    pub keyid: Option<String>,
    /// Digest of the begin record.
    pub begin_sha256: Option<Digest>,
    /// Digest of the manifest.
    pub manifest_sha256: Option<Digest>,
    /// Digest of the end record.
    pub end_sha256: Option<Digest>,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// What became of it.
    pub state: State,
    /// How many things were checked: files, lines, objects, digests.
    pub count: u64,
    /// What holds if it passed, or why it was not made.
    pub what: String,
}

impl Check {
    pub(super) fn new(name: &'static str, state: State, count: u64, what: &str) -> Self {
        Self { name, state, count, what: what.to_owned() }
    }
}

/// Whether somebody outside this folder vouches for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Witness {
    /// No digest from elsewhere was given.
    #[default]
    None,
    /// The digest from elsewhere is that of the record here.
    Agrees,
    /// That of the begin record is, and of the records of the end none was given: the key that signed them is the one that the
    /// witness saw.
    AgreesOnBegin,
    /// It is not.
    Disagrees,
}

/// What became of one artefact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepLine {
    /// The artefact.
    pub artefact: String,
    /// A status of the records, or `cut off` or `not reached` in a run that was cut off.
    pub outcome: String,
    /// Why, if not ok.
    pub reasons: Vec<String>,
    /// How many objects hold it.
    pub objects: u64,
    /// How many gaps it has.
    pub gaps: u64,
    /// The gaps by reason.
    pub missing: Vec<GapGroup>,
}

/// An object that the destination refused, or all of it from some byte on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// The object.
    pub object: String,
    /// First content byte that is not stored.
    pub from: u64,
    /// Why.
    pub reason: String,
}

/// What a bucket says of a run as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BucketFacts {
    /// What it says of its lock, as in the begin record.
    pub lock: Value,
    /// Where the run was written, if not here: what its receipts say of versions and locks is of that place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copied_from: Option<String>,
    /// The bucket's date of the oldest object.
    pub first_stored: Option<Timestamp>,
    /// The bucket's date of the newest object.
    pub last_stored: Option<Timestamp>,
    /// Objects that are retained until some time.
    pub locked: u64,
    /// Objects that are held.
    pub held: u64,
    /// Objects that are neither.
    pub unlocked: u64,
    /// The weakest mode of any object that is retained.
    pub lock_mode: Option<String>,
    /// When the first of the retained objects is free.
    pub locked_until: Option<Timestamp>,
    /// Objects whose checksum in the bucket is that of their receipt.
    pub compared: u64,
    /// Whether every byte was read.
    pub rehashed: bool,
    /// Uploads that nobody has completed.
    pub uploads: Vec<OpenLine>,
    /// Whether the run went by a presigned list, for which uploads were begun that it may not have needed.
    pub presigned: bool,
}

/// An upload that nobody has completed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenLine {
    /// The object that it would have made.
    pub object: String,
    /// Its id.
    pub upload: String,
    /// When it was begun, by the bucket's clock.
    pub initiated: Option<String>,
}

impl BucketFacts {
    /// Counts one object. `lock` is `None` where the bucket does not say.
    pub(super) fn take(&mut self, version: &Version, lock: Option<Option<&Lock>>, hold: Option<bool>) {
        self.first_stored = version.modified.into_iter().chain(self.first_stored).min();
        self.last_stored = version.modified.into_iter().chain(self.last_stored).max();
        let held = hold == Some(true);
        self.held += u64::from(held);
        match lock {
            Some(Some(lock)) => {
                self.locked += 1;
                self.locked_until = Some(self.locked_until.map_or(lock.until, |until| until.min(lock.until)));
                // "COMPLIANCE" is the stronger of the two, and the lesser text.
                self.lock_mode = self.lock_mode.take().into_iter().chain([lock.mode.clone()]).max();
            }
            Some(None) => self.unlocked += u64::from(!held),
            None => {}
        }
    }
}
