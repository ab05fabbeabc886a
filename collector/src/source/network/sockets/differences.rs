//! Table `network_namespaces`: how each namespace was seen, and what only one of the two views has.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, json};

use super::kind::{ALL, Kind};
use super::socket::{Key, Seen, Socket};
use super::{Counts, Sockets, Visited};
use crate::model::Row;
use crate::model::row::RowStatus;
use crate::source::{Evidence, Stop};

const TABLE: &str = "network_namespaces";

/// The most sockets that a row names for one difference; the table of sockets has them all.
const NAMED: usize = 10;

/// A TCP socket that is bound and no more, which `sock_diag` shows since Linux 6.8 and the text never (`TCP_BOUND_INACTIVE`).
const BOUND_INACTIVE: u8 = 13;

/// Sockets of one namespace that one view has in both sweeps and the other in none.
#[derive(Debug, Default)]
struct Differences {
    text_only: Vec<Named>,
    diag_only: Vec<Named>,
}

/// A socket, as a row of a namespace names it.
#[derive(Debug, Clone, Copy, Serialize)]
struct Named {
    kind: &'static str,
    socket: u64,
}

/// Writes one row per namespace of either sweep.
pub(super) fn emit(
    before: &Sockets,
    after: &Sockets,
    pairs: &BTreeMap<&Key, (Option<&Socket>, Option<&Socket>)>,
    evidence: &mut dyn Evidence,
) -> Result<(), Stop> {
    let mut differences = compare(before, after, pairs);
    let namespaces: BTreeMap<u64, ()> = before.visited.keys().chain(after.visited.keys()).map(|inode| (*inode, ())).collect();
    for inode in namespaces.into_keys() {
        evidence.check()?;
        let visits = [before, after].map(|sweep| sweep.visited.get(&inode).map(|visited| (sweep.label, visited)));
        let visits: Vec<(&str, &Visited)> = visits.into_iter().flatten().collect();
        if let Some(row) = row(inode, &visits, &differences.remove(&inode).unwrap_or_default()) {
            evidence.row(TABLE, &row)?;
        }
    }
    Ok(())
}

fn compare(
    before: &Sockets,
    after: &Sockets,
    pairs: &BTreeMap<&Key, (Option<&Socket>, Option<&Socket>)>,
) -> BTreeMap<u64, Differences> {
    let mut found: BTreeMap<u64, Differences> = BTreeMap::new();
    for (key, pair) in pairs {
        let (Some(first), Some(second)) = pair else { continue };
        if !(is_comparable(before, key) && is_comparable(after, key)) {
            continue;
        }
        let named = Named { kind: key.kind.file(), socket: key.inode };
        match (only(first.seen), only(second.seen)) {
            (Some(Only::Text), Some(Only::Text)) => found.entry(key.netns).or_default().text_only.push(named),
            (Some(Only::Diag), Some(Only::Diag)) if second.state != Some(BOUND_INACTIVE) => {
                found.entry(key.netns).or_default().diag_only.push(named);
            }
            _ => {}
        }
    }
    found
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Only {
    Text,
    Diag,
}

fn only(seen: Seen) -> Option<Only> {
    match (seen.text, seen.diag) {
        (true, false) => Some(Only::Text),
        (false, true) => Some(Only::Diag),
        _ => None,
    }
}

/// Whether both views of this kind were to be had. A dump without any socket counts as none: its module may be missing.
fn is_comparable(sweep: &Sockets, key: &Key) -> bool {
    let counts = sweep.visited.get(&key.netns).and_then(|visited| visited.counts.get(&key.kind));
    counts.is_some_and(|counts| counts.text.is_some() && counts.diag.is_some_and(|diag| diag > 0))
}

fn row(inode: u64, visits: &[(&str, &Visited)], differences: &Differences) -> Option<Row> {
    let (label, first) = visits.first()?;
    let mut row = Row::new(first.time, first.source(label, "").trim_end_matches('/'));
    let namespace = &first.namespace;
    row.int("netns_inode", inode).int("pid", namespace.pids.first().copied().unwrap_or(-1));
    row.int("processes", i128::try_from(namespace.pids.len()).unwrap_or(i128::MAX));
    row.bytes_list("mount_points", namespace.mount_points()).flag("is_host", first.is_host);
    row.text("entered", &first.entered);
    row.json("sockets", &counts(visits));
    row.json("not_asked", &first.not_asked);
    let noted = visits.iter().flat_map(|(_, visited)| visited.anomalies.iter().cloned());
    row.json("anomalies", &noted.chain(empty_dumps(visits)).collect::<Vec<_>>());
    put_difference(&mut row, "text_only", &differences.text_only);
    put_difference(&mut row, "diag_only", &differences.diag_only);
    for (label, (source, reason)) in visits.iter().flat_map(|(label, visited)| visited.errors.iter().map(move |e| (label, e))) {
        row.error(source, format!("{label}: {reason}"));
    }
    if visits.iter().any(|(_, visited)| visited.gone) {
        row.status(RowStatus::Vanished);
    }
    Some(row)
}

fn put_difference(row: &mut Row, column: &'static str, sockets: &[Named]) {
    row.int(column, i128::try_from(sockets.len()).unwrap_or(i128::MAX));
    row.json(&format!("{column}_sockets"), &sockets.iter().take(NAMED).collect::<Vec<_>>());
}

/// Kinds of which the text shows sockets and the dump none, each time. A kernel without `raw_diag` does so, without an error;
/// so does whoever hides them all.
fn empty_dumps(visits: &[(&str, &Visited)]) -> Vec<String> {
    let is_empty = |counts: &Counts| counts.text.is_some_and(|text| text > 0) && counts.diag == Some(0);
    let always = |kind: &Kind| visits.iter().all(|(_, visited)| visited.counts.get(kind).is_some_and(is_empty));
    let kinds = ALL.into_iter().filter(always);
    kinds.map(|kind| format!("{}: sock_diag shows none, the text shows some", kind.file())).collect()
}

/// `{"tcp": {"text-before": 3, "diag-before": 3, …}, …}`; kinds that no view has are left out.
fn counts(visits: &[(&str, &Visited)]) -> Map<String, serde_json::Value> {
    let mut out: BTreeMap<Kind, Map<String, serde_json::Value>> = BTreeMap::new();
    for (label, visited) in visits {
        for (kind, Counts { text, diag }) in &visited.counts {
            for (view, count) in [("text", text), ("diag", diag)] {
                if let Some(count) = count {
                    out.entry(*kind).or_default().insert(format!("{view}-{label}"), json!(count));
                }
            }
        }
    }
    out.into_iter().map(|(kind, views)| (kind.file().to_owned(), views.into())).collect()
}
