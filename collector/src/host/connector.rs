//! Events of processes, as the kernel tells them to whoever listens (netlink connector, linux/cn_proc.h).
//!
//! **Invariant:** the kernel is asked to tell events only where `/proc/net/connector` says that it can; for a socket of a protocol that
//! it lacks it would load a module. Whoever listens ends it: older kernels (before 6.6) count listeners and do not notice when one
//! vanishes.

use std::os::fd::{AsRawFd as _, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, NetlinkAddr, bind, recvfrom, send, setsockopt, sockopt};
use nix::sys::time::TimeVal;

use super::netlink::{native_u16, native_u32, u32_of};
use super::{read, sys};

/// `CN_IDX_PROC` and `CN_VAL_PROC`.
const ADDRESS: [u32; 2] = [1, 1];
/// `PROC_CN_MCAST_LISTEN`, `PROC_CN_MCAST_IGNORE`.
const LISTEN: u32 = 1;
const IGNORE: u32 = 2;

/// `struct nlmsghdr` and `struct cn_msg`, behind which an event begins.
pub const HEADERS: usize = 36;

/// What the kernel keeps for us while we do something else: some 40,000 events.
const BUFFER: usize = 8 << 20;

/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why nobody can listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConnectorError {
    /// The kernel refused.
    #[error("the kernel refuses to tell events of processes: {0}")]
    Refused(Errno),
    /// It did not answer: it tells nobody in another namespace of processes or users than the first.
    #[error("the kernel did not answer: it tells events of processes only in its first namespaces")]
    Silent,
}

/// What came of waiting for an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// One message of the kernel, its headers included.
    Message(Vec<u8>),
    /// One that another process sent.
    Foreign,
    /// Nothing for a while.
    Quiet,
    /// Some were thrown away, because we did not keep up.
    Overrun,
    /// The socket is of no more use.
    Failed(Errno),
}

/// A socket to which the kernel sends events of processes until it is dropped.
#[derive(Debug)]
pub struct Connector {
    socket: OwnedFd,
}

impl Connector {
    /// Begins to listen, and waits until the kernel says that it does.
    ///
    /// # Errors
    /// Why nobody can.
    pub fn listen() -> Result<Self, ConnectorError> {
        let connector = Self { socket: open().map_err(ConnectorError::Refused)? };
        connector.tell(LISTEN).map_err(ConnectorError::Refused)?;
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            match connector.receive() {
                Received::Message(message) => match answer(&message) {
                    Some(0) => return Ok(connector),
                    Some(error) => return Err(ConnectorError::Refused(Errno::from_raw(error.cast_signed()))),
                    None => {}
                },
                Received::Failed(errno) => return Err(ConnectorError::Refused(errno)),
                Received::Foreign | Received::Quiet | Received::Overrun => {}
            }
        }
        Err(ConnectorError::Silent)
    }

    /// Waits for the next event, a fifth of a second at most.
    #[must_use]
    pub fn receive(&self) -> Received {
        let mut buffer = [0_u8; 1024];
        match read::retry(|| recvfrom::<NetlinkAddr>(self.socket.as_raw_fd(), &mut buffer)) {
            Ok((_, Some(sender))) if sender.pid() != 0 => Received::Foreign,
            Ok((length, _)) => Received::Message(buffer.get(..length).unwrap_or_default().to_owned()),
            Err(Errno::EAGAIN) => Received::Quiet,
            Err(Errno::ENOBUFS) => Received::Overrun,
            Err(errno) => Received::Failed(errno),
        }
    }

    fn tell(&self, what: u32) -> Result<(), Errno> {
        send(self.socket.as_raw_fd(), &request(what), MsgFlags::empty()).map(drop)
    }
}

impl Drop for Connector {
    fn drop(&mut self) {
        // Nobody is left who could do anything about it.
        let _ = self.tell(IGNORE);
    }
}

fn open() -> Result<OwnedFd, Errno> {
    let socket = sys::connector_socket()?;
    // The group is the connector's index.
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 1 << (ADDRESS[0] - 1)))?;
    setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::from(libc::timeval { tv_sec: 0, tv_usec: 200_000 }))?;
    // Beyond the host's own limit where we may; a smaller buffer loses more, and says so.
    if setsockopt(&socket, sockopt::RcvBufForce, &BUFFER).is_err() {
        let _ = setsockopt(&socket, sockopt::RcvBuf, &BUFFER);
    }
    Ok(socket)
}

/// `struct nlmsghdr`, `struct cn_msg` and one word.
fn request(what: u32) -> Vec<u8> {
    let (length, done, payload) = (native_u32(40), native_u16(3), native_u16(4));
    let head = [&length[..], &done, &[0; 10]].concat();
    let ids = ADDRESS.map(native_u32).concat();
    [head, ids, vec![0; 8], payload.to_vec(), vec![0; 2], native_u32(what).to_vec()].concat()
}

/// The error in the kernel's answer to somebody who began or ended to listen (`PROC_EVENT_NONE`), if the message is one. Every listener
/// gets the answers to all.
#[must_use]
pub fn answer(message: &[u8]) -> Option<u32> {
    let word = |at: usize| message.get(at..).and_then(|rest| rest.first_chunk()).map(|bytes| u32_of(*bytes));
    if word(HEADERS)? == 0 { word(HEADERS + 16) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_what_the_kernel_expects() {
        let bytes = request(LISTEN);
        assert_eq!((bytes.len(), u32_of(*bytes.first_chunk().unwrap())), (40, 40));
        assert_eq!(bytes[16..24], ADDRESS.map(native_u32).concat());
        assert_eq!(bytes[36..], native_u32(1));
    }

    #[test]
    fn an_answer_is_told_from_an_event() {
        let message = |what: u32, error: u32| {
            [vec![0; HEADERS], native_u32(what).to_vec(), vec![0; 12], native_u32(error).to_vec()].concat()
        };
        assert_eq!(answer(&message(0, 0)), Some(0));
        assert_eq!(answer(&message(0, 1)), Some(1));
        assert_eq!(answer(&message(2, 0)), None);
        assert_eq!(answer(&[0; 40]), None);
    }
}
