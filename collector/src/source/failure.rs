//! What a source notes when a read fails: the same words in the row and in the gap.

use super::Evidence;
use crate::host::{Host, Process, ReadError, Reason};
use crate::model::row::RowStatus;
use crate::model::{Outcome, Row, Status};

/// Notes in `row` that `src` could not be read, and in `evidence` that it is missing. What vanished is no gap.
pub(super) fn note(row: &mut Row, evidence: &mut dyn Evidence, src: &'static str, error: &ReadError) {
    row.error(src, error.reason.word());
    if error.is_gone() {
        row.status(RowStatus::Vanished);
        return;
    }
    if error.reason == Reason::Timeout {
        row.status(RowStatus::Timeout);
    }
    gap(evidence, error);
}

/// Notes in `evidence` that something could not be read. What vanished is no gap.
pub(super) fn gap(evidence: &mut dyn Evidence, error: &ReadError) {
    if !error.is_gone() {
        evidence.gap(error.gap());
    }
}

/// The row of a process of which `name` could not be read, and nothing else is known.
pub(super) fn row(host: &Host, process: &Process, name: &'static str, evidence: &mut dyn Evidence, error: &ReadError) -> Row {
    let mut row = Row::new(host.clock.now(), process.path(name));
    row.int("pid", process.pid);
    row.status(RowStatus::Error);
    note(&mut row, evidence, name, error);
    row
}

/// The outcome of an artefact whose first and only door does not open.
pub(super) fn outcome(error: &ReadError) -> Outcome {
    let status = match error {
        error if error.is_gone() => Status::Absent,
        error if error.is_denied() => Status::Denied,
        _ => Status::Failed,
    };
    Outcome::because(status, error.to_string())
}
