//! The key that signs a store's index: made once, kept away from suspect hosts.

use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, ensure};
use hozen_collector::host::read;
use hozen_collector::model::escape;
use zeroize::Zeroizing;

use crate::sign::Signing;
use crate::whole_file::{self, place, write_new};

/// The largest key file that is read, in bytes.
const MAX_KEY: usize = 4096;

/// A key that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// Its id.
    pub keyid: String,
    /// File of its public half.
    pub public: PathBuf,
}

/// Makes a key and writes it to the new file `key`, and its public half to the new file `public`.
///
/// # Errors
/// When a file exists already or cannot be written; then neither is there.
pub fn generate(key: &Path, public: Option<&Path>) -> Result<Generated> {
    let public = public.map_or_else(|| key.with_extension("pub"), Path::to_owned);
    ensure!(key != public, "the key and its public half cannot be the same file; name another with --public");
    let signing = Signing::generate().map_err(|error| anyhow!("no random numbers for the key: {error}"))?;
    let written = signing.public();
    write_new(key, signing.to_pkcs8_pem().as_bytes(), 0o600)?;
    if let Err(error) = write_new(&public, written.pem.as_bytes(), 0o644) {
        // The key is new and nobody knows its public half.
        let (folder, name) = place(key)?;
        whole_file::remove(whole_file::folder(folder)?, &name)?;
        return Err(error);
    }
    Ok(Generated { keyid: written.keyid, public })
}

/// Reads a signing key.
///
/// # Errors
/// When it cannot be read or is no Ed25519 key as PKCS#8 PEM.
pub fn signing_key(path: &Path) -> Result<Signing> {
    let opened = read::open_magic(nix::fcntl::AT_FDCWD, path);
    let (fd, _) = opened.map_err(|reason| anyhow!("cannot open the key {}: {reason}", escape::path(path)))?;
    let bytes = read::to_end(fd.as_fd(), MAX_KEY).with_context(|| format!("cannot read the key {}", escape::path(path)))?;
    let bytes = Zeroizing::new(bytes.bytes);
    let signing = std::str::from_utf8(&bytes).ok().and_then(Signing::from_pkcs8_pem);
    signing.with_context(|| {
        format!("the key {} is not an Ed25519 key as PKCS#8 PEM; `hozen modules keygen` makes one", escape::path(path))
    })
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests look at files with the standard library")]
mod tests {
    use super::*;
    use crate::modules::TrustedKey;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_key_is_for_its_owner_alone_and_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("modules.key");
        let made = generate(&key, None).unwrap();
        assert_eq!(made.public, dir.path().join("modules.pub"));
        assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        let signing = signing_key(&key).unwrap();
        assert_eq!(signing.public().keyid, made.keyid);
        assert_eq!(TrustedKey::named(&made.public).unwrap().id(), made.keyid);
        let before = std::fs::read(&key).unwrap();
        assert!(generate(&key, Some(&dir.path().join("other.pub"))).unwrap_err().to_string().contains("modules.key exists"));
        assert!(
            generate(&dir.path().join("new.key"), Some(&made.public)).unwrap_err().to_string().contains("modules.pub exists")
        );
        assert_eq!(std::fs::read(&key).unwrap(), before);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "of what failed nothing is left");
    }

    #[test]
    fn what_is_no_key_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let made = generate(&dir.path().join("k"), None).unwrap();
        for path in [made.public.as_path(), Path::new("/dev/null"), Path::new("/nonexistent/k"), dir.path()] {
            let error = format!("{:#}", signing_key(path).unwrap_err());
            assert!(error.contains(path.to_str().unwrap()), "{error}");
        }
        for path in ["/", "..", ""] {
            assert!(generate(Path::new(path), Some(&dir.path().join("p"))).is_err(), "{path}");
        }
        assert!(generate(&dir.path().join("no/such"), None).is_err());
    }
}
