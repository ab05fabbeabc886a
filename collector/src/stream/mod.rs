//! Floor 3: the way of a byte from a source to a sink.
//!
//! ```text
//! write → [content buffer] → SHA-256(content) → work queue → zstd, one frame a part (n workers)
//!       → the one bounded queue → in order again → sink part, SHA-256(stored) → … → sink finish → receipt
//! ```
//!
//! Buffers come from fixed pools and go back to them, so memory does not grow with the input, and a slow sink holds the
//! source back. Any number of objects share one [`Engine`].
//!
//! **Invariant:** nothing of the host is known here, and nothing of what the bytes mean.

mod buffers;
mod compress;
mod object;
mod store;
pub mod whole;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Sender, bounded};

use crate::model::{ObjectKey, Receipt, Timestamp};
use crate::sink::{EvidenceSink, SinkError};
use buffers::Pool;

pub use object::{Object, Refused};

/// Content bytes of one part of a bulk object; each part is one zstd frame. Larger ones compress no better (at the usual level zstd
/// looks back 512 KiB), and every buffer is memory of the host that is overwritten.
pub const BULK_PART: usize = 1 << 19;
/// Content bytes of one object of an image, at most: what a bucket takes and locks in one piece.
pub const SEGMENT: u64 = 2 << 30;
/// Content bytes of one part of a table.
pub const TABLE_PART: usize = 1 << 19;
/// Tables that may be open at once over all artefacts.
pub const MAX_OPEN_TABLES: usize = 16;
/// zstd level where nobody says otherwise: 1, because the host has other work and memory has much to say.
pub const DEFAULT_LEVEL: i32 = 1;

/// What kind of object is streamed; it sets the size of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Rows: small, several open at once.
    Table,
    /// Archives and images: large, one open at a time.
    Bulk,
}

/// A clock for receipts.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The threads and buffers that all objects of a run share.
pub struct Engine {
    sink: Arc<dyn EvidenceSink>,
    tables: Pool,
    bulk: Pool,
    work: Sender<compress::Work>,
    store: Sender<store::Message>,
    next_id: AtomicU64,
    segment: u64,
    now: Now,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("sink", &self.sink).finish_non_exhaustive()
    }
}

/// What became of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The object.
    pub key: ObjectKey,
    /// Its receipt; `None` where nothing of it is stored.
    pub receipt: Option<Receipt>,
    /// The content that is not stored, if any.
    pub lost: Option<Lost>,
}

/// Content that was handed over and is not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// First content byte that is missing; everything behind it is.
    pub from: u64,
    /// What the sink said.
    pub error: SinkError,
}

/// The engine's threads are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stream's threads have ended")]
pub struct Ended;

impl Engine {
    /// Starts `workers` threads that compress at `level` (1 to 19) and one that stores.
    ///
    /// # Errors
    /// When no thread can be made.
    pub fn start(sink: Arc<dyn EvidenceSink>, workers: usize, level: i32, now: Now) -> std::io::Result<Self> {
        let workers = workers.clamp(1, 4);
        let (work, jobs) = bounded(workers);
        let (store, messages) = bounded(workers + 2);
        let tables = Pool::new(TABLE_PART, MAX_OPEN_TABLES + workers + 2);
        let bulk = Pool::new(BULK_PART, workers + 2);
        let frames = Pool::new(zstd::zstd_safe::compress_bound(BULK_PART.max(TABLE_PART)), workers + 2);
        for number in 0..workers {
            compress::spawn(number, level, jobs.clone(), frames.clone(), store.clone())?;
        }
        store::spawn(messages, Arc::clone(&now))?;
        Ok(Self { sink, tables, bulk, work, store, next_id: AtomicU64::new(0), segment: SEGMENT, now })
    }

    /// The same with segments of images that hold at most so many content bytes, and never more than [`SEGMENT`].
    #[must_use]
    pub fn with_segments_of(mut self, bytes: u64) -> Self {
        self.segment = bytes.clamp(1, SEGMENT);
        self
    }

    /// Content bytes of one segment of an image, at most.
    #[must_use]
    pub fn segment(&self) -> u64 {
        self.segment
    }

    /// As many workers as there are processors, at most 4: a capture that takes longer spans more time, and disturbs the host longer.
    #[must_use]
    pub fn default_workers() -> usize {
        std::thread::available_parallelism().map_or(1, std::num::NonZero::get).clamp(1, 4)
    }

    /// Opens an object.
    ///
    /// # Errors
    /// When the sink refuses it.
    pub fn open(&self, key: ObjectKey, kind: Kind) -> Result<Object, SinkError> {
        let writer = self.sink.create(&key)?;
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let pool = match kind {
            Kind::Table => self.tables.clone(),
            Kind::Bulk => self.bulk.clone(),
        };
        Ok(Object::open(id, key, writer, pool, self.work.clone(), self.store.clone(), (self.now)()))
    }

    /// The sink, for objects that are stored whole.
    #[must_use]
    pub fn sink(&self) -> &Arc<dyn EvidenceSink> {
        &self.sink
    }

    /// The time, for receipts.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }
}

#[cfg(test)]
mod tests;
