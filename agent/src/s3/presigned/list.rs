//! The list: a file that whoever holds credentials makes, and the host is given.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use hozen_collector::host::{read, sys};
use hozen_collector::model::record::{BEGIN_KEY, CUSTODY_FOLDER, END_KEY};
use hozen_collector::model::{CaseId, Digest, ObjectKey, RunId, Timestamp, escape};
use hozen_collector::sink::Cause;
use nix::fcntl::AT_FDCWD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::pass::Pass;
use super::request::{Deed, Signature, Terms};
use crate::aws::options::is_region;
use crate::s3::options::{BucketOptions, LEAST_PART, MOST_PART, Retention, is_account};
use crate::s3::uri::BucketUri;

/// Time that is kept for the seal, at most.
const SEALING: Duration = Duration::from_secs(120);
/// Custody objects that are kept for the seal. The journal writes all that waits into them, 4 MiB into each.
const KEPT: usize = 50;
/// The version of the list that this code writes and reads.
pub(super) const VERSION: u32 = 1;
/// The largest file that is read: room for the memory of the largest hosts.
pub(super) const MOST_BYTES: u64 = 256 << 20;
/// Parts that S3 takes.
pub(super) const MOST_PARTS: usize = 10_000;
/// Seconds that S3 lets a signature live: seven days.
const MOST_EXPIRES: u32 = 604_800;

/// A list of presigned requests for one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// Version of the list.
    pub(super) v: u32,
    /// The run that it is for.
    pub run: RunId,
    /// The case.
    pub case: CaseId,
    /// The host that it is for: instance id, machine id or name.
    pub host: String,
    /// Where the run goes.
    pub place: BucketUri,
    /// Bytes of a part.
    pub part_size: u64,
    /// What the bucket said of its lock when the list was made, as the begin record has it.
    pub bucket_lock: Value,
    /// Whether a bucket that locks nothing was meant.
    pub allow_unlocked: bool,
    /// What all requests are signed for.
    pub terms: Terms,
    /// What can be stored.
    pub objects: BTreeMap<ObjectKey, Entry>,
    /// Digest of the file.
    #[serde(skip)]
    pub sha256: Option<Digest>,
}

/// What is signed for one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Storing it in one request.
    pub put: Signature,
    /// Storing it in parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload: Option<Upload>,
}

/// An upload that was begun when the list was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upload {
    /// Its id.
    pub id: String,
    /// Sending each part, from 1.
    pub parts: Vec<Signature>,
    /// Making the object of them.
    pub complete: Signature,
}

impl List {
    /// Reads the file `path`; `-` is standard input.
    ///
    /// # Errors
    /// When it cannot be read, or is no list; the text says what to do.
    pub fn read(path: &Path) -> Result<Self, String> {
        let shown = escape::path(path);
        let refused = |reason: &dyn std::fmt::Display| format!("the presigned list {shown} cannot be read: {reason}");
        let fd = if path == Path::new("-") {
            sys::duplicate_number(0).map_err(|errno| refused(&errno))?
        } else {
            read::open_magic(AT_FDCWD, path).map_err(|reason| refused(&reason))?.0
        };
        let mut bytes = Zeroizing::new(Vec::new());
        read::FdReader(fd).take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| refused(&error))?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length > MOST_BYTES) {
            return Err(refused(&format!("it has more than {} MiB", MOST_BYTES >> 20)));
        }
        Self::parse(&bytes).map_err(|reason| format!("{shown} is no presigned list: {reason}; `hozen presign` makes one"))
    }

    /// Reads the bytes of a list. What is said of it never holds a part of it: it may be anything.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let list: Self = serde_json::from_slice(bytes).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            format!("it is not JSON of the form of one (line {line}, column {column})")
        })?;
        list.check()?;
        Ok(Self { sha256: Some(Digest::of(bytes)), ..list })
    }

    fn check(&self) -> Result<(), String> {
        let require = |holds: bool, fault: &str| if holds { Ok(()) } else { Err(fault.to_owned()) };
        require(self.v == VERSION, "it is of another version")?;
        require((LEAST_PART..=MOST_PART).contains(&self.part_size), "its part_size is not 5MiB to 512MiB")?;
        let lives = |seconds: u32| (1..=MOST_EXPIRES).contains(&seconds);
        let terms = &self.terms;
        require(lives(terms.expires_s), "it is good for no time, or for more than seven days")?;
        require(is_region(&terms.region), "its region is none")?;
        let plain = |text: &str| !text.is_empty() && text.len() <= 4096 && text.bytes().all(|b| b.is_ascii_graphic());
        let host = terms.host_and_path().0;
        let is_url = terms.base.starts_with("https://") || terms.base.starts_with("http://");
        require(
            is_url && !host.is_empty() && plain(&terms.base) && !terms.base.contains(['?', '#', '@']),
            "its base is no address",
        )?;
        require(plain(&terms.access_key_id) && terms.token.as_ref().is_none_or(|token| plain(&token.0)), "its key is none")?;
        require(plain(&self.host), "its host is none")?;
        require(terms.owner.as_deref().is_none_or(is_account), "its owner is no account")?;
        require(terms.kms_key.as_deref().is_none_or(plain), "its kms_key is none")?;
        let known = |mode: &str| matches!(mode, "COMPLIANCE" | "GOVERNANCE");
        require(terms.lock.as_ref().is_none_or(|lock| known(&lock.mode)), "its lock is of unknown mode")?;
        require(
            [BEGIN_KEY, END_KEY].into_iter().all(|name| self.entry(name).is_some()),
            "a run can neither begin nor end with it",
        )?;
        let uploads = self.objects.values().filter_map(|entry| entry.upload.as_ref());
        let takes = |upload: &Upload| plain(&upload.id) && upload.parts.len() <= MOST_PARTS;
        require(uploads.into_iter().all(takes), "an upload of it is none")
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        // A text that is no name of an object is none of the list's.
        self.objects.get(&name.parse::<ObjectKey>().ok()?)
    }

    /// A list of nothing but the request that stores the object `name`, if that was signed.
    #[must_use]
    pub fn of_one(&self, name: &ObjectKey) -> Option<Self> {
        let entry = self.objects.get(name).filter(|entry| entry.upload.is_none())?.clone();
        // Not by a copy of all: a list may have a hundred thousand signatures.
        Some(Self {
            v: self.v,
            run: self.run,
            case: self.case.clone(),
            host: self.host.clone(),
            place: self.place.clone(),
            part_size: self.part_size,
            bucket_lock: self.bucket_lock.clone(),
            allow_unlocked: self.allow_unlocked,
            terms: self.terms.clone(),
            objects: BTreeMap::from([(name.clone(), entry)]),
            sha256: self.sha256,
        })
    }

    /// When its requests are good no more, by the bucket's clock.
    #[must_use]
    pub fn expires(&self) -> Timestamp {
        Timestamp::from_nanoseconds(self.terms.signed.nanoseconds() + i128::from(self.terms.expires_s) * 1_000_000_000)
    }

    /// How long from `now` on a run may collect, so that its seal gets in before the list expires: a tenth of what is left is kept for
    /// that, at most two minutes, and what parts take that are `on_their_way` by then. None where the list has expired by this clock.
    #[must_use]
    pub fn time_to_collect(&self, now: Timestamp, on_their_way: Duration) -> Option<Duration> {
        let left = u64::try_from(self.expires().nanoseconds() - now.nanoseconds()).ok().filter(|left| *left > 0)?;
        let left = Duration::from_nanos(left);
        Some(left.saturating_sub((left / 10).min(SEALING)).saturating_sub(on_their_way))
    }

    /// How objects are put into the bucket, with so many parts on their way at once.
    #[must_use]
    pub fn options(&self, parallel: usize, max_bandwidth: Option<u64>) -> BucketOptions {
        BucketOptions {
            retention: Retention::like(self.terms.lock.as_ref()),
            allow_unlocked: self.allow_unlocked,
            kms_key: self.terms.kms_key.clone(),
            owner: self.terms.owner.clone(),
            part: usize::try_from(self.part_size).unwrap_or(usize::MAX),
            parallel,
            max_bandwidth,
        }
    }

    /// Why no object of this name can be begun, if so. The last custody objects are kept for the seal, which cannot do without.
    pub(in crate::s3) fn refuses(&self, key: &ObjectKey, sealing: bool) -> Option<Cause> {
        if !self.objects.contains_key(key) {
            let reason = format!("the presigned list has no place for it: it has {} objects", self.objects.len());
            return Some(Cause::Refused(reason));
        }
        let is_custody = |key: &ObjectKey| key.components().next() == Some(CUSTODY_FOLDER);
        let mut last = self.objects.keys().rev().filter(|key| is_custody(key)).take(KEPT);
        let kept = !sealing && last.any(|kept| kept == key);
        let reason = "the presigned list has few custody objects left, which are kept for the end of the run";
        kept.then(|| Cause::Reserved(reason.to_owned()))
    }

    /// Parts that the object `name` may have; one where it must fit a single request.
    pub(in crate::s3) fn most_parts(&self, name: &str) -> usize {
        self.entry(name).and_then(|entry| entry.upload.as_ref()).map_or(1, |upload| upload.parts.len())
    }

    /// The upload that was begun for the object `name`.
    pub(in crate::s3) fn upload(&self, name: &str) -> Option<String> {
        self.entry(name)?.upload.as_ref().map(|upload| upload.id.clone())
    }

    /// What lets `deed` on the object `name` through, if that was signed.
    pub(in crate::s3) fn pass(&self, deed: Deed<'_>, name: &str) -> Option<Pass> {
        let entry = self.entry(name)?;
        let upload = |id: &str| entry.upload.as_ref().filter(|upload| upload.id == id);
        let signature = match deed {
            Deed::Put => entry.put,
            Deed::Part { upload: id, number } => *upload(id)?.parts.get(number.checked_sub(1)?)?,
            Deed::Complete { upload: id } => upload(id)?.complete,
        };
        let request = self.terms.request(deed, &self.place.key(name));
        Some(Pass::new(request.url(&signature), request.into_headers()))
    }

    /// What the begin record says of it. It holds nothing that anybody could use.
    #[must_use]
    pub fn record(&self) -> Value {
        json!({
            "sha256": self.sha256, "host": self.host, "signed": self.terms.signed, "expires": self.expires(),
            "objects": self.objects.len(), "base": self.terms.base,
        })
    }

    /// Who signed, as the begin record names whoever has credentials.
    #[must_use]
    pub fn signer(&self) -> Value {
        json!({"source": "presigned-list", "access_key_id": self.terms.access_key_id, "renewed": false})
    }

    /// Region of the bucket.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.terms.region
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::s3::presigned::request::Token;
    use proptest::prelude::*;

    /// What is wrong with a list, in a word.
    type Change = (&'static str, fn(&mut List));

    /// A list with a begin record, an end record and an archive of two parts, signed at the epoch for an hour.
    pub(in crate::s3::presigned) fn list() -> List {
        let terms = Terms {
            base: "https://evidence.s3.eu-central-1.amazonaws.com".to_owned(),
            region: "eu-central-1".to_owned(),
            access_key_id: "ASIAEXAMPLE".to_owned(),
            token: Some(Token("token".to_owned())),
            signed: Timestamp::from_seconds(0),
            expires_s: 3600,
            owner: Some("123456789012".to_owned()),
            lock: None,
            kms_key: None,
        };
        let put = terms.signer("secret").sign(&terms.request(Deed::Put, "any"));
        let upload = Upload { id: "u".to_owned(), parts: vec![put, put], complete: put };
        let entry = |upload| Entry { put, upload };
        let objects = [(BEGIN_KEY, None), (END_KEY, None), ("data/raw/shm.tar.zst", Some(upload))];
        List {
            v: VERSION,
            run: RunId::new(Timestamp::from_seconds(0), 7),
            case: "IR-1".parse().unwrap(),
            host: "i-0123".to_owned(),
            place: "s3://evidence/cases/run".parse().unwrap(),
            part_size: LEAST_PART,
            bucket_lock: json!({"enabled": true}),
            allow_unlocked: false,
            terms,
            objects: objects.map(|(name, upload)| (name.parse().unwrap(), entry(upload))).into(),
            sha256: None,
        }
    }

    fn bytes(change: impl FnOnce(&mut List)) -> Vec<u8> {
        let mut list = list();
        change(&mut list);
        serde_json::to_vec(&list).unwrap()
    }

    #[test]
    fn a_list_comes_back_and_one_that_cannot_be_is_refused_by_what_is_wrong() {
        let good = bytes(|_| ());
        let read = List::parse(&good).unwrap();
        assert_eq!((List { sha256: None, ..read.clone() }, read.sha256), (list(), Some(Digest::of(&good))));
        let wrong: [Change; 11] = [
            ("version", |list| list.v = 2),
            ("part_size", |list| list.part_size = 1),
            ("seven days", |list| list.terms.expires_s = 604_801),
            ("no time", |list| list.terms.expires_s = 0),
            ("region", |list| list.terms.region = "EU/x".to_owned()),
            ("address", |list| list.terms.base = "ftp://host".to_owned()),
            ("address", |list| list.terms.base = "https://user@host".to_owned()),
            ("owner", |list| list.terms.owner = Some("1\r\nx-amz-acl: public-read".to_owned())),
            ("kms_key", |list| list.terms.kms_key = Some("a\nb".to_owned())),
            ("begin nor end", |list| drop(list.objects.remove(&END_KEY.parse().unwrap()))),
            ("upload", |list| {
                list.objects.values_mut().filter_map(|entry| entry.upload.as_mut()).for_each(|upload| upload.id.clear());
            }),
        ];
        for (word, change) in wrong {
            let error = List::parse(&bytes(change)).unwrap_err();
            assert!(error.contains(word), "{word}: {error}");
        }
    }

    #[test]
    fn only_what_was_signed_passes() {
        let list = list();
        let passes = |deed: Deed<'_>, name: &str| list.pass(deed, name).is_some();
        let archive = "data/raw/shm.tar.zst";
        assert!(passes(Deed::Put, BEGIN_KEY) && passes(Deed::Part { upload: "u", number: 2 }, archive));
        assert!(passes(Deed::Complete { upload: "u" }, archive) && !passes(Deed::Complete { upload: "u" }, BEGIN_KEY));
        for number in [0, 3, usize::MAX] {
            assert!(!passes(Deed::Part { upload: "u", number }, archive), "{number}");
        }
        assert!(!passes(Deed::Part { upload: "other", number: 1 }, archive) && !passes(Deed::Put, "../x"));
        assert_eq!((list.most_parts(archive), list.most_parts(BEGIN_KEY), list.upload(archive)), (2, 1, Some("u".to_owned())));
    }

    #[test]
    fn a_part_of_a_list_lets_one_request_through() {
        let (name, archive) = (BEGIN_KEY.parse().unwrap(), "data/raw/shm.tar.zst".parse().unwrap());
        let one = list().of_one(&name).unwrap();
        assert!(one.pass(Deed::Put, BEGIN_KEY).is_some() && one.pass(Deed::Put, END_KEY).is_none());
        assert!(list().of_one(&archive).is_none(), "whoever has it could send its parts");
        assert_eq!((one.objects.len(), one.place), (1, list().place));
    }

    #[test]
    fn a_run_ends_before_its_list_does() {
        let (list, at) = (list(), Timestamp::from_seconds);
        let left = |now: i64, on_their_way| list.time_to_collect(at(now), Duration::from_secs(on_their_way));
        assert_eq!((left(0, 0), left(0, 80)), (Some(Duration::from_secs(3600 - 120)), Some(Duration::from_secs(3400))));
        assert_eq!((left(3500, 0), left(3500, 200)), (Some(Duration::from_secs(90)), Some(Duration::ZERO)));
        assert_eq!((left(3600, 0), left(9000, 0)), (None, None));
    }

    #[test]
    fn a_list_shows_nothing_that_could_be_used() {
        let list = list();
        let shown = format!("{list:?} {} {}", list.record(), list.signer());
        let secret = serde_json::to_string(&list.terms.token).unwrap();
        let signature = serde_json::to_string(&list.objects.values().next().unwrap().put).unwrap();
        assert!(!shown.contains(signature.trim_matches('"')) && !shown.contains(&secret), "{shown}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0_usize..2000) {
            let _ = List::parse(&bytes);
            let mut list = self::bytes(|_| ());
            let at = at % list.len();
            list.splice(at..at + 1, bytes.into_iter().take(3));
            if let Ok(list) = List::parse(&list) {
                let _ = (list.expires(), list.record(), list.pass(Deed::Put, BEGIN_KEY));
            }
        }
    }
}
