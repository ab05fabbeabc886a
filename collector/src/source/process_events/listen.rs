//! The thread that listens from the beginning of the run to its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use nix::time::ClockId;

use super::heard::Heard;
use super::program::Looker;
use crate::host::Host;
use crate::host::clock::nanoseconds;
use crate::host::connector::{Connector, ConnectorError, Received};

/// How long events of before the end are waited for, where very many come. On a busy host it is never quiet.
const LAST: Duration = Duration::from_secs(3);

/// A thread that listens. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Listening {
    over: Arc<AtomicBool>,
    heard: Receiver<Heard>,
}

impl Listening {
    /// Begins; when it returns, the kernel tells us of every process.
    ///
    /// # Errors
    /// Why nobody can listen.
    pub(super) fn start(host: &Host) -> Result<Self, ConnectorError> {
        let connector = Connector::listen()?;
        host.footprint.count("process_event_listeners");
        let looker = Looker::start(host);
        let over = Arc::new(AtomicBool::new(false));
        let (reply, heard) = bounded(1);
        let (host, told) = (host.clone(), Arc::clone(&over));
        let listen = move || {
            let mut heard = Heard::default();
            hear(&host, &connector, looker.as_ref(), &told, &mut heard);
            // Nothing more is told to us, whatever the other thread does.
            drop(connector);
            if let Some(looker) = looker {
                let (programs, came_back) = looker.end();
                heard.programs = programs;
                if !came_back {
                    host.footprint.count("threads_abandoned");
                }
            }
            drop(reply.send(heard));
        };
        let spawned = std::thread::Builder::new().name("hozen-events".to_owned()).spawn(listen);
        spawned.map(|_| Self { over, heard }).map_err(|_| ConnectorError::Refused(nix::errno::Errno::EAGAIN))
    }

    /// Ends it, and returns what it heard; nothing where it does not come back.
    pub(super) fn end(&self) -> Option<Heard> {
        self.over.store(true, Ordering::Relaxed);
        self.heard.recv_timeout(Duration::from_secs(5)).ok()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // A run that was cut short does not take what was heard, but the kernel must be told that nobody listens any more.
        if !self.over.load(Ordering::Relaxed) {
            let _ = self.end();
        }
    }
}

fn hear(host: &Host, connector: &Connector, looker: Option<&Looker>, over: &AtomicBool, heard: &mut Heard) {
    let mut end: Option<(Instant, i128)> = None;
    loop {
        if end.is_none() && over.load(Ordering::Relaxed) {
            end = Some((Instant::now() + LAST, nanoseconds(ClockId::CLOCK_MONOTONIC)));
        }
        match connector.receive() {
            Received::Message(message) => {
                if let Some((number, pid)) = heard.take(host.clock.now(), &message) {
                    let asked = looker.is_some_and(|looker| looker.ask(number, pid));
                    heard.unseen = heard.unseen.saturating_add(u64::from(!asked));
                }
            }
            Received::Foreign => heard.odd = heard.odd.saturating_add(1),
            Received::Overrun => heard.overruns = heard.overruns.saturating_add(1),
            Received::Quiet if end.is_some() => return,
            Received::Quiet => {}
            Received::Failed(errno) => {
                heard.failed = Some(errno.to_string());
                return;
            }
        }
        match end {
            // What comes now happened after the end.
            Some((_, told)) if i128::from(heard.latest_ns) > told => return,
            Some((until, _)) if Instant::now() > until => {
                heard.failed = Some("more events came than could be taken when the run ended".to_owned());
                return;
            }
            _ => {}
        }
    }
}
