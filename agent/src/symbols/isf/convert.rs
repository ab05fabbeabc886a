//! BTF → the types of the document.

use std::collections::BTreeMap;

use hozen_collector::model::escape;

use super::super::btf::{Btf, DEPTH, Id, Kind, Member, Type, Value};
use super::names::{Names, Taken};
use super::{BaseType, Descriptor, Enumeration, Field, Types, UserType};

/// Base types that Volatility asks for by name, in the spelling of GCC; kernels built with clang have another one.
const USUAL: [(&str, u32, bool, &str); 17] = [
    ("void", 0, false, "void"),
    ("pointer", 8, false, "int"),
    ("char", 1, true, "char"),
    ("signed char", 1, true, "char"),
    ("unsigned char", 1, false, "char"),
    ("_Bool", 1, false, "bool"),
    ("short int", 2, true, "int"),
    ("short unsigned int", 2, false, "int"),
    ("int", 4, true, "int"),
    ("unsigned int", 4, false, "int"),
    ("long int", 8, true, "int"),
    ("long unsigned int", 8, false, "int"),
    ("long long int", 8, true, "int"),
    ("long long unsigned int", 8, false, "int"),
    ("unsigned short", 2, false, "int"),
    ("unsigned long", 8, false, "int"),
    ("unsigned long long", 8, false, "int"),
];

/// The types of the kernel and of its modules, each with its name. A struct that the kernel only names may be a module's.
pub(in super::super) fn types(kernel: &Btf<'_>, modules: &[(String, Btf<'_>)]) -> Types {
    let mut types = Types::default();
    for (name, size, signed, kind) in USUAL {
        types.base_types.insert(name.to_owned(), BaseType { size, signed, kind, endian: "little" });
    }
    let mut taken = Taken::default();
    let own = Names::give(kernel, "", &mut taken);
    let others: Vec<Names> = modules.iter().map(|(name, btf)| Names::give(btf, &format!("_{name}"), &mut taken)).collect();
    Converter { btf: kernel, names: &own, kernels: &own, taken: &taken }.add_to(&mut types);
    for ((_, btf), names) in modules.iter().zip(&others) {
        Converter { btf, names, kernels: &own, taken: &taken }.add_to(&mut types);
    }
    types
}

/// Converts one BTF, when all names are given.
struct Converter<'a> {
    btf: &'a Btf<'a>,
    names: &'a Names,
    kernels: &'a Names,
    taken: &'a Taken,
}

impl Converter<'_> {
    fn add_to(&self, types: &mut Types) {
        for id in self.btf.ids() {
            self.add_base(id, types);
        }
        for id in self.btf.ids() {
            self.add(id, types);
        }
        for id in self.btf.ids() {
            self.add_typedef(id, types);
        }
    }

    fn add_base(&self, id: Id, types: &mut Types) {
        let found = self.btf.get(id);
        let base = match found.kind {
            // The compiler's names are those of the table above, or the same in clang's words.
            Kind::Integer { size, boolean: true, .. } => BaseType { size, signed: false, kind: "bool", endian: "little" },
            Kind::Integer { size, signed, .. } => {
                let is_char = size == 1 && found.name.ends_with(b"char");
                BaseType { size, signed, kind: if is_char { "char" } else { "int" }, endian: "little" }
            }
            Kind::Float { size } => BaseType { size, signed: true, kind: "float", endian: "little" },
            _ => return,
        };
        types.base_types.entry(base_name(&found, base.size)).or_insert(base);
    }

    fn add(&self, id: Id, types: &mut Types) {
        let Type { name, kind } = self.btf.get(id);
        match kind {
            Kind::Composite { union, size, members } => {
                let fields = self.fields(&members);
                if let Some(name) = self.name(id) {
                    let kind = if union { "union" } else { "struct" };
                    types.user_types.insert(name.to_owned(), UserType { kind, size, fields });
                }
            }
            Kind::Enumeration { size, signed, values } => {
                if let Some(name) = self.name(id) {
                    types.enums.insert(name.to_owned(), enumeration(size, signed, &values));
                }
            }
            Kind::Variable(of) => {
                types.variables.entry(escape::bytes(name)).or_insert_with(|| self.descriptor(of));
            }
            _ => {}
        }
    }

    /// A typedef is the same type once more, under a name that nothing else bears.
    fn add_typedef(&self, id: Id, types: &mut Types) {
        let found = self.btf.get(id);
        let Kind::Typedef(of) = found.kind else { return };
        let name = escape::bytes(found.name);
        match self.descriptor(of) {
            Descriptor::Base { name: base } if !types.user_types.contains_key(&name) => {
                if let Some(base) = types.base_types.get(&base).copied() {
                    types.base_types.entry(name).or_insert(base);
                }
            }
            Descriptor::Struct { name: user } | Descriptor::Union { name: user } if !types.base_types.contains_key(&name) => {
                if let Some(user) = types.user_types.get(&user).cloned() {
                    types.user_types.entry(name).or_insert(user);
                }
            }
            _ => {}
        }
    }

    fn name(&self, id: Id) -> Option<&str> {
        self.names.get(id).or_else(|| self.kernels.get(id))
    }

    fn fields(&self, members: &[Member<'_>]) -> BTreeMap<String, Field> {
        let mut fields = BTreeMap::new();
        for (number, member) in members.iter().enumerate() {
            let (of, offset) = self.placed(member);
            let anonymous = member.name.is_empty() && matches!(of, Descriptor::Struct { .. } | Descriptor::Union { .. });
            let name = if member.name.is_empty() { format!("unnamed_field_{number}") } else { escape::bytes(member.name) };
            fields.insert(name, Field { of, offset, anonymous });
        }
        fields
    }

    /// The type of a member and the byte at which it stands.
    fn placed(&self, member: &Member<'_>) -> (Descriptor, u32) {
        let (id, found) = self.btf.plain(member.of);
        let bits = match found.kind {
            Kind::Integer { size, bits, shift, .. } if u32::from(bits) != size.saturating_mul(8) => Some((bits, shift)),
            _ => None,
        };
        let (length, at) = match (member.bits, bits) {
            (Some(bits), _) => (bits, member.at),
            (None, Some((bits, shift))) => (bits, member.at.saturating_add(u32::from(shift))),
            (None, None) => return (self.descriptor(member.of), member.at / 8),
        };
        let size = u32::try_from(self.btf.size(id)).unwrap_or(0).clamp(1, 16);
        let (offset, position) = bit_field(at, u32::from(length), size);
        let of = match self.descriptor(id) {
            plain @ (Descriptor::Base { .. } | Descriptor::Enum { .. }) => plain,
            _ => Descriptor::base("unsigned int"),
        };
        (Descriptor::Bitfield { bit_position: position, bit_length: u32::from(length), of: Box::new(of) }, offset)
    }

    fn descriptor(&self, id: Id) -> Descriptor {
        self.descriptor_within(id, DEPTH)
    }

    fn descriptor_within(&self, id: Id, depth: u8) -> Descriptor {
        let Some(deeper) = depth.checked_sub(1) else { return Descriptor::void() };
        let (id, found) = self.btf.plain(id);
        let name = || self.name(id).unwrap_or_default().to_owned();
        match found.kind {
            Kind::Integer { size, .. } | Kind::Float { size } => Descriptor::Base { name: base_name(&found, size) },
            Kind::Pointer(to) => self.descriptor_within(to, deeper).pointed_to(),
            Kind::Array { element, count } => {
                Descriptor::Array { count: u64::from(count), subtype: Box::new(self.descriptor_within(element, deeper)) }
            }
            Kind::Composite { union: false, .. } => Descriptor::Struct { name: name() },
            Kind::Composite { union: true, .. } => Descriptor::Union { name: name() },
            Kind::Enumeration { .. } => Descriptor::Enum { name: name() },
            Kind::Forward { union } => self.forward(escape::bytes(found.name), union),
            Kind::Function => Descriptor::Function,
            Kind::Variable(of) => self.descriptor_within(of, deeper),
            Kind::Void | Kind::Typedef(_) | Kind::Qualified(_) | Kind::Other => Descriptor::void(),
        }
    }

    /// What is only named here and described nowhere is `void`: a reference that leads nowhere would stop its reader.
    fn forward(&self, name: String, union: bool) -> Descriptor {
        match (self.taken.has_user(&name), union) {
            (false, _) => Descriptor::void(),
            (true, false) => Descriptor::Struct { name },
            (true, true) => Descriptor::Union { name },
        }
    }
}

/// A base type's name; with its width where it is not that of the usual type of this name.
fn base_name(found: &Type<'_>, size: u32) -> String {
    let name = escape::bytes(found.name);
    let usual = USUAL.iter().find(|(usual, ..)| *usual == name).map(|(_, size, ..)| *size);
    match usual {
        Some(usual) if usual != size => format!("{name}_{}", size.saturating_mul(8)),
        _ if name.is_empty() => format!("unnamed_{}", size.saturating_mul(8)),
        _ => name,
    }
}

fn enumeration(size: u32, signed: bool, values: &[Value<'_>]) -> Enumeration {
    let base = match (size, signed) {
        (1, true) => "signed char",
        (1, false) => "unsigned char",
        (2, true) => "short int",
        (2, false) => "short unsigned int",
        (8, true) => "long int",
        (8, false) => "long unsigned int",
        (_, true) => "int",
        (_, false) => "unsigned int",
    };
    let constants = values.iter().map(|value| (escape::bytes(value.name), value.value)).collect();
    Enumeration { size, base: base.to_owned(), constants }
}

/// Where the unit of `size` bytes stands that holds `length` bits from bit `at` on, and which of its bits is the first. A bit
/// field that no aligned unit holds, as packed structs have them, is counted from its first byte.
fn bit_field(at: u32, length: u32, size: u32) -> (u32, u32) {
    let unit = size.saturating_mul(8);
    let start = at / unit * unit;
    let inside = at.saturating_sub(start);
    if inside.saturating_add(length) <= unit { (start / 8, inside) } else { (at / 8, at % 8) }
}

#[cfg(test)]
mod tests {
    use super::super::super::btf::tests::{Writer, simple};
    use super::*;
    use proptest::prelude::*;

    /// A struct with a pointer to itself, a union without a name, a bit field and a pointer to something that a module has.
    fn kernel() -> Vec<u8> {
        let mut writer = Writer::new();
        let [next, x, y, flag, other, up] = ["next", "x", "y", "flag", "other", "UP"].map(|name| writer.string(name));
        writer.add("unsigned int", 1, false, 0, 4, &[32]);
        writer.add("task", 4, true, 4, 24, &[next, 3, 0, 0, 4, 64, flag, 1, 3 << 24 | 101, other, 6, 128]);
        writer.add("", 2, false, 0, 2, &[]);
        writer.add("", 5, false, 2, 4, &[x, 1, 0, y, 1, 0]);
        writer.add("of_module", 7, false, 0, 0, &[]);
        writer.add("", 2, false, 0, 5, &[]);
        writer.add("state", 6, false, 1, 4, &[up, 7]);
        writer.add("cpu_task", 14, false, 0, 3, &[1]);
        writer.add("u32", 8, false, 0, 1, &[]);
        writer.add("task_t", 8, false, 0, 2, &[]);
        writer.bytes()
    }

    fn text(value: &impl serde::Serialize) -> serde_json::Value {
        serde_json::to_value(value).unwrap()
    }

    #[test]
    fn a_struct_is_described_member_by_member() {
        let bytes = kernel();
        let types = types(&Btf::parse(&bytes, None).unwrap(), &[]);
        let task = text(&types.user_types["task"]);
        assert_eq!(task["fields"]["next"]["type"]["subtype"], serde_json::json!({"kind": "struct", "name": "task"}));
        let inner = &task["fields"]["unnamed_field_1"];
        assert_eq!(
            (&inner["anonymous"], &inner["offset"], &inner["type"]["name"]),
            (&true.into(), &8.into(), &"unnamed_4".into())
        );
        let flag = &task["fields"]["flag"];
        assert_eq!(
            (&flag["offset"], &flag["type"]["bit_position"], &flag["type"]["bit_length"]),
            (&12.into(), &5.into(), &3.into())
        );
        assert_eq!(task["fields"]["other"]["type"]["subtype"]["name"], "void");
        assert_eq!(text(&types.enums["state"]), serde_json::json!({"size": 4, "base": "unsigned int", "constants": {"UP": 7}}));
        assert_eq!(types.variables["cpu_task"], Descriptor::Struct { name: "task".to_owned() }.pointed_to());
        assert_eq!((types.base_types["u32"].size, types.user_types["task_t"].size), (4, 24));
        assert_eq!(types.size(&Descriptor::Struct { name: "task".to_owned() }), 24);
    }

    #[test]
    fn what_the_kernel_only_names_is_the_modules() {
        let bytes = kernel();
        let base = Btf::parse(&bytes, None).unwrap();
        let mut writer = Writer::split(&bytes);
        let mine = writer.string("mine");
        writer.add("of_module", 4, false, 1, 8, &[mine, 3, 0]);
        let own = writer.bytes();
        let module = Btf::parse(&own, Some(&base)).unwrap();
        let types = types(&base, &[("m".to_owned(), module)]);
        let other = text(&types.user_types["task"])["fields"]["other"]["type"]["subtype"].clone();
        assert_eq!(other, serde_json::json!({"kind": "struct", "name": "of_module"}));
        assert_eq!(text(&types.user_types["of_module"])["fields"]["mine"]["type"]["subtype"]["name"], "task");
    }

    #[test]
    fn bits_are_counted_in_the_unit_that_holds_them() {
        assert_eq!(bit_field(101, 3, 4), (12, 5));
        assert_eq!(bit_field(30, 4, 4), (3, 6));
        assert_eq!(bit_field(0, 64, 8), (0, 0));
    }

    /// All names that are referred to must be there: Volatility stops at one that is not.
    fn loose(types: &Types, of: &Descriptor) -> Option<String> {
        match of {
            Descriptor::Base { name } => (!types.base_types.contains_key(name)).then(|| name.clone()),
            Descriptor::Struct { name } | Descriptor::Union { name } => {
                (!types.user_types.contains_key(name)).then(|| name.clone())
            }
            Descriptor::Enum { name } => (!types.enums.contains_key(name)).then(|| name.clone()),
            Descriptor::Pointer { subtype } | Descriptor::Array { subtype, .. } => loose(types, subtype),
            Descriptor::Bitfield { of, .. } => loose(types, of),
            Descriptor::Function => None,
        }
    }

    fn assert_tied(types: &Types) {
        for (name, user) in &types.user_types {
            for (field, Field { of, .. }) in &user.fields {
                assert_eq!(loose(types, of), None, "{name}.{field}");
            }
        }
        assert!(types.enums.values().all(|names| types.base_types.contains_key(&names.base)));
    }

    #[test]
    fn this_machines_kernel_is_described_without_a_loose_end() {
        let Ok(bytes) = hozen_collector::host::SysRoot::live(&hozen_collector::host::Footprint::default())
            .file("kernel/btf/vmlinux", 64 << 20)
        else {
            return;
        };
        let types = types(&Btf::parse(&bytes.bytes, None).unwrap(), &[]);
        assert_tied(&types);
        assert!(types.user_types["task_struct"].fields.contains_key("comm"));
        assert!(types.user_types.len() > 1000);
    }

    proptest! {
        #[test]
        fn any_types_are_described(noise in proptest::collection::vec(any::<u8>(), 0..80), at in 24_usize..300) {
            for mut damaged in [kernel(), simple().bytes()] {
                noise.iter().zip(damaged.iter_mut().skip(at)).for_each(|(byte, place)| *place = *byte);
                if let Ok(btf) = Btf::parse(&damaged, None) {
                    assert_tied(&types(&btf, &[]));
                }
            }
        }
    }
}
