//! A client of the instance metadata, version 2 alone: there is no fall back to version 1, which knows no token.

use std::time::Duration;

use aws_config::imds::Client;
use aws_config::provider_config::ProviderConfig;
use aws_smithy_runtime_api::client::http::SharedHttpClient;

/// The service is one hop away, or none.
const TIMEOUT: Duration = Duration::from_secs(1);
/// What one question may take in all.
const QUESTION: Duration = Duration::from_secs(3);
/// How long a token is good: as long as the longest run, since the role's credentials are asked for with it.
const TOKEN: Duration = Duration::from_secs(21_600);

/// A client that asks at `address`.
///
/// # Errors
/// When the address cannot be.
pub(super) fn client(address: &str, http: &SharedHttpClient) -> Result<Client, String> {
    let config = ProviderConfig::without_region().with_http_client(http.clone());
    let builder = Client::builder().configure(&config).endpoint(address).map_err(|error| format!("--imds-endpoint: {error}"))?;
    let builder = builder.connect_timeout(TIMEOUT).read_timeout(TIMEOUT).operation_attempt_timeout(TIMEOUT);
    Ok(builder.operation_timeout(QUESTION).max_attempts(2).token_ttl(TOKEN).build())
}
