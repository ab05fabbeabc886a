//! Our own way to AWS: resolver, roots, HTTP client, region, credentials, instance metadata, and the clients made of them.
//!
//! ```text
//! options → Network::open(options, host) → network.s3(…) | ssm(…) | kms(…)
//!                │                       → network.imds() → identity; network.ssm(…) → parameter
//!                └ runtime: the threads on which all of it runs; everybody else waits with block_on
//! ```
//!
//! **Invariant:** nothing of the suspect host decides where evidence goes: no library of it resolves a name, none of its roots is
//! believed, and its proxies and `AWS_*` variables are obeyed only where `--use-environment` says so. What was decided is in
//! [`Network::record`], which the begin record carries.

pub mod credentials;
mod ec2;
mod endpoints;
mod http;
pub mod identity;
mod imds;
pub mod options;
pub mod parameter;
mod proxy;
mod resolve;
mod trust;
pub mod words;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::config::StalledStreamProtectionConfig;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_types::region::Region;
use aws_types::sdk_config::SdkConfig;
use hozen_collector::host::Host;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Handle, Runtime};

use credentials::Kept;
use options::{Endpoint, ImdsChoice, NetworkArgs};
use proxy::Proxies;
use resolve::{Names, Servers};

/// Threads that move bytes: one hashes and encrypts while the other does.
const THREADS: usize = 2;
/// What making a connection may take.
pub const CONNECT: Duration = Duration::from_secs(4);
/// For how long a body may stand still on its way, out or in, before its try is given up. The SDK's own five seconds are less than a
/// host that is busy, or a network that turns to another route, may need.
const STILL: Duration = Duration::from_secs(25);
/// What a small question to Systems Manager or KMS may take, and one try of it.
const QUESTION: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(4));
/// Where a region must be named and a store that is not AWS has none.
const ANY_REGION: &str = "us-east-1";
/// What is said where none is known.
const NO_REGION: &str = "no region is known; give --region, as in --region eu-central-1";

/// The way to AWS.
#[derive(Debug)]
pub struct Network {
    runtime: Arc<Runtime>,
    options: NetworkArgs,
    http: SharedHttpClient,
    imds: Option<(String, aws_config::imds::Client)>,
    region: Option<String>,
    servers: Servers,
    names: Names,
    record: Value,
}

impl Network {
    /// Opens it; no packet is sent but to the instance metadata, for the region, where nobody named one.
    ///
    /// # Errors
    /// When an option cannot be, or no thread can be made.
    pub fn open(options: NetworkArgs, host: &Host) -> Result<Self, String> {
        let runtime = runtime().map_err(|error| format!("the network's threads cannot be started: {error}"))?;
        Self::on(Arc::new(runtime), options, host)
    }

    /// Opens it once more by other options, on the same threads.
    ///
    /// # Errors
    /// When an option cannot be.
    pub fn again(&self, options: NetworkArgs, host: &Host) -> Result<Self, String> {
        Self::on(Arc::clone(&self.runtime), options, host)
    }

    fn on(runtime: Arc<Runtime>, options: NetworkArgs, host: &Host) -> Result<Self, String> {
        let ec2 = ec2::is_ec2(host);
        let trust = trust::load(options.ca_bundle.as_deref())?;
        let given: Vec<_> = options.dns.iter().map(|server| server.0).collect();
        let servers = Servers::find(&given, ec2, host);
        let names = runtime.block_on(async { servers.resolver() });
        let proxies = Proxies::find(options.use_environment)?;
        let http = http::client(trust.context.clone(), names.clone(), proxies.are_used());
        // The metadata are one hop away and hold the role's credentials: no proxy is to carry them.
        let direct = http::client(trust.context, names.clone(), false);
        let imds = imds_address(&options, ec2).map(|address| {
            let client = imds::client(&address, &direct);
            client.map(|client| (address, client))
        });
        let imds = imds.transpose()?;
        let record = json!({
            "ec2_by_dmi": ec2,
            "tls": trust.record,
            "proxy": proxies.record(),
            "imds": imds.as_ref().map(|(address, _)| address),
            "endpoint": options.endpoint_url.as_ref().map(Endpoint::as_str),
            "path_style": options.path_style,
            "dual_stack": options.dual_stack,
        });
        let mut network = Self { runtime, options, http, imds, region: None, servers, names, record };
        network.settle_region();
        Ok(network)
    }

    /// Finds the region, and what follows from it.
    fn settle_region(&mut self) {
        let (region, source) = self.find_region().unzip();
        let endpoints = self.block_on(endpoints::record(&self.options, region.as_deref()));
        if let Value::Object(record) = &mut self.record {
            let found = [("region", region.as_deref()), ("region_from", source)];
            record.extend(found.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?)))));
            record.insert("endpoints".to_owned(), endpoints);
        }
        self.region = region;
    }

    /// Whether `options` and this host's firmware say that there are instance metadata to ask.
    #[must_use]
    pub fn finds_an_instance(options: &NetworkArgs, host: &Host) -> bool {
        imds_address(options, ec2::is_ec2(host)).is_some()
    }

    /// The options that it was opened with.
    #[must_use]
    pub fn options(&self) -> &NetworkArgs {
        &self.options
    }

    /// What was decided, for the begin record, and which name servers have answered by now.
    #[must_use]
    pub fn record(&self) -> Value {
        let mut record = self.record.clone();
        if let Value::Object(members) = &mut record {
            members.insert("dns".to_owned(), self.servers.record(&self.names));
        }
        record
    }

    /// Whether there are instance metadata to ask.
    #[must_use]
    pub fn has_imds(&self) -> bool {
        self.imds.is_some()
    }

    /// A client of the instance metadata, where they are to be asked.
    #[must_use]
    pub fn imds(&self) -> Option<aws_config::imds::Client> {
        self.imds.as_ref().map(|(_, client)| client.clone())
    }

    /// Waits for `future` on the calling thread, which must not be one of the runtime's.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// The runtime that everything runs on.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.runtime.handle().clone()
    }

    /// A client of S3. It tries nothing twice by itself and has no timeout but that of connecting: who writes evidence must know
    /// of every try, because the answer to a second one depends on whether the first was obeyed.
    ///
    /// # Errors
    /// When no region is known.
    pub fn s3(&self, credentials: SharedCredentialsProvider) -> Result<aws_sdk_s3::Client, String> {
        let region = self.region.clone().ok_or(NO_REGION)?;
        self.s3_in(region, credentials)
    }

    /// The same for a bucket that is in another region.
    ///
    /// # Errors
    /// When it is no region.
    pub fn s3_in(&self, region: String, credentials: SharedCredentialsProvider) -> Result<aws_sdk_s3::Client, String> {
        if !options::is_region(&region) {
            return Err(format!("{region:?} is no region"));
        }
        Ok(aws_sdk_s3::Client::from_conf(self.s3_config(region, Some(credentials)).build()))
    }

    fn s3_config(&self, region: String, credentials: Option<SharedCredentialsProvider>) -> aws_sdk_s3::config::Builder {
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).build();
        let kept = credentials.map(Kept::new);
        let shared = self.config(region, kept.clone().map(SharedCredentialsProvider::new), RetryConfig::disabled(), timeouts);
        let mut config = aws_sdk_s3::config::Builder::from(&shared).force_path_style(self.options.path_style);
        if let Some(kept) = kept {
            // The SDK's own cache holds what has no end for a quarter of an hour, whatever S3 says of it.
            config = config.identity_cache(aws_sdk_s3::config::IdentityCache::no_cache()).interceptor(kept);
        }
        config.set_endpoint_url(self.options.endpoint_url.as_ref().map(Endpoint::base));
        config.set_use_dual_stack(Some(self.options.dual_stack));
        config
    }

    /// A client of S3 that signs nothing, as anybody could ask who knows the bucket's name.
    ///
    /// # Errors
    /// When no region is known.
    pub fn s3_as_anybody(&self) -> Result<aws_sdk_s3::Client, String> {
        let region = self.region.clone().ok_or(NO_REGION)?;
        Ok(aws_sdk_s3::Client::from_conf(self.s3_config(region, None).allow_no_auth().build()))
    }

    /// A client of S3 that signs nothing, for requests that somebody else has signed. It tries nothing twice either.
    ///
    /// # Errors
    /// When no region is known.
    pub fn s3_without_credentials(&self) -> Result<aws_sdk_s3::Client, String> {
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).build();
        let region = self.region.clone().ok_or(NO_REGION)?;
        let shared = self.config(region, None, RetryConfig::disabled(), timeouts);
        let config = aws_sdk_s3::config::Builder::from(&shared).force_path_style(true).allow_no_auth();
        Ok(aws_sdk_s3::Client::from_conf(config.build()))
    }

    /// A client of Systems Manager.
    ///
    /// # Errors
    /// When no region is known.
    pub fn ssm(&self, credentials: SharedCredentialsProvider) -> Result<aws_sdk_ssm::Client, String> {
        let region = self.region.clone().ok_or(NO_REGION)?;
        let shared = self.config(region, Some(credentials), RetryConfig::standard(), questions());
        let mut config = aws_sdk_ssm::config::Builder::from(&shared);
        config.set_endpoint_url(self.options.ssm_endpoint_url.as_ref().map(|url| url.as_str().to_owned()));
        config.set_use_dual_stack(Some(self.options.dual_stack));
        Ok(aws_sdk_ssm::Client::from_conf(config.build()))
    }

    /// A client of KMS.
    ///
    /// # Errors
    /// When no region is known.
    pub fn kms(&self, credentials: SharedCredentialsProvider) -> Result<aws_sdk_kms::Client, String> {
        let region = self.region.clone().ok_or(NO_REGION)?;
        let shared = self.config(region, Some(credentials), RetryConfig::standard(), questions());
        let mut config = aws_sdk_kms::config::Builder::from(&shared);
        config.set_endpoint_url(self.options.kms_endpoint_url.as_ref().map(|url| url.as_str().to_owned()));
        config.set_use_dual_stack(Some(self.options.dual_stack));
        Ok(aws_sdk_kms::Client::from_conf(config.build()))
    }

    fn config(
        &self,
        region: String,
        credentials: Option<SharedCredentialsProvider>,
        retry: RetryConfig,
        timeouts: TimeoutConfig,
    ) -> SdkConfig {
        let mut shared = SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .http_client(self.http.clone())
            .region(Region::new(region))
            .identity_cache(aws_sdk_s3::config::IdentityCache::lazy().build())
            .retry_config(retry)
            .stalled_stream_protection(StalledStreamProtectionConfig::enabled().grace_period(STILL).build())
            .timeout_config(timeouts);
        shared.set_credentials_provider(credentials);
        shared.build()
    }

    /// The region that was named, that of the environment where it may speak, that of the instance; any, where the endpoint is
    /// named and a region means nothing. Also which of them it is.
    fn find_region(&self) -> Option<(String, &'static str)> {
        let variable = |name: &'static str| {
            let value = std::env::var(name).ok().filter(|_| self.options.use_environment);
            value.map(|region| (region, name))
        };
        let named = self.options.region.clone().map(|region| (region, "--region"));
        let named = named.or_else(|| variable("AWS_REGION")).or_else(|| variable("AWS_DEFAULT_REGION"));
        let own = || self.imds().and_then(|imds| self.block_on(identity::region(&imds))).map(|region| (region, "imds"));
        let any = || self.options.endpoint_url.as_ref().map(|_| (ANY_REGION.to_owned(), "any"));
        named.or_else(own).or_else(any).filter(|(region, _)| options::is_region(region))
    }
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(THREADS)
        .max_blocking_threads(THREADS)
        .thread_name("hozen-network")
        .enable_io()
        .enable_time()
        .build()
}

fn questions() -> TimeoutConfig {
    let (all, one) = QUESTION;
    TimeoutConfig::builder().connect_timeout(CONNECT).operation_timeout(all).operation_attempt_timeout(one).build()
}

fn imds_address(options: &NetworkArgs, ec2: bool) -> Option<String> {
    match options.imds_endpoint.clone().unwrap_or_default() {
        ImdsChoice::At(url) => Some(url),
        ImdsChoice::Auto => ec2.then(|| ec2::IMDS.to_owned()),
        ImdsChoice::Off => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hozen_collector::host::fixture;

    #[test]
    fn a_body_that_stands_still_is_waited_for_on_every_client() {
        let (folder, none) = (tempfile::tempdir().unwrap(), [("proc/empty", "")]);
        let options = NetworkArgs { imds_endpoint: Some(ImdsChoice::Off), ..NetworkArgs::default() };
        let network = Network::open(options, &fixture::host(folder.path(), &none)).unwrap();
        let config = network.config("eu-central-1".to_owned(), None, RetryConfig::disabled(), questions());
        let still = config.stalled_stream_protection().unwrap();
        assert!(still.upload_enabled() && still.download_enabled());
        // Longer than a busy host needs, and shorter than the least that one try of a part may take.
        assert!((20..30).contains(&still.grace_period().as_secs()), "{still:?}");
    }
}
