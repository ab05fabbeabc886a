//! The LiME module that a run was given, and the store that it may have come from.

use std::sync::Arc;

use super::lime;
use super::running::Kernel;
use crate::model::{Digest, Row, escape};

/// A module file, and the digest that it must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenModule {
    /// Its bytes, or why the file could not be read (escaped text).
    pub bytes: Result<Arc<[u8]>, String>,
    /// The digest that whoever gave it says it has.
    pub sha256: Digest,
}

/// A module store that was asked for a module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AskedStore {
    /// Where it is; escaped text.
    pub location: String,
    /// Id of the key that its index must be signed with, where that key could be read.
    pub keyid: Option<String>,
    /// The index as it lies there, where it could be read; signed or not.
    pub index: Option<Arc<[u8]>>,
    /// Why it gives no module; empty if it does. Escaped text.
    pub refusals: Vec<String>,
}

/// What a run may load, and where that was looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offer {
    /// The module.
    pub module: Option<GivenModule>,
    /// The store that was asked, if one was.
    pub store: Option<AskedStore>,
}

impl GivenModule {
    /// Why it is not handed to `kernel`, if it is not: in escaped text.
    #[must_use]
    pub fn fault(&self, kernel: &Kernel) -> Option<String> {
        let bytes = match &self.bytes {
            Ok(bytes) => bytes,
            Err(why) => return Some(format!("the module cannot be read: {why}")),
        };
        let found = Digest::of(bytes);
        if found != self.sha256 {
            return Some(format!("the module has the digest {found}, and should have {}", self.sha256));
        }
        lime::unfit(bytes, kernel).map(|why| format!("the module is not used: {why}"))
    }
}

impl Offer {
    /// Why no module can be handed to `kernel`, if none can: in escaped text.
    #[must_use]
    pub fn fault(&self, kernel: &Kernel) -> Option<String> {
        if let Some(module) = &self.module {
            return module.fault(kernel);
        }
        let release = escape::bytes(&kernel.release);
        Some(match &self.store {
            Some(store) => format!("the module store {} gives none: {}", store.location, store.refusals.join("; ")),
            None => format!("no LiME module for kernel {release} was given (--module), and there is no module store (--modules)"),
        })
    }

    /// Whether the module has a signature for the kernel.
    pub(super) fn is_signed(&self) -> bool {
        let bytes = self.module.as_ref().and_then(|module| module.bytes.as_ref().ok());
        bytes.is_some_and(|bytes| lime::module::is_signed(bytes))
    }

    /// Which module, index and key it is, for a row of a table.
    pub(super) fn describe(&self, row: &mut Row) {
        if let Some(module) = &self.module {
            row.text("module_sha256", &module.sha256.to_string());
        }
        let Some(store) = &self.store else { return };
        row.text("module_store", &store.location);
        if let Some(keyid) = &store.keyid {
            row.text("module_keyid", keyid);
        }
        if let Some(index) = &store.index {
            row.text("module_index_sha256", &Digest::of(index).to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::modules::Architecture;
    use crate::source::memory::lime::module::tests::module;

    fn kernel(release: &[u8]) -> Kernel {
        Kernel { architecture: Architecture::of_this_program(), release: release.to_owned(), ..Kernel::default() }
    }

    #[test]
    fn only_the_right_module_with_the_right_digest_has_no_fault() {
        let bytes: Arc<[u8]> = module(b"name=lime\0vermagic=6.1.0 SMP\0").into();
        let given = |bytes: Result<Arc<[u8]>, String>, of: &[u8]| GivenModule { bytes, sha256: Digest::of(of) };
        let (own, other) = (kernel(b"6.1.0"), kernel(b"6.1.1"));
        assert_eq!(given(Ok(Arc::clone(&bytes)), &bytes).fault(&own), None);
        let rootkit: Arc<[u8]> = module(b"name=rootkit\0vermagic=6.1.0 SMP\0").into();
        let mut foreign = bytes.to_vec();
        foreign[18] = if foreign[18] == 62 { 183 } else { 62 };
        let faults = [
            (given(Ok(Arc::clone(&bytes)), &bytes).fault(&other), "built for kernel"),
            (given(Ok(Arc::clone(&bytes)), b"other").fault(&own), "and should have"),
            (given(Ok(Arc::clone(&rootkit)), &rootkit).fault(&own), "rootkit"),
            (given(Ok(foreign.as_slice().into()), &foreign).fault(&own), "and this is"),
            (given(Ok(Arc::from(&b"#!"[..])), b"#!").fault(&own), "not an ELF"),
            (given(Err("ENOENT".to_owned()), b"").fault(&own), "cannot be read: ENOENT"),
        ];
        for (fault, reason) in faults {
            assert!(fault.as_ref().unwrap().contains(reason), "{fault:?}");
        }
    }

    #[test]
    fn a_signature_stands_at_the_end() {
        let plain = module(b"name=lime\0vermagic=6.1.0 SMP\0");
        let signed = [plain.as_slice(), b"pkcs7", b"~Module signature appended~\n"].concat();
        let more = [signed.as_slice(), b"x"].concat();
        let offer = |bytes: Vec<u8>| {
            let sha256 = Digest::of(&bytes);
            Offer { module: Some(GivenModule { bytes: Ok(bytes.into()), sha256 }), store: None }
        };
        assert_eq!(offer(signed.clone()).fault(&kernel(b"6.1.0")), None);
        assert!(offer(signed).is_signed());
        assert!(!offer(plain).is_signed() && !offer(more).is_signed() && !Offer::default().is_signed());
    }

    #[test]
    fn without_a_module_every_reason_of_the_store_is_told() {
        let refusals = vec!["no key".to_owned(), "no index".to_owned()];
        let store = AskedStore { location: "/s".to_owned(), refusals, ..AskedStore::default() };
        let fault = Offer { module: None, store: Some(store) }.fault(&kernel(b"6.1")).unwrap();
        assert_eq!(fault, "the module store /s gives none: no key; no index");
        assert!(Offer::default().fault(&kernel(b"6.1\x1b")).unwrap().contains("kernel 6.1\\x1b was given"));
    }
}
