//! `/proc/PID/net/route` and `ipv6_route` (`net/ipv4/fib_trie.c`, `net/ipv6/route.c`). They show less than rtnetlink: the
//! main table only for IPv4, and no types.

use std::net::IpAddr;

use super::Route;
use crate::source::network::fields::{hex, lines, plain_address, split, word_address};
use crate::source::text::{decimal, hex_digits};

/// A parser of one line.
pub(super) type Parse = fn(&[u8]) -> Option<Route>;

const RTF_GATEWAY: u32 = 0x2;
const RTF_REJECT: u32 = 0x200;
const RTF_ANYCAST: u32 = 0x10_0000;
const RTF_LOCAL: u32 = 0x8000_0000;

/// The routes of a text; lines that make no sense, as the header, are passed over.
pub(super) fn parse(text: &[u8], line: Parse) -> Vec<Route> {
    lines(text, 0).filter_map(line).collect()
}

/// `Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT`.
pub(super) fn line4(line: &[u8]) -> Option<Route> {
    let mut fields = split(line);
    let interface = fields.next()?.to_owned();
    let (destination, gateway) = (word_address(fields.next()?)?, word_address(fields.next()?)?);
    let flags = hex(fields.next()?)?;
    let metric = decimal(fields.nth(2)?)?;
    let mask = hex::<u32>(fields.next()?)?;
    let mut route = Route::new(destination, u8::try_from(mask.count_ones()).ok()?);
    route.hop.gateway = Some(gateway).filter(|_| flags & RTF_GATEWAY != 0);
    (route.hop.interface, route.metric, route.text_flags) = (Some(interface), metric, Some(flags));
    route.kind = kind(flags);
    route.mtu = fields.next().and_then(decimal).filter(|mtu| *mtu != 0);
    Some(route).filter(|route| route.destination.is_ipv4())
}

/// `destination length source length next-hop metric references use flags interface`, all numbers hexadecimal.
pub(super) fn line6(line: &[u8]) -> Option<Route> {
    let mut fields = split(line);
    let destination = plain_address(fields.next()?)?;
    let mut route = Route::new(destination, u8::try_from(hex_digits(fields.next()?)?).ok()?);
    let gateway: IpAddr = plain_address(fields.nth(2)?)?;
    route.metric = hex(fields.next()?)?;
    let flags = hex(fields.nth(2)?)?;
    route.hop.gateway = Some(gateway).filter(|gateway| !gateway.is_unspecified());
    route.hop.interface = Some(fields.next()?.to_owned());
    (route.text_flags, route.kind) = (Some(flags), kind(flags));
    Some(route)
}

/// The `RTN_…` that the flags stand for.
fn kind(flags: u32) -> Option<u8> {
    match flags {
        flags if flags & RTF_REJECT != 0 => None,
        flags if flags & RTF_LOCAL != 0 => Some(2),
        flags if flags & RTF_ANYCAST != 0 => Some(4),
        _ => Some(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_line() {
        let text = b"20010db8000000000000000000000000 40 00000000000000000000000000000000 00 \
            fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0\n";
        let routes = parse(text, line6);
        assert_eq!((routes[0].destination.to_string().as_str(), routes[0].prefix), ("2001:db8::", 64));
        assert_eq!((routes[0].hop.gateway.unwrap().to_string().as_str(), routes[0].metric), ("fe80::1", 1024));
        assert_eq!(routes[0].hop.interface.as_deref(), Some(&b"eth0"[..]));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_parsed(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = (parse(&bytes, line4), parse(&bytes, line6));
        }

        #[test]
        fn any_fields_are_parsed(text in "[0-9a-f \n]{0,300}") {
            let _ = (parse(text.as_bytes(), line4), parse(text.as_bytes(), line6));
        }
    }
}
