//! `/proc/PID/net/dev`, `if_inet6` and the local addresses in `fib_trie`: what there is where rtnetlink cannot be asked.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use super::address::Address;
use super::link::{Counters, Link};
use crate::source::network::fields::{hex, lines, plain_address, split};
use crate::source::text::decimal;

/// `name: bytes packets errs drop fifo frame compressed multicast`, then the same of what was sent, with `colls carrier`.
pub(super) fn dev(text: &[u8]) -> Vec<Link> {
    lines(text, 2).filter_map(dev_line).collect()
}

fn dev_line(line: &[u8]) -> Option<Link> {
    // A name has no blank and no slash, but in old kernels it may have a colon.
    let colon = line.iter().rposition(|b| *b == b':')?;
    let (name, numbers) = line.split_at_checked(colon)?;
    let numbers: Vec<u64> = split(numbers.get(1..)?).map(decimal).collect::<Option<_>>()?;
    let number = |position: usize| numbers.get(position).copied();
    let counters = Counters {
        ibytes: number(0)?,
        ipackets: number(1)?,
        ierrors: number(2)?,
        idrops: number(3)?,
        obytes: number(8)?,
        opackets: number(9)?,
        oerrors: number(10)?,
        odrops: number(11)?,
        collisions: number(13)?,
    };
    Some(Link { name: name.trim_ascii().to_owned(), counters: Some(counters), ..Link::default() })
}

/// `address index length scope flags name`, all numbers hexadecimal.
pub(super) fn if_inet6(text: &[u8]) -> Vec<Address> {
    lines(text, 0).filter_map(if_inet6_line).collect()
}

fn if_inet6_line(line: &[u8]) -> Option<Address> {
    let mut fields = split(line);
    let address = plain_address(fields.next()?)?;
    Some(Address {
        index: Some(hex(fields.next()?)?),
        prefix: Some(hex(fields.next()?)?),
        scope: Some(hex(fields.next()?)?),
        flags: Some(hex(fields.next()?)?),
        interface: Some(fields.next()?.to_owned()),
        ..Address::bare(address)
    })
}

/// The IPv4 addresses of a host as `fib_trie` has them: a leaf `|-- 10.0.0.7`, and below it `/32 host LOCAL`.
pub(super) fn local_addresses(text: &[u8]) -> BTreeSet<IpAddr> {
    let mut found = BTreeSet::new();
    let mut leaf: Option<Ipv4Addr> = None;
    for line in lines(text, 0) {
        let line = line.trim_ascii();
        if let Some(address) = line.strip_prefix(b"|-- ") {
            leaf = std::str::from_utf8(address).ok().and_then(|address| address.parse().ok());
        } else if line == b"/32 host LOCAL" {
            found.extend(leaf.map(IpAddr::from));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_addresses_are_those_with_a_full_prefix() {
        let text = b"Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\nLocal:\n\
            \x20 |-- 10.0.0.7\n           /32 host LOCAL\n  |-- 10.0.0.255\n      /32 link BROADCAST\n";
        assert_eq!(local_addresses(text), BTreeSet::from([Ipv4Addr::new(10, 0, 0, 7).into()]));
    }

    #[test]
    fn an_old_alias_keeps_its_colon() {
        let text = b"h\nh\neth0:1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\nshort: 1 2\n";
        let links = dev(text);
        assert_eq!((links.len(), links[0].name.as_slice()), (1, &b"eth0:1"[..]));
        assert_eq!(links[0].counters.unwrap().collisions, 14);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_parsed(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = (dev(&bytes), if_inet6(&bytes), local_addresses(&bytes));
        }

        #[test]
        fn any_fields_are_parsed(text in "[0-9a-f:|/ .\n-]{0,200}") {
            let _ = (dev(text.as_bytes()), if_inet6(text.as_bytes()), local_addresses(text.as_bytes()));
        }
    }
}
