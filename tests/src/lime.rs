//! Reads a memory image in LiME's format (`lime.h` and doc/README.md of LiME): for each range of memory a header of 32 bytes, then its bytes.

use std::io::{ErrorKind, Read};
use std::ops::RangeInclusive;

/// Bytes of a page.
pub const PAGE: u64 = 4096;
const MAGIC: u32 = 0x4C69_4D45;
const VERSION: u32 = 1;

/// Reads an image as a stream to its end, and shows `page` each page of it with its frame number: the physical address divided by
/// [`PAGE`]. A page of which the image has only a part is shown as that part. Returns the ranges, whose ends are inclusive.
///
/// # Errors
/// Where and why it is no whole image: a wrong header, ranges that do not ascend, an end within a range.
pub fn read(image: impl Read, page: impl FnMut(u64, &[u8])) -> Result<Vec<RangeInclusive<u64>>, String> {
    let (ranges, end) = walk(image, page)?;
    end.map_or(Ok(ranges), Err)
}

/// The same of an image that was cut short: it may end within a range, and what it has of the page there is not shown.
///
/// # Errors
/// Where and why it is no beginning of an image.
pub fn read_beginning(image: impl Read, page: impl FnMut(u64, &[u8])) -> Result<Vec<RangeInclusive<u64>>, String> {
    walk(image, page).map(|(ranges, _)| ranges)
}

/// The ranges, and where the last of them ends early, if it does.
type Walked = (Vec<RangeInclusive<u64>>, Option<String>);

fn walk(mut image: impl Read, mut page: impl FnMut(u64, &[u8])) -> Result<Walked, String> {
    let (mut ranges, mut end): (Vec<RangeInclusive<u64>>, _) = (Vec::new(), None);
    while let Some(range) = header(&mut image)?.filter(|_| end.is_none()) {
        if ranges.last().is_some_and(|last| last.end() >= range.start()) {
            return Err(format!("range {range:x?} does not lie behind {:x?}", ranges.last()));
        }
        end = content(&mut image, &range, &mut page)?;
        ranges.push(range);
    }
    Ok((ranges, end))
}

/// The next header; none at the end of the image.
fn header(image: &mut impl Read) -> Result<Option<RangeInclusive<u64>>, String> {
    let mut bytes = Vec::new();
    image.by_ref().take(32).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let mut words = bytes.chunks_exact(8).filter_map(|word| word.try_into().ok()).map(u64::from_le_bytes);
    let (Some(first), Some(start), Some(end), Some(_)) = (words.next(), words.next(), words.next(), words.next()) else {
        return Err(format!("{} bytes in place of a header", bytes.len()));
    };
    if first != u64::from(MAGIC) | u64::from(VERSION) << 32 || start > end {
        return Err(format!("no header: {bytes:02x?}"));
    }
    Ok(Some(start..=end))
}

/// Shows the pages of a range; says where the image ends, if it does so within the range.
fn content(
    image: &mut impl Read,
    range: &RangeInclusive<u64>,
    page: &mut impl FnMut(u64, &[u8]),
) -> Result<Option<String>, String> {
    let mut buffer = Vec::new();
    let mut at = *range.start();
    loop {
        let last = (at | (PAGE - 1)).min(*range.end());
        buffer.resize(usize::try_from(last - at + 1).map_err(|error| error.to_string())?, 0);
        match image.read_exact(&mut buffer) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                return Ok(Some(format!("the image ends within the page at {at:#x} of range {range:x?}")));
            }
            result => result.map_err(|error| error.to_string())?,
        }
        page(at / PAGE, &buffer);
        match last.checked_add(1) {
            Some(next) if last < *range.end() => at = next,
            _ => return Ok(None),
        }
    }
}

/// The header of a range, as LiME writes it.
#[must_use]
pub fn header_of(range: &RangeInclusive<u64>) -> Vec<u8> {
    let first = u64::from(MAGIC) | u64::from(VERSION) << 32;
    [first, *range.start(), *range.end(), 0].iter().flat_map(|word| word.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(ranges: &[RangeInclusive<u64>]) -> Vec<u8> {
        let length = |range: &RangeInclusive<u64>| usize::try_from(range.end() - range.start() + 1).unwrap();
        ranges.iter().flat_map(|range| [header_of(range), vec![7; length(range)]].concat()).collect()
    }

    #[test]
    fn every_page_has_its_frame_and_a_part_of_a_page_is_a_part() {
        let ranges = [0x1000..=0x9_fbff, 0x10_0000..=0x10_0fff];
        let mut pages = Vec::new();
        let read = read(image(&ranges).as_slice(), |frame, page| pages.push((frame, page.len()))).unwrap();
        assert_eq!(read, ranges);
        assert_eq!((pages.len(), pages[0], pages[158], pages[159]), (160, (1, 4096), (0x9f, 0xc00), (0x100, 4096)));
    }

    #[test]
    fn what_is_short_out_of_order_or_no_image_is_said() {
        let whole = image(&[0x1000..=0x2fff]);
        let error = |bytes: &[u8]| read(bytes, |_, _| ()).unwrap_err();
        assert!(error(&whole[..whole.len() - 1]).contains("ends within the page at 0x2000"));
        assert!(error(&whole[..20]).contains("20 bytes in place of a header"));
        assert!(error(&[whole.as_slice(), b"more"].concat()).contains("4 bytes"));
        assert!(error(&image(&[0x2000..=0x2fff, 0x2000..=0x2fff])).contains("does not lie behind"));
        assert!(error(&[0; 64]).contains("no header"));
        assert_eq!(read(&[][..], |_, _| ()), Ok(vec![]));
    }
}
