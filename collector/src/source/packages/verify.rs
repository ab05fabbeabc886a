//! Whether the files of packages are still those that dpkg installed: their MD5 against `info/*.md5sums`.
//!
//! What this shows is that a file was changed without dpkg. It does not show that one was not: who changes a file can change its
//! sum, and MD5 can be collided. The sums are kept, and can be compared with those of the distribution's packages.

use std::collections::VecDeque;
use std::io::Read as _;
use std::sync::Arc;

use md5::{Digest as _, Md5};
use nix::errno::Errno;
use sha2::Sha256;

use super::dpkg::{self, Diversions};
use crate::host::content::READ_LIMIT;
use crate::host::crew::Pace;
use crate::host::sys::Stat;
use crate::host::watchdog::TimedOut;
use crate::host::{self, Crew, Host, HostFiles, ReadError, Reason, read};
use crate::model::{Digest, Gap, Row, escape};
use crate::source::digests::{Digests, ELF, Known};
use crate::source::keep::lines;
use crate::source::{Evidence, Stop, failure, stat_columns};

/// Where dpkg keeps what it knows of each package.
const INFO: &str = "/var/lib/dpkg/info";

/// The most names of [`INFO`] that are looked at.
const MOST_NAMES: usize = 400_000;

/// The longest file that is read: several times the largest program. One of holes would else take the time of all others.
const MOST_BYTES: u64 = 2 << 30;

/// The most that one read asks for.
const CHUNK: usize = 256 << 10;

/// Folders whose files are verified in any case: programs, and what PAM and the loader take in.
const FIRST: [&[u8]; 10] = [
    b"bin/",
    b"sbin/",
    b"usr/bin/",
    b"usr/sbin/",
    b"usr/local/bin/",
    b"usr/lib/systemd/",
    b"lib/systemd/",
    b"usr/lib/openssh/",
    b"usr/lib/sudo/",
    b"usr/libexec/",
];

/// Where the libraries of an architecture lie (`usr/lib/x86_64-linux-gnu/`), and how those begin that are verified, too.
const LIBRARIES: [&[u8]; 2] = [b"usr/lib/", b"lib/"];
const OF_ARCHITECTURE: &[u8] = b"-linux-gnu";
const FIRST_LIBRARIES: [&[u8]; 3] = [b"security/", b"libc.so", b"libpam"];

/// What came of the files of packages.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    verified: u64,
    changed: u64,
    missing: u64,
    unread: u64,
    passed_over: u64,
    /// Lines of sums that are none.
    malformed: u64,
    /// Packages that have a list of files and no sums.
    without_sums: u64,
}

/// Verifies files of all packages: all of them if `thorough`, else programs and what the loader and PAM take in.
pub(super) fn all(
    host: &Host,
    diversions: &Diversions,
    (thorough, digests): (bool, &Arc<Digests>),
    evidence: &mut dyn Evidence,
) -> Result<(), Stop> {
    let names = match host.files.dir(INFO).and_then(|dir| dir.names(MOST_NAMES)) {
        Ok((names, more)) => {
            if more {
                let reason = format!("only {MOST_NAMES} names of this folder were looked at");
                evidence.gap(Gap::whole(INFO.as_bytes(), reason));
            }
            names
        }
        Err(error) if error.is_gone() => return Ok(()),
        Err(error) => {
            evidence.gap(error.gap());
            return Ok(());
        }
    };
    let (crew, waiting, tally) = (host.crew(READ_LIMIT), VecDeque::new(), Tally::default());
    let mut verifier = Verifier { host, diversions, digests, thorough, crew, waiting, tally };
    verifier.tally.without_sums = without_sums(&names);
    let done = verifier.packages(&names, evidence).and_then(|()| verifier.finish(evidence));
    // Also where the run wants no more: what was verified until then is known.
    let told = verifier.tell(evidence);
    done.and(told)
}

/// How many of the sorted `names` are lists of packages that have no sums.
fn without_sums(names: &[Vec<u8>]) -> u64 {
    let lists = names.iter().filter_map(|name| name.strip_suffix(b".list"));
    let without = lists.filter(|package| names.binary_search(&[package, &b".md5sums"[..]].concat()).is_err());
    u64::try_from(without.count()).unwrap_or(u64::MAX)
}

struct Verifier<'a> {
    host: &'a Host,
    diversions: &'a Diversions,
    digests: &'a Arc<Digests>,
    thorough: bool,
    crew: Crew<Result<Content, ReadError>>,
    /// What is read, in the order of the sums.
    waiting: VecDeque<Waiting>,
    tally: Tally,
}

/// A file on its way to its row, if it gets one.
struct Waiting {
    path: Vec<u8>,
    expected: dpkg::Md5,
    row: Row,
}

/// What was read of a file.
struct Content {
    stat: Stat,
    md5: dpkg::Md5,
    known: Known,
}

impl Verifier<'_> {
    fn packages(&mut self, names: &[Vec<u8>], evidence: &mut dyn Evidence) -> Result<(), Stop> {
        let total = u64::try_from(names.len()).unwrap_or(u64::MAX);
        for (done, name) in (1_u64..).zip(names) {
            if let Some(package) = dpkg::package_of(name) {
                self.package(name, package, evidence)?;
            }
            evidence.progress(done, total);
        }
        Ok(())
    }

    fn package(&mut self, file: &[u8], package: &[u8], evidence: &mut dyn Evidence) -> Result<(), Stop> {
        let path = [INFO.as_bytes(), b"/", file].concat();
        let sums = match self.host.files.file(&path, read::SMALL) {
            Ok(sums) => sums,
            Err(error) => {
                if !error.is_gone() {
                    evidence.gap(error.gap());
                }
                return Ok(());
            }
        };
        if sums.truncated {
            let reason = "longer than what is read of it; the files that it names behind that are not verified";
            evidence.gap(Gap::whole(&path, reason));
        }
        for line in lines(&sums.bytes) {
            evidence.check()?;
            let Some((sum, file)) = dpkg::md5sum(line) else {
                self.tally.malformed += 1;
                continue;
            };
            if self.thorough || comes_first(file) {
                self.file(package, sum, file, evidence)?;
            } else {
                self.tally.passed_over += 1;
            }
        }
        Ok(())
    }

    fn file(&mut self, package: &[u8], expected: dpkg::Md5, file: &[u8], evidence: &mut dyn Evidence) -> Result<(), Stop> {
        let named = [b"/", file].concat();
        let path = self.diversions.place(&named, package).to_owned();
        let mut row = Row::new(self.host.clock.now(), escape::bytes(&path));
        row.bytes("package", package).bytes("path", &path).text("expected_md5", &hex(&expected));
        let (files, digests, shown) = (Arc::clone(&self.host.files), Arc::clone(self.digests), path.clone());
        self.crew.hand_over(move |pace| content(&files, &digests, &shown, pace));
        self.waiting.push_back(Waiting { path, expected, row });
        if self.crew.is_full() { self.settle_first(evidence) } else { Ok(()) }
    }

    /// Waits for all files.
    fn finish(&mut self, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        while !self.waiting.is_empty() {
            self.settle_first(evidence)?;
        }
        Ok(())
    }

    /// Waits for the file that was handed over first, and writes its row if it is not as it was installed.
    fn settle_first(&mut self, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        let Some(Waiting { path, expected, mut row }) = self.waiting.pop_front() else { return Ok(()) };
        let read = self.crew.next(|| evidence.check())?;
        match read.unwrap_or(Err(TimedOut)).unwrap_or_else(|TimedOut| Err(ReadError::new(&path, Reason::Timeout))) {
            Ok(content) => {
                if content.md5 == expected {
                    self.tally.verified += 1;
                    return Ok(());
                }
                self.tally.changed += 1;
                row.text("state", "changed").text("md5", &hex(&content.md5)).text("sha256", &content.known.sha256.to_string());
                stat_columns::add(&mut row, &content.stat);
            }
            Err(error) if matches!(error.reason, Reason::NotRegular(_)) => {
                self.tally.changed += 1;
                row.text("state", "no-file");
            }
            Err(error) if is_missing(&error) => {
                self.tally.missing += 1;
                row.text("state", "missing");
            }
            Err(error) => {
                self.tally.unread += 1;
                row.text("state", "unread");
                failure::note(&mut row, evidence, "md5", &error);
            }
        }
        evidence.row("changed_package_files", &row)
    }

    fn tell(&self, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        let mut row = Row::new(self.host.clock.now(), INFO);
        let Tally { verified, changed, missing, unread, passed_over, malformed, without_sums } = self.tally;
        row.int("verified", verified).int("changed", changed).int("missing", missing).int("unread", unread);
        row.int("malformed", malformed).int("without_sums", without_sums);
        row.int("passed_over", passed_over).flag("thorough", self.thorough);
        evidence.row("package_verification", &row)
    }
}

/// Reads a file, on a thread that can be spared. A digest that the run has made already is not made again.
fn content(files: &HostFiles, digests: &Digests, path: &[u8], pace: &Pace) -> Result<Content, ReadError> {
    let (reader, stat) = files.open(path)?;
    let content = read::named(path, host::Content::new(reader.0, stat))?;
    if stat.size > MOST_BYTES {
        let reason = format!("longer than the {MOST_BYTES} bytes that are read of a file to verify it");
        return Err(ReadError::new(path, Reason::Limit(reason)));
    }
    let earlier = digests.of(&stat);
    let (mut md5, mut sha256, mut elf) = (Md5::new(), Sha256::new(), None);
    // Most files are small, and memory that is not touched costs nothing.
    let mut chunk = vec![0; usize::try_from(stat.size).unwrap_or(CHUNK).clamp(1, CHUNK)];
    let mut reader = content.reader_of_own(0..stat.size);
    loop {
        if !pace.step() {
            return Err(ReadError::new(path, Reason::Timeout));
        }
        match reader.read(&mut chunk) {
            Ok(0) => break,
            Ok(length) => {
                let bytes = chunk.get(..length).unwrap_or_default();
                elf.get_or_insert_with(|| bytes.starts_with(&ELF));
                if earlier.is_some() {
                    md5.update(bytes);
                } else {
                    both(&mut md5, &mut sha256, bytes);
                }
            }
            Err(error) => {
                let errno = error.raw_os_error().map(Errno::from_raw);
                return Err(ReadError::new(path, errno.map_or(Reason::Timeout, Reason::Errno)));
            }
        }
    }
    let known = earlier.unwrap_or_else(|| Known { sha256: Digest::so_far(&sha256), elf: elf.unwrap_or(false) });
    digests.learn(&stat, known);
    Ok(Content { stat, md5: md5.finalize().into(), known })
}

/// Each step of a digest waits for the one before. Block by block, a processor works at both at once.
fn both(md5: &mut Md5, sha256: &mut Sha256, bytes: &[u8]) {
    for block in bytes.chunks(64) {
        md5.update(block);
        sha256.update(block);
    }
}

/// Nothing is at its path.
fn is_missing(error: &ReadError) -> bool {
    error.is_gone() || matches!(error.reason, Reason::Errno(Errno::ENOTDIR | Errno::ELOOP))
}

pub(super) fn comes_first(file: &[u8]) -> bool {
    FIRST.iter().any(|folder| file.starts_with(folder))
        || library(file).is_some_and(|name| FIRST_LIBRARIES.iter().any(|begin| name.starts_with(begin)))
}

/// The path below the folder of an architecture's libraries.
fn library(file: &[u8]) -> Option<&[u8]> {
    let below = LIBRARIES.iter().find_map(|folder| file.strip_prefix(*folder))?;
    let mut pieces = below.splitn(2, |byte| *byte == b'/');
    let of_architecture = pieces.next()?.ends_with(OF_ARCHITECTURE);
    pieces.next().filter(|_| of_architecture)
}

fn hex(digest: &dpkg::Md5) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
