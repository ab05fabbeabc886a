//! The one line on stdout: what a run came to, for whoever started it.
//!
//! At most 2,000 bytes, so that Run Command never cuts it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use hozen_collector::model::record::{RunStatus, Step};
use hozen_collector::model::{Receipt, Status, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

use crate::exit::{Exit, MEMORY};

/// Bytes that the line may have, newline not counted.
const MAX_LINE: usize = 2000;
/// Bytes that one text in it may have at first.
const MAX_TEXT: usize = 300;

/// What a run came to.
#[derive(Debug, Clone, Serialize)]
pub struct RunResult {
    /// Version of this line.
    pub v: u32,
    /// `complete`, `partial`, `failed`, `refused` (nothing was done) or `dry-run`.
    pub outcome: &'static str,
    /// The exit code.
    pub code: u8,
    /// Whether the evidence is sealed, so that cutting the host off loses nothing of this run.
    pub safe_to_isolate: bool,
    /// Everything else; absent members are unknown.
    #[serde(flatten)]
    pub details: BTreeMap<&'static str, Value>,
}

impl RunResult {
    /// Nothing was done, and why.
    #[must_use]
    pub fn refused(exit: Exit, error: &str) -> Self {
        Self::of("refused", exit, false, BTreeMap::from([("error", json!(error))]))
    }

    /// The line of a run that was not sealed, and why.
    #[must_use]
    pub fn unsealed(exit: Exit, error: &str, details: BTreeMap<&'static str, Value>) -> Self {
        let mut result = Self::of("failed", exit, false, details);
        result.details.insert("error", json!(error));
        result
    }

    /// The line of a sealed run.
    #[must_use]
    pub fn sealed(exit: Exit, status: RunStatus, details: BTreeMap<&'static str, Value>) -> Self {
        let outcome = match status {
            RunStatus::Complete => "complete",
            RunStatus::Partial => "partial",
            RunStatus::Failed => "failed",
        };
        Self::of(outcome, exit, true, details)
    }

    /// A line with this outcome.
    #[must_use]
    pub fn of(outcome: &'static str, exit: Exit, safe_to_isolate: bool, details: BTreeMap<&'static str, Value>) -> Self {
        let mut details = details;
        details.insert("agent", json!(crate::VERSION));
        Self { v: 1, outcome, code: exit.into(), safe_to_isolate, details }
    }

    /// The line, without its newline, cut to size text by text where it would be too long.
    #[must_use]
    pub fn line(&self) -> String {
        let mut limit = MAX_TEXT;
        loop {
            let mut value = serde_json::to_value(self).unwrap_or_default();
            shorten(&mut value, limit);
            let line = value.to_string();
            if line.len() <= MAX_LINE || limit < 8 {
                return line;
            }
            limit /= 2;
        }
    }

    /// Prints the line on stdout, unless a line has been printed: there is exactly one, whoever comes first.
    pub fn print(&self) {
        static PRINTED: AtomicBool = AtomicBool::new(false);
        if PRINTED.swap(true, Ordering::SeqCst) {
            return;
        }
        let mut out = std::io::stdout().lock();
        // Whoever closed stdout does not want to know.
        let _ = writeln!(out, "{}", self.line()).and_then(|()| out.flush());
    }
}

/// Cuts every text to `limit` bytes, and every list to a twentieth of that.
pub(crate) fn shorten(value: &mut Value, limit: usize) {
    match value {
        Value::String(text) if text.len() > limit => {
            let keep = text.char_indices().map(|(at, _)| at).take_while(|at| *at <= limit).last().unwrap_or(0);
            text.truncate(keep);
            text.push('…');
        }
        Value::Array(items) => {
            items.truncate(limit / 20);
            items.iter_mut().for_each(|item| shorten(item, limit));
        }
        Value::Object(members) => members.values_mut().for_each(|member| shorten(member, limit)),
        _ => {}
    }
}

/// Counts of steps by status, and what became of memory, for the line.
#[must_use]
pub fn details_of(steps: &[Step], started: Timestamp, ended: Timestamp) -> BTreeMap<&'static str, Value> {
    let count = |status: Status| steps.iter().filter(|step| step.status == status).count();
    let counts: BTreeMap<&str, usize> = Status::ALL.into_iter().map(|status| (status.word(), count(status))).collect();
    let memory = steps.iter().find(|step| step.artefact == MEMORY);
    let memory = memory.map(|step| json!({"status": step.status, "reason": step.reasons.join("; "), "images": images(step)}));
    BTreeMap::from([
        ("artefacts", json!(counts)),
        ("memory", json!(memory)),
        ("started", json!(started)),
        ("ended", json!(ended)),
    ])
}

/// The images of a step by name, which is that of the method; the table `memory_captures` says what each is worth.
fn images(step: &Step) -> BTreeSet<&str> {
    let image = |key: &str| key.strip_suffix(".lime.zst").and_then(|key| key.split('/').nth(2)).is_some();
    let keys = step.objects.iter().map(hozen_collector::model::ObjectKey::as_str).filter(|key| image(key));
    keys.filter_map(|key| key.split('/').nth(2)).collect()
}

/// Name and digest of a record, for the line, and its version where a bucket has it.
#[must_use]
pub fn record(receipt: &Receipt) -> Value {
    match receipt.sink.as_ref().and_then(|held| held.version_id.as_ref()) {
        Some(version) => json!({"key": receipt.key, "sha256": receipt.sha256, "version": version}),
        None => json!({"key": receipt.key, "sha256": receipt.sha256}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_member_of_a_sealed_line() {
        const PAGE: &str = include_str!("../../docs/exit-codes.md");
        let (_, page) = PAGE.split_once("### The line of JSON\n").unwrap();
        let (page, _) = page.split_once("\n## ").unwrap();
        let rows: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("| ")).collect();
        let named: BTreeSet<&str> =
            rows.iter().filter_map(|row| row.split(" | ").next()).flat_map(|cell| cell.split(", ")).collect();
        let time = Timestamp::from_seconds(0);
        let mut details = details_of(&[], time, time);
        // Those that the run, the spool and the command add.
        for member in
            ["run", "case", "host", "to", "manifest", "end", "warn", "error", "spool", "refused", "continues", "spool_error"]
        {
            details.insert(member, Value::Null);
        }
        let value = serde_json::to_value(RunResult::sealed(Exit::Complete, RunStatus::Complete, details)).unwrap();
        let missing: Vec<&String> =
            value.as_object().unwrap().keys().filter(|member| !named.contains(format!("`{member}`").as_str())).collect();
        assert!(missing.is_empty(), "docs/exit-codes.md does not say what {missing:?} is");
    }

    #[test]
    fn the_line_is_one_line_and_short_whatever_it_says() {
        let error = "ü\n".repeat(5000);
        let mut result = RunResult::refused(Exit::Usage, &error);
        result.details.insert("warn", json!(vec![error; 100]));
        let line = result.line();
        assert!(line.len() <= MAX_LINE && !line.contains('\n'), "{}", line.len());
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&value["code"], &value["outcome"]), (&json!(40), &json!("refused")));
    }
}
