//! Images of the memory of real kernels, against pages that know where they are.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use hozen_tests::agent::Agent;
use hozen_tests::core_file::CoreFile;
use hozen_tests::evidence::{Evidence, bytes, number, sha256};
use hozen_tests::helper::beside;
use hozen_tests::images::{RELEASE, Run, stamping, system_ram};
use hozen_tests::lime;
use hozen_tests::vm::{Ended, Guest, Lab};
use serde_json::Value;

/// Images through kcore, by LiME, by what is left when the module is another, and by a device as Red Hat's kernels have it. Before and
/// after them the test looks at the memory.
const IMAGES: &str = "\
echo before; read -r go
collect kcore --only footprint --memory kcore
collect lime --only footprint --memory lime --module /lime.ko --module-sha256 LIME
collect wrong --only footprint --memory auto --module /hiding.ko --module-sha256 HIDING
insmod /crash.ko
collect crash --only footprint --memory crash
echo after; read -r go
";
/// Mebibytes of the guest, and its pages that are stamped.
const MEMORY: u32 = 384;
const STAMPED: u32 = 8192;
/// The most memory that the collector may have at once: a third of the guest's.
const PEAK: u64 = 128 << 20;
/// Four images take minutes on a busy machine.
const LIMIT: Duration = Duration::from_secs(600);

#[test]
fn every_way_gives_every_stamped_page() {
    let test = "every_way_gives_every_stamped_page";
    let Some(lab) = Lab::find(test) else { return };
    let Some(hozen) = lab.hozen(test) else { return };
    let (lime, hiding) = (read(&lab.lime()), read(&lab.hiding()));
    let script = IMAGES.replace("LIME", &sha256(&lime)).replace("HIDING", &sha256(&hiding));
    let guest = Guest::new(&lab).program(&lab.helper("stamp")).program(&hozen).memory(MEMORY).disk(4096).limit(LIMIT);
    let guest =
        guest.file("/lime.ko", 0o644, lime).file("/hiding.ko", 0o644, hiding).file("/crash.ko", 0o644, read(&lab.crash()));
    let mut machine = guest.boot(&[&stamping(STAMPED), &script, RELEASE].concat());
    let truths = ["before", "after"].map(|moment| {
        machine.await_text(moment);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("memory");
        let mut monitor = machine.monitor();
        monitor.stop();
        monitor.save_memory(0, u64::from(MEMORY) << 20, &file);
        monitor.go_on();
        machine.type_line("");
        read(&file)
    });
    let ended = machine.end();
    assert_eq!(ended.exit, 0, "{}", ended.console);
    let kcore = whole(&ended, "kcore", "kcore", &truths);
    assert_eq!(number(&kcore, "readers"), Some(2));
    let lime = whole(&ended, "lime", "lime", &truths);
    assert_eq!((number(&lime, "module_unloaded"), number(&lime, "taint_before")), (Some(1), Some(0)));
    assert!(number(&lime, "taint_after") > Some(0));
    whole(&ended, "wrong", "kcore", &truths);
    let wrong = Run::of(&ended, "wrong", 0);
    assert!(wrong.reasons("memory_sources", "lime").contains("and not lime"), "the module that hides is not LiME");
    whole(&ended, "crash", "crash", &truths);
}

/// The capture of a run that must have come to a whole image with every stamped page in it, and with the ends of every range, and must not
/// have taken more memory for it than it may.
fn whole(ended: &Ended, name: &str, image: &str, truths: &[Vec<u8>; 2]) -> Value {
    let run = Run::of(ended, name, 0);
    assert_eq!(run.captures(), format!("{image} ok"));
    assert!(!run.text("modules").contains("lime"), "the module is still loaded: {}", run.text("modules"));
    let content = run.whole_image(image);
    ends_are_there(&content, &ended.text("iomem"), truths);
    let peak = peak(&run);
    assert!(0 < peak && peak <= PEAK, "{name} had {peak} bytes of memory");
    run.capture(image)
}

/// The most memory that the collector had at once (`VmHWM` of proc_pid_status(5)), as it says itself.
fn peak(run: &Run<'_>) -> u64 {
    let rows = run.evidence.table("footprint");
    let row = rows.iter().find(|row| bytes(row, "what").as_deref() == Some(b"VmHWM"));
    let said = row.and_then(|row| String::from_utf8(bytes(row, "detail")?).ok()).unwrap();
    said.strip_suffix(" kB").and_then(|kibibytes| kibibytes.parse::<u64>().ok()).unwrap() << 10
}

/// The first and the last bytes of every range: what stood there both before and after the captures stands in the image. The part of a
/// page at an end is not the kernel's, and holds zeros in the image.
fn ends_are_there(image: &[u8], iomem: &str, [before, after]: &[Vec<u8>; 2]) {
    let mut pages = BTreeMap::new();
    lime::read(image, |frame, page| drop(pages.insert(frame, page.to_vec()))).unwrap();
    let mut known = 0;
    for range in system_ram(iomem) {
        let whole_end = (range.end() + 1) / lime::PAGE * lime::PAGE;
        if whole_end <= *range.end() {
            assert_eq!(pages[&(range.end() / lime::PAGE)].len() as u64, range.end() - whole_end + 1, "{range:x?}");
            assert!(pages[&(range.end() / lime::PAGE)].iter().all(|byte| *byte == 0), "{range:x?}");
        }
        for frame in [range.start() / lime::PAGE, whole_end / lime::PAGE - 1] {
            let at = usize::try_from(frame * lime::PAGE).unwrap();
            for (offset, found) in pages[&frame].iter().enumerate() {
                if before[at + offset] == after[at + offset] {
                    assert_eq!(*found, before[at + offset], "byte {offset} of frame {frame:#x}, at an end of {range:x?}");
                    known += u64::from(*found != 0);
                }
            }
        }
    }
    assert!(known > 0, "all ends hold zeros: nothing is shown");
}

/// A kernel that has swap, no `PAGEMAP_SCAN`, and at last a Yama that forbids every look.
const PROCESS: &str = "\
dd if=/dev/zero of=/out/swap bs=1M count=16 2>/dev/null
mkswap /out/swap && swapon /out/swap || exit 9
mkfifo /tmp/hold
odd memory </tmp/hold >/out/odd &
exec 3>/tmp/hold
until grep -q ready /out/odd; do sleep 0.1; done
collect() {
  hozen collect --case VM-4 --only process_memory --process-memory $! --to /out/$1 >/out/$1.result 2>/out/$1.said
  echo $? >/out/$1.code
}
grep VmSwap /proc/$!/status >/out/swap.before
collect open
grep VmSwap /proc/$!/status >/out/swap.after
echo 3 >/proc/sys/kernel/yama/ptrace_scope
collect closed
exec 3>&-; wait
";

#[test]
fn one_process_of_an_older_kernel_stays_in_swap() {
    let Some(lab) = Lab::find("one_process_of_an_older_kernel_stays_in_swap") else { return };
    let guest = Guest::new(&lab).program(&beside("odd")).program(&Agent::find().program());
    let ended = guest.boot(PROCESS).end();
    assert_eq!(ended.exit, 0, "{}", ended.console);
    let facts = ended.text("odd");
    let fact = |name: &str| facts.split_ascii_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('=')).unwrap();
    let pid: i64 = fact("pid").parse().unwrap();
    let open = Evidence::open(&ended.out.join("open"));
    let row = open.table("process_memory").first().cloned().unwrap();
    assert_eq!((number(&row, "pid"), bytes(&row, "outcome").as_deref()), (Some(pid), Some(&b"ok"[..])), "{row}");
    let content = open.raw_file("process_memory", &format!("/.hozen/process/{pid}.core"));
    let core = CoreFile::read(&content).unwrap();
    let at = |name: &str| u64::from_str_radix(fact(name).strip_prefix("0x").unwrap(), 16).unwrap();
    assert!(core.at(at("code"), 4096).unwrap().starts_with(format!("code:{}", fact("mark")).as_bytes()));
    assert_eq!((core.at(at("swapped"), 1), core.at(at("reserved"), 1)), (None, None));
    let swapped = format!("{:#x}", at("swapped"));
    let pages = open.table("process_memory_pages");
    let state = |start: &str| pages.iter().find(|row| row["start"] == start).map(|row| row["state"].clone());
    assert_eq!(state(&swapped), Some("swapped".into()), "{pages:#?}");
    assert_eq!(ended.text("swap.before"), ended.text("swap.after"));
    let closed = Evidence::open(&ended.out.join("closed"));
    let row = closed.table("process_memory").first().cloned().unwrap();
    assert_eq!(bytes(&row, "outcome").as_deref(), Some(&b"denied"[..]), "{row}");
    assert!(row["reason"].as_str().unwrap().contains("ptrace_scope is 3"), "{row}");
}

/// A signal in the middle of a capture: as soon as something of the image is there.
const CUT: &str = "\
cut() {
  name=$1; shift
  hozen collect --case VM-3 --only memory --to /out/$name --memory $name \"$@\" >/out/$name.result 2>/out/$name.said &
  until [ -e /out/$name/data/memory/$name/000000.lime.zst.part ]; do sleep 0.1; done
  kill -TERM $!
  wait $!
  echo $? >/out/$name.code
  cat /proc/modules >/out/$name.modules
}
cut lime --module /lime.ko --module-sha256 LIME
cut kcore
";

/// What was there when the run was cut is kept, said to be incomplete, sealed; and LiME does not stay in the kernel.
#[test]
fn a_capture_that_is_cut_is_sealed_and_leaves_no_module() {
    let test = "a_capture_that_is_cut_is_sealed_and_leaves_no_module";
    let Some(lab) = Lab::find(test) else { return };
    let Some(hozen) = lab.hozen(test) else { return };
    let lime = read(&lab.lime());
    let script = CUT.replace("LIME", &sha256(&lime));
    let ended = Guest::new(&lab).program(&hozen).file("/lime.ko", 0o644, lime).memory(1024).boot(&script).end();
    assert_eq!(ended.exit, 0, "{}", ended.console);
    for (run, path) in [("lime", "LiME"), ("kcore", "/proc/kcore")] {
        let said = format!("{run}: {}{}", ended.text(&format!("{run}.said")), ended.text(&format!("{run}.result")));
        assert_eq!(ended.text(&format!("{run}.code")), "50\n", "{said}");
        assert!(!ended.text(&format!("{run}.modules")).contains("lime"), "{said}");
        let to = ended.out.join(run);
        Agent::find().verify(&to).assert_code(0);
        let evidence = Evidence::open(&to);
        let [capture]: [Value; 1] = evidence.table("memory_captures").try_into().unwrap();
        assert_eq!(bytes(&capture, "quality").as_deref(), Some(&b"incomplete"[..]), "{capture}");
        let column = |name: &str| number(&capture, name).unwrap();
        assert!(column("bytes") < column("predicted_bytes"), "{capture}");
        let step = evidence.step("memory").to_string();
        assert!(step.contains("not in the image") && step.contains(path), "{step}");
    }
}

/// Why every reader of ours has a descriptor of its own: through one that several threads share, `/proc/kcore` gives pages that are
/// others', and no error.
#[test]
fn a_shared_descriptor_is_seen_to_corrupt_pages() {
    let Some(lab) = Lab::find("a_shared_descriptor_is_seen_to_corrupt_pages") else { return };
    let run =
        "run=$(sed -n 's/.*run=\\([0-9]*\\).*/\\1/p' /out/stamped)\nshared /out/frames $run >/out/said 2>&1 3>&- || exit 1\n";
    let guest = Guest::new(&lab).program(&lab.helper("stamp")).program(&lab.helper("shared"));
    let ended = guest.boot(&[&stamping(STAMPED), run, RELEASE].concat()).end();
    let said = ended.text("said");
    assert_eq!(ended.exit, 0, "{said}{}", ended.console);
    let (own, shared) = said.split_once('\n').unwrap();
    assert_eq!(own, "own right=131072 corrupt=0");
    assert!(shared.starts_with("shared right=") && !shared.contains("corrupt=0"), "{said}");
}

#[expect(clippy::disallowed_methods, reason = "a file of the lab, or of evidence")]
fn read(file: &Path) -> Vec<u8> {
    std::fs::read(file).unwrap()
}
