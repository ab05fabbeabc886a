//! What was found out becomes a report. Texts of the records are cut and made safe to print here.

use std::collections::BTreeMap;

use hozen_collector::model::ObjectKey;
use hozen_collector::model::record::{Continues, PlannedStep, Step};

use super::begin::Beginning;
use super::events::StepStory;
use super::examined::{Examined, receipts};
use super::findings::Parts;
use super::manifest::Listed;
use super::missing::GapGroups;
use super::name::Name;
use super::report::{Facts, Lost, Report, StepLine};
use super::{Verdict, words};

/// The most characters of one text from the records.
const MAX_TEXT: usize = 600;
/// The most reasons of one step, and the most unattested objects, that are listed.
const MAX_LISTED: usize = 1000;

/// Makes the report.
pub(super) fn report(run: Examined) -> Report {
    let facts = facts(&run);
    let unattested = unattested(&run);
    let growing = run.holding.iter().flat_map(|holding| holding.growing()).map(|key| format!("{key}.part")).collect();
    let objects = run.holding.as_ref().map_or(0, |holding| words::length(holding.objects().len()));
    let lost = run.journal.story.lost.iter();
    let lost = lost.map(|lost| Lost { object: lost.key.to_string(), from: lost.from, reason: text(&lost.reason) }).collect();
    let (bytes, witness, ended) = (run.measured.bytes, run.witness, run.ending.is_some());
    let (checks, seals) = (run.checks.clone(), run.seals.clone());
    let (steps, findings) = (steps(run.listed, run.beginning, run.journal.story.steps), run.findings);
    let Parts { failures: findings, unreadable, warnings, omitted: findings_omitted } = findings.into_parts();
    let verdict = verdict(!findings.is_empty(), !unreadable.is_empty(), ended);
    Report {
        verdict,
        folder: run.location,
        bucket: run.places.map(|places| places.facts),
        facts,
        checks,
        witness,
        seals,
        steps,
        lost,
        findings,
        findings_omitted,
        unreadable,
        warnings,
        salvaged: run.salvaged,
        killed: run.killed,
        unattested,
        growing,
        objects,
        bytes,
    }
}

fn verdict(contradicted: bool, unreadable: bool, ended: bool) -> Verdict {
    match (contradicted, unreadable, ended) {
        (true, _, _) => Verdict::Failed,
        (false, true, _) => Verdict::CouldNotCheck,
        (false, false, false) => Verdict::Incomplete,
        (false, false, true) => Verdict::Verified,
    }
}

fn text(text: &str) -> String {
    words::clipped(text, MAX_TEXT)
}

fn facts(run: &Examined) -> Facts {
    let begin = run.beginning.as_ref().map(|beginning| &beginning.begin);
    let host = begin.map(|begin| &begin.host);
    let authority = begin.map(|begin| &begin.authority);
    let told = |value: Option<&String>| value.map(|value| text(value));
    let end = run.ending.as_ref().map(|ending| &ending.end);
    Facts {
        run: begin.map(|begin| begin.run.to_string()),
        case: begin.map(|begin| begin.case.to_string()),
        host_id: told(host.map(|host| &host.id)),
        host_id_kind: told(host.map(|host| &host.id_kind)),
        hostname: told(host.map(|host| &host.hostname)),
        kernel: told(host.map(|host| &host.kernel)),
        machine: told(host.map(|host| &host.machine)),
        operator: told(authority.and_then(|authority| authority.operator.as_ref())),
        reference: told(authority.and_then(|authority| authority.reference.as_ref())),
        started: begin.map(|begin| begin.started.to_string()),
        ended: end.map(|end| end.ended.to_string()),
        last_event: run.journal.last.clone(),
        status: end.map(|end| end.status),
        reasons: end.map(|end| reasons(&end.reasons)).unwrap_or_default(),
        exit_code: end.map(|end| end.exit_code),
        continues: begin.and_then(|begin| begin.continues.as_ref()).map(continues),
        interrupted: run.journal.story.interrupted.clone(),
        agent_version: told(begin.map(|begin| &begin.agent.version)),
        agent_sha256: begin.and_then(|begin| begin.agent.sha256),
        keyid: told(begin.map(|begin| &begin.run_key.keyid)),
        begin_sha256: run.beginning.as_ref().map(|beginning| beginning.sha256),
        manifest_sha256: run.listed.as_ref().map(|listed| listed.sha256),
        end_sha256: run.ending.as_ref().map(|ending| ending.sha256),
    }
}

fn continues(first: &Continues) -> Continues {
    Continues { location: text(&first.location), reason: text(&first.reason), ..first.clone() }
}

fn reasons(reasons: &[String]) -> Vec<String> {
    reasons.iter().take(MAX_LISTED).map(|reason| text(reason)).collect()
}

/// Objects that nothing vouches for: evidence and log without a receipt, and a list of digests without a manifest.
fn unattested(run: &Examined) -> Vec<String> {
    let receipts = receipts(&run.journal, run.listed.as_ref());
    let should = |name: Name<'_>| name.has_journal_receipt() || name == Name::Sums;
    let alone = |key: &&ObjectKey| Name::of(key).is_some_and(should) && !receipts.contains_key(*key);
    let objects = run.holding.iter().flat_map(|holding| holding.objects());
    objects.filter(alone).take(MAX_LISTED).map(ToString::to_string).collect()
}

/// The steps of the manifest; without one, those of the plan as far as the journal tells of them.
fn steps(listed: Option<Listed>, beginning: Option<Beginning>, mut stories: BTreeMap<String, StepStory>) -> Vec<StepLine> {
    match listed {
        Some(listed) => {
            let line = |step: &Step| listed_step(step, stories.remove(&step.artefact));
            listed.manifest.steps.iter().map(line).collect()
        }
        None => {
            let plan = beginning.map(|beginning| beginning.begin.plan).unwrap_or_default();
            plan.iter().map(|planned| told_step(planned, stories.remove(&planned.artefact).unwrap_or_default())).collect()
        }
    }
}

fn listed_step(step: &Step, story: Option<StepStory>) -> StepLine {
    let groups = story.filter(|story| story.gap_count > 0).map_or_else(|| GapGroups::of(&step.gaps), |story| story.groups);
    StepLine {
        artefact: text(&step.artefact),
        outcome: step.status.word().to_owned(),
        reasons: reasons(&step.reasons),
        objects: words::length(step.objects.len()),
        gaps: words::length(step.gaps.len()).saturating_add(step.gaps_omitted),
        missing: groups.into_groups(),
    }
}

fn told_step(planned: &PlannedStep, story: StepStory) -> StepLine {
    let (outcome, told, objects) = match (&story.finish, story.started) {
        (Some(finish), _) => (finish.status.word(), reasons(&finish.reasons), words::length(finish.objects.len())),
        (None, true) => ("cut off", vec!["the run was cut off while it was read".to_owned()], 0),
        (None, false) => match &planned.skip {
            Some(skip) => ("skipped", vec![text(skip)], 0),
            None => ("not reached", vec!["the run was cut off before it, as far as the journal tells".to_owned()], 0),
        },
    };
    StepLine {
        artefact: text(&planned.artefact),
        outcome: outcome.to_owned(),
        reasons: told,
        objects,
        gaps: story.gap_count,
        missing: story.groups.into_groups(),
    }
}
