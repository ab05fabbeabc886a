//! The LiME format, version 1 (lime.h of LiME): for each range of physical memory a header, then its bytes.
//!
//! **Invariant:** a header that is taken is, written again, the same 32 bytes.

use crate::model::PhysRange;

/// Bytes of a header.
pub(in super::super) const HEADER: usize = 32;
/// `LiME`, read as a little-endian number.
const MAGIC: u32 = 0x4C69_4D45;
const VERSION: u32 = 1;

/// The header of `range`; ends are inclusive in it.
pub(in super::super) fn header(range: PhysRange) -> [u8; HEADER] {
    let mut out = [0; HEADER];
    let fields = MAGIC
        .to_le_bytes()
        .into_iter()
        .chain(VERSION.to_le_bytes())
        .chain(range.start().to_le_bytes())
        .chain((range.end() - 1).to_le_bytes());
    out.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
    out
}

/// The range that a header announces, or what is wrong with it.
pub(super) fn parse(header: &[u8; HEADER]) -> Result<PhysRange, String> {
    let word = |at: usize| header.get(at..).and_then(<[u8]>::first_chunk).copied().map_or(0, u32::from_le_bytes);
    let long = |at: usize| header.get(at..).and_then(<[u8]>::first_chunk).copied().map_or(0, u64::from_le_bytes);
    if word(0) != MAGIC {
        return Err(format!("no header where one is due: it begins with 0x{:08x}", word(0)));
    }
    if word(4) != VERSION || long(24) != 0 {
        return Err(format!("a header of version {} or with reserved bytes in use", word(4)));
    }
    let (first, last) = (long(8), long(16));
    PhysRange::from_inclusive(first, last)
        .ok_or_else(|| format!("a header with the range 0x{first:x}-0x{last:x}, which cannot be"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_header_has_the_bytes_that_volatility_reads() {
        let bytes = header(PhysRange::new(0x1000, 0x9_fc00).unwrap());
        let mut expected = b"EMiL\x01\0\0\0\0\x10\0\0\0\0\0\0\xff\xfb\x09\0\0\0\0\0".to_vec();
        expected.extend([0; 8]);
        assert_eq!(bytes.as_slice(), expected);
        assert_eq!(parse(&bytes).unwrap(), PhysRange::new(0x1000, 0x9_fc00).unwrap());
    }

    proptest! {
        #[test]
        fn what_is_taken_is_written_again_the_same(bytes: [u8; HEADER]) {
            if let Ok(range) = parse(&bytes) {
                prop_assert_eq!(header(range), bytes);
            }
        }

        #[test]
        fn any_range_goes_there_and_back(start: u64, length in 1_u64..) {
            if let Some(range) = start.checked_add(length).and_then(|end| PhysRange::new(start, end)) {
                prop_assert_eq!(parse(&header(range)), Ok(range));
            }
        }
    }
}
