//! Text files and netlink dumps of each network namespace, where one question leads to the next: the common part of firewall,
//! connections and metrics.
//!
//! **Invariant:** whoever asks has seen that the kernel need not load a module to answer (`super::autoload`).

use std::collections::BTreeMap;

use nix::errno::Errno;

use super::archive::{extra_path, frame, text_paths};
use super::namespaces::{NetNamespace, find, of_host};
use super::visit::{Inside, Visit, visit};
use crate::host::netlink::{Dump, Message, NetlinkError};
use crate::host::read::Bytes;
use crate::host::{Host, ReadError};
use crate::model::{Gap, Outcome, Row, Status, Timestamp};
use crate::source::{Evidence, Member, Stop, failure};

/// What was read inside of one namespace.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// Text files of `/proc/PID/net`.
    pub(super) texts: Vec<(&'static str, Result<Bytes, ReadError>)>,
    /// Dumps by the name that they have in the archive.
    pub(super) dumps: Vec<(String, Result<Dump, NetlinkError>)>,
    /// What else the kernel answered, by the name that it has in the archive.
    pub(super) others: Vec<(String, Result<Vec<u8>, Errno>)>,
    /// Why something was not asked.
    pub(super) not_asked: Vec<String>,
}

impl Taken {
    /// Keeps an answer, and returns its messages.
    pub(super) fn push(&mut self, name: impl Into<String>, answer: Result<Dump, NetlinkError>) -> &[Message] {
        self.dumps.push((name.into(), answer));
        let last = self.dumps.last().and_then(|(_, answer)| answer.as_ref().ok());
        last.map(|dump| dump.messages.as_slice()).unwrap_or_default()
    }
}

/// What was kept of one namespace.
#[derive(Debug)]
pub(super) struct Kept {
    /// Its inode.
    pub(super) netns: u64,
    time: Timestamp,
    /// Text files by name.
    pub(super) texts: BTreeMap<&'static str, Vec<u8>>,
    /// Dumps by name.
    pub(super) dumps: BTreeMap<String, Dump>,
    /// What else the kernel answered, by name.
    pub(super) others: BTreeMap<String, Vec<u8>>,
}

impl Kept {
    /// The messages of a dump; none where it was not to be had.
    pub(super) fn messages(&self, name: &str) -> &[Message] {
        self.dumps.get(name).map(|dump| dump.messages.as_slice()).unwrap_or_default()
    }

    /// A row that was made of `what`.
    pub(super) fn row(&self, what: &str) -> Row {
        let mut row = Row::new(self.time, format!("{what} net:[{}]", self.netns));
        row.int("netns_inode", self.netns);
        row
    }
}

#[cfg(any(test, feature = "test-util"))]
impl Kept {
    /// Nothing, of a namespace that there is not: for `super::hostile`.
    pub(super) fn empty() -> Self {
        let (time, dumps, others) = (Timestamp::from_seconds(0), BTreeMap::new(), BTreeMap::new());
        Self { netns: 1, time, texts: BTreeMap::new(), dumps, others }
    }
}

/// Reads every namespace with `look`, archives the bytes for `artefact` and lets `rows` make rows of them. An artefact of which
/// nothing was there in any namespace is absent.
pub(super) fn each<L>(
    host: &Host,
    artefact: &str,
    evidence: &mut dyn Evidence,
    look: L,
    rows: &mut dyn FnMut(&Kept, &mut dyn Evidence) -> Result<(), Stop>,
) -> Result<Outcome, Stop>
where
    L: Fn(&Inside) -> Taken + Clone + Send + Sync + 'static,
{
    let namespaces = find(host, evidence)?;
    let of_host = of_host(host, &namespaces);
    let total = u64::try_from(namespaces.len()).unwrap_or(u64::MAX);
    let (mut read, mut some, mut refusals, mut not_asked) = (0_u64, false, Vec::new(), Vec::new());
    for (done, namespace) in (1..).zip(&namespaces) {
        evidence.check()?;
        let visited: Visit<Taken> = visit(host, namespace, look.clone());
        match visited.value {
            Some(taken) => {
                read += 1;
                for reason in &taken.not_asked {
                    if !not_asked.contains(reason) {
                        not_asked.push(reason.clone());
                    }
                }
                let kept = keep(host, artefact, namespace, of_host == Some(namespace.inode), taken, evidence)?;
                some |= !(kept.texts.is_empty() && kept.dumps.is_empty() && kept.others.is_empty());
                rows(&kept, evidence)?;
            }
            None if visited.gone => {}
            None => {
                let reason = visited.refusals.join("; ");
                evidence.gap(Gap::whole(format!("net:[{}]", namespace.inode).as_bytes(), reason.clone()));
                refusals.push(reason);
            }
        }
        evidence.progress(done, total);
    }
    Ok(match (refusals.first(), not_asked.is_empty()) {
        (Some(first), _) if read == 0 => Outcome::because(Status::Failed, first),
        // What the kernel has not loaded is not there.
        (_, false) if !some => Outcome { status: Status::Absent, reasons: not_asked },
        (_, true) if !some => Outcome::because(Status::Absent, "the kernel has none of it"),
        _ => Outcome::ok(),
    })
}

fn keep(
    host: &Host,
    artefact: &str,
    namespace: &NetNamespace,
    is_host: bool,
    taken: Taken,
    evidence: &mut dyn Evidence,
) -> Result<Kept, Stop> {
    let (time, others) = (host.clock.now(), BTreeMap::new());
    let mut kept = Kept { netns: namespace.inode, time, texts: BTreeMap::new(), dumps: BTreeMap::new(), others };
    for (name, text) in taken.texts {
        match text {
            Ok(text) => {
                let paths = text_paths(namespace, is_host, "before", name);
                for path in &paths {
                    evidence.raw(&Member::pseudo(path.as_bytes()), &text.bytes)?;
                }
                if text.truncated {
                    let read = u64::try_from(text.bytes.len()).unwrap_or(u64::MAX);
                    let source = paths.first().map(String::as_bytes).unwrap_or_default();
                    evidence.gap(Gap::from(source, read, None, "longer than is read of one file"));
                }
                kept.texts.insert(name, text.bytes);
            }
            Err(error) => failure::gap(evidence, &error),
        }
    }
    for (name, dump) in taken.dumps {
        let path = extra_path(namespace, artefact, &name);
        match dump {
            Ok(dump) => {
                evidence.raw(&Member::pseudo(path.as_bytes()), &frame(&dump))?;
                dump.anomalies.iter().for_each(|anomaly| evidence.gap(Gap::whole(path.as_bytes(), anomaly)));
                kept.dumps.insert(name, dump);
            }
            Err(error) if is_absent(&error) => {}
            Err(error) => evidence.gap(refused(Gap::whole(path.as_bytes(), error.to_string()), &error)),
        }
    }
    for (name, answer) in taken.others {
        let path = extra_path(namespace, artefact, &name);
        match answer {
            Ok(bytes) => {
                evidence.raw(&Member::pseudo(path.as_bytes()), &bytes)?;
                kept.others.insert(name, bytes);
            }
            Err(errno) => evidence.gap(Gap::whole(path.as_bytes(), errno.to_string())),
        }
    }
    Ok(kept)
}

/// Whether the kernel has nothing that would answer: no such protocol, or no such part of it (`EINVAL` of nfnetlink).
fn is_absent(error: &NetlinkError) -> bool {
    match error {
        NetlinkError::Open(errno) => *errno == Errno::EPROTONOSUPPORT,
        NetlinkError::Refused(errno) => matches!(errno, Errno::EOPNOTSUPP | Errno::EINVAL | Errno::ENOENT),
        NetlinkError::Exchange(_) => false,
    }
}

fn refused(gap: Gap, error: &NetlinkError) -> Gap {
    if *error == NetlinkError::Refused(Errno::EPERM) { gap.refused() } else { gap }
}
