use super::*;
use crate::model::Digest;
use crate::source::recorded::Recorded;
use nix::sys::memfd::{MFdFlags, memfd_create};
use serde_json::Value;
use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;

fn memfd(name: &str) -> File {
    File::from(memfd_create(name, MFdFlags::MFD_CLOEXEC).unwrap())
}

fn own_pid() -> i32 {
    i32::try_from(std::process::id()).unwrap()
}

fn acquired(source: DeletedFiles) -> Recorded {
    acquired_knowing(FileSystems::default(), source)
}

fn acquired_knowing(known: FileSystems, source: DeletedFiles) -> Recorded {
    let mut evidence = Recorded::default();
    assert_eq!(source.of(&[own_pid()], known, &Host::live().unwrap(), &mut evidence), Ok(Outcome::ok()));
    evidence
}

/// The row of the file that is open as `file` in this process.
fn row_of<'a>(evidence: &'a Recorded, table: &str, file: &File) -> &'a Value {
    let name = format!("fd/{}", file.as_raw_fd());
    // Another process may have another file as the same number.
    let is_it = |place: &Value| place["pid"] == own_pid() && place["name"] == name.as_str();
    let holds = |row: &&Value| row["references"].as_array().unwrap().iter().any(is_it);
    evidence.rows(table).iter().find(holds).unwrap()
}

const SMALL: DeletedFiles = DeletedFiles { file_cap: 1 << 20, total_cap: 64 << 20 };

#[test]
fn a_memfd_and_a_deleted_file_are_kept_with_their_digests() {
    let (memory, disk) = (memfd("pay\nload"), tempfile::tempfile().unwrap());
    memory.write_all_at(b"in memory", 0).unwrap();
    disk.write_all_at(b"on disk", 0).unwrap();
    let second = memory.try_clone().unwrap();
    let evidence = acquired(SMALL);
    let row = row_of(&evidence, "memfd_files", &memory);
    assert_eq!((&row["name"], &row["memory"], &row["deleted"]), (&"pay\nload".into(), &"memfd".into(), &1.into()));
    assert_eq!(row["sha256"], Digest::of(b"in memory").to_string());
    assert_eq!((&row["pids"], &row["self"]), (&serde_json::json!([own_pid()]), &1.into()));
    assert_eq!(row, row_of(&evidence, "memfd_files", &second), "one file, two references");
    assert_eq!(evidence.member(row["member"].as_str().unwrap()), Some(&b"in memory"[..]));
    let row = row_of(&evidence, "deleted_files", &disk);
    assert_eq!((&row["sha256"], &row["stored"]), (&Digest::of(b"on disk").to_string().into(), &7.into()));
    assert_eq!((&row["hard_links"], &row["changed_during_read"]), (&0.into(), &0.into()));
    assert_eq!(evidence.member(row["member"].as_str().unwrap()), Some(&b"on disk"[..]));
}

#[test]
fn a_terabyte_of_holes_is_seconds_and_what_hides_in_it_is_found() {
    let file = memfd("terabyte");
    file.set_len(1 << 40).unwrap();
    file.write_all_at(b"needle", 1 << 39).unwrap();
    let evidence = acquired(SMALL);
    let row = row_of(&evidence, "memfd_files", &file);
    assert_eq!((&row["size"], &row["pieces"][0]["offset"]), (&(1_u64 << 40).into(), &(1_u64 << 39).into()));
    let member = format!("{}@{}", row["member"].as_str().unwrap(), 1_u64 << 39);
    assert!(evidence.member(&member).unwrap().starts_with(b"needle\0"));
    assert!(row.get("sha256").is_none() && row["status"] == "ok");
}

#[test]
fn what_exceeds_the_limit_is_a_gap() {
    let file = memfd("large");
    file.write_all_at(&vec![b'a'; 3 << 20], 0).unwrap();
    let evidence = acquired(SMALL);
    let row = row_of(&evidence, "memfd_files", &file);
    assert_eq!((&row["stored"], &row["status"]), (&(1 << 20).into(), &"partial".into()));
    let path = row["member"].as_str().unwrap();
    let gap = evidence.gaps.iter().find(|gap| gap.source == path).unwrap();
    assert_eq!((gap.offset, gap.length), (Some(1 << 20), Some(2 << 20)));
}

#[test]
fn what_is_only_mapped_or_executed_is_found() {
    let exe = memfd("program");
    exe.write_all_at(&std::fs::read("/bin/sleep").unwrap(), 0).unwrap();
    // The child runs the memfd but does not have it open: it is closed on exec.
    let path = format!("/proc/self/fd/{}", exe.as_raw_fd());
    let mut child = std::process::Command::new(path).arg("600").spawn().unwrap();
    drop(exe);
    let mut evidence = Recorded::default();
    let pid = i32::try_from(child.id()).unwrap();
    let done = SMALL.of(&[pid], FileSystems::default(), &Host::live().unwrap(), &mut evidence);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(done, Ok(Outcome::ok()));
    let row = evidence.rows("memfd_files").iter().find(|row| row["name"] == "program").unwrap();
    let kinds: Vec<_> = row["references"].as_array().unwrap().iter().map(|place| place["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds[..2], ["exe", "map"]);
    assert_eq!(row["sha256"], Digest::of(&std::fs::read("/bin/sleep").unwrap()).to_string());
}

#[test]
fn a_deleted_fifo_is_listed_and_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fifo");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let fifo = std::fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let evidence = acquired(SMALL);
    let row = row_of(&evidence, "deleted_files", &fifo);
    assert_eq!((&row["type"], row.get("member")), (&"fifo".into(), None));
}

#[test]
fn a_deleted_file_on_a_file_system_that_may_hang_is_listed_and_not_read() {
    let file = tempfile::tempfile().unwrap();
    file.write_all_at(b"far away", 0).unwrap();
    // As if every mount of this machine were served by another.
    let table = std::fs::read("/proc/self/mountinfo").unwrap();
    let mut mounts = crate::host::mounts::parse(&table).0;
    mounts.iter_mut().for_each(|mount| mount.kind = b"nfs4".to_vec());
    let mut known = FileSystems::default();
    known.add(&mounts);
    let evidence = acquired_knowing(known, SMALL);
    let source = format!("/proc/{}/fd/{}", own_pid(), file.as_raw_fd());
    let row = evidence.rows("deleted_files").iter().find(|row| row["source"] == source.as_str()).unwrap();
    assert_eq!((&row["status"], &row["errors"][0]["errno"]), (&"error".into(), &"file-system".into()));
    assert!(evidence.gaps.iter().any(|gap| gap.source == source && gap.reason.contains("nfs4")));
    assert!(evidence.member(&source).is_none());
}

#[test]
fn a_fixture_has_no_magic_links() {
    let tree = tempfile::tempdir().unwrap();
    std::fs::create_dir(tree.path().join("proc")).unwrap();
    let outcome = SMALL.acquire(&Host::fixture(tree.path()).unwrap(), &mut Recorded::default()).unwrap();
    assert_eq!(outcome.status, Status::Absent);
}

#[test]
fn the_whole_machine_is_listed() {
    let file = memfd("on this machine");
    file.write_all_at(b"x", 0).unwrap();
    let mut evidence = Recorded::default();
    let nothing = DeletedFiles { file_cap: 0, total_cap: 0 };
    assert_eq!(nothing.acquire(&Host::live().unwrap(), &mut evidence), Ok(Outcome::ok()));
    assert_eq!(row_of(&evidence, "memfd_files", &file)["stored"], 0);
    assert!(evidence.members.iter().all(|(_, _, content)| content.is_empty()), "a limit of nothing keeps nothing");
}
