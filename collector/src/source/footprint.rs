//! What our own run did to the host, as far as we can tell: the last artefact of a run.

use std::time::Duration;

use super::keep::{self, Keeper};
use super::text;
use super::{Evidence, Source, Stop};
use crate::host::clock::Sample;
use crate::host::{Host, read, usage};
use crate::model::{Artefact, Category, Digest, Outcome, Profile, Row};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "footprint",
    category: Category::Run,
    profile: Profile::Volatile,
    budget: Duration::from_secs(10),
    budget_bytes: None,
    source: "/proc/self, /proc/modules, /proc/sys/kernel/tainted, /proc/1/mountinfo, clock_gettime(2)",
    about: "What this run did to the host: what it used, what it could not avoid, whether the kernel changed meanwhile; all clocks again",
    tables: &["footprint"],
};

/// Files of the kernel that should be the same at the end of a run as at its beginning: its taint, its modules, and the
/// mounts of process 1.
const WATCHED: [(&str, &str); 3] = [("taint", "sys/kernel/tainted"), ("modules", "modules"), ("mounts", "1/mountinfo")];

/// Lines of `/proc/self/status` that tell of us.
const STATUS: [&str; 9] =
    ["VmPeak", "VmHWM", "VmSwap", "Threads", "NoNewPrivs", "Seccomp", "Seccomp_filters", "voluntary_ctxt_switches", "CapEff"];

/// Digests of the watched files; `None` where the host lacks one.
type Watched = Vec<(&'static str, Option<Digest>)>;

/// Compares the kernel's state at the end with that at the beginning. To be made when a run begins.
#[derive(Debug, Clone, Default)]
pub struct FootprintSource {
    before: Watched,
}

impl FootprintSource {
    /// Notes the state at the beginning.
    #[must_use]
    pub fn begin(host: &Host) -> Self {
        Self { before: watch(host) }
    }
}

fn watch(host: &Host) -> Watched {
    let digest = |path| host.proc.file(path, read::SMALL).ok().map(|text| Digest::of(&comparable(&text.bytes)));
    WATCHED.into_iter().map(|(what, path)| (what, digest(path))).collect()
}

/// The lines without their order, which says nothing.
fn comparable(text: &[u8]) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = text::lines(text).collect();
    lines.sort_unstable();
    lines.join(&b'\n')
}

impl Source for FootprintSource {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let mut deeds = Deeds { keeper: Keeper { host, evidence } };
        deeds.counted()?;
        deeds.compared(&self.before)?;
        if host.live {
            deeds.clocks()?;
            deeds.used()?;
            deeds.status()?;
            deeds.threads()?;
            deeds.open_files()?;
        }
        Ok(Outcome::ok())
    }
}

/// Writes one row for each deed.
struct Deeds<'a> {
    keeper: Keeper<'a>,
}

impl Deeds<'_> {
    fn new_row(&self, source: &str, what: &str) -> Row {
        let mut row = Row::new(self.keeper.host.clock.now(), source);
        row.text("what", what);
        row
    }

    fn value(&mut self, source: &str, what: &str, value: impl Into<i128>) -> Result<(), Stop> {
        let mut row = self.new_row(source, what);
        row.int("value", value);
        self.keeper.evidence.row("footprint", &row)
    }

    fn detail(&mut self, source: &str, what: &str, detail: &[u8]) -> Result<(), Stop> {
        let mut row = self.new_row(source, what);
        row.bytes("detail", detail);
        self.keeper.evidence.row("footprint", &row)
    }

    fn failed(&mut self, source: &str, what: &'static str, errno: String) -> Result<(), Stop> {
        let mut row = self.new_row(source, what);
        row.error(what, errno);
        self.keeper.evidence.row("footprint", &row)
    }

    /// What was counted and noted where it was done.
    fn counted(&mut self) -> Result<(), Stop> {
        let footprint = std::sync::Arc::clone(&self.keeper.host.footprint);
        for (what, count) in footprint.counts() {
            self.value("self", what, count)?;
        }
        for effect in footprint.notes() {
            self.detail("self", "effect", effect.as_bytes())?;
        }
        Ok(())
    }

    /// All clocks as they are at the end: beside those of the beginning (table `clocks`) they show whether one was set meanwhile.
    fn clocks(&mut self) -> Result<(), Stop> {
        for (name, time, _) in Sample::take().clocks {
            self.value("clock_gettime", &format!("clock_{name}_ns"), time)?;
        }
        Ok(())
    }

    /// Whether the watched files are as they were.
    fn compared(&mut self, before: &Watched) -> Result<(), Stop> {
        for ((what, path), (_, now)) in WATCHED.into_iter().zip(watch(self.keeper.host)) {
            let then = before.iter().find(|(name, _)| *name == what).map(|(_, digest)| *digest);
            let mut row = self.new_row(&format!("/proc/{path}"), what);
            // Without a state at the beginning there is nothing to compare.
            if let Some(then) = then {
                row.flag("changed", then != now).json("before", &then);
            }
            row.json("after", &now);
            self.keeper.evidence.row("footprint", &row)?;
            self.keeper.proc(path)?.ok();
        }
        Ok(())
    }

    fn used(&mut self) -> Result<(), Stop> {
        match usage::own() {
            Ok(used) => {
                self.value("getrusage", "max_rss_bytes", used.max_rss_bytes)?;
                self.value("getrusage", "user_us", used.user_us)?;
                self.value("getrusage", "system_us", used.system_us)?;
                self.value("getrusage", "minor_faults", used.minor_faults)?;
                self.value("getrusage", "major_faults", used.major_faults)?;
                self.value("getrusage", "disk_blocks_read", used.blocks_read)?;
                self.value("getrusage", "disk_blocks_written", used.blocks_written)
            }
            Err(errno) => self.failed("getrusage", "usage", format!("{errno:?}")),
        }
    }

    fn status(&mut self) -> Result<(), Stop> {
        let io = self.keeper.proc("self/io")?;
        for line in text::lines(&io.map(|text| text.bytes).unwrap_or_default()) {
            let mut halves = line.splitn(2, |b| *b == b':');
            let name = keep::shown(halves.next().unwrap_or_default());
            if let Some(value) = halves.next().and_then(text::number) {
                self.value("/proc/self/io", &format!("io_{name}"), value)?;
            }
        }
        let status = self.keeper.proc("self/status")?;
        let status = status.map(|text| text.bytes).unwrap_or_default();
        for name in STATUS {
            if let Some(value) = super::context::field(&status, name) {
                self.detail("/proc/self/status", name, value)?;
            }
        }
        Ok(())
    }

    fn threads(&mut self) -> Result<(), Stop> {
        let host = self.keeper.host;
        let mut threads = host.proc.names("self/task").unwrap_or_default();
        threads.sort_unstable();
        for thread in threads {
            let path = [b"self/task/", thread.as_slice(), b"/comm"].concat();
            let name = host.proc.file(&path, read::SMALL).map(|text| text.bytes).unwrap_or_default();
            self.detail(&keep::shown(&[b"/proc/", path.as_slice()].concat()), "thread", name.trim_ascii_end())?;
        }
        Ok(())
    }

    fn open_files(&mut self) -> Result<(), Stop> {
        let host = self.keeper.host;
        let mut numbers = host.proc.names("self/fd").unwrap_or_default();
        numbers.sort_by_key(|name| text::number(name));
        for number in numbers {
            let path = [b"self/fd/", number.as_slice()].concat();
            // The one with which the folder was listed is closed by now.
            if let Ok(target) = host.proc.link(&path) {
                self.detail(&keep::shown(&[b"/proc/", path.as_slice()].concat()), "open_file", &target)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::recorded::Recorded;
    use proptest::prelude::*;

    fn row<'a>(evidence: &'a Recorded, what: &str) -> &'a serde_json::Value {
        evidence.rows("footprint").iter().find(|row| row["what"] == what).unwrap()
    }

    #[test]
    fn our_own_deeds_are_rows() {
        let host = Host::live().unwrap();
        let source = FootprintSource::begin(&host);
        host.footprint.note("something".to_owned());
        let mut evidence = Recorded::default();
        assert_eq!(source.acquire(&host, &mut evidence), Ok(Outcome::ok()));
        assert!(row(&evidence, "max_rss_bytes")["value"].as_i64().unwrap() > 1 << 20);
        assert_eq!(row(&evidence, "effect")["detail"], "something");
        assert_eq!(row(&evidence, "taint")["changed"], 0);
        for what in ["clock_realtime_ns", "io_rchar", "VmHWM", "thread", "open_file", "Seccomp"] {
            assert_eq!(row(&evidence, what)["status"], "ok", "{what}");
        }
    }

    #[test]
    fn a_change_is_seen_and_an_unknown_beginning_is_not_called_one() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("proc/1")).unwrap();
        std::fs::write(dir.path().join("proc/modules"), "a\nb\n").unwrap();
        std::fs::write(dir.path().join("proc/1/mountinfo"), "1\n2\n").unwrap();
        let host = Host::fixture(dir.path()).unwrap();
        let source = FootprintSource::begin(&host);
        std::fs::write(dir.path().join("proc/modules"), "lime\na\nb\n").unwrap();
        std::fs::write(dir.path().join("proc/1/mountinfo"), "2\n1\n").unwrap();
        let mut evidence = Recorded::default();
        source.acquire(&host, &mut evidence).unwrap();
        assert_eq!((&row(&evidence, "modules")["changed"], &row(&evidence, "mounts")["changed"]), (&1.into(), &0.into()));
        assert_eq!(row(&evidence, "taint")["changed"], 0);
        let mut evidence = Recorded::default();
        FootprintSource::default().acquire(&host, &mut evidence).unwrap();
        assert!(row(&evidence, "modules").get("changed").is_none());
    }

    proptest! {
        #[test]
        fn order_does_not_matter(mut lines in proptest::collection::vec("[a-z]{1,3}", 0..6)) {
            let before = comparable(lines.join("\n").as_bytes());
            lines.reverse();
            prop_assert_eq!(before, comparable(lines.join("\n").as_bytes()));
        }
    }
}
