//! `/var/log/lastlog` (lastlog(8)): the last login of each user, at the place of its number. Little-endian; two layouts:
//!
//! ```text
//!         narrow        wide
//! time    0   i32       0   i64     seconds since the Unix epoch; 0: never
//! line    4   [32]      8   [32]
//! host    36  [256]     40  [256]
//! length  292           296
//! ```
//!
//! The file is mostly holes: a user with number 4,000,000,000 makes it a terabyte long.

use super::files::Stretch;
use super::utmp::{Abi, array, text};

/// One user's last login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Login {
    /// User number: the place of the record.
    pub uid: u64,
    /// Seconds since the Unix epoch.
    pub seconds: i64,
    /// Terminal.
    pub line: Vec<u8>,
    /// Remote host.
    pub host: Vec<u8>,
}

/// Bytes of a record.
pub(super) fn record(abi: Abi) -> usize {
    match abi {
        Abi::Narrow => 292,
        Abi::Wide => 296,
    }
}

/// The records in `bytes`, which are those of the file from `offset` on; records of zeros are users who never logged in, and
/// are left out. A record that does not begin or end in `bytes` is left out too.
pub(super) fn parse(bytes: &[u8], offset: u64, abi: Abi) -> Vec<Login> {
    let length = u64::try_from(record(abi)).unwrap_or(u64::MAX);
    let first = offset.div_ceil(length);
    let skip = first.checked_mul(length).and_then(|start| usize::try_from(start - offset).ok()).unwrap_or(usize::MAX);
    let rest = bytes.get(skip..).unwrap_or_default();
    let used = |(_, record): &(u64, &[u8])| record.iter().any(|b| *b != 0);
    (first..).zip(rest.chunks_exact(record(abi))).filter(used).filter_map(|(uid, record)| login(record, uid, abi)).collect()
}

fn login(record: &[u8], uid: u64, abi: Abi) -> Option<Login> {
    let (seconds, line) = match abi {
        Abi::Narrow => (i64::from(i32::from_le_bytes(array(record, 0)?)), 4),
        Abi::Wide => (i64::from_le_bytes(array(record, 0)?), 8),
    };
    Some(Login { uid, seconds, line: text(record, line, 32)?, host: text(record, line + 32, 256)? })
}

impl Login {
    /// Whether a login program can have written it: a time between 1970 and 2106, and a terminal of printable letters.
    pub(super) fn is_plausible(&self) -> bool {
        let printable = self.line.iter().all(|b| b.is_ascii_graphic());
        (1..=i64::from(u32::MAX)).contains(&self.seconds) && printable && !self.line.is_empty()
    }
}

/// The layout of a file's stretches, each with its offset: that in which more records are plausible, else the machine's.
pub(super) fn detect(stretches: &[Stretch], machine: Abi) -> Abi {
    let score = |abi: Abi| {
        let logins = stretches.iter().flat_map(|(offset, bytes)| parse(bytes, *offset, abi));
        logins.map(|login| if login.is_plausible() { 1_i64 } else { -1 }).sum::<i64>()
    };
    match score(Abi::Narrow).cmp(&score(Abi::Wide)) {
        std::cmp::Ordering::Greater => Abi::Narrow,
        std::cmp::Ordering::Less => Abi::Wide,
        std::cmp::Ordering::Equal => machine,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A file in which only these users logged in.
    pub(in super::super) fn written(abi: Abi, logins: &[(usize, u32)]) -> Vec<u8> {
        let size = logins.iter().map(|(uid, _)| (uid + 1) * record(abi)).max().unwrap_or(0);
        let mut out = vec![0; size];
        for (uid, seconds) in logins {
            let at = uid * record(abi);
            out[at..at + 4].copy_from_slice(&seconds.to_le_bytes());
            let line = at + if abi == Abi::Narrow { 4 } else { 8 };
            out[line..line + 5].copy_from_slice(b"pts/1");
            out[line + 32..line + 36].copy_from_slice(b"h\xffst");
        }
        out
    }

    #[test]
    fn users_are_numbered_by_place_in_both_layouts() {
        for abi in [Abi::Narrow, Abi::Wide] {
            let other = if abi == Abi::Narrow { Abi::Wide } else { Abi::Narrow };
            let file = written(abi, &[(0, 1_700_000_000), (1000, 1_700_000_001)]);
            // A stretch that begins within a record.
            let tail = (4096, file[4096..].to_vec());
            assert_eq!(detect(&[(0, file.clone())], other), abi);
            assert_eq!(detect(std::slice::from_ref(&tail), other), abi);
            let logins = parse(&tail.1, tail.0, abi);
            assert_eq!(logins.len(), 1);
            assert_eq!((logins[0].uid, logins[0].seconds, logins[0].host.as_slice()), (1000, 1_700_000_001, &b"h\xffst"[..]));
            assert_eq!(parse(&file, 0, abi).len(), 2);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_parse(bytes in proptest::collection::vec(any::<u8>(), 0..700), offset: u64) {
            parse(&bytes, offset, Abi::Narrow);
            parse(&bytes, offset, Abi::Wide);
        }
    }
}
