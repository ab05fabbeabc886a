//! The readers alone, for measurements: the same threads, chunks and reads as in a capture, and nothing is done with what comes.

use super::chunk::{self, cut, read_pages};
use super::physical::Physical;
use super::{attempt, facts, lime};
use crate::host::physical::{Way, page_size};
use crate::host::{Host, ReadError};
use crate::model::range;

/// Reads all RAM through `/proc/kcore` and forgets it. Returns how many bytes of it are readable.
///
/// # Errors
/// When `/proc/kcore` cannot be read, or `/proc/iomem` lists no memory.
pub fn read_bare(host: &Host) -> Result<u64, ReadError> {
    let ram = facts::iomem_now(host).map(|(_, map)| map.ram).unwrap_or_default();
    let (memories, _) = attempt::open(host, Way::Kcore, &ram)?;
    let parts: Vec<_> = ram.iter().map(|range| (*range, *range)).collect();
    let (step, page) = (memories.len().max(1), page_size());
    let unreadable: u64 = std::thread::scope(|scope| {
        let start = |(first, mut memory): (usize, Box<dyn Physical>)| {
            let pieces = cut(&parts).skip(first).step_by(step);
            scope.spawn(move || {
                let mut bytes = chunk::buffer();
                let holes = pieces.flat_map(|(record, piece)| read_pages(&mut *memory, record, piece, &mut bytes, page).1);
                holes.map(|(range, _)| range.length()).sum::<u64>()
            })
        };
        let threads: Vec<_> = memories.into_iter().enumerate().map(start).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).sum()
    });
    Ok(range::total(&ram) - unreadable)
}

/// Loads the LiME module `module`, takes its stream and forgets it. Returns how many bytes of memory came.
///
/// # Errors
/// Why the module was not loaded, or its stream was not whole.
pub fn drain_bare(host: &Host, module: &[u8]) -> Result<u64, String> {
    let ram = facts::iomem_now(host).map(|(_, map)| map.ram).unwrap_or_default();
    lime::take_and_forget(host, module, &ram, host.clock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_memory_there_is_a_reason() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("proc")).unwrap();
        let host = Host::fixture(dir.path()).unwrap();
        assert!(read_bare(&host).is_err());
        assert!(drain_bare(&host, b"no module").unwrap_err().contains("(E"));
    }
}
