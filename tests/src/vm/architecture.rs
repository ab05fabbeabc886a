//! The machines that QEMU plays: what differs between them.

use std::path::{Path, PathBuf};

use crate::helper::beside;

/// A kind of processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// An ordinary PC.
    X86_64,
    /// As in Graviton 2, on QEMU's own board.
    Aarch64,
}

impl Architecture {
    /// As `uname -m` says it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// Where its memory begins.
    #[must_use]
    pub fn first_address(self) -> u64 {
        match self {
            Self::X86_64 => 0,
            Self::Aarch64 => 1 << 30,
        }
    }

    pub(super) fn qemu(self) -> &'static str {
        match self {
            Self::X86_64 => "qemu-system-x86_64",
            Self::Aarch64 => "qemu-system-aarch64",
        }
    }

    /// Machine and processor. With five levels of page tables (la57) Volatility finds nothing in an image.
    pub(super) fn machine(self) -> &'static [&'static str] {
        match self {
            Self::X86_64 => &["-cpu", "max,-la57"],
            Self::Aarch64 => &["-M", "virt", "-cpu", "neoverse-n1"],
        }
    }

    /// The kernel's name for the first serial line.
    pub(super) fn console(self) -> &'static str {
        match self {
            Self::X86_64 => "ttyS0",
            Self::Aarch64 => "ttyAMA0",
        }
    }

    /// Its part of what tests/vm/prepare.sh has left.
    pub(super) fn folder(self, cache: &Path) -> PathBuf {
        match self {
            Self::X86_64 => cache.to_owned(),
            Self::Aarch64 => cache.join("arm64"),
        }
    }

    /// The folder of static programs that tests/vm/static.sh has left.
    pub(super) fn programs(self) -> PathBuf {
        let built = beside("");
        built.parent().map(|target| target.join("static").join(self.name())).unwrap_or_default()
    }
}
