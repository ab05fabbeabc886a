//! Credentials in a SecureString parameter of Systems Manager, which is read with the instance role. Whoever may put them there
//! can renew them while we write: the parameter is read again before they expire.

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_ssm::Client;
use zeroize::Zeroizing;

use super::super::{Network, words};
use super::role::InstanceRole;
use super::{Found, renewed, triple};

/// Reads the parameter each time that credentials are about to expire.
#[derive(Debug)]
struct Parameter {
    client: Client,
    path: String,
}

impl Parameter {
    async fn load(&self) -> provider::Result {
        let asked = self.client.get_parameter().name(&self.path).with_decryption(true).send().await;
        let answer = asked.map_err(|error| CredentialsError::provider_error(words::chain(&error)))?;
        let value = answer.parameter.and_then(|parameter| parameter.value).map(Zeroizing::new);
        let value = value.ok_or_else(|| CredentialsError::not_loaded("the parameter has no value"))?;
        triple::parse(value.as_bytes()).map_err(|reason| CredentialsError::unhandled(format!("its value {reason}")))
    }
}

impl ProvideCredentials for Parameter {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.load())
    }
}

/// Credentials of the parameter `path`, of which the first are read now.
pub(super) fn open(network: &Network, path: &str) -> Result<Found, String> {
    let imds = network
        .imds()
        .ok_or("--credentials ssm:… reads the parameter with the instance role, and the instance metadata are not asked here")?;
    let role = SharedCredentialsProvider::new(InstanceRole::new(imds));
    let parameter = Parameter { client: network.ssm(role)?, path: path.to_owned() };
    let error = |error| format!("credentials cannot be read from the parameter {path}: {}", words::chain(&error));
    let first = network.block_on(parameter.load()).map_err(error)?;
    Ok(renewed(&format!("ssm:{path}"), first.access_key_id(), parameter))
}
