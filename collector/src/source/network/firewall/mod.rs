//! Artefact `firewall`: what of all network namespaces filters and rewrites packets: nftables, and the kernel's older iptables, whatever
//! program set it up.
//!
//! The kernel is asked over nfnetlink only where nf_tables is there already, and for a table of iptables only where it lists that
//! table. What it answers is kept as it came; the rows name tables, chains with their hooks, rules with the names of their
//! expressions, sets with their elements.
//!
//! Sources: linux/netfilter/nf_tables.h, linux/netfilter/nfnetlink.h, linux/netfilter_ipv4/ip_tables.h and
//! linux/netfilter_arp/arp_tables.h.

use std::time::Duration;

use nix::sys::socket::SockProtocol;

use super::ask::ask;
use super::autoload::Guard;
use super::columns::until_nul;
use super::fields::{lines, walk};
use super::taken::{Kept, Taken, each};
use super::visit::Inside;
use crate::host::Host;
use crate::host::netlink::{Message, native_u16};
use crate::host::xtables::{self, Family};
use crate::model::{Artefact, Category, Outcome, Profile, escape};
use crate::source::{Evidence, Source, Stop};

mod expression;
mod ipset;
mod nft_rows;
#[cfg(test)]
mod tests;
mod xtables_rows;

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "firewall",
    category: Category::Network,
    profile: Profile::Volatile,
    budget: Duration::from_secs(60),
    budget_bytes: None,
    source: "nfnetlink and IPT_SO_GET_ENTRIES in every network namespace, /proc/PID/net",
    about: "Rules for packets of all network namespaces: nftables with chains, sets and their elements, iptables, ip6tables, arptables, ipset",
    tables: &[
        "nft_tables",
        "nft_chains",
        "nft_rules",
        "nft_sets",
        "nft_set_elements",
        "nft_objects",
        "iptables",
        "ip_sets",
        "ip_set_elements",
    ],
};

/// `NFNL_SUBSYS_NFTABLES`.
const SUBSYSTEM: u16 = 10;

/// What is asked for in each namespace: its name, and `NFT_MSG_GET…`.
const ASKED: [(&str, u16); 6] =
    [("gettable", 1), ("getchain", 4), ("getrule", 7), ("getset", 10), ("getobj", 19), ("getflowtable", 23)];

/// `NFT_MSG_GETSETELEM`.
const GET_ELEMENTS: u16 = 13;

/// The most sets of one namespace whose elements are asked for.
const MOST_SETS: usize = 4096;

/// What iptables has by itself: the names of its tables, and of the matches and targets that are loaded.
const TEXTS: [&str; 9] = [
    "ip_tables_names",
    "ip_tables_matches",
    "ip_tables_targets",
    "ip6_tables_names",
    "ip6_tables_matches",
    "ip6_tables_targets",
    "arp_tables_names",
    "netfilter/nf_log",
    "netfilter/nfnetlink_queue",
];

/// Reads the artefact `firewall`.
#[derive(Debug, Clone, Copy)]
pub struct Firewall;

impl Source for Firewall {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let guard = Guard::read(host);
        let allowed = [guard.may_ask(&["nfnetlink", "nf_tables"]), guard.may_ask(&["nfnetlink", "ip_set"])];
        each(host, ARTEFACT.name, evidence, move |inside| look(inside, &allowed), &mut rows)
    }
}

pub(super) fn rows(kept: &Kept, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    nft_rows::all(kept, evidence)?;
    ipset::all(kept, evidence)?;
    xtables_rows::all(kept, evidence)
}

fn look(inside: &Inside, [nft, sets]: &[Result<(), String>; 2]) -> Taken {
    let mut taken = Taken { texts: TEXTS.into_iter().map(|name| (name, inside.text(name))).collect(), ..Taken::default() };
    taken.not_asked.extend([nft, sets].into_iter().filter_map(|allowed| allowed.clone().err()));
    if inside.ask && nft.is_ok() {
        nftables(&mut taken);
    }
    if inside.ask && sets.is_ok() {
        // `IPSET_CMD_LIST` of `NFNL_SUBSYS_IPSET`, with the protocol that every kernel with sets speaks.
        let protocol = [&native_u16(5)[..], &native_u16(1), &[6, 0, 0, 0]].concat();
        taken.push(ipset::DUMP, ask(SockProtocol::NetlinkNetFilter, 6 << 8 | 7, &[header(0), protocol].concat()));
    }
    if inside.ask {
        iptables(&mut taken, inside.text("if_inet6").is_ok());
    }
    taken
}

/// The tables that the kernel says it has here: for one that it names no module is loaded.
fn iptables(taken: &mut Taken, has_v6: bool) {
    let text = |name: &str| taken.texts.iter().find(|(known, _)| *known == name).and_then(|(_, text)| text.as_ref().ok());
    let names = |name: &str| text(name).map(|text| text.bytes.clone()).unwrap_or_default();
    // A socket of IPv6 is one more thing for which the kernel could load a module.
    let v6 = if has_v6 { names("ip6_tables_names") } else { Vec::new() };
    let all = [
        ("iptables", Family::V4, names("ip_tables_names")),
        ("ip6tables", Family::V6, v6),
        ("arptables", Family::Arp, names("arp_tables_names")),
    ];
    for (program, family, names) in &all {
        for name in lines(names, 0) {
            let member = format!("{program}-{}", escape::bytes(name));
            match xtables::table(*family, name) {
                Ok(table) => {
                    taken.others.push((format!("{member}.info"), Ok(table.info)));
                    taken.others.push((format!("{member}.entries"), Ok(table.entries)));
                }
                Err(errno) => taken.others.push((member, Err(errno))),
            }
        }
    }
}

fn nftables(taken: &mut Taken) {
    let mut sets = Vec::new();
    for (name, kind) in ASKED {
        let answer = ask(SockProtocol::NetlinkNetFilter, SUBSYSTEM << 8 | kind, &header(0));
        let messages = taken.push(name, answer);
        if name == "getset" {
            sets = messages.iter().filter_map(set).collect();
        }
    }
    for (number, (family, table, name)) in sets.into_iter().enumerate().take(MOST_SETS) {
        let body = [header(family), string(1, &table), string(2, &name)].concat();
        let answer = ask(SockProtocol::NetlinkNetFilter, SUBSYSTEM << 8 | GET_ELEMENTS, &body);
        taken.push(format!("getsetelem-{number:04}"), answer);
    }
}

/// `struct nfgenmsg`: family, version 0, resource 0. Family 0 stands for all of them.
pub(super) fn header(family: u8) -> Vec<u8> {
    vec![family, 0, 0, 0]
}

/// An attribute that is a C string.
fn string(kind: u16, text: &[u8]) -> Vec<u8> {
    let length = u16::try_from(text.len() + 5).unwrap_or(u16::MAX);
    let mut out = [&native_u16(length)[..], &native_u16(kind), text, b"\0"].concat();
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

/// Family, table and name of the set that a message describes.
fn set(message: &Message) -> Option<(u8, Vec<u8>, Vec<u8>)> {
    let (mut table, mut name) = (None, None);
    let _ = walk(message.payload.get(4..)?, |kind, value| match kind {
        1 => table = Some(until_nul(value).to_owned()),
        2 => name = Some(until_nul(value).to_owned()),
        _ => {}
    });
    Some((*message.payload.first()?, table?, name?))
}

/// Whether a dump of this name has elements of a set.
fn is_elements(name: &str) -> bool {
    name.starts_with("getsetelem-")
}

/// All messages of the elements of sets.
fn elements(kept: &Kept) -> impl Iterator<Item = &Message> {
    kept.dumps.iter().filter(|(name, _)| is_elements(name)).flat_map(|(_, dump)| &dump.messages)
}
