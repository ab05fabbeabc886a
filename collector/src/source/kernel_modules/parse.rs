//! The kernel's four lists of its modules.

use std::collections::BTreeMap;

use crate::source::text;

/// A line of `/proc/modules` (proc_modules(5)): `name size references users state address (taint)`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::source) struct Module {
    /// Name.
    pub name: Vec<u8>,
    /// Bytes.
    pub size: u64,
    /// References; none where the kernel cannot unload modules.
    pub references: Option<i64>,
    /// Names of the modules that use it, each followed by a comma; `-` for none.
    pub used_by: Vec<u8>,
    /// `Live`, `Loading` or `Unloading`.
    pub state: Vec<u8>,
    /// Where it lies; 0 where the kernel hides it from us.
    pub address: u64,
    /// Letters between brackets.
    pub taint: Vec<u8>,
}

/// Parses `/proc/modules`; lines that do not parse are returned beside it.
pub(in crate::source) fn modules(text: &[u8]) -> (Vec<Module>, Vec<&[u8]>) {
    let mut bad = Vec::new();
    let parsed = text::lines(text).filter_map(|line| {
        module(line).or_else(|| {
            bad.push(line);
            None
        })
    });
    (parsed.collect(), bad)
}

fn module(line: &[u8]) -> Option<Module> {
    let mut fields = text::fields(line);
    let (name, size) = (fields.next()?.to_owned(), u64::try_from(text::number(fields.next()?)?).ok()?);
    let (references, used_by) = (text::number(fields.next()?), fields.next()?.to_owned());
    let (state, address) = (fields.next()?.to_owned(), text::hexadecimal(fields.next()?)?);
    let taint = fields.next().unwrap_or_default();
    let taint = taint.strip_prefix(b"(").and_then(|rest| rest.strip_suffix(b")")).unwrap_or(taint).to_owned();
    Some(Module { name, size, references, used_by, state, address, taint })
}

/// What `/proc/kallsyms` has of one module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Symbols {
    /// How many symbols.
    pub count: u64,
    /// Lowest address; 0 where the kernel hides them from us.
    pub lowest: u64,
    /// Highest address.
    pub highest: u64,
}

/// The symbols of each module in `/proc/kallsyms`: lines that end in `[name]`. Tags that are no modules (`bpf`,
/// `__builtin__…`) are left out.
pub(super) fn kallsyms(text: &[u8]) -> BTreeMap<Vec<u8>, Symbols> {
    let mut modules: BTreeMap<Vec<u8>, Symbols> = BTreeMap::new();
    for line in text::lines(text) {
        let Some((address, name)) = tagged(line) else { continue };
        let symbols = modules.entry(name.to_owned()).or_insert(Symbols { count: 0, lowest: address, highest: address });
        symbols.count += 1;
        symbols.lowest = symbols.lowest.min(address);
        symbols.highest = symbols.highest.max(address);
    }
    modules
}

fn tagged(line: &[u8]) -> Option<(u64, &[u8])> {
    let tag = line.strip_suffix(b"]")?;
    let name = tag.rsplit(|b| *b == b'[').next()?;
    let address = text::hexadecimal(text::fields(line).next()?)?;
    let module = name.len() < tag.len() && name != b"bpf" && !name.starts_with(b"__builtin__");
    module.then_some((address, name))
}

/// A stretch of kernel memory that was allocated for a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Area {
    /// First address.
    pub start: u64,
    /// First address behind it; the last page is a guard.
    pub end: u64,
    /// The function that asked for it.
    pub caller: Vec<u8>,
}

/// Functions that allocate for modules, in kernels from 3.x to 6.x.
const CALLERS: [&[u8]; 7] = [
    b"load_module",
    b"move_module",
    b"module_alloc",
    b"module_memory_alloc",
    b"layout_and_allocate",
    b"execmem_alloc",
    b"execmem_cache",
];

/// The lines of `/proc/vmallocinfo` (proc_vmallocinfo(5)) that were allocated for modules.
pub(super) fn module_areas(text: &[u8]) -> Vec<Area> {
    text::lines(text).filter_map(area).filter(|area| CALLERS.iter().any(|caller| area.caller.starts_with(caller))).collect()
}

/// Whether the areas have their true addresses. With `kptr_restrict` 0 most kernels print 32 bits of a hash in place of each, with 2
/// zeros (`%pK`, Documentation/core-api/printk-formats.rst): those say nothing of where a module lies.
pub(super) fn are_placed(areas: &[Area]) -> bool {
    areas.is_empty() || areas.iter().any(|area| area.start > u64::from(u32::MAX))
}

fn area(line: &[u8]) -> Option<Area> {
    let mut fields = text::fields(line);
    let mut ends = fields.next()?.split(|b| *b == b'-');
    let (start, end) = (text::hexadecimal(ends.next()?)?, text::hexadecimal(ends.next()?)?);
    Some(Area { start, end, caller: fields.nth(1)?.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn modules_have_optional_taint_and_bad_lines_stay() {
        let (modules, bad) = modules(b"xfs 1 2 a,b, Live 0xffffffffc0a00000 (OE)\nnf - - - x\ne1000 3 - - Loading 0x0\n");
        assert_eq!(modules.len(), 2);
        assert_eq!((modules[0].taint.as_slice(), modules[0].references), (&b"OE"[..], Some(2)));
        assert_eq!((modules[1].references, modules[1].address), (None, 0));
        assert_eq!(bad, [b"nf - - - x"]);
    }

    #[test]
    fn symbols_are_counted_by_tag() {
        let text = b"ffffffffc0a00010 t init\t[xfs]\nffffffffc0a00000 t exit\t[xfs]\nffffffff81000000 T _text\n\
            ffffffffc0b0 t bpf_prog_1\t[bpf]\nffffffffc0c0 t p\t[__builtin__kprobes]\nzz t q\t[bad]\n0 t x]\n";
        let symbols = kallsyms(text);
        assert_eq!(symbols.keys().collect::<Vec<_>>(), [b"xfs"]);
        assert_eq!(symbols[&b"xfs"[..]], Symbols { count: 2, lowest: 0xffff_ffff_c0a0_0000, highest: 0xffff_ffff_c0a0_0010 });
    }

    #[test]
    fn only_areas_for_modules_count() {
        let text = b"0xffffc900-0xffffca00    8192 irq_init+0x1/0x2 pages=1 vmalloc\n0x10-0x20 16 move_module+0xa/0xb pages=1\n0x30-0x40 16\n";
        assert_eq!(module_areas(text), [Area { start: 16, end: 32, caller: b"move_module+0xa/0xb".to_vec() }]);
    }

    #[test]
    fn hashed_addresses_and_zeros_place_nothing() {
        let areas = |text: &str| are_placed(&module_areas(text.as_bytes()));
        assert!(!areas("0x0000000086d5f090-0x000000003aca1151 8192 load_module+0xbb7/0x21a0 pages=1\n"));
        assert!(!areas("0x0000000000000000-0x0000000000000000 8192 load_module+0xbb7/0x21a0 pages=1\n"));
        assert!(areas("0xffffffffc04dc000-0xffffffffc04e0000 16384 load_module+0xbb7/0x21a0 pages=3\n"));
        assert!(areas(""));
    }

    proptest! {
        #[test]
        fn any_bytes_parse(bytes: Vec<u8>) {
            modules(&bytes); kallsyms(&bytes); module_areas(&bytes);
        }

        #[test]
        fn anything_like_them_parses(text in "([a-z0-9_]{0,6} -?[0-9]{0,22} [-0-9]{0,3} [a-z,]{0,5} Live 0x[0-9a-f]{0,20}( \\([A-Z]\\))?\\]?\n){0,5}") {
            let bytes = text.as_bytes();
            modules(bytes); kallsyms(bytes); module_areas(bytes);
        }
    }
}
