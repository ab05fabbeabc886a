//! `/proc/kcore`: its header and what of it is RAM.

mod elf;
mod map;

use std::sync::Arc;

pub(super) use map::{Piece, whole_pages};

#[cfg(test)]
pub(super) use elf::tests::core_header;

use crate::host::physical::{Reader, Way, page_size};
use crate::host::{Host, ReadError, Reason};
use crate::model::PhysRange;

/// Where the RAM of `/proc/iomem` stands in `/proc/kcore` now.
pub(super) fn pieces(host: &Host, ram: &[PhysRange]) -> Result<Arc<[Piece]>, ReadError> {
    let mut reader = Reader::open(host, Way::Kcore)?;
    let wrong = |what: String| ReadError::new(Way::Kcore.path().as_bytes(), Reason::Malformed(what));
    let table = elf::header(&exactly(&mut reader, 0, elf::ELF_HEADER)?).map_err(wrong)?;
    let loads = elf::loads(&exactly(&mut reader, table.offset, table.size)?).map_err(wrong)?;
    map::pieces(ram, &loads, page_size()).map(Arc::from).map_err(wrong)
}

fn exactly(reader: &mut Reader, offset: u64, size: usize) -> Result<Vec<u8>, ReadError> {
    let path = Way::Kcore.path().as_bytes();
    let mut bytes = vec![0; size];
    let mut done = 0;
    while done < size {
        let at = offset.saturating_add(u64::try_from(done).unwrap_or(u64::MAX));
        let length = reader.read_at(at, bytes.get_mut(done..).unwrap_or_default());
        match length.map_err(|errno| ReadError::errno(path, errno))? {
            0 => return Err(ReadError::new(path, Reason::Malformed("its headers are cut short".to_owned()))),
            length => done += length,
        }
    }
    Ok(bytes)
}
