//! What the host says of the ways to its memory. Devices and `/proc/kcore` are only asked whether they are there.

use super::iomem::{self, Iomem};
use crate::host::privilege::Privileges;
use crate::host::{Host, read};
use crate::model::Row;
use crate::source::Stop;
use crate::source::keep::{self, Keeper};

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
}

/// Reads them all, keeps what was read, and adds what the image's readers need to `row`.
pub(super) fn read(keeper: &mut Keeper<'_>, row: &mut Row) -> Result<Facts, Stop> {
    let host = keeper.host;
    let mut facts = Facts { kernel: kernel(row, keeper)?, ..there(host) };
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
        let total = keep::lines(&text).find_map(|line| keep::number(keep::fields(line.strip_prefix(b"MemTotal:")?).next()?));
        row.int("memory_total", i128::from(total.unwrap_or(0)) * 1024);
    }
    Ok(facts)
}

fn kernel(row: &mut Row, keeper: &mut Keeper<'_>) -> Result<Vec<u8>, Stop> {
    Ok(keep::column(row, "kernel", keeper.proc("sys/kernel/osrelease")?).unwrap_or_default())
}

/// What is there and what we may do; nothing is opened.
fn there(host: &Host) -> Facts {
    let privileges = Privileges::read(&host.proc).ok();
    let may = |name: &str| privileges.as_ref().is_some_and(|privileges| privileges.has(name));
    Facts {
        // Both exist if and only if the kernel has CONFIG_MODULES; a container may hide one.
        has_modules: host.proc.stat("modules").is_ok() || host.proc.stat("sys/kernel/modules_disabled").is_ok(),
        has_kcore: host.proc.stat("kcore").is_ok_and(|stat| stat.is_regular()),
        has_crash: host.files.stat("/dev/crash").is_ok_and(|stat| stat.kind_name() == "character device"),
        has_mem: host.files.stat("/dev/mem").is_ok_and(|stat| stat.kind_name() == "character device"),
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
    // The release is text of the host: it must not lead elsewhere.
    if kernel.is_empty() || kernel.contains(&b'/') {
        return Ok(None);
    }
    let path = [b"/boot/config-", kernel].concat();
    let Some(text) = keep::content(row, "config", keeper.file(&path)?) else { return Ok(None) };
    row.bytes("config_file", &path);
    Ok(Some(keep::lines(&text).any(|line| line == b"CONFIG_STRICT_DEVMEM=y")))
}
