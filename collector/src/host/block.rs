//! Block devices that file systems are mounted from, opened for reading by their number.
//!
//! A name in `/dev` may lead anywhere: a node counts only if it is a block device of the number that is wanted, and what was looked at is what
//! is opened. Reads go through the page cache of the device, in which ext4 keeps its metadata too, so that what is read is
//! what the kernel has now, and nothing waits for the disk that the kernel has read before.
//!
//! **Invariant:** a device is opened only where `/sys/dev/block` has it: for another number the kernel would load a module
//! (`block-major-*`, block/bdev.c). Nothing is asked by ioctl(2).

use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::Mode;

use super::{Host, ReadError, read, sys};

/// The most entries of `/dev` that are looked at for a node, and the most folders inside each other.
const MOST_NODES: usize = 20_000;
const DEEPEST: usize = 4;

/// How folders of `/dev` and nodes are looked at: nothing is opened by that.
const HANDLE: OFlag = OFlag::O_PATH.union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// An open block device.
#[derive(Debug, Clone)]
pub struct BlockDevice {
    fd: Arc<OwnedFd>,
    node: Vec<u8>,
}

impl BlockDevice {
    /// Opens the device with this number, `(major, minor)`. In a fixture it is the regular file `/dev/block/MAJOR:MINOR`.
    ///
    /// # Errors
    /// When the kernel has no such device, no node leads to it, or the kernel refuses.
    pub fn open(host: &Host, number: (u32, u32)) -> Result<Self, ReadError> {
        let (major, minor) = number;
        if !host.live {
            let node = format!("/dev/block/{major}:{minor}").into_bytes();
            let (reader, _) = host.files.open(&node)?;
            return Ok(Self { fd: Arc::new(reader.0), node });
        }
        let event = host.sys.file(format!("dev/block/{major}:{minor}/uevent"), read::SMALL)?;
        let name = event.bytes.split(|b| *b == b'\n').find_map(|line| line.strip_prefix(b"DEVNAME="));
        let named = name.map(|name| [b"/dev/", name].concat()).and_then(|path| Some((handle(&path, number)?, path)));
        let found = named.or_else(|| scan(number));
        let (handle, node) =
            found.ok_or_else(|| ReadError::errno(format!("/dev ({major}:{minor})").as_bytes(), Errno::ENOENT))?;
        let fd = read::named(&node, read::reopen(handle.as_fd()))?;
        Ok(Self { fd: Arc::new(fd), node })
    }

    /// The node by which it was opened.
    #[must_use]
    pub fn node(&self) -> &[u8] {
        &self.node
    }

    /// Fills `buffer` with what stands at `offset`.
    ///
    /// # Errors
    /// The kernel's errno; `ENXIO` where the device ends before, `EOVERFLOW` where none has such an offset.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Errno> {
        let (mut at, mut rest) = (i64::try_from(offset).map_err(|_| Errno::EOVERFLOW)?, buffer);
        while !rest.is_empty() {
            let length = match read::retry(|| nix::sys::uio::pread(&self.fd, rest, at))? {
                0 => return Err(Errno::ENXIO),
                length => length,
            };
            at = i64::try_from(length).ok().and_then(|length| at.checked_add(length)).ok_or(Errno::EOVERFLOW)?;
            rest = rest.get_mut(length..).unwrap_or_default();
        }
        Ok(())
    }
}

/// A handle of the node at `path`, if it is this device.
fn handle(path: &[u8], number: (u32, u32)) -> Option<OwnedFd> {
    let handle = open(path, HANDLE, Mode::empty()).ok()?;
    is_device(&handle, number).then_some(handle)
}

fn is_device(handle: &OwnedFd, number: (u32, u32)) -> bool {
    sys::statx(handle.as_fd(), "", false).is_ok_and(|stat| stat.kind() == libc::S_IFBLK && stat.rdev == number)
}

/// Looks for a node of this device in all folders of `/dev`; other file systems that are mounted there are not entered.
fn scan(number: (u32, u32)) -> Option<(OwnedFd, Vec<u8>)> {
    let top = open("/dev", HANDLE | OFlag::O_DIRECTORY, Mode::empty()).ok()?;
    let own = sys::statx(top.as_fd(), "", false).ok()?.dev;
    let (mut folders, mut left) = (vec![(top, b"/dev".to_vec(), 0)], MOST_NODES);
    while let Some((folder, path, depth)) = folders.pop() {
        let names = read::names_limited(folder.as_fd(), b"", left).map(|(names, _)| names).unwrap_or_default();
        left = left.saturating_sub(names.len());
        for name in names {
            let Ok(stat) = sys::statx(folder.as_fd(), name.as_slice(), false) else { continue };
            let is_folder = stat.is_directory() && depth < DEEPEST && stat.dev == own;
            if !is_folder && stat.rdev != number {
                continue;
            }
            let path = [path.as_slice(), b"/", &name].concat();
            match openat(&folder, name.as_slice(), HANDLE, Mode::empty()) {
                Ok(handle) if is_device(&handle, number) => return Some((handle, path)),
                Ok(handle) if is_folder => folders.push((handle, path, depth + 1)),
                _ => {}
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixtures_device_is_a_file_and_ends() {
        let dir = tempfile::tempdir().unwrap();
        let host = crate::host::fixture::host(dir.path(), &[("dev/block/8:1", b"0123456789")]);
        let device = BlockDevice::open(&host, (8, 1)).unwrap();
        let mut buffer = [0; 4];
        assert_eq!((device.read_at(6, &mut buffer), buffer), (Ok(()), *b"6789"));
        assert_eq!(device.read_at(7, &mut buffer), Err(Errno::ENXIO));
        assert_eq!(device.read_at(u64::MAX, &mut buffer), Err(Errno::EOVERFLOW));
        assert!(BlockDevice::open(&host, (8, 2)).unwrap_err().is_gone());
    }

    #[test]
    fn a_number_that_the_kernel_does_not_have_is_not_opened() {
        assert!(BlockDevice::open(&Host::live().unwrap(), (4095, 1_048_575)).unwrap_err().is_gone());
        // A character device of the number that is wanted, and a folder, are no block device.
        assert!(handle(b"/dev/null", (1, 3)).is_none() && handle(b"/dev", (0, 0)).is_none());
        assert!(scan((1, 3)).is_none());
    }
}
