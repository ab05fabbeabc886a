//! `hozen collect`.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use hozen_collector::collect::{Control, Planned};
use hozen_collector::host::Host;
use hozen_collector::host::privilege::Privileges;
use hozen_collector::host::sandbox::{Modules, Sandbox, SandboxError};
use hozen_collector::host::warden::{Warden, Word};
use hozen_collector::model::escape;
use hozen_collector::sink::directory::FOLDER_FDS;
use hozen_collector::source::catalogue;
use hozen_collector::source::memory::{Kernel, Offer};
use serde_json::{Value, json};

use super::destination::{self, Destination};
use super::summary;
use super::way::Way;
use crate::cli::CollectArgs;
use crate::config::{Config, Source};
use crate::exit::Exit;
use crate::interrupt;
use crate::modules;
use crate::progress::say;
use crate::result::RunResult;
use crate::run::{self, Ended, Run};
use crate::settings::{Malformed, Settings};
use crate::status::Teller;
use crate::warden::{self, Charge};

/// How long a second signal waits until the module is out of the kernel; the watchdog waits longer, when this process has gone.
const RELEASE: Duration = Duration::from_secs(2);

/// Why nothing was done.
struct Refusal {
    exit: Exit,
    error: anyhow::Error,
}

/// Attaches the exit code to an error.
fn or<T>(exit: Exit, result: Result<T, impl Into<anyhow::Error>>) -> Result<T, Refusal> {
    result.map_err(|error| Refusal { exit, error: error.into() })
}

/// Collects, prints the result and returns the exit code.
#[must_use]
pub fn collect(arguments: &CollectArgs) -> u8 {
    quiet_panics();
    // Now: later there are threads.
    let warden = if arguments.dry_run { Err("nothing is done".to_owned()) } else { warden::start() };
    let result = std::panic::catch_unwind(AssertUnwindSafe(|| try_collect(arguments, warden))).unwrap_or_else(|_| {
        Err(Refusal { exit: Exit::Bug, error: anyhow::anyhow!("a bug ended the run; what is stored verifies as incomplete") })
    });
    let result = result.unwrap_or_else(|refusal| {
        let text = format!("{:#}", refusal.error);
        say(&format!("hozen: {text}"));
        RunResult::refused(refusal.exit, &text)
    });
    result.print();
    result.code
}

/// A panic is reported where it is caught; here it only must not print raw text of the host.
fn quiet_panics() {
    std::panic::set_hook(Box::new(|info| say(&format!("hozen: bug: {}", escape::bytes(info.to_string().as_bytes())))));
}

fn try_collect(arguments: &CollectArgs, warden: Result<Warden, String>) -> Result<RunResult, Refusal> {
    let host = or(Exit::Platform, Host::live().context("this host cannot be read"))?;
    let way = Way::new(&arguments.network, &host);
    let config = or(Exit::Usage, arguments.config.as_deref().map(|source| config(source, &way)).transpose())?;
    let settings = Settings::new(arguments, config.unwrap_or_default()).map_err(|error| {
        let exit = if error.is::<Malformed>() { Exit::Destination } else { Exit::Usage };
        Refusal { exit, error }
    })?;
    let way = way.by(&settings.network);
    for reason in settings.user_files.refused() {
        say(&format!("hozen: warning: not collected of --artifacts: {reason}"));
    }
    let module = Module::choose(&settings, &host, &way);
    let sources = catalogue::all(&host, &settings.catalogue(module.offer));
    let plan = run::plan(sources, &settings);
    if arguments.dry_run {
        return Ok(dry_run(&plan, &settings, module.description));
    }
    or(Exit::Privileges, check_privileges(&host, &settings))?;
    execute(settings, host, plan, (module.may_load, module.description), &way, warden)
}

/// Reads the configuration. A parameter is fetched with the network options of the command line; those it contains hold from then on.
fn config(source: &Path, way: &Way) -> anyhow::Result<Config> {
    match Source::new(source)? {
        Source::File(path) => Config::file(path),
        Source::Parameter(name) => Config::parameter(&name, &way.parameter(&name).map_err(anyhow::Error::msg)?),
    }
}

/// The LiME module of a run.
struct Module {
    offer: Offer,
    /// Whether the filter lets this process load it: only where there is one, and it is for this kernel.
    may_load: Modules,
    /// For the begin record and whoever asks.
    description: Value,
}

impl Module {
    /// Nothing is looked for where the plan has no use for it.
    fn choose(settings: &Settings, host: &Host, way: &Way) -> Self {
        if !settings.may_load_module() {
            let reason = "the plan has no use for a module";
            return Self {
                offer: Offer::default(),
                may_load: Modules::Denied,
                description: json!({"chosen": false, "reason": reason}),
            };
        }
        let kernel = Kernel::running(host);
        let offer = modules::offer(host, &kernel, &settings.module, |place| way.modules(place));
        let may_load = if offer.fault(&kernel).is_none() { Modules::Allowed } else { Modules::Denied };
        let description = modules::describe(&offer, &kernel);
        Self { offer, may_load, description }
    }
}

fn execute(
    settings: Settings,
    host: Host,
    plan: Vec<Planned>,
    module: (Modules, Value),
    way: &Way,
    warden: Result<Warden, String>,
) -> Result<RunResult, Refusal> {
    let id = match &settings.presigned {
        Some(list) => list.run,
        None => or(Exit::Platform, run::new_id(host.clock).map_err(anyhow::Error::msg))?,
    };
    let control = Arc::new(Control::new(Some(settings.deadline.milliseconds().saturating_mul(1_000_000))));
    // A crowd of open folders and namespaces needs more than the usual soft limit; it is ours alone.
    let _ = raise_file_limit();
    let opened = destination::open(&settings, &host, id, &control, way).map_err(anyhow::Error::msg);
    let Destination { sink, location, spool, folder, errand, instance, host: named } = or(Exit::Destination, opened)?;
    let agent = std::process::id();
    let charge = Charge { run: id, case: settings.case.clone(), agent, folder, module: module.0 == Modules::Allowed };
    let watchdog = warden::begin(warden, &charge, errand.is_some(), &host);
    let status = settings.status.as_ref().map(|place| way.status(place, named));
    let identity = BTreeMap::from([
        ("run", json!(id)),
        ("case", json!(settings.case)),
        ("host", json!(host.identity.facts.id)),
        ("to", json!(location)),
    ]);
    let printed = Arc::new(OnceLock::new());
    let killed = at_second_signal(&host, Arc::clone(&printed), identity.clone());
    or(Exit::Platform, interrupt::watch(Arc::clone(&control), killed).context("signals cannot be watched"))?;
    let mut access = access(&host, module);
    access.insert("watchdog".to_owned(), watchdog);
    let loaded = Arc::clone(&host.loaded);
    say(&format!("hozen: run {id}, case {}, into {location}", settings.case));
    let mut ended = Run { id, settings, host, sink, plan, control, access, instance, spool, errand, status }.execute();
    report(&mut ended, identity, location, &printed);
    loaded.warden().into_iter().for_each(Warden::dismiss);
    Ok(ended.result)
}

/// Prints the one line of JSON, and says how the run ended and where it lies: in its spool, or at `location`.
fn report(ended: &mut Ended, identity: BTreeMap<&'static str, Value>, location: String, printed: &OnceLock<u8>) {
    for (name, value) in identity {
        // A run that went into the spool has an id of its own.
        ended.result.details.entry(name).or_insert(value);
    }
    let location = match ended.result.details.get("spool").and_then(Value::as_str) {
        Some(spool) => spool.to_owned(),
        None => location,
    };
    // The line goes out before anything that a stopped terminal or a second signal could get in the way of.
    ended.result.print();
    let _ = printed.set(ended.result.code);
    match ended.result.details.get("error").and_then(Value::as_str) {
        Some(error) => say(&format!("hozen: {error}")),
        None => say(&summary::of_run(ended, &location)),
    }
    if let Some(teller) = ended.teller.take() {
        tell_the_end(teller, &ended.result);
    }
}

/// What is done before a second signal ends this process: the one line of JSON, and LiME is let go.
fn at_second_signal(
    host: &Host,
    printed: Arc<OnceLock<u8>>,
    identity: BTreeMap<&'static str, Value>,
) -> impl FnOnce() -> u8 + Send + 'static {
    let (loaded, footprint) = (Arc::clone(&host.loaded), Arc::clone(&host.footprint));
    move || {
        // Once the result is out, it is what holds: only the last word to whoever watches is cut off then.
        let code = printed.get().copied().unwrap_or_else(|| {
            RunResult::unsealed(Exit::Killed, "a second signal ended the run; it is not sealed", identity).print();
            Exit::Killed.into()
        });
        loaded.tell(&Word::Cause("a second signal ended it at once".to_owned()));
        loaded.release_within(&footprint, RELEASE);
        code
    }
}

/// The last word to whoever watches. The journal is closed, so a failure is only said here.
fn tell_the_end(teller: Teller, result: &RunResult) {
    if let Err(reason) = teller.end(|told| told.end(result)) {
        say(&format!("hozen: warning: whoever watches was not told of the end: {reason}"));
    }
}

fn raise_file_limit() -> nix::Result<()> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard.min(65_536), hard)
}

/// Puts the filter in force and says how the host is read. Without seccomp the run goes on and says so.
fn access(host: &Host, (may_load, module): (Modules, Value)) -> BTreeMap<String, Value> {
    let seccomp = enter_sandbox(may_load).unwrap_or_else(|error| {
        say(&format!("hozen: warning: {error}"));
        json!({"enforced": false, "reason": error.to_string()})
    });
    BTreeMap::from([
        ("proc_view".to_owned(), json!(host.proc.view().word())),
        ("private_views".to_owned(), json!(host.files.is_private(b"/"))),
        ("seccomp".to_owned(), seccomp),
        ("lime_module".to_owned(), module),
    ])
}

fn enter_sandbox(modules: Modules) -> Result<Value, SandboxError> {
    let sandbox = Sandbox::new(FOLDER_FDS, modules)?;
    sandbox.enter()?;
    let mut description = sandbox.describe();
    description.insert("enforced".to_owned(), json!(true));
    Ok(json!(description))
}

/// Without the privileges to see other processes the evidence is a fraction; whoever wants that must say so.
fn check_privileges(host: &Host, settings: &Settings) -> anyhow::Result<()> {
    let unseen = Privileges::read(&host.proc)?.unseen();
    if unseen.is_empty() {
        return Ok(());
    }
    let list: Vec<String> =
        unseen.iter().map(|(capability, what)| format!("  {what} (CAP_{})", capability.to_uppercase())).collect();
    let list = list.join("\n");
    anyhow::ensure!(
        settings.unprivileged,
        "this process may not see all of the host; it lacks:\n{list}\nRun it as root (sudo), or give --unprivileged to collect the rest."
    );
    say(&format!("hozen: warning: not collected for lack of privileges:\n{list}"));
    Ok(())
}

fn dry_run(plan: &[Planned], settings: &Settings, module: Value) -> RunResult {
    say(&summary::of_plan(plan, &module));
    let names = |skipped: bool| -> Vec<&str> {
        plan.iter().filter(|planned| planned.skip.is_some() == skipped).map(|planned| planned.source.artefact().name).collect()
    };
    let to = settings.to.as_deref().map(escape::path);
    let to = settings.presigned.as_ref().map(|list| list.place.to_string()).or(to);
    let details = BTreeMap::from([
        ("case", json!(settings.case)),
        ("to", json!(to)),
        ("collect", json!(names(false))),
        ("skip", json!(names(true))),
        ("lime_module", module),
        ("user_files", json!(settings.user_files.counts())),
    ]);
    RunResult::of("dry-run", Exit::Complete, false, details)
}
