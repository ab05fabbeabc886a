//! What is hooked into the kernel by its own means of tracing: functions that ftrace diverts, kprobes and uprobes, what each
//! instance of the tracer is set to, and live patches. Rootkits use the same means (Documentation/trace/ftrace.rst).
//!
//! tracefs and debugfs are read where somebody has mounted them, else through detached views of our own that no other process
//! sees. Nothing is written, and no file is read whose reading takes events from another reader (`trace_pipe`) or holds the
//! tracer up (`trace`). Each read waits for locks of the tracer, so each runs where it can be abandoned.

mod livepatch;
mod parse;

use std::ffi::CStr;
use std::sync::Arc;
use std::time::Duration;

use super::keep::{self, Keeper, Kept};
use super::text;
use super::{Evidence, Source, Stop};
use crate::host::{Host, ReadError, SpareThread, SysRoot};
use crate::model::{Artefact, Category, Gap, Outcome, Profile, Row, Status};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "kernel_tracing",
    category: Category::Kernel,
    profile: Profile::Volatile,
    budget: Duration::from_secs(30),
    budget_bytes: None,
    source: "tracefs (a detached instance where it is not mounted), debugfs kprobes, /sys/kernel/livepatch",
    about: "functions that ftrace diverts, kprobes and uprobes, settings of every tracer, live patches",
    tables: &["trace_instances", "ftrace_functions", "trace_probes", "kprobes", "livepatches", "livepatch_functions"],
};

/// One file of the tracer takes this long at most.
const LIMIT: Duration = Duration::from_secs(5);
/// With the function tracer on, every function of the kernel has a line: some 60,000, of 100 bytes each.
const MOST: usize = 32 << 20;

/// Settings that each instance of the tracer has, and the column that each goes to.
const SETTINGS: [&str; 14] = [
    "current_tracer",
    "tracing_on",
    "trace_clock",
    "buffer_size_kb",
    "set_event",
    "set_event_pid",
    "set_event_notrace_pid",
    "set_ftrace_filter",
    "set_ftrace_notrace",
    "set_ftrace_pid",
    "set_ftrace_notrace_pid",
    "set_graph_function",
    "set_graph_notrace",
    "tracing_cpumask",
];
/// Files with a function a line; only the topmost instance has them.
const FUNCTIONS: [&str; 2] = ["enabled_functions", "touched_functions"];
/// Files with a probe a line; only the topmost instance has them.
const PROBES: [&str; 3] = ["dynamic_events", "kprobe_events", "uprobe_events"];
/// How often each probe was hit, and the kernel's own count of what it diverts.
const KEPT: [&str; 3] = ["kprobe_profile", "uprobe_profile", "dyn_ftrace_total_info"];

/// Reads tracefs, the list of kprobes and `/sys/kernel/livepatch`.
#[derive(Debug, Clone, Copy, Default)]
pub struct KernelTracing;

impl Source for KernelTracing {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let mut keeper = Keeper { host, evidence };
        let patches = livepatch::acquire(&mut keeper)?;
        let trace = match find(host, c"tracefs", "/sys/kernel/tracing") {
            Ok(root) => Tracer { keeper: &mut keeper, root: Arc::new(root), spare: host.spare_thread() }.all()?,
            Err(error) => refused(keeper.evidence, &error),
        };
        let probes = match find(host, c"debugfs", "/sys/kernel/debug") {
            Ok(root) => Tracer { keeper: &mut keeper, root: Arc::new(root), spare: host.spare_thread() }.kprobes()?,
            Err(error) => refused(keeper.evidence, &error),
        };
        Ok(outcome(&[patches, trace, probes]))
    }
}

/// What became of one of the three doors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Open,
    Absent,
    Denied,
}

fn outcome(doors: &[Door]) -> Outcome {
    if doors.contains(&Door::Open) {
        Outcome::ok()
    } else if doors.contains(&Door::Denied) {
        Outcome::because(Status::Denied, "the kernel shows its tracer to nobody of our rights")
    } else {
        Outcome::because(Status::Absent, "the kernel has neither tracefs nor live patches")
    }
}

fn refused(evidence: &mut dyn Evidence, error: &ReadError) -> Door {
    if error.is_gone() {
        return Door::Absent;
    }
    evidence.gap(Gap { reason: format!("not mounted, and a view of our own was refused: {}", error.reason), ..error.gap() });
    Door::Denied
}

/// The file system of type `kind`, wherever it is mounted: older hosts have tracefs at `/sys/kernel/debug/tracing` alone. Only
/// where it is mounted nowhere is it seen through an instance of our own, because a new instance could change the options of
/// one that is mounted (tracefs before Linux 6.9).
fn find(host: &Host, kind: &CStr, point: &str) -> Result<SysRoot, ReadError> {
    let elsewhere = || {
        let mounts = host.files.mounts();
        let here = mounts.iter().find(|mount| mount.kind == kind.to_bytes() && mount.point != point.as_bytes())?;
        host.mounted(kind, std::str::from_utf8(&here.point).ok()?)
    };
    let mounted = host.mounted(kind, point).or_else(|| if host.live { elsewhere() } else { None });
    mounted.map_or_else(|| host.filesystem(kind, point), Ok)
}

/// An open tracefs, or debugfs.
struct Tracer<'a, 'b> {
    keeper: &'a mut Keeper<'b>,
    root: Arc<SysRoot>,
    spare: SpareThread,
}

impl Tracer<'_, '_> {
    fn all(mut self) -> Result<Door, Stop> {
        let names = match self.root.names("") {
            Ok(names) => names,
            Err(error) => return Ok(refused(self.keeper.evidence, &error)),
        };
        if names.is_empty() {
            return Ok(Door::Absent);
        }
        self.instance(b"")?;
        for name in self.root.names("instances").unwrap_or_default() {
            self.instance(&name)?;
        }
        for file in FUNCTIONS {
            self.functions(file)?;
        }
        for file in PROBES {
            self.probes(file)?;
        }
        for file in KEPT {
            self.read(file.as_bytes())?.ok();
        }
        Ok(Door::Open)
    }

    /// Reads and keeps one file. A lock of the tracer that is never given back costs a thread and no more.
    fn read(&mut self, path: &[u8]) -> Result<Kept, Stop> {
        let (root, owned, full) = (Arc::clone(&self.root), path.to_owned(), self.root.full(path));
        let kept = self.spare.read(LIMIT, &full, move || root.file(owned, MOST));
        self.keeper.keep(&full, kept)
    }

    fn instance(&mut self, name: &[u8]) -> Result<(), Stop> {
        let folder = if name.is_empty() { Vec::new() } else { [b"instances/", name, b"/"].concat() };
        let mut row = Row::new(self.keeper.host.clock.now(), keep::shown(&self.root.full(&folder)));
        row.bytes("instance", name);
        for setting in SETTINGS {
            let kept = self.read(&[folder.as_slice(), setting.as_bytes()].concat())?;
            keep::column(&mut row, setting, kept);
        }
        self.keeper.evidence.row("trace_instances", &row)
    }

    fn functions(&mut self, file: &'static str) -> Result<(), Stop> {
        let Ok(text) = self.read(file.as_bytes())? else { return Ok(()) };
        for function in parse::functions(&text.bytes) {
            self.keeper.evidence.check()?;
            let mut row = Row::new(self.keeper.host.clock.now(), keep::shown(&self.root.full(file.as_bytes())));
            row.text("list", file).bytes("function", function.name);
            if let Some(module) = function.module {
                row.bytes("module", module);
            }
            if let Some(count) = function.count {
                row.int("count", count);
            }
            row.bytes("flags", &function.flags).bytes_list("details", function.details.iter().copied());
            self.keeper.evidence.row("ftrace_functions", &row)?;
        }
        Ok(())
    }

    fn probes(&mut self, file: &'static str) -> Result<(), Stop> {
        let Ok(text) = self.read(file.as_bytes())? else { return Ok(()) };
        for line in text::lines(&text.bytes).filter(|line| !line.starts_with(b"#")) {
            self.keeper.evidence.check()?;
            let mut row = Row::new(self.keeper.host.clock.now(), keep::shown(&self.root.full(file.as_bytes())));
            row.text("list", file).bytes("definition", line);
            if let Some(probe) = parse::probe(line) {
                row.bytes("kind", probe.kind).bytes("group", probe.group).bytes("event", probe.event);
                row.bytes("target", probe.target).bytes("arguments", probe.arguments);
            }
            self.keeper.evidence.row("trace_probes", &row)?;
        }
        Ok(())
    }

    /// `kprobes/list` has every probe, also those that a module set itself and that tracefs does not know.
    fn kprobes(mut self) -> Result<Door, Stop> {
        for file in ["kprobes/enabled", "kprobes/blacklist"] {
            self.read(file.as_bytes())?.ok();
        }
        let text = match self.read(b"kprobes/list")? {
            Ok(text) => text,
            Err(error) if error.is_denied() => return Ok(Door::Denied),
            Err(_) => return Ok(Door::Absent),
        };
        for line in text::lines(&text.bytes) {
            self.keeper.evidence.check()?;
            let mut row = Row::new(self.keeper.host.clock.now(), keep::shown(&self.root.full(b"kprobes/list")));
            match parse::kprobe(line) {
                Some(probe) => {
                    row.hex("address", probe.address).bytes("kind", probe.kind).bytes("symbol", probe.symbol);
                    row.bytes_list("flags", probe.flags.iter().copied());
                }
                None => row.error("kprobe", "malformed"),
            }
            row.bytes("line", line);
            self.keeper.evidence.row("kprobes", &row)?;
        }
        Ok(Door::Open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture;
    use crate::source::recorded::Recorded;

    fn fixture(files: &[(&str, &[u8])]) -> (tempfile::TempDir, Host) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("proc")).unwrap();
        for (path, text) in files {
            fixture::write(&dir.path().join("sys/kernel"), path, text);
        }
        let host = Host::fixture(dir.path()).unwrap();
        (dir, host)
    }

    #[test]
    fn a_hooked_kernel_is_read_line_by_line() {
        let (_dir, host) = fixture(&[
            ("tracing/current_tracer", b"nop\n"),
            ("tracing/set_ftrace_filter", b"__x64_sys_kill\n"),
            (
                "tracing/enabled_functions",
                b"__x64_sys_kill (1) R I     \ttramp: 0xffffffffc0a01000 (fh+0x0/0x9 [rk])\nvfs_read [rk] (2)\n",
            ),
            ("tracing/kprobe_events", b"p:kprobes/evil do_sys_openat2 name=+0(%si):string\n\xff\n"),
            ("tracing/instances/a b/current_tracer", b"function\n"),
            ("debug/kprobes/list", b"ffffffff81000010  k  kallsyms_lookup_name+0x0    [FTRACE][DISABLED]\n"),
        ]);
        let mut evidence = Recorded::default();
        assert_eq!(KernelTracing.acquire(&host, &mut evidence), Ok(Outcome::ok()));
        let functions = evidence.rows("ftrace_functions");
        assert_eq!((&functions[0]["function"], &functions[0]["flags"]), (&"__x64_sys_kill".into(), &"RI".into()));
        assert_eq!((&functions[1]["module"], &functions[1]["count"]), (&"rk".into(), &2.into()));
        let probes = evidence.rows("trace_probes");
        assert_eq!((&probes[0]["event"], &probes[0]["target"]), (&"evil".into(), &"do_sys_openat2".into()));
        assert_eq!(probes[1]["definition_b64"], "/w==");
        assert_eq!(evidence.rows("kprobes")[0]["flags"], serde_json::json!(["FTRACE", "DISABLED"]));
        let instances = evidence.rows("trace_instances");
        assert_eq!((&instances[1]["instance"], &instances[1]["current_tracer"]), (&"a b".into(), &"function".into()));
        assert_eq!(evidence.member("/sys/kernel/tracing/set_ftrace_filter"), Some(&b"__x64_sys_kill\n"[..]));
    }

    #[test]
    fn a_kernel_without_a_tracer_is_absent() {
        let (_dir, host) = fixture(&[]);
        assert_eq!(KernelTracing.acquire(&host, &mut Recorded::default()).unwrap().status, Status::Absent);
    }

    #[test]
    fn nothing_is_mounted_where_others_see_it() {
        let before = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        let host = Host::live().unwrap();
        let mut evidence = Recorded::default();
        let outcome = KernelTracing.acquire(&host, &mut evidence).unwrap();
        assert_eq!(std::fs::read_to_string("/proc/self/mountinfo").unwrap(), before);
        if !nix::unistd::geteuid().is_root() {
            assert_ne!(outcome.status, Status::Failed);
            return crate::testing::skip("root, to mount", nix::unistd::geteuid());
        }
        assert_eq!(outcome.status == Status::Ok, !evidence.members.is_empty(), "{outcome:?}");
    }
}
