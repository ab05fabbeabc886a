//! What a hostile host can hand to the readers of memory, held against what must be true of it whatever comes: for the property tests
//! here, and for the targets of `fuzz/`.
//!
//! **Invariant:** each function takes any bytes, and panics where a reader has believed what it must not.

use crossbeam_channel::{bounded, unbounded};

use super::chunk::{CHUNK, Chunk, Lens};
use super::image::{Image, Tally};
use super::quality::{self, Measure, Quality};
use super::{iomem, lime, running};
use crate::host::Clock;
use crate::model::{PhysRange, range};
use crate::source::kcore;
use crate::source::recorded::Recorded;

/// How the banner of the kernel begins whose memory the streams are of.
const BANNER: &[u8] = b"Linux version 6.1.0-test (";
/// Its memory: first address and bytes. One range lies on both sides of the end of a chunk.
const RAM: [(u64, u64); 3] = [(0x1000, 64), (CHUNK - 40, 80), (2 * CHUNK, 33)];

fn ram() -> Vec<PhysRange> {
    RAM.iter().filter_map(|(start, length)| PhysRange::new(*start, start + length)).collect()
}

/// What LiME would send of that memory: for a fuzzer to begin with.
#[must_use]
pub fn good_stream() -> Vec<u8> {
    let filled = |range: &PhysRange| BANNER.iter().copied().chain(7..).take(usize::try_from(range.length()).unwrap_or(0));
    ram().iter().flat_map(|range| lime::header(*range).into_iter().chain(filled(range))).collect()
}

/// A stream as if LiME had sent it, from the socket to the verdict. Returns whether the image that it made is called whole.
///
/// # Panics
/// When the image is not the beginning of the stream, holds what is no memory, or is called whole and is not.
#[must_use]
pub fn lime_stream(stream: &[u8]) -> bool {
    let ram = ram();
    let (quality, tally, image) = capture(stream, &ram);
    assert!(stream.starts_with(&image), "the image is not what came");
    let inside = |range: &PhysRange| ram.iter().any(|ram| ram.start() <= range.start() && range.end() <= ram.end());
    assert!(tally.covered.iter().all(inside), "{:?} is no memory", tally.covered);
    assert!(tally.covered.is_sorted_by(|one, next| one.end() <= next.start()), "{:?} does not ascend", tally.covered);
    let is_whole = quality == Quality::Ok;
    assert!(!is_whole || (tally.covered == ram && image == stream), "{:?} is called whole", tally.covered);
    is_whole
}

/// The verdict on a stream, what went into the image, and the image.
fn capture(stream: &[u8], ram: &[PhysRange]) -> (Quality, Tally, Vec<u8>) {
    let clock = Clock::start();
    let ((send, raws), (_give, spare)) = (unbounded(), bounded(0));
    let verdict = lime::relay::relay(stream, ram, clock, &send, &spare);
    drop(send);
    let lens = Lens::new(4096, BANNER.to_owned(), clock);
    let mut evidence = Recorded::default();
    let mut faults: Vec<String> = verdict.err().into_iter().collect();
    let tally = match Image::begin(&mut evidence, "lime", range::total(ram)) {
        Ok(mut image) => {
            for raw in raws {
                assert!(
                    (1..=usize::try_from(CHUNK).unwrap_or(0)).contains(&raw.bytes.len()),
                    "a chunk of {} bytes",
                    raw.bytes.len()
                );
                faults.extend(image.take("lime", Chunk::of(raw, &lens)).err().map(|stop| stop.to_string()));
            }
            image.end().0
        }
        Err(stop) => {
            faults.push(stop.to_string());
            Tally::default()
        }
    };
    let measure = Measure { predicted: range::total(ram), in_use: None, knows_banner: true };
    let (quality, _) = quality::judge(&tally, measure, faults);
    (quality, tally, evidence.images.pop().map(|(_, image)| image).unwrap_or_default())
}

/// A `/proc/iomem`.
///
/// # Panics
/// When what is taken for memory overlaps or does not ascend.
pub fn iomem(text: &[u8]) {
    let map = iomem::parse(text);
    assert!(map.ram.is_sorted_by(|one, next| one.end() < next.start()), "{:?}", map.ram);
    assert!(!map.hidden || map.ram.is_empty());
}

/// The beginning of a `/proc/kcore`, of a host with this memory.
///
/// # Panics
/// When a piece of it is no memory, or the pieces overlap or do not ascend.
pub fn kcore(bytes: &[u8]) {
    let ram = [(0x1000, 0x9_fc00), (0x10_0000, 0x80_0000), (0x1_0000_0000, 0x1_4000_0000)];
    let ram: Vec<PhysRange> = ram.iter().filter_map(|(start, end)| PhysRange::new(*start, *end)).collect();
    let pieces = kcore::pieces_of(bytes, &ram, 4096).unwrap_or_default();
    let inside = |range: PhysRange| ram.iter().any(|ram| ram.start() <= range.start() && range.end() <= ram.end());
    assert!(pieces.iter().all(|piece| inside(piece.range)), "{pieces:?}");
    assert!(pieces.is_sorted_by(|one, next| one.range.end() <= next.range.start()), "{pieces:?}");
}

/// ELF notes, as in `/sys/kernel/notes`.
pub fn notes(bytes: &[u8]) {
    // None is as good an answer as any.
    let _ = running::build_id(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::kcore::core_header;
    use crate::testing::seeds;
    use proptest::prelude::*;
    use proptest::sample::Index;

    /// One way to tamper with a stream.
    #[derive(Debug, Clone)]
    enum Tamper {
        Flip(Index, u8),
        Cut(Index, Index),
        Insert(Index, Vec<u8>),
        /// What stands between the first two stands there again at the third.
        Repeat(Index, Index, Index),
    }

    impl Tamper {
        fn on(&self, stream: &mut Vec<u8>) {
            let part = |from: &Index, to: &Index, length: usize| {
                let (one, other) = (from.index(length + 1), to.index(length + 1));
                one.min(other)..one.max(other)
            };
            match self {
                Self::Flip(at, mask) if !stream.is_empty() => {
                    let at = at.index(stream.len());
                    stream[at] ^= mask;
                }
                Self::Flip(..) => {}
                Self::Cut(from, to) => drop(stream.drain(part(from, to, stream.len()))),
                Self::Insert(at, bytes) => {
                    let at = at.index(stream.len() + 1);
                    stream.splice(at..at, bytes.iter().copied());
                }
                Self::Repeat(from, to, at) => {
                    let again = stream[part(from, to, stream.len())].to_vec();
                    let at = at.index(stream.len() + 1);
                    stream.splice(at..at, again);
                }
            }
        }
    }

    fn tampers() -> impl Strategy<Value = Vec<Tamper>> {
        let one = prop_oneof![
            (any::<Index>(), 1_u8..).prop_map(|(at, mask)| Tamper::Flip(at, mask)),
            any::<(Index, Index)>().prop_map(|(from, to)| Tamper::Cut(from, to)),
            (any::<Index>(), proptest::collection::vec(any::<u8>(), 1..40)).prop_map(|(at, bytes)| Tamper::Insert(at, bytes)),
            any::<(Index, Index, Index)>().prop_map(|(from, to, at)| Tamper::Repeat(from, to, at)),
        ];
        proptest::collection::vec(one, 1..4)
    }

    #[test]
    fn a_stream_that_nobody_touched_is_whole_and_no_beginning_of_it_is() {
        let good = good_stream();
        assert!(lime_stream(&good) && seeds("lime_stream").iter().all(|(_, seed)| lime_stream(seed)));
        for length in 0..good.len() {
            assert!(!lime_stream(&good[..length]), "{length} bytes of {}", good.len());
        }
    }

    /// Every header of it, byte by byte; what stands in memory nobody can know.
    #[test]
    fn a_header_with_one_bit_changed_is_never_of_a_whole_stream() {
        let good = good_stream();
        let mut at = 0;
        for range in ram() {
            for (byte, bit) in (at..at + lime::HEADER).flat_map(|byte| (0..8).map(move |bit| (byte, bit))) {
                let mut stream = good.clone();
                stream[byte] ^= 1 << bit;
                assert!(!lime_stream(&stream), "bit {bit} of byte {byte}");
            }
            at += lime::HEADER + usize::try_from(range.length()).unwrap();
        }
        assert_eq!(at, good.len());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn a_stream_that_somebody_touched_is_never_called_whole_unless_it_covers_all_memory(tampers in tampers()) {
            let mut stream = good_stream();
            tampers.iter().for_each(|tamper| tamper.on(&mut stream));
            let is_whole = lime_stream(&stream);
            prop_assert!(!is_whole || stream.len() >= good_stream().len());
        }

        #[test]
        fn any_bytes_are_no_map_of_memory_and_no_core_file_that_leaves_it(bytes: Vec<u8>, at in 0_usize..232, value: u8) {
            iomem(&bytes);
            kcore(&bytes);
            notes(&bytes);
            let mut core = core_header(&[(0x1000, 0xffff_8880_0000_1000, 0x1000, 0x9_e000), (0x10_0000, 0xffff_8880_0010_0000, 0x10_0000, 0x70_0000)]);
            core[at] = value;
            kcore(&core);
        }
    }
}
