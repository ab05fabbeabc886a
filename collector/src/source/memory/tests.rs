//! The artefact as a whole, on this machine and on hosts made up for it.

use serde_json::Value;

use super::chunk::CHUNK;
use super::fake::FakeMemory;
use super::*;
use crate::host::fixture::write;
use crate::model::range;
use crate::source::between::Between;
use crate::source::kcore::core_header;
use crate::source::recorded::Recorded;

#[test]
fn this_machines_ways_are_rows_with_reasons() {
    let mut evidence = Recorded::default();
    let host = Host::live().unwrap();
    let source = MemorySource { method: Method::Lime, ..MemorySource::default() };
    let outcome = source.acquire(&host, &mut evidence).unwrap();
    assert_ne!(outcome.status, Status::Ok);
    assert!(!outcome.reasons.is_empty());
    assert_eq!(evidence.rows("memory_sources").len(), 4);
    let ram = evidence.rows("memory_facts")[0]["ram_bytes"].as_u64().unwrap_or(0);
    let lengths: u64 = evidence.rows("memory_ranges").iter().map(|row| row["length"].as_u64().unwrap()).sum();
    assert_eq!(ram, lengths);
    assert!(evidence.member("/proc/iomem").is_some());
    assert!(evidence.images.is_empty() && evidence.rows("memory_captures").is_empty());
    if std::fs::metadata("/proc/kcore").is_err() {
        let auto = MemorySource::default().acquire(&host, &mut Recorded::default()).unwrap();
        assert_eq!((auto.status, MemorySource::default().outlook(&host)), (Status::Absent, auto));
    }
}

/// Where memory begins in the made-up core file: file offset less physical address.
const DIRECT: u64 = 0x1_0000;
const VIRTUAL: u64 = 0xffff_8880_0000_0000;
const IOMEM: &str = "00001000-0009fbff : System RAM\n00100000-004fffff : System RAM\n  00200000-002fffff : Kernel code\n";

/// A host whose kcore is `memory` with header `parts`, cut to `length` bytes.
fn fixture(memory: &FakeMemory, parts: &[(u64, u64, u64, u64)], length: usize, iomem: &str) -> (tempfile::TempDir, Host) {
    let dir = tempfile::tempdir().unwrap();
    let mut kcore = core_header(parts);
    kcore.resize(usize::try_from(DIRECT).unwrap(), 0);
    kcore.extend(&memory.bytes);
    kcore.truncate(length);
    write(dir.path(), "proc/kcore", kcore);
    write(dir.path(), "proc/iomem", iomem);
    write(dir.path(), "proc/self/status", b"CapEff:\t000001ffffffffff\n");
    write(dir.path(), "proc/sys/kernel/osrelease", b"6.1.0-test\n");
    write(dir.path(), "proc/meminfo", b"MemTotal: 5000 kB\nMemFree: 1000 kB\n");
    let host = Host::fixture(dir.path()).unwrap();
    (dir, host)
}

/// 5 MiB with a banner, part of a page at an end, and the header that a kernel would make for it.
fn good() -> (FakeMemory, Vec<(u64, u64, u64, u64)>) {
    let mut memory = FakeMemory::new(5 << 20, &[]);
    memory.bytes[0x20_0000..0x20_001c].copy_from_slice(b"Linux version 6.1.0-test (ab");
    let text = (0x7000_0000, 0xffff_ffff_8100_0000, 0x20_0000, 0x10_0000);
    let vmalloc = (0x8000_0000, 0xffff_c900_0000_0000, u64::MAX, 0x1_0000_0000);
    let ram = |start: u64, length: u64| (DIRECT + start, VIRTUAL + start, start, length);
    (memory, vec![text, vmalloc, ram(0x1000, 0x9_e000), ram(0x10_0000, 0x40_0000)])
}

fn acquire(host: &Host) -> (Outcome, Recorded) {
    let mut evidence = Recorded::default();
    let outcome = MemorySource::default().acquire(host, &mut evidence).unwrap();
    (outcome, evidence)
}

#[test]
fn an_image_is_not_whole_where_the_map_says_nonsense() {
    let (memory, parts) = good();
    let (_dir, host) = fixture(&memory, &parts, usize::MAX, &format!("{IOMEM}00500000-00400000 : System RAM\n"));
    let (outcome, evidence) = acquire(&host);
    let capture = &evidence.rows("memory_captures")[0];
    assert_eq!((outcome.status, &capture["quality"]), (Status::Partial, &"incomplete".into()));
    assert!(capture["reasons"].to_string().contains("1 lines of /proc/iomem"), "{capture}");
}

fn number(row: &Value, column: &str) -> u64 {
    row[column].as_u64().unwrap()
}

/// The records of a LiME image, as a stranger would read them.
fn records(mut image: &[u8]) -> Vec<(u64, &[u8])> {
    let mut records = Vec::new();
    while let Some((header, rest)) = image.split_first_chunk::<32>() {
        assert_eq!(header[..8], *b"EMiL\x01\0\0\0");
        let at = |from: usize| u64::from_le_bytes(header[from..from + 8].try_into().unwrap());
        let (first, last) = (at(8), at(16));
        let (bytes, rest) = rest.split_at(usize::try_from(last + 1 - first).unwrap());
        records.push((first, bytes));
        image = rest;
    }
    assert!(image.is_empty());
    records
}

#[test]
fn an_image_through_kcore_is_the_memory_to_the_byte() {
    let (memory, parts) = good();
    let (_dir, host) = fixture(&memory, &parts, usize::MAX, IOMEM);
    let (outcome, evidence) = acquire(&host);
    assert_eq!((outcome, evidence.gaps.len()), (Outcome::ok(), 0));
    let [(name, image)] = evidence.images.as_slice() else { panic!("one image") };
    assert_eq!(*name, "kcore");
    let records = records(image);
    assert_eq!(
        records.iter().map(|(start, bytes)| (*start, bytes.len())).collect::<Vec<_>>(),
        [(0x1000, 0x9_ec00), (0x10_0000, 4 << 20)]
    );
    assert!(records[0].1[..0x9_e000] == memory.bytes[0x1000..0x9_f000]);
    assert!(records[0].1[0x9_e000..].iter().all(|byte| *byte == 0), "the kernel does not manage a part of a page");
    assert!(*records[1].1 == memory.bytes[0x10_0000..]);
    let mut offset = 32;
    for row in evidence.rows("extents") {
        let (at, length) = (number(row, "image_offset"), number(row, "length"));
        assert!(at == offset || at == offset + 32, "extents follow each other");
        let bytes = &image[usize::try_from(at).unwrap()..usize::try_from(at + length).unwrap()];
        assert_eq!(row["xxh3_128"], format!("{:032x}", twox_hash::XxHash3_128::oneshot(bytes)));
        assert!(length <= CHUNK);
        offset = at + length;
    }
    assert_eq!(offset, image.len() as u64);
    let row = &evidence.rows("memory_captures")[0];
    assert_eq!((&row["quality"], &row["image"], number(row, "edge_bytes")), (&"ok".into(), &"kcore".into(), 0xc00));
    assert_eq!((number(row, "bytes"), number(row, "banner")), (number(row, "predicted_bytes"), 1));
}

#[test]
fn what_the_header_does_not_cover_is_a_gap_and_zeros() {
    let (memory, mut parts) = good();
    parts[3].3 = 0x30_0000;
    let (_dir, host) = fixture(&memory, &parts, usize::MAX, IOMEM);
    let (outcome, evidence) = acquire(&host);
    assert_eq!(outcome.status, Status::Partial);
    assert_eq!((evidence.gaps[0].offset, evidence.gaps[0].length), (Some(0x40_0000), Some(0x10_0000)));
    let image = records(&evidence.images[0].1);
    assert!(image[1].1[0x30_0000..].iter().all(|byte| *byte == 0));
    let extents = evidence.rows("extents");
    assert_eq!(extents.iter().map(|row| number(row, "unreadable_bytes")).sum::<u64>(), 0x10_0000);
    assert_eq!(extents.iter().map(|row| number(row, "zero_pages")).sum::<u64>(), 0);
    assert_eq!(evidence.rows("memory_captures")[0]["quality"], "incomplete");
}

#[test]
fn a_kcore_that_ends_midway_never_looks_whole() {
    let (memory, parts) = good();
    let length = usize::try_from(DIRECT).unwrap() + 0x40_1234;
    let (_dir, host) = fixture(&memory, &parts, length, IOMEM);
    let (outcome, evidence) = acquire(&host);
    assert_eq!(outcome.status, Status::Partial);
    assert_eq!(number(&evidence.rows("memory_captures")[0], "unreadable_bytes"), 0x50_0000 - 0x40_1000);
}

#[test]
fn zeros_and_foreign_memory_are_rejected_and_kept() {
    let (memory, parts) = good();
    let zeros = FakeMemory { bytes: vec![0; 5 << 20], ..memory.clone() };
    let mut foreign = memory;
    foreign.bytes[0x20_0000..0x20_0010].fill(b'x');
    for (memory, reason) in [(zeros, "nothing but zeros"), (foreign, "banner is not in it")] {
        let (_dir, host) = fixture(&memory, &parts, usize::MAX, IOMEM);
        let (outcome, evidence) = acquire(&host);
        assert_eq!(outcome.status, Status::Failed);
        assert!(outcome.reasons.iter().any(|why| why.starts_with("kcore (rejected): ") && why.contains(reason)), "{outcome:?}");
        assert_eq!(evidence.images[0].1.len(), (5 << 20) - 0x10_0000 + 0x9_ec00 + 64);
        assert!(evidence.gaps.is_empty());
    }
}

#[test]
fn what_is_no_kcore_is_refused_with_a_reason() {
    let (memory, parts) = good();
    for (length, reason) in [(0, "cut short"), (100, "cut short"), (66_000, "ENXIO")] {
        let (_dir, host) = fixture(&memory, &parts, length, IOMEM);
        let (outcome, evidence) = acquire(&host);
        assert_eq!(outcome.status, Status::Failed, "{length}");
        let reasons = outcome.reasons.join("; ");
        assert!(reasons.contains(reason) || reasons.contains("No such device or address"), "{length}: {reasons}");
        assert!(evidence.images.is_empty());
        assert_eq!(evidence.rows("memory_captures")[0]["quality"], "refused");
    }
}

/// Changes the host once something of the image is written.
struct Midway<'a, F: FnMut()> {
    evidence: &'a mut Recorded,
    change: Option<F>,
}

impl<F: FnMut()> Between for Midway<'_, F> {
    fn inner(&self) -> &dyn Evidence {
        self.evidence
    }

    fn inner_mut(&mut self) -> &mut dyn Evidence {
        if !self.evidence.images.is_empty()
            && let Some(mut change) = self.change.take()
        {
            change();
        }
        self.evidence
    }
}

/// What a host comes to whose file `name` becomes `content` while its memory is read.
fn acquire_while(name: &str, content: &[u8]) -> (Outcome, Recorded) {
    let (memory, parts) = good();
    let (dir, host) = fixture(&memory, &parts, usize::MAX, IOMEM);
    let mut evidence = Recorded::default();
    // The map must be another file: the first one may be open still.
    let change = || {
        std::fs::remove_file(dir.path().join(name)).unwrap();
        write(dir.path(), name, content);
    };
    let mut midway = Midway { evidence: &mut evidence, change: Some(change) };
    let outcome = MemorySource::default().acquire(&host, &mut midway).unwrap();
    assert!(midway.change.is_none(), "nothing was changed");
    (outcome, evidence)
}

#[test]
fn memory_that_comes_or_goes_midway_is_a_gap_of_the_map() {
    let more = IOMEM.to_owned() + "00600000-006fffff : System RAM\n";
    let less = IOMEM.replace("004fffff", "003fffff");
    let both = less.clone() + "00600000-006fffff : System RAM\n";
    let (added, removed) = ((0x60_0000, "added"), (0x40_0000, "removed"));
    for (map, told, gaps) in [
        (&more, "1048576 bytes of memory were added and 0 removed", vec![added]),
        (&less, "0 bytes of memory were added and 1048576 removed", vec![removed]),
        (&both, "1048576 bytes of memory were added and 1048576 removed", vec![added, removed]),
    ] {
        let (outcome, evidence) = acquire_while("proc/iomem", map.as_bytes());
        assert_eq!(outcome.status, Status::Partial);
        let capture = &evidence.rows("memory_captures")[0];
        assert_eq!(capture["quality"], "incomplete");
        assert!(capture["reasons"].to_string().contains(told), "{capture}");
        assert_eq!((number(capture, "bytes"), number(capture, "unreadable_bytes")), (0x49_ec00, 0), "what was read stays");
        assert_eq!(evidence.member("/.hozen/iomem.after-kcore"), Some(map.as_bytes()));
        assert_eq!(evidence.gaps.len(), gaps.len());
        for (gap, (start, word)) in evidence.gaps.iter().zip(gaps) {
            assert_eq!((gap.source.as_str(), gap.offset, gap.length), ("/proc/iomem", Some(start), Some(0x10_0000)));
            assert!(gap.reason.contains(word), "{gap:?}");
        }
    }
}

/// Another order of the lines, other names: no memory was added or removed.
#[test]
fn a_map_that_only_looks_different_is_no_gap() {
    let same = "00100000-002fffff : System RAM\n00300000-004fffff : System RAM\n00001000-0009fbff : System RAM\n";
    let (outcome, evidence) = acquire_while("proc/iomem", same.as_bytes());
    assert_eq!((outcome, evidence.gaps.len()), (Outcome::ok(), 0));
    assert_eq!(evidence.member("/.hozen/iomem.after-kcore"), Some(same.as_bytes()), "both maps are kept, whatever they say");
}

#[test]
fn a_map_that_cannot_be_compared_is_never_a_whole_image() {
    for map in ["00000000-00000000 : System RAM\n", ""] {
        let (outcome, evidence) = acquire_while("proc/iomem", map.as_bytes());
        assert_eq!(
            (outcome.status, &evidence.rows("memory_captures")[0]["quality"]),
            (Status::Partial, &"incomplete".into()),
            "{map}"
        );
    }
}

/// The readers have it open as it was; what it is afterwards says that memory has moved in it.
#[test]
fn a_kcore_of_another_layout_midway_is_never_a_whole_image() {
    let (memory, parts) = good();
    let mut fewer = parts.clone();
    fewer[3].3 -= 0x10_0000;
    let mut more = parts;
    more.push((DIRECT + 0x60_0000, VIRTUAL + 0x60_0000, 0x60_0000, 0x10_0000));
    let core = |parts: &[(u64, u64, u64, u64)]| {
        let mut core = core_header(parts);
        core.resize(usize::try_from(DIRECT).unwrap(), 0);
        [core, memory.bytes.clone()].concat()
    };
    for (core, reason) in [
        (core(&fewer), Some("another layout after the capture")),
        (b"no core file".to_vec(), Some("after the capture: /proc/kcore")),
        // A header of no memory of ours.
        (core(&more), None),
    ] {
        let (outcome, evidence) = acquire_while("proc/kcore", &core);
        let capture = &evidence.rows("memory_captures")[0];
        assert_eq!(outcome.status, if reason.is_some() { Status::Partial } else { Status::Ok }, "{capture}");
        assert!(reason.is_none_or(|reason| capture["reasons"].to_string().contains(reason)), "{capture}");
    }
}

#[test]
fn a_stop_keeps_what_there_is_and_says_so() {
    struct StopAt<'a>(&'a mut Recorded, usize);
    impl Between for StopAt<'_> {
        fn inner(&self) -> &dyn Evidence {
            self.0
        }

        fn inner_mut(&mut self) -> &mut dyn Evidence {
            self.0
        }

        fn pass_check(&self) -> Result<(), Stop> {
            let written = self.0.images.first().map_or(0, |(_, image)| image.len());
            if written > self.1 { Err(Stop::OutOfTime) } else { Ok(()) }
        }
    }
    let (memory, parts) = good();
    let (_dir, host) = fixture(&memory, &parts, usize::MAX, IOMEM);
    let mut evidence = Recorded::default();
    let result = MemorySource::default().acquire(&host, &mut StopAt(&mut evidence, 1 << 20));
    assert_eq!(result, Err(Stop::OutOfTime));
    assert!(!evidence.image_open && evidence.images[0].1.len() > 1 << 20);
    let row = &evidence.rows("memory_captures")[0];
    assert_eq!(row["quality"], "incomplete");
    assert!(row["reasons"].to_string().contains("out of time"), "{row}");
    let missing: u64 = evidence.gaps.iter().filter_map(|gap| gap.length).sum();
    assert_eq!(missing + number(row, "bytes"), number(row, "predicted_bytes"));
}

/// A capture that came to nothing may have taken all the time that there was.
#[test]
fn the_next_way_is_begun_only_while_there_is_time() {
    struct Spent<'a>(&'a mut Recorded);
    impl Between for Spent<'_> {
        fn inner(&self) -> &dyn Evidence {
            self.0
        }

        fn inner_mut(&mut self) -> &mut dyn Evidence {
            self.0
        }

        fn pass_check(&self) -> Result<(), Stop> {
            if self.0.rows("memory_captures").is_empty() { Ok(()) } else { Err(Stop::OutOfTime) }
        }
    }
    let (memory, parts) = good();
    let zeros = FakeMemory { bytes: vec![0; 5 << 20], ..memory };
    let (_dir, host) = fixture(&zeros, &parts, usize::MAX, IOMEM);
    let climb = |evidence: &mut dyn Evidence| {
        let source = MemorySource::default();
        let (facts, _) = source.look(&host, evidence).unwrap();
        // As if there was one more way, behind the one whose image is of no use.
        let facts = Facts { has_crash: true, ..facts };
        let tried = source.climb(&host, evidence, &facts, &ladder::rungs(&facts, Method::Auto));
        tried.map(|tried| tried.iter().map(|one| one.method).collect::<Vec<_>>())
    };
    let rejected = |evidence: &Recorded| evidence.rows("memory_captures")[0]["quality"] == "rejected";
    let mut evidence = Recorded::default();
    assert_eq!(climb(&mut evidence), Ok(vec!["kcore", "crash"]));
    assert!(rejected(&evidence) && evidence.rows("memory_captures").len() == 2);
    let mut evidence = Recorded::default();
    assert_eq!(climb(&mut Spent(&mut evidence)), Err(Stop::OutOfTime));
    assert!(rejected(&evidence) && evidence.rows("memory_captures").len() == 1);
}

#[test]
fn what_keeps_modules_out_is_named_and_the_next_way_is_taken() {
    let (memory, parts) = good();
    let (dir, _) = fixture(&memory, &parts, usize::MAX, IOMEM);
    let reasons_with = |disabled: &str, enforced: &str| {
        write(dir.path(), "proc/sys/kernel/modules_disabled", disabled);
        write(dir.path(), "sys/module/module/parameters/sig_enforce", enforced);
        let (outcome, evidence) = acquire(&Host::fixture(dir.path()).unwrap());
        assert_eq!((outcome, evidence.images[0].0), (Outcome::ok(), "kcore"));
        evidence.rows("memory_sources")[0]["reason"].to_string()
    };
    let told = |reasons: &str| ["kernel.modules_disabled is 1", "(module.sig_enforce)"].map(|why| reasons.contains(why));
    assert_eq!(told(&reasons_with("1\n", "N\n")), [true, false]);
    assert_eq!(told(&reasons_with("0\n", "Y\n")), [false, true]);
    assert_eq!(told(&reasons_with("1\n", "Y\n")), [true, true]);
    assert_eq!(told(&reasons_with("0\n", "N\n")), [false, false]);
}

#[test]
fn missing_privileges_are_a_denial_and_zeros_a_gap() {
    let (memory, parts) = good();
    let (dir, _) = fixture(&memory, &parts, usize::MAX, "00000000-00000000 : System RAM\n");
    write(dir.path(), "proc/self/status", b"CapEff:\t0\n");
    let host = Host::fixture(dir.path()).unwrap();
    let (outcome, evidence) = acquire(&host);
    assert_eq!(outcome.status, Status::Denied);
    assert_eq!(evidence.gaps[0].source, "/proc/iomem");
    assert!(evidence.rows("memory_ranges").is_empty() && evidence.images.is_empty());
}

#[test]
fn the_outlook_reads_no_memory() {
    let (memory, parts) = good();
    let (_dir, host) = fixture(&memory, &parts, usize::MAX, IOMEM);
    let outlook = MemorySource::default().outlook(&host);
    assert_eq!((outlook.status, outlook.reasons), (Status::Ok, vec!["an image can be had by: kcore".to_owned()]));
    let only_lime = MemorySource { method: Method::Lime, ..MemorySource::default() }.outlook(&host);
    assert_eq!(only_lime.status, Status::Absent);
    assert_eq!(range::total(&iomem::parse(IOMEM.as_bytes()).ram), 0x9_ec00 + 0x40_0000);
}
