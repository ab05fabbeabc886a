//! The custody journal: hash-chained events, stored as the run goes.

use std::sync::Arc;

use hozen_collector::host::Clock;
use hozen_collector::model::record::{self, Actor, ChainHead, Event, VERSION};
use hozen_collector::model::{CaseId, Digest, ObjectKey, Receipt, RunId, canonical};
use hozen_collector::sink::{Cause, EvidenceSink, SinkError};
use hozen_collector::stream::whole;
use serde::Serialize;

/// Bytes that are stored at once when that many wait.
const FLUSH_BYTES: usize = 64 << 10;
/// Bytes that one object has at most: fewer than a part of any upload, so that one request stores it.
const MOST_BYTES: usize = 4 << 20;
/// Nanoseconds after which what waits is stored.
const FLUSH_NS: u64 = 15_000_000_000;
/// Nanoseconds between two tries to store after one has failed.
const RETRY_NS: u64 = 1_000_000_000;
/// Tries to store a record before it is given up.
const TRIES: u32 = 3;

/// The journal and the receipts of everything that is stored.
#[derive(Debug)]
pub struct Journal {
    sink: Arc<dyn EvidenceSink>,
    clock: Clock,
    run: RunId,
    case: CaseId,
    /// The first event whose line is longer than verifiers read.
    overlong: Option<String>,
    begin: Digest,
    seq: u64,
    prev: Digest,
    mono_ns: u64,
    waiting: Vec<u8>,
    /// So many bytes of `waiting` were offered as the next object and not taken, as far as is known.
    offered: Option<usize>,
    stored_ns: u64,
    files: u32,
    receipts: Vec<Receipt>,
}

/// Stores a record, more than once if need be.
///
/// # Errors
/// What the sink said last.
pub fn store(sink: &dyn EvidenceSink, clock: Clock, key: &ObjectKey, bytes: &[u8]) -> Result<Receipt, SinkError> {
    let mut result = whole::store(sink, key, bytes, || clock.now());
    for _ in 1..TRIES {
        match &result {
            Err(error) if error.cause.is_passing() => result = whole::store(sink, key, bytes, || clock.now()),
            _ => break,
        }
    }
    result
}

impl Journal {
    /// A journal that hangs on the begin record, whose receipt is the first.
    #[must_use]
    pub fn new(sink: Arc<dyn EvidenceSink>, clock: Clock, run: RunId, case: CaseId, begin: Receipt) -> Self {
        let (prev, begin, receipts) = (begin.sha256, begin.sha256, vec![begin]);
        Self {
            sink,
            clock,
            run,
            case,
            overlong: None,
            begin,
            seq: 0,
            prev,
            mono_ns: 0,
            waiting: Vec::new(),
            offered: None,
            stored_ns: clock.mono_ns(),
            files: 0,
            receipts,
        }
    }

    /// The run.
    #[must_use]
    pub fn run(&self) -> RunId {
        self.run
    }

    /// The case.
    #[must_use]
    pub fn case(&self) -> &CaseId {
        &self.case
    }

    /// The first event, if there is one, whose line no verifier would read.
    #[must_use]
    pub fn overlong(&self) -> Option<&str> {
        self.overlong.as_deref()
    }

    /// Digest of the begin record.
    #[must_use]
    pub fn begin(&self) -> Digest {
        self.begin
    }

    /// Adds an event and stores what waits if it is due.
    pub fn append(&mut self, event: &str, justification: &str, data: &impl Serialize) {
        // What the sink noted stands beside it: behind the first line, before the last.
        if event == record::event::RUN_END {
            self.take_notes();
        }
        self.push(event, justification, data);
        if event != record::event::RUN_END {
            self.take_notes();
        }
        self.tick();
    }

    /// Adds what the sink noted since it was last asked.
    fn take_notes(&mut self) {
        for (event, data) in self.sink.take_notes() {
            self.push(event, "the way to the destination", &data);
        }
    }

    fn push(&mut self, event: &str, justification: &str, data: &impl Serialize) {
        self.mono_ns = self.clock.mono_ns().max(self.mono_ns);
        let event = Event {
            v: VERSION,
            run: self.run,
            seq: self.seq + 1,
            prev: format!("sha256:{}", self.prev),
            t: self.clock.now(),
            mono_ns: self.mono_ns,
            actor: Actor { kind: "agent".to_owned(), version: crate::VERSION.to_owned() },
            event: event.to_owned(),
            justification: justification.to_owned(),
            data: serde_json::to_value(data).unwrap_or_default(),
        };
        // Every event is made of integers, text and lists of them, which have a canonical form.
        if let Ok(mut line) = canonical::to_bytes(&event) {
            line.push(b'\n');
            if u64::try_from(line.len()).unwrap_or(u64::MAX) > record::MAX_LINE_BYTES && self.overlong.is_none() {
                self.overlong = Some(event.event);
            }
            self.seq += 1;
            self.prev = Digest::of(&line);
            self.waiting.extend_from_slice(&line);
        }
    }

    /// Notes that an object is stored.
    pub fn add_receipt(&mut self, receipt: Receipt) {
        self.receipts.push(receipt);
    }

    /// Stores what waits if it is due. A failure is tried again later; only [`Journal::flush`] reports it.
    pub fn tick(&mut self) {
        let age = self.clock.mono_ns().saturating_sub(self.stored_ns);
        let due = age >= FLUSH_NS || (self.waiting.len() >= FLUSH_BYTES && age >= RETRY_NS);
        if due && !self.waiting.is_empty() {
            let _ = self.flush();
        }
    }

    /// Stores what waits.
    ///
    /// # Errors
    /// When the sink refuses; what waits goes on waiting.
    pub fn flush(&mut self) -> Result<(), SinkError> {
        while !self.waiting.is_empty() {
            let end = self.offered.unwrap_or_else(|| first_lines(&self.waiting));
            let bytes = self.waiting.get(..end).unwrap_or_default();
            let stored = store(&*self.sink, self.clock, &record::custody_key(self.files + 1), bytes);
            // Whatever came of it: a destination that took long to refuse is not asked again for each line.
            self.stored_ns = self.clock.mono_ns();
            // It may be there all the same, if only the answer was lost: then nothing else can be stored under its name, ever.
            let perhaps_there = stored.as_ref().is_err_and(|error| !matches!(error.cause, Cause::Reserved(_)));
            self.offered = perhaps_there.then_some(end);
            let receipt = stored?;
            self.files += 1;
            self.waiting.drain(..end);
            self.receipts.push(receipt);
        }
        Ok(())
    }

    /// The last line.
    #[must_use]
    pub fn head(&self) -> ChainHead {
        ChainHead { seq: self.seq, head: format!("sha256:{}", self.prev) }
    }

    /// Receipts of everything stored so far, sorted by key.
    #[must_use]
    pub fn receipts(&self) -> Vec<Receipt> {
        let mut receipts = self.receipts.clone();
        receipts.sort_by(|a, b| a.key.cmp(&b.key));
        receipts
    }
}

/// Where the last line ends that belongs into an object with the first of `lines`.
fn first_lines(lines: &[u8]) -> usize {
    if lines.len() <= MOST_BYTES {
        return lines.len();
    }
    let ends_line = |byte: &u8| *byte == b'\n';
    let within = lines.iter().take(MOST_BYTES).rposition(ends_line);
    // A single line that is longer is not cut: no reader would take its halves for one event.
    within.or_else(|| lines.iter().position(ends_line)).map_or(lines.len(), |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_long_line_is_not_cut() {
        let long = [vec![b'x'; MOST_BYTES + 5], b"\ny\n".to_vec()].concat();
        assert_eq!((first_lines(&long), first_lines(b"a\nb\n"), first_lines(b"")), (MOST_BYTES + 6, 4, 0));
    }

    proptest! {
        #[test]
        fn objects_end_with_a_line_and_are_as_long_as_they_may_be(lengths in prop::collection::vec(0_usize..2 << 20, 1..12)) {
            let text: Vec<u8> = lengths.iter().flat_map(|length| [vec![b'x'; *length], b"\n".to_vec()].concat()).collect();
            let end = first_lines(&text);
            prop_assert!(end > 0 && end <= MOST_BYTES && text[end - 1] == b'\n');
            let next = text[end..].iter().position(|byte| *byte == b'\n');
            prop_assert!(next.is_none_or(|next| end + next + 1 > MOST_BYTES));
        }
    }
}
