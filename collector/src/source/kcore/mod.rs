//! `/proc/kcore`: its headers and notes, what of it is RAM, and where in it an address of the kernel's stands.

mod elf;
mod map;

use std::sync::Arc;

pub(super) use map::{Piece, whole_pages};

#[cfg(test)]
pub(super) use elf::tests::core_header;

use crate::host::physical::{Reader, Way, page_size};
use crate::host::{Host, ReadError, Reason};
use crate::model::PhysRange;

/// The most bytes of notes that are read; the kernel makes some 12 KiB.
const MOST_NOTES: u64 = 1 << 20;

/// Where the RAM of `/proc/iomem` stands in `/proc/kcore` now.
pub(super) fn pieces(host: &Host, ram: &[PhysRange]) -> Result<Arc<[Piece]>, ReadError> {
    let headers = Headers::read(&mut Reader::open(host, Way::Kcore)?)?;
    map::pieces(ram, &headers.loads, page_size()).map(Arc::from).map_err(wrong)
}

/// Where the RAM would stand in a core file that begins with `bytes`, on a host with pages of this size.
#[cfg(any(test, feature = "test-util"))]
pub(super) fn pieces_of(bytes: &[u8], ram: &[PhysRange], page: u64) -> Result<Vec<Piece>, String> {
    let table = elf::header(bytes)?;
    let programs = usize::try_from(table.offset).ok().and_then(|at| bytes.get(at..)?.get(..table.size));
    let programs = programs.ok_or_else(|| "it is cut short".to_owned())?;
    // Where the notes are said to be is only believed when they are read.
    let _ = elf::notes(programs);
    map::pieces(ram, &elf::loads(programs)?, page)
}

/// What stands at the beginning of `/proc/kcore`.
#[derive(Debug, Clone, Default)]
pub(super) struct Headers {
    /// The ELF header and, behind it, the program headers.
    pub(super) bytes: Vec<u8>,
    loads: Vec<elf::Load>,
    notes: Option<elf::Span>,
}

impl Headers {
    /// Reads them.
    pub(super) fn read(reader: &mut Reader) -> Result<Self, ReadError> {
        let mut bytes = exactly(reader, 0, elf::ELF_HEADER)?;
        let table = elf::header(&bytes).map_err(wrong)?;
        let programs = exactly(reader, table.offset, table.size)?;
        let (loads, notes) = (elf::loads(&programs).map_err(wrong)?, elf::notes(&programs));
        bytes.extend(programs);
        Ok(Self { bytes, loads, notes })
    }

    /// Reads the notes, if there are any.
    pub(super) fn notes(&self, reader: &mut Reader) -> Result<Option<Vec<u8>>, ReadError> {
        let Some(span) = self.notes else { return Ok(None) };
        let size = usize::try_from(span.length.min(MOST_NOTES)).unwrap_or(0);
        exactly(reader, span.offset, size).map(Some)
    }

    /// Where in the file the kernel's virtual `address` stands, and how many bytes from there on are of the same part.
    pub(super) fn place(&self, address: u64) -> Option<(u64, u64)> {
        let inside = |load: &&elf::Load| address.checked_sub(load.virtual_address).is_some_and(|into| into < load.length);
        let load = self.loads.iter().find(inside)?;
        let into = address - load.virtual_address;
        Some((load.file_offset.checked_add(into)?, load.length - into))
    }
}

fn wrong(what: String) -> ReadError {
    ReadError::new(Way::Kcore.path().as_bytes(), Reason::Malformed(what))
}

/// Reads `size` bytes at `offset`.
pub(super) fn exactly(reader: &mut Reader, offset: u64, size: usize) -> Result<Vec<u8>, ReadError> {
    let path = Way::Kcore.path().as_bytes();
    let mut bytes = vec![0; size];
    let mut done = 0;
    while done < size {
        let at = offset.saturating_add(u64::try_from(done).unwrap_or(u64::MAX));
        let length = reader.read_at(at, bytes.get_mut(done..).unwrap_or_default());
        match length.map_err(|errno| ReadError::errno(path, errno))? {
            0 => return Err(wrong("it is cut short".to_owned())),
            length => done += length,
        }
    }
    Ok(bytes)
}
