//! Where credentials come from, and what is said of them: never a value.
//!
//! **Invariant:** a secret lives in memory that is zeroed when it is given back, and nowhere else: in no log, argument, record,
//! error or panic. What the source of credentials answers is never part of an error's text.

mod descriptor;
mod environment;
mod kept;
mod parameter;
mod role;
mod triple;

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use serde_json::{Value, json};

use super::Network;
use super::options::CredentialSource;

pub(super) use kept::Kept;

/// Name of the provider in the SDK's messages.
const PROVIDER: &str = "hozen";

/// Credentials, and what the begin record says of them.
#[derive(Debug, Clone)]
pub struct Found {
    /// For the clients.
    pub provider: SharedCredentialsProvider,
    /// Source and access key id, and whether they are renewed. The id is no secret; it is what CloudTrail knows the writer by.
    pub record: Value,
}

/// Finds credentials.
///
/// # Errors
/// When there are none, or they cannot be; the text says what to do.
pub fn find(network: &Network) -> Result<Found, String> {
    take(network, &source(network)?)
}

/// Takes credentials from `source`. From the environment and from a descriptor they can be taken only once.
///
/// # Errors
/// When there are none, or they cannot be; the text says what to do.
pub fn take(network: &Network, source: &CredentialSource) -> Result<Found, String> {
    match source {
        CredentialSource::Environment => {
            environment::take(true).map(|credentials| fixed("environment", credentials)).ok_or_else(environment::missing)
        }
        CredentialSource::Descriptor(fd) => descriptor::read(*fd).map(|credentials| fixed("descriptor", credentials)),
        CredentialSource::Parameter(path) => parameter::open(network, path),
        CredentialSource::InstanceRole => role::open(network),
    }
}

/// The source that was named; else what Run Command set, else the role where there is one.
///
/// # Errors
/// When there is none; the text says what to do.
pub fn source(network: &Network) -> Result<CredentialSource, String> {
    if let Some(source) = &network.options().credentials {
        return Ok(source.clone());
    }
    if environment::is_set(network.options().use_environment) {
        return Ok(CredentialSource::Environment);
    }
    if network.has_imds() {
        return Ok(CredentialSource::InstanceRole);
    }
    Err("no credentials: this is not EC2 and Run Command gave none; give --credentials environment, fd:N, ssm:/path or \
         instance-role"
        .to_owned())
}

fn fixed(source: &str, credentials: Credentials) -> Found {
    let record = json!({"source": source, "access_key_id": credentials.access_key_id(), "renewed": false});
    Found { provider: SharedCredentialsProvider::new(credentials), record }
}

/// Credentials that are asked for again before they expire.
fn renewed(source: &str, access_key_id: &str, provider: impl ProvideCredentials + 'static) -> Found {
    let record = json!({"source": source, "access_key_id": access_key_id, "renewed": true});
    Found { provider: SharedCredentialsProvider::new(provider), record }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    fn given() -> Credentials {
        let text = br#"{"AccessKeyId":"AKIASHOWN","SecretAccessKey":"hidden-secret","SessionToken":"hidden-token"}"#;
        triple::parse(text).unwrap()
    }

    fn assert_hidden(shown: &str) {
        assert!(shown.contains("AKIASHOWN") && !shown.contains("hidden"), "{shown}");
    }

    #[test]
    fn what_holds_a_secret_does_not_show_it() {
        let kept = Kept::new(SharedCredentialsProvider::new(given()));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let taken = runtime.block_on(kept.provide_credentials()).unwrap();
        assert_eq!(taken.secret_access_key(), "hidden-secret");
        let found = [fixed("environment", given()), renewed("instance-role", "AKIASHOWN", kept.clone())];
        assert_hidden(&format!("{taken:?} {taken:#?}"));
        assert_hidden(&format!("{kept:?} {kept:#?}"));
        for found in found {
            assert_hidden(&format!("{found:?} {found:#?} {}", found.record));
        }
    }

    #[test]
    fn a_panic_over_credentials_does_not_show_them() {
        let refused = || -> Result<(), Credentials> { Err(given()) };
        let panic = catch_unwind(AssertUnwindSafe(|| refused().unwrap())).unwrap_err();
        assert_hidden(panic.downcast_ref::<String>().unwrap());
    }
}
