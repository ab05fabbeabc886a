//! The kinds of types, and what each of them adds to its head.

use hozen_collector::model::little_endian::word;

use super::{Btf, Head, Id};

const INT: u32 = 1;
const PTR: u32 = 2;
const ARRAY: u32 = 3;
const STRUCT: u32 = 4;
const UNION: u32 = 5;
const ENUM: u32 = 6;
const FWD: u32 = 7;
const TYPEDEF: u32 = 8;
const VOLATILE: u32 = 9;
const CONST: u32 = 10;
const RESTRICT: u32 = 11;
const FUNC: u32 = 12;
const FUNC_PROTO: u32 = 13;
const VAR: u32 = 14;
const DATASEC: u32 = 15;
const FLOAT: u32 = 16;
const DECL_TAG: u32 = 17;
const TYPE_TAG: u32 = 18;
const ENUM64: u32 = 19;

/// What a type is.
#[derive(Debug, Clone)]
pub(in super::super) enum Kind<'a> {
    /// `void`.
    Void,
    /// An integer of `size` bytes. Kernels before 5.1 describe bit fields as integers of fewer `bits`, `shift` bits into it.
    Integer { size: u32, signed: bool, boolean: bool, bits: u8, shift: u8 },
    /// A floating-point number.
    Float { size: u32 },
    /// A pointer to a type.
    Pointer(Id),
    /// So many of a type.
    Array { element: Id, count: u32 },
    /// A struct, or a union.
    Composite { union: bool, size: u32, members: Vec<Member<'a>> },
    /// Names for values.
    Enumeration { size: u32, signed: bool, values: Vec<Value<'a>> },
    /// A struct or union that is only named.
    Forward { union: bool },
    /// Another name for a type.
    Typedef(Id),
    /// A type with `const`, `volatile`, `restrict` or a tag.
    Qualified(Id),
    /// A function, or the type of one.
    Function,
    /// A variable of a type.
    Variable(Id),
    /// A section of variables, or a tag on something else: no type of a value.
    Other,
}

/// A member of a struct or union.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Member<'a> {
    /// Its name; empty for a struct or union whose members stand in its place.
    pub(in super::super) name: &'a [u8],
    /// Its type.
    pub(in super::super) of: Id,
    /// Where it begins, in bits.
    pub(in super::super) at: u32,
    /// How many bits it has, where it is a bit field.
    pub(in super::super) bits: Option<u8>,
}

/// A name for a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Value<'a> {
    /// Its name.
    pub(in super::super) name: &'a [u8],
    /// The value, by the sign of its enumeration.
    pub(in super::super) value: i128,
}

/// Bytes that a kind adds to a type with so many members; none for a kind that is not known.
pub(super) fn extra_bytes(kind: u32, count: usize) -> Option<usize> {
    match kind {
        INT | VAR | DECL_TAG => Some(4),
        ARRAY => Some(12),
        STRUCT | UNION | DATASEC | ENUM64 => Some(12 * count),
        ENUM | FUNC_PROTO => Some(8 * count),
        PTR | FWD | TYPEDEF | VOLATILE | CONST | RESTRICT | FUNC | FLOAT | TYPE_TAG => Some(0),
        _ => None,
    }
}

/// Reads what stands behind the head.
pub(super) fn kind<'a>(head: &Head, extra: &'a [u8], btf: &Btf<'a>) -> Option<Kind<'a>> {
    Some(match head.kind {
        INT => integer(head.value, word(extra, 0)?),
        FLOAT => Kind::Float { size: head.value },
        PTR => Kind::Pointer(head.value),
        ARRAY => Kind::Array { element: word(extra, 0)?, count: word(extra, 8)? },
        STRUCT | UNION => {
            let members = extra.chunks_exact(12).filter_map(|bytes| member(bytes, head.flag, btf)).collect();
            Kind::Composite { union: head.kind == UNION, size: head.value, members }
        }
        ENUM | ENUM64 => enumeration(head, extra, btf),
        FWD => Kind::Forward { union: head.flag },
        TYPEDEF => Kind::Typedef(head.value),
        VOLATILE | CONST | RESTRICT | TYPE_TAG => Kind::Qualified(head.value),
        FUNC | FUNC_PROTO => Kind::Function,
        VAR => Kind::Variable(head.value),
        _ => Kind::Other,
    })
}

/// Bits 24-27 say how it is encoded, 16-23 where in its bytes it begins, 0-7 how many bits it has.
fn integer(size: u32, word: u32) -> Kind<'static> {
    let [bits, _, shift, encoding] = word.to_le_bytes();
    Kind::Integer { size, signed: encoding & 1 != 0, boolean: encoding & 4 != 0, bits, shift }
}

/// With the flag of its struct set, the place of a member has the width of a bit field in its uppermost byte.
fn member<'a>(bytes: &[u8], flag: bool, btf: &Btf<'a>) -> Option<Member<'a>> {
    let (name, of, place) = (word(bytes, 0)?, word(bytes, 4)?, word(bytes, 8)?);
    let [.., width] = place.to_le_bytes();
    let at = if flag { place & 0x00ff_ffff } else { place };
    Some(Member { name: btf.name(name), of, at, bits: Some(width).filter(|width| flag && *width > 0) })
}

fn enumeration<'a>(head: &Head, extra: &[u8], btf: &Btf<'a>) -> Kind<'a> {
    let (signed, wide) = (head.flag, head.kind == ENUM64);
    let value = |bytes: &[u8]| {
        let low = word(bytes, 4)?;
        let value = match (wide, signed) {
            (false, true) => i128::from(low.cast_signed()),
            (false, false) => i128::from(low),
            (true, _) => {
                let value = u64::from(word(bytes, 8)?) << 32 | u64::from(low);
                if signed { i128::from(value.cast_signed()) } else { i128::from(value) }
            }
        };
        Some(Value { name: btf.name(word(bytes, 0)?), value })
    };
    let values = extra.chunks_exact(if wide { 12 } else { 8 }).filter_map(value).collect();
    Kind::Enumeration { size: head.value, signed, values }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Writer;
    use super::*;

    #[test]
    fn bit_fields_and_enumerations_of_both_widths_are_read() {
        let mut writer = Writer::new();
        let (a, b, one, minus) = (writer.string("a"), writer.string("b"), writer.string("ONE"), writer.string("MINUS"));
        writer.add("unsigned int", 1, false, 0, 4, &[32]);
        writer.add("flags", 4, true, 2, 8, &[a, 1, 3 << 24 | 5, b, 1, 32]);
        writer.add("small", 6, true, 2, 4, &[one, 1, minus, u32::MAX]);
        writer.add("wide", 19, false, 1, 8, &[one, u32::MAX, u32::MAX]);
        writer.add("old", 1, false, 0, 4, &[2 << 16 | 7]);
        let bytes = writer.bytes();
        let btf = Btf::parse(&bytes, None).unwrap();
        let Kind::Composite { union: false, size: 8, members } = btf.get(2).kind else { panic!("a struct") };
        assert_eq!(members[0], Member { name: b"a", of: 1, at: 5, bits: Some(3) });
        assert_eq!(members[1], Member { name: b"b", of: 1, at: 32, bits: None });
        let Kind::Enumeration { signed: true, values, .. } = btf.get(3).kind else { panic!("an enum") };
        assert_eq!(values.iter().map(|value| value.value).collect::<Vec<_>>(), [1, -1]);
        let Kind::Enumeration { size: 8, values, .. } = btf.get(4).kind else { panic!("an enum") };
        assert_eq!(values[0], Value { name: b"ONE", value: i128::from(u64::MAX) });
        assert!(matches!(btf.get(5).kind, Kind::Integer { bits: 7, shift: 2, .. }));
    }
}
