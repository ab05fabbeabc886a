//! The begin record: what is intended, by whom, with what, where, before anything is read.

use std::collections::BTreeMap;

use hozen_collector::collect::Planned;
use hozen_collector::host::{Host, clock, read};
use hozen_collector::model::record::{Agent, Authority, Begin, PlannedStep, RunKey, VERSION};
use hozen_collector::model::{Digest, escape};
use hozen_collector::source::Source;
use nix::time::ClockId;
use serde_json::{Value, json};

use super::Run;
use super::spool::First;
use crate::settings::Settings;

/// What the settings want of each source.
#[must_use]
pub fn plan(sources: Vec<Box<dyn Source>>, settings: &Settings) -> Vec<Planned> {
    let planned = |source: Box<dyn Source>| Planned { skip: settings.skip_reason(&source.artefact()), source };
    sources.into_iter().map(planned).collect()
}

/// The plan as the records have it.
pub(super) fn planned(plan: &[Planned]) -> Vec<PlannedStep> {
    let step = |planned: &Planned| {
        let artefact = planned.source.artefact();
        let (category, budget_s, skip) = (artefact.category, artefact.budget.as_secs(), planned.skip.clone());
        PlannedStep { artefact: artefact.name.to_owned(), category, budget_s, skip }
    };
    plan.iter().map(step).collect()
}

/// The begin record of `run`, which goes on with `first` if there is one.
pub(super) fn record(run: &Run, first: Option<&First>, run_key: RunKey) -> Begin {
    Begin {
        v: VERSION,
        run: run.id,
        case: run.settings.case.clone(),
        started: run.host.clock.now(),
        authority: authority(run),
        options: run.settings.record(),
        plan: planned(&run.plan),
        agent: Agent { version: crate::VERSION.to_owned(), sha256: own_digest(&run.host), pid: std::process::id() },
        host: run.host.identity.facts.clone(),
        clock: clocks(),
        sink: run.sink.describe(),
        access: run.access.clone(),
        instance: run.instance.clone(),
        continues: first.map(|first| first.continues.clone()),
        run_key,
    }
}

fn authority(run: &Run) -> Authority {
    let shown = |text: &String| escape::bytes(text.as_bytes());
    let number = |path: &str| -> Value {
        let text = run.host.proc.file(path, 64).ok().map(|text| text.bytes);
        let number = text.and_then(|text| std::str::from_utf8(&text).ok()?.trim().parse::<u32>().ok());
        json!(number)
    };
    Authority {
        operator: run.settings.operator.as_ref().map(shown),
        reference: run.settings.reference.as_ref().map(shown),
        ssm_command_id: std::env::var("SSM_COMMAND_ID").ok().as_ref().map(shown),
        login: BTreeMap::from([
            ("loginuid".to_owned(), number("self/loginuid")),
            ("sessionid".to_owned(), number("self/sessionid")),
            ("uid".to_owned(), json!(nix::unistd::getuid().as_raw())),
        ]),
    }
}

/// SHA-256 of the program that runs, read through `/proc/self/exe`.
fn own_digest(host: &Host) -> Option<Digest> {
    let pid = i32::try_from(std::process::id()).ok()?;
    let (fd, _) = host.proc.process(pid).ok()?.open_target("exe").ok()?;
    crate::own::digest_of(read::FdReader(fd))
}

fn clocks() -> Value {
    let now = |clock: ClockId| i64::try_from(clock::nanoseconds(clock)).unwrap_or(0);
    json!({
        "realtime_ns": now(ClockId::CLOCK_REALTIME),
        "monotonic_ns": now(ClockId::CLOCK_MONOTONIC),
        "boottime_ns": now(ClockId::CLOCK_BOOTTIME),
        "tai_ns": now(ClockId::CLOCK_TAI),
    })
}
