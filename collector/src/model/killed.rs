//! The record of a run whose agent was killed: what the process that outlived it found.

use serde::{Deserialize, Serialize};

use super::{CaseId, RunId, Timestamp};

/// Name of the record.
pub const KILLED_KEY: &str = "999-killed.json";

/// That the agent has gone without having sealed. It is not signed: the run's key went with the agent. So it vouches for nothing, and
/// the run stays one that was cut off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Killed {
    /// [`super::record::VERSION`].
    pub v: u32,
    /// The run.
    pub run: RunId,
    /// The case.
    pub case: CaseId,
    /// When it was seen that the agent had gone, by the host's clock.
    pub noticed: Timestamp,
    /// The agent's process id.
    pub agent_pid: u32,
    /// The process id of the watchdog, which wrote this.
    pub watchdog_pid: u32,
    /// Version of the program that both were.
    pub version: String,
    /// What the agent still said of it; absent where it could say nothing, as after SIGKILL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What became of the kernel module.
    pub module: ModuleLeft,
    /// Why it is still loaded, if it is: the kernel's errno.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errno: Option<String>,
}

/// What became of the kernel module of a run whose agent was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModuleLeft {
    /// None of the run's was loaded when the agent went.
    None,
    /// The watchdog unloaded it.
    Unloaded,
    /// The kernel had taken it out already.
    Gone,
    /// It is still loaded.
    Loaded,
}

impl ModuleLeft {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::None => "no kernel module of the run was loaded then",
            Self::Unloaded => "the kernel module lime was loaded then, and the watchdog unloaded it",
            Self::Gone => "the kernel had taken the module lime out already",
            Self::Loaded => "the kernel module lime is still loaded",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_name_is_that_of_an_object_and_sorts_behind_the_end_record() {
        assert!(KILLED_KEY.parse::<crate::model::ObjectKey>().is_ok() && super::super::record::END_KEY < KILLED_KEY);
    }
}
