//! The memory of single processes: what a process has written is in its core file, and nothing that it never touched is made.

#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests look at processes with the standard library"
)]

use std::path::Path;
use std::process::Command;

use hozen_tests::agent::{Agent, code};
use hozen_tests::core_file::CoreFile;
use hozen_tests::evidence::{Evidence, bytes, number, rows_of, sha256};
use hozen_tests::helper::Helper;
use hozen_tests::host::{Mounts, is_root, skipped};
use serde_json::{Value, json};

const ONLY: [&str; 3] = ["--only", "process_memory", "--process-memory"];
const NT_PRPSINFO: u32 = 3;
const NT_FILE: u32 = 0x4649_4c45;

fn address(helper: &Helper, name: &str) -> u64 {
    let text = helper.fact(name);
    u64::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).unwrap_or_else(|_| panic!("{name} is {text}"))
}

fn collect(which: &str) -> (tempfile::TempDir, Evidence) {
    let folder = tempfile::tempdir().unwrap();
    let more: Vec<&str> = ONLY.into_iter().chain([which]).collect();
    let evidence = Agent::find().collect(&folder.path().join("evidence"), &more);
    (folder, evidence)
}

fn core_of(evidence: &Evidence, pid: i64) -> Vec<u8> {
    evidence.raw_file("process_memory", &format!("/.hozen/process/{pid}.core"))
}

/// The one row of a process.
fn process(evidence: &Evidence, pid: i64) -> Value {
    let rows = evidence.table("process_memory");
    let own = rows_of(&rows, "pid", pid);
    assert_eq!(own.len(), 1, "{rows:#?}");
    own.first().copied().cloned().unwrap_or_default()
}

/// A field of `/proc/PID/status` in KiB.
fn kibibytes(pid: i64, name: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The resident KiB of the mapping that begins at an address.
fn resident_at(pid: i64, start: u64) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps")).unwrap();
    let mapping = text.split_once(&format!("{start:x}-")).unwrap_or_else(|| panic!("nothing begins at {start:#x}: {text}")).1;
    let line = mapping.lines().find_map(|line| line.strip_prefix("Rss:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// What `odd memory` says that it has written is in its core file, at its address.
fn known_pages_are_in(core: &CoreFile<'_>, odd: &Helper) {
    for (kind, flags) in [("plain", 6), ("code", 7), ("file", 6)] {
        let at = address(odd, kind);
        let page = core.at(at, 4096).unwrap_or_else(|| panic!("no page {kind} at {at:#x}: {:x?}", core.segments));
        let expected = format!("{kind}:{}", odd.fact("mark"));
        assert!(page.starts_with(expected.as_bytes()) && page.ends_with(b"...."), "{kind}");
        let segment = core.segments.iter().find(|segment| segment.addresses.contains(&at)).unwrap();
        assert_eq!(segment.flags, flags, "{kind}");
    }
}

#[test]
fn what_a_process_wrote_is_in_its_core_and_what_it_never_touched_stays_untouched() {
    if !is_root("what_a_process_wrote_is_in_its_core_and_what_it_never_touched_stays_untouched") {
        return;
    }
    let odd = Helper::start("odd", ["memory"]);
    let pid = odd.number("pid");
    let sizes = |pid| ["VmPTE", "VmSwap"].map(|name| kibibytes(pid, name));
    let before = sizes(pid);
    let (_folder, evidence) = collect(&pid.to_string());
    assert_eq!(sizes(pid), before, "reading has made page tables");
    let resident = |name| resident_at(pid, address(&odd, name));
    assert_eq!((resident("plain"), resident("reserved")), (4, 0), "reading has made pages");
    let row = process(&evidence, pid);
    assert_eq!(bytes(&row, "outcome").as_deref(), Some(&b"ok"[..]), "{row}");
    let bytes_of_core = core_of(&evidence, pid);
    let core = CoreFile::read(&bytes_of_core).unwrap();
    known_pages_are_in(&core, &odd);
    for never in [address(&odd, "plain") + 4096, address(&odd, "reserved"), address(&odd, "reserved") + (1 << 39)] {
        assert_eq!(core.at(never, 1), None, "{never:#x} was never touched");
    }
    assert!(number(&row, "core_bytes").unwrap() < 64 << 20, "{row}");
    let info = core.note(NT_PRPSINFO).unwrap();
    let own = i32::try_from(pid).unwrap().to_le_bytes();
    assert_eq!((info.get(24..28), info.get(40..44)), (Some(&own[..]), Some(&b"odd\0"[..])));
    let files = core.note(NT_FILE).unwrap();
    assert!(files.windows(13).any(|window| window == b"known content"), "the memfd is not among the mapped files");
}

#[test]
fn the_table_of_pages_and_the_core_agree() {
    if !is_root("the_table_of_pages_and_the_core_agree") {
        return;
    }
    let odd = Helper::start("odd", ["memory"]);
    let pid = odd.number("pid");
    let (_folder, evidence) = collect(&pid.to_string());
    let bytes_of_core = core_of(&evidence, pid);
    let core = CoreFile::read(&bytes_of_core).unwrap();
    let hex =
        |row: &Value, column: &str| u64::from_str_radix(row[column].as_str().unwrap().strip_prefix("0x").unwrap(), 16).unwrap();
    let pages = evidence.table("process_memory_pages");
    let mut present = 0;
    for row in pages.iter().filter(|row| row["state"] == "present") {
        let (start, end) = (hex(row, "start"), hex(row, "end"));
        let content = core.at(start, usize::try_from(end - start).unwrap()).unwrap();
        assert_eq!(row["sha256"], sha256(content).as_str());
        present += end - start;
    }
    let in_segments: u64 = core.segments.iter().map(|segment| segment.addresses.end - segment.addresses.start).sum();
    assert_eq!(present, in_segments);
    assert!(core.segments.windows(2).all(|pair| pair[0].addresses.end <= pair[1].addresses.start));
    let reserved = address(&odd, "reserved");
    assert!(pages.iter().all(|row| !(hex(row, "start")..hex(row, "end")).contains(&reserved)), "a page was never there");
}

#[test]
fn readelf_reads_it() {
    let there = Command::new("readelf").arg("--version").output().is_ok();
    if !there {
        skipped("readelf_reads_it", "readelf");
        return;
    }
    let odd = Helper::start("odd", ["memory"]);
    let pid = odd.number("pid");
    let (folder, evidence) = collect(&pid.to_string());
    let path = folder.path().join("core");
    let content = core_of(&evidence, pid);
    std::fs::write(&path, &content).unwrap();
    let output = Command::new("readelf").args(["-lnW"]).arg(&path).output().unwrap();
    let (said, warned) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && warned.is_empty(), "{warned}");
    assert_eq!(
        said.lines().filter(|line| line.trim_start().starts_with("LOAD")).count(),
        CoreFile::read(&content).unwrap().segments.len()
    );
    for word in ["CORE (Core file)", "NT_PRPSINFO", "NT_AUXV", "NT_FILE"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    let code = format!("{:#018x}", address(&odd, "code"));
    assert!(said.lines().any(|line| line.contains(&code) && line.contains("RWE")), "{code}: {said}");
}

#[test]
fn what_cannot_be_read_is_zeros_and_named() {
    let odd = Helper::start("odd", ["secretmem"]);
    if odd.fact("secret") == "none" {
        skipped("what_cannot_be_read_is_zeros_and_named", "a kernel with memfd_secret");
        return;
    }
    let (pid, at) = (odd.number("pid"), address(&odd, "secret"));
    let (_folder, evidence) = collect(&pid.to_string());
    let row = process(&evidence, pid);
    assert_eq!((&row["outcome"], &row["pages_unreadable"]), (&"partial".into(), &2.into()), "{row}");
    let bytes_of_core = core_of(&evidence, pid);
    assert_eq!(CoreFile::read(&bytes_of_core).unwrap().at(at, 8192), Some(&[0; 8192][..]));
    let pages = evidence.table("process_memory_pages");
    let secret = pages.iter().find(|row| row["start"] == format!("{at:#x}").as_str()).unwrap();
    assert_eq!((&secret["state"], secret.get("sha256")), (&"unreadable".into(), None), "{secret}");
    let step = evidence.step("process_memory");
    assert_eq!(step["status"], "partial");
    let gap = step["gaps"].as_array().unwrap().iter().find(|gap| gap["offset"] == secret["core_offset"]).unwrap();
    assert_eq!(gap["length"], 8192, "{gap}");
}

#[test]
fn suspicious_finds_what_is_out_of_the_ordinary_and_says_why() {
    if !is_root("suspicious_finds_what_is_out_of_the_ordinary_and_says_why") {
        return;
    }
    let (drop, other, cover) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (plain, memory) = (Helper::start("odd", ["plain"]), Helper::start("odd", ["memory"]));
    let (memfd, deleted) = (Helper::start("odd", ["memfd"]), Helper::start("odd", ["deleted".as_ref(), drop.path().as_os_str()]));
    let (hidden, replaced) =
        (Helper::start("odd", ["plain"]), Helper::start("odd", ["replaced".as_ref(), other.path().as_os_str()]));
    let mut mounts = Mounts::own();
    mounts.bind(cover.path(), Path::new(&format!("/proc/{}", hidden.number("pid"))));
    let (_folder, evidence) = collect("suspicious");
    let row = |helper: &Helper| process(&evidence, helper.number("pid"));
    let why = |helper: &Helper| row(helper)["why"].to_string();
    assert!(why(&memory).contains("anonymous-code") && why(&memory).contains("writable-code"), "{}", why(&memory));
    assert!(why(&memfd).contains("exe-memfd") && why(&memfd).contains("named-as-kernel-thread"), "{}", why(&memfd));
    assert!(why(&deleted).contains("exe-deleted") && why(&deleted).contains("code-of-deleted-file"), "{}", why(&deleted));
    assert!(why(&replaced).contains("exe-replaced") && !why(&deleted).contains("exe-replaced"), "{}", why(&replaced));
    // Nothing else is out of the ordinary with it, and its memory is there all the same.
    assert_eq!((row(&hidden)["why"].clone(), row(&hidden)["outcome"].clone()), (json!(["hidden"]), json!("ok")));
    let content = core_of(&evidence, hidden.number("pid"));
    let info = CoreFile::read(&content).unwrap();
    let info = info.note(NT_PRPSINFO).unwrap();
    assert_eq!(info.get(24..28), Some(&i32::try_from(hidden.number("pid")).unwrap().to_le_bytes()[..]));
    assert!(rows_of(&evidence.table("process_memory"), "pid", plain.number("pid")).is_empty());
    core_of(&evidence, memfd.number("pid"));
}

#[test]
fn without_the_right_to_look_it_is_denied_and_said() {
    if !is_root("without_the_right_to_look_it_is_denied_and_said") {
        return;
    }
    let odd = Helper::start("odd", ["memory"]);
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let program = folder.path().join("hozen");
    let agent = Agent::find().copied_to(&program).as_user(65_534);
    let pid = odd.number("pid").to_string();
    let more: Vec<&str> = ONLY.into_iter().chain([pid.as_str(), "--unprivileged"]).collect();
    let to = folder.path().join("evidence");
    let finished = agent.run(Agent::collection(&to, &more));
    // Nothing came of the only artefact; that is sealed all the same.
    finished.assert_code(code::PARTIAL);
    Agent::find().verify(&to).assert_code(0);
    let evidence = Evidence::open(&to);
    let row = process(&evidence, odd.number("pid"));
    assert_eq!(bytes(&row, "outcome").as_deref(), Some(&b"denied"[..]), "{row}");
    assert_eq!(evidence.step("process_memory")["status"], "denied");
}

/// What it is for: a container, where nothing leads to memory as a whole.
#[test]
fn in_a_container_the_memory_of_a_process_is_there_with_one_capability_and_denied_without() {
    if !is_root("in_a_container_the_memory_of_a_process_is_there_with_one_capability_and_denied_without") {
        return;
    }
    let odd = Helper::start("odd", ["memory"]);
    let pid = odd.number("pid");
    let more = format!("--unprivileged --only memory,process_memory --process-memory {pid}");
    let more: Vec<&str> = more.split(' ').collect();
    for (capabilities, outcome, code) in [(&["sys_ptrace"][..], "ok", code::NO_MEMORY), (&[], "denied", code::PARTIAL)] {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("evidence");
        let finished = Agent::find().through("contained", capabilities).run(Agent::collection(&to, &more));
        finished.assert_code(code);
        Agent::find().verify(&to).assert_code(0);
        let evidence = Evidence::open(&to);
        let memory = evidence.step("memory");
        assert_eq!(memory["status"], "absent", "{memory}");
        for reason in ["no /proc/kcore", "/proc/iomem lists no System RAM", "--process-memory"] {
            assert!(memory["reasons"].to_string().contains(reason), "{reason}: {memory}");
        }
        let row = process(&evidence, pid);
        assert_eq!((&row["outcome"], &evidence.step("process_memory")["status"]), (&outcome.into(), &outcome.into()), "{row}");
        if outcome == "ok" {
            let content = core_of(&evidence, pid);
            known_pages_are_in(&CoreFile::read(&content).unwrap(), &odd);
        } else {
            assert!(row["reason"].to_string().contains(&format!("/proc/{pid}/mem: ")), "{row}");
        }
    }
}

#[test]
fn where_nothing_leads_to_memory_the_other_way_is_named() {
    let folder = tempfile::tempdir().unwrap();
    // LiME without a module is a way that no host has.
    let finished =
        Agent::find().run(Agent::collection(&folder.path().join("evidence"), &["--only", "memory", "--memory", "lime"]));
    finished.assert_code(20);
    assert!(finished.said().contains("--process-memory"), "{finished:?}");
}
