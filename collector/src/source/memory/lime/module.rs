//! A module file: what it says of itself, before the kernel sees it (ELF; `.modinfo` of include/linux/module.h).
//!
//! **Invariant:** a module that is not LiME for exactly this kernel and machine is never handed to the kernel ([`super::unfit`]).

use crate::model::escape;
use crate::model::little_endian::{long, short, word};
use crate::model::modules::Architecture;

const SECTION: usize = 64;
/// `ET_REL`.
const RELOCATABLE: u16 = 1;
/// How a module ends that has a signature behind it (`MODULE_SIG_STRING` of linux/module_signature.h).
const SIGNED: &[u8] = b"~Module signature appended~\n";

/// What a module file says of itself, as far as it matters. Text is as it stands there; what is missing is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleInfo {
    /// The machine it is for.
    pub architecture: Architecture,
    /// Its name.
    pub name: Vec<u8>,
    /// Release and options of the kernel it was built for.
    pub vermagic: Vec<u8>,
    /// Its version.
    pub version: Vec<u8>,
    /// Digest of its source, by `modpost`.
    pub srcversion: Vec<u8>,
}

impl ModuleInfo {
    /// Reads `.modinfo` of a 64-bit little-endian module.
    ///
    /// # Errors
    /// Why `bytes` are no such module.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let broken = || "its section headers make no sense".to_owned();
        if bytes.first_chunk() != Some(b"\x7fELF\x02\x01\x01") {
            return Err("it is not an ELF file of 64 bits".to_owned());
        }
        if short(bytes, 16) != Some(RELOCATABLE) {
            return Err("it is an ELF file, but not a module".to_owned());
        }
        let number = short(bytes, 18).ok_or_else(broken)?;
        let architecture = Architecture::of_elf(number)
            .ok_or_else(|| format!("it is for ELF machine {number}, and not for x86_64 (62) or aarch64 (183)"))?;
        let sections = Sections::of(bytes).ok_or_else(broken)?;
        let info = sections.content(b".modinfo").ok_or_else(|| "it has no .modinfo".to_owned())?;
        let value = |key: &[u8]| {
            let value = info.split(|b| *b == 0).find_map(|entry| entry.strip_prefix(key)?.strip_prefix(b"="));
            value.unwrap_or_default().to_owned()
        };
        let (name, vermagic) = (value(b"name"), value(b"vermagic"));
        Ok(Self { architecture, name, vermagic, version: value(b"version"), srcversion: value(b"srcversion") })
    }

    /// The release of the kernel it was built for: the first word of its vermagic.
    #[must_use]
    pub fn release(&self) -> &[u8] {
        self.vermagic.split(|b| *b == b' ').next().unwrap_or_default()
    }

    /// Why it is not LiME, if it is not: in escaped text.
    #[must_use]
    pub fn not_lime(&self) -> Option<String> {
        (self.name != b"lime").then(|| format!("its name is {:?}, and not lime", escape::bytes(&self.name)))
    }
}

/// Whether a signature stands behind the module. Whose it is, and whether it is right, only the kernel can say.
pub(in super::super) fn is_signed(bytes: &[u8]) -> bool {
    bytes.ends_with(SIGNED)
}

/// The section table: as many headers of 64 bytes as there are, and where their names are.
struct Sections<'a> {
    file: &'a [u8],
    headers: &'a [u8],
    names: &'a [u8],
}

impl<'a> Sections<'a> {
    fn of(file: &'a [u8]) -> Option<Self> {
        let (offset, count, names) = (long(file, 40)?, short(file, 60)?, short(file, 62)?);
        if short(file, 58) != u16::try_from(SECTION).ok() {
            return None;
        }
        let headers = part(file, offset, u64::from(count) * 64)?;
        let names = headers.chunks_exact(SECTION).nth(usize::from(names))?;
        Some(Self { file, headers, names: part(file, long(names, 24)?, long(names, 32)?)? })
    }

    fn content(&self, name: &[u8]) -> Option<&'a [u8]> {
        let named = |header: &&[u8]| {
            let at = word(header, 0).and_then(|at| usize::try_from(at).ok());
            let text = at.and_then(|at| self.names.get(at..)).unwrap_or_default();
            text.split(|b| *b == 0).next() == Some(name)
        };
        let header = self.headers.chunks_exact(SECTION).find(named)?;
        part(self.file, long(header, 24)?, long(header, 32)?)
    }
}

fn part(bytes: &[u8], offset: u64, length: u64) -> Option<&[u8]> {
    let (start, end) = (usize::try_from(offset).ok()?, usize::try_from(offset.checked_add(length)?).ok()?);
    bytes.get(start..end)
}

#[cfg(test)]
pub(in super::super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A module with this `.modinfo`, and nothing else that a kernel would want.
    pub(in super::super::super) fn module(info: &[u8]) -> Vec<u8> {
        let names = b"\0.shstrtab\0.modinfo\0";
        let mut file = b"\x7fELF\x02\x01\x01".to_vec();
        file.resize(64, 0);
        file[16] = 1;
        file[18] = if cfg!(target_arch = "aarch64") { 183 } else { 62 };
        file.extend(names);
        file.extend(info);
        let table = file.len() as u64;
        let section = |name: u32, offset: u64, size: u64| {
            let mut header = vec![0; SECTION];
            header[..4].copy_from_slice(&name.to_le_bytes());
            header[24..32].copy_from_slice(&offset.to_le_bytes());
            header[32..40].copy_from_slice(&size.to_le_bytes());
            header
        };
        file.extend(section(0, 0, 0));
        file.extend(section(1, 64, names.len() as u64));
        file.extend(section(11, 64 + names.len() as u64, info.len() as u64));
        file[40..48].copy_from_slice(&table.to_le_bytes());
        file[58] = 64;
        file[60] = 3;
        file[62] = 1;
        file
    }

    #[test]
    fn a_module_says_what_it_is_for() {
        let info = b"version=1.9\0name=lime\0srcversion=AB\0vermagic=6.1.0-56 SMP mod_unload \0";
        let info = ModuleInfo::read(&module(info)).unwrap();
        assert_eq!((info.name.as_slice(), info.version.as_slice()), (&b"lime"[..], &b"1.9"[..]));
        assert_eq!((info.release(), info.srcversion.as_slice()), (&b"6.1.0-56"[..], &b"AB"[..]));
        assert_eq!((info.not_lime(), Some(info.architecture)), (None, Architecture::of_this_program()));
        let other = ModuleInfo::read(&module(b"name=rootkit\x1b\0vermagic=6.1\0")).unwrap();
        assert!(other.not_lime().unwrap().contains("rootkit\\\\x1b"));
        assert!(ModuleInfo::read(&module(b"")).unwrap().not_lime().is_some());
    }

    #[test]
    fn what_is_no_module_for_a_known_machine_is_refused() {
        let good = module(b"name=lime\0");
        assert!(ModuleInfo::read(b"").unwrap_err().contains("not an ELF"));
        let mut other = good.clone();
        other[18] = 40;
        assert!(ModuleInfo::read(&other).unwrap_err().contains("machine 40"));
        let mut program = good.clone();
        program[16] = 2;
        assert!(ModuleInfo::read(&program).unwrap_err().contains("not a module"));
        assert!((7..good.len()).all(|length| ModuleInfo::read(&good[..length]).is_err()));
    }

    proptest! {
        #[test]
        fn any_bytes_parse(bytes: Vec<u8>, at in 0_usize..300, value: u8) {
            ModuleInfo::read(&bytes).ok();
            let mut hostile = module(b"name=lime\0vermagic=6\0");
            let at = at % hostile.len();
            hostile[at] = value;
            ModuleInfo::read(&hostile).ok();
        }
    }
}
