//! Timelines made of the tables: one pass over all rows for the body file and for Timesketch.

use std::collections::BTreeSet;

use hozen_collector::model::{Digest, ObjectKey};
use serde_json::{Map, Value};

use super::destination::{Destination, Refused};
use super::format::Format;
use super::lines::Lines;
use super::object::{self, Failure};
use super::output::Output;
use super::progress::Progress;
use super::stat_row::{self, StatRow};
use super::{bodyfile, timesketch};
use crate::verify::Opened;

/// Timelines in the making.
pub(super) struct Timelines<'a> {
    bodyfile: Option<Output<'a>>,
    timesketch: Option<Output<'a>>,
    /// Of lines that were written: several artefacts tell of the same file.
    seen: BTreeSet<[u8; 16]>,
    files: u64,
    events: u64,
}

impl<'a> Timelines<'a> {
    /// Those of `formats` that are timelines; nothing where none is.
    pub(super) fn begin(destination: &'a Destination, formats: &[Format]) -> Result<Option<Self>, Refused> {
        let wanted = |format, name| formats.contains(&format).then(|| Output::create(destination, "", name)).transpose();
        let (bodyfile, timesketch) = (wanted(Format::Bodyfile, "bodyfile.txt")?, wanted(Format::Timesketch, "timesketch.jsonl")?);
        let any = bodyfile.is_some() || timesketch.is_some();
        Ok(any.then_some(Self { bodyfile, timesketch, seen: BTreeSet::new(), files: 0, events: 0 }))
    }

    /// Takes the rows of a table.
    pub(super) fn table(&mut self, evidence: &Opened, key: &ObjectKey, table: &str, progress: &Progress) -> Result<(), Failure> {
        let has_moments = self.timesketch.is_some() && timesketch::is_of_interest(table);
        let marks: &[&str] = if has_moments { &[] } else { &stat_row::MARKS };
        let mut each = |row: &Map<String, Value>| self.row(table, row).map_err(Failure::from);
        object::stream(evidence, key, &mut Lines::new(marks, &mut each), progress)
    }

    fn row(&mut self, table: &str, row: &Map<String, Value>) -> Result<(), Refused> {
        if let Some(stat) = StatRow::of(row) {
            self.file(row, &stat)?;
        }
        let Some(output) = &mut self.timesketch else { return Ok(()) };
        for line in timesketch::lines(table, row) {
            output.write(line.as_bytes())?;
            self.events += 1;
        }
        Ok(())
    }

    fn file(&mut self, row: &Map<String, Value>, stat: &StatRow) -> Result<(), Refused> {
        let line = bodyfile::line(stat);
        let exact = format!("{:?} {line}", stat.times);
        let digest = *Digest::of(exact.as_bytes()).as_bytes();
        if !self.seen.insert(std::array::from_fn(|at| digest.get(at).copied().unwrap_or(0))) {
            return Ok(());
        }
        self.files += 1;
        if let Some(output) = &mut self.bodyfile {
            output.write(line.as_bytes())?;
        }
        if let Some(output) = &mut self.timesketch {
            for line in timesketch::file(row, stat) {
                output.write(line.as_bytes())?;
                self.events += 1;
            }
        }
        Ok(())
    }

    /// Gives them their names. Returns what is told of each.
    pub(super) fn finish(self) -> Result<Vec<String>, Refused> {
        let mut told = Vec::new();
        if let Some(output) = self.bodyfile {
            output.finish()?;
            told.push(format!("bodyfile.txt: times of {} files; mactime -z UTC -d -b bodyfile.txt", self.files));
        }
        if let Some(output) = self.timesketch {
            output.finish()?;
            told.push(format!("timesketch.jsonl: {} events", self.events));
        }
        Ok(told)
    }
}
