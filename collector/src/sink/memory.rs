//! A sink that keeps objects in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::{Cause, EvidenceSink, ObjectWriter, SinkError};
use crate::model::{Digest, Held, ObjectKey};

type Objects = Arc<Mutex<BTreeMap<ObjectKey, Vec<u8>>>>;

/// Objects in memory. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemorySink {
    objects: Objects,
}

#[derive(Debug)]
struct MemoryObject {
    key: ObjectKey,
    bytes: Vec<u8>,
    objects: Objects,
}

impl MemorySink {
    /// All finished objects.
    #[must_use]
    pub fn objects(&self) -> BTreeMap<ObjectKey, Vec<u8>> {
        self.objects.lock().map(|objects| objects.clone()).unwrap_or_default()
    }
}

impl EvidenceSink for MemorySink {
    fn create(&self, key: &ObjectKey) -> Result<Box<dyn ObjectWriter>, SinkError> {
        if self.objects.lock().is_ok_and(|objects| objects.contains_key(key)) {
            return Err(SinkError { key: key.clone(), cause: Cause::Exists });
        }
        Ok(Box::new(MemoryObject { key: key.clone(), bytes: Vec::new(), objects: Arc::clone(&self.objects) }))
    }

    fn describe(&self) -> BTreeMap<String, Value> {
        BTreeMap::from([("kind".to_owned(), "memory".into()), ("location".to_owned(), "memory".into())])
    }
}

impl ObjectWriter for MemoryObject {
    fn part(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn taken(&self) -> (u64, Digest) {
        (u64::try_from(self.bytes.len()).unwrap_or(u64::MAX), Digest::of(&self.bytes))
    }

    fn finish(self: Box<Self>, size: u64, sha256: &Digest) -> Result<Option<Held>, SinkError> {
        let fail = |cause| Err(SinkError { key: self.key.clone(), cause });
        if self.taken() != (size, *sha256) {
            return fail(Cause::Mismatch);
        }
        match self.objects.lock() {
            Ok(mut objects) if !objects.contains_key(&self.key) => {
                objects.insert(self.key, self.bytes);
                Ok(None)
            }
            _ => fail(Cause::Exists),
        }
    }

    fn abort(self: Box<Self>) -> Result<(), SinkError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conforms() {
        super::super::conformance::check(|| {
            let sink = MemorySink::default();
            let reader = sink.clone();
            (Box::new(sink), Box::new(move |key| reader.objects().get(key).cloned()))
        });
    }
}
