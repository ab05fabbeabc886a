//! The record of an agent that was killed (evidence format, section 12): it explains why a run was cut off, and vouches for nothing.

use hozen_collector::model::escape;
use hozen_collector::model::killed::{KILLED_KEY, Killed};
use hozen_collector::model::record::{Begin, END_KEY, VERSION};
use serde::Serialize;

use super::envelope;
use super::findings::Findings;
use super::holding::Holding;
use super::words;

/// The most bytes that it may have.
const LIMIT: u64 = 64 << 10;

/// What the record says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KilledLine {
    /// When it was seen that the agent had gone, by the host's clock.
    pub noticed: String,
    /// The agent's process id.
    pub agent_pid: u32,
    /// What the agent still said of it; escaped text.
    pub cause: Option<String>,
    /// What became of the kernel module, in words.
    pub module: String,
}

/// Reads it, if there is one.
pub(super) fn check(holding: &Holding, begin: Option<&Begin>, findings: &mut Findings) -> Option<KilledLine> {
    let bytes = holding.read(KILLED_KEY, LIMIT, findings)?;
    let record = envelope::typed::<Killed>(KILLED_KEY, "the record", &bytes, findings)?;
    findings.require(record.v == VERSION, KILLED_KEY, "it is of another version of the evidence format");
    if let Some(begin) = begin {
        let same = (record.run, &record.case, record.agent_pid) == (begin.run, &begin.case, begin.agent.pid);
        findings.require(same, KILLED_KEY, "it is of another run, case or process than the begin record");
    }
    let ended = holding.has(END_KEY);
    findings.require(!ended, KILLED_KEY, "it says that the agent was killed before it had sealed, and the run has ended");
    let errno = record.errno.map(|errno| format!(" ({})", words::clipped(&escape::bytes(errno.as_bytes()), 40)));
    Some(KilledLine {
        noticed: record.noticed.to_string(),
        agent_pid: record.agent_pid,
        cause: record.cause.map(|cause| words::clipped(&escape::bytes(cause.as_bytes()), 300)),
        module: format!("{}{}", record.module.words(), errno.unwrap_or_default()),
    })
}

impl KilledLine {
    /// For the report.
    pub(super) fn sentence(&self) -> String {
        let cause = self.cause.as_deref().unwrap_or("it could not say why, as after SIGKILL or for want of memory");
        format!(
            "{KILLED_KEY}: the watchdog saw at {} (by the host's clock) that the agent, process {}, had gone before the run was sealed: {cause}; \
             {}. Nobody has signed that",
            self.noticed, self.agent_pid, self.module
        )
    }
}
