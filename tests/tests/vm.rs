//! Real kernels: what only a host with loadable modules, `/proc/kcore` and lockdown shows. Each guest is booted once.

#![expect(clippy::panic, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::sync::LazyLock;

use hozen_tests::agent::Agent;
use hozen_tests::evidence::{Evidence, bytes, list, number};
use hozen_tests::helper::beside;
use hozen_tests::vm::{Ended, Guest, Lab};
use hozen_tests::{lime, stamp};
use serde_json::Value;

/// What the kernel would load if it were asked for sockets.
const DIAG: [&str; 6] = ["tcp_diag", "udp_diag", "raw_diag", "unix_diag", "af_packet_diag", "netlink_diag"];
/// The program that the kernel executes to load a module: it notes what for, and loads it.
const MODPROBE: &str = "#!/bin/sh\necho \"$*\" >>/tmp/autoload\nexec /bin/busybox modprobe \"$@\"\n";
/// A listener for the tables of sockets to show, then a collection and a look at what is ready.
const COLLECT: &str = "\
nc -l -p 4040 &
until netstat -ltn | grep -q :4040; do sleep 0.1; done
: >/tmp/autoload
cat /proc/modules >/out/before
hozen preflight >/out/preflight
hozen collect --case VM-1 --profile volatile --to /out/evidence >/out/result 2>/out/said
code=$?
cat /proc/modules >/out/after
cp /tmp/autoload /out/autoload
";

/// A guest with the program in it, and a script that begins with a collection.
struct Booted {
    ended: Ended,
    evidence: Evidence,
}

fn boot(guest: &Guest, script: &str) -> Booted {
    let guest = guest.clone().file("/sbin/modprobe", 0o755, MODPROBE).available(&DIAG).available(&["squashfs"]);
    let ended = guest.program(&Agent::find().program()).boot(&format!("{COLLECT}{script}\nexit $code\n")).end();
    let to = ended.out.join("evidence");
    // Complete, or complete but for memory, which this profile leaves out.
    assert!(matches!(ended.exit, 0 | 11), "code {}: {}{}", ended.exit, ended.text("said"), ended.text("result"));
    Agent::find().verify(&to).assert_code(0);
    Booted { evidence: Evidence::open(&to), ended }
}

/// An ordinary host. After the collection two questions show that the kernel does execute `modprobe`, and that this one works.
static OPEN: LazyLock<Option<Booted>> = LazyLock::new(|| {
    let lab = Lab::find("vm: an open kernel")?;
    let control =
        "mount -t hozenfs none /mnt; mount -t squashfs none /mnt; cp /tmp/autoload /out/control; cat /proc/modules >/out/loaded";
    Some(boot(&Guest::new(&lab), control))
});

/// A host on which `ss` has been used, so that all diag modules are loaded; locked down.
static INTEGRITY: LazyLock<Option<Booted>> = LazyLock::new(|| {
    let lab = Lab::find("vm: lockdown=integrity")?;
    Some(boot(&Guest::new(&lab).load(&DIAG).argument("lockdown=integrity"), ""))
});

static CONFIDENTIALITY: LazyLock<Option<Booted>> = LazyLock::new(|| {
    let lab = Lab::find("vm: lockdown=confidentiality")?;
    Some(boot(&Guest::new(&lab).argument("lockdown=confidentiality"), ""))
});

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

/// What `preflight` says of the ways to memory.
fn memory(booted: &Booted) -> String {
    let preflight: Value = serde_json::from_str(&booted.ended.text("preflight")).unwrap();
    preflight.get("memory").unwrap_or_else(|| panic!("no memory in {preflight}")).to_string()
}

fn lockdown(booted: &Booted) -> String {
    let rows = booted.evidence.table("kernel_security");
    String::from_utf8(rows.first().and_then(|row| bytes(row, "lockdown")).unwrap()).unwrap()
}

#[test]
fn every_module_is_seen_in_every_list_that_has_addresses() {
    let Some(open) = &*OPEN else { return };
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

#[test]
fn a_collection_makes_the_kernel_load_nothing() {
    let Some(open) = &*OPEN else { return };
    assert_eq!(open.ended.text("before"), open.ended.text("after"));
    assert_eq!(open.ended.text("autoload"), "", "the kernel was made to execute modprobe");
    let namespaces = open.evidence.table("network_namespaces");
    let reasons = namespaces.first().map(|row| words(row, "not_asked").join("\n")).unwrap_or_default();
    assert!(reasons.contains("modprobe to load inet_diag, tcp_diag"), "{reasons}");
    // The trap works: a question that does need a module executes modprobe, and modprobe loads what there is.
    let control = open.ended.text("control");
    assert!(control.contains("fs-hozenfs") && control.contains("fs-squashfs"), "{control}");
    assert!(names(&open.ended.text("loaded")).contains("squashfs"));
}

#[test]
fn sockets_are_asked_for_where_the_modules_are_there() {
    let Some(integrity) = &*INTEGRITY else { return };
    assert_eq!(integrity.ended.text("before"), integrity.ended.text("after"));
    assert_eq!(integrity.ended.text("autoload"), "");
    let listens = |booted: &Booted| {
        let rows = booted.evidence.table("process_open_sockets");
        let own = rows.iter().find(|row| number(row, "local_port") == Some(4040)).cloned();
        words(&own.unwrap_or_else(|| panic!("nobody listens on 4040: {rows:#?}")), "seen_by")
    };
    assert!(listens(integrity).contains(&"diag".to_owned()), "{:?}", listens(integrity));
    let Some(open) = &*OPEN else { return };
    assert!(!listens(open).contains(&"diag".to_owned()), "{:?}", listens(open));
}

#[test]
fn the_kernels_log_begins_with_its_banner() {
    let Some(open) = &*OPEN else { return };
    let rows = open.evidence.table("dmesg");
    let first = rows.first().and_then(|row| bytes(row, "message")).unwrap_or_default();
    assert!(first.starts_with(b"Linux version 6.1"), "{}", String::from_utf8_lossy(&first));
    assert!(rows.len() > 100, "{} rows", rows.len());
}

#[test]
fn lockdown_is_told_and_closes_what_it_closes() {
    let (Some(open), Some(integrity), Some(confidentiality)) = (&*OPEN, &*INTEGRITY, &*CONFIDENTIALITY) else { return };
    assert_eq!([open, integrity, confidentiality].map(lockdown), ["none", "integrity", "confidentiality"]);
    let [open, integrity, confidentiality] = [open, integrity, confidentiality].map(memory);
    assert!(open.contains("\"available\"") && !open.contains("lockdown"), "{open}");
    assert!(
        integrity.contains("\"available\"") && integrity.contains("lockdown is integrity: it loads only signed"),
        "{integrity}"
    );
    assert!(confidentiality.contains("/proc/kcore is closed") && !confidentiality.contains("\"available\""), "{confidentiality}");
}

#[test]
fn a_module_that_hides_is_seen_in_another_list() {
    let Some(lab) = Lab::find("a_module_that_hides_is_seen_in_another_list") else { return };
    // With kptr_restrict 1, as hardened hosts have it, vmallocinfo has true addresses.
    let guest = |depth: &str| Guest::new(&lab).insert(&lab.hiding(), depth).sysctl("kernel/kptr_restrict", "1");
    let unlisted = boot(&guest("depth=1"), "");
    let rows = unlisted.evidence.table("kernel_modules");
    let hiding = one(&rows, "name", "hiding");
    assert!(words(hiding, "seen_by").contains(&"sysfs".to_owned()), "{hiding}");
    assert!(words(hiding, "missing_from").contains(&"proc_modules".to_owned()), "{hiding}");
    assert!(!names(&unlisted.ended.text("before")).contains("hiding"));
    for row in rows.iter().filter(|row| bytes(row, "name").as_deref() != Some(b"hiding")) {
        assert_eq!(words(row, "seen_by"), ["proc_modules", "sysfs", "kallsyms", "vmallocinfo"], "{row}");
    }
    let gone = boot(&guest("depth=2"), "");
    let views = gone.evidence.table("module_views");
    let unclaimed = |booted: &Booted| {
        let views = booted.evidence.table("module_views");
        views.iter().filter(|row| number(row, "unclaimed") == Some(1)).count()
    };
    assert!(gone.evidence.table("kernel_modules").iter().all(|row| bytes(row, "name").as_deref() != Some(b"hiding")));
    assert!(unclaimed(&gone) > 0, "no memory without a module: {views:#?}");
}

/// The payload and its check, on an image that QEMU takes of the halted guest: the ground truth for images of ours.
#[test]
fn stamped_pages_are_where_they_say() {
    let Some(lab) = Lab::find("stamped_pages_are_where_they_say") else { return };
    let script = "\
        mkfifo /tmp/hold\n\
        stamp 8192 /out/frames </tmp/hold >/out/said &\n\
        exec 3>/tmp/hold\n\
        until grep -q ready /out/said; do sleep 0.1; done\n\
        echo stamped; read -r\n\
        exec 3>&-; wait\n";
    let mut machine = Guest::new(&lab).program(&beside("stamp")).boot(script);
    machine.await_text("stamped");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("memory");
    let mut monitor = machine.monitor();
    monitor.stop();
    monitor.save_memory(0, 256 << 20, &file);
    monitor.go_on();
    machine.type_line("");
    let ended = machine.end();
    let said = ended.text("said");
    let run = said.split_ascii_whitespace().find_map(|word| word.strip_prefix("run=")).unwrap().parse().unwrap();
    let frames: Vec<u64> = ended.text("frames").lines().map(|line| line.parse().unwrap()).collect();
    let header = lime::header_of(&(0..=(256 << 20) - 1));
    let image = header.as_slice().chain(BufReader::new(File::open(&file).unwrap()));
    let report = stamp::check(image, run, &frames).unwrap();
    assert!(said.contains("moved=0"), "{said}");
    assert!(report.is_whole() && report.right == 8192 && report.strays == 0, "{report:?}");
    assert_eq!(report.counters, Some((0, 8191)));
}
