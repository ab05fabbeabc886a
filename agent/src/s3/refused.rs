//! A place in a bucket that could not even be opened: it takes nothing, and says why. With a spool at hand a run goes there.

use std::collections::BTreeMap;

use hozen_collector::model::ObjectKey;
use hozen_collector::sink::{Cause, EvidenceSink, ObjectWriter, SinkError};
use serde_json::{Value, json};

use super::uri::BucketUri;

/// The place, and why it is shut.
#[derive(Debug)]
pub struct Refused {
    /// Where the run should have gone.
    pub place: BucketUri,
    /// Why it cannot.
    pub reason: String,
}

impl EvidenceSink for Refused {
    fn create(&self, key: &ObjectKey) -> Result<Box<dyn ObjectWriter>, SinkError> {
        Err(SinkError { key: key.clone(), cause: Cause::Refused(self.reason.clone()) })
    }

    fn describe(&self) -> BTreeMap<String, Value> {
        BTreeMap::from([("kind".to_owned(), json!("s3")), ("location".to_owned(), json!(self.place.to_string()))])
    }
}
