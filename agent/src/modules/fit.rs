//! Which module of an index is for a kernel, and why the others are not.

use hozen_collector::model::escape;
use hozen_collector::model::modules::{ModuleEntry, ModuleIndex};
use hozen_collector::source::memory::Kernel;

/// The most modules whose refusal is told one by one.
const MOST_REASONS: usize = 8;

/// The module for `kernel`: architecture, release and vermagic exactly, and the BUILD-ID where the entry has one and the kernel
/// shows one. Of several the one with the kernel's BUILD-ID, then the latest.
///
/// # Errors
/// Why none is; escaped text.
pub fn choose<'a>(index: &'a ModuleIndex, kernel: &Kernel) -> Result<&'a ModuleEntry, Vec<String>> {
    let fitting = index.modules.iter().filter(|entry| fault(entry, kernel).is_none());
    let same_build = |entry: &ModuleEntry| entry.build_id.is_some() && entry.build_id == kernel.build_id;
    fitting.max_by_key(|entry| (same_build(entry), entry.added)).ok_or_else(|| refusals(index, kernel))
}

fn fault(entry: &ModuleEntry, kernel: &Kernel) -> Option<String> {
    let refused = kernel.refuses(entry.arch, entry.vermagic.as_bytes());
    refused.or_else(|| match (&entry.build_id, &kernel.build_id) {
        (Some(wanted), Some(found)) if wanted != found => {
            Some(format!("it was built for the build {wanted} of this release, and this is {found}"))
        }
        _ => None,
    })
}

/// Modules for the same release are told one by one; the others are as many as there are kernels.
fn refusals(index: &ModuleIndex, kernel: &Kernel) -> Vec<String> {
    let release = escape::bytes(&kernel.release);
    let near: Vec<String> = index
        .modules
        .iter()
        .filter(|entry| entry.release.as_bytes() == kernel.release)
        .filter_map(|entry| Some(format!("module {:.12}… is refused: {}", entry.sha256.to_string(), fault(entry, kernel)?)))
        .take(MOST_REASONS)
        .collect();
    if near.is_empty() { vec![format!("none of its {} modules is for kernel {release}", index.modules.len())] } else { near }
}

#[cfg(test)]
mod tests {
    use super::super::index::tests::entry;
    use super::*;
    use hozen_collector::model::Timestamp;
    use hozen_collector::model::modules::Architecture;

    fn kernel(release: &str, build_id: Option<&str>) -> Kernel {
        let (architecture, version) = (Some(Architecture::X86_64), b"#1 SMP PREEMPT_DYNAMIC x".to_vec());
        Kernel { architecture, release: release.into(), version, build_id: build_id.map(|id| id.parse().unwrap()) }
    }

    #[test]
    fn the_module_of_the_very_build_is_chosen() {
        let mut later = entry("6.1", None);
        later.added = Timestamp::from_seconds(9);
        let index = ModuleIndex {
            v: 1,
            modules: vec![later.clone(), entry("6.1", Some("aa")), entry("6.1", Some("bb")), entry("6.2", None)],
        };
        assert_eq!(choose(&index, &kernel("6.1", Some("bb"))), Ok(&entry("6.1", Some("bb"))));
        assert_eq!(choose(&index, &kernel("6.1", Some("cc"))), Ok(&later), "an entry without BUILD-ID is for every build");
        assert_eq!(choose(&index, &kernel("6.1", None)), Ok(&later));
        assert_eq!(choose(&index, &kernel("6.2", Some("aa"))), Ok(&entry("6.2", None)));
    }

    #[test]
    fn every_near_miss_is_told() {
        let index = ModuleIndex { v: 1, modules: vec![entry("6.1", Some("aa")), entry("6.1", Some("bb"))] };
        let reasons = choose(&index, &kernel("6.1", Some("cc"))).unwrap_err();
        assert!(reasons.len() == 2 && reasons[0].contains("the build aa of this release, and this is cc"), "{reasons:?}");
        assert_eq!(choose(&index, &kernel("6.3", None)).unwrap_err(), ["none of its 2 modules is for kernel 6.3"]);
        let arm = Kernel { architecture: Some(Architecture::Aarch64), ..kernel("6.1", None) };
        assert!(choose(&index, &arm).unwrap_err()[0].contains("it is for x86_64"));
        let old = Kernel { version: b"#1 SMP x".to_vec(), ..kernel("6.1", None) };
        assert!(choose(&index, &old).unwrap_err()[0].contains("other options"));
    }
}
