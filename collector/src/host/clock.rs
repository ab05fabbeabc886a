//! The run's time stamps, all from one place.

use nix::time::{ClockId, clock_gettime};

use crate::model::Timestamp;

/// Wall clock and monotonic clock of a run.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: i128,
}

/// Nanoseconds of `clock`; 0 where the kernel does not have it.
#[must_use]
pub fn nanoseconds(clock: ClockId) -> i128 {
    clock_gettime(clock).map_or(0, |time| i128::from(time.tv_sec()) * 1_000_000_000 + i128::from(time.tv_nsec()))
}

/// The wall clock's time at boot, in nanoseconds since the Unix epoch: `CLOCK_REALTIME` less `CLOCK_BOOTTIME`, in which the
/// kernel counts the start of processes.
#[must_use]
pub fn boot_ns() -> i128 {
    nanoseconds(ClockId::CLOCK_REALTIME) - nanoseconds(ClockId::CLOCK_BOOTTIME)
}

impl Clock {
    /// Starts the run's monotonic time at 0.
    #[must_use]
    pub fn start() -> Self {
        Self { start: nanoseconds(ClockId::CLOCK_MONOTONIC) }
    }

    /// The host's wall clock (`CLOCK_REALTIME`).
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::from_nanoseconds(nanoseconds(ClockId::CLOCK_REALTIME))
    }

    /// Nanoseconds of `CLOCK_MONOTONIC` since [`Clock::start`].
    #[must_use]
    pub fn mono_ns(&self) -> u64 {
        u64::try_from(nanoseconds(ClockId::CLOCK_MONOTONIC) - self.start).unwrap_or(0)
    }
}
