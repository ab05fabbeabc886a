//! Makes databases of SQLite (<https://www.sqlite.org/fileformat2.html>) that are as small as can be, for tests of what reads them: each
//! table is one page.

/// Bytes of a page: the largest that there is, so that a table of a test fits.
const PAGE: usize = 1 << 16;

/// A value of a row.
#[derive(Clone, Copy)]
pub(in crate::source) enum Cell<'a> {
    Text(&'a str),
    Int(i64),
    Null,
}

/// A database with these tables: the name of each, and its rows.
pub(in crate::source) fn database(tables: &[(&str, Vec<Vec<Cell<'_>>>)]) -> Vec<u8> {
    let schema = tables.iter().zip(2..).map(|((name, _), root)| {
        vec![Cell::Text("table"), Cell::Text(name), Cell::Text(name), Cell::Int(root), Cell::Text("CREATE TABLE")]
    });
    let mut bytes = page(100, &schema.collect::<Vec<_>>());
    for (_, rows) in tables {
        bytes.extend(page(0, rows));
    }
    bytes[..16].copy_from_slice(b"SQLite format 3\0");
    // A size of 65536 is written as 1.
    bytes[17] = 1;
    // Text is UTF-8.
    bytes[59] = 1;
    bytes
}

/// A leaf of a table, whose head stands at `at`.
fn page(at: usize, rows: &[Vec<Cell<'_>>]) -> Vec<u8> {
    let mut page = vec![0; PAGE];
    page[at] = 13;
    page[at + 3..at + 5].copy_from_slice(&u16::try_from(rows.len()).unwrap().to_be_bytes());
    let mut end = PAGE;
    for (n, row) in rows.iter().enumerate() {
        let record = record(row);
        let cell = [varint(record.len()), varint(n + 1), record].concat();
        end -= cell.len();
        page[end..][..cell.len()].copy_from_slice(&cell);
        page[at + 8 + 2 * n..][..2].copy_from_slice(&u16::try_from(end).unwrap().to_be_bytes());
    }
    page
}

fn record(row: &[Cell<'_>]) -> Vec<u8> {
    let (mut types, mut values) = (Vec::new(), Vec::new());
    for cell in row {
        match cell {
            Cell::Text(text) => {
                types.extend(varint(13 + 2 * text.len()));
                values.extend_from_slice(text.as_bytes());
            }
            Cell::Int(number) => {
                types.extend(varint(6));
                values.extend_from_slice(&number.to_be_bytes());
            }
            Cell::Null => types.extend(varint(0)),
        }
    }
    // The length of the header is part of it.
    [varint(types.len() + 1), types, values].concat()
}

/// Seven bits a byte, the highest first; all bytes but the last have the eighth set.
fn varint(number: usize) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(number & 0x7f).unwrap()];
    let mut rest = number >> 7;
    while rest > 0 {
        bytes.insert(0, 0x80 | u8::try_from(rest & 0x7f).unwrap());
        rest >>= 7;
    }
    bytes
}
