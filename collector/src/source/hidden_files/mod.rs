//! Artefact `hidden_files`: names that stand in folders on the disk, and that the kernel does not list.
//!
//! ```text
//! mountinfo → each ext4 file system → its device, by number ─┬─ folders as the disk has them ┐
//!                                                            └─ the kernel's lists of them ──┴→ looked at again, twice → rows, content
//! ```
//!
//! A rootkit in the kernel that leaves names out of getdents(2) lies to every program alike; the disk has them still. A name that something is mounted on is
//! not hidden but covered: it is written down with what covers it. Other file systems are not read here: those of xfs and btrfs are written in another way, and an
//! overlay has its files on one of them.
//!
//! **Invariant:** the device is read and never written, and only through its page cache. What answers both sides alike (a driver that leaves blocks
//! out) stays unseen.

mod disk;
mod ext4;
#[cfg(any(test, feature = "test-util"))]
pub(super) mod hostile;
mod keep;
mod look;
mod places;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use self::disk::Metered;
use self::ext4::{Fault, FileSystem, Inode};
use self::keep::{Entry, Keep, TOTAL_CAP, Why};
use self::look::{Budget, Cover, First, LIMIT, Sides, Suspect};
use self::places::Places;
use super::files::tops::{self, Top};
use super::{Evidence, Source, Stop, failure};
use crate::host::mounts::{self, Mount};
use crate::host::{BlockDevice, Host, ReadError, Reason, read};
use crate::model::{Artefact, Category, Outcome, Profile, Row, Status, escape};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "hidden_files",
    category: Category::File,
    profile: Profile::Triage,
    budget: Duration::from_secs(600),
    budget_bytes: Some(TOTAL_CAP),
    source: "block devices of ext4 file systems, beside getdents(2) of the same folders",
    about: "names that folders of ext4 have on the disk and the kernel does not list, with their content; what mounts cover. The places \
            where implants live first: 10 s of each file system, in profile full 5 min",
    tables: &["hidden_files", "raw_file_systems"],
};

/// What is compared of one file system in profile triage, and in profile full.
const TRIAGE: Budget = Budget { folders: 50_000, time: Duration::from_secs(10), bytes: 8 << 30 };
const FULL: Budget = Budget { folders: 1_000_000, time: Duration::from_secs(300), bytes: 64 << 30 };

/// Compares what the disk has with what the kernel shows.
#[derive(Debug, Clone, Copy)]
pub struct HiddenFiles {
    /// Compare for longer.
    pub thorough: bool,
    /// Keep secrets.
    pub include_secrets: bool,
}

/// Why a file system was not compared.
enum Refused {
    /// The host did not let us.
    Read(ReadError),
    /// What its device holds is not read.
    Disk(Fault),
    /// It is mounted in a way that shows no folder of it.
    NoFolder,
}

impl Source for HiddenFiles {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let table = match host.proc.file("self/mountinfo", read::SMALL) {
            Ok(text) => mounts::parse(&text.bytes).0,
            Err(error) => return Ok(failure::outcome(&error)),
        };
        let tops = tops::choose(&table);
        let all: Vec<&Mount> =
            tops.iter().filter(|top| top.skipped.is_none()).filter_map(Top::mount).filter(|mount| is_ext4(mount)).collect();
        if all.is_empty() {
            return Ok(Outcome::because(
                Status::Absent,
                format!("no file system of ext4 is mounted here; the root is {}", root_kind(&table)),
            ));
        }
        let places = Places::of(host, evidence);
        let mut keep = Keep::new(host, self.include_secrets);
        let (mut compared, mut first_error) = (false, None);
        for mount in all {
            match self.mount(host, mount, &table, &places, &mut keep, evidence)? {
                Ok(()) => compared = true,
                Err(Refused::NoFolder) => {}
                Err(refused) => first_error = first_error.or(Some(refused)),
            }
        }
        Ok(match first_error {
            Some(refused) if !compared => refused.outcome(),
            _ => Outcome::ok(),
        })
    }
}

/// ext3 is read by the same driver (since Linux 4.3); ext2 may be read by one that keeps folders elsewhere, where the device does not show them.
fn is_ext4(mount: &Mount) -> bool {
    mount.kind == b"ext4" || mount.kind == b"ext3"
}

fn root_kind(table: &[Mount]) -> String {
    mounts::covering(table, b"/").map_or_else(|| "not in the table".to_owned(), |mount| escape::bytes(&mount.kind))
}

impl Refused {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Read(error) => failure::outcome(error),
            Self::Disk(fault) => Outcome::because(Status::Failed, fault.to_string()),
            Self::NoFolder => Outcome::because(Status::Absent, "no folder of an ext4 file system is mounted here"),
        }
    }

    fn reason(&self) -> String {
        self.outcome().reasons.join("; ")
    }
}

impl HiddenFiles {
    /// Compares one file system, and writes its row whatever came of it.
    fn mount(
        &self,
        host: &Host,
        mount: &Mount,
        table: &[Mount],
        places: &Places,
        keep: &mut Keep<'_>,
        evidence: &mut dyn Evidence,
    ) -> Result<Result<(), Refused>, Stop> {
        let budget = if self.thorough { FULL } else { TRIAGE };
        let mut row = Row::new(host.clock.now(), "/proc/self/mountinfo");
        row.bytes("path", &mount.point).text("dev", &format!("{}:{}", mount.dev.0, mount.dev.1));
        row.bytes("type", &mount.kind).bytes("device", &mount.source).bytes("root", &mount.root);
        let opened = open(host, mount, table, budget, &mut row);
        row.flag("compared", opened.is_ok());
        let done = match opened {
            Ok((mut sides, root, metered)) => {
                let done = compare(&mut sides, &root, budget, (places, keep), &mut row, evidence);
                row.int("read_bytes", metered.read_bytes());
                done?;
                Ok(())
            }
            Err(refused) => {
                row.text("reason", &refused.reason());
                if let Refused::Read(error) = &refused {
                    evidence.gap(error.gap());
                } else if let Refused::Disk(fault) = &refused {
                    evidence.gap(crate::model::Gap::whole(&mount.point, fault.to_string()));
                }
                Err(refused)
            }
        };
        evidence.row("raw_file_systems", &row)?;
        Ok(done)
    }
}

/// Both sides of a file system, the folder that is its root here, and the meter of its device.
type Opened<'a> = (Sides<'a>, Inode, Arc<Metered>);

fn open<'a>(host: &Host, mount: &'a Mount, table: &[Mount], budget: Budget, row: &mut Row) -> Result<Opened<'a>, Refused> {
    let device = BlockDevice::open(host, mount.dev).map_err(Refused::Read)?;
    row.bytes("node", device.node());
    let (metered, mut spare) = (Arc::new(Metered::new(device, budget.bytes)), host.spare_thread());
    let (disk, path) = (Arc::clone(&metered), mount.root.clone());
    let job = move || {
        let system = FileSystem::open(disk)?;
        let root = system.find(&path)?;
        Ok((system, root))
    };
    let late = |_| Refused::Read(ReadError::new(&mount.point, Reason::Timeout));
    let (system, root) = spare.run(LIMIT, job).map_err(late)?.map_err(Refused::Disk)?;
    row.bytes("label", &system.superblock.label).text("uuid", &uuid(system.superblock.uuid));
    let root = root.filter(Inode::is_folder).ok_or(Refused::NoFolder)?;
    let top = host.files.dir(&mount.point).map_err(Refused::Read)?;
    let there = top.stat_self().map_err(Refused::Read)?;
    if host.live && (there.dev, there.ino) != (mount.dev, root.number.into()) {
        // Something was mounted or unmounted there meanwhile.
        return Err(Refused::Read(ReadError::errno(&mount.point, nix::errno::Errno::ESTALE)));
    }
    Ok((Sides { clock: host.clock, system, mount, top, spare, covers: covers(mount, table) }, root, metered))
}

/// What is mounted where, but for folders of `mount` that are mounted on themselves, as container engines do: those cover nothing.
fn covers(mount: &Mount, table: &[Mount]) -> BTreeMap<Vec<u8>, Cover> {
    let is_itself = |other: &Mount| {
        let at = mounts::below(&other.point, &mount.point);
        other.dev == mount.dev && at.is_some() && mounts::below(&other.root, &mount.root) == at
    };
    let others = table.iter().filter(|other| other.point != mount.point && !is_itself(other));
    others.map(|other| (other.point.clone(), Cover { kind: other.kind.clone(), source: other.source.clone() })).collect()
}

fn compare(
    sides: &mut Sides<'_>,
    root: &Inode,
    budget: Budget,
    (places, keep): (&Places, &mut Keep<'_>),
    row: &mut Row,
    evidence: &mut dyn Evidence,
) -> Result<(), Stop> {
    let mut first = sides.first(root.number, budget, places, evidence)?;
    let hidden = sides.confirm(std::mem::take(&mut first.suspects), evidence)?;
    row.int("folders", first.folders).int("names", first.names).int("kernel_only", first.kernel_only);
    row.int("encrypted_folders", first.encrypted).int("unread_folders", first.faults);
    row.int("hidden", u64::try_from(hidden.len()).unwrap_or(u64::MAX));
    row.int("covered", u64::try_from(first.covered.len()).unwrap_or(u64::MAX));
    keep_all(sides, &hidden, &first, keep, evidence)
}

/// What is hidden first: it must not lack room because of what is only covered.
fn keep_all(
    sides: &mut Sides<'_>,
    hidden: &[Suspect],
    first: &First,
    keep: &mut Keep<'_>,
    evidence: &mut dyn Evidence,
) -> Result<(), Stop> {
    for suspect in hidden {
        let path = suspect.folder.path_of(&suspect.name);
        keep.tree(sides, Entry { path: &path, inode: &suspect.inode, why: Why::Hidden }, evidence)?;
    }
    for covered in &first.covered {
        let (number, point) = (covered.inode, sides.on_host(&covered.path));
        if let Ok(Ok(inode)) = sides.ask(move |system| system.inode(number)) {
            let why = Why::Covered(&point, &covered.by);
            keep.tree(sides, Entry { path: &covered.path, inode: &inode, why }, evidence)?;
        }
    }
    Ok(())
}

/// As blkid(8) writes it.
fn uuid(bytes: [u8; 16]) -> String {
    let hex = |part: &[u8]| part.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let parts = [0..4, 4..6, 6..8, 8..10, 10..16].map(|range| hex(bytes.get(range).unwrap_or_default()));
    parts.join("-")
}
