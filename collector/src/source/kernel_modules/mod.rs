//! Loaded modules, in each of the kernel's lists, so that one which hides from some of them is seen by the others.

pub(super) mod parse;
mod views;

use std::collections::BTreeSet;
use std::time::Duration;

use self::views::Views;
use super::keep::{self, Keeper, Kept};
use super::kernel_symbols::KALLSYMS;
use super::{Evidence, Source, Stop};
use crate::host::Host;
use crate::model::{Artefact, Category, Outcome, Profile, Row, Status};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "kernel_modules",
    category: Category::Kernel,
    profile: Profile::Volatile,
    budget: Duration::from_secs(30),
    budget_bytes: None,
    source: "/proc/modules, /sys/module, /proc/kallsyms, /proc/vmallocinfo",
    about: "Loaded kernel modules as four of the kernel's own lists have them, and where those contradict.",
    tables: &["kernel_modules", "module_views"],
};

/// Small files of a module in `/sys/module/NAME`.
const FILES: [&str; 7] = ["initstate", "refcnt", "taint", "srcversion", "version", "coresize", "initsize"];

/// Compares `/proc/modules`, `/sys/module`, `/proc/kallsyms` and `/proc/vmallocinfo`.
#[derive(Debug, Clone, Copy, Default)]
pub struct KernelModulesSource;

impl Source for KernelModulesSource {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let mut keeper = Keeper { host, evidence };
        let views = read(&mut keeper)?;
        keeper.proc("sys/kernel/tainted")?.ok();
        let names: Vec<Vec<u8>> = views.names().into_iter().map(<[u8]>::to_owned).collect();
        for (done, name) in (0..).zip(&names) {
            keeper.evidence.progress(done, u64::try_from(names.len()).unwrap_or(0));
            module(&mut keeper, &views, name)?;
        }
        areas(&mut keeper, &views)?;
        // Without CONFIG_MODULES there is no list; symbols that claim a module are then all the more of interest.
        if views.listed.is_none() && names.is_empty() && !has_loader(host) {
            return Ok(Outcome::because(Status::Absent, "the kernel cannot load modules (no CONFIG_MODULES)"));
        }
        Ok(Outcome::ok())
    }
}

/// Both files exist if and only if the kernel has `CONFIG_MODULES`.
fn has_loader(host: &Host) -> bool {
    host.proc.stat("modules").is_ok() || host.proc.stat("sys/kernel/modules_disabled").is_ok()
}

/// Reads the four lists and writes a row of each into `module_views`.
fn read(keeper: &mut Keeper<'_>) -> Result<Views, Stop> {
    let mut views = Views::default();
    let listed = keeper.proc("modules")?;
    let mut bad = 0;
    views.listed = usable(&listed).map(|text| {
        let (modules, wrong) = parse::modules(text);
        bad = wrong.len();
        modules
    });
    view_row(keeper, "proc_modules", "/proc/modules", listed, views.listed.as_ref().map(Vec::len), bad)?;
    views.sysfs = sysfs(keeper)?;
    let symbols = keeper.proc_within("kallsyms", KALLSYMS)?;
    views.symbols = usable(&symbols).map(parse::kallsyms);
    view_row(keeper, "kallsyms", "/proc/kallsyms", symbols, views.symbols.as_ref().map(|names| names.len()), 0)?;
    let areas = keeper.proc("vmallocinfo")?;
    views.areas = usable(&areas).map(parse::module_areas).filter(|areas| parse::are_placed(areas));
    view_row(keeper, "vmallocinfo", "/proc/vmallocinfo", areas, views.areas.as_ref().map(Vec::len), 0)?;
    Ok(views)
}

/// A list that was cut short would make modules look missing.
fn usable(kept: &Kept) -> Option<&[u8]> {
    kept.as_ref().ok().filter(|bytes| !bytes.truncated).map(|bytes| bytes.bytes.as_slice())
}

/// One row for the view as a whole: how many entries it has, or why it could not be had.
fn view_row(
    keeper: &mut Keeper<'_>,
    view: &'static str,
    path: &'static str,
    kept: Kept,
    entries: Option<usize>,
    bad: usize,
) -> Result<(), Stop> {
    let mut row = Row::new(keeper.host.clock.now(), path);
    row.text("view", view).flag("available", entries.is_some());
    if let Some(entries) = entries {
        row.int("entries", i64::try_from(entries).unwrap_or(i64::MAX));
    }
    match &kept {
        Err(error) => {
            row.text("reason", &error.reason.to_string());
        }
        Ok(bytes) if entries.is_none() && !bytes.truncated => {
            row.text("reason", "the kernel shows no true addresses here (kernel.kptr_restrict)");
        }
        Ok(_) => {}
    }
    keep::content(&mut row, view, kept);
    if bad > 0 {
        row.error(view, "malformed");
    }
    keeper.evidence.row("module_views", &row)
}

/// The names in `/sys/module` that are loadable modules.
fn sysfs(keeper: &mut Keeper<'_>) -> Result<Option<BTreeSet<Vec<u8>>>, Stop> {
    let names = keeper.host.sys.names("module");
    let loadable = |name: &Vec<u8>| keeper.host.sys.stat([b"module/", name.as_slice(), b"/initstate"].concat()).is_ok();
    let found: Option<BTreeSet<_>> =
        names.as_ref().ok().map(|names| names.iter().filter(|name| loadable(name)).cloned().collect());
    let mut row = Row::new(keeper.host.clock.now(), "/sys/module");
    row.text("view", "sysfs").flag("available", found.is_some());
    match &names {
        Ok(names) => {
            let built_in = names.len() - found.as_ref().map_or(0, BTreeSet::len);
            row.int("entries", i64::try_from(names.len() - built_in).unwrap_or(i64::MAX));
            row.int("built_in", i64::try_from(built_in).unwrap_or(i64::MAX));
        }
        Err(error) => {
            row.text("reason", &error.reason.to_string());
            if !error.is_gone() {
                row.error("sysfs", error.reason.word());
                keeper.evidence.gap(error.gap());
            }
        }
    }
    keeper.evidence.row("module_views", &row)?;
    Ok(found)
}

/// Writes the row of one module. osquery's column `status` is `state` here: every row has a `status` of its own.
fn module(keeper: &mut Keeper<'_>, views: &Views, name: &[u8]) -> Result<(), Stop> {
    let mut row = Row::new(keeper.host.clock.now(), keep::shown(&[b"/sys/module/", name].concat()));
    let seen = views.seen(name);
    row.bytes("name", &seen.name);
    if let Some(listed) = views.listed(name) {
        row.int("size", listed.size).bytes("used_by", &listed.used_by).bytes("state", &listed.state);
        row.hex("address", listed.address).bytes("taint_letters", &listed.taint);
        if let Some(references) = listed.references {
            row.int("references", references);
        }
    }
    if views.sysfs.as_ref().is_some_and(|names| names.contains(name)) {
        files(keeper, &mut row, name)?;
    }
    if let Some(symbols) = views.symbols(name) {
        row.int("symbols", symbols.count).hex("symbols_lowest", symbols.lowest).hex("symbols_highest", symbols.highest);
    }
    row.json("seen_by", &seen.by).json("missing_from", &seen.missing_from).flag("contradiction", !seen.missing_from.is_empty());
    keeper.evidence.row("kernel_modules", &row)
}

/// The small files of a module, and where its sections lie.
fn files(keeper: &mut Keeper<'_>, row: &mut Row, name: &[u8]) -> Result<(), Stop> {
    let host = keeper.host;
    let base = [b"module/", name].concat();
    for file in FILES {
        let path = [base.as_slice(), b"/", file.as_bytes()].concat();
        keep::column(row, file, keeper.below(&host.sys, &path)?);
    }
    for folder in ["sections", "parameters"] {
        keeper.folder(&host.sys, &[base.as_slice(), b"/", folder.as_bytes()].concat())?;
    }
    Ok(())
}

/// One row for each stretch of memory that was allocated for a module, and whose it is.
fn areas(keeper: &mut Keeper<'_>, views: &Views) -> Result<(), Stop> {
    for area in views.areas.iter().flatten() {
        keeper.evidence.check()?;
        let mut row = Row::new(keeper.host.clock.now(), "/proc/vmallocinfo");
        let owner = views.owner(area);
        row.text("view", "vmallocinfo").hex("start", area.start).hex("end", area.end).bytes("caller", &area.caller);
        if let Some(owner) = owner {
            row.bytes("name", owner);
        }
        row.flag("unclaimed", owner.is_none());
        keeper.evidence.row("module_views", &row)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture;
    use crate::source::recorded::Recorded;

    fn fixture(files: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
        let dir = tempfile::tempdir().unwrap();
        let host = fixture::host(dir.path(), files);
        (dir, host)
    }

    #[test]
    fn this_machine_answers_and_keeps_its_symbols() {
        let mut evidence = Recorded::default();
        let host = Host::live().unwrap();
        let outcome = KernelModulesSource.acquire(&host, &mut evidence).unwrap();
        let expected = if has_loader(&host) { Status::Ok } else { Status::Absent };
        assert_eq!(outcome.status, expected, "{outcome:?}");
        assert!(evidence.rows("module_views").len() >= 4);
        assert!(evidence.member("/proc/kallsyms").is_some_and(|text| text.len() > 1000));
    }

    #[test]
    fn a_module_that_unlinked_itself_is_seen_by_its_symbols() {
        let (_dir, host) = fixture(&[
            ("proc/modules", "xfs 1 0 - Live 0xffffffffc0a00000 (E)\n"),
            ("proc/kallsyms", "ffffffffc0a00010 t a\t[xfs]\nffffffffc0b00010 t b\t[rk]\n"),
            (
                "proc/vmallocinfo",
                "0xffffffffc0a00000-0xffffffffc0a02000 8192 load_module+0x1/0x2 pages=1\n\
                0xffffffffc0d00000-0xffffffffc0d02000 8192 move_module+0x1/0x2 pages=1\n",
            ),
            ("sys/module/xfs/initstate", "live\n"),
            ("sys/module/xfs/srcversion", "ABC\n"),
            ("sys/module/xfs/sections/.text", "0xffffffffc0a00000\n"),
            ("sys/module/printk/parameters/time", "Y\n"),
        ]);
        let mut evidence = Recorded::default();
        assert_eq!(KernelModulesSource.acquire(&host, &mut evidence), Ok(Outcome::ok()));
        let rows = evidence.rows("kernel_modules");
        assert_eq!((&rows[0]["name"], &rows[0]["contradiction"]), (&"rk".into(), &1.into()));
        assert_eq!(rows[0]["missing_from"], serde_json::json!(["proc_modules", "sysfs", "vmallocinfo"]));
        assert_eq!((&rows[1]["srcversion"], &rows[1]["address"]), (&"ABC".into(), &"0xffffffffc0a00000".into()));
        assert_eq!(rows[1]["contradiction"], 0);
        let unclaimed: Vec<_> = evidence.rows("module_views").iter().filter(|row| row["unclaimed"] == 1).collect();
        assert_eq!(unclaimed.len(), 1);
        assert_eq!(unclaimed[0]["start"], "0xffffffffc0d00000");
        assert!(evidence.member("/sys/module/xfs/sections/.text").is_some());
        assert!(evidence.member("/sys/module/printk/parameters/time").is_none());
    }
}
