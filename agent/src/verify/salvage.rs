//! Records of salvages (evidence format, section 11): what was completed, by somebody else, of a run whose host has died.
//!
//! What they name is partial, and nothing vouches for it. It is never taken for an object of the run.

use hozen_collector::model::record::VERSION;
use hozen_collector::model::salvage::{Salvage, Salvaged, SalvagedUpload, salvage_key};
use hozen_collector::model::{ObjectKey, RunId, escape};
use serde::Serialize;

use super::envelope;
use super::findings::Findings;
use super::holding::Holding;
use super::name::Name;
use super::words;

/// The most bytes that a record may have.
const LIMIT: u64 = 16 << 20;
/// The most records that are read.
const MAX_RECORDS: usize = 100;

/// An object that was made of what a dead host left open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SalvageLine {
    /// Its name.
    pub object: String,
    /// The record that speaks of it.
    pub record: String,
    /// Parts that it was made of.
    pub parts: u64,
    /// Its stored bytes.
    pub size: u64,
    /// Its version.
    pub version_id: Option<String>,
    /// Whether it is there.
    pub there: bool,
}

/// Reads the records; what they completed and no receipt speaks of is set aside.
pub(super) fn check(
    holding: &mut Holding,
    run: Option<RunId>,
    has_receipt: impl Fn(&ObjectKey) -> bool,
    findings: &mut Findings,
) -> Vec<SalvageLine> {
    let mut lines = Vec::new();
    let records: Vec<ObjectKey> = holding.salvages().iter().take(MAX_RECORDS).cloned().collect();
    let rest = holding.salvages().len().saturating_sub(MAX_RECORDS);
    findings.require(rest == 0, "salvage", format!("holds {rest} records more than are looked at"));
    for key in records {
        let name = key.as_str();
        let Some(bytes) = holding.read(name, LIMIT, findings) else { continue };
        let Some(record) = envelope::typed::<Salvage>(name, "the record", &bytes, findings) else { continue };
        findings.require(record.v == VERSION, name, "it is of another version of the evidence format");
        findings.require(salvage_key(record.salvaged) == key, name, "it was made at another time than its name says");
        let same = run.is_none() || record.run.is_none() || record.run == run;
        findings.require(same, name, "it is of another run");
        let completed = record.uploads.iter().filter(|upload| upload.outcome == Salvaged::Completed);
        lines.extend(completed.filter_map(|upload| line(holding, name, upload, &has_receipt, findings)));
    }
    lines
}

fn line(
    holding: &mut Holding,
    record: &str,
    upload: &SalvagedUpload,
    has_receipt: impl Fn(&ObjectKey) -> bool,
    findings: &mut Findings,
) -> Option<SalvageLine> {
    // Of its own records a run leaves none open, and whoever can write here can write such a record: it must take none of them away.
    let leaves_open = |key: &ObjectKey| Name::of(key).is_some_and(Name::has_journal_receipt);
    let Some(key) = upload.key.parse::<ObjectKey>().ok().filter(leaves_open) else {
        let name = escape::bytes(upload.key.as_bytes());
        findings.fail(record, format!("it says that {name} was completed, which no run leaves open"));
        return None;
    };
    // An object that the run itself speaks of is compared with the run's own receipt, whoever completed it.
    let there = holding.has(key.as_str());
    if !has_receipt(&key) {
        holding.set_aside(&key);
    }
    Some(SalvageLine {
        object: key.to_string(),
        record: record.to_owned(),
        parts: upload.parts,
        size: upload.size,
        version_id: upload.version_id.as_deref().map(|id| words::clipped(&escape::bytes(id.as_bytes()), 200)),
        there,
    })
}
