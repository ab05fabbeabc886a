//! The agent under Run Command: what the shell steps of the documents do, and what is left when Systems Manager kills them.

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
use std::sync::Arc;
use std::time::{Duration, Instant};

use hozen_tests::agent::Agent;
use hozen_tests::aws::cloud::{ACCOUNT, REGION};
use hozen_tests::host::{Mounts, is_root};
use hozen_tests::run_command::Step;
use hozen_tests::serve::{Fault, Rule};
use hozen_tests::vault::{BUCKET, Role, TO, Vault};
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

/// A thread in whose mounts the program lies where Distributor puts it, and nothing else of `/opt`.
fn where_it_is_installed<T: Send + 'static>(work: impl FnOnce(&Path) -> T + Send + 'static) -> T {
    let inside = std::thread::spawn(move || {
        let folder = tempfile::tempdir().unwrap();
        let (opt, scripts) = (folder.path().join("opt"), folder.path().join("scripts"));
        fs::create_dir_all(opt.join("hozen/bin")).unwrap();
        fs::create_dir(&scripts).unwrap();
        fs::copy(Agent::find().program(), opt.join("hozen/bin/hozen")).unwrap();
        let mut mounts = Mounts::own();
        mounts.bind(&opt, Path::new("/opt"));
        work(&scripts)
    });
    inside.join().unwrap()
}

/// A step of a document that has the bucket's parameters and these, with the writer's credentials as the document would hand them on.
fn step(test: &str, document: &str, vault: &Vault, more: &[(&str, &str)]) -> Option<Step> {
    let url = vault.s3.url();
    let bucket =
        [("EvidenceUri", TO), ("EvidenceRegion", REGION), ("BucketOwner", ACCOUNT), ("EndpointUrl", &url), ("CaseId", "TEST-1")];
    let lock = [("Lock", "compliance"), ("RetainDays", "30"), ("Credentials", "environment")];
    let given: Vec<_> = bucket.iter().chain(&lock).chain(more).copied().collect();
    let step = Step::of(test, document, &given)?.unwrap();
    Some(Role::Writer.environment().into_iter().fold(step, |step, (name, value)| step.with(name, &value)))
}

fn place(vault: &Vault) -> Option<String> {
    let keys = vault.s3.keys(BUCKET);
    keys.iter().find_map(|key| key.strip_suffix("/000-begin.json")).map(|begin| format!("s3://{BUCKET}/{begin}"))
}

#[test]
fn documents_do_under_sh_what_they_say() {
    let test = "documents_do_under_sh_what_they_say";
    if !is_root(test) {
        return;
    }
    let vault = Vault::new();
    let copy = tempfile::tempdir().unwrap();
    let Some(preflight) = step(test, "Hozen-Preflight", &vault, &[]) else { return };
    let collect =
        step(test, "Hozen-Collect", &vault, &[("Profile", "volatile"), ("Memory", "off"), ("Operator", "a.b@c")]).unwrap();
    let (ready, collected) = where_it_is_installed(move |folder| (preflight.run(folder, "1-2-3"), collect.run(folder, "4-5-6")));
    let json = |text: &str| -> Value { serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}")) };
    let report = json(&ready.1);
    assert!(matches!(ready.0, Some(0 | 60)) && report["destination"]["ready"] == true, "{report:#}");
    let result = json(&collected.1);
    assert!(matches!(collected.0, Some(10 | 11)) && result["safe_to_isolate"] == true, "{result:#}");
    let place = place(&vault).unwrap();
    assert_eq!(result["to"], place.as_str());
    vault.assert_verdict(&place, &[], 0, "verified");
    vault.download(&place, copy.path());
    let begin = hozen_tests::evidence::Evidence::open(copy.path()).predicate("000-begin.json");
    assert_eq!(
        (&begin["authority"]["ssm_command_id"], &begin["authority"]["operator"]),
        (&"4-5-6".into(), &"a.b@c".into()),
        "{begin:#}"
    );
    let refused = Step::of(test, "Hozen-Collect", &[("Reference", "x'; touch /tmp/x; '")]).unwrap();
    assert!(refused.unwrap_err().contains("InvalidParameters"));
}

/// The bucket does not answer any more, so that the agent is in the middle of it.
#[test]
fn a_document_that_is_killed_at_its_time_out_leaves_no_process_and_no_lie() {
    let test = "a_document_that_is_killed_at_its_time_out_leaves_no_process_and_no_lie";
    if !is_root(test) {
        return;
    }
    let vault = Arc::new(Vault::new());
    vault.s3.inject(Rule::on("PutObject", Fault::Stall(None)).after(1).always());
    let Some(collect) = step(test, "Hozen-Collect", &vault, &[("Profile", "volatile"), ("Memory", "off")]) else { return };
    let bucket = Arc::clone(&vault);
    let watchdogs = where_it_is_installed(move |folder| {
        let agent = collect.start(folder, "7-8-9");
        until("the begin record", || place(&bucket).is_some());
        let pid = i32::try_from(agent.id()).unwrap();
        let watchdogs = children(pid);
        killpg(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
        let output = agent.wait_with_output().unwrap();
        assert_eq!((output.status.signal(), output.stdout.len()), (Some(9), 0), "{output:?}");
        watchdogs
    });
    assert_eq!(watchdogs.len(), 1);
    until("the watchdog's end", || {
        watchdogs.iter().all(|pid| !Path::new(&format!("/proc/{pid}/stat")).exists() || stat(*pid, 3) == "Z")
    });
    vault.s3.clear_rules();
    vault.assert_verdict(&place(&vault).unwrap(), &[], 2, "incomplete");
}

/// A place that a script looks into must be where deb and rpm put the file, or where Distributor does; of each list one is of each.
#[test]
fn documents_look_where_the_packages_put_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    let packages = text("packaging/packages/nfpm.yaml");
    let packages: Vec<&str> = packages.split("dst: ").skip(1).filter_map(|rest| rest.split([',', '}']).next()).collect();
    let distributor: Vec<String> = text("packaging/distributor/install.sh")
        .lines()
        .filter_map(|line| {
            let (_, file) = line.strip_prefix("place ")?.split_once("\"$home/")?;
            Some(format!("/opt/hozen/{}", file.split('"').next()?))
        })
        .collect();
    let mut lists = 0;
    for script in fs::read_dir(root.join("ssm-documents/scripts"))
        .unwrap()
        .flatten()
        .filter(|file| file.path().extension().is_some_and(|end| end == "sh"))
    {
        let script = fs::read_to_string(script.path()).unwrap();
        for list in script.lines().filter_map(|line| line.strip_prefix("for place in ")?.split(';').next()) {
            let places: Vec<&str> = list.split_whitespace().collect();
            assert!(places.iter().any(|place| packages.contains(place)), "no package has one of {places:?}: {packages:?}");
            assert!(
                places.iter().any(|place| distributor.iter().any(|file| file == place)),
                "Distributor has none of {places:?}: {distributor:?}"
            );
            lists += 1;
        }
    }
    assert!(lists >= 5, "{lists}");
    let store = text("agent/src/modules/mod.rs");
    let store = store.split("DEFAULT_STORE: &str = \"").nth(1).unwrap().split('"').next().unwrap();
    assert!(packages.contains(&store) && text("packaging/distributor/install.sh").contains(store), "{packages:?}");
}
