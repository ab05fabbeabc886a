//! `sock_diag` (sock_diag(7), linux/{inet,unix,packet,netlink}_diag.h): the questions, and what the kernel answers.
//!
//! ```text
//! inet_diag_msg     family u8 | state u8 | timer u8 | retrans u8 | ports 2 × be16 | addresses 2 × 16 | interface u32
//!                   | cookie 2 × u32 | expires u32 | rqueue u32 | wqueue u32 | uid u32 | inode u32        = 72 bytes
//! unix_diag_msg     family u8 | type u8 | state u8 | pad u8 | inode u32 | cookie 2 × u32                   = 16 bytes
//! packet_diag_msg   family u8 | type u8 | protocol u16 | inode u32 | cookie 2 × u32                        = 16 bytes
//! netlink_diag_msg  family u8 | type u8 | protocol u8 | state u8 | port u32 | destination u32 | group u32
//!                   | inode u32 | cookie 2 × u32                                                          = 28 bytes
//! ```
//!
//! in the host's byte order but for ports and addresses.

use super::kind::Kind;
use super::socket::{Endpoint, Socket};
use crate::host::netlink::native_u32;
use crate::source::network::fields::{address, array, byte, native16, native32, native64, port, walk};

/// `SOCK_DIAG_BY_FAMILY`: the type of the question and of each answer.
pub(super) const BY_FAMILY: u16 = 20;

/// The body of the question for all sockets of `kind`.
pub(super) fn request(kind: Kind) -> Vec<u8> {
    /// Traffic class (and with it the class id) and memory; the mark comes unasked.
    const INET_EXTENSIONS: u8 = 1 << 5 | 1 << 6;
    /// Name, file, peer, queue lengths, memory, owner. Not the pending connections, which are listed themselves.
    const UNIX_SHOW: u32 = 0x01 | 0x02 | 0x04 | 0x10 | 0x20 | 0x40;
    /// Basics, fanout, memory, filter.
    const PACKET_SHOW: u32 = 0x01 | 0x08 | 0x10 | 0x20;
    /// Memory, groups, flags.
    const NETLINK_SHOW: u32 = 0x01 | 0x02 | 0x08;
    const EVERY_PROTOCOL: u8 = u8::MAX;
    const EVERY_STATE: u32 = u32::MAX;
    let family = kind.family();
    let words = |head: [u8; 4], words: &[u32]| -> Vec<u8> {
        head.into_iter().chain(words.iter().flat_map(|word| native_u32(*word))).collect()
    };
    match kind {
        Kind::Unix => words([family, 0, 0, 0], &[EVERY_STATE, 0, UNIX_SHOW, 0, 0]),
        Kind::Packet => words([family, 0, 0, 0], &[0, PACKET_SHOW, 0, 0]),
        Kind::Netlink => words([family, EVERY_PROTOCOL, 0, 0], &[0, NETLINK_SHOW, 0, 0]),
        inet => {
            let mut body = words([family, inet.protocol().unwrap_or(0), INET_EXTENSIONS, 0], &[EVERY_STATE]);
            body.resize(56, 0);
            body
        }
    }
}

/// The socket that one answer describes, and what is odd about it; `None` where it is too short or of another family.
pub(super) fn parse(kind: Kind, payload: &[u8]) -> Option<(Socket, Option<&'static str>)> {
    if byte(payload, 0)? != kind.family() {
        return None;
    }
    match kind {
        Kind::Unix => unix(payload),
        Kind::Packet => packet(payload),
        Kind::Netlink => netlink(payload),
        inet => self::inet(inet, payload),
    }
}

fn inet(kind: Kind, payload: &[u8]) -> Option<(Socket, Option<&'static str>)> {
    const MARK: u16 = 15;
    const CLASS_ID: u16 = 17;
    const CGROUP_ID: u16 = 21;
    const SKMEMINFO: u16 = 7;
    let attributes = payload.get(72..)?;
    let mut socket = Socket::new(kind, native32(payload, 68)?.into());
    socket.local = Some(endpoint(kind, payload, 8, 4)?);
    socket.remote = Some(endpoint(kind, payload, 24, 6)?);
    socket.state = byte(payload, 1);
    socket.timer = byte(payload, 2);
    socket.retrans = byte(payload, 3).map(u32::from);
    socket.details.interface = native32(payload, 40).filter(|index| *index != 0);
    socket.cookie = cookie(payload, 44);
    socket.rqueue = native32(payload, 56).map(u64::from);
    socket.wqueue = native32(payload, 60).map(u64::from);
    socket.uid = native32(payload, 64);
    let details = &mut socket.details;
    let anomaly = walk(attributes, |attribute, value| match attribute {
        MARK => details.mark = native32(value, 0),
        CLASS_ID => details.class_id = native32(value, 0).filter(|class| *class != 0),
        CGROUP_ID => details.cgroup_id = native64(value, 0),
        SKMEMINFO => details.drops = drops(value),
        _ => {}
    });
    Some((socket, anomaly))
}

fn endpoint(kind: Kind, payload: &[u8], at: usize, port_at: usize) -> Option<Endpoint> {
    let length = if kind.family() == Kind::Tcp6.family() { 16 } else { 4 };
    Some((address(payload.get(at..at + length)?)?, port(payload, port_at)?))
}

/// Two words, low one first, that no socket shares until the machine is restarted.
fn cookie(payload: &[u8], at: usize) -> Option<u64> {
    let (low, high) = (native32(payload, at)?, native32(payload, at + 4)?);
    Some(u64::from(high) << 32 | u64::from(low))
}

/// `SK_MEMINFO_RMEM_ALLOC` of the array in a memory attribute.
fn received(memory: &[u8]) -> Option<u64> {
    native32(memory, 0).map(u64::from)
}

/// `SK_MEMINFO_WMEM_ALLOC`.
fn sent(memory: &[u8]) -> Option<u64> {
    native32(memory, 8).map(u64::from)
}

/// `SK_MEMINFO_DROPS`.
fn drops(memory: &[u8]) -> Option<u64> {
    native32(memory, 32).map(u64::from)
}

fn unix(payload: &[u8]) -> Option<(Socket, Option<&'static str>)> {
    let attributes = payload.get(16..)?;
    let mut socket = Socket::new(Kind::Unix, native32(payload, 4)?.into());
    socket.socket_type = byte(payload, 1).map(u16::from);
    socket.state = byte(payload, 2);
    socket.cookie = cookie(payload, 8);
    let anomaly = walk(attributes, |attribute, value| match attribute {
        0 => socket.name = Some(unix_name(value)),
        1 => socket.details.vfs = native32(value, 0).zip(native32(value, 4)),
        2 => socket.details.peer_inode = native32(value, 0).map(u64::from),
        4 => (socket.rqueue, socket.wqueue) = (native32(value, 0).map(u64::from), native32(value, 4).map(u64::from)),
        5 => socket.details.drops = drops(value),
        7 => socket.uid = native32(value, 0),
        _ => {}
    });
    Some((socket, anomaly))
}

/// A path ends with a NUL that is not part of it; an abstract name, which begins with one, has no end but its length.
fn unix_name(value: &[u8]) -> Vec<u8> {
    let name = if value.first() == Some(&0) { value } else { value.strip_suffix(&[0]).unwrap_or(value) };
    name.to_owned()
}

fn packet(payload: &[u8]) -> Option<(Socket, Option<&'static str>)> {
    let attributes = payload.get(16..)?;
    let mut socket = Socket::new(Kind::Packet, native32(payload, 4)?.into());
    socket.socket_type = byte(payload, 1).map(u16::from);
    socket.protocol = native16(payload, 2);
    socket.cookie = cookie(payload, 8);
    let anomaly = walk(attributes, |attribute, value| match attribute {
        0 => socket.details.interface = native32(value, 0),
        4 => socket.details.fanout = native32(value, 0),
        5 => socket.uid = native32(value, 0),
        6 => (socket.rqueue, socket.wqueue, socket.details.drops) = (received(value), sent(value), drops(value)),
        7 => socket.details.filter = Some(value.to_owned()),
        _ => {}
    });
    Some((socket, anomaly))
}

fn netlink(payload: &[u8]) -> Option<(Socket, Option<&'static str>)> {
    let attributes = payload.get(28..)?;
    let mut socket = Socket::new(Kind::Netlink, native32(payload, 16)?.into());
    socket.socket_type = byte(payload, 1).map(u16::from);
    socket.protocol = byte(payload, 2).map(u16::from);
    socket.port_id = native32(payload, 4);
    socket.cookie = cookie(payload, 20);
    let anomaly = walk(attributes, |attribute, value| match attribute {
        0 => (socket.rqueue, socket.wqueue, socket.details.drops) = (received(value), sent(value), drops(value)),
        1 => socket.details.groups = groups(value),
        _ => {}
    });
    Some((socket, anomaly))
}

/// The first 32 or 64 groups, of which the text file shows the first 32.
fn groups(value: &[u8]) -> Option<u64> {
    array::<8>(value, 0).map_or_else(|| native32(value, 0).map(u64::from), |_| native64(value, 0))
}

#[cfg(test)]
mod tests {
    use super::super::kind::ALL;
    use super::*;
    use crate::host::netlink::{attribute, native_u16};
    use std::net::Ipv4Addr;

    #[test]
    fn questions_have_the_kernels_sizes() {
        let sizes: Vec<_> =
            [Kind::Tcp, Kind::Raw6, Kind::Unix, Kind::Packet, Kind::Netlink].map(|kind| request(kind).len()).into();
        assert_eq!(sizes, [56, 56, 24, 20, 20]);
        assert_eq!(request(Kind::Udp6)[..4], [10, 17, 0x60, 0]);
    }

    #[test]
    fn an_inet_answer() {
        let mut payload = vec![0_u8; 72];
        payload[..8].copy_from_slice(&[2, 10, 0, 0, 0x1f, 0x90, 0, 0]);
        payload[8..12].copy_from_slice(&[127, 0, 0, 1]);
        payload[44..48].copy_from_slice(&native_u32(7));
        payload[68..72].copy_from_slice(&native_u32(99));
        payload.extend(attribute(15, &native_u32(5)));
        let (socket, anomaly) = parse(Kind::Tcp, &payload).unwrap();
        assert_eq!(anomaly, None);
        assert_eq!(socket.local, Some((Ipv4Addr::LOCALHOST.into(), 8080)));
        assert_eq!((socket.inode, socket.cookie, socket.details.mark), (99, Some(7), Some(5)));
        payload.extend(attribute(15, &native_u32(6)));
        assert!(parse(Kind::Tcp, &payload).unwrap().1.is_some());
        assert!(parse(Kind::Tcp6, &payload).is_none() && parse(Kind::Tcp, &payload[..71]).is_none());
    }

    #[test]
    fn names_of_unix_sockets_are_exact() {
        for (value, name) in [(&b"/a b\n\xff\0"[..], &b"/a b\n\xff"[..]), (b"\0x\0", b"\0x\0"), (b"", b"")] {
            let payload = [&[1, 1, 10, 0][..], &[0; 12], &attribute(0, value)].concat();
            assert_eq!(parse(Kind::Unix, &payload).unwrap().0.name.as_deref(), Some(name));
        }
    }

    #[test]
    fn a_packet_sockets_filter_is_kept() {
        let payload = [&[17, 3][..], &native_u16(3), &[0; 12], &attribute(7, &[6, 0, 0, 0, 1, 0, 0, 0])].concat();
        let (socket, _) = parse(Kind::Packet, &payload).unwrap();
        assert_eq!((socket.protocol, socket.details.filter.map(|filter| filter.len())), (Some(3), Some(8)));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_parsed(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            for kind in ALL {
                let mut payload = bytes.clone();
                let _ = parse(kind, &payload);
                if let Some(first) = payload.first_mut() {
                    *first = kind.family();
                }
                let _ = parse(kind, &payload);
            }
        }
    }
}
