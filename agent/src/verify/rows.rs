//! Tables (evidence format, section 4): one JSON object per line, each with the nine members that come first.

use std::collections::BTreeSet;
use std::fmt;

use hozen_collector::model::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

/// The longest row, in bytes.
const MAX_ROW: usize = 64 << 20;
/// Rows whose fault is told one by one.
const MAX_TOLD: usize = 5;
/// The members of a row's head, in order.
const HEAD: [&str; 9] = ["_v", "artefact", "seq", "collected_at", "mono_ns", "host_id", "source", "status", "errors"];
/// The words for how complete a row is.
const STATUSES: [&str; 5] = ["ok", "partial", "vanished", "timeout", "error"];

/// Checks the rows of one table as its content is handed over.
#[derive(Debug)]
pub(super) struct Rows {
    table: String,
    host_id: Option<String>,
    line: Vec<u8>,
    too_long: bool,
    rows: u64,
    wrong: u64,
    told: Vec<(u64, String)>,
}

impl Rows {
    /// For the table of this name, on the host of this id where it is known.
    pub(super) fn new(table: &str, host_id: Option<&str>) -> Self {
        let (table, host_id) = (table.to_owned(), host_id.map(str::to_owned));
        Self { table, host_id, line: Vec::new(), too_long: false, rows: 0, wrong: 0, told: Vec::new() }
    }

    pub(super) fn take(&mut self, content: &[u8]) {
        for piece in content.split_inclusive(|byte| *byte == b'\n') {
            match piece.strip_suffix(b"\n") {
                Some(end) => {
                    self.append(end);
                    self.end_row();
                }
                None => self.append(piece),
            }
        }
    }

    /// The number of rows, and the rows with a fault: number from 1, and what is wrong. A table that is known to be `cut` may
    /// end within a row, which does not count.
    pub(super) fn finish(mut self, cut: bool) -> (u64, Vec<(u64, String)>) {
        let within = !self.line.is_empty() || self.too_long;
        if within && !cut {
            self.tell("the last row does not end with a newline".to_owned());
        }
        let untold = self.wrong.saturating_sub(super::words::length(self.told.len()));
        if untold > 0 {
            self.told.push((self.rows, format!("and {untold} more rows up to this one are wrong")));
        }
        (self.rows, self.told)
    }

    fn append(&mut self, piece: &[u8]) {
        if self.line.len().saturating_add(piece.len()) > MAX_ROW {
            self.too_long = true;
            self.line.clear();
        }
        if !self.too_long {
            self.line.extend_from_slice(piece);
        }
    }

    fn end_row(&mut self) {
        let fault = if self.too_long { Err("is longer than any row".to_owned()) } else { self.check_row() };
        if let Err(fault) = fault {
            self.tell(format!("the row {fault}"));
        }
        self.rows = self.rows.saturating_add(1);
        self.too_long = false;
        self.line.clear();
    }

    fn tell(&mut self, fault: String) {
        self.wrong = self.wrong.saturating_add(1);
        if self.told.len() < MAX_TOLD {
            self.told.push((self.rows.saturating_add(1), fault));
        }
    }

    fn check_row(&self) -> Result<(), String> {
        let text = std::str::from_utf8(&self.line).map_err(|_| "is not UTF-8")?;
        let row: Head = serde_json::from_str(text).map_err(|error| format!("is not what the format says: {error}"))?;
        require(row.v == 1, "is not of version 1")?;
        require(row.artefact == self.table, "belongs to another table")?;
        require(row.seq == self.rows, &format!("has number {}, and {} is due", row.seq, self.rows))?;
        let right_host = self.host_id.as_ref().is_none_or(|host| *host == row.host_id);
        require(right_host, "belongs to another host")?;
        require(STATUSES.contains(&row.status.as_str()), "has an unknown status")
    }
}

fn require(holds: bool, fault: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(fault.to_owned()) }
}

/// The head of a row. Columns are only looked at for duplicates.
#[derive(Debug, Default)]
struct Head {
    v: u64,
    artefact: String,
    seq: u64,
    host_id: String,
    status: String,
}

/// An entry of the member `errors`; only its shape matters here.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RowError {
    #[serde(rename = "src")]
    _src: String,
    #[serde(rename = "errno")]
    _errno: String,
}

impl<'de> Deserialize<'de> for Head {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeadVisitor)
    }
}

struct HeadVisitor;

impl<'de> Visitor<'de> for HeadVisitor {
    type Value = Head;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Head, A::Error> {
        let mut head = Head::default();
        for name in HEAD {
            if map.next_key::<String>()?.as_deref() != Some(name) {
                return Err(A::Error::custom(format!("the member {name} is not in its place")));
            }
            head.read(name, &mut map)?;
        }
        let mut columns: BTreeSet<String> = HEAD.iter().map(|name| (*name).to_owned()).collect();
        while let Some(column) = map.next_key::<String>()? {
            map.next_value::<IgnoredAny>()?;
            if columns.contains(&column) {
                return Err(A::Error::custom(format!("the column {column} stands twice")));
            }
            columns.insert(column);
        }
        Ok(head)
    }
}

impl Head {
    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "_v" => self.v = map.next_value()?,
            "artefact" => self.artefact = map.next_value()?,
            "seq" => self.seq = map.next_value()?,
            "collected_at" => drop(map.next_value::<Timestamp>()?),
            "mono_ns" => drop(map.next_value::<u64>()?),
            "host_id" => self.host_id = map.next_value()?,
            "source" => drop(map.next_value::<String>()?),
            "status" => self.status = map.next_value()?,
            _ => drop(map.next_value::<Vec<RowError>>()?),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hozen_collector::model::Row;
    use hozen_collector::model::row::Placing;
    use proptest::prelude::*;

    #[test]
    fn the_fuzzer_begins_with_rows() {
        let mut rows = Rows::new("t", Some("h"));
        rows.take(include_bytes!("../../../fuzz/seeds/evidence/rows"));
        assert_eq!(rows.finish(false), (2, Vec::new()));
    }

    fn row(seq: u64) -> Vec<u8> {
        let mut row = Row::new(Timestamp::from_seconds(1), "/proc/1");
        row.int("pid", 1).text("name", "a\nb");
        row.error("exe", "EACCES");
        let mut out = Vec::new();
        row.write_to(Placing { table: "t", seq, mono_ns: 5, host_id: "h" }, &mut out);
        out
    }

    fn faults(content: &[u8]) -> (u64, String) {
        let mut rows = Rows::new("t", Some("h"));
        content.chunks(7).for_each(|piece| rows.take(piece));
        let (count, told) = rows.finish(false);
        (count, told.into_iter().map(|(row, fault)| format!("{row}: {fault}\n")).collect())
    }

    #[test]
    fn good_rows_pass() {
        assert_eq!(faults(&[row(0), row(1), row(2)].concat()), (3, String::new()));
        assert_eq!(faults(b""), (0, String::new()));
    }

    #[test]
    fn each_fault_has_its_row() {
        let good = String::from_utf8(row(1)).unwrap();
        for (bad, word) in [
            (good.replace("\"seq\":1", "\"seq\":2"), "number 2, and 1 is due"),
            (good.replace("\"t\"", "\"u\""), "another table"),
            (good.replace("\"h\"", "\"i\""), "another host"),
            (good.replace("partial", "good"), "unknown status"),
            (good.replace("\"pid\"", "\"name\""), "stands twice"),
            (good.replace("\"seq\":1,", ""), "seq is not in its place"),
            (good.replace("\"src\"", "\"source\""), "not what the format says"),
            ("[]\n".to_owned(), "not what the format says"),
            ("\n".to_owned(), "not what the format says"),
        ] {
            let (count, told) = faults(&[row(0), bad.into_bytes(), row(2)].concat());
            assert_eq!(count, 3);
            assert!(told.starts_with("2: ") && told.contains(word) && told.lines().count() == 1, "{told}");
        }
        assert!(faults(&row(0)[1..]).1.contains("1: "));
        assert!(faults(b"{").1.contains("newline"));
        let many = faults("x\n".repeat(100).as_bytes()).1;
        assert!(many.contains("and 95 more rows"), "{many}");
    }

    #[test]
    fn a_table_that_is_known_to_be_cut_may_end_within_a_row() {
        let mut rows = Rows::new("t", Some("h"));
        rows.take(&[row(0), row(1)[..10].to_vec()].concat());
        assert_eq!(rows.finish(true), (1, Vec::new()));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(content in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = faults(&content);
        }
    }
}
