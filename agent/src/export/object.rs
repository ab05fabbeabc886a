//! One object as a stream of its content, compared with its receipt on the way.

use std::io::{ErrorKind, Read as _};

use hozen_collector::model::{Digest, Encoding, ObjectKey, Receipt};
use sha2::{Digest as _, Sha256};

use super::destination::Refused;
use super::progress::Progress;
use crate::verify::Opened;
use crate::verify::frames::Frames;

/// Bytes that are read at once.
const PIECE: usize = 256 << 10;

/// Why an export, or one object of it, came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    /// The evidence is not what its records say, or cannot be read; escaped text.
    #[error("{0}")]
    Evidence(String),
    /// The destination cannot be written.
    #[error(transparent)]
    Destination(#[from] Refused),
}

/// Who takes the content. What it fails with is the failure of the object.
pub(super) trait Taker {
    /// Takes the next bytes.
    fn take(&mut self, bytes: &[u8]) -> Result<(), Failure>;
}

impl<F: FnMut(&[u8]) -> Result<(), Failure>> Taker for F {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self(bytes)
    }
}

/// Hands the stored bytes of `key` to `take`, piece by piece. Their digest, and how many they are.
pub(super) fn stored(
    evidence: &Opened,
    key: &ObjectKey,
    progress: &Progress,
    take: &mut dyn FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(Digest, u64), Failure> {
    let mut reader = evidence.reader(key).map_err(|what| wrong(key, what))?;
    let (mut hasher, mut size, mut piece) = (Sha256::new(), 0_u64, vec![0; PIECE]);
    loop {
        let length = match reader.read(&mut piece) {
            Ok(0) => return Ok((Digest::so_far(&hasher), size)),
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(wrong(key, format!("cannot be read: {error}"))),
        };
        let bytes = piece.get(..length).unwrap_or_default();
        hasher.update(bytes);
        size += u64::try_from(length).unwrap_or(u64::MAX);
        take(bytes)?;
        progress.add(length);
    }
}

/// What is wrong with the object `key`.
pub(super) fn wrong(key: &ObjectKey, what: String) -> Failure {
    Failure::Evidence(format!("{key}: {what}"))
}

/// Hands the content of `key` to `taker`. Fails, after all of it was handed over, where it is not what its receipt says.
pub(super) fn stream(evidence: &Opened, key: &ObjectKey, taker: &mut dyn Taker, progress: &Progress) -> Result<(), Failure> {
    let wrong = |what: String| wrong(key, what);
    let mut passing = Passing { taker, hasher: Sha256::new(), size: 0, failure: None };
    let mut frames = if key.as_str().ends_with(".zst") { Some(Frames::new().map_err(wrong)?) } else { None };
    let stored = stored(evidence, key, progress, &mut |bytes| {
        let taken = match &mut frames {
            Some(frames) => frames.take(bytes, &mut |bytes| passing.pass(bytes)),
            None => passing.pass(bytes),
        };
        taken.map_err(|what| passing.failure.take().unwrap_or_else(|| wrong(what)))
    })?;
    let parts = frames.map_or(Ok(None), |frames| frames.finish().map(Some)).map_err(wrong)?;
    evidence.receipt(key).map_or(Ok(()), |receipt| passing.compare(receipt, stored, parts)).map_err(wrong)
}

/// Content on its way.
struct Passing<'a> {
    taker: &'a mut dyn Taker,
    hasher: Sha256,
    size: u64,
    failure: Option<Failure>,
}

impl Passing<'_> {
    fn pass(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.hasher.update(bytes);
        self.size += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.taker.take(bytes).map_err(|failure| {
            let text = failure.to_string();
            self.failure = Some(failure);
            text
        })
    }

    fn compare(&self, receipt: &Receipt, stored: (Digest, u64), parts: Option<u64>) -> Result<(), String> {
        let content = (Digest::so_far(&self.hasher), self.size);
        let right = stored == (receipt.sha256, receipt.size)
            && content == (receipt.content.sha256, receipt.content.size)
            && (receipt.content.encoding == Encoding::Identity || parts == Some(receipt.parts));
        if right { Ok(()) } else { Err("is not what its receipt says".to_owned()) }
    }
}
