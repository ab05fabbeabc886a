//! Makes databases of bbolt, for tests of what reads them.

/// Bytes of a page.
pub(super) const PAGE: usize = 1024;

/// The most entries of a page: so few that small databases have branches.
const MOST: usize = 4;

const HEAD: usize = 16;
const ELEMENT: usize = 16;

/// What stands under a key.
pub(super) enum Entry {
    Value(Vec<u8>),
    Bucket(Vec<(Vec<u8>, Entry)>),
}

/// A value.
pub(super) fn value(bytes: impl AsRef<[u8]>) -> Entry {
    Entry::Value(bytes.as_ref().to_owned())
}

/// A bucket with these entries.
pub(super) fn bucket<K: AsRef<[u8]>>(entries: impl IntoIterator<Item = (K, Entry)>) -> Entry {
    Entry::Bucket(Vec::new()).and(entries)
}

impl Entry {
    /// The bucket with more entries.
    pub(super) fn and<K: AsRef<[u8]>>(self, more: impl IntoIterator<Item = (K, Entry)>) -> Self {
        let Self::Bucket(mut entries) = self else { panic!("a value has no entries") };
        entries.extend(more.into_iter().map(|(key, entry)| (key.as_ref().to_owned(), entry)));
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        Self::Bucket(entries)
    }
}

/// A database in which the bucket `root` is that of all others. Its older meta leads to an empty leaf on page 3.
pub(super) fn database(root: &Entry) -> Vec<u8> {
    let Entry::Bucket(entries) = root else { panic!("the root is a bucket") };
    let mut writer = Writer { bytes: vec![0; 3 * PAGE] };
    let older = writer.add(2, 0, &[]);
    let encoded = writer.encoded(entries);
    let newer = writer.tree(&encoded);
    let (pages, mut bytes) = (writer.bytes.len() / PAGE, writer.bytes);
    for (number, root) in [older, newer].into_iter().enumerate() {
        let page = [head(number, 4, 0, 0), meta(root, pages, 2 + number)].concat();
        bytes[number * PAGE..][..page.len()].copy_from_slice(&page);
    }
    let free = head(2, 0x10, 0, 0);
    bytes[2 * PAGE..][..free.len()].copy_from_slice(&free);
    bytes
}

fn number(number: usize, width: usize) -> Vec<u8> {
    u64::try_from(number).unwrap().to_le_bytes()[..width].to_vec()
}

fn head(page: usize, kind: usize, count: usize, more: usize) -> Vec<u8> {
    [number(page, 8), number(kind, 2), number(count, 2), number(more, 4)].concat()
}

fn meta(root: usize, pages: usize, transaction: usize) -> Vec<u8> {
    let sizes = [0xed0c_daed, 2, PAGE, 0].map(|word| number(word, 4)).concat();
    let places = [root, 0, 2, pages, transaction].map(|long| number(long, 8)).concat();
    let summed = [sizes, places].concat();
    let sum = summed.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, b| (sum ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3));
    [summed, sum.to_le_bytes().to_vec()].concat()
}

/// Key, kind and value of an element of a leaf.
type Encoded = (Vec<u8>, usize, Vec<u8>);

/// The content of a leaf behind its head.
fn leaf(entries: &[Encoded]) -> Vec<u8> {
    let (mut elements, mut data) = (Vec::new(), Vec::new());
    for (n, (key, kind, value)) in entries.iter().enumerate() {
        let start = ELEMENT * (entries.len() - n) + data.len();
        elements.extend([*kind, start, key.len(), value.len()].map(|word| number(word, 4)).concat());
        data.extend([key.as_slice(), value].concat());
    }
    [elements, data].concat()
}

/// The content of a branch behind its head.
fn branch(children: &[(Vec<u8>, usize)]) -> Vec<u8> {
    let (mut elements, mut data) = (Vec::new(), Vec::new());
    for (n, (key, page)) in children.iter().enumerate() {
        let start = ELEMENT * (children.len() - n) + data.len();
        elements.extend([number(start, 4), number(key.len(), 4), number(*page, 8)].concat());
        data.extend_from_slice(key);
    }
    [elements, data].concat()
}

struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Adds a page, and as many as it needs more. Returns its number.
    fn add(&mut self, kind: usize, count: usize, content: &[u8]) -> usize {
        let page = self.bytes.len() / PAGE;
        let pages = (HEAD + content.len()).div_ceil(PAGE);
        self.bytes.extend([&head(page, kind, count, pages - 1)[..], content].concat());
        self.bytes.resize((page + pages) * PAGE, 0);
        page
    }

    fn encoded(&mut self, entries: &[(Vec<u8>, Entry)]) -> Vec<Encoded> {
        let mut encoded = Vec::new();
        for (key, entry) in entries {
            encoded.push(match entry {
                Entry::Value(value) => (key.clone(), 0, value.clone()),
                Entry::Bucket(entries) => (key.clone(), 1, self.bucket(entries)),
            });
        }
        encoded
    }

    /// The value of a bucket. As bbolt has it, a small one in which there is no other stands in the value itself.
    fn bucket(&mut self, entries: &[(Vec<u8>, Entry)]) -> Vec<u8> {
        let encoded = self.encoded(entries);
        let inline = leaf(&encoded);
        let is_plain = encoded.iter().all(|(_, kind, _)| *kind == 0);
        if is_plain && HEAD + inline.len() <= PAGE / 4 {
            return [number(0, 8), number(0, 8), head(0, 2, encoded.len(), 0), inline].concat();
        }
        [number(self.tree(&encoded), 8), number(0, 8)].concat()
    }

    /// Adds leaves and the branches above them. Returns the number of the topmost page.
    fn tree(&mut self, encoded: &[Encoded]) -> usize {
        if encoded.is_empty() {
            return self.add(2, 0, &[]);
        }
        let mut level: Vec<(Vec<u8>, usize)> = Vec::new();
        for few in encoded.chunks(MOST) {
            level.push((few[0].0.clone(), self.add(2, few.len(), &leaf(few))));
        }
        while level.len() > 1 {
            let mut above = Vec::new();
            for few in level.chunks(MOST) {
                above.push((few[0].0.clone(), self.add(1, few.len(), &branch(few))));
            }
            level = above;
        }
        level[0].1
    }
}
