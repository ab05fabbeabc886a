//! Memory made up for tests.

use nix::errno::Errno;

use super::physical::Physical;
use crate::model::PhysRange;

/// Bytes that differ from page to page, with holes that cannot be read.
#[derive(Debug, Clone)]
pub(super) struct FakeMemory {
    pub bytes: Vec<u8>,
    pub holes: Vec<PhysRange>,
}

impl FakeMemory {
    /// Addresses from 0 up to `size`; no byte is zero.
    pub(super) fn new(size: usize, holes: &[PhysRange]) -> Self {
        let bytes = (0..size).map(|at| u8::try_from((at / 4096 * 7 + at) % 255 + 1).unwrap()).collect();
        Self { bytes, holes: holes.to_vec() }
    }
}

impl Physical for FakeMemory {
    /// As the kernel does: a read that begins well is cut at the first hole, or fails altogether where the hole is in its second half.
    fn read(&mut self, address: u64, buffer: &mut [u8]) -> Result<usize, Errno> {
        let hole = self.holes.iter().filter(|hole| hole.end() > address).map(|hole| hole.start()).min().unwrap_or(u64::MAX);
        let room = usize::try_from(hole.saturating_sub(address)).unwrap_or(usize::MAX).min(buffer.len());
        if room == 0 || (room < buffer.len() && room > buffer.len() / 2) {
            buffer.fill(0xEE);
            return Err(Errno::EFAULT);
        }
        let at = usize::try_from(address).unwrap();
        let bytes = self.bytes.get(at..).unwrap_or_default();
        let room = room.min(bytes.len());
        buffer[..room].copy_from_slice(&bytes[..room]);
        if room == 0 { Err(Errno::ENXIO) } else { Ok(room) }
    }
}
