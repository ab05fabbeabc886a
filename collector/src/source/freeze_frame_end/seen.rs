//! The rows of a frame, remembered while they pass.

use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::row::Placing;
use crate::model::{Gap, Row};
use crate::source::{Evidence, Member, Stop, Streamed};

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

impl Evidence for Watching<'_> {
    fn row(&mut self, table: &'static str, row: &Row) -> Result<(), Stop> {
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

    fn raw(&mut self, member: &Member<'_>, content: &[u8]) -> Result<(), Stop> {
        self.evidence.raw(member, content)
    }

    fn raw_stream(&mut self, member: &Member<'_>, size: u64, content: &mut dyn Read) -> Result<Streamed, Stop> {
        self.evidence.raw_stream(member, size, content)
    }

    fn image_begin(&mut self, name: &'static str) -> Result<(), Stop> {
        self.evidence.image_begin(name)
    }

    fn image_write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.evidence.image_write(bytes)
    }

    fn image_end(&mut self) -> Result<(), Stop> {
        self.evidence.image_end()
    }

    fn gap(&mut self, gap: Gap) {
        self.evidence.gap(gap);
    }

    fn check(&self) -> Result<(), Stop> {
        self.evidence.check()
    }

    fn progress(&mut self, done: u64, total: u64) {
        self.evidence.progress(done, total);
    }
}
