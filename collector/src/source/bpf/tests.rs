use super::*;
use crate::host::SysRoot;
use crate::host::sys::bpf_for_tests::{CODE, load, pin};
use crate::source::recorded::Recorded;
use crate::source::tmpfs::find::Found;
use crate::testing::{BPF, skip};

fn live() -> (Outcome, Recorded) {
    let mut evidence = Recorded::default();
    let outcome = Bpf.acquire(&Host::live().unwrap(), &mut evidence).unwrap();
    (outcome, evidence)
}

#[test]
fn a_program_is_found_with_its_code_and_its_owner() {
    let program = match load("hozen_owned") {
        Ok(program) => program,
        Err(errno) => return skip(BPF, errno),
    };
    let (outcome, evidence) = live();
    assert_eq!(outcome, Outcome::ok());
    let row = evidence.rows("bpf_programs").iter().find(|row| row["name"] == "hozen_owned").unwrap();
    assert_eq!((&row["type"], &row["xlated_bytes"], &row["contradiction"]), (&"socket_filter".into(), &16.into(), &0.into()));
    let fd = std::os::fd::AsRawFd::as_raw_fd(&program);
    assert!(row["owners"].as_array().unwrap().contains(&serde_json::json!({"pid": std::process::id(), "fd": fd})), "{row}");
    assert_eq!(evidence.member(&format!("/.hozen/bpf/program-{}.xlated", row["id"])), Some(&CODE[..]));
    assert_eq!(row["xlated_sha256"], crate::model::Digest::of(&CODE).to_string());
    assert_eq!(evidence.rows("bpf_views").iter().filter(|row| row["available"] == 1).count(), 4);
}

#[test]
fn a_pinned_program_without_a_process_is_found() {
    use nix::mount::{MsFlags, mount};
    use nix::sched::{CloneFlags, unshare};
    let dir = tempfile::tempdir().unwrap();
    let point = dir.path().to_owned();
    // A mount namespace of the test's own, on a thread that ends with it.
    let pinned = move || -> nix::Result<Recorded> {
        let none = None::<&str>;
        unshare(CloneFlags::CLONE_NEWNS)?;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
        mount(Some("bpf"), &point, Some("bpf"), MsFlags::empty(), none)?;
        pin(&load("hozen_pinned")?, &point.join("a pin"))?;
        // The table of mounts is that of the process, not of this thread, so the mount is shown to the walk.
        let (host, mut evidence, mut seen) = (Host::live().unwrap(), Recorded::default(), Seen::default());
        pins::walk(&host, &SysRoot::fixture(&point), None, &mut seen.pins, &mut evidence).unwrap();
        // As another mount namespace has it: by way of this thread's root.
        let tid = nix::unistd::gettid().as_raw();
        let table = host.proc.file(format!("{}/task/{tid}/mountinfo", std::process::id()), 1 << 20).unwrap();
        let mounts = crate::host::mounts::parse(&table.bytes).0;
        let mount = mounts.into_iter().find(|mount| mount.point == point.as_os_str().as_encoded_bytes()).unwrap();
        let found = Found { mount, namespace: b"mnt:[1]".to_vec(), pid: tid, is_own: false, is_safe: true };
        pins::foreign(&host, &found, &mut evidence).unwrap();
        seen.list(&host, BpfKind::Program, &mut evidence).unwrap();
        for (key, object) in &seen.describe(&host) {
            seen.row(&host, *key, object, &mut Context::default(), &mut evidence).unwrap();
        }
        Ok(evidence)
    };
    let evidence = match std::thread::spawn(pinned).join().unwrap() {
        Ok(evidence) => evidence,
        Err(errno) => return skip(BPF, errno),
    };
    let row = evidence.rows("bpf_programs").iter().find(|row| row["name"] == "hozen_pinned").unwrap();
    assert_eq!((row["owners"].as_array().unwrap().len(), &row["seen_by"]), (0, &serde_json::json!(["list", "pin"])));
    let foreign = evidence.rows("bpf_pins").iter().find(|pin| pin["namespace"] == "mnt:[1]").unwrap();
    assert!(foreign["path"].as_str().unwrap().ends_with("/a pin") && foreign.get("id").is_none(), "{foreign}");
    let pin = evidence.rows("bpf_pins").iter().find(|pin| pin["id"] == row["id"]).unwrap();
    assert!(pin["path"].as_str().unwrap().ends_with("/a pin") && pin["kind"] == "program", "{pin}");
    assert_eq!(row["pins"][0], pin["path"]);
}

#[test]
fn an_object_that_only_a_descriptor_shows_is_a_contradiction() {
    let host = Host::live().unwrap();
    let program = match load("hozen_hidden") {
        Ok(program) => program,
        Err(errno) => return skip(BPF, errno),
    };
    let mut evidence = Recorded::default();
    let owners = holders::all(&host, &mut evidence).unwrap();
    // As if a rootkit had cut the program out of the kernel's list.
    let mut seen = Seen { owners, ..Seen::default() };
    let objects = seen.describe(&host);
    for (key, object) in &objects {
        seen.row(&host, *key, object, &mut Context::default(), &mut evidence).unwrap();
    }
    let row = evidence.rows("bpf_programs").iter().find(|row| row["name"] == "hozen_hidden").unwrap();
    assert_eq!((&row["contradiction"], &row["seen_by"]), (&1.into(), &serde_json::json!(["fdinfo"])));
    drop(program);
}

#[test]
fn a_captured_host_says_that_it_cannot_be_asked_and_shows_descriptors() {
    let dir = tempfile::tempdir().unwrap();
    let process = dir.path().join("proc/7");
    std::fs::create_dir_all(process.join("fd")).unwrap();
    std::fs::create_dir_all(process.join("fdinfo")).unwrap();
    std::os::unix::fs::symlink("anon_inode:bpf-map", process.join("fd/3")).unwrap();
    std::fs::write(process.join("fdinfo/3"), "map_type:\t1\nmap_id:\t4000000000\n").unwrap();
    let host = Host::fixture(dir.path()).unwrap();
    let mut evidence = Recorded::default();
    assert_eq!(Bpf.acquire(&host, &mut evidence).unwrap().status, Status::Absent);
    assert!(evidence.member("/proc/7/fdinfo/3").is_some());
    assert_eq!(evidence.rows("bpf_maps")[0]["owners"], serde_json::json!([{"pid": 7, "fd": 3}]));
}
