//! LiME: the module is handed to the kernel, and the kernel hands its memory to us through a pipe.
//!
//! **Invariant:** however a capture ends, the way in is closed, the module is unloaded, and where it could not be, the
//! footprint says so.

mod format;
mod framing;
mod load;
pub(super) mod module;
pub(super) mod relay;

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

pub(super) use format::{HEADER, header};

use self::module::ModuleInfo;
use super::chunk::{Chunk, Lens, Raw};
use super::running::Kernel;
#[cfg(any(test, feature = "test-util"))]
use crate::host::Clock;
use crate::host::inflow::Inflow;
use crate::host::kmsg::{Kmsg, Step};
use crate::host::{Host, ReadError, read};
use crate::model::PhysRange;
use crate::source::Stop;

/// How long it may be silent.
const SILENCE: Duration = Duration::from_secs(60);
/// The most of the kernel's log that is kept.
const MOST_LOG: usize = 1 << 20;
/// How long it is read: somebody may write to it faster than we read.
const LOG_LIMIT: Duration = Duration::from_secs(2);

/// What a capture by LiME left behind, the image not counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Report {
    /// The parameters of the module.
    pub parameters: String,
    /// Why there was no stream, if there was none.
    pub refused: Option<String>,
    /// What went wrong with the stream.
    pub faults: Vec<String>,
    /// Why what came is not of LiME, if it cannot be.
    pub foreign: Option<String>,
    /// Records of the kernel's log that came meanwhile.
    pub log: Vec<u8>,
    /// Why records are missing in `log`, if some are.
    pub log_lost: Option<String>,
    /// `/proc/sys/kernel/tainted` before and after.
    pub taint: (Option<i64>, Option<i64>),
    /// Whether the module is gone.
    pub unloaded: bool,
}

/// Loads `module`, takes its stream and unloads it. Chunks go to `take` in the order of their addresses.
pub(super) fn capture(
    host: &Host,
    module: &[u8],
    ram: &[PhysRange],
    lens: &Lens,
    take: &mut dyn FnMut(Chunk) -> Result<Vec<u8>, Stop>,
) -> (Report, Result<(), Stop>) {
    let mut log = Kmsg::open().and_then(Kmsg::at_end);
    let mut report = Report { taint: (taint(host), None), ..Report::default() };
    let _ending = Ending(host);
    let (result, is_socket) = match load::load(host, module, &mut report.parameters) {
        Ok(inflow) => (drain(&inflow, SILENCE, ram, lens, take, &mut report), matches!(inflow, Inflow::Socket(_))),
        Err(why) => {
            report.refused = Some(why);
            (Ok(()), false)
        }
    };
    end(host, is_socket, &mut report);
    report.taint.1 = taint(host);
    Records { bytes: report.log, lost: report.log_lost } = Records::read(&mut log, LOG_LIMIT);
    report.faults.extend(complaint(&report.log));
    (report, result)
}

/// Ends the module when it is dropped, whatever has happened.
struct Ending<'a>(&'a Host);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.loaded.end(&self.0.footprint);
    }
}

/// Ends the stream, waits for the module and unloads it.
fn end(host: &Host, is_socket: bool, report: &mut Report) {
    let Some(fate) = host.loaded.end(&host.footprint) else {
        report.unloaded = true;
        return;
    };
    report.unloaded = fate.gone;
    match fate.returned {
        // Without a stream this is the reason of the refusal already.
        Some(Err(errno)) if report.refused.is_none() => {
            report.faults.push(format!("its init function failed: {errno:?}"));
            if is_socket && !load::may_have_sent(errno) {
                report.foreign = Some("what came over the socket was not sent by LiME, which could not listen there".to_owned());
            }
        }
        Some(_) => {}
        None => report.faults.push("its init function did not return".to_owned()),
    }
    if !fate.gone {
        report.faults.push("the module lime is still loaded".to_owned());
    }
}

/// Takes the stream on a thread of its own and looks at what comes on another, and ends it when `take` wants no more.
fn drain(
    inflow: &Inflow,
    silence: Duration,
    ram: &[PhysRange],
    lens: &Lens,
    take: &mut dyn FnMut(Chunk) -> Result<Vec<u8>, Stop>,
    report: &mut Report,
) -> Result<(), Stop> {
    // At most four chunks exist (filling, queued, examined, written): they lie in the very memory that is being imaged.
    let (send, raws) = bounded::<Raw>(1);
    let (pass, chunks) = bounded(0);
    let (give, spare) = bounded::<Vec<u8>>(4);
    let (result, verdict) = std::thread::scope(|scope| {
        let clock = lens.clock;
        let read = move || relay::relay(inflow.clone(), ram, clock, &send, &spare);
        // Whoever takes the chunks may have stopped; then the relay is told by a closed channel.
        let look = move || raws.iter().all(|raw| pass.send(Chunk::of(raw, lens)).is_ok());
        let Ok(thread) = std::thread::Builder::new().name("hozen-lime-read".to_owned()).spawn_scoped(scope, read) else {
            return (Ok(()), Err("no thread to read what it sends".to_owned()));
        };
        if std::thread::Builder::new().name("hozen-lime-look".to_owned()).spawn_scoped(scope, look).is_err() {
            inflow.end();
            return (Ok(()), Err("no thread to look at what it sends".to_owned()));
        }
        let result = take_all(inflow, silence, &chunks, &give, take);
        if result.is_err() {
            // Wakes the reader, and LiME, which gives up when nobody reads.
            inflow.end();
        }
        drop(chunks);
        (result, thread.join().unwrap_or_else(|_| Err("a bug in Hozen".to_owned())))
    });
    report.faults.extend(verdict.err());
    result
}

/// Hands all chunks to `take`. Ends a stream of which nothing has come for `silence` while nothing but that was waited for.
fn take_all(
    inflow: &Inflow,
    silence: Duration,
    chunks: &Receiver<Chunk>,
    give: &Sender<Vec<u8>>,
    take: &mut dyn FnMut(Chunk) -> Result<Vec<u8>, Stop>,
) -> Result<(), Stop> {
    loop {
        let came = inflow.came();
        match chunks.recv_timeout(silence) {
            Ok(chunk) => {
                let spare = take(chunk)?;
                // The reader may have gone.
                let _ = give.try_send(spare);
            }
            Err(RecvTimeoutError::Timeout) if inflow.came() == came => inflow.end_silent(),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

/// Loads `module` and takes its stream as [`capture`] does, but does nothing with what comes: for measurements. Returns how many bytes
/// of memory came.
#[cfg(any(test, feature = "test-util"))]
pub(super) fn take_and_forget(host: &Host, module: &[u8], ram: &[PhysRange], clock: Clock) -> Result<u64, String> {
    let mut report = Report::default();
    let _ending = Ending(host);
    let inflow = load::load(host, module, &mut report.parameters)?;
    let is_socket = matches!(inflow, Inflow::Socket(_));
    let (send, raws) = bounded::<Raw>(1);
    let (give, spare) = bounded::<Vec<u8>>(4);
    let (bytes, verdict) = std::thread::scope(|scope| {
        let thread = scope.spawn(move || relay::relay(inflow, ram, clock, &send, &spare));
        let mut bytes = 0;
        for raw in raws {
            bytes += u64::try_from(raw.bytes.len()).unwrap_or(0);
            // The reader may have gone.
            let _ = give.try_send(raw.bytes);
        }
        (bytes, thread.join().unwrap_or_else(|_| Err("a bug in Hozen".to_owned())))
    });
    end(host, is_socket, &mut report);
    report.faults.extend(verdict.err());
    if report.faults.is_empty() { Ok(bytes) } else { Err(report.faults.join("; ")) }
}

fn taint(host: &Host) -> Option<i64> {
    let text = host.proc.file("sys/kernel/tainted", read::SMALL).ok()?;
    crate::source::text::number(&text.bytes)
}

/// Records of the kernel's log, and why some are missing if some are.
#[derive(Debug, Default)]
struct Records {
    bytes: Vec<u8>,
    lost: Option<String>,
}

impl Records {
    /// Those that have come, as far as they can be read within `limit`.
    fn read(log: &mut Result<Kmsg, ReadError>, limit: Duration) -> Self {
        let (began, mut records, mut more) = (Instant::now(), Self::default(), true);
        while more {
            if began.elapsed() >= limit {
                records.lost = Some(format!("more of them came than can be read within {} s", limit.as_secs()));
                break;
            }
            match log.as_mut().map_err(|error| error.to_string()).and_then(|log| log.step().map_err(|error| error.to_string())) {
                Ok(step) => more = records.take(step),
                Err(why) => (records.lost, more) = (Some(why), false),
            }
        }
        records
    }

    /// Whether there may be more behind this step.
    fn take(&mut self, step: Step<'_>) -> bool {
        match step {
            Step::Record(record) if self.bytes.len() < MOST_LOG => self.bytes.extend_from_slice(record),
            Step::Record(_) => {
                self.lost = Some(format!("more than {MOST_LOG} bytes of them came"));
                return false;
            }
            Step::Overwritten => self.lost = Some("the kernel overwrote them before they were read".to_owned()),
            Step::End => return false,
        }
        true
    }
}

/// What LiME complained of in the kernel's log, if it did: memory that it left out, or could not hand over.
fn complaint(log: &[u8]) -> Option<String> {
    let told = ["Skipping Range", "Short write", "Skipping range"].into_iter().find(|told| contains(log, told.as_bytes()))?;
    Some(format!("the kernel's log says: {told}"))
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// Why `module` is not handed to `kernel`, if it is not: in escaped text.
pub(super) fn unfit(module: &[u8], kernel: &Kernel) -> Option<String> {
    match ModuleInfo::read(module) {
        Ok(info) => info.not_lime().or_else(|| kernel.refuses(info.architecture, &info.vermagic)),
        Err(why) => Some(why),
    }
}

#[cfg(test)]
mod tests {
    use super::relay::tests::{ram, stream};
    use super::*;
    use crate::host::inflow::{Pipe, WriteEnd};
    use crate::source::memory::fake::FakeMemory;
    use std::io::Write as _;

    fn lens() -> Lens {
        Lens::new(4096, Vec::new(), Clock::start())
    }

    fn opened(end: &WriteEnd) -> std::fs::File {
        std::fs::OpenOptions::new().write(true).open(end.name().unwrap()).unwrap()
    }

    /// A peer that sends what LiME would; returns our end, and whether all of it was taken.
    fn peer() -> (Inflow, std::thread::JoinHandle<bool>) {
        let bytes = stream(&FakeMemory::new(usize::try_from(4_u64 << 20).unwrap(), &[]), &ram());
        let (pipe, held) = Pipe::new().unwrap();
        let mut theirs = opened(&held);
        (Inflow::Pipe(pipe), std::thread::spawn(move || theirs.write_all(&bytes).is_ok()))
    }

    #[test]
    fn a_slow_destination_makes_lime_wait_and_loses_nothing() {
        let (ours, peer) = peer();
        let (mut taken, mut report) = (0, Report::default());
        let mut take = |chunk: Chunk| {
            std::thread::sleep(Duration::from_millis(100));
            taken += chunk.end() - chunk.start;
            Ok(chunk.bytes)
        };
        drain(&ours, SILENCE, &ram(), &lens(), &mut take, &mut report).unwrap();
        assert_eq!((taken, report.faults), (crate::model::range::total(&ram()), Vec::new()));
        assert!(peer.join().unwrap());
    }

    #[test]
    fn what_lime_complains_of_is_a_fault() {
        let mut records = Records::default();
        assert!(records.take(Step::Record(b"6,1,2,-;[LiME] Parameters\n")));
        assert_eq!(complaint(&records.bytes), None);
        assert!(records.take(Step::Record(b"3,2,3,-;[LiME] Skipping Range 0\n")) && !records.take(Step::End));
        assert_eq!((complaint(&records.bytes).unwrap().as_str(), records.lost), ("the kernel's log says: Skipping Range", None));
    }

    #[test]
    fn records_that_are_lost_are_told() {
        let lost = |steps: Vec<Step<'_>>| {
            let mut records = Records::default();
            let more = steps.into_iter().fold(true, |_, step| records.take(step));
            (records.lost.unwrap(), more)
        };
        let (why, more) = lost(vec![Step::Record(b"a"), Step::Overwritten, Step::Record(b"b")]);
        assert!(why.contains("overwrote") && more, "{why}");
        let (why, more) = lost(vec![Step::Record(&vec![b'x'; MOST_LOG]), Step::Record(b"b")]);
        assert!(why.contains("more than") && !more, "what is not kept is not read: {why}");
        let mut log = Err(ReadError::errno(b"/dev/kmsg", nix::errno::Errno::EPERM));
        let slow = Records::read(&mut log, Duration::ZERO);
        assert!(slow.lost.unwrap().contains("within"));
        let refused = Records::read(&mut log, LOG_LIMIT);
        assert!(refused.bytes.is_empty() && refused.lost.unwrap().contains("/dev/kmsg"));
    }

    #[test]
    fn a_stop_releases_lime() {
        let (ours, peer) = peer();
        let mut report = Report::default();
        let result = drain(&ours, SILENCE, &ram(), &lens(), &mut |_| Err(Stop::Interrupted), &mut report);
        assert_eq!(result, Err(Stop::Interrupted));
        assert!(!peer.join().unwrap());
    }

    #[test]
    fn a_stream_that_falls_silent_is_ended_and_says_so() {
        let (pipe, held) = Pipe::new().unwrap();
        let (mut theirs, mut report) = (opened(&held), Report::default());
        theirs.write_all(&header(ram()[0])).unwrap();
        let mut take = |chunk: Chunk| Ok(chunk.bytes);
        drain(&Inflow::Pipe(pipe), Duration::from_millis(50), &ram(), &lens(), &mut take, &mut report).unwrap();
        assert_eq!(report.faults, ["the stream fell silent, and nothing more was waited for"]);
        assert!(theirs.write_all(b"x").is_err(), "LiME is not let go");
    }

    #[test]
    fn a_module_that_the_kernel_refuses_is_a_reason_and_leaves_nothing() {
        let host = Host::live().unwrap();
        let mut take = |_: Chunk| panic!("there is no stream");
        let (report, result) = capture(&host, b"no module", &ram(), &lens(), &mut take);
        assert_eq!(result, Ok(()));
        assert!(report.refused.is_some_and(|why| why.contains("(E")), "named with its errno");
        assert!(report.parameters.starts_with("path=/proc/self/fd/") && report.parameters.ends_with(" format=lime timeout=0"));
        assert_eq!(report.taint.0, report.taint.1);
        assert!(report.unloaded && host.footprint.notes().is_empty());
    }

    #[test]
    fn what_comes_over_a_socket_on_which_lime_could_not_listen_is_not_its_own() {
        let host = Host::live().unwrap();
        for is_socket in [true, false] {
            host.loaded.begin(|| crate::host::module::Loading::start(b"no module", std::ffi::CString::default(), None)).unwrap();
            let mut report = Report::default();
            end(&host, is_socket, &mut report);
            assert_eq!((report.foreign.is_some(), report.faults.len()), (is_socket, 1), "{report:?}");
        }
        assert!(load::may_have_sent(nix::errno::Errno::EPIPE) && !load::may_have_sent(nix::errno::Errno::EADDRINUSE));
    }

    #[test]
    fn what_the_log_holds_is_found() {
        assert!(contains(b"6,1,2,-;lime: Skipping Range\n", b"Skipping Range") && !contains(b"", b"x"));
    }
}
