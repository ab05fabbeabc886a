//! Keys that sign: the run's key, made in memory and gone when the run ends, and the key of a module store, kept in a file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use hozen_collector::model::canonical;
use hozen_collector::model::dsse::{self, Envelope, Signature};
use hozen_collector::model::record::{RunKey, Statement};
use hozen_collector::model::{Digest, dsse::IN_TOTO};
use serde::Serialize;
use zeroize::Zeroizing;

/// What stands before the 32 bytes of an Ed25519 key in its DER form (RFC 8410 4).
const DER_HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

const PRIVATE_BEGIN: &str = "-----BEGIN PRIVATE KEY-----\n";
const PRIVATE_END: &str = "\n-----END PRIVATE KEY-----\n";

/// What stands before the 32 bytes of the seed in the DER form of a private key (PKCS#8, RFC 8410 7).
const PKCS8_HEAD: [u8; 16] = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// A signing key. Its memory is zeroed when it is dropped.
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
        let mut seed = Zeroizing::new([0_u8; 32]);
        getrandom::fill(&mut *seed)?;
        Ok(Self::from_seed(&seed))
    }

    fn from_seed(seed: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        let keyid = keyid(key.verifying_key().as_bytes());
        Self { key, keyid }
    }

    /// Both halves in the form that openssl reads: PKCS#8 in PEM, not encrypted.
    #[must_use]
    pub fn to_pkcs8_pem(&self) -> Zeroizing<String> {
        let der = Zeroizing::new([PKCS8_HEAD.as_slice(), Zeroizing::new(self.key.to_bytes()).as_slice()].concat());
        let text = Zeroizing::new(dsse::base64(&der));
        Zeroizing::new(format!("{PRIVATE_BEGIN}{}{PRIVATE_END}", *text))
    }

    /// The key of a text of the form that [`Signing::to_pkcs8_pem`] and `openssl genpkey -algorithm ed25519` write.
    #[must_use]
    pub fn from_pkcs8_pem(pem: &str) -> Option<Self> {
        let body = pem.strip_prefix(PRIVATE_BEGIN)?.strip_suffix(PRIVATE_END)?;
        let der = Zeroizing::new(STANDARD.decode(body).ok()?);
        let seed = der.strip_prefix(&PKCS8_HEAD)?;
        Some(Self::from_seed(seed.try_into().ok()?))
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
    pub fn envelope<P: Serialize>(&self, statement: &Statement<P>) -> Result<Vec<u8>, canonical::Error> {
        self.envelope_payload(canonical::to_bytes(statement)?)
    }

    /// These bytes of a statement in a signed envelope. Whoever calls it answers for their form.
    pub(crate) fn envelope_payload(&self, payload: Vec<u8>) -> Result<Vec<u8>, canonical::Error> {
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
    fn a_signed_statement_verifies_and_is_canonical() {
        let signing = Signing::generate().unwrap();
        let bytes = signing.envelope(&Statement::new("t", Vec::new(), 1)).unwrap();
        let envelope = Envelope::parse(&bytes).unwrap();
        let message = dsse::pae(&envelope.payload_type, &envelope.payload().unwrap());
        let signature = ed25519_dalek::Signature::from_slice(&envelope.signatures[0].bytes().unwrap()).unwrap();
        signing.key.verifying_key().verify(&message, &signature).unwrap();
        assert!(signing.public().pem.starts_with("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA"));
    }

    /// The example of RFC 8410, sections 10.3 and 10.1.
    const EXAMPLE: (&str, &str) = (
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n",
    );

    #[test]
    fn the_key_of_the_rfc_is_read_and_written_again() {
        let signing = Signing::from_pkcs8_pem(EXAMPLE.0).unwrap();
        assert_eq!((signing.to_pkcs8_pem().as_str(), signing.public().pem.as_str()), EXAMPLE);
        for wrong in ["", EXAMPLE.1, EXAMPLE.0.trim_end(), &EXAMPLE.0.replace("MC4", "MC5")] {
            assert!(Signing::from_pkcs8_pem(wrong).is_none(), "{wrong}");
        }
    }
}
