//! A LiME module that the run was given.

use std::sync::Arc;

use super::lime;
use crate::model::Digest;

/// A module file, and the digest that it must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenModule {
    /// Its bytes, or why the file could not be read (escaped text).
    pub bytes: Result<Arc<[u8]>, String>,
    /// The digest that whoever gave it says it has.
    pub sha256: Digest,
}

impl GivenModule {
    /// Why it is not handed to a kernel of release `release`, if it is not.
    pub(super) fn fault(&self, release: &[u8]) -> Option<String> {
        let bytes = match &self.bytes {
            Ok(bytes) => bytes,
            Err(why) => return Some(format!("the module that was given cannot be read: {why}")),
        };
        let found = Digest::of(bytes);
        if found != self.sha256 {
            return Some(format!("the module that was given has the digest {found}, and should have {}", self.sha256));
        }
        lime::unfit(bytes, release).map(|why| format!("the module that was given is not used: {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::memory::lime::module::tests::module;

    #[test]
    fn only_the_right_module_with_the_right_digest_has_no_fault() {
        let bytes: Arc<[u8]> = module(b"name=lime\0vermagic=6.1.0 SMP\0").into();
        let given = |bytes: Result<Arc<[u8]>, String>, of: &[u8]| GivenModule { bytes, sha256: Digest::of(of) };
        assert_eq!(given(Ok(Arc::clone(&bytes)), &bytes).fault(b"6.1.0"), None);
        let faults = [
            (given(Ok(Arc::clone(&bytes)), &bytes).fault(b"6.1.1"), "built for kernel"),
            (given(Ok(Arc::clone(&bytes)), b"other").fault(b"6.1.0"), "and should have"),
            (given(Ok(Arc::from(&b"#!"[..])), b"#!").fault(b"6.1.0"), "not an ELF"),
            (given(Err("ENOENT".to_owned()), b"").fault(b"6.1.0"), "cannot be read: ENOENT"),
        ];
        for (fault, reason) in faults {
            assert!(fault.as_ref().unwrap().contains(reason), "{fault:?}");
        }
    }
}
