//! A run's place in a bucket: which versions lie there, and which of each name is the evidence.
//!
//! The evidence is the version that the receipt names; where no receipt names one, the oldest, because the agent writes only where
//! nothing is. What was laid over it later does not change it, and is told.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Read;
use std::rc::Rc;
use std::sync::Arc;

use hozen_collector::model::record::BEGIN_KEY;
use hozen_collector::model::{Held, ObjectKey, Receipt, escape};

use super::findings::Findings;
use super::holding::{Holding, Opener, Unopened};
use super::name::Name;
use super::words;
use crate::s3::Reader;
use crate::s3::read::{OpenUpload, Unanswered, Version};

/// Names of other runs that one sentence holds.
const FEW: usize = 3;

/// The versions that lie there.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) reader: Arc<Reader>,
    /// Of one name the oldest first.
    versions: BTreeMap<ObjectKey, Vec<Version>>,
    /// Which of them is the evidence, where it is not the oldest.
    chosen: RefCell<BTreeMap<ObjectKey, usize>>,
    /// Names with a delete marker, and when it was laid.
    pub(super) markers: Vec<(String, String)>,
    /// Uploads that nobody has completed.
    pub(super) uploads: Vec<OpenUpload>,
}

/// Lists the place. `None` where it cannot be read at all.
pub(super) fn open(reader: &Arc<Reader>, findings: &mut Findings) -> Option<(Holding, Rc<Place>)> {
    let here = reader.place().to_string();
    let listed = match reader.versions() {
        Ok(listed) => listed,
        Err(unanswered) => {
            findings.unreadable(&here, format!("its versions cannot be listed: {}", advised(&unanswered)));
            return None;
        }
    };
    if let Some(others) = others(listed.versions.iter().map(|version| version.name.as_str())) {
        findings.unreadable(&here, format!("is not the place of one run; there are runs below it: {others}"));
        return None;
    }
    let uploads = reader.uploads().unwrap_or_else(|unanswered| {
        findings.unreadable(&here, format!("its open uploads cannot be listed: {unanswered}"));
        Vec::new()
    });
    let mut holding = Holding::default();
    if listed.more {
        holding.blind("");
        findings.fail(&here, "holds more versions than any run; the rest was not looked at");
    }
    let mut versions: BTreeMap<ObjectKey, Vec<Version>> = BTreeMap::new();
    for version in listed.versions.into_iter().rev() {
        holding.count();
        match version.name.parse::<ObjectKey>() {
            Ok(key) if Name::of(&key).is_some() => versions.entry(key).or_default().push(version),
            _ => {
                findings.fail(escape::bytes(version.name.as_bytes()), "is not a name that a run has: somebody else put it there")
            }
        }
    }
    versions.keys().for_each(|key| holding.take(key.as_str(), findings));
    let date = |time: Option<hozen_collector::model::Timestamp>| time.map_or_else(|| "?".to_owned(), |time| time.to_string());
    let markers =
        listed.markers.into_iter().map(|marker| (escape::bytes(marker.name.as_bytes()), date(marker.modified))).collect();
    let place = Place { reader: Arc::clone(reader), versions, chosen: RefCell::default(), markers, uploads };
    let place = Rc::new(place);
    Some((holding.complete(Box::new(Rc::clone(&place)), findings), place))
}

/// What to do where not even the names can be had.
fn advised(unanswered: &Unanswered) -> String {
    let reason = unanswered.to_string();
    if unanswered.is_denied() { reason } else { format!("{reason}; {}", crate::s3::advice_for_reader(&unanswered.reason)) }
}

/// The runs that lie below, where none lies here.
fn others<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Option<String> {
    if names.clone().any(|name| name == BEGIN_KEY) {
        return None;
    }
    let suffix = format!("/{BEGIN_KEY}");
    let mut runs: Vec<String> =
        names.filter_map(|name| name.strip_suffix(&suffix)).map(|run| escape::bytes(run.as_bytes())).collect();
    runs.dedup();
    let more = runs.len().saturating_sub(FEW);
    runs.truncate(FEW);
    let text = runs.join(", ");
    match (runs.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(text),
        (false, more) => Some(format!("{text} and {more} more")),
    }
}

impl Place {
    /// Whether a receipt speaks of this very place, and not of one that the run was copied from.
    pub(super) fn is_here(&self, key: &ObjectKey, held: &Held) -> bool {
        held.bucket == self.reader.place().bucket() && held.key == self.reader.place().key(key.as_str())
    }

    /// Takes, of each name, the version that the receipt names; notes where that one is not there.
    pub(super) fn choose(&self, receipts: &BTreeMap<&ObjectKey, &Receipt>, findings: &mut Findings) {
        let mut chosen = self.chosen.borrow_mut();
        for (key, versions) in &self.versions {
            let held = receipts.get(key).and_then(|receipt| receipt.sink.as_ref()).filter(|held| self.is_here(key, held));
            let Some(named) = held.and_then(|held| held.version_id.as_deref()) else { continue };
            match versions.iter().position(|version| version.id == named) {
                Some(at) => drop(chosen.insert(key.clone(), at)),
                None => findings.fail(key, format!("the version that its receipt names, {named}, is not there; another one is")),
            }
        }
    }

    /// The version that is the evidence, or stands in its place.
    pub(super) fn version(&self, key: &ObjectKey) -> Option<&Version> {
        let at = self.chosen.borrow().get(key).copied().unwrap_or_default();
        self.versions.get(key)?.get(at)
    }

    /// Versions of a name before and after the one that is the evidence.
    pub(super) fn around(&self, key: &ObjectKey) -> (u64, u64) {
        let at = self.chosen.borrow().get(key).copied().unwrap_or_default();
        let all = self.versions.get(key).map_or(0, Vec::len);
        (words::length(at), words::length(all.saturating_sub(at + 1)))
    }
}

impl Opener for Rc<Place> {
    fn open(&self, key: &ObjectKey) -> Result<Box<dyn Read>, Unopened> {
        let version = self.version(key).ok_or_else(|| Unopened::Failed("it was not listed".to_owned()))?;
        let body = self.reader.body(key.as_str(), &version.id).map_err(|unanswered| Unopened::Failed(unanswered.to_string()))?;
        Ok(Box::new(body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_that_lie_below_are_named() {
        assert_eq!(others(["000-begin.json", "x/000-begin.json"].into_iter()), None);
        assert_eq!(others(["log.jsonl.zst"].into_iter()), None);
        assert_eq!(others(["a/000-begin.json", "b\u{1b}/000-begin.json"].into_iter()).unwrap(), "a, b\\x1b");
        let many: Vec<String> = (0..5).map(|n| format!("{n}/000-begin.json")).collect();
        assert_eq!(others(many.iter().map(String::as_str)).unwrap(), "0, 1, 2 and 2 more");
    }
}
