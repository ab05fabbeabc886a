//! The views side by side: which of the kernel's lists names which module. A rootkit that unlinks itself from one list is
//! still in another.

use std::collections::{BTreeMap, BTreeSet};

use super::parse::{Area, Module, Symbols};

/// The lists, in the order of the columns `seen_by` and `missing_from`.
pub(super) const VIEWS: [&str; 4] = ["proc_modules", "sysfs", "kallsyms", "vmallocinfo"];

/// What each view says; `None` where the view could not be had.
#[derive(Debug, Default)]
pub(super) struct Views {
    /// `/proc/modules`.
    pub listed: Option<Vec<Module>>,
    /// Names in `/sys/module` that have a state: loadable modules. Those without are built in and have parameters.
    pub sysfs: Option<BTreeSet<Vec<u8>>>,
    /// Symbols by module.
    pub symbols: Option<BTreeMap<Vec<u8>, Symbols>>,
    /// Memory that was allocated for modules.
    pub areas: Option<Vec<Area>>,
}

/// One module as the views see it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub name: Vec<u8>,
    pub by: Vec<&'static str>,
    pub missing_from: Vec<&'static str>,
}

impl Views {
    /// Every name that any view has.
    pub(super) fn names(&self) -> BTreeSet<&[u8]> {
        let listed = self.listed.iter().flatten().map(|module| module.name.as_slice());
        let sysfs = self.sysfs.iter().flatten().map(Vec::as_slice);
        let symbols = self.symbols.iter().flat_map(BTreeMap::keys).map(Vec::as_slice);
        listed.chain(sysfs).chain(symbols).collect()
    }

    /// The entry of `/proc/modules`.
    pub(super) fn listed(&self, name: &[u8]) -> Option<&Module> {
        self.listed.iter().flatten().find(|module| module.name == name)
    }

    /// The symbols of `name`.
    pub(super) fn symbols(&self, name: &[u8]) -> Option<Symbols> {
        self.symbols.as_ref()?.get(name).copied()
    }

    /// The areas in which `name` lies, by its base and its symbols.
    pub(super) fn areas_of(&self, name: &[u8]) -> Vec<&Area> {
        self.areas.iter().flatten().filter(|area| self.lies_in(name, area)).collect()
    }

    /// The first module that lies in `area`; none is a finding: memory for a module that no list names.
    pub(super) fn owner(&self, area: &Area) -> Option<&[u8]> {
        self.names().into_iter().find(|name| self.lies_in(name, area))
    }

    fn lies_in(&self, name: &[u8], area: &Area) -> bool {
        let base = self.listed(name).map(|module| module.address);
        let symbols = self.symbols(name);
        let known = [base, symbols.map(|symbols| symbols.lowest), symbols.map(|symbols| symbols.highest)];
        known.into_iter().flatten().any(|address| address != 0 && area.start <= address && address < area.end)
    }

    /// Which views have `name`, and which of those that could be had do not.
    pub(super) fn seen(&self, name: &[u8]) -> Seen {
        // Where addresses are hidden from us no area can be matched: then that view says nothing of this module.
        let placed =
            self.listed(name).is_some_and(|module| module.address != 0) || self.symbols(name).is_some_and(|s| s.highest != 0);
        let answers = [
            self.listed.as_ref().map(|_| self.listed(name).is_some()),
            self.sysfs.as_ref().map(|names| names.contains(name)),
            self.symbols.as_ref().map(|symbols| symbols.contains_key(name)),
            self.areas.as_ref().filter(|_| placed).map(|_| !self.areas_of(name).is_empty()),
        ];
        let with =
            |wanted: bool| VIEWS.into_iter().zip(answers).filter(|(_, a)| *a == Some(wanted)).map(|(view, _)| view).collect();
        Seen { name: name.to_owned(), by: with(true), missing_from: with(false) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn views() -> Views {
        let module = |name: &[u8], address| Module { name: name.to_owned(), address, ..Module::default() };
        let symbols = Symbols { count: 1, lowest: 0x2010, highest: 0x2020 };
        Views {
            listed: Some(vec![module(b"xfs", 0x1000)]),
            sysfs: Some([b"xfs".to_vec(), b"ghost".to_vec()].into()),
            symbols: Some(
                [(b"xfs".to_vec(), symbols), (b"rootkit".to_vec(), Symbols { lowest: 0x3000, highest: 0x3000, ..symbols })]
                    .into(),
            ),
            areas: Some(
                [(0x1000, 0x2000), (0x2000, 0x3000), (0x9000, 0xa000)]
                    .map(|(start, end)| Area { start, end, caller: vec![] })
                    .into(),
            ),
        }
    }

    #[test]
    fn contradictions_are_seen() {
        let views = views();
        assert_eq!(views.names().len(), 3);
        assert_eq!(views.seen(b"xfs").missing_from, [""; 0]);
        assert_eq!(views.seen(b"rootkit").missing_from, ["proc_modules", "sysfs", "vmallocinfo"]);
        // Without an address there is no telling where it should lie.
        assert_eq!(views.seen(b"ghost").missing_from, ["proc_modules", "kallsyms"]);
        assert_eq!(views.areas_of(b"xfs").len(), 2);
        assert_eq!(views.owner(&views.areas.as_ref().unwrap()[2]), None);
    }

    #[test]
    fn a_view_that_could_not_be_had_misses_nothing() {
        let views = Views { areas: None, symbols: None, ..views() };
        assert_eq!(views.seen(b"ghost"), Seen { name: b"ghost".to_vec(), by: vec!["sysfs"], missing_from: vec!["proc_modules"] });
    }
}
