//! Volatility 3's intermediate symbol format, version 6.2.0: a JSON document of base types, user types, enumerations and symbols.
//!
//! **Invariant:** it validates against Volatility's own schema (schemas/schema-6.2.0.json). What the schema has no word for, as
//! that types came from BTF, stands in the provenance file instead.

mod convert;
mod names;

use std::collections::BTreeMap;

use hozen_collector::model::Digest;
use serde::Serialize;

pub(super) use convert::types;

/// The document.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    pub(super) metadata: Metadata,
    #[serde(flatten)]
    pub(super) types: Types,
    pub(super) symbols: BTreeMap<String, Symbol>,
}

/// Everything that has a layout.
#[derive(Debug, Default, Serialize)]
pub(super) struct Types {
    pub(super) base_types: BTreeMap<String, BaseType>,
    pub(super) user_types: BTreeMap<String, UserType>,
    pub(super) enums: BTreeMap<String, Enumeration>,
    /// The types of variables that BTF knows: per-CPU ones, in newer kernels all.
    #[serde(skip)]
    pub(super) variables: BTreeMap<String, Descriptor>,
}

/// What the document is.
#[derive(Debug, Serialize)]
pub(super) struct Metadata {
    pub(super) format: &'static str,
    pub(super) producer: Producer,
    pub(super) linux: Linux,
}

/// Who made it.
#[derive(Debug, Serialize)]
pub(super) struct Producer {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
}

/// What it was made of, as far as the schema has words for it.
#[derive(Debug, Serialize)]
pub(super) struct Linux {
    pub(super) symbols: Vec<Origin>,
}

/// A file that it was made of.
#[derive(Debug, Serialize)]
pub(super) struct Origin {
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) hash_type: &'static str,
    pub(super) hash_value: Digest,
}

/// A number, a character, `void` or a pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct BaseType {
    pub(super) size: u32,
    pub(super) signed: bool,
    pub(super) kind: &'static str,
    pub(super) endian: &'static str,
}

/// A struct or union.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct UserType {
    pub(super) kind: &'static str,
    pub(super) size: u32,
    pub(super) fields: BTreeMap<String, Field>,
}

/// A member of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Field {
    #[serde(rename = "type")]
    pub(super) of: Descriptor,
    pub(super) offset: u32,
    /// Its members stand in its place.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) anonymous: bool,
}

/// Names for values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Enumeration {
    pub(super) size: u32,
    pub(super) base: String,
    pub(super) constants: BTreeMap<String, i128>,
}

/// A reference to a type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum Descriptor {
    Base {
        name: String,
    },
    Pointer {
        subtype: Box<Descriptor>,
    },
    Array {
        count: u64,
        subtype: Box<Descriptor>,
    },
    Struct {
        name: String,
    },
    Union {
        name: String,
    },
    Enum {
        name: String,
    },
    Function,
    Bitfield {
        bit_position: u32,
        bit_length: u32,
        #[serde(rename = "type")]
        of: Box<Descriptor>,
    },
}

/// A name for an address, and what stands there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Symbol {
    pub(super) address: u64,
    #[serde(rename = "type")]
    pub(super) of: Descriptor,
    /// The bytes that stand there, base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) constant_data: Option<String>,
}

impl Descriptor {
    /// A base type.
    pub(super) fn base(name: &str) -> Self {
        Self::Base { name: name.to_owned() }
    }

    /// Nothing is known.
    pub(super) fn void() -> Self {
        Self::base("void")
    }

    /// A pointer to it.
    pub(super) fn pointed_to(self) -> Self {
        Self::Pointer { subtype: Box::new(self) }
    }
}

impl Types {
    /// Bytes that a value takes; 0 where that cannot be said.
    pub(super) fn size(&self, of: &Descriptor) -> u64 {
        match of {
            Descriptor::Base { name } => self.base_types.get(name).map_or(0, |base| u64::from(base.size)),
            Descriptor::Pointer { .. } => 8,
            Descriptor::Array { count, subtype } => count.saturating_mul(self.size(subtype)),
            Descriptor::Struct { name } | Descriptor::Union { name } => {
                self.user_types.get(name).map_or(0, |user| u64::from(user.size))
            }
            Descriptor::Enum { name } => self.enums.get(name).map_or(0, |names| u64::from(names.size)),
            Descriptor::Function | Descriptor::Bitfield { .. } => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_spelt_as_the_schema_asks() {
        let text = |of: &Descriptor| serde_json::to_string(of).unwrap();
        assert_eq!(text(&Descriptor::void().pointed_to()), r#"{"kind":"pointer","subtype":{"kind":"base","name":"void"}}"#);
        assert_eq!(text(&Descriptor::Function), r#"{"kind":"function"}"#);
        let bits = Descriptor::Bitfield { bit_position: 3, bit_length: 1, of: Box::new(Descriptor::base("int")) };
        assert_eq!(text(&bits), r#"{"kind":"bitfield","bit_position":3,"bit_length":1,"type":{"kind":"base","name":"int"}}"#);
        let field = Field { of: Descriptor::Union { name: "u".to_owned() }, offset: 8, anonymous: true };
        assert_eq!(serde_json::to_string(&field).unwrap(), r#"{"type":{"kind":"union","name":"u"},"offset":8,"anonymous":true}"#);
    }
}
