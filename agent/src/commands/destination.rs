//! Where a run goes, opened before anything is read.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hozen_collector::collect::Control;
use hozen_collector::host::{Clock, Host};
use hozen_collector::model::RunId;
use hozen_collector::model::killed::KILLED_KEY;
use hozen_collector::model::record::{self, Instance};
use hozen_collector::sink::EvidenceSink;
use hozen_collector::sink::directory::DirectorySink;

use super::way::Way;
use crate::aws::Network;
use crate::aws::identity::{self, Document};
use crate::progress::say;
use crate::run;
use crate::s3::layout::NO_ACCOUNT;
use crate::s3::presigned::{List, Signed};
use crate::s3::{BucketUri, Hurried, Opening, PresignedOpening, Refused, S3Sink, Timing, layout};
use crate::settings::Settings;
use crate::warden::{Errand, GOOD_FOR};

/// How long each request is tried once the bucket was given up, where a spool stands ready,
const LOST: Duration = Duration::from_secs(10);
/// and where nothing does.
const LOST_ALONE: Duration = Duration::from_secs(60);

/// An open destination.
#[derive(Debug)]
pub(super) struct Destination {
    pub(super) sink: Arc<dyn EvidenceSink>,
    /// For people.
    pub(super) location: String,
    /// The folder that stands ready if the bucket takes nothing, or nothing more.
    pub(super) spool: Option<DirectorySink>,
    /// The descriptor of the folder that the run goes to, or may go to.
    pub(super) folder: Option<i32>,
    /// What the watchdog is given where the run goes into a bucket.
    pub(super) errand: Option<Vec<u8>>,
    /// Which instance this is.
    pub(super) instance: Option<Instance>,
    /// The host, as places outside it are named: the instance as its metadata sign it, else what the host says of itself.
    pub(super) host: String,
}

/// Opens what the settings name. Says what to do where that cannot be.
pub(super) fn open(
    settings: &Settings,
    host: &Host,
    id: RunId,
    control: &Arc<Control>,
    way: &Way,
) -> Result<Destination, String> {
    let wanted = settings.place.is_some() || Network::finds_an_instance(&settings.network, host);
    let network = wanted.then(|| way.network()).transpose()?;
    let (instance, document) = network.as_deref().and_then(identity::read).map_or_else(Default::default, |(i, d)| (Some(i), d));
    let named = document.instance_id.as_deref().unwrap_or(&host.identity.facts.id).to_owned();
    match &settings.place {
        Some(to) => {
            let spool = settings.spool.as_deref().map(DirectorySink::create).transpose().map_err(|error| error.to_string())?;
            let (place, opened) = match &settings.presigned {
                Some(list) => (to.clone(), presigned(list, settings, host, &document, way, control)),
                None => {
                    say_without_identity(host, &named, &document);
                    let place = place(to, settings, &named, &document, id)?;
                    (place.clone(), bucket(settings, host, way, place, control))
                }
            };
            let location = place.to_string();
            let (sink, errand): (Arc<dyn EvidenceSink>, _) = match opened {
                Ok(sink) => {
                    run::warnings(&sink).iter().for_each(|warning| say(&format!("hozen: warning: {warning}")));
                    let of = Signed { run: id, case: settings.case.clone(), host: named.clone() };
                    let errand = errand(&sink, of, settings, way);
                    (Arc::new(sink), errand)
                }
                Err(reason) if spool.is_some() => (Arc::new(Refused { place, reason }), None),
                Err(reason) => return Err(reason),
            };
            let folder = spool.as_ref().map(DirectorySink::number);
            Ok(Destination { sink, location, spool, folder, errand, instance, host: named })
        }
        None => folder(settings, id).map(|sink| Destination {
            location: sink.location().to_owned(),
            folder: Some(sink.number()),
            sink: Arc::new(sink),
            spool: None,
            errand: None,
            instance,
            host: named,
        }),
    }
}

fn folder(settings: &Settings, id: RunId) -> Result<DirectorySink, String> {
    let to = settings.to.clone().unwrap_or_else(|| PathBuf::from(format!("evidence-{id}")));
    DirectorySink::create(&to).map_err(|error| error.to_string())
}

/// Says what the run is filed under where no instance metadata say which instance of which account this is, as outside EC2: whoever looks
/// for the run in the bucket has to know.
fn say_without_identity(host: &Host, named: &str, document: &Document) {
    let kind = host.identity.facts.id_kind.replace('-', " ");
    if document.instance_id.is_none() {
        say(&format!(
            "hozen: no instance metadata say who this host is; the run is filed under {NO_ACCOUNT} and its {kind}, {named}"
        ));
    }
}

/// The run's own place.
fn place(to: &BucketUri, settings: &Settings, host: &str, document: &Document, id: RunId) -> Result<BucketUri, String> {
    let place = layout::run(to, &settings.case, document.account_id.as_deref(), host, id);
    place.map_err(|error| format!("--to is too long: {error}"))
}

fn bucket(settings: &Settings, host: &Host, way: &Way, place: BucketUri, control: &Arc<Control>) -> Result<S3Sink, String> {
    let (network, credentials) = (way.network()?, way.credentials()?);
    let (timing, hurried, options) = (timing(settings), hurried(control, host.clock), settings.bucket.clone());
    S3Sink::open(Opening { network, credentials, place, options, timing, clock: host.clock, hurried })
}

/// What the watchdog is given. A run is not refused for want of it.
fn errand(sink: &S3Sink, of: Signed, settings: &Settings, way: &Way) -> Option<Vec<u8>> {
    let credentials = settings.presigned.is_none().then(|| way.credentials()).transpose();
    let list = credentials.and_then(|found| sink.one_request(record::key(KILLED_KEY), of, found.as_ref(), GOOD_FOR));
    let errand = list.and_then(|list| Errand::new(list, &settings.network).line());
    errand
        .inspect_err(|reason| say(&format!("hozen: warning: if this run is killed, nothing in the bucket will say so: {reason}")))
        .ok()
}

/// The place that `list` is for, if this is the host that it is for.
fn presigned(
    list: &Arc<List>,
    settings: &Settings,
    host: &Host,
    document: &Document,
    way: &Way,
    control: &Arc<Control>,
) -> Result<S3Sink, String> {
    let mut warnings = Vec::new();
    match (document.instance_id.as_deref(), host.identity.facts.id.as_str()) {
        (None, id) if id != list.host => {
            warnings.push(format!(
                "the presigned list is for {}, and this host has no instance metadata to tell whether it is",
                list.host
            ));
        }
        (Some(id), _) if id != list.host => {
            return Err(format!("the presigned list is for {}, and this is {id}; take the list of this host", list.host));
        }
        _ => {}
    }
    let (timing, hurried, options) = (timing(settings), hurried(control, host.clock), settings.bucket.clone());
    let (network, list) = (way.network()?, Arc::clone(list));
    S3Sink::open_presigned(PresignedOpening { network, list, options, timing, clock: host.clock, hurried, warnings })
}

fn timing(settings: &Settings) -> Timing {
    let mut timing = Timing::default();
    if let Some(span) = settings.network.retry_for {
        timing.retry_for = span.duration();
    }
    timing.lost = Some(if settings.spool.is_some() { LOST } else { LOST_ALONE });
    timing
}

/// Whether the run is to end: because of a signal, its deadline, or a destination that is lost.
fn hurried(control: &Arc<Control>, clock: Clock) -> Hurried {
    let control = Arc::clone(control);
    Arc::new(move || control.stopped(clock.mono_ns()).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_ends_a_run_hurries_its_requests() {
        let clock = Clock::start();
        let hurried_by = |deadline_ns: Option<u64>, end: fn(&Control)| {
            let control = Arc::new(Control::new(deadline_ns));
            end(&control);
            hurried(&control, clock)()
        };
        assert!(!hurried_by(None, |_| ()) && !hurried_by(Some(u64::MAX), |_| ()));
        assert!(hurried_by(Some(0), |_| ()));
        assert!(hurried_by(None, |control| control.interrupt("SIGTERM")) && hurried_by(None, Control::lose_destination));
    }
}
