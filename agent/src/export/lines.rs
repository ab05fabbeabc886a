//! Rows of a table as its content goes by.

use serde_json::{Map, Value};

use super::object::{Failure, Taker};

/// The longest row (evidence format, section 1).
const MAX_ROW: usize = 64 << 20;

/// Who takes a row.
pub(super) type Each<'a> = dyn FnMut(&Map<String, Value>) -> Result<(), Failure> + 'a;

/// Hands each row to `each` that has all of `marks` in its line; the others are not parsed.
pub(super) struct Lines<'a> {
    line: Vec<u8>,
    marks: &'a [&'a str],
    each: &'a mut Each<'a>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(marks: &'a [&'a str], each: &'a mut Each<'a>) -> Self {
        Self { line: Vec::new(), marks, each }
    }

    fn end_line(&mut self) -> Result<(), Failure> {
        let line = std::mem::take(&mut self.line);
        let has = |mark: &&str| line.windows(mark.len()).any(|window| window == mark.as_bytes());
        if !self.marks.iter().all(has) {
            return Ok(());
        }
        // What does not parse is in no table that has verified.
        match serde_json::from_slice(&line) {
            Ok(row) => (self.each)(&row),
            Err(error) => Err(Failure::Evidence(format!("a row is not JSON: {error}"))),
        }
    }
}

impl Taker for Lines<'_> {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece.strip_suffix(b"\n").unwrap_or(piece));
            if self.line.len() > MAX_ROW {
                return Err(Failure::Evidence("a row is longer than any row".to_owned()));
            }
            if piece.ends_with(b"\n") {
                self.end_line()?;
            }
        }
        Ok(())
    }
}
