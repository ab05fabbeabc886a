//! A core file as a stream: its head, then the pages of the plan, read when they are asked for.
//!
//! What is no longer there, or cannot be read, is zeros at its place, and a piece says so. Before each chunk it is asked once more
//! which of its pages are resident, so that a page that has gone to swap meanwhile is not brought back.
//!
//! **Invariant:** a piece holds what was handed out and nothing else: of a chunk that was read when the file was cut off the rest is not in
//! the file, however good it was.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use sha2::{Digest as _, Sha256};

use super::plan::{MOST_RUNS, Plan, Run};
use crate::host::address_space::PRESENT;
use crate::host::{AddressSpace, Process, SpareThread, read};
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
    spare: &'a mut SpareThread,
    /// What is still to be read, the next at the end.
    runs: Vec<Run>,
    /// The head, then one chunk after the other.
    buffer: Vec<u8>,
    /// Bytes of the buffer that were handed out.
    given: usize,
    /// What the rest of the buffer is, in order; nothing for the head.
    due: VecDeque<Due>,
    /// Bytes of the core file that were handed out.
    offset: u64,
    open: Option<(Piece, Sha256)>,
    pieces: Vec<Piece>,
}

/// A stretch of pages that was read in one way and waits to be handed out.
#[derive(Debug, Clone, Copy)]
struct Due {
    start: u64,
    end: u64,
    area: usize,
    came: Came,
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
        spare: &'a mut SpareThread,
    ) -> Self {
        let runs: Vec<Run> = plan.kept().rev().copied().collect();
        let (process, space, due) = (Arc::clone(process), Arc::clone(space), VecDeque::new());
        Self { process, space, spare, runs, buffer: head, given: 0, due, offset: 0, open: None, pieces: Vec::new() }
    }

    /// What has been handed out so far, ascending.
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
        let chunk = self.spare.run(LIMIT, job).map_err(told)??;
        let mut start = now.start;
        for (length, came) in chunk.came {
            self.due.push_back(Due { start, end: start + length, area: now.area, came });
            start += length;
        }
        (self.buffer, self.given) = (chunk.bytes, 0);
        Ok(true)
    }

    /// Takes note of the next `length` bytes of the buffer, which are being handed out and came in one way.
    fn note(&mut self, length: usize) -> io::Result<()> {
        let bytes = u64::try_from(length).unwrap_or(u64::MAX);
        if let Some(Due { start, end, area, came }) = self.due.pop_front() {
            let goes_on = |piece: &Piece| (piece.end, piece.area, piece.came) == (start, area, came);
            if !self.open.as_ref().is_some_and(|(piece, _)| goes_on(piece)) {
                self.end_piece();
                if self.pieces.len() >= MOST_RUNS {
                    return Err(io::Error::other("its memory changes in more places than are told apart"));
                }
                let sha256 = Digest::of(b"");
                self.open = Some((Piece { start, end: start, area, offset: self.offset, came, sha256 }, Sha256::new()));
            }
            let next = start.saturating_add(bytes);
            if let Some((piece, hasher)) = &mut self.open {
                piece.end = next;
                let left = self.buffer.get(self.given..).unwrap_or_default();
                hasher.update(left.get(..length).unwrap_or_default());
            }
            if next < end {
                self.due.push_front(Due { start: next, end, area, came });
            }
        }
        self.given += length;
        self.offset = self.offset.saturating_add(bytes);
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
        let left = self.buffer.get(self.given..).unwrap_or_default();
        let alike = self.due.front().map_or(left.len(), |due| usize::try_from(due.end - due.start).unwrap_or(usize::MAX));
        let length = left.get(..alike).unwrap_or(left).read(buffer)?;
        if length > 0 {
            self.note(length)?;
        }
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

#[cfg(test)]
mod tests {
    use super::super::area::Area;
    use super::*;
    use crate::host::Host;
    use crate::host::sys::PageRegion;
    use crate::source::process_memory_map::parse::mappings;

    /// A reader of the first megabyte and a half of a buffer of our own, and that buffer.
    fn of_own<T>(look: impl FnOnce(CoreReader<'_>, u64, &[u8]) -> T) -> T {
        const LENGTH: usize = 3 << 19;
        let host = Host::live().unwrap();
        let process = Arc::new(host.proc.process(i32::try_from(std::process::id()).unwrap()).unwrap());
        let space = Arc::new(AddressSpace::open(&process).unwrap());
        let page = usize::try_from(space.page()).unwrap();
        let mut memory = vec![0_u8; LENGTH + page];
        let from = memory.as_ptr().addr().next_multiple_of(page) - memory.as_ptr().addr();
        for (place, n) in memory[from..].iter_mut().zip(0_usize..) {
            *place = u8::try_from(n % 251).unwrap();
        }
        std::hint::black_box(&memory);
        let start = u64::try_from(memory.as_ptr().addr() + from).unwrap();
        let end = start + u64::try_from(LENGTH).unwrap();
        let line = format!("{start:x}-{end:x} rw-p 00000000 00:00 0\n");
        let mut plan = Plan::of(mappings(line.as_bytes()).0.iter().filter_map(|mapping| Area::new(mapping, space.page())));
        plan.add(0, &[PageRegion { start, end, categories: PRESENT }]);
        let mut spare = host.spare_thread();
        let reader = CoreReader::new(&process, &space, &plan, vec![1; 4096], &mut spare);
        look(reader, start, &memory[from..from + LENGTH])
    }

    #[test]
    fn pieces_hold_what_was_handed_out_and_no_more() {
        for taken in [0, 1, 4096, 4096 + (256 << 10), 4096 + (1 << 20), 4096 + (5 << 18)] {
            of_own(|mut reader, start, memory| {
                let mut core = vec![0; taken];
                reader.read_exact(&mut core).unwrap();
                let pieces = reader.pieces();
                let pages = &memory[..taken.saturating_sub(4096)];
                assert!(core.get(4096..).unwrap_or_default() == pages, "{taken}");
                assert_eq!(pieces.len(), usize::from(!pages.is_empty()), "{taken}: {pieces:?}");
                for piece in pieces {
                    assert_eq!((piece.start, piece.end - piece.start, piece.offset), (start, pages.len() as u64, 4096));
                    assert_eq!((piece.came, piece.sha256), (Came::Read, Digest::of(pages)));
                }
            });
        }
    }

    #[test]
    fn reads_of_any_length_make_the_same_pieces() {
        let pieces = |step: usize| {
            of_own(|mut reader, start, _| {
                let mut buffer = vec![0; step];
                while reader.read(&mut buffer).unwrap() > 0 {}
                let place = |piece: Piece| (piece.start - start, piece.end - start, piece.offset, piece.came, piece.sha256);
                reader.pieces().into_iter().map(place).collect::<Vec<_>>()
            })
        };
        let whole = pieces(4 << 20);
        assert_eq!(whole.iter().map(|piece| piece.1 - piece.0).sum::<u64>(), 3 << 19);
        assert_eq!((pieces(100_003), pieces(256 << 10)), (whole.clone(), whole));
    }
}
