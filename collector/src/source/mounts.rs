//! Mounts, once per mount namespace. No mounted file system is touched: a dead server could hang us.

use std::collections::BTreeMap;
use std::time::Duration;

use super::keep::Keeper;
use super::{Evidence, Source, Stop};
use crate::host::mounts::{self, Mount};
use crate::host::{Host, procfs, read};
use crate::model::{Artefact, Category, Gap, Outcome, Profile, Row, Status};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "mounts",
    category: Category::File,
    profile: Profile::Volatile,
    budget: Duration::from_secs(30),
    budget_bytes: None,
    source: "/proc/PID/mountinfo of every mount namespace",
    about: "Mounts of every mount namespace that a process is in.",
    tables: &["mounts"],
};

/// Reads `/proc/PID/mountinfo` of one process in each mount namespace.
#[derive(Debug, Clone, Copy, Default)]
pub struct MountsSource;

/// The processes of each mount namespace, by the namespace's name.
type Namespaces = BTreeMap<Vec<u8>, Vec<i32>>;

impl Source for MountsSource {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let mut keeper = Keeper { host, evidence };
        let namespaces = match host.proc.pids() {
            Ok(pids) => by_namespace(&mut keeper, pids)?,
            Err(error) => return Ok(Outcome::because(Status::Failed, error.to_string())),
        };
        if namespaces.is_empty() {
            return Ok(Outcome::because(Status::Denied, "no mount namespace of any process can be seen"));
        }
        let total = u64::try_from(namespaces.len()).unwrap_or(u64::MAX);
        for (done, (namespace, pids)) in (0..).zip(&namespaces) {
            keeper.evidence.progress(done, total);
            table(&mut keeper, namespace, pids)?;
        }
        Ok(Outcome::ok())
    }
}

/// Threads can be in another namespace than their process; only processes are asked.
fn by_namespace(keeper: &mut Keeper<'_>, pids: Vec<i32>) -> Result<Namespaces, Stop> {
    let mut namespaces = Namespaces::new();
    let mut refused: Vec<i32> = Vec::new();
    for pid in pids {
        keeper.evidence.check()?;
        match keeper.host.proc.link(format!("{pid}/ns/mnt")) {
            Ok(namespace) => namespaces.entry(namespace).or_default().push(pid),
            Err(error) if error.is_gone() => {}
            Err(_) => refused.push(pid),
        }
    }
    unseen(keeper, &mut namespaces, &refused)?;
    Ok(namespaces)
}

/// Processes whose namespace we may not see: their mounts can be read all the same. The ids of mounts are never the same in
/// two namespaces, so a table that is known shows the namespace; others stand under a name that says that it is not known.
fn unseen(keeper: &mut Keeper<'_>, namespaces: &mut Namespaces, refused: &[i32]) -> Result<(), Stop> {
    let mut tables: BTreeMap<Vec<u8>, Vec<i32>> = BTreeMap::new();
    for pid in refused {
        keeper.evidence.check()?;
        tables.entry(table_of(keeper.host, *pid).unwrap_or_default()).or_default().push(*pid);
    }
    for pids in namespaces.values_mut().filter(|_| !refused.is_empty()) {
        keeper.evidence.check()?;
        let known = pids.iter().find_map(|pid| table_of(keeper.host, *pid)).unwrap_or_default();
        pids.extend(tables.remove(&known).unwrap_or_default());
    }
    for pids in tables.into_values() {
        let Some(first) = pids.first() else { continue };
        let reason = format!("the mount namespace of {} processes cannot be seen", pids.len());
        keeper.evidence.gap(Gap::whole(format!("/proc/{first}/ns/mnt").as_bytes(), reason).refused());
        namespaces.insert(format!("unknown, of {first}").into_bytes(), pids);
    }
    Ok(())
}

/// The mount table of a process, if it can be read; that of one that is ending is empty.
fn table_of(host: &Host, pid: i32) -> Option<Vec<u8>> {
    let table = host.proc.file(format!("{pid}/mountinfo"), read::SMALL).ok()?.bytes;
    (!table.is_empty()).then_some(table)
}

/// Reads the table from the first process that still lives.
fn table(keeper: &mut Keeper<'_>, namespace: &[u8], pids: &[i32]) -> Result<(), Stop> {
    for pid in pids {
        let path = format!("{pid}/mountinfo");
        let kept = keeper.proc(&path)?;
        let gone = kept.as_ref().is_err_and(crate::host::ReadError::is_gone);
        // A process that is ending has no mounts any more; its table is empty.
        let ended = kept.as_ref().is_ok_and(|bytes| bytes.bytes.is_empty());
        if let (Ok(bytes), false) = (&kept, ended) {
            return rows(keeper, namespace, pids, &format!("/proc/{path}"), bytes);
        }
        if !gone && !ended {
            return Ok(());
        }
    }
    Ok(())
}

fn rows(keeper: &mut Keeper<'_>, namespace: &[u8], pids: &[i32], source: &str, text: &read::Bytes) -> Result<(), Stop> {
    let (mut all, bad) = mounts::parse(&text.bytes);
    let points: BTreeMap<u32, Mount> = all.iter().map(|mount| (mount.id, mount.clone())).collect();
    // Stable: mounts on one another stay in the order in which they cover.
    all.sort_by(|a, b| a.point.cmp(&b.point));
    for mount in &all {
        keeper.evidence.check()?;
        let mut row = Row::new(keeper.host.clock.now(), source);
        columns(&mut row, mount);
        row.bytes("mnt_namespace", namespace).int("processes", i64::try_from(pids.len()).unwrap_or(i64::MAX));
        let over = over_process(mount, points.get(&mount.parent));
        row.flag("over_process", over.is_some());
        if let Some(pid) = over {
            row.int("over_pid", pid);
        }
        if text.truncated {
            row.error("mountinfo", "truncated");
        }
        keeper.evidence.row("mounts", &row)?;
    }
    for line in bad {
        let mut row = Row::new(keeper.host.clock.now(), source);
        row.bytes("line", &line).bytes("mnt_namespace", namespace);
        row.error("line", "malformed");
        keeper.evidence.row("mounts", &row)?;
    }
    Ok(())
}

fn columns(row: &mut Row, mount: &Mount) {
    row.bytes("device", &mount.source).bytes("path", &mount.point).bytes("type", &mount.kind).bytes("flags", &mount.options);
    row.int("mount_id", mount.id).int("parent_id", mount.parent).bytes("root", &mount.root);
    row.int("device_major", mount.dev.0).int("device_minor", mount.dev.1);
    row.bytes("propagation", &mount.propagation).bytes("super_options", &mount.super_options);
}

/// The process that a mount hides: it lies on a directory with a number for a name, directly below a procfs.
fn over_process(mount: &Mount, parent: Option<&Mount>) -> Option<i32> {
    let parent = parent.filter(|parent| parent.kind == b"proc" && parent.id != mount.id)?;
    // What is mounted on `/proc/1/ns` hides no process, but part of one.
    let below = mounts::below(&mount.point, &parent.point)?;
    procfs::number(below.split(|b| *b == b'/').next()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::recorded::Recorded;
    use proptest::prelude::*;

    #[test]
    fn this_machines_root_is_mounted() {
        let mut evidence = Recorded::default();
        assert_eq!(MountsSource.acquire(&Host::live().unwrap(), &mut evidence), Ok(Outcome::ok()));
        assert!(evidence.rows("mounts").iter().any(|row| row["path"] == "/proc" && row["type"] == "proc"));
        assert!(evidence.rows("mounts").iter().all(|row| row["errors"] == serde_json::json!([])));
    }

    #[test]
    fn namespaces_are_read_once_and_mounts_over_processes_flagged() {
        let dir = tempfile::tempdir().unwrap();
        let table = "1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:5 / /proc rw - proc proc rw\n3 2 0:9 / /proc/42 rw - tmpfs t\\040\x1b rw\nbad\n";
        for pid in ["7", "8"] {
            let at = dir.path().join("proc").join(pid);
            std::fs::create_dir_all(at.join("ns")).unwrap();
            std::os::unix::fs::symlink("mnt:[4026531832]", at.join("ns/mnt")).unwrap();
            std::fs::write(at.join("mountinfo"), table).unwrap();
        }
        let mut evidence = Recorded::default();
        MountsSource.acquire(&Host::fixture(dir.path()).unwrap(), &mut evidence).unwrap();
        let rows = evidence.rows("mounts");
        assert_eq!(rows.len(), 4);
        assert_eq!((&rows[0]["path"], &rows[0]["processes"]), (&"/".into(), &2.into()));
        assert_eq!(
            (&rows[2]["over_process"], &rows[2]["over_pid"], &rows[2]["device"]),
            (&1.into(), &42.into(), &"t \u{1b}".into())
        );
        assert_eq!((&rows[3]["line"], &rows[3]["status"]), (&"bad".into(), &"partial".into()));
        assert_eq!(evidence.members.len(), 1);
    }

    proptest! {
        #[test]
        fn any_table_makes_rows(bytes: Vec<u8>) {
            let dir = tempfile::tempdir().unwrap();
            std::fs::create_dir(dir.path().join("proc")).unwrap();
            let host = Host::fixture(dir.path()).unwrap();
            let mut evidence = Recorded::default();
            let text = read::Bytes { bytes, truncated: false };
            rows(&mut Keeper { host: &host, evidence: &mut evidence }, b"mnt:[1]", &[1], "x", &text).unwrap();
        }
    }
}
