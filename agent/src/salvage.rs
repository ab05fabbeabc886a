//! What a host that died left open in a bucket, made objects of, by somebody with rights over the bucket.
//!
//! The parts of an upload that nobody completes are not locked, and the bucket's lifecycle deletes them after some days. Completed
//! in time, they are an object under the lock that the agent asked for when it began: partial, with nothing that vouches for it, and
//! readable all but its last frame.
//!
//! **Invariant:** no object of the run is written or changed; a run that has ended is not touched unless that is asked for.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;

use hozen_collector::host::Clock;
use hozen_collector::model::dsse::Envelope;
use hozen_collector::model::receipt::Lock;
use hozen_collector::model::record::{BEGIN_KEY, Begin, END_KEY, MAX_RECORD_BYTES, Statement, VERSION};
use hozen_collector::model::salvage::{Salvage, Salvaged, SalvagedUpload, salvage_key};
use hozen_collector::model::{Digest, ObjectKey, RunId, canonical, escape};
use hozen_collector::sink::{EvidenceSink, SinkError};
use serde_json::json;

use crate::custody;
use crate::own;
use crate::s3::read::{OpenUpload, StoredPart, Unanswered, Version};
use crate::s3::{NotCompleted, Reader, contiguous};
use crate::verify;

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
/// When the place cannot be read, is none of a run, or of one that has ended, or the record cannot be stored.
pub fn salvage<S: EvidenceSink>(
    reader: &Arc<Reader>,
    force: bool,
    open: impl FnOnce(Option<&Lock>) -> Result<S, String>,
    clock: Clock,
) -> Result<Option<Done>, SalvageError> {
    let versions = reader.versions()?.versions;
    // Of one name the newest comes first, and the oldest is the evidence.
    let begin = versions.iter().rfind(|version| version.name == BEGIN_KEY).ok_or(SalvageError::NoRun)?;
    if !force && versions.iter().any(|version| version.name == END_KEY) {
        return Err(SalvageError::Ended);
    }
    let mut uploads = reader.uploads()?;
    if uploads.is_empty() {
        return Ok(None);
    }
    uploads.sort_by(|a, b| (&a.name, a.initiated, &a.id).cmp(&(&b.name, b.initiated, &b.id)));
    let salvaged = clock.now();
    let record = Salvage {
        v: VERSION,
        run: run(reader, begin),
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

/// The run that the begin record names, if it can be read. Whether it is right is for `verify`.
fn run(reader: &Reader, begin: &Version) -> Option<RunId> {
    let mut bytes = Vec::new();
    reader.body(BEGIN_KEY, &begin.id).ok()?.take(MAX_RECORD_BYTES).read_to_end(&mut bytes).ok()?;
    let payload = Envelope::parse(&bytes).ok()?.payload().ok()?;
    serde_json::from_slice::<Statement<Begin>>(&payload).ok().map(|statement| statement.predicate.run)
}

/// The lock of the begin record: the record of the salvage gets it too.
fn lock(reader: &Reader, begin: &Version) -> Option<Lock> {
    let facts = reader.facts(&[(BEGIN_KEY.to_owned(), begin.id.clone())]).pop()?;
    facts.lock.ok().flatten()
}

fn one(reader: &Reader, upload: &OpenUpload) -> SalvagedUpload {
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
    if !verify::is_evidence(&upload.name) {
        return SalvagedUpload { outcome: Salvaged::Foreign, ..nothing };
    }
    let parts = match reader.parts(upload) {
        Ok(parts) => parts,
        Err(unanswered) => return SalvagedUpload { reason: Some(unanswered.to_string()), ..nothing },
    };
    let (whole, left) = contiguous(&parts);
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
