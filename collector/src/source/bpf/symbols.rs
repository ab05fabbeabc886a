//! Compiled programs have names among the kernel's symbols, `bpf_prog_<tag>_<name>` (`bpf_prog_ksym_set_name`): a view of them that
//! bpf(2) has no part in.

use std::collections::{BTreeMap, BTreeSet};

use super::Objects;
use super::helpers::Helpers;
use crate::host::{Host, read};
use crate::model::Row;
use crate::source::{Evidence, Stop};

/// The most that is read of `/proc/kallsyms`.
const MOST: usize = 8 * read::SMALL;

/// What the symbols say of BPF.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    /// Names of the compiled programs, by tag.
    pub(super) programs: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Functions of the kernel that programs may call, by address.
    pub(super) helpers: Helpers,
}

/// Reads them.
pub(super) fn read(host: &Host) -> Symbols {
    let text = host.proc.file("kallsyms", MOST).unwrap_or_default().bytes;
    let mut symbols = Symbols::default();
    for line in text.split(|b| *b == b'\n') {
        symbols.programs.extend(program(line));
        symbols.helpers.add(line);
    }
    symbols
}

/// Tag and symbol in a line `address type symbol<tab>[bpf]`.
fn program(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let symbol = line.split(u8::is_ascii_whitespace).nth(2)?;
    let tag = symbol.strip_prefix(b"bpf_prog_")?.get(..16)?;
    tag.iter().all(u8::is_ascii_hexdigit).then(|| (tag.to_owned(), symbol.to_owned()))
}

/// Writes a row for each compiled program that no program of the list accounts for. A program has a tag for itself and one for
/// each of its functions. What is loaded or freed meanwhile is no longer there at a second look.
pub(super) fn unclaimed(host: &Host, symbols: &Symbols, objects: &Objects, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    let mut tags = BTreeSet::new();
    for info in objects.values().flatten() {
        let (more, _) = info.part("tags").unwrap_or_default().as_chunks::<8>();
        let own = info.bytes.get(8..16).unwrap_or_default();
        tags.extend(more.iter().map(|tag| hex(tag)).chain([hex(own)]));
    }
    let missing = |symbols: &BTreeMap<Vec<u8>, Vec<u8>>| symbols.keys().any(|tag| !tags.contains(tag));
    if !host.live || !missing(&symbols.programs) {
        return Ok(());
    }
    let again = read(host).programs;
    for (tag, symbol) in symbols.programs.iter().filter(|(tag, _)| !tags.contains(*tag) && again.contains_key(*tag)) {
        let mut row = Row::new(host.clock.now(), "/proc/kallsyms");
        row.bytes("tag", tag).bytes("symbol", symbol).json("seen_by", &["kallsyms"]).flag("contradiction", true);
        evidence.row("bpf_programs", &row)?;
    }
    Ok(())
}

pub(super) fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|b| format!("{b:02x}").into_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_programs_have_a_tag() {
        let found = program(b"ffffffffc0201000 t bpf_prog_6deef7357e7b4530_sd_fw\t[bpf]").unwrap();
        assert_eq!(found.0, b"6deef7357e7b4530");
        for other in [&b"ffffffff81000000 T bpf_prog_alloc"[..], b"", b"0 t bpf_prog_6deef7357e7b453", b"0 t bpf_trampoline_1"] {
            assert_eq!(program(other), None);
        }
    }
}
