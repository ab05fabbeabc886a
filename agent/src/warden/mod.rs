//! The watchdog: a process of its own session that outlives the agent, whoever kills it (`hozen_collector::host::warden`). It unloads LiME
//! if this run had loaded it, and lays a record of the end beside a run.
//!
//! **Invariant:** it writes nothing but that one record, signs nothing, has no credentials but the signature of that one request, opens no
//! connection while the agent lives, and is under the same filter as the agent.

mod errand;

use hozen_collector::host::footprint::EVIDENCE_FDS;
use hozen_collector::host::sandbox::{Modules, Sandbox};
use hozen_collector::host::warden::{Left, Warden, Word, Words, unload};
use hozen_collector::host::{Clock, Host};
use hozen_collector::model::killed::{KILLED_KEY, Killed, ModuleLeft};
use hozen_collector::model::record::{self, BEGIN_KEY, END_KEY, VERSION};
use hozen_collector::model::{CaseId, RunId, Timestamp, canonical};
use hozen_collector::sink::directory::DirectorySink;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::custody;

pub use errand::{Errand, GOOD_FOR};

/// What there is to watch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// The run.
    pub run: RunId,
    /// The case.
    pub case: CaseId,
    /// The agent's process id.
    pub agent: u32,
    /// The agent's descriptor of the folder that the evidence goes to, if it goes to one.
    pub folder: Option<i32>,
    /// Whether the agent may load a module.
    pub module: bool,
}

/// Makes the watchdog; before the first thread, whoever asked for the run.
///
/// # Errors
/// Why there is none, in words.
pub fn start() -> Result<Warden, String> {
    Warden::start(live).map_err(|errno| format!("no watchdog could be started: {errno}"))
}

/// Tells the watchdog of the run, and the run of the watchdog. What the begin record says of it.
pub fn begin(warden: Result<Warden, String>, charge: &Charge, has_errand: bool, host: &Host) -> Value {
    match warden {
        Ok(warden) => {
            let pid = warden.pid();
            // Plain numbers and text always have a form.
            warden.say(&Word::Begin(serde_json::to_vec(charge).unwrap_or_default()));
            host.footprint.count("processes_started");
            host.loaded.watched_by(warden);
            let record = if has_errand {
                "bucket"
            } else if charge.folder.is_some() {
                "folder"
            } else {
                "nowhere"
            };
            json!({"running": true, "pid": pid, "record": record})
        }
        Err(reason) => json!({"running": false, "reason": reason}),
    }
}

/// What the watchdog knows.
#[derive(Debug, Default)]
struct Watched {
    charge: Option<(Charge, Option<DirectorySink>)>,
    errand: Option<Errand>,
    module: bool,
    cause: Option<String>,
    dismissed: bool,
}

/// The watchdog's whole life.
fn live(mut words: Words) {
    let mut watched = Watched::default();
    while let Some(word) = words.next() {
        watched.hear(word);
        words.look_at(watched.charge.as_ref().filter(|_| watched.module).map(|(charge, _)| charge.agent));
        // A module that could not be unloaded may be free when the last of the agent's threads is gone.
        if watched.dismissed && !watched.module {
            return;
        }
    }
    watched.end(Clock::start());
}

impl Watched {
    fn hear(&mut self, word: Word) {
        match word {
            Word::Begin(charge) => self.begin(&charge),
            Word::Run(run) => self.rename(&run),
            Word::Loading => self.module = true,
            Word::Unloaded => self.module = false,
            Word::Place(errand) => self.errand = Errand::of(&errand),
            // Whether the end record was taken, the watchdog could not tell; a run that has ended was not cut off.
            Word::Sealing => self.errand = None,
            Word::Cause(cause) => self.cause = Some(cause),
            Word::Bye => self.dismissed = true,
        }
    }

    fn begin(&mut self, charge: &[u8]) {
        let Ok(charge) = serde_json::from_slice::<Charge>(charge) else { return };
        // By the agent's own descriptor, so that it is the same folder whatever its name leads to by now.
        let place = charge.folder.map(|number| format!("/proc/{}/fd/{number}", charge.agent));
        let folder = place.and_then(|place| DirectorySink::reopen(place.as_ref()).ok());
        let modules = if charge.module { Modules::Allowed } else { Modules::Denied };
        // Where the kernel has no seccomp the agent says so; the watchdog has no voice.
        let _ = Sandbox::new(EVIDENCE_FDS, modules).and_then(|sandbox| sandbox.enter());
        self.charge = Some((charge, folder));
    }

    /// Another run: it goes into the folder.
    fn rename(&mut self, run: &str) {
        self.errand = None;
        if let (Some((charge, _)), Ok(run)) = (&mut self.charge, serde_json::from_value(json!(run))) {
            charge.run = run;
        }
    }

    /// The agent is gone.
    fn end(self, clock: Clock) {
        let (noticed, left) = (clock.now(), self.module.then(unload));
        let Some((charge, folder)) = self.charge.filter(|_| !self.dismissed) else { return };
        let record = killed(charge, noticed, self.cause, left);
        let Ok(bytes) = canonical::to_bytes(&record) else { return };
        // There is nobody left to tell that it could not be stored; the run is one that was cut off all the same.
        if let Some(errand) = self.errand {
            let _ = errand.run(clock, KILLED_KEY, &bytes);
        } else if let Some(folder) = folder.filter(was_cut_off) {
            let _ = custody::store(&folder, clock, &record::key(KILLED_KEY), &bytes);
        }
    }
}

/// Whether there is a run in the folder, and no end of it.
fn was_cut_off(folder: &DirectorySink) -> bool {
    let holds = |name: &'static str| folder.holds(&record::key(name));
    holds(BEGIN_KEY) && !holds(END_KEY)
}

fn killed(charge: Charge, noticed: Timestamp, cause: Option<String>, left: Option<Left>) -> Killed {
    let (module, errno) = match left {
        None => (ModuleLeft::None, None),
        Some(Left::Unloaded) => (ModuleLeft::Unloaded, None),
        Some(Left::Gone) => (ModuleLeft::Gone, None),
        Some(Left::Loaded(errno)) => (ModuleLeft::Loaded, Some(format!("{errno:?}"))),
    };
    Killed {
        v: VERSION,
        run: charge.run,
        case: charge.case,
        noticed,
        agent_pid: charge.agent,
        watchdog_pid: std::process::id(),
        version: crate::VERSION.to_owned(),
        cause,
        module,
        errno,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(folder: &std::path::Path) -> Watched {
        let sink = DirectorySink::reopen(folder).unwrap();
        let run = serde_json::from_value(json!("01JD0000000000000000000000")).unwrap();
        let charge = Charge { run, case: "IR-1".parse().unwrap(), agent: 7, folder: Some(sink.number()), module: false };
        Watched { charge: Some((charge, Some(sink))), ..Watched::default() }
    }

    #[test]
    fn a_record_is_laid_beside_a_run_that_was_cut_off_and_beside_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let record = folder.path().join(KILLED_KEY);
        watched(folder.path()).end(Clock::start());
        assert!(!record.exists(), "there is no run");
        std::fs::File::create_new(folder.path().join(BEGIN_KEY)).unwrap();
        Watched { dismissed: true, ..watched(folder.path()) }.end(Clock::start());
        assert!(!record.exists(), "it was told to go");
        let mut cut = Watched { cause: Some("a second signal".to_owned()), ..watched(folder.path()) };
        cut.rename("01JD0000000000000000000001");
        cut.end(Clock::start());
        let told: Killed = serde_json::from_reader(std::fs::File::open(&record).unwrap()).unwrap();
        assert_eq!(told.run.to_string(), "01JD0000000000000000000001");
        assert_eq!((told.module, told.agent_pid, told.cause.as_deref()), (ModuleLeft::None, 7, Some("a second signal")));
        std::fs::remove_file(&record).unwrap();
        std::fs::File::create_new(folder.path().join(END_KEY)).unwrap();
        watched(folder.path()).end(Clock::start());
        assert!(!record.exists(), "it has ended and been sealed");
    }

    /// Nobody would know whether the bucket has taken the end record; and another run has another place.
    #[test]
    fn a_request_is_kept_until_the_run_is_about_to_end_or_goes_elsewhere() {
        let list = json!({
            "v": 1, "run": "01JD0000000000000000000000", "case": "IR-1", "host": "h", "place": "s3://evidence/run", "part_size": 5 << 20,
            "bucket_lock": null, "allow_unlocked": false, "objects": {},
            "terms": {"base": "https://evidence", "region": "eu-central-1", "access_key_id": "A", "signed": "2026-11-29T00:00:00.000000000Z", "expires_s": 1},
        });
        let line = serde_json::to_vec(&json!({"list": list, "dns": ["10.0.0.2:53"], "ca_bundle": "/ca.pem"})).unwrap();
        let errand = Errand::of(&line).unwrap();
        assert_eq!(Errand::of(&errand.line().unwrap()), Some(errand));
        for (word, is_kept) in [(Word::Loading, true), (Word::Sealing, false), (Word::Run("x".to_owned()), false)] {
            let mut watched = Watched::default();
            watched.hear(Word::Place(line.clone()));
            watched.hear(word.clone());
            assert_eq!(watched.errand.is_some(), is_kept, "{word:?}");
        }
    }
}
