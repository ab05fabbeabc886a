//! What the bucket says of each object, against the receipts, and against the lock that was promised.
//!
//! | what is there | then |
//! |---|---|
//! | size or checksum of the receipt's version is another | finding |
//! | no lock, a weaker or a shorter one than was promised | finding |
//! | no lock, and none was promised | to know |
//! | a delete marker, further versions | to know: a locked version lies under them unharmed |
//! | an open upload | to know; in a run that was cut off it is what `hozen salvage` is for |
//! | a question that is not answered | could not check, with the permission that is missing |

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hozen_collector::model::receipt::Lock;
use hozen_collector::model::record::Begin;
use hozen_collector::model::seal::SealedObject;
use hozen_collector::model::{ObjectKey, Receipt, Timestamp, escape};
use serde_json::{Value, json};

use super::bucket::Place;
use super::findings::Findings;
use super::holding::Holding;
use super::name::Name;
use super::objects::Unread;
use super::promised_lock::{Promise, check_lock, strength};
use super::report::{BucketFacts, OpenLine};
use super::words;
use crate::s3::read::{Facts, Kept, Sum, Unanswered, Version};

/// What the bucket says of the run.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Of each object that it says something of.
    pub(super) objects: BTreeMap<ObjectKey, InBucket>,
    /// Objects whose bytes need not be read, or must not be.
    pub(super) unread: BTreeMap<ObjectKey, Unread>,
    /// For the report.
    pub(super) facts: BucketFacts,
    /// Questions that got no answer, by the right that they need: how often, and of which object and why first.
    unanswered: BTreeMap<&'static str, (u64, ObjectKey, String)>,
}

/// One object as the bucket has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InBucket {
    pub(super) version: Version,
    pub(super) sum: Option<Sum>,
    pub(super) lock: Option<Lock>,
    pub(super) hold: Option<bool>,
    /// Whether the bucket has said that there is a checksum, or none: what it did not say contradicts nothing.
    told_sum: bool,
    /// The same of the lock.
    told_lock: bool,
}

/// What the places are compared with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) receipts: &'a BTreeMap<&'a ObjectKey, &'a Receipt>,
    pub(super) begin: Option<&'a Begin>,
    /// Whether every byte is to be read.
    pub(super) rehash: bool,
}

/// Asks the bucket about every object.
pub(super) fn check(place: &Place, holding: &Holding, told: Told<'_>, findings: &mut Findings) -> Places {
    let mut places = Places::default();
    let promise = Promise::of(place, told.begin);
    places.facts.copied_from = promise.elsewhere.clone();
    let asked: Vec<(&ObjectKey, &Version)> =
        holding.objects().iter().filter_map(|key| Some((key, place.version(key)?))).collect();
    let questions: Vec<(String, String)> =
        asked.iter().map(|(key, version)| (key.as_str().to_owned(), version.id.clone())).collect();
    for ((key, version), facts) in asked.into_iter().zip(place.reader.facts(&questions)) {
        places.object(place, key, version, &facts, &told, &promise, findings);
    }
    places.tell_unanswered(findings);
    places.tell_unlocked(place, findings);
    places.tell_over(place, findings);
    tell_laid_over(place, holding, findings);
    places.open_uploads(place);
    match place.reader.lock() {
        Ok(lock) => places.facts.lock = lock,
        Err(unanswered) => {
            places.facts.lock = json!({"enabled": null, "reason": unanswered.to_string()});
            let told = format!("its lock cannot be asked for: {unanswered}");
            if unanswered.is_denied() {
                findings.unreadable(place.reader.place(), told);
            } else {
                findings.warn(place.reader.place(), told);
            }
        }
    }
    // Where the bucket keeps no checksum of any of it, as of a run by a presigned list, nothing is left unread.
    places.facts.rehashed = told.rehash || places.unread.is_empty();
    places.facts.presigned = told.begin.is_some_and(|begin| begin.sink.get("presigned").is_some_and(|list| !list.is_null()));
    places
}

impl Places {
    #[expect(clippy::too_many_arguments, reason = "all that is known of one object, in one place")]
    fn object(
        &mut self,
        place: &Place,
        key: &ObjectKey,
        version: &Version,
        facts: &Facts,
        told: &Told<'_>,
        promise: &Promise,
        findings: &mut Findings,
    ) {
        let receipt = told.receipts.get(key).copied();
        let kept = self.answer(key, &facts.kept);
        if let Some(kept) = &kept {
            self.compare_bytes(place, version, kept, receipt.ok_or(key), told.rehash, findings);
        } else if !told.rehash && is_bulk(key) {
            // That it could not be asked for has been noted; it is not read in its place.
            self.unread.insert(key.clone(), Unread { size: version.size, vouched: false });
        }
        let lock = self.answer(key, &facts.lock);
        if let Some(lock) = &lock {
            let own = receipt.and_then(|receipt| receipt.sink.as_ref()).filter(|held| place.is_here(key, held));
            let due = own.and_then(|held| held.lock.as_ref()).or(promise.lock.as_ref());
            check_lock(key, lock.as_ref(), due, promise.default.as_deref(), findings);
        }
        let hold = self.answer(key, &facts.hold);
        self.facts.take(version, lock.as_ref().map(Option::as_ref), hold);
        let (told_sum, told_lock) = (kept.is_some(), lock.is_some());
        let sum = kept.and_then(|kept| kept.sum);
        let object = InBucket { version: version.clone(), sum, lock: lock.flatten(), hold, told_sum, told_lock };
        self.objects.insert(key.clone(), object);
    }

    /// The answer, or a note that there was none.
    fn answer<T: Clone>(&mut self, key: &ObjectKey, answer: &Result<T, Unanswered>) -> Option<T> {
        match answer {
            Ok(answer) => Some(answer.clone()),
            Err(unanswered) => {
                let first = || (0, key.clone(), unanswered.to_string());
                self.unanswered.entry(unanswered.permission).or_insert_with(first).0 += 1;
                None
            }
        }
    }

    /// The bytes that the bucket has against those of the receipt. Without a receipt there is only the object's name.
    fn compare_bytes(
        &mut self,
        place: &Place,
        version: &Version,
        kept: &Kept,
        receipt: Result<&Receipt, &ObjectKey>,
        rehash: bool,
        findings: &mut Findings,
    ) {
        let receipt = match receipt {
            Ok(receipt) => receipt,
            Err(key) if !rehash && is_bulk(key) => {
                self.unread.insert(key.clone(), Unread { size: version.size, vouched: false });
                return;
            }
            Err(_) => return,
        };
        let key = &receipt.key;
        let weight = if kept.size == receipt.size { weigh(place, kept, receipt) } else { Weight::Other };
        match weight {
            Weight::Same => self.facts.compared += 1,
            Weight::Other if kept.size != receipt.size => {
                let told = format!("has {} bytes in the bucket, and its receipt says {}", kept.size, receipt.size);
                findings.fail(key, told);
            }
            Weight::Other => {
                let sum = kept.sum.as_ref().map(|sum| sum.sha256.as_str()).unwrap_or_default();
                findings.fail(key, format!("the bucket's checksum of it, {sum}, is not that of its receipt"));
            }
            Weight::Unknown => {}
        }
        if weight != Weight::Unknown && !rehash && is_bulk(key) {
            self.unread.insert(key.clone(), Unread { size: kept.size, vouched: weight == Weight::Same });
        }
        let lost = receipt.sink.as_ref().is_some_and(|held| held.ambiguous && place.is_here(key, held));
        if lost && weight == Weight::Same {
            findings.warn(
                key,
                "the answer that completed it was lost; the version that is there has exactly the bytes that were sent",
            );
        }
    }

    fn tell_unanswered(&self, findings: &mut Findings) {
        for (times, key, reason) in self.unanswered.values() {
            let more = if *times > 1 { format!(" (and of {} more)", words::count(times - 1, "object")) } else { String::new() };
            findings.unreadable(key, format!("the bucket does not say all of it{more}: {reason}"));
        }
    }

    fn tell_unlocked(&self, place: &Place, findings: &mut Findings) {
        let facts = &self.facts;
        if facts.unlocked > 0 {
            let count = words::count(facts.unlocked, "object");
            findings
                .warn(place.reader.place(), format!("{count} of the run have no lock: nothing keeps them from being deleted"));
        }
    }

    /// What is locked until a time that is over is locked no more.
    fn tell_over(&self, place: &Place, findings: &mut Findings) {
        if let Some(until) = self.facts.locked_until.filter(|until| *until < place.reader.now()) {
            let told = format!(
                "the retention of its objects has ended, of the first at {until}: it keeps them from being deleted no more"
            );
            findings.warn(place.reader.place(), told);
        }
    }

    fn open_uploads(&mut self, place: &Place) {
        let line = |upload: &crate::s3::read::OpenUpload| OpenLine {
            object: escape::bytes(upload.name.as_bytes()),
            upload: escape::bytes(upload.id.as_bytes()),
            initiated: upload.initiated.map(|time| time.to_string()),
        };
        self.facts.uploads = place.uploads.iter().take(super::findings::MAX_FINDINGS).map(line).collect();
    }

    /// What a seal says of each object.
    pub(super) fn sealed(&self) -> Vec<SealedObject> {
        self.objects.iter().map(|(key, object)| object.sealed(key)).collect()
    }

    /// The longest lock of any object: whoever lays something beside the run locks it as long.
    pub(super) fn longest_lock(&self) -> Option<Lock> {
        let locks = self.objects.values().filter_map(|object| object.lock.as_ref());
        locks.max_by_key(|lock| (strength(&lock.mode), lock.until)).cloned()
    }

    /// The places of a seal that was made here, against those that are here now.
    pub(super) fn compare_with_seal(&self, name: &str, sealed: &[SealedObject], findings: &mut Findings) {
        for then in sealed {
            let Some(now) = self.objects.get(&then.key) else {
                findings.fail(name, format!("it was made over {}, which is not there", then.key));
                continue;
            };
            let (told_sum, told_lock, now) = (now.told_sum, now.told_lock, now.sealed(&then.key));
            let same = (now.size, &now.version_id) == (then.size, &then.version_id);
            findings.require(same, name, format!("it was made over another version of {}", then.key));
            let told = format!("{} has another checksum than when it was made", then.key);
            findings.require(!told_sum || is_same_sum(&then.facts, &now.facts), name, told);
            let told = format!("{} has a weaker or shorter lock than when it was made", then.key);
            findings.require(!told_lock || is_not_weaker(&then.facts, &now.facts), name, told);
        }
    }
}

impl InBucket {
    fn sealed(&self, key: &ObjectKey) -> SealedObject {
        let checksum = self.sum.as_ref().map(|sum| json!({"type": sum.kind, "sha256": sum.sha256}));
        let members = [
            ("checksum", checksum),
            ("lock_mode", self.lock.as_ref().map(|lock| json!(lock.mode))),
            ("lock_until", self.lock.as_ref().map(|lock| json!(lock.until))),
            ("legal_hold", self.hold.map(|hold| json!(hold))),
            ("last_modified", self.version.modified.map(|time| json!(time))),
        ];
        let facts = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        let version_id = escape::bytes(self.version.id.as_bytes());
        SealedObject { key: key.clone(), size: self.version.size, version_id, facts }
    }
}

/// Whether the bucket's checksum is that of the receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    Same,
    Other,
    /// There is none, or none that can be compared.
    Unknown,
}

fn weigh(place: &Place, kept: &Kept, receipt: &Receipt) -> Weight {
    let Some(sum) = &kept.sum else { return Weight::Unknown };
    let whole = STANDARD.encode(receipt.sha256.as_bytes());
    let said = receipt.sink.as_ref().map(|held| &held.checksum);
    let bound = receipt.sink.as_ref().is_some_and(|held| place.is_here(&receipt.key, held));
    let same = match said {
        _ if sum.kind == "FULL_OBJECT" => sum.agrees("FULL_OBJECT", &whole),
        Some(said) => sum.agrees(&said.kind, &said.sha256),
        None => false,
    };
    match (same, bound || sum.kind == "FULL_OBJECT") {
        (true, _) => Weight::Same,
        (false, true) => Weight::Other,
        // Written here in other parts than its receipt tells of: a copy, whose digest only reading it shows.
        (false, false) => Weight::Unknown,
    }
}

/// Evidence and log may be large; records are small, and are read.
fn is_bulk(key: &ObjectKey) -> bool {
    Name::of(key).is_some_and(Name::has_journal_receipt)
}

/// What was laid over the run: it hides objects from whoever lists plainly, and harms none that is locked.
fn tell_laid_over(place: &Place, holding: &Holding, findings: &mut Findings) {
    for (name, laid) in &place.markers {
        let there = holding.has(name);
        let what = if there { "the version under it is what was verified" } else { "and no version is left under it" };
        findings.warn(name, format!("a delete marker was laid over it at {laid}; {what}"));
    }
    for key in holding.objects() {
        let (before, after) = place.around(key);
        if after > 0 {
            findings.warn(key, format!("has {} over the one that was verified", words::count(after, "later version")));
        }
        if before > 0 {
            findings.warn(key, format!("has {} under the one that its receipt names", words::count(before, "older version")));
        }
    }
}

fn is_same_sum(then: &BTreeMap<String, Value>, now: &BTreeMap<String, Value>) -> bool {
    let text = |facts: &BTreeMap<String, Value>, member: &str| -> Option<String> {
        facts.get("checksum")?.get(member)?.as_str().map(str::to_owned)
    };
    let (Some(kind), Some(sha256)) = (text(then, "type"), text(then, "sha256")) else { return true };
    let sum = text(now, "type").zip(text(now, "sha256")).map(|(kind, sha256)| Sum { kind, sha256 });
    sum.is_some_and(|sum| sum.agrees(&kind, &sha256))
}

fn is_not_weaker(then: &BTreeMap<String, Value>, now: &BTreeMap<String, Value>) -> bool {
    let lock = |facts: &BTreeMap<String, Value>| -> Option<(u8, Timestamp)> {
        Some((strength(facts.get("lock_mode")?.as_str()?), facts.get("lock_until")?.as_str()?.parse().ok()?))
    };
    match (lock(then), lock(now)) {
        (None, _) => true,
        (Some(then), Some(now)) => now.0 >= then.0 && now.1 >= then.1,
        (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_is_compared_by_what_it_says() {
        let facts = |sum: &str, until: &str| -> BTreeMap<String, Value> {
            let value = json!({"checksum": {"type": "COMPOSITE", "sha256": sum}, "lock_mode": "COMPLIANCE", "lock_until": until});
            serde_json::from_value(value).unwrap()
        };
        let (early, late) = ("2026-11-22T03:50:27.000000000Z", "2027-11-22T03:50:27.000000000Z");
        assert!(
            is_same_sum(&facts("a=-2", early), &facts("a=", early)) && !is_same_sum(&facts("a=", early), &facts("b=", early))
        );
        assert!(
            is_not_weaker(&facts("a=", early), &facts("a=", late)) && !is_not_weaker(&facts("a=", late), &facts("a=", early))
        );
        assert!(!is_not_weaker(&facts("a=", early), &BTreeMap::new()) && is_not_weaker(&BTreeMap::new(), &facts("a=", early)));
        assert!(!is_same_sum(&facts("a=", early), &BTreeMap::new()));
    }
}
