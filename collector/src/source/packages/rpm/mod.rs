//! rpm's database in SQLite (`rpmdb.sqlite`, rpm 4.16 and later): one row of the table `Packages` for each package, with its header.
//!
//! It is read where it lies, page by page. What rpm has written last may still stand in `rpmdb.sqlite-wal` alone, for as long as a program
//! has the database open, or after one was killed: that is a gap.

mod header;
#[cfg(any(test, feature = "test-util"))]
pub(in crate::source) mod hostile;
#[cfg(test)]
mod real;
pub(in crate::source) mod sqlite;

use std::io::Read as _;

use self::header::{Header, Package};
use self::sqlite::{Database, Pages, Stopped, Trouble, Value};
use super::sums::Sum;
use super::verify::{Job, Verifier};
use crate::host::{self, Host, ReadError, read};
use crate::model::{Gap, Row};
use crate::source::between::Between;
use crate::source::{Evidence, Stop};

/// Its table of packages.
const TABLE: &str = "Packages";

/// Its name.
pub(super) const NAME: &str = "rpmdb.sqlite";

/// Where it lies: since Fedora 36 and on images, before that, and with ostree. The folders may be links to each other.
const FOLDERS: [&str; 3] = ["/usr/lib/sysimage/rpm", "/var/lib/rpm", "/usr/share/rpm"];

/// Databases of other kinds: Berkeley DB and ndb.
const OTHERS: [&str; 2] = ["Packages", "Packages.db"];

/// The longest header that is read: those of the largest packages have some megabytes.
const MOST_HEADER: usize = 8 << 20;

/// Takes one header and its number: rpm counts on with each package that it installs.
type Each<'a> = &'a mut dyn FnMut((i64, &Header<'_>), &mut dyn Evidence) -> Result<(), Stop>;

/// Writes rows of all packages, and verifies their files, where there is rpm.
pub(super) fn packages(job: Job<'_>, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    let Some(path) = find(job.host, evidence) else { return Ok(()) };
    job.run(evidence, |verifier, evidence| {
        let mut malformed = 0_u64;
        let each: Each<'_> = &mut |header, evidence| package((job.host, &path), header, verifier, evidence);
        each_header(job.host, &path, evidence, &mut malformed, each)?;
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
    let Some(path) = find(host, &mut gaps) else { return Ok(gaps.any.then_some(false)) };
    let take: Each<'_> = &mut |(_, header), evidence| {
        evidence.check()?;
        header.files().for_each(|file| each(&file.path));
        Ok(())
    };
    let mut malformed = 0;
    each_header(host, &path, &mut gaps, &mut malformed, take)?;
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

/// The path of the database, if there is one. One that is not read is a gap.
fn find(host: &Host, evidence: &mut dyn Evidence) -> Option<String> {
    let is_there = |path: &String| host.files.open(path).is_ok_and(|(_, stat)| stat.size > 0);
    let path = FOLDERS.map(|folder| format!("{folder}/{NAME}")).into_iter().find(is_there);
    let others = FOLDERS.iter().flat_map(|folder| OTHERS.map(|name| format!("{folder}/{name}")));
    match &path {
        Some(path) => {
            let log = format!("{path}-wal");
            if is_there(&log) {
                evidence.gap(Gap::whole(log.as_bytes(), "what rpm has written last may stand here alone, and is not read"));
            }
        }
        None => others.filter(is_there).take(1).for_each(|other| {
            let reason =
                "rpm's database is of a kind that is not read (Berkeley DB or ndb): no package of it is listed or verified";
            evidence.gap(Gap::whole(other.as_bytes(), reason));
        }),
    }
    path
}

fn each_header(host: &Host, path: &str, evidence: &mut dyn Evidence, malformed: &mut u64, each: Each<'_>) -> Result<(), Stop> {
    let result = match open(host, path) {
        Ok(pages) => walk(pages, evidence, malformed, each),
        Err(error) => Err(Stopped::Trouble(Trouble::Read(error))),
    };
    match result {
        Ok(()) => {}
        Err(Stopped::Each(stop)) => return Err(stop),
        Err(Stopped::Trouble(Trouble::Read(error))) => evidence.gap(error.gap()),
        Err(Stopped::Trouble(Trouble::Malformed(what))) => {
            evidence.gap(Gap::whole(path.as_bytes(), format!("{what}; packages behind that are not listed and not verified")));
        }
    }
    Ok(())
}

fn walk(pages: File, evidence: &mut dyn Evidence, malformed: &mut u64, each: Each<'_>) -> Result<(), Stopped<ReadError, Stop>> {
    let size = pages.content.stat.size;
    let mut database = Database::open(pages, size).map_err(Stopped::Trouble)?;
    let root = database.root(TABLE).map_err(Stopped::Trouble)?;
    let root = root.ok_or(Stopped::Trouble(Trouble::Malformed("it has no table Packages")))?;
    let passed_over = database.rows(root, MOST_HEADER, &mut |row| {
        let Some(Value::Blob(blob)) = row.column(1) else { return Ok(()) };
        match Header::parse(blob) {
            Some(header) => each((row.id, &header), evidence),
            None => {
                *malformed += 1;
                Ok(())
            }
        }
    })?;
    if passed_over > 0 {
        let reason = format!("{passed_over} packages have more than the {MOST_HEADER} bytes that are read of one");
        evidence.gap(Gap::whole(database.pages().path.as_bytes(), reason));
    }
    if database.pages().content.has_changed() {
        evidence.gap(Gap::whole(database.pages().path.as_bytes(), "rpm wrote it while it was read"));
    }
    Ok(())
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

impl Pages for File {
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
