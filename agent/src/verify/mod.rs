//! Verification of one run, by anyone who can read it: in a folder, or in a bucket.
//!
//! Written from `docs/evidence-format.md` as a stranger would: the order of the checks (`examined.rs`) is that of its section 8. All
//! are made even after one has failed, so that the report (`assemble.rs`) tells everything that is wrong.
//!
//! **Invariant:** no bytes make it panic, memory does not grow with the objects, and nothing is written or executed.

pub(crate) mod archive;
mod assemble;
mod begin;
mod bucket;
mod bucket_text;
mod end;
mod envelope;
mod events;
mod examined;
mod findings;
mod folder;
pub(crate) mod frames;
mod held;
mod holding;
mod journal;
mod killed;
mod manifest;
mod missing;
pub(crate) mod name;
mod objects;
mod opened;
mod page;
mod places;
mod promised_lock;
mod report;
mod rows;
mod salvage;
mod seals;
mod steps;
mod sums;
mod text;
mod warned;
mod words;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use hozen_collector::model::receipt::Lock;
use hozen_collector::model::record::{Begin, End};
use hozen_collector::model::seal::SealedObject;
use hozen_collector::model::{Digest, ObjectKey};
use serde::Serialize;

use crate::s3::Reader;
use examined::Examined;

pub use crate::seal_key::SealPublic;
pub(crate) use envelope::{from_pem as key_from_pem, prefixed as keyid};
pub use findings::{Finding, MAX_FINDINGS, State};
pub use killed::KilledLine;
pub use missing::GapGroup;
pub(crate) use opened::{Opened, open};
pub use report::{BucketFacts, Check, Facts, Lost, OpenLine, Report, StepLine, Witness};
pub use salvage::SalvageLine;
pub use seals::SealLine;

/// Digests that are known from elsewhere: from the agent's result line, a ticket, a sealed envelope.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// SHA-256 of `000-begin.json`.
    pub begin_sha256: Option<Digest>,
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
    /// The place holds one whole run, and nothing contradicts its records.
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

/// What a run that is verified says of itself: what a seal is made over, and what a copy of it is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// The begin record.
    pub begin: Begin,
    /// The end record.
    pub end: End,
    /// Digest of the manifest.
    pub manifest_sha256: Digest,
    /// Digest of the end record.
    pub end_sha256: Digest,
    /// Size and digest of the stored bytes of each object, seals not counted.
    pub objects: BTreeMap<ObjectKey, (u64, Digest)>,
    /// What the bucket says of each object; empty for a folder.
    pub places: Vec<SealedObject>,
    /// The longest lock of any of them.
    pub lock: Option<Lock>,
}

/// Verifies the run in the folder `dir`.
#[must_use]
pub fn verify(dir: &Path, options: &Options) -> Report {
    examine(dir, options).0
}

/// As [`verify`]; what is verified comes with what it says of itself.
#[must_use]
pub fn examine(dir: &Path, options: &Options) -> (Report, Option<Whole>) {
    Examined::folder(dir, options).conclude()
}

/// Verifies the run that `reader` reads in a bucket. Records are read; of evidence the bucket's own checksums are compared with
/// those of the receipts, and with `rehash` every byte is read as in a folder.
#[must_use]
pub fn examine_bucket(reader: &Arc<Reader>, options: &Options, rehash: bool) -> (Report, Option<Whole>) {
    Examined::bucket(reader, options, rehash).conclude()
}

/// Whether an object of this name holds evidence of a run, or its log: what may be left open where a host dies.
#[must_use]
pub fn is_evidence(name: &str) -> bool {
    name.parse::<ObjectKey>().is_ok_and(|key| name::Name::of(&key).is_some_and(name::Name::has_journal_receipt))
}
