//! What can be collected, as the plan and the records name it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A folder under `data/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    /// The machine itself: clocks, kernel, privileges.
    System,
    /// Processes and what belongs to them.
    Process,
    /// Sockets, neighbours, routes, interfaces.
    Network,
    /// Modules, the kernel's log and its settings.
    Kernel,
    /// Physical memory.
    Memory,
    /// Who is and was logged in.
    Session,
    /// Mounts and the content of volatile file systems.
    File,
    /// What the run itself did to the host.
    Run,
}

impl Category {
    /// The folder's name under `data/`.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Process => "process",
            Self::Network => "network",
            Self::Kernel => "kernel",
            Self::Memory => "memory",
            Self::Session => "session",
            Self::File => "file",
            Self::Run => "run",
        }
    }
}

/// How much is collected; each holds all of the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// What is lost first, in seconds. No memory image unless `--memory` asks for one.
    Volatile,
    /// What a responder wants before a host is cut off.
    #[default]
    Triage,
    /// Everything, at the price of time.
    Full,
}

/// One kind of thing to collect: a line of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Artefact {
    /// Its name in the plan, in `--only` and `--skip`, and in the records.
    pub name: &'static str,
    /// Where its tables go.
    pub category: Category,
    /// The smallest profile that holds it.
    pub profile: Profile,
    /// The longest it may take before it is cut off with outcome `timeout`.
    #[serde(serialize_with = "seconds")]
    pub budget: Duration,
    /// The most bytes of content that it keeps, or for tables made of content the most that it reads; what is beyond is a gap.
    /// `None` where only rows and small files of the kernel come of it.
    pub budget_bytes: Option<u64>,
    /// What it is read from: files of the host and interfaces of the kernel.
    pub source: &'static str,
    /// What it holds, in one sentence.
    pub about: &'static str,
    /// Every table that it writes, present even if empty.
    pub tables: &'static [&'static str],
}

fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(duration.as_secs())
}
