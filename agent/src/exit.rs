//! Exit codes, and which one a run ends with. `docs/exit-codes.md` is the table for readers.
//!
//! None of 126–165, 168, 169, 194: shells and the SSM agent give those a meaning of their own.

use hozen_collector::model::record::{MAX_REASON, Step};
use hozen_collector::model::{Outcome, Status, escape};
use hozen_collector::source::Stop;

/// Name of the artefact that holds physical memory.
pub const MEMORY: &str = "memory";

/// How a run ends, as the process's exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything that was planned is there, memory too.
    Complete = 0,
    /// Sealed; memory is there or was never to be had, but some artefact is not whole.
    Partial = 10,
    /// Sealed; all artefacts are there, memory was left out or the host has no way to it.
    NoMemory = 11,
    /// Sealed; every way to memory failed, all other artefacts are there or named.
    MemoryFailed = 20,
    /// The bucket took nothing at the begin, or nothing more in the middle; the run, or what was left of it, is sealed in the spool folder on
    /// the host.
    Spooled = 30,
    /// The evidence could not be sealed; what is there verifies as incomplete.
    Unsealed = 31,
    /// The destination was refused before anything was read.
    Destination = 32,
    /// Arguments or configuration are wrong; nothing was done.
    Usage = 40,
    /// Privileges are missing; nothing was done.
    Privileges = 41,
    /// This system cannot be read at all; nothing was done.
    Platform = 43,
    /// The deadline or a signal cut the run; sealed as partial.
    CutShort = 50,
    /// `preflight`: this host is not ready.
    NotReady = 60,
    /// `symbols`: the evidence does not hold what a symbol file takes.
    NoSymbols = 61,
    /// A bug: the run ended in a way that should not be possible.
    Bug = 70,
    /// A second signal ended the process at once; what is there verifies as incomplete.
    Killed = 71,
}

impl From<Exit> for u8 {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Complete => 0,
            Exit::Partial => 10,
            Exit::NoMemory => 11,
            Exit::MemoryFailed => 20,
            Exit::Spooled => 30,
            Exit::Unsealed => 31,
            Exit::Destination => 32,
            Exit::Usage => 40,
            Exit::Privileges => 41,
            Exit::Platform => 43,
            Exit::CutShort => 50,
            Exit::NotReady => 60,
            Exit::NoSymbols => 61,
            Exit::Bug => 70,
            Exit::Killed => 71,
        }
    }
}

/// What the run was asked for, as far as the exit code depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// A signal or the deadline cut the run.
    pub cut_short: bool,
    /// One way to memory was asked for by name, so that its absence is a failure.
    pub one_method: bool,
}

/// Whether a run that was asked to end was really cut: a planned step was skipped, or ended before it was done.
pub fn is_cut_short(steps: &[Step], asked: bool, planned: impl Fn(&str) -> bool) -> bool {
    let cut = |step: &Step| match step.status {
        Status::Skipped => planned(&step.artefact),
        Status::Timeout => true,
        Status::Partial => step.reasons.iter().any(|reason| *reason == Stop::Interrupted.to_string()),
        _ => false,
    };
    asked && steps.iter().any(cut)
}

/// The exit code of a sealed run, and a reason for every step that is not as planned.
#[must_use]
pub fn of_run(steps: &[Step], asked: Asked, planned: impl Fn(&str) -> bool) -> (Exit, Vec<String>) {
    let wanted = |step: &&Step| step.artefact != MEMORY && planned(&step.artefact);
    let unsound: Vec<&Step> = steps.iter().filter(wanted).filter(|step| !step.is_sound()).collect();
    let memory = steps.iter().find(|step| step.artefact == MEMORY);
    let mut reasons: Vec<String> = steps.iter().filter(wanted).filter(|step| step.status != Status::Ok).map(reason).collect();
    reasons.extend(memory.filter(|step| step.status != Status::Ok).map(reason));
    let exit = match memory.map(|step| step.status) {
        _ if asked.cut_short => Exit::CutShort,
        Some(Status::Absent) if asked.one_method => Exit::MemoryFailed,
        Some(Status::Denied | Status::Failed | Status::Timeout) => Exit::MemoryFailed,
        _ if !unsound.is_empty() => Exit::Partial,
        Some(Status::Partial) => Exit::Partial,
        Some(Status::Ok) => Exit::Complete,
        Some(Status::Absent | Status::Skipped) | None => Exit::NoMemory,
    };
    (exit, reasons)
}

fn reason(step: &Step) -> String {
    let Outcome { status, reasons } = Outcome { status: step.status, reasons: step.reasons.clone() };
    if reasons.is_empty() {
        return format!("{}: {}", step.artefact, status.word());
    }
    escape::clipped(format!("{}: {}: {}", step.artefact, status.word(), reasons.join("; ")), MAX_REASON)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hozen_collector::model::{Gap, Timestamp};

    fn step(artefact: &str, status: Status) -> Step {
        let (started, finished) = (Timestamp::from_seconds(0), Timestamp::from_seconds(0));
        let (reasons, objects, gaps) = (vec!["why".to_owned()], Vec::new(), Vec::new());
        Step { artefact: artefact.to_owned(), status, reasons, started, finished, objects, gaps, gaps_omitted: 0 }
    }

    const NOTHING: Asked = Asked { cut_short: false, one_method: false };

    fn code(memory: Status, other: Status, cut_short: bool) -> u8 {
        of_run(&[step("context", other), step(MEMORY, memory)], Asked { cut_short, ..NOTHING }, |_| true).0.into()
    }

    #[test]
    fn a_refusal_is_named_and_fails_nothing() {
        let mut context = step("context", Status::Partial);
        context.gaps = vec![Gap::whole(b"/proc/1/exe", "EACCES").refused()];
        let (exit, reasons) = of_run(&[context.clone(), step(MEMORY, Status::Ok)], NOTHING, |_| true);
        assert_eq!((exit, reasons.len()), (Exit::Complete, 1));
        context.gaps.push(Gap::whole(b"/proc/2/exe", "timeout"));
        assert_eq!(of_run(&[context, step(MEMORY, Status::Ok)], NOTHING, |_| true).0, Exit::Partial);
    }

    #[test]
    fn a_way_to_memory_that_was_asked_for_by_name_must_be_there() {
        let asked = Asked { one_method: true, ..NOTHING };
        assert_eq!(of_run(&[step(MEMORY, Status::Absent)], asked, |_| true).0, Exit::MemoryFailed);
    }

    #[test]
    fn codes_follow_the_table() {
        use Status::{Absent, Denied, Failed, Ok, Partial, Skipped};
        assert_eq!(code(Ok, Ok, false), 0);
        assert_eq!(code(Ok, Absent, false), 0);
        assert_eq!(code(Ok, Partial, false), 10);
        assert_eq!(code(Partial, Ok, false), 10);
        assert_eq!(code(Absent, Denied, false), 10);
        assert_eq!(code(Absent, Ok, false), 11);
        assert_eq!(code(Skipped, Ok, false), 11);
        assert_eq!(code(Failed, Ok, false), 20);
        assert_eq!(code(Denied, Partial, false), 20);
        assert_eq!(code(Ok, Ok, true), 50);
    }

    #[test]
    fn what_was_never_planned_is_no_reason() {
        let (exit, reasons) =
            of_run(&[step("context", Status::Skipped), step(MEMORY, Status::Ok)], NOTHING, |name| name == MEMORY);
        assert_eq!((exit, reasons.len()), (Exit::Complete, 0));
    }
}
