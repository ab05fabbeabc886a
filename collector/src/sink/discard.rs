//! A sink that takes everything, digests it as every sink does and keeps nothing: for measurements of what comes before a sink.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{EvidenceSink, ObjectWriter, SinkError};
use crate::model::{Digest, Held, ObjectKey};

/// Keeps nothing, so it is the one sink that does not keep the contract: no object is ever there, and none is there twice.
#[derive(Debug, Clone, Copy, Default)]
pub struct DiscardSink;

#[derive(Debug, Default)]
struct Discarded {
    hasher: Sha256,
    size: u64,
}

impl EvidenceSink for DiscardSink {
    fn create(&self, _: &ObjectKey) -> Result<Box<dyn ObjectWriter>, SinkError> {
        Ok(Box::new(Discarded::default()))
    }

    fn describe(&self) -> BTreeMap<String, Value> {
        BTreeMap::from([("kind".to_owned(), "discard".into()), ("location".to_owned(), "nowhere".into())])
    }
}

impl ObjectWriter for Discarded {
    fn part(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.hasher.update(bytes);
        self.size = self.size.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    fn taken(&self) -> (u64, Digest) {
        (self.size, Digest::so_far(&self.hasher))
    }

    fn finish(self: Box<Self>, _: u64, _: &Digest) -> Result<Option<Held>, SinkError> {
        Ok(None)
    }

    fn abort(self: Box<Self>) -> Result<(), SinkError> {
        Ok(())
    }
}
