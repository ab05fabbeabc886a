//! The artefact as a whole, on this machine and on hosts made up for it.

use super::*;
use crate::host::fixture::write;
use crate::source::kcore::core_header;
use crate::source::recorded::Recorded;

const BEGIN: u64 = 0xffff_ffff_9a00_0000;
const TEXT_AT: u64 = 0x2000;
const NOTES_AT: u64 = 0x1000;
const BANNER: &[u8] = b"Linux version 6.1.0-test (a@b) (gcc) #1 SMP (Ubuntu 6.1)\n\0";
const KALLSYMS: &str = "ffffffff9a000000 T _text\nffffffff9a000000 T _stext\nffffffff9a000040 D linux_banner\n\
    ffffffff9a000100 D init_task\nffffffff9a000800 B _end\n";
const INFO: &[u8] = b"OSRELEASE=6.1.0-test\nSYMBOL(_stext)=ffffffff9a000000\nKERNELOFFSET=19000000\nNUMBER(phys_base)=-4096\n\
    NUMBER(pgtable_l5_enabled)=0\n";

/// A core file with one part of text that holds the banner, and VMCOREINFO.
fn kcore() -> Vec<u8> {
    let note = notes::tests::note(b"VMCOREINFO", 0, INFO);
    let mut core = core_header(&[(TEXT_AT, BEGIN, 0x20_0000, 0x800)]);
    core[64 + 8..64 + 16].copy_from_slice(&NOTES_AT.to_le_bytes());
    core[64 + 32..64 + 40].copy_from_slice(&u64::try_from(note.len()).unwrap().to_le_bytes());
    core.resize(0x1000, 0);
    core.extend(note);
    core.resize(0x2040, 0);
    core.extend(BANNER);
    core.resize(0x2800, 0);
    core
}

fn fixture(kallsyms: &str) -> (tempfile::TempDir, Host) {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "proc/sys/kernel/osrelease", b"6.1.0-test\n");
    write(dir.path(), "proc/kallsyms", kallsyms);
    write(dir.path(), "proc/kcore", kcore());
    write(dir.path(), "sys/kernel/notes", notes::tests::note(b"GNU", 3, &[0xab, 0xcd]));
    write(dir.path(), "sys/kernel/btf/vmlinux", b"types");
    write(dir.path(), "sys/kernel/btf/xfs", b"more");
    write(dir.path(), "sys/module/xfs/sections/.text", b"0xffffffffc0a00000\n");
    write(dir.path(), "etc/os-release", b"ID=ubuntu\nVERSION_ID=\"22.04\"\n");
    write(dir.path(), "boot/System.map-6.1.0-test", b"ffffffff81000000 T _text\n");
    write(dir.path(), "boot/config-6.1.0-test", b"CONFIG_X=y\n");
    let host = Host::fixture(dir.path()).unwrap();
    (dir, host)
}

fn acquire(host: &Host) -> (Outcome, Recorded) {
    let mut evidence = Recorded::default();
    let outcome = KernelSymbols.acquire(host, &mut evidence).unwrap();
    assert_eq!(evidence.rows("kernel_symbols").len(), 1);
    (outcome, evidence)
}

#[test]
fn a_whole_host_gives_all_that_an_image_needs() {
    let (_dir, host) = fixture(KALLSYMS);
    let (outcome, evidence) = acquire(&host);
    assert_eq!((outcome, evidence.gaps.len()), (Outcome::ok(), 0), "{:?}", evidence.gaps);
    let row = &evidence.rows("kernel_symbols")[0];
    assert_eq!(row["reasons"], serde_json::json!([]));
    assert_eq!((row["btf"].as_i64(), row["btf_size"].as_i64(), row["btf_modules"].as_i64()), (Some(1), Some(5), Some(1)));
    assert_eq!((&row["build_id"], &row["kernel_offset"]), (&"abcd".into(), &"0x19000000".into()));
    assert_eq!((&row["kernel_offset_from"], row["phys_base"].as_i64()), (&"vmcoreinfo".into(), Some(-4096)));
    assert_eq!(
        (&row["banner"], &row["banner_from"]),
        (&std::str::from_utf8(&BANNER[..BANNER.len() - 1]).unwrap().into(), &"kallsyms".into())
    );
    assert_eq!((&row["distribution"], row["five_level_page_tables"].as_i64()), (&"ubuntu".into(), Some(0)));
    assert!(row["debug_package"].as_str().unwrap().starts_with("linux-image-unsigned-6.1.0-test-dbgsym"), "{row}");
    assert_eq!(
        (row["kallsyms"].as_i64(), row["kallsyms_data"].as_i64(), row["system_map"].as_i64()),
        (Some(1), Some(1), Some(1))
    );
    for path in [
        "/proc/kallsyms",
        "/sys/kernel/btf/vmlinux",
        "/sys/kernel/btf/xfs",
        "/sys/module/xfs/sections/.text",
        "/boot/config-6.1.0-test",
    ] {
        assert!(evidence.member(path).is_some(), "{path}");
    }
    assert!(evidence.member(member::BANNER).unwrap().starts_with(BANNER));
    assert_eq!(evidence.member(member::KCORE_HEADERS).unwrap().len(), 64 + 2 * 56);
    assert!(VmCoreInfo::among(evidence.member(member::KCORE_NOTES).unwrap()).is_some());
}

#[test]
fn with_hidden_addresses_the_banner_is_searched_and_the_refusal_named() {
    let hidden: String = KALLSYMS.lines().map(|line| format!("{:0>16} {}\n", "", line.split_once(' ').unwrap().1)).collect();
    let (dir, host) = fixture(&hidden);
    std::fs::remove_dir_all(dir.path().join("boot")).unwrap();
    let (outcome, evidence) = acquire(&host);
    assert_eq!(outcome, Outcome::ok());
    let row = &evidence.rows("kernel_symbols")[0];
    assert_eq!(
        (&row["banner_from"], row["kallsyms"].as_i64(), &row["kernel_offset"]),
        (&"search".into(), Some(0), &"0x19000000".into())
    );
    assert!(row["reasons"][0].as_str().unwrap().contains("kptr_restrict"), "{row}");
    let [gap] = evidence.gaps.as_slice() else { panic!("{:?}", evidence.gaps) };
    assert!(gap.refused && gap.source == "/proc/kallsyms", "{gap:?}");
}

#[test]
fn a_broken_core_file_and_a_missing_one_are_reasons() {
    let (dir, host) = fixture(KALLSYMS);
    write(dir.path(), "proc/kcore", b"\x7fELF, but not really");
    let (_, evidence) = acquire(&host);
    assert_eq!(evidence.gaps.len(), 1, "{:?}", evidence.gaps);
    assert_eq!(evidence.rows("kernel_symbols")[0]["kcore"], 0);
    std::fs::remove_file(dir.path().join("proc/kcore")).unwrap();
    let (outcome, evidence) = acquire(&host);
    assert_eq!((outcome, evidence.gaps.len()), (Outcome::ok(), 0));
    let row = &evidence.rows("kernel_symbols")[0];
    assert!(row["reasons"][0].as_str().unwrap().contains("no /proc/kcore"), "{row}");
    assert_eq!((&row["kernel_offset"], &row["kernel_offset_from"]), (&"0x19000000".into(), &"system-map".into()));
}

#[test]
fn a_host_with_nothing_is_absent_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("proc")).unwrap();
    let (outcome, evidence) = acquire(&Host::fixture(dir.path()).unwrap());
    assert_eq!(outcome.status, Status::Absent);
    assert!(outcome.reasons.join(" ").contains("no BTF"), "{outcome:?}");
    assert!(evidence.members.is_empty() && evidence.gaps.is_empty(), "{:?}", evidence.gaps);
}

#[test]
fn this_machine_answers() {
    let host = Host::live().unwrap();
    let (outcome, evidence) = acquire(&host);
    assert!(matches!(outcome.status, Status::Ok | Status::Absent), "{outcome:?}");
    let row = &evidence.rows("kernel_symbols")[0];
    assert_eq!(row["release"], host.identity.facts.kernel.as_str());
    assert!(evidence.member("/proc/version").is_some());
}

#[test]
fn a_stop_is_passed_on() {
    let (_dir, host) = fixture(KALLSYMS);
    let mut evidence = Recorded { stop: Some(Stop::OutOfTime), ..Recorded::default() };
    assert_eq!(KernelSymbols.acquire(&host, &mut evidence), Err(Stop::OutOfTime));
}
