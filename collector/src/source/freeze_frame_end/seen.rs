//! The rows of a frame, remembered while they pass.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::Row;
use crate::model::row::Placing;
use crate::source::between::Between;
use crate::source::{Evidence, Stop};

/// The most rows that are remembered: of some 700 bytes each, so that it stays below 100 MiB.
const MOST: usize = 100_000;

/// What a frame saw.
#[derive(Debug, Clone, Default)]
pub struct Seen(Arc<Mutex<Frame>>);

#[derive(Debug, Default)]
struct Frame {
    /// Lines of JSON.
    processes: Vec<Vec<u8>>,
    sockets: Vec<Vec<u8>>,
    /// `/proc/modules`.
    modules: Vec<u8>,
    ended: bool,
    full: bool,
}

impl Seen {
    fn frame(&self) -> MutexGuard<'_, Frame> {
        // A frame that a panic cut short has not ended.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers the text of `/proc/modules`.
    pub(super) fn modules(&self, text: &[u8]) {
        text.clone_into(&mut self.frame().modules);
    }

    /// A frame begins, whatever was seen before.
    pub(super) fn begin(&self) {
        *self.frame() = Frame::default();
    }

    /// The frame is whole.
    pub(super) fn end(&self) {
        self.frame().ended = true;
    }

    /// Whether it is, and all of it is remembered.
    pub(super) fn is_whole(&self) -> bool {
        let frame = self.frame();
        frame.ended && !frame.full
    }

    /// Lines of the table of `processes` or `process_open_sockets`.
    pub(super) fn lines(&self, table: &str) -> Vec<Vec<u8>> {
        let frame = self.frame();
        if table == "processes" { frame.processes.clone() } else { frame.sockets.clone() }
    }

    /// The text of `/proc/modules`.
    pub(super) fn module_text(&self) -> Vec<u8> {
        self.frame().modules.clone()
    }

    fn add(&self, table: &'static str, row: &Row) {
        let mut frame = self.frame();
        if frame.processes.len() + frame.sockets.len() >= MOST {
            frame.full = true;
            return;
        }
        let mut line = Vec::new();
        row.write_to(Placing { table, seq: 0, mono_ns: 0, host_id: "" }, &mut line);
        line.shrink_to_fit();
        match table {
            "processes" => frame.processes.push(line),
            _ => frame.sockets.push(line),
        }
    }
}

/// Which frame it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    /// All of it is handed on as it is.
    First,
    /// Tables have other names, and those that say how things hang together are left out.
    Second,
}

/// Hands a frame on and remembers it.
pub(super) struct Watching<'a> {
    pub(super) evidence: &'a mut dyn Evidence,
    pub(super) seen: &'a Seen,
    pub(super) pass: Pass,
}

impl Between for Watching<'_> {
    fn inner(&self) -> &dyn Evidence {
        self.evidence
    }

    fn inner_mut(&mut self) -> &mut dyn Evidence {
        self.evidence
    }

    fn pass_row(&mut self, table: &'static str, row: &Row) -> Result<(), Stop> {
        let later = match table {
            "processes" => Some("processes_end"),
            "process_open_sockets" => Some("sockets_end"),
            _ => None,
        };
        if later.is_some() {
            self.seen.add(table, row);
        }
        match (self.pass, later) {
            (Pass::First, _) => self.evidence.row(table, row),
            (Pass::Second, Some(later)) => self.evidence.row(later, row),
            (Pass::Second, None) => Ok(()),
        }
    }
}
