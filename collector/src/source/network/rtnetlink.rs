//! What rtnetlink(7) and the text files say of each namespace: the common part of neighbours, routes and interfaces.
//!
//! rtnetlink is part of every kernel that has networks, so no module can be loaded by asking it.

use std::collections::BTreeMap;

use nix::sys::socket::SockProtocol;

use super::archive::{extra_path, frame, text_paths};
use super::ask::ask;
use super::columns::until_nul;
use super::fields::{native32, walk};
use super::namespaces::{NetNamespace, find, of_host};
use super::visit::{Inside, Visit, visit};
use crate::host::netlink::{Dump, Message, NetlinkError, native_u16, native_u32};
use crate::host::read::Bytes;
use crate::host::{Host, ReadError};
use crate::model::{Gap, Outcome, Row, Status, Timestamp};
use crate::source::{Evidence, Member, Stop, failure};

/// A dump to ask for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    /// Its name in the archive and in [`Seen`].
    pub(super) name: &'static str,
    /// `RTM_GET…`.
    pub(super) kind: u16,
    /// What follows the netlink header.
    pub(super) body: fn() -> Vec<u8>,
}

/// What an artefact wants of each namespace.
#[derive(Debug)]
pub(super) struct Plan {
    /// The artefact's name.
    pub(super) artefact: &'static str,
    /// Text files of `/proc/PID/net`.
    pub(super) texts: &'static [&'static str],
    /// Dumps.
    pub(super) requests: &'static [Request],
}

/// All interfaces, with what they carry. Every artefact asks for it, because the others name interfaces by number.
pub(super) const LINKS: Request = Request { name: "getlink", kind: 18, body: link_body };

fn link_body() -> Vec<u8> {
    /// `IFLA_EXT_MASK` and `RTEXT_FILTER_VF`: virtual functions are shown as well.
    const EXT_MASK: (u16, u32) = (29, 1);
    let mut body = vec![0; 16];
    body.extend_from_slice(&native_u16(8));
    body.extend_from_slice(&native_u16(EXT_MASK.0));
    body.extend_from_slice(&native_u32(EXT_MASK.1));
    body
}

/// What was seen of one namespace.
#[derive(Debug)]
pub(super) struct Seen {
    /// Its inode.
    pub(super) netns: u64,
    time: Timestamp,
    namespace: NetNamespace,
    is_host: bool,
    texts: BTreeMap<&'static str, Vec<u8>>,
    dumps: BTreeMap<&'static str, Dump>,
    names: BTreeMap<u32, Vec<u8>>,
}

/// What was read inside, unparsed.
type Read = (Vec<(&'static str, Result<Bytes, ReadError>)>, Vec<(&'static str, Result<Dump, NetlinkError>)>);

/// Reads every namespace by `plan`, archives the bytes and lets `rows` make rows of them.
pub(super) fn each(
    host: &Host,
    plan: &'static Plan,
    evidence: &mut dyn Evidence,
    rows: &mut dyn FnMut(&Seen, &mut dyn Evidence) -> Result<(), Stop>,
) -> Result<Outcome, Stop> {
    let namespaces = find(host, evidence)?;
    let of_host = of_host(host, &namespaces);
    let total = u64::try_from(namespaces.len()).unwrap_or(u64::MAX);
    let (mut read, mut refusals) = (0_u64, Vec::new());
    for (done, namespace) in (1..).zip(namespaces) {
        evidence.check()?;
        let visit = visit(host, &namespace, move |inside| look(inside, plan));
        let is_host = of_host == Some(namespace.inode);
        match keep(host, plan, namespace, is_host, visit, evidence)? {
            Ok(seen) => {
                read += 1;
                rows(&seen, evidence)?;
            }
            Err(refusal) => refusals.extend(refusal),
        }
        evidence.progress(done, total);
    }
    Ok(match refusals.first() {
        Some(first) if read == 0 => Outcome::because(Status::Failed, first),
        _ => Outcome::ok(),
    })
}

fn look(inside: &Inside, plan: &Plan) -> Read {
    let texts = plan.texts.iter().map(|name| (*name, inside.text(name))).collect();
    let requests = plan.requests.iter().filter(|_| inside.ask);
    let dump = |request: &Request| (request.name, ask(SockProtocol::NetlinkRoute, request.kind, &(request.body)()));
    (texts, requests.map(dump).collect())
}

/// Archives what a visit brought; `Err` where it brought nothing, with the reason unless the namespace had ended.
fn keep(
    host: &Host,
    plan: &Plan,
    namespace: NetNamespace,
    is_host: bool,
    visit: Visit<Read>,
    evidence: &mut dyn Evidence,
) -> Result<Result<Seen, Option<String>>, Stop> {
    let Some((texts, dumps)) = visit.value else {
        let reason = visit.refusals.join("; ");
        if !visit.gone {
            evidence.gap(Gap::whole(format!("net:[{}]", namespace.inode).as_bytes(), reason.clone()));
        }
        return Ok(Err(Some(reason).filter(|_| !visit.gone)));
    };
    let (netns, time) = (namespace.inode, host.clock.now());
    let mut seen =
        Seen { netns, time, namespace, is_host, texts: BTreeMap::new(), dumps: BTreeMap::new(), names: BTreeMap::new() };
    texts.into_iter().try_for_each(|(name, text)| seen.keep_text(name, text, evidence))?;
    dumps.into_iter().try_for_each(|(name, dump)| seen.keep_dump(plan.artefact, name, dump, evidence))?;
    seen.names = names(seen.messages(LINKS.name));
    Ok(Ok(seen))
}

impl Seen {
    fn keep_text(&mut self, name: &'static str, text: Result<Bytes, ReadError>, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        match text {
            Ok(text) => {
                let paths = text_paths(&self.namespace, self.is_host, "before", name);
                for path in &paths {
                    evidence.raw(&Member::pseudo(path.as_bytes()), &text.bytes)?;
                }
                if text.truncated {
                    let read = u64::try_from(text.bytes.len()).unwrap_or(u64::MAX);
                    evidence.gap(Gap::from(self.text_source(name).as_bytes(), read, None, "longer than is read of one file"));
                }
                self.texts.insert(name, text.bytes);
            }
            Err(error) => failure::gap(evidence, &error),
        }
        Ok(())
    }

    fn keep_dump(
        &mut self,
        artefact: &str,
        name: &'static str,
        dump: Result<Dump, NetlinkError>,
        evidence: &mut dyn Evidence,
    ) -> Result<(), Stop> {
        let path = extra_path(&self.namespace, artefact, name);
        match dump {
            Ok(dump) => {
                evidence.raw(&Member::pseudo(path.as_bytes()), &frame(&dump))?;
                dump.anomalies.iter().for_each(|anomaly| evidence.gap(Gap::whole(path.as_bytes(), anomaly)));
                self.dumps.insert(name, dump);
            }
            Err(NetlinkError::Refused(nix::errno::Errno::EOPNOTSUPP)) => {}
            Err(error) => evidence.gap(Gap::whole(path.as_bytes(), error.to_string())),
        }
        Ok(())
    }

    /// Whether the kernel answered this request; if not, rows come from the text.
    pub(super) fn answered(&self, name: &str) -> bool {
        self.dumps.contains_key(name)
    }

    /// The messages of a dump; none where it was not to be had.
    pub(super) fn messages(&self, name: &str) -> &[Message] {
        self.dumps.get(name).map(|dump| dump.messages.as_slice()).unwrap_or_default()
    }

    /// A text file; empty where there is none.
    pub(super) fn text(&self, name: &str) -> &[u8] {
        self.texts.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// The name of the interface with this number.
    pub(super) fn interface(&self, index: u32) -> Option<&[u8]> {
        self.names.get(&index).map(Vec::as_slice)
    }

    /// A row that was made of a dump.
    pub(super) fn row(&self, request: &str) -> Row {
        Row::new(self.time, format!("rtnetlink {request} net:[{}]", self.netns))
    }

    /// A row that was made of a text file.
    pub(super) fn text_row(&self, name: &str) -> Row {
        Row::new(self.time, self.text_source(name))
    }

    fn text_source(&self, name: &str) -> String {
        text_paths(&self.namespace, self.is_host, "before", name).into_iter().next().unwrap_or_default()
    }
}

#[cfg(any(test, feature = "test-util"))]
impl Seen {
    /// This dump and no more, of a namespace that there is not: for `super::hostile`.
    pub(super) fn of(name: &'static str, dump: Dump) -> Self {
        let namespace = NetNamespace { inode: 1, pids: Vec::new(), doors: Vec::new() };
        let (time, dumps, is_host) = (Timestamp::from_seconds(0), BTreeMap::from([(name, dump)]), false);
        let mut seen = Self { netns: 1, time, namespace, is_host, texts: BTreeMap::new(), dumps, names: BTreeMap::new() };
        seen.names = names(seen.messages(LINKS.name));
        seen
    }
}

/// Interface names by number, out of a dump of links.
pub(super) fn names(links: &[Message]) -> BTreeMap<u32, Vec<u8>> {
    const IFNAME: u16 = 3;
    let one = |message: &Message| {
        let mut name = None;
        let _ = walk(message.payload.get(16..)?, |kind, value| {
            if kind == IFNAME {
                name = Some(until_nul(value).to_owned());
            }
        });
        Some((native32(&message.payload, 4)?, name?))
    };
    links.iter().filter_map(one).collect()
}
