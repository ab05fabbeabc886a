//! Tells it, on the network's threads: at most every 15 s, and once more at the end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hozen_collector::host::Clock;
use hozen_collector::model::record::event;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::place;
use super::told::{Told, without_pairs};
use crate::aws::Network;
use crate::aws::parameter::{ParameterName, Parameters};

/// Time between two writes: an account may make a few a second, for all its hosts.
const EVERY: Duration = Duration::from_secs(15);
/// How long the end of a run waits for the last word; each write in it has its own, shorter limit.
const END: Duration = Duration::from_secs(25);
/// Notes that wait to be taken, at most.
const MOST: usize = 100;

/// An event of the journal, and its data.
type Note = (&'static str, BTreeMap<String, Value>);

/// Where it can be told, before there is anything to tell.
#[derive(Debug)]
pub struct Channel {
    /// The way there; it lives as long as the channel.
    pub network: Arc<Network>,
    /// What writes.
    pub parameters: Parameters,
    /// The parameter of the status.
    pub name: ParameterName,
    /// The host, as the evidence names it.
    pub host: String,
}

/// Tells how a run goes.
#[derive(Debug)]
pub struct Teller {
    network: Arc<Network>,
    sender: watch::Sender<Going>,
    writing: Arc<Writing>,
    task: JoinHandle<()>,
    begun: watch::Receiver<bool>,
}

/// What there is to tell.
#[derive(Debug)]
struct Going {
    told: Told,
    /// Whether it is the last.
    ended: bool,
}

/// What writes, and what became of it.
#[derive(Debug)]
struct Writing {
    parameters: Parameters,
    name: ParameterName,
    clock: Clock,
    outcome: Mutex<Outcome>,
}

#[derive(Debug, Default)]
struct Outcome {
    notes: Vec<Note>,
    /// Why the last write failed, if it did.
    failed: Option<String>,
}

impl Channel {
    /// Begins: the digest of the begin record goes out first.
    #[must_use]
    pub fn begin(self, told: Told, clock: Clock) -> Teller {
        let Self { network, parameters, name, .. } = self;
        let writing = Arc::new(Writing { parameters, name, clock, outcome: Mutex::default() });
        let (sender, receiver) = watch::channel(Going { told, ended: false });
        let (witnessed, begun) = watch::channel(false);
        let task = network.handle().spawn(tell(Arc::clone(&writing), receiver, witnessed));
        Teller { network, sender, writing, task, begun }
    }
}

impl Teller {
    /// Changes what is told next.
    pub fn update(&self, change: impl FnOnce(&mut Told)) {
        self.sender.send_modify(|going| change(&mut going.told));
    }

    /// Waits until the digest of the begin record was taken or refused the first time; a write has its own time limit.
    pub fn await_witness(&mut self) {
        let begun = &mut self.begun;
        // Whether it came to that, or the task has ended without: there is nothing more to wait for.
        let _ = self.network.block_on(async { timeout(END, begun.wait_for(|begun| *begun)).await.map(drop) });
    }

    /// What was noted since the last call, for the journal.
    pub fn take_notes(&self) -> Vec<Note> {
        self.writing.outcome.lock().map(|mut outcome| std::mem::take(&mut outcome.notes)).unwrap_or_default()
    }

    /// Says the last word, and waits until it is said.
    ///
    /// # Errors
    /// Why it could not be said.
    pub fn end(self, last: impl FnOnce(&mut Told)) -> Result<(), String> {
        self.sender.send_modify(|going| {
            last(&mut going.told);
            going.ended = true;
        });
        let silent = || Err(format!("no answer within {} s", END.as_secs()));
        let Self { network, task, .. } = self;
        let ended = network.block_on(async { timeout(END, task).await });
        if !ended.is_ok_and(|task| task.is_ok()) {
            return silent();
        }
        let outcome = self.writing.outcome.lock();
        outcome.ok().and_then(|mut outcome| outcome.failed.take()).map_or(Ok(()), Err)
    }
}

async fn tell(writing: Arc<Writing>, mut receiver: watch::Receiver<Going>, begun: watch::Sender<bool>) {
    let mut witness = Some(receiver.borrow().told.clone());
    loop {
        if let Some(told) = witness.take() {
            let again = !writing.witness(&told).await;
            witness = again.then_some(told);
            begun.send_replace(true);
        }
        let (told, ended) = {
            let going = receiver.borrow_and_update();
            (going.told.clone(), going.ended)
        };
        writing.status(told).await;
        if ended {
            return;
        }
        // Whether the time is over or the run; where nobody is left to tell of it, there is nothing more to say.
        let _ = timeout(EVERY, async { receiver.wait_for(|going| going.ended).await.map(drop) }).await;
        if receiver.has_changed().is_err() && !receiver.borrow().ended {
            return;
        }
    }
}

impl Writing {
    /// Writes the digest of the begin record; whether there is nothing more to do about it.
    async fn witness(&self, told: &Told) -> bool {
        let name = match place::witness(&self.name, told.run) {
            Ok(name) => name,
            Err(reason) => {
                self.failed(self.name.path(), reason);
                return true;
            }
        };
        let Told { run, case, host, to, begin_sha256, .. } = told;
        let text = json!({"v": 1, "run": run, "case": case, "host": host, "to": to, "begin_sha256": begin_sha256});
        let text = without_pairs(&text.to_string());
        match self.parameters.write(&name, &text, false).await {
            Ok(version) => {
                let data =
                    [("parameter", json!(name.path())), ("version", json!(version)), ("begin_sha256", json!(begin_sha256))];
                self.note(event::WITNESS, data.map(|(member, value)| (member.to_owned(), value)).into());
                true
            }
            Err(reason) => {
                let lasting = ["ParameterAlreadyExists", "AccessDenied", "ValidationException"];
                let lasting = lasting.iter().any(|code| reason.contains(code));
                self.failed(name.path(), reason);
                lasting
            }
        }
    }

    async fn status(&self, told: Told) {
        let told = Told { updated: self.clock.now(), ..told };
        match self.parameters.write(&self.name, &told.text(), true).await {
            Ok(_) => {
                if let Ok(mut outcome) = self.outcome.lock() {
                    outcome.failed = None;
                }
            }
            Err(reason) => self.failed(self.name.path(), reason),
        }
    }

    /// Notes a failure, once for as long as it stays the same.
    fn failed(&self, parameter: &str, reason: String) {
        let known = self.outcome.lock().map(|mut outcome| outcome.failed.replace(reason.clone())).ok().flatten();
        if known.as_ref() != Some(&reason) {
            let data = [("parameter", json!(parameter)), ("reason", json!(reason))];
            self.note(event::STATUS_FAILED, data.map(|(member, value)| (member.to_owned(), value)).into());
        }
    }

    fn note(&self, event: &'static str, data: BTreeMap<String, Value>) {
        if let Ok(mut outcome) = self.outcome.lock()
            && outcome.notes.len() < MOST
        {
            outcome.notes.push((event, data));
        }
    }
}
