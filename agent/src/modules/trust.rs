//! The public key that must have signed a store's index.

use std::os::fd::AsFd as _;
use std::path::Path;

use ed25519_dalek::{Signature, VerifyingKey};
use hozen_collector::host::{Host, read};
use hozen_collector::model::{Digest, dsse, escape};

use crate::sign::Signing;
use crate::verify::{key_from_pem, keyid};

/// The largest key file that is read, in bytes.
const MAX_KEY: usize = 4096;

/// A key that is trusted to sign an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKey {
    id: String,
    key: VerifyingKey,
}

impl TrustedKey {
    /// From its PEM form (SubjectPublicKeyInfo, RFC 8410), as `hozen modules keygen` and `openssl pkey -pubout` write it.
    ///
    /// # Errors
    /// When it is none.
    pub fn from_pem(pem: &[u8]) -> Result<Self, String> {
        let pem = std::str::from_utf8(pem).ok();
        let (der, key) = pem.and_then(key_from_pem).ok_or("it is not an Ed25519 public key in PEM form")?;
        Ok(Self { id: keyid(&Digest::of(&der)), key })
    }

    /// The public half of `signing`.
    ///
    /// # Errors
    /// Never, unless there is a bug.
    pub fn of(signing: &Signing) -> Result<Self, String> {
        Self::from_pem(signing.public().pem.as_bytes())
    }

    /// Reads the file at `path` on a machine that is trusted.
    ///
    /// # Errors
    /// When it cannot be read or holds no key; escaped text that names it.
    pub fn named(path: &Path) -> Result<Self, String> {
        let opened = read::open_magic(nix::fcntl::AT_FDCWD, path).map_err(|reason| reason.to_string());
        let bytes = opened.and_then(|(fd, _)| read::to_end(fd.as_fd(), MAX_KEY).map_err(|errno| errno.to_string()));
        bytes.and_then(|bytes| Self::from_pem(&bytes.bytes)).map_err(|why| format!("the key {}: {why}", escape::path(path)))
    }

    /// Reads the file at `path` on a host that may lay traps.
    ///
    /// # Errors
    /// When it cannot be read or holds no key; escaped text that names it.
    pub fn on_host(host: &Host, path: &Path) -> Result<Self, String> {
        let named = |why: String| format!("the key {}: {why}", escape::path(path));
        let absolute = std::path::absolute(path).map_err(|error| named(error.to_string()))?;
        let bytes = host.files.file(absolute.as_os_str().as_encoded_bytes(), MAX_KEY);
        Self::from_pem(&bytes.map_err(|error| named(error.reason.to_string()))?.bytes).map_err(named)
    }

    /// `sha256:` and the digest of its DER form.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether it has signed this payload; no second form of a signature passes.
    pub(super) fn has_signed(&self, payload_type: &str, payload: &[u8], signature: &[u8]) -> bool {
        let signature = Signature::from_slice(signature);
        signature.is_ok_and(|signature| self.key.verify_strict(&dsse::pae(payload_type, payload), &signature).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_id_of_its_signing_half() {
        let signing = Signing::generate().unwrap();
        let trusted = TrustedKey::of(&signing).unwrap();
        assert_eq!(trusted.id(), signing.public().keyid);
        for wrong in [&b""[..], b"-----BEGIN PUBLIC KEY-----\n", b"\xff", signing.public().keyid.as_bytes()] {
            assert!(TrustedKey::from_pem(wrong).is_err());
        }
    }

    #[test]
    fn a_key_file_that_is_none_is_named() {
        for path in ["/nonexistent/modules.pub", "/dev/null", "/"] {
            let host = Host::live().unwrap();
            for error in
                [TrustedKey::named(Path::new(path)).unwrap_err(), TrustedKey::on_host(&host, Path::new(path)).unwrap_err()]
            {
                assert!(error.contains(path), "{error}");
            }
        }
    }
}
