//! The content of an open regular file, read where a read may hang and where most of the file may be holes.
//!
//! Holes are found with `SEEK_DATA` and `SEEK_HOLE` (lseek(2)) and never read; every read runs on a [`SpareThread`].

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::uio::pread;
use nix::unistd::{Whence, lseek};

use super::sys::{self, Stat};
use super::{SpareThread, read};

/// The longest one read may take: a stalled network disk recovers within it, or not at all.
pub const READ_LIMIT: Duration = Duration::from_secs(10);

/// The most that one read asks for.
const CHUNK: u64 = 1 << 20;

/// The least that one read asks for: a small file is one read. The kernel reads as much ahead itself, so no more comes from the disk where
/// only a file's beginning is looked at.
const AHEAD: usize = 64 << 10;

/// Extents closer together than this are taken as one; zeros cost little, members and system calls do.
const MERGE: u64 = 1 << 20;

/// The most extents that are told apart; the rest of the file counts as one.
const MOST_EXTENTS: usize = 4096;

/// An open regular file.
#[derive(Debug, Clone)]
pub struct Content {
    fd: Arc<OwnedFd>,
    /// What `statx` said when it was opened.
    pub stat: Stat,
    /// Where it has data, ascending, within `stat.size`.
    pub data: Vec<Range<u64>>,
    /// Its beginning, as far as it was read already.
    head: Arc<Vec<u8>>,
}

impl Content {
    /// Looks for the holes of a file that was opened for reading. It may have to wait for the disk.
    ///
    /// # Errors
    /// The kernel's errno.
    pub fn new(fd: OwnedFd, stat: Stat) -> Result<Self, Errno> {
        let data = extents(fd.as_fd(), stat.size)?;
        Ok(Self { fd: Arc::new(fd), stat, data, head: Arc::default() })
    }

    /// The same, with the beginning of the file in memory: a small file is then read whole. For threads that can be spared.
    ///
    /// # Errors
    /// The kernel's errno of opening it. One of reading it is met again by whoever reads.
    pub fn with_head(fd: OwnedFd, stat: Stat) -> Result<Self, Errno> {
        let mut content = Self::new(fd, stat)?;
        let length = match content.data.first() {
            Some(first) if first.start == 0 => usize::try_from(first.end).unwrap_or(AHEAD).min(AHEAD),
            _ => 0,
        };
        let mut head = vec![0; length];
        let read = read::retry(|| pread(content.fd.as_fd(), &mut head, 0)).unwrap_or(0);
        head.truncate(read);
        content.head = Arc::new(head);
        Ok(content)
    }

    /// What `statx` says of it now.
    ///
    /// # Errors
    /// The kernel's errno.
    pub fn stat_now(&self) -> Result<Stat, Errno> {
        sys::statx(self.fd.as_fd(), "", false)
    }

    /// Whether its size, modification time or status change time is no longer what it was when it was opened.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        let key = |stat: &Stat| (stat.size, stat.mtime_ns, stat.ctime_ns);
        self.stat_now().map_or(true, |now| key(&now) != key(&self.stat))
    }

    /// A reader of the bytes in `range`. It ends early where the file has shrunk.
    pub fn reader<'w>(&self, range: Range<u64>, spare: &'w mut SpareThread) -> ContentReader<'w> {
        self.read_by(range, Some(spare))
    }

    /// The same for a thread that can be spared: it reads itself, and as much as it is asked for.
    #[must_use]
    pub fn reader_of_own(&self, range: Range<u64>) -> ContentReader<'static> {
        self.read_by(range, None)
    }

    fn read_by<'w>(&self, range: Range<u64>, spare: Option<&'w mut SpareThread>) -> ContentReader<'w> {
        let data = self.data.iter().filter(|extent| extent.end > range.start && extent.start < range.end);
        let data = data.cloned().collect();
        let (fd, head) = (Arc::clone(&self.fd), Arc::clone(&self.head));
        ContentReader { fd, head, data, at: range.start, end: range.end, buffer: Vec::new(), taken: 0, spare }
    }
}

/// Where `fd` has data below `size`. A file system that cannot tell has data everywhere.
fn extents(fd: BorrowedFd<'_>, size: u64) -> Result<Vec<Range<u64>>, Errno> {
    let mut found: Vec<Range<u64>> = Vec::new();
    let mut at = 0;
    while at < size {
        let start = match seek(fd, at, Whence::SeekData) {
            Err(Errno::ENXIO) => break,
            Err(Errno::EINVAL | Errno::EOPNOTSUPP | Errno::ESPIPE) => at,
            result => result?,
        };
        if start >= size {
            break;
        }
        let last = found.len() >= MOST_EXTENTS;
        let end = if last { size } else { seek(fd, start, Whence::SeekHole).unwrap_or(size).min(size) };
        // Whatever a file system answers, the loop moves on.
        let end = if end > start { end } else { size };
        match found.last_mut() {
            Some(before) if start - before.end < MERGE || last => before.end = end,
            _ => found.push(start..end),
        }
        at = end;
    }
    Ok(found)
}

fn seek(fd: BorrowedFd<'_>, at: u64, whence: Whence) -> Result<u64, Errno> {
    let at = i64::try_from(at).map_err(|_| Errno::EOVERFLOW)?;
    let found = u64::try_from(lseek(fd, at, whence)?).map_err(|_| Errno::EOVERFLOW)?;
    if found < at.cast_unsigned() { Err(Errno::EIO) } else { Ok(found) }
}

/// Reads a range of a [`Content`]; holes are zeros that nobody reads.
///
/// However little is asked for, [`AHEAD`] is read and the rest kept for the next read: each read is handed to another thread and back,
/// which on a busy machine takes longer than reading a small file does.
#[derive(Debug)]
pub struct ContentReader<'w> {
    fd: Arc<OwnedFd>,
    /// The file's beginning.
    head: Arc<Vec<u8>>,
    data: VecDeque<Range<u64>>,
    at: u64,
    end: u64,
    /// What was read, and how much of it is handed out.
    buffer: Vec<u8>,
    taken: usize,
    /// Whose thread reads; `None` where it is the caller's.
    spare: Option<&'w mut SpareThread>,
}

impl io::Read for ContentReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.data.front().is_some_and(|extent| extent.end <= self.at) {
            self.data.pop_front();
        }
        let next = self.data.front().cloned().unwrap_or(self.end..self.end);
        let hole = next.start > self.at;
        let until = if hole { next.start } else { next.end.min(self.at.saturating_add(CHUNK)) }.min(self.end);
        let room = usize::try_from(until.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let wanted = room.min(out.len());
        let out = out.get_mut(..wanted).unwrap_or_default();
        let length = if hole { zero(out) } else { self.ahead(room, out)? };
        self.at = self.at.saturating_add(u64::try_from(length).unwrap_or(0));
        Ok(length)
    }
}

impl ContentReader<'_> {
    /// Fills `out` with what was read before, or else reads, at most `room` bytes.
    fn ahead(&mut self, room: usize, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        let known = usize::try_from(self.at).ok().and_then(|at| self.head.get(at..)).unwrap_or_default();
        if !known.is_empty() {
            return Ok(copy(known, out));
        }
        let at = i64::try_from(self.at).map_err(|_| Errno::EOVERFLOW)?;
        if self.spare.is_none() {
            return Ok(read::retry(|| pread(self.fd.as_fd(), out, at))?);
        }
        if self.taken >= self.buffer.len() {
            self.pread(room.min(out.len().max(AHEAD)), at)?;
        }
        let length = copy(self.buffer.get(self.taken..).unwrap_or_default(), out);
        self.taken += length;
        Ok(length)
    }

    /// Reads up to `length` bytes into the buffer, which is empty at the file's end.
    fn pread(&mut self, length: usize, at: i64) -> io::Result<()> {
        let Some(spare) = &mut self.spare else { return Ok(()) };
        let (fd, mut buffer) = (Arc::clone(&self.fd), std::mem::take(&mut self.buffer));
        buffer.resize(length, 0);
        let job = move || {
            let result = read::retry(|| pread(fd.as_fd(), &mut buffer, at));
            (buffer, result)
        };
        let (mut buffer, result) = spare.run(READ_LIMIT, job).map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
        buffer.truncate(*result.as_ref().unwrap_or(&0));
        (self.buffer, self.taken) = (buffer, 0);
        result?;
        Ok(())
    }
}

/// Copies as much as there is room for.
fn copy(from: &[u8], out: &mut [u8]) -> usize {
    let length = from.len().min(out.len());
    if let (Some(out), Some(from)) = (out.get_mut(..length), from.get(..length)) {
        out.copy_from_slice(from);
    }
    length
}

fn zero(out: &mut [u8]) -> usize {
    out.fill(0);
    out.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;
    use std::os::unix::fs::FileExt as _;

    fn content(file: std::fs::File) -> Content {
        let stat = sys::statx(file.as_fd(), "", false).unwrap();
        Content::new(file.into(), stat).unwrap()
    }

    #[test]
    fn holes_are_zeros_and_data_is_data() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"head", 0).unwrap();
        file.write_all_at(b"tail", (64 << 20) + 10).unwrap();
        let content = content(file);
        let mut spare = SpareThread::new(Arc::default());
        let mut bytes = Vec::new();
        content.reader(0..content.stat.size, &mut spare).read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes.len(), (64 << 20) + 14);
        assert!(bytes.starts_with(b"head") && bytes.ends_with(b"\0tail"));
        let mut piece = Vec::new();
        content.reader(2..6, &mut spare).read_to_end(&mut piece).unwrap();
        assert_eq!(piece, b"ad\0\0");
        let mut own = Vec::new();
        content.reader_of_own(0..content.stat.size).read_to_end(&mut own).unwrap();
        assert!(own == bytes);
        assert!(!content.has_changed());
    }

    #[test]
    fn small_reads_of_a_large_file_say_what_one_read_of_it_says() {
        let file = tempfile::tempfile().unwrap();
        let bytes: Vec<u8> = (0..(2 << 20) + 7_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
        file.write_all_at(&bytes, 0).unwrap();
        let content = content(file.try_clone().unwrap());
        let mut spare = SpareThread::new(Arc::default());
        let mut reader = content.reader(3..content.stat.size, &mut spare);
        let (mut read, mut piece) = (Vec::new(), [0; 999]);
        loop {
            match reader.read(&mut piece).unwrap() {
                0 => break,
                length => read.extend_from_slice(&piece[..length]),
            }
        }
        assert!(read == bytes[3..]);
        // What was read ahead is handed out, whatever becomes of the file meanwhile; what was not is not there.
        let mut reader = content.reader(0..content.stat.size, &mut spare);
        reader.read_exact(&mut piece[..4]).unwrap();
        file.set_len(10).unwrap();
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).unwrap();
        assert!(rest == bytes[4..AHEAD]);
    }

    #[test]
    fn a_beginning_that_was_read_before_is_not_read_again() {
        let file = tempfile::tempfile().unwrap();
        let bytes: Vec<u8> = (0..AHEAD * 2).map(|n| u8::try_from(n % 249).unwrap()).collect();
        file.write_all_at(&bytes, 0).unwrap();
        let stat = sys::statx(file.as_fd(), "", false).unwrap();
        let content = Content::with_head(file.try_clone().unwrap().into(), stat).unwrap();
        let mut spare = SpareThread::new(Arc::default());
        for from in [0, 7, AHEAD - 1, AHEAD, AHEAD + 1] {
            let mut read = Vec::new();
            content.reader(u64::try_from(from).unwrap()..stat.size, &mut spare).read_to_end(&mut read).unwrap();
            assert!(read == bytes[from..], "{from}");
        }
        file.set_len(0).unwrap();
        let mut read = Vec::new();
        content.reader(0..stat.size, &mut spare).read_to_end(&mut read).unwrap();
        assert!(read == bytes[..AHEAD] && content.has_changed());
        // One that begins with a hole has no beginning to be read.
        file.write_all_at(b"x", 8 << 20).unwrap();
        let stat = sys::statx(file.as_fd(), "", false).unwrap();
        assert!(Content::with_head(file.into(), stat).unwrap().head.is_empty());
    }

    #[test]
    fn a_file_that_shrinks_ends_early() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&[7; 100], 0).unwrap();
        let content = content(file.try_clone().unwrap());
        file.set_len(10).unwrap();
        let mut bytes = Vec::new();
        content.reader(0..100, &mut SpareThread::new(Arc::default())).read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, [7; 10]);
        assert!(content.has_changed());
    }

    #[test]
    fn a_huge_hole_is_skipped_and_many_extents_are_bounded() {
        let memfd = nix::sys::memfd::memfd_create("holes", nix::sys::memfd::MFdFlags::empty()).unwrap();
        let file = std::fs::File::from(memfd);
        file.set_len(1 << 40).unwrap();
        file.write_all_at(b"x", 1 << 39).unwrap();
        let sparse = content(file.try_clone().unwrap());
        assert_eq!((sparse.data.len(), sparse.data[0].clone()), (1, 1 << 39..(1 << 39) + 4096));
        for n in 0..5000_u64 {
            file.write_all_at(b"x", n * (3 << 20)).unwrap();
        }
        let many = content(file);
        assert_eq!(many.data.len(), MOST_EXTENTS);
        assert_eq!(many.data.last().unwrap().end, 1 << 40);
    }
}
