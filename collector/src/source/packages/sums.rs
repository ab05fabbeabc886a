//! What a package says that a file's content is, and what it is.

use std::io::Read as _;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use crate::host::crew::Pace;
use crate::host::sys::Stat;
use crate::host::{self, HostFiles, ReadError, Reason, read};
use crate::model::Digest;
use crate::source::digests::{Digests, ELF, Known, failed};

/// The longest file that is read: several times the largest program. One of holes would else take the time of all others.
const MOST_BYTES: u64 = 2 << 30;

/// The most that one read asks for.
const CHUNK: usize = 256 << 10;

/// A digest of a file's content, of the kind that its package manager keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sum {
    /// dpkg's, and that of packages of rpm before 2008.
    Md5([u8; 16]),
    /// apk's.
    Sha1([u8; 20]),
    /// rpm's.
    Sha256(Digest),
}

impl Sum {
    /// The names of its columns, expected and found, and its text.
    pub(super) fn columns(&self) -> (&'static str, &'static str, String) {
        match self {
            Self::Md5(sum) => ("expected_md5", "md5", hex(sum)),
            Self::Sha1(sum) => ("expected_sha1", "sha1", hex(sum)),
            Self::Sha256(sum) => ("expected_sha256", "sha256", sum.to_string()),
        }
    }

    /// A digest of as many hexadecimal digits as one of these kinds has.
    pub(super) fn of_digits(digits: &[u8]) -> Option<Self> {
        match digits.len() {
            32 => bytes(digits).map(Self::Md5),
            40 => bytes(digits).map(Self::Sha1),
            64 => bytes(digits).map(Digest::from).map(Self::Sha256),
            _ => None,
        }
    }
}

/// So many bytes, each written as two hexadecimal digits.
pub(super) fn bytes<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let mut out = [0; N];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        let mut value = 0_u8;
        for digit in pair {
            let digit = char::from(*digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())?;
            value = value.checked_mul(16)?.checked_add(digit)?;
        }
        *byte = value;
    }
    (digits.len() == N.saturating_mul(2)).then_some(out)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What was read of a file.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) stat: Stat,
    /// Of the kind that was expected.
    pub(super) sum: Sum,
    /// Its SHA-256, of the same bytes; left out where nothing has changed and the run had it before.
    pub(super) sha256: Option<Digest>,
}

/// Reads a file, on a thread that can be spared. A SHA-256 that the run has made already is not made again, unless the file is not what is
/// expected: then all that is said of it is of the same bytes.
pub(super) fn content(
    files: &HostFiles,
    digests: &Digests,
    (path, expected): (&[u8], &Sum),
    pace: &Pace,
) -> Result<Content, ReadError> {
    let content = open(files, path)?;
    let is_known = digests.of(&content.stat).is_some() && !matches!(expected, Sum::Sha256(_));
    let mut hashers = Hashers::new(expected, !is_known);
    hashers.read((path, &content), pace)?;
    if is_known && hashers.clone().sums().0 != *expected {
        hashers = Hashers::new(expected, true);
        hashers.read((path, &content), pace)?;
    }
    let elf = hashers.elf.unwrap_or(false);
    let (sum, sha256) = hashers.sums();
    if let Some(sha256) = sha256.filter(|_| !content.has_changed()) {
        digests.learn(&content.stat, Known { sha256, elf });
    }
    Ok(Content { stat: content.stat, sum, sha256 })
}

fn open(files: &HostFiles, path: &[u8]) -> Result<host::Content, ReadError> {
    let (reader, stat) = files.open(path)?;
    if stat.size > MOST_BYTES {
        let reason = format!("longer than the {MOST_BYTES} bytes that are read of a file to verify it");
        return Err(ReadError::new(path, Reason::Limit(reason)));
    }
    read::named(path, host::Content::new(reader.0, stat))
}

/// The digest that a package manager keeps, if it is another one than SHA-256.
#[derive(Debug, Clone)]
enum Other {
    Md5(Md5),
    Sha1(Sha1),
    None,
}

/// Digests in the making.
#[derive(Debug, Clone)]
struct Hashers {
    other: Other,
    sha256: Option<Sha256>,
    elf: Option<bool>,
}

impl Hashers {
    /// For what is expected, and for SHA-256 if that is wanted or expected.
    fn new(expected: &Sum, sha256: bool) -> Self {
        let other = match expected {
            Sum::Md5(_) => Other::Md5(Md5::new()),
            Sum::Sha1(_) => Other::Sha1(Sha1::new()),
            Sum::Sha256(_) => Other::None,
        };
        Self { sha256: (sha256 || matches!(other, Other::None)).then(Sha256::new), other, elf: None }
    }

    fn read(&mut self, (path, content): (&[u8], &host::Content), pace: &Pace) -> Result<(), ReadError> {
        let size = content.stat.size;
        // Most files are small, and memory that is not touched costs nothing.
        let mut chunk = vec![0; usize::try_from(size).unwrap_or(CHUNK).clamp(1, CHUNK)];
        let mut reader = content.reader_of_own(0..size);
        loop {
            if !pace.step() {
                return Err(ReadError::new(path, Reason::Timeout));
            }
            match reader.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(length) => self.update(chunk.get(..length).unwrap_or_default()),
                Err(error) => return Err(failed(path, &error)),
            }
        }
    }

    /// Each step of a digest waits for the one before. Block by block, a processor works at two of them at once.
    fn update(&mut self, bytes: &[u8]) {
        self.elf.get_or_insert_with(|| bytes.starts_with(&ELF));
        for block in bytes.chunks(64) {
            match &mut self.other {
                Other::Md5(md5) => md5.update(block),
                Other::Sha1(sha1) => sha1.update(block),
                Other::None => {}
            }
            if let Some(sha256) = &mut self.sha256 {
                sha256.update(block);
            }
        }
    }

    /// The sum of the kind that was expected, and SHA-256 if it was made.
    fn sums(self) -> (Sum, Option<Digest>) {
        let sha256 = self.sha256.as_ref().map(Digest::so_far);
        let sum = match self.other {
            Other::Md5(md5) => Sum::Md5(md5.finalize().into()),
            Other::Sha1(sha1) => Sum::Sha1(sha1.finalize().into()),
            Other::None => Sum::Sha256(sha256.unwrap_or_else(|| Digest::of(b""))),
        };
        (sum, sha256)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_known_by_its_length() {
        let text = |sum: Option<Sum>| sum.map(|sum| sum.columns());
        let md5 = "d41d8cd98f00b204e9800998ecf8427e";
        assert_eq!(text(Sum::of_digits(md5.as_bytes())), Some(("expected_md5", "md5", md5.to_owned())));
        let sha1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
        assert_eq!(text(Sum::of_digits(sha1.as_bytes())), Some(("expected_sha1", "sha1", sha1.to_owned())));
        assert_eq!(Sum::of_digits(Digest::of(b"").to_string().as_bytes()), Some(Sum::Sha256(Digest::of(b""))));
        for bad in [&b""[..], &[b'a'; 33], &[b'g'; 32], b"\xff\xff"] {
            assert_eq!(Sum::of_digits(bad), None);
        }
    }

    #[test]
    fn every_kind_of_sum_is_made_of_the_same_bytes() {
        for expected in [Sum::Md5([0; 16]), Sum::Sha1([0; 20]), Sum::Sha256(Digest::of(b"other"))] {
            let mut hashers = Hashers::new(&expected, true);
            [&b"\x7fELF"[..], &[7; 200]].iter().for_each(|bytes| hashers.update(bytes));
            let all = [&b"\x7fELF"[..], &[7; 200]].concat();
            let sum = match expected {
                Sum::Md5(_) => Sum::Md5(Md5::digest(&all).into()),
                Sum::Sha1(_) => Sum::Sha1(Sha1::digest(&all).into()),
                Sum::Sha256(_) => Sum::Sha256(Digest::of(&all)),
            };
            assert_eq!((hashers.elf, hashers.sums()), (Some(true), (sum, Some(Digest::of(&all)))));
        }
    }
}
