//! Pages that know where in physical memory they are. The program `stamp` keeps them in a guest; an image of the guest's memory is
//! checked against them here. What stands in a stamped page depends on its frame, so a page at the wrong place is seen.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::RangeInclusive;

use crate::lime::{self, PAGE};

/// Words of eight bytes in a page, little-endian.
pub const WORDS: usize = 512;
/// The word that counts: it may change while the page is stamped.
pub const COUNTER: usize = 3;
const MAGIC: u64 = u64::from_le_bytes(*b"HZNSTAMP");

/// What stands in word `index` of the page that is stamped for `frame`, but for [`COUNTER`]: magic, the number of the run,
/// the frame, and a pattern that differs from page to page.
#[must_use]
pub fn word(run: u64, frame: u64, index: usize) -> u64 {
    match index {
        0 => MAGIC,
        1 => run,
        2 => frame,
        COUNTER => 0,
        _ => (run ^ frame).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(u32::try_from(index % 64).unwrap_or(0)) ^ MAGIC,
    }
}

/// What an image has of the stamped pages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// How many are right: at their place, every byte.
    pub right: u64,
    /// Frames that hold something else in the image.
    pub wrong: Vec<u64>,
    /// Frames that the image does not have, or not whole.
    pub missing: Vec<u64>,
    /// Pages of this run at other places: copies, such as those of an image that is being written.
    pub strays: u64,
    /// The lowest and the highest counter: their difference says how much time the image spans.
    pub counters: Option<(u64, u64)>,
}

impl Report {
    /// Whether all pages are right.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.right > 0 && self.wrong.is_empty() && self.missing.is_empty()
    }
}

/// Checks that the image has every page that was stamped in `run` for one of `frames`, at its place.
///
/// # Errors
/// When it is no whole image.
pub fn check(image: impl Read, run: u64, frames: &[u64]) -> Result<Report, String> {
    compare(run, frames, |page| lime::read(image, page))
}

/// The same of an image that was cut short: what lies behind its end is missing.
///
/// # Errors
/// When it is no beginning of an image.
pub fn check_beginning(image: impl Read, run: u64, frames: &[u64]) -> Result<Report, String> {
    compare(run, frames, |page| lime::read_beginning(image, page))
}

type ShowPage<'a> = &'a mut dyn FnMut(u64, &[u8]);

fn compare(
    run: u64,
    frames: &[u64],
    read: impl FnOnce(ShowPage<'_>) -> Result<Vec<RangeInclusive<u64>>, String>,
) -> Result<Report, String> {
    let mut seen: BTreeMap<u64, bool> = BTreeMap::new();
    let expected: BTreeMap<u64, ()> = frames.iter().map(|frame| (*frame, ())).collect();
    let mut report = Report::default();
    read(&mut |frame, page| {
        let words: Vec<u64> = words(page).take(COUNTER + 1).collect();
        if !expected.contains_key(&frame) {
            report.strays += u64::from(words.starts_with(&[MAGIC, run]));
        } else if page.len() as u64 == PAGE {
            let is_right = is_stamp(page, run, frame);
            seen.insert(frame, is_right);
            if is_right {
                report.count(words.get(COUNTER).copied());
            }
        }
    })?;
    for frame in expected.keys() {
        match seen.get(frame) {
            Some(true) => report.right += 1,
            Some(false) => report.wrong.push(*frame),
            None => report.missing.push(*frame),
        }
    }
    Ok(report)
}

impl Report {
    fn count(&mut self, counter: Option<u64>) {
        if let Some(counter) = counter {
            let (low, high) = self.counters.unwrap_or((counter, counter));
            self.counters = Some((low.min(counter), high.max(counter)));
        }
    }
}

fn words(page: &[u8]) -> impl Iterator<Item = u64> {
    page.chunks_exact(8).filter_map(|word| word.try_into().ok()).map(u64::from_le_bytes)
}

/// Whether these bytes are what was stamped in `run` for `frame`.
#[must_use]
pub fn is_stamp(page: &[u8], run: u64, frame: u64) -> bool {
    (0..).zip(words(page)).all(|(index, found)| index == COUNTER || found == word(run, frame, index))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: u64 = 77;

    fn page(frame: u64, counter: u64) -> Vec<u8> {
        let word = |index| if index == COUNTER { counter } else { word(RUN, frame, index) };
        (0..WORDS).flat_map(|index| word(index).to_le_bytes()).collect()
    }

    /// An image of frames 16 to 19.
    fn image(pages: [Vec<u8>; 4]) -> Vec<u8> {
        [lime::header_of(&(0x1_0000..=0x1_3fff)), pages.concat()].concat()
    }

    #[test]
    fn pages_at_their_place_are_right_and_counted() {
        let image = image([page(16, 5), vec![0; 4096], page(18, 9), page(40, 1)]);
        let report = check(image.as_slice(), RUN, &[16, 18]).unwrap();
        assert_eq!(report, Report { right: 2, strays: 1, counters: Some((5, 9)), ..Report::default() });
        assert!(report.is_whole());
    }

    #[test]
    fn swapped_torn_and_absent_pages_are_found() {
        let mut torn = page(18, 0);
        torn[4095] ^= 1;
        let image = image([page(17, 0), page(16, 0), torn, page(19, 0)]);
        let report = check(image.as_slice(), RUN, &[16, 17, 18, 19, 20]).unwrap();
        assert_eq!((report.right, report.wrong.as_slice(), report.missing.as_slice()), (1, &[16, 17, 18][..], &[20][..]));
        assert!(!report.is_whole());
    }

    #[test]
    fn another_run_and_nothing_are_not_right() {
        let image = image([page(16, 0), page(17, 0), page(18, 0), page(19, 0)]);
        assert_eq!(check(image.as_slice(), RUN + 1, &[16]).unwrap().wrong, [16]);
        assert!(!check(image.as_slice(), RUN, &[]).unwrap().is_whole());
        assert!(check(&image[..image.len() - 1], RUN, &[16]).is_err());
        let beginning = check_beginning(&image[..image.len() - 1], RUN, &[16, 19]).unwrap();
        assert_eq!((beginning.right, beginning.missing), (1, vec![19]));
    }
}
