//! Numbers in bytes, little-endian, where the bytes may be anything.
//!
//! ELF files, BTF and the kernel's notes on the machines that we know are of this order.

/// The 16 bits at `at`; none where the bytes end before.
#[must_use]
pub fn short(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_le_bytes)
}

/// The 32 bits at `at`; none where the bytes end before.
#[must_use]
pub fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

/// The 64 bits at `at`; none where the bytes end before.
#[must_use]
pub fn long(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_end_with_the_bytes() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        assert_eq!(
            (short(&bytes, 0), word(&bytes, 1), long(&bytes, 1)),
            (Some(0x0201), Some(0x0504_0302), Some(0x0908_0706_0504_0302))
        );
        assert_eq!((short(&bytes, 8), word(&bytes, 6), long(&bytes, 2), long(&bytes, usize::MAX)), (None, None, None, None));
    }
}
