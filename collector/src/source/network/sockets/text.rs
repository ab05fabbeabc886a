//! The text files of `/proc/PID/net` (proc_net(5), `net/ipv4/tcp_ipv4.c`, `net/unix/af_unix.c`, `net/packet/af_packet.c`,
//! `net/netlink/af_netlink.c`).

use super::kind::Kind;
use super::socket::{Endpoint, Socket};
use crate::source::network::fields::{hex, lines, split, word_address};
use crate::source::text::{decimal, hex_digits};

/// The sockets in the text of `kind`'s file, and the number of lines that make no sense. A line that the read's limit cut
/// must not be among them.
pub(super) fn parse(kind: Kind, text: &[u8]) -> (Vec<Socket>, usize) {
    let line = match kind {
        Kind::Unix => return unix(text),
        Kind::Packet => packet,
        Kind::Netlink => netlink,
        _ => inet,
    };
    let mut bad = 0;
    let parsed = lines(text, 1).filter_map(|bytes| {
        let socket = line(kind, bytes);
        bad += usize::from(socket.is_none());
        socket
    });
    (parsed.collect(), bad)
}

/// `sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode ref pointer drops`.
fn inet(kind: Kind, line: &[u8]) -> Option<Socket> {
    let mut fields = split(line).skip(1);
    let (local, remote) = (endpoint(kind, fields.next()?)?, endpoint(kind, fields.next()?)?);
    let state = hex(fields.next()?)?;
    let (wqueue, rqueue) = pair(fields.next()?)?;
    let (timer, _) = pair(fields.next()?)?;
    let retrans = hex(fields.next()?)?;
    let uid = decimal(fields.next()?)?;
    let inode = decimal(fields.nth(1)?)?;
    let mut socket = Socket::new(kind, inode);
    (socket.local, socket.remote, socket.state) = (Some(local), Some(remote), Some(state));
    (socket.wqueue, socket.rqueue) = (Some(wqueue), Some(rqueue));
    (socket.timer, socket.retrans, socket.uid) = (u8::try_from(timer).ok(), Some(retrans), Some(uid));
    if !matches!(kind, Kind::Tcp | Kind::Tcp6) {
        socket.details.drops = fields.nth(2).and_then(decimal);
    }
    Some(socket)
}

fn endpoint(kind: Kind, field: &[u8]) -> Option<Endpoint> {
    let colon = field.iter().position(|b| *b == b':')?;
    let address = word_address(field.get(..colon)?)?;
    let port = field.get(colon + 1..).filter(|port| port.len() == 4)?;
    let fits = address.is_ipv6() == (kind.family() == Kind::Tcp6.family());
    Some((address, hex(port)?)).filter(|_| fits)
}

fn pair(field: &[u8]) -> Option<(u64, u64)> {
    let colon = field.iter().position(|b| *b == b':')?;
    Some((hex_digits(field.get(..colon)?)?, hex_digits(field.get(colon + 1..)?)?))
}

/// `sk RefCnt Type Proto Iface R Rmem User Inode`.
fn packet(kind: Kind, line: &[u8]) -> Option<Socket> {
    let mut fields = split(line).skip(2);
    let socket_type = decimal(fields.next()?)?;
    let protocol = hex(fields.next()?)?;
    let interface = decimal(fields.next()?)?;
    let rqueue = decimal(fields.nth(1)?)?;
    let uid = decimal(fields.next()?)?;
    let mut socket = Socket::new(kind, decimal(fields.next()?)?);
    (socket.socket_type, socket.protocol) = (Some(socket_type), Some(protocol));
    (socket.rqueue, socket.uid, socket.details.interface) = (Some(rqueue), Some(uid), Some(interface));
    Some(socket)
}

/// `sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode`; `Pid` is a port id.
fn netlink(kind: Kind, line: &[u8]) -> Option<Socket> {
    let mut fields = split(line).skip(1);
    let protocol = decimal(fields.next()?)?;
    let port_id = decimal(fields.next()?)?;
    let groups = hex_digits(fields.next()?)?;
    let (rqueue, wqueue) = (decimal(fields.next()?)?, decimal(fields.next()?)?);
    let drops = decimal(fields.nth(2)?)?;
    let mut socket = Socket::new(kind, decimal(fields.next()?)?);
    (socket.protocol, socket.port_id) = (Some(protocol), Some(port_id));
    (socket.rqueue, socket.wqueue) = (Some(rqueue), Some(wqueue));
    (socket.details.groups, socket.details.drops) = (Some(groups), Some(drops));
    Some(socket)
}

/// Names of unix sockets may hold anything, newlines too: a line that does not begin like a record continues the name before
/// it. A name that imitates a whole record cannot be told from one here; `sock_diag` tells.
fn unix(text: &[u8]) -> (Vec<Socket>, usize) {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let mut sockets: Vec<Socket> = Vec::new();
    let mut bad = 0;
    for line in text.split(|b| *b == b'\n').skip(1) {
        match (unix_record(line), sockets.last_mut().and_then(|socket| socket.name.as_mut())) {
            (Some(socket), _) => sockets.push(socket),
            (None, Some(name)) => {
                name.push(b'\n');
                name.extend_from_slice(line);
            }
            (None, None) => bad += 1,
        }
    }
    (sockets, bad)
}

/// `%pK: %08X %08X %08X %04X %02X %5lu`, then, for a bound socket, a blank and its name.
fn unix_record(line: &[u8]) -> Option<Socket> {
    const LISTENING: u64 = 0x1_0000;
    let mut rest = line;
    take(&mut rest, b' ')?.strip_suffix(b":")?;
    let mut number = |digits: usize| take(&mut rest, b' ').filter(|field| field.len() == digits).and_then(hex_digits);
    let (_references, _protocol, flags) = (number(8)?, number(8)?, number(8)?);
    let (socket_type, state) = (number(4)?, number(2)?);
    let padded = rest.trim_ascii_start();
    let digits = padded.iter().take_while(|b| b.is_ascii_digit()).count();
    let (inode, name) = padded.split_at_checked(digits).filter(|(inode, _)| !inode.is_empty())?;
    let mut socket = Socket::new(Kind::Unix, decimal(inode)?);
    socket.name = match name.split_first() {
        None => None,
        Some((b' ', name)) => Some(name.to_owned()),
        Some(_) => return None,
    };
    socket.socket_type = u16::try_from(socket_type).ok();
    socket.state = unix_state(state, flags & LISTENING != 0);
    Some(socket)
}

/// `SS_…` as the `TCP_…` state that `sock_diag` gives.
fn unix_state(state: u64, listening: bool) -> Option<u8> {
    match (state, listening) {
        (1, true) => Some(10),
        (1 | 4, _) => Some(7),
        (2 | 3, _) => Some(1),
        _ => None,
    }
}

/// Takes what stands before the next `end`.
fn take<'a>(rest: &mut &'a [u8], end: u8) -> Option<&'a [u8]> {
    let at = rest.iter().position(|b| *b == end)?;
    let (head, tail) = rest.split_at_checked(at)?;
    *rest = tail.get(1..)?;
    Some(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::netlink::u32_of;
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn word(octets: [u8; 4]) -> String {
        format!("{:08X}", u32_of(octets))
    }

    #[test]
    fn tcp_lines_in_both_families() {
        let text = format!(
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
             0: {}:1F90 {}:0000 0A 00000001:00000002 02:00000003 00000004  1000        0 4294967299 1 0000000000000000 100 0 0 10 0\n\
             nonsense\n",
            word([127, 0, 0, 1]),
            word([0; 4])
        );
        let (sockets, bad) = parse(Kind::Tcp, text.as_bytes());
        assert_eq!((sockets.len(), bad), (1, 1));
        let socket = &sockets[0];
        assert_eq!(socket.local, Some((Ipv4Addr::LOCALHOST.into(), 8080)));
        assert_eq!((socket.state_word(), socket.inode, socket.uid), (Some("LISTEN"), 4_294_967_299, Some(1000)));
        assert_eq!((socket.wqueue, socket.rqueue, socket.timer, socket.retrans), (Some(1), Some(2), Some(2), Some(4)));
        let v6 =
            format!("h\n 1: {0}{0}{0}{1}:0016 {0}{0}{0}{0}:0000 07 0:0 0:0 0 0 0 9 2 0 33\n", word([0; 4]), word([0, 0, 0, 1]));
        let (sockets, _) = parse(Kind::Udp6, v6.as_bytes());
        assert_eq!(sockets[0].local, Some((Ipv6Addr::LOCALHOST.into(), 22)));
        assert_eq!((sockets[0].details.drops, sockets[0].state_word()), (Some(33), None));
        assert_eq!(parse(Kind::Tcp, v6.as_bytes()).1, 1, "the family must be the file's");
    }

    #[test]
    fn names_of_unix_sockets_keep_blanks_and_newlines() {
        let text = b"Num       RefCount Protocol Flags    Type St Inode Path\n\
            0000000000000000: 00000002 00000000 00010000 0001 01   123 /tmp/a b\nnot a record\n\n\
            0000000000000000: 00000003 00000000 00000000 0002 03 45678\n\
            0000000000000000: 00000003 00000000 00000000 0005 01     9 @\xff@\n";
        let (sockets, bad) = parse(Kind::Unix, text);
        let names: Vec<_> = sockets.iter().map(|socket| socket.name.as_deref()).collect();
        assert_eq!(names, [Some(&b"/tmp/a b\nnot a record\n"[..]), None, Some(b"@\xff@")]);
        assert_eq!(sockets.iter().map(|s| s.inode).collect::<Vec<_>>(), [123, 45678, 9]);
        assert_eq!(sockets.iter().map(Socket::state_word).collect::<Vec<_>>(), [Some("LISTEN"), Some("ESTABLISHED"), None]);
        assert_eq!(bad, 0);
        assert_eq!(parse(Kind::Unix, b"Num\nrubbish\n").1, 1);
    }

    #[test]
    fn packet_and_netlink_lines() {
        let (sockets, bad) = parse(
            Kind::Packet,
            b"sk RefCnt Type Proto Iface R Rmem User Inode\n\
            00000000d1a2b3c4 3      3    0003   2     1 64     0      777   \n",
        );
        assert_eq!((sockets.len(), bad), (1, 0));
        assert_eq!((sockets[0].protocol, sockets[0].socket_type, sockets[0].inode), (Some(3), Some(3), 777));
        assert_eq!(sockets[0].details.interface, Some(2));
        let (sockets, bad) = parse(
            Kind::Netlink,
            b"sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode\n\
            0000000012345678 0   4294963101 00000551 0        0        0     2        5        888     \n",
        );
        assert_eq!((sockets.len(), bad), (1, 0));
        assert_eq!((sockets[0].port_id, sockets[0].details.drops, sockets[0].inode), (Some(4_294_963_101), Some(5), 888));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_parsed(text in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            for kind in super::super::kind::ALL {
                let _ = parse(kind, &text);
            }
        }

        #[test]
        fn any_fields_are_parsed(text in "[0-9A-Fa-f: \n@]{0,300}") {
            for kind in super::super::kind::ALL {
                let _ = parse(kind, text.as_bytes());
            }
        }

        #[test]
        fn any_name_is_kept(name in proptest::collection::vec(1_u8..=255, 1..100)) {
            let text = [b"Num\n0: 00000002 00000000 00010000 0001 01   123 ", name.as_slice(), b"\n"].concat();
            proptest::prop_assert_eq!(&parse(Kind::Unix, &text).0[0].name, &Some(name));
        }
    }
}
