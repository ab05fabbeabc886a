//! The entry that a preflight leaves for the inventory of Systems Manager: one small file, which its agent on this host takes by itself
//! (<https://docs.aws.amazon.com/systems-manager/latest/userguide/inventory-custom.html>).
//!
//! **Invariant:** it is written only where that was asked for, and nothing but that one file.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use hozen_collector::host::Host;
use nix::sys::stat::Mode;
use serde_json::{Value, json};

use crate::whole_file::{self, Existing};

/// What the entries are called.
const TYPE: &str = "Custom:HozenReadiness";
/// The agent of Systems Manager reads every file of the folder that ends in `.json`.
const FILE: &str = "hozen-readiness.json";
/// Where that agent has a folder for each instance that it has been.
const AGENT: &str = "/var/lib/amazon/ssm";
/// The most characters of a value; the inventory takes more, and nobody reads it there.
const MOST: usize = 255;

/// What is known for the entry.
pub(super) struct Known<'a> {
    /// The report of the preflight.
    pub(super) report: &'a Value,
    /// The ways to memory, and whether each is open.
    pub(super) ways: &'a [(&'static str, bool)],
    /// The kernel's lockdown; empty where it has none.
    pub(super) lockdown: &'a str,
    /// Whether the bucket that was asked takes and locks; none where none was asked.
    pub(super) bucket: Option<bool>,
}

/// Leaves the entry in the folder `given`, or, where none is, where the agent of Systems Manager looks. Says which file it is.
pub(super) fn leave(given: Option<&Path>, host: &Host, known: &Known<'_>) -> Result<PathBuf, String> {
    let folder = given.map_or_else(|| agents_folder(host), |folder| Ok(folder.to_owned()))?;
    let text = serde_json::to_string_pretty(&entry(known)).map_err(|error| error.to_string())?;
    write(&folder, &text).map_err(|error| format!("{}: {error}", folder.display()))
}

fn entry(known: &Known<'_>) -> Value {
    let yes = |holds: bool| if holds { "yes" } else { "no" }.to_owned();
    let open = |method: &str| known.ways.iter().any(|(name, open)| *name == method && *open);
    let first = known.ways.iter().find(|(_, open)| *open).map_or("none", |(name, _)| name);
    let text = |pointer: &str| known.report.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let obstacles = known.report.get("obstacles").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let module = known.report.pointer("/lime_module/chosen").and_then(Value::as_bool).unwrap_or_default();
    let lockdown = if known.lockdown.is_empty() { "unknown" } else { known.lockdown };
    let content = BTreeMap::from([
        ("Ready", yes(known.report.get("ready").and_then(Value::as_bool).unwrap_or_default())),
        ("Obstacles", obstacles.collect::<Vec<_>>().join("; ")),
        ("MemoryWay", first.to_owned()),
        ("Version", text("/agent")),
        ("Kernel", text("/kernel/release")),
        ("Architecture", text("/host/machine")),
        ("LimeModule", yes(module)),
        ("Kcore", yes(open("kcore"))),
        ("Lockdown", lockdown.to_owned()),
        ("BucketRoute", known.bucket.map_or_else(|| "not-asked".to_owned(), yes)),
    ]);
    let content: BTreeMap<&str, String> =
        content.into_iter().map(|(name, value)| (name, value.chars().take(MOST).collect())).collect();
    json!({"SchemaVersion": "1.0", "TypeName": TYPE, "Content": content})
}

/// That of this instance: by what Run Command says, else by what the machine says.
fn agents_folder(host: &Host) -> Result<PathBuf, String> {
    let facts = &host.identity.facts;
    let told = std::env::var("AWS_SSM_INSTANCE_ID").ok();
    let id = told.or_else(|| (facts.id_kind == "instance-id").then(|| facts.id.clone()));
    let id = id.filter(|id| is_instance(id)).ok_or("this is no instance that is known to Systems Manager; name a folder")?;
    let home = Path::new(AGENT).join(id);
    if !home.is_dir() {
        return Err(format!("{} is not there: no agent of Systems Manager has been here; name a folder", home.display()));
    }
    Ok(home.join("inventory/custom"))
}

/// `i-` or, of a machine elsewhere, `mi-` and digits.
fn is_instance(id: &str) -> bool {
    let digits = id.strip_prefix("i-").or_else(|| id.strip_prefix("mi-"));
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// In one step, so that nobody reads half of it; what a preflight before it left is replaced.
fn write(folder: &Path, text: &str) -> std::io::Result<PathBuf> {
    DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    let mode = Mode::from_bits_truncate(0o644);
    whole_file::write(whole_file::folder(folder)?, FILE, text.as_bytes(), mode, Existing::Replaced)?;
    Ok(folder.join(FILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Value {
        json!({"agent": "1.2.3", "ready": false, "obstacles": ["a", "b".repeat(300)], "kernel": {"release": "6.1"},
               "host": {"machine": "x86_64"}, "lime_module": {"chosen": true}})
    }

    #[test]
    fn every_value_is_a_short_text_as_the_inventory_takes_it() {
        let report = report();
        let known = Known { report: &report, ways: &[("lime", false), ("kcore", true)], lockdown: "", bucket: Some(true) };
        let entry = entry(&known);
        assert_eq!((&entry["TypeName"], &entry["SchemaVersion"]), (&json!("Custom:HozenReadiness"), &json!("1.0")));
        let content = entry["Content"].as_object().unwrap();
        assert!(content.values().all(|value| value.as_str().is_some_and(|text| text.chars().count() <= MOST)));
        for (name, value) in
            [("Ready", "no"), ("MemoryWay", "kcore"), ("LimeModule", "yes"), ("Kcore", "yes"), ("Lockdown", "unknown")]
        {
            assert_eq!(content[name], value, "{name}");
        }
        assert_eq!(
            (&content["BucketRoute"], &content["Kernel"], &content["Version"]),
            (&json!("yes"), &json!("6.1"), &json!("1.2.3"))
        );
        assert!(content["Obstacles"].as_str().unwrap().starts_with("a; bbb"));
    }

    #[test]
    fn an_entry_takes_the_place_of_the_one_before_and_follows_no_link() {
        let folder = tempfile::tempdir().unwrap();
        let custom = folder.path().join("inventory/custom");
        let file = write(&custom, "{}").unwrap();
        assert_eq!(write(&custom, "{\"a\":1}").unwrap(), file);
        assert_eq!(std::fs::metadata(&file).unwrap().len(), 7);
        let elsewhere = folder.path().join("elsewhere");
        std::fs::File::create_new(&elsewhere).unwrap();
        std::fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
        assert_eq!(write(&custom, "{\"a\":1}").unwrap(), file);
        assert_eq!(std::fs::symlink_metadata(&file).unwrap().len(), 7);
        assert_eq!(std::fs::metadata(&elsewhere).unwrap().len(), 0);
        assert_eq!(std::fs::read_dir(&custom).unwrap().count(), 1);
    }

    #[test]
    fn only_the_name_of_an_instance_becomes_part_of_a_path() {
        assert!(is_instance("i-0abc") && is_instance("mi-0123"));
        assert!(!["", "i-", "i-../x", "x-1", "0123456789abcdef"].into_iter().any(is_instance));
    }
}
