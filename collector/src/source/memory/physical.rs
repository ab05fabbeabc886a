//! Physical memory as something that can be read at an address, whatever the way to it.

use std::sync::Arc;

use nix::errno::Errno;

use crate::host::physical::Reader;
use crate::source::kcore::Piece;

/// A way to physical memory. Each thread has its own.
pub(super) trait Physical: Send {
    /// Reads what stands at `address` into `buffer`; returns how many bytes came, which may be fewer than fit, but not 0.
    ///
    /// # Errors
    /// Why the first of them cannot be read.
    fn read(&mut self, address: u64, buffer: &mut [u8]) -> Result<usize, Errno>;
}

/// `/proc/kcore`, by the map of its header.
#[derive(Debug)]
pub(super) struct Kcore {
    pub reader: Reader,
    pub pieces: Arc<[Piece]>,
}

impl Physical for Kcore {
    fn read(&mut self, address: u64, buffer: &mut [u8]) -> Result<usize, Errno> {
        let at = self.pieces.partition_point(|piece| piece.range.end() <= address);
        let piece = self.pieces.get(at).filter(|piece| piece.range.start() <= address).ok_or(Errno::ENXIO)?;
        let room = usize::try_from(piece.range.end() - address).unwrap_or(usize::MAX).min(buffer.len());
        let offset = piece.file_offset + (address - piece.range.start());
        not_the_end(self.reader.read_at(offset, buffer.get_mut(..room).unwrap_or_default()))
    }
}

/// A device whose offsets are physical addresses.
#[derive(Debug)]
pub(super) struct Device {
    pub reader: Reader,
    /// Bytes that no read may go beyond a multiple of: the crash driver refuses what does not lie in one page.
    pub stride: Option<u64>,
}

impl Physical for Device {
    fn read(&mut self, address: u64, buffer: &mut [u8]) -> Result<usize, Errno> {
        let room = self.stride.map_or(u64::MAX, |stride| stride - address % stride);
        let room = usize::try_from(room).unwrap_or(usize::MAX).min(buffer.len());
        not_the_end(self.reader.read_at(address, buffer.get_mut(..room).unwrap_or_default()))
    }
}

/// Where a file of memory ends, there is none.
fn not_the_end(read: Result<usize, Errno>) -> Result<usize, Errno> {
    read.and_then(|length| if length == 0 { Err(Errno::ENXIO) } else { Ok(length) })
}
