//! A key that never leaves KMS. It signs digests: who signed, and when, stands in the account's CloudTrail.

use std::sync::Arc;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{KeySpec, KeyUsageType, MessageType, SigningAlgorithmSpec};
use hozen_collector::model::{Digest, escape};
use serde_json::{Value, json};

use crate::aws::{Network, words};
use crate::seal_key::{KeyError, SealKey, SealPublic};

/// A key of KMS of the kind `ECC_NIST_P256`.
#[derive(Debug)]
pub struct KmsKey {
    network: Arc<Network>,
    client: aws_sdk_kms::Client,
    /// Its ARN, as KMS gives it.
    arn: String,
    public: SealPublic,
}

impl KmsKey {
    /// Asks KMS for the public half of the key `name`: ARN, id or alias.
    ///
    /// # Errors
    /// When KMS does not give it, or it is not a key that seals.
    pub fn open(network: Arc<Network>, credentials: SharedCredentialsProvider, name: &str) -> Result<Self, KeyError> {
        let client = network.kms(credentials).map_err(KeyError::Refused)?;
        let asked = network.block_on(client.get_public_key().key_id(name).send());
        let answer = asked.map_err(|error| refused("kms:GetPublicKey", words::of(&error)))?;
        let arn = escape::bytes(answer.key_id().unwrap_or(name).as_bytes());
        let (spec, usage) = (answer.key_spec(), answer.key_usage());
        if spec != Some(&KeySpec::EccNistP256) || usage != Some(&KeyUsageType::SignVerify) {
            let said = |text: Option<&str>| escape::bytes(text.unwrap_or("unknown").as_bytes());
            return Err(KeyError::Refused(format!(
                "{arn} is of the kind {} for {}; a seal needs ECC_NIST_P256 for SIGN_VERIFY",
                said(spec.map(KeySpec::as_str)),
                said(usage.map(KeyUsageType::as_str))
            )));
        }
        let public = SealPublic::from_der(answer.public_key().map(Blob::as_ref).unwrap_or_default())?;
        Ok(Self { network, client, arn, public })
    }
}

impl SealKey for KmsKey {
    fn public(&self) -> &SealPublic {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let request = self.client.sign().key_id(&self.arn).message_type(MessageType::Digest);
        let request = request.signing_algorithm(SigningAlgorithmSpec::EcdsaSha256);
        let request = request.message(Blob::new(Digest::of(message).as_bytes().as_slice()));
        let answer = self.network.block_on(request.send()).map_err(|error| refused("kms:Sign", words::of(&error)))?;
        let signature = answer.signature().map(Blob::as_ref).unwrap_or_default().to_owned();
        if self.public.verifies(message, &signature) {
            Ok(signature)
        } else {
            Err(KeyError::Refused("what KMS signed does not verify with the key that it gave".to_owned()))
        }
    }

    fn facts(&self) -> Vec<(&'static str, Value)> {
        vec![("kms_key", json!(self.arn))]
    }
}

fn refused(permission: &str, reason: String) -> KeyError {
    let denied = reason.starts_with("AccessDenied");
    KeyError::Refused(if denied { format!("{reason}; the sealer needs {permission} on the key") } else { reason })
}
