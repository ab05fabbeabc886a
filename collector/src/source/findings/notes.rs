//! What was noted of the rows that went by, in memory until the run's end.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::{Map, Value};

use super::rules::{RULES, Rule, Weight};
use crate::model::{Artefact, Row, Timestamp};

/// The most records of one kind of finding, and the most bytes of their columns.
const MOST_RECORDS: usize = 1000;
const MOST_BYTES: usize = 512 << 10;

/// A column longer than this stays in its table: a command line may have a megabyte.
const LONGEST_COLUMN: usize = 2 << 10;

/// A row that a finding rests on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Record {
    artefact: &'static str,
    object: String,
    row: u64,
    pub(super) source: String,
    pub(super) columns: Map<String, Value>,
    #[serde(skip)]
    pub(super) time: Timestamp,
}

/// What came of one rule.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    /// How the artefact ended that has the table, in the word of its status; `cut` where it did not come back; nothing where it was
    /// not collected.
    pub(super) outcome: Option<&'static str>,
    /// Rows of the table.
    pub(super) seen: u64,
    /// Rows that are findings.
    pub(super) count: u64,
    /// Rows that there was no room for.
    pub(super) beyond: u64,
    pub(super) records: Vec<Record>,
    bytes: usize,
}

/// Where a row went.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) artefact: &'a Artefact,
    pub(super) table: &'static str,
    pub(super) row: u64,
}

/// Notes of one run, shared between all its sources.
#[derive(Debug, Default)]
pub struct Notes(Mutex<BTreeMap<&'static str, Found>>);

impl Notes {
    /// Notes stay as whole as they are where a source panics: each row is noted at once.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Found>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The artefact is begun: what was noted of it before is of rows that are no more.
    pub(super) fn begin(&self, artefact: &Artefact) {
        self.lock().retain(|finding, _| {
            let rule = RULES.iter().find(|rule| rule.finding == *finding);
            rule.is_none_or(|rule| !artefact.tables.contains(&rule.table))
        });
        self.outcome(artefact, "cut");
    }

    /// How the artefact that has these tables ended.
    pub(super) fn outcome(&self, artefact: &Artefact, word: &'static str) {
        let mut notes = self.lock();
        for rule in RULES.iter().filter(|rule| artefact.tables.contains(&rule.table)) {
            notes.entry(rule.finding).or_default().outcome = Some(word);
        }
    }

    /// Looks at a row that was stored.
    pub(super) fn row(&self, place: Place<'_>, row: &Row) {
        let mut notes = self.lock();
        for rule in RULES.iter().filter(|rule| rule.table == place.table) {
            let found = notes.entry(rule.finding).or_default();
            found.seen = found.seen.saturating_add(1);
            if !row.holds(rule.mark) {
                continue;
            }
            let columns = row.columns();
            if let Some(weight) = (rule.judge)(&columns) {
                found.note(rule, weight, place, row, &columns);
            }
        }
    }

    /// Every rule and what came of it, in the order of the rules.
    pub(super) fn all(&self) -> Vec<(&'static Rule, Found)> {
        let notes = self.lock();
        RULES.iter().map(|rule| (rule, notes.get(rule.finding).cloned().unwrap_or_default())).collect()
    }
}

impl Found {
    fn note(&mut self, rule: &Rule, weight: Weight, place: Place<'_>, row: &Row, columns: &Map<String, Value>) {
        self.count = self.count.saturating_add(u64::from(weight == Weight::Finding));
        let kept = kept(rule, columns);
        let bytes = kept.iter().map(|(name, value)| name.len() + value.to_string().len()).sum::<usize>() + row.source().len();
        if self.records.len() >= MOST_RECORDS || self.bytes.saturating_add(bytes) > MOST_BYTES {
            self.beyond = self.beyond.saturating_add(1);
            return;
        }
        self.bytes = self.bytes.saturating_add(bytes);
        self.records.push(Record {
            artefact: place.artefact.name,
            object: format!("data/{}/{}.jsonl.zst", place.artefact.category.folder(), place.table),
            row: place.row,
            source: row.source().to_owned(),
            columns: kept,
            time: row.time(),
        });
    }
}

/// The columns that a record of `rule` keeps, text or base64.
fn kept(rule: &Rule, columns: &Map<String, Value>) -> Map<String, Value> {
    let is_wanted = |name: &str| rule.columns.iter().any(|column| name == *column || name.strip_suffix("_b64") == Some(column));
    let is_short = |value: &Value| value.to_string().len() <= LONGEST_COLUMN;
    let wanted = columns.iter().filter(|(name, value)| is_wanted(name) && is_short(value));
    wanted.map(|(name, value)| (name.clone(), value.clone())).collect()
}
