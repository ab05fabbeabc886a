//! What our own process has used (getrusage(2)).

use nix::errno::Errno;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

/// Resources that this process has used so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Peak of resident memory, in bytes.
    pub max_rss_bytes: i64,
    /// Processor time in user mode, in microseconds.
    pub user_us: i64,
    /// Processor time in the kernel, in microseconds.
    pub system_us: i64,
    /// Page faults that needed no disk.
    pub minor_faults: i64,
    /// Page faults that needed a disk.
    pub major_faults: i64,
    /// Blocks of 512 bytes read from disks.
    pub blocks_read: i64,
    /// Blocks of 512 bytes written to disks.
    pub blocks_written: i64,
}

/// What this process has used so far.
///
/// # Errors
/// The kernel's errno.
pub fn own() -> Result<Usage, Errno> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    Ok(Usage {
        max_rss_bytes: usage.max_rss().saturating_mul(1024),
        user_us: usage.user_time().num_microseconds(),
        system_us: usage.system_time().num_microseconds(),
        minor_faults: usage.minor_page_faults(),
        major_faults: usage.major_page_faults(),
        blocks_read: usage.block_reads(),
        blocks_written: usage.block_writes(),
    })
}
