//! Rules that choose a routing table (`RTM_GETRULE`, ip-rule(8)): what goes another way by who sends it, through what, or with which mark.
//!
//! ```text
//! fib_rule_hdr  family u8 | destination length u8 | source length u8 | tos u8 | table u8 | 2 bytes | action u8 | flags u32   = 12 bytes
//! ```
//!
//! Source: linux/fib_rules.h.

use crate::model::Row;
use crate::source::network::columns::{put_bytes, put_int, put_text, until_nul};
use crate::source::network::fields::{address, byte, native16, native32, walk};
use crate::source::network::rtnetlink::Request;

/// `RTM_GETRULE` with an empty `struct fib_rule_hdr`: those of all families.
pub(super) const RULES: Request = Request { name: "getrule", kind: 34, body: || vec![0; 12] };

/// `FIB_RULE_INVERT`.
const INVERT: u32 = 2;

/// Adds the columns of a rule.
pub(super) fn fill(row: &mut Row, payload: &[u8]) {
    put_int(row, "family", byte(payload, 0));
    put_text(row, "action", byte(payload, 7).map(action));
    if let Some(flags) = native32(payload, 8) {
        row.flag("inverted", flags & INVERT != 0);
    }
    put_int(row, "tos", byte(payload, 3));
    // The header has no room for a table of more than 255, which stands in an attribute.
    let mut table = byte(payload, 4).map(u32::from);
    let (to, from) = (byte(payload, 1), byte(payload, 2));
    let anomaly = walk(payload.get(12..).unwrap_or_default(), |kind, value| match kind {
        1 => put_text(row, "destination_network", network(value, to)),
        2 => put_text(row, "source_network", network(value, from)),
        3 => put_bytes(row, "interface", Some(until_nul(value))),
        4 => put_int(row, "goto", native32(value, 0)),
        6 => put_int(row, "priority", native32(value, 0)),
        10 => put_int(row, "mark", native32(value, 0)),
        14 => put_int(row, "suppressed_prefix_length", native32(value, 0).map(u32::cast_signed)),
        15 => table = native32(value, 0).or(table),
        16 => put_int(row, "mark_mask", native32(value, 0)),
        17 => put_bytes(row, "outgoing_interface", Some(until_nul(value))),
        19 => put_int(row, "l3mdev", byte(value, 0)),
        20 => put_text(row, "uid_range", range(native32(value, 0), native32(value, 4))),
        21 => put_int(row, "protocol", byte(value, 0)),
        22 => put_int(row, "ip_protocol", byte(value, 0)),
        23 => put_text(row, "source_ports", range(native16(value, 0), native16(value, 2))),
        24 => put_text(row, "destination_ports", range(native16(value, 0), native16(value, 2))),
        _ => {}
    });
    put_int(row, "table", table);
    if let Some(anomaly) = anomaly {
        row.error("message", anomaly);
    }
}

/// `FR_ACT_…`, as ip-rule(8) words them.
fn action(number: u8) -> &'static str {
    match number {
        1 => "lookup",
        2 => "goto",
        3 => "nop",
        6 => "blackhole",
        7 => "unreachable",
        8 => "prohibit",
        _ => "unknown",
    }
}

fn network(value: &[u8], length: Option<u8>) -> Option<String> {
    Some(format!("{}/{}", address(value)?, length?))
}

fn range<T: std::fmt::Display>(first: Option<T>, last: Option<T>) -> Option<String> {
    Some(format!("{}-{}", first?, last?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::netlink::{attribute, native_u16, native_u32};
    use crate::model::Timestamp;

    fn columns(payload: &[u8]) -> serde_json::Map<String, serde_json::Value> {
        let mut row = Row::new(Timestamp::from_seconds(0), "x");
        fill(&mut row, payload);
        row.columns()
    }

    #[test]
    fn a_rule_that_sends_a_user_another_way() {
        let parts = [
            attribute(2, &[10, 0, 0, 0]),
            attribute(3, b"eth0\0"),
            attribute(6, &native_u32(99)),
            attribute(15, &native_u32(4242)),
            attribute(20, &[native_u32(33), native_u32(34)].concat()),
            attribute(24, &[native_u16(443), native_u16(444)].concat()),
        ];
        let payload = [&[2, 0, 8, 0, 0, 0, 0, 1][..], &native_u32(INVERT), &parts.concat()].concat();
        let row = columns(&payload);
        assert_eq!((&row["action"], &row["priority"], &row["table"]), (&"lookup".into(), &99.into(), &4242.into()));
        assert_eq!((&row["source_network"], &row["interface"]), (&"10.0.0.0/8".into(), &"eth0".into()));
        assert_eq!((&row["uid_range"], &row["destination_ports"]), (&"33-34".into(), &"443-444".into()));
        assert_eq!((&row["inverted"], row.get("destination_network")), (&1.into(), None));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(payload: Vec<u8>) {
            columns(&payload);
        }
    }
}
