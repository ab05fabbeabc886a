//! Artefact `findings`: what of the run's own rows contradicts itself or speaks of something that hides, each with the rows that
//! it rests on.
//!
//! ```text
//! every source → Overhearing (row → rules → Notes) → its tables          … at the end: Notes → findings, finding_kinds
//! ```
//!
//! **Invariant:** a finding is a fact and its records, never a verdict: what it means, the reader decides. The host is not read
//! again. What is kept in memory is bounded, kind by kind; what is beyond is counted.

mod notes;
mod overhear;
mod rules;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

pub use notes::Notes;
use notes::{Found, Record};
pub use overhear::overheard;
use rules::Rule;

use super::{Evidence, Source, Stop};
use crate::host::Host;
use crate::model::{Artefact, Category, Gap, Outcome, Profile, Row, Status};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "findings",
    category: Category::Run,
    profile: Profile::Volatile,
    budget: Duration::from_secs(10),
    budget_bytes: Some(8 << 20),
    source: "the rows of this run",
    about: "facts in the rows of this run that contradict each other or speak of hiding, each with the rows that it rests on",
    tables: &["findings", "finding_kinds"],
};

/// Columns of a record that stand in the finding itself as well, so that it can be searched by them.
const SUBJECTS: [&str; 6] = ["pid", "name", "name_b64", "path", "path_b64", "netns_inode"];

/// Writes down what was noted.
#[derive(Debug, Clone)]
pub struct Findings(pub Arc<Notes>);

impl Source for Findings {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let mut looked = false;
        for (rule, found) in self.0.all() {
            findings(rule, &found, evidence)?;
            evidence.row("finding_kinds", &kind(host, rule, &found))?;
            looked |= found.outcome.is_some();
        }
        Ok(if looked {
            Outcome::ok()
        } else {
            Outcome::because(Status::Absent, "no artefact was collected that findings rest on")
        })
    }
}

/// Writes the findings of one kind.
fn findings(rule: &Rule, found: &Found, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    let together = found.records.get(..).filter(|_| rule.together && found.count > 0);
    let alone = found.records.chunks(1).filter(|_| !rule.together);
    for records in together.into_iter().chain(alone) {
        evidence.check()?;
        if let Some(first) = records.first() {
            evidence.row("findings", &finding(rule, first, records))?;
        }
    }
    if found.beyond > 0 {
        let reason = format!("{} more rows of this kind than there is room for; table {} has them", found.beyond, rule.table);
        evidence.gap(Gap::whole(rule.finding.as_bytes(), reason));
    }
    Ok(())
}

fn finding(rule: &Rule, first: &Record, records: &[Record]) -> Row {
    let mut row = Row::new(first.time, first.source.as_str());
    row.text("finding", rule.finding).text("about", rule.about);
    for (column, value) in SUBJECTS.into_iter().filter_map(|column| Some((column, first.columns.get(column)?))) {
        row.json(column, value);
    }
    row.json("records", records);
    row
}

/// That rows were looked at for this kind of finding, whatever was found.
fn kind(host: &Host, rule: &Rule, found: &Found) -> Row {
    let mut row = Row::new(host.clock.now(), rule.table);
    row.text("finding", rule.finding).text("about", rule.about).text("table", rule.table);
    row.text("collected", found.outcome.unwrap_or("no")).int("rows_seen", found.seen);
    row.int("found", found.count).int("beyond", found.beyond);
    row
}
