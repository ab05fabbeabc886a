//! The order of a run. The only place that knows all parts.
//!
//! ```text
//! begin record → journal → each artefact in turn (some beside the one before) → log → journal's end → SHA256SUMS → manifest → end record
//! ```

mod begin;
mod observer;
mod seal;
mod spool;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use hozen_collector::collect::{self, Collected, Control, Planned};
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
use observer::{Losses, RunObserver};
use spool::{First, Spooled, Stage};

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
    /// Where the run goes if its sink takes nothing at the begin, and what is left of it if it takes nothing more in the middle.
    pub spool: Option<DirectorySink>,
    /// What the watchdog is given once the run has begun in a bucket: how a record of its end could be stored there.
    pub errand: Option<Vec<u8>>,
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
            Ok(((journal, None), signing)) => self.collect_and_go_on(journal, &signing),
            Ok(((journal, Some(spooled)), signing)) => spooled.tell(self.collect_and_seal(journal, &signing, None, None).ended),
            Err(error) => Ended {
                result: RunResult::refused(Exit::Destination, &error),
                steps: Vec::new(),
                stored: BTreeMap::new(),
                teller: None,
            },
        }
    }

    /// Begins in the sink, or in the spool where there is one and the sink takes nothing. What goes into the spool is another run, with an id of
    /// its own: under the first one the bucket may have a begin record whose answer was lost, or, where a presigned list was used
    /// before, a whole run.
    fn begin_somewhere(&mut self, signing: &Signing) -> Result<(Journal, Option<Spooled>), String> {
        let error = match self.begin(signing, None) {
            Ok(journal) => {
                self.errand.take().into_iter().for_each(|errand| self.host.loaded.tell(&Word::Place(errand)));
                return Ok((journal, None));
            }
            Err(error) => error,
        };
        let Some(spool) = self.spool.take() else { return Err(error) };
        let wanted = self.sink.describe();
        let (spooled, instead) = self.turn_to(spool, error)?;
        let note = json!({"run": instead, "instead_of": wanted, "reason": spooled.error});
        self.access.insert("spooled".to_owned(), note);
        say(&format!("hozen: {}; run {} goes into the spool {} instead", spooled.error, spooled.run, spooled.location));
        Ok((self.begin(signing, None)?, Some(spooled)))
    }

    /// From here on this is another run, which goes into the spool because of `error`. Also the id that it had.
    fn turn_to(&mut self, spool: DirectorySink, error: String) -> Result<(Spooled, RunId), String> {
        let before = std::mem::replace(&mut self.id, new_id(self.host.clock)?);
        let spooled = Spooled { run: self.id, location: spool.location().to_owned(), error, continues: None };
        self.sink = Arc::new(spool);
        self.host.loaded.tell(&Word::Run(self.id.to_string()));
        Ok((spooled, before))
    }

    /// Collects and seals; what a destination that was lost meanwhile did not take is collected into the spool, if there is one.
    fn collect_and_go_on(mut self, journal: Journal, signing: &Signing) -> Ended {
        let planned = begin::planned(&self.plan);
        let stage = self.collect_and_seal(journal, signing, None, None);
        let Some(spool) = self.spool.take() else { return stage.ended };
        if !stage.is_to_go_on(&planned) {
            spool.discard();
            return stage.ended;
        }
        let location = spool.location().to_owned();
        let (mut ended, first, plan) = stage.go_on(&planned);
        self.plan = plan;
        self.control.change_destination();
        let begun = self.turn_to(spool, first.continues.reason.clone()).and_then(|(spooled, _)| {
            let Spooled { run, location, error, .. } = &spooled;
            say(&format!("hozen: {error}; what is left of the plan goes into the spool {location}, as run {run}"));
            Ok((self.begin(signing, Some(&first))?, Spooled { continues: Some(first.continues.run), ..spooled }))
        });
        match begun {
            Ok((journal, spooled)) => {
                let teller = ended.teller.take();
                spooled.tell(self.collect_and_seal(journal, signing, Some(&first), teller).ended)
            }
            // The first run stays what it is: sealed, if the bucket came back for that. Nothing of either is on this host alone.
            Err(error) => {
                say(&format!("hozen: the spool {location} takes nothing either: {error}"));
                ended.result.details.insert("spool_error", json!(error));
                ended
            }
        }
    }

    /// Stores the begin record; nothing has been read for evidence before, but by the run that this one goes on with.
    fn begin(&self, signing: &Signing, first: Option<&First>) -> Result<Journal, String> {
        let begin = begin::record(self, first, signing.public());
        let subject = begin.agent.sha256.map(|sha256| record::Subject::new("hozen", sha256));
        let statement = Statement::new(record::BEGIN_TYPE, subject.into_iter().collect(), begin);
        let bytes = signing.envelope(&statement).map_err(|error| error.to_string())?;
        seal::fits(record::BEGIN_KEY, &bytes)?;
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

    /// Collects by the plan and seals. `first` is the run that this one goes on with, and `teller` its teller.
    fn collect_and_seal(
        &mut self,
        mut journal: Journal,
        signing: &Signing,
        first: Option<&First>,
        teller: Option<Teller>,
    ) -> Stage {
        self.end_in_time(&mut journal);
        let known = warnings(&*self.sink).len();
        let mut teller = self.tell(&mut journal, teller);
        let started = self.host.clock.now();
        let planned: Vec<PlannedStep> = begin::planned(&self.plan);
        let (location, mut losses) = (self.location(), Losses { has_spool: self.spool.is_some(), ..Losses::default() });
        let collected = match self.start_engine() {
            Ok(engine) => self.collect(&engine, &mut journal, teller.as_ref(), (&mut losses, first)),
            Err(error) => {
                let ended = Ended { teller, ..unsealed(&format!("cannot start threads: {error}"), Vec::new(), &journal) };
                return Stage::of(ended, location, Vec::new(), losses, &journal);
            }
        };
        if let Some(teller) = &mut teller {
            teller.update(|told| (told.phase, told.moved) = (Phase::Seal, self.host.clock.now()));
            // The journal ends soon, and is to say what became of it.
            teller.await_witness();
            observer::take_notes(&mut journal, teller);
        }
        let steps: Vec<Step> = collected.iter().map(|collected| collected.step.clone()).collect();
        let whole = first.map_or_else(|| steps.clone(), |first| first.with(&steps));
        let mut ending = self.ending(&whole, &planned, first);
        let ended = match seal::seal(&mut journal, signing, &*self.sink, &self.host, &ending, &steps) {
            Ok(last) => {
                // What the destination warned of since it was opened, and nobody has been told.
                ending.warnings.extend(warnings(&*self.sink).into_iter().skip(known));
                sealed(&ending, &last, (steps, &whole), &journal, started, &self.host)
            }
            Err(error) => unsealed(&format!("the evidence could not be sealed: {error:#}"), steps, &journal),
        };
        Stage::of(Ended { teller, ..ended }, location, collected, losses, &journal)
    }

    /// How a run ends that came to these steps, with those of the run that it goes on with among them.
    fn ending(&self, steps: &[Step], planned: &[PlannedStep], first: Option<&First>) -> seal::Ending {
        let in_plan = |name: &str| planned.iter().any(|step| step.artefact == name && step.skip.is_none());
        let wanted = |name: &str| in_plan(name) || first.is_some_and(|first| first.has(name));
        let cut_short = exit::is_cut_short(steps, self.control.stopped(self.host.clock.mono_ns()).is_some(), wanted);
        let asked = exit::Asked { cut_short, one_method: self.settings.names_memory_method() };
        let (exit, mut reasons) = exit::of_run(steps, asked, wanted);
        if cut_short {
            reasons.insert(0, format!("the run was cut short by {}", self.control.cause()));
        }
        let status = status_of(exit, steps);
        let warnings = reasons.clone();
        let reasons = if status == RunStatus::Complete { Vec::new() } else { reasons };
        let before = first.map(|first| first.before.clone());
        seal::Ending { exit, status, reasons, warnings, cut_short, before }
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

    /// Begins to tell how the run goes, if it is to, or goes on telling; that it cannot is noted.
    fn tell(&mut self, journal: &mut Journal, teller: Option<Teller>) -> Option<Teller> {
        if let Some(teller) = teller {
            teller.update(|told| {
                let (host, errors, error) = (told.host.clone(), told.errors, told.error.take());
                *told = Told { errors, error, ..self.told(journal, host) };
            });
            return Some(teller);
        }
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
        Told {
            v: 1,
            run: self.id,
            case: self.settings.case.clone(),
            host,
            to: self.location(),
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

    /// Where the evidence goes, as text.
    fn location(&self) -> String {
        self.sink.describe().get("location").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    fn start_engine(&self) -> std::io::Result<Arc<Engine>> {
        let clock = self.host.clock;
        let (threads, level) = (usize::from(self.settings.threads), i32::from(self.settings.level));
        let engine = Engine::start(Arc::clone(&self.sink), threads, level, Arc::new(move || clock.now()))?;
        Ok(Arc::new(engine.with_segments_of(self.settings.segment)))
    }

    /// Collects everything, with the log open meanwhile. Sources that a first run has told of the begin hear nothing of another.
    fn collect(
        &mut self,
        engine: &Arc<Engine>,
        journal: &mut Journal,
        teller: Option<&Teller>,
        (losses, first): (&mut Losses, Option<&First>),
    ) -> Vec<Collected> {
        let log = Log::new(engine.open(record::key(record::LOG_KEY), Kind::Table).ok());
        let display = Display::new(self.plan.iter().filter(|planned| planned.skip.is_none()).count());
        let collected = {
            let _listening = log.listen();
            tracing::info!(run = %self.id, version = crate::VERSION, "run begins");
            let (clock, control, plan) = (self.host.clock, &self.control, std::mem::take(&mut self.plan));
            if first.is_none() {
                collect::begin(&plan, &self.host);
            }
            let open = VecDeque::new();
            let mut observer = RunObserver { journal, display, clock, control, told: false, teller, losses, open };
            collect::run(plan, &self.host, engine, control, &mut observer)
        };
        // The log is the first that needs what was kept back.
        self.sink.prepare_to_seal();
        match log.close() {
            Some(closed) => observer::store_log(journal, closed),
            None => journal.append(event::OBJECT_FAILED, "the agent's log", &observer::lost(record::LOG_KEY, 0, "not opened")),
        }
        collected
    }
}

/// What `sink` warned of when it was opened and, behind that, later.
#[must_use]
pub fn warnings(sink: &dyn EvidenceSink) -> Vec<String> {
    let description = sink.describe();
    let warnings = description.get("warnings").and_then(Value::as_array);
    warnings.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
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

/// The records that a run ends with, which a witness may want to know.
#[derive(Debug, Clone)]
pub struct LastRecords {
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
    last: &LastRecords,
    (steps, whole): (Vec<Step>, &[Step]),
    journal: &Journal,
    started: hozen_collector::model::Timestamp,
    host: &Host,
) -> Ended {
    let mut details = result::details_of(whole, started, host.clock.now());
    details.insert("manifest", result::record(&last.manifest));
    details.insert("end", result::record(&last.end));
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
