//! BTF as the kernel and its modules hand it over: the first half of the bytes is the kernel's, the second a module's.

#![no_main]

use std::fmt::Write as _;

// The reader is a part of the program, which is far more than is of use here.
#[expect(dead_code, reason = "what only a symbol file asks for")]
#[path = "../../agent/src/symbols/btf/mod.rs"]
mod btf;

/// Takes what is written, and keeps nothing of it.
struct Nowhere;

impl std::fmt::Write for Nowhere {
    fn write_str(&mut self, _: &str) -> std::fmt::Result {
        Ok(())
    }
}

/// Reads every type, and follows every one to what is left of it.
fn read(btf: &btf::Btf<'_>) {
    for id in btf.ids() {
        let (plain, found) = btf.plain(id);
        write!(Nowhere, "{plain} {found:?} {:?} {}", btf.get(id), btf.size(id)).unwrap();
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (kernel, module) = bytes.split_at(bytes.len() / 2);
    let Ok(base) = btf::Btf::parse(kernel, None) else { return };
    read(&base);
    if let Ok(module) = btf::Btf::parse(module, Some(&base)) {
        read(&module);
    }
});
