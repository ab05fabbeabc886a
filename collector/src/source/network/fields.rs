//! Fields of fixed structures and of text lines. Every function answers `None` instead of reading past the end.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::host::netlink::{attributes, native_u32, u16_of, u32_of, u64_of};
use crate::source::text::hex_digits;

/// `N` bytes at `offset`.
pub(super) fn array<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk::<N>().copied()
}

/// A byte.
pub(super) fn byte(bytes: &[u8], offset: usize) -> Option<u8> {
    bytes.get(offset).copied()
}

/// A 16-bit number in the machine's byte order.
pub(super) fn native16(bytes: &[u8], offset: usize) -> Option<u16> {
    array(bytes, offset).map(u16_of)
}

/// A 32-bit number in the machine's byte order.
pub(super) fn native32(bytes: &[u8], offset: usize) -> Option<u32> {
    array(bytes, offset).map(u32_of)
}

/// A 64-bit number in the machine's byte order.
pub(super) fn native64(bytes: &[u8], offset: usize) -> Option<u64> {
    array(bytes, offset).map(u64_of)
}

/// A 16-bit number in network byte order.
pub(super) fn port(bytes: &[u8], offset: usize) -> Option<u16> {
    array(bytes, offset).map(u16::from_be_bytes)
}

/// A 32-bit number in network byte order.
pub(super) fn be32(bytes: &[u8]) -> Option<u32> {
    array(bytes, 0).map(u32::from_be_bytes)
}

/// A 64-bit number in network byte order.
pub(super) fn be64(bytes: &[u8]) -> Option<u64> {
    array(bytes, 0).map(u64::from_be_bytes)
}

/// An address of 4 or 16 bytes.
pub(super) fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => array::<4>(bytes, 0).map(|octets| Ipv4Addr::from(octets).into()),
        16 => array::<16>(bytes, 0).map(|octets| Ipv6Addr::from(octets).into()),
        _ => None,
    }
}

/// Walks the attributes of a message. A broken one, and one that no message has twice, is an anomaly: whoever splices records
/// out of a dump does it by making a message swallow its successor. None is taken twice, so that no column stands in a row twice.
pub(super) fn walk<'a>(bytes: &'a [u8], mut take: impl FnMut(u16, &'a [u8])) -> Option<&'static str> {
    let mut seen = std::collections::BTreeSet::new();
    for attribute in attributes(bytes) {
        match attribute {
            Ok((kind, value)) if seen.insert(kind) => take(kind, value),
            // What only fills up to the next field (`…_PAD`) stands as often as it is needed.
            Ok((_, [])) => {}
            Ok(_) => return Some("an attribute stands twice in one message"),
            Err(anomaly) => return Some(anomaly),
        }
    }
    None
}

/// The attribute `wanted` inside of an attribute.
pub(super) fn inner(bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    let mut found = None;
    let _ = walk(bytes, |kind, value| {
        if kind == wanted {
            found = Some(value);
        }
    });
    found
}

/// The fields of a line, split at any run of blanks.
pub(super) fn split(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty())
}

/// The lines of a text behind its `headers` first ones.
pub(super) fn lines(text: &[u8], headers: usize) -> impl Iterator<Item = &[u8]> {
    text.split(|b| *b == b'\n').skip(headers).filter(|line| !line.is_empty())
}

/// A hexadecimal number that fits into `T`.
pub(super) fn hex<T: TryFrom<u64>>(field: &[u8]) -> Option<T> {
    hex_digits(field).and_then(|value| T::try_from(value).ok())
}

/// An address as `/proc/net/tcp` writes it: each 32-bit word of the network's bytes printed as a number of this machine.
pub(super) fn word_address(field: &[u8]) -> Option<IpAddr> {
    let mut octets = Vec::with_capacity(16);
    for word in field.chunks(8) {
        octets.extend_from_slice(&native_u32(hex::<u32>(word).filter(|_| word.len() == 8)?));
    }
    address(&octets)
}

/// An address as `/proc/net/if_inet6` writes it: 32 digits in network order.
pub(super) fn plain_address(field: &[u8]) -> Option<IpAddr> {
    let mut octets = Vec::with_capacity(16);
    for pair in field.chunks(2) {
        octets.push(hex::<u8>(pair).filter(|_| pair.len() == 2)?);
    }
    address(&octets).filter(|_| octets.len() == 16)
}

/// Bytes as digits, in their order.
pub(super) fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A hardware address as `01:23:…`; longer ones (InfiniBand) likewise.
pub(super) fn hardware(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_sign_and_fit() {
        assert_eq!(
            (hex::<u16>(b"FfFf"), hex::<u16>(b"10000"), hex::<u16>(b"-1"), hex::<u16>(b"")),
            (Some(65535), None, None, None)
        );
    }

    #[test]
    fn addresses_of_both_families() {
        let loopback = u32_of([127, 0, 0, 1]);
        assert_eq!(word_address(format!("{loopback:08X}").as_bytes()), Some(Ipv4Addr::LOCALHOST.into()));
        let last = u32_of([0, 0, 0, 1]);
        assert_eq!(word_address(format!("{:024}{last:08X}", 0).as_bytes()), Some(Ipv6Addr::LOCALHOST.into()));
        assert_eq!(plain_address(b"00000000000000000000000000000001"), Some(Ipv6Addr::LOCALHOST.into()));
        for bad in [&b""[..], b"7F", b"0100007", b"0100007F0", b"0100007F0100007F", b"zzzzzzzz"] {
            assert_eq!(word_address(bad), None, "{bad:?}");
            assert_eq!(plain_address(bad), None, "{bad:?}");
        }
        assert_eq!(hardware(&[0, 0xab]), "00:ab");
    }

    #[test]
    fn a_message_that_swallowed_another_is_an_anomaly() {
        let one = [5, 0, 1, 0, b'x', 0, 0, 0];
        let mut kinds = Vec::new();
        assert_eq!(walk(&one, |kind, _| kinds.push(kind)), None);
        assert_eq!(walk(&[one, one].concat(), |kind, _| kinds.push(kind)), Some("an attribute stands twice in one message"));
        assert_eq!(kinds, [1, 1]);
    }

    #[test]
    fn attributes_without_a_value_may_be_many_and_are_taken_once() {
        let (empty, one) = ([4, 0, 2, 0], [5, 0, 1, 0, b'x', 0, 0, 0]);
        let mut kinds = Vec::new();
        assert_eq!(walk(&[&empty[..], &one, &empty, &empty].concat(), |kind, _| kinds.push(kind)), None);
        assert_eq!(kinds, [2, 1]);
    }
}
