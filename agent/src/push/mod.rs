//! A finished run in a folder, sent into a bucket as it lies there.
//!
//! ```text
//! verify → place from the begin record → begin record → all else → manifest → end record → seals
//! ```
//!
//! **Invariant:** nothing is sent that does not verify, and nothing that is in the bucket is taken for ours unless that is shown.

mod folder;
mod progress;
mod there;

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hozen_collector::model::record::{BEGIN_KEY, Begin, END_KEY, MANIFEST_KEY};
use hozen_collector::model::{Digest, Held, ObjectKey};
use hozen_collector::sink::{Cause, EvidenceSink, SinkError};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::aws::identity::Document;
use crate::s3::{BucketUri, InvalidUri, Reader, layout};
use crate::verify::Whole;

use folder::Folder;
pub use progress::{Progress, ProgressError};
use there::There;

/// Bytes that are read at once.
const PIECE: usize = 1 << 20;

/// Why not all was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// The folder cannot be read.
    #[error("{path}: {reason}")]
    Folder {
        /// Which file; escaped text.
        path: String,
        /// Why.
        reason: String,
    },
    /// What was read is not what was verified.
    #[error("{0} is not what was verified a moment ago: somebody changes the folder")]
    Changed(ObjectKey),
    /// An object of this name is in the bucket, and it is another one.
    #[error("{0} is in the bucket already with other bytes; push to another prefix, and find out whose it is")]
    Other(ObjectKey),
    /// An object of this name is in the bucket, and it cannot be shown to be the same.
    #[error(
        "{0} is in the bucket already, and this role cannot show that it is the same; push with the rights of a reader \
         (s3:ListBucketVersions, s3:GetObjectVersion, s3:GetObjectVersionAttributes), or to another prefix"
    )]
    Unknown(ObjectKey),
    /// The bucket did not take an object.
    #[error("{0}")]
    Sink(#[from] SinkError),
    /// The bucket did not take the first one.
    #[error("nothing was sent: {0}")]
    Refused(SinkError),
    /// What was sent could not be written down.
    #[error(transparent)]
    Progress(#[from] ProgressError),
}

/// What was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pushed {
    /// Where the run is now.
    pub location: String,
    /// Objects of it, seals included.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects that were sent in this call.
    pub sent: u64,
    /// Objects of which only a reader of the bucket can tell that they are the same: the answer to what completed them was lost.
    pub unproven: Vec<ObjectKey>,
}

/// The run's place below `to`: the one that `collect` would have given it.
///
/// # Errors
/// When it is too long.
pub fn place(to: &BucketUri, begin: &Begin) -> Result<BucketUri, InvalidUri> {
    let signed = begin.instance.as_ref().and_then(|instance| instance.signed.get("document"));
    let text = signed.and_then(|text| STANDARD.decode(text).ok()).and_then(|bytes| String::from_utf8(bytes).ok());
    let document = text.map(|text| Document::parse(&text)).unwrap_or_default();
    let host = document.instance_id.as_deref().unwrap_or(&begin.host.id);
    layout::run(to, &begin.case, document.account_id.as_deref(), host, begin.run)
}

/// Sends the run in `dir`, which has just been verified to be `whole`.
///
/// # Errors
/// When not all is in the bucket. What was sent stays there; called again, it goes on.
pub fn push(
    dir: &Path,
    whole: &Whole,
    sink: &dyn EvidenceSink,
    reader: &Reader,
    progress: Progress,
) -> Result<Pushed, PushError> {
    let folder = Folder::open(dir)?;
    let keys = order(whole, folder.beside()?);
    let location = reader.place().to_string();
    let mut pushing = Pushing { folder, whole, sink, there: There::ask(reader), progress, reader };
    let is_first = pushing.progress.is_empty();
    let mut pushed =
        Pushed { location, objects: u64::try_from(keys.len()).unwrap_or(u64::MAX), bytes: 0, sent: 0, unproven: Vec::new() };
    for key in keys {
        pushing.object(&key, &mut pushed).map_err(|error| match error {
            // Before anything else is sent: nothing of the run is in the bucket.
            PushError::Sink(error) if key.as_str() == BEGIN_KEY && is_first => PushError::Refused(error),
            error => error,
        })?;
    }
    Ok(pushed)
}

/// Begin record first, manifest and end record last of the run, what lies beside it behind them.
fn order(whole: &Whole, beside: BTreeSet<ObjectKey>) -> Vec<ObjectKey> {
    let rank = |key: &ObjectKey| match key.as_str() {
        BEGIN_KEY => 0,
        MANIFEST_KEY => 2,
        END_KEY => 3,
        _ => 1,
    };
    let mut keys: Vec<ObjectKey> = whole.objects.keys().cloned().collect();
    keys.sort_by_key(rank);
    keys.extend(beside);
    keys
}

struct Pushing<'a> {
    folder: Folder,
    whole: &'a Whole,
    sink: &'a dyn EvidenceSink,
    there: There,
    progress: Progress,
    reader: &'a Reader,
}

impl Pushing<'_> {
    fn object(&mut self, key: &ObjectKey, pushed: &mut Pushed) -> Result<(), PushError> {
        let (size, sha256) = match self.whole.objects.get(key) {
            Some(known) => *known,
            None => self.folder.measure(key)?,
        };
        pushed.bytes = pushed.bytes.saturating_add(size);
        match self.there.same(self.reader, key, size, &sha256) {
            Some(true) => return Ok(()),
            Some(false) => return Err(PushError::Other(key.clone())),
            None => {}
        }
        let location = format!("{}/{key}", self.reader.place());
        if self.progress.is_done(&location, &sha256) {
            return Ok(());
        }
        let begun = self.progress.is_begun(&location, &sha256);
        self.progress.begin(&location, &sha256)?;
        let lost = match self.send(key, size, &sha256) {
            Ok(held) => {
                pushed.sent += 1;
                held.is_some_and(|held| held.ambiguous)
            }
            // Ours, as far as this program knows: it was cut off between the request and its answer.
            Err(PushError::Sink(SinkError { cause: Cause::Exists, .. })) if begun => true,
            Err(PushError::Sink(SinkError { cause: Cause::Exists, .. })) => return Err(PushError::Unknown(key.clone())),
            Err(error) => return Err(error),
        };
        if lost {
            pushed.unproven.push(key.clone());
            return Ok(());
        }
        Ok(self.progress.done(&location, &sha256)?)
    }

    fn send(&self, key: &ObjectKey, size: u64, sha256: &Digest) -> Result<Option<Held>, PushError> {
        let (mut reader, mut object) = (self.folder.reader(key)?, self.sink.create(key)?);
        let (mut hasher, mut sent, mut piece) = (Sha256::new(), 0_u64, vec![0_u8; PIECE]);
        loop {
            let length = reader.read(&mut piece).map_err(|error| folder::failed(key, &error))?;
            let bytes = piece.get(..length).unwrap_or_default();
            if bytes.is_empty() {
                break;
            }
            hasher.update(bytes);
            sent = sent.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
            object.part(bytes)?;
        }
        if (sent, Digest::so_far(&hasher)) != (size, *sha256) {
            // What was sent of it so far makes no object.
            let _ = object.abort();
            return Err(PushError::Changed(key.clone()));
        }
        Ok(object.finish(size, sha256)?)
    }
}
