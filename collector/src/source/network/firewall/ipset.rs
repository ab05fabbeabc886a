//! Sets of ipset, out of what `IPSET_CMD_LIST` answered (linux/netfilter/ipset/ip_set.h).
//!
//! A set that is too long for one message comes in several; only the first says what it is.

use super::Kept;
use crate::host::netlink::attributes;
use crate::model::Row;
use crate::source::network::columns::{put_bytes, put_int, put_text, until_nul};
use crate::source::network::fields::{address, be32, be64, byte, digits, inner, port, walk};
use crate::source::{Evidence, Stop};

/// The dump's name in the archive.
pub(super) const DUMP: &str = "ipsets";

/// `IPSET_ATTR_…` of a message.
const SET_NAME: u16 = 2;
const SET_TYPE: u16 = 3;
const FAMILY: u16 = 5;
const DATA: u16 = 7;
const ELEMENTS: u16 = 8;

/// Rows of one namespace.
///
/// # Errors
/// When the run wants no more of this artefact.
pub(super) fn all(kept: &Kept, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    for message in kept.messages(DUMP) {
        let payload = message.payload.get(4..).unwrap_or_default();
        let name = inner(payload, SET_NAME).map(until_nul).unwrap_or_default();
        if inner(payload, SET_TYPE).is_some() {
            evidence.row("ip_sets", &set(kept.row("ipset list"), name, payload))?;
        }
        for (_, element) in attributes(inner(payload, ELEMENTS).unwrap_or_default()).map_while(Result::ok) {
            evidence.check()?;
            let mut row = kept.row("ipset list");
            row.bytes("set", name);
            fill(&mut row, element);
            evidence.row("ip_set_elements", &row)?;
        }
    }
    Ok(())
}

fn set(mut row: Row, name: &[u8], payload: &[u8]) -> Row {
    row.bytes("name", name);
    put_bytes(&mut row, "type", inner(payload, SET_TYPE).map(until_nul));
    put_int(&mut row, "family", inner(payload, FAMILY).and_then(|value| byte(value, 0)));
    let data = inner(payload, DATA).unwrap_or_default();
    let number = |kind| inner(data, kind).and_then(be32);
    put_int(&mut row, "timeout_s", number(6));
    put_int(&mut row, "elements", number(24));
    put_int(&mut row, "references", number(25));
    put_int(&mut row, "memory_bytes", number(26));
    row
}

/// An element: which of these it has depends on the type of its set.
fn fill(row: &mut Row, element: &[u8]) {
    let anomaly = walk(element, |kind, value| match kind {
        1 => put_text(row, "address", ip(value)),
        2 => put_text(row, "address_to", ip(value)),
        3 => put_int(row, "prefix", byte(value, 0)),
        4 => put_int(row, "port", port(value, 0)),
        5 => put_int(row, "port_to", port(value, 0)),
        6 => put_int(row, "timeout_s", be32(value)),
        7 => put_int(row, "protocol", byte(value, 0)),
        10 => put_int(row, "mark", be32(value)),
        17 => put_text(row, "mac", Some(digits(value))),
        18 => put_bytes(row, "member_set", Some(until_nul(value))),
        20 => put_text(row, "second_address", ip(value)),
        21 => put_int(row, "second_prefix", byte(value, 0)),
        23 => put_bytes(row, "interface", Some(until_nul(value))),
        24 => put_int(row, "bytes", be64(value)),
        25 => put_int(row, "packets", be64(value)),
        26 => put_bytes(row, "comment", Some(until_nul(value))),
        _ => {}
    });
    if let Some(anomaly) = anomaly {
        row.error("message", anomaly);
    }
}

/// `IPSET_ATTR_IPADDR_IPV4` or `…_IPV6`, in network order.
fn ip(value: &[u8]) -> Option<std::net::IpAddr> {
    inner(value, 1).or_else(|| inner(value, 2)).and_then(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::netlink::attribute;
    use crate::model::Timestamp;

    #[test]
    fn an_element_has_what_its_type_has() {
        let element = [
            attribute(1, &attribute(1, &[198, 51, 100, 7])),
            attribute(3, &[24]),
            attribute(4, &[0x1f, 0x90]),
            attribute(26, b"c2\0"),
        ];
        let mut row = Row::new(Timestamp::from_seconds(0), "x");
        fill(&mut row, &element.concat());
        let row = row.columns();
        assert_eq!((&row["address"], &row["prefix"], &row["port"]), (&"198.51.100.7".into(), &24.into(), &8080.into()));
        assert_eq!(row["comment"], "c2");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            let new = || Row::new(Timestamp::from_seconds(0), "x");
            fill(&mut new(), &bytes);
            set(new(), b"s", &bytes);
        }
    }
}
