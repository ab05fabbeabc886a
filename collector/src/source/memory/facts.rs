//! What the host says of the ways to its memory. Devices and `/proc/kcore` are only asked whether they are there.

use super::Offer;
use super::iomem::{self, Iomem};
use super::running::{self, Kernel};
use crate::host::privilege::Privileges;
use crate::host::{Host, module, read};
use crate::model::Row;
use crate::model::modules::Architecture;
use crate::source::Stop;
use crate::source::keep::{self, Keeper};
use crate::source::text;

/// All that the ladder goes by.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// Release of the kernel.
    pub kernel: Vec<u8>,
    /// Whether the kernel has a module loader.
    pub has_modules: bool,
    /// `kernel.modules_disabled`.
    pub modules_disabled: bool,
    /// `module.sig_enforce`.
    pub signatures_enforced: bool,
    /// `none`, `integrity` or `confidentiality`; empty where the kernel has no lockdown.
    pub lockdown: Vec<u8>,
    pub has_kcore: bool,
    pub has_crash: bool,
    pub has_mem: bool,
    /// `CONFIG_STRICT_DEVMEM`, where the configuration is known.
    pub strict_devmem: Option<bool>,
    /// `CAP_SYS_MODULE`.
    pub may_load_modules: bool,
    /// `CAP_SYS_RAWIO`.
    pub may_do_raw_io: bool,
    /// Where memory lies.
    pub iomem: Iomem,
    /// Why no LiME module can be loaded for this kernel, as far as the module goes.
    pub module_fault: Option<String>,
    /// Whether that module has a signature for the kernel.
    pub module_signed: bool,
    /// Whether a module of LiME's name is loaded.
    pub has_lime: bool,
    /// Bytes of memory that the kernel says are in use, huge pages that nobody uses not counted.
    pub in_use: Option<u64>,
}

/// Reads them all, keeps what was read, and adds what the image's readers need to `row`.
pub(super) fn read(keeper: &mut Keeper<'_>, row: &mut Row, offer: &Offer) -> Result<Facts, Stop> {
    let host = keeper.host;
    let kernel = kernel(row, keeper)?;
    let (module_fault, module_signed) = (offer.fault(&kernel), offer.is_signed());
    let mut facts = Facts { module_fault, module_signed, kernel: kernel.release, ..there(host) };
    let disabled = keep::column(row, "modules_disabled", keeper.proc("sys/kernel/modules_disabled")?);
    facts.modules_disabled = disabled.is_some_and(|value| value == b"1");
    let enforced = keep::column(row, "module_sig_enforce", keeper.sys("module/module/parameters/sig_enforce")?);
    facts.signatures_enforced = enforced.is_some_and(|value| value == b"Y");
    if let Some(security) = keeper.filesystem(row, "lockdown", c"securityfs", "/sys/kernel/security")
        && let Some(text) = keep::content(row, "lockdown", keeper.below(&security, b"lockdown")?)
    {
        facts.lockdown = crate::source::context::chosen(&text);
        row.bytes("lockdown", &facts.lockdown);
    }
    facts.strict_devmem = config(row, keeper, &facts.kernel)?;
    facts.iomem = map(row, keeper)?;
    for (column, path) in [("vmcoreinfo", "kernel/vmcoreinfo"), ("address_bits", "kernel/address_bits")] {
        keep::column(row, column, keeper.sys(path)?);
    }
    if let Ok(stat) = host.sys.stat("kernel/btf/vmlinux") {
        row.int("btf_size", stat.size);
    }
    if let Some(text) = keep::content(row, "meminfo", keeper.proc("meminfo")?) {
        row.int("memory_total", kilobytes(&text, b"MemTotal:").unwrap_or(0));
        facts.in_use = in_use(&text);
        if let Some(in_use) = facts.in_use {
            row.int("memory_in_use", in_use);
        }
    }
    Ok(facts)
}

/// A line of `/proc/meminfo`, in bytes.
fn kilobytes(meminfo: &[u8], name: &[u8]) -> Option<u64> {
    let line = text::lines(meminfo).find_map(|line| line.strip_prefix(name))?;
    u64::try_from(text::number(text::fields(line).next()?)?).ok()?.checked_mul(1024)
}

fn in_use(meminfo: &[u8]) -> Option<u64> {
    let value = |name: &[u8]| kilobytes(meminfo, name);
    // HugePages_Free is a count, so its "kilobytes" are 1024 times too many.
    let pages = value(b"HugePages_Free:").unwrap_or(0) / 1024;
    let reserved = pages.checked_mul(value(b"Hugepagesize:").unwrap_or(0))?;
    Some(value(b"MemTotal:")?.saturating_sub(value(b"MemFree:")?).saturating_sub(reserved))
}

/// `/proc/iomem` as it is now, where it can be read.
pub(super) fn iomem_now(host: &Host) -> Option<(Vec<u8>, Iomem)> {
    let text = host.proc.file("iomem", read::SMALL).ok().filter(|text| !text.truncated)?.bytes;
    let map = iomem::parse(&text);
    Some((text, map))
}

/// What tells this kernel from others.
fn kernel(row: &mut Row, keeper: &mut Keeper<'_>) -> Result<Kernel, Stop> {
    let release = keep::column(row, "kernel", keeper.proc("sys/kernel/osrelease")?).unwrap_or_default();
    let version = keep::column(row, "kernel_version", keeper.proc("sys/kernel/version")?).unwrap_or_default();
    let build_id = keep::content(row, "build_id", keeper.sys("kernel/notes")?).and_then(|notes| running::build_id(&notes));
    if let Some(build_id) = &build_id {
        row.text("build_id", &build_id.to_string());
    }
    Ok(Kernel { architecture: Architecture::of_this_program(), release, version, build_id })
}

/// What is there and what we may do; nothing is opened.
fn there(host: &Host) -> Facts {
    let privileges = Privileges::read(&host.proc).ok();
    let may = |name: &str| privileges.as_ref().is_some_and(|privileges| privileges.has(name));
    Facts {
        // Both exist if and only if the kernel has CONFIG_MODULES; a container may hide one.
        has_modules: host.live && (host.proc.stat("modules").is_ok() || host.proc.stat("sys/kernel/modules_disabled").is_ok()),
        has_kcore: host.proc.stat("kcore").is_ok_and(|stat| stat.is_regular()),
        has_crash: host.files.stat("/dev/crash").is_ok_and(|stat| stat.kind_name() == "character device"),
        has_mem: host.files.stat("/dev/mem").is_ok_and(|stat| stat.kind_name() == "character device"),
        has_lime: host.live && module::is_shown("lime"),
        may_load_modules: may("sys_module"),
        may_do_raw_io: may("sys_rawio"),
        ..Facts::default()
    }
}

fn map(row: &mut Row, keeper: &mut Keeper<'_>) -> Result<Iomem, Stop> {
    let Some(text) = keep::content(row, "iomem", keeper.proc("iomem")?) else { return Ok(Iomem::default()) };
    let map = iomem::parse(&text);
    if map.hidden {
        row.error("iomem", "addresses-hidden");
        let reason = "all addresses are shown as zero, because we lack CAP_SYS_ADMIN";
        keeper.evidence.gap(crate::model::Gap::whole(b"/proc/iomem", reason));
    }
    if map.bad > 0 {
        row.error("iomem", "malformed");
    }
    row.int("iomem_entries", i64::try_from(map.entries).unwrap_or(i64::MAX));
    row.int("ram_ranges", i64::try_from(map.ram.len()).unwrap_or(i64::MAX));
    row.int("ram_bytes", crate::model::range::total(&map.ram));
    Ok(map)
}

/// Keeps the kernel's configuration, compressed or not, and says whether it sets `CONFIG_STRICT_DEVMEM`.
fn config(row: &mut Row, keeper: &mut Keeper<'_>, kernel: &[u8]) -> Result<Option<bool>, Stop> {
    if let Ok(compressed) = keeper.host.proc.file("config.gz", read::SMALL) {
        keeper.keep(b"/proc/config.gz", Ok(compressed))?.ok();
        row.text("config", "/proc/config.gz");
    }
    let Some(path) = keep::in_boot("config", kernel) else { return Ok(None) };
    let Some(text) = keep::content(row, "config", keeper.file(&path)?) else { return Ok(None) };
    row.bytes("config_file", &path);
    Ok(Some(text::lines(&text).any(|line| line == b"CONFIG_STRICT_DEVMEM=y")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_huge_pages_are_not_in_use() {
        let text = b"MemTotal:  1000 kB\nMemFree: 200 kB\nHugePages_Free:       3\nHugepagesize:  100 kB\n";
        assert_eq!(in_use(text), Some(500 * 1024));
        assert_eq!(in_use(b"MemTotal: 10 kB\nMemFree: 3 kB\n"), Some(7 * 1024));
        for hostile in [&b""[..], b"MemTotal: -1 kB\nMemFree: 1 kB", b"MemTotal: 99999999999999999999 kB\nMemFree: 1"] {
            assert_eq!(in_use(hostile), None);
        }
    }
}
