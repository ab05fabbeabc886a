//! Reads a small file of the kernel's, keeps its bytes in the archive, and hands them to whoever makes rows of them.
//!
//! **Invariant:** what is handed on is what was archived. Something that is not there is no gap; something that is there and
//! was refused, or cut short, is one.

use std::ffi::CStr;

use super::text::number;
use super::{Evidence, Member, Stop, failure};
use crate::host::read::{Bytes, SMALL};
use crate::host::{Host, ReadError, SysRoot};
use crate::model::{Gap, Row, escape};

/// What was read and kept, or why there is nothing.
pub type Kept = Result<Bytes, ReadError>;

/// Reads and keeps for one source.
pub struct Keeper<'a> {
    /// The host that is read.
    pub host: &'a Host,
    /// Where it is kept.
    pub evidence: &'a mut dyn Evidence,
}

impl std::fmt::Debug for Keeper<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeper").field("host", self.host).finish_non_exhaustive()
    }
}

impl Keeper<'_> {
    /// Reads and keeps `path` below `/proc`.
    ///
    /// # Errors
    /// When the run wants no more of this artefact.
    pub fn proc(&mut self, path: &str) -> Result<Kept, Stop> {
        self.proc_within(path, SMALL)
    }

    /// Reads and keeps `path` below `/proc`, at most `limit` bytes of it.
    ///
    /// # Errors
    /// When the run wants no more of this artefact.
    pub fn proc_within(&mut self, path: &str, limit: usize) -> Result<Kept, Stop> {
        let read = self.host.proc.file(path, limit);
        self.keep(format!("/proc/{path}").as_bytes(), read)
    }

    /// Reads and keeps `path` below `/sys`.
    ///
    /// # Errors
    /// When the run wants no more of this artefact.
    pub fn sys(&mut self, path: &str) -> Result<Kept, Stop> {
        let host = self.host;
        self.below(&host.sys, path.as_bytes())
    }

    /// Reads and keeps `path` below `root`.
    ///
    /// # Errors
    /// When the run wants no more of this artefact.
    pub fn below(&mut self, root: &SysRoot, path: &[u8]) -> Result<Kept, Stop> {
        self.below_within(root, path, SMALL)
    }

    /// Reads and keeps `path` below `root`, at most `limit` bytes of it.
    ///
    /// # Errors
    /// When the run wants no more of this artefact.
    pub fn below_within(&mut self, root: &SysRoot, path: &[u8], limit: usize) -> Result<Kept, Stop> {
        let read = root.file(path, limit);
        self.keep(&root.full(path), read)
    }

    /// Reads and keeps every regular file in the folder `path` below `root`, but those that can only be written.
    ///
    /// # Errors
    /// When the run wants no more of this artefact.
    pub fn folder(&mut self, root: &SysRoot, path: &[u8]) -> Result<(), Stop> {
        for entry in root.names(path).unwrap_or_default() {
            let path = [path, b"/", &entry].concat();
            if root.stat(&path).is_ok_and(|stat| stat.is_regular() && stat.mode & 0o444 != 0) {
                self.below(root, &path)?.ok();
            }
        }
        Ok(())
    }

    /// The file system of type `kind` that belongs at `point`. None where the kernel does not have it, or where it was
    /// refused, which `column` of `row` and a gap then say.
    pub fn filesystem(&mut self, row: &mut Row, column: &'static str, kind: &CStr, point: &str) -> Option<SysRoot> {
        match self.host.filesystem(kind, point) {
            Ok(root) => Some(root),
            Err(error) if error.is_gone() => None,
            Err(error) => {
                row.error(column, error.reason.word());
                self.evidence
                    .gap(Gap::whole(&error.path, format!("not mounted, and a view of our own was refused: {}", error.reason)));
                None
            }
        }
    }

    /// Reads and keeps the regular file at the absolute `path`, with its metadata.
    ///
    /// # Errors
    /// When the run wants no more of this artefact.
    pub fn file(&mut self, path: &[u8]) -> Result<Kept, Stop> {
        self.file_within(path, SMALL)
    }

    /// Reads and keeps the regular file at the absolute `path`, at most `limit` bytes of it, with its metadata.
    ///
    /// # Errors
    /// When the run wants no more of this artefact.
    pub fn file_within(&mut self, path: &[u8], limit: usize) -> Result<Kept, Stop> {
        use std::os::fd::AsFd as _;
        let opened = self.host.files.open(path);
        let read = opened.and_then(|(reader, stat)| {
            let bytes = crate::host::read::to_end(reader.0.as_fd(), limit).map_err(|errno| ReadError::errno(path, errno))?;
            Ok((bytes, stat))
        });
        match read {
            Ok((bytes, stat)) => self.keep_member(&Member::file(path, stat), Ok(bytes)),
            Err(error) => self.keep_member(&Member::pseudo(path), Err(error)),
        }
    }

    /// Keeps what was read from the pseudo file at the absolute `path`.
    ///
    /// # Errors
    /// When the run wants no more of this artefact.
    pub fn keep(&mut self, path: &[u8], read: Kept) -> Result<Kept, Stop> {
        self.keep_member(&Member::pseudo(path), read)
    }

    fn keep_member(&mut self, member: &Member<'_>, read: Kept) -> Result<Kept, Stop> {
        self.evidence.check()?;
        match &read {
            Ok(bytes) => {
                self.evidence.raw(member, &bytes.bytes)?;
                if bytes.truncated {
                    let length = u64::try_from(bytes.bytes.len()).unwrap_or(u64::MAX);
                    self.evidence.gap(Gap::from(member.path, length, None, "longer than what is read of it"));
                }
            }
            Err(error) => failure::gap(self.evidence, error),
        }
        Ok(read)
    }
}

/// The content for the column `column` of `row`; what is missing or cut short is noted in the row's errors.
pub fn content(row: &mut Row, column: &'static str, kept: Kept) -> Option<Vec<u8>> {
    match kept {
        Ok(bytes) => {
            if bytes.truncated {
                row.error(column, "truncated");
            }
            Some(bytes.bytes)
        }
        Err(error) if error.is_gone() => None,
        Err(error) => {
            row.error(column, error.reason.word());
            None
        }
    }
}

/// Adds the content as the column `column`: an integer where it is one, else its bytes without the white space around them.
pub fn column(row: &mut Row, column: &'static str, kept: Kept) -> Option<Vec<u8>> {
    let value = content(row, column, kept)?;
    let value = value.trim_ascii();
    // Only what has one spelling becomes a number: "007" would lose its zeros.
    match number(value).filter(|number| number.to_string().as_bytes() == value) {
        Some(number) => row.int(column, number),
        None => row.bytes(column, value),
    };
    Some(value.to_owned())
}

/// The path in `/boot` of the file `name` for the kernel `release`. The release is text of the host: it must not lead elsewhere.
pub(super) fn in_boot(name: &str, release: &[u8]) -> Option<Vec<u8>> {
    let plain = !release.is_empty() && !release.contains(&b'/');
    plain.then(|| [b"/boot/", name.as_bytes(), b"-", release].concat())
}

/// What a row says of where it was read: the escaped path.
#[must_use]
pub fn shown(path: &[u8]) -> String {
    escape::bytes(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use crate::source::recorded::Recorded;
    use nix::errno::Errno;

    #[test]
    fn a_cut_is_a_gap_and_a_row_error_and_the_absent_is_neither() {
        let host = Host::live().unwrap();
        let mut evidence = Recorded::default();
        let mut keeper = Keeper { host: &host, evidence: &mut evidence };
        let cut = keeper.keep(b"/proc/x", Ok(Bytes { bytes: b" 1\n".to_vec(), truncated: true })).unwrap();
        let gone = keeper.keep(b"/proc/y", Err(ReadError::errno(b"/proc/y", Errno::ENOENT))).unwrap();
        let denied = keeper.keep(b"/proc/z", Err(ReadError::errno(b"/proc/z", Errno::EACCES))).unwrap();
        assert_eq!(evidence.gaps.iter().map(|gap| gap.source.as_str()).collect::<Vec<_>>(), ["/proc/x", "/proc/z"]);
        assert_eq!(evidence.member("/proc/x").unwrap(), b" 1\n");
        let mut row = Row::new(Timestamp::from_seconds(0), "/proc");
        assert_eq!(column(&mut row, "x", cut).unwrap(), b"1");
        assert!(column(&mut row, "y", gone).is_none() && column(&mut row, "z", denied).is_none());
        crate::source::Evidence::row(&mut evidence, "t", &row).unwrap();
        let row = &evidence.rows("t")[0];
        assert_eq!(
            (row["x"].as_i64(), row["errors"][0]["errno"].as_str(), row["errors"][1]["errno"].as_str()),
            (Some(1), Some("truncated"), Some("EACCES"))
        );
    }
}
