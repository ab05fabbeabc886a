//! Table `process_open_sockets`: one row per socket, put together from both sweeps and the descriptors between them.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::differences;
use super::socket::{Details, Key, Socket};
use super::{Owner, Sockets};
use crate::host::{Host, sockfs};
use crate::model::{Digest, Row};
use crate::source::network::fields::digits;
use crate::source::{Evidence, Stop};

const TABLE: &str = "process_open_sockets";

/// What the two sweeps have of one socket.
type Pair<'a> = (Option<&'a Socket>, Option<&'a Socket>);

/// Writes the rows of `process_open_sockets` and `network_namespaces`. `owners` are the descriptors that lead to each socket's
/// inode, as they were found between the sweeps.
///
/// A descriptor whose socket no view shows has a row as well, with `seen_by` `fd`: a socket of a family that has no list, one
/// that is not bound yet, or one that something hides.
///
/// # Errors
/// When the run wants no more of this artefact.
pub fn emit(
    before: &Sockets,
    after: &Sockets,
    owners: &BTreeMap<u64, Vec<Owner>>,
    host: &Host,
    evidence: &mut dyn Evidence,
) -> Result<(), Stop> {
    let pairs = pair(before, after);
    let total = u64::try_from(pairs.len()).unwrap_or(u64::MAX);
    for (done, (key, pair)) in (1..).zip(&pairs) {
        evidence.check()?;
        if let Some(row) = row(before, after, key, *pair, owners) {
            evidence.row(TABLE, &row)?;
        }
        evidence.progress(done, total);
    }
    let listed: BTreeSet<u64> = pairs.keys().map(|key| key.inode).collect();
    for (inode, owners) in owners.iter().filter(|(inode, _)| !listed.contains(inode)) {
        evidence.check()?;
        evidence.row(TABLE, &unlisted(host, *inode, owners))?;
    }
    differences::emit(before, after, &pairs, evidence)
}

/// Brings the two sweeps together.
fn pair<'a>(before: &'a Sockets, after: &'a Sockets) -> BTreeMap<&'a Key, Pair<'a>> {
    let mut pairs: BTreeMap<&Key, Pair<'a>> = BTreeMap::new();
    for (key, socket) in &before.sockets {
        pairs.entry(key).or_default().0 = Some(socket);
    }
    for (key, socket) in &after.sockets {
        pairs.entry(key).or_default().1 = Some(socket);
    }
    pairs
}

fn row(before: &Sockets, after: &Sockets, key: &Key, pair: Pair<'_>, owners: &BTreeMap<u64, Vec<Owner>>) -> Option<Row> {
    let (first, second) = pair;
    let sweep = if first.is_some() { before } else { after };
    let visited = sweep.visited.get(&key.netns)?;
    let mut socket = first.or(second)?.clone();
    second.into_iter().for_each(|later| socket.fill(later.clone()));
    let mut row = Row::new(visited.time, visited.source(sweep.label, key.kind.file()));
    put_owner(&mut row, key.inode, owners.get(&key.inode).map(Vec::as_slice).unwrap_or_default());
    put_core(&mut row, &socket);
    row.text("net_namespace", &key.netns.to_string());
    put_pids(&mut row, owners.get(&key.inode).map(Vec::as_slice).unwrap_or_default());
    put_rest(&mut row, &socket);
    put_details(&mut row, &socket.details);
    if let (Some(first), Some(second)) = pair
        && let Some(state) = second.state_word().filter(|state| Some(*state) != first.state_word())
    {
        row.text("state_after", state);
    }
    row.int("netns_inode", key.netns).json("seen_by", &seen_by(pair));
    Some(row)
}

/// The lowest owner stands for all, as in osquery.
fn put_owner(row: &mut Row, inode: u64, owners: &[Owner]) {
    let (pid, fd) = owners.iter().min().map_or((-1, -1), |owner| (owner.pid, owner.fd));
    row.int("pid", pid).int("fd", fd).int("socket", inode);
}

fn put_pids(row: &mut Row, owners: &[Owner]) {
    let sorted: BTreeSet<&Owner> = owners.iter().collect();
    row.json("pids", &sorted);
}

fn put_core(row: &mut Row, socket: &Socket) {
    row.int("family", socket.kind.family());
    let protocol = socket.kind.protocol().map(u16::from).or(socket.protocol);
    int(row, "protocol", protocol);
    if let Some((address, _)) = socket.local {
        row.text("local_address", &address.to_string());
    }
    if let Some((address, _)) = socket.remote {
        row.text("remote_address", &address.to_string());
    }
    int(row, "local_port", socket.local.map(|(_, port)| port));
    int(row, "remote_port", socket.remote.map(|(_, port)| port));
    if let Some(name) = &socket.name {
        row.bytes("path", name);
    }
    if let Some(state) = socket.state_word() {
        row.text("state", state);
    }
}

fn put_rest(row: &mut Row, socket: &Socket) {
    int(row, "uid", socket.uid);
    if let Some(cookie) = socket.cookie {
        row.hex("cookie", cookie);
    }
    int(row, "rqueue", socket.rqueue);
    int(row, "wqueue", socket.wqueue);
    int(row, "timer", socket.timer);
    int(row, "retrans", socket.retrans);
    int(row, "socket_type", socket.socket_type);
    int(row, "port_id", socket.port_id);
    if socket.instances() > 1 {
        row.int("instances", socket.instances());
    }
}

fn put_details(row: &mut Row, details: &Details) {
    int(row, "mark", details.mark);
    int(row, "peer_inode", details.peer_inode);
    if let Some(filter) = &details.filter {
        // Instructions of 8 bytes (struct sock_filter of linux/filter.h).
        row.text("bpf_filter_b64", &STANDARD.encode(filter)).text("bpf_filter_hex", &digits(filter));
        row.int("bpf_filter_length", i64::try_from(filter.len() / 8).unwrap_or(i64::MAX));
        row.text("bpf_filter_sha256", &Digest::of(filter).to_string());
    }
    int(row, "class_id", details.class_id);
    int(row, "cgroup_id", details.cgroup_id);
    int(row, "interface_index", details.interface);
    int(row, "drops", details.drops);
    int(row, "fanout", details.fanout);
    if let Some(groups) = details.groups {
        row.hex("groups", groups);
    }
    if let Some((inode, device)) = details.vfs {
        row.int("file_inode", inode).int("file_device", device);
    }
}

fn int<T: Into<i128>>(row: &mut Row, column: &str, value: Option<T>) {
    if let Some(value) = value {
        row.int(column, value);
    }
}

fn seen_by((before, after): Pair<'_>) -> Vec<&'static str> {
    let (before, after) = (before.map(|s| s.seen).unwrap_or_default(), after.map(|s| s.seen).unwrap_or_default());
    let views =
        [(before.text, "text-before"), (before.diag, "diag-before"), (after.text, "text-after"), (after.diag, "diag-after")];
    views.into_iter().filter(|(seen, _)| *seen).map(|(_, view)| view).collect()
}

/// A socket that only its descriptors show. Its protocol's name tells an unbound socket from one that something hides.
fn unlisted(host: &Host, inode: u64, owners: &[Owner]) -> Row {
    let owner = owners.iter().min();
    let source = owner.map(|owner| format!("/proc/{}/fd/{}", owner.pid, owner.fd)).unwrap_or_default();
    let mut row = Row::new(host.clock.now(), source);
    put_owner(&mut row, inode, owners);
    put_pids(&mut row, owners);
    if let Some(Ok(name)) = owner.filter(|_| host.live).map(|o| sockfs::protocol_name(&host.proc, o.pid, o.fd, inode)) {
        row.bytes("protocol_name", &name);
    }
    row.json("seen_by", &["fd"]);
    row
}
