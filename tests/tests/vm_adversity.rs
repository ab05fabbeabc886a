//! Captures on hosts that work against them: modules that misbehave, a kernel that is locked down, destinations that stall or fill.
//!
//! Whatever happens, the run ends, is sealed or says that it is not, names what went wrong, and calls no image whole that is not.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::time::Duration;

use hozen_tests::agent::Agent;
use hozen_tests::agent::code::{COMPLETE, CUT_SHORT, MEMORY_FAILED, PARTIAL};
use hozen_tests::evidence::{bytes, number, sha256};
use hozen_tests::images::{RELEASE, Run, stamping};
use hozen_tests::vm::{Ended, Guest, Lab};
use serde_json::Value;

const STAMPED: u32 = 4096;
/// Each of these guests collects several times, and some wait for a module that does nothing. On a busy machine that takes minutes.
const LIMIT: Duration = Duration::from_secs(900);

/// The lab, and a guest with the program and stamped pages.
fn guest(test: &str) -> Option<(Lab, Guest)> {
    let lab = Lab::find(test)?;
    let hozen = lab.hozen(test)?;
    let guest = Guest::new(&lab).program(&lab.helper("stamp")).program(&hozen).memory(192).limit(LIMIT);
    Some((lab, guest))
}

/// Boots a guest with this script; `FILE.ko` in a line of it becomes the options that give Hozen the module `/FILE.ko`.
fn boot(guest: Guest, modules: &[(&str, Vec<u8>)], script: &str) -> Ended {
    let (mut guest, mut script) = (guest, script.to_owned());
    for (name, module) in modules {
        let file = format!("/{name}.ko");
        script = script.replace(&format!(" {name}.ko"), &format!(" --module {file} --module-sha256 {}", sha256(module)));
        guest = guest.file(&file, 0o644, module.clone());
    }
    let ended = guest.boot(&[&stamping(STAMPED), &script, RELEASE].concat()).end();
    assert_eq!(ended.exit, COMPLETE, "{}", ended.console);
    ended
}

/// What LiME must not do, and what becomes of it: the captures, the exit code, and a reason. Only the last of them has none: it gives all of
/// memory, by its second way. Where memory is to fail no other way is asked: it would take its time, and give what it gives elsewhere.
const FAULTS: [(&str, &str, i32, &str); 10] = [
    ("zeros", "lime rejected, kcore ok", COMPLETE, "nothing but zeros"),
    ("garbage", "lime rejected, kcore ok", COMPLETE, "no header where one is due"),
    ("silent", "lime rejected, kcore ok", COMPLETE, "fell silent"),
    ("taken", "lime refused", MEMORY_FAILED, "its port is in use (EADDRINUSE)"),
    ("socket", "lime rejected", MEMORY_FAILED, "nothing but zeros"),
    ("nothing", "lime refused", MEMORY_FAILED, "it returned without a word"),
    ("hang", "lime refused, kcore ok", COMPLETE, "its init function did not return"),
    ("early", "lime incomplete", PARTIAL, "its init function failed: EIO"),
    ("skips", "lime incomplete", PARTIAL, "the kernel's log says: Skipping Range"),
    ("tcp", "lime ok", COMPLETE, ""),
];

/// Each module's image or refusal is named, the next method gives a whole one, the module is gone, and the run has ended by itself.
#[test]
fn a_module_that_misbehaves_is_named_and_the_next_method_runs() {
    let test = "a_module_that_misbehaves_is_named_and_the_next_method_runs";
    let Some((lab, guest)) = guest(test) else { return };
    let modules = FAULTS.map(|(does, ..)| (does, lab.faulty(does)));
    let script: String = FAULTS
        .map(|(does, _, code, _)| {
            let ways = if code == MEMORY_FAILED { "lime" } else { "auto" };
            format!("collect {does} --only footprint --memory {ways} {does}.ko\n")
        })
        .concat();
    let ended = boot(guest.disk(4096), &modules, &script);
    for (does, captures, code, reason) in FAULTS {
        let run = Run::of(&ended, does, code);
        assert_eq!(run.captures(), captures, "{}", run.said());
        let reasons = run.reasons("memory_captures", "lime");
        assert!(reasons.contains(reason), "{does}: {reasons}");
        if code != MEMORY_FAILED {
            run.whole_image(if captures.contains("kcore") { "kcore" } else { "lime" });
        }
        assert!(!run.text("modules").contains("lime"), "{does}: {}", run.text("modules"));
        assert_eq!(number(&run.capture("lime"), "module_unloaded"), Some(i64::from(does != "hang")), "{does}");
        let footprint = run.evidence.content("data/run/footprint.jsonl.zst");
        let told = String::from_utf8(footprint).unwrap();
        assert_eq!(told.contains("could not be unloaded"), does == "hang", "{does}: {told}");
        // A pipe that is not taken is told, and a socket takes its place.
        let by_socket = ["socket", "tcp"].contains(&does);
        assert_eq!(told.contains("could not open our pipe (ENXIO)"), by_socket, "{does}: {told}");
        let parameters = String::from_utf8(bytes(&run.capture("lime"), "module_parameters").unwrap_or_default()).unwrap();
        assert_eq!(parameters.contains("path=tcp:"), by_socket, "{does}: {parameters}");
    }
    the_rejected_image_is_kept(&Run::of(&ended, "zeros", COMPLETE));
    what_was_left_out_is_marked(&Run::of(&ended, "early", PARTIAL));
    what_was_complained_of_is_kept(&Run::of(&ended, "skips", PARTIAL));
}

/// Well framed, of the right length, and worthless: it is there, and its row says what it is.
fn the_rejected_image_is_kept(run: &Run<'_>) {
    let image = run.image("lime");
    let report = run.stamps(&image);
    assert_eq!((report.right, report.wrong.len()), (0, STAMPED as usize), "{report:?}");
    assert_eq!(number(&run.capture("lime"), "data_bytes"), Some(0));
}

/// What another method gave stands in the extents.
fn what_was_left_out_is_marked(run: &Run<'_>) {
    let capture = run.capture("lime");
    let filled = number(&capture, "filled_bytes").unwrap();
    let by_kcore = run.evidence.table("extents").into_iter().filter(|row| bytes(row, "method").as_deref() == Some(b"kcore"));
    assert_eq!(by_kcore.map(|row| number(&row, "length").unwrap()).sum::<i64>(), filled);
    assert!(filled > 0 && number(&capture, "bytes") == number(&capture, "predicted_bytes"), "{capture}");
}

/// All of memory came, and still its word is taken: the record of the kernel's log is among the evidence.
fn what_was_complained_of_is_kept(run: &Run<'_>) {
    let capture = run.capture("lime");
    assert_eq!(number(&capture, "bytes"), number(&capture, "predicted_bytes"), "{capture}");
    assert_eq!(number(&capture, "filled_bytes"), Some(0), "{capture}");
    let log = String::from_utf8(run.evidence.raw_file("memory", "/.hozen/lime.kmsg")).unwrap();
    assert!(log.contains("Skipping Range"), "{log}");
}

/// A module for another kernel, shown to Hozen and then to the kernel; one that cannot be unloaded; and LiME's name taken by it.
const MODULES: &str = "\
collect other --memory auto other.ko
cat /proc/sys/kernel/tainted >/out/tainted
insmod /other.ko; cat /proc/sys/kernel/tainted >/out/tainted.kernel
collect stays --memory auto stays.ko
collect loaded --memory auto real.ko
collect only --memory lime real.ko
";

#[test]
fn a_module_for_another_kernel_or_of_a_name_that_is_taken_is_not_loaded() {
    let test = "a_module_for_another_kernel_or_of_a_name_that_is_taken_is_not_loaded";
    let Some((lab, guest)) = guest(test) else { return };
    let real = read(&lab.lime());
    let modules = [("other", for_another_kernel(&real, &lab.release)), ("stays", lab.faulty("stays")), ("real", real)];
    let ended = boot(guest, &modules, MODULES);

    let other = Run::of(&ended, "other", COMPLETE);
    assert_eq!(other.captures(), "kcore ok");
    let reasons = other.reasons("memory_sources", "lime");
    assert!(reasons.contains("built for kernel") && reasons.contains(&lab.release), "{reasons}");
    // The kernel goes by the symbols' versions, does not ask for its release, and would have run it.
    assert_eq!(ended.text("tainted"), "0\n", "the kernel has seen the module");
    assert_ne!(ended.text("tainted.kernel"), "0\n", "the kernel does not take the module: nothing is shown");

    let stays = Run::of(&ended, "stays", PARTIAL);
    assert!(stays.reasons("memory_captures", "lime").contains("the module lime is still loaded"));
    assert!(stays.text("modules").contains("lime"), "the module could be unloaded: nothing is shown");
    stays.whole_image("lime");

    let loaded = Run::of(&ended, "loaded", COMPLETE);
    assert_eq!(loaded.captures(), "kcore ok");
    assert!(loaded.reasons("memory_sources", "lime").contains("of the name lime is loaded already"));
    loaded.whole_image("kcore");
    let only = Run::of(&ended, "only", MEMORY_FAILED);
    assert!(only.captures().is_empty() && only.text("result").contains("loaded already"), "{}", only.said());
}

/// The module as built for a kernel that there is not.
fn for_another_kernel(module: &[u8], release: &str) -> Vec<u8> {
    let built_for = format!("vermagic={release}");
    let at = module.windows(built_for.len()).position(|window| window == built_for.as_bytes()).unwrap();
    let last = at + built_for.len() - 1;
    module.iter().enumerate().map(|(at, byte)| if at == last { byte ^ 1 } else { *byte }).collect()
}

/// Five seconds and more in which the destination takes nothing, in the middle: the file system is frozen. What LiME does then without
/// `timeout=0`, written straight to the same disk, is the control.
const STALL: &str = "\
stall() { fsfreeze --freeze /out; sleep 6; fsfreeze --unfreeze /out; }
begun() { until [ -e $1 ] || grep -qs zombie /proc/$run/status; do sleep 0.1; done; }
start lime --memory lime real.ko
begun /out/lime/data/memory/lime/000000.lime.zst.part
stall
[ -d /proc/$run ] || exit 1
finish
insmod /real.ko path=/out/control format=lime 3>&- &
begun /out/control
stall
wait $!
";

#[test]
fn a_destination_that_stalls_costs_time_and_no_memory() {
    let test = "a_destination_that_stalls_costs_time_and_no_memory";
    let Some((lab, guest)) = guest(test) else { return };
    let ended = boot(guest, &[("real", read(&lab.lime()))], STALL);
    let run = Run::of(&ended, "lime", COMPLETE);
    assert_eq!(run.captures(), "lime ok");
    run.whole_image("lime");
    let control = run.stamps(&read(&ended.out.join("control")));
    assert!(!control.wrong.is_empty(), "the stall was not in the middle: {control:?}");
}

/// The deadline passes while the destination takes nothing, so that it passes in the middle however fast the host is: behind the first
/// stamped page, by more than can be on its way from LiME. Once the destination takes more just after that, and once only when LiME
/// is gone, which must not wait for it.
const CUTS: &str = "\
now() { cut -d. -f1 /proc/uptime; }
received() { read -r label bytes </proc/$run/io; } 2>/dev/null
freeze() {
  end=$(( $(now) + 46 )); enough=$(( ( $(sort -n /out/frames | head -n 1) << 12 ) + (48 << 20) )); bytes=0
  start $1 --memory lime --deadline 45s real.ko
  until received; [ $bytes -gt $enough ] || [ ! -e /proc/$run/exe ]; do sleep 0.1; done
  fsfreeze --freeze /out
  until [ $(now) -gt $end ]; do sleep 0.1; done
}
freeze deadline; fsfreeze --unfreeze /out
finish
freeze late
until [ $(now) -gt $(( end + 60 )) ] || ! grep -q ^lime /proc/modules; do sleep 0.1; done
cat /proc/modules >/tmp/meanwhile; fsfreeze --unfreeze /out; cp /tmp/meanwhile /out/late.meanwhile
finish
";

/// A destination that is too small; `/dev/mem` where nothing says how the kernel was built, and where its configuration does; a kernel that
/// wants modules signed, then none at all, both of which are shown to the kernel too; and that is locked down when the readers have opened
/// `/proc/kcore`.
const CLOSED: &str = "\
begun() { until [ -e $1 ] || grep -qs zombie /proc/$run/status; do sleep 0.1; done; }
mount -t tmpfs -o size=32m tmpfs /mnt
hozen collect --case VM-2 --only memory --memory kcore --to /mnt/full >/out/full.result 2>/out/full.said 3>&-
echo $? >/out/full.code
cp -r /mnt/full /out/full
umount /mnt
collect mem --memory mem
mkdir /boot; cp /config /boot/config-$(uname -r)
collect strict --memory mem
insmod /real.ko path=/out/never format=lime 2>/out/unsigned.kernel
collect unsigned --memory lime real.ko
echo 1 >/proc/sys/kernel/modules_disabled
insmod /real.ko path=/out/never format=lime 2>/out/disabled.kernel
collect disabled --memory lime real.ko
start locked --memory auto real.ko
begun /out/locked/data/memory/kcore/000000.lime.zst.part
echo confidentiality >/sys/kernel/security/lockdown
finish
";

#[test]
fn a_deadline_cuts_a_capture_and_lime_waits_for_no_destination() {
    let test = "a_deadline_cuts_a_capture_and_lime_waits_for_no_destination";
    let Some((lab, guest)) = guest(test) else { return };
    let ended = boot(guest.memory(256), &[("real", read(&lab.lime()))], CUTS);

    let deadline = Run::of(&ended, "deadline", CUT_SHORT);
    assert_eq!(deadline.captures(), "lime incomplete");
    assert!(deadline.reasons("memory_captures", "lime").contains("out of time"));
    the_beginning_is_whole(&deadline, "lime");
    assert!(!deadline.text("modules").contains("lime"), "{}", deadline.text("modules"));

    let late = Run::of(&ended, "late", CUT_SHORT);
    assert!(!late.text("meanwhile").contains("lime"), "LiME is there as long as the destination stalls");
    let step = late.evidence.step("memory").to_string();
    assert!(step.contains("the run itself unloaded its kernel module"), "{step}");
    assert!(late.beginning("lime").right > 0);
}

/// Killed with its process group, as Systems Manager does at the time-out, and by a second signal, each in the middle of LiME's stream and
/// while the destination hangs, so that no thread of the agent that waits for it can end.
const KILLS: &str = "\
received() { read -r label bytes </proc/$run/io; } 2>/dev/null
dumping() {
  name=$1; enough=$(( 48 << 20 )); bytes=0
  setsid hozen collect --case VM-2 --only memory --memory lime --to /out/$name real.ko >/out/$name.result 2>/out/$name.said 3>&- &
  run=$!
  until received; [ $bytes -gt $enough ] || [ ! -e /proc/$run/exe ]; do sleep 0.1; done
  fsfreeze --freeze /out
  cat /proc/modules >/tmp/$name.meanwhile
  for task in /proc/$run/task/*; do
    if grep -qx hozen-lime $task/comm; then cat $task/status; fi
  done >/tmp/$name.loader
}
gone() {
  left=300
  while grep -q ^lime /proc/modules && [ $left -gt 0 ]; do sleep 0.1; left=$(( left - 1 )); done
  cat /proc/modules >/tmp/$name.after
  fsfreeze --unfreeze /out; cp /tmp/$name.* /out
  wait $run; echo $? >/out/$name.code
  until [ -e /out/$name/999-killed.json ] || [ $left = 0 ]; do sleep 0.1; left=$(( left - 1 )); done
}
dumping killed; kill -KILL -$run; gone
dumping twice; kill -TERM $run; sleep 1; kill -TERM $run; gone
";

#[test]
fn an_agent_that_is_killed_leaves_no_lime_behind() {
    let test = "an_agent_that_is_killed_leaves_no_lime_behind";
    let Some((lab, guest)) = guest(test) else { return };
    let ended = boot(guest, &[("real", read(&lab.lime()))], KILLS);
    for (name, code, cause) in [("killed", "137\n", None), ("twice", "71\n", Some("a second signal ended it at once"))] {
        let text = |ending: &str| ended.text(&format!("{name}.{ending}"));
        assert_eq!(text("code"), code, "{}{}", text("said"), text("result"));
        assert!(text("meanwhile").contains("lime"), "it was not killed in the middle: nothing is shown\n{}", text("said"));
        no_signal_reaches_the_loader(&text("loader"));
        assert!(!text("after").contains("lime"), "{name}: LiME is left: {}", text("after"));
        let folder = ended.out.join(name);
        let finished = Agent::find().run(["verify".as_ref(), "--json".as_ref(), folder.as_os_str()]);
        finished.assert_code(2);
        let report: Value = serde_json::from_str(&finished.stdout).unwrap();
        let killed = report.get("killed").unwrap_or_else(|| panic!("{report:#}"));
        assert_eq!(killed.get("cause").and_then(Value::as_str), cause, "{killed}");
        let module = killed.get("module").and_then(Value::as_str).unwrap();
        assert!(
            ["unloaded it", "taken the module lime out already", "no kernel module"].iter().any(|word| module.contains(word)),
            "{module}"
        );
    }
}

/// While LiME sends, the thread that has loaded it (`status` as in proc_pid_status(5)) blocks every signal but the two that nobody can: one
/// that arrived would cut what LiME writes, and the kernel would call that success.
fn no_signal_reaches_the_loader(status: &str) {
    let blocked: Vec<&str> = status.lines().filter_map(|line| line.strip_prefix("SigBlk:")).collect();
    assert_eq!(blocked.len(), 1, "threads that load LiME: {status}");
    let mask = u64::from_str_radix(blocked.concat().trim(), 16).unwrap();
    let open: Vec<u32> = (1..32).filter(|signal| mask >> (signal - 1) & 1 == 0).collect();
    assert_eq!(open, [9, 19], "{mask:x}");
}

#[test]
fn a_destination_that_fills_and_a_kernel_that_refuses_are_named() {
    let test = "a_destination_that_fills_and_a_kernel_that_refuses_are_named";
    let Some((lab, guest)) = guest(test) else { return };
    let guest = guest.memory(256).argument("module.sig_enforce=1").file("/config", 0o644, read(&lab.config()));
    let ended = boot(guest, &[("real", read(&lab.lime()))], CLOSED);

    let full = Run::of(&ended, "full", MEMORY_FAILED);
    assert!(full.text("result").contains("\"safe_to_isolate\":true"), "{}", full.said());
    assert!(full.reasons("memory_captures", "kcore").contains("the destination takes no more"));
    the_beginning_is_whole(&full, "kcore");

    let locked = Run::of(&ended, "locked", PARTIAL);
    assert!(locked.reasons("memory_captures", "kcore").contains("after the capture: /proc/kcore"), "{}", locked.said());
    locked.whole_image("kcore");
    // What the kernel refuses keeps no one from the next way.
    let against = locked.reasons("memory_sources", "lime");
    assert!(REFUSALS.iter().all(|(_, reason, _)| against.contains(reason)), "{against}");
    no_module_is_loaded_that_the_kernel_would_refuse(&ended);
    dev_mem_shows_nothing(&ended);
}

/// Runs that may only load a module; why the kernel would not take it; and what it says itself, shown the same module (errno(3)).
const REFUSALS: [(&str, &str, &str); 2] = [
    ("unsigned", "the kernel loads only signed modules (module.sig_enforce)", "Key was rejected by service"),
    ("disabled", "kernel.modules_disabled is 1: no module can be loaded until the next boot", "Operation not permitted"),
];

fn no_module_is_loaded_that_the_kernel_would_refuse(ended: &Ended) {
    for (name, reason, errno) in REFUSALS {
        let kernel = ended.text(&format!("{name}.kernel"));
        assert!(kernel.contains(errno), "the kernel does not refuse it for this: nothing is shown\n{kernel}");
        let run = Run::of(ended, name, MEMORY_FAILED);
        assert!(run.captures().is_empty() && run.text("result").contains(reason), "{}", run.said());
    }
    assert!(!ended.out.join("never").exists(), "the kernel has taken the module");
    let unsigned = Run::of(ended, "unsigned", MEMORY_FAILED).text("result");
    assert!(!unsigned.contains("modules_disabled"), "what was not so yet is told: {unsigned}");
}

/// A kernel with CONFIG_STRICT_DEVMEM, as all of them have it: where that is known nobody reads, and where it is not the image is what such
/// a kernel shows of memory, and is called that.
fn dev_mem_shows_nothing(ended: &Ended) {
    let strict = Run::of(ended, "strict", MEMORY_FAILED);
    assert!(strict.captures().is_empty() && strict.text("result").contains("CONFIG_STRICT_DEVMEM"), "{}", strict.said());
    let unknown = Run::of(ended, "mem", MEMORY_FAILED);
    assert_eq!(unknown.captures(), "mem rejected", "{}", unknown.said());
    let reasons = unknown.reasons("memory_captures", "mem");
    assert!(["nothing but zeros", "could not be read (EPERM)"].iter().all(|why| reasons.contains(why)), "{reasons}");
}

/// An image that was cut short: what it has is what stood there, from the first byte on, and every row says so.
fn the_beginning_is_whole(run: &Run<'_>, name: &str) {
    let capture = run.capture(name);
    let (bytes, predicted) = (number(&capture, "bytes").unwrap(), number(&capture, "predicted_bytes").unwrap());
    assert!(0 < bytes && bytes < predicted, "{capture}");
    let report = run.beginning(name);
    assert!(report.right > 0 && report.wrong.is_empty() && !report.missing.is_empty(), "{report:?}");
}

#[expect(clippy::disallowed_methods, reason = "a file of the lab, or of evidence")]
fn read(file: &Path) -> Vec<u8> {
    std::fs::read(file).unwrap()
}
