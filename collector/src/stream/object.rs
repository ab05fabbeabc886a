//! One object, seen from the side of the source.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Sender, bounded};
use sha2::{Digest as _, Sha256};

use super::buffers::{Buffer, Pool};
use super::compress::Work;
use super::store::{Mark, Message, Opening};
use super::{Closed, Ended};
use crate::model::{Digest, ObjectKey, Timestamp};
use crate::sink::ObjectWriter;

/// The sink has refused a part of this object; more of it is of no use. [`Object::close`] tells what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the destination takes no more of this object")]
pub struct Refused;

/// An object being written. Nothing of it is visible before [`Object::close`]; dropping it gives it up.
#[derive(Debug)]
pub struct Object {
    id: u64,
    key: ObjectKey,
    pool: Pool,
    buffer: Option<Buffer>,
    hasher: Sha256,
    size: u64,
    entries: Option<u64>,
    parts: u64,
    refused: Arc<AtomicBool>,
    work: Sender<Work>,
    store: Sender<Message>,
    closed: bool,
}

impl Object {
    pub(super) fn open(
        id: u64,
        key: ObjectKey,
        writer: Box<dyn ObjectWriter>,
        pool: Pool,
        work: Sender<Work>,
        store: Sender<Message>,
        started: Timestamp,
    ) -> Self {
        let refused = Arc::new(AtomicBool::new(false));
        let opening = Opening { key: key.clone(), writer, refused: Arc::clone(&refused), started };
        // If the storing thread is gone, `close` says so.
        let _ = store.send(Message::Open { object: id, opening });
        let (hasher, buffer) = (Sha256::new(), None);
        Self { id, key, pool, buffer, hasher, size: 0, entries: None, parts: 0, refused, work, store, closed: false }
    }

    /// The object's key.
    #[must_use]
    pub fn key(&self) -> &ObjectKey {
        &self.key
    }

    /// Content bytes taken so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Counts one entry (a row, an archive member) that the bytes so far complete.
    pub fn count_entry(&mut self) {
        *self.entries.get_or_insert(0) += 1;
    }

    /// Whether the sink has refused a part of it, so that more of it is of no use.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }

    /// Makes the receipt carry a count of entries, even of none.
    pub fn counts_entries(&mut self) {
        self.entries.get_or_insert(0);
    }

    /// Takes content. Waits while all buffers are in use.
    ///
    /// # Errors
    /// When the sink has refused a part of it.
    pub fn write_all(&mut self, mut bytes: &[u8]) -> Result<(), Refused> {
        while !bytes.is_empty() {
            // A full buffer leaves when more comes, not before: an entry that ends with it is then counted with it.
            if self.buffer.as_ref().is_some_and(|buffer| buffer.bytes.len() >= self.pool.size()) {
                self.send_part();
            }
            if self.refused.load(Ordering::Relaxed) {
                return Err(Refused);
            }
            let buffer = self.buffer.get_or_insert_with(|| self.pool.take());
            let room = self.pool.size().saturating_sub(buffer.bytes.len());
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            buffer.bytes.extend_from_slice(now);
            self.size = self.size.saturating_add(u64::try_from(now.len()).unwrap_or(u64::MAX));
            bytes = later;
        }
        Ok(())
    }

    /// Takes a whole buffer as a part of its own and returns another one of at least its size; what cannot be a part is copied, and
    /// comes back. What the other one holds is of no meaning. Waits while all buffers are in use.
    ///
    /// # Errors
    /// As [`Object::write_all`].
    pub fn take(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, Refused> {
        // Small parts compress badly, and a buffer that is too small for other content must not get into the pool.
        let is_part = bytes.len() > self.pool.size() / 2 && bytes.len() <= self.pool.size();
        if !is_part || bytes.capacity() < self.pool.size() {
            self.write_all(&bytes)?;
            return Ok(bytes);
        }
        if self.buffer.is_some() {
            self.send_part();
        }
        if self.refused.load(Ordering::Relaxed) {
            return Err(Refused);
        }
        let (buffer, spare) = self.pool.exchange(bytes);
        self.size = self.size.saturating_add(u64::try_from(buffer.bytes.len()).unwrap_or(u64::MAX));
        self.buffer = Some(buffer);
        Ok(spare)
    }

    /// Hands the buffer on as one part.
    fn send_part(&mut self) {
        let content = self.buffer.take().unwrap_or_else(|| self.pool.take());
        self.hasher.update(&content.bytes);
        let mark = Mark { sha256: Digest::so_far(&self.hasher), size: self.size, entries: self.entries };
        let index = self.parts;
        self.parts += 1;
        // If the workers are gone, `close` says so.
        let _ = self.work.send(Work { object: self.id, index, content, mark });
    }

    /// Ends the object and waits until the sink has it, or has refused it.
    ///
    /// # Errors
    /// When the engine's threads are gone.
    pub fn close(mut self) -> Result<Closed, Ended> {
        if self.buffer.is_some() || self.parts == 0 {
            self.send_part();
        }
        self.closed = true;
        let (reply, answer) = bounded(1);
        self.store.send(Message::Close { object: self.id, parts: self.parts, reply }).map_err(|_| Ended)?;
        answer.recv().map_err(|_| Ended)
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        if !self.closed {
            let _ = self.store.send(Message::Abort { object: self.id });
        }
    }
}
