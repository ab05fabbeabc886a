//! Whether the files of packages are still those that were installed: their content against the digests that the package manager keeps.
//!
//! What this shows is that a file was changed behind the manager's back. It does not show that one was not: who changes a file can change
//! its sum, and MD5 and SHA-1 can be collided. The sums are kept, and can be compared with those of the distribution's packages.

use std::collections::VecDeque;
use std::sync::Arc;

use nix::errno::Errno;

use super::sums::{self, Content, Sum};
use crate::host::content::READ_LIMIT;
use crate::host::spare_thread::TimedOut;
use crate::host::{Crew, Host, ReadError, Reason};
use crate::model::{Row, escape};
use crate::source::digests::Digests;
use crate::source::{Evidence, Stop, failure, stat_columns};

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

/// Where the libraries of an architecture lie (`usr/lib64/`, `usr/lib/x86_64-linux-gnu/`, of apk `lib/` itself), and how those begin that are
/// verified, too.
const LIBRARIES: [&[u8]; 4] = [b"usr/lib64/", b"lib64/", b"usr/lib/", b"lib/"];
const OF_ARCHITECTURE: &[u8] = b"-linux-gnu";
const FIRST_LIBRARIES: [&[u8]; 5] = [b"security/", b"libc.so", b"libc.musl", b"libpam", b"ld-"];

/// What came of the files of packages.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    verified: u64,
    changed: u64,
    missing: u64,
    unread: u64,
    passed_over: u64,
    /// Entries of the database that are none.
    pub(super) malformed: u64,
    /// Packages that have files and no sums.
    pub(super) without_sums: u64,
}

/// What is verified, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job<'a> {
    pub(super) host: &'a Host,
    pub(super) digests: &'a Arc<Digests>,
    /// All files, or programs and what the loader and PAM take in.
    pub(super) thorough: bool,
    /// The package manager, and where its database lies.
    pub(super) manager: &'static str,
    pub(super) database: &'static str,
}

impl Job<'_> {
    /// Verifies the files that `name_files` names, and tells what came of them: also where the run wants no more of it.
    pub(super) fn run(
        self,
        evidence: &mut dyn Evidence,
        name_files: impl FnOnce(&mut Verifier<'_>, &mut dyn Evidence) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let crew = self.host.crew(READ_LIMIT).leaving_a_processor();
        let mut verifier = Verifier { job: self, crew, waiting: VecDeque::new(), tally: Tally::default() };
        let done = name_files(&mut verifier, evidence).and_then(|()| verifier.finish(evidence));
        let told = verifier.tell(evidence);
        done.and(told)
    }
}

/// Takes files, and writes rows of those that are not as they were installed.
pub(super) struct Verifier<'a> {
    job: Job<'a>,
    crew: Crew<Result<Content, ReadError>>,
    /// What is read, in the order in which it was named.
    waiting: VecDeque<Waiting>,
    pub(super) tally: Tally,
}

/// A file on its way to its row, if it gets one.
struct Waiting {
    path: Vec<u8>,
    expected: Sum,
    row: Row,
}

impl Verifier<'_> {
    /// Takes the file of `package` that lies at `path`, if it is one of those that are verified: `name` says which it is.
    pub(super) fn file(
        &mut self,
        (package, name): (&[u8], &[u8]),
        path: Vec<u8>,
        expected: Sum,
        evidence: &mut dyn Evidence,
    ) -> Result<(), Stop> {
        evidence.check()?;
        if !self.job.thorough && !comes_first(name) {
            self.pass_over();
            return Ok(());
        }
        let mut row = Row::new(self.job.host.clock.now(), escape::bytes(&path));
        let (column, _, sum) = expected.columns();
        row.bytes("package", package).bytes("path", &path).text("manager", self.job.manager).text(column, &sum);
        let (files, digests) = (Arc::clone(&self.job.host.files), Arc::clone(self.job.digests));
        let shown = path.clone();
        self.crew.hand_over(move |pace| sums::content(&files, &digests, (&shown, &expected), pace));
        self.waiting.push_back(Waiting { path, expected, row });
        if self.crew.is_full() { self.settle_first(evidence) } else { Ok(()) }
    }

    /// Counts a file that is not verified.
    pub(super) fn pass_over(&mut self) {
        self.tally.passed_over += 1;
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
            Ok(content) if content.sum == expected => {
                self.tally.verified += 1;
                return Ok(());
            }
            Ok(content) => {
                self.tally.changed += 1;
                tell_change(&mut row, &content);
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
                failure::note(&mut row, evidence, expected.columns().1, &error);
            }
        }
        evidence.row("changed_package_files", &row)
    }

    fn tell(&self, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        let mut row = Row::new(self.job.host.clock.now(), self.job.database);
        let Tally { verified, changed, missing, unread, passed_over, malformed, without_sums } = self.tally;
        row.text("manager", self.job.manager);
        row.int("verified", verified).int("changed", changed).int("missing", missing).int("unread", unread);
        row.int("malformed", malformed).int("without_sums", without_sums);
        row.int("passed_over", passed_over).flag("thorough", self.job.thorough);
        evidence.row("package_verification", &row)
    }
}

fn tell_change(row: &mut Row, content: &Content) {
    let (_, column, sum) = content.sum.columns();
    row.text("state", "changed").text(column, &sum);
    if let Some(sha256) = content.sha256.filter(|_| column != "sha256") {
        row.text("sha256", &sha256.to_string());
    }
    stat_columns::add(row, &content.stat);
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
    Some(pieces.next().filter(|_| of_architecture).unwrap_or(below))
}
