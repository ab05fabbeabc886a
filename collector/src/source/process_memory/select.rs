//! Which processes' memory is taken, and why. A reason is a fact that can be checked in other tables, never a verdict.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::area::{self, Area};
use crate::host::{Host, Process, ReadError, SpareThread, Warden, physical, read};
use crate::model::{Gap, escape};
use crate::source::executables::Hasher;
use crate::source::process::{kernel_name, link, stat};
use crate::source::process_memory_map::{self, parse};
use crate::source::{Evidence, Stop, hidden};

/// The longest that the command line of a process may take.
const LIMIT: Duration = Duration::from_secs(2);

/// Whose memory is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Which {
    /// Nobody's.
    #[default]
    Nobody,
    /// That of these processes.
    Pids(Vec<i32>),
    /// That of every process.
    All,
    /// That of every process of which something is out of the ordinary.
    Suspicious,
}

impl FromStr for Which {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let pid = |text: &str| text.parse::<i32>().ok().filter(|pid| *pid > 0 && text.bytes().all(|b| b.is_ascii_digit()));
        match text {
            "off" => Ok(Self::Nobody),
            "all" => Ok(Self::All),
            "suspicious" => Ok(Self::Suspicious),
            list => list.split(',').map(pid).collect::<Option<Vec<_>>>().map(Self::Pids).ok_or_else(|| {
                format!(
                    "{:?} names no processes; write their ids (17,4711), all, suspicious or off",
                    escape::bytes(text.as_bytes())
                )
            }),
        }
    }
}

impl TryFrom<String> for Which {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Which> for String {
    fn from(which: Which) -> Self {
        which.to_string()
    }
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody => f.write_str("off"),
            Self::All => f.write_str("all"),
            Self::Suspicious => f.write_str("suspicious"),
            Self::Pids(pids) => f.write_str(&pids.iter().map(i32::to_string).collect::<Vec<_>>().join(",")),
        }
    }
}

/// A process that was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chosen {
    /// Its id.
    pub(super) pid: i32,
    /// Why: `asked`, `all`, and what is out of the ordinary with it.
    pub(super) why: Vec<&'static str>,
}

/// Chooses processes. Those of which something is out of the ordinary go first, because a limit may hold back the rest.
pub(super) fn choose(which: &Which, listed: &[i32], host: &Host, evidence: &mut dyn Evidence) -> Result<Vec<Chosen>, Stop> {
    let (pids, first): (Vec<i32>, Option<&'static str>) = match which {
        Which::Nobody => return Ok(Vec::new()),
        Which::Pids(pids) => (pids.clone(), Some("asked")),
        Which::All => (listed.to_vec(), Some("all")),
        Which::Suspicious => (listed.to_vec(), None),
    };
    let hidden = hidden::pids(host, evidence)?;
    let mut all: Vec<i32> = if matches!(which, Which::Pids(_)) { Vec::new() } else { hidden.iter().copied().collect() };
    all.extend(pids);
    let mut seen = BTreeSet::new();
    all.retain(|pid| seen.insert(*pid));
    let mut look = Look { host, spare: host.spare_thread(), hasher: Hasher::new(host, Arc::default()) };
    let (mut chosen, total) = (Vec::new(), u64::try_from(all.len()).unwrap_or(u64::MAX));
    for (done, pid) in (1_u64..).zip(all) {
        evidence.check()?;
        let mut facts = look.facts(pid, evidence);
        if hidden.contains(&pid) {
            facts.get_or_insert_default().push("hidden");
        }
        // A list names even what has no memory; `all` and `suspicious` mean what has.
        if let Some(facts) = facts.or_else(|| matches!(which, Which::Pids(_)).then(Vec::new)) {
            let why: Vec<&'static str> = first.into_iter().chain(facts).collect();
            chosen.extend((!why.is_empty()).then_some(Chosen { pid, why }));
        }
        evidence.progress(done, total);
    }
    chosen.sort_by_key(|one| one.why.len() <= usize::from(first.is_some()));
    Ok(chosen)
}

/// Looks at processes.
struct Look<'a> {
    host: &'a Host,
    spare: SpareThread,
    hasher: Hasher,
}

impl Look<'_> {
    /// What is out of the ordinary with a process. `None` where it has no memory of its own: a thread of the kernel, a zombie,
    /// one that has ended, and this program itself.
    fn facts(&mut self, pid: i32, evidence: &mut dyn Evidence) -> Option<Vec<&'static str>> {
        let process = match self.host.proc.process(pid) {
            Ok(process) => Arc::new(process),
            Err(error) => return missing(&error, evidence),
        };
        let text = process.file("stat", read::SMALL).ok()?.bytes;
        let no_memory = stat::parse(&text).is_none_or(|stat| stat.is_kthread() || stat.is_zombie());
        if no_memory || is_own(&process, self.host) {
            return None;
        }
        let mut facts = self.executable(&process);
        match process_memory_map::read(&process, "maps", &mut self.spare) {
            Ok(map) => {
                let mut areas = areas(&map.bytes);
                // What cannot be asked is a fact as well, and a gap of its memory.
                area::ask(&mut areas, &process, &mut self.spare);
                facts.extend(of_map(&areas));
            }
            Err(error) => drop(missing(&error, evidence)),
        }
        Some(facts)
    }

    fn executable(&mut self, process: &Arc<Process>) -> Vec<&'static str> {
        let Ok(exe) = process.link("exe") else { return Vec::new() };
        let mut facts = Vec::new();
        if link::is_memfd(&exe) {
            facts.push("exe-memfd");
        } else {
            let is_deleted = link::is_deleted(&exe, None);
            // What has lost its path to another file by a rename is called deleted by the kernel.
            let is_replaced = self.hasher.is_replaced(process, exe.strip_suffix(link::DELETED).unwrap_or(&exe));
            let both = [(is_deleted, "exe-deleted"), (is_replaced, "exe-replaced")];
            facts.extend(both.into_iter().filter(|(is, _)| *is).map(|(_, fact)| fact));
        }
        let owned = Arc::clone(process);
        let cmdline = self.spare.read(LIMIT, process.path("cmdline").as_bytes(), move || owned.file("cmdline", 4096));
        // As ps shows threads of the kernel, which have no command line at all.
        if cmdline.is_ok_and(|cmdline| kernel_name::is_in_brackets(&cmdline.bytes)) {
            facts.push("named-as-kernel-thread");
        }
        facts
    }
}

/// Notes what could not be looked at; what has ended is no gap.
fn missing(error: &ReadError, evidence: &mut dyn Evidence) -> Option<Vec<&'static str>> {
    if !error.is_gone() {
        let gap = Gap::whole(&error.path, format!("whether its memory is of interest is not known: {}", error.reason));
        evidence.gap(if error.is_denied() { gap.refused() } else { gap });
    }
    None
}

/// Whether it is this program: a process, one of its threads, or the process that watches over it.
pub(super) fn is_own(process: &Process, host: &Host) -> bool {
    let status = process.file("status", read::SMALL).map(|text| crate::source::process::status::parse(&text.bytes));
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    process.pid == own
        || host.loaded.warden().map(Warden::pid) == Some(process.pid)
        || status.is_ok_and(|status| status.tgid == Some(own))
}

fn areas(text: &[u8]) -> Vec<Area> {
    let page = physical::page_size();
    parse::mappings(text).0.iter().filter_map(|mapping| Area::new(mapping, page)).collect()
}

/// What is out of the ordinary in a memory map.
fn of_map(areas: &[Area]) -> Vec<&'static str> {
    let any = |is: fn(&Area) -> bool| areas.iter().filter(|area| area.never().is_none()).any(is);
    let facts = [
        (any(Area::is_anonymous_code), "anonymous-code"),
        (any(Area::is_writable_code), "writable-code"),
        (any(Area::is_loose_code), "code-of-deleted-file"),
        (areas.iter().any(Area::is_odd_below_dev), "file-below-dev"),
    ];
    facts.into_iter().filter(|(is, _)| *is).map(|(_, fact)| fact).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_words_are_read_and_all_else_is_refused() {
        let which = |text: &str| text.parse::<Which>();
        assert_eq!(which("17,4711"), Ok(Which::Pids(vec![17, 4711])));
        assert_eq!((which("all"), which("suspicious"), which("off")), (Ok(Which::All), Ok(Which::Suspicious), Ok(Which::Nobody)));
        for wrong in ["", "0", "-1", "+1", "1,", "1 2", "All", "99999999999", "self"] {
            assert!(which(wrong).unwrap_err().contains("suspicious"), "{wrong}");
        }
        assert_eq!(serde_json::to_string(&which("7,8").unwrap()).unwrap(), "\"7,8\"");
    }

    #[test]
    fn maps_show_code_that_no_file_holds() {
        let of_map = |text: &[u8]| of_map(&areas(text));
        assert!(
            of_map(b"1000-2000 r-xp 0 08:01 9 /bin/x\n2000-3000 rw-p 0 00:00 0\n3000-4000 r-xp 0 00:00 0 [vdso]\n").is_empty()
        );
        assert_eq!(of_map(b"1000-2000 rwxp 0 00:00 0 [heap]\n"), ["anonymous-code", "writable-code"]);
        assert_eq!(of_map(b"1000-2000 r-xp 0 08:01 9 /tmp/preload.so (deleted)\n"), ["code-of-deleted-file"]);
        assert_eq!(of_map(b"1000-2000 r-xp 0 00:01 9 /memfd:x (deleted)\n"), ["code-of-deleted-file"]);
        assert_eq!(of_map(b"1000-2000 r-xp 0 00:05 9 /dev/.x/agent\n2000-3000 rw-s 0 00:05 8 /dev/mem\n"), ["file-below-dev"]);
        assert!(of_map(b"1000-2000 rw-s 0 00:05 9 /dev/dri/card0\n").is_empty());
    }

    #[test]
    fn this_program_is_never_chosen() {
        let host = Host::live().unwrap();
        let own = i32::try_from(std::process::id()).unwrap();
        let mut evidence = crate::source::recorded::Recorded::default();
        let chosen = choose(&Which::All, &host.proc.pids().unwrap(), &host, &mut evidence).unwrap();
        assert!(!chosen.is_empty() && chosen.iter().all(|one| one.pid != own && one.pid != 2));
        let ordinary = chosen.iter().map(|one| one.why.len() == 1);
        assert!(ordinary.is_sorted(), "what is out of the ordinary goes first");
    }
}
