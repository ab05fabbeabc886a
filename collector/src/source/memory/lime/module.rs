//! A module file: what it says of itself, before the kernel sees it (ELF; `.modinfo` of include/linux/module.h).
//!
//! **Invariant:** a module that is not LiME for exactly this kernel and machine is never handed to the kernel.

use crate::model::escape;
use crate::model::little_endian::{long, short, word};

const SECTION: usize = 64;
/// `ET_REL`.
const RELOCATABLE: u16 = 1;

/// What `.modinfo` says, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in super::super) struct ModuleInfo {
    pub name: Vec<u8>,
    pub vermagic: Vec<u8>,
    pub version: Vec<u8>,
}

/// Reads them, if `bytes` is a module for a 64-bit little-endian `machine` (`x86_64` or `aarch64`).
pub(in super::super) fn parse(bytes: &[u8], machine: &str) -> Result<ModuleInfo, String> {
    let broken = || "its section headers make no sense".to_owned();
    if bytes.first_chunk() != Some(b"\x7fELF\x02\x01\x01") {
        return Err("it is not an ELF file of 64 bits".to_owned());
    }
    if short(bytes, 16) != Some(RELOCATABLE) {
        return Err("it is an ELF file, but not a module".to_owned());
    }
    let (number, known) = (short(bytes, 18).ok_or_else(broken)?, machine_number(machine));
    if Some(number) != known {
        return Err(format!("it is for ELF machine {number}, and this is {}", escape::bytes(machine.as_bytes())));
    }
    let sections = Sections::of(bytes).ok_or_else(broken)?;
    let info = sections.content(b".modinfo").ok_or_else(|| "it has no .modinfo".to_owned())?;
    let value = |key: &[u8]| {
        let value = info.split(|b| *b == 0).find_map(|entry| entry.strip_prefix(key)?.strip_prefix(b"="));
        value.unwrap_or_default().to_owned()
    };
    Ok(ModuleInfo { name: value(b"name"), vermagic: value(b"vermagic"), version: value(b"version") })
}

impl ModuleInfo {
    /// Why this module is not LiME for the kernel `release`, if it is not.
    pub(in super::super) fn mismatch(&self, release: &[u8]) -> Option<String> {
        let built_for = self.vermagic.split(|b| *b == b' ').next().unwrap_or_default();
        if self.name != b"lime" {
            return Some(format!("its name is {:?}, and not lime", escape::bytes(&self.name)));
        }
        (built_for != release || release.is_empty())
            .then(|| format!("it was built for kernel {:?}, and this is {:?}", escape::bytes(built_for), escape::bytes(release)))
    }
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

/// ELF's number of the machine (`e_machine`).
fn machine_number(machine: &str) -> Option<u16> {
    match machine {
        "x86_64" => Some(62),
        "aarch64" => Some(183),
        _ => None,
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

    const MACHINE: &str = std::env::consts::ARCH;

    #[test]
    fn a_module_says_what_it_is_for() {
        let info = parse(&module(b"version=1.9\0name=lime\0vermagic=6.1.0-56 SMP mod_unload \0"), MACHINE).unwrap();
        assert_eq!((info.name.as_slice(), info.version.as_slice()), (&b"lime"[..], &b"1.9"[..]));
        assert_eq!(info.mismatch(b"6.1.0-56"), None);
        assert!(info.mismatch(b"6.1.0-5").unwrap().contains("6.1.0-56"));
        assert!(info.mismatch(b"").is_some());
        let other = parse(&module(b"name=rootkit\0vermagic=6.1\0"), MACHINE).unwrap();
        assert!(other.mismatch(b"6.1").unwrap().contains("rootkit"));
        assert!(parse(&module(b""), MACHINE).unwrap().mismatch(b"6.1").is_some());
    }

    #[test]
    fn what_is_no_module_for_this_machine_is_refused() {
        let good = module(b"name=lime\0");
        assert!(parse(b"", MACHINE).unwrap_err().contains("not an ELF"));
        assert!(parse(&good, "riscv64").unwrap_err().contains("machine"));
        let mut program = good.clone();
        program[16] = 2;
        assert!(parse(&program, MACHINE).unwrap_err().contains("not a module"));
        assert!((7..good.len()).all(|length| parse(&good[..length], MACHINE).is_err()));
    }

    proptest! {
        #[test]
        fn any_bytes_parse(bytes: Vec<u8>, at in 0_usize..300, value: u8) {
            parse(&bytes, MACHINE).ok();
            let mut hostile = module(b"name=lime\0vermagic=6\0");
            let at = at % hostile.len();
            hostile[at] = value;
            parse(&hostile, MACHINE).ok();
        }
    }
}
