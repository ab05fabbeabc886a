//! Names for types. The format knows one type of a name; C knows many: static structs of several files, and those without a name.
//!
//! The one that most types refer to bears the plain name, the others the name and their number. What has no name bears that of
//! a typedef for it, else `unnamed_` and its number.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use hozen_collector::model::escape;

use super::super::btf::{Btf, Id, Kind};

/// Names that are given, of structs and unions and of enumerations.
#[derive(Debug, Default)]
pub(super) struct Taken {
    users: BTreeSet<String>,
    enums: BTreeSet<String>,
}

/// The name of each struct, union and enumeration of a BTF, by number.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<Id, String>);

impl Taken {
    /// Whether a struct or union bears this name.
    pub(super) fn has_user(&self, name: &str) -> bool {
        self.users.contains(name)
    }

    fn of(&mut self, is_enum: bool) -> &mut BTreeSet<String> {
        if is_enum { &mut self.enums } else { &mut self.users }
    }
}

impl Names {
    /// Names the types of `btf`. `label` tells those of a module from the kernel's and from other modules'.
    pub(super) fn give(btf: &Btf<'_>, label: &str, taken: &mut Taken) -> Self {
        let uses = uses(btf);
        let (mut named, mut nameless) = (Vec::new(), Vec::new());
        for id in btf.ids() {
            let found = btf.get(id);
            if let Some(is_enum) = is_enum(&found.kind) {
                let used = uses.get(&id).copied().unwrap_or_default();
                let name = escape::bytes(found.name);
                if name.is_empty() { nameless.push((id, is_enum)) } else { named.push((name, Reverse(used), id, is_enum)) }
            }
        }
        named.sort();
        let mut names = Self::default();
        for (name, _, id, is_enum) in named {
            names.add(id, name, label, taken.of(is_enum));
        }
        let typedefs = typedefs(btf);
        for (id, is_enum) in nameless {
            let set = taken.of(is_enum);
            match typedefs.get(&id).filter(|name| !set.contains(*name)) {
                Some(name) => names.add(id, name.clone(), label, set),
                None => names.add(id, unique(format!("unnamed{label}_{id}"), id, set), label, set),
            }
        }
        names
    }

    /// The name of a type.
    pub(super) fn get(&self, id: Id) -> Option<&str> {
        self.0.get(&id).map(String::as_str)
    }

    fn add(&mut self, id: Id, name: String, label: &str, set: &mut BTreeSet<String>) {
        let name = if set.contains(&name) { unique(format!("{name}_{label}_{id}"), id, set) } else { name };
        set.insert(name.clone());
        self.0.insert(id, name);
    }
}

/// The name, or one like it that nobody bears.
fn unique(mut name: String, id: Id, set: &BTreeSet<String>) -> String {
    while set.contains(&name) {
        name.push_str(&format!("_{id}"));
    }
    name
}

fn is_enum(kind: &Kind<'_>) -> Option<bool> {
    match kind {
        Kind::Composite { .. } => Some(false),
        Kind::Enumeration { .. } => Some(true),
        _ => None,
    }
}

/// How many members, pointers and so on are of each type.
fn uses(btf: &Btf<'_>) -> BTreeMap<Id, u32> {
    let mut uses = BTreeMap::new();
    let mut used = |id: Id| *uses.entry(id).or_insert(0_u32) += 1;
    for id in btf.ids() {
        match btf.get(id).kind {
            Kind::Pointer(of) | Kind::Typedef(of) | Kind::Qualified(of) | Kind::Variable(of) => used(of),
            Kind::Array { element, .. } => used(element),
            Kind::Composite { members, .. } => members.iter().for_each(|member| used(member.of)),
            _ => {}
        }
    }
    uses
}

/// The first typedef that stands for a type itself.
fn typedefs(btf: &Btf<'_>) -> BTreeMap<Id, String> {
    let mut names = BTreeMap::new();
    for id in btf.ids() {
        let found = btf.get(id);
        if let Kind::Typedef(of) = found.kind {
            names.entry(of).or_insert_with(|| escape::bytes(found.name));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::super::super::btf::tests::Writer;
    use super::*;

    #[test]
    fn the_plain_name_goes_to_the_type_that_most_refer_to() {
        let mut writer = Writer::new();
        writer.add("ring", 4, false, 0, 8, &[]);
        writer.add("ring", 4, false, 0, 16, &[]);
        writer.add("", 2, false, 0, 2, &[]);
        writer.add("", 5, false, 0, 4, &[]);
        writer.add("atomic_t", 8, false, 0, 4, &[]);
        writer.add("", 4, false, 0, 4, &[]);
        writer.add("ring", 6, false, 0, 4, &[]);
        let bytes = writer.bytes();
        let btf = Btf::parse(&bytes, None).unwrap();
        let mut taken = Taken::default();
        let names = Names::give(&btf, "", &mut taken);
        assert_eq!((names.get(2), names.get(1)), (Some("ring"), Some("ring__1")));
        assert_eq!((names.get(4), names.get(6), names.get(7)), (Some("atomic_t"), Some("unnamed_6"), Some("ring")));
        assert!(names.get(3).is_none() && taken.has_user("atomic_t"));
        let module = Names::give(&btf, "_xfs", &mut taken);
        assert_eq!((module.get(2), module.get(6)), (Some("ring__xfs_2"), Some("unnamed_xfs_6")));
        assert_eq!(module.get(4), Some("unnamed_xfs_4"));
    }

    #[test]
    fn types_whose_names_were_cut_to_the_same_are_told_apart() {
        let mut writer = Writer::new();
        for end in ["a", "b"] {
            writer.add(&("n".repeat(600) + end), 4, false, 0, 8, &[]);
        }
        let bytes = writer.bytes();
        let names = Names::give(&Btf::parse(&bytes, None).unwrap(), "", &mut Taken::default());
        assert!(names.get(1).is_some() && names.get(2).is_some() && names.get(1) != names.get(2));
    }
}
