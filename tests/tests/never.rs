//! What Hozen never does on a host: execute a program, write outside `--to`, load a module, mount, touch access times.
//!
//! Each holds for the profile volatile on this host, and for triage, the default, in a small root with a small host planted in it: this
//! machine's own files are too many to be walked again and again.

#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests look at the host with the standard library"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use hozen_tests::agent::Agent;
use hozen_tests::evidence::{Evidence, bytes, number, rows_of, sha256};
use hozen_tests::helper::Helper;
use hozen_tests::host::{MountWatch, Mounts, is_root, modules, mountinfo, skipped};
use hozen_tests::still::{How, Moved, Still};
use hozen_tests::{planted, root};
use nix::sys::signal::Signal;
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;
use serde_json::Value;

const VOLATILE: &[&str] = &["--profile", "volatile"];
/// A whole run of the profile that nobody needs to name, but for the image of memory.
const TRIAGE: &[&str] = &["--memory", "off"];

/// Collects in a root of the test's own in which a small host is planted: of profile triage, and all of that host, or it proves nothing.
fn triage(agent: &Agent, to: &str) -> Evidence {
    let evidence = agent.collect(Path::new(to), TRIAGE);
    let begin = evidence.predicate("000-begin.json");
    assert_eq!(begin.pointer("/options/profile").and_then(Value::as_str), Some("triage"), "{begin}");
    planted::assert_taken(&evidence);
    evidence
}

/// One exec is its own start, and the one fork is the watchdog.
const NOTHING: &str = "execs=1 forks=1 mounts=0 modules=0\n";

#[test]
fn no_program_is_executed() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    let agent = Agent::find().through("watched", &[report.to_str().unwrap()]);
    let _ = agent.collect(&folder.path().join("evidence"), VOLATILE);
    assert_eq!(fs::read_to_string(&report).unwrap(), NOTHING);
}

#[test]
fn a_triage_run_executes_mounts_and_loads_nothing() {
    if !is_root("a_triage_run_executes_mounts_and_loads_nothing") {
        return;
    }
    root::inside(&["watched"], |root| {
        planted::plant(root);
        let (watch, before) = (MountWatch::begin(), modules());
        let _ = triage(&Agent::find().through("watched", &["/out/report"]), "/out/evidence");
        assert_eq!(fs::read_to_string("/out/report").unwrap(), NOTHING);
        assert!(!watch.has_changed(), "something was mounted where others see it, be it for a moment");
        assert_eq!(before, modules());
        // The counter-check, for a moment.
        root.tmpfs("/mnt", "64k");
        nix::mount::umount("/mnt").unwrap();
        assert!(watch.has_changed(), "the kernel does not tell what was mounted: nothing is shown");
    });
}

#[test]
fn every_thread_is_under_the_filter_and_the_evidence_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("evidence");
    let mut run = Agent::find().start(Agent::collection(&to, VOLATILE));
    // From the begin record on something is read. The stop makes it hold still to be looked at.
    run.await_file(&to.join("000-begin.json"));
    run.signal(Signal::SIGSTOP);
    let looked_at = threads_under_filter(&run.pid().to_string());
    run.signal(Signal::SIGCONT);
    let finished = run.wait();
    finished.assert_sealed();
    assert!(!looked_at.is_empty(), "the run ended before it could be looked at");
    let evidence = Evidence::open(&to);
    let access = evidence.predicate("000-begin.json").get("access").map(Value::to_string).unwrap_or_default();
    assert!(access.contains("seccomp"), "the begin record does not tell of the filter: {access}");
    let footprint: Vec<String> = evidence.table("footprint").iter().map(Value::to_string).collect();
    assert!(footprint.iter().any(|row| row.contains("\"Seccomp\"")), "{footprint:#?}");
}

/// The names of a process's threads, all of which must be under a seccomp filter and without new privileges.
fn threads_under_filter(pid: &str) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let live = |status: &String| !status.contains("\nState:\tZ") && !status.contains("\nState:\tX");
    let status = tasks.filter_map(|task| fs::read_to_string(task.path().join("status")).ok()).filter(live);
    let name = |status: String| {
        assert!(status.contains("\nSeccomp:\t2\n"), "a thread is not under the filter:\n{status}");
        assert!(status.contains("\nNoNewPrivs:\t1\n"), "a thread could gain privileges:\n{status}");
        status.lines().find_map(|line| line.strip_prefix("Name:\t")).unwrap_or_default().to_owned()
    };
    status.map(name).collect()
}

#[test]
fn every_thread_of_a_triage_run_is_under_the_filter() {
    if !is_root("every_thread_of_a_triage_run_is_under_the_filter") {
        return;
    }
    root::inside(&[], |root| {
        planted::plant(root);
        // So many that the walk takes its time, and is seen.
        root.folder("/srv/many");
        (0..30_000).for_each(|n| root.empty(&format!("/srv/many/{n}")));
        let to = Path::new("/out/evidence");
        let mut run = Agent::find().start(Agent::collection(to, TRIAGE));
        run.await_file(&to.join("000-begin.json"));
        let mut seen = BTreeSet::new();
        while !run.has_ended() {
            seen.extend(threads_under_filter(&run.pid().to_string()));
        }
        run.wait().assert_sealed();
        assert!(["hozen-store", "hozen-files"].iter().all(|name| seen.contains(*name)), "threads were missed: {seen:?}");
    });
}

#[test]
fn nothing_is_mounted_and_no_module_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let before = (mountinfo(), modules());
    let _ = Agent::find().collect(&folder.path().join("evidence"), VOLATILE);
    assert_eq!(before, (mountinfo(), modules()));
}

#[test]
fn a_host_that_cannot_be_written_to_makes_no_difference() {
    if !is_root("a_host_that_cannot_be_written_to_makes_no_difference") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let point = folder.path().to_owned();
    // A thread of its own: its mounts are read-only for good, and the folder is removed outside of them.
    let keys = |to: PathBuf| Agent::find().collect(&to, VOLATILE).keys();
    let read_only = std::thread::spawn(move || {
        let mut mounts = Mounts::own();
        mounts.tmpfs(&point, "256m");
        for other in mount_points().iter().filter(|other| **other != point) {
            let _ = mounts.read_only(other);
        }
        assert!(fs::write("/var/tmp/hozen-test", b"").is_err(), "the host can still be written to");
        keys(point.join("evidence"))
    });
    let read_only = read_only.join().unwrap();
    let other = tempfile::tempdir().unwrap();
    let ordinary = keys(other.path().join("evidence"));
    assert_eq!(without_custody(&read_only), without_custody(&ordinary));
}

/// How many objects of custody there are depends on the time that a run took.
fn without_custody(keys: &[String]) -> Vec<&String> {
    keys.iter().filter(|key| !key.starts_with("custody/")).collect()
}

#[test]
fn a_root_that_cannot_be_written_to_makes_no_difference_to_triage() {
    if !is_root("a_root_that_cannot_be_written_to_makes_no_difference_to_triage") {
        return;
    }
    root::inside(&[], |root| {
        planted::plant(root);
        let ordinary = triage(&Agent::find(), "/out/ordinary").keys();
        root.read_only();
        let read_only = triage(&Agent::find(), "/out/read-only").keys();
        assert_eq!(without_custody(&read_only), without_custody(&ordinary));
    });
}

/// Every mount point that this thread can reach, each once.
fn mount_points() -> Vec<PathBuf> {
    let mut points: Vec<PathBuf> = mountinfo().lines().filter_map(|line| line.split(' ').nth(4)).map(PathBuf::from).collect();
    points.sort();
    points.dedup();
    points
}

#[test]
fn the_files_of_the_host_are_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let look = || {
        let mut seen = BTreeMap::new();
        for top in ["/etc", "/var/lib/dpkg", "/var/spool", "/boot"] {
            snapshot(Path::new(top), &mut seen);
        }
        seen
    };
    let before = look();
    let _ = Agent::find().collect(&folder.path().join("evidence"), VOLATILE);
    let after = look();
    let changed: Vec<_> = before.iter().filter(|(path, was)| after.get(*path) != Some(was)).map(|(path, _)| path).collect();
    let made: Vec<_> = after.keys().filter(|path| !before.contains_key(*path)).collect();
    assert!(changed.is_empty() && made.is_empty(), "changed: {changed:?}, made: {made:?}");
}

/// Size, modification and change time of everything below `top`.
fn snapshot(top: &Path, seen: &mut BTreeMap<PathBuf, [i64; 5]>) {
    let Ok(meta) = fs::symlink_metadata(top) else { return };
    let size = i64::try_from(meta.size()).unwrap();
    seen.insert(top.to_owned(), [size, meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()]);
    if meta.is_dir() {
        for entry in fs::read_dir(top).into_iter().flatten().flatten() {
            snapshot(&entry.path(), seen);
        }
    }
}

#[test]
fn access_times_stay_as_they_are() {
    if !is_root("access_times_stay_as_they_are") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut mounts = Mounts::own();
    let shm = Path::new("/dev/shm");
    mounts.tmpfs(shm, "1m");
    let (directory, file, link) = (shm.join("directory"), shm.join("directory/file"), shm.join("directory/link"));
    fs::create_dir(&directory).unwrap();
    fs::write(&file, b"content").unwrap();
    std::os::unix::fs::symlink("file", &link).unwrap();
    // Older than the modification: the next ordinary read or readlink would move it, whatever `relatime` says.
    for path in [&file, &link, &directory] {
        let (long_ago, then) = (TimeSpec::new(1_000_000, 0), TimeSpec::new(2_000_000, 0));
        utimensat(nix::fcntl::AT_FDCWD, path, &long_ago, &then, UtimensatFlags::NoFollowSymlink).unwrap();
    }
    let os_release = Path::new("/etc/os-release");
    let atime = |path: &Path| fs::symlink_metadata(path).map(|meta| (meta.atime(), meta.atime_nsec())).ok();
    let before = atime(os_release);
    let evidence = Agent::find().collect(&folder.path().join("evidence"), VOLATILE);
    for path in [&file, &link, &directory] {
        assert_eq!(atime(path), Some((1_000_000, 0)), "{}", path.display());
    }
    assert_eq!(atime(os_release), before);
    let members = evidence.raw("shm");
    assert_eq!(members.get(b"/dev/shm/directory/file".as_slice()).map(|raw| raw.content.as_slice()), Some(&b"content"[..]));
    assert!(members.contains_key(b"/dev/shm/directory/link".as_slice()), "the link was read, or this proves nothing");
    // The counter-check: what is held still here does move when it is read in the ordinary way.
    fs::read_link(&link).unwrap();
    assert_ne!(atime(&link), Some((1_000_000, 0)), "this file system keeps no access times");
}

/// Where a program lies that runs meanwhile.
const RUNNING: &str = "/usr/local/bin/odd";

#[test]
fn a_triage_run_leaves_every_file_and_every_time_as_it_was() {
    if !is_root("a_triage_run_leaves_every_file_and_every_time_as_it_was") {
        return;
    }
    root::inside(&["odd"], |root| {
        planted::plant(root);
        root.copy("odd", RUNNING);
        let running = Helper::start_at(Path::new(RUNNING), ["plain"]);
        let still = Still::set_back(Path::new("/"));
        let evidence = triage(&Agent::find(), "/out/evidence");
        assert_eq!(still.moved(), []);
        let executables = evidence.table("process_executables");
        let own = rows_of(&executables, "pid", running.number("pid"));
        let digest = sha256(&fs::read(RUNNING).unwrap()).into_bytes();
        let is_own = |row: &&Value| bytes(row, "sha256").as_ref() == Some(&digest) && number(row, "matches") == Some(1);
        assert!(own.len() == 1 && own.iter().all(is_own), "the running program was not read, or this proves nothing: {own:#?}");
        whatever_is_read_in_the_ordinary_way_moves();
    });
}

/// The counter-check, on the same files.
fn whatever_is_read_in_the_ordinary_way_moves() {
    let still = Still::set_back(Path::new("/"));
    let folder = "/home/ann";
    planted::FILES.iter().for_each(|file| drop(fs::read(file.path).unwrap()));
    planted::LINKS.iter().for_each(|(link, _)| drop(fs::read_link(link).unwrap()));
    assert!(fs::read_dir(folder).unwrap().count() > 0);
    let paths = planted::FILES.iter().map(|file| file.path).chain(planted::LINKS.iter().map(|(link, _)| *link)).chain([folder]);
    let moved = still.moved();
    for path in paths.map(PathBuf::from) {
        assert!(moved.contains(&Moved { path: path.clone(), how: How::Read }), "{} keeps no access time", path.display());
    }
}

/// What kernels lack that are still in use: 5.10 and 4.14 of Amazon Linux 2.
const OLD_KERNELS: &[&str] = &[
    "mount_setattr",
    "mount_setattr,open_tree,fsopen,fsmount,fsconfig",
    "mount_setattr,open_tree,fsopen,fsmount,fsconfig,openat2,pidfd_open",
];

#[test]
fn an_older_kernel_gives_the_same_artefacts() {
    if !is_root("an_older_kernel_gives_the_same_artefacts") {
        return;
    }
    for missing in OLD_KERNELS {
        let folder = tempfile::tempdir().unwrap();
        let agent = Agent::find().through("without", &[missing]);
        let evidence = agent.collect(&folder.path().join("evidence"), VOLATILE);
        let rows = evidence.table("processes");
        let own = i64::from(std::process::id());
        assert!(!rows_of(&rows, "pid", own).is_empty(), "without {missing}");
        for artefact in ["freeze_frame", "mounts", "shm"] {
            let step = evidence.step(artefact);
            let status = step.get("status").and_then(Value::as_str);
            assert!(matches!(status, Some("ok" | "partial")), "without {missing}: {step}");
        }
    }
}

#[test]
fn on_an_older_kernel_triage_moves_access_times_of_links_alone_and_names_each() {
    if !is_root("on_an_older_kernel_triage_moves_access_times_of_links_alone_and_names_each") {
        return;
    }
    for missing in OLD_KERNELS {
        root::inside(&["without"], move |root| {
            planted::plant(root);
            let still = Still::set_back(Path::new("/"));
            let evidence = triage(&Agent::find().through("without", &[missing]), "/out/evidence");
            let moved = still.moved();
            assert!(!moved.is_empty(), "without {missing} there are private views all the same: nothing is shown");
            let footprint: String = evidence.table("footprint").iter().map(Value::to_string).collect();
            for Moved { path, how } in moved {
                let is_link = planted::LINKS.iter().any(|(link, _)| Path::new(link) == path);
                assert!(is_link && how == How::Read, "without {missing}: {} is {how:?}", path.display());
                let told = format!("access time of the symbolic link {} may have changed", path.display());
                assert!(footprint.contains(&told), "without {missing}: {} is not named: {footprint}", path.display());
            }
        });
    }
}

#[test]
fn without_the_private_view_the_evidence_says_so() {
    if !is_root("without_the_private_view_the_evidence_says_so") {
        return;
    }
    let access = |agent: &Agent| {
        let folder = tempfile::tempdir().unwrap();
        let evidence = agent.collect(&folder.path().join("evidence"), &["--only", "freeze_frame"]);
        evidence.predicate("000-begin.json").get("access").map(Value::to_string).unwrap_or_default()
    };
    let with = access(&Agent::find());
    let without = access(&Agent::find().through("without", &["open_tree,fsopen,mount_setattr"]));
    assert!(with.contains("\"proc_view\":\"clone\"") && with.contains("\"private_views\":true"), "{with}");
    assert!(without.contains("\"proc_view\":\"plain\"") && without.contains("\"private_views\":false"), "{without}");
}

#[test]
fn without_root_nothing_is_hidden_and_nothing_invented() {
    if !is_root("without_root_nothing_is_hidden_and_nothing_invented") {
        return;
    }
    let Some(nobody) = nobody_can_run() else {
        skipped("without_root_nothing_is_hidden_and_nothing_invented", "a folder that everybody may enter");
        return;
    };
    let to = nobody.path().join("to/evidence");
    let agent = Agent::find().copied_to(&nobody.path().join("hozen")).as_user(65534);
    let finished = agent.run(Agent::collection(&to, &["--profile", "volatile", "--unprivileged"]));
    finished.assert_sealed();
    Agent::find().verify(&to).assert_code(0);
    let evidence = Evidence::open(&to);
    let rows = evidence.table("processes");
    let others: Vec<&Value> = rows_of(&rows, "pid", 1);
    assert_eq!(others.len(), 1, "process 1 is visible to everybody");
    let envs = evidence.table("process_envs");
    let of_init = rows_of(&envs, "pid", 1);
    assert!(of_init.iter().all(|row| row.get("key").is_none()), "its environment is not");
}

/// A folder in which user 65534 may execute and has a folder `to` of its own.
fn nobody_can_run() -> Option<tempfile::TempDir> {
    use std::os::unix::fs::{PermissionsExt as _, chown};
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no temporary folder: {error}"));
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let to = folder.path().join("to");
    fs::create_dir(&to).unwrap();
    chown(&to, Some(65534), Some(65534)).unwrap();
    let enterable = |path: &Path| fs::metadata(path).is_ok_and(|meta| meta.mode() & 0o001 != 0);
    folder.path().ancestors().all(enterable).then_some(folder)
}
