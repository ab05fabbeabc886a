//! The one request that the watchdog can make where a run goes into a bucket: it stores the record of the agent's end, and nothing else.
//! The agent signs it when the run begins; no key ever comes to the watchdog.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hozen_collector::host::{Clock, Host};
use hozen_collector::model::record;
use serde::{Deserialize, Serialize};

use crate::aws::Network;
use crate::aws::options::{ImdsChoice, NameServer, NetworkArgs};
use crate::custody;
use crate::s3::presigned::List;
use crate::s3::{PresignedOpening, S3Sink, Timing};

/// Seconds for which it is good, unless the session that signed it ends before: as long as a session lasts at most.
pub const GOOD_FOR: u32 = 12 * 3600;
/// How long it is tried: by then the host may be cut off.
const TRIED: Duration = Duration::from_secs(60);

/// The request, and what of the network's options it is sent by. A proxy is none of that: it would come from the environment, which the
/// watchdog has given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errand {
    list: List,
    dns: Vec<NameServer>,
    ca_bundle: Option<PathBuf>,
}

impl Errand {
    /// The one request of `list`, over a network that was opened by `options`.
    #[must_use]
    pub fn new(list: List, options: &NetworkArgs) -> Self {
        Self { list, dns: options.dns.clone(), ca_bundle: options.ca_bundle.clone() }
    }

    /// As one line.
    ///
    /// # Errors
    /// When a path is no text.
    pub fn line(&self) -> Result<Vec<u8>, String> {
        serde_json::to_vec(self).map_err(|error| error.to_string())
    }

    pub(super) fn of(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// Stores `bytes` as the object `key`.
    pub(super) fn run(self, clock: Clock, key: &'static str, bytes: &[u8]) -> Result<(), String> {
        let host = Host::live().map_err(|error| error.to_string())?;
        let options = NetworkArgs {
            region: Some(self.list.region().to_owned()),
            dns: self.dns,
            ca_bundle: self.ca_bundle,
            imds_endpoint: Some(ImdsChoice::Off),
            ..NetworkArgs::default()
        };
        let network = Arc::new(Network::open(options, &host)?);
        let timing = Timing { retry_for: TRIED, begin: TRIED, ..Timing::default() };
        let (options, list) = (self.list.options(1, None), Arc::new(self.list));
        let hurried = Arc::new(|| false);
        let opening = PresignedOpening { network, list, options, timing, clock, hurried, warnings: Vec::new() };
        let sink = S3Sink::open_presigned(opening)?;
        custody::store(&sink, clock, &record::key(key), bytes).map(drop).map_err(|error| error.to_string())
    }
}
