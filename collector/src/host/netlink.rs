//! Netlink dumps, read with suspicion (netlink(7)).
//!
//! A rootkit that rewrites our receive buffer is part of the threat, so every length is checked against what really arrived,
//! and what does not add up is reported as an anomaly instead of being skipped.
//!
//! **Invariant:** only protocols and requests for which the kernel loads no module are sent; the caller asks
//! `source::network::autoload` first.

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send, setsockopt, socket, sockopt,
};
use nix::sys::time::TimeVal;

const NLM_F_REQUEST: u16 = 0x01;
const NLM_F_DUMP: u16 = 0x300;
const NLM_F_DUMP_INTR: u16 = 0x10;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const HEADER: usize = 16;

/// The most that is taken of one dump: some 400,000 sockets or 200,000 tracked connections.
const MOST: usize = 64 << 20;

/// One message of a dump, without its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// `nlmsg_type`.
    pub kind: u16,
    /// What follows the header.
    pub payload: Vec<u8>,
}

/// All that a dump returned.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Dump {
    /// The messages, in order.
    pub messages: Vec<Message>,
    /// Whether the kernel says that the table changed while it was read (`NLM_F_DUMP_INTR`).
    pub interrupted: bool,
    /// What does not add up: lengths that disagree, foreign senders, a dump without its end.
    pub anomalies: Vec<String>,
}

/// A netlink request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NetlinkError {
    /// The kernel has no such protocol, or refused the socket.
    #[error("cannot open the netlink socket: {0}")]
    Open(Errno),
    /// The exchange failed; `EAGAIN` is a time-out.
    #[error("the netlink exchange failed: {0}")]
    Exchange(Errno),
    /// The kernel answered with an error.
    #[error("the kernel refused the netlink request: {0}")]
    Refused(Errno),
}

/// Sends one dump request `kind` with `body` on `protocol` and collects the answer.
///
/// # Errors
/// When the socket cannot be opened, the exchange fails or takes over 5 s, or the kernel refuses.
pub fn dump(protocol: SockProtocol, kind: u16, body: &[u8]) -> Result<Dump, NetlinkError> {
    receive(&ask(protocol, kind, NLM_F_REQUEST | NLM_F_DUMP, body)?)
}

/// Sends the request `kind`, which has no body, on `protocol` and returns the one message of the answer.
///
/// # Errors
/// As [`dump`]; `EBADMSG` where the answer is no message.
pub fn one(protocol: SockProtocol, kind: u16) -> Result<Message, NetlinkError> {
    let socket = ask(protocol, kind, NLM_F_REQUEST, &[])?;
    let mut buffer = vec![0_u8; 64 << 10];
    let length = super::read::retry(|| recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty()));
    let length = length.map_err(NetlinkError::Exchange)?;
    let answer = in_datagram(buffer.get(..length).unwrap_or_default())?;
    answer.messages.into_iter().next().ok_or(NetlinkError::Exchange(Errno::EBADMSG))
}

/// What one datagram has of an answer.
///
/// # Errors
/// Where it says that the kernel refused.
pub fn in_datagram(datagram: &[u8]) -> Result<Dump, NetlinkError> {
    let mut dump = Dump::default();
    take_datagram(datagram, &mut dump)?;
    Ok(dump)
}

fn ask(protocol: SockProtocol, kind: u16, flags: u16, body: &[u8]) -> Result<OwnedFd, NetlinkError> {
    let socket = open(protocol).map_err(NetlinkError::Open)?;
    let length = u32::try_from(HEADER + body.len()).map_err(|_| NetlinkError::Exchange(Errno::EMSGSIZE))?;
    let mut request = Vec::with_capacity(HEADER + body.len());
    request.extend_from_slice(&native_u32(length));
    request.extend_from_slice(&native_u16(kind));
    request.extend_from_slice(&native_u16(flags));
    request.extend_from_slice(&native_u32(1));
    request.extend_from_slice(&native_u32(0));
    request.extend_from_slice(body);
    send(socket.as_raw_fd(), &request, MsgFlags::empty()).map_err(NetlinkError::Exchange)?;
    Ok(socket)
}

fn open(protocol: SockProtocol) -> Result<OwnedFd, Errno> {
    let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
    // A missing answer must not hang us. The buffer only saves system calls; a smaller one works as well.
    setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::from(libc_timeval(Duration::from_secs(5))))?;
    let _ = setsockopt(&socket, sockopt::RcvBuf, &(1 << 20));
    Ok(socket)
}

fn libc_timeval(limit: Duration) -> libc::timeval {
    libc::timeval { tv_sec: limit.as_secs().try_into().unwrap_or(5), tv_usec: 0 }
}

fn receive(socket: &OwnedFd) -> Result<Dump, NetlinkError> {
    let mut dump = Dump::default();
    let mut buffer = vec![0_u8; 256 << 10];
    let mut taken = 0_usize;
    loop {
        let length = match recv(socket.as_raw_fd(), &mut buffer, MsgFlags::MSG_TRUNC) {
            Err(Errno::EINTR) => continue,
            result => result.map_err(NetlinkError::Exchange)?,
        };
        if length > buffer.len() {
            dump.anomalies.push(format!("a datagram of {length} bytes was cut to {}", buffer.len()));
        }
        let datagram = buffer.get(..length.min(buffer.len())).unwrap_or_default();
        if take_datagram(datagram, &mut dump)? {
            return Ok(dump);
        }
        taken = taken.saturating_add(length);
        if taken >= MOST {
            dump.anomalies.push(format!("longer than the {MOST} bytes that are taken of one dump"));
            return Ok(dump);
        }
        if length == 0 {
            dump.anomalies.push("the dump ended without its end message".to_owned());
            return Ok(dump);
        }
    }
}

/// Splits one datagram into messages; true when the dump's end was among them.
fn take_datagram(mut rest: &[u8], dump: &mut Dump) -> Result<bool, NetlinkError> {
    while let Some((header, _)) = rest.split_first_chunk::<HEADER>() {
        let [l0, l1, l2, l3, k0, k1, f0, f1, ..] = *header;
        let length = usize::try_from(u32_of([l0, l1, l2, l3])).unwrap_or(usize::MAX);
        let (kind, flags) = (u16_of([k0, k1]), u16_of([f0, f1]));
        let Some(payload) = rest.get(HEADER..length) else {
            dump.anomalies.push(format!("a message claims {length} bytes where {} remain", rest.len()));
            return Ok(false);
        };
        dump.interrupted |= flags & NLM_F_DUMP_INTR != 0;
        match kind {
            NLMSG_DONE => {
                let trailing = rest.len().saturating_sub(align(length));
                if trailing > 0 {
                    dump.anomalies.push(format!("{trailing} bytes follow the end of the dump"));
                }
                return Ok(true);
            }
            NLMSG_ERROR => return Err(NetlinkError::Refused(error_of(payload))),
            kind => dump.messages.push(Message { kind, payload: payload.to_owned() }),
        }
        rest = rest.get(align(length)..).unwrap_or_default();
    }
    if !rest.is_empty() {
        dump.anomalies.push(format!("{} bytes are too few for a message", rest.len()));
    }
    Ok(false)
}

fn error_of(payload: &[u8]) -> Errno {
    let code = payload.first_chunk::<4>().map_or(0, |bytes| i32_of(*bytes));
    Errno::from_raw(code.saturating_neg())
}

fn align(length: usize) -> usize {
    length.saturating_add(3) & !3
}

/// Attributes (`struct nlattr`) in `bytes`: type without its flag bits, and value. A broken one ends the walk with `Err`.
pub fn attributes(bytes: &[u8]) -> impl Iterator<Item = Result<(u16, &[u8]), &'static str>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let ([l0, l1, k0, k1], _) = rest.split_first_chunk::<4>()?;
        let length = usize::from(u16_of([*l0, *l1]));
        let kind = u16_of([*k0, *k1]) & 0x3fff;
        let Some(value) = rest.get(4..length) else {
            rest = &[];
            return Some(Err("an attribute is longer than its message"));
        };
        rest = rest.get(align(length)..).unwrap_or_default();
        Some(Ok((kind, value)))
    })
}

/// One attribute with its padding, as the kernel lays it out: for tests that make messages.
#[cfg(test)]
pub(crate) fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
    let mut out = [&native_u16(length)[..], &native_u16(kind), value].concat();
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

/// The kernel's byte order in netlink is the machine's own.
#[expect(clippy::host_endian_bytes, reason = "netlink headers are in host byte order by definition (netlink(7))")]
mod native {
    pub(super) fn from_u16(value: u16) -> [u8; 2] {
        value.to_ne_bytes()
    }
    pub(super) fn from_u32(value: u32) -> [u8; 4] {
        value.to_ne_bytes()
    }
    pub(super) fn from_u64(value: u64) -> [u8; 8] {
        value.to_ne_bytes()
    }
    pub(super) fn to_u16(bytes: [u8; 2]) -> u16 {
        u16::from_ne_bytes(bytes)
    }
    pub(super) fn to_u32(bytes: [u8; 4]) -> u32 {
        u32::from_ne_bytes(bytes)
    }
    pub(super) fn to_u64(bytes: [u8; 8]) -> u64 {
        u64::from_ne_bytes(bytes)
    }
    pub(super) fn to_i32(bytes: [u8; 4]) -> i32 {
        i32::from_ne_bytes(bytes)
    }
}

/// `value` in the machine's byte order.
#[must_use]
pub fn native_u16(value: u16) -> [u8; 2] {
    native::from_u16(value)
}
/// `value` in the machine's byte order.
#[must_use]
pub fn native_u32(value: u32) -> [u8; 4] {
    native::from_u32(value)
}
/// `value` in the machine's byte order.
#[must_use]
pub fn native_u64(value: u64) -> [u8; 8] {
    native::from_u64(value)
}
/// The number that these bytes are in the machine's byte order.
#[must_use]
pub fn u16_of(bytes: [u8; 2]) -> u16 {
    native::to_u16(bytes)
}
/// The number that these bytes are in the machine's byte order.
#[must_use]
pub fn u32_of(bytes: [u8; 4]) -> u32 {
    native::to_u32(bytes)
}
/// The number that these bytes are in the machine's byte order.
#[must_use]
pub fn u64_of(bytes: [u8; 8]) -> u64 {
    native::to_u64(bytes)
}
/// The number that these bytes are in the machine's byte order.
#[must_use]
pub fn i32_of(bytes: [u8; 4]) -> i32 {
    native::to_i32(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, length: u32, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&native_u32(length));
        out.extend_from_slice(&native_u16(kind));
        out.extend_from_slice(&native_u16(0));
        out.extend_from_slice(&[0; 8]);
        out.extend_from_slice(body);
        out
    }

    #[test]
    fn lengths_that_lie_are_anomalies() {
        let mut dump = Dump::default();
        assert_eq!(take_datagram(&message(20, 400, b"abcd"), &mut dump), Ok(false));
        assert_eq!(take_datagram(&message(20, 3, b"abcd"), &mut dump), Ok(false));
        assert_eq!(take_datagram(b"short", &mut dump), Ok(false));
        assert_eq!((dump.messages.len(), dump.anomalies.len()), (0, 3));
    }

    #[test]
    fn messages_end_and_errors_are_told_apart() {
        let mut dump = Dump::default();
        let mut bytes = message(20, 20, b"abcd");
        bytes.extend(message(NLMSG_DONE, 20, &[0; 4]));
        assert_eq!(take_datagram(&bytes, &mut dump), Ok(true));
        assert_eq!(dump.messages, [Message { kind: 20, payload: b"abcd".to_vec() }]);
        let refused = message(NLMSG_ERROR, 20, &native_u32(2_u32.wrapping_neg()));
        assert_eq!(take_datagram(&refused, &mut dump), Err(NetlinkError::Refused(Errno::ENOENT)));
    }

    #[test]
    fn attributes_are_walked_and_a_broken_one_ends_it() {
        let bytes = [5, 0, 1, 0x80, b'x', 0, 0, 0, 9, 0, 2, 0, b'y'];
        let walked: Vec<_> = attributes(&bytes).collect();
        assert_eq!(walked, [Ok((1, &b"x"[..])), Err("an attribute is longer than its message")]);
    }

    #[test]
    fn the_loopback_interface_is_in_a_route_dump() {
        let dump = dump(SockProtocol::NetlinkRoute, 18, &[0; 16]).unwrap();
        assert!(!dump.messages.is_empty() && dump.anomalies.is_empty());
    }
}
