//! No more bytes a second than was asked for (`--max-bandwidth`): the one place where they leave.
//!
//! All bodies of a sink share one pace. Each takes its turn for a small piece at a time, so that the line is not flooded for a moment and
//! idle for the rest, and whoever reads the host waits because its parts do.

use std::convert::Infallible;
use std::fmt;
use std::future::Future as _;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hozen_collector::host::Clock;
use http_body::{Body, Frame, SizeHint};
use serde::{Deserialize, Serialize};
use tokio::time::{Sleep, sleep};

use crate::size::Size;

/// Bytes of one piece. At the least rate, with as many parts on their way as there can be, each still moves every few seconds.
const PIECE: usize = 16 << 10;
/// The least rate: below it a part of the usual size takes minutes, and servers give up on it.
const LEAST: u64 = 64 << 10;

/// Bytes a second, written as a size: `10MiB` or `10MiB/s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate(Size);

impl Rate {
    /// Bytes a second.
    #[must_use]
    pub fn bytes(self) -> u64 {
        self.0.bytes()
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let size: Size = text
            .strip_suffix("/s")
            .unwrap_or(text)
            .parse()
            .map_err(|_| format!("{text:?} is no rate; write how many bytes may leave in a second, such as 10MiB"))?;
        if size.bytes() < LEAST {
            Err(format!("{text:?} is too slow to keep a request alive; the least is 64KiB"))
        } else {
            Ok(Self(size))
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        rate.to_string()
    }
}

impl TryFrom<String> for Rate {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// The pace that all bodies share.
#[derive(Debug)]
pub(super) struct Pace {
    clock: Clock,
    /// Bytes a second.
    rate: u64,
    /// When the next piece may leave, in nanoseconds of the clock.
    next_ns: Mutex<u64>,
}

impl Pace {
    pub(super) fn new(clock: Clock, rate: u64) -> Self {
        Self { clock, rate: rate.max(1), next_ns: Mutex::default() }
    }

    /// What so many bytes take.
    pub(super) fn takes(&self, bytes: usize) -> Duration {
        Duration::from_nanos(self.nanoseconds(bytes))
    }

    fn nanoseconds(&self, bytes: usize) -> u64 {
        let bytes = u128::try_from(bytes).unwrap_or(u128::MAX);
        u64::try_from(bytes.saturating_mul(1_000_000_000).div_ceil(u128::from(self.rate))).unwrap_or(u64::MAX)
    }

    /// Takes the next turn for so many bytes at `now_ns`, and says in how many nanoseconds it is.
    fn turn(&self, now_ns: u64, bytes: usize) -> u64 {
        // Nobody can panic while holding it.
        let Ok(mut next) = self.next_ns.lock() else { return 0 };
        let start = now_ns.max(*next);
        *next = start.saturating_add(self.nanoseconds(bytes));
        start - now_ns
    }

    /// A body that keeps the pace.
    pub(super) fn body(self: &Arc<Self>, bytes: Bytes) -> Paced {
        Paced { pace: Arc::clone(self), bytes, turn: None }
    }
}

/// A body that leaves in pieces, each in its turn.
#[derive(Debug)]
pub(super) struct Paced {
    pace: Arc<Pace>,
    bytes: Bytes,
    turn: Option<Pin<Box<Sleep>>>,
}

impl Body for Paced {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        if this.bytes.is_empty() {
            return Poll::Ready(None);
        }
        let length = this.bytes.len().min(PIECE);
        let pace = &this.pace;
        let turn = this.turn.get_or_insert_with(|| {
            let wait = pace.turn(pace.clock.mono_ns(), length);
            Box::pin(sleep(Duration::from_nanos(wait)))
        });
        ready!(turn.as_mut().poll(context));
        this.turn = None;
        Poll::Ready(Some(Ok(Frame::data(this.bytes.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.bytes.len()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Instant;

    #[test]
    fn rates_are_sizes_and_not_too_slow() {
        for (text, bytes) in
            [("64KiB", 64 << 10), ("10MiB", 10 << 20), ("10M/s", 10 << 20), ("1GiB/s", 1 << 30), ("1000000", 1_000_000)]
        {
            let rate: Rate = text.parse().unwrap();
            assert_eq!((rate.bytes(), rate.to_string().parse::<Rate>().unwrap()), (bytes, rate));
        }
        for wrong in ["", "0", "63KiB", "10MB", "10Mbit", "-1MiB", "10MiB/m", "fast"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_body_is_whole_and_never_faster_than_its_pace() {
        let pace = Arc::new(Pace::new(Clock::start(), 8 << 20));
        let bytes = Bytes::from((0..400_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect::<Vec<u8>>());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (began, mut body, mut got) = (Instant::now(), pace.body(bytes.clone()), Vec::new());
        assert_eq!(body.size_hint().exact(), Some(400_000));
        while let Some(frame) = runtime.block_on(std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context))) {
            got.extend_from_slice(frame.unwrap().data_ref().unwrap());
        }
        // All pieces but the last were waited for, and a wait is never shorter than it was to be.
        assert!(began.elapsed() >= pace.takes(400_000 - PIECE));
        assert!(got == bytes && body.is_end_stream());
    }

    proptest! {
        /// By a clock that only the test moves.
        #[test]
        fn what_leaves_never_gets_ahead_of_the_rate(
            rate in LEAST..1 << 30,
            pieces in prop::collection::vec((0_u64..5_000_000, 1..=PIECE), 1..200),
        ) {
            let pace = Pace::new(Clock::start(), rate);
            let (mut now, mut busy, mut sent, mut last) = (0_u64, 0_u64, 0_u64, 0_u64);
            for (idle, length) in pieces {
                now += idle;
                let leaves = now + pace.turn(now, length);
                prop_assert!(leaves >= last, "turns are in order");
                if leaves == now && now > last {
                    // The line may have been idle: what was not used then is not caught up on.
                    (busy, sent) = (now, 0);
                }
                let allowed = u128::from(leaves - busy) * u128::from(rate) / 1_000_000_000;
                prop_assert!(u128::from(sent) <= allowed, "{sent} bytes before {leaves} ns, and {allowed} were allowed");
                sent += u64::try_from(length).unwrap();
                last = leaves;
            }
        }
    }
}
