//! Real kernels: what only a host with loadable modules, `/proc/kcore` and lockdown shows.

#![expect(clippy::panic, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::net::TcpListener;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::time::Duration;

use hozen_tests::agent::{Agent, code};
use hozen_tests::attached::{self, Attached};
use hozen_tests::evidence::{Evidence, bytes, list, number, sha256};
use hozen_tests::helper::beside;
use hozen_tests::images::system_ram;
use hozen_tests::vm::{Ended, Guest, Lab};
use hozen_tests::{lime, planted, python, stamp};
use serde_json::Value;

/// What the kernel would load if it were asked for sockets.
const DIAG: [&str; 6] = ["tcp_diag", "udp_diag", "raw_diag", "unix_diag", "af_packet_diag", "netlink_diag"];
/// The program that the kernel executes to load a module: it notes what for, and loads it.
const MODPROBE: &str = "#!/bin/sh\necho \"$*\" >>/tmp/autoload\nexec /bin/busybox modprobe \"$@\"\n";
/// A listener for the tables of sockets to show, and a collection.
const COLLECT: &str = "\
nc -l -p 4040 &
until netstat -ltn | grep -q :4040; do sleep 0.1; done
: >/tmp/autoload
cat /proc/modules >/out/before
hozen collect --case VM-1 PROFILE --to /out/evidence >/out/result 2>/out/said
code=$?
cat /proc/modules >/out/after
cp /tmp/autoload /out/autoload
";

/// A probe in the kernel's code, set by whoever has mounted its tracer for that and is gone.
const PROBE: &str = "\
mkdir /tracing
mount -t tracefs none /tracing
echo 'p:own do_sys_openat2' >/tracing/kprobe_events
echo 1 >/tracing/events/kprobes/own/enable
umount /tracing
";

/// Then the ways to memory: which there are is judged here; what they give is judged in vm_memory.rs.
const MEMORY: &str = "hozen collect --case VM-1 --only memory --memory auto --to /out/memory >/out/result 2>>/out/said\n";

/// The same with a LiME that fits, by every way, by LiME alone, and with all else that there is.
const LOCKED: &str = "\
lime='--module /lime.ko --module-sha256 LIME'
try() { name=$1; shift; hozen collect --case VM-1 --to /out/$name $lime \"$@\" >/out/$name.result 2>/out/$name.said; echo $? >/out/$name.code; }
try memory --only memory --memory auto
try lime --only memory --memory lime
try all --profile volatile --memory auto
";

/// A guest that has collected and powered off.
struct Booted {
    ended: Ended,
    evidence: Evidence,
}

/// Boots a guest with the program in it, and a script that begins with a collection.
fn boot(guest: Guest, script: &str) -> Booted {
    boot_after("", guest, script)
}

/// The same, with something done before.
fn boot_after(before: &str, guest: Guest, script: &str) -> Booted {
    boot_profile("--profile volatile", before, guest, script)
}

/// The same, of another profile.
fn boot_profile(profile: &str, before: &str, guest: Guest, script: &str) -> Booted {
    let guest = guest.file("/sbin/modprobe", 0o755, MODPROBE).available(&DIAG).available(&["squashfs"]);
    let collect = COLLECT.replace("PROFILE", profile);
    let ended = guest.program(&Agent::find().program()).boot(&format!("{before}{collect}{script}\nexit $code\n")).end();
    let to = ended.out.join("evidence");
    // Complete, or complete but for memory, which is left out.
    let sealed = [code::COMPLETE, code::NO_MEMORY].contains(&ended.exit);
    assert!(sealed, "code {}: {}{}", ended.exit, ended.text("said"), ended.text("result"));
    Agent::find().verify(&to).assert_code(0);
    assert_eq!(ended.text("before"), ended.text("after"), "modules before and after the collection");
    assert_eq!(ended.text("autoload"), "", "the kernel was made to execute modprobe");
    Booted { evidence: Evidence::open(&to), ended }
}

/// Devices that the kernel would load a module for if anybody opened them, wherever triage looks for files, and a dead file system over a
/// file on the disk.
const TRAPS: &str = "\
for node in TRAPS; do mknod $node c 231 7 || exit 1; done
mknod /srv/disk b 231 7
mkdir -p /out/srv/remote
echo beside >/out/srv/beside
echo under >/out/srv/remote/under
sync
mkfifo /tmp/hold
sleep 1000 >/tmp/hold &
wedge /out/srv/remote </tmp/hold >/tmp/wedge &
wedge=$!
until grep -qs ready /tmp/wedge || ! kill -0 $wedge; do sleep 0.1; done
";
/// The devices, and the table that has a row for each beside the one of all files.
const NODES: [(&str, &str); 5] = [
    ("/etc/cron.d/trap", "persistence_files"),
    ("/home/ann/.zsh_history", "history_files"),
    ("/var/log/trap.log", "log_files"),
    ("/var/lib/docker/overlay2/layer1/diff/trap", "container_files"),
    ("/usr/bin/trap", "changed_package_files"),
];
/// What dpkg says of the last one.
const TRAP_SUMS: &str = "00000000000000000000000000000000  usr/bin/trap\n";
/// Ends the dead file system. Then questions show that the kernel does execute `modprobe`, and that this one works.
const CONTROL: &str = "\
kill $wedge; wait $wedge; cp /tmp/wedge /out/wedge
mount -t hozenfs none /mnt; mount -t squashfs none /mnt; cat /var/log/trap.log
cp /tmp/autoload /out/control
cat /proc/modules >/out/loaded
";

/// An ordinary host, and a whole triage of it.
#[test]
fn an_open_kernel() {
    let Some(lab) = Lab::find("an_open_kernel") else { return };
    let guest = planted::in_guest(Guest::new(&lab)).file("/var/lib/dpkg/info/trap.md5sums", 0o644, TRAP_SUMS);
    // It collects twice.
    let guest = guest.load(&["fuse"]).program(&beside("wedge")).limit(Duration::from_secs(600));
    let nodes = NODES.map(|(node, _)| node).join(" ");
    let before = [PROBE, &TRAPS.replace("TRAPS", &nodes)].concat();
    let open = boot_profile("--profile triage --memory off", &before, guest, &[MEMORY, CONTROL].concat());
    what_is_planted_is_taken_and_nothing_dead_is_asked(&open);
    a_probe_in_the_kernel_is_seen_and_is_a_finding(&open);
    every_module_is_seen_in_every_list_that_has_addresses(&open);
    the_kernels_log_begins_with_its_banner(&open, &lab);
    assert!(!listener(&open).contains(&"diag-before".to_owned()), "{:?}", listener(&open));
    let namespaces = open.evidence.table("network_namespaces");
    let reasons = namespaces.first().map(|row| words(row, "not_asked").join("\n")).unwrap_or_default();
    assert!(reasons.contains("modprobe to load inet_diag, tcp_diag"), "{reasons}");
    let control = open.ended.text("control");
    let trapped = ["fs-hozenfs", "fs-squashfs", "char-major-231-7"].iter().all(|module| control.contains(module));
    assert!(trapped, "nothing was trapped: {control}");
    assert!(names(&open.ended.text("loaded")).contains("squashfs"), "the trap loads nothing");
    assert_eq!(lockdown(&open), "none");
    assert!(!method(&open, "kcore").contains("lockdown"));
    assert_eq!(verdict(&open, "kcore"), "available");
}

/// What `odd attached` needs of the kernel: tracked connections and rules for them, filters of interfaces that are programs.
const NETWORK: [&str; 4] = ["nf_conntrack_netlink", "nft_ct", "sch_ingress", "cls_bpf"];
/// Starts it, with a program that is pinned where the kernel's own tools do that.
const ATTACH: &str = "\
mount -t cgroup2 none /sys/fs/cgroup
mount -t bpf none /sys/fs/bpf
mkfifo /tmp/hold
odd attached /sys/fs/cgroup /sys/fs/bpf/odd </tmp/hold >/tmp/attached &
odd sniffer </tmp/hold >/tmp/sniffer &
exec 3>/tmp/hold
until grep -qs ready /tmp/attached && grep -qs ready /tmp/sniffer || ! kill -0 $!; do sleep 0.1; done
cp /tmp/attached /tmp/sniffer /out
";

/// A host on which `ss` has been used, so that all diag modules are loaded; locked down as Secure Boot does.
#[test]
fn a_kernel_locked_down_for_integrity() {
    let Some(lab) = Lab::find("a_kernel_locked_down_for_integrity") else { return };
    let guest = Guest::new(&lab).load(&DIAG).load(&NETWORK).program(&beside("odd")).argument("lockdown=integrity");
    let locked = boot_locked(&lab, ATTACH, guest);
    let attached = locked.ended.text("attached");
    assert!(attached.starts_with("ready "), "the guest's console:\n{}", locked.ended.console);
    Attached::of(&attached).assert_seen(&locked.evidence);
    attached::assert_pinned(&locked.evidence, "/sys/fs/bpf/odd");
    the_filter_of_the_packet_socket_is_there(&locked);
    every_hook_of_the_network_is_in_one_query(&locked);
    assert_eq!(listener(&locked), ["text-before", "diag-before", "text-after", "diag-after"]);
    assert_eq!(lockdown(&locked), "integrity");
    assert_eq!(verdict(&locked, "kcore"), "available");
    assert!(method(&locked, "lime").contains("lockdown is integrity"), "{}", method(&locked, "lime"));
    let captures = Evidence::open(&locked.ended.out.join("memory")).table("memory_captures");
    assert_eq!(one(&captures, "method", "kcore").get("quality").and_then(Value::as_str), Some("ok"), "{captures:#?}");
    assert_eq!(captures.len(), 1, "LiME was tried: {captures:#?}");
    let result = with_code(&locked, "lime", code::MEMORY_FAILED);
    assert!(result.contains("kernel lockdown is integrity: it loads only signed modules"), "{result}");
    with_code(&locked, "memory", code::COMPLETE);
    with_code(&locked, "all", code::COMPLETE);
}

#[test]
fn a_kernel_locked_down_for_confidentiality() {
    let Some(lab) = Lab::find("a_kernel_locked_down_for_confidentiality") else { return };
    let locked = boot_locked(&lab, "", Guest::new(&lab).argument("lockdown=confidentiality"));
    assert_eq!(lockdown(&locked), "confidentiality");
    assert_eq!(verdict(&locked, "kcore"), "denied");
    assert!(method(&locked, "kcore").contains("/proc/kcore is closed"), "{}", method(&locked, "kcore"));
    assert!(Evidence::open(&locked.ended.out.join("memory")).table("memory_captures").is_empty());
    for run in ["memory", "lime", "all"] {
        let result = with_code(&locked, run, code::MEMORY_FAILED);
        assert!(result.contains("lockdown is confidentiality"), "{result}");
    }
    let all: Value = serde_json::from_str(&locked.ended.text("all.result")).unwrap();
    let count = |status: &str| all.get("artefacts").and_then(|counts| number(counts, status)).unwrap();
    assert_eq!((count("denied"), count("failed"), count("timeout")), (1, 0, 0), "{all}");
    assert!(count("ok") > 10, "{all}");
}

/// A guest that does something before, and also tries LiME, by [`LOCKED`].
fn boot_locked(lab: &Lab, before: &str, guest: Guest) -> Booted {
    let lime = read(&lab.lime());
    let script = LOCKED.replace("LIME", &sha256(&lime));
    boot_after(before, guest.file("/lime.ko", 0o644, lime), &script)
}

fn the_filter_of_the_packet_socket_is_there(locked: &Booted) {
    let said = locked.ended.text("sniffer");
    let filter = said.split_ascii_whitespace().find_map(|word| word.strip_prefix("filter=")).unwrap();
    let sockets = locked.evidence.table("process_open_sockets");
    let row = one(&sockets, "bpf_filter_hex", filter);
    assert_eq!(number(row, "bpf_filter_length"), Some(4), "{row}");
}

/// All that `odd` has hung between packets and those that they are for, asked with one question.
fn every_hook_of_the_network_is_in_one_query(locked: &Booted) {
    let variables = ["address=192.0.2.1", "pid=1"];
    let Some(answers) = python::queries("every_hook_of_the_network_is_in_one_query", &locked.evidence.dir, &variables) else {
        return;
    };
    let rows = answers.get("network-hooks").and_then(Value::as_array).unwrap();
    for hook in ["XDP", "control group", "network namespace", "packet socket", "tc filter"] {
        assert!(rows.iter().any(|row| row.get("hook").is_some_and(|word| word == hook)), "no {hook} in {rows:#?}");
    }
}

/// What a run of [`LOCKED`] said, which must have ended with this code and left evidence that verifies.
fn with_code(booted: &Booted, run: &str, code: i32) -> String {
    let said = booted.ended.text(&format!("{run}.result"));
    assert_eq!(booted.ended.text(&format!("{run}.code")), format!("{code}\n"), "{run}: {said}");
    Agent::find().verify(&booted.ended.out.join(run)).assert_code(0);
    said
}

/// A file and a folder whose names the module keeps out of all lists of folders.
const IMPLANT: &str = "\
mkdir -p /out/etc/.rk-tools
echo implant >/out/etc/.rk-implant
echo tool >/out/etc/.rk-tools/tool
echo ordinary >/out/etc/ordinary
sync
";

/// What everyone on the host sees of it; then the collection that also looks at the disk.
const LOOK: &str = "\
ls -a /out/etc >/out/listed
cat /out/etc/.rk-implant >/out/opened
hozen collect --case VM-1 --only files,hidden_files,findings --to /out/files >/out/files.result 2>/out/files.said
echo $? >/out/files.code
";

/// With `kptr_restrict` 1, as hardened hosts have it, vmallocinfo has true addresses.
#[test]
fn a_module_that_left_the_list_is_seen_in_sysfs_and_what_it_hides_on_the_disk() {
    let Some(lab) = Lab::find("a_module_that_left_the_list_is_seen_in_sysfs_and_what_it_hides_on_the_disk") else { return };
    let guest = Guest::new(&lab).insert(&lab.hiding(), "depth=1 prefix=.rk-").sysctl("kernel/kptr_restrict", "1");
    // It collects twice.
    let guest = guest.limit(Duration::from_secs(600));
    let booted = boot_after(IMPLANT, guest, LOOK);
    assert!(!names(&booted.ended.text("before")).contains("hiding"), "the module does not hide");
    let rows = booted.evidence.table("kernel_modules");
    let (hiding, others): (Vec<&Value>, Vec<&Value>) =
        rows.iter().partition(|row| bytes(row, "name").as_deref() == Some(b"hiding"));
    assert_eq!(hiding.len(), 1, "{rows:#?}");
    assert!(hiding.iter().all(|row| words(row, "seen_by").contains(&"sysfs".to_owned())), "{hiding:#?}");
    assert!(hiding.iter().all(|row| words(row, "missing_from").contains(&"proc_modules".to_owned())), "{hiding:#?}");
    for row in others {
        assert_eq!(words(row, "seen_by"), ["proc_modules", "sysfs", "kallsyms", "vmallocinfo"], "{row}");
    }
    assert!(unclaimed(&booted) > 0);
    assert_eq!(findings(&booted, "module-in-one-view"), 1);
    what_a_rootkit_hides_is_found_on_the_disk(&booted);
}

/// The walk over all files, which asks the kernel for their names, has no hidden one; the disk has both, with their content.
fn what_a_rootkit_hides_is_found_on_the_disk(booted: &Booted) {
    let (listed, opened) = (booted.ended.text("listed"), booted.ended.text("opened"));
    assert!(listed.contains("ordinary") && !listed.contains(".rk-"), "the module hides no file: {listed}");
    assert_eq!(opened, "implant\n");
    with_code(booted, "files", code::NO_MEMORY);
    let folder = booted.ended.out.join("files");
    let evidence = Evidence::open(&folder);
    let walked = evidence.table("files");
    one(&walked, "path", "/out/etc/ordinary");
    let hides = |row: &&Value| bytes(row, "path").is_some_and(|path| path.windows(4).any(|part| part == b".rk-"));
    assert_eq!(walked.iter().find(hides), None, "the kernel lists it");

    let rows = evidence.table("hidden_files");
    let hidden: BTreeSet<Option<Vec<u8>>> =
        rows.iter().filter(|row| number(row, "hidden") == Some(1)).map(|row| bytes(row, "path")).collect();
    let paths = ["/out/etc/.rk-implant", "/out/etc/.rk-tools"];
    assert_eq!(hidden, BTreeSet::from(paths.map(|path| Some(path.as_bytes().to_vec()))), "{rows:#?}");
    let implant = one(&rows, "path", "/out/etc/.rk-implant");
    // Whoever knows its name opens it: only lists lack it.
    assert_eq!((words(implant, "seen_by"), words(implant, "missing_from")), (list_of(&["disk", "lookup"]), list_of(&["list"])));
    assert_eq!(bytes(implant, "sha256"), Some(sha256(b"implant\n").into_bytes()), "{implant}");
    let member = String::from_utf8(bytes(implant, "member").unwrap()).unwrap();
    assert_eq!(evidence.raw_file("hidden_files", &member), b"implant\n");
    assert_eq!(bytes(one(&rows, "path", "/out/etc/.rk-tools/tool"), "hidden_by"), Some(b"/out/etc/.rk-tools".to_vec()));

    if let Some(answers) = python::queries("what_a_rootkit_hides_is_found_on_the_disk", &folder, &["address=192.0.2.1", "pid=1"])
    {
        let asked = answers.get("hidden-files").and_then(Value::as_array).unwrap();
        let found: Vec<&str> = asked.iter().filter_map(|row| row.get("path")?.as_str()).collect();
        assert_eq!(found, ["/out/etc/.rk-implant", "/out/etc/.rk-tools", "/out/etc/.rk-tools/tool"], "{asked:#?}");
    }
    let findings = evidence.table("findings");
    let named = findings.iter().filter(|row| bytes(row, "finding").as_deref() == Some(b"hidden-file"));
    let named: Vec<&Value> = named.collect();
    assert!(named.len() == 2 && paths.iter().all(|path| named.iter().any(|row| row.to_string().contains(path))), "{named:#?}");
}

fn list_of(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn a_module_that_left_every_list_is_seen_by_its_memory() {
    let Some(lab) = Lab::find("a_module_that_left_every_list_is_seen_by_its_memory") else { return };
    let booted =
        boot(Guest::new(&lab).insert(&lab.hiding(), "depth=2").sysctl("kernel/kptr_restrict", "1"), "ls /sys/module >/out/sysfs");
    assert!(
        !booted.ended.text("sysfs").contains("hiding") && !booted.ended.text("before").contains("hiding"),
        "it does not hide"
    );
    assert!(unclaimed(&booted) > 0);
    assert_eq!(findings(&booted, "module-memory-unclaimed"), unclaimed(&booted));
    let control = boot(Guest::new(&lab).sysctl("kernel/kptr_restrict", "1"), "");
    assert_eq!(unclaimed(&control), 0, "memory without a module where nothing hides");
    for word in ["module-in-one-view", "module-memory-unclaimed"] {
        assert_eq!(findings(&control, word), 0, "{word} where nothing hides");
    }
}

/// Each file by its artefact, each device as a row and no more, and beside the dead file system and under it what lies on the disk.
fn what_is_planted_is_taken_and_nothing_dead_is_asked(open: &Booted) {
    planted::assert_taken(&open.evidence);
    for (node, table) in NODES {
        one(&open.evidence.table(table), "path", node);
        one(&open.evidence.table("files"), "path", node);
    }
    for artefact in ["executables", "persistence", "accounts", "histories", "cloud", "logs", "containers", "packages", "files"] {
        let step = open.evidence.step(artefact);
        assert_eq!(step.get("status").and_then(Value::as_str), Some("ok"), "{step}");
    }
    assert_eq!(open.ended.text("wedge").lines().last(), Some("asked 0 []"), "the dead file system was asked something");
    one(&open.evidence.table("files"), "path", "/out/srv/beside");
    let rows = open.evidence.table("hidden_files");
    let under = one(&rows, "path", "/out/srv/remote/under");
    assert_eq!((number(under, "hidden"), bytes(under, "covered_by_type")), (Some(0), Some(b"fuse".to_vec())), "{under}");
    let member = String::from_utf8(bytes(under, "member").unwrap()).unwrap();
    assert_eq!(open.evidence.raw_file("hidden_files", &member), b"under\n");
}

fn every_module_is_seen_in_every_list_that_has_addresses(open: &Booted) {
    let rows = open.evidence.table("kernel_modules");
    let found: BTreeSet<String> = rows.iter().map(|row| String::from_utf8(bytes(row, "name").unwrap()).unwrap()).collect();
    assert_eq!(found, names(&open.ended.text("before")));
    assert!(found.contains("virtio_blk"), "{found:?}");
    for row in &rows {
        // With kptr_restrict 0, as here, vmallocinfo has hashes for addresses and cannot say anything.
        assert_eq!(words(row, "seen_by"), ["proc_modules", "sysfs", "kallsyms"], "{row}");
        assert_eq!(number(row, "contradiction"), Some(0), "{row}");
    }
    let views = open.evidence.table("module_views");
    assert_eq!(number(one(&views, "view", "vmallocinfo"), "available"), Some(0));
    assert_eq!(open.evidence.raw_file("kernel_modules", "/proc/modules"), open.ended.text("before").into_bytes());
}

fn a_probe_in_the_kernel_is_seen_and_is_a_finding(open: &Booted) {
    let text = |row: &Value, column: &str| String::from_utf8(bytes(row, column).unwrap_or_default()).unwrap();
    let probes = open.evidence.table("kprobes");
    let own =
        probes.iter().find(|row| text(row, "symbol").starts_with("do_sys_openat2")).unwrap_or_else(|| panic!("{probes:#?}"));
    assert_eq!(text(own, "kind"), "k", "{own}");
    let defined = open.evidence.table("trace_probes");
    assert!(defined.iter().any(|row| text(row, "event") == "own" && text(row, "target") == "do_sys_openat2"), "{defined:#?}");
    let findings = open.evidence.table("findings");
    assert!(one(&findings, "finding", "kernel-probe").to_string().contains("do_sys_openat2"), "{findings:#?}");
}

fn the_kernels_log_begins_with_its_banner(open: &Booted, lab: &Lab) {
    let rows = open.evidence.table("dmesg");
    let first = rows.first().and_then(|row| bytes(row, "message")).unwrap_or_default();
    let banner = format!("Linux version {} ", lab.release);
    assert!(first.starts_with(banner.as_bytes()), "{}", String::from_utf8_lossy(&first));
    assert!(rows.len() > 100, "{} rows", rows.len());
}

/// The names in a copy of `/proc/modules`.
fn names(text: &str) -> BTreeSet<String> {
    text.lines().filter_map(|line| line.split_once(' ')).map(|(name, _)| name.to_owned()).collect()
}

fn words(row: &Value, column: &str) -> Vec<String> {
    list(row, column).unwrap_or_default().into_iter().map(|word| String::from_utf8(word).unwrap()).collect()
}

fn one<'a>(rows: &'a [Value], column: &str, value: &str) -> &'a Value {
    let mut found = rows.iter().filter(|row| bytes(row, column).as_deref() == Some(value.as_bytes()));
    let row = found.next().unwrap_or_else(|| panic!("no row with {column} {value} in {rows:#?}"));
    assert_eq!(found.next(), None, "more than one row with {column} {value}");
    row
}

/// Which views have the socket that listens on port 4040.
fn listener(booted: &Booted) -> Vec<String> {
    let rows = booted.evidence.table("process_open_sockets");
    let own = rows.iter().find(|row| number(row, "local_port") == Some(4040));
    words(own.unwrap_or_else(|| panic!("nobody listens on 4040: {rows:#?}")), "seen_by")
}

/// How many stretches of memory for modules no module claims.
fn unclaimed(booted: &Booted) -> usize {
    booted.evidence.table("module_views").iter().filter(|row| number(row, "unclaimed") == Some(1)).count()
}

/// How many findings there are of this word.
fn findings(booted: &Booted, word: &str) -> usize {
    booted.evidence.table("findings").iter().filter(|row| bytes(row, "finding").as_deref() == Some(word.as_bytes())).count()
}

/// The row of a way to memory.
fn method(booted: &Booted, name: &str) -> String {
    one(&Evidence::open(&booted.ended.out.join("memory")).table("memory_sources"), "method", name).to_string()
}

fn verdict(booted: &Booted, name: &str) -> String {
    let row: Value = serde_json::from_str(&method(booted, name)).unwrap();
    String::from_utf8(bytes(&row, "verdict").unwrap()).unwrap()
}

fn lockdown(booted: &Booted) -> String {
    let rows = booted.evidence.table("kernel_security");
    String::from_utf8(rows.first().and_then(|row| bytes(row, "lockdown")).unwrap()).unwrap()
}

/// The payload and its check, on an image that QEMU takes of the halted guest, which is the ground truth, and on one that LiME takes.
#[test]
fn stamped_pages_are_where_they_say() {
    let Some(lab) = Lab::find("stamped_pages_are_where_they_say") else { return };
    let mut machine = Guest::new(&lab).program(&beside("stamp")).file("/lime.ko", 0o644, read(&lab.lime())).boot(STAMP);
    machine.await_text("stamped");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("memory");
    let mut monitor = machine.monitor();
    monitor.stop();
    monitor.save_memory(0, MEMORY_SIZE, &file);
    monitor.go_on();
    machine.type_line("");
    let ended = machine.end();
    let said = ended.text("said");
    assert!(said.contains("moved=0"), "{said}");
    let run = said.split_ascii_whitespace().find_map(|word| word.strip_prefix("run=")).unwrap().parse().unwrap();
    let frames: Vec<u64> = ended.text("frames").lines().map(|line| line.parse().unwrap()).collect();
    let header = lime::header_of(&(0..=MEMORY_SIZE - 1));
    let report = stamp::check(header.as_slice().chain(open(&file)), run, &frames).unwrap();
    assert!(report.is_whole() && report.right == 8192 && report.strays == 0, "{report:?}");
    assert_eq!(report.counters, Some((0, 8191)));
    let image = ended.out.join("image");
    let report = stamp::check(open(&image), run, &frames).unwrap();
    assert!(report.is_whole() && report.right == 8192, "{report:?}");
    assert_eq!(lime::read(open(&image), |_, _| ()).unwrap(), system_ram(&ended.text("iomem")));
}

const MEMORY_SIZE: u64 = 256 << 20;
/// Stamps pages and lets the test look; then LiME writes its image to the disk.
const STAMP: &str = "\
mkfifo /tmp/hold
stamp 8192 /out/frames </tmp/hold >/out/said &
exec 3>/tmp/hold
until grep -q ready /out/said; do sleep 0.1; done
echo stamped; read -r go
cat /proc/iomem >/out/iomem
insmod /lime.ko path=/out/image format=lime timeout=0 || exit 1
exec 3>&-; wait
";

fn open(file: &Path) -> BufReader<File> {
    BufReader::new(File::open(file).unwrap())
}

#[expect(clippy::disallowed_methods, reason = "a file of the lab goes into a guest")]
fn read(file: &Path) -> Vec<u8> {
    std::fs::read(file).unwrap()
}

/// What later tests of uploads stand on.
#[test]
fn the_network_of_a_guest_leads_to_this_machine() {
    let Some(lab) = Lab::find("the_network_of_a_guest_leads_to_this_machine") else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = std::thread::spawn(move || {
        let mut text = String::new();
        listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
        text
    });
    let ended = Guest::new(&lab).network().boot(&format!("echo hello | nc 10.0.2.2 {port}")).end();
    assert_eq!(ended.exit, 0, "{}", ended.console);
    assert_eq!(heard.join().unwrap(), "hello\n");
}

/// A guest that does not end is a failed test that says what it said, and no QEMU is left behind.
#[test]
fn a_guest_that_hangs_is_ended() {
    let Some(lab) = Lab::find("a_guest_that_hangs_is_ended") else { return };
    let machine = Guest::new(&lab).limit(Duration::from_secs(1)).boot("sleep 1000");
    let process = format!("/proc/{}/exe", machine.pid());
    assert!(Path::new(&process).exists());
    let failure = std::panic::catch_unwind(AssertUnwindSafe(|| machine.end().exit)).unwrap_err();
    let message = failure.downcast_ref::<String>().unwrap();
    assert!(message.contains("the guest hangs"), "{message}");
    assert!(!Path::new(&process).exists(), "QEMU still runs");
}
