//! A file without a name as a row.

use serde::Serialize;

use super::scan::Found;
use crate::host::Host;
use crate::model::Row;
use crate::source::process::link::DELETED;
use crate::source::stat_columns;

/// How the kernel words what is memory and no file of a disk, and what we call it.
const MEMORY: [(&[u8], &str); 6] = [
    (b"/memfd:", "memfd"),
    (b"/SYSV", "sysv"),
    (b"/dev/zero", "anonymous"),
    (b"/anon_hugepage", "hugepage"),
    (b"/dev/shm/", "dev_shm"),
    (b"/run/shm/", "dev_shm"),
];

#[derive(Debug, Serialize)]
struct Place<'a> {
    pid: i32,
    kind: &'a str,
    name: &'a str,
}

/// What sort of memory the target of a magic link is, if it is memory. A file elsewhere can have such a name, so this decides
/// in which table a file stands and never whether it is read.
pub(super) fn memory(target: &[u8]) -> Option<&'static str> {
    MEMORY.iter().find(|(prefix, _)| target.starts_with(prefix)).map(|(_, word)| *word)
}

/// The table that the file belongs to.
pub(super) fn table(found: &Found) -> &'static str {
    table_of(&found.target)
}

/// The table for a file with this link target.
pub(super) fn table_of(target: &[u8]) -> &'static str {
    if memory(target).is_some() { "memfd_files" } else { "deleted_files" }
}

/// The row, without what is known of the content.
pub(super) fn of(found: &Found, host: &Host) -> Row {
    let first = found.references.first();
    let source = first.map_or_else(String::new, |first| format!("/proc/{}/{}", first.pid, first.name));
    let mut row = Row::new(host.clock.now(), source);
    names(&mut row, &found.target, found.stat.nlink == 0);
    stat_columns::add(&mut row, &found.stat);
    let mut pids: Vec<i32> = found.references.iter().map(|reference| reference.pid).collect();
    pids.sort_unstable();
    pids.dedup();
    row.json("pids", &pids);
    let own = i32::try_from(std::process::id()).is_ok_and(|own| pids.contains(&own));
    row.flag("self", own);
    let places = found.references.iter().map(|r| Place { pid: r.pid, kind: kind(&r.name), name: &r.name });
    row.json("references", &places.collect::<Vec<_>>());
    row
}

/// `target` is what the link says, `path` the name that the file had.
pub(super) fn names(row: &mut Row, target: &[u8], deleted: bool) {
    let path = if deleted { target.strip_suffix(DELETED).unwrap_or(target) } else { target };
    row.bytes("path", path).bytes("target", target).flag("deleted", deleted);
    if let Some(memory) = memory(target) {
        row.text("memory", memory);
    }
    if let Some(name) = path.strip_prefix(b"/memfd:") {
        row.bytes("name", name);
    }
}

/// How the process holds the file: `exe`, `fd` or `map`.
fn kind(name: &str) -> &'static str {
    match name.split_once('/') {
        Some(("fd", _)) => "fd",
        Some(("map_files", _)) => "map",
        _ => "exe",
    }
}
