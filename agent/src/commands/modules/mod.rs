//! `hozen modules`: the store of LiME modules.
//!
//! `add` and `keygen` write, and are for a builder; the others read. Exit codes: 0 done, 1 refused or failed, 3 could not read.

mod text;

use anyhow::{Error, anyhow};
use hozen_collector::host::{Clock, Host};
use hozen_collector::model::modules::{Architecture, ModuleIndex};
use hozen_collector::model::{Digest, escape};
use hozen_collector::source::memory::{Kernel, Offer};
use serde_json::{Value, json};

use super::print;
use super::way::Way;
use crate::cli::modules::{AddArgs, KeygenArgs, ListArgs, MatchArgs, ModulesCommand, StoreArgs};
use crate::exit::Exit;
use crate::modules::{self, Addition, Fault, Folder, Place, Shelf, TrustedKey, Wanted};
use crate::progress::say;

/// Refused, failed, or nothing fits.
const REFUSED: u8 = 1;
/// Something could not be read.
const UNREADABLE: u8 = 3;

/// Why nothing came of it, and the exit code.
struct Refusal(u8, Error);

/// Does what is asked and returns the exit code.
#[must_use]
pub fn modules(command: &ModulesCommand) -> u8 {
    let result = match command {
        ModulesCommand::List(arguments) => list(arguments),
        ModulesCommand::Add(arguments) => add(arguments),
        ModulesCommand::Verify(arguments) => verify(arguments),
        ModulesCommand::Match(arguments) => fit(arguments),
        ModulesCommand::Keygen(arguments) => keygen(arguments),
    };
    result.unwrap_or_else(|Refusal(code, error)| {
        say(&format!("hozen: {error:#}"));
        code
    })
}

/// Prints JSON or text.
fn show(json: bool, value: &Value, text: &str) {
    if json { print(&serde_json::to_string_pretty(value).unwrap_or_default()) } else { print(text.trim_end()) }
}

fn list(arguments: &ListArgs) -> Result<u8, Refusal> {
    let store = &arguments.store;
    let (index, sha256, key) = open(store)?;
    let value =
        json!({"v": 1, "store": escape::path(&store.store), "keyid": key.id(), "index_sha256": sha256, "modules": index.modules});
    show(store.json, &value, &text::list(&index, &escape::path(&store.store), key.id()));
    Ok(0)
}

/// The index of a store on a machine that is trusted.
fn open(store: &StoreArgs) -> Result<(ModuleIndex, Digest, TrustedKey), Refusal> {
    let unreadable = |error: Error| Refusal(UNREADABLE, error);
    let key = TrustedKey::named(&store.modules_key).map_err(|why| unreadable(anyhow!("{why}; give --modules-key FILE")))?;
    let read = |fault: Fault| match fault {
        Fault::Foul(_) => Refusal(REFUSED, anyhow!("the store cannot be used: {fault}")),
        Fault::Missing(_) | Fault::Unreadable(_) => unreadable(anyhow!("the store cannot be read: {fault}")),
    };
    let bytes = shelf(store)?.and_then(|shelf| shelf.index()).map_err(read)?;
    let index = modules::read(&bytes, &key);
    let refused =
        |why| Refusal(REFUSED, anyhow!("nothing in the store {} is trusted: index.json: {why}", escape::path(&store.store)));
    Ok((index.map_err(refused)?, Digest::of(&bytes), key))
}

/// The store, on a machine that is trusted.
fn shelf(store: &StoreArgs) -> Result<Result<Box<dyn Shelf>, Fault>, Refusal> {
    Ok(match place(store)? {
        Place::Folder(path) => Folder::named(&path).map(|folder| Box::new(folder) as _),
        Place::Bucket(place) => way(store)?.modules(&place).map(|bucket| Box::new(bucket) as _),
    })
}

fn place(store: &StoreArgs) -> Result<Place, Refusal> {
    Place::new(&store.store).map_err(|error| Refusal(Exit::Usage.into(), error.context("--store")))
}

fn way(store: &StoreArgs) -> Result<Way, Refusal> {
    Ok(Way::new(&store.network, &host()?))
}

fn host() -> Result<Host, Refusal> {
    Host::live().map_err(|error| Refusal(Exit::Platform.into(), anyhow!("this host cannot be read: {error}")))
}

fn add(arguments: &AddArgs) -> Result<u8, Refusal> {
    let place = Place::new(&arguments.store).map_err(|error| Refusal(Exit::Usage.into(), error.context("--store")))?;
    if let Place::Bucket(place) = place {
        let what = anyhow!("modules are added to a folder; name one with --store, and copy it to {place} when it is done");
        return Err(Refusal(Exit::Usage.into(), what));
    }
    let signing = modules::signing_key(&arguments.key).map_err(|error| Refusal(UNREADABLE, error))?;
    let addition = Addition {
        build_id: arguments.build_id.clone(),
        release: arguments.release.clone(),
        arch: arguments.arch,
        built: arguments.built.clone(),
        lime_version: arguments.lime_version.clone(),
        replace: arguments.replace,
    };
    let now = Clock::start().now();
    let added =
        modules::add(&arguments.store, &signing, &arguments.files, &addition, now).map_err(|error| Refusal(REFUSED, error))?;
    let (store, keyid) = (escape::path(&arguments.store), signing.public().keyid);
    let value = json!({"v": 1, "store": store, "keyid": keyid, "index_sha256": added.index_sha256, "added": added.entries, "modules": added.modules});
    show(arguments.json, &value, &text::added(&added, &store));
    Ok(0)
}

fn verify(arguments: &ListArgs) -> Result<u8, Refusal> {
    let store = &arguments.store;
    // Of this command even a wrong argument means that the store could not be checked.
    let shelf = shelf(store).map_err(|Refusal(_, error)| Refusal(UNREADABLE, error))?;
    let report = modules::verify(escape::path(&store.store), shelf, TrustedKey::named(&store.modules_key));
    show(store.json, &json!(report), &text::report(&report));
    Ok(report.verdict.exit_code())
}

fn fit(arguments: &MatchArgs) -> Result<u8, Refusal> {
    let store = &arguments.store;
    let (kernel, offer) = match &arguments.release {
        None => running(store)?,
        Some(release) => {
            let architecture = arguments.arch.or_else(Architecture::of_this_program);
            let build_id = arguments.build_id.clone();
            let kernel = Kernel { architecture, release: release.clone().into_bytes(), version: Vec::new(), build_id };
            let offer = other(store, &kernel)?;
            (kernel, offer)
        }
    };
    let (sha256, reasons) = (offer.module.map(|module| module.sha256), offer.store.unwrap_or_default().refusals);
    let of_kernel = json!({"arch": kernel.architecture, "release": escape::bytes(&kernel.release), "build_id": kernel.build_id});
    let value = json!({"v": 1, "store": escape::path(&store.store), "kernel": of_kernel, "sha256": sha256, "reasons": reasons});
    show(store.json, &value, &text::fit(&kernel, sha256, &reasons, &escape::path(&store.store)));
    Ok(if sha256.is_some() { 0 } else { REFUSED })
}

/// As a run here would choose, on a host that is not trusted.
fn running(store: &StoreArgs) -> Result<(Kernel, Offer), Refusal> {
    let host = host()?;
    let kernel = Kernel::running(&host);
    let wanted = Wanted { file: None, store: Some(place(store)?), key: Some(store.modules_key.clone()) };
    let way = Way::new(&store.network, &host);
    let offer = modules::offer(&host, &kernel, &wanted, |place| way.modules(place));
    Ok((kernel, offer))
}

/// As a run on such a kernel would choose; this machine is trusted.
fn other(store: &StoreArgs, kernel: &Kernel) -> Result<Offer, Refusal> {
    let shelf = shelf(store)?.map_err(|fault| Refusal(UNREADABLE, anyhow!("the store cannot be read: {fault}")))?;
    Ok(modules::offer_of(&*shelf, TrustedKey::named(&store.modules_key), kernel))
}

fn keygen(arguments: &KeygenArgs) -> Result<u8, Refusal> {
    let made = modules::generate(&arguments.key, arguments.public.as_deref()).map_err(|error| Refusal(REFUSED, error))?;
    let (key, public) = (escape::path(&arguments.key), escape::path(&made.public));
    let value = json!({"v": 1, "keyid": made.keyid, "key": key, "public": public});
    show(arguments.json, &value, &format!("signing key  {key}\npublic half  {public}\nkey id       {}", made.keyid));
    Ok(0)
}
