//! The files about the kernel that are neither types nor memory.

use super::kallsyms::Landmarks;
use super::{Reader, notes, package};
use crate::model::escape;
use crate::source::{Stop, keep};

/// The most that is read of `System.map`; a distribution's has 5 to 10 MiB.
const SYSTEM_MAP: usize = 64 << 20;
/// Files of `/proc` that whoever reads an image wants beside it.
const FILES: [&str; 7] = ["cmdline", "modules", "cpuinfo", "meminfo", "zoneinfo", "swaps", "sys/kernel/kptr_restrict"];

/// Which kernel this is: release, banner as programs see it, build id.
pub(super) fn release(reader: &mut Reader<'_>) -> Result<Vec<u8>, Stop> {
    let (keeper, row) = (&mut reader.keeper, &mut reader.row);
    let release = keep::column(row, "release", keeper.proc("sys/kernel/osrelease")?).unwrap_or_default();
    row.text("machine", &keeper.host.identity.facts.machine);
    keep::column(row, "version", keeper.proc("version")?);
    if let Some(text) = keep::content(row, "build_id", keeper.sys("kernel/notes")?)
        && let Some(id) = notes::build_id(&text)
    {
        row.text("build_id", &id);
    }
    distribution(reader, &release)?;
    Ok(release)
}

/// The distribution, and its package with debug information for this kernel.
fn distribution(reader: &mut Reader<'_>, release: &[u8]) -> Result<(), Stop> {
    let (keeper, row) = (&mut reader.keeper, &mut reader.row);
    let mut kept = keeper.file(b"/etc/os-release")?;
    if kept.as_ref().is_err_and(crate::host::ReadError::is_gone) {
        kept = keeper.file(b"/usr/lib/os-release")?;
    }
    let Some(text) = keep::content(row, "distribution", kept) else { return Ok(()) };
    let id = package::distribution(&text);
    row.text("distribution", &id);
    let machine = &keeper.host.identity.facts.machine;
    if let Some(package) = package::debug_package(&id, &escape::bytes(release), machine) {
        row.text("debug_package", &package);
    }
    Ok(())
}

/// Keeps `System.map`. Debian ships one without symbols, which says so in its one line.
pub(super) fn system_map(reader: &mut Reader<'_>, release: &[u8]) -> Result<Option<Landmarks>, Stop> {
    let Some(path) = keep::in_boot("System.map", release) else { return Ok(None) };
    let kept = reader.keeper.file_within(&path, SYSTEM_MAP)?;
    let text = keep::content(&mut reader.row, "system_map", kept);
    let marks = text.as_deref().map(Landmarks::of).filter(Landmarks::is_placed);
    reader.row.flag("system_map", marks.is_some());
    match (&text, marks) {
        (Some(_), None) => reader.reasons.push(format!("{} has no symbols", escape::bytes(&path))),
        (Some(_), Some(_)) => drop(reader.row.bytes("system_map_file", &path)),
        (None, _) => {}
    }
    Ok(marks)
}

/// Keeps the configuration, and what else belongs to an image.
pub(super) fn others(reader: &mut Reader<'_>, release: &[u8]) -> Result<(), Stop> {
    let (keeper, row) = (&mut reader.keeper, &mut reader.row);
    if keep::content(row, "config", keeper.proc("config.gz")?).is_some() {
        row.text("config", "/proc/config.gz");
    } else if let Some(path) = keep::in_boot("config", release)
        && keep::content(row, "config", keeper.file(&path)?).is_some()
    {
        row.bytes("config", &path);
    }
    for file in FILES {
        keeper.proc(file)?.ok();
    }
    keeper.sys("kernel/vmcoreinfo")?.ok();
    sections(reader)
}

/// Where the sections of each loaded module lie.
fn sections(reader: &mut Reader<'_>) -> Result<(), Stop> {
    let host = reader.keeper.host;
    for name in host.sys.names("module").unwrap_or_default() {
        let base = [b"module/", name.as_slice()].concat();
        reader.keeper.folder(&host.sys, &[base.as_slice(), b"/sections"].concat())?;
        reader.keeper.folder(&host.sys, &[base.as_slice(), b"/notes"].concat())?;
    }
    Ok(())
}
