//! The order of a run. The only place that knows all parts.
//!
//! ```text
//! begin record → journal → each artefact in turn → log → journal's end → SHA256SUMS → manifest → end record
//! ```

mod begin;
mod observer;
mod seal;

use std::collections::BTreeMap;
use std::sync::Arc;

use hozen_collector::collect::{self, Control, Planned};
use hozen_collector::host::warden::Word;
use hozen_collector::host::{Clock, Host};
use hozen_collector::model::record::{self, Instance, PlannedStep, RunStatus, Statement, Step, event};
use hozen_collector::model::{ObjectKey, Receipt, RunId, Status};
use hozen_collector::sink::directory::DirectorySink;
use hozen_collector::sink::{EvidenceSink, SinkError};
use hozen_collector::stream::{Engine, Kind};
use serde_json::{Value, json};

use crate::custody::{self, Journal};
use crate::exit::{self, Exit};
use crate::log::Log;
use crate::progress::{Display, say};
use crate::result::{self, RunResult};
use crate::settings::Settings;
use crate::sign::Signing;
use crate::status::{Channel, Phase, Teller, Told};

pub use begin::plan;
use observer::RunObserver;

/// All that a run needs.
pub struct Run {
    /// The run's id.
    pub id: RunId,
    /// What is asked for.
    pub settings: Settings,
    /// The host.
    pub host: Host,
    /// Where the evidence goes.
    pub sink: Arc<dyn EvidenceSink>,
    /// What to collect, in order.
    pub plan: Vec<Planned>,
    /// Who may ask the run to end.
    pub control: Arc<Control>,
    /// How the host is read, for the begin record.
    pub access: BTreeMap<String, Value>,
    /// Which instance this is, for the begin record.
    pub instance: Option<Instance>,
    /// Where the run goes if its sink takes nothing at the begin.
    pub spool: Option<DirectorySink>,
    /// Where the run says how it goes, if it is to; or why it cannot.
    pub status: Option<Result<Channel, String>>,
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What a run came to.
#[derive(Debug)]
pub struct Ended {
    /// The line for stdout.
    pub result: RunResult,
    /// What became of each artefact; empty if nothing was read.
    pub steps: Vec<Step>,
    /// Stored bytes, by object.
    pub stored: BTreeMap<ObjectKey, u64>,
    /// What has yet to say how the run ended.
    pub teller: Option<Teller>,
}

impl Run {
    /// Collects and seals. Never fails: what went wrong is in the result.
    #[must_use]
    pub fn execute(mut self) -> Ended {
        let begun = Signing::generate().map_err(|error| format!("no random numbers for the run's key: {error}"));
        let begun = begun.and_then(|signing| Ok((self.begin_somewhere(&signing)?, signing)));
        match begun {
            Ok(((journal, None), signing)) => self.collect_and_seal(journal, &signing),
            Ok(((journal, Some(spooled)), signing)) => spooled.tell(self.collect_and_seal(journal, &signing)),
            Err(error) => Ended {
                result: RunResult::refused(Exit::Destination, &error),
                steps: Vec::new(),
                stored: BTreeMap::new(),
                teller: None,
            },
        }
    }

    /// Begins in the sink, or in the spool where there is one and the sink takes nothing. Only here: a run that has begun stays
    /// where it is, because half of it in each place would be a run in neither. What goes into the spool is another run, with an id of
    /// its own: under the first one the bucket may have a begin record whose answer was lost, or, where a presigned list was used
    /// before, a whole run.
    fn begin_somewhere(&mut self, signing: &Signing) -> Result<(Journal, Option<Spooled>), String> {
        let spooled = match (self.begin(signing), self.spool.take()) {
            (Ok(journal), spool) => {
                spool.map(DirectorySink::discard).unwrap_or_default();
                return Ok((journal, None));
            }
            (Err(error), None) => return Err(error),
            (Err(error), Some(spool)) => {
                let wanted = self.sink.describe();
                let instead = std::mem::replace(&mut self.id, new_id(self.host.clock)?);
                let spooled = Spooled { run: self.id, location: spool.location().to_owned(), error };
                let note = json!({"run": instead, "instead_of": wanted, "reason": spooled.error});
                self.access.insert("spooled".to_owned(), note);
                self.sink = Arc::new(spool);
                self.host.loaded.warden().into_iter().for_each(|warden| warden.say(&Word::Run(self.id.to_string())));
                spooled
            }
        };
        say(&format!("hozen: {}; run {} goes into the spool {} instead", spooled.error, spooled.run, spooled.location));
        Ok((self.begin(signing)?, Some(spooled)))
    }

    /// Stores the begin record; nothing has been read for evidence before.
    fn begin(&self, signing: &Signing) -> Result<Journal, String> {
        let begin = begin::record(self, signing.public());
        let subject = begin.agent.sha256.map(|sha256| record::Subject::new("hozen", sha256));
        let statement = Statement::new(record::BEGIN_TYPE, subject.into_iter().collect(), begin);
        let bytes = signing.seal(&statement).map_err(|error| error.to_string())?;
        let receipt = custody::store(&*self.sink, self.host.clock, &record::key(record::BEGIN_KEY), &bytes)
            .map_err(|error| format!("the destination does not take the begin record: {error}"))?;
        let digest = receipt.sha256;
        let mut journal = Journal::new(Arc::clone(&self.sink), self.host.clock, self.id, self.settings.case.clone(), receipt);
        journal.append(
            event::RUN_BEGIN,
            "the plan is fixed and locked before anything is read",
            &json!({"begin_sha256": digest}),
        );
        Ok(journal)
    }

    fn collect_and_seal(mut self, mut journal: Journal, signing: &Signing) -> Ended {
        self.end_in_time(&mut journal);
        let mut teller = self.tell(&mut journal);
        let started = self.host.clock.now();
        let planned: Vec<PlannedStep> = begin::planned(&self.plan);
        let one_method = self.settings.names_memory_method();
        let (host, sink, control) = (self.host.clone(), Arc::clone(&self.sink), Arc::clone(&self.control));
        let steps = match self.start_engine() {
            Ok(engine) => self.collect(&engine, &mut journal, teller.as_ref()),
            Err(error) => return Ended { teller, ..unsealed(&format!("cannot start threads: {error}"), Vec::new(), &journal) },
        };
        if let Some(teller) = &mut teller {
            teller.update(|told| (told.phase, told.moved) = (Phase::Seal, host.clock.now()));
            // The journal ends soon, and is to say what became of it.
            teller.await_witness();
            observer::take_notes(&mut journal, teller);
        }
        let cause = control.interruption().unwrap_or("the deadline");
        let wanted = |name: &str| planned.iter().any(|step| step.artefact == name && step.skip.is_none());
        let cut_short = exit::is_cut_short(&steps, control.stopped(host.clock.mono_ns()).is_some(), wanted);
        let (exit, mut reasons) = exit::of_run(&steps, exit::Asked { cut_short, one_method }, wanted);
        if cut_short {
            reasons.insert(0, format!("the run was cut short by {cause}"));
        }
        let status = status_of(exit, &steps);
        let warnings = reasons.clone();
        let reasons = if status == RunStatus::Complete { Vec::new() } else { reasons };
        let ending = seal::Ending { exit, status, reasons, warnings, cut_short };
        let ended = match seal::seal(&mut journal, signing, &*sink, &host, &ending, &steps) {
            Ok(seal) => sealed(&ending, &seal, steps, &journal, started, &host),
            Err(error) => unsealed(&format!("the evidence could not be sealed: {error:#}"), steps, &journal),
        };
        Ended { teller, ..ended }
    }

    /// Draws the deadline in where the sink is known to take nothing from some time on.
    fn end_in_time(&self, journal: &mut Journal) {
        let Some(left) = self.sink.time_to_collect() else { return };
        let left_ns = u64::try_from(left.as_nanos()).unwrap_or(u64::MAX);
        if self.control.draw_in(self.host.clock.mono_ns().saturating_add(left_ns)) {
            let why = "what comes later would not be taken with its seal";
            journal.append(event::DEADLINE, why, &json!({"left_ms": left_ns / 1_000_000}));
        }
    }

    /// Begins to tell how the run goes, if it is to; that it cannot is noted.
    fn tell(&mut self, journal: &mut Journal) -> Option<Teller> {
        let place = self.settings.status.as_ref().map(ToString::to_string).unwrap_or_default();
        match self.status.take()? {
            Ok(channel) => {
                let told = self.told(journal, channel.host.clone());
                Some(channel.begin(told, self.host.clock))
            }
            Err(reason) => {
                say(&format!("hozen: warning: nobody can be told how the run goes: {reason}"));
                let data = json!({"parameter": place, "reason": reason});
                journal.append(event::STATUS_FAILED, observer::FOR_WATCHERS, &data);
                None
            }
        }
    }

    /// What there is to tell at the begin.
    fn told(&self, journal: &Journal, host: String) -> Told {
        let location = self.sink.describe().get("location").and_then(Value::as_str).unwrap_or_default().to_owned();
        Told {
            v: 1,
            run: self.id,
            case: self.settings.case.clone(),
            host,
            to: location,
            phase: Phase::Collect,
            artefact: None,
            done: 0,
            planned: self.plan.iter().filter(|planned| planned.skip.is_none()).count(),
            bytes: 0,
            read: 0,
            errors: 0,
            error: None,
            begin_sha256: journal.begin(),
            moved: self.host.clock.now(),
            updated: self.host.clock.now(),
            safe_to_isolate: false,
            result: None,
        }
    }

    fn start_engine(&self) -> std::io::Result<Arc<Engine>> {
        let clock = self.host.clock;
        let (threads, level) = (usize::from(self.settings.threads), i32::from(self.settings.level));
        Engine::start(Arc::clone(&self.sink), threads, level, Arc::new(move || clock.now())).map(Arc::new)
    }

    /// Collects everything, with the log open meanwhile.
    fn collect(self, engine: &Arc<Engine>, journal: &mut Journal, teller: Option<&Teller>) -> Vec<Step> {
        let log = Log::new(engine.open(record::key(record::LOG_KEY), Kind::Table).ok());
        let display = Display::new(self.plan.iter().filter(|planned| planned.skip.is_none()).count());
        let steps = {
            let _listening = log.listen();
            tracing::info!(run = %self.id, version = crate::VERSION, "run begins");
            let mut observer =
                RunObserver { journal, display, clock: self.host.clock, control: &self.control, told: false, teller };
            collect::run(self.plan, &self.host, engine, &self.control, &mut observer)
        };
        // The log is the first that needs what was kept back.
        self.sink.prepare_to_seal();
        match log.close() {
            Some(closed) => observer::store_log(journal, closed),
            None => journal.append(event::OBJECT_FAILED, "the agent's log", &observer::lost(record::LOG_KEY, 0, "not opened")),
        }
        steps
    }
}

/// An id for a run that begins now.
///
/// # Errors
/// When there are no random numbers.
pub fn new_id(clock: Clock) -> Result<RunId, String> {
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random).map_err(|error| format!("no random numbers for the run's id: {error}"))?;
    Ok(RunId::new(clock.now(), u128::from_be_bytes(random)))
}

/// A run that went into the spool instead of the bucket.
struct Spooled {
    run: RunId,
    location: String,
    error: String,
}

impl Spooled {
    /// The run's end with its own exit code: what is sealed here is still on the host.
    fn tell(self, mut ended: Ended) -> Ended {
        ended.result.details.insert("run", json!(self.run));
        ended.result.details.insert("spool", json!(self.location));
        ended.result.details.insert("refused", json!(self.error));
        if ended.result.safe_to_isolate {
            ended.result.code = Exit::Spooled.into();
            ended.result.safe_to_isolate = false;
        }
        ended
    }
}

/// The records that a witness may want to know.
#[derive(Debug, Clone)]
pub struct Seal {
    /// Of the manifest.
    pub manifest: Receipt,
    /// Of the end record.
    pub end: Receipt,
}

/// Complete only with exit code 0; failed where no artefact came to anything.
fn status_of(exit: Exit, steps: &[Step]) -> RunStatus {
    let of_use = |step: &Step| !step.objects.is_empty() && !matches!(step.status, Status::Failed | Status::Denied);
    match exit {
        Exit::Complete => RunStatus::Complete,
        Exit::CutShort => RunStatus::Partial,
        _ if steps.iter().any(of_use) => RunStatus::Partial,
        _ => RunStatus::Failed,
    }
}

fn stored(journal: &Journal) -> BTreeMap<ObjectKey, u64> {
    journal.receipts().into_iter().map(|receipt| (receipt.key, receipt.size)).collect()
}

fn sealed(
    ending: &seal::Ending,
    seal: &Seal,
    steps: Vec<Step>,
    journal: &Journal,
    started: hozen_collector::model::Timestamp,
    host: &Host,
) -> Ended {
    let mut details = result::details_of(&steps, started, host.clock.now());
    details.insert("manifest", result::record(&seal.manifest));
    details.insert("end", result::record(&seal.end));
    details.insert("warn", json!(ending.warnings));
    Ended { result: RunResult::sealed(ending.exit, ending.status, details), steps, stored: stored(journal), teller: None }
}

fn unsealed(error: &str, steps: Vec<Step>, journal: &Journal) -> Ended {
    Ended { result: RunResult::unsealed(Exit::Unsealed, error, BTreeMap::new()), steps, stored: stored(journal), teller: None }
}

/// An error of the sink in words.
fn because(error: &SinkError) -> String {
    error.to_string()
}
