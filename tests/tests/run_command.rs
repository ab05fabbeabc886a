//! The agent under Run Command: what becomes of it, and what is left of it, when Systems Manager kills it.

#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests look at the host with the standard library"
)]

use std::fs;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hozen_tests::agent::Agent;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use serde_json::Value;

/// How long what comes at once may take on a busy machine.
const SOON: Duration = Duration::from_secs(30);

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let late = Instant::now() + SOON;
    while !holds() {
        assert!(Instant::now() < late, "not within {SOON:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The processes whose parent is `parent`.
fn children(parent: i32) -> Vec<i32> {
    let tasks = fs::read_dir(format!("/proc/{parent}/task")).unwrap();
    let of = |task: fs::DirEntry| fs::read_to_string(task.path().join("children")).unwrap_or_default();
    tasks.flatten().map(of).flat_map(|text| text.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>()).collect()
}

/// Field `at` of `/proc/PID/stat`, as proc_pid_stat(5) numbers them.
fn stat(pid: i32, at: usize) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, rest) = text.rsplit_once(')').unwrap();
    rest.split_whitespace().nth(at - 3).unwrap().to_owned()
}

/// It has nothing of the agent's: not its session, its output, its descriptors or its environment; and it is under a filter.
fn the_watchdog_stands_apart(watchdog: i32, agent: i32) {
    assert_eq!((stat(watchdog, 6), stat(watchdog, 5)), (watchdog.to_string(), watchdog.to_string()), "session and group");
    assert_ne!(stat(agent, 5), stat(watchdog, 5));
    let text = |name: &str| fs::read(format!("/proc/{watchdog}/{name}")).unwrap();
    assert_eq!(text("comm"), b"hozen-watchdog\n");
    let variables = text("environ");
    let value = |name: &str| variables.split(|byte| *byte == 0).any(|variable| variable.starts_with(name.as_bytes()));
    assert!(value("SSM_AWS_SECRET_ACCESS_KEY=") && !String::from_utf8_lossy(&variables).contains("wxyz-secret"));
    let status = String::from_utf8(text("status")).unwrap();
    assert!(status.contains("\nSeccomp:\t2\n") && status.contains("\nThreads:\t1\n"), "{status}");
    let files: Vec<_> =
        fs::read_dir(format!("/proc/{watchdog}/fd")).unwrap().flatten().map(|file| fs::read_link(file.path()).unwrap()).collect();
    let pipe = fs::read_link(format!("/proc/{watchdog}/fd/0")).unwrap();
    let folders = files.iter().filter(|file| **file != pipe).count();
    assert!(pipe.to_str().unwrap().starts_with("pipe:") && folders <= 1, "only the pipe, and the folder: {files:?}");
}

/// Starts a collection in a process group of its own, as Systems Manager does, and holds it as soon as it has begun.
fn held_collection(to: &Path) -> std::process::Child {
    let mut command = Command::new(Agent::find().program());
    command.args(Agent::collection(to, &["--unprivileged", "--profile", "volatile"]));
    command.env("SSM_COMMAND_ID", "c0ffee").env("SSM_AWS_SECRET_ACCESS_KEY", "wxyz-secret");
    let agent = command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = Pid::from_raw(agent.id().try_into().unwrap());
    until("the begin record", || to.join("000-begin.json").exists());
    kill(pid, Signal::SIGSTOP).unwrap();
    until("the stop", || stat(pid.as_raw(), 3) == "T");
    agent
}

fn verdict(evidence: &Path) -> Value {
    let finished = Agent::find().run(["verify".as_ref(), "--json".as_ref(), evidence.as_os_str()]);
    let report: Value = serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {}", finished.said()));
    assert_eq!((finished.code(), report["verdict"].as_str()), (2, Some("incomplete")), "{report:#}");
    report
}

#[test]
fn what_is_killed_with_its_group_leaves_a_record_and_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("evidence");
    let agent = held_collection(&to);
    let pid = i32::try_from(agent.id()).unwrap();
    let [watchdog] = children(pid)[..] else { panic!("children: {:?}", children(pid)) };
    the_watchdog_stands_apart(watchdog, pid);
    // It is held, too, so that what follows shows that nobody waits for it.
    kill(Pid::from_raw(watchdog), Signal::SIGSTOP).unwrap();
    killpg(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    let output = agent.wait_with_output().unwrap();
    assert_eq!((output.status.signal(), output.stdout.as_slice()), (Some(9), &b""[..]), "{output:?}");
    assert!(!to.join("999-killed.json").exists() && verdict(&to)["killed"].is_null());
    kill(Pid::from_raw(watchdog), Signal::SIGCONT).unwrap();
    until("the record", || to.join("999-killed.json").exists());
    until("the watchdog's end", || !Path::new(&format!("/proc/{watchdog}/stat")).exists() || stat(watchdog, 3) == "Z");
    let report = verdict(&to);
    assert_eq!((&report["killed"]["agent_pid"], &report["killed"]["cause"]), (&pid.into(), &Value::Null), "{report:#}");
    assert!(report["killed"]["module"].as_str().unwrap().starts_with("no kernel module"), "{report:#}");
    let told = Agent::find().verify(&to).stdout;
    assert!(told.contains("999-killed.json: the watchdog saw"), "{told}");
    // A record of another run does not explain this one.
    let record = fs::read_to_string(to.join("999-killed.json")).unwrap();
    fs::write(to.join("999-killed.json"), record.replace(&format!(":{pid},"), ":1,")).unwrap();
    Agent::find().verify(&to).assert_code(1);
}
