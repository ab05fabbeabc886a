//! `RTM_NEWROUTE` messages (rtnetlink(7), linux/rtnetlink.h).
//!
//! ```text
//! rtmsg      family u8 | destination length u8 | source length u8 | tos u8 | table u8 | protocol u8 | scope u8 | type u8
//!            | flags u32                                                                                = 12 bytes
//! rtnexthop  length u16 | flags u8 | weight less one u8 | interface i32 | attributes                    = 8 bytes and more
//! ```

use std::net::IpAddr;

use super::{Hop, Route, unspecified};
use crate::source::network::fields::{address, byte, native16, native32, walk};

const DST: u16 = 1;
const OIF: u16 = 4;
const GATEWAY: u16 = 5;
const PRIORITY: u16 = 6;
const PREFSRC: u16 = 7;
const METRICS: u16 = 8;
const MULTIPATH: u16 = 9;
const TABLE: u16 = 15;
const VIA: u16 = 18;
const NH_ID: u16 = 30;

/// The ways of one route; none where the message makes no sense.
pub(super) fn parse(payload: &[u8]) -> Vec<Route> {
    let Some((route, hops)) = route(payload) else { return Vec::new() };
    if hops.is_empty() {
        return vec![route];
    }
    let one = |(ordinal, hop)| Route { hop, ordinal: Some(ordinal), ..route.clone() };
    (0..).zip(hops).map(one).collect()
}

fn route(payload: &[u8]) -> Option<(Route, Vec<Hop>)> {
    let attributes = payload.get(12..)?;
    let mut route = Route::new(unspecified(byte(payload, 0)?), byte(payload, 1)?);
    route.table = byte(payload, 4).map(u32::from);
    (route.protocol, route.scope, route.kind) = (byte(payload, 5), byte(payload, 6), byte(payload, 7));
    route.flags = native32(payload, 8);
    let mut several = Vec::new();
    let _ = walk(attributes, |kind, value| match kind {
        DST => route.destination = address(value).unwrap_or(route.destination),
        PRIORITY => route.metric = native32(value, 0).unwrap_or(0),
        PREFSRC => route.source = address(value),
        METRICS => metrics(&mut route, value),
        MULTIPATH => several = hops(value),
        TABLE => route.table = native32(value, 0),
        NH_ID => route.next_hop_id = native32(value, 0),
        kind => take_hop(&mut route.hop, kind, value),
    });
    Some((route, several))
}

fn take_hop(hop: &mut Hop, kind: u16, value: &[u8]) {
    match kind {
        OIF => hop.index = native32(value, 0),
        GATEWAY => hop.gateway = address(value),
        VIA => hop.gateway = via(value),
        _ => {}
    }
}

/// `struct rtvia`: a family and an address, for gateways of another family than the route's.
fn via(value: &[u8]) -> Option<IpAddr> {
    native16(value, 0)?;
    address(value.get(2..)?)
}

fn metrics(route: &mut Route, value: &[u8]) {
    const MTU: u16 = 2;
    const HOPLIMIT: u16 = 10;
    let _ = walk(value, |kind, value| match kind {
        MTU => route.mtu = native32(value, 0),
        HOPLIMIT => route.hop_limit = native32(value, 0),
        _ => {}
    });
}

fn hops(mut rest: &[u8]) -> Vec<Hop> {
    let mut hops = Vec::new();
    while let Some(length) = native16(rest, 0).map(usize::from) {
        let Some(body) = rest.get(8..length) else { break };
        let mut hop =
            Hop { index: native32(rest, 4), weight: byte(rest, 3).map(|less_one| u32::from(less_one) + 1), ..Hop::default() };
        let _ = walk(body, |kind, value| take_hop(&mut hop, kind, value));
        hops.push(hop);
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    hops
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::netlink::{attribute, native_u16, native_u32};

    fn hop(gateway: u8, index: u32) -> Vec<u8> {
        [&native_u16(16)[..], &[0, 0], &native_u32(index), &attribute(GATEWAY, &[10, 0, 0, gateway])].concat()
    }

    #[test]
    fn a_route_with_two_ways_and_metrics() {
        let head = [&[2, 24, 0, 0, 254, 3, 0, 1][..], &native_u32(0)].concat();
        let metrics = attribute(METRICS, &attribute(2, &native_u32(1400)));
        let ways = attribute(MULTIPATH, &[hop(1, 2), hop(9, 3)].concat());
        let payload = [head, attribute(DST, &[192, 168, 7, 0]), attribute(TABLE, &native_u32(1000)), metrics, ways].concat();
        let routes = parse(&payload);
        assert_eq!(routes.len(), 2);
        assert_eq!((routes[1].destination.to_string().as_str(), routes[1].prefix), ("192.168.7.0", 24));
        assert_eq!((routes[1].table, routes[1].mtu, routes[1].ordinal), (Some(1000), Some(1400), Some(1)));
        assert_eq!((routes[1].hop.index, routes[1].hop.weight), (Some(3), Some(1)));
        assert_eq!(routes[1].hop.gateway.unwrap().to_string(), "10.0.0.9");
        assert!(parse(&payload[..11]).is_empty());
    }

    #[test]
    fn hops_whose_length_lies_end_the_walk() {
        assert!(hops(&[0; 8]).is_empty());
        assert!(hops(&[7, 0, 0, 0, 0, 0, 0, 0]).is_empty());
        assert!(hops(&[255, 255, 0, 0, 0, 0, 0, 0]).is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_parsed(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..120)) {
            let _ = (parse(&bytes), hops(&bytes));
        }
    }
}
