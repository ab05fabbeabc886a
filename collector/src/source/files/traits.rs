//! What stands out of a file, and the rows that say so.

use std::collections::BTreeMap;

use super::owners::Owners;
use super::packaged::{Packaged, home_of_engine};
use super::{capability, limit};
use crate::host::{Host, privilege};
use crate::model::{Gap, Row};
use crate::source::walk::Entry;
use crate::source::{Evidence, Stop, failure};

/// The most rows of one of these tables: whoever owns a folder can fill it with such files.
const MOST: u64 = 100_000;

/// `STATX_ATTR_IMMUTABLE` and `STATX_ATTR_APPEND` (statx(2)).
const IMMUTABLE: u64 = 0x10;
const APPEND: u64 = 0x20;

/// What stands out of one file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Traits {
    /// It runs as its owner.
    pub(super) suid: bool,
    /// It runs as its group.
    pub(super) sgid: bool,
    /// The value of its attribute `security.capability`.
    pub(super) capability: Option<Vec<u8>>,
    immutable: bool,
    append: bool,
    no_user: bool,
    no_group: bool,
    world_writable: bool,
}

impl Traits {
    /// Whether it gives rights to whoever starts it.
    pub(super) fn gives_rights(&self) -> bool {
        self.suid || self.sgid || self.capability.is_some()
    }
}

/// Looks at a file. Only of those that can be executed the capabilities are asked for.
pub(super) fn of(entry: &Entry, owners: &Owners, evidence: &mut dyn Evidence) -> Traits {
    let stat = &entry.stat;
    let runs = stat.is_regular() && stat.mode & 0o111 != 0;
    let capability = if runs { entry.attribute(c"security.capability") } else { Ok(None) };
    let capability = capability.unwrap_or_else(|error| {
        failure::gap(evidence, &error);
        None
    });
    Traits {
        suid: stat.is_regular() && stat.mode & libc::S_ISUID != 0,
        sgid: stat.is_regular() && stat.mode & libc::S_ISGID != 0,
        capability,
        immutable: stat.attributes & IMMUTABLE != 0,
        append: stat.attributes & APPEND != 0,
        no_user: owners.lacks_user(stat.uid),
        no_group: owners.lacks_group(stat.gid),
        world_writable: runs && stat.mode & 0o002 != 0,
    }
}

/// Counts the rows of each table.
#[derive(Debug, Default)]
pub(super) struct Written {
    counts: BTreeMap<&'static str, (u64, Vec<u8>)>,
}

impl Written {
    /// Writes the rows of one file. Names of owners stand where the host knows them.
    pub(super) fn rows(
        &mut self,
        (host, owners, packaged): (&Host, &Owners, &Packaged),
        entry: &Entry,
        traits: &Traits,
        evidence: &mut dyn Evidence,
    ) -> Result<(), Stop> {
        let whose = |row: &mut Row| {
            for (column, name) in [("username", owners.user(entry.stat.uid)), ("groupname", owners.group(entry.stat.gid))] {
                if let Some(name) = name {
                    row.bytes(column, name);
                }
            }
        };
        if traits.suid || traits.sgid {
            self.row("suid_bin", host, entry, evidence, |row| {
                let letters = if traits.suid { "S" } else { "" }.to_owned() + if traits.sgid { "G" } else { "" };
                row.text("permissions", &letters);
                whose(row);
                if is_of_users_container(host, owners, entry, traits) {
                    row.flag("user_container", true);
                } else if let Some(is_packaged) = packaged.has(&entry.path) {
                    row.flag("packaged", is_packaged);
                }
            })?;
        }
        if let Some(value) = &traits.capability {
            self.row("file_capabilities", host, entry, evidence, |row| {
                capabilities(value, row);
                whose(row);
            })?;
        }
        if traits.immutable || traits.append {
            self.row("file_flags", host, entry, evidence, |row| {
                row.flag("immutable", traits.immutable).flag("append", traits.append);
            })?;
        }
        if traits.no_user || traits.no_group {
            self.row("unowned_files", host, entry, evidence, |row| {
                row.flag("no_user", traits.no_user).flag("no_group", traits.no_group);
            })?;
        }
        if traits.world_writable {
            self.row("world_writable_executables", host, entry, evidence, |row| whose(row))?;
        }
        Ok(())
    }

    fn row(
        &mut self,
        table: &'static str,
        host: &Host,
        entry: &Entry,
        evidence: &mut dyn Evidence,
        columns: impl FnOnce(&mut Row),
    ) -> Result<(), Stop> {
        let (count, first) = self.counts.entry(table).or_default();
        *count += 1;
        if *count > MOST {
            if first.is_empty() {
                entry.path.clone_into(first);
            }
            return Ok(());
        }
        let mut row = Row::new(host.clock.now(), "statx");
        row.bytes("path", &entry.path).int("uid", entry.stat.uid).int("gid", entry.stat.gid);
        row.text("mode", &format!("{:04o}", entry.stat.mode & 0o7777)).int("inode", entry.stat.ino);
        row.text("dev", &format!("{}:{}", entry.stat.dev.0, entry.stat.dev.1));
        columns(&mut row);
        evidence.row(table, &row)
    }

    /// Tells which tables have not all rows.
    pub(super) fn tell(&self, evidence: &mut dyn Evidence) {
        for (table, (count, first)) in self.counts.iter().filter(|(_, (count, _))| *count > MOST) {
            let gap: Gap = limit(first, &format!("{table} has {MOST} of {count} rows; the others are in the table files"));
            evidence.gap(gap);
        }
    }
}

/// Whether a program lies where a user keeps his containers, and gives nobody else his rights: it belongs to a number that only they have,
/// or to himself and lies where nobody else gets to. Whoever owns a folder can call it so, and the user may be as good as root: what belongs
/// to any other account, or to a number that is nobody's here but may be somebody's of a directory of users, is judged as anywhere else.
fn is_of_users_container(host: &Host, owners: &Owners, entry: &Entry, traits: &Traits) -> bool {
    let (uid, gid) = (entry.stat.uid, entry.stat.gid);
    home_of_engine(&entry.path).is_some_and(|home| {
        let is_user =
            owners.is_subordinate_user(home, uid) || (owners.is_account(home, uid) && is_closed(host, home, &entry.path));
        is_user && (!traits.sgid || owners.is_subordinate_group(home, gid))
    })
}

/// Whether one of the folders from `home` down to what lies at `path` lets nobody through but its owner and its group.
fn is_closed(host: &Host, home: &[u8], path: &[u8]) -> bool {
    let folders =
        path.iter().enumerate().skip(home.len()).filter(|(_, byte)| **byte == b'/').filter_map(|(at, _)| path.get(..at));
    let mut stats = folders.filter_map(|folder| host.files.stat(folder).ok());
    stats.any(|stat| stat.is_directory() && stat.mode & 0o001 == 0)
}

fn capabilities(value: &[u8], row: &mut Row) {
    let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
    row.text("value", &hex);
    match capability::parse(value) {
        Some(capability) => {
            row.json("permitted", &privilege::names(capability.permitted));
            row.json("inheritable", &privilege::names(capability.inheritable));
            row.flag("effective", capability.effective);
            if let Some(root) = capability.root {
                row.int("root_uid", root);
            }
        }
        None => row.error("value", "malformed"),
    }
}
