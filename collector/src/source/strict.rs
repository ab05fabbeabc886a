//! An [`Evidence`] that keeps nothing, and takes no row that the format does not have (docs/evidence-format.md, section 4): for what is
//! held against bytes of a hostile host.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::between::Between;
use super::nowhere::Nowhere;
use super::{Evidence, Stop};
use crate::model::row::Placing;
use crate::model::{Row, escape};

/// Counts rows, and holds each against the format.
#[derive(Debug, Default)]
pub(super) struct Strict {
    nowhere: Nowhere,
    rows: usize,
}

impl Strict {
    /// How many rows there were.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }
}

impl Between for Strict {
    fn inner(&self) -> &dyn Evidence {
        &self.nowhere
    }

    fn inner_mut(&mut self) -> &mut dyn Evidence {
        &mut self.nowhere
    }

    fn pass_row(&mut self, table: &'static str, row: &Row) -> Result<(), Stop> {
        let mut line = Vec::new();
        row.write_to(Placing { table, seq: 0, mono_ns: 0, host_id: "strict" }, &mut line);
        let fault = serde_json::from_slice::<Members>(&line).err();
        assert!(fault.is_none(), "{table}: {fault:?}: {}", escape::bytes(&line));
        self.rows += 1;
        Ok(())
    }
}

/// An object of which no member stands twice, as a reader of rows wants it; a map would keep one of two and say nothing.
struct Members;

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self)
    }
}

impl<'de> Visitor<'de> for Members {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut members = BTreeSet::new();
        while let Some(member) = map.next_key::<String>()? {
            map.next_value::<IgnoredAny>()?;
            if let Some(member) = members.replace(member) {
                return Err(A::Error::custom(format!("the member {member} stands twice")));
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    fn row() -> Row {
        let mut row = Row::new(Timestamp::from_seconds(0), "x");
        row.int("pid", 1).bytes("name", b"\xff").int("seq", 7);
        row
    }

    #[test]
    fn rows_are_counted() {
        let mut strict = Strict::default();
        assert_eq!((strict.row("t", &row()), strict.row("t", &row()), strict.rows()), (Ok(()), Ok(()), 2));
    }

    #[test]
    #[should_panic(expected = "the member pid stands twice")]
    fn a_row_with_a_column_twice_is_none() {
        let mut row = row();
        row.int("pid", 2);
        let _ = Strict::default().row("t", &row);
    }
}
