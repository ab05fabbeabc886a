//! Objects against their receipts: digest and size of the stored bytes, of the content, and the entries in it.
//!
//! **Invariant:** one pass over each object, and memory that does not grow with it. Decompression stops when there is more
//! content than the receipt says.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};

use hozen_collector::model::{Digest, Encoding, ObjectKey, Receipt};
use hozen_collector::stream::SEGMENT;
use sha2::{Digest as _, Sha256};

use super::archive::Archive;
use super::findings::{Findings, Place};
use super::frames::Frames;
use super::held;
use super::holding::Holding;
use super::name::{self, Name};
use super::rows::Rows;
use super::words;

/// Bytes that are read at once.
const PIECE: usize = 256 << 10;

/// Digest and size of an object as it lies there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) sha256: Digest,
    pub(super) size: u64,
}

/// An object whose bytes need not be read, because the bucket answers for them, or must not be, because nothing could be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unread {
    /// Its bytes, as the bucket says.
    pub(super) size: u64,
    /// Whether the bucket's checksum is that of the receipt.
    pub(super) vouched: bool,
}

/// What was measured over all objects.
#[derive(Debug, Default)]
pub(super) struct Measured {
    /// Every object that could be read.
    pub(super) stored: BTreeMap<ObjectKey, Stored>,
    /// Objects that have a receipt.
    pub(super) with_receipt: u64,
    /// Of those, objects that the bucket's checksum answers for; they were not read.
    pub(super) unread: u64,
    /// Objects that were decompressed whole.
    pub(super) decompressed: u64,
    /// Rows counted.
    pub(super) rows: u64,
    /// Archive members counted.
    pub(super) members: u64,
    /// Stored bytes of all objects.
    pub(super) bytes: u64,
}

/// What to compare the objects with.
#[derive(Debug)]
pub(super) struct Said<'a> {
    /// The receipts.
    pub(super) receipts: BTreeMap<&'a ObjectKey, &'a Receipt>,
    /// First content byte that is not stored, of objects that the sink refused to take whole.
    pub(super) cut: BTreeMap<&'a ObjectKey, u64>,
    /// The host's id.
    pub(super) host_id: Option<&'a str>,
    /// The KMS key that the run asked the bucket to encrypt with.
    pub(super) kms_key: Option<&'a str>,
    /// Objects that are not read.
    pub(super) unread: &'a BTreeMap<ObjectKey, Unread>,
}

impl Said<'_> {
    /// Whether the journal says that the object's content goes on where the receipt's ends.
    fn is_cut(&self, receipt: &Receipt) -> bool {
        self.cut.get(&receipt.key) == Some(&receipt.content.size)
    }
}

/// Measures every object and compares those that have a receipt with it.
pub(super) fn check(holding: &Holding, said: &Said<'_>, findings: &mut Findings) -> Measured {
    let mut measured = Measured::default();
    for key in holding.objects() {
        let receipt = said.receipts.get(key).copied();
        if let Some(unread) = said.unread.get(key) {
            take_unread(*unread, receipt, said.kms_key, &mut measured, findings);
            continue;
        }
        let Some(reader) = holding.reader(key, findings) else { continue };
        let mut content = receipt.and_then(|receipt| ContentCheck::of(receipt, said, findings));
        let stored = match read_through(reader, content.as_mut()) {
            Ok(stored) => stored,
            Err(error) => {
                findings.unreadable(key, format!("cannot be read: {error}"));
                continue;
            }
        };
        if let Some(receipt) = receipt {
            measured.with_receipt += 1;
            check_receipt(receipt, findings);
            held::check(receipt, said.kms_key, findings);
            compare_stored(receipt, stored, findings);
        }
        if let (Some(receipt), Some(content)) = (receipt, content) {
            content.finish(receipt, &mut measured, findings);
        }
        measured.bytes = measured.bytes.saturating_add(stored.size);
        measured.stored.insert(key.clone(), stored);
    }
    check_segments(holding, findings);
    measured
}

/// An object that is not read: its receipt is held against itself, and the bucket answers for the bytes.
fn take_unread(
    unread: Unread,
    receipt: Option<&Receipt>,
    kms_key: Option<&str>,
    measured: &mut Measured,
    findings: &mut Findings,
) {
    measured.bytes = measured.bytes.saturating_add(unread.size);
    let Some(receipt) = receipt else { return };
    check_receipt(receipt, findings);
    held::check(receipt, kms_key, findings);
    if unread.vouched {
        measured.with_receipt += 1;
        measured.unread += 1;
        measured.stored.insert(receipt.key.clone(), Stored { sha256: receipt.sha256, size: unread.size });
    }
}

/// The segments of each image are numbered from 0 without a hole; nothing follows one that the sink did not take whole.
fn check_segments(holding: &Holding, findings: &mut Findings) {
    for key in holding.objects() {
        let Some(Name::Segment { image, number }) = Name::of(key) else { continue };
        let before = number.checked_sub(1).map(|number| name::segment(image, number).parse::<ObjectKey>());
        if let Some(Ok(before)) = before {
            findings.require(!holding.lacks(&before), key, format!("its image lacks {before}"));
        }
    }
}

/// Notes where an object is not what its receipt says.
fn compare_stored(receipt: &Receipt, stored: Stored, findings: &mut Findings) {
    let (key, size) = (&receipt.key, receipt.size);
    findings.require(stored.size == size, key, format!("has {} bytes, and its receipt says {size}", stored.size));
    let told = format!("its digest is {}, and its receipt says {}", stored.sha256, receipt.sha256);
    findings.require(stored.sha256 == receipt.sha256, key, told);
}

/// Notes where a receipt contradicts itself or the object's name.
fn check_receipt(receipt: &Receipt, findings: &mut Findings) {
    let (key, content) = (&receipt.key, &receipt.content);
    let Some(name) = Name::of(key) else {
        return findings.fail(key, "has a receipt, and no run has an object of this name");
    };
    findings.require(content.encoding == name.encoding(), key, "its receipt says another encoding than its name");
    if content.encoding == Encoding::Identity {
        let same = content.sha256 == receipt.sha256 && content.size == receipt.size;
        findings.require(same, key, "its receipt says that it is stored as it is, and yet its content differs");
    }
    findings.require(content.entries.is_some() || !name.has_entries(), key, "its receipt does not say how many entries it has");
    let image = matches!(name, Name::Segment { .. });
    findings.require(!image || content.entries.is_none(), key, "its receipt says that it has entries, and a segment has none");
    findings.require(!image || content.size <= SEGMENT, key, "it is larger than a segment may be");
}

fn read_through(mut reader: impl Read, mut content: Option<&mut ContentCheck>) -> std::io::Result<Stored> {
    let (mut hasher, mut size, mut piece) = (Sha256::new(), 0_u64, vec![0; PIECE]);
    loop {
        let length = match reader.read(&mut piece) {
            Ok(0) => return Ok(Stored { sha256: Digest::so_far(&hasher), size }),
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let bytes = piece.get(..length).unwrap_or_default();
        hasher.update(bytes);
        size = size.saturating_add(words::length(length));
        if let Some(content) = content.as_deref_mut() {
            content.take(bytes);
        }
    }
}

/// What an object's entries are.
#[derive(Debug)]
enum Entries {
    Rows(Rows),
    Members(Archive),
    Lines(u64),
    /// Of a segment of an image.
    None,
}

/// Decompresses an object and looks at its content.
#[derive(Debug)]
struct ContentCheck {
    frames: Frames,
    content: Content,
    fault: Option<String>,
}

#[derive(Debug)]
struct Content {
    hasher: Sha256,
    size: u64,
    limit: u64,
    cut: bool,
    entries: Entries,
    entry_fault: Option<String>,
}

impl ContentCheck {
    /// For a compressed object; what is stored as it is has no other content.
    fn of(receipt: &Receipt, said: &Said<'_>, findings: &mut Findings) -> Option<Self> {
        let entries = match Name::of(&receipt.key)? {
            Name::Table { table, .. } => Entries::Rows(Rows::new(table, said.host_id)),
            Name::Archive { .. } => Entries::Members(Archive::new(())),
            Name::Log => Entries::Lines(0),
            Name::Segment { .. } => Entries::None,
            _ => return None,
        };
        let frames = Frames::new().map_err(|error| findings.unreadable(&receipt.key, error)).ok()?;
        let limit = receipt.content.size;
        let cut = said.is_cut(receipt);
        let content = Content { hasher: Sha256::new(), size: 0, limit, cut, entries, entry_fault: None };
        Some(Self { frames, content, fault: None })
    }

    fn take(&mut self, stored: &[u8]) {
        if self.fault.is_none() {
            let content = &mut self.content;
            self.fault = self.frames.take(stored, &mut |bytes| content.take(bytes)).err();
        }
    }

    fn finish(self, receipt: &Receipt, measured: &mut Measured, findings: &mut Findings) {
        let key = &receipt.key;
        let frames = self.fault.map_or_else(|| self.frames.finish(), Err);
        match frames {
            Ok(frames) => {
                measured.decompressed += 1;
                let told = format!("has {frames} zstd frames, and its receipt says {} parts", receipt.parts);
                findings.require(frames == receipt.parts && frames > 0, key, told);
                self.content.finish(receipt, measured, findings);
            }
            Err(fault) => findings.fail(key, format!("cannot be decompressed to what its receipt says: {fault}")),
        }
    }
}

impl Content {
    fn take(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.size = self.size.saturating_add(words::length(bytes.len()));
        if self.size > self.limit {
            return Err(format!("it holds more than {} bytes", self.limit));
        }
        self.hasher.update(bytes);
        match &mut self.entries {
            Entries::Rows(rows) => rows.take(bytes),
            Entries::Lines(lines) => {
                let ends = bytes.iter().filter(|byte| **byte == b'\n').count();
                *lines = lines.saturating_add(words::length(ends));
            }
            Entries::Members(archive) if self.entry_fault.is_none() => self.entry_fault = archive.take(bytes).err(),
            Entries::Members(_) | Entries::None => {}
        }
        Ok(())
    }

    fn finish(self, receipt: &Receipt, measured: &mut Measured, findings: &mut Findings) {
        let (key, said) = (&receipt.key, &receipt.content);
        let told = format!("its content has {} bytes, and its receipt says {}", self.size, said.size);
        findings.require(self.size == said.size, key, told);
        let sha256 = Digest::so_far(&self.hasher);
        let told = format!("the digest of its content is {sha256}, and its receipt says {}", said.sha256);
        findings.require(sha256 == said.sha256, key, told);
        let entries = match self.entries {
            Entries::Rows(rows) => {
                let (rows, faults) = rows.finish(self.cut);
                faults.into_iter().for_each(|(row, fault)| findings.fail(Place::line(key, row), fault));
                measured.rows = measured.rows.saturating_add(rows);
                Ok(rows)
            }
            Entries::Lines(lines) => Ok(lines),
            Entries::None => Ok(0),
            Entries::Members(archive) => self.entry_fault.map_or_else(|| archive.finish(self.cut), Err),
        };
        match entries {
            Ok(entries) => {
                if matches!(Name::of(key), Some(Name::Archive { .. })) {
                    measured.members = measured.members.saturating_add(entries);
                }
                // The last entry of an object that was cut may be there in part: it had begun.
                let most = entries.saturating_add(u64::from(self.cut));
                let right = said.entries.is_none_or(|said| (entries..=most).contains(&said));
                let told = format!("holds {entries} entries, and its receipt says {}", said.entries.unwrap_or(entries));
                findings.require(right, key, told);
            }
            Err(fault) => findings.fail(key, format!("is not an archive of this format: {fault}")),
        }
    }
}
