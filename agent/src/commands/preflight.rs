//! `hozen preflight`: what can be collected here, and why not the rest. Reads a little, changes nothing, but that with `--to` one
//! small object is written into the bucket, and with `--inventory` one small file here.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use hozen_collector::host::Host;
use hozen_collector::host::clock::discipline;
use hozen_collector::host::privilege::Privileges;
use hozen_collector::host::sandbox::{Modules, Sandbox};
use hozen_collector::model::{Outcome, escape};
use hozen_collector::sink::directory::FOLDER_FDS;
use hozen_collector::source::memory::{Kernel, MemorySource};
use nix::sys::statvfs::statvfs;
use serde_json::{Value, json};

use super::bucket_check::{self, Checked};
use super::inventory::{self, Known};
use super::print;
use super::way::{self, Way};
use crate::cli::PreflightArgs;
use crate::exit::Exit;
use crate::modules::{self, Wanted};
use crate::progress::say;
use crate::s3::{self, BucketUri};

/// Free bytes below which the current folder is no destination for even the volatile part.
const LEAST_FREE: u64 = 64 << 20;

/// Prints what can be collected as JSON and returns the exit code.
#[must_use]
pub fn preflight(arguments: &PreflightArgs) -> u8 {
    let to = bucket(arguments).and_then(|to| arguments.bucket.check().and(arguments.network.check()).map(|()| to));
    let asked = to.map_err(anyhow::Error::msg).and_then(|to| Ok((to, Wanted::new(&arguments.lime)?)));
    let (to, wanted) = match asked {
        Ok(asked) => asked,
        Err(error) => {
            say(&format!("hozen: {error:#}"));
            return Exit::Usage.into();
        }
    };
    match Host::live() {
        Ok(host) => {
            let way = Arc::new(Way::new(&arguments.network, &host));
            let checking = to.map(|to| to.map(|to| bucket_check::begin(arguments, to, &way)));
            let kernel = Kernel::running(&host);
            let module = modules::offer(&host, &kernel, &wanted, |place| way.modules(place));
            let destination = checking.map(|checking| checking.map_or_else(|refused| refused, bucket_check::end));
            let refused = destination.as_ref().is_some_and(|checked| !checked.ready);
            let memory = MemorySource { module, ..MemorySource::default() };
            let bucket = destination.as_ref().map(|checked| checked.ready);
            let (mut report, mut ready) = report(&host, &kernel, &memory, destination);
            if let Some(folder) = &arguments.inventory {
                ready &= leave_entry(folder.as_deref(), &host, &mut report, &memory, bucket);
            }
            print(&serde_json::to_string_pretty(&report).unwrap_or_default());
            match (refused, ready) {
                (true, _) => Exit::Destination.into(),
                (false, false) => Exit::NotReady.into(),
                (false, true) => Exit::Complete.into(),
            }
        }
        Err(error) => {
            say(&format!("hozen: this host cannot be read: {error}"));
            Exit::Platform.into()
        }
    }
}

/// The bucket of `--to`; refused where what is meant as one names none.
fn bucket(arguments: &PreflightArgs) -> Result<Option<Result<BucketUri, Checked>>, String> {
    let Some(to) = arguments.to.as_deref() else { return Ok(None) };
    match way::bucket(to, "--to") {
        Ok(place) => Ok(Some(Ok(place))),
        Err(reason) if s3::is_meant_as_bucket(to) => Ok(Some(Err(bucket_check::malformed(to, &reason)))),
        Err(reason) => Err(reason),
    }
}

/// Leaves the entry for the inventory, and says so in the report; false where it could not be left.
fn leave_entry(folder: Option<&Path>, host: &Host, report: &mut Value, memory: &MemorySource, bucket: Option<bool>) -> bool {
    let (ways, lockdown) = memory.ways(host);
    let left = inventory::leave(folder, host, &Known { report, ways: &ways, lockdown: &lockdown, bucket });
    let told = match &left {
        Ok(file) => json!({"written": escape::path(file)}),
        Err(why) => {
            say(&format!("hozen: no entry for the inventory: {why}"));
            json!({"error": why})
        }
    };
    if let Some(report) = report.as_object_mut() {
        report.insert("inventory".to_owned(), told);
    }
    left.is_ok()
}

/// The report, and whether a run as this user would see all of the host.
fn report(host: &Host, kernel: &Kernel, memory: &MemorySource, destination: Option<Checked>) -> (Value, bool) {
    let privileges = Privileges::read(&host.proc);
    let unseen = privileges.as_ref().map(Privileges::unseen).unwrap_or_default();
    let free = free_bytes();
    let mut obstacles: Vec<String> =
        unseen.iter().map(|(capability, what)| format!("lacks CAP_{}: {what}", capability.to_uppercase())).collect();
    match &destination {
        Some(checked) if !checked.ready => {
            let text = |member: &str| checked.report.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
            obstacles.push(format!("{} ({}): {}", text("to"), text("step"), text("reason")));
        }
        None if free.is_none_or(|free| free < LEAST_FREE) => {
            obstacles.push("the current folder has no room for evidence; give `collect` another with --to".to_owned());
        }
        _ => {}
    }
    let folder = || json!({"default": "the current folder", "free_bytes": free});
    let report = json!({
        "v": 1,
        "agent": crate::VERSION,
        "ready": obstacles.is_empty(),
        "obstacles": obstacles,
        "host": host.identity.facts,
        "privileges": {"euid": privileges.as_ref().map(|own| own.euid).ok(), "missing": unseen},
        "access": access(host),
        "kernel": {"release": escape::bytes(&kernel.release), "version": escape::bytes(&kernel.version), "build_id": kernel.build_id},
        "lime_module": modules::describe(&memory.module, kernel),
        "memory": outlook(host, memory),
        "ram_bytes": ram_bytes(host),
        "processes": host.proc.pids().map(|pids| pids.len()).ok(),
        "clock": clock(),
        "destination": destination.map_or_else(folder, |checked| checked.report),
    });
    (report, obstacles.is_empty())
}

/// What the memory artefact would come to, with every reason.
fn outlook(host: &Host, memory: &MemorySource) -> Value {
    let Outcome { status, reasons } = memory.outlook(host);
    json!({"status": status, "reasons": reasons})
}

fn access(host: &Host) -> BTreeMap<&'static str, Value> {
    BTreeMap::from([
        ("proc_view", json!(host.proc.view().word())),
        ("private_views", json!(host.files.is_private(b"/"))),
        (
            "seccomp_filter",
            json!(
                Sandbox::new(FOLDER_FDS, Modules::Denied).is_ok() && host.proc.stat("sys/kernel/seccomp/actions_avail").is_ok()
            ),
        ),
    ])
}

fn clock() -> Value {
    match discipline() {
        Ok(clock) => json!({"synchronised": !clock.unsynchronised, "max_error_us": clock.max_error_us}),
        Err(errno) => json!({"error": errno.to_string()}),
    }
}

/// `MemTotal`, in bytes.
fn ram_bytes(host: &Host) -> Option<u64> {
    let text = host.proc.file("meminfo", 1 << 20).ok()?.bytes;
    let line = text.split(|b| *b == b'\n').find_map(|line| line.strip_prefix(b"MemTotal:"))?;
    let kilobytes: u64 = std::str::from_utf8(line).ok()?.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}

fn free_bytes() -> Option<u64> {
    statvfs(".").ok().map(|stat| stat.blocks_available().saturating_mul(stat.fragment_size()))
}
