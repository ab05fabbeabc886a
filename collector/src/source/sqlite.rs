//! The rows of a table of a SQLite database (<https://www.sqlite.org/fileformat2.html>), page by page and never the whole file.
//!
//! Of a database in WAL mode, this is what was checkpointed: what a `-wal` beside it holds is newer, and is not read.

use super::pages::{Pages, Stopped, Trouble};

/// A value of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) enum Value<'a> {
    Null,
    Int(i64),
    Real,
    Text(&'a [u8]),
    Blob(&'a [u8]),
}

/// A row of a table.
#[derive(Debug, Clone, Copy)]
pub(in crate::source) struct Row<'a> {
    /// The rowid; a column `INTEGER PRIMARY KEY` is this, and `Null` in the row.
    pub(in crate::source) id: i64,
    record: &'a [u8],
}

impl<'a> Row<'a> {
    /// The value of column `n`, from 0; none where the row has not so many, or is malformed.
    pub(in crate::source) fn column(&self, n: usize) -> Option<Value<'a>> {
        let (length, width) = varint(self.record)?;
        let (header, mut body) = self.record.split_at_checked(usize::try_from(length).ok()?)?;
        let mut types = header.get(width..)?;
        for _ in 0..n {
            let (kind, width) = varint(types)?;
            types = types.get(width..)?;
            body = body.get(width_of(kind)?..)?;
        }
        let (kind, _) = varint(types)?;
        let bytes = body.get(..width_of(kind)?)?;
        Some(match kind {
            0 => Value::Null,
            1..=6 => Value::Int(int(bytes)),
            7 => Value::Real,
            8 => Value::Int(0),
            9 => Value::Int(1),
            _ if kind.is_multiple_of(2) => Value::Blob(bytes),
            _ => Value::Text(bytes),
        })
    }
}

/// How many bytes a value has, by its serial type.
fn width_of(kind: u64) -> Option<usize> {
    match kind {
        0 | 8 | 9 => Some(0),
        1..=4 => usize::try_from(kind).ok(),
        5 => Some(6),
        6 | 7 => Some(8),
        10 | 11 => None,
        _ => usize::try_from(kind.saturating_sub(12) / 2).ok(),
    }
}

/// A big-endian integer of up to eight bytes, with a sign.
fn int(bytes: &[u8]) -> i64 {
    let sign = if bytes.first().is_some_and(|b| *b >= 0x80) { -1 } else { 0 };
    bytes.iter().fold(sign, |value, b| (value << 8) | i64::from(*b))
}

/// A varint and how many bytes it has: seven bits of each, and all eight of the ninth.
fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for (b, width) in bytes.iter().zip(1..=9) {
        if width == 9 {
            return Some(((value << 8) | u64::from(*b), width));
        }
        value = (value << 7) | u64::from(*b & 0x7f);
        if *b < 0x80 {
            return Some((value, width));
        }
    }
    None
}

fn be16(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..)?.first_chunk().map(|b| usize::from(u16::from_be_bytes(*b)))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_be_bytes(*b))
}

/// The header of the file, before the b-tree of the first page.
const HEADER: usize = 100;
const MAGIC: &[u8] = b"SQLite format 3\0";
/// SQLite goes no deeper into a b-tree (`BTCURSOR_MAX_DEPTH`).
const DEPTH: usize = 20;
/// The most bytes of a line of `sqlite_schema` that are held in memory.
const SCHEMA: usize = 64 << 10;

/// A database.
#[derive(Debug)]
pub(in crate::source) struct Database<P> {
    pages: P,
    page: usize,
    /// Bytes of a page but for those reserved for extensions.
    usable: usize,
    /// How many pages the file has. The header's own count is stale where an old SQLite wrote, and may lie.
    count: u64,
}

impl<P: Pages> Database<P> {
    /// The database in a file of `size` bytes.
    pub(in crate::source) fn open(mut pages: P, size: u64) -> Result<Self, Trouble<P::Error>> {
        let mut header = [0; HEADER];
        pages.read(0, &mut header).map_err(Trouble::Read)?;
        let (page, usable) = sizes(&header).map_err(Trouble::Malformed)?;
        let count = u64::try_from(page).ok().and_then(|page| size.checked_div(page)).unwrap_or_default();
        Ok(Self { pages, page, usable, count })
    }

    /// The first page of an ordinary table.
    pub(in crate::source) fn root(&mut self, table: &str) -> Result<Option<u32>, Trouble<P::Error>> {
        let found = self.rows(1, SCHEMA, &mut |row| {
            let is = |n, text: &[u8]| matches!(row.column(n), Some(Value::Text(found)) if found.eq_ignore_ascii_case(text));
            match row.column(3) {
                Some(Value::Int(page)) if is(0, b"table") && is(1, table.as_bytes()) => Err(page),
                _ => Ok(()),
            }
        });
        match found {
            Ok(_) => Ok(None),
            Err(Stopped::Each(page)) => Ok(u32::try_from(page).ok().filter(|page| *page > 0)), // a virtual table has no page
            Err(Stopped::Trouble(trouble)) => Err(trouble),
        }
    }

    /// Hands over the rows of the table whose first page is `root`, in the order of their ids, and returns how many rows were
    /// passed over because they have more than `most` bytes. As many pages are read as the file has, at most.
    pub(in crate::source) fn rows<E>(
        &mut self,
        root: u32,
        most: usize,
        each: &mut dyn FnMut(Row<'_>) -> Result<(), E>,
    ) -> Result<u64, Stopped<P::Error, E>> {
        let mut walk = Walk { left: self.count, database: self, record: Vec::new(), spilled: Vec::new() };
        let mut path = vec![walk.node(root)?];
        let mut passed = 0_u64;
        loop {
            let depth = path.len();
            let Some(node) = path.last_mut() else { return Ok(passed) };
            match node.step(walk.database.usable).map_err(Trouble::Malformed)? {
                None => drop(path.pop()),
                Some(Step::Child(_)) if depth >= DEPTH => Err(Trouble::Malformed("a b-tree is too deep"))?,
                Some(Step::Child(number)) => path.push(walk.node(number)?),
                Some(Step::Cell(cell)) if cell.length > u64::try_from(most).unwrap_or(u64::MAX) => {
                    passed = passed.saturating_add(1)
                }
                Some(Step::Cell(cell)) => {
                    let record = walk.record(node, &cell)?;
                    each(Row { id: cell.id, record }).map_err(Stopped::Each)?;
                }
            }
        }
    }
}

/// Bytes of a page, and those of them that are used.
fn sizes(header: &[u8; HEADER]) -> Result<(usize, usize), &'static str> {
    if !header.starts_with(MAGIC) {
        return Err("not a SQLite database");
    }
    let page = match be16(header, 16) {
        Some(1) => 65536,
        Some(page) if page >= 512 && page.is_power_of_two() => page,
        _ => return Err("the size of a page is none"),
    };
    let usable = header.get(20).and_then(|reserved| page.checked_sub(usize::from(*reserved)));
    let usable = usable.filter(|usable| *usable >= 480).ok_or("too much of a page is reserved")?;
    match be32(header, 56) {
        Some(0 | 1) => Ok((page, usable)), // 0 before the first table
        _ => Err("text is not UTF-8"),
    }
}

/// One walk through a table.
struct Walk<'a, P> {
    database: &'a mut Database<P>,
    /// How many pages may still be read: in a tree none is read twice.
    left: u64,
    /// A record that has overflow pages, and the overflow page that was read last.
    record: Vec<u8>,
    spilled: Vec<u8>,
}

impl<P: Pages> Walk<'_, P> {
    fn page(&mut self, number: u32, into: &mut Vec<u8>) -> Result<(), Trouble<P::Error>> {
        let before = u64::from(number).checked_sub(1).filter(|before| *before < self.database.count);
        let size = self.database.page;
        let offset = before.and_then(|before| before.checked_mul(u64::try_from(size).ok()?));
        let offset = offset.ok_or(Trouble::Malformed("a page is not in the file"))?;
        self.left = self.left.checked_sub(1).ok_or(Trouble::Malformed("pages go in a circle"))?;
        into.resize(size, 0);
        self.database.pages.read(offset, into).map_err(Trouble::Read)?;
        into.truncate(self.database.usable);
        Ok(())
    }

    /// A page of the table's b-tree.
    fn node(&mut self, number: u32) -> Result<Node, Trouble<P::Error>> {
        let mut page = Vec::new();
        self.page(number, &mut page)?;
        Node::new(page, if number == 1 { HEADER } else { 0 }).ok_or(Trouble::Malformed("a page is none of a table"))
    }

    /// The bytes of a row, together with those on its overflow pages.
    fn record<'b>(&'b mut self, node: &'b Node, cell: &Cell) -> Result<&'b [u8], Trouble<P::Error>> {
        let short = Trouble::Malformed("a row has more bytes than its pages");
        let Some(local) = node.page.get(cell.at..).and_then(|cell_on| cell_on.get(..cell.local)) else { return Err(short) };
        let Some(mut next) = cell.overflow else { return Ok(local) };
        let length = usize::try_from(cell.length).unwrap_or(usize::MAX);
        let a_page = u64::try_from(self.database.usable).unwrap_or(u64::MAX);
        if cell.length / a_page > self.left {
            return Err(short); // before anything is set aside for it
        }
        self.record.clear();
        self.record.reserve_exact(length);
        self.record.extend_from_slice(local);
        while let Some(missing) = length.checked_sub(self.record.len()).filter(|missing| *missing > 0) {
            let mut page = std::mem::take(&mut self.spilled);
            self.page(next, &mut page)?;
            let (after, bytes) = (be32(&page, 0).unwrap_or_default(), page.get(4..).unwrap_or_default());
            self.record.extend_from_slice(bytes.get(..missing).unwrap_or(bytes));
            (next, self.spilled) = (after, page);
        }
        Ok(&self.record)
    }
}

/// A page of a table's b-tree, and how far a walk has come in it.
struct Node {
    page: Vec<u8>,
    /// Where its array of cells begins.
    array: usize,
    cells: usize,
    next: usize,
    /// Bytes of the cells so far. Cells that overlap would make more rows than the file has bytes.
    taken: usize,
    /// The last child of an interior page; a leaf has none.
    right: Option<u32>,
}

enum Step {
    Child(u32),
    Cell(Cell),
}

/// A row on a leaf.
struct Cell {
    id: i64,
    /// Bytes of the record, and those of them that are on the leaf.
    length: u64,
    local: usize,
    /// Where these begin.
    at: usize,
    /// The page of the others.
    overflow: Option<u32>,
}

impl Node {
    fn new(page: Vec<u8>, at: usize) -> Option<Self> {
        let header = page.get(at..)?;
        let (length, right) = match header.first()? {
            5 => (12, Some(be32(header, 8)?)),
            13 => (8, None),
            _ => return None,
        };
        let cells = be16(header, 3)?;
        Some(Self { array: at.checked_add(length)?, cells, next: 0, taken: 0, right, page })
    }

    /// What comes next on the page.
    fn step(&mut self, usable: usize) -> Result<Option<Step>, &'static str> {
        let index = self.next;
        self.next = index.saturating_add(1);
        if index >= self.cells {
            return Ok(self.right.filter(|_| index == self.cells).map(Step::Child));
        }
        let outside = "a cell is outside its page";
        let at = index.checked_mul(2).and_then(|by| be16(&self.page, self.array.checked_add(by)?)).ok_or(outside)?;
        if self.right.is_some() {
            return be32(&self.page, at).map(|child| Some(Step::Child(child))).ok_or(outside);
        }
        let cell = cell(&self.page, at, usable).ok_or(outside)?;
        self.taken = self.taken.saturating_add(cell.local);
        if self.taken > usable {
            return Err("cells overlap");
        }
        Ok(Some(Step::Cell(cell)))
    }
}

/// The cell of a leaf at `at`: two varints, the record, and the overflow page where the record is too long for the leaf.
fn cell(page: &[u8], at: usize, usable: usize) -> Option<Cell> {
    let (length, width) = varint(page.get(at..)?)?;
    let at = at.checked_add(width)?;
    let (id, width) = varint(page.get(at..)?)?;
    let at = at.checked_add(width)?;
    let most = usable.checked_sub(35)?;
    let least = usable.checked_sub(12)?.checked_mul(32)?.checked_div(255)?.checked_sub(23)?;
    if let Some(local) = usize::try_from(length).ok().filter(|length| *length <= most) {
        return Some(Cell { id: id.cast_signed(), length, local, at, overflow: None });
    }
    let behind = length.checked_sub(u64::try_from(least).ok()?)?.checked_rem(u64::try_from(usable.checked_sub(4)?).ok()?)?;
    let local = Some(least.checked_add(usize::try_from(behind).ok()?)?).filter(|local| *local <= most).unwrap_or(least);
    let overflow = Some(be32(page, at.checked_add(local)?)?);
    Some(Cell { id: id.cast_signed(), length, local, at, overflow })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A varint of two bytes.
    fn two(n: usize) -> [u8; 2] {
        [0x80 | u8::try_from(n >> 7).unwrap(), u8::try_from(n & 0x7f).unwrap()]
    }

    fn row(id: u8, record: &[u8]) -> Vec<u8> {
        [&two(record.len())[..], &[id], record].concat()
    }

    /// A record of texts and, at last, a number.
    fn record(texts: &[&[u8]], number: u8) -> Vec<u8> {
        let types: Vec<u8> = texts.iter().flat_map(|text| two(13 + 2 * text.len())).chain([1]).collect();
        [&[u8::try_from(types.len() + 1).unwrap()], &types[..], &texts.concat(), &[number]].concat()
    }

    /// A page of 512 bytes with cells at its end.
    fn page(number: usize, kind: u8, right: u8, cells: &[Vec<u8>]) -> Vec<u8> {
        let mut page = vec![0; 512];
        let at = if number == 1 { 100 } else { 0 };
        page[at] = kind;
        page[at + 4] = u8::try_from(cells.len()).unwrap();
        page[at + 11] = right;
        let (mut end, mut array) = (512, at + if kind == 5 { 12 } else { 8 });
        for cell in cells {
            end -= cell.len();
            page[end..][..cell.len()].copy_from_slice(cell);
            page[array..][..2].copy_from_slice(&u16::try_from(end).unwrap().to_be_bytes());
            array += 2;
        }
        if number == 1 {
            page[..16].copy_from_slice(MAGIC);
            page[16] = 2;
            page[59] = 1;
        }
        page
    }

    /// Six pages: the schema, an interior page, two leaves, two overflow pages.
    fn database() -> Vec<u8> {
        let mut long = vec![4, 0x88, 0x5c, 0]; // a blob of 1024 bytes and a null
        long[1..3].copy_from_slice(&two(12 + 2 * 1024));
        long.extend((0..1024_u32).map(|n| n.to_le_bytes()[0]));
        let local = 39 + (long.len() - 39) % 508;
        let local = if local > 512 - 35 { 39 } else { local };
        let schema = [record(&[b"index", b"t", b"t"], 9), record(&[b"table", b"t", b"t"], 2), record(&[b"table", b"v", b"v"], 0)];
        let schema: Vec<_> = schema.iter().zip(1..).map(|(record, id)| row(id, record)).collect();
        let spilling = [&two(long.len())[..], &[2], &long[..local], &[0, 0, 0, 5]].concat();
        let (first, last) = long[local..].split_at(508);
        let mut last = [&[0; 4], last].concat();
        last.resize(512, 0);
        [
            page(1, 13, 0, &schema),
            page(2, 5, 4, &[vec![0, 0, 0, 3, 2]]),
            page(3, 13, 0, &[row(1, &record(&[b"a\xff"], 0xfe)), spilling]),
            page(4, 13, 0, &[row(3, &record(&[b"b"], 7))]),
            [&[0, 0, 0, 6][..], first].concat(),
            last,
        ]
        .concat()
    }

    type Found = Result<(Vec<(i64, Vec<u8>)>, u64), Trouble<&'static str>>;

    /// The rows of a table, with their first columns.
    fn all(bytes: &[u8], most: usize) -> Found {
        let mut database = Database::open(bytes, u64::try_from(bytes.len()).unwrap())?;
        let root = database.root("T")?.ok_or(Trouble::Malformed("no table"))?;
        let mut found = Vec::new();
        let passed = database.rows(root, most, &mut |row| {
            let (Some(Value::Text(bytes)) | Some(Value::Blob(bytes))) = row.column(0) else { return Ok(()) };
            found.push((row.id, bytes.to_owned()));
            if found.len() > 100_000 { Err("many") } else { Ok(()) }
        });
        match passed {
            Ok(passed) => Ok((found, passed)),
            Err(Stopped::Trouble(trouble)) => Err(trouble),
            Err(Stopped::Each(many)) => panic!("{many}"),
        }
    }

    #[test]
    fn rows_come_in_order_with_their_overflow_pages() {
        let blob: Vec<u8> = (0..1024_u32).map(|n| n.to_le_bytes()[0]).collect();
        let (found, passed) = all(&database(), 1 << 20).unwrap();
        assert_eq!((found, passed), (vec![(1, b"a\xff".to_vec()), (2, blob), (3, b"b".to_vec())], 0));
        let (found, passed) = all(&database(), 1027).unwrap();
        assert_eq!((found.len(), passed), (2, 1));
        let mut pages = &database()[..];
        let mut opened = Database::open(&mut pages as &mut dyn Pages<Error = _>, 6 * 512).unwrap();
        assert_eq!((opened.root("v"), opened.root("x"), opened.root("t")), (Ok(None), Ok(None), Ok(Some(2))));
        assert_eq!(opened.rows(2, 99, &mut |row| Err(row.id)), Err(Stopped::Each(1)));
    }

    impl Pages for &mut dyn Pages<Error = &'static str> {
        type Error = &'static str;

        fn read(&mut self, offset: u64, into: &mut [u8]) -> Result<(), Self::Error> {
            (**self).read(offset, into)
        }
    }

    #[test]
    fn values_have_types() {
        let record = [10, 0, 1, 2, 5, 7, 8, 9, 14, 11, 0xfe, 0xff, 0xfe, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, b'x'];
        let row = Row { id: 0, record: &record };
        let found: Vec<_> = (0..8).map_while(|n| row.column(n)).collect();
        let ints = [Value::Int(-2), Value::Int(-2), Value::Int(1 - (1 << 47)), Value::Real, Value::Int(0), Value::Int(1)];
        assert_eq!(found, [&[Value::Null], &ints[..], &[Value::Blob(b"x")]].concat());
        assert_eq!((row.column(8), row.column(9), Row { id: 0, record: &[] }.column(0)), (None, None, None));
        assert_eq!((varint(&[0xff; 9]), varint(&[0xff; 8]), varint(&[0x81, 0])), (Some((u64::MAX, 9)), None, Some((128, 2))));
    }

    /// The database with one byte changed.
    fn with(at: usize, byte: u8) -> Found {
        let mut bytes = database();
        bytes[at] = byte;
        all(&bytes, 1 << 20)
    }

    #[test]
    fn what_is_malformed_is_said() {
        let end = 512 * 3; // of the first leaf
        let changes = [
            (0, b's', "not a SQLite database"),
            (16, 3, "the size of a page is none"),
            (20, 33, "too much of a page is reserved"),
            (59, 2, "text is not UTF-8"),
            (512 + 11, 2, "a row has more bytes than its pages"),
            (512 + 11, 7, "a page is not in the file"),
            (512 + 11, 0, "a page is not in the file"),
            (512 + 11, 5, "a page is none of a table"),
            (1024 + 8, 0xff, "a cell is outside its page"),
            (1024 + 4, 255, "cells overlap"),
        ];
        for (at, byte, why) in changes {
            assert_eq!(with(at, byte), Err(Trouble::Malformed(why)), "{at}");
        }
        assert!(with(end - 1, 1).is_ok());
        let bytes = database();
        let mut cut = Database::open(&bytes[..1000], 6 * 512).unwrap();
        assert_eq!(cut.rows(2, 9, &mut |_| Ok::<_, ()>(())), Err(Stopped::Trouble(Trouble::Read("short"))));
        assert!(matches!(Database::open(&bytes[..99], 99), Err(Trouble::Read("short"))));
    }

    #[test]
    fn a_row_that_claims_more_than_the_file_sets_nothing_aside() {
        let leaf = page(2, 13, 0, &[[&[0xbf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1][..], &[0; 480]].concat()]);
        let bytes = [page(1, 13, 0, &[]), leaf].concat();
        let mut found = Database::open(&bytes[..], 1024).unwrap();
        let why = Trouble::Malformed("a row has more bytes than its pages");
        assert_eq!(found.rows(2, usize::MAX, &mut |_| Ok::<_, ()>(())), Err(Stopped::Trouble(why)));
        assert_eq!(found.rows(2, 1000, &mut |_| Ok::<_, ()>(())), Ok(1));
    }

    #[test]
    fn a_deep_tree_and_a_circle_end() {
        let bytes = [page(1, 13, 0, &[]), page(2, 5, 2, &[])].concat();
        let mut found = Database::open(&bytes[..], 1024).unwrap();
        let why = Trouble::Malformed("pages go in a circle");
        assert_eq!(found.rows(2, 9, &mut |_| Ok::<_, ()>(())), Err(Stopped::Trouble(why)));
        let inner = (2..60_u8).map(|n| page(2, 5, n + 1, &[]));
        let bytes = [page(1, 13, 0, &[])].into_iter().chain(inner).collect::<Vec<_>>().concat();
        let mut found = Database::open(&bytes[..], 59 * 512).unwrap();
        let why = Trouble::Malformed("a b-tree is too deep");
        assert_eq!(found.rows(2, 9, &mut |_| Ok::<_, ()>(())), Err(Stopped::Trouble(why)));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_to_an_end(bytes: Vec<u8>) {
            assert!(all(&bytes, 1 << 20).is_err());
            Row { id: 0, record: &bytes }.column(3);
        }

        #[test]
        fn any_change_of_a_database_is_read_to_an_end(
            changes in proptest::collection::vec((0..6 * 512_usize, 0..=255_u8), 1..40),
        ) {
            let mut bytes = database();
            for (at, byte) in changes {
                if at >= 21 {
                    bytes[at] = byte;
                }
            }
            if let Ok((found, _)) = all(&bytes, 1 << 20) {
                assert!(found.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() <= bytes.len());
            }
        }
    }
}
