//! The few messages of the FUSE protocol that `wedge` needs before it falls silent (linux/fuse.h, protocol 7.31).
//!
//! ```text
//! request   len u32 | opcode u32 | unique u64 | nodeid u64 | uid u32 | gid u32 | pid u32 | padding u32 | body
//! answer    len u32 | error i32 (0 or -errno) | unique u64 | body
//! ```
//! All numbers are in the machine's byte order: both ends are on it.

#![expect(clippy::host_endian_bytes, reason = "the protocol is spoken with the kernel of the same machine")]

use std::fs::File;
use std::io::{self, Read as _, Write as _};

/// The node id of the root directory.
pub const ROOT: u64 = 1;
/// The node id of the only file, `trap`.
pub const TRAP: u64 = 2;
/// Bytes in the only file.
pub const TRAP_SIZE: usize = 4096;

/// `FUSE_LOOKUP`: the node of a name.
pub const LOOKUP: u32 = 1;
/// `FUSE_GETATTR`.
pub const GETATTR: u32 = 3;
/// `FUSE_OPEN`.
pub const OPEN: u32 = 14;
/// `FUSE_READ`.
pub const READ: u32 = 15;
/// `FUSE_WRITE`.
pub const WRITE: u32 = 16;
/// `FUSE_STATFS`: what an overlay asks of its layers.
pub const STATFS: u32 = 17;
/// `FUSE_INIT`: the first message of a connection.
pub const INIT: u32 = 26;
/// `FUSE_OPENDIR`.
pub const OPENDIR: u32 = 27;

/// A request of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// What it wants.
    pub opcode: u32,
    /// Which request the answer belongs to.
    pub unique: u64,
    /// The node it is about.
    pub node: u64,
}

/// Reads one request; none where the file system has been unmounted.
///
/// # Errors
/// With the kernel's errno.
pub fn receive(mut device: &File) -> io::Result<Option<Request>> {
    // The kernel refuses a smaller buffer than the largest request: 128 KiB of data and a header.
    let mut buffer = vec![0; 136 * 1024];
    match device.read(&mut buffer) {
        Ok(length) => Ok(buffer.get(..length).and_then(parse)),
        Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(None),
        Err(error) => Err(error),
    }
}

fn parse(message: &[u8]) -> Option<Request> {
    let u32_at = |at: usize| Some(u32::from_ne_bytes(*message.get(at..)?.first_chunk()?));
    let u64_at = |at: usize| Some(u64::from_ne_bytes(*message.get(at..)?.first_chunk()?));
    Some(Request { opcode: u32_at(4)?, unique: u64_at(8)?, node: u64_at(16)? })
}

/// Answers a request as a file system would that holds one file.
///
/// # Errors
/// With the kernel's errno.
pub fn answer(device: &File, request: Request) -> io::Result<()> {
    match request.opcode {
        INIT => send(device, request, 0, &init()),
        LOOKUP => send(device, request, 0, &entry()),
        GETATTR => send(device, request, 0, &[vec![0; 16], attributes(request.node)].concat()),
        OPEN | OPENDIR => send(device, request, 0, &[0; 16]),
        READ => send(device, request, 0, &[b'x'; TRAP_SIZE]),
        STATFS => send(device, request, 0, &[0; 80]),
        _ => send(device, request, -libc::ENOSYS, &[]),
    }
}

fn send(mut device: &File, request: Request, error: i32, body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(16 + body.len()).unwrap_or(u32::MAX);
    let message = [&length.to_ne_bytes()[..], &error.to_ne_bytes(), &request.unique.to_ne_bytes(), body].concat();
    device.write_all(&message)
}

/// `fuse_init_out`: version, no read-ahead, no flags, writes of at most one page; the rest is 0.
fn init() -> Vec<u8> {
    let (major, minor, max_write) = (7_u32, 31_u32, 4096_u32);
    let mut body = [major, minor].map(u32::to_ne_bytes).concat();
    body.resize(20, 0);
    body.extend(max_write.to_ne_bytes());
    body.resize(64, 0);
    body
}

/// `fuse_entry_out` of the only file, valid for ever (the name asked for does not matter).
fn entry() -> Vec<u8> {
    let (generation, valid_s, valid_ns) = (0_u64, u64::from(u32::MAX), 0_u64);
    let mut body = [TRAP, generation, valid_s, valid_s, valid_ns].map(u64::to_ne_bytes).concat();
    body.extend(attributes(TRAP));
    body
}

/// `fuse_attr`: ino, size, blocks, three times 0, three fractions 0, mode, nlink, uid, gid, rdev, blksize, flags.
fn attributes(node: u64) -> Vec<u8> {
    let (mode, size) = if node == ROOT { (libc::S_IFDIR | 0o755, 0) } else { (libc::S_IFREG | 0o644, 4096) };
    let mut body = [node, size, 8, 0, 0, 0].map(u64::to_ne_bytes).concat();
    body.extend([0, 0, 0, mode, 1, 0, 0, 0, 4096, 0].map(u32::to_ne_bytes).concat());
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_messages_have_the_sizes_of_the_header() {
        assert_eq!(init().len(), 64);
        assert_eq!(attributes(ROOT).len(), 88);
        assert_eq!(entry().len(), 128);
    }

    #[test]
    fn a_short_request_is_none() {
        assert_eq!(parse(&[0; 23]), None);
        assert_eq!(parse(&[0; 40]), Some(Request { opcode: 0, unique: 0, node: 0 }));
    }
}
