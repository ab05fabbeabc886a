//! The run's time stamps, all from one place, and what the host's clocks say.

use nix::errno::Errno;
use nix::time::{ClockId, clock_getres, clock_gettime};

use super::sys;
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

/// The clocks that [`Sample`] reads, in this order (clock_gettime(2)).
const CLOCKS: [(&str, ClockId); 5] = [
    ("realtime", ClockId::CLOCK_REALTIME),
    ("monotonic", ClockId::CLOCK_MONOTONIC),
    ("boottime", ClockId::CLOCK_BOOTTIME),
    ("monotonic_raw", ClockId::CLOCK_MONOTONIC_RAW),
    ("tai", ClockId::CLOCK_TAI),
];

/// All clocks of the kernel, read together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Name, time and resolution of each clock, in nanoseconds.
    pub clocks: Vec<(&'static str, i128, i128)>,
    /// Nanoseconds from before the first to after the last reading: how far apart they can be.
    pub window_ns: i128,
}

impl Sample {
    /// Reads them all; of three rounds the one that took least is kept, because the others were interrupted.
    #[must_use]
    pub fn take() -> Self {
        let first = Self::round();
        [Self::round(), Self::round()]
            .into_iter()
            .fold(first, |best, next| if next.window_ns < best.window_ns { next } else { best })
    }

    fn round() -> Self {
        let before = nanoseconds(ClockId::CLOCK_MONOTONIC);
        let times = CLOCKS.map(|(name, id)| (name, nanoseconds(id), id));
        let window_ns = nanoseconds(ClockId::CLOCK_MONOTONIC) - before;
        Self { clocks: times.into_iter().map(|(name, time, id)| (name, time, resolution(id))).collect(), window_ns }
    }
}

fn resolution(clock: ClockId) -> i128 {
    clock_getres(clock).map_or(0, |time| i128::from(time.tv_sec()) * 1_000_000_000 + i128::from(time.tv_nsec()))
}

/// How well the kernel believes its wall clock to be disciplined (adjtimex(2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discipline {
    /// State of the clock: `ok`, a leap second's state, or `error` where it is not synchronised.
    pub state: &'static str,
    /// Correction still to be made, in nanoseconds.
    pub offset_ns: i128,
    /// Frequency correction in units of 2^-16 ppm.
    pub frequency: i64,
    /// Maximum error, in microseconds.
    pub max_error_us: i64,
    /// Estimated error, in microseconds.
    pub estimated_error_us: i64,
    /// Status bits (`STA_*`).
    pub status: i32,
    /// Whether the clock is not synchronised (`STA_UNSYNC`).
    pub unsynchronised: bool,
    /// Seconds that TAI is ahead of UTC, where the kernel was told.
    pub tai_offset: i32,
}

/// Asks the kernel how its clock is disciplined; sets nothing.
///
/// # Errors
/// The kernel's errno.
pub fn discipline() -> Result<Discipline, Errno> {
    let (timex, state) = sys::adjtimex()?;
    let unit = if timex.status & libc::STA_NANO != 0 { 1 } else { 1000 };
    Ok(Discipline {
        state: match state {
            libc::TIME_OK => "ok",
            libc::TIME_INS => "leap-second-to-be-inserted",
            libc::TIME_DEL => "leap-second-to-be-deleted",
            libc::TIME_OOP => "leap-second-in-progress",
            libc::TIME_WAIT => "leap-second-occurred",
            _ => "error",
        },
        offset_ns: i128::from(timex.offset) * unit,
        frequency: timex.freq,
        max_error_us: timex.maxerror,
        estimated_error_us: timex.esterror,
        status: timex.status,
        unsynchronised: timex.status & libc::STA_UNSYNC != 0,
        tai_offset: timex.tai,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_clocks_are_read_within_a_window() {
        let sample = Sample::take();
        assert_eq!(sample.clocks.len(), CLOCKS.len());
        assert!(sample.clocks.iter().all(|(_, time, resolution)| *time > 0 && *resolution > 0));
        assert!(sample.window_ns >= 0);
        assert!(discipline().unwrap().tai_offset >= 0);
    }
}
