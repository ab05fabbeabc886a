//! The memory of one process: opened, looked at, planned, streamed, and told of.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::area::{self, Area};
use super::core::{Came, CoreReader, Piece};
use super::elf::{self, Info};
use super::plan::{Fate, Plan, Run};
use super::rows;
use super::select::{Chosen, is_own};
use crate::host::read::Bytes;
use crate::host::sys::PageRegion;
use crate::host::{AddressSpace, Host, Process, ReadError, Reason, SpareThread, read};
use crate::model::row::RowStatus;
use crate::model::{Gap, Row};
use crate::source::process::{stat, status};
use crate::source::process_memory_map::{self, parse};
use crate::source::{Evidence, Member, Stop};

/// The longest that one question about a process may take.
const LIMIT: Duration = Duration::from_secs(5);
/// How long one job looks at page tables before it hands over what it has.
const SLICE: Duration = Duration::from_millis(200);
/// Gaps that are named one by one for each process.
const NAMED_GAPS: usize = 8;

/// How it ended with one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// All that was to be kept is there.
    Ok,
    /// Some of it is missing; gaps and rows say what.
    Partial,
    /// There is no such process, or not any more.
    Vanished,
    /// The kernel did not let us.
    Denied,
    /// It has no memory of its own.
    None,
    /// It was left out.
    Skipped,
    /// It could not be read.
    Failed,
}

impl Ended {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Partial => "partial",
            Self::Vanished => "vanished",
            Self::Denied => "denied",
            Self::None => "no-memory",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

/// Takes the memory of processes, one after the other.
pub(super) struct Dumper<'a> {
    pub(super) host: &'a Host,
    pub(super) spare: SpareThread,
    /// The most bytes that are kept of one process.
    pub(super) process_limit: u64,
    /// Bytes that may still be kept of all that follow.
    pub(super) left: u64,
}

/// A process whose memory is open.
struct Opened {
    process: Arc<Process>,
    space: Arc<AddressSpace>,
    map: Bytes,
    info: Info,
    start_ticks: Option<u64>,
    exe: Option<Vec<u8>>,
}

/// Why there is nothing of a process.
enum Nothing {
    Because(Ended, &'static str),
    Error(ReadError),
}

impl From<ReadError> for Nothing {
    fn from(error: ReadError) -> Self {
        Self::Error(error)
    }
}

impl Dumper<'_> {
    /// Takes the memory of one process and writes its row.
    pub(super) fn process(&mut self, chosen: &Chosen, evidence: &mut dyn Evidence) -> Result<Ended, Stop> {
        let mut row = Row::new(self.host.clock.now(), format!("/proc/{}", chosen.pid));
        row.int("pid", chosen.pid).json("why", &chosen.why);
        let result = match self.open(chosen.pid, &mut row) {
            Ok(opened) => self.take(&opened, &mut row, evidence),
            Err(Nothing::Because(ended, reason)) => {
                row.text("reason", reason);
                Ok(ended)
            }
            Err(Nothing::Error(error)) => Ok(self.refused(chosen, &error, &mut row, evidence)),
        };
        // A run that ends meanwhile still gets the row of what it has.
        row.text("outcome", result.map_or("cut", Ended::word));
        let written = evidence.row("process_memory", &row);
        let ended = result?;
        written.map(|()| ended)
    }

    /// Opens the process. Its memory before its map: what is then mapped anew is not in the core, what is gone reads as gone.
    fn open(&mut self, pid: i32, row: &mut Row) -> Result<Opened, Nothing> {
        let process = Arc::new(self.host.proc.process(pid)?);
        let text = process.file("stat", read::SMALL)?.bytes;
        let stat = stat::parse(&text).ok_or_else(|| {
            ReadError::new(process.path("stat").as_bytes(), Reason::Malformed("not the form of a stat file".to_owned()))
        })?;
        let exe = process.link("exe").ok();
        row.bytes("name", stat.comm).int("start_ticks", stat.start_ticks);
        if let Some(exe) = &exe {
            row.bytes("path", exe);
        }
        if is_own(&process, self.host) {
            return Err(Nothing::Because(Ended::Skipped, "this is Hozen itself"));
        }
        if stat.is_kthread() || stat.is_zombie() {
            return Err(Nothing::Because(Ended::None, "a thread of the kernel, or a zombie: it has no memory of its own"));
        }
        if self.left == 0 {
            return Err(Nothing::Because(Ended::Skipped, "the limit on bytes of all processes is spent"));
        }
        let owned = Arc::clone(&process);
        let open = move || AddressSpace::open(&owned).map(Arc::new);
        let space = self.spare.read(LIMIT, process.path("mem").as_bytes(), open)?;
        let map = process_memory_map::read(&process, "smaps", &mut self.spare)?;
        let info = self.info(&process, &stat);
        Ok(Opened { start_ticks: Some(stat.start_ticks), info, exe, map, space, process })
    }

    fn info(&mut self, process: &Arc<Process>, stat: &stat::ProcStat<'_>) -> Info {
        let owned = Arc::clone(process);
        let cmdline = self.spare.read(LIMIT, process.path("cmdline").as_bytes(), move || owned.file("cmdline", 4096));
        let ids = process.file("status", read::SMALL).map(|text| status::parse(&text.bytes)).unwrap_or_default();
        Info {
            state: stat.state,
            nice: i8::try_from(stat.nice).unwrap_or(0),
            flags: u64::from(stat.flags),
            uid: ids.uid.map_or(0, |[real, ..]| real),
            gid: ids.gid.map_or(0, |[real, ..]| real),
            pid: stat.pid,
            ppid: stat.ppid,
            pgrp: stat.pgrp,
            session: stat.session,
            name: stat.comm.to_vec(),
            cmdline: cmdline.map(|cmdline| cmdline.bytes).unwrap_or_default(),
        }
    }

    fn refused(&self, chosen: &Chosen, error: &ReadError, row: &mut Row, evidence: &mut dyn Evidence) -> Ended {
        let mut reason = error.to_string();
        if error.is_gone() {
            row.text("reason", &reason).status(RowStatus::Vanished);
            // Of what was named something is missing; of what only was there when we looked, nothing.
            if chosen.why.contains(&"asked") {
                evidence.gap(Gap::whole(format!("/proc/{}", chosen.pid).as_bytes(), "there is no such process"));
            }
            return Ended::Vanished;
        }
        if error.is_denied() && is_closed_by_yama(self.host) {
            reason.push_str("; kernel.yama.ptrace_scope is 3: no process may read another's memory until the next boot");
        }
        let gap = Gap::whole(&error.path, reason.as_str());
        evidence.gap(if error.is_denied() { gap.refused() } else { gap });
        row.text("reason", &reason).error("mem", error.reason.word());
        if error.is_denied() { Ended::Denied } else { Ended::Failed }
    }

    /// Plans and streams.
    fn take(&mut self, opened: &Opened, row: &mut Row, evidence: &mut dyn Evidence) -> Result<Ended, Stop> {
        let page = opened.space.page();
        let (mut plan, looked) = self.plan(opened, evidence)?;
        let mut whole = self.tell_of_plan(opened, &plan, &looked, evidence);
        let beyond = plan.limit(self.process_limit.min(self.left), page);
        if beyond > 0 {
            let reason =
                format!("beyond the limit of {} bytes for one process and {} for all that follow", self.process_limit, self.left);
            evidence.gap(Gap { length: Some(beyond), ..Gap::whole(opened.process.path("mem").as_bytes(), reason) });
            whole = false;
        }
        self.left -= plan.bytes(Run::is_kept).min(self.left);
        columns(&plan, page, row);
        let streamed = self.stream(opened, &plan, row, evidence);
        self.after(opened, row);
        Ok(if streamed? && whole { Ended::Ok } else { Ended::Partial })
    }

    /// Looks at all areas. The second value tells why not all of them were looked at, if so.
    fn plan(&mut self, opened: &Opened, evidence: &dyn Evidence) -> Result<(Plan, Option<ReadError>), Stop> {
        let page = opened.space.page();
        let mappings = parse::mappings(&opened.map.bytes).0;
        let mut areas: Vec<Area> = mappings.iter().filter_map(|mapping| Area::new(mapping, page)).collect();
        let unasked = area::ask(&mut areas, &opened.process, &mut self.spare);
        let mut plan = Plan { unasked, ..Plan::of(areas) };
        let wanted = |area: &Area| area.never().is_none() && area.may_hold_pages;
        let wanted: Vec<(usize, u64, u64)> =
            (0..).zip(&plan.areas).filter(|(_, area)| wanted(area)).map(|(at, area)| (at, area.start, area.end)).collect();
        let (wanted, mut place) = (Arc::new(wanted), (0, 0));
        while place.0 < wanted.len() && !plan.is_cut {
            evidence.check()?;
            let (space, list) = (Arc::clone(&opened.space), Arc::clone(&wanted));
            let path = opened.process.path("pagemap").into_bytes();
            let job = {
                let path = path.clone();
                move || read::named(&path, look(&space, &list, place))
            };
            match self.spare.read(LIMIT, &path, job) {
                Ok((looks, next)) => {
                    looks.iter().for_each(|(area, regions)| plan.add(*area, regions));
                    place = next;
                }
                Err(error) => return Ok((plan, Some(error))),
            }
        }
        Ok((plan, None))
    }

    /// Whether the plan has all that there is.
    fn tell_of_plan(&self, opened: &Opened, plan: &Plan, looked: &Option<ReadError>, evidence: &mut dyn Evidence) -> bool {
        let mut reasons: Vec<(String, String)> = Vec::new();
        if let Some(error) = looked {
            reasons.push((opened.process.path("pagemap"), format!("not all of it was looked at: {}", error.reason)));
        }
        if opened.map.truncated {
            reasons.push((
                opened.process.path("smaps"),
                "longer than what is read; mappings behind that are not in the core".to_owned(),
            ));
        }
        if plan.is_cut {
            reasons.push((opened.process.path("pagemap"), "its pages lie in more places than are told apart".to_owned()));
        }
        let odd = plan.areas.iter().filter(|area| area.is_unasked() && area.is_odd_below_dev()).count();
        if odd > 0 {
            let why = plan.unasked.as_ref().map(|error| error.reason.to_string()).unwrap_or_default();
            let reason =
                format!("{odd} mappings below /dev, of code or deleted files, were not read, for they may be of devices: {why}");
            reasons.push((opened.process.path("map_files"), reason));
        }
        for (path, reason) in &reasons {
            evidence.gap(Gap::whole(path.as_bytes(), reason.as_str()));
        }
        reasons.is_empty()
    }

    /// Writes the map, the core file and the rows of its pages; true if all of it was read.
    fn stream(&mut self, opened: &Opened, plan: &Plan, row: &mut Row, evidence: &mut dyn Evidence) -> Result<bool, Stop> {
        let (host, page) = (self.host, opened.space.page());
        let name = format!("/.hozen/process/{}", opened.process.pid);
        evidence.raw(&Member::pseudo(format!("{name}.smaps").as_bytes()), &opened.map.bytes)?;
        let auxv = self.auxv(&opened.process);
        let head = elf::head(plan, &opened.info, &auxv, page);
        let head_length = u64::try_from(head.len()).unwrap_or(u64::MAX);
        let size = head_length + plan.bytes(Run::is_kept);
        let member = format!("{name}.core");
        row.text("core", &member).int("core_bytes", size);
        let mut reader = CoreReader::new(&opened.process, &opened.space, plan, head, &mut self.spare);
        let streamed = evidence.raw_stream(&Member::pseudo(member.as_bytes()), size, &mut reader);
        let pieces = reader.pieces();
        let cut = streamed.map_or(true, |streamed| streamed.read < size);
        if let Ok(streamed) = streamed
            && !cut
        {
            row.text("core_sha256", &streamed.sha256.to_string());
        }
        let stretches = rows::stretches(plan, &pieces, head_length, "the core file was cut off before it");
        let whole = tell_of_pieces(&pieces, &member, evidence) && !cut;
        let lost = stretches.iter().filter(|stretch| stretch.state == "unreadable");
        row.int("pages_unreadable", lost.map(|stretch| stretch.end - stretch.start).sum::<u64>() / page);
        let written = rows::write(host, opened.process.pid, &stretches, evidence);
        streamed?;
        written.map(|()| whole)
    }

    fn auxv(&mut self, process: &Arc<Process>) -> Vec<u8> {
        let owned = Arc::clone(process);
        let auxv = self.spare.read(LIMIT, process.path("auxv").as_bytes(), move || owned.file("auxv", 64 << 10));
        auxv.map(|auxv| auxv.bytes).unwrap_or_default()
    }

    /// Whether it is still the process that it was: the directory in `/proc` belongs to it alone, so all that can have changed is
    /// that it ended or executed another program.
    fn after(&self, opened: &Opened, row: &mut Row) {
        let text = opened.process.file("stat", read::SMALL).map(|text| text.bytes).unwrap_or_default();
        let start = stat::parse(&text).map(|stat| stat.start_ticks);
        row.flag("alive_after", start.is_some() && start == opened.start_ticks);
        row.flag("executed_meanwhile", start.is_some() && opened.process.link("exe").ok() != opened.exe);
    }
}

/// What a job returns: regions by area, and where the next job goes on.
type Looks = (Vec<(usize, Vec<PageRegion>)>, (usize, u64));

/// Looks at areas from `place` on (number in the list, address) for a while.
fn look(space: &AddressSpace, areas: &[(usize, u64, u64)], place: (usize, u64)) -> Result<Looks, nix::errno::Errno> {
    let (began, mut looks, (mut at, mut address)) = (Instant::now(), Vec::new(), place);
    while let Some((area, start, end)) = areas.get(at).filter(|_| began.elapsed() < SLICE) {
        let look = space.look(address.max(*start), *end)?;
        looks.push((*area, look.regions));
        (at, address) = if look.until >= *end { (at + 1, 0) } else { (at, look.until) };
    }
    Ok((looks, (at, address)))
}

fn columns(plan: &Plan, page: u64, row: &mut Row) {
    let pages = |wanted: &dyn Fn(&Run) -> bool| plan.bytes(wanted) / page;
    row.int("page_bytes", page).int("pages_resident", pages(&|run| run.fate != Fate::Swapped));
    row.int("pages_kept", pages(&Run::is_kept)).int("pages_swapped", pages(&|run| run.fate == Fate::Swapped));
    row.int("pages_of_files", pages(&|run| run.fate == Fate::File));
    row.int("pages_beyond_limit", pages(&|run| run.fate == Fate::Beyond));
    let never = plan.areas.iter().filter(|area| area.never().is_some()).count();
    let count = |count: usize| i128::try_from(count).unwrap_or(i128::MAX);
    row.int("mappings", count(plan.areas.len())).int("mappings_never_read", count(never));
}

/// Names what is zeros in the core file and no page; true if nothing is.
fn tell_of_pieces(pieces: &[Piece], member: &str, evidence: &mut dyn Evidence) -> bool {
    let lost: Vec<&Piece> = pieces.iter().filter(|piece| piece.came != Came::Read).collect();
    for piece in lost.iter().take(NAMED_GAPS) {
        let reason = match piece.came {
            Came::Unreadable(errno) => format!("pages at {:#x}: {errno}; zeros stand in their place", piece.start),
            _ => format!("pages at {:#x} were no longer in memory when they were read; zeros stand in their place", piece.start),
        };
        evidence.gap(Gap::from(member.as_bytes(), piece.offset, Some(piece.end - piece.start), reason));
    }
    let rest: u64 = lost.iter().skip(NAMED_GAPS).map(|piece| piece.end - piece.start).sum();
    if rest > 0 {
        let reason = "more pages of the same kind; the table process_memory_pages names each";
        evidence.gap(Gap { length: Some(rest), ..Gap::whole(member.as_bytes(), reason) });
    }
    lost.is_empty()
}

/// Whether the Yama security module forbids every process to look into another (Documentation/admin-guide/LSM/Yama.rst).
fn is_closed_by_yama(host: &Host) -> bool {
    host.proc.file("sys/kernel/yama/ptrace_scope", 64).is_ok_and(|text| text.bytes.trim_ascii() == b"3")
}
