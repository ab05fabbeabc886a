//! The kernel's plain tables of numbers, parsed by `procfs-core`.
//!
//! **Invariant:** its parsers are shown only what the kernel can have written: ASCII without absurd numbers. On anything else
//! they could panic, so that is answered with `None` and stays in the archive alone.

use procfs_core::{CpuInfo, ExplicitSystemInfo, FromBufRead as _, FromBufReadSI as _, FromRead as _};
use procfs_core::{KernelStats, LoadAverage, Meminfo, Uptime};

use crate::source::text;

/// Digits of the longest number that is believed: multiplied by 1024 it still fits 64 bits.
const LONGEST: usize = 16;

pub(super) fn meminfo(text: &[u8]) -> Option<Meminfo> {
    // The kernel knows no other unit here; the parser does, and multiplies.
    let unit = |line: &[u8]| text::fields(line).nth(2).is_none_or(|unit| unit == b"kB");
    Meminfo::from_buf_read(plain(text).filter(|text| text::lines(text).all(unit))?).ok()
}

pub(super) fn load_average(text: &[u8]) -> Option<LoadAverage> {
    LoadAverage::from_read(plain(text)?).ok()
}

pub(super) fn uptime(text: &[u8]) -> Option<Uptime> {
    Uptime::from_read(plain(text)?).ok()
}

pub(super) fn cpu_info(text: &[u8]) -> Option<CpuInfo> {
    CpuInfo::from_buf_read(text.is_ascii().then_some(text)?).ok()
}

/// Of `/proc/stat`; only its counters that have no unit are used, so the length of a tick does not matter.
pub(super) fn kernel_stats(text: &[u8]) -> Option<KernelStats> {
    let system = ExplicitSystemInfo { boot_time_secs: 0, ticks_per_second: 100, page_size: 4096, is_little_endian: true };
    KernelStats::from_buf_read(plain(text)?, &system).ok()
}

fn plain(text: &[u8]) -> Option<&[u8]> {
    let long = text.split(|b| !b.is_ascii_digit()).any(|digits| digits.len() > LONGEST);
    (text.is_ascii() && !long).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hostile_numbers_are_not_shown_to_the_parser() {
        assert!(meminfo(b"MemTotal: 99999999999999999999 GB\n").is_none());
        assert!(meminfo("MemTota\u{e4} 1 kB\n".as_bytes()).is_none());
        assert!(load_average(b"").is_none() && uptime(b"\xff").is_none() && kernel_stats(b"cpu").is_none());
        assert_eq!(load_average(b"0.12 0.20 0.18 2/91 8628\n").unwrap().max, 91);
        assert_eq!(cpu_info(b"processor : 0\nmodel name : x\n\nprocessor : 1\nmodel name : x\n").unwrap().num_cores(), 2);
    }

    proptest! {
        #[test]
        fn any_bytes_parse(bytes: Vec<u8>) {
            meminfo(&bytes); load_average(&bytes); uptime(&bytes); cpu_info(&bytes); kernel_stats(&bytes);
        }

        #[test]
        fn anything_that_looks_like_a_table_parses(text in "([A-Za-z()_ ]{0,12}:? {0,3}[0-9]{0,20} ?(kB|GB|MB)?\n){0,12}") {
            let bytes = text.as_bytes();
            meminfo(bytes); load_average(bytes); uptime(bytes); cpu_info(bytes); kernel_stats(bytes);
        }
    }
}
