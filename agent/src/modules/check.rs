//! Checks a store as a whole: signature, digests, sizes, what each module says of itself, and that nothing else lies there.

use std::collections::BTreeSet;

use hozen_collector::model::modules::{INDEX_KEY, ModuleEntry, ModuleIndex};
use hozen_collector::model::{Digest, escape};
use hozen_collector::source::memory::ModuleInfo;
use serde::Serialize;

use super::shelf::{Fault, Shelf};
use super::{MAX_MODULES, TrustedKey, index};
use crate::verify::Verdict;

/// What is wrong, and where; escaped text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file, by its name in the store; `.` for the store itself.
    pub file: String,
    /// What is wrong with it.
    pub what: String,
}

/// What a check of a store has come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// All in one word.
    pub verdict: Verdict,
    /// The store, as it was named; escaped text.
    pub store: String,
    /// Id of the key that was trusted, where it could be read.
    pub keyid: Option<String>,
    /// Digest of the index, where it could be read.
    pub index_sha256: Option<Digest>,
    /// Modules that the index lists; none where nothing in it is believed.
    pub modules: Option<usize>,
    /// What contradicts the index.
    pub findings: Vec<Finding>,
    /// What could not be read.
    pub unreadable: Vec<Finding>,
}

/// Checks the store on `shelf`, which was named `store`, against `key`.
#[must_use]
pub fn verify(store: String, shelf: Result<Box<dyn Shelf>, Fault>, key: Result<TrustedKey, String>) -> Report {
    let mut report = Report {
        verdict: Verdict::CouldNotCheck,
        store,
        keyid: None,
        index_sha256: None,
        modules: None,
        findings: Vec::new(),
        unreadable: Vec::new(),
    };
    match key {
        Ok(key) => report.check(shelf, &key),
        Err(why) => report.unreadable(".", why),
    }
    report.verdict = match (report.findings.is_empty(), report.unreadable.is_empty()) {
        (false, _) => Verdict::Failed,
        (_, false) => Verdict::CouldNotCheck,
        _ => Verdict::Verified,
    };
    report
}

impl Report {
    fn fail(&mut self, file: &str, what: impl Into<String>) {
        self.findings.push(Finding { file: file.to_owned(), what: what.into() });
    }

    fn unreadable(&mut self, file: &str, what: impl Into<String>) {
        self.unreadable.push(Finding { file: file.to_owned(), what: what.into() });
    }

    /// What is missing or no regular file contradicts the index; what cannot be read may be as it should be.
    fn fault(&mut self, file: &str, fault: Fault) {
        match fault {
            Fault::Missing(why) | Fault::Foul(why) => self.fail(file, why),
            Fault::Unreadable(why) => self.unreadable(file, why),
        }
    }

    fn check(&mut self, shelf: Result<Box<dyn Shelf>, Fault>, key: &TrustedKey) {
        self.keyid = Some(key.id().to_owned());
        let shelf = match shelf {
            Ok(shelf) => shelf,
            Err(fault) => return self.unreadable(".", fault.to_string()),
        };
        let bytes = match shelf.index() {
            Ok(bytes) => bytes,
            Err(Fault::Missing(_)) => return self.unreadable(".", format!("it is no store: there is no {INDEX_KEY}")),
            Err(fault) => return self.fault(INDEX_KEY, fault),
        };
        self.index_sha256 = Some(Digest::of(&bytes));
        let index = match index::read(&bytes, key) {
            Ok(index) => index,
            Err(why) => return self.fail(INDEX_KEY, why),
        };
        self.modules = Some(index.modules.len());
        for entry in &index.modules {
            match shelf.module(&entry.sha256) {
                Ok(bytes) => difference(entry, &bytes).into_iter().for_each(|what| self.fail(&entry.file(), what)),
                Err(fault) => self.fault(&entry.file(), fault),
            }
        }
        self.strays(&*shelf, &index);
    }

    /// What lies in the store and is not of it.
    fn strays(&mut self, shelf: &dyn Shelf, index: &ModuleIndex) {
        let paths = match shelf.paths(2 * MAX_MODULES) {
            Ok(paths) => paths,
            Err(fault) => return self.fault(".", fault),
        };
        let modules = index.modules.iter().map(ModuleEntry::file);
        let known: BTreeSet<Vec<u8>> = modules.chain([INDEX_KEY.to_owned()]).map(String::into_bytes).collect();
        for stray in paths.iter().filter(|path| !known.contains(*path)) {
            self.fail(&escape::bytes(stray), "is not in the index: somebody else put it there, or an `add` was cut off");
        }
    }
}

/// In what a module file is not what its entry says.
fn difference(entry: &ModuleEntry, bytes: &[u8]) -> Option<String> {
    let found = Digest::of(bytes);
    if found != entry.sha256 {
        return Some(format!("its digest is {found}"));
    }
    if u64::try_from(bytes.len()) != Ok(entry.size) {
        return Some(format!("it has {} bytes, and the index says {}", bytes.len(), entry.size));
    }
    let info = match ModuleInfo::read(bytes) {
        Ok(info) => info,
        Err(why) => return Some(why),
    };
    let srcversion = entry.srcversion.as_deref().unwrap_or_default();
    let says = (entry.arch, entry.name.as_bytes(), entry.vermagic.as_bytes(), srcversion.as_bytes());
    let is = (info.architecture, info.name.as_slice(), info.vermagic.as_slice(), info.srcversion.as_slice());
    (says != is).then(|| "architecture, name, vermagic or srcversion are not those that the index says".to_owned())
}
