//! ELF notes (elf(5)), as in `/sys/kernel/notes` and the `PT_NOTE` of `/proc/kcore`: bytes that name themselves.
//!
//! ```text
//! u32 bytes of the name, its NUL included | u32 bytes of the content | u32 type | name | content, each padded to 4 bytes
//! ```

use crate::model::little_endian::word;

/// One note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Note<'a> {
    /// Who made it, without the NUL: `GNU`, `CORE`, `VMCOREINFO`.
    pub name: &'a [u8],
    /// What it is, in the maker's own numbers.
    pub kind: u32,
    /// Its content.
    pub content: &'a [u8],
}

/// `NT_GNU_BUILD_ID`.
const BUILD_ID: u32 = 3;

/// The notes in `bytes`, as far as they make sense.
pub fn notes(mut bytes: &[u8]) -> impl Iterator<Item = Note<'_>> {
    std::iter::from_fn(move || {
        let (note, rest) = first(bytes)?;
        bytes = rest;
        Some(note)
    })
}

fn first(bytes: &[u8]) -> Option<(Note<'_>, &[u8])> {
    let (name, content, kind) = (word(bytes, 0)?, word(bytes, 4)?, word(bytes, 8)?);
    let (name, rest) = padded(bytes.get(12..)?, name)?;
    let (content, rest) = padded(rest, content)?;
    let name = name.split(|b| *b == 0).next().unwrap_or_default();
    Some((Note { name, kind, content }, rest))
}

/// The first `length` bytes, and what stands behind them and their padding.
fn padded(bytes: &[u8], length: u32) -> Option<(&[u8], &[u8])> {
    let length = usize::try_from(length).ok()?;
    let whole = length.checked_next_multiple_of(4)?;
    Some((bytes.get(..length)?, bytes.get(whole..).unwrap_or_default()))
}

/// The build id, in hexadecimal digits: which build of the kernel, or of a module, this is.
#[must_use]
pub fn build_id(bytes: &[u8]) -> Option<String> {
    let note = notes(bytes).find(|note| note.name == b"GNU" && note.kind == BUILD_ID && !note.content.is_empty())?;
    Some(note.content.iter().take(64).map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(in super::super) fn note(name: &[u8], kind: u32, content: &[u8]) -> Vec<u8> {
        let lengths = [name.len() + 1, content.len()].map(|length| u32::try_from(length).unwrap());
        let mut out: Vec<u8> = [lengths[0], lengths[1], kind].iter().flat_map(|word| word.to_le_bytes()).collect();
        out.extend(name);
        out.resize((out.len() + 1).next_multiple_of(4), 0);
        out.extend(content);
        out.resize(out.len().next_multiple_of(4), 0);
        out
    }

    #[test]
    fn a_build_id_stands_among_others() {
        let bytes = [note(b"Xen", 6, b"linux"), note(b"GNU", 3, &[0xab, 1, 2]), note(b"Linux", 0x100, b"")].concat();
        assert_eq!(build_id(&bytes).unwrap(), "ab0102");
        assert_eq!(notes(&bytes).map(|note| note.name).collect::<Vec<_>>(), [&b"Xen"[..], b"GNU", b"Linux"]);
        assert_eq!(build_id(&bytes[..30]), None);
        assert_eq!(build_id(&note(b"GNU", 3, b"")), None);
    }

    proptest! {
        #[test]
        fn any_bytes_parse(bytes: Vec<u8>, at in 0_usize..36, value: u8) {
            let _ = notes(&bytes).count();
            let mut hostile = note(b"GNU", 3, &[1; 20]);
            hostile[at] = value;
            let _ = build_id(&hostile);
        }
    }
}
