//! Signed records: DSSE envelope, in-toto statement, Ed25519 signature (evidence format, section 2).
//!
//! A record is parsed, written again and compared, so that it has one spelling: a duplicate member, an unknown one, white
//! space or bytes behind the end are all findings.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use hozen_collector::model::dsse::{self, Envelope, IN_TOTO};
use hozen_collector::model::record::{RunKey, STATEMENT_TYPE, Statement, VERSION};
use hozen_collector::model::{Digest, canonical};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::findings::Findings;

/// What stands before the 32 bytes of an Ed25519 key in its DER form (RFC 8410).
const DER_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A record that could be read, whatever else is wrong with it.
#[derive(Debug)]
pub(super) struct Record<P> {
    /// Digest of its stored bytes.
    pub(super) sha256: Digest,
    /// What it says.
    pub(super) statement: Statement<P>,
    /// Which key it says it is signed with.
    pub(super) keyid: String,
    /// The signature, in the form of its algorithm; empty where it could not be decoded.
    pub(super) signature: Vec<u8>,
    /// What it is over.
    pub(super) signed: Vec<u8>,
}

/// The key of the run, as the begin record has it.
#[derive(Debug)]
pub(super) struct Key {
    id: String,
    key: VerifyingKey,
}

/// The digest in the form of keys and of the journal's chain.
pub(crate) fn prefixed(digest: &Digest) -> String {
    format!("sha256:{digest}")
}

/// Reads the record `name` and notes every way in which it is not one of `predicate_type`.
pub(super) fn parse<P>(name: &str, bytes: &[u8], predicate_type: &str, findings: &mut Findings) -> Option<Record<P>>
where
    P: DeserializeOwned + Serialize,
{
    let envelope: Envelope = typed(name, "the envelope", bytes, findings)?;
    findings.require(envelope.payload_type == IN_TOTO, name, format!("its payload type is not {IN_TOTO}"));
    let payload = decoded(name, "the payload", envelope.payload(), findings)?;
    let statement: Statement<P> = typed(name, "the payload", &payload, findings)?;
    findings.require(statement.kind == STATEMENT_TYPE, name, format!("it is not a statement of type {STATEMENT_TYPE}"));
    let right_type = statement.predicate_type == predicate_type;
    findings.require(right_type, name, format!("its predicate is not of type {predicate_type}"));
    findings.require(envelope.signatures.len() == 1, name, "it does not carry exactly one signature");
    let first = envelope.signatures.first();
    let signature = first.and_then(|first| decoded(name, "the signature", first.bytes(), findings)).unwrap_or_default();
    let signed = dsse::pae(&envelope.payload_type, &payload);
    let keyid = first.map(|first| first.keyid.clone()).unwrap_or_default();
    Some(Record { sha256: Digest::of(bytes), statement, keyid, signature, signed })
}

/// JSON of this type in its one spelling. Another spelling of it is noted and read all the same.
pub(super) fn typed<T>(name: &str, what: &str, bytes: &[u8], findings: &mut Findings) -> Option<T>
where
    T: DeserializeOwned + Serialize,
{
    match serde_json::from_slice::<T>(bytes) {
        Ok(value) => {
            findings.require(is_spelling_of(bytes, &value), name, format!("{what} is not in canonical form"));
            Some(value)
        }
        Err(error) => {
            findings.fail(name, format!("{what} is not what the format says: {error}"));
            None
        }
    }
}

/// Whether `bytes` are the canonical form of `value`.
pub(super) fn is_spelling_of<T: Serialize>(bytes: &[u8], value: &T) -> bool {
    canonical::to_bytes(value).is_ok_and(|again| again == bytes)
}

fn decoded<T, E: fmt::Display>(name: &str, what: &str, result: Result<T, E>, findings: &mut Findings) -> Option<T> {
    result.map_err(|error| findings.fail(name, format!("{what} cannot be decoded: {error}"))).ok()
}

/// The version of the format must be ours.
pub(super) fn require_version(name: &str, v: u32, findings: &mut Findings) {
    findings.require(v == VERSION, name, format!("it is of version {v} of the evidence format; this program knows {VERSION}"));
}

impl Key {
    /// The key inside the begin record; notes where its forms do not agree.
    pub(super) fn of(name: &str, run_key: &RunKey, findings: &mut Findings) -> Option<Self> {
        findings.require(run_key.algorithm == "ed25519", name, "the run's key is not an Ed25519 key");
        let Some((der, key)) = from_pem(&run_key.pem) else {
            findings.fail(name, "the run's key is not an Ed25519 public key in PEM form");
            return None;
        };
        let id = prefixed(&Digest::of(&der));
        findings.require(run_key.keyid == id, name, "the run's key id is not the digest of its key");
        Some(Self { id, key })
    }

    /// Notes where the record is not signed by this key.
    pub(super) fn check<P>(&self, name: &str, record: &Record<P>, findings: &mut Findings) {
        findings.require(record.keyid == self.id, name, "it names another key than that of the run");
        let signature = Signature::from_slice(&record.signature);
        let right = signature.is_ok_and(|signature| self.key.verify_strict(&record.signed, &signature).is_ok());
        findings.require(right, name, "its signature is wrong: it is not what the run's key signed");
    }
}

/// DER form and key of a PEM text of exactly the form that the begin record has.
pub(crate) fn from_pem(pem: &str) -> Option<(Vec<u8>, VerifyingKey)> {
    let body = pem.strip_prefix("-----BEGIN PUBLIC KEY-----\n")?.strip_suffix("\n-----END PUBLIC KEY-----\n")?;
    let der = STANDARD.decode(body).ok()?;
    let key = der.strip_prefix(&DER_PREFIX)?;
    let key = VerifyingKey::from_bytes(key.try_into().ok()?).ok()?;
    Some((der, key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hozen_collector::model::record::{BEGIN_TYPE, Begin, END_TYPE, End, MANIFEST_TYPE, Manifest};
    use proptest::prelude::*;

    fn messages(findings: Findings) -> String {
        findings.into_parts().failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn other_spellings_and_trailing_bytes_are_findings() {
        for bytes in [
            &b"{\"payload\":\"\",\"payloadType\":\"x\",\"signatures\":[]} "[..],
            b"{\"payload\":\"\",\"payload\":\"\",\"payloadType\":\"x\",\"signatures\":[]}",
            b"{\"payload\":\"\",\"payloadType\":\"x\",\"signatures\":[],\"x\":1}",
            b"{\"payload\":\"\",\"payloadType\":\"x\",\"signatures\":[]}{}",
            b"",
        ] {
            let mut findings = Findings::default();
            assert!(parse::<End>("r", bytes, END_TYPE, &mut findings).is_none());
            assert!(!messages(findings).is_empty());
        }
    }

    #[test]
    fn a_null_where_a_member_should_be_absent_is_not_canonical() {
        let mut findings = Findings::default();
        let bytes = br#"{"pid":1,"sha256":null,"version":"1"}"#;
        assert!(typed::<hozen_collector::model::record::Agent>("r", "it", bytes, &mut findings).is_some());
        assert!(messages(findings).contains("canonical"));
    }

    #[test]
    fn a_key_is_read_from_its_one_pem_form() {
        let der = [DER_PREFIX.as_slice(), VerifyingKey::default().as_bytes()].concat();
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&der));
        assert_eq!(from_pem(&pem).unwrap().0, der);
        assert!(from_pem(pem.trim_end()).is_none());
        assert!(from_pem("").is_none());
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_record_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), inside in any::<bool>()) {
            let envelope = Envelope { payload: dsse::base64(&bytes), payload_type: IN_TOTO.to_owned(), signatures: Vec::new() };
            let bytes = if inside { canonical::to_bytes(&envelope).unwrap() } else { bytes };
            let mut findings = Findings::default();
            prop_assert!(parse::<Begin>("r", &bytes, BEGIN_TYPE, &mut findings).is_none());
            prop_assert!(parse::<Manifest>("r", &bytes, MANIFEST_TYPE, &mut findings).is_none());
            prop_assert!(parse::<End>("r", &bytes, END_TYPE, &mut findings).is_none());
        }
    }
}
