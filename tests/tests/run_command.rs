//! The agent under Run Command: what the shell steps of the documents do, and what is left when Systems Manager kills them.

#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests look at the host with the standard library"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hozen_tests::agent::Agent;
use hozen_tests::aws::access::Key;
use hozen_tests::aws::cloud::{ACCOUNT, REGION};
use hozen_tests::aws::ssm;
use hozen_tests::host::{Mounts, is_root};
use hozen_tests::run_command::Step;
use hozen_tests::s3::{Bucket, DefaultRetention, Mode, Options};
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
    where_it_is_called_with(&[], work)
}

/// The same, with these options behind those of the document: the way to doubles, which documents do not know.
fn where_it_is_called_with<T: Send + 'static>(more: &[&str], work: impl FnOnce(&Path) -> T + Send + 'static) -> T {
    let wrapper = format!("#!/bin/sh\nexec /opt/hozen/bin/hozen.itself \"$@\" {}\n", more.join(" "));
    let inside = std::thread::spawn(move || {
        let folder = tempfile::tempdir().unwrap();
        let (opt, scripts) = (folder.path().join("opt"), folder.path().join("scripts"));
        let bin = opt.join("hozen/bin");
        fs::create_dir_all(&bin).unwrap();
        fs::create_dir(&scripts).unwrap();
        fs::copy(Agent::find().program(), bin.join("hozen.itself")).unwrap();
        fs::write(bin.join("hozen"), wrapper).unwrap();
        fs::set_permissions(bin.join("hozen"), fs::Permissions::from_mode(0o755)).unwrap();
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
    the_document_seals_what_was_collected(test, &vault, &place, result["end"]["sha256"].as_str().unwrap());
}

/// `Hozen-Seal`, as a host of the responders runs it, with the sealer's credentials. Its exit code and what it said.
fn sealed(test: &str, vault: &Vault, place: &str, end: &str) -> (Option<i32>, String) {
    let arn = vault.kms.service().api().add_signing_key("11111111-2222-3333-4444-555555555555");
    let given = [("RunUri", place), ("SealKey", &arn), ("EndSha256", end)];
    let bucket = [("EvidenceRegion", REGION), ("BucketOwner", ACCOUNT), ("Credentials", "environment")];
    let step = Step::of(test, "Hozen-Seal", &[&given[..], &bucket].concat()).unwrap().unwrap();
    let step = Role::Sealer.environment().into_iter().fold(step, |step, (name, value)| step.with(name, &value));
    let (s3, kms) = (vault.s3.url(), vault.kms.url());
    where_it_is_called_with(&["--endpoint-url", &s3, "--kms-endpoint-url", &kms], move |folder| step.run(folder, "5-6-7"))
}

fn the_document_seals_what_was_collected(test: &str, vault: &Vault, place: &str, end: &str) {
    let (code, said) = sealed(test, vault, place, &"0".repeat(64));
    assert!(code == Some(1) && vault.seals(place).is_empty(), "another end than the host's line named: {code:?} {said}");
    let (code, said) = sealed(test, vault, place, end);
    let seal: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert_eq!((code, &seal["end_sha256"], vault.seals(place)), (Some(0), &end.into(), vec![text(&seal["seal"])]), "{seal:#}");
    let report = vault.assert_verdict(place, &[], 0, "verified");
    assert_eq!((&report["seals"][0]["object"], report["seals"][1].is_null()), (&seal["seal"], true), "{report:#}");
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// With a session that may put objects and ask for the lock, as that orchestrator gives, and no lock of ours: the bucket's own decides.
#[test]
fn the_drop_in_collects_with_the_parameters_of_the_orchestrator() {
    let test = "the_drop_in_collects_with_the_parameters_of_the_orchestrator";
    if !is_root(test) {
        return;
    }
    let default = DefaultRetention { mode: Mode::Governance, days: 30 };
    let vault = Vault::with(Options::default(), Bucket::new(BUCKET).locked(Some(default)));
    let (id, secret, token) =
        ("ASIAORCHESTRATOR0000", "c2VjcmV0LW9mLXRoZS1vcmNoZXN0cmF0b3I=", "dG9rZW4tb2YtdGhlLW9yY2hlc3RyYXRvcg==");
    let rights = ["s3:PutObject", "s3:GetBucketObjectLockConfiguration"];
    vault.cloud.add_key(Key::new(id, secret, &rights).session(token, None));
    let given = [("s3ArtifactLocation", "evidence/cases"), ("Region", REGION), ("ExecutionTimeout", "600")];
    let credentials = [("AccessKeyId", id), ("SecretAccessKey", secret), ("SessionToken", token)];
    let Some(step) = Step::of(test, "Hozen-DropIn", &[&given[..], &credentials].concat()) else { return };
    let (step, url) = (step.unwrap(), vault.s3.url());
    let (code, said) =
        where_it_is_called_with(&["--only", "context", "--endpoint-url", &url], move |folder| step.run(folder, "8-9-0"));
    let result: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
    let place = place(&vault).unwrap();
    // Memory is not among what the test asks for, and a container may keep something of the context to itself.
    assert!(matches!(code, Some(0 | 10 | 11)) && result["safe_to_isolate"] == true, "{result:#}");
    assert_eq!(result["to"], place.as_str());
    let report = vault.assert_verdict(&place, &[], 0, "verified");
    assert_eq!(
        (&report["facts"]["case"], &report["facts"]["end_sha256"]),
        (&"unassigned".into(), &result["end"]["sha256"]),
        "{report:#}"
    );
    let names = vault.names(&place);
    let locked = |name: &String| vault.s3.object(BUCKET, &vault.key(&place, name)).unwrap().retention.is_some();
    assert!(names.len() > 3 && names.iter().all(locked), "{names:?}");
    let all: Vec<u8> = names
        .iter()
        .flat_map(|name| vault.s3.object(BUCKET, &vault.key(&place, name)).unwrap().content().unwrap().to_vec())
        .collect();
    for word in [secret, token] {
        assert!(!said.contains(word) && !all.windows(word.len()).any(|window| window == word.as_bytes()), "{word} is told");
    }
}

/// The bucket does not answer, so that the agent is in the middle of it. The watchdog, which has no credentials but the signature of one request,
/// stores its record there; what the verifier says, what the status said last, and that nobody seals it, say the same.
#[test]
fn a_document_that_is_killed_at_its_time_out_leaves_no_process_and_no_lie() {
    let test = "a_document_that_is_killed_at_its_time_out_leaves_no_process_and_no_lie";
    if !is_root(test) {
        return;
    }
    let vault = Arc::new(Vault::new());
    vault.s3.inject(Rule::on("PutObject", Fault::Stall(None)).after(1).always());
    let ssm = Arc::new(ssm::start(&vault.cloud));
    vault.allow(Role::Writer, &Role::Writer.actions().into_iter().chain(["ssm:PutParameter".to_owned()]).collect());
    let more = [("Profile", "volatile"), ("Memory", "off"), ("Status", "ssm:/hozen/status/TEST-1")];
    let Some(collect) = step(test, "Hozen-Collect", &vault, &more) else { return };
    let (bucket, parameters, url) = (Arc::clone(&vault), Arc::clone(&ssm), ssm.url());
    let watchdogs = where_it_is_called_with(&["--ssm-endpoint-url", &url], move |folder| {
        let agent = collect.start(folder, "7-8-9");
        until("the begin record", || place(&bucket).is_some());
        until("the status", || parameters.service().api().get("/hozen/status/TEST-1").is_some());
        let pid = i32::try_from(agent.id()).unwrap();
        let watchdogs = children(pid);
        // What the agent has asked waits on; what is asked from now on is answered.
        bucket.s3.clear_rules();
        killpg(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
        let output = agent.wait_with_output().unwrap();
        assert_eq!((output.status.signal(), output.stdout.len()), (Some(9), 0), "{output:?}");
        watchdogs
    });
    assert_eq!(watchdogs.len(), 1);
    until("the watchdog's end", || {
        watchdogs.iter().all(|pid| !Path::new(&format!("/proc/{pid}/stat")).exists() || stat(*pid, 3) == "Z")
    });
    let place = place(&vault).unwrap();
    until("the record", || vault.names(&place).iter().any(|name| name == "999-killed.json"));
    let status = ssm.service().api().get("/hozen/status/TEST-1").unwrap();
    let status: Value = serde_json::from_str(status.values.last().unwrap()).unwrap();
    assert!(status["phase"] != "ended" && status["result"].is_null() && status["safe_to_isolate"] == false, "{status:#}");
    // The run is the one that the status knows, and it has no end.
    let report = vault.assert_verdict(
        &place,
        &["--begin-sha256", status["begin_sha256"].as_str().unwrap()],
        2,
        "there is none: the run was cut off",
    );
    let killed = &report["killed"];
    assert_eq!((&report["verdict"], &killed["cause"]), (&"incomplete".into(), &Value::Null), "{report:#}");
    // The verifier holds it to the process of the begin record.
    assert!(killed["agent_pid"].is_u64() && killed["module"].as_str().unwrap().starts_with("no kernel module"), "{report:#}");
    let last: Vec<String> = vault.names(&place).into_iter().filter(|name| name.starts_with('9')).collect();
    assert_eq!(last, ["999-killed.json"]);
    let (code, said) = sealed(test, &vault, &place, "");
    assert!(code == Some(2) && vault.seals(&place).is_empty(), "{code:?} {said}");
}

/// As `Hozen-Preflight` leaves it where the agent of Systems Manager looks, and as `hozen preflight` does in a folder.
#[test]
fn the_inventory_takes_what_a_preflight_leaves() {
    let test = "the_inventory_takes_what_a_preflight_leaves";
    let folder = tempfile::tempdir().unwrap();
    let finished = Agent::find().run(["preflight".as_ref(), "--inventory".as_ref(), folder.path().as_os_str()]);
    let report: Value = serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {}", finished.said()));
    assert!(matches!(finished.code(), 0 | 60), "{}", finished.said());
    let file = folder.path().join("hozen-readiness.json");
    assert_eq!(report["inventory"]["written"], file.to_str().unwrap(), "{report:#}");
    let content = taken_by_the_inventory(&file);
    assert_eq!(content["Ready"], if finished.code() == 0 { "yes" } else { "no" }, "{content:#}");
    assert_eq!((&content["Kernel"], &content["BucketRoute"]), (&report["kernel"]["release"], &"not-asked".into()), "{content:#}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "one file, and nothing beside it");
    let refused = Agent::find().run(["preflight", "--inventory", "/proc/no-such-folder"]);
    assert!(refused.code() == 60 && refused.stdout.contains("\"error\""), "{}", refused.said());
    if !is_root(test) {
        return;
    }
    let Some(step) = Step::of(test, "Hozen-Preflight", &[("Inventory", "yes")]) else { return };
    let step = step.unwrap();
    let said = where_it_is_installed(move |scripts| {
        let lib = scripts.join("lib");
        // The instance of `Step::environment`.
        let own = lib.join("amazon/ssm/i-0123456789abcdef0");
        fs::create_dir_all(&own).unwrap();
        let mut mounts = Mounts::own();
        mounts.bind(&lib, Path::new("/var/lib"));
        let (code, said) = step.run(scripts, "6-7-8");
        assert!(matches!(code, Some(0 | 60)), "{code:?} {said}");
        taken_by_the_inventory(&own.join("inventory/custom/hozen-readiness.json"))
    });
    assert_eq!((&said["Kernel"], &said["Version"]), (&content["Kernel"], &content["Version"]));
}

/// What the agent of Systems Manager asks of a file in its folder (`customGatherer.go` of its sources; it sets the time itself and drops what it does
/// not know), and its service of an entry (InventoryItem in its API reference; 200 KB, "Systems Manager quotas"). The attributes.
fn taken_by_the_inventory(file: &Path) -> Value {
    let written = fs::read_to_string(file).unwrap();
    let entry: Value = serde_json::from_str(&written).unwrap();
    let members: Vec<&str> = entry.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["Content", "SchemaVersion", "TypeName"], "{entry:#}");
    assert_eq!((&entry["TypeName"], &entry["SchemaVersion"]), (&"Custom:HozenReadiness".into(), &"1.0".into()));
    let attributes = entry["Content"].as_object().unwrap();
    assert!(written.len() < 200 * 1024 && (1..=50).contains(&attributes.len()), "{entry:#}");
    let guide = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/response.md")).unwrap();
    for (name, value) in attributes {
        assert!((1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{name}");
        assert!(value.as_str().is_some_and(|value| value.len() <= 4096), "{name}: {value}");
        assert!(guide.contains(&format!("`{name}`")), "docs/response.md does not know {name}");
    }
    let text = |name: &str| attributes.get(name).and_then(Value::as_str).unwrap_or_default();
    assert!(["lime", "kcore", "crash", "mem", "none"].contains(&text("MemoryWay")), "{entry:#}");
    for name in ["Ready", "LimeModule", "Kcore"] {
        assert!(["yes", "no"].contains(&text(name)), "{name}: {entry:#}");
    }
    entry["Content"].clone()
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
