//! What LiME sends, byte by byte: headers and the bytes of their ranges.
//!
//! **Invariant:** a range is taken only if it lies in memory that `/proc/iomem` lists and behind all ranges before it. What breaks
//! a rule ends the stream there; nothing behind it is believed.

use super::format::{self, HEADER};
use crate::model::PhysRange;

/// A piece of a range, as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    /// The range as its header announced it.
    pub record: PhysRange,
    /// Physical address of the first byte.
    pub start: u64,
    /// Never empty, never beyond the range.
    pub bytes: &'a [u8],
}

/// The state between two reads of the socket.
#[derive(Debug)]
pub(super) struct Framing<'a> {
    ram: &'a [PhysRange],
    header: Vec<u8>,
    /// The open range, and the address of its next byte.
    open: Option<(PhysRange, u64)>,
    /// No range may begin below.
    least: u64,
}

impl<'a> Framing<'a> {
    /// Of a stream of ranges that lie in `ram`, ascending.
    pub(super) fn new(ram: &'a [PhysRange]) -> Self {
        Self { ram, header: Vec::with_capacity(HEADER), open: None, least: 0 }
    }

    /// Takes what was read; hands each piece of a range to `take`.
    pub(super) fn push(&mut self, mut bytes: &[u8], take: &mut dyn FnMut(Piece<'_>)) -> Result<(), String> {
        while !bytes.is_empty() {
            let Some((record, next)) = self.open else {
                let (now, later) = bytes.split_at((HEADER - self.header.len()).min(bytes.len()));
                self.header.extend_from_slice(now);
                bytes = later;
                self.begin()?;
                continue;
            };
            let room = usize::try_from(record.end() - next).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            take(Piece { record, start: next, bytes: now });
            let next = next + u64::try_from(now.len()).map_err(|_| "too long".to_owned())?;
            self.open = (next < record.end()).then_some((record, next));
            bytes = later;
        }
        Ok(())
    }

    /// Opens the range whose header is whole.
    fn begin(&mut self) -> Result<(), String> {
        let Some(header) = self.header.first_chunk::<HEADER>() else { return Ok(()) };
        let range = format::parse(header)?;
        let shown = format!("0x{:x}-0x{:x}", range.start(), range.end() - 1);
        if range.start() < self.least {
            return Err(format!("the range {shown} does not lie behind the one before it"));
        }
        if !self.ram.iter().any(|ram| ram.start() <= range.start() && range.end() <= ram.end()) {
            return Err(format!("the range {shown} is not memory by /proc/iomem"));
        }
        self.header.clear();
        self.least = range.end();
        self.open = Some((range, range.start()));
        Ok(())
    }

    /// The stream has ended: fine between two ranges, and nowhere else.
    pub(super) fn end(&self) -> Result<(), String> {
        match (self.open, self.header.len()) {
            (Some((record, next)), _) => {
                Err(format!("the stream ends at 0x{next:x}, inside the range 0x{:x}-0x{:x}", record.start(), record.end() - 1))
            }
            (None, 0) => Ok(()),
            (None, length) => Err(format!("the stream ends after {length} bytes of a header")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn range(start: u64, end: u64) -> PhysRange {
        PhysRange::new(start, end).unwrap()
    }

    fn stream(ranges: &[PhysRange]) -> Vec<u8> {
        let record =
            |range: &PhysRange| [&format::header(*range)[..], &vec![7; usize::try_from(range.length()).unwrap()]].concat();
        ranges.iter().flat_map(record).collect()
    }

    /// Range, address and length of each piece.
    type Pieces = Vec<(PhysRange, u64, usize)>;

    fn run(ram: &[PhysRange], bytes: &[u8], chunk: usize) -> (Result<(), String>, Pieces) {
        let mut framing = Framing::new(ram);
        let mut pieces = Vec::new();
        let mut take = |piece: Piece<'_>| pieces.push((piece.record, piece.start, piece.bytes.len()));
        let pushed = bytes.chunks(chunk).try_for_each(|chunk| framing.push(chunk, &mut take));
        (pushed.and_then(|()| framing.end()), pieces)
    }

    #[test]
    fn ranges_come_out_whole_however_the_socket_cuts_them() {
        let ram = [range(0x1000, 0x3000), range(0x8000, 0x9000)];
        let bytes = stream(&ram);
        for chunk in [1, 7, 31, 32, 33, 4096, 100_000] {
            let (result, pieces) = run(&ram, &bytes, chunk);
            assert_eq!(result, Ok(()));
            assert_eq!(pieces.iter().map(|(.., length)| length).sum::<usize>(), 0x3000);
            assert_eq!(pieces.last().unwrap().0, ram[1]);
        }
    }

    #[test]
    fn whatever_breaks_a_rule_ends_the_stream_with_a_reason() {
        let ram = [range(0x1000, 0x3000), range(0x8000, 0x9000)];
        let good = stream(&ram);
        let mut reserved = good.clone();
        reserved[24] = 1;
        let cases = [
            (good[..good.len() - 1].to_vec(), "ends at 0x8fff, inside"),
            (good[..20].to_vec(), "20 bytes of a header"),
            ([good.as_slice(), b"x"].concat(), "1 bytes of a header"),
            (vec![0; 64], "begins with 0x00000000"),
            (reserved, "reserved"),
            (stream(&[ram[1], ram[0]]), "behind"),
            (stream(&[range(0x1000, 0x2000), range(0x1800, 0x2800)]), "behind"),
            (stream(&[range(0x2000, 0x3001)]), "not memory"),
            (stream(&[range(0x4000, 0x5000)]), "not memory"),
        ];
        for (bytes, reason) in cases {
            let error = run(&ram, &bytes, 4096).0.unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
        assert_eq!(run(&ram, b"", 1), (Ok(()), Vec::new()), "nothing at all is well framed; the gate counts bytes");
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_or_refused(bytes: Vec<u8>, chunk in 1_usize..40) {
            run(&[range(0, u64::MAX)], &bytes, chunk).0.ok();
        }

        #[test]
        fn pieces_never_leave_their_range(start in 0_u64..0x1000, length in 1_u64..0x1000, tail: Vec<u8>, chunk in 1_usize..500) {
            let ram = [range(0, 0x4000)];
            let bytes = [stream(&[range(start, start + length)]), tail].concat();
            for (record, start, length) in run(&ram, &bytes, chunk).1 {
                prop_assert!(record.start() <= start && start + u64::try_from(length).unwrap() <= record.end());
            }
        }
    }
}
