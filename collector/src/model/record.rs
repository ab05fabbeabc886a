//! The records of a run: what is signed, what is chained. `docs/evidence-format.md` describes every field.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use super::names::{BEGIN_KEY, CUSTODY_FOLDER, END_KEY, LOG_KEY, MANIFEST_KEY, SUMS_KEY, custody_key, key, segment_key};
pub use super::statement::{STATEMENT_TYPE, Statement, Subject, SubjectDigest};
use super::{CaseId, Category, Digest, Gap, ObjectKey, Receipt, RunId, Status, Timestamp};

/// The version of the evidence format that this code writes and reads.
pub const VERSION: u32 = 1;
/// `predicateType` of the begin record.
pub const BEGIN_TYPE: &str = "hozen:begin/v1";
/// `predicateType` of the manifest.
pub const MANIFEST_TYPE: &str = "hozen:manifest/v1";
/// `predicateType` of the end record.
pub const END_TYPE: &str = "hozen:end/v1";

/// Predicate of the begin record: what is intended, by whom, with what, where, before anything is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Begin {
    /// [`VERSION`].
    pub v: u32,
    /// The run.
    pub run: RunId,
    /// The case.
    pub case: CaseId,
    /// When the run began, by the host's clock.
    pub started: Timestamp,
    /// Who asked for the run and on what authority.
    pub authority: Authority,
    /// The options in force, after command line, configuration and defaults.
    pub options: BTreeMap<String, Value>,
    /// Every artefact of the catalogue, in order, with what is intended for it.
    pub plan: Vec<PlannedStep>,
    /// The program.
    pub agent: Agent,
    /// The host.
    pub host: HostFacts,
    /// The host's clocks.
    pub clock: Value,
    /// Where the evidence goes.
    pub sink: BTreeMap<String, Value>,
    /// How the host is read: the private views in use, and the seccomp filter the agent has put on itself.
    pub access: BTreeMap<String, Value>,
    /// Which instance this is, where its metadata were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<Instance>,
    /// The run that this one goes on with, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<Continues>,
    /// The public half of the run's key.
    pub run_key: RunKey,
}

/// A run whose destination was lost in its middle, as the one that goes on with it names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Continues {
    /// Its id.
    pub run: RunId,
    /// Where it went; escaped text.
    pub location: String,
    /// SHA-256 of its begin record.
    pub begin_sha256: Digest,
    /// Whether it has its seal, as far as is known.
    pub sealed: bool,
    /// Why it ended; escaped text.
    pub reason: String,
}

/// What the metadata of an EC2 instance say (IMDSv2). Nothing of a role's credentials is among it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// `document`, `signature`, `pkcs7`, `rsa2048` of the instance identity: verbatim bytes in base64.
    pub signed: BTreeMap<String, String>,
    /// Other metadata by path below `meta-data/`, escaped.
    pub metadata: BTreeMap<String, String>,
    /// Names of the roles whose credentials the instance has.
    pub roles: Vec<String>,
    /// The user data, of which only this is kept here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_data: Option<UserData>,
    /// Paths that were asked for and not had, with the reason.
    pub missing: BTreeMap<String, String>,
}

/// Length and digest of an instance's user data, which often hold secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserData {
    /// Bytes.
    pub size: u64,
    /// SHA-256.
    pub sha256: Digest,
}

/// Who asked for the run. Everything here was told to the agent, not found out by it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authority {
    /// A person or role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// Ticket or legal ground.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// `SSM_COMMAND_ID`, where Run Command started the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssm_command_id: Option<String>,
    /// Login uid, uid and session of the process that started the agent, as the kernel gives them.
    pub login: BTreeMap<String, Value>,
}

/// One artefact of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedStep {
    /// The artefact.
    pub artefact: String,
    /// Its folder.
    pub category: Category,
    /// Its time budget in seconds.
    pub budget_s: u64,
    /// Why it will not be collected, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip: Option<String>,
}

/// The program that ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// Its version.
    pub version: String,
    /// SHA-256 of `/proc/self/exe`; absent where it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
    /// Its process id.
    pub pid: u32,
}

/// The host, as far as it can be named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostFacts {
    /// EC2 instance id from DMI, else the machine id, else the host name; escaped text.
    pub id: String,
    /// Which of these it is: `instance-id`, `machine-id` or `hostname`.
    pub id_kind: String,
    /// Host name; escaped text.
    pub hostname: String,
    /// Kernel release; escaped text.
    pub kernel: String,
    /// Machine architecture; escaped text.
    pub machine: String,
    /// Boot id; escaped text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<String>,
}

/// The public half of the run's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunKey {
    /// Always `ed25519` (RFC 8032).
    pub algorithm: String,
    /// `sha256:` and the digest of the key's DER form.
    pub keyid: String,
    /// The key as PEM (RFC 8410), for `openssl pkeyutl -verify -pubin`.
    pub pem: String,
}

/// One line of the custody journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// [`VERSION`].
    pub v: u32,
    /// The run.
    pub run: RunId,
    /// The line's number in the run, from 1, without a hole.
    pub seq: u64,
    /// `sha256:` and the digest of the line before, newline included; for line 1 of the begin record's bytes.
    pub prev: String,
    /// Wall clock.
    pub t: Timestamp,
    /// Nanoseconds of the monotonic clock since the run began; never falls.
    pub mono_ns: u64,
    /// Who acted.
    pub actor: Actor,
    /// What happened: one of [`event`].
    pub event: String,
    /// Why it was done.
    pub justification: String,
    /// Particulars, by event.
    pub data: Value,
}

/// Who acted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// Always `agent`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The agent's version.
    pub version: String,
}

/// The words of [`Event::event`].
pub mod event {
    /// First line of the journal.
    pub const RUN_BEGIN: &str = "run.begin";
    /// An artefact is about to be read.
    pub const STEP_START: &str = "step.start";
    /// An artefact has its outcome; `data` is a [`super::Step`].
    pub const STEP_FINISH: &str = "step.finish";
    /// A part of the evidence is missing; `data` is the artefact and a gap.
    pub const GAP: &str = "gap";
    /// The sink has an object whole; `data` is its receipt.
    pub const OBJECT_COMPLETED: &str = "object.completed";
    /// The sink refused something.
    pub const OBJECT_FAILED: &str = "object.failed";
    /// How far the destination's clock is from the host's.
    pub const CLOCK: &str = "clock";
    /// The destination gave no answer for a while, and is back.
    pub const OUTAGE: &str = "outage";
    /// Somebody outside has the digest of the begin record.
    pub const WITNESS: &str = "witness";
    /// Whoever watches the run could not be told how it goes.
    pub const STATUS_FAILED: &str = "status.failed";
    /// The run must end earlier than was asked for.
    pub const DEADLINE: &str = "deadline";
    /// A signal or the deadline asked the run to end.
    pub const INTERRUPTED: &str = "interrupted";
    /// Last line of the journal.
    pub const RUN_END: &str = "run.end";
}

/// What became of one artefact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The artefact.
    pub artefact: String,
    /// How it ended.
    pub status: Status,
    /// Why, if not simply `ok`; escaped text.
    pub reasons: Vec<String>,
    /// When it was begun; for a skipped step, when it was passed over.
    pub started: Timestamp,
    /// When its outcome was known.
    pub finished: Timestamp,
    /// The objects that hold it.
    pub objects: Vec<ObjectKey>,
    /// What is missing, the first [`MAX_GAPS`] of it.
    pub gaps: Vec<Gap>,
    /// Gaps beyond those listed.
    pub gaps_omitted: u64,
}

impl Step {
    /// Whether nothing has failed: it is `ok`, or the host does not have it (`absent`), or all that is missing was refused by the
    /// kernel to the privileges that we have, which is a fact about the host.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        match self.status {
            Status::Ok | Status::Absent => true,
            Status::Partial => self.gaps_omitted == 0 && !self.gaps.is_empty() && self.gaps.iter().all(|gap| gap.refused),
            _ => false,
        }
    }
}

/// The most gaps that one step lists.
pub const MAX_GAPS: usize = 1000;

/// The most bytes of JSON that all gaps of one step have, in the journal as in the manifest.
pub const MAX_GAP_BYTES: usize = 256 << 10;

/// The most reasons that a source gives for one step.
pub const MAX_REASONS: usize = 16;

/// The most bytes of a step's reason: there is room for both texts of a gap.
pub const MAX_REASON: usize = 4096;

/// The most bytes of a begin or end record that are read.
pub const MAX_RECORD_BYTES: u64 = 4 << 20;

/// The most bytes of a manifest that are read.
pub const MAX_MANIFEST_BYTES: u64 = 64 << 20;

/// The longest line of the journal that is read, newline included.
pub const MAX_LINE_BYTES: u64 = 1 << 20;

/// Predicate of the manifest: all that the run stored and all that it could not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`VERSION`].
    pub v: u32,
    /// The run.
    pub run: RunId,
    /// The case.
    pub case: CaseId,
    /// One entry per artefact of the plan, in its order.
    pub steps: Vec<Step>,
    /// One receipt per object stored before the manifest, sorted by key. The subjects are the same objects.
    pub objects: Vec<Receipt>,
    /// The custody journal's last line.
    pub chain: ChainHead,
    /// How many steps ended with each status; every status is there.
    pub counts: BTreeMap<Status, u64>,
    /// The run that this one goes on with, as it stood when it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<Before>,
    /// What the destination warned of when it was opened, as in the begin record's `sink`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// What there is of a run whose destination was lost in its middle, by the knowledge of the process that both runs are of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Before {
    /// Its id.
    pub run: RunId,
    /// One entry per artefact of its plan, in its order.
    pub steps: Vec<Step>,
    /// One receipt per object that its destination has, sorted by key.
    pub objects: Vec<Receipt>,
    /// Its custody journal's last line, stored or not.
    pub chain: ChainHead,
}

/// The last line of the custody journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainHead {
    /// Its number.
    pub seq: u64,
    /// `sha256:` and its digest, newline included.
    pub head: String,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// Every step that was planned ended `ok` or `absent`.
    Complete,
    /// At least one planned step did not, or the run was cut short.
    Partial,
    /// Nothing of use was stored.
    Failed,
}

/// Predicate of the end record. Its one subject is the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// [`VERSION`].
    pub v: u32,
    /// The run.
    pub run: RunId,
    /// How it ended.
    pub status: RunStatus,
    /// Why, if not complete; escaped text.
    pub reasons: Vec<String>,
    /// The exit code (`docs/exit-codes.md`).
    pub exit_code: u8,
    /// When it ended, by the host's clock.
    pub ended: Timestamp,
    /// The custody journal's last line, again.
    pub chain: ChainHead,
    /// Objects of the run, this record included.
    pub objects: u64,
}
