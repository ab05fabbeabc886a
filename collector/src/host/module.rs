//! Kernel modules: whether one is there, and how one that the run was given is loaded and unloaded.
//!
//! **Invariant:** the kernel sees no module but from [`Loading::start`], never from a file on the host and never by a program
//! that it would execute.

use std::ffi::{CStr, CString};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, SealFlag, fcntl, open};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, SockaddrIn, sockopt};
use nix::sys::stat::Mode;
use nix::sys::time::{TimeVal, TimeValLike as _};

use super::inflow::WriteEnd;
use super::{read, sys};

/// Whether sysfs shows this module: it is loaded, or built in with parameters. False where `/sys` cannot be seen.
#[must_use]
pub fn is_shown(name: &str) -> bool {
    let modules = open("/sys/module", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty());
    modules.is_ok_and(|dir| sys::statx(dir.as_fd(), name, false).is_ok_and(|stat| stat.is_directory()))
}

/// A module that is being loaded: its init function runs on a thread of its own until it returns.
#[derive(Debug)]
pub struct Loading {
    done: Receiver<Result<(), Errno>>,
    answer: Option<Result<(), Errno>>,
}

impl Loading {
    /// Hands `module` to the kernel with `parameters`, from a sealed file in memory, or, where the kernel makes none
    /// (`CONFIG_MEMFD_CREATE` is not set, or a filter refuses it), from a copy in this process's own memory.
    ///
    /// The thread blocks all signals: one that arrived would cut short what the init function writes, and the kernel would
    /// call that success. It lets go of `held` when that returns.
    ///
    /// # Errors
    /// When there is no memory for it, or no thread. What the kernel says of the module comes by [`Loading::outcome`].
    pub fn start(module: &[u8], parameters: CString, held: Option<WriteEnd>) -> Result<Self, Errno> {
        let bytes = match sealed(module) {
            Err(Errno::ENOSYS | Errno::EPERM) => Held::Copy(module.to_vec()),
            sealed => Held::Sealed(sealed?),
        };
        let (reply, done) = bounded(1);
        let load = move || {
            let blocked = nix::sys::signal::SigSet::all().thread_block();
            let outcome = blocked.and_then(|()| bytes.load(&parameters));
            drop(held);
            // Whoever started it may have given up waiting.
            let _ = reply.send(outcome);
        };
        std::thread::Builder::new().name("hozen-lime".to_owned()).spawn(load).map_err(|_| Errno::EAGAIN)?;
        Ok(Self { done, answer: None })
    }

    /// What the init function came to, if it returns within `limit`; none while it still runs.
    pub fn outcome(&mut self, limit: Duration) -> Option<Result<(), Errno>> {
        if self.answer.is_none() {
            self.answer = self.done.recv_timeout(limit).ok();
        }
        self.answer
    }
}

/// The bytes of a module until the kernel has them.
enum Held {
    Sealed(OwnedFd),
    Copy(Vec<u8>),
}

impl Held {
    fn load(&self, parameters: &CStr) -> Result<(), Errno> {
        match self {
            Self::Sealed(fd) => sys::finit_module(fd.as_fd(), parameters),
            Self::Copy(bytes) => sys::init_module(bytes, parameters),
        }
    }
}

/// A file in memory that nobody can change any more, open on `bytes`.
fn sealed(bytes: &[u8]) -> Result<OwnedFd, Errno> {
    let fd = memfd_create("module", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?;
    let mut left = bytes;
    while !left.is_empty() {
        let written = read::retry(|| nix::unistd::write(&fd, left))?;
        left = left.get(written..).filter(|_| written > 0).ok_or(Errno::EIO)?;
    }
    let seals = SealFlag::F_SEAL_SEAL | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_WRITE;
    fcntl(&fd, FcntlArg::F_ADD_SEALS(seals))?;
    Ok(fd)
}

/// Unloads the module `name`, if nothing uses it.
///
/// # Errors
/// The kernel's errno.
pub fn unload(name: &CStr) -> Result<(), Errno> {
    sys::delete_module(name)
}

/// A TCP port of the loopback address that nobody listens on now, below those that the kernel gives to clients: one of them could
/// be given to ourselves, and we would be connected to ourselves.
///
/// # Errors
/// The kernel's errno.
pub fn free_port() -> std::io::Result<u16> {
    let mut last = std::io::ErrorKind::AddrInUse.into();
    for _ in 0..32 {
        let mut random = [0; 2];
        getrandom::fill(&mut random).map_err(std::io::Error::other)?;
        let port = 10_240 + u16::from_le_bytes(random) % 20_000;
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(port),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Bytes that may lie in the socket of [`connect`], and the most in one segment of what comes. Left to itself the kernel lets a connection
/// over the loopback address grow to megabytes of the memory that is being read: what waits to be sent may be twenty segments and more,
/// each of the size that was agreed on, which is 64 KiB there (`tcp_sndbuf_expand` of net/ipv4/tcp_input.c; socket(7), tcp(7)).
const RECEIVE: usize = 128 << 10;
const SEGMENT: u32 = 7 << 10;

/// Connects to `port` of the loopback address.
///
/// # Errors
/// The kernel's errno; `ECONNREFUSED` while nobody listens, `EINPROGRESS` where nobody takes the connection within two seconds.
pub fn connect(port: u16) -> std::io::Result<TcpStream> {
    let socket = socket::socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    // Before there is a connection: its other end goes by what is agreed on when it begins.
    socket::setsockopt(&socket, sockopt::RcvBuf, &RECEIVE)?;
    socket::setsockopt(&socket, sockopt::TcpMaxSeg, &SEGMENT)?;
    socket::setsockopt(&socket, sockopt::SendTimeout, &TimeVal::seconds(2))?;
    socket::connect(socket.as_raw_fd(), &SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)))?;
    let stream = TcpStream::from(socket);
    if stream.local_addr()? == stream.peer_addr()? { Err(std::io::ErrorKind::ConnectionRefused.into()) } else { Ok(stream) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_own_module_is_shown_and_an_invented_one_is_not() {
        assert!(is_shown("kernel"));
        assert!(!is_shown("no_such_module"));
    }

    #[test]
    fn a_sealed_file_holds_the_bytes_and_takes_no_more() {
        let bytes = vec![7; 100_000];
        let fd = sealed(&bytes).unwrap();
        let mut back = vec![0; 100_001];
        assert_eq!(nix::sys::uio::pread(&fd, &mut back, 0), Ok(100_000));
        assert_eq!(back[..100_000], bytes);
        assert_eq!(nix::unistd::write(&fd, b"x"), Err(Errno::EPERM));
    }

    #[test]
    fn what_is_no_module_is_refused_by_the_kernel() {
        let mut loading = Loading::start(b"not a module", CString::default(), None).unwrap();
        let outcome = loading.outcome(Duration::from_secs(20)).unwrap();
        assert!(matches!(outcome, Err(Errno::ENOEXEC | Errno::EPERM | Errno::ENOSYS)), "{outcome:?}");
        assert_eq!(loading.outcome(Duration::ZERO), Some(outcome));
        assert_eq!(Held::Copy(b"not a module".to_vec()).load(c""), outcome, "by whichever call");
    }

    #[test]
    fn both_ends_of_a_connection_keep_little_of_what_goes_through_it() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let ours = connect(listener.local_addr().unwrap().port()).unwrap();
        let theirs = listener.accept().unwrap().0;
        // The kernel doubles it, for what it keeps beside the bytes.
        assert!(socket::getsockopt(&ours, sockopt::RcvBuf).unwrap() <= 2 * RECEIVE);
        assert!(socket::getsockopt(&theirs, sockopt::TcpMaxSeg).unwrap() <= SEGMENT);
        assert_ne!(ours.read_timeout().unwrap(), Some(Duration::from_secs(2)), "the limit is on the connection alone");
    }

    #[test]
    fn a_port_is_free() {
        let port = free_port().unwrap();
        assert_eq!(connect(port).unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
    }
}
