//! Export: what analysts' tools read, made of evidence: plain images of memory, files at their paths, plain tables, and what single
//! tools ask for.
//!
//! ```text
//! verify → image (segments → one sparse .lime) · tree (archives → [root]/…) · tables → account (README.txt)
//!        → tarball (root.tar) · timelines (bodyfile.txt, timesketch.jsonl) · case_graph (case.jsonld) · bag
//! ```
//!
//! **Invariant:** the evidence is only read, and compared with its receipts once more on the way; no byte of it leads a write out
//! of the destination; what is not whole is named `.part`.

mod account;
mod bag;
mod bodyfile;
mod case_graph;
mod destination;
mod format;
mod image;
mod lines;
mod member;
mod object;
mod output;
mod place;
mod processes;
mod progress;
mod stat_row;
mod tarball;
mod timelines;
mod timesketch;
mod tree;

use std::os::fd::AsFd as _;
use std::path::PathBuf;

use hozen_collector::model::ObjectKey;

use account::Account;
use bag::Bag;
use destination::{Destination, PART};
pub use format::Format;
use image::{Image, Worth};
use object::Failure;
use output::Output;
use progress::Progress;
use tarball::Tarball;
use timelines::Timelines;
use tree::{Tally, Trees};

use crate::exit::Exit;
use crate::verify::name::Name;
use crate::verify::{self, Opened, Verdict};

/// What to export.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder that holds one run.
    pub evidence: PathBuf,
    /// Folder to write to.
    pub to: PathBuf,
    /// What to write there.
    pub formats: Vec<Format>,
    /// Whether rejected images are exported too.
    pub include_rejected: bool,
    /// Whether to go on where the evidence does not verify.
    pub unverified: bool,
}

/// How an export ended: its exit code, and what there is to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The exit code.
    pub code: u8,
    /// For a person; escaped text.
    pub text: String,
}

/// Name of the account in the export.
const README: &str = "README.txt";

/// Exports a run.
#[must_use]
pub fn export(options: &Options) -> Ended {
    let (report, opened) = verify::open(&options.evidence, &verify::Options::default());
    let shown = report.folder.clone();
    let refuse = |code: u8, why: String| Ended { code, text: format!("{shown}: {why}") };
    let Some(opened) = opened else {
        return refuse(Verdict::CouldNotCheck.exit_code(), "cannot be read; nothing was exported".to_owned());
    };
    if report.verdict != Verdict::Verified && !options.unverified {
        let why = "does not verify; nothing was exported. `hozen verify` says what is wrong; --unverified exports what is there nevertheless";
        return refuse(report.verdict.exit_code(), why.to_owned());
    }
    let destination = match Destination::create(&options.to, &options.evidence) {
        Ok(destination) => destination,
        Err(refused) => return Ended { code: Exit::Destination.into(), text: refused.to_string() },
    };
    let trusted = report.verdict == Verdict::Verified;
    let (members, images, faults) = (Tally::default(), Vec::new(), Vec::new());
    let tree = options.formats.contains(&Format::Tree);
    let account = Account { report, tree, images, members, tables: 0, others: Vec::new(), faults };
    let mut work = Work {
        evidence: &opened,
        destination: &destination,
        options,
        trusted,
        account,
        progress: bar(&opened, &options.formats),
    };
    let result = work.all();
    work.progress.close();
    match result {
        Ok(()) => ended(&work.account, &destination.shown),
        Err(Failure::Destination(refused)) => {
            Ended { code: Exit::Destination.into(), text: format!("{refused}\nwhat ends in .part there is not whole") }
        }
        Err(Failure::Evidence(what)) => {
            refuse(Verdict::Failed.exit_code(), format!("{what}\nit has changed since it was verified; the export is not whole"))
        }
    }
}

fn ended(account: &Account, to: &str) -> Ended {
    let code = if account.is_whole() { Exit::Complete } else { Exit::Partial };
    Ended { code: code.into(), text: format!("{}exported to {to}", account.text()) }
}

/// A bar over what is read, which is an object as often as formats are made of it.
fn bar(evidence: &Opened, formats: &[Format]) -> Progress {
    let has = |format| u64::from(formats.contains(&format));
    let timelines = has(Format::Bodyfile).max(has(Format::Timesketch));
    let times = |key: &ObjectKey| {
        let read = match Name::of(key) {
            Some(Name::Archive { .. }) => has(Format::Tree) + has(Format::Tar),
            Some(Name::Table { .. }) => has(Format::Tree) + timelines,
            Some(name) if name.has_journal_receipt() => has(Format::Tree),
            _ => 0,
        };
        read + has(Format::Bagit)
    };
    let sizes = evidence.objects().filter_map(|key| Some(evidence.receipt(key)?.size * times(key)));
    Progress::new(sizes.sum())
}

/// An export that goes on.
struct Work<'a> {
    evidence: &'a Opened,
    destination: &'a Destination,
    options: &'a Options,
    /// Whether the evidence has verified, so that a fault in it now means that it was changed.
    trusted: bool,
    account: Account,
    progress: Progress,
}

impl Work<'_> {
    fn all(&mut self) -> Result<(), Failure> {
        let wants = |format| self.options.formats.contains(&format);
        let (tree, tar, case, bag) = (wants(Format::Tree), wants(Format::Tar), wants(Format::Case), wants(Format::Bagit));
        if tree {
            self.images()?;
            self.archives()?;
            self.tables()?;
        }
        if tar {
            self.tarball()?;
        }
        self.timelines()?;
        if case {
            self.case_graph()?;
        }
        if bag {
            self.bag()?;
        }
        self.tell_of_cut();
        self.readme()
    }

    fn tarball(&mut self) -> Result<(), Failure> {
        let mut tarball = Tarball::begin(self.destination)?;
        for (key, _) in processes::archives(self.evidence) {
            self.progress.tell(key.as_str());
            if self.evidence.is_cut(key) {
                self.account.faults.push(format!(
                    "{key}: the run could not store all of it; it is not in root.tar, --format tree has what is whole"
                ));
                continue;
            }
            let added = tarball.archive(self.evidence, key, &self.progress);
            self.pass_over(added)?;
        }
        self.account.others.push(tarball.finish()?);
        Ok(())
    }

    fn timelines(&mut self) -> Result<(), Failure> {
        let Some(mut timelines) = Timelines::begin(self.destination, &self.options.formats)? else { return Ok(()) };
        for key in self.evidence.objects() {
            let Some(Name::Table { table, .. }) = Name::of(key) else { continue };
            self.progress.tell(key.as_str());
            let taken = timelines.table(self.evidence, key, table, &self.progress);
            self.pass_over(taken)?;
        }
        self.account.others.extend(timelines.finish()?);
        Ok(())
    }

    fn case_graph(&mut self) -> Result<(), Failure> {
        let mut output = Output::create(self.destination, "", "case.jsonld")?;
        output.write(case_graph::graph(self.evidence, &self.account.report.facts).as_bytes())?;
        output.finish()?;
        self.account.others.push("case.jsonld: a CASE/UCO graph of the run; case_validate case.jsonld".to_owned());
        Ok(())
    }

    fn bag(&mut self) -> Result<(), Failure> {
        let mut bag = Bag::begin(self.destination);
        for key in self.evidence.objects() {
            self.progress.tell(key.as_str());
            let copied = bag.object(self.evidence, key, &self.progress);
            self.pass_over(copied)?;
        }
        self.account.others.push(bag.finish(&self.account.report.facts)?);
        Ok(())
    }

    /// What the run itself could not store whole is exported as far as it goes.
    fn tell_of_cut(&mut self) {
        let cut = self.evidence.objects().filter(|key| self.evidence.is_cut(key));
        self.account.faults.extend(cut.map(|key| format!("{key}: the run could not store all of it; this is its beginning")));
    }

    /// A fault of evidence that is not trusted is told and passed over.
    fn pass_over<T>(&mut self, result: Result<T, Failure>) -> Result<Option<T>, Failure> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Failure::Evidence(what)) if !self.trusted => {
                self.account.faults.push(what);
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    fn images(&mut self) -> Result<(), Failure> {
        let worths = image::worths(self.evidence);
        let worths = self.pass_over(worths)?.unwrap_or_default();
        for (name, segments) in image::segments(self.evidence) {
            let worth = worths.get(&name).cloned().unwrap_or_else(image::unknown);
            let wanted = worth.quality != "rejected" || self.options.include_rejected;
            let written = if wanted { self.image(&name, &segments, &worth)? } else { None };
            if wanted && written.is_none() {
                continue;
            }
            let (file, bytes) = written.map_or((None, 0), |(file, bytes)| (Some(file), bytes));
            self.account.images.push(Image { name, worth, file, bytes });
        }
        Ok(())
    }

    fn image(&mut self, name: &str, segments: &[(u64, ObjectKey)], worth: &Worth) -> Result<Option<(String, u64)>, Failure> {
        let label = (!self.trusted).then_some("unverified");
        let written = image::write(self.evidence, self.destination, (name, segments), worth, label, &self.progress);
        self.pass_over(written)
    }

    fn archives(&mut self) -> Result<(), Failure> {
        let mut trees = Trees::begin(self.destination)?;
        let faults = self.account.faults.len();
        for (key, artefact) in processes::archives(self.evidence) {
            self.progress.tell(key.as_str());
            let mut extraction = trees.archive(artefact);
            let streamed = object::stream(self.evidence, key, &mut extraction, &self.progress);
            let cut = self.evidence.is_cut(key);
            let done = match streamed {
                Ok(()) => extraction.end(cut),
                Err(failure) => extraction.end(true).and(Err(failure)),
            };
            self.pass_over(done)?;
        }
        self.account.members = trees.end(self.account.faults.len() == faults)?;
        Ok(())
    }

    fn tables(&mut self) -> Result<(), Failure> {
        for key in self.evidence.objects() {
            let (folder, name) = match Name::of(key) {
                Some(Name::Table { category, table }) => (format!("tables/{}", category.folder()), format!("{table}.jsonl")),
                Some(Name::Log) => ("tables".to_owned(), "log.jsonl".to_owned()),
                _ => continue,
            };
            self.progress.tell(key.as_str());
            let written = self.table(key, &folder, &name);
            self.account.tables += u64::from(self.pass_over(written)?.is_some());
        }
        Ok(())
    }

    fn table(&self, key: &ObjectKey, folder: &str, name: &str) -> Result<(), Failure> {
        let open = self.destination.folder(folder)?;
        let part = format!("{name}{PART}");
        let mut file = self.destination.file(open.as_fd(), folder, &part)?;
        let path = format!("{folder}/{part}");
        let failed = |errno| Failure::from(self.destination.errno(&path, errno));
        object::stream(self.evidence, key, &mut |bytes: &[u8]| file.write(bytes).map_err(failed), &self.progress)?;
        let file = file.end(None).map_err(failed)?;
        nix::unistd::fsync(file).map_err(failed)?;
        Ok(self.destination.rename(open.as_fd(), &part, name)?)
    }

    fn readme(&self) -> Result<(), Failure> {
        let root = self.destination.root();
        let mut file = self.destination.file(root, "", README)?;
        let failed = |errno| Failure::from(self.destination.errno(README, errno));
        file.write(self.account.readme().as_bytes()).map_err(failed)?;
        let file = file.end(None).map_err(failed)?;
        nix::unistd::fsync(file).map_err(failed)
    }
}
