//! A core file as a stream: its head, then the pages of the plan, read when they are asked for.
//!
//! What is no longer there, or cannot be read, is zeros at its place, and a piece says so. Before each chunk it is asked once more
//! which of its pages are resident, so that a page that has gone to swap meanwhile is not brought back.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use sha2::{Digest as _, Sha256};

use super::plan::{MOST_RUNS, Plan, Run};
use crate::host::address_space::PRESENT;
use crate::host::{AddressSpace, Process, Watchdog, read};
use crate::model::Digest;
use crate::source::process::stat;

/// The most that is read at once.
const CHUNK: u64 = 1 << 20;
/// The longest that one chunk may take: its process may hold the lock of its own memory for ever.
const LIMIT: Duration = Duration::from_secs(5);

/// What became of a stretch of pages of the core file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    /// It was read.
    Read,
    /// It was no longer in memory; zeros stand in its place.
    Vanished,
    /// The kernel did not give it; zeros stand in its place.
    Unreadable(Errno),
}

/// A stretch of pages in the core file that came in the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// First address.
    pub(super) start: u64,
    /// First address behind it.
    pub(super) end: u64,
    /// The area it stands in.
    pub(super) area: usize,
    /// Where it begins in the core file.
    pub(super) offset: u64,
    /// How it came.
    pub(super) came: Came,
    /// Of its bytes in the core file.
    pub(super) sha256: Digest,
}

/// Reads a core file.
pub(super) struct CoreReader<'a> {
    process: Arc<Process>,
    space: Arc<AddressSpace>,
    watchdog: &'a mut Watchdog,
    /// What is still to be read, the next at the end.
    runs: Vec<Run>,
    buffer: Vec<u8>,
    given: usize,
    offset: u64,
    open: Option<(Piece, Sha256)>,
    pieces: Vec<Piece>,
}

/// What one chunk came to.
#[derive(Debug, Default)]
struct Chunk {
    bytes: Vec<u8>,
    /// Lengths in turn and how each came.
    came: Vec<(u64, Came)>,
}

impl<'a> CoreReader<'a> {
    /// A reader of `head` and then the kept runs of `plan`.
    pub(super) fn new(
        process: &Arc<Process>,
        space: &Arc<AddressSpace>,
        plan: &Plan,
        head: Vec<u8>,
        watchdog: &'a mut Watchdog,
    ) -> Self {
        let runs: Vec<Run> = plan.kept().rev().copied().collect();
        let offset = u64::try_from(head.len()).unwrap_or(u64::MAX);
        let (process, space) = (Arc::clone(process), Arc::clone(space));
        Self { process, space, watchdog, runs, buffer: head, given: 0, offset, open: None, pieces: Vec::new() }
    }

    /// What has been read so far, ascending.
    pub(super) fn pieces(mut self) -> Vec<Piece> {
        self.end_piece();
        self.pieces
    }

    /// Reads the next chunk; false at the end.
    fn refill(&mut self) -> io::Result<bool> {
        let Some(mut run) = self.runs.pop() else { return Ok(false) };
        let now = Run { end: run.end.min(run.start.saturating_add(CHUNK)), ..run };
        run.start = now.end;
        if run.start < run.end {
            self.runs.push(run);
        }
        let (space, process) = (Arc::clone(&self.space), Arc::clone(&self.process));
        let job = move || chunk(&space, &process, now.start, now.end);
        let told = |_| io::Error::new(io::ErrorKind::TimedOut, "the read did not return in time and was abandoned");
        let chunk = self.watchdog.run(LIMIT, job).map_err(told)??;
        self.note(&now, &chunk)?;
        (self.buffer, self.given) = (chunk.bytes, 0);
        Ok(true)
    }

    fn note(&mut self, run: &Run, chunk: &Chunk) -> io::Result<()> {
        let (mut start, mut bytes) = (run.start, chunk.bytes.as_slice());
        for (length, came) in &chunk.came {
            let (now, later) = bytes.split_at(usize::try_from(*length).unwrap_or(usize::MAX).min(bytes.len()));
            let goes_on = |piece: &Piece| (piece.end, piece.area, piece.came) == (start, run.area, *came);
            if !self.open.as_ref().is_some_and(|(piece, _)| goes_on(piece)) {
                self.end_piece();
                if self.pieces.len() >= MOST_RUNS {
                    return Err(io::Error::other("its memory changes in more places than are told apart"));
                }
                let sha256 = Digest::of(b"");
                let piece = Piece { start, end: start, area: run.area, offset: self.offset, came: *came, sha256 };
                self.open = Some((piece, Sha256::new()));
            }
            if let Some((piece, hasher)) = &mut self.open {
                piece.end = start + length;
                hasher.update(now);
            }
            (start, bytes) = (start + length, later);
            self.offset += length;
        }
        Ok(())
    }

    fn end_piece(&mut self) {
        if let Some((piece, hasher)) = self.open.take() {
            self.pieces.push(Piece { sha256: Digest::so_far(&hasher), ..piece });
        }
    }
}

impl Read for CoreReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given >= self.buffer.len() {
            if !self.refill()? {
                return Ok(0);
            }
        }
        let length = self.buffer.get(self.given..).unwrap_or_default().read(buffer)?;
        self.given += length;
        Ok(length)
    }
}

/// Reads the pages from `start` to `end` that are resident.
fn chunk(space: &AddressSpace, process: &Process, start: u64, end: u64) -> io::Result<Chunk> {
    let length = usize::try_from(end - start).map_err(io::Error::other)?;
    let mut chunk = Chunk { bytes: vec![0; length], came: Vec::new() };
    let mut at = start;
    while at < end {
        let look = space.look(at, end).map_err(why)?;
        for region in look.regions.iter().filter(|region| region.categories & PRESENT != 0) {
            let (from, to) = (region.start.max(at), region.end.min(end));
            if from < to {
                chunk.add(from - at, Came::Vanished);
                chunk.read(space, start, from, to);
                at = to;
            }
        }
        chunk.add(look.until.saturating_sub(at), Came::Vanished);
        at = look.until.max(at);
    }
    let nothing = chunk.came.iter().all(|(_, came)| *came != Came::Read);
    if nothing && has_ended(process) { Err(ended()) } else { Ok(chunk) }
}

fn ended() -> io::Error {
    io::Error::other("the process ended while it was read")
}

/// Once its memory is given back, and not only no longer used, the kernel says so itself.
fn why(errno: Errno) -> io::Error {
    if errno == Errno::ESRCH { ended() } else { errno.into() }
}

/// Whether the process is gone, or only waits for its parent to ask how it ended.
fn has_ended(process: &Process) -> bool {
    match process.file("stat", read::SMALL) {
        Ok(text) => stat::parse(&text.bytes).is_some_and(|stat| stat.is_zombie()),
        Err(error) => error.is_gone(),
    }
}

impl Chunk {
    /// Reads from `from` to `to` into its place, all at once, and page by page where that does not work.
    fn read(&mut self, space: &AddressSpace, start: u64, from: u64, to: u64) {
        let whole = self.read_once(space, start, from, to);
        if whole == Came::Read {
            return self.add(to - from, whole);
        }
        let mut at = from;
        while at < to {
            let next = (at + space.page()).min(to);
            let came = self.read_once(space, start, at, next);
            self.add(next - at, came);
            at = next;
        }
    }

    fn read_once(&mut self, space: &AddressSpace, start: u64, from: u64, to: u64) -> Came {
        let place = |address: u64| usize::try_from(address - start).unwrap_or(usize::MAX);
        let Some(buffer) = self.bytes.get_mut(place(from)..place(to)) else { return Came::Vanished };
        let came = match space.read_at(from, buffer) {
            Ok(length) if length == buffer.len() => Came::Read,
            Ok(_) => Came::Vanished,
            Err(errno) => Came::Unreadable(errno),
        };
        if came != Came::Read {
            // A part of a page would look like a whole one.
            buffer.fill(0);
        }
        came
    }

    fn add(&mut self, length: u64, came: Came) {
        match self.came.last_mut() {
            _ if length == 0 => {}
            Some((last, how)) if *how == came => *last += length,
            _ => self.came.push((length, came)),
        }
    }
}
