//! `RTM_NEWLINK` messages (linux/if_link.h): family u8, pad u8, type u16, index i32, flags u32, change u32; then attributes.

use crate::model::Row;
use crate::source::network::columns::{put_bytes, put_int, put_text, until_nul};
use crate::source::network::fields::{byte, hardware, inner, native16, native32, native64, walk};
use crate::source::network::rtnetlink::Seen;

/// An interface.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) index: Option<u32>,
    pub(super) name: Vec<u8>,
    pub(super) mac: Option<String>,
    /// `ARPHRD_…`.
    pub(super) kind: Option<u16>,
    pub(super) mtu: Option<u32>,
    pub(super) flags: Option<u32>,
    pub(super) counters: Option<Counters>,
    pub(super) promiscuity: Option<u32>,
    pub(super) allmulti: Option<u32>,
    pub(super) xdp_program: Option<u32>,
    pub(super) master: Option<u32>,
    pub(super) operstate: Option<u8>,
    /// Kind of a virtual interface: `bridge`, `veth`, `tun`, …
    pub(super) info_kind: Option<Vec<u8>>,
    pub(super) alias: Option<Vec<u8>>,
    pub(super) lower: Option<u32>,
    pub(super) queueing: Option<Vec<u8>>,
}

/// Counters since the interface was made (`struct rtnl_link_stats64`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counters {
    pub(super) ipackets: u64,
    pub(super) opackets: u64,
    pub(super) ibytes: u64,
    pub(super) obytes: u64,
    pub(super) ierrors: u64,
    pub(super) oerrors: u64,
    pub(super) idrops: u64,
    pub(super) odrops: u64,
    pub(super) collisions: u64,
}

pub(super) fn parse(payload: &[u8]) -> Option<Link> {
    let attributes = payload.get(16..)?;
    let (kind, index, flags) = (native16(payload, 2), native32(payload, 4), native32(payload, 8));
    let mut link = Link { kind, index, flags, ..Link::default() };
    let _ = walk(attributes, |kind, value| take(&mut link, kind, value));
    Some(link).filter(|link| !link.name.is_empty())
}

fn take(link: &mut Link, kind: u16, value: &[u8]) {
    match kind {
        1 => link.mac = Some(hardware(value)),
        3 => link.name = until_nul(value).to_owned(),
        4 => link.mtu = native32(value, 0),
        5 => link.lower = native32(value, 0),
        6 => link.queueing = Some(until_nul(value).to_owned()),
        10 => link.master = native32(value, 0),
        16 => link.operstate = byte(value, 0),
        18 => link.info_kind = inner(value, 1).map(|kind| until_nul(kind).to_owned()),
        20 => link.alias = Some(until_nul(value).to_owned()),
        23 => link.counters = counters(value),
        30 => link.promiscuity = native32(value, 0),
        43 => link.xdp_program = inner(value, 4).and_then(|id| native32(id, 0)),
        61 => link.allmulti = native32(value, 0),
        _ => {}
    }
}

fn counters(value: &[u8]) -> Option<Counters> {
    let number = |position: usize| native64(value, position * 8);
    Some(Counters {
        ipackets: number(0)?,
        opackets: number(1)?,
        ibytes: number(2)?,
        obytes: number(3)?,
        ierrors: number(4)?,
        oerrors: number(5)?,
        idrops: number(6)?,
        odrops: number(7)?,
        collisions: number(9)?,
    })
}

pub(super) fn fill(mut row: Row, seen: &Seen, link: &Link) -> Row {
    row.bytes("interface", &link.name);
    put_text(&mut row, "mac", link.mac.as_ref());
    put_int(&mut row, "type", link.kind);
    put_int(&mut row, "mtu", link.mtu);
    row.int("metric", 0);
    put_int(&mut row, "flags", link.flags);
    if let Some(counters) = link.counters {
        put_counters(&mut row, counters);
    }
    put_int(&mut row, "promiscuity", link.promiscuity);
    put_int(&mut row, "allmulti", link.allmulti);
    put_int(&mut row, "xdp_prog_id", link.xdp_program);
    put_int(&mut row, "master", link.master);
    put_bytes(&mut row, "master_name", link.master.and_then(|index| seen.interface(index)));
    put_text(&mut row, "operstate", link.operstate.map(operstate));
    put_bytes(&mut row, "kind", link.info_kind.as_deref());
    put_bytes(&mut row, "alias", link.alias.as_deref());
    put_int(&mut row, "lower_index", link.lower);
    put_bytes(&mut row, "qdisc", link.queueing.as_deref());
    put_int(&mut row, "interface_index", link.index);
    row.int("netns_inode", seen.netns);
    row
}

fn put_counters(row: &mut Row, counters: Counters) {
    row.int("ipackets", counters.ipackets).int("opackets", counters.opackets);
    row.int("ibytes", counters.ibytes).int("obytes", counters.obytes);
    row.int("ierrors", counters.ierrors).int("oerrors", counters.oerrors);
    row.int("idrops", counters.idrops).int("odrops", counters.odrops);
    row.int("collisions", counters.collisions);
}

/// `IF_OPER_…` (RFC 2863) as ip(8) words it.
fn operstate(state: u8) -> &'static str {
    const WORDS: [&str; 7] = ["UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING", "DORMANT", "UP"];
    WORDS.get(usize::from(state)).copied().unwrap_or("UNKNOWN")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::netlink::{attribute, native_u16, native_u32};

    #[test]
    fn a_promiscuous_bridge_port_with_an_xdp_program() {
        let head = [&[0, 0][..], &native_u16(1), &native_u32(7), &native_u32(0x1103), &native_u32(0)].concat();
        let xdp = attribute(43 | 0x8000, &[attribute(2, &[1]), attribute(4, &native_u32(99))].concat());
        let info = attribute(18, &attribute(1, b"veth\0"));
        let parts = [attribute(3, b"v\x1b0\0"), attribute(30, &native_u32(2)), attribute(10, &native_u32(3)), xdp, info];
        let payload = [head, parts.concat()].concat();
        let link = parse(&payload).unwrap();
        assert_eq!((link.index, link.promiscuity, link.master, link.xdp_program), (Some(7), Some(2), Some(3), Some(99)));
        assert_eq!((link.name.as_slice(), link.info_kind.as_deref()), (&b"v\x1b0"[..], Some(&b"veth"[..])));
        assert_eq!(parse(&payload[..16]), None, "an interface has a name");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_parsed(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = (parse(&bytes), counters(&bytes));
        }
    }
}
