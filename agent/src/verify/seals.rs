//! Seals (evidence format, section 9): countersignatures that were laid beside the run after it had ended.
//!
//! A seal is worth what its key is worth: anybody can make one with a key of his own. So each is checked in itself, and one whose
//! key was given from elsewhere is a witness.

use std::collections::BTreeMap;

use hozen_collector::model::record::{END_KEY, MANIFEST_KEY, Subject};
use hozen_collector::model::seal::{SEAL_ALGORITHM, SEAL_TYPE, Seal, seal_key};
use hozen_collector::model::{Digest, ObjectKey};
use serde::Serialize;

use super::begin::Beginning;
use super::end::Ending;
use super::envelope::{self, Record};
use super::findings::Findings;
use super::holding::Holding;
use super::manifest::Listed;
use super::places::Places;
use super::words;
use crate::seal_key::SealPublic;

/// The most bytes that a seal may have: some hundred for each object of a bucket.
const LIMIT: u64 = 64 << 20;
/// The most seals that are read.
const MAX_SEALS: usize = 100;

/// A seal, as far as it could be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SealLine {
    /// Its name.
    pub object: String,
    /// When it was made, by the sealer's clock.
    pub sealed: String,
    /// Which key signed it.
    pub keyid: String,
    /// The key's name in KMS, as the seal says; escaped text.
    pub kms_key: Option<String>,
    /// Whether every byte was read for it.
    pub rehashed: bool,
    /// Whether it is signed with the key that was given from elsewhere.
    pub key_was_given: bool,
}

/// What a seal must be over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) beginning: Option<&'a Beginning>,
    pub(super) listed: Option<&'a Listed>,
    pub(super) ending: Option<&'a Ending>,
    /// Where the run lies, as text.
    pub(super) location: &'a str,
    /// What the bucket says of its objects, where it lies in one.
    pub(super) places: Option<&'a Places>,
}

/// Checks every seal; with `given`, one of them must be signed with that key.
pub(super) fn check(holding: &Holding, run: Run<'_>, given: Option<&SealPublic>, findings: &mut Findings) -> Vec<SealLine> {
    let mut lines = Vec::new();
    for key in holding.seals().iter().take(MAX_SEALS) {
        lines.extend(one(holding, key, run, given, findings));
    }
    let rest = holding.seals().len().saturating_sub(MAX_SEALS);
    findings.require(rest == 0, "seal", format!("holds {rest} seals more than are looked at"));
    let found = given.is_none() || lines.iter().any(|line| line.key_was_given);
    findings.require(found, "seal", "no seal here is signed with the key that was given from elsewhere");
    lines
}

fn one(
    holding: &Holding,
    key: &ObjectKey,
    run: Run<'_>,
    given: Option<&SealPublic>,
    findings: &mut Findings,
) -> Option<SealLine> {
    let bytes = holding.read(key.as_str(), LIMIT, findings)?;
    let name = key.as_str();
    let record: Record<Seal> = envelope::parse(name, &bytes, SEAL_TYPE, findings)?;
    let seal = &record.statement.predicate;
    envelope::require_version(name, seal.v, findings);
    findings.require(seal_key(seal.sealed) == *key, name, "it was made at another time than its name says");
    let public = signature(name, &record, findings);
    compare(name, &record, run, findings);
    // Made over the run in this very place: what the bucket said then must hold now.
    if let Some(places) = run.places.filter(|_| seal.location == run.location) {
        places.compare_with_seal(name, &seal.places, findings);
    }
    let kms_key = seal.key_facts.get("kms_key").and_then(serde_json::Value::as_str);
    Some(SealLine {
        object: name.to_owned(),
        sealed: seal.sealed.to_string(),
        keyid: words::clipped(&seal.seal_key.keyid, 100),
        kms_key: kms_key.map(|text| words::clipped(text, 300)),
        rehashed: seal.rehashed,
        key_was_given: given.is_some() && public.as_ref() == given,
    })
}

/// The key inside, if the seal is signed with it.
fn signature(name: &str, record: &Record<Seal>, findings: &mut Findings) -> Option<SealPublic> {
    let key = &record.statement.predicate.seal_key;
    findings.require(key.algorithm == SEAL_ALGORITHM, name, format!("its key is not one of {SEAL_ALGORITHM}"));
    let public = match SealPublic::from_pem(&key.pem) {
        Ok(public) => public,
        Err(error) => {
            findings.fail(name, format!("its key cannot be read: {error}"));
            return None;
        }
    };
    findings.require(public.pem() == key.pem, name, "its key is not in its one PEM form");
    let named = key.keyid == public.keyid() && record.keyid == key.keyid;
    findings.require(named, name, "its key id is not the digest of its key");
    let right = public.verifies(&record.signed, &record.signature);
    findings.require(right, name, "its signature is wrong: it is not what its key signed");
    right.then_some(public)
}

/// A seal over another run, or over one that has not ended, is no seal of this one.
fn compare(name: &str, record: &Record<Seal>, run: Run<'_>, findings: &mut Findings) {
    let seal = &record.statement.predicate;
    let records: BTreeMap<&str, Digest> =
        [run.listed.map(|listed| (MANIFEST_KEY, listed.sha256)), run.ending.map(|ending| (END_KEY, ending.sha256))]
            .into_iter()
            .flatten()
            .collect();
    let due: Vec<Subject> = records.iter().map(|(name, sha256)| Subject::new(*name, *sha256)).collect();
    let same = due.len() == 2 && record.statement.subject == due;
    findings.require(same, name, "it is not over the manifest and the end record that are here");
    if let Some(begin) = run.beginning.map(|beginning| &beginning.begin) {
        let same = (seal.run, &seal.case) == (begin.run, &begin.case);
        findings.require(same, name, "it is of another run or case");
    }
    if let Some(end) = run.ending.map(|ending| &ending.end) {
        let same = (seal.status, &seal.chain, seal.objects) == (end.status, &end.chain, end.objects);
        findings.require(same, name, "it says another status, chain or number of objects than the end record");
    }
}
