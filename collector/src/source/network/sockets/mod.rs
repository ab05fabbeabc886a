//! All sockets of all network namespaces, each by two views: the text files of `/proc/PID/net` and `sock_diag` dumps.
//!
//! It is no artefact of its own: the freeze-frame sweeps once before and once after it walks the processes' descriptors, so
//! that a socket and its owner are known to belong together, and emits both sweeps as one table.
//!
//! ```text
//! mod      the sweep, and what it keeps           look   what is read inside one namespace
//! kind     the kinds of sockets                   text   parser of the text files
//! socket   one socket of up to four views         diag   questions to sock_diag and parser of the answers
//! rows     table process_open_sockets             differences   table network_namespaces
//! ```
//!
//! **Invariant:** an empty dump proves nothing (a kernel without `raw_diag` answers with none and no error); the text decides.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use self::kind::Kind;
use self::look::{Asked, Look, look};
use self::socket::{Key, Socket, View};
use super::archive::{extra_path, frame, text_paths};
use super::autoload::Guard;
use super::namespaces::of_host;
use super::visit::{Visit, visit};
use crate::host::Host;
use crate::host::netlink::Dump;
use crate::host::read::Bytes;
use crate::model::{Gap, Timestamp};
use crate::source::{Evidence, Member, Stop};

mod diag;
mod differences;
mod kind;
mod look;
mod rows;
mod socket;
#[cfg(test)]
mod tests;
mod text;

pub use super::namespaces::{NetNamespace, add_descriptor, namespaces};
pub use rows::emit;

/// A descriptor that refers to a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Owner {
    /// The process.
    pub pid: i32,
    /// Its descriptor.
    pub fd: i32,
}

/// What one sweep saw.
#[derive(Debug)]
pub struct Sockets {
    label: &'static str,
    sockets: BTreeMap<Key, Socket>,
    visited: BTreeMap<u64, Visited>,
}

/// What one sweep saw of one namespace, but for its sockets.
#[derive(Debug)]
struct Visited {
    namespace: NetNamespace,
    is_host: bool,
    time: Timestamp,
    entered: String,
    gone: bool,
    errors: Vec<(&'static str, String)>,
    anomalies: Vec<String>,
    not_asked: Vec<String>,
    counts: BTreeMap<Kind, Counts>,
}

/// How many sockets of a kind each view has; none where the view was not to be had.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    text: Option<usize>,
    diag: Option<usize>,
}

/// Reads every socket of `namespaces`. `label` is `before` or `after` and says where the raw bytes go.
///
/// # Errors
/// When the run wants no more of this artefact.
pub fn sweep(
    host: &Host,
    namespaces: &[NetNamespace],
    label: &'static str,
    evidence: &mut dyn Evidence,
) -> Result<Sockets, Stop> {
    let guard = Arc::new(Guard::read(host));
    let of_host = of_host(host, namespaces);
    let mut sockets = Sockets { label, sockets: BTreeMap::new(), visited: BTreeMap::new() };
    for namespace in namespaces {
        evidence.check()?;
        let guard = Arc::clone(&guard);
        let visit = visit(host, namespace, move |inside| look(inside, &guard));
        let mut visited = Visited {
            namespace: namespace.clone(),
            is_host: of_host == Some(namespace.inode),
            time: host.clock.now(),
            entered: visit.entered.clone(),
            gone: visit.gone,
            errors: Vec::new(),
            anomalies: Vec::new(),
            not_asked: Vec::new(),
            counts: BTreeMap::new(),
        };
        sockets.keep(visit, &mut visited, evidence)?;
        sockets.visited.insert(namespace.inode, visited);
    }
    Ok(sockets)
}

impl Sockets {
    fn keep(&mut self, visit: Visit<Vec<Look>>, visited: &mut Visited, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        if visit.value.is_none() && !visit.gone {
            let reason = visit.refusals.join("; ");
            evidence.gap(Gap::whole(&visited.source(self.label, "").into_bytes(), reason.clone()));
            visited.errors.push(("entered", reason));
        }
        for look in visit.value.unwrap_or_default() {
            evidence.check()?;
            // Dumps first: where both views have a value, theirs is the exact one.
            self.keep_dump(look.kind, look.dump, visited, evidence)?;
            match look.text {
                Ok(text) => self.keep_text(look.kind, text, visited, evidence)?,
                Err(error) if error.is_gone() => {}
                Err(error) => {
                    evidence.gap(error.gap());
                    visited.errors.push((look.kind.file(), error.reason.word()));
                }
            }
        }
        Ok(())
    }

    fn keep_text(&mut self, kind: Kind, text: Bytes, visited: &mut Visited, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        for path in text_paths(&visited.namespace, visited.is_host, self.label, kind.file()) {
            evidence.raw(&Member::pseudo(path.as_bytes()), &text.bytes)?;
        }
        let mut bytes = text.bytes.as_slice();
        if text.truncated {
            let path = visited.source(self.label, kind.file());
            let offset = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            evidence.gap(Gap::from(path.as_bytes(), offset, None, "longer than is read of one file"));
            visited.errors.push((kind.file(), "truncated".to_owned()));
            let whole = bytes.iter().rposition(|b| *b == b'\n').unwrap_or(0);
            bytes = bytes.get(..whole).unwrap_or_default();
        }
        let (sockets, bad) = text::parse(kind, bytes);
        if bad > 0 {
            visited.anomalies.push(format!("{} {}: {bad} lines make no sense", self.label, kind.file()));
        }
        visited.counts.entry(kind).or_default().text = Some(sockets.len());
        sockets.into_iter().for_each(|socket| self.insert(visited.namespace.inode, socket, View::Text));
        Ok(())
    }

    fn keep_dump(&mut self, kind: Kind, dump: Asked, visited: &mut Visited, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        let dump = match dump {
            Asked::Answered(dump) => dump,
            Asked::Not(reason) => {
                visited.not_asked.push(format!("{}: {reason}", kind.dump_name()));
                return Ok(());
            }
            Asked::Absent(error) => {
                visited.not_asked.push(format!("{}: {error}", kind.dump_name()));
                return Ok(());
            }
            Asked::Failed(error) => {
                evidence.gap(Gap::whole(self.dump_path(kind, visited).as_bytes(), error.to_string()));
                visited.errors.push((kind.dump_name(), error.to_string()));
                return Ok(());
            }
        };
        if !dump.messages.is_empty() {
            evidence.raw(&Member::pseudo(self.dump_path(kind, visited).as_bytes()), &frame(&dump))?;
        }
        let path = self.dump_path(kind, visited);
        dump.anomalies.iter().for_each(|anomaly| evidence.gap(Gap::whole(path.as_bytes(), anomaly)));
        let sockets = parse_dump(self.label, kind, dump, &mut visited.anomalies);
        visited.counts.entry(kind).or_default().diag = Some(sockets.len());
        sockets.into_iter().for_each(|socket| self.insert(visited.namespace.inode, socket, View::Diag));
        Ok(())
    }

    fn dump_path(&self, kind: Kind, visited: &Visited) -> String {
        extra_path(&visited.namespace, self.label, kind.dump_name())
    }

    /// Adds what one view has of a socket to what is known of it.
    fn insert(&mut self, netns: u64, socket: Socket, view: View) {
        let key = self.key_for(netns, &socket, view);
        match self.sockets.get_mut(&key) {
            Some(known) => {
                known.see(view);
                known.fill(socket);
            }
            None => {
                let mut socket = socket;
                socket.see(view);
                self.sockets.insert(key, socket);
            }
        }
    }

    /// By inode alone, unless this view has shown that inode between other ends already.
    fn key_for(&self, netns: u64, socket: &Socket, view: View) -> Key {
        let Some(plain) = socket.plain_key(netns) else { return socket.placed_key(netns) };
        match self.sockets.get(&plain) {
            None => plain,
            Some(known) if known.same_ends(socket) => plain,
            Some(known) => {
                let placed = socket.placed_key(netns);
                if known.seen.by(view) || self.sockets.contains_key(&placed) { placed } else { plain }
            }
        }
    }
}

/// The sockets of a dump; each kind of oddity is noted once, with how often it was met.
fn parse_dump(label: &str, kind: Kind, dump: Dump, anomalies: &mut Vec<String>) -> Vec<Socket> {
    let mut odd: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut sockets = Vec::with_capacity(dump.messages.len());
    for message in &dump.messages {
        let parsed = diag::parse(kind, &message.payload).filter(|_| message.kind == diag::BY_FAMILY);
        let anomaly = match parsed {
            Some((socket, anomaly)) => {
                sockets.push(socket);
                anomaly
            }
            None => Some("a message is too short or of another kind"),
        };
        anomaly.into_iter().for_each(|anomaly| *odd.entry(anomaly).or_default() += 1);
    }
    let name = kind.dump_name();
    anomalies.extend(dump.anomalies.into_iter().map(|anomaly| format!("{label} {name}: {anomaly}")));
    anomalies.extend(odd.into_iter().map(|(anomaly, times)| format!("{label} {name}: {anomaly} ({times} times)")));
    sockets
}

/// How many sockets of the kind whose dump has this name are in `dump`: for `super::hostile`.
#[cfg(any(test, feature = "test-util"))]
pub(super) fn count(name: &str, dump: Dump) -> usize {
    let kind = kind::ALL.into_iter().find(|kind| kind.dump_name() == name);
    kind.map_or(0, |kind| parse_dump("before", kind, dump, &mut Vec::new()).len())
}

impl Visited {
    /// The path that a row or gap names: that of the text file, where one would look for it.
    fn source(&self, label: &str, file: &str) -> String {
        let paths = text_paths(&self.namespace, self.is_host, label, file);
        paths.into_iter().next().unwrap_or_default()
    }
}
