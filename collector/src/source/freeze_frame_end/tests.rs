//! Two frames of this machine with a process, a socket and a name between them.

use std::process::Command;

use serde_json::Value;

use super::*;
use crate::source::recorded::Recorded;

fn difference<'a>(evidence: &'a Recorded, kind: &str, change: &str, pid: u32) -> Option<&'a Value> {
    let rows = evidence.rows("frame_differences").iter();
    rows.filter(|row| row["kind"] == kind && row["change"] == change).find(|row| row["pid"] == pid)
}

#[test]
fn what_came_went_and_changed_between_the_frames_is_told() {
    let mut gone = Command::new("sleep").arg("600").spawn().unwrap();
    // A shell that becomes another program keeps its number and its start.
    let mut turned =
        Command::new("sh").args(["-c", "read x; exec sleep 601"]).stdin(std::process::Stdio::piped()).spawn().unwrap();
    let (host, seen, mut evidence) = (Host::live().unwrap(), Seen::default(), Recorded::default());
    assert_eq!(FirstFrame { seen: seen.clone() }.acquire(&host, &mut evidence), Ok(Outcome::ok()));
    assert!(!evidence.rows("processes").is_empty() && seen.is_whole());
    gone.kill().unwrap();
    gone.wait().unwrap();
    drop(turned.stdin.take());
    while std::fs::read_link(format!("/proc/{}/exe", turned.id())).is_ok_and(|exe| !exe.ends_with("sleep")) {
        std::thread::yield_now();
    }
    let mut came = Command::new("sleep").arg("602").spawn().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut evidence = Recorded::default();
    let done = SecondFrame { first: seen }.acquire(&host, &mut evidence);
    for child in [&mut turned, &mut came] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert_eq!(done, Ok(Outcome::ok()));
    assert_eq!(difference(&evidence, "process", "vanished", gone.id()).unwrap()["before"]["name"], "sleep");
    assert!(difference(&evidence, "process", "appeared", came.id()).is_some());
    let changed = difference(&evidence, "process", "changed", turned.id()).unwrap();
    assert!(changed["columns"].as_array().unwrap().contains(&"path".into()), "{changed}");
    assert_ne!(changed["before"]["path"], changed["after"]["path"]);
    let port = listener.local_addr().unwrap().port();
    let socket = |row: &&Value| row["kind"] == "socket" && row["change"] == "appeared" && row["after"]["local_port"] == port;
    assert!(evidence.rows("frame_differences").iter().any(|row| socket(&row)));
    assert!(
        difference(&evidence, "process", "vanished", 1).is_none() && difference(&evidence, "process", "appeared", 1).is_none()
    );
    assert!(evidence.rows("process_open_files").is_empty() && !evidence.rows("processes_end").is_empty());
    assert!(evidence.rows("sockets_end").iter().any(|row| row["local_port"] == port));
}

#[test]
fn without_a_first_frame_nothing_is_compared_and_that_is_said() {
    let mut evidence = Recorded::default();
    let outcome = SecondFrame::default().acquire(&Host::live().unwrap(), &mut evidence).unwrap();
    assert_eq!(outcome.status, Status::Partial);
    assert!(evidence.rows("frame_differences").is_empty() && !evidence.rows("processes_end").is_empty());
}

#[test]
fn modules_are_compared_by_name() {
    let tree = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(tree.path().join("proc")).unwrap();
    let modules = |text: &str| std::fs::write(tree.path().join("proc/modules"), text).unwrap();
    modules("one 10 0 - Live 0x0000000000000000\ntwo 20 0 - Live 0x0\n");
    let (host, seen) = (Host::fixture(tree.path()).unwrap(), Seen::default());
    FirstFrame { seen: seen.clone() }.acquire(&host, &mut Recorded::default()).unwrap();
    modules("two 20 0 - Unloading 0x0\nthree 30 0 - Live 0x0 (OE)\n");
    let mut evidence = Recorded::default();
    SecondFrame { first: seen }.acquire(&host, &mut evidence).unwrap();
    let told: Vec<(&str, &str)> = evidence
        .rows("frame_differences")
        .iter()
        .map(|row| (row["name"].as_str().unwrap(), row["change"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("one", "vanished"), ("two", "changed"), ("three", "appeared")]);
    assert_eq!(evidence.rows("modules_end")[1]["taint"], "(OE)");
}
