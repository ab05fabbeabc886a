//! The index of a module store: which modules lie in it, and for which kernel each of them was built.
//!
//! The index is the predicate of a signed statement ([`INDEX_TYPE`]) whose subjects are the module files. Text in it is
//! printable as it stands.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Digest, Timestamp};

/// `predicateType` of the index.
pub const INDEX_TYPE: &str = "hozen:modules/v1";
/// The version of the index that this code writes and reads.
pub const INDEX_VERSION: u32 = 1;
/// Name of the index in its store.
pub const INDEX_KEY: &str = "index.json";
/// Folder of the module files in their store.
pub const MODULES_FOLDER: &str = "modules";

/// A machine that modules are built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// ARM, 64 bits.
    Aarch64,
    /// Intel and AMD, 64 bits.
    #[serde(rename = "x86_64")]
    X86_64,
}

/// The text is not the name of an [`Architecture`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an architecture that Hozen knows; there are x86_64 and aarch64")]
pub struct UnknownArchitecture;

impl Architecture {
    /// The architecture that this program was built for.
    #[must_use]
    pub fn of_this_program() -> Option<Self> {
        std::env::consts::ARCH.parse().ok()
    }

    /// The architecture with this number in an ELF header (`e_machine`).
    #[must_use]
    pub fn of_elf(machine: u16) -> Option<Self> {
        match machine {
            62 => Some(Self::X86_64),
            183 => Some(Self::Aarch64),
            _ => None,
        }
    }

    /// Its name, as `uname -m` has it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Aarch64 => "aarch64",
            Self::X86_64 => "x86_64",
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Architecture {
    type Err = UnknownArchitecture;
    fn from_str(text: &str) -> Result<Self, UnknownArchitecture> {
        [Self::Aarch64, Self::X86_64].into_iter().find(|known| known.word() == text).ok_or(UnknownArchitecture)
    }
}

/// The BUILD-ID of a kernel: what its linker has written into `/sys/kernel/notes`. Lower-case hexadecimal digits, 1 to 64 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct BuildId(String);

/// The text is not a [`BuildId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a BUILD-ID: expected 1 to 64 bytes as pairs of lower-case hexadecimal digits")]
pub struct InvalidBuildId;

impl BuildId {
    /// From its bytes; none where there are too few or too many.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().parse().ok()
    }
}

impl fmt::Display for BuildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for BuildId {
    type Err = InvalidBuildId;
    fn from_str(text: &str) -> Result<Self, InvalidBuildId> {
        let digits = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let right = digits && text.len().is_multiple_of(2) && (2..=128).contains(&text.len());
        if right { Ok(Self(text.to_owned())) } else { Err(InvalidBuildId) }
    }
}

impl TryFrom<String> for BuildId {
    type Error = InvalidBuildId;
    fn try_from(text: String) -> Result<Self, InvalidBuildId> {
        text.parse()
    }
}

impl From<BuildId> for String {
    fn from(id: BuildId) -> Self {
        id.0
    }
}

/// Predicate of the index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleIndex {
    /// [`INDEX_VERSION`].
    pub v: u32,
    /// Ascending by [`ModuleEntry::kernel`], each kernel once.
    pub modules: Vec<ModuleEntry>,
}

/// One module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleEntry {
    /// The machine it is for.
    pub arch: Architecture,
    /// The kernel's release, as `uname -r` has it.
    pub release: String,
    /// The kernel's BUILD-ID, where whoever added the module knew it: no other build of that release then fits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_id: Option<BuildId>,
    /// What the module says of the kernel it was built for; the kernel compares it with its own.
    pub vermagic: String,
    /// Digest of its source by `modpost`, where the module has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub srcversion: Option<String>,
    /// The module's name.
    pub name: String,
    /// Digest of the file.
    pub sha256: Digest,
    /// Size of the file in bytes.
    pub size: u64,
    /// Version of LiME, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lime_version: Option<String>,
    /// How it was built: compiler, options, packages. Text for people.
    pub built: String,
    /// When it was added, by the clock of whoever added it.
    pub added: Timestamp,
}

impl ModuleEntry {
    /// What tells one kernel from another.
    #[must_use]
    pub fn kernel(&self) -> (Architecture, &str, Option<&BuildId>, &str) {
        (self.arch, &self.release, self.build_id.as_ref(), &self.vermagic)
    }

    /// Name of its file in the store.
    #[must_use]
    pub fn file(&self) -> String {
        format!("{MODULES_FOLDER}/{}", file_name(&self.sha256))
    }
}

/// Name of the file with this digest in the folder of the modules.
#[must_use]
pub fn file_name(sha256: &Digest) -> String {
    format!("{sha256}.ko")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn architectures_have_one_name_everywhere() {
        for (number, name) in [(62, "x86_64"), (183, "aarch64")] {
            let architecture = Architecture::of_elf(number).unwrap();
            assert_eq!((architecture.word(), name.parse()), (name, Ok(architecture)));
            assert_eq!(serde_json::to_value(architecture).unwrap(), name);
        }
        assert!("X86_64".parse::<Architecture>().is_err() && Architecture::of_elf(40).is_none());
    }

    #[test]
    fn build_ids_are_pairs_of_lower_case_digits() {
        assert_eq!(BuildId::from_bytes(&[0, 0xab]).unwrap().to_string(), "00ab");
        assert_eq!(serde_json::from_str::<BuildId>("\"00ab\"").unwrap(), "00ab".parse().unwrap());
        for wrong in ["", "0", "0g", "AB", "00ab ", &"00".repeat(65)] {
            assert_eq!(wrong.parse::<BuildId>(), Err(InvalidBuildId), "{wrong}");
        }
        assert!(BuildId::from_bytes(&[]).is_none());
    }
}
