#![expect(clippy::disallowed_methods, reason = "tests start a process of their own and look at it with the standard library")]

use std::io::Read;
use std::process::{Child, Command};

use serde_json::Value;

use super::*;
use crate::model::Digest;
use crate::source::between::Between;
use crate::source::recorded::Recorded;
use crate::source::{Member, Streamed};

/// A process that sleeps, with a mark on its stack.
struct Sleeper(Child);

const MARK: &str = "HOZEN_MARK=4f1c9a60-of-a-sleeper";

impl Sleeper {
    fn start() -> Self {
        let (name, value) = MARK.split_once('=').unwrap();
        Self(Command::new("/bin/sleep").arg("600").env(name, value).spawn().unwrap())
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.0.id()).unwrap()
    }

    /// Until then it is still mapping its libraries.
    fn wait_until_it_sleeps(&self) {
        let state =
            || crate::source::process::stat::parse(&std::fs::read(format!("/proc/{}/stat", self.pid())).unwrap()).unwrap().state;
        while state() != b'S' {
            std::thread::yield_now();
        }
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn of(pids: &[i32]) -> ProcessMemory {
    ProcessMemory { which: Which::Pids(pids.to_vec()), ..ProcessMemory::default() }
}

fn row(evidence: &Recorded) -> &Value {
    &evidence.rows("process_memory")[0]
}

fn hex(row: &Value, column: &str) -> u64 {
    u64::from_str_radix(row[column].as_str().unwrap().strip_prefix("0x").unwrap(), 16).unwrap()
}

/// What stands in the core file for a row of its pages.
fn bytes_of<'a>(core: &'a [u8], row: &Value) -> &'a [u8] {
    let at = usize::try_from(row["core_offset"].as_u64().unwrap()).unwrap();
    &core[at..at + usize::try_from(hex(row, "end") - hex(row, "start")).unwrap()]
}

fn contains(bytes: &[u8], needle: &str) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
}

#[test]
fn a_core_holds_what_its_rows_say() {
    let sleeper = Sleeper::start();
    sleeper.wait_until_it_sleeps();
    let mut evidence = Recorded::default();
    let outcome = of(&[sleeper.pid()]).acquire(&Host::live().unwrap(), &mut evidence);
    assert_eq!((outcome, &evidence.gaps), (Ok(Outcome::ok()), &vec![]));
    let row = row(&evidence);
    assert_eq!((&row["outcome"], &row["why"][0], &row["alive_after"]), (&"ok".into(), &"asked".into(), &1.into()), "{row}");
    let core = evidence.member(row["core"].as_str().unwrap()).unwrap();
    assert_eq!((Some(core.len() as u64), &core[..4]), (row["core_bytes"].as_u64(), &b"\x7fELF"[..]));
    assert_eq!(row["core_sha256"], Digest::of(core).to_string());
    let pages = evidence.rows("process_memory_pages");
    let present: Vec<&Value> = pages.iter().filter(|row| row["state"] == "present").collect();
    assert!(present.iter().all(|row| row["sha256"] == Digest::of(bytes_of(core, row)).to_string().as_str()));
    // The kernel starts a stack at a random place up to two pages below its strings: a page between may never have been touched.
    let mut stack = present.iter().filter(|row| row["path"] == "[stack]");
    assert!(stack.any(|row| contains(bytes_of(core, row), MARK)));
    let code = present.iter().find(|row| row["permissions"] == "r-xp" && row["path"].as_str().unwrap().contains("libc")).unwrap();
    assert!(bytes_of(core, code).iter().any(|byte| *byte != 0));
    assert!(pages.iter().any(|row| row["path"] == "[vvar]" && row["state"] == "skipped"));
    assert!(pages.iter().any(|row| row["state"] == "file" && row.get("core_offset").is_none()));
    assert!(evidence.member(&format!("/.hozen/process/{}.smaps", sleeper.pid())).is_some());
}

#[test]
fn a_limit_is_a_gap_and_the_rest_is_named() {
    let sleeper = Sleeper::start();
    let (mut evidence, page) = (Recorded::default(), crate::host::physical::page_size());
    let source = ProcessMemory { process_limit: 3 * page + 5, ..of(&[sleeper.pid(), sleeper.pid()]) };
    source.acquire(&Host::live().unwrap(), &mut evidence).unwrap();
    assert_eq!(evidence.rows("process_memory").len(), 1, "each once");
    let row = row(&evidence);
    assert_eq!((&row["outcome"], &row["pages_kept"]), (&"partial".into(), &3.into()), "{row}");
    let beyond = row["pages_beyond_limit"].as_u64().unwrap();
    assert!(beyond > 0 && evidence.gaps.iter().any(|gap| gap.length == Some(beyond * page)), "{:?}", evidence.gaps);
    let spent = ProcessMemory { total_limit: 0, ..of(&[sleeper.pid()]) };
    let mut evidence = Recorded::default();
    spent.acquire(&Host::live().unwrap(), &mut evidence).unwrap();
    assert_eq!(evidence.rows("process_memory")[0]["outcome"], "skipped");
    assert!(evidence.gaps[0].reason.contains("is spent") && evidence.members.is_empty());
}

#[test]
fn nobody_ourselves_and_the_kernel_have_no_core() {
    let host = Host::live().unwrap();
    let own = i32::try_from(std::process::id()).unwrap();
    let mut evidence = Recorded::default();
    let outcome = of(&[i32::MAX, own]).acquire(&host, &mut evidence).unwrap();
    let outcomes: Vec<_> = evidence.rows("process_memory").iter().map(|row| row["outcome"].clone()).collect();
    assert_eq!((outcomes, outcome.status), (vec![Value::from("vanished"), "skipped".into()], Status::Ok));
    assert_eq!((evidence.gaps.len(), evidence.members.len()), (1, 0));
    let mut evidence = Recorded::default();
    assert_eq!(of(&[i32::MAX]).acquire(&host, &mut evidence).unwrap().status, Status::Absent);
    let tree = tempfile::tempdir().unwrap();
    std::fs::create_dir(tree.path().join("proc")).unwrap();
    let fixture = Host::fixture(tree.path()).unwrap();
    assert_eq!(ProcessMemory::default().acquire(&fixture, &mut Recorded::default()).unwrap().status, Status::Absent);
}

/// An evidence that ends the process as soon as its core file is begun.
struct Killing {
    recorded: Recorded,
    victim: Option<Sleeper>,
    /// Answers the core file with this.
    stop: Option<Stop>,
}

impl Between for Killing {
    fn inner(&self) -> &dyn Evidence {
        &self.recorded
    }

    fn inner_mut(&mut self) -> &mut dyn Evidence {
        &mut self.recorded
    }

    fn pass_stream(&mut self, member: &Member<'_>, size: u64, content: &mut dyn Read) -> Result<Streamed, Stop> {
        self.victim = None;
        match self.stop {
            Some(stop) => Err(stop),
            None => self.recorded.raw_stream(member, size, content),
        }
    }
}

#[test]
fn a_process_that_ends_midway_leaves_a_gap_and_no_data_that_is_none() {
    let sleeper = Sleeper::start();
    let pid = sleeper.pid();
    let mut evidence = Killing { recorded: Recorded::default(), victim: Some(sleeper), stop: None };
    of(&[pid]).acquire(&Host::live().unwrap(), &mut evidence).unwrap();
    let evidence = evidence.recorded;
    let row = row(&evidence);
    assert_eq!((&row["outcome"], &row["alive_after"]), (&"partial".into(), &0.into()), "{row}");
    assert_eq!(row["pages_unreadable"], row["pages_kept"]);
    assert!(row.get("core_sha256").is_none());
    let gap = evidence.gaps.iter().find(|gap| gap.source == row["core"].as_str().unwrap()).unwrap();
    assert!(gap.reason.contains("the process ended"), "{gap:?}");
    let pages = evidence.rows("process_memory_pages");
    assert!(pages.iter().all(|row| row["state"] != "present" && row.get("sha256").is_none()));
}

#[test]
fn a_run_that_ends_still_says_what_it_has() {
    let sleeper = Sleeper::start();
    let pid = sleeper.pid();
    let mut evidence = Killing { recorded: Recorded::default(), victim: Some(sleeper), stop: Some(Stop::OutOfTime) };
    assert_eq!(of(&[pid]).acquire(&Host::live().unwrap(), &mut evidence), Err(Stop::OutOfTime));
    assert_eq!(evidence.recorded.rows("process_memory")[0]["outcome"], "cut");
}

#[test]
fn one_process_after_the_other_is_taken_and_the_kernel_is_not() {
    let sleeper = Sleeper::start();
    let mut evidence = Recorded::default();
    let all = ProcessMemory { which: Which::All, process_limit: 1 << 20, total_limit: 1 << 40 };
    all.acquire(&Host::live().unwrap(), &mut evidence).unwrap();
    let pids: Vec<i64> = evidence.rows("process_memory").iter().map(|row| row["pid"].as_i64().unwrap()).collect();
    assert!(pids.contains(&i64::from(sleeper.pid())) && !pids.contains(&i64::from(std::process::id())) && !pids.contains(&2));
}
