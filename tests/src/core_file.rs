//! Reads an ELF core file of 64 bits (elf(5)): its program headers, and what stands at an address.

use std::ops::Range;

/// A loadable segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its addresses.
    pub addresses: Range<u64>,
    /// 4 read, 2 write, 1 execute.
    pub flags: u32,
    offset: usize,
}

/// A note: name, type, content.
pub type Note = (Vec<u8>, u32, Vec<u8>);

/// A core file.
#[derive(Debug)]
pub struct CoreFile<'a> {
    bytes: &'a [u8],
    /// Its loadable segments.
    pub segments: Vec<Segment>,
    /// The notes.
    pub notes: Vec<Note>,
}

impl<'a> CoreFile<'a> {
    /// Reads the headers.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn read(bytes: &'a [u8]) -> Result<Self, String> {
        // 64 bits, least byte first, version 1; a core file.
        if bytes.get(..7) != Some(b"\x7fELF\x02\x01\x01") || number(bytes, 16, 2)? != 4 {
            return Err("no ELF core file of 64 bits".to_owned());
        }
        let (table, count) = (number(bytes, 32, 8)?, header_count(bytes)?);
        let mut core = Self { bytes, segments: Vec::new(), notes: Vec::new() };
        for at in (0..count).map(|header| table + header * 56) {
            let place = usize_of(at)?;
            let word = |field: usize| number(bytes, place + field, 8);
            let (offset, address, length) = (usize_of(word(8)?)?, word(16)?, word(32)?);
            let content = offset.checked_add(usize_of(length)?).and_then(|end| bytes.get(offset..end));
            let content = content.ok_or_else(|| format!("segment at {address:#x} lies outside of the file"))?;
            match number(bytes, place, 4)? {
                1 => {
                    let flags = u32::try_from(number(bytes, place + 4, 4)?).map_err(|error| error.to_string())?;
                    core.segments.push(Segment { addresses: address..address + length, flags, offset });
                }
                4 => core.notes.extend(notes(content)?),
                other => return Err(format!("program header of type {other}")),
            }
        }
        Ok(core)
    }

    /// The `length` bytes at `address`, if one segment has them all.
    #[must_use]
    pub fn at(&self, address: u64, length: usize) -> Option<&'a [u8]> {
        let segment = self.segments.iter().find(|segment| segment.addresses.contains(&address))?;
        let start = segment.offset + usize::try_from(address - segment.addresses.start).ok()?;
        let end = start.checked_add(length)?;
        (address + u64::try_from(length).ok()? <= segment.addresses.end).then(|| self.bytes.get(start..end)).flatten()
    }

    /// The content of the first note of this type.
    #[must_use]
    pub fn note(&self, kind: u32) -> Option<&[u8]> {
        self.notes.iter().find(|(name, of, _)| name == b"CORE" && *of == kind).map(|(.., content)| content.as_slice())
    }
}

/// The number of program headers; where it does not fit, section header 0 has it.
fn header_count(bytes: &[u8]) -> Result<u64, String> {
    match number(bytes, 56, 2)? {
        0xffff => number(bytes, usize_of(number(bytes, 40, 8)?)? + 44, 4),
        count => Ok(count),
    }
}

fn notes(mut bytes: &[u8]) -> Result<Vec<Note>, String> {
    let mut notes = Vec::new();
    while !bytes.is_empty() {
        let (name, content) = (usize_of(number(bytes, 0, 4)?)?, usize_of(number(bytes, 4, 4)?)?);
        let kind = u32::try_from(number(bytes, 8, 4)?).map_err(|error| error.to_string())?;
        let content_at = 12 + name.next_multiple_of(4);
        let piece = |from: usize, length: usize| bytes.get(from..from + length).ok_or("a note is cut off");
        let name = piece(12, name)?.strip_suffix(b"\0").ok_or("a name without an end")?;
        notes.push((name.to_vec(), kind, piece(content_at, content)?.to_vec()));
        bytes = bytes.get((content_at + content).next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(notes)
}

fn number(bytes: &[u8], at: usize, length: usize) -> Result<u64, String> {
    let field = bytes.get(at..at + length).ok_or_else(|| format!("cut off at {at}"))?;
    Ok(field.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

fn usize_of(value: u64) -> Result<usize, String> {
    usize::try_from(value).map_err(|error| error.to_string())
}
