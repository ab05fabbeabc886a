//! The way to a bucket, for commands that are not run on a suspect host but go by the same options.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hozen_collector::host::{Clock, Host};

use crate::aws::Network;
use crate::aws::credentials::{self, Found};
use crate::aws::options::NetworkArgs;
use crate::s3::{BucketOptions, BucketUri, Opening, Reader, Reading, S3Sink, Timing};
use crate::settings;

/// How long a question is asked again, where nobody says otherwise: whoever waits for it sits in front of it.
const PATIENCE: Duration = Duration::from_secs(120);

/// An open way.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) network: Arc<Network>,
    pub(super) credentials: Found,
    pub(super) clock: Clock,
    timing: Timing,
}

/// Opens it. Says what to do where that cannot be.
pub(super) fn open(options: &NetworkArgs) -> Result<Way, String> {
    let options = options.clone().over(NetworkArgs::default());
    options.check()?;
    let host = Host::live().map_err(|error| format!("this machine cannot be read: {error}"))?;
    let retry_for = options.retry_for.map_or(PATIENCE, |span| span.duration());
    let network = Arc::new(Network::open(options, &host)?);
    let credentials = credentials::find(&network)?;
    let timing = Timing { retry_for, ..Timing::default() };
    Ok(Way { network, credentials, clock: host.clock, timing })
}

impl Way {
    /// A reader of the run at `place`.
    pub(super) fn reader(&self, place: BucketUri, owner: Option<String>) -> Result<Arc<Reader>, String> {
        let (network, credentials) = (Arc::clone(&self.network), self.credentials.clone());
        let (timing, clock) = (self.timing, self.clock);
        Reader::open(Reading { network, credentials, place, owner, timing, clock }).map(Arc::new)
    }

    /// A sink into `place`.
    pub(super) fn sink(&self, place: BucketUri, options: BucketOptions) -> Result<S3Sink, String> {
        let (network, credentials) = (Arc::clone(&self.network), self.credentials.clone());
        let (timing, clock) = (self.timing, self.clock);
        S3Sink::open(Opening { network, credentials, place, options, timing, clock, hurried: Arc::new(|| false) })
    }

    /// The way, who goes it, and how long requests are tried.
    pub(super) fn into_parts(self) -> (Arc<Network>, Found, Timing) {
        (self.network, self.credentials, self.timing)
    }

    /// The same with another patience.
    pub(super) fn with_timing(self, timing: Timing) -> Self {
        Self { timing, ..self }
    }
}

/// The place in a bucket that an argument must be; `name` is the argument's.
pub(super) fn bucket(argument: &Path, name: &str) -> Result<BucketUri, String> {
    let place = settings::place(argument).map_err(|error| format!("{name}: {error:#}"))?;
    place.ok_or_else(|| format!("{name} must be a place in a bucket; write s3://bucket/prefix"))
}
