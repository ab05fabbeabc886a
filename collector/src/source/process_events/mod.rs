//! Artefact `process_events`: what processes did while the run was going: which began, executed, changed their user, were traced and
//! ended. What lives for a moment only is in no list of processes before or after.
//!
//! ```text
//! begin → connector → listen (hozen-events) → heard … at the end of the run → rows
//!                         └→ program (hozen-exec): path and command line of what was executed
//! ```
//!
//! **Invariant:** memory is bounded; what is lost is counted. None of our own doing is among it: we start no process.
//!
//! Sources: linux/cn_proc.h, drivers/connector/cn_proc.c.

mod event;
mod heard;
mod listen;
mod program;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use nix::errno::Errno;

use self::event::Kind;
use self::heard::Heard;
use self::listen::Listening;
use super::process::args;
use super::{Evidence, Source, Stop};
use crate::host::Host;
use crate::host::connector::ConnectorError;
use crate::model::{Artefact, Category, Gap, Outcome, Profile, Row, Status, Timestamp};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "process_events",
    category: Category::Process,
    profile: Profile::Volatile,
    budget: Duration::from_secs(30),
    budget_bytes: None,
    source: "netlink connector (CN_PROC), /proc/PID of what was executed",
    about: "Processes that began, executed, changed their user, were traced or ended while the run was going",
    tables: &[EVENTS, COUNTS],
};

const EVENTS: &str = "process_events";
const COUNTS: &str = "process_event_counts";

/// What a row names as its source.
const SOURCE: &str = "netlink connector cn_proc";

/// Listens from the beginning of a run.
#[derive(Debug, Default)]
pub struct ProcessEvents {
    began: Mutex<Option<(Timestamp, Hearing)>>,
}

/// What has become of listening.
#[derive(Debug)]
enum Hearing {
    Going(Listening),
    /// Until when, and what was heard; or why nothing was. Kept, because a run that goes on at another destination writes it down again.
    Over(Result<(Timestamp, Box<Heard>), Outcome>),
}

impl Source for ProcessEvents {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn begin(&self, host: &Host) {
        let hearing = listen(host).map_or_else(|outcome| Hearing::Over(Err(outcome)), Hearing::Going);
        *self.began.lock().unwrap_or_else(PoisonError::into_inner) = Some((host.clock.now(), hearing));
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let began = self.began.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((from, hearing)) = began else {
            return Ok(Outcome::because(Status::Failed, "nobody listened from the beginning of the run"));
        };
        let over = match hearing {
            Hearing::Going(listening) => listening
                .end()
                .map(|heard| (host.clock.now(), Box::new(heard)))
                .ok_or_else(|| Outcome::because(Status::Failed, "the thread that listened did not come back")),
            Hearing::Over(over) => over,
        };
        let written = match &over {
            Ok((until, heard)) => write(heard, (from, *until), evidence),
            Err(outcome) => Ok(outcome.clone()),
        };
        *self.began.lock().unwrap_or_else(PoisonError::into_inner) = Some((from, Hearing::Over(over)));
        written
    }
}

fn write(heard: &Heard, span: (Timestamp, Timestamp), evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
    losses(heard).into_iter().for_each(|loss| evidence.gap(Gap::whole(SOURCE.as_bytes(), loss)));
    counts(heard, span, evidence)?;
    events(heard, evidence)?;
    Ok(Outcome::ok())
}

/// Only where the kernel shows that it can tell: for a connector that is a module it would load it.
fn listen(host: &Host) -> Result<Listening, Outcome> {
    if !host.live {
        return Err(Outcome::because(Status::Absent, "not the machine that we run on; its kernel cannot be asked"));
    }
    let shown = host.proc.file("self/net/connector", 4096).map(|text| text.bytes).unwrap_or_default();
    if !shown.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"cn_proc")) {
        return Err(Outcome::because(
            Status::Absent,
            "/proc/net/connector shows no cn_proc here: the kernel, or this network namespace, has none",
        ));
    }
    Listening::start(host).map_err(|error| {
        let denied = matches!(error, ConnectorError::Refused(Errno::EPERM | Errno::EACCES));
        Outcome::because(if denied { Status::Denied } else { Status::Absent }, error.to_string())
    })
}

/// What is missing, in words.
fn losses(heard: &Heard) -> Vec<String> {
    let counted = [
        (heard.overruns, "times the kernel threw events away, because they were not taken fast enough"),
        (heard.missed, "events are missing in the sequences of the processors"),
        (heard.beyond, "events were more than are kept"),
        (heard.odd, "messages make no sense, or came from another process"),
    ];
    let lost = counted.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    let failed = heard.failed.as_ref().map(|reason| format!("listening ended before the run did: {reason}"));
    lost.chain(failed).collect()
}

/// One row for each kind, and one for all.
fn counts(heard: &Heard, (from, until): (Timestamp, Timestamp), evidence: &mut dyn Evidence) -> Result<(), Stop> {
    for (kind, _, word) in Kind::ALL {
        let (processes, threads) = heard.received.get(&kind).copied().unwrap_or_default();
        let mut row = Row::new(until, SOURCE);
        row.text("event", word).int("processes", processes).int("threads", threads);
        evidence.row(COUNTS, &row)?;
    }
    let mut row = Row::new(until, SOURCE);
    row.text("event", "all").text("listening_from", &from.to_string()).text("listening_until", &until.to_string());
    row.int("overruns", heard.overruns).int("missed", heard.missed).int("beyond", heard.beyond).int("odd", heard.odd);
    row.int("programs_not_looked_at", heard.unseen);
    evidence.row(COUNTS, &row)
}

fn events(heard: &Heard, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    for (number, (time, event)) in heard.events.iter().enumerate() {
        evidence.check()?;
        let mut row = Row::new(*time, SOURCE);
        event.fill(&mut row);
        if let Some(program) = heard.programs.get(&number) {
            row.bytes("name", &program.name);
            if let Some(path) = &program.path {
                row.bytes("path", path);
            }
            if let Some(line) = &program.cmdline {
                row.bytes("cmdline", &args(line).join(&b' '));
            }
        } else if event.kind == Kind::Exec {
            row.error("path", "ESRCH");
        }
        evidence.row(EVENTS, &row)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::recorded::Recorded;
    use crate::testing::skip;

    #[test]
    fn what_lived_for_a_moment_is_heard() {
        let host = Host::live().unwrap();
        let source = ProcessEvents::default();
        source.begin(&host);
        let mut child = std::process::Command::new("/bin/sh").args(["-c", "sleep 0.1; exit 3"]).spawn().unwrap();
        let (pid, _) = (child.id(), child.wait().unwrap());
        let mut evidence = Recorded::default();
        let outcome = source.acquire(&host, &mut evidence).unwrap();
        if outcome.status != Status::Ok {
            assert!(evidence.rows(EVENTS).is_empty());
            return skip("a kernel that tells events of processes", format!("{outcome:?}"));
        }
        let rows: Vec<_> = evidence.rows(EVENTS).iter().filter(|row| row["pid"] == pid).collect();
        let one = |event: &str| rows.iter().find(|row| row["event"] == event).unwrap();
        assert_eq!(one("fork")["parent"], std::process::id());
        assert_eq!(one("exec")["cmdline"], "/bin/sh -c sleep 0.1; exit 3");
        assert_eq!((&one("exit")["exit_code"], &one("exit")["exit_signal"]), (&3.into(), &0.into()));
        let all = evidence.rows(COUNTS).iter().find(|row| row["event"] == "all").unwrap();
        assert_eq!((&all["overruns"], &all["odd"]), (&0.into(), &0.into()));
        let mut again = Recorded::default();
        assert_eq!(source.acquire(&host, &mut again).unwrap().status, Status::Ok);
        assert_eq!(again.rows(EVENTS).len(), evidence.rows(EVENTS).len(), "what was heard can be written down once more");
    }

    #[test]
    fn a_host_that_is_never_quiet_is_heard_to_the_end() {
        let (host, source) = (Host::live().unwrap(), ProcessEvents::default());
        let (ended, over) = std::sync::mpsc::channel::<()>();
        let busy = std::thread::spawn(move || {
            while over.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                std::process::Command::new("/bin/true").status().unwrap();
            }
        });
        source.begin(&host);
        std::thread::sleep(Duration::from_millis(50));
        let outcome = source.acquire(&host, &mut Recorded::default()).unwrap();
        drop(ended);
        busy.join().unwrap();
        assert_ne!(outcome.status, Status::Failed, "{outcome:?}");
    }

    #[test]
    fn a_run_that_did_not_begin_has_heard_nothing() {
        let outcome = ProcessEvents::default().acquire(&Host::live().unwrap(), &mut Recorded::default()).unwrap();
        assert_eq!(outcome.status, Status::Failed);
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("proc")).unwrap();
        let (host, source) = (Host::fixture(dir.path()).unwrap(), ProcessEvents::default());
        source.begin(&host);
        assert_eq!(source.acquire(&host, &mut Recorded::default()).unwrap().status, Status::Absent);
    }

    #[test]
    fn every_loss_is_said() {
        let mut heard = Heard::default();
        (heard.overruns, heard.missed, heard.beyond, heard.odd) = (1, 2, 3, 4);
        heard.failed = Some("x".to_owned());
        assert_eq!((losses(&heard).len(), losses(&Heard::default()).len()), (5, 0));
    }
}
