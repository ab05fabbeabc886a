//! The packages of ndb, rpm's own database, blob by blob and never the whole file.
//!
//! ```text
//! header    0 "RpmP"   4 version   8 generation   12 pages of slots   16 number that is given next
//! slot      0 "Slot"   4 number of the package    8 first block of its blob, 0 where the slot is free   12 blocks
//! blob      0 "BlbS"   4 number of the package    8 time   12 bytes of the header   16 header, and zeros up to the tail
//! its tail  0 Adler-32 of all before it   4 bytes of the header   8 "BlbE"
//! ```
//!
//! (`lib/backend/ndb/rpmpkg.c` of rpm.) Slots are on pages of 4096 bytes from the beginning of the file on, and have 16 bytes, as blocks have;
//! the header is where the first two of them would be. Numbers are little-endian, whatever the host.

use super::passed::{Passed, Take};
use crate::source::pages::{Pages, Stopped, Trouble};

const HEADER: usize = 32;
/// Of a slot, of a block, and of what a blob has before its header.
const BLOCK: usize = 16;
const TAIL: usize = 12;
const SLOT_PAGE: usize = 4096;
/// Bytes of a block, and blocks of a page, where places in the file are counted.
const BLOCK_BYTES: u64 = 16;
const PAGE_BLOCKS: u64 = 256;

/// The most pages of slots that are read: of a million packages.
const MOST_PAGES: u32 = 4096;

/// The little-endian number at `at`.
fn long(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

/// Hands over the packages of a database in a file of `size` bytes, and returns what it came past.
pub(super) fn headers<P: Pages, E>(pages: P, size: u64, most: usize, take: Take<'_, E>) -> Result<Passed, Stopped<P::Error, E>> {
    let (mut walk, slots) = Walk::begin(pages, size, most)?;
    let mut passed = Passed::default();
    if slots > MOST_PAGES {
        passed.note("there are more slots than are read of a database");
    }
    let mut page = [0; SLOT_PAGE];
    for number in 0..slots.min(MOST_PAGES) {
        walk.pages.read(u64::from(number) * PAGE_BLOCKS * BLOCK_BYTES, &mut page).map_err(Trouble::Read)?;
        let of_header = if number == 0 { HEADER / BLOCK } else { 0 };
        for slot in page.as_chunks::<BLOCK>().0.iter().skip(of_header) {
            match Slot::parse(slot) {
                Ok(None) => {}
                Ok(Some(slot)) => walk.package(&slot, &mut passed, take)?,
                Err(what) => passed.note(what),
            }
        }
    }
    Ok(passed)
}

/// Where the blob of a package is.
#[derive(Debug)]
struct Slot {
    number: u32,
    first: u32,
    blocks: u32,
}

impl Slot {
    /// A slot; none that is free.
    fn parse(bytes: &[u8; BLOCK]) -> Result<Option<Self>, &'static str> {
        let field = |at| long(bytes, at).unwrap_or_default();
        let slot = Self { number: field(4), first: field(8), blocks: field(12) };
        match (bytes.starts_with(b"Slot"), slot.first) {
            (false, _) => Err("a slot is none"),
            (true, 0) => Ok(None),
            (true, _) if slot.number == 0 => Err("a slot is of no package"),
            (true, _) => Ok(Some(slot)),
        }
    }
}

/// One walk through a database.
struct Walk<P> {
    pages: P,
    /// The block behind the slots, and that behind the file.
    begin: u64,
    end: u64,
    /// How many blocks may still be read: blobs that overlap would make more headers than the file has bytes.
    left: u64,
    most: usize,
    blob: Vec<u8>,
}

impl<P: Pages> Walk<P> {
    /// The walk, and how many pages of slots there are.
    fn begin(mut pages: P, size: u64, most: usize) -> Result<(Self, u32), Trouble<P::Error>> {
        if usize::try_from(size).is_ok_and(|size| size < HEADER) {
            return Err(Trouble::Malformed("not a database of rpm's ndb"));
        }
        let mut head = [0; HEADER];
        pages.read(0, &mut head).map_err(Trouble::Read)?;
        if !head.starts_with(b"RpmP") {
            return Err(Trouble::Malformed("not a database of rpm's ndb"));
        }
        if long(&head, 4) != Some(0) {
            return Err(Trouble::Malformed("an ndb of another version than that which is read"));
        }
        let slots = long(&head, 12).unwrap_or_default();
        let (begin, end) = (u64::from(slots) * PAGE_BLOCKS, size / BLOCK_BYTES);
        if slots == 0 || begin > end {
            return Err(Trouble::Malformed("there are no slots, or more than the file has bytes"));
        }
        Ok((Self { pages, begin, end, left: end - begin, most, blob: Vec::new() }, slots))
    }

    /// Hands over the package of a slot. What is wrong with one says nothing of the next.
    fn package<E>(&mut self, slot: &Slot, passed: &mut Passed, take: Take<'_, E>) -> Result<(), Stopped<P::Error, E>> {
        match self.header(slot) {
            Ok(Some(header)) => {
                passed.unlike = passed.unlike.saturating_add(u64::from(!header.is_like));
                take(i64::from(slot.number), header.bytes).map_err(Stopped::Each)?;
            }
            Ok(None) => passed.note_long(),
            Err(Trouble::Malformed(what)) => passed.note(what),
            Err(trouble) => Err(trouble)?,
        }
        Ok(())
    }

    /// The header in a slot's blob; none if it is too long.
    fn header(&mut self, slot: &Slot) -> Result<Option<Header<'_>>, Trouble<P::Error>> {
        let (first, blocks) = (u64::from(slot.first), u64::from(slot.blocks));
        if first < self.begin || first + blocks > self.end || blocks == 0 {
            return Err(Trouble::Malformed("a slot leads out of the file"));
        }
        let no_blob = Trouble::Malformed("a blob is none");
        let mut head = [0; BLOCK];
        self.pages.read(first * BLOCK_BYTES, &mut head).map_err(Trouble::Read)?;
        let length = long(&head, 12).and_then(|length| usize::try_from(length).ok()).unwrap_or(usize::MAX);
        // Before anything is set aside for it.
        if !is_head(&head, slot) {
            return Err(no_blob);
        }
        if length > self.most {
            return Ok(None);
        }
        self.left = self.left.checked_sub(blocks).ok_or(Trouble::Malformed("blobs overlap"))?;
        self.blob.resize(usize::try_from(blocks * BLOCK_BYTES).unwrap_or_default(), 0);
        self.pages.read(first * BLOCK_BYTES, &mut self.blob).map_err(Trouble::Read)?;
        header(&self.blob, length).map(Some).ok_or(no_blob)
    }
}

/// Whether a blob that begins so is that of a slot, and has as many blocks as it needs.
fn is_head(head: &[u8; BLOCK], slot: &Slot) -> bool {
    let blocks = long(head, 12).map(|length| (u64::from(length) + 28).div_ceil(BLOCK_BYTES)); // head, header, tail
    head.starts_with(b"BlbS") && long(head, 4) == Some(slot.number) && blocks == Some(u64::from(slot.blocks))
}

/// A header, and whether it is that of its checksum.
struct Header<'b> {
    bytes: &'b [u8],
    is_like: bool,
}

/// The header of `length` bytes in a blob.
fn header(blob: &[u8], length: usize) -> Option<Header<'_>> {
    let (body, tail) = blob.split_last_chunk::<TAIL>()?;
    let bytes = body.get(BLOCK..)?.get(..length)?;
    let is_tail = tail.ends_with(b"BlbE") && long(tail, 4).and_then(|length| usize::try_from(length).ok()) == Some(length);
    is_tail.then(|| Header { bytes, is_like: long(tail, 0) == Some(adler32(body)) })
}

/// Adler-32 (RFC 1950).
fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65521;
    let (mut a, mut b) = (1_u32, 0_u32);
    // The sums of so many bytes stay below 2³².
    for chunk in bytes.chunks(5552) {
        for byte in chunk {
            a += u32::from(*byte);
            b += a;
        }
        a %= MODULUS;
        b %= MODULUS;
    }
    (b << 16) | a
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::passed::tests::{Found, found};
    use super::*;

    fn blob(number: u32, header: &[u8]) -> Vec<u8> {
        let length = u32::try_from(header.len()).unwrap();
        let fields = [number, 1_700_000_000, length].map(u32::to_le_bytes).concat();
        let mut blob = [&b"BlbS"[..], &fields, header].concat();
        blob.resize((blob.len() + TAIL).next_multiple_of(BLOCK) - TAIL, 0);
        let fields = [adler32(&blob), length].map(u32::to_le_bytes).concat();
        blob.extend_from_slice(&fields);
        blob.extend_from_slice(b"BlbE");
        blob
    }

    /// One page of slots, of which the first is free, and a blob for each package.
    fn database(packages: &[(u32, &[u8])]) -> Vec<u8> {
        let (mut slots, mut blobs) = (vec![[0_u32; 3]], Vec::new());
        for (number, header) in packages {
            let blob = blob(*number, header);
            let first = u32::try_from(256 + blobs.len() / BLOCK).unwrap();
            slots.push([*number, first, u32::try_from(blob.len() / BLOCK).unwrap()]);
            blobs.extend(blob);
        }
        slots.resize(254, [0; 3]);
        let head = [0_u32, 5, 1, 9, 0, 0, 0].map(u32::to_le_bytes).concat();
        let slots: Vec<_> = slots.iter().map(|slot| [&b"Slot"[..], &slot.map(u32::to_le_bytes).concat()].concat()).collect();
        [&b"RpmP"[..], &head, &slots.concat(), &blobs].concat()
    }

    fn two() -> Vec<u8> {
        database(&[(7, b"seven"), (3, &[0xfe; 100])])
    }

    fn all(bytes: &[u8], most: usize) -> Found {
        found(|take| headers(bytes, u64::try_from(bytes.len()).unwrap(), most, take))
    }

    /// The numbers of the packages that are found, and what was left out.
    fn numbers(bytes: &[u8], most: usize) -> (Vec<i64>, Passed) {
        let (found, passed) = all(bytes, most).unwrap();
        (found.into_iter().map(|(number, _)| number).collect(), passed)
    }

    #[test]
    fn packages_come_in_the_order_of_their_slots() {
        let expected = vec![(7, b"seven".to_vec()), (3, vec![0xfe; 100])];
        assert_eq!(all(&two(), 1 << 20), Ok((expected, Passed::default())));
        assert_eq!(numbers(&two(), 99), (vec![7], Passed { long: 1, ..Passed::default() }));
        assert_eq!(headers(&two()[..], 4272, 100, &mut |number, _| Err(number)), Err(Stopped::Each(7)));
    }

    #[test]
    fn sums_are_those_of_zlib() {
        assert_eq!((adler32(b""), adler32(b"Wikipedia"), adler32(&[0xff; 100_000])), (1, 0x11e6_0398, 0x149a_302c));
    }

    #[test]
    fn what_is_no_database_is_said() {
        for (at, byte, why) in [
            (0, 0, "not a database of rpm's ndb"),
            (4, 1, "an ndb of another version than that which is read"),
            (12, 0, "there are no slots, or more than the file has bytes"),
            (12, 2, "there are no slots, or more than the file has bytes"),
        ] {
            let mut bytes = two();
            bytes[at] = byte;
            assert_eq!(all(&bytes, 100), Err(Trouble::Malformed(why)), "{at}");
        }
        assert_eq!(all(&two()[..31], 100), Err(Trouble::Malformed("not a database of rpm's ndb")));
        let mut take = |_: i64, _: &[u8]| Ok::<_, ()>(());
        let cut = headers(&two()[..4100], 5000, 100, &mut take);
        assert_eq!(cut, Err(Stopped::Trouble(Trouble::Read("short"))));
    }

    #[test]
    fn what_is_damaged_is_counted_and_hides_no_other() {
        let (slot, blob) = (48, 4096); // of package 7
        for (at, byte, what) in [
            (slot, b's', "a slot is none"),
            (slot + 4, 0, "a slot is of no package"),
            (slot + 4, 9, "a blob is none"),
            (slot + 8, 1, "a blob is none"),
            (slot + 9, 9, "a slot leads out of the file"),
            (slot + 12, 2, "a blob is none"),
            (slot + 12, 0, "a slot leads out of the file"),
            (slot + 15, 255, "a slot leads out of the file"),
            (blob, b'b', "a blob is none"),
            (blob + 12, 4, "a blob is none"),
            (blob + 12, 6, "a blob is none"),
            (blob + 40, 6, "a blob is none"),
            (blob + 44, b'b', "a blob is none"),
        ] {
            let mut bytes = two();
            bytes[at] = byte;
            let (found, passed) = numbers(&bytes, 1 << 20);
            assert_eq!((found, passed.malformed), (vec![3], BTreeMap::from([(what, 1)])), "{at}");
        }
    }

    #[test]
    fn a_header_with_another_checksum_is_found_and_counted() {
        for at in [4096 + 16, 4096 + 8, 4096 + 36] {
            let mut bytes = two();
            bytes[at] = !bytes[at];
            assert_eq!(numbers(&bytes, 100), (vec![7, 3], Passed { unlike: 1, ..Passed::default() }), "{at}");
        }
    }

    #[test]
    fn a_blob_that_many_slots_name_is_read_no_more_often_than_the_file_has_room() {
        let mut bytes = database(&[(7, b"seven")]);
        for slot in 4..20 {
            bytes.copy_within(48..64, slot * 16);
        }
        assert_eq!(
            numbers(&bytes, 100),
            (vec![7], Passed { malformed: BTreeMap::from([("blobs overlap", 16)]), ..Passed::default() })
        );
    }

    /// Slots without end that are none.
    struct Holes;

    impl Pages for Holes {
        type Error = &'static str;

        fn read(&mut self, offset: u64, into: &mut [u8]) -> Result<(), Self::Error> {
            into.fill(0);
            if offset == 0 {
                into[..4].copy_from_slice(b"RpmP");
                into[12..16].fill(0xff);
            }
            Ok(())
        }
    }

    #[test]
    fn a_file_without_end_has_one() {
        let passed = headers(Holes, u64::MAX, 600, &mut |_, _| Err(())).unwrap();
        let expected = [("a slot is none", 4096 * 256 - 2), ("there are more slots than are read of a database", 1)];
        assert_eq!(passed.malformed, BTreeMap::from(expected));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_to_an_end(bytes: Vec<u8>) {
            assert!(all(&bytes, 1 << 20).is_err());
        }

        #[test]
        fn any_change_of_a_database_is_read_to_an_end(
            changes in proptest::collection::vec((16..4300_usize, 0..=255_u8), 1..40),
            near in proptest::collection::vec((48..80_usize, 0..=255_u8), 0..4),
        ) {
            let mut bytes = two();
            for (at, byte) in changes.into_iter().chain(near) {
                if let Some(changed) = bytes.get_mut(at) {
                    *changed = byte;
                }
            }
            let (found, _) = all(&bytes, 1 << 20).unwrap();
            assert!(found.iter().map(|(_, header)| header.len()).sum::<usize>() <= bytes.len());
        }
    }
}
