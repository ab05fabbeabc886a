//! Members of archives become files, folders and links below the export.
//!
//! **Invariant:** nothing is written outside of the export's own folders: each folder on the way is opened without following a
//! link, files are new or not made, and links lead to a place in their tree. No device, FIFO or socket is made, nothing can be
//! executed. A member that is left out has a line that says why.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use hozen_collector::host::read;
use hozen_collector::model::escape;
use nix::errno::Errno;

use super::destination::{Destination, PART, Refused, SparseFile, enter};
use super::member::{self, Kind};
use super::object::{Failure, Taker};
use super::place::{Place, Tree};
use super::processes::{APART, Processes};
use crate::verify::archive::{Archive, Head, Visitor};

/// Members that are named one by one where they were left out.
const NAMED: usize = 100;
/// Bytes of `members.jsonl` that are collected before they are written.
const LINES: usize = 64 << 10;

/// What came of all archives.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Members that are there as files, folders or links.
    pub(super) exported: u64,
    /// Members that are not, because they are no files: devices, FIFOs, sockets.
    pub(super) special: u64,
    /// Of those that are there, members of processes without `stat`, which do not stand among the others.
    pub(super) apart: u64,
    /// Members that should be there and are not.
    pub(super) left_out: u64,
    /// The first of them, with the reason; escaped text.
    pub(super) named: Vec<String>,
}

/// The trees of an export.
#[derive(Debug)]
pub(super) struct Trees<'a> {
    destination: &'a Destination,
    roots: BTreeMap<Tree, OwnedFd>,
    /// The folder that was used last.
    last: Option<(Tree, Vec<Vec<u8>>, OwnedFd)>,
    lines: Vec<u8>,
    listing: SparseFile,
    /// Folders and their times, which are set when nothing is written to them any more.
    times: Vec<(Folder, (i128, i128))>,
    processes: Processes,
    tally: Tally,
}

/// A folder by its tree and names.
type Folder = (Tree, Vec<Vec<u8>>);

impl<'a> Trees<'a> {
    /// No tree yet, and an empty list of members.
    pub(super) fn begin(destination: &'a Destination) -> Result<Self, Refused> {
        let listing = destination.file(destination.root(), "", &format!("{LISTING}{PART}"))?;
        let (roots, lines, times) = (BTreeMap::new(), Vec::new(), Vec::new());
        let (processes, tally) = (Processes::default(), Tally::default());
        Ok(Self { destination, roots, last: None, lines, listing, times, processes, tally })
    }

    /// Takes the archive of `artefact`.
    pub(super) fn archive<'b>(&'b mut self, artefact: &'b str) -> Extraction<'a, 'b> {
        Extraction { archive: Archive::new(Members { trees: self, artefact, file: None, failure: None }) }
    }

    /// Gives the trees their names, if they are `whole`.
    pub(super) fn end(mut self, whole: bool) -> Result<Tally, Refused> {
        self.write_lines()?;
        for ((tree, names), (accessed, modified)) in std::mem::take(&mut self.times).into_iter().rev() {
            if let Ok(folder) = self.folder(tree, &names) {
                // Times of folders are a help for the reader; `members.jsonl` has them.
                let _ = set_times(folder, accessed, modified);
            }
        }
        let listing = self.listing.end(None).map_err(|errno| self.destination.errno(LISTING, errno))?;
        nix::unistd::fsync(listing).map_err(|errno| self.destination.errno(LISTING, errno))?;
        if whole {
            let names = self.roots.keys().map(|tree| tree.folder()).chain([LISTING]);
            names
                .into_iter()
                .try_for_each(|name| self.destination.rename(self.destination.root(), &format!("{name}{PART}"), name))?;
        }
        Ok(self.tally)
    }

    fn write_lines(&mut self) -> Result<(), Refused> {
        let lines = std::mem::take(&mut self.lines);
        self.listing.write(&lines).map_err(|errno| self.destination.errno(LISTING, errno))
    }

    /// The open folder of these names, made if need be.
    fn folder(&mut self, tree: Tree, names: &[Vec<u8>]) -> Result<BorrowedFd<'_>, Errno> {
        if !self.roots.contains_key(&tree) {
            let folder = format!("{}{PART}", tree.folder());
            self.roots.insert(tree, enter(self.destination.root(), folder.as_bytes())?);
        }
        let same = self.last.as_ref().is_some_and(|(of, last, _)| *of == tree && last == names);
        if !same {
            let root = self.roots.get(&tree).ok_or(Errno::ENOENT)?;
            let root = root.try_clone().map_err(|error| error.raw_os_error().map_or(Errno::EMFILE, Errno::from_raw))?;
            let folder = names.iter().try_fold(root, |folder, name| enter(folder.as_fd(), name))?;
            self.last = Some((tree, names.to_vec(), folder));
        }
        self.last.as_ref().map(|(.., folder)| folder.as_fd()).ok_or(Errno::ENOENT)
    }
}

/// The list of all members.
pub(super) const LISTING: &str = "members.jsonl";

fn set_times(folder: BorrowedFd<'_>, accessed: i128, modified: i128) -> Result<(), Errno> {
    let time = super::destination::time;
    nix::sys::stat::futimens(folder, &time(accessed), &time(modified))
}

/// One archive on its way into the trees.
#[derive(Debug)]
pub(super) struct Extraction<'a, 'b> {
    archive: Archive<Members<'a, 'b>>,
}

impl Extraction<'_, '_> {
    /// The archive's end. One that is known to be `cut` may end anywhere; the member it ends in is left out.
    pub(super) fn end(mut self, cut: bool) -> Result<(), Failure> {
        let end = self.archive.finish(cut);
        self.archive.visitor.give_up()?;
        end.map(drop).map_err(|what| self.wrong(&what))
    }

    fn wrong(&self, what: &str) -> Failure {
        Failure::Evidence(format!("the archive of {}: {what}", self.archive.visitor.artefact))
    }
}

impl Taker for Extraction<'_, '_> {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let taken = self.archive.take(bytes);
        taken.map_err(|what| self.archive.visitor.failure.take().unwrap_or_else(|| self.wrong(&what)))
    }
}

/// A file that is being written.
#[derive(Debug)]
struct Open {
    file: SparseFile,
    times: Option<(i128, i128)>,
}

/// The members of one archive.
#[derive(Debug)]
struct Members<'a, 'b> {
    trees: &'b mut Trees<'a>,
    artefact: &'b str,
    file: Option<Open>,
    failure: Option<Failure>,
}

/// What became of a member.
enum Made {
    There(Place),
    /// There, but not among the processes.
    Apart(Place),
    /// It is no file that could be made.
    Special,
    LeftOut(String),
}

impl Members<'_, '_> {
    fn make(&mut self, head: &Head<'_>) -> Result<Made, Errno> {
        let place = match Place::of(head.path, self.artefact) {
            Ok(place) => place,
            Err(why) => return Ok(Made::LeftOut(why.to_owned())),
        };
        match Kind::of(head) {
            Kind::Special(_) => return Ok(Made::Special),
            Kind::HardLink => return Ok(Made::LeftOut("hard links are not made".to_owned())),
            _ => {}
        }
        if self.trees.processes.lacks(&place) {
            return self.make_apart(&place, head);
        }
        // Tools that read /proc look for a link there, and find none where a file took its name: what it leads to stands beside.
        if Kind::of(head) != Kind::File || !place.is_link_of_process() {
            match self.make_at(&place, head) {
                Err(Errno::EEXIST) => {}
                result => return settled(result, place),
            }
        }
        match place.aside(self.artefact) {
            Some(aside) => settled(self.make_at(&aside, head), aside),
            None => Ok(Made::LeftOut("its name is taken".to_owned())),
        }
    }

    /// A member of a process without `stat`.
    fn make_apart(&mut self, place: &Place, head: &Head<'_>) -> Result<Made, Errno> {
        let Some(aside) = place.aside(self.artefact) else { return Ok(Made::LeftOut(APART.to_owned())) };
        Ok(match settled(self.make_at(&aside, head), aside)? {
            Made::There(place) => Made::Apart(place),
            made => made,
        })
    }

    fn make_at(&mut self, place: &Place, head: &Head<'_>) -> Result<(), Errno> {
        let times = member::time(head, b"atime").zip(member::time(head, b"mtime"));
        if Kind::of(head) == Kind::Folder {
            self.trees.folder(place.tree, &place.names)?;
            self.trees.times.extend(times.map(|times| ((place.tree, place.names.clone()), times)));
            return Ok(());
        }
        let (folder, name) = place.split().ok_or(Errno::EEXIST)?;
        let folder = self.trees.folder(place.tree, folder)?;
        if Kind::of(head) == Kind::Symlink {
            let target = place.link(&head.link()).ok_or(Errno::EINVAL)?;
            return match nix::unistd::symlinkat(target.as_slice(), folder, name) {
                // The same link from two artefacts is one link.
                Err(Errno::EEXIST) if read::link(folder, name).is_ok_and(|there| there == target) => Ok(()),
                result => result,
            };
        }
        self.file = Some(Open { file: SparseFile::create(folder, name)?, times });
        Ok(())
    }

    /// A file that the archive ends in is not what its name says.
    fn give_up(&mut self) -> Result<(), Failure> {
        if let Some(open) = self.file.take() {
            self.leave_out("the archive ends within it; what is there of it is its beginning");
            open.file.end(None).map_err(|errno| self.trees.destination.errno(self.artefact, errno))?;
        }
        Ok(())
    }

    fn leave_out(&mut self, why: &str) {
        let tally = &mut self.trees.tally;
        tally.left_out += 1;
        if tally.named.len() < NAMED {
            tally.named.push(why.to_owned());
        }
    }

    fn fail(&mut self, head: &[u8], errno: Errno) -> String {
        let refused = self.trees.destination.errno(&escape::bytes(head), errno);
        let text = refused.to_string();
        self.failure = Some(refused.into());
        text
    }
}

/// What of an error is the fault of the member's name, and what of the destination.
fn settled(result: Result<(), Errno>, place: Place) -> Result<Made, Errno> {
    match result {
        Ok(()) => Ok(Made::There(place)),
        Err(Errno::EEXIST) => Ok(Made::LeftOut("a member of its name is there already".to_owned())),
        Err(Errno::ENOTDIR | Errno::ELOOP) => Ok(Made::LeftOut("a part of its path is no folder".to_owned())),
        Err(Errno::ENAMETOOLONG) => Ok(Made::LeftOut("its name is too long for this file system".to_owned())),
        Err(Errno::EINVAL | Errno::EILSEQ) => Ok(Made::LeftOut("its name or target is none on this file system".to_owned())),
        Err(errno) => Err(errno),
    }
}

impl Visitor for Members<'_, '_> {
    fn begin(&mut self, head: &Head<'_>) -> Result<(), String> {
        let made = match self.make(head) {
            Ok(made) => made,
            Err(errno) => return Err(self.fail(head.path, errno)),
        };
        let line = match &made {
            Made::There(place) => {
                self.trees.tally.exported += 1;
                let note = (Kind::of(head) == Kind::Symlink).then_some("its target is rewritten to stay within the export");
                member::line(self.artefact, head, Some(&place.path()), note)
            }
            Made::Apart(place) => {
                self.trees.tally.exported += 1;
                self.trees.tally.apart += 1;
                member::line(self.artefact, head, Some(&place.path()), Some(APART))
            }
            Made::Special => {
                self.trees.tally.special += 1;
                member::line(self.artefact, head, None, Some("not made: it is no file"))
            }
            Made::LeftOut(why) => {
                self.leave_out(&format!("{} of {}: {why}", escape::bytes(head.path), self.artefact));
                member::line(self.artefact, head, None, Some(why))
            }
        };
        self.trees.lines.extend_from_slice(&line);
        if self.trees.lines.len() >= LINES
            && let Err(refused) = self.trees.write_lines()
        {
            self.failure = Some(refused.clone().into());
            return Err(refused.to_string());
        }
        Ok(())
    }

    fn content(&mut self, bytes: &[u8]) -> Result<(), String> {
        match self.file.as_mut().map(|open| open.file.write(bytes)) {
            Some(Err(errno)) => Err(self.fail(self.artefact.as_bytes(), errno)),
            _ => Ok(()),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        match self.file.take().map(|open| open.file.end(open.times)) {
            Some(Err(errno)) => Err(self.fail(self.artefact.as_bytes(), errno)),
            _ => Ok(()),
        }
    }
}
