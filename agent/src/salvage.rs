//! What a host that died left open in a bucket, made objects of, by somebody with rights over the bucket.
//!
//! The parts of an upload that nobody completes are not locked, and the bucket's lifecycle deletes them after some days. Completed
//! in time, they are an object under the lock that the agent asked for when it began: partial, with nothing that vouches for it, and
//! readable all but its last frame.
//!
//! **Invariant:** no object of the run is written or changed; a run that has ended, or that may be going on still, is not touched unless that
//! is asked for.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;

use hozen_collector::host::Clock;
use hozen_collector::model::dsse::Envelope;
use hozen_collector::model::killed::KILLED_KEY;
use hozen_collector::model::receipt::Lock;
use hozen_collector::model::record::{BEGIN_KEY, Begin, END_KEY, MAX_RECORD_BYTES, Statement, VERSION};
use hozen_collector::model::salvage::{SALVAGE_FOLDER, Salvage, Salvaged, SalvagedUpload, salvage_key};
use hozen_collector::model::seal::SEAL_FOLDER;
use hozen_collector::model::{Digest, ObjectKey, Timestamp, canonical, escape};
use hozen_collector::sink::{EvidenceSink, SinkError};
use serde_json::{Value, json};

use crate::custody;
use crate::own;
use crate::s3::read::{OpenUpload, StoredPart, Unanswered, Version};
use crate::s3::{NotCompleted, Reader, contiguous};
use crate::verify;

/// Seconds for which an agent may be silent whose begin record does not say for how long it tries a request again.
const UNTOLD: u64 = 20 * 60;
/// Seconds that a try itself may take, on top of that.
const A_TRY: u64 = 60;
/// Seconds for which every run is left alone, however short its patience.
const LEAST: u64 = 5 * 60;

/// Why nothing was salvaged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SalvageError {
    /// The place cannot be looked into.
    #[error("the place cannot be read: {0}")]
    Unanswered(#[from] Unanswered),
    /// There is no run.
    #[error("there is no begin record here, so this is not the place of a run")]
    NoRun,
    /// The run has ended.
    #[error("this run has ended, so what lies open here is none of it; give --force to salvage it all the same")]
    Ended,
    /// The run may be going on still.
    #[error(
        "the newest of what is here came at {newest}, {age_s} s ago by the bucket's clock, so the agent may still be sending: an object that is \
         completed now is lost to it, with all that it has yet to send of it. Call again once nothing has come for {wait_s} s; or, if the host \
         or the agent is known to be gone, give --force"
    )]
    Going {
        /// When the newest object, part or upload came.
        newest: Timestamp,
        /// How long ago that is.
        age_s: i128,
        /// For how long the agent may be silent and yet go on.
        wait_s: u64,
    },
    /// The record of it could not be stored.
    #[error("what was salvaged is in the bucket, and the record of it could not be stored")]
    Store(#[from] SinkError),
    /// The bucket does not take the record.
    #[error("what was salvaged is in the bucket, and the record of it could not be stored: {0}")]
    Refused(String),
    /// The record has no canonical form.
    #[error("the record could not be written down")]
    Form(#[from] canonical::Error),
}

/// What was salvaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// Name of the record.
    pub key: ObjectKey,
    /// Digest of its stored bytes.
    pub sha256: Digest,
    /// What it says.
    pub record: Salvage,
}

/// Salvages what is open at the place of `reader`, and stores the record through the sink that `open` gives for the lock of the
/// begin record. `None` where nothing is open.
///
/// # Errors
/// When the place cannot be read, is none of a run, or of one that has ended or may be going on, or the record cannot be stored.
pub fn salvage<S: EvidenceSink>(
    reader: &Arc<Reader>,
    force: bool,
    open: impl FnOnce(Option<&Lock>) -> Result<S, String>,
    clock: Clock,
) -> Result<Option<Done>, SalvageError> {
    let versions = reader.versions()?.versions;
    // Of one name the newest comes first, and the oldest is the evidence.
    let begin = versions.iter().rfind(|version| version.name == BEGIN_KEY).ok_or(SalvageError::NoRun)?;
    let has = |name: &str| versions.iter().any(|version| version.name == name);
    if !force && has(END_KEY) {
        return Err(SalvageError::Ended);
    }
    let mut uploads = reader.uploads()?;
    if uploads.is_empty() {
        return Ok(None);
    }
    uploads.sort_by(|a, b| (&a.name, a.initiated, &a.id).cmp(&(&b.name, b.initiated, &b.id)));
    let told = told(reader, begin);
    let uploads: Vec<Left> = uploads.into_iter().map(|upload| Left::of(reader, upload)).collect();
    // The watchdog has seen the agent end.
    if !force && !has(KILLED_KEY) {
        assert_silent(reader, &versions, &uploads, told.as_ref())?;
    }
    let salvaged = clock.now();
    let record = Salvage {
        v: VERSION,
        run: told.map(|begin| begin.run),
        salvaged,
        salvager: own::sealer(),
        location: reader.place().to_string(),
        uploads: uploads.iter().map(|upload| one(reader, upload)).collect(),
    };
    let sink = open(lock(reader, begin).as_ref()).map_err(SalvageError::Refused)?;
    let (key, bytes) = (salvage_key(salvaged), canonical::to_bytes(&record)?);
    let receipt = custody::store(&sink, clock, &key, &bytes)?;
    Ok(Some(Done { key, sha256: receipt.sha256, record }))
}

/// An upload that is open, and the parts of it, if it is one of evidence.
struct Left {
    upload: OpenUpload,
    parts: Option<Result<Vec<StoredPart>, Unanswered>>,
}

impl Left {
    fn of(reader: &Reader, upload: OpenUpload) -> Self {
        let parts = verify::is_evidence(&upload.name).then(|| reader.parts(&upload));
        Self { upload, parts }
    }

    /// When anything of it came.
    fn times(&self) -> impl Iterator<Item = Timestamp> {
        let parts = self.parts.iter().flatten().flatten();
        parts.filter_map(|part| part.modified).chain(self.upload.initiated)
    }
}

/// Refuses as long as an agent could be silent and yet go on: it would find its upload completed, and could send no more of that object.
fn assert_silent(reader: &Reader, versions: &[Version], uploads: &[Left], begin: Option<&Begin>) -> Result<(), SalvageError> {
    // Others may lay seals and records of salvages beside it at any time.
    let beside = |name: &str| [SALVAGE_FOLDER, SEAL_FOLDER].iter().any(|folder| name.split('/').next() == Some(*folder));
    let objects = versions.iter().filter(|version| !beside(&version.name)).filter_map(|version| version.modified);
    let Some(newest) = objects.chain(uploads.iter().flat_map(Left::times)).max() else { return Ok(()) };
    let (age_s, wait_s) = ((reader.now().nanoseconds() - newest.nanoseconds()) / 1_000_000_000, silence(begin));
    if age_s < i128::from(wait_s) { Err(SalvageError::Going { newest, age_s, wait_s }) } else { Ok(()) }
}

/// For how many seconds the run may be silent and yet go on.
fn silence(begin: Option<&Begin>) -> u64 {
    let told = begin.and_then(|begin| begin.sink.get("retry_for_s")).and_then(Value::as_u64);
    told.unwrap_or(UNTOLD).saturating_add(A_TRY).max(LEAST)
}

/// The begin record, if it can be read. Whether it is right is for `verify`.
fn told(reader: &Reader, begin: &Version) -> Option<Begin> {
    let mut bytes = Vec::new();
    reader.body(BEGIN_KEY, &begin.id).ok()?.take(MAX_RECORD_BYTES).read_to_end(&mut bytes).ok()?;
    let payload = Envelope::parse(&bytes).ok()?.payload().ok()?;
    serde_json::from_slice::<Statement<Begin>>(&payload).ok().map(|statement| statement.predicate)
}

/// The lock of the begin record: the record of the salvage gets it too.
fn lock(reader: &Reader, begin: &Version) -> Option<Lock> {
    let facts = reader.facts(&[(BEGIN_KEY.to_owned(), begin.id.clone())]).pop()?;
    facts.lock.ok().flatten()
}

fn one(reader: &Reader, Left { upload, parts }: &Left) -> SalvagedUpload {
    let nothing = SalvagedUpload {
        key: escape::bytes(upload.name.as_bytes()),
        upload_id: escape::bytes(upload.id.as_bytes()),
        initiated: upload.initiated,
        outcome: Salvaged::Failed,
        reason: None,
        parts: 0,
        parts_left: 0,
        size: 0,
        version_id: None,
        checksum: None,
        facts: BTreeMap::new(),
    };
    let parts = match parts {
        Some(Ok(parts)) => parts,
        Some(Err(unanswered)) => return SalvagedUpload { reason: Some(unanswered.to_string()), ..nothing },
        None => return SalvagedUpload { outcome: Salvaged::Foreign, ..nothing },
    };
    let (whole, left) = contiguous(parts);
    let nothing = SalvagedUpload { parts_left: u64::try_from(left).unwrap_or(u64::MAX), ..nothing };
    if whole.is_empty() {
        return SalvagedUpload { outcome: Salvaged::Empty, ..nothing };
    }
    complete(reader, upload, whole, nothing)
}

fn complete(reader: &Reader, upload: &OpenUpload, parts: &[StoredPart], nothing: SalvagedUpload) -> SalvagedUpload {
    match reader.complete(upload, parts) {
        Ok(completed) => {
            let facts = [("etag", completed.etag), ("date", completed.answer.date)];
            let facts = facts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?))));
            SalvagedUpload {
                outcome: Salvaged::Completed,
                parts: u64::try_from(parts.len()).unwrap_or(u64::MAX),
                size: parts.iter().map(|part| part.size).sum(),
                version_id: completed.version_id,
                checksum: completed.checksum,
                facts: facts.collect(),
                ..nothing
            }
        }
        Err(NotCompleted::Taken) => SalvagedUpload { outcome: Salvaged::Taken, ..nothing },
        Err(NotCompleted::Refused(reason)) => SalvagedUpload { reason: Some(reason), ..nothing },
    }
}
