//! The role of the instance, by IMDSv2.

use aws_config::imds;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, future};
use zeroize::Zeroizing;

use super::super::Network;
use super::{Found, renewed, triple};

/// Where IMDS lists the role's name, and below it the credentials.
const ROLE: &str = "/latest/meta-data/iam/security-credentials/";

/// Asks IMDS each time that credentials are about to expire.
#[derive(Debug)]
pub(super) struct InstanceRole {
    imds: imds::Client,
}

impl InstanceRole {
    pub(super) fn new(imds: imds::Client) -> Self {
        Self { imds }
    }

    async fn load(&self) -> provider::Result {
        let list = self.imds.get(ROLE).await.map_err(CredentialsError::provider_error)?;
        let name = list.as_ref().lines().next().unwrap_or_default().trim().to_owned();
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b);
        if name.is_empty() || !name.bytes().all(plain) {
            return Err(CredentialsError::not_loaded("the instance has no role"));
        }
        let answer = self.imds.get(format!("{ROLE}{name}")).await.map_err(CredentialsError::provider_error)?;
        let text = Zeroizing::new(String::from(answer));
        triple::parse(text.as_bytes()).map_err(|reason| CredentialsError::unhandled(format!("the role's credentials {reason}")))
    }

    /// The credentials of this moment.
    pub(super) async fn now(&self) -> Result<Credentials, String> {
        let error = |error: CredentialsError| {
            format!("IMDS gives no credentials of an instance role: {}", crate::aws::words::chain(&error))
        };
        self.load().await.map_err(error)
    }
}

impl ProvideCredentials for InstanceRole {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.load())
    }
}

/// Credentials of the role, of which the first are asked for now.
pub(super) fn open(network: &Network) -> Result<Found, String> {
    let role = InstanceRole::new(network.imds().ok_or("there is no instance role: the instance metadata are not asked here")?);
    let first = network.block_on(role.now())?;
    Ok(renewed("instance-role", first.access_key_id(), role))
}
