use super::*;
use crate::source::recorded::Recorded;
use serde_json::Value;

fn frame(host: &Host) -> Recorded {
    let mut recorded = Recorded::default();
    assert_eq!(FreezeFrame.acquire(host, &mut recorded).unwrap(), Outcome::ok());
    recorded
}

fn row_of(recorded: &Recorded, table: &str, pid: i32) -> Value {
    recorded.rows(table).iter().find(|row| row["pid"] == pid).cloned().unwrap()
}

fn own_pid() -> i32 {
    i32::try_from(std::process::id()).unwrap()
}

#[test]
fn this_process_is_found_with_its_files() {
    let pipe = nix::unistd::pipe().unwrap();
    let recorded = frame(&Host::live().unwrap());
    let row = row_of(&recorded, "processes", own_pid());
    let exe = std::fs::read_link("/proc/self/exe").unwrap();
    assert_eq!(row["path"], exe.to_str().unwrap());
    assert_eq!(row["args"], serde_json::json!(std::env::args().collect::<Vec<_>>()));
    assert_eq!(
        (&row["self"], &row["on_disk"], &row["is_kthread"], &row["status"]),
        (&1.into(), &1.into(), &0.into(), &"ok".into())
    );
    assert_eq!(row["uid"], nix::unistd::getuid().as_raw());
    assert_eq!(row["exe_size"], std::fs::metadata(&exe).unwrap().len());
    assert!(row["start_time"].as_u64().unwrap() > 1_500_000_000 && row["resident_size"].as_u64().unwrap() > 4096);
    assert!(row["entity_id"].as_str().unwrap().contains(&format!(":{}:", own_pid())));
    let namespaces = row_of(&recorded, "process_namespaces", own_pid());
    assert_eq!(namespaces["net_namespace"], row["ns_net"]);
    let fd = std::os::fd::AsRawFd::as_raw_fd(&pipe.0);
    let open = recorded.rows("process_open_files").iter().find(|row| row["pid"] == own_pid() && row["fd"] == fd).unwrap();
    assert_eq!((&open["type"], open["path"].as_str().unwrap().starts_with("pipe:[")), (&"pipe".into(), true));
}

#[test]
fn raw_bytes_stand_under_their_paths() {
    let recorded = frame(&Host::live().unwrap());
    let path = |name: &str| format!("/proc/{}/{name}", own_pid());
    assert!(recorded.member(&path("stat")).unwrap().starts_with(own_pid().to_string().as_bytes()));
    let cmdline = std::fs::read(path("cmdline")).unwrap();
    assert_eq!(recorded.member(&path("cmdline")).unwrap(), cmdline);
    let (_, link, target) = recorded.members.iter().find(|(name, ..)| *name == path("fd/0").as_bytes()).unwrap();
    assert!(*link && !target.is_empty());
    assert!(recorded.members.iter().any(|(name, link, _)| *link && *name == path("ns/net").as_bytes()));
}

#[test]
fn rows_stand_in_the_order_of_their_ids_and_kernel_threads_are_whole() {
    assert!(nix::unistd::geteuid().is_root(), "only root is shown all of a kernel thread");
    let recorded = frame(&Host::live().unwrap());
    let pids: Vec<i64> = recorded.rows("processes").iter().map(|row| row["pid"].as_i64().unwrap()).collect();
    assert!(pids.is_sorted() && pids.contains(&1));
    for row in recorded.rows("processes").iter().filter(|row| row["is_kthread"] == 1) {
        assert!(row["status"] == "ok" || row["status"] == "vanished", "{row}");
        assert_eq!((row.get("path"), &row["on_disk"], &row["args"]), (None, &(-1).into(), &serde_json::json!([])));
    }
}

#[test]
fn what_is_refused_is_a_gap_and_an_error_of_its_row() {
    // Even root may be refused some process; what is not refused leaves no gap.
    let recorded = frame(&Host::live().unwrap());
    let refused = recorded.rows("processes").iter().any(|row| row["errors"] != serde_json::json!([]));
    assert_eq!(refused, !recorded.gaps.is_empty(), "{:?}", recorded.gaps);
    assert!(recorded.gaps.iter().all(|gap| !gap.source.contains(&format!("/{}/", own_pid()))), "{:?}", recorded.gaps);
}

#[test]
fn one_gap_tells_of_many_refusals() {
    let (dir, host) = hostile();
    std::fs::remove_file(dir.path().join("proc/7/io")).unwrap();
    std::fs::remove_file(dir.path().join("proc/7/cgroup")).unwrap();
    std::os::unix::fs::symlink("x", dir.path().join("proc/7/io")).unwrap();
    std::os::unix::fs::symlink("x", dir.path().join("proc/7/cgroup")).unwrap();
    let recorded = frame(&host);
    let gap = recorded.gaps.iter().find(|gap| gap.offset.is_none()).unwrap();
    assert_eq!(gap.source, "/proc/7/{cgroup,io}");
    assert!(gap.reason.starts_with("ELOOP"), "{}", gap.reason);
}

#[test]
fn a_deleted_executable_is_marked() {
    let dir = tempfile::tempdir().unwrap();
    let (file, held) = (dir.path().join("gone (deleted)"), dir.path().join("held"));
    std::fs::write(&held, b"x").unwrap();
    std::fs::write(&file, b"x").unwrap();
    let files = (std::fs::File::open(&file).unwrap(), std::fs::File::open(&held).unwrap());
    std::fs::remove_file(&held).unwrap();
    let recorded = frame(&Host::live().unwrap());
    let row = |file: &std::fs::File| {
        let fd = std::os::fd::AsRawFd::as_raw_fd(file);
        recorded.rows("process_open_files").iter().find(|row| row["pid"] == own_pid() && row["fd"] == fd).cloned().unwrap()
    };
    assert_eq!((&row(&files.1)["deleted"], &row(&files.1)["type"]), (&1.into(), &"regular file".into()));
    assert_eq!(row(&files.1)["inode"], std::os::unix::fs::MetadataExt::ino(&files.1.metadata().unwrap()));
}

/// A made-up host with one process of the worst kind.
fn hostile() -> (tempfile::TempDir, Host) {
    let dir = tempfile::tempdir().unwrap();
    let process = dir.path().join("proc/7");
    std::fs::create_dir_all(process.join("fd")).unwrap();
    std::fs::create_dir_all(dir.path().join("proc/8")).unwrap();
    let tail = " S 1 7 7 0 -1 4194304 0 0 0 0 250 50 0 0 20 0 1 0 12345 4096 1 0\n";
    std::fs::write(process.join("stat"), [b"7 (a) \x1b[2J\n\xff", &b")"[..], tail.as_bytes()].concat()).unwrap();
    std::fs::write(process.join("status"), "Uid:\t0\t33\t0\t0\nGid:\t1\t1\t1\t1\nCapEff:\t000001ffffffffff\nSeccomp:\t2\n")
        .unwrap();
    std::fs::write(process.join("cmdline"), vec![b'A'; (8 << 20) + 5]).unwrap();
    std::fs::write(process.join("cgroup"), "0::/x\n").unwrap();
    std::fs::write(process.join("io"), "read_bytes: 5\nwrite_bytes: 9\ncancelled_write_bytes: 4\n").unwrap();
    std::os::unix::fs::symlink("/usr/sbin/x (deleted)", process.join("exe")).unwrap();
    std::os::unix::fs::symlink("socket:[55]", process.join("fd/3")).unwrap();
    std::os::unix::fs::symlink("/memfd:evil (deleted)", process.join("fd/4")).unwrap();
    std::fs::write(dir.path().join("proc/stat"), "cpu 1\nbtime 1700000000\n").unwrap();
    let host = Host::fixture(dir.path()).unwrap();
    (dir, host)
}

#[test]
fn a_hostile_process_is_described() {
    use base64::Engine as _;
    let (_dir, host) = hostile();
    let recorded = frame(&host);
    let row = row_of(&recorded, "processes", 7);
    let name = base64::engine::general_purpose::STANDARD.decode(row["name_b64"].as_str().unwrap()).unwrap();
    assert_eq!(name, b"a) \x1b[2J\n\xff");
    assert_eq!((&row["path"], &row["on_disk"], &row["exe_deleted"]), (&"/usr/sbin/x".into(), &0.into(), &1.into()));
    assert_eq!((&row["euid"], &row["cap_eff"], &row["cgroup_path"]), (&33.into(), &"0x1ffffffffff".into(), &"/x".into()));
    assert_eq!((&row["user_time"], &row["system_time"], &row["start_time"]), (&2500.into(), &500.into(), &1_700_000_123.into()));
    assert_eq!((&row["disk_bytes_read"], &row["disk_bytes_written"]), (&5.into(), &5.into()));
    assert_eq!(row["errors"], serde_json::json!([{"src": "cmdline", "errno": "truncated"}]));
    assert_eq!(recorded.member("/proc/7/cmdline").unwrap().len(), 8 << 20);
    assert_eq!((recorded.gaps.len(), recorded.gaps[0].offset), (1, Some(8 << 20)));
    let memfd = &recorded.rows("process_open_files")[1];
    assert_eq!((&memfd["memfd"], &memfd["deleted"], &memfd["path"]), (&1.into(), &1.into(), &"/memfd:evil (deleted)".into()));
    assert_eq!(recorded.rows("process_open_files")[0]["inode"], 55);
}

#[test]
fn a_process_that_is_gone_leaves_its_number() {
    let (_dir, host) = hostile();
    let row = row_of(&frame(&host), "processes", 8);
    assert_eq!((&row["status"], &row["errors"], row.get("name")), (&"vanished".into(), &serde_json::json!([]), None));
}

#[test]
fn a_run_that_ends_is_obeyed() {
    let mut recorded = Recorded { stop: Some(Stop::OutOfTime), ..Recorded::default() };
    assert_eq!(FreezeFrame.acquire(&Host::live().unwrap(), &mut recorded), Err(Stop::OutOfTime));
    assert!(recorded.tables.is_empty());
}

#[test]
fn sockets_have_all_their_owners() {
    let fd = |number: i32, target: &[u8]| crate::source::process::capture::Fd { number, target: target.to_owned(), stat: None };
    let mut owners = Owners::default();
    owners.add(5, &[fd(3, b"socket:[9]"), fd(4, b"pipe:[9]"), fd(7, b"socket:[9]")]);
    owners.add(6, &[fd(3, b"socket:[9]"), fd(4, b"socket:[1]")]);
    let pairs: Vec<(i32, i32)> = owners.by_inode[&9].iter().map(|owner| (owner.pid, owner.fd)).collect();
    assert_eq!(pairs, [(5, 3), (5, 7), (6, 3)]);
    assert_eq!(owners.by_inode.len(), 2);
}
