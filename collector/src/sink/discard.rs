//! A sink that takes everything and keeps nothing: for measurements of what comes before a sink.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{EvidenceSink, ObjectWriter, SinkError};
use crate::model::{Digest, Held, ObjectKey};

/// Keeps nothing, so it is the one sink that does not keep the contract: no object is ever there, and none is there twice.
#[derive(Debug, Clone, Copy, Default)]
pub struct DiscardSink;

#[derive(Debug)]
struct Discarded;

impl EvidenceSink for DiscardSink {
    fn create(&self, _: &ObjectKey) -> Result<Box<dyn ObjectWriter>, SinkError> {
        Ok(Box::new(Discarded))
    }

    fn describe(&self) -> BTreeMap<String, Value> {
        BTreeMap::from([("kind".to_owned(), "discard".into()), ("location".to_owned(), "nowhere".into())])
    }
}

impl ObjectWriter for Discarded {
    fn part(&mut self, _: &[u8]) -> Result<(), SinkError> {
        Ok(())
    }

    fn finish(self: Box<Self>, _: u64, _: &Digest) -> Result<Option<Held>, SinkError> {
        Ok(None)
    }

    fn abort(self: Box<Self>) -> Result<(), SinkError> {
        Ok(())
    }
}
