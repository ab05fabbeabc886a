//! The digest of each process's executable: of the file that runs, and of the file that now bears its name.
//!
//! The first is read through the magic link `/proc/PID/exe`, which leads to the file even if it is deleted or lies in another
//! mount namespace; the second by its path in the process's own root. Where they differ, something replaced one by the other.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;

use super::digests::{Digests, Identity, identity};
use super::each_process::{each_process, is_kernel_thread};
use super::process::link::DELETED;
use super::{Evidence, Source, Stop, failure};
use crate::host::mounts::{self, Mount};
use crate::host::sys::Stat;
use crate::host::{Content, FileSystems, Host, Process, ReadError, Reason, SpareThread, read};
use crate::model::{Artefact, Category, Digest, Outcome, Profile, Row, Status, escape};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "executables",
    category: Category::Process,
    profile: Profile::Triage,
    budget: Duration::from_secs(120),
    budget_bytes: None,
    source: "/proc/PID/exe, and its path in /proc/PID/root",
    about: "SHA-256 of every running executable, and of the file that bears its name now",
    tables: &["process_executables"],
};

/// The longest that opening a file may take.
const LIMIT: Duration = Duration::from_secs(2);

/// Hashes the executable of each process.
#[derive(Debug, Default)]
pub struct Executables {
    digests: Arc<Digests>,
}

impl Executables {
    /// Of what is in `digests` none is made again.
    pub(super) fn new(digests: Arc<Digests>) -> Self {
        Self { digests }
    }
}

impl Source for Executables {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        if !host.live {
            return Ok(Outcome::because(Status::Absent, "the magic links of processes exist on a live host only"));
        }
        let mut hasher = Hasher::new(host, Arc::clone(&self.digests));
        each_process(host, evidence, |process, evidence| hasher.process(host, process, evidence))
    }
}

/// Hashes files, each once.
pub(super) struct Hasher {
    spare: SpareThread,
    file_systems: Arc<FileSystems>,
    digests: Arc<Digests>,
    /// Mount tables by mount namespace.
    tables: BTreeMap<Vec<u8>, Arc<Vec<Mount>>>,
}

impl Hasher {
    /// A hasher that knows the mounts of all processes.
    pub(super) fn new(host: &Host, digests: Arc<Digests>) -> Self {
        let file_systems = Arc::new(FileSystems::of_all_processes(&host.proc));
        Self { spare: host.spare_thread(), file_systems, digests, tables: BTreeMap::new() }
    }

    /// Whether `path`, which `/proc/PID/exe` says, is in the process's root the name of another file than the one that runs. False
    /// where that cannot be told.
    pub(super) fn is_replaced(&mut self, process: &Arc<Process>, path: &[u8]) -> bool {
        let owned = Arc::clone(process);
        let running = self.spare.read(LIMIT, process.path("exe").as_bytes(), move || owned.target_stat("exe"));
        let (Ok(running), Ok(Some(named))) = (running, self.open_named(process, path)) else { return false };
        (running.dev, running.ino) != (named.stat.dev, named.stat.ino)
    }

    fn process(&mut self, host: &Host, process: &Arc<Process>, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        let target = match process.link("exe") {
            Ok(target) => target,
            // Kernel threads and zombies have no executable.
            Err(error) if error.is_gone() => return Ok(()),
            Err(_) if is_kernel_thread(process) => return Ok(()),
            Err(error) => {
                let row = failure::row(host, process, "exe", evidence, &error);
                return evidence.row("process_executables", &row);
            }
        };
        let mut row = Row::new(host.clock.now(), process.path("exe"));
        row.int("pid", process.pid);
        let running = self.running(process, &mut row, evidence)?;
        let stripped = target.strip_suffix(DELETED).unwrap_or(&target);
        let path = if self.is_name_of(process, &target, running) { &target } else { stripped };
        row.bytes("path", path);
        self.named(process, path, running, &mut row, evidence)?;
        evidence.row("process_executables", &row)
    }

    /// Whether the file that runs is really called `… (deleted)`.
    fn is_name_of(&mut self, process: &Arc<Process>, target: &[u8], running: Running) -> bool {
        target.ends_with(DELETED)
            && running.identity.is_some()
            && self
                .open_named(process, target)
                .is_ok_and(|named| named.map(|content| identity(&content.stat)) == running.identity)
    }

    /// The file that runs: its identity and digest, as far as they could be had.
    fn running(&mut self, process: &Arc<Process>, row: &mut Row, evidence: &mut dyn Evidence) -> Result<Running, Stop> {
        let (owned, file_systems) = (Arc::clone(process), Arc::clone(&self.file_systems));
        let opened = self.spare.read(LIMIT, process.path("exe").as_bytes(), move || {
            let path = owned.path("exe").into_bytes();
            file_systems.check(&owned.target_stat("exe")?).map_err(|reason| ReadError::new(&path, reason))?;
            let (fd, stat) = owned.open_target("exe")?;
            content(&path, fd, stat)
        });
        let content = match opened {
            Ok(content) => content,
            Err(error) => {
                failure::note(row, evidence, "sha256", &error);
                return Ok(Running::default());
            }
        };
        let stat = content.stat;
        let digest = self.digest(process.path("exe").as_bytes(), &content, evidence)?;
        match &digest {
            Ok(digest) => {
                row.text("sha256", &digest.to_string());
            }
            Err(error) => failure::note(row, evidence, "sha256", error),
        }
        row.int("size", stat.size).text("dev", &format!("{}:{}", stat.dev.0, stat.dev.1)).int("inode", stat.ino);
        row.flag("deleted", stat.nlink == 0);
        Ok(Running { identity: Some(identity(&stat)), digest: digest.ok() })
    }

    /// The file that bears the executable's name in the process's root: its digest, and whether it is the same.
    fn named(
        &mut self,
        process: &Arc<Process>,
        path: &[u8],
        running: Running,
        row: &mut Row,
        evidence: &mut dyn Evidence,
    ) -> Result<(), Stop> {
        let digest = match self.open_named(process, path) {
            Ok(Some(content)) if Some(identity(&content.stat)) == running.identity => Ok(running.digest),
            Ok(Some(content)) => self.digest(path, &content, evidence)?.map(Some),
            // That nothing, or no file, bears the name any more is an answer, not a failure.
            Ok(None) => {
                row.flag("matches", false);
                Ok(None)
            }
            Err(error) => Err(error),
        };
        let digest = digest.unwrap_or_else(|error| {
            failure::note(row, evidence, "path_sha256", &error);
            None
        });
        if let Some(digest) = digest {
            row.text("path_sha256", &digest.to_string());
        }
        if let (Some(running), Some(named)) = (running.digest, digest) {
            row.flag("matches", running == named);
        }
        Ok(())
    }

    /// The file that bears the name `path` in the process's root, if one does.
    fn open_named(&mut self, process: &Arc<Process>, path: &[u8]) -> Result<Option<Content>, ReadError> {
        let path = below_root(process, path)?;
        let shown = [process.path("root").as_bytes(), &path].concat();
        let mounts = self.mounts(process)?;
        if let Some(mount) = mounts::covering(&mounts, &path).filter(|mount| !mount.is_local()) {
            return Err(ReadError::new(&shown, Reason::FileSystem(escape::bytes(&mount.kind))));
        }
        let (owned, file_systems) = (Arc::clone(process), Arc::clone(&self.file_systems));
        self.spare.read(LIMIT, &shown.clone(), move || match owned.open_in_root(&path, |stat| file_systems.check(stat)) {
            // An error of another path means that the process itself is gone.
            Err(error) if error.path == shown && is_no_file(&error.reason) => Ok(None),
            Err(error) => Err(error),
            Ok((fd, stat)) => content(&shown, fd, stat).map(Some),
        })
    }

    fn mounts(&mut self, process: &Process) -> Result<Arc<Vec<Mount>>, ReadError> {
        // Two processes of one namespace may have different roots, and the table has paths as seen from its process's root.
        let key = [process.link("ns/mnt")?, process.link("root")?].join(&0);
        if let Some(known) = self.tables.get(&key) {
            return Ok(Arc::clone(known));
        }
        let table = Arc::new(mounts::parse(&process.file("mountinfo", read::SMALL)?.bytes).0);
        self.tables.insert(key, Arc::clone(&table));
        Ok(table)
    }

    fn digest(&mut self, path: &[u8], content: &Content, evidence: &dyn Evidence) -> Result<Result<Digest, ReadError>, Stop> {
        let known = self.digests.learn_content((path, content), &mut self.spare, evidence)?;
        Ok(known.map(|known| known.sha256))
    }
}

fn is_no_file(reason: &Reason) -> bool {
    matches!(reason, Reason::Errno(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) | Reason::NotRegular(_))
}

/// What is known of the file that runs.
#[derive(Debug, Clone, Copy, Default)]
struct Running {
    identity: Option<Identity>,
    digest: Option<Digest>,
}

fn content(path: &[u8], fd: OwnedFd, stat: Stat) -> Result<Content, ReadError> {
    read::named(path, Content::new(fd, stat))
}

/// `path`, which the link words as our root sees it, as the process's root has it: the same unless the process is in a chroot.
fn below_root(process: &Process, path: &[u8]) -> Result<Vec<u8>, ReadError> {
    let root = process.link("root")?;
    let below = mounts::below(path, &root).unwrap_or(path);
    let slash: &[u8] = if below.starts_with(b"/") { b"" } else { b"/" };
    Ok([slash, below].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::recorded::Recorded;

    fn row_of(evidence: &Recorded, pid: u32) -> Option<&serde_json::Value> {
        evidence.rows("process_executables").iter().find(|row| row["pid"] == pid)
    }

    #[test]
    fn this_test_is_hashed_and_kernel_threads_are_skipped() {
        let host = Host::live().unwrap();
        let mut evidence = Recorded::default();
        assert_eq!(Executables::default().acquire(&host, &mut evidence), Ok(Outcome::ok()));
        let row = row_of(&evidence, std::process::id()).unwrap();
        let exe = std::env::current_exe().unwrap();
        assert_eq!(row["sha256"], Digest::of(&std::fs::read(&exe).unwrap()).to_string());
        assert_eq!((&row["path"], &row["path_sha256"]), (&exe.to_str().unwrap().into(), &row["sha256"]));
        assert_eq!((&row["matches"], &row["deleted"], &row["status"]), (&1.into(), &0.into(), &"ok".into()));
        assert!(row_of(&evidence, 2).is_none());
    }

    /// What is said of a copy of sleep(1) named `name` that runs, after `change` was made to it.
    fn running(name: &str, change: impl FnOnce(&std::path::Path)) -> (serde_json::Value, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let exe = dir.path().join(name);
        std::fs::copy("/bin/sleep", &exe).unwrap();
        let mut child = spawn(&exe);
        change(&exe);
        let mut evidence = Recorded::default();
        let done = Executables::default().acquire(&Host::live().unwrap(), &mut evidence);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(done, Ok(Outcome::ok()));
        let row = row_of(&evidence, child.id()).unwrap().clone();
        assert_eq!(row["sha256"], Digest::of(&std::fs::read("/bin/sleep").unwrap()).to_string());
        (row, exe)
    }

    #[test]
    fn a_replaced_executable_is_told_apart() {
        let (row, exe) = running("sleeper", |exe| {
            std::fs::remove_file(exe).unwrap();
            std::fs::write(exe, "innocent").unwrap();
        });
        assert_eq!(row["path_sha256"], Digest::of(b"innocent").to_string());
        assert_eq!((&row["matches"], &row["deleted"]), (&0.into(), &1.into()));
        assert_eq!(row["path"], exe.to_str().unwrap());
    }

    #[test]
    fn a_name_that_says_deleted_is_no_deleted_file_and_a_deleted_one_has_no_match() {
        let (row, exe) = running("sleeper (deleted)", |_| ());
        assert_eq!((&row["matches"], &row["deleted"]), (&1.into(), &0.into()));
        assert_eq!(row["path"], exe.to_str().unwrap());
        let (row, _) = running("sleeper", |exe| std::fs::remove_file(exe).unwrap());
        assert_eq!((&row["matches"], &row["deleted"], &row["status"]), (&0.into(), &1.into(), &"ok".into()));
    }

    /// Needs root. The file exists in the process's own mount namespace or root only, where we do not look by path.
    #[test]
    fn an_executable_is_found_by_the_path_that_its_process_sees() {
        assert!(nix::unistd::geteuid().is_root(), "this test makes a mount namespace and a chroot, which needs root");
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().to_str().unwrap();
        let libraries = "mkdir -p $0/r && mount -t tmpfs none $0/r && mkdir $0/r/usr && mount --bind /usr $0/r/usr && \
            ln -s usr/lib usr/lib64 usr/bin $0/r/ && cp /bin/sleep $0/r/hidden";
        for (enter, path) in
            [("exec $0/r/hidden 600", format!("{at}/r/hidden")), ("exec chroot $0/r /hidden 600", format!("{at}/r/hidden"))]
        {
            let script = format!("{libraries} && {enter}");
            let mut child = std::process::Command::new("unshare").args(["-m", "sh", "-c", &script, at]).spawn().unwrap();
            let link = format!("/proc/{}/exe", child.id());
            while std::fs::read_link(&link).unwrap().to_str() != Some(&path) {
                assert!(child.try_wait().unwrap().is_none(), "the process ended before it ran its program");
                std::thread::yield_now();
            }
            let mut evidence = Recorded::default();
            let done = Executables::default().acquire(&Host::live().unwrap(), &mut evidence);
            child.kill().unwrap();
            child.wait().unwrap();
            assert_eq!(done, Ok(Outcome::ok()));
            let row = row_of(&evidence, child.id()).unwrap();
            assert_eq!((&row["path"], &row["status"]), (&path.as_str().into(), &"ok".into()), "{enter}");
            assert_eq!((&row["matches"], &row["path_sha256"]), (&1.into(), &row["sha256"]), "{enter}");
            assert!(!std::path::Path::new(&path).exists());
        }
    }

    /// Another thread of this test may fork while the copy is open for writing, and then `execve` says `ETXTBSY` for a moment.
    fn spawn(exe: &std::path::Path) -> std::process::Child {
        loop {
            match std::process::Command::new(exe).arg("600").spawn() {
                Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => std::thread::yield_now(),
                child => return child.unwrap(),
            }
        }
    }
}
