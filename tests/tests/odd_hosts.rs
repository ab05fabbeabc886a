//! Odd processes and file systems: each is found, with the right evidence, and none of them stops the run.

#![expect(clippy::panic, reason = "tests look at the host with the standard library")]

use std::collections::BTreeSet;
use std::path::Path;

use hozen_tests::agent::{Agent, code};
use hozen_tests::attached::Attached;
use hozen_tests::evidence::{self, Evidence, bytes, number, rows_of, sha256};
use hozen_tests::helper::Helper;
use hozen_tests::host::{Mounts, is_root, mountinfo, scratch, skipped};
use hozen_tests::root::Root;
use hozen_tests::{planted, root};
use serde_json::Value;

const FREEZE: &[&str] = &["--only", "freeze_frame"];
const VOLATILE: &[&str] = &["--profile", "volatile"];

/// The row of a process, which must be one.
fn process(evidence: &Evidence, pid: i64) -> Value {
    let rows = evidence.table("processes");
    let own = rows_of(&rows, "pid", pid);
    assert_eq!(own.len(), 1, "process {pid} has {} rows", own.len());
    own.first().map(|row| (*row).clone()).unwrap_or_default()
}

/// The members of an artefact's archive with this content.
fn with_digest(evidence: &Evidence, artefact: &str, digest: &str) -> Vec<String> {
    let members = evidence.raw(artefact);
    let same = members.iter().filter(|(_, raw)| sha256(&raw.content) == digest);
    same.map(|(path, _)| String::from_utf8_lossy(path).into_owned()).collect()
}

#[test]
fn a_process_under_a_mount_is_found_and_named_as_hidden() {
    if !is_root("a_process_under_a_mount_is_found_and_named_as_hidden") {
        return;
    }
    let folder = scratch();
    let cover = scratch();
    let hidden = Helper::start("odd", ["plain"]);
    let pid = hidden.number("pid");
    let mut mounts = Mounts::own();
    let directory = format!("/proc/{pid}");
    mounts.bind(cover.path(), Path::new(&directory));
    assert!(!Path::new(&format!("{directory}/status")).exists(), "the cover covers nothing");
    let to = folder.path().join("evidence");
    let evidence = Agent::find().collect(&to, &["--only", "freeze_frame,hidden_processes"]);
    let row = process(&evidence, pid);
    assert_eq!(bytes(&row, "name").as_deref(), Some(&b"odd"[..]), "{row}");
    let hidden = evidence.table("hidden_processes");
    assert_eq!(rows_of(&hidden, "pid", pid).len(), 1, "{hidden:#?}");
}

#[test]
fn an_ordinary_process_is_not_called_hidden() {
    let folder = scratch();
    let plain = Helper::start("odd", ["plain"]);
    let to = folder.path().join("evidence");
    let evidence = Agent::find().collect(&to, &["--only", "freeze_frame,hidden_processes"]);
    process(&evidence, plain.number("pid"));
    assert!(rows_of(&evidence.table("hidden_processes"), "pid", plain.number("pid")).is_empty());
}

#[test]
fn a_deleted_executable_is_kept_in_full() {
    let (folder, drop) = (scratch(), scratch());
    let odd = Helper::start("odd", ["deleted".as_ref(), drop.path().as_os_str()]);
    let to = folder.path().join("evidence");
    let evidence = Agent::find().collect(&to, &["--only", "freeze_frame,deleted_files"]);
    let row = process(&evidence, odd.number("pid"));
    assert_eq!(number(&row, "on_disk"), Some(0), "{row}");
    assert_eq!(number(&row, "exe_deleted"), Some(1), "{row}");
    assert!(!with_digest(&evidence, "deleted_files", odd.fact("sha256")).is_empty(), "its bytes are not in the archive");
    let rows = evidence.table("deleted_files");
    assert!(rows.iter().any(|row| row.to_string().contains(odd.fact("sha256"))), "no row has its digest: {rows:#?}");
}

#[test]
fn executable_and_data_in_memory_only_are_kept_in_full() {
    let folder = scratch();
    let odd = Helper::start("odd", ["memfd"]);
    let to = folder.path().join("evidence");
    let evidence = Agent::find().collect(&to, &["--only", "freeze_frame,deleted_files"]);
    let row = process(&evidence, odd.number("pid"));
    assert_eq!(number(&row, "exe_memfd"), Some(1), "{row}");
    assert_eq!(bytes(&row, "name").as_deref(), Some(&b"memfd:kworker"[..]), "{row}");
    assert_eq!(number(&row, "is_kthread"), Some(0), "a process that calls itself [kworker/0:1] is no kernel thread: {row}");
    for digest in [odd.fact("sha256"), odd.fact("data_sha256")] {
        assert!(!with_digest(&evidence, "deleted_files", digest).is_empty(), "{digest} is not in the archive");
        assert!(evidence.table("memfd_files").iter().any(|row| row.to_string().contains(digest)), "no row has {digest}");
    }
}

#[test]
fn a_megabyte_of_arguments_is_whole() {
    let folder = scratch();
    let odd = Helper::start("odd", ["megabyte"]);
    let pid = odd.number("pid");
    let evidence = Agent::find().collect(&folder.path().join("evidence"), FREEZE);
    let cmdline = evidence.raw_file("freeze_frame", &format!("/proc/{pid}/cmdline"));
    assert_eq!((cmdline.len().to_string().as_str(), sha256(&cmdline).as_str()), (odd.fact("size"), odd.fact("sha256")));
    let row = process(&evidence, pid);
    let arguments = evidence::list(&row, "args").unwrap_or_else(|| panic!("no args of process {pid}"));
    let joined: Vec<u8> = arguments.into_iter().flat_map(|argument| [argument, vec![0]].concat()).collect();
    assert!(joined == cmdline, "the row's arguments are not those of the archive");
}

#[test]
fn a_secret_stands_nowhere() {
    let folder = scratch();
    let odd = Helper::start("odd", ["secret"]);
    let pid = odd.number("pid");
    let evidence = Agent::find().collect(&folder.path().join("evidence"), VOLATILE);
    assert_eq!(evidence.holding(odd.fact("secret").as_bytes()), Vec::<String>::new(), "the secret is in these objects");
    let rows = evidence.table("process_envs");
    let own = rows_of(&rows, "pid", pid);
    let of = |key: &str| own.iter().find(|row| bytes(row, "key").as_deref() == Some(key.as_bytes())).copied();
    let secret = of("AWS_SECRET_ACCESS_KEY").unwrap_or_else(|| panic!("the variable's name is evidence: {own:#?}"));
    assert_eq!(bytes(secret, "value"), None, "{secret}");
    assert_eq!(number(secret, "redacted"), Some(1), "{secret}");
    let plain = of("HOZEN_TEST_PLAIN").unwrap_or_else(|| panic!("{own:#?}"));
    assert_eq!(bytes(plain, "value").as_deref(), Some(&b"this may be seen"[..]), "{plain}");
}

#[test]
fn a_process_in_state_d_is_described() {
    let folder = scratch();
    let odd = Helper::start("odd", ["dstate"]);
    let evidence = Agent::find().collect(&folder.path().join("evidence"), VOLATILE);
    let row = process(&evidence, odd.number("pid"));
    assert_eq!(bytes(&row, "state").as_deref(), Some(&b"D"[..]), "{row}");
    assert_eq!(number(&row, "parent"), Some(odd.pid()), "{row}");
}

#[test]
fn a_frozen_process_is_described() {
    if !is_root("a_frozen_process_is_described") {
        return;
    }
    let folder = scratch();
    let odd = Helper::start("odd", ["frozen"]);
    let pid = odd.number("pid");
    let evidence = Agent::find().collect(&folder.path().join("evidence"), VOLATILE);
    let row = process(&evidence, pid);
    assert_eq!(bytes(&row, "name").as_deref(), Some(&b"odd"[..]), "{row}");
    let cgroup = evidence.raw_file("freeze_frame", &format!("/proc/{pid}/cgroup"));
    assert!(String::from_utf8_lossy(&cgroup).contains(&format!("/hozen-test-{pid}")));
}

#[test]
fn processes_that_die_midway_do_no_harm() {
    let folder = scratch();
    let _mortal = [Helper::start("odd", ["mortal"]), Helper::start("odd", ["mortal"])];
    // `collect` verifies; what this adds is that nothing fails because a process is gone.
    let evidence = Agent::find().collect(&folder.path().join("evidence"), VOLATILE);
    let step = evidence.step("freeze_frame");
    let refused = |gap: &Value| gap.get("refused") == Some(&true.into());
    let gaps = step.get("gaps").and_then(Value::as_array).unwrap();
    assert!(gaps.iter().all(refused), "a process that ended is no gap: {step}");
}

#[test]
fn a_listener_in_another_network_namespace_has_its_owner() {
    if !is_root("a_listener_in_another_network_namespace_has_its_owner") {
        return;
    }
    let folder = scratch();
    let odd = Helper::start("odd", ["netns"]);
    let (pid, port) = (odd.number("pid"), odd.number("port"));
    let evidence = Agent::find().collect(&folder.path().join("evidence"), FREEZE);
    let sockets = evidence.table("process_open_sockets");
    let holds = |row: &&Value| {
        let owners = row.get("pids").and_then(Value::as_array);
        owners.is_some_and(|owners| owners.iter().any(|owner| number(owner, "pid") == Some(pid)))
    };
    let own: Vec<&Value> = rows_of(&sockets, "local_port", port).into_iter().filter(holds).collect();
    let [listener] = own.as_slice() else { panic!("port {port} of process {pid} has {} rows: {own:#?}", own.len()) };
    assert_eq!(bytes(listener, "state").as_deref(), Some(&b"LISTEN"[..]), "{listener}");
    assert_eq!(bytes(listener, "local_address").as_deref(), Some(&b"127.0.0.1"[..]), "{listener}");
    assert!(listener.get("net_namespace").is_some_and(|ns| ns.to_string().contains(odd.fact("netns"))), "{listener}");
    let namespaces = evidence.table("network_namespaces");
    assert!(namespaces.iter().any(|row| row.to_string().contains(odd.fact("netns"))), "{namespaces:#?}");
}

/// A tracked connection and the rule for it, one that is over, programs at an interface, at a tracepoint, at a control group and at the
/// namespace, all of another network namespace.
#[test]
fn what_is_attached_to_the_network_of_another_namespace_is_found() {
    let test = "what_is_attached_to_the_network_of_another_namespace_is_found";
    let Some(groups) = is_root(test).then(|| second_hierarchy(test)).flatten() else { return };
    let folder = scratch();
    let odd = Helper::start("odd", ["attached", &groups]);
    let only = ["--only", "conntrack,firewall,traffic_control,interfaces,bpf"];
    Attached::of(&odd.said).assert_seen(&Agent::find().collect(&folder.path().join("evidence"), &only));
}

/// Where the second hierarchy of control groups is mounted, which alone takes programs. A kernel without it, or whose parts for this are
/// modules, shows it in the lab (vm.rs).
fn second_hierarchy(test: &str) -> Option<String> {
    let has = ["/proc/net/nf_conntrack", "/proc/net/netfilter"].iter().all(|path| Path::new(path).exists());
    let mounts = mountinfo();
    let point = mounts.lines().find(|line| line.contains(" - cgroup2 ")).and_then(|line| line.split(' ').nth(4));
    let found = point.filter(|_| has).map(str::to_owned);
    if found.is_none() {
        skipped(test, "a kernel that tracks connections, with control groups of the second version");
    }
    found
}

#[test]
fn hostile_names_fifos_and_sockets_in_shared_memory_are_kept_and_not_opened() {
    if !is_root("hostile_names_fifos_and_sockets_in_shared_memory_are_kept_and_not_opened") {
        return;
    }
    let folder = scratch();
    let mut mounts = Mounts::own();
    mounts.tmpfs(Path::new("/dev/shm"), "4m");
    let odd = Helper::start("odd", ["shm", "/dev/shm"]);
    let fifo = Helper::start("odd", ["fifo", "/dev/shm"]);
    let evidence = Agent::find().collect(&folder.path().join("evidence"), VOLATILE);
    let name = unhex(odd.fact("name"));
    let path = [b"/dev/shm/".as_slice(), &name].concat();
    let members = evidence.raw("shm");
    let file = members.get(&path).unwrap_or_else(|| panic!("the file is not in the archive: {:?}", members.keys()));
    assert_eq!(sha256(&file.content), odd.fact("sha256"));
    let pid = odd.number("pid");
    let link = members.get(format!("/dev/shm/hozen-test-{pid}-link").as_bytes()).and_then(|raw| raw.link.as_deref());
    assert_eq!(link, Some(name.as_slice()));
    let listed = evidence.table("shared_memory_files");
    for special in
        [format!("/dev/shm/hozen-test-{pid}-fifo"), format!("/dev/shm/hozen-test-{pid}-socket"), fifo.fact("path").to_owned()]
    {
        let found = listed.iter().any(|row| bytes(row, "path").as_deref() == Some(special.as_bytes()));
        assert!(found, "{special} is not listed");
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|c| u8::try_from(c.to_digit(16)?).ok()).collect();
    digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte * 16 + digit)).collect()
}

#[test]
fn a_dead_file_system_is_noted_and_never_asked() {
    if !is_root("a_dead_file_system_is_noted_and_never_asked") {
        return;
    }
    let folder = scratch();
    let point = scratch();
    let _mounts = Mounts::own();
    let wedge = Helper::start("wedge", [point.path().as_os_str(), "--hold".as_ref()]);
    let holder = wedge.number("holder");
    let evidence = Agent::find().collect(&folder.path().join("evidence"), VOLATILE);
    let row = process(&evidence, holder);
    assert_eq!(bytes(&row, "cwd").as_deref(), point.path().to_str().map(str::as_bytes), "{row}");
    let mounts = evidence.table("mounts");
    let wedged = mounts.iter().find(|row| bytes(row, "path").as_deref() == point.path().to_str().map(str::as_bytes));
    assert_eq!(wedged.and_then(|row| bytes(row, "type")).as_deref(), Some(&b"fuse"[..]), "{mounts:#?}");
    assert_eq!(wedge.finish(), ["asked 0 []"], "the dead file system was asked something");
}

#[test]
fn a_process_whose_memory_is_locked_does_not_stop_the_run() {
    if !is_root("a_process_whose_memory_is_locked_does_not_stop_the_run") {
        return;
    }
    let folder = scratch();
    let point = scratch();
    let _mounts = Mounts::own();
    let wedge = Helper::start("wedge", [point.path().as_os_str(), "--lock".as_ref()]);
    let locker = wedge.number("locker");
    let evidence = Agent::find().collect(&folder.path().join("evidence"), VOLATILE);
    let row = process(&evidence, locker);
    assert_eq!(bytes(&row, "name").as_deref(), Some(&b"wedge"[..]), "what needs no lock is there: {row}");
    assert_eq!(bytes(&row, "state").as_deref(), Some(&b"D"[..]), "{row}");
    let status = row.get("status").and_then(Value::as_str);
    assert!(matches!(status, Some("timeout" | "partial")), "its cmdline cannot be read, and the row says so: {row}");
    let gaps = evidence.step("freeze_frame").get("gaps").map(ToString::to_string).unwrap_or_default();
    assert!(gaps.contains(&format!("/proc/{locker}/")), "the gap is named: {gaps}");
}

/// Where dead file systems are mounted, and the artefacts that look there.
const DEAD: &[(&str, &[&str])] = &[
    ("/etc/systemd/system/remote", &["persistence"]),
    ("/home/ann/.config", &["persistence", "accounts", "histories", "containers"]),
    ("/home/eve", &["persistence", "accounts", "histories", "logs", "containers"]),
    ("/opt/aws", &["cloud"]),
    ("/opt/tool", &["executables"]),
    ("/srv/remote", &[]),
    ("/usr/sbin", &["packages"]),
    ("/var/lib/docker/overlay2/layer2/diff", &["containers"]),
    ("/var/log/remote", &["logs"]),
];
/// What kernels before 5.6 lack: they have neither private views nor a way to open a file that crosses no mount.
const OLD_KERNEL: &str = "mount_setattr,open_tree,fsopen,fsmount,fsconfig,openat2";

#[test]
fn dead_file_systems_wherever_triage_looks_are_named_and_never_asked() {
    if !is_root("dead_file_systems_wherever_triage_looks_are_named_and_never_asked") {
        return;
    }
    for missing in [None, Some(OLD_KERNEL)] {
        root::inside(&["odd", "wedge", "without"], move |root| {
            let running = plant_what_leads_to_the_dead(root);
            let dead: Vec<Helper> = DEAD.iter().map(|(point, _)| Helper::start("wedge", [point])).collect();
            let agent = missing.map_or_else(Agent::find, |missing| Agent::find().through("without", &[missing]));
            let evidence = agent.collect(Path::new("/out/evidence"), &["--memory", "off"]);
            for (wedge, (point, _)) in dead.into_iter().zip(DEAD) {
                assert_eq!(wedge.finish(), ["asked 0 []"], "{point} was asked something, without {missing:?}");
            }
            planted::assert_taken(&evidence);
            the_dead_are_named(&evidence, running.number("pid"));
        });
    }
}

/// A small host with an account whose home is dead, a container whose folder is, a package with a program in a folder that is, and a process
/// whose program lies where now something dead does.
fn plant_what_leads_to_the_dead(root: &Root) -> Helper {
    planted::plant(root);
    DEAD.iter().for_each(|(point, _)| root.folder(point));
    root.file("/var/lib/dpkg/info/dead.md5sums", 0o644, "00000000000000000000000000000000  usr/sbin/dead\n");
    root.file("/var/lib/docker/image/overlay2/layerdb/mounts/5f4e3d2c1b0a/mount-id", 0o600, "layer2");
    root.copy("odd", "/opt/tool/odd");
    Helper::start_at(Path::new("/opt/tool/odd"), ["plain"])
}

/// Each artefact that looks there has a gap that says so, and did not wait for it; of what is only walked the table of file systems says so.
fn the_dead_are_named(evidence: &Evidence, running: i64) {
    let walked = evidence.table("file_systems");
    for (point, artefacts) in DEAD {
        let row = walked.iter().find(|row| bytes(row, "path").as_deref() == Some(point.as_bytes()));
        let row = row.unwrap_or_else(|| panic!("no row of {point}: {walked:#?}"));
        assert_eq!((number(row, "walked"), bytes(row, "type").as_deref()), (Some(0), Some(&b"fuse"[..])), "{row}");
        for artefact in *artefacts {
            let step = evidence.step(artefact);
            assert_eq!(step.get("status").and_then(Value::as_str), Some("partial"), "{artefact}: {step}");
            let gaps = step.get("gaps").and_then(Value::as_array).cloned().unwrap_or_default();
            let told = |gap: &Value| {
                let text = |member: &str| gap.get(member).and_then(Value::as_str).unwrap_or_default();
                text("source").contains(point) && text("reason").contains("lies on fuse")
            };
            assert!(gaps.iter().any(told), "{artefact} does not name {point}: {step}");
        }
    }
    let executables = evidence.table("process_executables");
    let own = rows_of(&executables, "pid", running);
    assert!(own.len() == 1 && own.iter().all(|row| bytes(row, "sha256").is_some()), "what runs was read: {own:#?}");
}

/// An overlay over a dead file system: to a mount table it is a disk of this machine. `accounts` alone looks there, and has half a minute.
#[test]
fn what_hangs_like_a_disk_costs_one_artefact_its_time_and_the_others_nothing() {
    if !is_root("what_hangs_like_a_disk_costs_one_artefact_its_time_and_the_others_nothing") {
        return;
    }
    root::inside(&["wedge"], |root| {
        planted::plant(root);
        let point = "/home/ann/.azure";
        [point, "/srv/dead"].into_iter().for_each(|folder| root.folder(folder));
        let wedge = Helper::start("wedge", ["/srv/dead", "--under", point]);
        let finished =
            Agent::find().run(Agent::collection(Path::new("/out/evidence"), &["--only", "accounts,histories,logs,footprint"]));
        // Not cut short: the run went on and came to its end.
        finished.assert_code(code::PARTIAL);
        drop(wedge);
        Agent::find().verify(Path::new("/out/evidence")).assert_code(0);
        let evidence = Evidence::open(Path::new("/out/evidence"));
        let status = |artefact: &str| evidence.step(artefact).get("status").and_then(Value::as_str).map(str::to_owned);
        let statuses = ["accounts", "histories", "logs"].map(status);
        assert_eq!(statuses.each_ref().map(Option::as_deref), [Some("timeout"), Some("ok"), Some("ok")]);
        for (artefact, path) in [("histories", "/home/ann/.bash_history"), ("logs", "/var/log/auth.log")] {
            assert!(!evidence.raw_file(artefact, path).is_empty());
        }
        let footprint: String = evidence.table("footprint").iter().map(Value::to_string).collect();
        assert!(footprint.contains("artefacts_timed_out") && footprint.contains("threads_abandoned"), "{footprint}");
    });
}

/// As `/etc/hosts` is in containers. In this root the program is such a file.
#[test]
fn a_file_that_something_is_mounted_on_is_among_all_files() {
    if !is_root("a_file_that_something_is_mounted_on_is_among_all_files") {
        return;
    }
    root::inside(&[], |_| {
        let program = Agent::find().program();
        let evidence = Agent::find().collect(Path::new("/out/evidence"), &["--only", "files"]);
        let rows = evidence.table("files");
        let own = rows.iter().filter(|row| bytes(row, "path").as_deref() == program.to_str().map(str::as_bytes));
        let sizes: BTreeSet<Option<i64>> = own.map(|row| number(row, "size")).collect();
        // What it covers, which is empty, is there, too.
        let size = std::fs::metadata(&program).unwrap_or_else(|error| panic!("{error}")).len();
        assert!(sizes.contains(&i64::try_from(size).ok()), "{size} bytes: {sizes:?}");
        let step = evidence.step("files");
        assert_eq!(step.get("status").and_then(Value::as_str), Some("ok"), "{step}");
    });
}

const MANY: usize = 100_000;

#[test]
fn a_hundred_thousand_files_in_one_folder_are_all_there() {
    if !is_root("a_hundred_thousand_files_in_one_folder_are_all_there") {
        return;
    }
    root::inside(&[], |root| {
        root.folder("/srv/many");
        (0..MANY).for_each(|n| root.empty(&format!("/srv/many/{n}")));
        let set = "name: Many\nsources: [{type: FILE, attributes: {paths: ['/srv/many/*']}}]\n";
        root.file("/out/set.yaml", 0o644, set);
        let collect =
            |to: &str, only: &str| Agent::find().collect(Path::new(to), &["--only", only, "--artifacts", "/out/set.yaml"]);
        let evidence = collect("/out/all", "files,user_files");
        assert_eq!((many(&evidence, "files"), many(&evidence, "user_files")), (MANY, MANY));
        assert_eq!((gaps_there(&evidence, "files"), gaps_there(&evidence, "user_files")), (0, 0));
        // One more than definitions are followed to in one folder: what is left out is told.
        root.empty("/srv/many/more");
        let evidence = collect("/out/more", "files,user_files");
        assert_eq!((many(&evidence, "files"), gaps_there(&evidence, "files")), (MANY + 1, 0));
        assert_eq!((many(&evidence, "user_files"), gaps_there(&evidence, "user_files")), (MANY, 1));
    });
}

/// How many files of the folder with many a table has, each once.
fn many(evidence: &Evidence, table: &str) -> usize {
    let rows = evidence.table(table);
    let paths: Vec<Vec<u8>> =
        rows.iter().filter_map(|row| bytes(row, "path")).filter(|path| path.starts_with(b"/srv/many/")).collect();
    let each: BTreeSet<&Vec<u8>> = paths.iter().collect();
    assert_eq!(each.len(), paths.len(), "{table} has rows twice");
    paths.len()
}

/// How many gaps an artefact has in that folder.
fn gaps_there(evidence: &Evidence, artefact: &str) -> usize {
    let step = evidence.step(artefact);
    let gaps = step.get("gaps").and_then(Value::as_array).unwrap_or_else(|| panic!("{step}"));
    gaps.iter().filter(|gap| gap.to_string().contains("/srv/many")).count()
}
