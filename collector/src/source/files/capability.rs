//! `security.capability`: what a program may do beyond its user, whoever starts it (`struct vfs_cap_data` of linux/capability.h).

/// What the attribute says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Capability {
    /// The process has what it may have at once, without asking.
    pub(super) effective: bool,
    /// What the program gets.
    pub(super) permitted: u64,
    /// What it keeps of what its process had.
    pub(super) inheritable: u64,
    /// The user who is root in the namespace in which it holds (version 3).
    pub(super) root: Option<u32>,
}

const VERSION_1: u32 = 0x0100_0000;
const VERSION_2: u32 = 0x0200_0000;
const VERSION_3: u32 = 0x0300_0000;
const VERSIONS: u32 = 0xff00_0000;
const EFFECTIVE: u32 = 1;

/// Reads the attribute's value. `None` where it is none of the versions that the kernel knows, or has another length.
pub(super) fn parse(value: &[u8]) -> Option<Capability> {
    if !value.len().is_multiple_of(4) {
        return None;
    }
    let words: Vec<u32> = value.chunks_exact(4).filter_map(|word| word.try_into().ok()).map(u32::from_le_bytes).collect();
    let magic = *words.first()?;
    let wide = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
    let (permitted, inheritable, root) = match (magic & VERSIONS, words.get(1..)?) {
        (VERSION_1, &[permitted, inheritable]) => (wide(permitted, 0), wide(inheritable, 0), None),
        (VERSION_2, &[p, i, p_high, i_high]) => (wide(p, p_high), wide(i, i_high), None),
        (VERSION_3, &[p, i, p_high, i_high, root]) => (wide(p, p_high), wide(i, i_high), Some(root)),
        _ => return None,
    };
    Some(Capability { effective: magic & EFFECTIVE != 0, permitted, inheritable, root })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn all_versions_are_read() {
        let ping = parse(&bytes(&[VERSION_2 | 1, 1 << 13, 0, 1, 0])).unwrap();
        assert_eq!((ping.effective, ping.permitted, ping.inheritable, ping.root), (true, 1 << 13 | 1 << 32, 0, None));
        assert_eq!(parse(&bytes(&[VERSION_3, 0, 2, 0, 0, 1000])).unwrap().root, Some(1000));
        assert_eq!(parse(&bytes(&[VERSION_1, 4, 5])).unwrap().permitted, 4);
    }

    proptest::proptest! {
        #[test]
        fn anything_is_one_or_none(value: Vec<u8>) {
            assert!(parse(&value).is_none() || [12, 20, 24].contains(&value.len()));
        }
    }
}
