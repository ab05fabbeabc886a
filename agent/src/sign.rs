//! The run's key: made in memory, signs the run's records, gone when the run ends.

use ed25519_dalek::{Signer as _, SigningKey};
use hozen_collector::model::canonical;
use hozen_collector::model::dsse::{self, Envelope, Signature};
use hozen_collector::model::record::{RunKey, Statement};
use hozen_collector::model::{Digest, dsse::IN_TOTO};
use serde::Serialize;

/// What stands before the 32 bytes of an Ed25519 key in its DER form (RFC 8410 4).
const DER_HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A signing key that exists in this process only. Its memory is zeroed when it is dropped.
pub struct Signing {
    key: SigningKey,
    keyid: String,
}

impl std::fmt::Debug for Signing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signing({})", self.keyid)
    }
}

impl Signing {
    /// A new key from the kernel's random numbers.
    ///
    /// # Errors
    /// When the kernel gives none.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut seed = [0_u8; 32];
        getrandom::fill(&mut seed)?;
        let key = SigningKey::from_bytes(&seed);
        let keyid = keyid(key.verifying_key().as_bytes());
        Ok(Self { key, keyid })
    }

    /// The public half, as the begin record carries it.
    #[must_use]
    pub fn public(&self) -> RunKey {
        let pem = pem(self.key.verifying_key().as_bytes());
        RunKey { algorithm: "ed25519".to_owned(), keyid: self.keyid.clone(), pem }
    }

    /// `statement` in a signed envelope, as the bytes to store.
    ///
    /// # Errors
    /// When the statement has no canonical form.
    pub fn seal<P: Serialize>(&self, statement: &Statement<P>) -> Result<Vec<u8>, canonical::Error> {
        let payload = canonical::to_bytes(statement)?;
        let signature = self.key.sign(&dsse::pae(IN_TOTO, &payload));
        let signature = Signature { keyid: self.keyid.clone(), sig: dsse::base64(&signature.to_bytes()) };
        canonical::to_bytes(&Envelope {
            payload: dsse::base64(&payload),
            payload_type: IN_TOTO.to_owned(),
            signatures: vec![signature],
        })
    }
}

/// The DER form of a public key.
fn der(key: &[u8; 32]) -> Vec<u8> {
    [&DER_HEAD[..], key].concat()
}

fn keyid(key: &[u8; 32]) -> String {
    format!("sha256:{}", Digest::of(&der(key)))
}

fn pem(key: &[u8; 32]) -> String {
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", dsse::base64(&der(key)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::Verifier as _;

    #[test]
    fn a_sealed_statement_verifies_and_is_canonical() {
        let signing = Signing::generate().unwrap();
        let bytes = signing.seal(&Statement::new("t", Vec::new(), 1)).unwrap();
        let envelope = Envelope::parse(&bytes).unwrap();
        let message = dsse::pae(&envelope.payload_type, &envelope.payload().unwrap());
        let signature = ed25519_dalek::Signature::from_slice(&envelope.signatures[0].bytes().unwrap()).unwrap();
        signing.key.verifying_key().verify(&message, &signature).unwrap();
        assert!(signing.public().pem.starts_with("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA"));
    }
}
