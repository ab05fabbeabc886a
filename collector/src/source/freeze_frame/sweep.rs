//! Reads all processes on several threads and writes them down in the order of their ids.

use std::collections::BTreeMap;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::owners::Owners;
use super::process_row::{self, Context};
use super::rows;
use crate::host::{Host, ReadError, Reason};
use crate::model::Gap;
use crate::source::process::capture::Capture;
use crate::source::{Evidence, Stop};

/// Threads that read. More of them only wait for each other inside the kernel.
const READERS: usize = 2;
/// Processes that each thread may be ahead: few, because one of them may hold megabytes.
const AHEAD: usize = 4;
/// How long the reads of one process that may hang are waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// The same after several processes have used it up, so that a host full of wedged ones does not eat the budget.
const LITTLE_PATIENCE: Duration = Duration::from_millis(100);
/// Processes for which a thread has patience.
const PATIENT_FOR: u32 = 3;

/// Reads the processes `pids` and writes their rows and raw bytes.
pub(super) fn processes(host: &Host, pids: &[i32], owners: &mut Owners, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    let context = Context::read(host);
    let readers: Vec<Receiver<Capture>> = (0..READERS).map(|first| spawn(host, pids, first)).collect();
    let mut refused = Refused::default();
    let total = u64::try_from(pids.len()).unwrap_or(u64::MAX);
    let mut result = Ok(());
    for ((pid, reader), done) in pids.iter().zip(readers.iter().cycle()).zip(0..) {
        evidence.progress(done, total);
        result = receive(reader, *pid, host, evidence).and_then(|capture| {
            refused.add(&capture);
            owners.add(capture.pid, &capture.fds);
            write(&capture, &context, evidence)
        });
        if result.is_err() {
            break;
        }
    }
    refused.tell(evidence);
    evidence.progress(total, total);
    result
}

/// A thread that reads every [`READERS`]th process from the `first` on, ahead of whoever receives them.
fn spawn(host: &Host, pids: &[i32], first: usize) -> Receiver<Capture> {
    let (sender, receiver) = bounded(AHEAD);
    let share: Vec<i32> = pids.iter().skip(first).step_by(READERS).copied().collect();
    let host = host.clone();
    // If no thread can be made, the channel is dropped and every process of its share becomes a gap.
    let _ = std::thread::Builder::new().name("hozen-sweep".to_owned()).spawn(move || read_share(&host, &share, &sender));
    receiver
}

fn read_share(host: &Host, share: &[i32], sender: &Sender<Capture>) {
    let mut watchdog = host.watchdog();
    let mut timeouts = 0;
    for pid in share {
        let time = host.clock.now();
        let limit = if timeouts < PATIENT_FOR { PATIENCE } else { LITTLE_PATIENCE };
        let capture = match host.proc.process(*pid) {
            Ok(process) => Capture::read(process, time, host.live, &mut watchdog, limit),
            Err(error) => Capture::unreadable(*pid, time, error),
        };
        timeouts += u32::from(capture.timed_out);
        // Nobody receives any more: the run has ended this artefact.
        if sender.send(capture).is_err() {
            return;
        }
    }
}

/// The next process of `reader`, which is `pid`.
fn receive(reader: &Receiver<Capture>, pid: i32, host: &Host, evidence: &dyn Evidence) -> Result<Capture, Stop> {
    loop {
        evidence.check()?;
        match reader.recv_timeout(Duration::from_millis(200)) {
            Ok(capture) => return Ok(capture),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                let error = ReadError::new(format!("/proc/{pid}").as_bytes(), Reason::Timeout);
                return Ok(Capture::unreadable(pid, host.clock.now(), error));
            }
        }
    }
}

fn write(capture: &Capture, context: &Context, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    capture.keep(evidence)?;
    evidence.row("processes", &process_row::row(capture, context))?;
    rows::open_files(capture, evidence)?;
    rows::namespaces(capture, evidence)
}

/// What the kernel refused, gathered: without privileges every process refuses the same files, and a gap for each of them
/// would bury the others. Each row names its own errors.
#[derive(Debug, Default)]
struct Refused {
    by_file: BTreeMap<(&'static str, String, bool), Vec<i32>>,
}

impl Refused {
    fn add(&mut self, capture: &Capture) {
        for (name, error) in capture.errors() {
            self.by_file.entry((name, error.reason.to_string(), error.is_denied())).or_default().push(capture.pid);
        }
    }

    /// One gap for all files that the same processes refuse for the same reason.
    fn tell(self, evidence: &mut dyn Evidence) {
        let mut by_pids: BTreeMap<(Vec<i32>, String, bool), Vec<&'static str>> = BTreeMap::new();
        for ((name, reason, denied), pids) in self.by_file {
            by_pids.entry((pids, reason, denied)).or_default().push(name);
        }
        for ((pids, reason, denied), names) in by_pids {
            let names = names.join(",");
            let (source, reason) = match pids.as_slice() {
                [pid] => (format!("/proc/{pid}/{{{names}}}"), reason),
                pids => (format!("/proc/*/{{{names}}}"), format!("{reason}: {} processes, {}", pids.len(), first(pids))),
            };
            let gap = Gap::whole(source.as_bytes(), reason);
            evidence.gap(if denied { gap.refused() } else { gap });
        }
    }
}

/// The first of many ids.
fn first(pids: &[i32]) -> String {
    let mut shown: Vec<String> = pids.iter().take(20).map(ToString::to_string).collect();
    if pids.len() > shown.len() {
        shown.push("…".to_owned());
    }
    shown.join(" ")
}
