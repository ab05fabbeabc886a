//! DSSE envelopes: a payload, its type, and signatures over both (<https://github.com/secure-systems-lab/dsse>).
//!
//! This file holds the shape and the bytes that are signed. Keys live in the agent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::canonical;

/// The payload type of an in-toto statement.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// A signed payload. Stored as canonical JSON with no newline after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// The signed bytes, base64 (RFC 4648 4, padded).
    pub payload: String,
    /// What the payload is.
    #[serde(rename = "payloadType")]
    pub payload_type: String,
    /// One entry a key.
    pub signatures: Vec<Signature>,
}

/// One signature of an envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// `sha256:` and the digest of the public key's DER form (SubjectPublicKeyInfo).
    pub keyid: String,
    /// The signature over [`pae`], base64.
    pub sig: String,
}

/// What is wrong with an envelope before any key is asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not JSON of this shape.
    #[error("not a DSSE envelope")]
    Json(#[from] serde_json::Error),
    /// The same envelope could be spelled otherwise, so its digest would not pin its meaning.
    #[error("the envelope is not in canonical form")]
    NotCanonical,
    /// A member that should be base64 is not.
    #[error("{0} is not base64")]
    Base64(&'static str),
}

/// The bytes that are signed: the pre-authentication encoding of DSSE v1.
#[must_use]
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// `bytes` as base64 with padding.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

impl Envelope {
    /// Reads an envelope and refuses any spelling but the canonical one.
    ///
    /// # Errors
    /// When the bytes are not an envelope or not its canonical form.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let envelope = serde_json::from_slice(bytes)?;
        if canonical::is_canonical(bytes) { Ok(envelope) } else { Err(Error::NotCanonical) }
    }

    /// The signed bytes.
    ///
    /// # Errors
    /// When the payload is not base64 in its one canonical spelling.
    pub fn payload(&self) -> Result<Vec<u8>, Error> {
        STANDARD.decode(&self.payload).map_err(|_| Error::Base64("the payload"))
    }
}

impl Signature {
    /// The signature's bytes.
    ///
    /// # Errors
    /// When `sig` is not base64 in its one canonical spelling.
    pub fn bytes(&self) -> Result<Vec<u8>, Error> {
        STANDARD.decode(&self.sig).map_err(|_| Error::Base64("a signature"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pae_is_that_of_the_dsse_protocol_page() {
        assert_eq!(
            pae("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }

    #[test]
    fn a_second_spelling_of_base64_is_refused() {
        let mut signature = Signature { keyid: String::new(), sig: base64(b"a") };
        assert_eq!(signature.bytes().unwrap(), b"a");
        signature.sig = "YR==".to_owned();
        assert!(signature.bytes().is_err());
    }
}
