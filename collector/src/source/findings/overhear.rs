//! Between a source and its evidence: hands everything on, and shows the rows to the notes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::notes::{Notes, Place};
use super::rules;
use crate::host::Host;
use crate::model::{Artefact, Outcome, Row};
use crate::source::between::Between;
use crate::source::{Evidence, Source, Stop};

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

    fn begin(&self, host: &Host) {
        self.source.begin(host);
    }

    fn beside(&self) -> Option<&'static str> {
        self.source.beside()
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let artefact = self.source.artefact();
        // It stays so where the source panics or does not come back.
        self.notes.begin(&artefact);
        let of_interest = artefact.tables.iter().filter(|table| rules::is_of_interest(table));
        let rows = of_interest.map(|table| (*table, 0)).collect();
        let mut overhearing = Overhearing { evidence, artefact, notes: &self.notes, rows };
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
    /// Of each table of interest the rows so far, which is the number of the next.
    rows: BTreeMap<&'static str, u64>,
}

impl Between for Overhearing<'_> {
    fn inner(&self) -> &dyn Evidence {
        self.evidence
    }

    fn inner_mut(&mut self) -> &mut dyn Evidence {
        self.evidence
    }

    fn pass_row(&mut self, table: &'static str, row: &Row) -> Result<(), Stop> {
        self.evidence.row(table, row)?;
        // What is too long is not in the table, and has no number there.
        if let Some(next) = self.rows.get_mut(table).filter(|_| !row.is_too_long()) {
            self.notes.row(Place { artefact: &self.artefact, table, row: *next }, row);
            *next = next.saturating_add(1);
        }
        Ok(())
    }
}
