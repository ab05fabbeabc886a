//! Sockets that are known by their descriptor only.

use std::os::fd::{AsFd as _, AsRawFd as _};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;

use super::{ProcRoot, sys};

/// The kernel's name of the protocol (`TCP`, `UNIX-STREAM`, `vsock`, …) of the socket with this inode, to which descriptor `fd`
/// of process `pid` led. sockfs tells it as an extended attribute.
///
/// # Errors
/// `ESTALE` where the descriptor leads elsewhere by now; else the kernel's errno.
pub fn protocol_name(proc: &ProcRoot, pid: i32, fd: i32, inode: u64) -> Result<Vec<u8>, Errno> {
    let path = format!("{pid}/fd/{fd}");
    let handle = openat(proc.dir(), path.as_str(), OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?;
    let stat = sys::statx(handle.as_fd(), "", false)?;
    if stat.kind() != libc::S_IFSOCK || stat.ino != inode {
        return Err(Errno::ESTALE);
    }
    let mut name = sys::getxattr(format!("/proc/self/fd/{}", handle.as_raw_fd()).as_str(), c"system.sockprotoname")?;
    name.retain(|byte| *byte != 0);
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Footprint;
    use std::os::fd::AsFd;

    #[test]
    fn a_socket_tells_its_protocol_and_a_file_is_not_asked() {
        let proc = ProcRoot::live(&Footprint::default()).unwrap();
        let pid = i32::try_from(std::process::id()).unwrap();
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let inode = sys::statx(socket.as_fd(), "", false).unwrap().ino;
        assert_eq!(protocol_name(&proc, pid, socket.as_raw_fd(), inode).unwrap(), b"UDP");
        assert_eq!(protocol_name(&proc, pid, socket.as_raw_fd(), inode + 1), Err(Errno::ESTALE));
        let file = std::fs::File::open("/proc/version").unwrap();
        let inode = sys::statx(file.as_fd(), "", false).unwrap().ino;
        assert_eq!(protocol_name(&proc, pid, file.as_raw_fd(), inode), Err(Errno::ESTALE));
    }
}
