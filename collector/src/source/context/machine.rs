//! Tables `system_info`, `uptime` and `memory_info`: the hardware as the kernel sees it.

use std::collections::BTreeSet;

use procfs_core::{CpuInfo, Meminfo};

use super::numbers;
use crate::model::Row;
use crate::source::Stop;
use crate::source::keep::{self, Keeper};

/// Columns and the DMI fields in them (`/sys/class/dmi/id`). On EC2's Nitro the board's asset tag is the instance's id.
const DMI: [(&str, &str); 15] = [
    ("uuid", "product_uuid"),
    ("hardware_vendor", "sys_vendor"),
    ("hardware_model", "product_name"),
    ("hardware_version", "product_version"),
    ("hardware_serial", "product_serial"),
    ("board_vendor", "board_vendor"),
    ("board_model", "board_name"),
    ("board_version", "board_version"),
    ("board_serial", "board_serial"),
    ("board_asset_tag", "board_asset_tag"),
    ("bios_vendor", "bios_vendor"),
    ("bios_version", "bios_version"),
    ("bios_date", "bios_date"),
    ("chassis_vendor", "chassis_vendor"),
    ("chassis_asset_tag", "chassis_asset_tag"),
];

/// Tables `system_info` and `memory_info`, which share what is read of the memory.
pub(super) fn system(keeper: &mut Keeper<'_>) -> Result<(), Stop> {
    let mut row = Row::new(keeper.host.clock.now(), "/sys/class/dmi/id");
    keep::column(&mut row, "hostname", keeper.proc("sys/kernel/hostname")?);
    for (column, name) in DMI {
        keep::column(&mut row, column, keeper.sys(&format!("class/dmi/id/{name}"))?);
    }
    row.text("cpu_type", &keeper.host.identity.facts.machine);
    if let Some(text) = keep::content(&mut row, "cpuinfo", keeper.proc("cpuinfo")?) {
        match numbers::cpu_info(&text) {
            Some(info) => processors(&mut row, &info),
            None => row.error("cpuinfo", "malformed"),
        }
    }
    if let Some(total) = memory(keeper)? {
        row.int("physical_memory", total);
    }
    keep::column(&mut row, "hypervisor", keeper.sys("hypervisor/type")?);
    keep::column(&mut row, "hypervisor_uuid", keeper.sys("hypervisor/uuid")?);
    keep::column(&mut row, "domain_name", keeper.proc("sys/kernel/domainname")?);
    keep::column(&mut row, "etc_hostname", keeper.file(b"/etc/hostname")?);
    keep::column(&mut row, "machine_id", keeper.file(b"/etc/machine-id")?);
    keep::column(&mut row, "boot_id", keeper.proc("sys/kernel/random/boot_id")?);
    keeper.evidence.row("system_info", &row)
}

fn processors(row: &mut Row, info: &CpuInfo) {
    let count = |set: BTreeSet<_>| i64::try_from(set.len()).unwrap_or(i64::MAX);
    let all = 0..info.num_cores();
    let sockets: BTreeSet<_> = all.clone().filter_map(|cpu| info.get_field(cpu, "physical id")).map(|id| (id, "")).collect();
    let cores = all.filter_map(|cpu| Some((info.get_field(cpu, "physical id")?, info.get_field(cpu, "core id")?))).collect();
    row.int("cpu_logical_cores", i64::try_from(info.num_cores()).unwrap_or(i64::MAX));
    // Processors without these fields (aarch64) do not say.
    for (column, number) in [("cpu_physical_cores", count(cores)), ("cpu_sockets", count(sockets))] {
        if number > 0 {
            row.int(column, number);
        }
    }
    let named =
        [("cpu_brand", "model name"), ("cpu_vendor", "vendor_id"), ("cpu_microcode", "microcode"), ("cpu_subtype", "model")];
    for (column, field) in named {
        if let Some(value) = info.get_field(0, field) {
            row.text(column, value);
        }
    }
    let hypervisor = info.get_field(0, "flags").is_some_and(|flags| flags.split(' ').any(|flag| flag == "hypervisor"));
    row.flag("cpu_flag_hypervisor", hypervisor);
}

pub(super) fn uptime(keeper: &mut Keeper<'_>) -> Result<(), Stop> {
    let mut row = Row::new(keeper.host.clock.now(), "/proc/uptime");
    if let Some(text) = keep::content(&mut row, "uptime", keeper.proc("uptime")?) {
        match numbers::uptime(&text) {
            Some(up) => up_since(&mut row, up.uptime_duration().as_secs()),
            None => row.error("uptime", "malformed"),
        }
    }
    if let Some(text) = keep::content(&mut row, "stat", keeper.proc("stat")?) {
        match numbers::kernel_stats(&text) {
            Some(stat) => {
                row.int("boot_time", stat.btime).int("forks", stat.processes).int("context_switches", stat.ctxt);
            }
            None => row.error("stat", "malformed"),
        }
    }
    if let Some(text) = keep::content(&mut row, "loadavg", keeper.proc("loadavg")?) {
        match numbers::load_average(&text) {
            Some(load) => {
                row.json("load_1m", &load.one).json("load_5m", &load.five).json("load_15m", &load.fifteen);
                row.int("tasks_runnable", load.cur).int("tasks", load.max).int("last_pid", load.latest_pid);
            }
            None => row.error("loadavg", "malformed"),
        }
    }
    keeper.evidence.row("uptime", &row)
}

fn up_since(row: &mut Row, seconds: u64) {
    row.int("days", seconds / 86_400).int("hours", seconds / 3600 % 24).int("minutes", seconds / 60 % 60);
    row.int("seconds", seconds % 60).int("total_seconds", seconds);
}

/// Lists of the kernel's that make no rows and are kept as they are: what drives the machine, who locks a file, other System V objects.
const LISTS: [&str; 9] =
    ["consoles", "crypto", "filesystems", "interrupts", "locks", "misc", "sysvipc/msg", "sysvipc/sem", "tty/drivers"];

/// Table `memory_info`; returns the bytes of memory in total.
fn memory(keeper: &mut Keeper<'_>) -> Result<Option<u64>, Stop> {
    let mut row = Row::new(keeper.host.clock.now(), "/proc/meminfo");
    let mut total = None;
    if let Some(text) = keep::content(&mut row, "meminfo", keeper.proc("meminfo")?) {
        match numbers::meminfo(&text) {
            Some(info) => {
                total = Some(info.mem_total);
                memory_columns(&mut row, &info);
            }
            None => row.error("meminfo", "malformed"),
        }
    }
    for path in ["vmstat", "buddyinfo", "zoneinfo", "swaps"].into_iter().chain(LISTS) {
        keeper.proc(path)?.ok();
    }
    keeper.evidence.row("memory_info", &row)?;
    Ok(total)
}

fn memory_columns(row: &mut Row, info: &Meminfo) {
    row.int("memory_total", info.mem_total).int("memory_free", info.mem_free);
    if let Some(available) = info.mem_available {
        row.int("memory_available", available);
    }
    row.int("buffers", info.buffers).int("cached", info.cached).int("swap_cached", info.swap_cached);
    row.int("active", info.active).int("inactive", info.inactive);
    row.int("swap_total", info.swap_total).int("swap_free", info.swap_free);
    row.int("dirty", info.dirty).int("slab", info.slab).int("committed", info.committed_as);
}
