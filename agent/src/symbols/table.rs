//! The kernel's symbols, at the addresses it was linked for, each with the type of what stands there.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hozen_collector::model::escape;
use hozen_collector::source::kernel_symbols::kallsyms::{self, Landmarks};

use super::globals::Kernel;
use super::isf::{Descriptor, Symbol};

/// A list of symbols, and how far its kernel lies from where it was linked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct List<'a> {
    /// Its path on the host.
    pub(super) path: &'a str,
    /// What stands in it.
    pub(super) text: &'a [u8],
    /// What is to be taken off its addresses.
    pub(super) offset: u64,
}

/// Address and kind by name.
type Found = BTreeMap<String, (u64, u8)>;

/// The symbols of the first list, and what only later ones have; the banner's with the bytes that stand there.
pub(super) fn symbols(lists: &[List<'_>], kernel: Kernel<'_>, banner: &[u8]) -> BTreeMap<String, Symbol> {
    let mut found = Found::new();
    for list in lists {
        for (name, symbol) in of_list(list) {
            found.entry(name).or_insert(symbol);
        }
    }
    let mut places: Vec<u64> = found.values().map(|(address, _)| *address).collect();
    places.sort_unstable();
    let room = |address: u64| {
        let next = places.get(places.partition_point(|place| *place <= address)).copied();
        next.map_or(0, |next| next - address)
    };
    let typed = |(name, (address, _)): (String, (u64, u8))| {
        let of = kernel.type_of(&name, room(address)).unwrap_or_else(Descriptor::void);
        let constant_data = (name == "linux_banner").then(|| STANDARD.encode(banner));
        (name, Symbol { address, of, constant_data })
    };
    found.into_iter().map(typed).collect()
}

/// Only addresses within the kernel's image move; others (per-CPU offsets, constants) do not. Symbols of modules are left out:
/// they lie elsewhere after each boot.
fn of_list(list: &List<'_>) -> Found {
    let marks = Landmarks::of(list.text);
    let mut found = Found::new();
    for symbol in kallsyms::symbols(list.text).filter(|symbol| symbol.module.is_none()) {
        let address = if marks.holds(symbol.address) { symbol.address.wrapping_sub(list.offset) } else { symbol.address };
        let entry = found.entry(escape::bytes(symbol.name)).or_insert((address, symbol.kind));
        // Of several of a name the one that other files see, else the first.
        if entry.1.is_ascii_lowercase() && symbol.kind.is_ascii_uppercase() {
            *entry = (address, symbol.kind);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_kernels_image_moves() {
        let text: &[u8] =
            b"0000000000001000 A current_task\nffffffff9a000000 T _text\nffffffff9a000010 t twice\nffffffff9a000020 T twice\n\
            ffffffff9a000030 t twice\nffffffff9a000040 D linux_banner\nffffffff9a000100 B _end\nffffffffc0000000 t init\t[xfs]\n";
        let types = super::super::isf::Types::default();
        let kernel = Kernel { types: &types, release: "6.1" };
        let map = b"ffffffff81000000 T _text\nffffffff81000010 D kallsyms_names\n";
        let list = |path, text, offset| List { path, text, offset };
        let lists = [list("/proc/kallsyms", text, 0x1900_0000), list("/boot/System.map", &map[..], 0)];
        let table = symbols(&lists, kernel, b"Linux\n");
        let address = |name: &str| table[name].address;
        assert_eq!((address("_text"), address("current_task")), (0xffff_ffff_8100_0000, 0x1000));
        assert_eq!((address("twice"), address("kallsyms_names")), (0xffff_ffff_8100_0020, 0xffff_ffff_8100_0010));
        assert_eq!(table["linux_banner"].constant_data.as_deref(), Some("TGludXgK"));
        assert!(!table.contains_key("init") && table["_text"].constant_data.is_none());
    }
}
