//! A double of KMS: keys of the kind ECC_NIST_P256 that sign digests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::EncodePublicKey as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::access::Key;
use super::cloud::{ACCOUNT, Cloud, KeyState, REGION};
use super::json::{Api, Json, text};
use super::refusal::Refusal;
use crate::serve::Double;

/// The only algorithm of such keys.
const ALGORITHM: &str = "ECDSA_SHA_256";

/// KMS.
#[derive(Debug, Default)]
pub struct Kms {
    keys: Mutex<BTreeMap<String, Pair>>,
    aliases: Mutex<BTreeMap<String, String>>,
}

#[derive(Debug, Clone)]
struct Pair {
    key: SigningKey,
    state: KeyState,
    spec: &'static str,
}

/// The double.
pub type KmsDouble = Double<Json<Kms>>;

/// Starts one on a free port.
#[must_use]
pub fn start(cloud: &Arc<Cloud>) -> KmsDouble {
    Double::serve(Json::new(cloud, Kms::default()), 0, None)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Kms {
    /// Adds a key that signs; the same id gives the same key. Returns its ARN.
    ///
    /// # Panics
    /// Never for an id that one can think of: one in 2³² has no key.
    pub fn add_signing_key(&self, id: &str) -> String {
        let key = SigningKey::from_slice(&Sha256::digest(id)).expect("a scalar below the order of the curve");
        locked(&self.keys).insert(arn(id), Pair { key, state: KeyState::Enabled, spec: "ECC_NIST_P256" });
        arn(id)
    }

    /// Lets `alias/NAME` stand for a key.
    pub fn set_alias(&self, alias: &str, key_arn: &str) {
        locked(&self.aliases).insert(alias.to_owned(), key_arn.to_owned());
    }

    /// Changes the state of a key.
    pub fn set_state(&self, key_arn: &str, state: KeyState) {
        if let Some(pair) = locked(&self.keys).get_mut(key_arn) {
            pair.state = state;
        }
    }

    /// From now on the key says that it is of another kind.
    pub fn set_spec(&self, key_arn: &str, spec: &'static str) {
        if let Some(pair) = locked(&self.keys).get_mut(key_arn) {
            pair.spec = spec;
        }
    }

    fn find(&self, caller: &Key, action: &str, input: &Value) -> Result<(String, Pair), Refusal> {
        let name = text(input, "KeyId")?;
        let bare = name.rsplit_once(":alias/").map(|(_, alias)| format!("alias/{alias}")).unwrap_or_else(|| name.to_owned());
        let aliased = locked(&self.aliases).get(&bare).cloned();
        let is_alias = bare.starts_with("alias/");
        let key_arn = aliased.unwrap_or_else(|| if name.starts_with("arn:") { name.to_owned() } else { arn(name) });
        caller.must(action, &key_arn)?;
        let pair = locked(&self.keys).get(&key_arn).cloned();
        let message = if is_alias {
            format!("Alias arn:aws:kms:{REGION}:{ACCOUNT}:{bare} is not found.")
        } else {
            format!("Key '{key_arn}' does not exist")
        };
        pair.map(|pair| (key_arn, pair)).ok_or_else(|| Refusal::new(400, "NotFoundException", message))
    }

    fn sign(&self, caller: &Key, input: &Value) -> Result<Value, Refusal> {
        let (key_arn, pair) = self.find(caller, "kms:Sign", input)?;
        check_state(&key_arn, pair.state)?;
        let algorithm = text(input, "SigningAlgorithm")?;
        if algorithm != ALGORITHM {
            let message = format!("Algorithm {algorithm} is incompatible with key spec ECC_NIST_P256.");
            return Err(Refusal::new(400, "InvalidKeyUsageException", message));
        }
        let invalid = |message: &str| Refusal::new(400, "ValidationException", message);
        let message = STANDARD.decode(text(input, "Message")?).map_err(|_| Refusal::new(400, "SerializationException", ""))?;
        if !(1..=4096).contains(&message.len()) {
            return Err(invalid(
                "Value at 'message' failed to satisfy constraint: Member must have length less than or equal to 4096",
            ));
        }
        let digest = match input.get("MessageType").and_then(Value::as_str).unwrap_or("RAW") {
            "RAW" => Sha256::digest(&message).to_vec(),
            "DIGEST" if message.len() == 32 => message,
            "DIGEST" => return Err(invalid("Digest is invalid length for algorithm ECDSA_SHA_256.")),
            _ => return Err(invalid("Value at 'messageType' failed to satisfy constraint")),
        };
        let signature: Signature =
            pair.key.sign_prehash(&digest).map_err(|_| invalid("Digest is invalid length for algorithm ECDSA_SHA_256."))?;
        Ok(json!({"KeyId": key_arn, "Signature": STANDARD.encode(signature.to_der()), "SigningAlgorithm": ALGORITHM}))
    }

    fn public_key(&self, caller: &Key, input: &Value) -> Result<Value, Refusal> {
        let (key_arn, pair) = self.find(caller, "kms:GetPublicKey", input)?;
        check_state(&key_arn, pair.state)?;
        let der = pair.key.verifying_key().to_public_key_der().expect("a point on the curve can be encoded");
        Ok(json!({
            "KeyId": key_arn, "PublicKey": STANDARD.encode(der.as_bytes()), "KeySpec": pair.spec,
            "CustomerMasterKeySpec": pair.spec, "KeyUsage": "SIGN_VERIFY", "SigningAlgorithms": [ALGORITHM],
        }))
    }

    fn describe(&self, caller: &Key, input: &Value) -> Result<Value, Refusal> {
        let (key_arn, pair) = self.find(caller, "kms:DescribeKey", input)?;
        let state = match pair.state {
            KeyState::Enabled => "Enabled",
            KeyState::Disabled => "Disabled",
            KeyState::PendingDeletion => "PendingDeletion",
        };
        let id = key_arn.rsplit('/').next().unwrap_or_default();
        Ok(json!({"KeyMetadata": {
            "AWSAccountId": ACCOUNT, "KeyId": id, "Arn": key_arn, "Enabled": pair.state == KeyState::Enabled, "KeyState": state,
            "KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY", "SigningAlgorithms": [ALGORITHM], "KeyManager": "CUSTOMER",
            "Origin": "AWS_KMS", "MultiRegion": false,
        }}))
    }
}

fn arn(id: &str) -> String {
    format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{id}")
}

fn check_state(key_arn: &str, state: KeyState) -> Result<(), Refusal> {
    match state {
        KeyState::Enabled => Ok(()),
        KeyState::Disabled => Err(Refusal::new(400, "DisabledException", format!("{key_arn} is disabled."))),
        KeyState::PendingDeletion => {
            Err(Refusal::new(400, "KMSInvalidStateException", format!("{key_arn} is pending deletion.")))
        }
    }
}

impl Api for Kms {
    const SERVICE: &'static str = "kms";
    const TARGET: &'static str = "TrentService";
    const OPERATIONS: &'static [(&'static str, &'static [&'static str])] = &[
        ("Sign", &["KeyId", "Message", "MessageType", "SigningAlgorithm"]),
        ("GetPublicKey", &["KeyId"]),
        ("DescribeKey", &["KeyId"]),
    ];

    fn call(&self, _cloud: &Cloud, caller: &Key, operation: &str, input: &Value) -> Result<Value, Refusal> {
        match operation {
            "Sign" => self.sign(caller, input),
            "GetPublicKey" => self.public_key(caller, input),
            _ => self.describe(caller, input),
        }
    }
}
