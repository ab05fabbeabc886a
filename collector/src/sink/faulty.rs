//! A sink that fails on demand, for the fault sweeps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::{Cause, EvidenceSink, ObjectWriter, SinkError};
use crate::model::{Digest, Held, ObjectKey};

/// Which calls fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The call of this number alone, counted from 0 over `create`, `part`, `finish` and `abort`.
    Once(u64),
    /// This call and every one after it.
    From(u64),
    /// None; for counting the calls of a good run.
    Never,
}

/// Wraps a sink and makes calls fail before they reach it.
#[derive(Debug)]
pub struct FaultySink<S> {
    inner: S,
    script: Arc<Script>,
}

/// The script and the count of calls, shared with the objects.
#[derive(Debug)]
pub struct Script {
    fault: Fault,
    calls: AtomicU64,
    injected: AtomicU64,
}

struct FaultyObject {
    key: ObjectKey,
    inner: Box<dyn ObjectWriter>,
    script: Arc<Script>,
}

impl Script {
    /// How many calls there were.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// How many of them failed because of the script.
    #[must_use]
    pub fn injected(&self) -> u64 {
        self.injected.load(Ordering::SeqCst)
    }

    fn pass(&self, key: &ObjectKey) -> Result<(), SinkError> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let fails = match self.fault {
            Fault::Once(at) => call == at,
            Fault::From(first) => call >= first,
            Fault::Never => false,
        };
        if !fails {
            return Ok(());
        }
        self.injected.fetch_add(1, Ordering::SeqCst);
        Err(SinkError { key: key.clone(), cause: Cause::Injected(call) })
    }
}

impl<S: EvidenceSink> FaultySink<S> {
    /// A sink around `inner` that fails as `fault` says; the script tells afterwards what happened.
    pub fn new(inner: S, fault: Fault) -> (Self, Arc<Script>) {
        let script = Arc::new(Script { fault, calls: AtomicU64::new(0), injected: AtomicU64::new(0) });
        (Self { inner, script: Arc::clone(&script) }, script)
    }
}

impl<S: EvidenceSink> EvidenceSink for FaultySink<S> {
    fn create(&self, key: &ObjectKey) -> Result<Box<dyn ObjectWriter>, SinkError> {
        self.script.pass(key)?;
        let inner = self.inner.create(key)?;
        Ok(Box::new(FaultyObject { key: key.clone(), inner, script: Arc::clone(&self.script) }))
    }

    fn describe(&self) -> BTreeMap<String, Value> {
        self.inner.describe()
    }

    fn prepare_to_seal(&self) {
        self.inner.prepare_to_seal();
    }

    fn stalled_ns(&self) -> u64 {
        self.inner.stalled_ns()
    }

    fn time_to_collect(&self) -> Option<Duration> {
        self.inner.time_to_collect()
    }

    fn take_notes(&self) -> Vec<(&'static str, BTreeMap<String, Value>)> {
        self.inner.take_notes()
    }
}

impl ObjectWriter for FaultyObject {
    fn part(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.script.pass(&self.key)?;
        self.inner.part(bytes)
    }

    fn taken(&self) -> (u64, Digest) {
        self.inner.taken()
    }

    fn finish(self: Box<Self>, size: u64, sha256: &Digest) -> Result<Option<Held>, SinkError> {
        self.script.pass(&self.key)?;
        self.inner.finish(size, sha256)
    }

    fn abort(self: Box<Self>) -> Result<(), SinkError> {
        self.script.pass(&self.key)?;
        self.inner.abort()
    }
}

#[cfg(test)]
mod tests {
    use super::super::memory::MemorySink;
    use super::*;

    #[test]
    fn a_faulty_sink_without_a_fault_conforms() {
        super::super::conformance::check(|| {
            let memory = MemorySink::default();
            let reader = memory.clone();
            let (sink, _) = FaultySink::new(memory, Fault::Never);
            (Box::new(sink), Box::new(move |key| reader.objects().get(key).cloned()))
        });
    }

    #[test]
    fn the_call_that_is_named_fails_and_no_other() {
        let (sink, script) = FaultySink::new(MemorySink::default(), Fault::Once(1));
        let mut object = sink.create(&"a".parse().unwrap()).unwrap();
        assert_eq!(object.part(b"x").unwrap_err().cause, Cause::Injected(1));
        object.part(b"x").unwrap();
        object.finish(1, &Digest::of(b"x")).unwrap();
        assert_eq!((script.calls(), script.injected()), (4, 1));
    }
}
