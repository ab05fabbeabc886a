//! The kernel that a module must be built for.

use crate::host::{Host, read};
use crate::model::escape;
use crate::model::modules::{Architecture, BuildId};

/// `NT_GNU_BUILD_ID` of elf(5).
const BUILD_ID_NOTE: u32 = 3;

/// A kernel, as far as it can be told from others. What is not known is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kernel {
    /// Its machine.
    pub architecture: Option<Architecture>,
    /// Its release (`uname -r`).
    pub release: Vec<u8>,
    /// Its version (`uname -v`), which tells some of the options it was built with.
    pub version: Vec<u8>,
    /// Its BUILD-ID.
    pub build_id: Option<BuildId>,
}

impl Kernel {
    /// The kernel that runs here, as it describes itself.
    #[must_use]
    pub fn running(host: &Host) -> Self {
        let line = |path: &str| host.proc.file(path, read::SMALL).map(|text| text.bytes.trim_ascii().to_owned());
        Self {
            architecture: Architecture::of_this_program(),
            release: line("sys/kernel/osrelease").unwrap_or_default(),
            version: line("sys/kernel/version").unwrap_or_default(),
            build_id: host.sys.file("kernel/notes", read::SMALL).ok().and_then(|notes| build_id(&notes.bytes)),
        }
    }

    /// Why a module for `architecture` with this vermagic is not for this kernel, if it is not: in escaped text.
    ///
    /// Of the words behind the release only those are compared that the kernel tells (`UTS_VERSION` of init/Makefile against
    /// include/linux/vermagic.h); the kernel itself compares all of them.
    #[must_use]
    pub fn refuses(&self, architecture: Architecture, vermagic: &[u8]) -> Option<String> {
        if Some(architecture) != self.architecture {
            let own = self.architecture.map_or("another machine", Architecture::word);
            return Some(format!("it is for {architecture}, and this is {own}"));
        }
        let mut words = vermagic.split(|b| *b == b' ');
        let built_for = words.next().unwrap_or_default();
        if built_for != self.release || self.release.is_empty() {
            let shown = (escape::bytes(built_for), escape::bytes(&self.release));
            return Some(format!("it was built for kernel {:?}, and this is {:?}", shown.0, shown.1));
        }
        let (built_with, runs_with) = (Options::of(words), Options::of(self.version.split(|b| *b == b' ')));
        (!self.version.is_empty() && built_with != runs_with).then(|| {
            let shown = (escape::bytes(vermagic), escape::bytes(&self.version));
            format!("it was built for a kernel with other options: {:?}, and this is {:?}", shown.0, shown.1)
        })
    }
}

/// Options that both a module and its kernel tell.
#[derive(PartialEq, Eq)]
struct Options {
    smp: bool,
    preempt: bool,
}

impl Options {
    /// `SMP`, and any of `preempt`, `preempt_rt`, `PREEMPT`, `PREEMPT_DYNAMIC`, `PREEMPT_RT`.
    fn of<'a>(words: impl Iterator<Item = &'a [u8]>) -> Self {
        words.fold(Self { smp: false, preempt: false }, |options, word| Self {
            smp: options.smp || word == b"SMP",
            preempt: options.preempt || word.get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"preempt")),
        })
    }
}

/// The BUILD-ID among ELF notes such as `/sys/kernel/notes` (elf(5): three words, name and content, both padded to four bytes).
pub(super) fn build_id(mut notes: &[u8]) -> Option<BuildId> {
    loop {
        let (head, rest) = notes.split_first_chunk::<12>()?;
        let [n0, n1, n2, n3, d0, d1, d2, d3, k0, k1, k2, k3] = *head;
        let length = |bytes| usize::try_from(u32::from_le_bytes(bytes)).ok();
        let (name, size, kind) = (length([n0, n1, n2, n3])?, length([d0, d1, d2, d3])?, u32::from_le_bytes([k0, k1, k2, k3]));
        let content = name.checked_next_multiple_of(4)?;
        let next = content.checked_add(size.checked_next_multiple_of(4)?)?;
        if kind == BUILD_ID_NOTE && rest.get(..name)? == b"GNU\0" {
            return BuildId::from_bytes(rest.get(content..content.checked_add(size)?)?);
        }
        notes = rest.get(next..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn note(name: &[u8], kind: u32, content: &[u8]) -> Vec<u8> {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_le_bytes().to_vec();
        let padded = |bytes: &[u8]| [bytes, &vec![0; bytes.len().next_multiple_of(4) - bytes.len()]].concat();
        [length(name), length(content), kind.to_le_bytes().to_vec(), padded(name), padded(content)].concat()
    }

    #[test]
    fn the_build_id_is_found_among_other_notes() {
        let own = note(b"GNU\0", 3, &[0xab; 20]);
        let notes = [note(b"Xen\0", 3, b"abcde"), note(b"GNU\0", 0x100, b""), own, note(b"Linux\0", 0, b"x")].concat();
        assert_eq!(build_id(&notes).unwrap().to_string(), "ab".repeat(20));
        assert_eq!(build_id(&note(b"Linux\0", 3, &[1; 20])), None);
        assert!((0..notes.len() - 16).all(|length| build_id(&notes[..length]).is_none_or(|id| id.to_string().len() == 40)));
    }

    fn kernel(release: &str, version: &str) -> Kernel {
        let architecture = Some(Architecture::X86_64);
        Kernel { architecture, release: release.into(), version: version.into(), build_id: None }
    }

    #[test]
    fn only_a_module_for_this_very_kernel_is_not_refused() {
        let debian = kernel("6.1.0-56-cloud-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-02)");
        let refused = |vermagic: &str| debian.refuses(Architecture::X86_64, vermagic.as_bytes());
        assert_eq!(refused("6.1.0-56-cloud-amd64 SMP preempt mod_unload modversions "), None);
        assert!(refused("6.1.0-5-cloud-amd64 SMP preempt mod_unload ").unwrap().contains("built for kernel"));
        assert!(refused("").is_some());
        for options in ["preempt", "SMP", "", "smp preempt"] {
            assert!(refused(&format!("6.1.0-56-cloud-amd64 {options}")).unwrap().contains("other options"), "{options}");
        }
        assert!(debian.refuses(Architecture::Aarch64, b"6.1.0-56-cloud-amd64").unwrap().contains("aarch64"));
        assert!(kernel("", "").refuses(Architecture::X86_64, b"").is_some());
        assert_eq!(kernel("6.1", "").refuses(Architecture::X86_64, b"6.1 SMP"), None, "what is not known is not compared");
    }

    #[test]
    fn this_machines_kernel_has_a_release() {
        let kernel = Kernel::running(&Host::live().unwrap());
        assert!(!kernel.release.is_empty() && !kernel.version.is_empty() && kernel.architecture.is_some());
    }

    proptest! {
        #[test]
        fn any_notes_parse(bytes: Vec<u8>, name in 0_u32..20, size: u32) {
            build_id(&bytes);
            let head = [name.to_le_bytes(), size.to_le_bytes(), 3_u32.to_le_bytes()].concat();
            build_id(&[head, bytes].concat());
        }
    }
}
