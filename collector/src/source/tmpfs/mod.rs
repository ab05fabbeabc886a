//! What lies in file systems that live in memory (`/run`, `/tmp`, `/dev`, and those of containers), in every mount namespace,
//! each once. `/dev/shm` of the host is the artefact `shm`.
//!
//! Those of our own mount namespace are read through private views. Those of others are reached through the root of a process
//! that is inside, where nothing on the way may hang; in the archive they stand below `/.hozen/mnt-<inode>/`. The folder that this
//! run's own evidence is written into is left out.

pub(super) mod find;

use std::collections::BTreeSet;
use std::time::Duration;

use nix::errno::Errno;

use self::find::Found;
use super::file_set::Few;
use super::tree::{Limits, Place, Tree};
use super::walk::Walk;
use super::{Evidence, Source, Stop, failure};
use crate::host::footprint::evidence_folders;
use crate::host::{Dir, Host, ReadError, Reason};
use crate::model::{Artefact, Category, Outcome, Profile, Row, Status, escape};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "tmpfs",
    category: Category::File,
    profile: Profile::Volatile,
    budget: Duration::from_secs(180),
    budget_bytes: Some(TOTAL),
    source: "tmpfs, ramfs and devtmpfs of all mount namespaces (/proc/PID/mountinfo)",
    about: "files of all tmpfs of all mount namespaces with their content: /run, /tmp, /dev, those of containers",
    tables: &["tmpfs_mounts", "tmpfs_files"],
};

/// The most bytes of data that are kept of all files together, and the most zeros that are written out for holes.
const TOTAL: u64 = 4 << 30;

/// What the artefact `shm` has.
const OTHERS: &[u8] = b"/dev/shm";

/// The longest that opening a folder by way of a process may take.
const LIMIT: Duration = Duration::from_secs(5);

/// Reads file systems that live in memory.
#[derive(Debug, Clone, Copy)]
pub struct Tmpfs {
    /// The most bytes that are kept of one file; holes count where they are written out.
    pub file_cap: u64,
    /// The most bytes of data that are kept of all files together, and the most zeros that are written out for holes.
    pub total_cap: u64,
    /// The most files and folders that are looked at.
    pub entries: usize,
    /// Keep secrets as they are.
    pub include_secrets: bool,
}

impl Tmpfs {
    /// With the usual limits.
    #[must_use]
    pub fn new(include_secrets: bool) -> Self {
        Self { file_cap: 256 << 20, total_cap: TOTAL, entries: 500_000, include_secrets }
    }
}

/// File systems that are gone with the power.
const KINDS: [&[u8]; 3] = [b"tmpfs", b"ramfs", b"devtmpfs"];

impl Source for Tmpfs {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let mut found = find::all(host, &KINDS, evidence)?;
        found.retain(|found| !(found.is_own && found.mount.point == OTHERS));
        if found.is_empty() {
            return Ok(Outcome::because(Status::Absent, "no file system that lives in memory is seen"));
        }
        let mut few = Few::new(evidence);
        let done = self.all(host, &found, &mut few);
        few.tell("tmpfs_mounts");
        done.map(|()| Outcome::ok())
    }
}

impl Tmpfs {
    fn all(&self, host: &Host, found: &[Found], evidence: &mut dyn Evidence) -> Result<(), Stop> {
        let limits = Limits { file: self.file_cap, total: self.total_cap, entries: self.entries };
        let mut tree = Tree::new(host, "tmpfs_files", limits, self.include_secrets);
        let own = evidence_folders(host);
        let total = u64::try_from(found.len()).unwrap_or(u64::MAX);
        for (done, found) in (0_u64..).zip(found) {
            evidence.check()?;
            evidence.progress(done, total);
            let before = tree.left();
            let share = (before / (total - done).max(1)).max(before.min(self.file_cap));
            let mut row = row(host, found);
            match open(host, found) {
                Ok(dir) if is_one_of(&dir, &own) => row.error("path", "evidence"),
                Ok(dir) => one(&mut tree, Walk::of(dir).without(own.clone()), found, share, evidence)?,
                Err(error) => failure::note(&mut row, evidence, "path", &error),
            }
            row.int("stored", before.saturating_sub(tree.left()));
            evidence.row("tmpfs_mounts", &row)?;
        }
        Ok(())
    }
}

fn row(host: &Host, found: &Found) -> Row {
    let mut row = Row::new(host.clock.now(), format!("/proc/{}/mountinfo", found.pid));
    let mount = &found.mount;
    row.bytes("path", &mount.point).bytes("type", &mount.kind).bytes("device", &mount.source).bytes("root", &mount.root);
    row.text("dev", &format!("{}:{}", mount.dev.0, mount.dev.1)).bytes("super_options", &mount.super_options);
    row.bytes("mnt_namespace", &found.namespace).int("pid", found.pid).flag("own_namespace", found.is_own);
    row
}

/// What stands before the paths of a namespace that is not ours.
fn prefix(found: &Found) -> Vec<u8> {
    if found.is_own {
        return Vec::new();
    }
    let inode: Vec<u8> = found.namespace.iter().copied().filter(u8::is_ascii_digit).collect();
    [b"/.hozen/mnt-", inode.as_slice()].concat()
}

/// Opens the folder that it is mounted on.
fn open(host: &Host, found: &Found) -> Result<Dir, ReadError> {
    let point = &found.mount.point;
    if !found.is_safe {
        let reason = "another mount lies over it, or the way to it leads over a file system that may hang; not touched";
        return Err(ReadError::new(point, Reason::Limit(reason.to_owned())));
    }
    let dir = if found.is_own {
        host.files.dir(point)?
    } else {
        let (host, pid, point) = (host.clone(), found.pid, point.clone());
        let shown = [prefix(found).as_slice(), &point].concat();
        host.spare_thread()
            .read(LIMIT, &point.clone(), move || host.proc.process(pid)?.dir_in_root(&point, shown, &host.footprint))?
    };
    // Something else may have been mounted there meanwhile.
    let is_it = !host.live || dir.stat_self()?.dev == found.mount.dev;
    if is_it { Ok(dir) } else { Err(ReadError::errno(point, Errno::ESTALE)) }
}

/// Whether the evidence of this very run is written into it.
fn is_one_of(dir: &Dir, folders: &BTreeSet<((u32, u32), u64)>) -> bool {
    dir.stat_self().is_ok_and(|stat| folders.contains(&(stat.dev, stat.ino)))
}

fn one(tree: &mut Tree<'_>, walk: Walk, found: &Found, share: u64, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    let columns = |row: &mut Row, _: &[u8]| {
        row.bytes("mnt_namespace", &found.namespace);
    };
    let source = format!("/proc/{}/root{}", found.pid, escape::bytes(&found.mount.point));
    let prefix = prefix(found);
    tree.keep(walk, &Place { prefix: &prefix, source: &source, reads_links: found.is_own, columns: &columns }, share, evidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::recorded::Recorded;
    use std::os::unix::fs::symlink;

    #[test]
    fn those_of_a_fixture_are_kept_without_secrets() {
        let tree = tempfile::tempdir().unwrap();
        let root = tree.path();
        std::fs::create_dir_all(root.join("proc/1/ns")).unwrap();
        std::fs::create_dir_all(root.join("run/credentials/x")).unwrap();
        std::fs::create_dir_all(root.join("dev/shm")).unwrap();
        symlink("mnt:[5]", root.join("proc/1/ns/mnt")).unwrap();
        let table = "1 0 8:1 / / rw - ext4 d rw\n2 1 0:30 / /run rw - tmpfs t rw,size=9k\n3 1 0:31 / /dev/shm rw - tmpfs t rw\n";
        std::fs::write(root.join("proc/1/mountinfo"), table).unwrap();
        std::fs::write(root.join("run/a.sh"), "A_TOKEN=hunter2 /run/b\n").unwrap();
        std::fs::write(root.join("run/blob"), "TOKEN=hunter2\0").unwrap();
        std::fs::write(root.join("run/credentials/x/key"), "hunter2").unwrap();
        std::fs::write(root.join("dev/shm/x"), "x").unwrap();
        std::fs::write(root.join("run/.netrc"), b"\x7fELF\0").unwrap();
        std::fs::write(root.join("run/.pgpass"), "*:*:*:*:hunter2").unwrap();
        let mut evidence = Recorded::default();
        let outcome = Tmpfs::new(false).acquire(&Host::fixture(root).unwrap(), &mut evidence);
        assert_eq!((outcome, &evidence.gaps), (Ok(Outcome::ok()), &vec![]));
        assert_eq!(evidence.member("/run/a.sh"), Some(&b"A_TOKEN=xxxxxxx /run/b\n"[..]));
        assert_eq!(evidence.member("/run/blob"), Some(&b"TOKEN=hunter2\0"[..]), "what is no text is kept as it is");
        assert_eq!((evidence.member("/run/credentials/x/key"), evidence.member("/dev/shm/x")), (None, None));
        assert_eq!((evidence.member("/run/.netrc"), evidence.member("/run/.pgpass")), (Some(&b"\x7fELF\0"[..]), None));
        let mounts = evidence.rows("tmpfs_mounts");
        assert_eq!((mounts.len(), &mounts[0]["path"], &mounts[0]["super_options"]), (1, &"/run".into(), &"rw,size=9k".into()));
    }

    #[test]
    fn a_text_that_there_is_no_room_for_is_cut_and_has_no_secrets() {
        use std::os::unix::fs::FileExt as _;
        let tree = tempfile::tempdir().unwrap();
        let root = tree.path();
        std::fs::create_dir_all(root.join("proc/1/ns")).unwrap();
        std::fs::create_dir_all(root.join("run")).unwrap();
        symlink("mnt:[5]", root.join("proc/1/ns/mnt")).unwrap();
        std::fs::write(root.join("proc/1/mountinfo"), "1 0 8:1 / / rw - ext4 d rw\n2 1 0:30 / /run rw - tmpfs t rw\n").unwrap();
        let line = b"A_TOKEN=hunter2 /run/b\n";
        std::fs::write(root.join("run/full"), line.repeat(9000)).unwrap();
        let keep = |tmpfs: Tmpfs| {
            let mut evidence = Recorded::default();
            assert_eq!(tmpfs.acquire(&Host::fixture(root).unwrap(), &mut evidence), Ok(Outcome::ok()));
            assert!(!evidence.members.is_empty());
            for (path, _, bytes) in &evidence.members {
                assert!(!bytes.windows(7).any(|seven| seven == b"hunter2"), "{}", path.escape_ascii());
            }
            evidence
        };
        let limits = Tmpfs { file_cap: 1 << 20, total_cap: 64 << 10, entries: 99, include_secrets: false };
        let evidence = keep(limits);
        assert_eq!((evidence.member("/run/full@0").map(<[u8]>::len), evidence.gaps.len()), (Some(64 << 10), 1));
        // Data and a hole of half a megabyte behind it, for which there is no room.
        let file = std::fs::File::create(root.join("run/full")).unwrap();
        file.write_all_at(&line.repeat(4096)[..64 << 10], 0).unwrap();
        file.set_len(512 << 10).unwrap();
        let evidence = keep(Tmpfs { total_cap: 256 << 10, ..limits });
        assert_eq!((evidence.member("/run/full@0").map(<[u8]>::len), evidence.gaps.len()), (Some(64 << 10), 0));
    }

    /// In a mount namespace of its own, a program mounts a tmpfs on `path` and puts a file and a link into it.
    fn elsewhere(path: &std::path::Path) -> std::process::Child {
        let script = "mount -t tmpfs t \"$0\" && echo inside > \"$0/f\" && ln -s f \"$0/l\" && echo ready && exec sleep 600";
        let mut command = std::process::Command::new("unshare");
        command.args(["-m", "sh", "-c", script]).arg(path).stdout(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut [0; 6]).unwrap();
        child
    }

    #[test]
    fn the_folder_of_the_evidence_itself_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("evidence")).unwrap();
        let opened = std::fs::File::open(folder.path().join("evidence")).unwrap();
        let host = Host::live().unwrap();
        let fd = crate::host::footprint::EVIDENCE_FDS;
        let kept = crate::host::sys::duplicate_from(std::os::fd::AsFd::as_fd(&opened), fd).unwrap();
        std::fs::write(folder.path().join("evidence/000-begin.json"), "{}").unwrap();
        std::fs::write(folder.path().join("other"), "x").unwrap();
        let walk = Walk::new(&host.files, folder.path().to_str().unwrap()).unwrap().without(evidence_folders(&host));
        let names: Vec<_> = walk.map(|entry| entry.unwrap().name).collect();
        drop(kept);
        assert_eq!(names, [b"evidence".to_vec(), b"other".to_vec()]);
    }

    #[test]
    fn one_that_only_another_mount_namespace_has_is_reached() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = elsewhere(folder.path());
        let mut evidence = Recorded::default();
        let limits = Tmpfs { file_cap: 4096, total_cap: 1 << 20, entries: 500_000, include_secrets: false };
        let outcome = limits.acquire(&Host::live().unwrap(), &mut evidence);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(outcome, Ok(Outcome::ok()));
        assert!(!folder.path().join("f").exists(), "it is not seen from here");
        let path = folder.path().join("f");
        let file = evidence.rows("tmpfs_files").iter().find(|row| row["path"] == path.to_str().unwrap()).unwrap();
        let namespace = file["mnt_namespace"].as_str().unwrap();
        let inode = namespace.strip_prefix("mnt:[").unwrap().strip_suffix(']').unwrap();
        let member = format!("/.hozen/mnt-{inode}{}", path.display());
        assert_eq!(evidence.member(&member), Some(&b"inside\n"[..]));
        let path = folder.path().join("l");
        let link = evidence.rows("tmpfs_files").iter().find(|row| row["path"] == path.to_str().unwrap()).unwrap();
        assert!(link.get("symlink_target_path").is_none(), "to read it would have moved its access time: {link}");
    }
}
