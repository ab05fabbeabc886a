//! The kernel's symbols, at the addresses it was linked for, each with the type of what stands there.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hozen_collector::model::escape;
use hozen_collector::source::kernel_symbols::kallsyms::{self, Landmarks};

use super::globals;
use super::isf::{Descriptor, Symbol, Types};

/// The symbols of `text`, the banner's with the bytes that stand there. `offset` is taken off the addresses within the kernel's
/// image; others (per-CPU offsets, constants) do not move. Symbols of modules are left out: they lie elsewhere after each boot.
pub(super) fn symbols(text: &[u8], offset: u64, types: &Types, banner: &[u8]) -> BTreeMap<String, Symbol> {
    let marks = Landmarks::of(text);
    let mut found: BTreeMap<String, (u64, u8)> = BTreeMap::new();
    for symbol in kallsyms::symbols(text).filter(|symbol| symbol.module.is_none()) {
        let address = if marks.holds(symbol.address) { symbol.address.wrapping_sub(offset) } else { symbol.address };
        let entry = found.entry(escape::bytes(symbol.name)).or_insert((address, symbol.kind));
        // Of several of a name the one that other files see, else the first.
        if entry.1.is_ascii_lowercase() && symbol.kind.is_ascii_uppercase() {
            *entry = (address, symbol.kind);
        }
    }
    let mut places: Vec<u64> = found.values().map(|(address, _)| *address).collect();
    places.sort_unstable();
    let room = |address: u64| {
        let next = places.get(places.partition_point(|place| *place <= address)).copied();
        next.map_or(0, |next| next - address)
    };
    let typed = |(name, (address, _)): (String, (u64, u8))| {
        let of = globals::type_of(&name, room(address), types).unwrap_or_else(Descriptor::void);
        let constant_data = (name == "linux_banner").then(|| STANDARD.encode(banner));
        (name, Symbol { address, of, constant_data })
    };
    found.into_iter().map(typed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_kernels_image_moves() {
        let text =
            b"0000000000001000 A current_task\nffffffff9a000000 T _text\nffffffff9a000010 t twice\nffffffff9a000020 T twice\n\
            ffffffff9a000030 t twice\nffffffff9a000040 D linux_banner\nffffffff9a000100 B _end\nffffffffc0000000 t init\t[xfs]\n";
        let table = symbols(text, 0x1900_0000, &Types::default(), b"Linux\n");
        let address = |name: &str| table[name].address;
        assert_eq!((address("_text"), address("current_task")), (0xffff_ffff_8100_0000, 0x1000));
        assert_eq!(address("twice"), 0xffff_ffff_8100_0020);
        assert_eq!(table["linux_banner"].constant_data.as_deref(), Some("TGludXgK"));
        assert!(!table.contains_key("init") && table["_text"].constant_data.is_none());
    }
}
