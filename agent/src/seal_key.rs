//! Keys that seal: ECDSA on P-256 with SHA-256, the algorithm that KMS and every openssl know.

use std::fmt;
use std::path::Path;

use hozen_collector::host::read;
use hozen_collector::model::record::RunKey;
use hozen_collector::model::seal::SEAL_ALGORITHM;
use hozen_collector::model::{Digest, escape};
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use p256::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _, EncodePublicKey as _, LineEnding};
use serde_json::Value;
use zeroize::Zeroizing;

/// The largest file that is read as a key.
const MAX_KEY: usize = 64 << 10;

/// A key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file cannot be read; escaped text.
    #[error("{path}: {reason}")]
    File {
        /// Its path, escaped.
        path: String,
        /// Why.
        reason: String,
    },
    /// It is not a key of this kind.
    #[error("not a P-256 {0} key in PEM form")]
    Form(&'static str),
    /// Whoever holds the key did not sign.
    #[error("the key did not sign: {0}")]
    Refused(String),
}

/// Something that signs seals.
pub trait SealKey: fmt::Debug {
    /// Its public half.
    fn public(&self) -> &SealPublic;

    /// Signs `message`; the signature is in DER form.
    ///
    /// # Errors
    /// When whoever holds the key refuses.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError>;

    /// What a seal says of the key beside its public half.
    fn facts(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }
}

/// The public half of a key that seals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealPublic {
    key: VerifyingKey,
    der: Vec<u8>,
    pem: String,
}

impl SealPublic {
    /// From its DER form (SubjectPublicKeyInfo, RFC 5480), as KMS gives it.
    ///
    /// # Errors
    /// When it is not a P-256 key.
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_public_key_der(der).map_err(|_| KeyError::Form("public"))?;
        Self::of(key)
    }

    /// From PEM, as `openssl pkey -pubout` writes it.
    ///
    /// # Errors
    /// When it is not a P-256 key.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_public_key_pem(pem).map_err(|_| KeyError::Form("public"))?;
        Self::of(key)
    }

    /// From a PEM file.
    ///
    /// # Errors
    /// When the file cannot be read or is not a P-256 key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        Self::from_pem(&text(path)?)
    }

    fn of(key: VerifyingKey) -> Result<Self, KeyError> {
        let der = key.to_public_key_der().map_err(|_| KeyError::Form("public"))?.as_bytes().to_owned();
        let pem = key.to_public_key_pem(LineEnding::LF).map_err(|_| KeyError::Form("public"))?;
        Ok(Self { key, der, pem })
    }

    /// `sha256:` and the digest of its DER form.
    #[must_use]
    pub fn keyid(&self) -> String {
        format!("sha256:{}", Digest::of(&self.der))
    }

    /// Its PEM form (RFC 7468): the DER form in lines of 64 characters of base64, each ended by a newline.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// As a record carries it.
    #[must_use]
    pub fn record(&self) -> RunKey {
        RunKey { algorithm: SEAL_ALGORITHM.to_owned(), keyid: self.keyid(), pem: self.pem.clone() }
    }

    /// Whether `signature`, in DER form, is this key's over `message`.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_der(signature).is_ok_and(|signature| self.key.verify(message, &signature).is_ok())
    }
}

/// A key in a file.
pub struct LocalKey {
    key: SigningKey,
    public: SealPublic,
}

impl fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalKey({})", self.public.keyid())
    }
}

impl LocalKey {
    /// From PKCS#8 in PEM form (RFC 5958), as `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256` writes it.
    ///
    /// # Errors
    /// When it is not a P-256 key.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let key = SigningKey::from_pkcs8_pem(pem).map_err(|_| KeyError::Form("private (PKCS#8)"))?;
        let public = SealPublic::of(*key.verifying_key())?;
        Ok(Self { key, public })
    }

    /// From a PEM file.
    ///
    /// # Errors
    /// When the file cannot be read or is not a P-256 key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        Self::from_pem(&text(path)?)
    }
}

impl SealKey for LocalKey {
    fn public(&self) -> &SealPublic {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature: Signature = self.key.sign(message);
        Ok(signature.to_der().as_bytes().to_owned())
    }
}

/// A small file of text; what it held is wiped from our memory when it is dropped.
fn text(path: &Path) -> Result<Zeroizing<String>, KeyError> {
    use std::os::fd::AsFd as _;
    let shown = escape::path(path);
    let fail = |reason: String| KeyError::File { path: shown.clone(), reason };
    let (fd, _) = read::open_magic(nix::fcntl::AT_FDCWD, path).map_err(|reason| fail(reason.to_string()))?;
    let bytes = read::to_end(fd.as_fd(), MAX_KEY).map_err(|errno| fail(errno.to_string()))?;
    String::from_utf8(bytes.bytes).map(Zeroizing::new).map_err(|_| fail("it is not text".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use p256::pkcs8::EncodePrivateKey as _;
    use proptest::prelude::*;

    fn pem() -> String {
        SigningKey::from_slice(&[7; 32]).unwrap().to_pkcs8_pem(LineEnding::LF).unwrap().to_string()
    }

    #[test]
    fn what_a_key_signs_its_public_half_verifies_and_nothing_else() {
        let key = LocalKey::from_pem(&pem()).unwrap();
        let signature = key.sign(b"message").unwrap();
        let public = SealPublic::from_pem(key.public().pem()).unwrap();
        assert_eq!(&public, key.public());
        assert!(public.verifies(b"message", &signature) && !public.verifies(b"another", &signature));
        assert!(!public.verifies(b"message", &signature[1..]) && !public.verifies(b"message", b""));
        assert_eq!(SealPublic::from_der(&public.der), Ok(public));
        assert!(!format!("{key:?}").contains("PRIVATE"));
    }

    #[test]
    fn what_is_no_key_is_refused_by_name() {
        assert_eq!(LocalKey::from_pem("x").unwrap_err(), KeyError::Form("private (PKCS#8)"));
        assert_eq!(SealPublic::from_pem(&pem()).unwrap_err(), KeyError::Form("public"));
        let error = LocalKey::read(Path::new("/nonexistent/key")).unwrap_err().to_string();
        assert!(error.starts_with("/nonexistent/key: "), "{error}");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, text: String) {
            prop_assert!(SealPublic::from_der(&bytes).is_err() && SealPublic::from_pem(&text).is_err());
            prop_assert!(!LocalKey::from_pem(&pem()).unwrap().public().verifies(b"message", &bytes));
        }
    }
}
