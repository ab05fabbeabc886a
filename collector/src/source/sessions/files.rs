//! Files of any size: kept whole as far as that is sensible, while their newest part is held for parsing.

use std::io::{self, Read};

use crate::host::read::FdReader;
use crate::host::{Host, ReadError, extents};
use crate::model::Gap;
use crate::source::{Evidence, Member, Stop, failure};

/// The most that is kept of one file; of a longer one its end, which is the newest.
const KEPT: u64 = 1 << 30;
/// The most that is parsed of one file: its end.
const PARSED: usize = 64 << 20;
/// A multiple of both record lengths (384 and 400), so that cutting the front off leaves whole records.
const STEP: usize = 9600;
/// The most stretches of data that are looked for in a file with holes.
const STRETCHES: usize = 100_000;

/// The newest part of a file that was kept.
#[derive(Debug)]
pub(super) struct Tail {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Length of the file.
    pub size: u64,
    /// Whether older bytes than these were kept, but are not held.
    pub cut: bool,
}

/// A stretch of data in a file with holes: its offset and its bytes.
pub(super) type Stretch = (u64, Vec<u8>);

/// Passes bytes on and holds the last of them.
struct Holding<'a> {
    inner: &'a mut FdReader,
    held: Vec<u8>,
    cut: bool,
}

impl Read for Holding<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.held.extend(buffer.iter().take(length));
        let surplus = self.held.len().saturating_sub(PARSED);
        // Rarely, because it moves all that is held.
        if surplus > PARSED / 2 {
            drop(self.held.drain(..surplus.next_multiple_of(STEP)));
            self.cut = true;
        }
        Ok(length)
    }
}

/// Keeps the file at `path`, and holds its end. `None` where there is none; what was refused is a gap.
pub(super) fn keep(host: &Host, evidence: &mut dyn Evidence, path: &[u8]) -> Result<Option<Tail>, Stop> {
    let (mut reader, mut stat) = match host.files.open(path) {
        Ok(opened) => opened,
        Err(error) => return refused(evidence, &error).map(|()| None),
    };
    let size = stat.size;
    let skipped = size.saturating_sub(KEPT).next_multiple_of(u64::try_from(STEP).unwrap_or(1));
    let mut name = path.to_owned();
    if skipped > 0 {
        if let Err(errno) = extents::go_to(&reader, skipped) {
            return refused(evidence, &ReadError::errno(path, errno)).map(|()| None);
        }
        let reason = format!("{size} bytes long; only its end is kept");
        evidence.gap(Gap::from(path, 0, Some(skipped), reason));
        name.extend(format!("@{skipped}").bytes());
        stat.size = size.saturating_sub(skipped);
    }
    let mut holding = Holding { inner: &mut reader, held: Vec::new(), cut: skipped > 0 };
    evidence.raw_stream(&Member::file(&name, stat), stat.size, &mut holding)?;
    Ok(Some(Tail { bytes: holding.held, size, cut: holding.cut }))
}

fn refused(evidence: &mut dyn Evidence, error: &ReadError) -> Result<(), Stop> {
    evidence.check()?;
    failure::gap(evidence, error);
    Ok(())
}

/// Keeps the file with holes at `path`: each stretch of data becomes a member `path@offset`, except that of a file without
/// holes, which keeps its name. Returns the stretches with their offsets. `None` where there is no such file.
pub(super) fn keep_sparse(host: &Host, evidence: &mut dyn Evidence, path: &[u8]) -> Result<Option<Vec<Stretch>>, Stop> {
    let found = host.files.open(path).and_then(|(reader, stat)| {
        let found = extents::of(&reader, STRETCHES).map_err(|errno| ReadError::errno(path, errno))?;
        Ok((reader, stat, found))
    });
    let (mut reader, stat, found) = match found {
        Ok(found) => found,
        Err(error) => return refused(evidence, &error).map(|()| None),
    };
    let mut room = u64::try_from(PARSED).unwrap_or(u64::MAX);
    let mut stretches = Vec::new();
    for (start, end) in found {
        evidence.check()?;
        let length = (end - start).min(room);
        room -= length;
        if length < end - start {
            evidence.gap(Gap::from(path, start + length, Some(end - start - length), "more data than is read of it"));
        }
        if length == 0 {
            break;
        }
        let whole = start == 0 && end == stat.size;
        let name = if whole { path.to_owned() } else { [path, format!("@{start}").as_bytes()].concat() };
        let member = Member::file(&name, crate::host::sys::Stat { size: length, ..stat });
        if let Err(errno) = extents::go_to(&reader, start) {
            evidence.gap(Gap::from(path, start, Some(length), errno.to_string()));
            continue;
        }
        let mut holding = Holding { inner: &mut reader, held: Vec::new(), cut: false };
        evidence.raw_stream(&member, length, &mut holding)?;
        stretches.push((start, holding.held));
    }
    if stat.size == 0 {
        evidence.raw(&Member::file(path, stat), b"")?;
    }
    Ok(Some(stretches))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::recorded::Recorded;
    use std::os::unix::fs::FileExt as _;

    #[test]
    fn a_file_with_holes_is_kept_without_them() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("proc")).unwrap();
        let file = std::fs::File::options().create(true).truncate(true).write(true).open(dir.path().join("lastlog")).unwrap();
        file.set_len(1 << 40).unwrap();
        file.write_all_at(b"data", 1 << 39).unwrap();
        let host = Host::fixture(dir.path()).unwrap();
        let mut evidence = Recorded::default();
        let stretches = keep_sparse(&host, &mut evidence, b"/lastlog").unwrap().unwrap();
        let (offset, bytes) = &stretches[0];
        assert!(stretches.len() == 1 && *offset <= 1 << 39 && bytes.len() < PARSED, "{offset} {}", bytes.len());
        assert!(bytes.windows(4).any(|four| four == b"data"));
        assert_eq!(evidence.members[0].0, format!("/lastlog@{offset}").into_bytes());
        assert!(keep_sparse(&host, &mut evidence, b"/none").unwrap().is_none());
        assert_eq!(evidence.gaps, []);
    }

    #[test]
    fn the_end_of_a_long_file_is_held_in_whole_steps() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(u64::try_from(PARSED * 2).unwrap()).unwrap();
        file.write_all_at(b"end", u64::try_from(PARSED * 2 - 3).unwrap()).unwrap();
        let mut reader = FdReader(file.into());
        let mut holding = Holding { inner: &mut reader, held: Vec::new(), cut: false };
        io::copy(&mut holding, &mut io::sink()).unwrap();
        assert!(holding.cut && holding.held.ends_with(b"end"));
        assert_eq!((PARSED * 2 - holding.held.len()) % STEP, 0);
    }
}
