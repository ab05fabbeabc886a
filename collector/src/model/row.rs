//! One row of a table: a line of NDJSON.
//!
//! Bytes are never lossy: text that is valid UTF-8 stands under its column's name; anything else is left out and stands,
//! base64, under `<column>_b64`. Columns that do not apply are left out. 64-bit addresses are `"0x…"` strings, because
//! readers with floating-point numbers lose digits above 2^53.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Timestamp;

/// The longest row, without what its table adds: below what a verifier takes (docs/evidence-format.md), above anything honest.
const MAX_LENGTH: usize = 48 << 20;

/// Room that most rows fit into: there are as many of them as a host has files.
const USUAL_LENGTH: usize = 640;

/// Something that was not readable while a row was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowError {
    /// The column or file.
    pub src: &'static str,
    /// The error's name as in errno(3), or a word such as `timeout` or `truncated`.
    pub errno: String,
}

/// How complete a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RowStatus {
    /// Every column that applies is there.
    Ok,
    /// Some columns could not be read; `errors` says which.
    Partial,
    /// The object vanished while it was read; what had been read is kept.
    Vanished,
    /// A read did not return in time; what had been read is kept.
    Timeout,
    /// Nothing but its existence could be read.
    Error,
}

/// A row under construction. Columns keep the order in which they are added.
#[derive(Clone, Debug)]
pub struct Row {
    time: Timestamp,
    source: String,
    status: RowStatus,
    errors: Vec<RowError>,
    columns: Vec<u8>,
}

/// Whether it is the name of a member of [`Head`]. A column of such a name gets a `_` at its end.
fn is_of_head(name: &str) -> bool {
    matches!(name, "_v" | "artefact" | "seq" | "collected_at" | "mono_ns" | "host_id" | "source" | "status" | "errors")
}

/// The members that stand before the columns of every row, in this order.
#[derive(Debug, Serialize)]
struct Head<'a> {
    _v: u8,
    artefact: &'a str,
    seq: u64,
    collected_at: Timestamp,
    mono_ns: u64,
    host_id: &'a str,
    source: &'a str,
    status: RowStatus,
    errors: &'a [RowError],
}

/// Where and when a row was made; what its table adds to it.
#[derive(Clone, Copy, Debug)]
pub struct Placing<'a> {
    /// The table's name.
    pub table: &'a str,
    /// The row's number in its table, from 0.
    pub seq: u64,
    /// Nanoseconds of the monotonic clock since the run began.
    pub mono_ns: u64,
    /// The host's id.
    pub host_id: &'a str,
}

impl Row {
    /// A row read from `source` (a path or interface on the host; escaped text) at `time`.
    pub fn new(time: Timestamp, source: impl Into<String>) -> Self {
        let columns = Vec::with_capacity(USUAL_LENGTH);
        Self { time, source: source.into(), status: RowStatus::Ok, errors: Vec::new(), columns }
    }

    /// Sets how complete the row is; the worst of several calls stays.
    pub fn status(&mut self, status: RowStatus) {
        if self.status == RowStatus::Ok || status != RowStatus::Partial {
            self.status = status;
        }
    }

    /// Notes that `src` could not be read, and why; the row becomes partial.
    pub fn error(&mut self, src: &'static str, errno: impl Into<String>) {
        self.errors.push(RowError { src, errno: errno.into() });
        self.status(RowStatus::Partial);
    }

    /// Adds an integer column.
    pub fn int(&mut self, column: &str, value: impl Into<i128>) -> &mut Self {
        let value: i128 = value.into();
        match i64::try_from(value) {
            Ok(value) => self.json(column, &value),
            Err(_) => self.json(column, &value),
        }
    }

    /// Adds a boolean column as 0 or 1, as osquery has them.
    pub fn flag(&mut self, column: &str, value: bool) -> &mut Self {
        self.json(column, &u8::from(value))
    }

    /// Adds a 64-bit value as a `"0x…"` string.
    pub fn hex(&mut self, column: &str, value: u64) -> &mut Self {
        self.text(column, &format!("0x{value:x}"))
    }

    /// Adds a text column.
    pub fn text(&mut self, column: &str, value: &str) -> &mut Self {
        self.json(column, value)
    }

    /// Adds bytes: as text where they are UTF-8, else base64 under `<column>_b64`.
    pub fn bytes(&mut self, column: &str, value: &[u8]) -> &mut Self {
        match std::str::from_utf8(value) {
            Ok(text) => self.json(column, text),
            Err(_) => self.json(&format!("{column}_b64"), &STANDARD.encode(value)),
        }
    }

    /// Adds a list of byte strings; the base64 twin holds the whole list where one of them is not UTF-8.
    pub fn bytes_list<'a>(&mut self, column: &str, values: impl IntoIterator<Item = &'a [u8]>) -> &mut Self {
        let values: Vec<&[u8]> = values.into_iter().collect();
        let texts: Result<Vec<&str>, _> = values.iter().map(|value| std::str::from_utf8(value)).collect();
        match texts {
            Ok(texts) => self.json(column, &texts),
            Err(_) => self.json(&format!("{column}_b64"), &values.iter().map(|v| STANDARD.encode(v)).collect::<Vec<_>>()),
        }
    }

    /// Adds any serialisable value: lists, objects.
    pub fn json<T: Serialize + ?Sized>(&mut self, column: &str, value: &T) -> &mut Self {
        let begun = self.columns.len();
        self.name(column);
        // Serialising plain data into memory cannot fail; a failure would show as a missing column in the tests.
        if serde_json::to_writer(&mut self.columns, value).is_err() {
            self.columns.truncate(begun);
        }
        self
    }

    /// Begins a column. A name of the head must not stand twice in one object.
    fn name(&mut self, column: &str) {
        let mark = if is_of_head(column) { "_" } else { "" };
        self.columns.push(b',');
        // Nearly every name is a plain word, and there are as many of them as a host has files, times thirty.
        if column.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            for piece in ["\"", column, mark, "\":"] {
                self.columns.extend_from_slice(piece.as_bytes());
            }
        } else {
            self.columns.extend_from_slice(Value::from(format!("{column}{mark}")).to_string().as_bytes());
            self.columns.push(b':');
        }
    }

    /// When its object was read.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// Where it was read; escaped text.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether its columns, as they stand in the line, have these bytes somewhere.
    #[must_use]
    pub fn holds(&self, text: &[u8]) -> bool {
        text.is_empty() || self.columns.windows(text.len()).any(|window| window == text)
    }

    /// Its columns by name. Of a name that was added twice, the last one.
    #[must_use]
    pub fn columns(&self) -> Map<String, Value> {
        let object = [b"{", self.columns.get(1..).unwrap_or_default(), b"}"].concat();
        serde_json::from_slice(&object).unwrap_or_default()
    }

    /// Whether it is longer than a table takes.
    #[must_use]
    pub fn is_too_long(&self) -> bool {
        self.columns.len().saturating_add(self.source.len()) > MAX_LENGTH
    }

    /// Writes the row as one line of JSON, newline included, at the end of `out`.
    pub fn write_to(&self, placing: Placing<'_>, out: &mut Vec<u8>) {
        let head = Head {
            _v: 1,
            artefact: placing.table,
            seq: placing.seq,
            collected_at: self.time,
            mono_ns: placing.mono_ns,
            host_id: placing.host_id,
            source: &self.source,
            status: self.status,
            errors: &self.errors,
        };
        if serde_json::to_writer(&mut *out, &head).is_ok() {
            out.pop();
        }
        out.extend_from_slice(&self.columns);
        out.extend_from_slice(b"}\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(row: &Row) -> serde_json::Value {
        let mut out = Vec::new();
        row.write_to(Placing { table: "t", seq: 3, mono_ns: 5, host_id: "h" }, &mut out);
        assert_eq!(out.iter().filter(|b| **b == b'\n').count(), 1);
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn the_head_stands_before_the_columns() {
        let mut row = Row::new(Timestamp::from_seconds(0), "/proc/1");
        row.int("pid", 1).text("name", "a\n\"b").flag("hidden", false).hex("start", u64::MAX);
        let value = line(&row);
        assert_eq!(value["_v"], 1);
        assert_eq!(value["seq"], 3);
        assert_eq!(value["status"], "ok");
        assert_eq!(value["name"], "a\n\"b");
        assert_eq!(value["start"], "0xffffffffffffffff");
    }

    #[test]
    fn a_column_never_takes_a_name_of_the_head() {
        let mut row = Row::new(Timestamp::from_seconds(0), "x");
        row.text("status", "dest").int("seq", 7);
        let value = line(&row);
        assert_eq!(
            (&value["status"], &value["status_"], &value["seq"], &value["seq_"]),
            (&"ok".into(), &"dest".into(), &3.into(), &7.into())
        );
    }

    #[test]
    fn bytes_are_never_lossy() {
        let mut row = Row::new(Timestamp::from_seconds(0), "x");
        row.bytes("good", b"a").bytes("bad", b"\xff").bytes_list("args", [&b"a"[..], b"\xfe"]);
        let value = line(&row);
        assert_eq!(value["good"], "a");
        assert!(value.get("bad").is_none());
        assert_eq!(value["bad_b64"], "/w==");
        assert_eq!(value["args_b64"], serde_json::json!(["YQ==", "/g=="]));
    }

    #[test]
    fn what_was_added_can_be_asked_for() {
        let mut row = Row::new(Timestamp::from_seconds(7), "/proc/1");
        assert!(row.columns().is_empty() && !row.holds(b"pid") && row.holds(b""));
        row.int("pid", 1).text("name", "a\"b");
        assert!(row.holds(b"\"pid\":1") && !row.holds(b"\"pid\":2"));
        assert_eq!(serde_json::json!(row.columns()), serde_json::json!({"pid": 1, "name": "a\"b"}));
        assert_eq!((row.time(), row.source()), (Timestamp::from_seconds(7), "/proc/1"));
        assert!(!row.is_too_long());
        row.text("cmdline", &"x".repeat(MAX_LENGTH));
        assert!(row.is_too_long());
    }

    #[test]
    fn an_error_makes_a_row_partial_and_vanished_stays() {
        let mut row = Row::new(Timestamp::from_seconds(0), "x");
        row.error("maps", "EACCES");
        assert_eq!(line(&row)["status"], "partial");
        row.status(RowStatus::Vanished);
        row.error("exe", "ENOENT");
        assert_eq!(line(&row)["status"], "vanished");
    }
}
