//! Symbols as the kernel and its build list them: `/proc/kallsyms` (proc_kallsyms(5)) and `System.map` (nm(1)).
//!
//! ```text
//! ffffffff81000000 T _text
//! ffffffffc0a00010 t xfs_init    [xfs]
//! ```

use crate::source::text;

/// One line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbol<'a> {
    /// Virtual address; 0 where the kernel hides it.
    pub address: u64,
    /// The letter of nm(1); capital for symbols that other files see.
    pub kind: u8,
    /// Name.
    pub name: &'a [u8],
    /// The module, or another thing such as `bpf`, that it belongs to.
    pub module: Option<&'a [u8]>,
}

/// The lines of `text`; what does not parse is left out.
pub fn symbols(text: &[u8]) -> impl Iterator<Item = Symbol<'_>> {
    text::lines(text).filter_map(symbol)
}

fn symbol(line: &[u8]) -> Option<Symbol<'_>> {
    let mut fields = text::fields(line);
    let (address, kind, name) = (text::hexadecimal(fields.next()?)?, fields.next()?, fields.next()?);
    let module = fields.next().and_then(|tag| tag.strip_prefix(b"[")?.strip_suffix(b"]"));
    let [kind] = kind else { return None };
    Some(Symbol { address, kind: *kind, name, module })
}

/// Symbols of the kernel itself that say where it is, and whether the list is of use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Landmarks {
    /// How many symbols there are, those of modules included.
    pub count: u64,
    /// `_text`: where the kernel begins.
    pub text: Option<u64>,
    /// `_stext`: where its code begins.
    pub code: Option<u64>,
    /// `_end`: where it ends.
    pub end: Option<u64>,
    /// `linux_banner`.
    pub banner: Option<u64>,
    /// `init_task`, without which nobody finds a process.
    pub init_task: Option<u64>,
}

impl Landmarks {
    /// Finds them in `text`. The first symbol of a name counts.
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        let mut marks = Self::default();
        for symbol in symbols(text) {
            marks.count += 1;
            let place = match symbol.name {
                b"_text" => &mut marks.text,
                b"_stext" => &mut marks.code,
                b"_end" => &mut marks.end,
                b"linux_banner" => &mut marks.banner,
                b"init_task" => &mut marks.init_task,
                _ => continue,
            };
            if symbol.module.is_none() && symbol.address != 0 {
                place.get_or_insert(symbol.address);
            }
        }
        marks
    }

    /// Whether the addresses are true ones.
    #[must_use]
    pub fn is_placed(&self) -> bool {
        self.begin().is_some()
    }

    /// Where the kernel begins: `_text`, else `_stext`.
    #[must_use]
    pub fn begin(&self) -> Option<u64> {
        self.text.or(self.code)
    }

    /// Whether `address` is one of the kernel's image: only those move with it. Per-CPU offsets and constants do not.
    #[must_use]
    pub fn holds(&self, address: u64) -> bool {
        self.begin().is_some_and(|begin| begin <= address) && self.end.is_none_or(|end| address <= end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &[u8] = b"0000000000000000 A fixed_percpu_data\nffffffff9a000000 T _text\nffffffff9a000000 T _stext\n\
        ffffffff9b000000 D linux_banner\nffffffffc0000000 d linux_banner\t[rk]\nffffffff9c000000 B _end\nbroken\n";

    #[test]
    fn landmarks_are_the_kernels_own() {
        let marks = Landmarks::of(TEXT);
        assert_eq!((marks.count, marks.begin(), marks.init_task), (6, Some(0xffff_ffff_9a00_0000), None));
        assert_eq!(marks.banner, Some(0xffff_ffff_9b00_0000));
        assert!(marks.is_placed() && marks.holds(0xffff_ffff_9c00_0000));
        assert!(!marks.holds(0) && !marks.holds(0xffff_ffff_c000_0000));
    }

    #[test]
    fn hidden_addresses_are_no_addresses() {
        let marks = Landmarks::of(b"0000000000000000 T _text\n0000000000000000 D init_task\n");
        assert_eq!((marks.count, marks.is_placed(), marks.init_task), (2, false, None));
    }

    #[test]
    fn a_modules_symbol_names_its_module() {
        let line = symbols(b"ffffffffc0a00010 t a\t[xfs]\n").next().unwrap();
        assert_eq!((line.kind, line.name, line.module), (b't', &b"a"[..], Some(&b"xfs"[..])));
    }

    proptest! {
        #[test]
        fn any_bytes_parse(bytes: Vec<u8>) {
            let _ = Landmarks::of(&bytes);
            let _ = symbols(&bytes).count();
        }
    }
}
