//! How far the running kernel lies from where it was linked for (KASLR): what is to be taken off its addresses.

use super::kallsyms::Landmarks;
use super::vmcoreinfo::VmCoreInfo;

/// Where every x86_64 kernel with the usual `CONFIG_PHYSICAL_START` is linked for.
const X86_64_TEXT: u64 = 0xffff_ffff_8100_0000;
/// The kernel's address space on x86_64, above its `_text`: KASLR moves it less far than that.
const X86_64_SPACE: u64 = 1 << 30;
/// It moves in steps of this, or of a multiple (`CONFIG_PHYSICAL_ALIGN`).
const X86_64_STEP: u64 = 2 << 20;

/// The offset, and where it is known from: `vmcoreinfo`, `system-map` (the running kernel's symbols against those of its
/// build) or `link-address` (x86_64: against where kernels are linked for).
#[must_use]
pub fn kernel_offset(
    info: Option<&VmCoreInfo>,
    running: &Landmarks,
    map: Option<&Landmarks>,
    machine: &str,
) -> Option<(u64, &'static str)> {
    let told = info.and_then(|info| info.address("KERNELOFFSET"));
    let built = map.and_then(Landmarks::begin).and_then(|built| running.begin()?.checked_sub(built));
    let usual = running.begin().and_then(|begin| begin.checked_sub(X86_64_TEXT));
    let usual = usual.filter(|offset| machine == "x86_64" && *offset < X86_64_SPACE && offset % X86_64_STEP == 0);
    told.map(|offset| (offset, "vmcoreinfo"))
        .or_else(|| built.map(|offset| (offset, "system-map")))
        .or_else(|| usual.map(|offset| (offset, "link-address")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_own_word_counts_first() {
        let at = |text: u64| Landmarks { text: Some(text), ..Landmarks::default() };
        let info = VmCoreInfo::parse(b"KERNELOFFSET=19000000\n");
        let running = at(0xffff_ffff_9a00_0000);
        let of = |info, running: &Landmarks, map: Option<&Landmarks>, machine| kernel_offset(info, running, map, machine);
        assert_eq!(of(Some(&info), &running, Some(&at(1)), "x86_64"), Some((0x1900_0000, "vmcoreinfo")));
        assert_eq!(of(None, &running, Some(&at(0xffff_ffff_8100_0000)), "aarch64"), Some((0x1900_0000, "system-map")));
        assert_eq!(of(None, &running, None, "x86_64"), Some((0x1900_0000, "link-address")));
        assert_eq!(of(None, &running, None, "aarch64"), None);
        assert_eq!(of(None, &at(0xffff_ffff_9a00_1000), None, "x86_64"), None);
        assert_eq!(of(None, &Landmarks::default(), Some(&running), "x86_64"), None);
    }
}
