//! Records of `utmp`, `wtmp` and `btmp` (utmp(5), glibc's `bits/utmp.h`). Little-endian; two layouts:
//!
//! ```text
//!           narrow (x86_64)    wide (aarch64)
//! type      0    i16           0    i16         2 bytes of padding
//! pid       4    i32           4    i32
//! line      8    [32]          8    [32]
//! id        40   [4]           40   [4]
//! user      44   [32]          44   [32]
//! host      76   [256]         76   [256]
//! exit      332  i16, i16      332  i16, i16
//! session   336  i32           336  i64
//! time      340  i32 s, i32 µs 344  i64 s, i64 µs
//! address   348  [16]          360  [16]
//! unused    364  [20]          376  [20]        wide: 4 bytes of padding
//! length    384                400
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A layout of the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Abi {
    /// 32-bit times: x86_64 and every platform that keeps its 32-bit layout.
    Narrow,
    /// 64-bit times: aarch64 and others.
    Wide,
}

impl Abi {
    /// The layout that programs of this machine write.
    pub(super) fn of_machine(machine: &str) -> Self {
        if matches!(machine, "aarch64" | "riscv64" | "loongarch64") { Self::Wide } else { Self::Narrow }
    }

    /// Bytes of a record of `utmp`.
    pub(super) fn record(self) -> usize {
        match self {
            Self::Narrow => 384,
            Self::Wide => 400,
        }
    }

    /// The word in the rows.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Narrow => "32-bit",
            Self::Wide => "64-bit",
        }
    }
}

/// Type names by number, as osquery's tables have them: of `last`, and of `logged_in_users`.
const TYPES: [(&str, &str); 10] = [
    ("empty", "empty"),
    ("run-level", "runlevel"),
    ("boot-time", "boot_time"),
    ("new-time", "new_time"),
    ("old-time", "old_time"),
    ("init-process", "init"),
    ("login-process", "login"),
    ("user-process", "user"),
    ("dead-process", "dead"),
    ("accounting", "accounting"),
];

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// `ut_type`.
    pub kind: i16,
    /// Process.
    pub pid: i32,
    /// Terminal.
    pub line: Vec<u8>,
    /// Name of the terminal in inittab.
    pub id: Vec<u8>,
    /// User, or for a run level its word.
    pub user: Vec<u8>,
    /// Remote host, or for a boot the kernel's release.
    pub host: Vec<u8>,
    /// Signal and exit status of a process that ended.
    pub exit: (i16, i16),
    /// Session.
    pub session: i64,
    /// Seconds since the Unix epoch.
    pub seconds: i64,
    /// Microseconds of the second.
    pub micros: i64,
    /// Remote address.
    pub address: [u8; 16],
}

impl Record {
    /// Reads one record; `None` where it is too short.
    pub(super) fn parse(bytes: &[u8], abi: Abi) -> Option<Self> {
        let bytes = bytes.get(..abi.record())?;
        let (session, seconds, micros, address) = match abi {
            Abi::Narrow => (i64::from(i32_at(bytes, 336)?), i64::from(i32_at(bytes, 340)?), i64::from(i32_at(bytes, 344)?), 348),
            Abi::Wide => (i64_at(bytes, 336)?, i64_at(bytes, 344)?, i64_at(bytes, 352)?, 360),
        };
        Some(Self {
            kind: i16::from_le_bytes(array(bytes, 0)?),
            pid: i32_at(bytes, 4)?,
            line: text(bytes, 8, 32)?,
            id: text(bytes, 40, 4)?,
            user: text(bytes, 44, 32)?,
            host: text(bytes, 76, 256)?,
            exit: (i16::from_le_bytes(array(bytes, 332)?), i16::from_le_bytes(array(bytes, 334)?)),
            session,
            seconds,
            micros,
            address: array(bytes, address)?,
        })
    }

    /// Whether a login program can have written it: a known type, a time between 1970 and 2106, a whole number of processes.
    pub(super) fn is_plausible(&self) -> bool {
        let time = (0..=i64::from(u32::MAX)).contains(&self.seconds) && (0..1_000_000).contains(&self.micros);
        time && self.pid >= 0 && usize::try_from(self.kind).is_ok_and(|kind| kind < TYPES.len())
    }

    /// The type as osquery's `last` names it; empty for an unknown one.
    pub(super) fn type_name(&self) -> &'static str {
        self.names().0
    }

    /// The type as osquery's `logged_in_users` names it.
    pub(super) fn login_type(&self) -> &'static str {
        self.names().1
    }

    fn names(&self) -> (&'static str, &'static str) {
        usize::try_from(self.kind).ok().and_then(|kind| TYPES.get(kind)).copied().unwrap_or_default()
    }

    /// The remote address; `None` where there is none. IPv4 stands in the first four bytes.
    pub(super) fn remote(&self) -> Option<IpAddr> {
        let (first, rest) = self.address.split_first_chunk::<4>()?;
        match (first == &[0; 4], rest.iter().all(|b| *b == 0)) {
            (true, true) => None,
            (false, true) => Some(IpAddr::V4(Ipv4Addr::from(*first))),
            _ => Some(IpAddr::V6(Ipv6Addr::from(self.address))),
        }
    }

    /// Nanoseconds since the Unix epoch.
    pub(super) fn nanoseconds(&self) -> i128 {
        i128::from(self.seconds) * 1_000_000_000 + i128::from(self.micros) * 1000
    }
}

/// The layout of `bytes`: that in which more of the first thousand records are plausible; where that does not decide, the one
/// whose length divides `size`, then that of the machine. And whether the records decided.
pub(super) fn detect(bytes: &[u8], size: u64, machine: Abi) -> (Abi, bool) {
    let (narrow, wide) = (score(bytes, Abi::Narrow), score(bytes, Abi::Wide));
    let fits = |abi: Abi| u64::try_from(abi.record()).is_ok_and(|record| size.is_multiple_of(record));
    match (narrow.cmp(&wide), fits(Abi::Narrow), fits(Abi::Wide)) {
        (std::cmp::Ordering::Greater, ..) => (Abi::Narrow, true),
        (std::cmp::Ordering::Less, ..) => (Abi::Wide, true),
        (_, true, false) => (Abi::Narrow, false),
        (_, false, true) => (Abi::Wide, false),
        _ => (machine, false),
    }
}

/// Plausible records of a thousand.
fn score(bytes: &[u8], abi: Abi) -> usize {
    let mut records = 0_usize;
    let sane = |record: &[u8]| Record::parse(record, abi).is_some_and(|record| record.is_plausible());
    let plausible = bytes.chunks_exact(abi.record()).take(1000).inspect(|_| records += 1).filter(|record| sane(record)).count();
    plausible * 1000 / records.max(1)
}

pub(super) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    array(bytes, at).map(i32::from_le_bytes)
}

fn i64_at(bytes: &[u8], at: usize) -> Option<i64> {
    array(bytes, at).map(i64::from_le_bytes)
}

/// A fixed field of text: up to its first zero, or all of it.
pub(super) fn text(bytes: &[u8], at: usize, length: usize) -> Option<Vec<u8>> {
    let field = bytes.get(at..)?.get(..length)?;
    Some(field.split(|b| *b == 0).next().unwrap_or_default().to_owned())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A record as a login program would write it.
    pub(in super::super) fn written(abi: Abi, kind: i16, user: &[u8], seconds: u32) -> Vec<u8> {
        let mut out = vec![0; abi.record()];
        let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &kind.to_le_bytes());
        put(4, &77_i32.to_le_bytes());
        put(8, b"pts/0");
        put(44, user);
        put(76, b"host");
        match abi {
            Abi::Narrow => {
                put(340, &seconds.to_le_bytes());
                put(344, &5_u32.to_le_bytes());
                put(348, &[192, 0, 2, 1]);
            }
            Abi::Wide => {
                put(344, &u64::from(seconds).to_le_bytes());
                put(352, &5_u64.to_le_bytes());
                put(360, &[192, 0, 2, 1]);
            }
        }
        out
    }

    #[test]
    fn both_layouts_are_read_and_told_apart() {
        for abi in [Abi::Narrow, Abi::Wide] {
            let other = if abi == Abi::Narrow { Abi::Wide } else { Abi::Narrow };
            let log: Vec<u8> = (0..5).flat_map(|n| written(abi, 7, b"root\xff", 1_700_000_000 + n)).collect();
            assert_eq!(detect(&log, u64::try_from(log.len()).unwrap(), other), (abi, true));
            let record = Record::parse(&log, abi).unwrap();
            assert_eq!(
                (record.pid, record.user.as_slice(), record.seconds, record.micros),
                (77, &b"root\xff"[..], 1_700_000_000, 5)
            );
            assert_eq!((record.type_name(), record.login_type()), ("user-process", "user"));
            assert_eq!(record.remote().unwrap().to_string(), "192.0.2.1");
            assert!(record.is_plausible());
        }
    }

    #[test]
    fn size_and_machine_decide_where_records_do_not() {
        assert_eq!(detect(&[], 0, Abi::Wide), (Abi::Wide, false));
        assert_eq!(detect(&[0xff; 384], 384, Abi::Wide), (Abi::Narrow, false));
        assert_eq!(detect(&[0xff; 400], 400, Abi::Narrow), (Abi::Wide, false));
    }

    #[test]
    fn garbage_is_implausible() {
        assert!(!Record::parse(&[0xff; 400], Abi::Wide).unwrap().is_plausible());
        assert_eq!(Record::parse(&[0; 383], Abi::Narrow), None);
        assert_eq!(Record::parse(&[0; 384], Abi::Narrow).unwrap().remote(), None);
    }

    proptest! {
        #[test]
        fn any_bytes_parse(bytes in proptest::collection::vec(any::<u8>(), 0..900)) {
            for abi in [Abi::Narrow, Abi::Wide] {
                detect(&bytes, 1, abi);
                if let Some(record) = Record::parse(&bytes, abi) {
                    record.type_name();
                    record.remote();
                    record.nanoseconds();
                }
            }
        }
    }
}
