//! Between a source and its evidence: hands everything on, and shows the rows to the notes.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use super::notes::{Notes, Place};
use super::rules;
use crate::host::Host;
use crate::model::{Artefact, Gap, Outcome, Row};
use crate::source::{Evidence, Member, Source, Stop, Streamed};

/// The same source, whose rows are noted.
#[must_use]
pub fn overheard(source: Box<dyn Source>, notes: &Arc<Notes>) -> Box<dyn Source> {
    if source.artefact().tables.iter().any(|table| rules::is_of_interest(table)) {
        Box::new(Overheard { source, notes: Arc::clone(notes) })
    } else {
        source
    }
}

struct Overheard {
    source: Box<dyn Source>,
    notes: Arc<Notes>,
}

impl Source for Overheard {
    fn artefact(&self) -> Artefact {
        self.source.artefact()
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let artefact = self.source.artefact();
        // It stays so where the source panics or does not come back.
        self.notes.outcome(&artefact, "cut");
        let mut overhearing = Overhearing { evidence, artefact, notes: &self.notes, rows: BTreeMap::new() };
        let result = self.source.acquire(host, &mut overhearing);
        if let Ok(outcome) = &result {
            self.notes.outcome(&artefact, outcome.status.word());
        }
        result
    }
}

struct Overhearing<'a> {
    evidence: &'a mut dyn Evidence,
    artefact: Artefact,
    notes: &'a Notes,
    /// Rows of each table so far, which is the number of the next.
    rows: BTreeMap<&'static str, u64>,
}

impl Evidence for Overhearing<'_> {
    fn row(&mut self, table: &'static str, row: &Row) -> Result<(), Stop> {
        self.evidence.row(table, row)?;
        // What is too long is not in the table, and has no number there.
        if rules::is_of_interest(table) && !row.is_too_long() {
            let next = self.rows.entry(table).or_default();
            self.notes.row(Place { artefact: &self.artefact, table, row: *next }, row);
            *next = next.saturating_add(1);
        }
        Ok(())
    }

    fn raw(&mut self, member: &Member<'_>, content: &[u8]) -> Result<(), Stop> {
        self.evidence.raw(member, content)
    }

    fn raw_stream(&mut self, member: &Member<'_>, size: u64, content: &mut dyn Read) -> Result<Streamed, Stop> {
        self.evidence.raw_stream(member, size, content)
    }

    fn image_begin(&mut self, name: &'static str) -> Result<(), Stop> {
        self.evidence.image_begin(name)
    }

    fn image_write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.evidence.image_write(bytes)
    }

    fn image_take(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, Stop> {
        self.evidence.image_take(bytes)
    }

    fn image_end(&mut self) -> Result<(), Stop> {
        self.evidence.image_end()
    }

    fn gap(&mut self, gap: Gap) {
        self.evidence.gap(gap);
    }

    fn check(&self) -> Result<(), Stop> {
        self.evidence.check()
    }

    fn progress(&mut self, done: u64, total: u64) {
        self.evidence.progress(done, total);
    }
}
