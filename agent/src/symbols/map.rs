//! Whether a System.map is of the kernel that ran: another build of the same release has the same name, and other addresses.

use hozen_collector::source::kernel_symbols::kallsyms::{self, Landmarks};
use hozen_collector::source::kernel_symbols::vmcoreinfo::VmCoreInfo;

/// Symbols that VMCOREINFO has the true addresses of. The first table of pages has a name of its own on x86_64.
const TOLD: [&str; 4] = ["_stext", "swapper_pg_dir", "init_top_pgt", "init_uts_ns"];

/// A symbol, and how far it lies from where it stands in System.map.
type Moved = (&'static str, u64);

/// The first symbol that shows that `map` is of another build, if one does: a kernel moves as a whole, so all of them must have moved
/// equally far. `built` are the landmarks of `map`.
pub(super) fn stranger(map: &[u8], built: &Landmarks, running: &Landmarks, info: Option<&VmCoreInfo>) -> Option<&'static str> {
    let moved: Vec<Moved> = listed(built, running).into_iter().chain(info.into_iter().flat_map(|info| told(map, info))).collect();
    let offset = info.and_then(|info| info.address("KERNELOFFSET")).or_else(|| moved.first().map(|(_, offset)| *offset))?;
    moved.into_iter().find(|(_, moved)| *moved != offset).map(|(name, _)| name)
}

/// What both lists have.
fn listed(built: &Landmarks, running: &Landmarks) -> Vec<Moved> {
    let pairs = [
        ("_text", running.text, built.text),
        ("_stext", running.code, built.code),
        ("_end", running.end, built.end),
        ("linux_banner", running.banner, built.banner),
        ("init_task", running.init_task, built.init_task),
    ];
    pairs.into_iter().filter_map(|(name, running, built)| Some((name, running?.wrapping_sub(built?)))).collect()
}

/// What the kernel says of itself and the map has.
fn told(map: &[u8], info: &VmCoreInfo) -> Vec<Moved> {
    let moved = |name: &'static str| {
        let running = info.address(&format!("SYMBOL({name})"))?;
        let built = kallsyms::symbols(map).find(|symbol| symbol.name == name.as_bytes())?;
        Some((name, running.wrapping_sub(built.address)))
    };
    TOLD.into_iter().filter_map(moved).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str = "ffffffff81000000 T _text\nffffffff81000000 T _stext\nffffffff82000000 D init_task\n\
        ffffffff82000800 D init_uts_ns\nffffffff83000000 D init_top_pgt\nffffffff84000000 B _end\n";
    const INFO: &str = "SYMBOL(swapper_pg_dir)=ffffffff9c000000\nSYMBOL(_stext)=ffffffff9a000000\n\
        SYMBOL(init_uts_ns)=ffffffff9b000800\nSYMBOL(init_top_pgt)=ffffffff9c000000\nKERNELOFFSET=19000000\n";

    fn of(map: &str, running: &str, info: Option<&str>) -> Option<&'static str> {
        let info = info.map(|info| VmCoreInfo::parse(info.as_bytes()));
        stranger(map.as_bytes(), &Landmarks::of(map.as_bytes()), &Landmarks::of(running.as_bytes()), info.as_ref())
    }

    fn moved() -> String {
        MAP.replace("ffffffff81", "ffffffff9a").replace("ffffffff82", "ffffffff9b").replace("ffffffff84", "ffffffff9d")
    }

    #[test]
    fn a_kernel_that_moved_as_a_whole_is_that_of_its_map() {
        for running in [moved(), String::new()] {
            for info in [Some(INFO), Some("KERNELOFFSET=19000000\n"), Some(""), None] {
                assert_eq!(of(MAP, &running, info), None, "{running}{info:?}");
            }
        }
        assert_eq!(of(MAP, "", Some(&INFO.replace("KERNELOFFSET=19000000\n", ""))), None);
    }

    #[test]
    fn one_symbol_elsewhere_is_another_build() {
        assert_eq!(of(&MAP.replace("82000000", "82000040"), &moved(), None), Some("init_task"));
        assert_eq!(of(MAP, &moved(), Some("KERNELOFFSET=19200000\n")), Some("_text"));
        assert_eq!(of(&MAP.replace("83000000", "83001000"), "", Some(INFO)), Some("init_top_pgt"));
        assert_eq!(of(&MAP.replace("82000800", "82000840"), "", Some(INFO)), Some("init_uts_ns"));
        assert_eq!(
            of(MAP, "", Some(&INFO.replace("KERNELOFFSET=19000000\n", "SYMBOL(x)=0\n").replace("9b000800", "9b000840"))),
            Some("init_uts_ns")
        );
    }
}
