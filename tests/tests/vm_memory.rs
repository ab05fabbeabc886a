//! Images of the memory of real kernels, against pages that know where they are.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::Read as _;
use std::ops::RangeInclusive;
use std::path::Path;

use hozen_tests::agent::Agent;
use hozen_tests::core_file::CoreFile;
use hozen_tests::evidence::{Evidence, bytes, number};
use hozen_tests::helper::beside;
use hozen_tests::vm::{Ended, Guest, Lab};
use hozen_tests::{lime, stamp};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Stamps pages, which stay while the images are taken: through kcore, by LiME, and by what is left when the module is another.
const IMAGES: &str = "\
mkfifo /tmp/hold
stamp 8192 /out/frames </tmp/hold >/out/stamped &
exec 3>/tmp/hold
until grep -q ready /out/stamped; do sleep 0.1; done
cat /proc/iomem >/out/iomem
collect() {
  name=$1; shift
  hozen collect --case VM-2 --only memory --to /out/$name \"$@\" >/out/$name.result 2>/out/$name.said
  echo $? >/out/$name.code
}
collect kcore --memory kcore
collect lime --memory lime --module /lime.ko --module-sha256 LIME
collect wrong --memory auto --module /hiding.ko --module-sha256 HIDING
cat /proc/modules >/out/modules
exec 3>&-; wait
";

#[test]
fn every_way_gives_every_stamped_page() {
    let Some(lab) = Lab::find("every_way_gives_every_stamped_page") else { return };
    let (lime, hiding) = (read(&lab.lime()), read(&lab.hiding()));
    let script = IMAGES.replace("LIME", &hex(&lime)).replace("HIDING", &hex(&hiding));
    let guest = Guest::new(&lab).program(&beside("stamp")).program(&Agent::find().program());
    let ended = guest.file("/lime.ko", 0o644, lime).file("/hiding.ko", 0o644, hiding).memory(384).boot(&script).end();
    assert_eq!(ended.exit, 0, "{}", ended.console);
    assert!(!ended.text("modules").contains("lime"), "the module is still loaded: {}", ended.text("modules"));
    let kcore = whole_image(&ended, "kcore", "kcore");
    assert_eq!(number(&kcore, "readers"), Some(2));
    let lime = whole_image(&ended, "lime", "lime");
    assert_eq!((number(&lime, "module_unloaded"), number(&lime, "taint_before")), (Some(1), Some(0)));
    assert!(number(&lime, "taint_after") > Some(0));
    whole_image(&ended, "wrong", "kcore");
    let sources = Evidence::open(&ended.out.join("wrong")).table("memory_sources").first().map(ToString::to_string);
    assert!(sources.unwrap().contains("and not lime"), "the module that hides is not LiME");
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
    let Some(lab) = Lab::find("a_capture_that_is_cut_is_sealed_and_leaves_no_module") else { return };
    let lime = read(&lab.lime());
    let script = CUT.replace("LIME", &hex(&lime));
    let guest = Guest::new(&lab).program(&Agent::find().program()).file("/lime.ko", 0o644, lime).memory(1024);
    let ended = guest.boot(&script).end();
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

/// The capture of a run that must have come to a whole image with every stamped page in it.
fn whole_image(ended: &Ended, run: &str, image: &str) -> Value {
    let (to, said) = (ended.out.join(run), ended.text(&format!("{run}.said")));
    let said = format!("{run}: {said}{}", ended.text(&format!("{run}.result")));
    assert_eq!(ended.text(&format!("{run}.code")), "0\n", "{said}");
    Agent::find().verify(&to).assert_code(0);
    let evidence = Evidence::open(&to);
    let [capture]: [Value; 1] = evidence.table("memory_captures").try_into().unwrap();
    assert_eq!(bytes(&capture, "quality").as_deref(), Some(&b"ok"[..]), "{capture}");
    assert_eq!(bytes(&capture, "image").as_deref(), Some(image.as_bytes()));
    let content = content(&evidence, image);
    let stamped = ended.text("stamped");
    let run = stamped.split_ascii_whitespace().find_map(|word| word.strip_prefix("run=")).unwrap().parse().unwrap();
    let frames: Vec<u64> = ended.text("frames").lines().map(|line| line.parse().unwrap()).collect();
    let report = stamp::check(content.as_slice(), run, &frames).unwrap();
    assert!(report.is_whole() && report.right == 8192, "{report:?}");
    assert_eq!(lime::read(content.as_slice(), |_, _| ()).unwrap(), system_ram(&ended.text("iomem")));
    extents_are_right(&evidence, &content);
    capture
}

/// Every extent has the digest of the bytes that stand where it says.
fn extents_are_right(evidence: &Evidence, image: &[u8]) {
    let extents = evidence.table("extents");
    assert!(!extents.is_empty());
    for row in extents {
        let at = |column: &str| usize::try_from(number(&row, column).unwrap()).unwrap();
        let piece = image.get(at("image_offset")..at("image_offset") + at("length")).unwrap();
        assert_eq!(bytes(&row, "sha256").unwrap(), hex(piece).into_bytes(), "{row}");
    }
}

/// What `cat data/memory/<image>/*.lime.zst | zstd -d` gives.
fn content(evidence: &Evidence, image: &str) -> Vec<u8> {
    let prefix = format!("data/memory/{image}/");
    let keys: Vec<String> = evidence.keys().into_iter().filter(|key| key.starts_with(&prefix)).collect();
    let stored: Vec<u8> = keys.iter().flat_map(|key| read(&evidence.dir.join(key))).collect();
    let mut content = Vec::new();
    zstd::Decoder::new(stored.as_slice()).unwrap().read_to_end(&mut content).unwrap();
    content
}

/// The ranges of memory in a copy of `/proc/iomem`.
fn system_ram(iomem: &str) -> Vec<RangeInclusive<u64>> {
    let range = |line: &str| {
        let (start, end) = line.strip_suffix(" : System RAM")?.split_once('-')?;
        Some(u64::from_str_radix(start, 16).ok()?..=u64::from_str_radix(end, 16).ok()?)
    };
    iomem.lines().filter_map(range).collect()
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[expect(clippy::disallowed_methods, reason = "a file of the lab, or of evidence")]
fn read(file: &Path) -> Vec<u8> {
    std::fs::read(file).unwrap()
}
