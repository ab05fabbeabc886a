//! BTF, the kernel's own description of its types (Documentation/bpf/btf.rst), little-endian.
//!
//! ```text
//! header  u16 0xeb9f | u8 1 | u8 flags | u32 its length | u32 types at | u32 length | u32 strings at | u32 length
//! a type  u32 name | u32 count (bits 0-15), kind (24-28), flag (31) | u32 size, or type | what its kind adds
//! ```
//!
//! Types are numbered from 1, 0 is `void`. A module's BTF is split: its numbers and its strings go on where the kernel's end.
//!
//! **Invariant:** any bytes may come. An index of the types is made once, and proves that each lies within the bytes; numbers
//! and names that lead nowhere are `void` and nothing.

mod kind;

use hozen_collector::model::little_endian::{short, word};

pub(super) use kind::{Kind, Member, Value};

/// The number of a type.
pub(super) type Id = u32;

/// First two bytes, read little-endian.
const MAGIC: u16 = 0xeb9f;
/// Bytes of the header that we know.
const HEADER: usize = 24;
/// Bytes of every type before what its kind adds.
const TYPE: usize = 12;
/// The most types there may be: `BTF_MAX_TYPE` of linux/btf.h.
const MOST_TYPES: usize = 0xf_ffff;
/// The most bytes of a name that are read: the kernel takes none that is longer (`KSYM_NAME_LEN` of linux/kallsyms.h). Every type may bear
/// the same one.
const MOST_NAME: usize = 512;
/// How many typedefs, qualifiers or pointers are followed before it is taken for a circle.
pub(super) const DEPTH: u8 = 32;

/// Types of the kernel, or of one module.
#[derive(Debug, Clone)]
pub(super) struct Btf<'a> {
    types: &'a [u8],
    strings: &'a [u8],
    /// Where in `types` each of them begins.
    index: Vec<u32>,
    base: Option<&'a Btf<'a>>,
}

/// One type.
#[derive(Debug, Clone)]
pub(super) struct Type<'a> {
    /// Its name; empty where it has none.
    pub(super) name: &'a [u8],
    /// What it is.
    pub(super) kind: Kind<'a>,
}

impl<'a> Btf<'a> {
    /// Reads the types of the kernel itself, or with a `base` those of a module.
    pub(super) fn parse(bytes: &'a [u8], base: Option<&'a Btf<'a>>) -> Result<Self, String> {
        let (types, strings) = sections(bytes)?;
        let index = index(types, base.map_or(1, Btf::end))?;
        Ok(Self { types, strings, index, base })
    }

    /// The number of its first type.
    pub(super) fn first(&self) -> Id {
        self.base.map_or(1, Btf::end)
    }

    /// The first number that it has no type for.
    pub(super) fn end(&self) -> Id {
        self.first().saturating_add(u32::try_from(self.index.len()).unwrap_or(u32::MAX))
    }

    /// The numbers of its own types.
    pub(super) fn ids(&self) -> std::ops::Range<Id> {
        self.first()..self.end()
    }

    /// The type of this number; `void` where there is none.
    pub(super) fn get(&self, id: Id) -> Type<'a> {
        match (id.checked_sub(self.first()), self.base) {
            (Some(own), _) => self.own(own).unwrap_or_else(Type::void),
            (None, Some(base)) => base.get(id),
            (None, None) => Type::void(),
        }
    }

    /// What is left of a type without typedefs and qualifiers: its number and it.
    pub(super) fn plain(&self, mut id: Id) -> (Id, Type<'a>) {
        for _ in 0..DEPTH {
            let found = self.get(id);
            match found.kind {
                Kind::Typedef(to) | Kind::Qualified(to) => id = to,
                _ => return (id, found),
            }
        }
        (0, Type::void())
    }

    /// Bytes that a value of this type takes; 0 where that cannot be said.
    pub(super) fn size(&self, id: Id) -> u64 {
        self.size_within(id, DEPTH)
    }

    fn size_within(&self, id: Id, depth: u8) -> u64 {
        let Some(deeper) = depth.checked_sub(1) else { return 0 };
        match self.plain(id).1.kind {
            Kind::Integer { size, .. } | Kind::Float { size } | Kind::Enumeration { size, .. } | Kind::Composite { size, .. } => {
                u64::from(size)
            }
            Kind::Pointer(_) => 8,
            Kind::Array { element, count } => u64::from(count).saturating_mul(self.size_within(element, deeper)),
            Kind::Variable(of) => self.size_within(of, deeper),
            _ => 0,
        }
    }

    fn own(&self, number: u32) -> Option<Type<'a>> {
        let at = usize::try_from(*self.index.get(usize::try_from(number).ok()?)?).ok()?;
        let head = Head::at(self.types, at)?;
        let extra = self.types.get(at.checked_add(TYPE)?..)?.get(..head.extra()?)?;
        Some(Type { name: self.name(head.name), kind: kind::kind(&head, extra, self)? })
    }

    fn string_bytes(&self) -> usize {
        self.strings.len().saturating_add(self.base.map_or(0, Btf::string_bytes))
    }

    /// The string at an offset; those of the base come first.
    fn name(&self, offset: u32) -> &'a [u8] {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let before = self.base.map_or(0, Btf::string_bytes);
        match (offset.checked_sub(before), self.base) {
            (Some(own), _) => {
                let rest = self.strings.get(own..).unwrap_or_default();
                let rest = rest.get(..MOST_NAME).unwrap_or(rest);
                rest.split(|b| *b == 0).next().unwrap_or_default()
            }
            (None, Some(base)) => base.name(u32::try_from(offset).unwrap_or(u32::MAX)),
            (None, None) => b"",
        }
    }
}

impl Type<'_> {
    fn void() -> Self {
        Self { name: b"", kind: Kind::Void }
    }
}

/// What every type begins with.
#[derive(Debug, Clone, Copy)]
struct Head {
    name: u32,
    count: usize,
    kind: u32,
    flag: bool,
    /// A size or a type, by kind.
    value: u32,
}

impl Head {
    fn at(types: &[u8], at: usize) -> Option<Self> {
        let bytes = types.get(at..)?;
        let (name, info, value) = (word(bytes, 0)?, word(bytes, 4)?, word(bytes, 8)?);
        let count = usize::try_from(info & 0xffff).ok()?;
        Some(Self { name, count, kind: info >> 24 & 0x1f, flag: info >> 31 == 1, value })
    }

    /// Bytes that its kind adds; none where the kind is not known.
    fn extra(&self) -> Option<usize> {
        kind::extra_bytes(self.kind, self.count)
    }
}

/// Types and strings.
fn sections(bytes: &[u8]) -> Result<(&[u8], &[u8]), String> {
    if short(bytes, 0) != Some(MAGIC) {
        return Err("it does not begin as little-endian BTF does".to_owned());
    }
    if bytes.get(2) != Some(&1) {
        return Err(format!("its version is {}, and only 1 is known", bytes.get(2).copied().unwrap_or_default()));
    }
    let field = |at: usize| word(bytes, at).and_then(|value| usize::try_from(value).ok());
    let header = field(4).filter(|length| *length >= HEADER);
    let section = |at: usize| {
        let start = header?.checked_add(field(at)?)?;
        bytes.get(start..start.checked_add(field(at + 4)?)?)
    };
    let broken = || "its header leads beyond its end".to_owned();
    Ok((section(8).ok_or_else(broken)?, section(16).ok_or_else(broken)?))
}

fn index(types: &[u8], first: Id) -> Result<Vec<u32>, String> {
    let (mut index, mut at) = (Vec::new(), 0_usize);
    while at < types.len() {
        let number = usize::try_from(first).unwrap_or(usize::MAX).saturating_add(index.len());
        if number > MOST_TYPES {
            return Err(format!("it has more than {MOST_TYPES} types"));
        }
        let head = Head::at(types, at).ok_or_else(|| format!("its type {number} is cut short"))?;
        let extra = head.extra().ok_or_else(|| format!("its type {number} is of kind {}, which is not known", head.kind))?;
        let next = at.saturating_add(TYPE).saturating_add(extra);
        if next > types.len() {
            return Err(format!("its type {number} is cut short"));
        }
        index.push(u32::try_from(at).map_err(|_| "it has more than 4 GiB of types".to_owned())?);
        at = next;
    }
    Ok(index)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Writes BTF.
    #[derive(Debug, Clone)]
    pub(in super::super) struct Writer {
        types: Vec<u8>,
        strings: Vec<u8>,
        /// Bytes of strings that come before, in a split BTF.
        before: usize,
    }

    impl Writer {
        pub(in super::super) fn new() -> Self {
            Self { types: Vec::new(), strings: vec![0], before: 0 }
        }

        pub(in super::super) fn split(base: &[u8]) -> Self {
            Self { types: Vec::new(), strings: vec![0], before: sections(base).unwrap().1.len() }
        }

        pub(in super::super) fn string(&mut self, text: &str) -> u32 {
            if text.is_empty() {
                return 0;
            }
            let at = self.before + self.strings.len();
            self.strings.extend(text.as_bytes());
            self.strings.push(0);
            u32::try_from(at).unwrap()
        }

        /// Adds a type: name, kind, count, flag, size or type, and the words that its kind adds.
        pub(in super::super) fn add(
            &mut self,
            name: &str,
            kind: u32,
            flag: bool,
            count: u32,
            value: u32,
            extra: &[u32],
        ) -> &mut Self {
            let name = self.string(name);
            let info = count | kind << 24 | u32::from(flag) << 31;
            let words = [name, info, value].into_iter().chain(extra.iter().copied());
            self.types.extend(words.flat_map(u32::to_le_bytes));
            self
        }

        pub(in super::super) fn bytes(&self) -> Vec<u8> {
            let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap();
            let mut out = vec![0x9f, 0xeb, 1, 0];
            let words = [24, 0, length(&self.types), length(&self.types), length(&self.strings)];
            out.extend(words.into_iter().flat_map(u32::to_le_bytes));
            [out, self.types.clone(), self.strings.clone()].concat()
        }
    }

    /// int, pointer to it, array of five pointers, typedef of that, const of the typedef.
    pub(in super::super) fn simple() -> Writer {
        let mut writer = Writer::new();
        writer.add("int", 1, false, 0, 4, &[1 << 24 | 32]);
        writer.add("", 2, false, 0, 1, &[]);
        writer.add("", 3, false, 0, 0, &[2, 1, 5]);
        writer.add("five_t", 8, false, 0, 3, &[]);
        writer.add("", 10, false, 0, 4, &[]);
        writer
    }

    #[test]
    fn types_are_found_by_number_and_measured() {
        let bytes = simple().bytes();
        let btf = Btf::parse(&bytes, None).unwrap();
        assert_eq!((btf.first(), btf.end()), (1, 6));
        assert_eq!(btf.get(1).name, b"int");
        assert!(matches!(btf.get(1).kind, Kind::Integer { size: 4, signed: true, bits: 32, .. }));
        assert!(matches!(btf.get(5).kind, Kind::Qualified(4)));
        assert!(matches!(btf.plain(5), (3, Type { kind: Kind::Array { element: 2, count: 5 }, .. })));
        assert_eq!((btf.size(5), btf.size(0), btf.size(99)), (40, 0, 0));
        assert!(matches!(btf.get(0).kind, Kind::Void) && matches!(btf.get(u32::MAX).kind, Kind::Void));
    }

    #[test]
    fn a_modules_types_go_on_where_the_kernels_end() {
        let bytes = simple().bytes();
        let base = Btf::parse(&bytes, None).unwrap();
        let mut writer = Writer::split(&bytes);
        writer.add("of_module", 8, false, 0, 1, &[]);
        let own = writer.bytes();
        let module = Btf::parse(&own, Some(&base)).unwrap();
        assert_eq!((module.first(), module.end()), (6, 7));
        assert_eq!((module.get(6).name, module.get(1).name), (&b"of_module"[..], &b"int"[..]));
        assert_eq!(module.size(6), 4);
    }

    #[test]
    fn a_name_that_no_kernel_would_take_is_cut() {
        let mut writer = Writer::new();
        let longest = "l".repeat(MOST_NAME);
        writer.add(&longest, 8, false, 0, 1, &[]).add(&format!("{longest}er"), 8, false, 0, 1, &[]);
        let bytes = writer.bytes();
        let btf = Btf::parse(&bytes, None).unwrap();
        assert!(btf.get(1).name == longest.as_bytes() && btf.get(2).name == longest.as_bytes());
    }

    #[test]
    fn circles_end() {
        let mut writer = Writer::new();
        writer.add("a", 8, false, 0, 2, &[]).add("b", 8, false, 0, 1, &[]).add("", 3, false, 0, 0, &[3, 3, 2]);
        let bytes = writer.bytes();
        let btf = Btf::parse(&bytes, None).unwrap();
        assert!(matches!(btf.plain(1).1.kind, Kind::Void));
        assert_eq!((btf.size(1), btf.size(3)), (0, 0));
    }

    #[test]
    fn what_is_not_btf_is_refused_with_a_reason() {
        let good = simple().bytes();
        for (bytes, reason) in [
            (b"".to_vec(), "does not begin"),
            (b"\xeb\x9f\x01\0".to_vec(), "does not begin"),
            ([&good[..2], &[2], &good[3..]].concat(), "version is 2"),
            (good[..good.len() - 1].to_vec(), "beyond its end"),
            (Writer::new().add("", 31, false, 0, 0, &[]).bytes(), "kind 31"),
            (Writer::new().add("", 4, false, 3, 0, &[]).bytes(), "type 1 is cut short"),
        ] {
            assert!(Btf::parse(&bytes, None).unwrap_err().contains(reason), "{reason}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(noise in proptest::collection::vec(any::<u8>(), 0..200), at in 0_usize..180, kinds in proptest::collection::vec((0_u32..20, any::<bool>(), 0_u32..4, any::<u32>()), 0..12)) {
            let look = |bytes: &[u8]| {
                if let Ok(btf) = Btf::parse(bytes, None) {
                    for id in btf.ids() {
                        let _ = (btf.size(id), btf.plain(id));
                    }
                }
            };
            look(&noise);
            let mut damaged = simple().bytes();
            noise.iter().zip(damaged.iter_mut().skip(at)).for_each(|(byte, place)| *place = *byte);
            look(&damaged);
            let mut writer = Writer::new();
            for (kind, flag, count, value) in kinds {
                let extra = kind::extra_bytes(kind, usize::try_from(count).unwrap()).unwrap_or(0) / 4;
                writer.add("x", kind, flag, count, value % 40, &vec![value; extra]);
            }
            look(&writer.bytes());
        }
    }
}
