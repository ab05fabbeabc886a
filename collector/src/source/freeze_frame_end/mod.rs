//! Artefact `freeze_frame_end`: all processes, sockets and modules once more at the end of a run, and what became different since
//! the freeze-frame at its beginning.
//!
//! What comes and goes while a run lasts, or is hidden when it notices one, shows here. Both frames are taken by the same code; the rows
//! of the first pass by here on their way and are remembered. The comparison states what differs and no more: short-lived processes of an
//! ordinary host appear and vanish too.

mod differences;
mod seen;

use std::time::Duration;

pub use self::seen::Seen;
use self::seen::{Pass, Watching};
use super::freeze_frame::{self, FreezeFrame};
use super::{Evidence, Member, Source, Stop, text};
use crate::host::{Host, read};
use crate::model::{Artefact, Category, Outcome, Profile, Row, Status};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "freeze_frame_end",
    category: Category::Process,
    profile: Profile::Volatile,
    budget: Duration::from_secs(60),
    budget_bytes: None,
    source: "as freeze_frame, and /proc/modules",
    about: "all processes, sockets and modules again at the end of the run, and what appeared, vanished or changed since its beginning",
    tables: &["processes_end", "sockets_end", "modules_end", "frame_differences"],
};

/// The freeze-frame at the beginning of a run, remembered.
#[derive(Debug, Clone, Default)]
pub struct FirstFrame {
    /// Where it is remembered.
    pub seen: Seen,
}

impl Source for FirstFrame {
    fn artefact(&self) -> Artefact {
        freeze_frame::ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        self.seen.begin();
        self.seen.modules(&modules(host).unwrap_or_default());
        let outcome = FreezeFrame.acquire(host, &mut Watching { evidence, seen: &self.seen, pass: Pass::First })?;
        self.seen.end();
        Ok(outcome)
    }
}

/// The freeze-frame at the end of a run.
#[derive(Debug, Clone, Default)]
pub struct SecondFrame {
    /// What the first one saw.
    pub first: Seen,
}

impl Source for SecondFrame {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let second = Seen::default();
        match modules(host) {
            Some(text) => {
                second.modules(&text);
                evidence.raw(&Member::pseudo(b"/proc/modules"), &text)?;
                for line in text::lines(&text) {
                    evidence.row("modules_end", &module(host, line))?;
                }
            }
            None => second.modules(b""),
        }
        let outcome = FreezeFrame.acquire(host, &mut Watching { evidence, seen: &second, pass: Pass::Second })?;
        second.end();
        if !self.first.is_whole() {
            return Ok(Outcome::because(Status::Partial, "there is no whole frame of the beginning to compare with"));
        }
        differences::write(host, &self.first, &second, evidence)?;
        Ok(outcome)
    }
}

/// `/proc/modules`; a kernel without modules has none.
fn modules(host: &Host) -> Option<Vec<u8>> {
    host.proc.file("modules", read::SMALL).ok().map(|text| text.bytes)
}

/// Columns as osquery's `kernel_modules` has them: `name size used_by status address`.
fn module(host: &Host, line: &[u8]) -> Row {
    let mut row = Row::new(host.clock.now(), "/proc/modules");
    let fields: Vec<&[u8]> = text::fields(line).collect();
    for (column, at) in [("name", 0), ("size", 1), ("used_by", 3), ("status", 4), ("address", 5), ("taint", 6)] {
        if let Some(field) = fields.get(at) {
            row.bytes(column, field);
        }
    }
    row
}

#[cfg(test)]
mod tests;
