//! Databases of bbolt (go.etcd.io/bbolt), in which containerd, the agent of ECS and older Podmans keep what they know. The
//! bytes of the file are in memory, and may be anything.
//!
//! | part | bytes, little-endian, as the processors that we know write them (bbolt, internal/common) |
//! |---|---|
//! | page | its number (8), kind (2), number of elements (2), how many pages behind it are its own as well (4); then its content |
//! | meta (kind 4), pages 0 and 1 | magic, version, size of a page, flags (4 each); the root bucket, free list, number of pages in use, number of the transaction, FNV-1a of all that (8 each) |
//! | branch (1) | elements: where the key is, counted from the element (4), its length (4), the page below (8) |
//! | leaf (2) | elements: whether the value is a bucket (4), where the key is (4), lengths of key and value, which stands behind it (4 each) |
//! | bucket | its root page (8), a sequence (8); where that page is 0, a leaf stands right behind |
//!
//! Its engine may write it meanwhile. It writes pages that are not in use, then the older of the two metas; so what the newer one leads to is
//! whole unless it was written more than once while it was read.
//!
//! **Invariant:** no page is gone through twice, and entries of a page have no more bytes than it: nothing here takes longer than the file
//! is large, whatever leads where.

use crate::model::little_endian::{long, short, word};

const MAGIC: u32 = 0xed0c_daed;
const VERSION: u32 = 2;
/// Bytes of a page's head.
const HEAD: usize = 16;
/// Bytes of an element, of whichever kind.
const ELEMENT: usize = 16;
/// Bytes of a bucket before its leaf.
const BUCKET: usize = 16;
/// Bytes of a meta, and those of them that its sum is made of.
const META: (usize, usize) = (64, 56);

const IS_BRANCH: u16 = 1;
const IS_LEAF: u16 = 2;
const IS_META: u16 = 4;

/// Sizes of a page: bbolt takes that of the machine's, or what it is told.
const SIZES: [usize; 7] = [1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15, 1 << 16];
/// Pages above each other. Each branch has two pages below it, so more are not needed for any file.
const DEPTH: usize = 32;

/// A database, as far as it was gone through.
#[derive(Debug)]
pub(super) struct Database<'a> {
    bytes: &'a [u8],
    /// Bytes of a page.
    page: usize,
    root: u64,
    /// Which pages were gone through.
    seen: Vec<bool>,
    /// What was wrong first, and how many pages could not be gone through to their end.
    trouble: Option<&'static str>,
    lost: u64,
}

/// A bucket: where its entries are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bucket<'a> {
    Page(u64),
    Inline(&'a [u8]),
}

/// What stands under a key.
#[derive(Debug, Clone, Copy)]
pub(super) enum Item<'a> {
    Value(&'a [u8]),
    Bucket(Bucket<'a>),
}

/// How far one bucket was gone through.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    /// What is to be entered next.
    next: Option<Bucket<'a>>,
    path: Vec<Node<'a>>,
}

impl<'a> Walk<'a> {
    /// Before the first entry of `bucket`.
    pub(super) fn new(bucket: Bucket<'a>) -> Self {
        Self { next: Some(bucket), path: Vec::new() }
    }
}

impl<'a> Database<'a> {
    /// The database in `bytes`: that of the newest transaction whose meta is whole.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, &'static str> {
        let first = Meta::at(bytes, 0);
        let second = match first {
            Some(first) => Meta::at(bytes, first.page).filter(|meta| meta.page == first.page),
            None => SIZES.iter().find_map(|size| Meta::at(bytes, *size).filter(|meta| meta.page == *size)),
        };
        let newest = first.into_iter().chain(second).max_by_key(|meta| meta.transaction);
        let Meta { page, root, .. } = newest.ok_or("neither of its two beginnings is that of a database of bbolt")?;
        let count = bytes.len().checked_div(page).unwrap_or_default();
        Ok(Self { bytes, page, root, seen: vec![false; count], trouble: None, lost: 0 })
    }

    /// The bucket that all others are in.
    pub(super) fn root(&self) -> Bucket<'a> {
        Bucket::Page(self.root)
    }

    /// The next entry of the bucket that `walk` goes through, with its key. A page that is malformed is passed over from there on, which
    /// [`Database::finish`] tells.
    pub(super) fn entry(&mut self, walk: &mut Walk<'a>) -> Option<(&'a [u8], Item<'a>)> {
        loop {
            if let Some(bucket) = walk.next.take() {
                match self.node(bucket, walk.path.len()) {
                    Ok(node) => walk.path.push(node),
                    Err(why) => self.lose(why),
                }
            }
            let node = walk.path.last_mut()?;
            match node.step() {
                Ok(Some(Step::Entry(key, item))) => return Some((key, item)),
                Ok(Some(Step::Below(page))) => walk.next = Some(Bucket::Page(page)),
                Ok(None) => {
                    walk.path.pop();
                }
                Err(why) => {
                    self.lose(why);
                    walk.path.pop();
                }
            }
        }
    }

    /// The bucket under `name` in `bucket`, which can be gone through no more.
    pub(super) fn child(&mut self, bucket: Bucket<'a>, name: &[u8]) -> Option<Bucket<'a>> {
        match self.find(bucket, name)? {
            Item::Bucket(bucket) => Some(bucket),
            Item::Value(_) => None,
        }
    }

    /// The value under `name` in `bucket`, which can be gone through no more.
    pub(super) fn value(&mut self, bucket: Bucket<'a>, name: &[u8]) -> Option<&'a [u8]> {
        match self.find(bucket, name)? {
            Item::Value(value) => Some(value),
            Item::Bucket(_) => None,
        }
    }

    fn find(&mut self, bucket: Bucket<'a>, name: &[u8]) -> Option<Item<'a>> {
        let mut walk = Walk::new(bucket);
        loop {
            let (key, item) = self.entry(&mut walk)?;
            if key == name {
                return Some(item);
            }
        }
    }

    /// Whether all that was to be gone through could be, and else why not.
    pub(super) fn finish(self) -> Result<(), String> {
        match self.trouble {
            None => Ok(()),
            Some(why) => Err(format!("{} of its pages could not be read to their end, the first because {why}", self.lost)),
        }
    }

    fn lose(&mut self, why: &'static str) {
        self.trouble = self.trouble.or(Some(why));
        self.lost = self.lost.saturating_add(1);
    }

    fn node(&mut self, bucket: Bucket<'a>, depth: usize) -> Result<Node<'a>, &'static str> {
        if depth >= DEPTH {
            return Err("too many pages are above each other");
        }
        match bucket {
            Bucket::Page(number) => Node::new(self.page(number)?),
            Bucket::Inline(bytes) => Node::new(bytes).and_then(|node| if node.is_leaf { Ok(node) } else { Err(OF_NO_TREE) }),
        }
    }

    /// A page and those that are its own as well.
    fn page(&mut self, number: u64) -> Result<&'a [u8], &'static str> {
        let (bytes, outside) = (self.bytes, "a page is not in the file");
        // The first two are metas.
        let first = usize::try_from(number).ok().filter(|first| *first > 1).ok_or(outside)?;
        let rest = first.checked_mul(self.page).and_then(|at| bytes.get(at..)).ok_or(outside)?;
        let (found, more) = (long(rest, 0).ok_or(outside)?, word(rest, 12).ok_or(outside)?);
        if found != number {
            return Err("a page bears another number than its own");
        }
        let count = usize::try_from(more).ok().and_then(|more| more.checked_add(1)).ok_or(outside)?;
        let end = first.checked_add(count).ok_or(outside)?;
        let pages = self.seen.get_mut(first..end).ok_or(outside)?;
        if pages.contains(&true) {
            return Err("a page is in two places");
        }
        pages.fill(true);
        count.checked_mul(self.page).and_then(|length| rest.get(..length)).ok_or(outside)
    }
}

/// What one of the first two pages says.
#[derive(Debug, Clone, Copy)]
struct Meta {
    page: usize,
    root: u64,
    transaction: u64,
}

impl Meta {
    /// The meta on the page that begins at `at`, if it is whole.
    fn at(bytes: &[u8], at: usize) -> Option<Self> {
        let page = bytes.get(at..)?;
        let meta = page.get(HEAD..HEAD + META.0)?;
        let summed = meta.get(..META.1)?;
        let is_meta = short(page, 8) == Some(IS_META) && word(meta, 0) == Some(MAGIC) && word(meta, 4) == Some(VERSION);
        if !is_meta || long(meta, META.1) != Some(fnv1a(summed)) {
            return None;
        }
        let size = usize::try_from(word(meta, 8)?).ok().filter(|size| SIZES.contains(size))?;
        Some(Self { page: size, root: long(meta, 16)?, transaction: long(meta, 48)? })
    }
}

/// The sum of 64 bits by Fowler, Noll and Vo, as Go's `hash/fnv` makes it with `New64a`.
fn fnv1a(bytes: &[u8]) -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    bytes.iter().fold(BASIS, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(PRIME))
}

const OF_NO_TREE: &str = "a page is none of a tree";

/// A branch or a leaf, and how far a walk has come in it.
#[derive(Debug)]
struct Node<'a> {
    page: &'a [u8],
    is_leaf: bool,
    count: usize,
    next: usize,
    /// Bytes of its head, its elements, and the entries so far.
    taken: usize,
}

enum Step<'a> {
    Below(u64),
    Entry(&'a [u8], Item<'a>),
}

impl<'a> Node<'a> {
    fn new(page: &'a [u8]) -> Result<Self, &'static str> {
        let is_leaf = match short(page, 8) {
            Some(IS_LEAF) => true,
            Some(IS_BRANCH) => false,
            _ => return Err(OF_NO_TREE),
        };
        let count = short(page, 10).map(usize::from).ok_or(OF_NO_TREE)?;
        let taken = count.saturating_mul(ELEMENT).saturating_add(HEAD);
        if taken > page.len() {
            return Err("a page has more elements than there is room for");
        }
        Ok(Self { page, is_leaf, count, next: 0, taken })
    }

    /// What comes next on the page.
    fn step(&mut self) -> Result<Option<Step<'a>>, &'static str> {
        if self.next >= self.count {
            return Ok(None);
        }
        let at = self.next.saturating_mul(ELEMENT).saturating_add(HEAD);
        self.next = self.next.saturating_add(1);
        let outside = "an element is outside its page";
        if !self.is_leaf {
            return long(self.page, at.saturating_add(8)).map(|page| Some(Step::Below(page))).ok_or(outside);
        }
        let from = self.page.get(at..).ok_or(outside)?;
        let number = |at: usize| word(from, at).and_then(|number| usize::try_from(number).ok()).ok_or(outside);
        let [kind, start, key, value] = [number(0)?, number(4)?, number(8)?, number(12)?];
        self.taken = self.taken.saturating_add(key).saturating_add(value);
        if self.taken > self.page.len() {
            return Err("entries overlap");
        }
        let (key, behind) = from.get(start..).and_then(|rest| rest.split_at_checked(key)).ok_or(outside)?;
        let value = behind.get(..value).ok_or(outside)?;
        match (key.is_empty(), kind) {
            (false, 0) => Ok(Some(Step::Entry(key, Item::Value(value)))),
            (false, 1) => Ok(Some(Step::Entry(key, Item::Bucket(bucket(value).ok_or("a bucket is too short")?)))),
            _ => Err("an entry has no key, or a kind that is not known"),
        }
    }
}

fn bucket(value: &[u8]) -> Option<Bucket<'_>> {
    let inline = value.get(BUCKET..)?;
    Some(match long(value, 0)? {
        0 => Bucket::Inline(inline),
        page => Bucket::Page(page),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::containers::bolt_writer::{PAGE, bucket, database, value};

    type Found = (Vec<(Vec<u8>, Vec<u8>)>, Result<(), String>);

    /// All values, each with the keys that lead to it.
    fn all(bytes: &[u8]) -> Found {
        let mut database = match Database::open(bytes) {
            Ok(database) => database,
            Err(why) => return (Vec::new(), Err(why.to_owned())),
        };
        let (mut found, root) = (Vec::new(), database.root());
        below(&mut database, root, b"", &mut found);
        (found, database.finish())
    }

    fn below<'a>(database: &mut Database<'a>, bucket: Bucket<'a>, above: &[u8], found: &mut Vec<(Vec<u8>, Vec<u8>)>) {
        let mut walk = Walk::new(bucket);
        while let Some((key, item)) = database.entry(&mut walk) {
            let path = [above, b"/", key].concat();
            match item {
                Item::Value(value) => found.push((path, value.to_owned())),
                Item::Bucket(bucket) => below(database, bucket, &path, found),
            }
        }
    }

    /// Forty buckets, which makes two levels of branches, with a value in one and one that takes three pages.
    fn wide() -> Vec<u8> {
        let one = |n: u8| (vec![b'b', n], bucket([("long", value(vec![n; 2 * PAGE])), ("short", value([n]))]));
        let inline = ("inline", bucket([("empty", value("")), ("a\u{ff}", value("x"))]));
        database(&bucket([("none", bucket::<&str>([])), inline]).and((0..40).map(one)))
    }

    fn with(changes: &[(usize, u8)]) -> Found {
        let mut bytes = wide();
        changes.iter().for_each(|(at, byte)| bytes[*at] = *byte);
        all(&bytes)
    }

    #[test]
    fn values_are_found_through_branches_in_long_pages_and_in_buckets_that_stand_in_others() {
        let (found, whole) = all(&wide());
        assert_eq!((found.len(), whole), (82, Ok(())));
        let in_pages = found.iter().filter(|(path, _)| path.ends_with(b"/long")).map(|(_, value)| (value.len(), value[0]));
        assert!(in_pages.eq((0..40).map(|n| (2 * PAGE, n))));
        let inline: Vec<_> = found.iter().filter(|(path, _)| path.starts_with(b"/inline/")).cloned().collect();
        assert_eq!(inline, [(b"/inline/a\xc3\xbf".to_vec(), b"x".to_vec()), (b"/inline/empty".to_vec(), Vec::new())]);
    }

    #[test]
    fn a_name_is_looked_up() {
        let bytes = wide();
        let mut database = Database::open(&bytes).unwrap();
        let root = database.root();
        let bucket = database.child(root, b"b\x07").unwrap();
        assert_eq!(database.value(bucket, b"short"), Some(&[7][..]));
        assert!(database.child(bucket, b"none").is_none(), "it can be gone through no more");
        assert_eq!(
            database.finish().unwrap_err(),
            "1 of its pages could not be read to their end, the first because a page is in two places"
        );
    }

    #[test]
    fn the_newer_of_two_beginnings_that_are_whole_counts() {
        // The second is the newer one; the first leads to a database in which nothing is yet.
        assert_eq!(with(&[(PAGE + HEAD + 48, 0xff)]), (Vec::new(), Ok(())));
        let (found, whole) = with(&[(HEAD, 0)]);
        assert_eq!((found.len(), whole), (82, Ok(())));
        let none = "neither of its two beginnings is that of a database of bbolt".to_owned();
        assert_eq!(with(&[(HEAD, 0), (PAGE + HEAD, 0)]), (Vec::new(), Err(none)));
    }

    /// A database of one leaf, on page 4, with two entries. Its first element is at 16, the second at 32, and keys and values behind.
    fn leaf(changes: &[(usize, u8)]) -> Found {
        let mut bytes = database(&bucket([("a", value("one")), ("b", value("two"))]));
        changes.iter().for_each(|(at, byte)| bytes[4 * PAGE + at] = *byte);
        all(&bytes)
    }

    /// Bytes that are set, by their places.
    type Changes<'c> = &'c [(usize, u8)];

    #[test]
    fn what_is_malformed_is_said_and_the_rest_is_read() {
        assert_eq!(leaf(&[]).0, [(b"/a".to_vec(), b"one".to_vec()), (b"/b".to_vec(), b"two".to_vec())]);
        let cases: [(Changes<'_>, usize, &str); 11] = [
            (&[(0, 9)], 0, "a page bears another number than its own"),
            (&[(8, 0x10)], 0, "a page is none of a tree"),
            (&[(12, 1)], 0, "a page is not in the file"),
            (&[(11, 1)], 0, "a page has more elements than there is room for"),
            (&[(32 + 4, 0xff), (32 + 5, 0xff)], 1, "an element is outside its page"),
            (&[(32 + 4, 0xe0), (32 + 5, 3)], 1, "an element is outside its page"),
            (&[(32 + 13, 4)], 1, "entries overlap"),
            (&[(16 + 8, 0)], 0, "an entry has no key, or a kind that is not known"),
            (&[(32, 2)], 1, "an entry has no key, or a kind that is not known"),
            (&[(32, 1)], 1, "a bucket is too short"),
            (&[(8, 1)], 0, "a page is not in the file"),
        ];
        for (changes, count, why) in cases {
            let (found, whole) = leaf(changes);
            assert_eq!(found.len(), count, "{changes:?}");
            assert!(whole.clone().is_err_and(|told| told.ends_with(why)), "{changes:?}: {whole:?}");
        }
    }

    #[test]
    fn one_page_that_is_malformed_costs_what_it_leads_to_and_no_more() {
        let bytes = wide();
        let is_page = |page: &usize| long(&bytes, page * PAGE) == u64::try_from(*page).ok();
        let is_long = |page: &usize| bytes[page * PAGE + 8] == 2 && bytes[page * PAGE + 12] > 0;
        let leaves: Vec<_> = (4..bytes.len() / PAGE).filter(|page| is_page(page) && is_long(page)).collect();
        assert_eq!(leaves.len(), 40, "each of the buckets has a leaf that takes more than a page");
        let (found, whole) = with(&[(leaves[3] * PAGE + 8, 0)]);
        assert_eq!((found.len(), whole.is_err()), (80, true));
    }

    #[test]
    fn a_circle_and_a_file_that_is_cut_off_end() {
        let mut bytes = database(&bucket((0..6_u8).map(|n| (vec![n], value([n])))));
        let branch = (4..bytes.len() / PAGE).find(|page| bytes[page * PAGE + 8] == 1).unwrap();
        // The page below the second element.
        bytes[branch * PAGE + HEAD + ELEMENT + 8] = u8::try_from(branch).unwrap();
        let (found, whole) = all(&bytes);
        assert!(found.len() == 4 && whole.unwrap_err().ends_with("a page is in two places"), "{found:?}");
        let bytes = wide();
        let (found, whole) = all(&bytes[..bytes.len() / 2]);
        assert!(found.len() < 82 && whole.is_err());
    }

    #[test]
    fn the_sum_is_that_of_others() {
        // Of the test vectors of its authors (http://www.isthe.com/chongo/src/fnv/test_fnv.c).
        assert_eq!(
            (fnv1a(b""), fnv1a(b"a"), fnv1a(b"foobar")),
            (0xcbf2_9ce4_8422_2325, 0xaf63_dc4c_8601_ec8c, 0x8594_4171_f739_67e8)
        );
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_to_an_end(bytes: Vec<u8>) {
            assert!(all(&bytes).1.is_err());
        }

        #[test]
        fn any_change_of_a_database_is_read_to_an_end(changes in proptest::collection::vec((0..1_usize << 20, 0..=255_u8), 1..40)) {
            let mut bytes = wide();
            let behind = bytes.len() - 2 * PAGE;
            changes.iter().for_each(|(at, byte)| bytes[2 * PAGE + at % behind] = *byte);
            let (found, _) = all(&bytes);
            assert!(found.iter().map(|(_, value)| value.len()).sum::<usize>() <= bytes.len());
        }
    }
}
