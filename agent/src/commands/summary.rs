//! Tables for a person: what a run came to, and what it would do.

use std::fmt::Write as _;

use hozen_collector::collect::Planned;
use hozen_collector::model::Status;
use indicatif::HumanBytes;
use serde_json::Value;

use crate::exit::Exit;
use crate::run::Ended;

/// What came out of a run.
pub(super) fn of_run(ended: &Ended, location: &str) -> String {
    let mut text = format!("\n{:<20} {:<8} {:>11}  {}\n", "ARTEFACT", "OUTCOME", "STORED", "WHY");
    for step in ended.steps.iter().filter(|step| step.status != Status::Skipped) {
        let stored: u64 = step.objects.iter().filter_map(|key| ended.stored.get(key)).sum();
        let why = step.reasons.join("; ");
        let _ = writeln!(text, "{:<20} {:<8} {:>11}  {why}", step.artefact, step.status.word(), HumanBytes(stored).to_string());
    }
    let skipped = ended.steps.iter().filter(|step| step.status == Status::Skipped).count();
    let (objects, bytes) = (ended.stored.len(), HumanBytes(ended.stored.values().sum()));
    let _ = writeln!(text, "\n{objects} objects, {bytes}, in {location}; {skipped} artefacts skipped");
    let verdict = match ended.result.code {
        _ if ended.result.safe_to_isolate => "sealed",
        code if code == u8::from(Exit::Spooled) => "sealed, in the spool: on this host and nowhere else",
        _ => "NOT sealed",
    };
    let _ = write!(text, "{}: {verdict}. Check it with: hozen verify {location}", ended.result.outcome);
    text
}

/// What a run would do.
pub(super) fn of_plan(plan: &[Planned], module: &Value) -> String {
    let mut text = format!("{:<20} {:<8} {:>7}  {}\n", "ARTEFACT", "CATEGORY", "BUDGET", "WHAT");
    for planned in plan {
        let artefact = planned.source.artefact();
        let what = planned.skip.as_ref().map_or_else(|| artefact.about.to_owned(), |skip| format!("skipped: {skip}"));
        let budget = format!("{} s", artefact.budget.as_secs());
        let _ = writeln!(text, "{:<20} {:<8} {budget:>7}  {what}", artefact.name, artefact.category.folder());
    }
    let word = |name: &str| module.get(name).and_then(Value::as_str).unwrap_or_default();
    let reason = word("reason");
    let lime = if reason.is_empty() { format!("module {}", word("sha256")) } else { format!("not used: {reason}") };
    let _ = writeln!(text, "LiME: {lime}");
    text.push_str("Dry run: nothing was read for evidence and nothing was written.");
    text
}
