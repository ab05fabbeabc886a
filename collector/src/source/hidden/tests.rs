use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use nix::mount::{MntFlags, MsFlags, mount, umount2};

use super::*;
use crate::source::recorded::Recorded;

/// A child that lives until it is dropped.
struct Sleeper(Child);

impl Sleeper {
    fn start() -> Self {
        Self(Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().unwrap())
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.0.id()).unwrap()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A mount that lasts until it is dropped.
struct Cover(PathBuf);

impl Cover {
    fn bind(what: &str, over: PathBuf) -> Self {
        mount(Some(what), &over, None::<&str>, MsFlags::MS_BIND, None::<&str>).expect("binding a directory needs root");
        Self(over)
    }
}

impl Drop for Cover {
    fn drop(&mut self) {
        let _ = umount2(&self.0, MntFlags::MNT_DETACH);
    }
}

fn hidden() -> Recorded {
    let mut recorded = Recorded::default();
    assert_eq!(HiddenProcesses.acquire(&Host::live().unwrap(), &mut recorded).unwrap(), Outcome::ok());
    recorded
}

fn row_of(recorded: &Recorded, pid: i32) -> Option<serde_json::Value> {
    recorded.rows("hidden_processes").iter().find(|row| row["pid"] == pid).cloned()
}

#[test]
fn a_process_with_a_mount_over_it_is_hidden() {
    let (sleeper, seen) = (Sleeper::start(), Sleeper::start());
    let empty = tempfile::tempdir().unwrap();
    let covers = [
        Cover::bind(empty.path().to_str().unwrap(), format!("/proc/{}", sleeper.pid()).into()),
        Cover::bind("/dev/null", format!("/proc/{}/maps", seen.pid()).into()),
    ];
    let recorded = hidden();
    drop(covers);
    let row = row_of(&recorded, sleeper.pid()).unwrap();
    assert_eq!((&row["reason"], &row["hidden"], &row["name"]), (&"mounted-over".into(), &1.into(), &"sleep".into()));
    assert_eq!((&row["cmdline"], &row["missing_from"]), (&"sleep 600".into(), &serde_json::json!(["plain-lookup"])));
    assert!(row["seen_by"].as_array().unwrap().contains(&"pidfd".into()), "{row}");
    assert_eq!(row["mount_point"], format!("/proc/{}", sleeper.pid()));
    assert!(recorded.member(&format!("/proc/{}/status", sleeper.pid())).unwrap().starts_with(b"Name:\tsleep\n"));
    let part = row_of(&recorded, seen.pid()).unwrap();
    assert_eq!((&part["reason"], &part["hidden"]), (&"mounted-inside".into(), &0.into()));
}

#[test]
fn another_process_bound_over_it_does_not_deceive() {
    let sleeper = Sleeper::start();
    let cover = Cover::bind("/proc/1", format!("/proc/{}", sleeper.pid()).into());
    let recorded = hidden();
    drop(cover);
    let row = row_of(&recorded, sleeper.pid()).unwrap();
    assert_eq!((&row["reason"], &row["cmdline"]), (&"mounted-over".into(), &"sleep 600".into()));
}

#[test]
fn ordinary_processes_are_in_every_view_however_many_come_and_go() {
    let sleeper = Sleeper::start();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let churn = {
        let stop = std::sync::Arc::clone(&stop);
        std::thread::spawn(move || {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                Command::new("true").status().unwrap();
            }
        })
    };
    let recorded = hidden();
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    churn.join().unwrap();
    assert_eq!(row_of(&recorded, sleeper.pid()), None);
    assert_eq!(row_of(&recorded, i32::try_from(std::process::id()).unwrap()), None);
    let unexplained: Vec<_> = recorded.rows("hidden_processes").iter().filter(|row| row["reason"] != "mounted-over").collect();
    assert!(unexplained.iter().all(|row| row["reason"] == "mounted-inside"), "{unexplained:?}");
}

#[test]
fn a_zombie_is_not_hidden() {
    let mut sleeper = Sleeper::start();
    sleeper.0.kill().unwrap();
    let stat = format!("/proc/{}/stat", sleeper.pid());
    while !std::fs::read_to_string(&stat).unwrap().contains(") Z ") {
        std::thread::yield_now();
    }
    assert_eq!(row_of(&hidden(), sleeper.pid()), None);
}

#[test]
fn every_view_is_counted() {
    let recorded = hidden();
    let count = |view: &str| {
        let row = recorded.rows("process_counts").iter().find(|row| row["view"] == view);
        row.and_then(|row| row["count"].as_u64()).unwrap_or_else(|| panic!("{view}: {:?}", recorded.rows("process_counts")))
    };
    for view in views::View::ALL {
        assert!(count(view.word()) > 2, "{view:?}");
    }
    assert!(count("tasks-found-after") >= count("detached-list") && count("tasks-loadavg-before") > 2 && count("cgroups") > 0);
    println!("{:#?}", recorded.rows("process_counts"));
}

#[test]
fn a_fixture_has_no_second_view() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("proc")).unwrap();
    let outcome = HiddenProcesses.acquire(&Host::fixture(dir.path()).unwrap(), &mut Recorded::default()).unwrap();
    assert_eq!(outcome.status, Status::Absent);
}
