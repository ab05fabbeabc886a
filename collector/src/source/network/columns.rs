//! Columns of rows that are only there where the kernel gave a value.

use crate::model::Row;

/// A C string in an attribute.
pub(super) fn until_nul(value: &[u8]) -> &[u8] {
    value.split(|b| *b == 0).next().unwrap_or_default()
}

/// Adds an integer column where there is a value.
pub(super) fn put_int<T: Into<i128>>(row: &mut Row, column: &str, value: Option<T>) {
    if let Some(value) = value {
        row.int(column, value);
    }
}

/// Adds a text column where there is a value.
pub(super) fn put_text<T: ToString>(row: &mut Row, column: &str, value: Option<T>) {
    if let Some(value) = value {
        row.text(column, &value.to_string());
    }
}

/// Adds a column of bytes where there is a value.
pub(super) fn put_bytes(row: &mut Row, column: &str, value: Option<&[u8]>) {
    if let Some(value) = value {
        row.bytes(column, value);
    }
}
