//! What evidence has in its objects, as `hozen verify` reads it: frames of zstd, archives, tables.

#![no_main]

// The readers are parts of the program, which is far more than is of use here.
#[expect(dead_code, reason = "what only an export asks for")]
#[path = "../../agent/src/verify/archive.rs"]
mod archive;
#[path = "../../agent/src/verify/frames.rs"]
mod frames;
#[path = "../../agent/src/verify/rows.rs"]
mod rows;
#[expect(dead_code, reason = "what only a report says")]
#[path = "../../agent/src/verify/words.rs"]
mod words;

use archive::{Archive, Head, Visitor};

/// The most bytes of content that are looked at.
const MOST: usize = 64 << 10;

/// What a walk through an archive has shown.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shown {
    paths: Vec<Vec<u8>>,
    content: Vec<u8>,
    /// Bytes of the open member that are still to come.
    left: Option<u64>,
}

impl Visitor for Shown {
    fn begin(&mut self, member: &Head<'_>) -> Result<(), String> {
        assert_eq!(self.left, None, "a member begins within another");
        let mut parts = member.path.split(|byte| *byte == b'/');
        assert!(parts.next() == Some(b"[root]") && parts.all(|part| part != b".."), "{:?} leaves the archive", member.path);
        let _ = (member.link(), member.mode(), member.uid(), member.gid(), member.record(b"mtime"));
        self.paths.push(member.path.to_owned());
        self.left = Some(member.size);
        Ok(())
    }

    fn content(&mut self, bytes: &[u8]) -> Result<(), String> {
        let left = self.left.and_then(|left| left.checked_sub(words::length(bytes.len())));
        assert!(left.is_some(), "content that belongs to no member");
        self.left = left;
        self.content.extend_from_slice(bytes);
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        assert_eq!(self.left.take(), Some(0), "a member ends before its content");
        Ok(())
    }
}

/// An archive that comes in pieces of this length: its number of members, and what it has shown.
fn members(bytes: &[u8], piece: usize) -> (Result<u64, String>, Shown) {
    let mut archive = Archive::new(Shown::default());
    let taken = bytes.chunks(piece).try_for_each(|piece| archive.take(piece));
    let members = taken.and_then(|()| archive.finish(false));
    (members, archive.visitor)
}

/// A table that comes in pieces of this length: its number of rows, and those with a fault.
fn table(bytes: &[u8], piece: usize) -> (u64, Vec<(u64, String)>) {
    let mut rows = rows::Rows::new("t", Some("h"));
    bytes.chunks(piece).for_each(|piece| rows.take(piece));
    rows.finish(false)
}

/// Content comes in pieces of any length, which must make no difference.
fn read(content: &[u8]) {
    let (whole, piece) = (content.len().max(1), 1 + content.len() % 67);
    let (count, shown) = members(content, whole);
    if let Ok(count) = &count {
        assert_eq!(*count, words::length(shown.paths.len()), "members of {:?}", shown.paths);
    }
    assert_eq!(members(content, piece), (count, shown));
    let (rows, faults) = table(content, whole);
    assert_eq!(rows, words::length(content.iter().filter(|byte| **byte == b'\n').count()));
    assert_eq!(table(content, piece), (rows, faults));
}

/// The beginning of what stands in the frames.
fn decoded(stored: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    let Ok(mut frames) = frames::Frames::new() else { return content };
    let taken = frames.take(stored, &mut |bytes| {
        if content.len() + bytes.len() > MOST {
            return Err("more than is looked at".to_owned());
        }
        content.extend_from_slice(bytes);
        Ok(())
    });
    // That they are damaged or cut off is as good an answer as any.
    let _ = taken.and_then(|()| frames.finish());
    content
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    read(bytes);
    read(&decoded(bytes));
});
