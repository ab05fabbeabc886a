//! The device, with a limit on how much of it is read.

use std::sync::atomic::{AtomicU64, Ordering};

use super::ext4::{Disk, Fault};
use crate::host::BlockDevice;

/// A block device that is read up to a limit of bytes.
#[derive(Debug)]
pub(super) struct Metered {
    device: BlockDevice,
    limit: u64,
    read: AtomicU64,
}

impl Metered {
    pub(super) fn new(device: BlockDevice, limit: u64) -> Self {
        Self { device, limit, read: AtomicU64::new(0) }
    }

    /// Bytes that were asked for so far.
    pub(super) fn read_bytes(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}

impl Disk for Metered {
    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Fault> {
        let length = u64::try_from(buffer.len()).unwrap_or(u64::MAX);
        let before = self.read.fetch_add(length, Ordering::Relaxed);
        if before.saturating_add(length) > self.limit {
            return Err(Fault::Limit("more of the device than is read of it"));
        }
        self.device.read_at(offset, buffer).map_err(Fault::Device)
    }
}
