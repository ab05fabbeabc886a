//! The helper programs do what they say, so that the tests which use them test something.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests look at the host with the standard library")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use hozen_tests::evidence::sha256;
use hozen_tests::helper::{Helper, beside};
use hozen_tests::host::{MountWatch, Mounts, is_root, mountinfo};
use hozen_tests::root;

/// A line of `/proc/PID/status`.
fn status(pid: i64, name: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
    line.unwrap_or_default().to_owned()
}

/// Whether the process is gone or dead, within ten seconds: who reaps an orphan may take its time.
fn ends(pid: i64) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(10) {
        if matches!(status(pid, "State").chars().next(), None | Some('Z')) {
            return true;
        }
        sleep(Duration::from_millis(5));
    }
    false
}

#[test]
fn a_crowd_has_its_size_and_goes_with_its_parent() {
    let crowd = Helper::start("crowd", ["20", "61"]);
    assert_eq!((crowd.number("processes"), crowd.number("sockets")), (20, 61));
    let parent = crowd.pid();
    let children: Vec<i64> = children(parent);
    assert_eq!(children.len(), 20);
    let sockets = |pid: &i64| {
        let links = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().map(|fd| fs::read_link(fd.unwrap().path()));
        links.filter(|link| link.as_ref().is_ok_and(|link| link.to_string_lossy().starts_with("socket:"))).count()
    };
    assert_eq!(children.iter().map(sockets).sum::<usize>(), 61);
    crowd.kill();
    assert!(children.into_iter().all(ends));
}

fn children(pid: i64) -> Vec<i64> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    list.split_ascii_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

#[test]
fn a_crowd_leaves_room_for_others() {
    let ended = Command::new(beside("crowd")).args(["3000000", "1"]).stdin(Stdio::null()).output().unwrap();
    assert!(!ended.status.success());
    assert!(String::from_utf8_lossy(&ended.stderr).contains("kernel.pid_max"), "{ended:?}");
}

#[test]
fn a_contained_program_has_the_capabilities_that_are_named_and_no_map_of_memory() {
    if !is_root("a_contained_program_has_the_capabilities_that_are_named_and_no_map_of_memory") {
        return;
    }
    for (kept, effective) in [(&["sys_ptrace"][..], "0000000000080000"), (&[], "0000000000000000")] {
        let mut command = Command::new(beside("contained"));
        let ended = command.args(kept).args(["--", "cat", "/proc/iomem", "/proc/self/status"]).output().unwrap();
        let said = String::from_utf8(ended.stdout).unwrap();
        assert!(said.contains(&format!("CapEff:\t{effective}\n")) && !said.contains("System RAM"), "{said}");
    }
}

#[test]
fn a_megabyte_of_arguments_is_there_and_hostile() {
    let odd = Helper::start("odd", ["megabyte"]);
    let cmdline = fs::read(format!("/proc/{}/cmdline", odd.number("pid"))).unwrap();
    assert!(cmdline.len() > 1 << 20);
    assert_eq!((cmdline.len().to_string().as_str(), sha256(&cmdline).as_str()), (odd.fact("size"), odd.fact("sha256")));
    assert!(String::from_utf8(cmdline).is_err());
}

#[test]
fn executables_are_deleted_or_were_never_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    for (arguments, link) in
        [(vec!["memfd"], "/memfd:kworker (deleted)".to_owned()), (vec!["deleted", dir], format!("{dir}/dropper (deleted)"))]
    {
        let odd = Helper::start("odd", arguments);
        let exe = format!("/proc/{}/exe", odd.number("pid"));
        assert_eq!(fs::read_link(&exe).unwrap().to_str().unwrap(), link);
        assert_eq!(sha256(&fs::read(exe).unwrap()), odd.fact("sha256"));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_secret_is_in_the_environment_only() {
    let odd = Helper::start("odd", ["secret"]);
    let read = |name: &str| fs::read_to_string(format!("/proc/{}/{name}", odd.number("pid"))).unwrap();
    assert!(read("environ").contains(&format!("AWS_SECRET_ACCESS_KEY={}\0", odd.fact("secret"))));
    assert!(!read("cmdline").contains(odd.fact("secret")));
}

#[test]
fn a_parent_in_vfork_is_in_state_d() {
    // Often, because the end may come before the child has tied itself to its parent.
    for _ in 0..30 {
        let odd = Helper::start("odd", ["dstate"]);
        let pid = odd.number("pid");
        let child = children(pid)[0];
        assert!(status(pid, "State").starts_with('D'));
        odd.kill();
        assert!(ends(pid) && ends(child));
    }
}

#[test]
fn a_frozen_process_is_frozen_and_thawed_even_if_its_parent_is_killed() {
    if !is_root("a_frozen_process_is_frozen_and_thawed_even_if_its_parent_is_killed") {
        return;
    }
    for kill in [false, true] {
        let odd = Helper::start("odd", ["frozen"]);
        let pid = odd.number("pid");
        let group = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
        assert!(group.contains(&format!("/hozen-test-{pid}\n")), "{group}");
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid.try_into().unwrap()), nix::sys::signal::Signal::SIGUSR1).unwrap();
        sleep(Duration::from_millis(50));
        assert_eq!(status(pid, "Name"), "odd", "a frozen process does not even die of a signal");
        if kill {
            odd.kill();
        } else {
            assert!(odd.finish().is_empty());
        }
        assert!(ends(pid));
        await_gone(&format!("hozen-test-{pid}"));
    }
}

/// Removes a control group as soon as the kernel has done with who was in it.
fn remove(group: &str) {
    let start = Instant::now();
    while !["/sys/fs/cgroup/freezer", "/sys/fs/cgroup"].iter().any(|top| fs::remove_dir(Path::new(top).join(group)).is_ok()) {
        assert!(start.elapsed() < Duration::from_secs(10), "the control group cannot be removed");
        sleep(Duration::from_millis(5));
    }
}

fn await_gone(group: &str) {
    let start = Instant::now();
    while ["/sys/fs/cgroup/freezer", "/sys/fs/cgroup"].iter().any(|top| Path::new(top).join(group).exists()) {
        assert!(start.elapsed() < Duration::from_secs(10), "the control group is still there");
        sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_wedge_hangs_whoever_asks_and_then_lets_go() {
    if !is_root("a_wedge_hangs_whoever_asks_and_then_lets_go") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let _mounts = Mounts::own();
    let wedge = Helper::start("wedge", [folder.path().as_os_str(), "--hold".as_ref(), "--lock".as_ref()]);
    let (holder, locker) = (wedge.number("holder"), wedge.number("locker"));
    assert_eq!(fs::read_link(format!("/proc/{holder}/cwd")).unwrap(), folder.path());
    assert!(status(locker, "State").starts_with('D'));
    let (sender, answers) = std::sync::mpsc::channel();
    for path in [format!("/proc/{locker}/cmdline"), folder.path().join("name").display().to_string()] {
        let sender = sender.clone();
        std::thread::spawn(move || sender.send((fs::read(&path).is_ok(), path)));
    }
    let early = answers.recv_timeout(Duration::from_millis(300));
    assert!(early.is_err(), "this read should hang: {early:?}");
    let said = wedge.finish();
    assert!(said[0].starts_with("asked "), "{said:?}");
    for _ in 0..2 {
        answers.recv_timeout(Duration::from_secs(60)).expect("the read returns when the wedge is gone");
    }
    assert!(ends(holder) && ends(locker));
}

#[test]
fn without_takes_a_system_call_away() {
    let run = |missing: &str| {
        let command = Command::new(beside("without")).args([missing, "--", "/proc/self/exe", "x", "--", "y"]).output().unwrap();
        String::from_utf8(command.stderr).unwrap()
    };
    // The program executed is `without` itself, which says that it knows no call named x: it ran.
    assert!(run("statx,openat2").contains("unknown system call x"));
    assert!(run("nonsense").contains("unknown system call nonsense"));
}

#[test]
fn a_listener_in_another_namespace_is_not_seen_from_here() {
    if !is_root("a_listener_in_another_namespace_is_not_seen_from_here") {
        return;
    }
    let odd = Helper::start("odd", ["netns"]);
    let port = format!(":{:04X} ", odd.number("port"));
    let table = |pid: &str| fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap();
    assert!(table(odd.fact("pid")).contains(&format!("0100007F{port}")));
    assert!(!table("self").contains(&format!("0100007F{port}00000000:0000 0A")));
}

#[test]
fn a_pair_listens_on_one_port_in_two_namespaces() {
    if !is_root("a_pair_listens_on_one_port_in_two_namespaces") {
        return;
    }
    let odd = Helper::start("odd", ["netns-pair"]);
    let port = format!("0100007F:{:04X} ", odd.number("port"));
    let of = |pid: i64| fs::read_link(format!("/proc/{pid}/ns/net")).unwrap();
    let pids = ["pid", "other_pid"].map(|fact| odd.number(fact));
    assert!(pids.iter().all(|pid| fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap().contains(&port)));
    let namespaces = pids.map(|pid| of(pid).to_str().unwrap().to_owned());
    assert_eq!(namespaces, ["netns", "other_netns"].map(|fact| format!("net:[{}]", odd.fact(fact))));
    assert!(namespaces[0] != namespaces[1] && pids.iter().all(|pid| of(*pid) != of(odd.pid())));
    odd.kill();
    assert!(pids.into_iter().all(ends));
}

#[test]
fn a_container_has_namespaces_of_its_own_and_goes_with_its_parent() {
    if !is_root("a_container_has_namespaces_of_its_own_and_goes_with_its_parent") {
        return;
    }
    for kill in [false, true] {
        let folder = tempfile::tempdir_in("/dev/shm").unwrap();
        let odd = Helper::start("odd", ["container".as_ref(), folder.path().as_os_str()]);
        let (first, worker) = (odd.number("pid"), odd.number("worker"));
        for (kind, fact) in [("mnt", "mnt"), ("pid", "pidns"), ("net", "net"), ("uts", "uts"), ("ipc", "ipc")] {
            let of = |pid: i64| fs::read_link(format!("/proc/{pid}/ns/{kind}")).unwrap();
            assert_eq!(of(first).to_str().unwrap(), format!("{kind}:[{}]", odd.fact(fact)));
            assert!(of(first) == of(worker) && of(first) != of(odd.pid()), "{kind}");
        }
        assert_eq!(status(first, "NSpid"), format!("{first}\t1"));
        assert_eq!(fs::read(folder.path().join("upper/etc/planted")).unwrap(), b"planted in a container\n");
        let group = format!("docker-{}.scope", odd.fact("id"));
        assert!(fs::read_to_string(format!("/proc/{worker}/cgroup")).unwrap().contains(&format!("/{group}\n")));
        if kill {
            odd.kill();
            assert!(ends(first) && ends(worker));
            // Nobody else is left who could.
            remove(&group);
        } else {
            assert!(odd.finish().is_empty());
            assert!(ends(first) && ends(worker));
            await_gone(&group);
        }
    }
}

#[test]
fn a_mortal_has_ever_new_children() {
    let odd = Helper::start("odd", ["mortal"]);
    let pid = odd.number("pid");
    let mut seen = std::collections::BTreeSet::new();
    let start = Instant::now();
    while seen.len() < 3 && start.elapsed() < Duration::from_secs(30) {
        seen.extend(children(pid));
    }
    assert!(seen.len() >= 3);
}

#[test]
fn a_watched_command_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    let run = |command: &[&str]| {
        let mut watched = Command::new(beside("watched"));
        let status = watched.arg(&report).arg("--").args(command).stdin(Stdio::null()).status().unwrap();
        (status.code(), fs::read_to_string(&report).unwrap())
    };
    assert_eq!(run(&["/bin/sh", "-c", "exit 7"]), (Some(7), "execs=1 forks=0 mounts=0 modules=0\n".to_owned()));
    let (code, report) = run(&["/bin/sh", "-c", "/bin/true; /bin/true; exit 3"]);
    assert_eq!((code, report.as_str()), (Some(3), "execs=3 forks=2 mounts=0 modules=0\n"));
    // Calls that cannot succeed are calls.
    let (mount, unload) = (libc::SYS_mount, libc::SYS_delete_module);
    let calls = format!(
        "import ctypes; c = ctypes.CDLL(None).syscall; c({mount}, 0, 0, 0, 0, 0); c({unload}, b'', 0); c({unload}, b'', 0)"
    );
    let (code, report) = run(&["python3", "-c", &calls]);
    assert_eq!(code, Some(0));
    assert!(report.ends_with(" mounts=1 modules=2\n"), "{report}");
}

#[test]
fn an_overlay_over_a_wedge_hangs_and_whoever_hangs_can_be_killed() {
    if !is_root("an_overlay_over_a_wedge_hangs_and_whoever_hangs_can_be_killed") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (dead, point) = (folder.path().join("dead"), folder.path().join("point"));
    [&dead, &point].into_iter().for_each(|path| fs::create_dir(path).unwrap());
    let _mounts = Mounts::own();
    let wedge = Helper::start("wedge", [dead.as_os_str(), "--under".as_ref(), point.as_os_str()]);
    assert!(mountinfo().lines().any(|line| line.contains(&format!(" {} ", point.display())) && line.contains(" - overlay ")));
    let mut list = Command::new("/bin/ls").arg(&point).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    sleep(Duration::from_millis(300));
    assert!(list.try_wait().unwrap().is_none(), "to list it should hang");
    list.kill().unwrap();
    assert!(ends(list.id().into()), "what hangs there cannot be killed");
    list.wait().unwrap();
    assert!(wedge.finish().is_empty());
}

#[test]
fn a_small_root_has_what_the_test_has_put_there_and_takes_it_along() {
    if !is_root("a_small_root_has_what_the_test_has_put_there_and_takes_it_along") {
        return;
    }
    root::inside(&["odd"], |root| {
        root.file("/srv/a/file", 0o640, "content");
        assert_eq!(fs::read("/srv/a/file").unwrap(), b"content");
        assert!(!Path::new("/etc").exists() && Path::new("/proc/self/status").exists());
        assert!(beside("odd").is_file());
        let points: Vec<String> = mountinfo().lines().filter_map(|line| line.split(' ').nth(4)).map(str::to_owned).collect();
        assert!(points.iter().any(|point| point == "/") && points.iter().all(|point| !point.starts_with("/old")), "{points:?}");
    });
    assert!(!Path::new("/srv/a/file").exists() && Path::new("/etc").exists());
}

#[test]
fn a_mount_is_noticed_be_it_for_a_moment() {
    if !is_root("a_mount_is_noticed_be_it_for_a_moment") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut mounts = Mounts::own();
    let watch = MountWatch::begin();
    assert!(!watch.has_changed());
    mounts.tmpfs(folder.path(), "64k");
    drop(mounts);
    assert!(watch.has_changed() && !watch.has_changed());
}
