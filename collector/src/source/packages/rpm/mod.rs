//! rpm's database: of whichever [`Kind`] it is, the header of each package in it.
//!
//! It is read where it lies, page by page. What rpm has written last may still stand in `rpmdb.sqlite-wal` alone, for as long as a program
//! has the database open, or after one was killed: that is a gap. Of a Berkeley DB it may stand in the cache alone, which nothing tells.

mod bdb;
mod header;
#[cfg(any(test, feature = "test-util"))]
pub(in crate::source) mod hostile;
mod kind;
mod ndb;
mod passed;
#[cfg(test)]
mod real;

use std::io::Read as _;

use self::header::{Header, Package};
use self::kind::Kind;
use self::passed::Passed;
use super::sums::Sum;
use super::verify::{Job, Verifier};
use crate::host::{self, Host, ReadError, read};
use crate::model::{Gap, Row};
use crate::source::between::Between;
use crate::source::pages::{Pages, Stopped, Trouble};
use crate::source::{Evidence, Stop};

/// The name of the newest kind. What is told of the files of packages is told under the name of the database that was found.
pub(super) const NAME: &str = Kind::Sqlite.file();

/// Where it lies: since Fedora 36 and on images, before that, and with ostree. The folders may be links to each other.
const FOLDERS: [&str; 3] = ["/usr/lib/sysimage/rpm", "/var/lib/rpm", "/usr/share/rpm"];

/// The longest header that is read: those of the largest packages have some megabytes.
const MOST_HEADER: usize = 8 << 20;

/// Takes one header and its number: rpm counts on with each package that it installs.
type Each<'a> = &'a mut dyn FnMut((i64, &Header<'_>), &mut dyn Evidence) -> Result<(), Stop>;

/// Writes rows of all packages, and verifies their files, where there is rpm.
pub(super) fn packages(job: Job<'_>, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    let Some(database) = find(job.host, evidence) else { return Ok(()) };
    let job = Job { database: database.kind.file(), ..job };
    job.run(evidence, |verifier, evidence| {
        let mut malformed = 0_u64;
        let each: Each<'_> = &mut |header, evidence| package((job.host, &database.path), header, verifier, evidence);
        each_header(job.host, &database, evidence, &mut malformed, each)?;
        verifier.tally.malformed += malformed;
        Ok(())
    })
}

/// Names the files of all packages to `each`. `None` where there is no database, else whether these are all files that it has: of one
/// that was read in part nobody can tell which file belongs to no package.
///
/// # Errors
/// When the run wants no more of this artefact.
pub(crate) fn files(host: &Host, evidence: &mut dyn Evidence, each: &mut dyn FnMut(&[u8])) -> Result<Option<bool>, Stop> {
    let mut gaps = Gaps { evidence, any: false };
    let Some(database) = find(host, &mut gaps) else { return Ok(None) };
    let take: Each<'_> = &mut |(_, header), evidence| {
        evidence.check()?;
        header.files().for_each(|file| each(&file.path));
        Ok(())
    };
    let mut malformed = 0;
    each_header(host, &database, &mut gaps, &mut malformed, take)?;
    Ok(Some(!gaps.any && malformed == 0))
}

/// Passes everything on, and notes whether anything is missing.
struct Gaps<'a> {
    evidence: &'a mut dyn Evidence,
    any: bool,
}

impl Between for Gaps<'_> {
    fn inner(&self) -> &dyn Evidence {
        self.evidence
    }

    fn inner_mut(&mut self) -> &mut dyn Evidence {
        self.evidence
    }

    fn pass_gap(&mut self, gap: Gap) {
        self.any = true;
        self.evidence.gap(gap);
    }
}

/// A database, and where it lies.
struct Found {
    path: String,
    kind: Kind,
}

/// The database that is read, if there is one. Another one beside it is a gap, and so is a log of what was written last.
fn find(host: &Host, evidence: &mut dyn Evidence) -> Option<Found> {
    let identity =
        |path: &str| host.files.open(path).ok().filter(|(_, stat)| stat.size > 0).map(|(_, stat)| (stat.dev, stat.ino));
    let places = Kind::ALL.into_iter().flat_map(|kind| FOLDERS.map(|folder| (kind, format!("{folder}/{}", kind.file()))));
    let mut found = places.filter_map(|(kind, path)| Some((identity(&path)?, Found { path, kind })));
    let (first, database) = found.next()?;
    let mut seen = vec![first];
    for (file, other) in found {
        // Found twice by one folder that is a link to the other.
        if !seen.contains(&file) {
            let reason = format!("rpm has another database, {}: this one is not read", database.path);
            evidence.gap(Gap::whole(other.path.as_bytes(), reason));
            seen.push(file);
        }
    }
    let log = format!("{}-wal", database.path);
    if database.kind == Kind::Sqlite && identity(&log).is_some() {
        evidence.gap(Gap::whole(log.as_bytes(), "what rpm has written last may stand here alone, and is not read"));
    }
    Some(database)
}

fn each_header(
    host: &Host,
    database: &Found,
    evidence: &mut dyn Evidence,
    malformed: &mut u64,
    each: Each<'_>,
) -> Result<(), Stop> {
    let path = database.path.as_str();
    let result = match open(host, path) {
        Ok(file) => walk(&file, database.kind, evidence, malformed, each),
        Err(error) => Err(Stopped::Trouble(Trouble::Read(error))),
    };
    match result {
        Ok(passed) => tell(&passed, path, evidence),
        Err(Stopped::Each(stop)) => return Err(stop),
        Err(Stopped::Trouble(Trouble::Read(error))) => evidence.gap(error.gap()),
        Err(Stopped::Trouble(Trouble::Malformed(what))) => {
            evidence.gap(Gap::whole(path.as_bytes(), format!("{what}; packages behind that are not listed and not verified")));
        }
    }
    Ok(())
}

fn walk(
    file: &File,
    kind: Kind,
    evidence: &mut dyn Evidence,
    malformed: &mut u64,
    each: Each<'_>,
) -> Result<Passed, Stopped<ReadError, Stop>> {
    let passed = kind.headers(file, file.content.stat.size, MOST_HEADER, &mut |number, blob| match Header::parse(blob) {
        Some(header) => each((number, &header), evidence),
        None => {
            *malformed += 1;
            Ok(())
        }
    })?;
    if file.content.has_changed() {
        evidence.gap(Gap::whole(file.path.as_bytes(), "rpm wrote it while it was read"));
    }
    Ok(passed)
}

/// Tells what is missing, and what is doubtful.
fn tell(passed: &Passed, path: &str, evidence: &mut dyn Evidence) {
    let mut gap = |reason: String| evidence.gap(Gap::whole(path.as_bytes(), reason));
    let Passed { long, malformed, unlike } = passed;
    if *long > 0 {
        gap(format!("{long} packages have more than the {MOST_HEADER} bytes that are read of one"));
    }
    for (what, times) in malformed {
        gap(format!("{what} (times: {times}); packages there are not listed and not verified"));
    }
    if *unlike > 0 {
        gap(format!("{unlike} packages are listed that have another checksum in the database than they should"));
    }
}

/// The file, of which pages are read.
struct File {
    content: host::Content,
    path: String,
}

fn open(host: &Host, path: &str) -> Result<File, ReadError> {
    let (reader, stat) = host.files.open(path)?;
    let content = read::named(path.as_bytes(), host::Content::new(reader.0, stat))?;
    Ok(File { content, path: path.to_owned() })
}

impl Pages for &File {
    type Error = ReadError;

    fn read(&mut self, offset: u64, into: &mut [u8]) -> Result<(), ReadError> {
        let end = offset.saturating_add(u64::try_from(into.len()).unwrap_or(u64::MAX));
        let result = self.content.reader_of_own(offset..end).read_exact(into);
        result.map_err(|error| crate::source::digests::failed(self.path.as_bytes(), &error))
    }
}

fn package(
    (host, path): (&Host, &str),
    (number, header): (i64, &Header<'_>),
    verifier: &mut Verifier<'_>,
    evidence: &mut dyn Evidence,
) -> Result<(), Stop> {
    let Some(package) = header.package() else {
        verifier.tally.malformed += 1;
        return Ok(());
    };
    let mut row = row(host, path, &package);
    row.int("hnum", number);
    evidence.row("rpm_packages", &row)?;
    for file in header.files() {
        let name = file.path.strip_prefix(b"/").unwrap_or(&file.path);
        match Sum::of_digits(file.digest) {
            // Folders, links and devices have none.
            None if file.digest.is_empty() => {}
            None => verifier.tally.malformed += 1,
            Some(_) if !file.is_as_built() => verifier.pass_over(),
            Some(sum) => verifier.file((package.name, name), [b"/", name].concat(), sum, evidence)?,
        }
    }
    Ok(())
}

fn row(host: &Host, path: &str, package: &Package<'_>) -> Row {
    let mut row = Row::new(host.clock.now(), path);
    row.bytes("name", package.name).bytes("version", package.version);
    let texts = [
        ("release", package.release),
        ("source", package.source),
        ("sha1", package.sha1),
        ("arch", package.arch),
        ("vendor", package.vendor),
        ("package_group", package.group),
        ("sha256", package.sha256),
    ];
    for (column, value) in texts.into_iter().filter(|(_, value)| !value.is_empty()) {
        row.bytes(column, value);
    }
    for (column, value) in [("size", package.size), ("epoch", package.epoch), ("install_time", package.install_time)] {
        if let Some(value) = value {
            row.int(column, value);
        }
    }
    row
}
