//! `RTM_NEWADDR` messages (linux/if_addr.h): family u8, prefix length u8, flags u8, scope u8, interface u32; then attributes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::Row;
use crate::source::network::columns::{put_bytes, put_int, put_text, until_nul};
use crate::source::network::fields::{self, byte, native32, walk};
use crate::source::network::rtnetlink::Seen;

/// An address of an interface.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Address {
    pub(super) index: Option<u32>,
    pub(super) address: IpAddr,
    pub(super) prefix: Option<u8>,
    pub(super) interface: Option<Vec<u8>>,
    pub(super) label: Option<Vec<u8>>,
    pub(super) broadcast: Option<IpAddr>,
    pub(super) peer: Option<IpAddr>,
    pub(super) scope: Option<u8>,
    pub(super) flags: Option<u32>,
}

impl Address {
    /// An address of which nothing else is known.
    pub(super) fn bare(address: IpAddr) -> Self {
        Self {
            index: None,
            address,
            prefix: None,
            interface: None,
            label: None,
            broadcast: None,
            peer: None,
            scope: None,
            flags: None,
        }
    }
}

pub(super) fn parse(payload: &[u8]) -> Option<Address> {
    const ADDRESS: u16 = 1;
    const LOCAL: u16 = 2;
    const LABEL: u16 = 3;
    const BROADCAST: u16 = 4;
    const FLAGS: u16 = 8;
    let attributes = payload.get(8..)?;
    let (mut given, mut local, mut broadcast, mut label) = (None, None, None, None);
    let mut flags = byte(payload, 2).map(u32::from);
    let _ = walk(attributes, |kind, value| match kind {
        ADDRESS => given = fields::address(value),
        LOCAL => local = fields::address(value),
        LABEL => label = Some(until_nul(value).to_owned()),
        BROADCAST => broadcast = fields::address(value),
        FLAGS => flags = native32(value, 0),
        _ => {}
    });
    // Where both are there, the address is the other end's; on a broadcast link they are the same.
    let address = local.or(given)?;
    Some(Address {
        index: native32(payload, 4),
        address,
        prefix: byte(payload, 1),
        interface: None,
        label,
        broadcast,
        peer: given.filter(|given| *given != address),
        scope: byte(payload, 3),
        flags,
    })
}

pub(super) fn fill(mut row: Row, seen: &Seen, address: &Address) -> Row {
    let named = address.index.and_then(|index| seen.interface(index)).or(address.interface.as_deref());
    put_bytes(&mut row, "interface", named);
    row.text("address", &address.address.to_string());
    put_text(&mut row, "mask", address.prefix.and_then(|prefix| mask(address.address, prefix)));
    put_text(&mut row, "broadcast", address.broadcast);
    put_text(&mut row, "point_to_point", address.peer);
    put_text(&mut row, "type", address.flags.map(|flags| osquery_type(address.address, flags)));
    put_bytes(&mut row, "friendly_name", named);
    put_int(&mut row, "prefix", address.prefix);
    row.int("family", if address.address.is_ipv4() { 2 } else { 10 });
    put_int(&mut row, "scope", address.scope);
    put_int(&mut row, "flags", address.flags);
    put_bytes(&mut row, "label", address.label.as_deref());
    put_int(&mut row, "interface_index", address.index);
    row.int("netns_inode", seen.netns);
    row
}

/// The network mask of this length; none where the length is too long for the family.
fn mask(address: IpAddr, prefix: u8) -> Option<IpAddr> {
    let prefix = u32::from(prefix);
    match address {
        IpAddr::V4(_) => {
            let host = u32::MAX.checked_shr(prefix).unwrap_or(0);
            (prefix <= 32).then(|| Ipv4Addr::from_bits(!host).into())
        }
        IpAddr::V6(_) => {
            let host = u128::MAX.checked_shr(prefix).unwrap_or(0);
            (prefix <= 128).then(|| Ipv6Addr::from_bits(!host).into())
        }
    }
}

/// osquery's word for how the address came to be. The kernel only knows whether it has an end (`IFA_F_PERMANENT`).
fn osquery_type(address: IpAddr, flags: u32) -> &'static str {
    const PERMANENT: u32 = 0x80;
    match (flags & PERMANENT != 0, address) {
        (true, _) => "manual",
        (false, IpAddr::V4(_)) => "dhcp",
        (false, IpAddr::V6(_)) => "auto",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::netlink::{attribute, native_u32};

    #[test]
    fn an_address_of_a_point_to_point_link() {
        let head = [&[2, 32, 0x80, 0][..], &native_u32(4)].concat();
        let attributes = [attribute(1, &[10, 0, 0, 2]), attribute(2, &[10, 0, 0, 1]), attribute(3, b"tun\xff\0")].concat();
        let payload = [head, attributes].concat();
        let parsed = parse(&payload).unwrap();
        assert_eq!((parsed.address.to_string().as_str(), parsed.peer.unwrap().to_string().as_str()), ("10.0.0.1", "10.0.0.2"));
        assert_eq!((parsed.index, parsed.prefix, parsed.label.as_deref()), (Some(4), Some(32), Some(&b"tun\xff"[..])));
        assert_eq!(parse(&payload[..10]), None);
    }

    #[test]
    fn masks() {
        let mask = |address: &str, prefix| mask(address.parse().unwrap(), prefix).map(|mask| mask.to_string());
        assert_eq!(mask("10.0.0.1", 0).as_deref(), Some("0.0.0.0"));
        assert_eq!(mask("10.0.0.1", 20).as_deref(), Some("255.255.240.0"));
        assert_eq!(mask("10.0.0.1", 32).as_deref(), Some("255.255.255.255"));
        assert_eq!(mask("10.0.0.1", 33), None);
        assert_eq!(mask("::1", 64).as_deref(), Some("ffff:ffff:ffff:ffff::"));
        assert_eq!(mask("::1", 129), None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_parsed(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..120)) {
            let _ = parse(&bytes);
        }
    }
}
