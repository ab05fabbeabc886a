//! Small objects that are stored as they are: the records of the run.

use crate::model::{Content, Digest, Encoding, ObjectKey, Receipt, Timestamp};
use crate::sink::{EvidenceSink, SinkError};

/// Stores `bytes` under `key`, uncompressed and in one part.
///
/// # Errors
/// When the sink refuses; nothing is visible under `key` then.
pub fn store(sink: &dyn EvidenceSink, key: &ObjectKey, bytes: &[u8], now: impl Fn() -> Timestamp) -> Result<Receipt, SinkError> {
    let started = now();
    let mut object = sink.create(key)?;
    object.part(bytes)?;
    let (sha256, size) = (Digest::of(bytes), u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    let sink = object.finish(size, &sha256)?;
    let content = Content { sha256, size, encoding: Encoding::Identity, entries: None };
    Ok(Receipt { key: key.clone(), sha256, size, parts: 1, content, started, finished: now(), sink })
}
