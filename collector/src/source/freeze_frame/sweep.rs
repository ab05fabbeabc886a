//! Reads all processes on several threads and writes them down in the order of their ids.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::owners::Owners;
use super::process_row::{self, Context};
use super::rows;
use crate::host::{Host, ReadError, Reason, SpareThread};
use crate::model::Gap;
use crate::source::process::capture::Capture;
use crate::source::process::slow::{self, Task};
use crate::source::{Evidence, Stop};

/// Threads that read. More of them only wait for each other inside the kernel.
const READERS: usize = 2;
/// Processes that are read and handed over together: a hand-over costs as much as reading one of them.
const BATCH: usize = 8;
/// Batches that each thread may be ahead: few, because a process may hold megabytes.
const AHEAD: usize = 1;
/// How long the reads of one process that may hang are waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// The same after several processes have used it up, so that a host full of wedged ones does not eat the budget.
const LITTLE_PATIENCE: Duration = Duration::from_millis(100);
/// Processes for which a thread has patience.
const PATIENT_FOR: usize = 3;

/// Reads the processes `pids` and writes their rows and raw bytes.
pub(super) fn processes(host: &Host, pids: &[i32], owners: &mut Owners, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    let context = Context::read(host);
    let readers: Vec<Receiver<Vec<Capture>>> = (0..READERS).map(|first| spawn(host, pids, first)).collect();
    let mut refused = Refused::default();
    let total = u64::try_from(pids.len()).unwrap_or(u64::MAX);
    let (mut result, mut written) = (Ok(()), 0);
    for (batch, reader) in pids.chunks(BATCH).zip(readers.iter().cycle()) {
        result = receive(reader, batch, host, evidence).and_then(|captures| {
            captures.iter().try_for_each(|capture| {
                refused.add(capture);
                owners.add(capture.pid, &capture.fds);
                evidence.progress(written, total);
                written += 1;
                write(capture, &context, evidence)
            })
        });
        if result.is_err() {
            break;
        }
    }
    refused.tell(evidence);
    evidence.progress(total, total);
    result
}

/// A thread that reads every [`READERS`]th batch from the `first` on, ahead of whoever receives them.
fn spawn(host: &Host, pids: &[i32], first: usize) -> Receiver<Vec<Capture>> {
    let (sender, receiver) = bounded(AHEAD);
    let share: Vec<Vec<i32>> = pids.chunks(BATCH).skip(first).step_by(READERS).map(<[i32]>::to_vec).collect();
    let host = host.clone();
    // If no thread can be made, the channel is dropped and every process of its share becomes a gap.
    let _ = std::thread::Builder::new().name("hozen-sweep".to_owned()).spawn(move || read_share(&host, &share, &sender));
    receiver
}

fn read_share(host: &Host, share: &[Vec<i32>], sender: &Sender<Vec<Capture>>) {
    let (mut spare, mut timeouts) = (host.spare_thread(), 0);
    for batch in share {
        let captures = read_batch(host, batch, &mut spare, timeouts);
        timeouts += captures.iter().filter(|capture| capture.timed_out).count();
        // Nobody receives any more: the run has ended this artefact.
        if sender.send(captures).is_err() {
            return;
        }
    }
}

fn read_batch(host: &Host, batch: &[i32], spare: &mut SpareThread, timeouts: usize) -> Vec<Capture> {
    let begin = |pid: &i32| match host.proc.process(*pid) {
        Ok(process) => Capture::begin(process, host.clock.now(), host.live),
        Err(error) => (Capture::unreadable(*pid, host.clock.now(), error), None),
    };
    let mut begun: Vec<(Capture, Option<Arc<Task>>)> = batch.iter().map(begin).collect();
    let tasks: Vec<Arc<Task>> = begun.iter().filter_map(|(_, task)| task.clone()).collect();
    slow::run(&tasks, spare, || if timeouts < PATIENT_FOR { PATIENCE } else { LITTLE_PATIENCE });
    for (capture, task) in &mut begun {
        if let Some(task) = task {
            capture.end(task);
        }
    }
    begun.into_iter().map(|(capture, _)| capture).collect()
}

/// The next batch of `reader`, which is that of the processes `pids`.
fn receive(reader: &Receiver<Vec<Capture>>, pids: &[i32], host: &Host, evidence: &dyn Evidence) -> Result<Vec<Capture>, Stop> {
    loop {
        evidence.check()?;
        match reader.recv_timeout(Duration::from_millis(200)) {
            Ok(captures) => return Ok(captures),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                let error = |pid: i32| ReadError::new(format!("/proc/{pid}").as_bytes(), Reason::Timeout);
                return Ok(pids.iter().map(|pid| Capture::unreadable(*pid, host.clock.now(), error(*pid))).collect());
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
