//! What the freeze-frame has no time for, of every process: its threads one by one, what each descriptor is set to, limits and
//! the places in its cgroups.
//!
//! Threads: a thread may bear another name, other capabilities and another label than its process, and its kernel stack says what
//! it waits for. Descriptors: `fdinfo` says whom an epoll, inotify, io_uring or pidfd descriptor watches (proc_pid_fdinfo(5)).
//!
//! Reads that may wait for a lock of the process (`stack`, `syscall`, `timerslack_ns`, `fdinfo`) run on a thread that can be spared, all
//! of one process at once; when one hangs, what was read before it is kept.
//!
//! Of one process as many threads are read as any real one has (4,000), of all together 40,000, and then a few of each: a program that starts threads
//! by the thousand takes neither the time nor the memory of this run. How many were not read is a gap.

mod read;
mod rows;

use std::time::Duration;

use self::read::{Allowance, Detail};
use super::each_process::each_process;
use super::{Evidence, Source, Stop};
use crate::host::Host;
use crate::model::{Artefact, Category, Outcome, Profile};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "process_detail",
    category: Category::Process,
    profile: Profile::Volatile,
    budget: Duration::from_secs(120),
    budget_bytes: None,
    source: "/proc/PID/task, /proc/PID/fdinfo, /proc/PID/limits, /proc/PID/cgroup",
    about: "threads with their kernel stacks, what every descriptor is set to, limits and cgroups of every process",
    tables: &["process_threads", "process_fdinfo", "process_limits", "process_cgroups"],
};

/// Reads it of each process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessDetail;

impl Source for ProcessDetail {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let (mut spare, mut allowance) = (host.spare_thread(), Allowance::default());
        each_process(host, evidence, |process, evidence| {
            let time = host.clock.now();
            let detail = Detail::read(process, &mut spare, &mut allowance);
            detail.keep(evidence)?;
            rows::put(&detail, time, evidence)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture::write;
    use crate::source::recorded::Recorded;

    fn of<'a>(evidence: &'a Recorded, table: &str, pid: u32) -> Vec<&'a serde_json::Value> {
        evidence.rows(table).iter().filter(|row| row["pid"] == pid).collect()
    }

    #[test]
    fn a_thread_with_a_name_of_its_own_is_found_and_what_a_signalfd_waits_for() {
        use nix::sys::signal::{SigSet, Signal};
        use nix::sys::signalfd::SignalFd;
        let (stop, wait) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::Builder::new().name("kworker/0:7".to_owned()).spawn(move || wait.recv().ok()).unwrap();
        let signals = SignalFd::new(&SigSet::from(Signal::SIGUSR1)).unwrap();
        let (host, mut evidence) = (Host::live().unwrap(), Recorded::default());
        assert_eq!(ProcessDetail.acquire(&host, &mut evidence), Ok(Outcome::ok()));
        drop((stop, signals));
        thread.join().unwrap();
        let pid = std::process::id();
        let named = of(&evidence, "process_threads", pid).into_iter().find(|row| row["name"] == "kworker/0:7").unwrap();
        assert_eq!((&named["leader"], &named["name_differs"], &named["seccomp"]), (&0.into(), &1.into(), &0.into()), "{named}");
        assert!(named["tid"].as_u64() > Some(0) && named["cap_eff"].as_str().unwrap().starts_with("0x"));
        let watched =
            of(&evidence, "process_fdinfo", pid).into_iter().find(|row| row["details"].to_string().contains("0000000000000200"));
        assert_eq!(watched.unwrap()["target"], "anon_inode:[signalfd]");
        let files = of(&evidence, "process_limits", pid).into_iter().find(|row| row["limit"] == "Max open files").unwrap();
        assert_eq!(files["units"], "files");
        assert!(!of(&evidence, "process_cgroups", pid).is_empty());
        assert!(evidence.member(&format!("/proc/{pid}/task/{}/comm", named["tid"])).is_some());
    }

    #[test]
    fn of_thousands_of_threads_some_are_read_and_the_others_counted() {
        let dir = tempfile::tempdir().unwrap();
        let thread = |pid: u32, tid: u32| {
            let path = dir.path().join(format!("proc/{pid}/task/{tid}"));
            std::fs::create_dir_all(&path).unwrap();
            std::fs::write(path.join("comm"), b"x\n").unwrap();
        };
        let most = u32::try_from(read::MOST_THREADS).unwrap();
        (0..most + 500).for_each(|number| thread(7000, 100 + number));
        thread(7000, 7000);
        (0..3).for_each(|number| thread(7001, 7001 + number));
        let mut evidence = Recorded::default();
        assert_eq!(ProcessDetail.acquire(&Host::fixture(dir.path()).unwrap(), &mut evidence), Ok(Outcome::ok()));
        let threads = of(&evidence, "process_threads", 7000);
        assert_eq!((threads.len(), &threads[0]["tid"], &threads[0]["leader"]), (read::MOST_THREADS, &7000.into(), &1.into()));
        assert_eq!(of(&evidence, "process_threads", 7001).len(), 3);
        assert_eq!(evidence.gaps.len(), 1, "{:?}", evidence.gaps);
        assert!(evidence.gaps[0].reason.starts_with("501 threads and 0 descriptors were not read"), "{:?}", evidence.gaps);
    }

    #[test]
    fn a_hostile_process_is_kept_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let file = |path: &str, content: &[u8]| write(&dir.path().join("proc/7"), path, content);
        file("comm", b"sh\n");
        file("task/7/comm", b"sh\n");
        file("task/8/comm", b"\xff\x1b[2J\n");
        file("task/8/status", b"Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t3\nNoNewPrivs:\t1\nCapEff:\t00000000000000ff\n");
        file("task/8/stack", b"[<0>] do_nanosleep+0x6e/0x120\n");
        file("fdinfo/3", b"pos:\t5\nflags:\t02\nmnt_id:\t9\nino:\t12\nodd\xff\n");
        file("limits", b"Limit  Soft Limit  Hard Limit  Units \nMax cpu time              unlimited            unlimited            seconds   \nMax nice priority         0                    7                    \n");
        file("cgroup", b"0::/a:b\n");
        let mut evidence = Recorded::default();
        assert_eq!(ProcessDetail.acquire(&Host::fixture(dir.path()).unwrap(), &mut evidence), Ok(Outcome::ok()));
        let threads = evidence.rows("process_threads");
        assert_eq!((&threads[0]["leader"], &threads[0]["name_differs"]), (&1.into(), &0.into()));
        assert_eq!((&threads[1]["name_b64"], &threads[1]["seccomp_filters"]), (&"/xtbMko=".into(), &3.into()));
        assert_eq!((&threads[1]["cap_eff"], &threads[1]["no_new_privs"]), (&"0xff".into(), &1.into()));
        assert_eq!(threads[1]["stack"], serde_json::json!(["do_nanosleep+0x6e/0x120"]));
        let fd = &evidence.rows("process_fdinfo")[0];
        assert_eq!((&fd["position"], &fd["flags"], &fd["inode"]), (&5.into(), &"02".into(), &12.into()));
        assert!(fd["details_b64"].is_array());
        let limits = evidence.rows("process_limits");
        assert_eq!(
            (&limits[1]["limit"], &limits[1]["hard"], &limits[1]["units"]),
            (&"Max nice priority".into(), &"7".into(), &"".into())
        );
        assert_eq!(evidence.rows("process_cgroups")[0]["path"], "/a:b");
    }
}
