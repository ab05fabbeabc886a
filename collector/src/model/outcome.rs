//! How an artefact ended, and what of it is missing.

use serde::{Deserialize, Serialize};

use super::escape;

/// How an artefact ended. One word in every record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// All of it was collected.
    Ok,
    /// Some of it is missing; the gaps and reasons say what.
    Partial,
    /// The host does not have it.
    Absent,
    /// The host has it and did not let us read it.
    Denied,
    /// It took longer than its budget or the run's deadline; what had been read is kept.
    Timeout,
    /// It could not be read or stored.
    Failed,
    /// The plan or an interruption left it out.
    Skipped,
}

impl Status {
    /// Every status, in the order in which reports count them.
    pub const ALL: [Self; 7] = [Self::Ok, Self::Partial, Self::Absent, Self::Denied, Self::Timeout, Self::Failed, Self::Skipped];

    /// The word in the records.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Partial => "partial",
            Self::Absent => "absent",
            Self::Denied => "denied",
            Self::Timeout => "timeout",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// How one artefact ended and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// How it ended.
    pub status: Status,
    /// Why, if not simply `ok`: one sentence each, escaped text.
    pub reasons: Vec<String>,
}

impl Outcome {
    /// All of it was collected.
    #[must_use]
    pub fn ok() -> Self {
        Self { status: Status::Ok, reasons: Vec::new() }
    }

    /// This status for this one reason.
    pub fn because(status: Status, reason: impl Into<String>) -> Self {
        Self { status, reasons: vec![reason.into()] }
    }
}

/// The most bytes that each text of a gap has in the records. A path can be as long as folders lie inside each other: 64 KiB and more.
const MOST_TEXT: usize = 1024;

/// A part of the evidence that is missing, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// What was being read, as a path on the host; escaped text.
    pub source: String,
    /// First missing byte, where the place is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Missing bytes, where their number is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// Why; escaped text.
    pub reason: String,
    /// Whether the kernel refused it although we asked with the privileges that we have. Such a gap is a fact about the host;
    /// any other is something that we did not manage.
    #[serde(default, skip_serializing_if = "is_false")]
    pub refused: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Gap {
    /// All of `source` is missing.
    pub fn whole(source: &[u8], reason: impl Into<String>) -> Self {
        Self { source: escape::bytes(source), offset: None, length: None, reason: reason.into(), refused: false }
    }

    /// `source` is missing from `offset` on.
    pub fn from(source: &[u8], offset: u64, length: Option<u64>, reason: impl Into<String>) -> Self {
        Self { source: escape::bytes(source), offset: Some(offset), length, reason: reason.into(), refused: false }
    }

    /// The same gap with texts that a record has room for.
    #[must_use]
    pub fn clipped(self) -> Self {
        let clip = |text| escape::clipped(text, MOST_TEXT);
        Self { source: clip(self.source), reason: clip(self.reason), ..self }
    }

    /// The same gap, because the kernel refused.
    #[must_use]
    pub fn refused(mut self) -> Self {
        self.refused = true;
        self
    }
}
