//! A destination that takes so many bytes a second and no more, as a network does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hozen_collector::model::{Digest, Held, ObjectKey};
use hozen_collector::sink::{EvidenceSink, ObjectWriter, SinkError};
use serde_json::Value;

/// What may have been taken since it began.
#[derive(Debug)]
pub(crate) struct Pace {
    rate: u64,
    began: Instant,
    taken: AtomicU64,
}

impl Pace {
    /// `rate` bytes a second from now on.
    pub(crate) fn begin(rate: u64) -> Self {
        Self { rate: rate.max(1), began: Instant::now(), taken: AtomicU64::new(0) }
    }

    /// Waits until `bytes` more may be taken.
    pub(crate) fn wait(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let taken = self.taken.fetch_add(bytes, Ordering::SeqCst).saturating_add(bytes);
        let due = Duration::from_micros(taken.saturating_mul(1_000_000) / self.rate);
        std::thread::sleep(due.saturating_sub(self.began.elapsed()));
    }
}

/// Another sink at this pace.
#[derive(Debug)]
pub(crate) struct Paced {
    pub(crate) sink: Arc<dyn EvidenceSink>,
    pub(crate) pace: Arc<Pace>,
}

struct Writer {
    inner: Box<dyn ObjectWriter>,
    pace: Arc<Pace>,
}

impl EvidenceSink for Paced {
    fn create(&self, key: &ObjectKey) -> Result<Box<dyn ObjectWriter>, SinkError> {
        Ok(Box::new(Writer { inner: self.sink.create(key)?, pace: Arc::clone(&self.pace) }))
    }

    fn describe(&self) -> BTreeMap<String, Value> {
        self.sink.describe()
    }
}

impl ObjectWriter for Writer {
    fn part(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.pace.wait(bytes.len());
        self.inner.part(bytes)
    }

    fn taken(&self) -> (u64, Digest) {
        self.inner.taken()
    }

    fn finish(self: Box<Self>, size: u64, sha256: &Digest) -> Result<Option<Held>, SinkError> {
        self.inner.finish(size, sha256)
    }

    fn abort(self: Box<Self>) -> Result<(), SinkError> {
        self.inner.abort()
    }
}
