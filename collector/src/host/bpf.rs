//! Programs, maps, types and links of BPF, asked of the kernel (bpf(2)): only for what is there.
//!
//! **Invariant:** of bpf(2) only the commands that list objects, open one by its id or its name, describe it, say where it is attached and
//! read entries of a map are used; the seccomp filter lets no other through. A descriptor of an object keeps it alive until it is closed, and has no other effect.

use std::os::fd::{AsFd, AsRawFd as _};

use nix::errno::Errno;

use super::netlink::{u32_of, u64_of};
use super::sys::{self, BpfParts};
pub use super::sys::{BpfEntries, BpfKind, BpfObject};

/// More objects of one kind than a host has.
const MOST: usize = 100_000;

/// The ids of all objects of `kind`, ascending, as the kernel lists them, and whether there are more than are read.
///
/// # Errors
/// The kernel's errno: `EPERM` without `CAP_SYS_ADMIN`, `EINVAL` where it has no such kind, `ENOSYS` where it has no BPF.
pub fn ids(kind: BpfKind) -> Result<(Vec<u32>, bool), Errno> {
    let mut ids = Vec::new();
    let mut last = 0;
    while let Some(id) = sys::bpf_next_id(kind, last)? {
        // A kernel that gives ids in another order would keep us here for ever.
        if id <= last || ids.len() >= MOST {
            return Ok((ids, true));
        }
        ids.push(id);
        last = id;
    }
    Ok((ids, false))
}

/// Programs that are attached in one place, in the order in which they run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attached {
    /// Their ids.
    pub programs: Vec<u32>,
    /// `BPF_F_ALLOW_…`.
    pub flags: u32,
}

/// Programs that are attached to this interface of the calling thread's network namespace in the place `attach_type`.
///
/// # Errors
/// The kernel's errno; `EINVAL` where it has no such place.
pub fn attached(interface: u32, attach_type: u32) -> Result<Attached, Errno> {
    sys::bpf_query(interface, attach_type).map(|(programs, flags)| Attached { programs, flags })
}

/// Programs that are attached to the control group or network namespace that `target` is open on.
///
/// # Errors
/// As [`attached`].
pub fn attached_to(target: &impl AsFd, attach_type: u32) -> Result<Attached, Errno> {
    let target = u32::try_from(target.as_fd().as_raw_fd()).map_err(|_| Errno::EBADF)?;
    attached(target, attach_type)
}

/// What the kernel says of one object: the structure as it came, and what it points at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Info {
    /// `struct bpf_prog_info`, `bpf_map_info`, `bpf_btf_info` or `bpf_link_info` of linux/bpf.h, zeros where this kernel's is
    /// shorter; pointers are zeros too.
    pub bytes: Vec<u8>,
    /// Code, lists and names that the structure points at, by name.
    pub parts: BpfParts,
}

impl Info {
    /// Asks for what `object` is.
    ///
    /// # Errors
    /// The kernel's errno.
    pub fn of(object: &BpfObject) -> Result<Self, Errno> {
        let (bytes, parts) = object.info()?;
        Ok(Self { bytes, parts })
    }

    /// The number of 32 bits at `at`.
    #[must_use]
    pub fn number(&self, at: usize) -> u32 {
        self.bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u32_of(*bytes))
    }

    /// The number of 64 bits at `at`.
    #[must_use]
    pub fn long(&self, at: usize) -> u64 {
        self.bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u64_of(*bytes))
    }

    /// The text of at most 16 bytes at `at`, without the zeros behind it.
    #[must_use]
    pub fn name(&self, at: usize) -> &[u8] {
        text(self.bytes.get(at..at.saturating_add(16)).unwrap_or_default())
    }

    /// What the structure points at under this name, if the kernel gave it.
    #[must_use]
    pub fn part(&self, name: &str) -> Option<&[u8]> {
        self.parts.iter().find(|(part, _)| *part == name).map(|(_, bytes)| bytes.as_slice())
    }

    /// A part that is a text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&[u8]> {
        self.part(name).map(text)
    }

    /// A part that is a list of 32-bit numbers.
    #[must_use]
    pub fn numbers(&self, name: &str) -> Vec<u32> {
        let (chunks, _) = self.part(name).unwrap_or_default().as_chunks::<4>();
        chunks.iter().map(|chunk| u32_of(*chunk)).collect()
    }

    /// A part that is a list of 64-bit numbers.
    #[must_use]
    pub fn longs(&self, name: &str) -> Vec<u64> {
        let (chunks, _) = self.part(name).unwrap_or_default().as_chunks::<8>();
        chunks.iter().map(|chunk| u64_of(*chunk)).collect()
    }
}

fn text(bytes: &[u8]) -> &[u8] {
    bytes.split(|b| *b == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{BPF, skip};

    #[test]
    fn a_loaded_program_is_listed_and_described() {
        let program = match sys::bpf_for_tests::load("hozen_test") {
            Ok(program) => program,
            Err(errno) => return skip(BPF, errno),
        };
        let (listed, more) = ids(BpfKind::Program).unwrap();
        assert!(!more && listed.is_sorted());
        let described: Vec<Info> =
            listed.iter().filter_map(|id| Info::of(&BpfObject::open(BpfKind::Program, *id).ok()?).ok()).collect();
        let ours = described.iter().find(|info| info.name(64) == b"hozen_test").unwrap();
        assert_eq!((ours.number(0), ours.number(20)), (1, 16), "a socket filter of two instructions");
        assert_eq!(ours.part("xlated").unwrap(), sys::bpf_for_tests::CODE);
        drop(program);
        assert!(Info::default().numbers("maps").is_empty() && Info::default().long(1000) == 0);
    }
}
