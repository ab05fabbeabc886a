//! Several threads read memory, and what they read comes out in order.
//!
//! Reader `r` of `n` reads every `n`-th chunk, so the order of what comes out needs no sorting; each is at most two chunks ahead,
//! so memory does not grow with what is read, and a slow destination holds the readers back.

use crossbeam_channel::{Receiver, Sender, bounded};

use super::chunk::{self, Chunk, Lens};
use super::physical::Physical;
use crate::model::PhysRange;
use crate::source::Stop;

/// The most readers; beyond, the rest of the way is slower than they are.
const MOST: usize = 4;

/// How many readers this machine is worth.
pub(super) fn count() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).clamp(1, MOST)
}

/// One reader, seen from whoever takes its chunks.
struct Lane {
    chunks: Receiver<Chunk>,
    spare: Sender<Vec<u8>>,
}

/// Reads the `parts` of ranges (range, and the piece of it to read) through `memories`, one thread each, and hands the chunks to `take`
/// in the order of their addresses. It returns a buffer for each, the same or another.
///
/// # Errors
/// Whatever `take` says; then reading stops. Chunks of a reader that was lost, by a bug, are missing: the gate counts bytes.
pub(super) fn read(
    memories: Vec<Box<dyn Physical>>,
    parts: &[(PhysRange, PhysRange)],
    lens: &Lens,
    take: &mut dyn FnMut(Chunk) -> Result<Vec<u8>, Stop>,
) -> Result<(), Stop> {
    let step = memories.len().max(1);
    std::thread::scope(|scope| {
        let start = |(first, memory): (usize, Box<dyn Physical>)| {
            let (send, chunks) = bounded(1);
            let (spare, buffers) = bounded(2);
            let work = move || run(memory, chunk::cut(parts).skip(first).step_by(step), lens, &send, &buffers);
            std::thread::Builder::new().name(format!("hozen-memory-{first}")).spawn_scoped(scope, work).ok()?;
            Some(Lane { chunks, spare })
        };
        // Without one of the threads every n-th chunk would be missing.
        let lanes: Option<Vec<Lane>> = memories.into_iter().enumerate().map(start).collect();
        let Some(lanes) = lanes else { return Ok(()) };
        for lane in lanes.iter().cycle() {
            let Ok(chunk) = lane.chunks.recv() else { break };
            let spare = take(chunk)?;
            // The reader may have no more to read.
            let _ = lane.spare.try_send(spare);
        }
        Ok(())
    })
}

fn run(
    mut memory: Box<dyn Physical>,
    pieces: impl Iterator<Item = (PhysRange, PhysRange)>,
    lens: &Lens,
    send: &Sender<Chunk>,
    buffers: &Receiver<Vec<u8>>,
) {
    for (record, piece) in pieces {
        let buffer = buffers.try_recv().unwrap_or_else(|_| chunk::buffer());
        if send.send(Chunk::read(&mut *memory, record, piece, buffer, lens)).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Clock;
    use crate::source::memory::chunk::CHUNK;
    use crate::source::memory::fake::FakeMemory;

    fn lens() -> Lens {
        Lens::new(4096, Vec::new(), Clock::start())
    }

    fn parts() -> Vec<(PhysRange, PhysRange)> {
        let ranges = [(0x1000, CHUNK + 0x5000), (CHUNK + 0x9000, 5 * CHUNK)].map(|(a, b)| PhysRange::new(a, b).unwrap());
        ranges.into_iter().map(|range| (range, range)).collect()
    }

    #[test]
    fn chunks_come_in_order_from_any_number_of_readers() {
        let memory = FakeMemory::new(usize::try_from(5 * CHUNK).unwrap(), &[]);
        for readers in 1..=4 {
            let memories = (0..readers).map(|_| Box::new(memory.clone()) as Box<dyn Physical>).collect();
            let mut seen = Vec::new();
            let mut take = |chunk: Chunk| {
                let at = usize::try_from(chunk.start).unwrap();
                assert_eq!(chunk.bytes, memory.bytes[at..at + chunk.bytes.len()]);
                seen.push(PhysRange::new(chunk.start, chunk.end()).unwrap());
                Ok(chunk.bytes)
            };
            read(memories, &parts(), &lens(), &mut take).unwrap();
            assert!(seen.is_sorted(), "{readers}");
            assert_eq!(crate::model::range::merge(seen), parts().into_iter().map(|(range, _)| range).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_stop_ends_all_readers() {
        let memory = FakeMemory::new(usize::try_from(5 * CHUNK).unwrap(), &[]);
        let memories = vec![Box::new(memory.clone()) as Box<dyn Physical>, Box::new(memory)];
        let mut taken = 0;
        let mut take = |chunk: Chunk| {
            taken += 1;
            if taken == 2 { Err(Stop::Interrupted) } else { Ok(chunk.bytes) }
        };
        assert_eq!(read(memories, &parts(), &lens(), &mut take), Err(Stop::Interrupted));
    }
}
