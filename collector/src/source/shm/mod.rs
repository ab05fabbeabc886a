//! Shared memory: the files of `/dev/shm` with their content, and the list of System V segments.
//!
//! The content of a System V segment is in `deleted_files` as long as a process has it attached. Of one that nobody has
//! attached only the list tells: to attach it would change its times and its owner of last use.

mod sysv;

use std::time::Duration;

use super::file_set::Few;
use super::tree::{Limits, Place, Tree};
use super::walk::Walk;
use super::{Evidence, Source, Stop, failure};
use crate::host::Host;
use crate::model::{Artefact, Category, Outcome, Profile};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "shm",
    category: Category::File,
    profile: Profile::Volatile,
    budget: Duration::from_secs(120),
    budget_bytes: Some(TOTAL),
    source: "/dev/shm, /proc/sysvipc/shm",
    about: "files in /dev/shm with their content, and System V shared memory segments",
    tables: &["shared_memory_files", "shared_memory"],
};

/// The most bytes that are kept of all files together.
const TOTAL: u64 = 4 << 30;

const TOP: &str = "/dev/shm";

/// Reads shared memory.
#[derive(Debug, Clone, Copy)]
pub struct Shm {
    /// The most bytes that are kept of one file, holes included.
    pub file_cap: u64,
    /// The most bytes that are kept of all files together, holes included.
    pub total_cap: u64,
}

impl Default for Shm {
    fn default() -> Self {
        Self { file_cap: 1 << 30, total_cap: TOTAL }
    }
}

impl Source for Shm {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let segments = sysv::acquire(host, evidence)?;
        match Walk::new(&host.files, TOP) {
            Ok(walk) => {
                let limits = Limits { file: self.file_cap, total: self.total_cap, entries: usize::MAX };
                // What programs share is bytes, not text: kept as it is.
                let mut tree = Tree::new(host, "shared_memory_files", limits, true);
                let place = Place { prefix: b"", source: TOP, reads_links: true, columns: &|_, _| () };
                let mut few = Few::new(evidence);
                let done = tree.keep(walk, &place, u64::MAX, &mut few);
                few.tell("shared_memory_files");
                done.map(|()| Outcome::ok())
            }
            Err(error) if error.is_gone() && segments => Ok(Outcome::ok()),
            Err(error) => Ok(failure::outcome(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Digest;
    use crate::source::recorded::Recorded;
    use nix::sys::stat::Mode;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;

    fn shm(source: Shm, lay_out: impl FnOnce(&std::path::Path)) -> (Outcome, Recorded) {
        let tree = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(tree.path().join("proc")).unwrap();
        std::fs::create_dir_all(tree.path().join("dev/shm")).unwrap();
        lay_out(&tree.path().join("dev/shm"));
        let mut evidence = Recorded::default();
        let outcome = source.acquire(&Host::fixture(tree.path()).unwrap(), &mut evidence).unwrap();
        (outcome, evidence)
    }

    fn row<'a>(evidence: &'a Recorded, path: &str) -> &'a serde_json::Value {
        evidence.rows("shared_memory_files").iter().find(|row| row["path"] == path).unwrap()
    }

    #[test]
    fn files_folders_and_links_are_kept_whatever_their_names() {
        let (outcome, evidence) = shm(Shm::default(), |at| {
            std::fs::create_dir(at.join(".hidden")).unwrap();
            std::fs::write(at.join(".hidden/x"), "payload").unwrap();
            std::fs::write(at.join(std::ffi::OsStr::from_bytes(b"n\n\x1b[2J\xff")), "odd").unwrap();
            symlink("../shm", at.join("loop")).unwrap();
        });
        assert_eq!((outcome, evidence.gaps.len()), (Outcome::ok(), 0));
        assert_eq!(evidence.member("/dev/shm/.hidden/x"), Some(&b"payload"[..]));
        let file = row(&evidence, "/dev/shm/.hidden/x");
        assert_eq!((&file["sha256"], &file["size"]), (&Digest::of(b"payload").to_string().into(), &7.into()));
        assert_eq!((&file["directory"], &file["type"]), (&"/dev/shm/.hidden".into(), &"regular".into()));
        assert_eq!(row(&evidence, "/dev/shm/loop")["symlink_target_path"], "../shm");
        assert_eq!(evidence.rows("shared_memory_files").len(), 4);
        assert_eq!(evidence.rows("shared_memory_files")[3]["path_b64"], "L2Rldi9zaG0vbgobWzJK/w==");
        assert!(evidence.members.iter().any(|(path, _, content)| path == b"/dev/shm/n\n\x1b[2J\xff" && content == b"odd"));
    }

    #[test]
    fn a_fifo_is_listed_and_its_writer_stays_blocked() {
        let (sender, opened) = std::sync::mpsc::channel();
        let mut fifo = std::path::PathBuf::new();
        let (outcome, evidence) = shm(Shm::default(), |at| {
            fifo = at.join("fifo");
            nix::unistd::mkfifo(&fifo, Mode::S_IRWXU).unwrap();
            // Opening a FIFO for writing returns when somebody opens it for reading.
            let (fifo, started) = (fifo.clone(), std::sync::mpsc::channel());
            std::thread::spawn(move || {
                started.0.send(()).unwrap();
                let _ = sender.send(std::fs::OpenOptions::new().write(true).open(fifo).map(drop));
            });
            started.1.recv().unwrap();
        });
        assert_eq!((outcome, evidence.gaps.len()), (Outcome::ok(), 0));
        assert_eq!(row(&evidence, "/dev/shm/fifo")["type"], "fifo");
        // Either the writer waits still, or it came so late that the folder was gone already; nobody ever read from the FIFO.
        assert!(!matches!(opened.try_recv(), Ok(Ok(()))));
    }

    #[test]
    fn limits_are_gaps() {
        let (_, evidence) = shm(Shm { file_cap: 10, total_cap: 15 }, |at| {
            for name in ["a", "b", "c"] {
                std::fs::write(at.join(name), "0123456789ABCDEF").unwrap();
            }
        });
        let kept = |name: &str| evidence.member(&format!("/dev/shm/{name}")).map(<[u8]>::len);
        assert_eq!((kept("a@0"), kept("b@0"), kept("c@0"), kept("a")), (Some(10), Some(5), None, None));
        let gaps: Vec<_> = evidence.gaps.iter().map(|gap| (gap.offset, gap.length)).collect();
        assert_eq!(gaps, [(Some(10), Some(6)), (Some(5), Some(11)), (Some(0), Some(16))]);
        assert_eq!(row(&evidence, "/dev/shm/a")["status"], "partial");
        assert!(row(&evidence, "/dev/shm/a").get("sha256").is_none());
        assert_eq!(row(&evidence, "/dev/shm/a")["pieces"][0]["sha256"], Digest::of(b"0123456789").to_string());
    }

    #[test]
    fn gaps_beyond_the_limit_are_counted() {
        let (_, evidence) = shm(Shm { file_cap: 10, total_cap: 0 }, |at| {
            (0..1_000).for_each(|n| std::fs::write(at.join(n.to_string()), "x").unwrap());
        });
        assert_eq!((evidence.gaps.len(), evidence.rows("shared_memory_files").len()), (901, 1_000));
        assert!(evidence.gaps[900].reason.starts_with("100 more gaps"), "{:?}", evidence.gaps[900]);
    }

    #[test]
    fn what_hides_behind_a_hole_is_kept_and_a_second_name_is_not_read_again() {
        let (outcome, evidence) = shm(Shm::default(), |at| {
            let file = std::fs::File::create(at.join("a")).unwrap();
            std::os::unix::fs::FileExt::write_all_at(&file, b"payload", 1 << 42).unwrap();
            std::fs::hard_link(at.join("a"), at.join("b")).unwrap();
        });
        assert_eq!((outcome, evidence.gaps.len()), (Outcome::ok(), 0));
        let piece = &row(&evidence, "/dev/shm/a")["pieces"][0];
        let member = evidence.member(&format!("/dev/shm/a@{}", piece["offset"])).unwrap();
        assert!(member.ends_with(b"payload") && member.len() < 1 << 20);
        assert_eq!(row(&evidence, "/dev/shm/b")["content_at"], "/dev/shm/a");
    }

    #[test]
    fn this_machine_has_shared_memory() {
        let name = format!("/dev/shm/hozen-test-{}", std::process::id());
        std::fs::write(&name, "here").unwrap();
        let mut evidence = Recorded::default();
        let outcome = Shm { file_cap: 1 << 20, total_cap: 8 << 20 }.acquire(&Host::live().unwrap(), &mut evidence);
        std::fs::remove_file(&name).unwrap();
        assert_eq!(outcome, Ok(Outcome::ok()));
        assert_eq!(evidence.member(&name), Some(&b"here"[..]));
        assert!(evidence.member("/proc/sysvipc/shm").unwrap().starts_with(b" "));
    }
}
