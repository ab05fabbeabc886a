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

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::host::physical::Way;
    use crate::model::PhysRange;
    use crate::source::memory::chunk::read_pages;
    use crate::source::memory::fake::FakeMemory;

    const PAGE: u64 = 4096;
    /// Five pages, and a piece of one.
    const LENGTH: usize = 0x5064;

    /// A file in the place of a device, and what is in it.
    fn device(stride: Option<u64>) -> (Device, Vec<u8>) {
        let bytes = FakeMemory::new(LENGTH, &[]).bytes;
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        (Device { reader: Reader::of_file(file, Way::Crash), stride }, bytes)
    }

    #[test]
    fn an_offset_is_an_address_and_no_read_of_a_device_by_pages_leaves_its_page() {
        let (mut by_pages, bytes) = device(Some(PAGE));
        let (mut at_once, _) = device(None);
        let mut buffer = vec![0; 0x2000];
        for (address, of_page) in [(0_u64, 0x1000), (0x1000, 0x1000), (0x1234, 0xdcc), (0x2fff, 1)] {
            for (device, expected) in [(&mut by_pages, of_page), (&mut at_once, 0x2000)] {
                let at = usize::try_from(address).unwrap();
                assert_eq!(device.read(address, &mut buffer), Ok(expected), "{address:#x}");
                assert_eq!(buffer[..expected], bytes[at..at + expected], "{address:#x}");
            }
        }
        assert_eq!(by_pages.read(0x1ff0, &mut buffer[..7]), Ok(7), "no more than was asked for");
    }

    #[test]
    fn behind_the_end_of_a_device_there_is_no_memory() {
        for stride in [Some(PAGE), None] {
            let mut device = device(stride).0;
            let mut buffer = vec![0; 0x1000];
            assert_eq!(device.read(0x5000, &mut buffer), Ok(0x64), "{stride:?}");
            assert_eq!(device.read(0x5064, &mut buffer), Err(Errno::ENXIO), "{stride:?}");
            assert_eq!(device.read(u64::MAX - 0xfff, &mut buffer), Err(Errno::EOVERFLOW), "{stride:?}");
        }
    }

    #[test]
    fn pages_through_a_device_are_its_bytes_and_those_that_it_lacks_are_zeros_and_named() {
        let range = |start, end| PhysRange::new(start, end).unwrap();
        for stride in [Some(PAGE), None] {
            let (mut device, content) = device(stride);
            let (record, mut bytes) = (range(0x1000, 0x7000), Vec::new());
            let (whole, unreadable) = read_pages(&mut device, record, record, &mut bytes, PAGE);
            // Half a page is no page: what there is of it is not in the image.
            assert_eq!((whole, unreadable), (Some(record), vec![(range(0x5000, 0x7000), Errno::ENXIO)]), "{stride:?}");
            assert_eq!(bytes[..0x4000], content[0x1000..0x5000], "{stride:?}");
            assert!(bytes[0x4000..] == [0; 0x2000], "{stride:?}");
        }
    }
}
