//! The way to AWS: opened when somebody first needs it, and once for all who do, because what a descriptor or the environment gives
//! can be taken only once.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hozen_collector::host::{Clock, Host};

use crate::aws::Network;
use crate::aws::credentials::{self, Found};
use crate::aws::options::{CredentialSource, NetworkArgs};
use crate::aws::parameter::{self, ParameterName, Parameters};
use crate::modules::{Fault, InBucket};
use crate::s3::{self, BucketOptions, BucketUri, Opening, Reader, Reading, S3Sink, Timing};
use crate::status::{self, Channel};

/// How long a question is asked again, where nobody says otherwise: whoever waits for it sits in front of it.
const PATIENCE: Duration = Duration::from_secs(120);

/// The way.
pub(super) struct Way {
    pub(super) clock: Clock,
    options: NetworkArgs,
    host: Host,
    network: OnceLock<Result<Arc<Network>, String>>,
    credentials: OnceLock<Result<(CredentialSource, Found), String>>,
}

/// Opens it now. Says what to do where that cannot be.
pub(super) fn open(options: &NetworkArgs) -> Result<Way, String> {
    let host = Host::live().map_err(|error| format!("this machine cannot be read: {error}"))?;
    let way = Way::new(options, &host);
    way.network()?;
    way.credentials()?;
    Ok(way)
}

impl Way {
    /// A way by these options, which nobody has needed yet.
    pub(super) fn new(options: &NetworkArgs, host: &Host) -> Self {
        let options = options.clone().over(NetworkArgs::default());
        Self { clock: host.clock, options, host: host.clone(), network: OnceLock::new(), credentials: OnceLock::new() }
    }

    /// The same by other options. What was opened is kept where they do not change it; credentials that were taken are not asked for
    /// again.
    pub(super) fn by(self, options: &NetworkArgs) -> Self {
        let other = Self::new(options, &self.host);
        let Some(Ok(before)) = self.network.into_inner() else { return other };
        let network = if other.options == *before.options() {
            Ok(before)
        } else {
            before.again(other.options.clone(), &other.host).map(Arc::new)
        };
        let asked = other.options.credentials.as_ref();
        let kept = self
            .credentials
            .into_inner()
            .filter(|taken| taken.as_ref().is_ok_and(|(source, _)| asked.is_none_or(|asked| asked == source)));
        let kept = kept.map_or_else(OnceLock::new, OnceLock::from);
        Self { network: OnceLock::from(network), credentials: kept, ..other }
    }

    /// The network.
    pub(super) fn network(&self) -> Result<Arc<Network>, String> {
        let open = || {
            self.options.check()?;
            Network::open(self.options.clone(), &self.host).map(Arc::new)
        };
        self.network.get_or_init(open).clone()
    }

    /// Who we are there.
    pub(super) fn credentials(&self) -> Result<Found, String> {
        let take = || {
            let network = self.network()?;
            let source = credentials::source(&network)?;
            let found = credentials::take(&network, &source)?;
            Ok((source, found))
        };
        self.credentials.get_or_init(take).clone().map(|(_, found)| found)
    }

    /// A reader of the run at `place`.
    pub(super) fn reader(&self, place: BucketUri, owner: Option<String>) -> Result<Arc<Reader>, String> {
        self.reader_with(place, owner, self.timing()).map(Arc::new)
    }

    fn reader_with(&self, place: BucketUri, owner: Option<String>, timing: Timing) -> Result<Reader, String> {
        let (network, credentials, clock) = (self.network()?, self.credentials()?, self.clock);
        Reader::open(Reading { network, credentials, place, owner, timing, clock })
    }

    /// The module store at `place`. Its owner is not asked for: what is trusted in it is what its key has signed.
    pub(super) fn modules(&self, place: &BucketUri) -> Result<InBucket, Fault> {
        let reader = self.reader_with(place.clone(), None, InBucket::timing());
        reader.map(InBucket::new).map_err(|why| Fault::Unreadable(format!("{place}: {why}")))
    }

    /// What the parameter `name` holds.
    pub(super) fn parameter(&self, name: &ParameterName) -> Result<parameter::Read, String> {
        let network = self.network()?;
        let parameters = Parameters::new(&network, self.credentials()?.provider)?;
        network.block_on(parameters.read(name))
    }

    /// Where the run of the host `host` says how it goes.
    pub(super) fn status(&self, place: &status::Place, host: String) -> Result<Channel, String> {
        let network = self.network()?;
        let parameters = Parameters::new(&network, self.credentials()?.provider)?;
        Ok(Channel { network, parameters, name: place.of(&host)?, host })
    }

    /// A sink into `place`.
    pub(super) fn sink(&self, place: BucketUri, options: BucketOptions) -> Result<S3Sink, String> {
        self.sink_with(place, options, self.timing())
    }

    /// The way, who goes it, and how long requests are tried.
    pub(super) fn parts(&self) -> Result<(Arc<Network>, Found, Timing), String> {
        Ok((self.network()?, self.credentials()?, self.timing()))
    }

    /// The same with another patience.
    pub(super) fn sink_with(&self, place: BucketUri, options: BucketOptions, timing: Timing) -> Result<S3Sink, String> {
        let (network, credentials, clock) = (self.network()?, self.credentials()?, self.clock);
        S3Sink::open(Opening { network, credentials, place, options, timing, clock, hurried: Arc::new(|| false) })
    }

    fn timing(&self) -> Timing {
        let retry_for = self.options.retry_for.map_or(PATIENCE, |span| span.duration());
        Timing { retry_for, ..Timing::default() }
    }
}

/// The place in a bucket that an argument must be; `name` is the argument's.
pub(super) fn bucket(argument: &Path, name: &str) -> Result<BucketUri, String> {
    let place = s3::place(argument).map_err(|error| format!("{name}: {error}"))?;
    place.ok_or_else(|| format!("{name} must be a place in a bucket; write s3://bucket/prefix"))
}
