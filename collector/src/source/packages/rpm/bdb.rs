//! The records of a Berkeley DB of the access method hash, page by page and never the whole file. The key of a record is the number of a
//! package, its value the header; the key 0 holds the number that was given last.
//!
//! ```text
//! page 0, metadata   12 magic   16 version   20 bytes of a page   24 encryption   25 type   26 flags   32 last page
//! any other page      8 its number   16 page that follows   20 items   22 bytes on an overflow page   25 type   26 offsets of items
//! item                0 kind, 1 bytes; or, if those are on overflow pages, 4 the first of these pages, 8 number of bytes
//! ```
//!
//! (`dbinc/db_page.h` of Berkeley DB.) Numbers are in the byte order of the host that made it, which the magic shows. Items are keys and
//! values in turn, and lie from the end of their page downwards.
//!
//! All pages of buckets are read as they lie in the file, also one that no bucket leads to: what rpm no longer finds there was a package, too.
//! Before rpm closes the database, a page may be newer in its cache, the files `__db.*` beside it. They are there on every host, and do not
//! tell whether that is so.

use std::ops::RangeInclusive;

use super::passed::{Passed, Take};
use crate::source::pages::{Pages, Stopped, Trouble};

const MAGIC: u32 = 0x0006_1561;
/// Of Berkeley DB 4.1 to 6.2.
const VERSIONS: RangeInclusive<u32> = 8..=10;
/// Bytes of the metadata that are read: the smallest page.
const META: usize = 512;
const LARGEST_PAGE: usize = 64 << 10;

/// Bytes before the offsets of a page, or before the bytes of an overflow page.
const HEAD: usize = 26;
/// Where the type of a page stands.
const TYPE: usize = 25;
const HASH_UNSORTED: u8 = 2; // before 4.6
const OVERFLOW: u8 = 7;
const HASH_META: u8 = 8;
const HASH: u8 = 13;

/// Kinds of items: bytes of their own, and bytes that are elsewhere. Those of duplicates are none of rpm's.
const KEYDATA: u8 = 1;
const OFFPAGE: u8 = 3;

/// The most pages that are read, which is many times as many as rpm has had: a file of holes would else take hours.
const MOST_PAGES: u32 = 1 << 20;

/// The order of the bytes of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

impl Order {
    /// The number of four bytes at `at`.
    fn long(self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Little => u32::from_le_bytes(*bytes),
            Self::Big => u32::from_be_bytes(*bytes),
        })
    }

    /// The number of two bytes at `at`.
    fn short(self, bytes: &[u8], at: usize) -> Option<usize> {
        let bytes = bytes.get(at..)?.first_chunk()?;
        Some(usize::from(match self {
            Self::Little => u16::from_le_bytes(*bytes),
            Self::Big => u16::from_be_bytes(*bytes),
        }))
    }
}

/// What the first page says of all.
#[derive(Debug)]
struct Meta {
    order: Order,
    page: usize,
    last: u32,
}

impl Meta {
    fn parse(head: &[u8]) -> Result<Self, &'static str> {
        let mut orders = [Order::Little, Order::Big].into_iter();
        let order = orders.find(|order| order.long(head, 12) == Some(MAGIC)).ok_or("not a hash of Berkeley DB")?;
        let long = |at| order.long(head, at).unwrap_or_default();
        if !VERSIONS.contains(&long(16)) || head.get(TYPE) != Some(&HASH_META) {
            return Err("a Berkeley DB of another version than those that are read");
        }
        if head.get(24) != Some(&0) || head.get(26) != Some(&0) {
            return Err("a Berkeley DB that is encrypted, in parts or with checksums, which rpm's is not");
        }
        let page = usize::try_from(long(20)).ok().filter(|page| page.is_power_of_two() && (META..=LARGEST_PAGE).contains(page));
        Ok(Self { order, page: page.ok_or("the size of a page is none")?, last: long(32) })
    }

    /// How many pages a file of `size` bytes has.
    fn pages_in(&self, size: u64) -> u64 {
        u64::try_from(self.page).ok().and_then(|page| size.checked_div(page)).unwrap_or_default()
    }
}

/// Hands over the packages of a database in a file of `size` bytes, and returns what it came past. Each page is read twice at most.
pub(super) fn headers<P: Pages, E>(pages: P, size: u64, most: usize, take: Take<'_, E>) -> Result<Passed, Stopped<P::Error, E>> {
    let mut walk = Walk::begin(pages, size, most)?;
    let mut passed = Passed::default();
    walk.look_at_the_end(size, &mut passed);
    let mut page = Vec::new();
    for number in 1..walk.count {
        if walk.known(number).is_some_and(|known| *known == Known::Value) {
            continue;
        }
        walk.page(number, &mut page)?;
        if !matches!(page.get(TYPE), Some(&(HASH | HASH_UNSORTED))) {
            continue;
        }
        match items(&page, number, walk.meta.order) {
            Ok(items) => {
                for &[key, value] in items.as_chunks::<2>().0 {
                    walk.record((key, value), &mut passed, take)?;
                }
            }
            Err(what) => passed.note(what),
        }
    }
    Ok(passed)
}

/// The items of a page of a bucket. Some that overlap would make more headers than the file has bytes.
fn items(page: &[u8], number: u32, order: Order) -> Result<Vec<&[u8]>, &'static str> {
    if order.long(page, 8) != Some(number) {
        return Err("a page has the number of another");
    }
    let count = order.short(page, 20).unwrap_or_default();
    let lowest = HEAD + 2 * count;
    let (mut items, mut end) = (Vec::new(), page.len());
    for n in 0..count {
        let at = order.short(page, HEAD + 2 * n).filter(|at| (lowest..end).contains(at));
        let at = at.ok_or("items of a page overlap")?;
        items.push(page.get(at..end).unwrap_or_default());
        end = at;
    }
    if items.len().is_multiple_of(2) { Ok(items) } else { Err("a key has no value") }
}

/// What a walk knows of a page: none is read as an overflow page twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Nothing,
    /// It has a part of a value, and is nothing else.
    Value,
    /// It was taken for an overflow page, and is none.
    Other,
}

/// One walk through a database.
struct Walk<P> {
    pages: P,
    meta: Meta,
    /// How many pages are read.
    count: u32,
    most: usize,
    /// Of each page.
    known: Vec<Known>,
    /// A value that has overflow pages.
    value: Vec<u8>,
}

impl<P: Pages> Walk<P> {
    fn begin(mut pages: P, size: u64, most: usize) -> Result<Self, Trouble<P::Error>> {
        if usize::try_from(size).is_ok_and(|size| size < META) {
            return Err(Trouble::Malformed("not a hash of Berkeley DB"));
        }
        let mut head = [0; META];
        pages.read(0, &mut head).map_err(Trouble::Read)?;
        let meta = Meta::parse(&head).map_err(Trouble::Malformed)?;
        let count = u32::try_from(meta.pages_in(size)).unwrap_or(MOST_PAGES).min(MOST_PAGES);
        let known = vec![Known::Nothing; usize::try_from(count).unwrap_or_default()];
        Ok(Self { pages, meta, count, most, known, value: Vec::new() })
    }

    /// Whether the file has the pages that it should have, and no more than are read.
    fn look_at_the_end(&self, size: u64, passed: &mut Passed) {
        let pages = self.meta.pages_in(size);
        if pages > u64::from(self.count) {
            passed.note("there are more pages than are read of a database");
        }
        if pages <= u64::from(self.meta.last) {
            passed.note("the file ends before its last page");
        }
    }

    fn known(&mut self, number: u32) -> Option<&mut Known> {
        usize::try_from(number).ok().and_then(|number| self.known.get_mut(number))
    }

    fn page(&mut self, number: u32, into: &mut Vec<u8>) -> Result<(), Trouble<P::Error>> {
        into.resize(self.meta.page, 0);
        let size = u64::try_from(self.meta.page).unwrap_or(u64::MAX);
        self.pages.read(u64::from(number).saturating_mul(size), into).map_err(Trouble::Read)
    }

    /// Hands over the package of a record. What is wrong with one record says nothing of the next.
    fn record<E>(
        &mut self,
        (key, value): (&[u8], &[u8]),
        passed: &mut Passed,
        take: Take<'_, E>,
    ) -> Result<(), Stopped<P::Error, E>> {
        let number = match key {
            [KEYDATA, number @ ..] if number.len() == 4 => self.meta.order.long(number, 0),
            _ => None,
        };
        match number {
            Some(0) => {}
            Some(number) => match self.header(value) {
                Ok(Some(header)) => take(i64::from(number), header).map_err(Stopped::Each)?,
                Ok(None) => passed.note_long(),
                Err(Trouble::Malformed(what)) => passed.note(what),
                Err(trouble) => Err(trouble)?,
            },
            None => passed.note("a key is none of a package"),
        }
        Ok(())
    }

    /// The header that an item is, or has on overflow pages; none if it is too long.
    fn header<'b>(&'b mut self, value: &'b [u8]) -> Result<Option<&'b [u8]>, Trouble<P::Error>> {
        match value {
            [KEYDATA, header @ ..] => Ok(Some(header).filter(|header| header.len() <= self.most)),
            [OFFPAGE, place @ ..] if place.len() == 11 => {
                let long = |at| self.meta.order.long(place, at).unwrap_or_default();
                let (first, length) = (long(3), usize::try_from(long(7)).unwrap_or(usize::MAX));
                if length > self.most {
                    return Ok(None);
                }
                self.collect(first, length)?;
                Ok(Some(self.value.as_slice()))
            }
            _ => Err(Trouble::Malformed("a value is of a kind that rpm has not")),
        }
    }

    /// Reads a value of `length` bytes that begins on the overflow page `next`.
    fn collect(&mut self, mut next: u32, length: usize) -> Result<(), Trouble<P::Error>> {
        self.value.clear();
        let mut page = Vec::new();
        while let Some(missing) = length.checked_sub(self.value.len()).filter(|missing| *missing > 0) {
            next = self.append(next, missing, &mut page)?;
        }
        if next == 0 { Ok(()) } else { Err(Trouble::Malformed("a value has more overflow pages than bytes")) }
    }

    /// Adds what an overflow page has to the value, and returns the page that follows.
    fn append(&mut self, number: u32, missing: usize, page: &mut Vec<u8>) -> Result<u32, Trouble<P::Error>> {
        match self.known(number).filter(|_| number > 0) {
            None => return Err(Trouble::Malformed("an overflow page is not in the file")),
            Some(Known::Value) => return Err(Trouble::Malformed("an overflow page has two values")),
            Some(Known::Other) => return Err(Trouble::Malformed("a page is no overflow page")),
            Some(known) => *known = Known::Other,
        }
        self.page(number, page)?;
        let bytes = spilled(page, number, self.meta.order).filter(|bytes| (1..=missing).contains(&bytes.len()));
        self.value.extend_from_slice(bytes.ok_or(Trouble::Malformed("a page is no overflow page"))?);
        if let Some(known) = self.known(number) {
            *known = Known::Value;
        }
        Ok(self.meta.order.long(page, 16).unwrap_or_default())
    }
}

/// What an overflow page has of a value.
fn spilled(page: &[u8], number: u32, order: Order) -> Option<&[u8]> {
    let is_one = page.get(TYPE) == Some(&OVERFLOW) && order.long(page, 8) == Some(number);
    page.get(HEAD..)?.get(..order.short(page, 22)?).filter(|_| is_one)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::collections::BTreeMap;

    use super::super::passed::tests::{Found, found};
    use super::*;

    const PAGE: usize = 512;

    /// Writes pages of 512 bytes.
    #[derive(Clone, Copy)]
    struct Maker(Order);

    impl Maker {
        fn long(self, number: u32) -> [u8; 4] {
            if self.0 == Order::Little { number.to_le_bytes() } else { number.to_be_bytes() }
        }

        fn short(self, number: usize) -> [u8; 2] {
            let number = u16::try_from(number).unwrap();
            if self.0 == Order::Little { number.to_le_bytes() } else { number.to_be_bytes() }
        }

        fn meta(self, last: u32) -> Vec<u8> {
            let mut page = vec![0; PAGE];
            for (at, number) in [(12, MAGIC), (16, 9), (20, 512), (32, last)] {
                page[at..][..4].copy_from_slice(&self.long(number));
            }
            page[TYPE] = HASH_META;
            page
        }

        fn page(self, number: u32, next: u32, kind: u8) -> Vec<u8> {
            let mut page = vec![0; PAGE];
            page[8..12].copy_from_slice(&self.long(number));
            page[16..20].copy_from_slice(&self.long(next));
            page[TYPE] = kind;
            page
        }

        fn overflow(self, number: u32, next: u32, bytes: &[u8]) -> Vec<u8> {
            let mut page = self.page(number, next, OVERFLOW);
            page[22..24].copy_from_slice(&self.short(bytes.len()));
            page[HEAD..][..bytes.len()].copy_from_slice(bytes);
            page
        }

        fn bucket(self, number: u32, kind: u8, items: &[Vec<u8>]) -> Vec<u8> {
            let mut page = self.page(number, 0, kind);
            page[20..22].copy_from_slice(&self.short(items.len()));
            let mut at = PAGE;
            for (n, item) in items.iter().enumerate() {
                at -= item.len();
                page[at..][..item.len()].copy_from_slice(item);
                page[HEAD + 2 * n..][..2].copy_from_slice(&self.short(at));
            }
            page
        }

        fn key(self, number: u32) -> Vec<u8> {
            own(&self.long(number))
        }

        fn elsewhere(self, first: u32, length: u32) -> Vec<u8> {
            [&[OFFPAGE, 0xee, 0xee, 0xee][..], &self.long(first), &self.long(length)].concat()
        }

        /// Six pages: metadata, two buckets, and two overflow pages with one between them that is free.
        fn database(self) -> Vec<u8> {
            let (first, last) = (long_header()[..486].to_vec(), long_header()[486..].to_vec());
            let items = [self.key(0), own(&self.long(3)), self.key(1), own(b"\xffone"), self.key(2), self.elsewhere(3, 600)];
            [
                self.meta(5),
                self.bucket(1, HASH, &items),
                self.bucket(2, HASH_UNSORTED, &[self.key(3), own(b"three")]),
                self.overflow(3, 5, &first),
                self.page(4, 0, 0),
                self.overflow(5, 0, &last),
            ]
            .concat()
        }
    }

    fn own(bytes: &[u8]) -> Vec<u8> {
        [&[KEYDATA][..], bytes].concat()
    }

    fn long_header() -> Vec<u8> {
        (0..600_u32).map(|n| n.to_le_bytes()[0]).collect()
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
    fn packages_of_both_orders_of_bytes() {
        for order in [Order::Little, Order::Big] {
            let mut bytes = Maker(order).database();
            let expected = vec![(1, b"\xffone".to_vec()), (2, long_header()), (3, b"three".to_vec())];
            assert_eq!(all(&bytes, 1 << 20), Ok((expected.clone(), Passed::default())), "{order:?}");
            bytes[if order == Order::Little { 16 } else { 19 }] = 8;
            assert_eq!(all(&bytes, 600), Ok((expected, Passed::default())), "{order:?}");
        }
    }

    #[test]
    fn long_headers_are_counted() {
        let bytes = Maker(Order::Little).database();
        let long = |long| Passed { long, ..Passed::default() };
        assert_eq!(numbers(&bytes, 599), (vec![1, 3], long(1)));
        assert_eq!(numbers(&bytes, 3), (vec![], long(3)));
    }

    #[test]
    fn what_is_no_database_is_said() {
        let bytes = Maker(Order::Little).database();
        for (at, byte, why) in [
            (12, 0, "not a hash of Berkeley DB"),
            (16, 7, "a Berkeley DB of another version than those that are read"),
            (16, 11, "a Berkeley DB of another version than those that are read"),
            (25, 9, "a Berkeley DB of another version than those that are read"),
            (24, 1, "a Berkeley DB that is encrypted, in parts or with checksums, which rpm's is not"),
            (26, 1, "a Berkeley DB that is encrypted, in parts or with checksums, which rpm's is not"),
            (21, 3, "the size of a page is none"),
            (21, 1, "the size of a page is none"),
            (23, 1, "the size of a page is none"),
        ] {
            let mut bytes = bytes.clone();
            bytes[at] = byte;
            assert_eq!(all(&bytes, 600), Err(Trouble::Malformed(why)), "{at}");
        }
        assert_eq!(all(&bytes[..511], 600), Err(Trouble::Malformed("not a hash of Berkeley DB")));
        let mut take = |_: i64, _: &[u8]| Ok::<_, ()>(());
        let cut = headers(&bytes[..1000], 6 * 512, 600, &mut take);
        assert_eq!(cut, Err(Stopped::Trouble(Trouble::Read("short"))));
        assert_eq!(headers(&bytes[..], 6 * 512, 600, &mut |number, _| Err(number)), Err(Stopped::Each(1)));
    }

    #[test]
    fn what_is_damaged_is_counted_and_hides_no_other() {
        let (one, value, overflow) = (512, 512 + 475, 512 * 3);
        let no_overflow = "a page is no overflow page";
        for (at, byte, what, left) in [
            (32, 6, "the file ends before its last page", vec![1, 2, 3]),
            (one + 8, 9, "a page has the number of another", vec![3]),
            (one + 20, 5, "a key has no value", vec![3]),
            (one + 20, 255, "items of a page overlap", vec![3]),
            (one + 27, 0, "items of a page overlap", vec![3]),
            (one + 497, 3, "a key is none of a package", vec![2, 3]),
            (one + 492, 4, "a value is of a kind that rpm has not", vec![2, 3]),
            (value + 4, 0, "an overflow page is not in the file", vec![1, 3]),
            (value + 4, 6, "an overflow page is not in the file", vec![1, 3]),
            (value + 4, 2, no_overflow, vec![1, 3]),
            (value + 8, 0x57, no_overflow, vec![1, 3]),
            (value + 8, 0x59, "an overflow page is not in the file", vec![1, 3]),
            (overflow + 16, 3, "an overflow page has two values", vec![1, 3]),
            (overflow + 8, 4, no_overflow, vec![1, 3]),
            (overflow + 23, 2, no_overflow, vec![1, 3]),
            (overflow + 25, 0, no_overflow, vec![1, 3]),
            (512 * 5 + 22, 0, no_overflow, vec![1, 3]),
            (512 * 5 + 16, 4, "a value has more overflow pages than bytes", vec![1, 3]),
        ] {
            let mut bytes = Maker(Order::Little).database();
            bytes[at] = byte;
            let (found, passed) = numbers(&bytes, 1 << 20);
            assert_eq!((found, passed.malformed), (left, BTreeMap::from([(what, 1)])), "{at}");
        }
    }

    /// Counts reads.
    struct Counted<'a>(&'a [u8], &'a Cell<usize>);

    impl Pages for Counted<'_> {
        type Error = &'static str;

        fn read(&mut self, offset: u64, into: &mut [u8]) -> Result<(), Self::Error> {
            self.1.set(self.1.get() + 1);
            self.0.read(offset, into)
        }
    }

    #[test]
    fn a_page_that_many_values_name_is_read_once_more() {
        let make = Maker(Order::Big);
        let items: Vec<_> = (1..=20).flat_map(|number| [make.key(number), make.elsewhere(1, 400)]).collect();
        let bytes = [make.meta(1), make.bucket(1, HASH, &items)].concat();
        let reads = Cell::new(0);
        let mut take = |_: i64, _: &[u8]| Ok::<_, ()>(());
        let passed = headers(Counted(&bytes, &reads), 1024, 400, &mut take).unwrap();
        assert_eq!((passed.malformed, reads.get()), (BTreeMap::from([("a page is no overflow page", 20)]), 3));
    }

    /// Metadata, and then nothing but zeros.
    struct Holes;

    impl Pages for Holes {
        type Error = &'static str;

        fn read(&mut self, offset: u64, into: &mut [u8]) -> Result<(), Self::Error> {
            into.fill(0);
            if offset == 0 {
                into.copy_from_slice(&Maker(Order::Little).meta(5));
            }
            Ok(())
        }
    }

    #[test]
    fn a_file_without_end_has_one() {
        let passed = headers(Holes, u64::MAX, 600, &mut |_, _| Err(())).unwrap();
        assert_eq!(passed.malformed, BTreeMap::from([("there are more pages than are read of a database", 1)]));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_to_an_end(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..4096)) {
            assert!(all(&bytes, 1 << 20).is_err());
            let bytes = [Maker(Order::Little).meta(5), bytes].concat();
            assert!(all(&bytes, 1 << 20).unwrap().0.iter().map(|(_, header)| header.len()).sum::<usize>() <= bytes.len());
        }

        #[test]
        fn any_change_of_a_database_is_read_to_an_end(
            changes in proptest::collection::vec((0..6 * 512_usize, 0..=255_u8), 1..40),
            is_big: bool,
        ) {
            let mut bytes = Maker(if is_big { Order::Big } else { Order::Little }).database();
            for (at, byte) in changes {
                if at >= 32 {
                    bytes[at] = byte;
                }
            }
            let (found, _) = all(&bytes, 1 << 20).unwrap();
            assert!(found.iter().map(|(_, header)| header.len()).sum::<usize>() <= bytes.len());
        }
    }
}
