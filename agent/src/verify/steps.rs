//! Steps: the plan said what would be done, the journal what was done, the manifest what came of it. All three must agree.

use std::collections::{BTreeMap, BTreeSet};

use hozen_collector::model::record::{MANIFEST_KEY, MAX_GAPS, Manifest, PlannedStep, Step};
use hozen_collector::model::{Category, Digest, ObjectKey, Status};

use super::events::{StepFinish, Story, gap_digest};
use super::findings::Findings;
use super::name::Name;
use super::words;

/// One step for each entry of the plan, in its order, skipped where the plan says so; objects under the right names.
pub(super) fn match_plan(manifest: &Manifest, plan: &[PlannedStep], findings: &mut Findings) {
    let same = manifest.steps.iter().map(|step| &step.artefact).eq(plan.iter().map(|planned| &planned.artefact));
    findings.require(same, MANIFEST_KEY, "its steps are not those of the plan, one for one and in order");
    let planned: BTreeMap<&str, &PlannedStep> = plan.iter().map(|planned| (planned.artefact.as_str(), planned)).collect();
    for step in &manifest.steps {
        let Some(planned) = planned.get(step.artefact.as_str()) else { continue };
        let right = planned.skip.is_none() || step.status == Status::Skipped;
        findings.require(right, MANIFEST_KEY, format!("{} was to be skipped, and was not", step.artefact));
        for key in &step.objects {
            let fits = fits(key, &step.artefact, planned.category);
            findings.require(fits, key, format!("is not a name that the artefact {} has objects of", step.artefact));
        }
    }
}

fn fits(key: &ObjectKey, artefact: &str, category: Category) -> bool {
    match Name::of(key) {
        Some(Name::Table { category: folder, .. }) => folder == category,
        Some(Name::Archive { artefact: named }) => named == artefact,
        Some(Name::Segment { .. }) => category == Category::Memory,
        _ => false,
    }
}

/// Each step is consistent in itself, the counts are right, and every object below `data/` belongs to exactly one step.
pub(super) fn check_objects(manifest: &Manifest, findings: &mut Findings) {
    let listed: BTreeSet<&ObjectKey> = manifest.objects.iter().map(|receipt| &receipt.key).collect();
    let mut owners: BTreeMap<&ObjectKey, u64> = BTreeMap::new();
    for step in &manifest.steps {
        check_step(step, findings);
        for key in &step.objects {
            *owners.entry(key).or_default() += 1;
            let known = listed.contains(key);
            findings.require(known, key, format!("belongs to the step {}, and the manifest does not list it", step.artefact));
        }
    }
    for key in listed.into_iter().filter(|key| Name::of(key).is_some_and(Name::is_data)) {
        let steps = owners.get(key).copied().unwrap_or_default();
        findings.require(steps == 1, key, format!("belongs to {}, and should to exactly one", words::count(steps, "step")));
    }
    let mut counts: BTreeMap<Status, u64> = Status::ALL.into_iter().map(|status| (status, 0)).collect();
    manifest.steps.iter().for_each(|step| *counts.entry(step.status).or_default() += 1);
    findings.require(counts == manifest.counts, MANIFEST_KEY, "its counts are not those of its steps");
}

fn check_step(step: &Step, findings: &mut Findings) {
    let mut require = |holds: bool, what: &str| findings.require(holds, MANIFEST_KEY, format!("{}: {what}", step.artefact));
    let all_there = step.reasons.is_empty() && step.gaps.is_empty() && step.gaps_omitted == 0;
    require(step.status != Status::Ok || all_there, "it is ok, and yet there are gaps or reasons");
    require(step.status == Status::Ok || !all_there, "it is not ok, and no reason or gap says why");
    require(step.objects.is_sorted_by(|a, b| a < b), "its objects are not sorted, or one stands twice");
    let full = step.gaps.len() <= MAX_GAPS && (step.gaps_omitted == 0 || step.gaps.len() == MAX_GAPS);
    require(full, "it does not list as many gaps as it should");
}

/// The journal tells the same of every step and of every gap.
pub(super) fn match_journal(manifest: &Manifest, story: &Story, findings: &mut Findings) {
    for step in &manifest.steps {
        let mut fail = |what: &str| findings.fail(MANIFEST_KEY, format!("{}: {what}", step.artefact));
        let Some(told) = story.steps.get(&step.artefact) else {
            fail("the journal does not mention it");
            continue;
        };
        match &told.finish {
            Some(finish) if is_same(step, finish) => {}
            Some(_) => fail("the journal says another outcome than the manifest"),
            None => fail("the journal does not say how it ended"),
        }
        let gaps: Vec<Digest> = step.gaps.iter().map(gap_digest).collect();
        let count = words::length(gaps.len()).saturating_add(step.gaps_omitted);
        if gaps != told.gaps || count != told.gap_count {
            fail("the journal has other gaps than the manifest");
        }
        if told.finish.as_ref().is_some_and(|finish| finish.gap_count != told.gap_count) {
            fail("the journal has another number of gaps than its step.finish says");
        }
    }
}

fn is_same(step: &Step, finish: &StepFinish) -> bool {
    step.status == finish.status
        && step.reasons == finish.reasons
        && (step.started, step.finished) == (finish.started, finish.finished)
        && step.objects == finish.objects
        && step.gaps_omitted == finish.gaps_omitted
}
