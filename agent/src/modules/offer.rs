//! What a run is given: the module that was named, or the one of the store, or every reason why there is none.

use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use hozen_collector::host::{Host, read};
use hozen_collector::model::Digest;
use hozen_collector::source::memory::{AskedStore, GivenModule, Kernel, Offer};
use serde_json::{Value, json};

use super::place::Place;
use super::shelf::{Fault, Folder, MAX_MODULE, Shelf};
use super::{DEFAULT_KEY, DEFAULT_STORE, InBucket, ModuleArgs, TrustedKey, fit, index};
use crate::s3::BucketUri;

/// Where a module may come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// A file, and the digest that it must have; it goes before the store.
    pub file: Option<(PathBuf, Digest)>,
    /// A store; none for the default one, if that is there.
    pub store: Option<Place>,
    /// The key that must have signed the store's index; none for the default one.
    pub key: Option<PathBuf>,
}

impl Wanted {
    /// What the options come to.
    ///
    /// # Errors
    /// When a module is given without its digest or the reverse, or a store that is neither a folder nor in a bucket.
    pub fn new(arguments: &ModuleArgs) -> anyhow::Result<Self> {
        let file = match (&arguments.module, arguments.module_sha256) {
            (Some(path), Some(sha256)) => Some((path.clone(), sha256)),
            (None, None) => None,
            _ => bail!("a module is given with --module FILE and --module-sha256 HEX, and one of them is missing"),
        };
        let store = arguments.modules.as_deref().map(Place::new).transpose().context("--modules")?;
        Ok(Self { file, store, key: arguments.modules_key.clone() })
    }

    /// Whether a bucket is asked for it.
    #[must_use]
    pub fn is_in_bucket(&self) -> bool {
        matches!(self.store, Some(Place::Bucket(_)))
    }
}

/// Looks for the module on `host`, or in a bucket that `open` opens. What goes wrong becomes a reason: the rest of a run does not
/// depend on it.
#[must_use]
pub fn offer(host: &Host, kernel: &Kernel, wanted: &Wanted, open: impl FnOnce(&BucketUri) -> Result<InBucket, Fault>) -> Offer {
    if let Some((path, sha256)) = &wanted.file {
        return Offer { module: Some(named(path, *sha256)), store: None };
    }
    let place = wanted.store.clone().unwrap_or_else(|| Place::Folder(DEFAULT_STORE.into()));
    let shelf: Result<Box<dyn Shelf>, Fault> = match &place {
        Place::Folder(path) => Folder::on_host(host, path).map(|folder| Box::new(folder) as _),
        Place::Bucket(place) => open(place).map(|bucket| Box::new(bucket) as _),
    };
    match shelf {
        Ok(shelf) => {
            offer_of(&*shelf, TrustedKey::on_host(host, wanted.key.as_deref().unwrap_or(Path::new(DEFAULT_KEY))), kernel)
        }
        Err(Fault::Missing(_)) if wanted.store.is_none() => Offer::default(),
        Err(fault) => {
            let refusals = vec![fault.to_string()];
            Offer { module: None, store: Some(AskedStore { location: place.to_string(), refusals, ..AskedStore::default() }) }
        }
    }
}

/// What the store on this shelf offers, if its index is signed by `key`; without a key, why there is none.
pub fn offer_of(shelf: &dyn Shelf, key: Result<TrustedKey, String>, kernel: &Kernel) -> Offer {
    let mut asked = AskedStore { location: shelf.location().to_owned(), ..AskedStore::default() };
    let module = take(shelf, key, kernel, &mut asked).map_err(|why| asked.refusals = why).ok();
    Offer { module, store: Some(asked) }
}

/// Takes the module for `kernel` off the shelf, with its digest checked.
fn take(
    shelf: &dyn Shelf,
    key: Result<TrustedKey, String>,
    kernel: &Kernel,
    asked: &mut AskedStore,
) -> Result<GivenModule, Vec<String>> {
    let bytes = shelf.index().map_err(|fault| vec![fault.to_string()])?;
    asked.index = Some(bytes.as_slice().into());
    let key = key.map_err(|why| {
        vec![format!("nothing in it is trusted without the key that must have signed it (--modules-key): {why}")]
    })?;
    asked.keyid = Some(key.id().to_owned());
    let index = index::read(&bytes, &key).map_err(|why| vec![format!("nothing in it is trusted: index.json: {why}")])?;
    let entry = fit::choose(&index, kernel)?;
    let bytes = shelf.module(&entry.sha256).map_err(|fault| vec![format!("the module for this kernel: {fault}")])?;
    let found = Digest::of(&bytes);
    if found != entry.sha256 {
        return Err(vec![format!(
            "the module for this kernel is refused: its digest is {found}, and the index has {}",
            entry.sha256
        )]);
    }
    let module = GivenModule { bytes: Ok(bytes.into()), sha256: entry.sha256 };
    module.fault(kernel).map_or(Ok(module), |why| Err(vec![why]))
}

/// Reads the module that was named.
fn named(path: &Path, sha256: Digest) -> GivenModule {
    let limit = usize::try_from(MAX_MODULE).unwrap_or(usize::MAX);
    let bytes = || -> Result<Arc<[u8]>, String> {
        let (fd, _) = read::open_magic(nix::fcntl::AT_FDCWD, path).map_err(|reason| reason.to_string())?;
        let bytes = read::to_end(fd.as_fd(), limit).map_err(|errno| errno.to_string())?;
        if bytes.truncated { Err(format!("it is larger than {} MiB", MAX_MODULE >> 20)) } else { Ok(bytes.bytes.into()) }
    };
    GivenModule { bytes: bytes(), sha256 }
}

/// An offer as the begin record, `preflight` and a dry run tell it.
#[must_use]
pub fn describe(offer: &Offer, kernel: &Kernel) -> Value {
    let store = offer.store.as_ref().map(|store| {
        let index = store.index.as_ref().map(|index| Digest::of(index));
        json!({"location": store.location, "keyid": store.keyid, "index_sha256": index})
    });
    let fault = offer.fault(kernel);
    let sha256 = offer.module.as_ref().map(|module| module.sha256);
    json!({"chosen": fault.is_none(), "sha256": sha256, "store": store, "reason": fault})
}

#[cfg(test)]
mod tests {
    use super::super::index::tests::entry;
    use super::*;
    use crate::sign::Signing;
    use hozen_collector::model::modules::{Architecture, ModuleEntry};

    /// A store in memory, as one in a bucket would be.
    struct Memory {
        index: Result<Vec<u8>, Fault>,
        module: Result<Vec<u8>, Fault>,
    }

    impl Shelf for Memory {
        fn location(&self) -> &'static str {
            "memory"
        }
        fn index(&self) -> Result<Vec<u8>, Fault> {
            self.index.clone()
        }
        fn module(&self, _: &Digest) -> Result<Vec<u8>, Fault> {
            self.module.clone()
        }
        fn paths(&self, _: usize) -> Result<Vec<Vec<u8>>, Fault> {
            Ok(Vec::new())
        }
    }

    fn kernel() -> Kernel {
        let (architecture, release) = (Some(Architecture::X86_64), b"6.1".to_vec());
        Kernel { architecture, release, ..Kernel::default() }
    }

    /// Whether the store offers a module, and what is said of it.
    fn taken(shelf: &Memory, key: &Signing) -> (bool, AskedStore) {
        let Offer { module, store } = offer_of(shelf, TrustedKey::of(key), &kernel());
        (module.is_some(), store.unwrap())
    }

    #[test]
    fn a_module_is_offered_only_with_the_digest_that_the_signed_index_names() {
        let signing = Signing::generate().unwrap();
        let of = |bytes: &[u8]| ModuleEntry { sha256: Digest::of(bytes), ..entry("6.1", None) };
        let index = Ok(index::seal(vec![of(b"abcde")], &signing).unwrap());
        let tampered = Memory { index: index.clone(), module: Ok(b"abcdf".to_vec()) };
        let (offered, asked) = taken(&tampered, &signing);
        assert!(!offered && asked.refusals[0].contains("its digest is"), "{asked:?}");
        assert_eq!(asked.keyid, Some(signing.public().keyid));
        assert_eq!(asked.index.map(|index| index.to_vec()), index.clone().ok());
        // The bytes are those of the index, and yet no module.
        let (offered, asked) = taken(&Memory { index: index.clone(), module: Ok(b"abcde".to_vec()) }, &signing);
        assert!(!offered && asked.refusals[0].contains("not an ELF"), "{asked:?}");
        let gone = Memory { index: index.clone(), module: Err(Fault::Missing("gone".to_owned())) };
        assert!(taken(&gone, &signing).1.refusals[0].contains("gone"));
        let (offered, asked) = taken(&Memory { index, module: Ok(Vec::new()) }, &Signing::generate().unwrap());
        assert!(!offered && asked.refusals[0].contains("nothing in it is trusted") && asked.index.is_some(), "{asked:?}");
    }

    #[test]
    fn without_a_key_nothing_is_trusted_and_without_a_store_nothing_is_asked() {
        let host = Host::live().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let wanted = Wanted { store: Some(Place::Folder(dir.path().join("none"))), ..Wanted::default() };
        let dead = |_: &BucketUri| Err(Fault::Unreadable("no way there".to_owned()));
        let refused = offer(&host, &kernel(), &wanted, dead);
        assert!(refused.module.is_none() && refused.store.unwrap().refusals[0].contains("none"));
        let in_bucket = Wanted { store: Some(Place::Bucket("s3://bucket/modules".parse().unwrap())), ..Wanted::default() };
        let asked = offer(&host, &kernel(), &in_bucket, dead).store.unwrap();
        assert_eq!((asked.location.as_str(), asked.refusals), ("s3://bucket/modules", vec!["no way there".to_owned()]));
        let shelf = Memory { index: Ok(b"{}".to_vec()), module: Ok(Vec::new()) };
        let refused = offer_of(&shelf, Err("ENOENT".to_owned()), &kernel()).store.unwrap().refusals;
        assert!(refused[0].contains("--modules-key") && refused[0].contains("ENOENT"));
        let file = Some(("/nonexistent/lime.ko".into(), Digest::of(b"")));
        let given = offer(&host, &kernel(), &Wanted { file, ..wanted }, dead);
        assert!(given.store.is_none() && given.module.as_ref().unwrap().bytes.is_err());
        assert_eq!(describe(&given, &kernel())["chosen"], false);
    }
}
