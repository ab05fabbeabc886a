//! What the run's destination warned of when it was opened, and later: the manifest against the begin record, and what to tell of it.

use hozen_collector::model::record::{BEGIN_KEY, Begin, MANIFEST_KEY, Manifest};
use serde_json::Value;

use super::findings::Findings;

/// Notes where both records say what was warned of, and not the same.
pub(super) fn compare(manifest: &Manifest, begin: &Begin, findings: &mut Findings) {
    let theirs = begin.sink.get("warnings").and_then(Value::as_array);
    // A manifest without any is of a sink that warned of nothing, or of an agent that did not write them there. What the destination
    // warned of later stands behind those of the begin record.
    let begins = |theirs: &Vec<Value>| {
        manifest.warnings.len() >= theirs.len() && theirs.iter().zip(&manifest.warnings).all(|(one, other)| one == other)
    };
    let same = theirs.is_none_or(begins) || manifest.warnings.is_empty();
    findings.require(same, MANIFEST_KEY, "it says other warnings of the destination than the begin record");
}

/// Tells them, as the manifest has them, or else the begin record.
pub(super) fn tell(begin: Option<&Begin>, manifest: Option<&Manifest>, findings: &mut Findings) {
    let mut told = |key: &str, warning: &str| findings.warn(key, format!("the agent warned: {warning}"));
    match manifest.filter(|manifest| !manifest.warnings.is_empty()) {
        Some(manifest) => manifest.warnings.iter().for_each(|warning| told(MANIFEST_KEY, warning)),
        None => {
            let theirs = begin.and_then(|begin| begin.sink.get("warnings")).and_then(Value::as_array);
            theirs.into_iter().flatten().filter_map(Value::as_str).for_each(|warning| told(BEGIN_KEY, warning));
        }
    }
}
