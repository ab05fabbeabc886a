//! Rules of the kernel's own iptables, ip6tables and arptables, out of `struct ipt_getinfo` and `struct ipt_get_entries`.
//!
//! An entry is the addresses to be matched, counters, matches with data of their own, and a target. A chain of the kernel begins where
//! `hook_entry` says and ends with its policy (`underflow`); one of the user begins behind an entry whose target is `ERROR`.

use std::collections::BTreeMap;

use super::Kept;
use crate::host::xtables::ENTRIES;
use crate::model::Row;
use crate::source::network::columns::{put_bytes, put_int, until_nul};
use crate::source::network::fields::{address, byte, digits, hardware, native16, native32, native64};
use crate::source::{Evidence, Stop};

/// Where the parts of an entry are. IPv4 and IPv6 have addresses of different length, ARP those of hardware too.
#[derive(Debug)]
struct Layout {
    family: u8,
    address: usize,
    interfaces: usize,
    /// None for ARP, which has an operation instead.
    protocol: Option<usize>,
    inverted: usize,
    target: usize,
    counters: usize,
    matches: usize,
    hooks: &'static [&'static str],
}

const V4: Layout = Layout {
    family: 2,
    address: 4,
    interfaces: 16,
    protocol: Some(80),
    inverted: 83,
    target: 88,
    counters: 96,
    matches: 112,
    hooks: &HOOKS,
};
const V6: Layout = Layout {
    family: 10,
    address: 16,
    interfaces: 64,
    protocol: Some(128),
    inverted: 132,
    target: 140,
    counters: 152,
    matches: 168,
    hooks: &HOOKS,
};
/// `struct arpt_entry`; the family is `NFPROTO_ARP`.
const ARP: Layout = Layout {
    family: 3,
    address: 4,
    interfaces: 94,
    protocol: None,
    inverted: 160,
    target: 164,
    counters: 176,
    matches: 192,
    hooks: &ARP_HOOKS,
};

/// `NF_INET_…` and `NF_ARP_…`.
const HOOKS: [&str; 5] = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];
const ARP_HOOKS: [&str; 3] = ["INPUT", "OUTPUT", "FORWARD"];

/// Where the beginnings of chains stand in `struct ipt_getinfo`; behind them their policies.
const BEGINNINGS: usize = 36;

/// `struct xt_entry_match` and `xt_entry_target` up to their data: size u16, name of 29, revision u8.
const HEAD: usize = 32;

/// An entry: where it begins among all, its bytes, and the name and data of its target.
#[derive(Debug, Clone, Copy)]
struct Entry<'a> {
    at: usize,
    bytes: &'a [u8],
    name: &'a [u8],
    data: &'a [u8],
}

/// Rows of one namespace.
///
/// # Errors
/// When the run wants no more of this artefact.
pub(super) fn all(kept: &Kept, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    for (layout, prefix) in [(&V4, "iptables-"), (&V6, "ip6tables-"), (&ARP, "arptables-")] {
        for (member, entries) in &kept.others {
            let Some(table) = member.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(".entries")) else { continue };
            let info = kept.others.get(&format!("{prefix}{table}.info")).map(Vec::as_slice).unwrap_or_default();
            for mut columns in rules(layout, info, entries.get(ENTRIES..).unwrap_or_default()) {
                evidence.check()?;
                let mut row = kept.row(&format!("{prefix}{table}"));
                row.text("filter_name", table);
                columns(&mut row);
                evidence.row("iptables", &row)?;
            }
        }
    }
    Ok(())
}

/// What puts the columns of a rule into its row.
type Fill<'a> = Box<dyn FnMut(&mut Row) + 'a>;

/// All rules of a table, in order; those of a chain are numbered from 1, as iptables(8) numbers them.
fn rules<'a>(layout: &'static Layout, info: &'a [u8], entries: &'a [u8]) -> Vec<Fill<'a>> {
    let all: Vec<Entry<'_>> = split(layout, entries);
    let users: BTreeMap<usize, &[u8]> = all.iter().filter_map(user_chain).collect();
    let policies = BEGINNINGS + 4 * layout.hooks.len();
    let (mut chain, mut number, mut out): (&[u8], u32, Vec<Fill<'a>>) = (b"", 0, Vec::new());
    for entry in all.iter().copied().filter(|entry| entry.name != b"ERROR") {
        if let Some(name) = hook(layout, info, BEGINNINGS, entry.at).or_else(|| users.get(&entry.at).copied()) {
            (chain, number) = (name, 0);
        }
        number += 1;
        let is_policy = hook(layout, info, policies, entry.at).is_some();
        let target = target(&entry, &users);
        out.push(Box::new(move |row| {
            row.bytes("chain", chain).int("number", number).flag("is_policy", is_policy).bytes("target", &target);
            fill(row, layout, entry.bytes);
        }));
    }
    out
}

/// The entries of a table, as far as their lengths make sense.
fn split<'a>(layout: &Layout, entries: &'a [u8]) -> Vec<Entry<'a>> {
    let (mut out, mut at) = (Vec::new(), 0);
    while let Some(entry) = entries.get(at..).and_then(|rest| one(layout, at, rest)) {
        at += entry.bytes.len();
        out.push(entry);
    }
    out
}

fn one<'a>(layout: &Layout, at: usize, rest: &'a [u8]) -> Option<Entry<'a>> {
    let (target, next) = (native16(rest, layout.target)?.into(), native16(rest, layout.target + 2)?.into());
    let bytes = rest.get(..next).filter(|_| layout.matches <= target && target + HEAD <= next)?;
    let name = until_nul(bytes.get(target + 2..target + HEAD - 1)?);
    Some(Entry { at, bytes, name, data: bytes.get(target + HEAD..)? })
}

/// Where the chain begins that this entry is the head of, and its name. The last entry of a table looks like a head too.
fn user_chain<'a>(entry: &Entry<'a>) -> Option<(usize, &'a [u8])> {
    (entry.name == b"ERROR").then(|| (entry.at + entry.bytes.len(), until_nul(entry.data)))
}

/// The chain of the kernel for which the list at `list` in `info` has this offset.
fn hook(layout: &Layout, info: &[u8], list: usize, at: usize) -> Option<&'static [u8]> {
    let valid = native32(info, 32)?;
    let is = |number: usize| {
        valid >> number & 1 == 1 && native32(info, list + number * 4).and_then(|offset| usize::try_from(offset).ok()) == Some(at)
    };
    layout.hooks.iter().enumerate().find(|(number, _)| is(*number)).map(|(_, name)| name.as_bytes())
}

/// The name of a target; where it has none it is a verdict, or the chain that is jumped to.
fn target(entry: &Entry<'_>, users: &BTreeMap<usize, &[u8]>) -> Vec<u8> {
    const VERDICTS: [&str; 5] = ["DROP", "ACCEPT", "STOLEN", "QUEUE", "RETURN"];
    if !entry.name.is_empty() {
        return entry.name.to_owned();
    }
    let Some(verdict) = native32(entry.data, 0).map(u32::cast_signed) else { return Vec::new() };
    match usize::try_from(verdict) {
        // A rule without target: on to the next.
        Ok(offset) if offset == entry.at + entry.bytes.len() => Vec::new(),
        Ok(offset) => users.get(&offset).map_or_else(|| offset.to_string().into_bytes(), |name| (*name).to_owned()),
        Err(_) => {
            let word = usize::try_from(verdict.saturating_add(1).saturating_neg()).ok().and_then(|code| VERDICTS.get(code));
            word.map_or_else(|| verdict.to_string(), ToString::to_string).into_bytes()
        }
    }
}

/// The columns of osquery's `iptables`, those that need the matches included.
fn fill(row: &mut Row, layout: &Layout, bytes: &[u8]) {
    row.int("family", layout.family);
    match layout.protocol {
        Some(protocol) => put_int(row, "protocol", native16(bytes, protocol)),
        None => arp(row, bytes),
    }
    for (position, column) in ["src_ip", "dst_ip", "src_mask", "dst_mask"].into_iter().enumerate() {
        let at = position * layout.address;
        if let Some(address) = bytes.get(at..at + layout.address).and_then(address) {
            row.text(column, &address.to_string());
        }
    }
    for (position, column) in ["iniface", "outiface", "iniface_mask", "outiface_mask"].into_iter().enumerate() {
        let at = layout.interfaces + position * 16;
        let name = bytes.get(at..at + 16).unwrap_or_default();
        match position {
            0 | 1 => put_bytes(row, column, Some(until_nul(name))),
            _ => put_bytes(row, column, Some(digits(name).as_bytes())),
        }
    }
    match layout.protocol {
        Some(_) => put_int(row, "inverted", byte(bytes, layout.inverted)),
        None => put_int(row, "inverted", native16(bytes, layout.inverted)),
    }
    put_int(row, "packets", native64(bytes, layout.counters));
    put_int(row, "bytes", native64(bytes, layout.counters + 8));
    matches(row, layout, bytes);
}

/// Columns only arptables rules have (`struct arpt_arp`), written only where the rule tests the field (its mask is not zero).
/// Numbers are big-endian, each followed by its mask; hardware addresses have masks of their own length.
fn arp(row: &mut Row, bytes: &[u8]) {
    let number = |at: usize| bytes.get(at..)?.first_chunk().copied().map(u16::from_be_bytes);
    for (at, column) in [(82, "arp_operation"), (86, "arp_hardware_type"), (90, "arp_protocol_type")] {
        put_int(row, column, number(at).filter(|_| number(at + 2) != Some(0)));
    }
    for (at, address, mask) in [(18, "src_mac", "src_mac_mask"), (50, "dst_mac", "dst_mac_mask")] {
        let parts = bytes.get(at..at + 6).zip(bytes.get(at + 16..at + 22));
        if let Some((own, bits)) = parts.filter(|(_, bits)| bits.iter().any(|byte| *byte != 0)) {
            row.text(address, &hardware(own)).text(mask, &hardware(bits));
        }
    }
}

/// The names of the matches, the ports of the first of those of TCP and UDP (`struct xt_tcp`, `xt_udp`), and the text of a comment
/// (`struct xt_comment_info`).
fn matches(row: &mut Row, layout: &Layout, bytes: &[u8]) {
    let end = native16(bytes, layout.target).map_or(0, usize::from);
    let (mut names, mut comment, mut has_ports, mut at) = (Vec::new(), None, false, layout.matches);
    while let Some((size, name)) = bytes.get(at..end).and_then(|rest| Some((native16(rest, 0)?, rest.get(2..31)?))) {
        let (size, name) = (usize::from(size), until_nul(name));
        names.push(name);
        if (name == b"tcp" || name == b"udp") && !std::mem::replace(&mut has_ports, true) {
            for (column, offset) in [("src_port", 0), ("dst_port", 4)] {
                let port = |offset| native16(bytes, at + HEAD + offset);
                if let (Some(first), Some(last)) = (port(offset), port(offset + 2)) {
                    row.text(column, &format!("{first}:{last}"));
                }
            }
        }
        if size < HEAD {
            break;
        }
        if name == b"comment" {
            comment = comment.or(bytes.get(at + HEAD..at + size));
        }
        at += size;
    }
    row.bytes_list("match", names);
    put_bytes(row, "comment", comment.map(until_nul));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::netlink::{native_u16, native_u32};
    use crate::model::Timestamp;

    /// An entry of IPv4 with a match of TCP, and a target of this name and data.
    fn entry(target: &[u8], data: &[u8]) -> Vec<u8> {
        let part = |name: &[u8], data: &[u8]| {
            let size = u16::try_from(HEAD + data.len()).unwrap();
            let mut out = [&native_u16(size)[..], name].concat();
            out.resize(HEAD, 0);
            [out, data.to_owned()].concat()
        };
        let tcp = part(b"tcp", &[22, 0, 22, 0, 0, 0, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0].map(|byte: u8| byte));
        let target = part(target, data);
        let mut out = vec![0; V4.matches];
        out[..4].copy_from_slice(&[10, 0, 0, 1]);
        out[16..20].copy_from_slice(b"eth0");
        out[80] = 6;
        out[96] = 7;
        let at = out.len() + tcp.len();
        out[88..90].copy_from_slice(&native_u16(u16::try_from(at).unwrap()));
        out[90..92].copy_from_slice(&native_u16(u16::try_from(at + target.len()).unwrap()));
        [out, tcp, target].concat()
    }

    fn verdict(code: i32) -> Vec<u8> {
        entry(b"", &[&native_u32(code.cast_unsigned())[..], &[0; 4]].concat())
    }

    fn columns_of(layout: &'static Layout, info: &[u8], entries: &[u8]) -> Vec<serde_json::Map<String, serde_json::Value>> {
        let made = |mut fill: Fill<'_>| {
            let mut row = Row::new(Timestamp::from_seconds(0), "x");
            fill(&mut row);
            row.columns()
        };
        rules(layout, info, entries).into_iter().map(made).collect()
    }

    fn columns(info: &[u8], entries: &[u8]) -> Vec<serde_json::Map<String, serde_json::Value>> {
        columns_of(&V4, info, entries)
    }

    /// An entry of ARP whose target is this verdict.
    fn arp_entry(code: i32) -> Vec<u8> {
        let mut out = vec![0; ARP.matches];
        out[..4].copy_from_slice(&[10, 0, 0, 9]);
        out[8..12].copy_from_slice(&[255; 4]);
        out[18..24].copy_from_slice(&[2, 0, 0, 0, 0, 7]);
        out[34..40].copy_from_slice(&[255; 6]);
        out[82..86].copy_from_slice(&[0, 2, 255, 255]);
        out[94..98].copy_from_slice(b"eth0");
        out[160..162].copy_from_slice(&native_u16(0x100));
        out[164..166].copy_from_slice(&native_u16(192));
        out[166..168].copy_from_slice(&native_u16(232));
        out[176] = 5;
        out.extend_from_slice(&native_u16(40));
        out.resize(ARP.matches + HEAD, 0);
        out.extend_from_slice(&native_u32(code.cast_unsigned()));
        out.resize(232, 0);
        out
    }

    #[test]
    fn rules_of_arp_have_chains_operations_and_hardware() {
        let entries = [arp_entry(-1), arp_entry(-2), arp_entry(-2)].concat();
        let mut info = vec![0; 68];
        info[32] = 0b11;
        // INPUT begins at 0 and its policy at 232; OUTPUT is only its policy, at 464.
        for (at, offset) in [(36, 0_u32), (40, 464), (48, 232), (52, 464)] {
            info[at..at + 4].copy_from_slice(&native_u32(offset));
        }
        let rows = columns_of(&ARP, &info, &entries);
        let words: Vec<_> =
            rows.iter().map(|row| (row["chain"].as_str(), row["target"].as_str(), row["is_policy"].as_u64())).collect();
        let expected = [
            (Some("INPUT"), Some("DROP"), Some(0)),
            (Some("INPUT"), Some("ACCEPT"), Some(1)),
            (Some("OUTPUT"), Some("ACCEPT"), Some(1)),
        ];
        assert_eq!(words, expected);
        let first = &rows[0];
        assert_eq!(
            (&first["family"], &first["src_ip"], &first["src_mask"]),
            (&3.into(), &"10.0.0.9".into(), &"255.255.255.255".into())
        );
        assert_eq!(
            (&first["src_mac"], &first["src_mac_mask"], first.get("dst_mac")),
            (&"02:00:00:00:00:07".into(), &"ff:ff:ff:ff:ff:ff".into(), None)
        );
        assert_eq!((&first["arp_operation"], first.get("arp_hardware_type"), first.get("protocol")), (&2.into(), None, None));
        assert_eq!((&first["iniface"], &first["inverted"], &first["packets"]), (&"eth0".into(), &256.into(), &5.into()));
    }

    #[test]
    fn chains_of_the_kernel_and_of_the_user() {
        let (first, policy) = (verdict(0), verdict(-2));
        let head = entry(b"ERROR", b"evil\0\0\0\0");
        let start = first.len() + policy.len() + head.len();
        let jump = verdict(i32::try_from(start).unwrap());
        let entries = [jump, policy, head, verdict(-1), verdict(-5), entry(b"ERROR", b"ERROR\0\0\0")].concat();
        let mut info = vec![0; 84];
        info[32] = 2;
        info[60..64].copy_from_slice(&native_u32(u32::try_from(first.len()).unwrap()));
        let rows = columns(&info, &entries);
        let words: Vec<_> =
            rows.iter().map(|row| (row["chain"].as_str(), row["target"].as_str(), row["is_policy"].as_u64())).collect();
        let expected = [
            (Some("INPUT"), Some("evil"), Some(0)),
            (Some("INPUT"), Some("ACCEPT"), Some(1)),
            (Some("evil"), Some("DROP"), Some(0)),
            (Some("evil"), Some("RETURN"), Some(0)),
        ];
        assert_eq!(words, expected);
        assert_eq!(
            (&rows[0]["src_ip"], &rows[0]["iniface"], &rows[0]["src_port"]),
            (&"10.0.0.1".into(), &"eth0".into(), &"22:22".into())
        );
        assert_eq!((&rows[0]["match"], &rows[0]["packets"]), (&serde_json::json!(["tcp"]), &7.into()));
    }

    #[test]
    fn a_comment_is_the_text_of_its_match() {
        let mut rule = verdict(-1);
        rule[V4.matches + 2..][..8].copy_from_slice(b"comment\0");
        rule[V4.matches + HEAD..][..8].copy_from_slice(b"planted\0");
        let rows = columns(&[0; 84], &rule);
        assert_eq!((&rows[0]["match"], &rows[0]["comment"]), (&serde_json::json!(["comment"]), &"planted".into()));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(info: Vec<u8>, mut entries: Vec<u8>, at in 0_usize..400) {
            columns(&info, &entries);
            let mut real = verdict(-2);
            entries.truncate(real.len().saturating_sub(at));
            real.splice(at.min(real.len()).., entries);
            columns(&info, &real);
            columns_of(&ARP, &info, &real);
        }
    }
}
