//! An [`Evidence`] that keeps everything in memory, for the tests of sources.

use std::collections::BTreeMap;
use std::io::Read;

use serde_json::Value;

use super::{Evidence, Member, MemberKind, Stop, Streamed};
use crate::model::row::Placing;
use crate::model::{Digest, Gap, Row};

/// Rows by table, members by path, and gaps, as a source handed them over.
#[derive(Debug, Default)]
pub struct Recorded {
    /// Rows by table.
    pub tables: BTreeMap<&'static str, Vec<Value>>,
    /// Archive members: path, whether it is a link, content or link target.
    pub members: Vec<(Vec<u8>, bool, Vec<u8>)>,
    /// Images in the order in which they were begun: name and content.
    pub images: Vec<(&'static str, Vec<u8>)>,
    /// Whether the last of them is open.
    pub image_open: bool,
    /// Gaps.
    pub gaps: Vec<Gap>,
    /// Answers every call with this once it is set.
    pub stop: Option<Stop>,
}

impl Recorded {
    /// The rows of `table`; none where it was never written.
    #[must_use]
    pub fn rows(&self, table: &str) -> &[Value] {
        self.tables.get(table).map(Vec::as_slice).unwrap_or_default()
    }

    /// The content of the archive member at `path`.
    #[must_use]
    pub fn member(&self, path: &str) -> Option<&[u8]> {
        self.members.iter().find(|(name, ..)| name == path.as_bytes()).map(|(_, _, content)| content.as_slice())
    }

    fn push(&mut self, member: &Member<'_>, content: &[u8]) {
        let (link, content) = match member.kind {
            MemberKind::Symlink(target) => (true, target),
            _ => (false, content),
        };
        self.members.push((member.path.to_owned(), link, content.to_owned()));
    }
}

impl Evidence for Recorded {
    fn row(&mut self, table: &'static str, row: &Row) -> Result<(), Stop> {
        self.check()?;
        let rows = self.tables.entry(table).or_default();
        let mut line = Vec::new();
        let seq = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        row.write_to(Placing { table, seq, mono_ns: 0, host_id: "test" }, &mut line);
        rows.push(serde_json::from_slice(&line).unwrap_or(Value::Null));
        Ok(())
    }

    fn raw(&mut self, member: &Member<'_>, content: &[u8]) -> Result<(), Stop> {
        self.check()?;
        self.push(member, content);
        Ok(())
    }

    fn raw_stream(&mut self, member: &Member<'_>, size: u64, content: &mut dyn Read) -> Result<Streamed, Stop> {
        self.check()?;
        let mut bytes = Vec::new();
        let result = content.take(size).read_to_end(&mut bytes);
        let read = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if read < size {
            let reason = result.err().map_or_else(|| "ended early".to_owned(), |error| error.to_string());
            self.gaps.push(Gap::from(member.path, read, Some(size - read), reason));
        }
        self.push(member, &bytes);
        Ok(Streamed { sha256: Digest::of(&bytes), read })
    }

    fn image_begin(&mut self, name: &'static str) -> Result<(), Stop> {
        self.check()?;
        self.images.push((name, Vec::new()));
        self.image_open = true;
        Ok(())
    }

    fn image_write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let open = self.images.last_mut().filter(|_| self.image_open).ok_or(Stop::Sink)?;
        open.1.extend_from_slice(bytes);
        self.check()
    }

    fn image_end(&mut self) -> Result<(), Stop> {
        self.image_open = false;
        self.check()
    }

    fn gap(&mut self, gap: Gap) {
        self.gaps.push(gap);
    }

    fn check(&self) -> Result<(), Stop> {
        self.stop.map_or(Ok(()), Err)
    }

    fn progress(&mut self, _done: u64, _total: u64) {}
}
