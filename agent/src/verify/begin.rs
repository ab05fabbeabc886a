//! The begin record (evidence format, section 2.1): who, why, what was planned, and the key of the run.

use std::collections::BTreeSet;

use hozen_collector::model::Digest;
use hozen_collector::model::record::{BEGIN_KEY, BEGIN_TYPE, Begin, MAX_RECORD_BYTES, Subject};

use super::envelope::{self, Key, Record};
use super::findings::Findings;
use super::holding::Holding;

/// Name of the begin record's subject.
const PROGRAM: &str = "hozen";

/// A begin record that could be read.
#[derive(Debug)]
pub(super) struct Beginning {
    /// Digest of its stored bytes.
    pub(super) sha256: Digest,
    /// What it says.
    pub(super) begin: Begin,
    /// The run's key, where it is one.
    pub(super) key: Option<Key>,
}

/// Reads the begin record and notes what is wrong with it.
pub(super) fn check(holding: &Holding, findings: &mut Findings) -> Option<Beginning> {
    if !holding.has(BEGIN_KEY) {
        findings.require(holding.objects().is_empty(), BEGIN_KEY, "is missing, and every run begins with it");
        return None;
    }
    let bytes = holding.read(BEGIN_KEY, MAX_RECORD_BYTES, findings)?;
    let record: Record<Begin> = envelope::parse(BEGIN_KEY, &bytes, BEGIN_TYPE, findings)?;
    let begin = &record.statement.predicate;
    envelope::require_version(BEGIN_KEY, begin.v, findings);
    let key = Key::of(BEGIN_KEY, &begin.run_key, findings);
    if let Some(key) = &key {
        key.check(BEGIN_KEY, &record, findings);
    }
    let program: Vec<Subject> = begin.agent.sha256.iter().map(|sha256| Subject::new(PROGRAM, *sha256)).collect();
    findings.require(record.statement.subject == program, BEGIN_KEY, "its subject is not the program that it names");
    check_plan(begin, findings);
    let itself = begin.continues.as_ref().is_some_and(|first| first.run == begin.run);
    findings.require(!itself, BEGIN_KEY, "it goes on with itself");
    let known_kind = matches!(begin.host.id_kind.as_str(), "instance-id" | "machine-id" | "hostname");
    findings.require(known_kind, BEGIN_KEY, format!("the host's id is of unknown kind {:?}", begin.host.id_kind));
    findings.require(begin.clock.is_object(), BEGIN_KEY, "the host's clocks are not an object");
    Some(Beginning { sha256: record.sha256, key, begin: record.statement.predicate })
}

fn check_plan(begin: &Begin, findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for step in &begin.plan {
        let fresh = seen.insert(step.artefact.as_str());
        findings.require(fresh, BEGIN_KEY, format!("the plan names {} twice", step.artefact));
    }
}
