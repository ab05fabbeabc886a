//! A length of time, as options and the configuration write it.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::unit;

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;
/// Milliseconds of each unit.
const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", DAY_MS)];

/// A length of time, written `90s`, `30m`, `2h` or `1d` (or in `ms`). Never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(Duration);

impl Span {
    /// The length.
    #[must_use]
    pub fn duration(self) -> Duration {
        self.0
    }

    /// The length in milliseconds.
    #[must_use]
    pub fn milliseconds(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
}

impl FromStr for Span {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a length of time; write 90s, 30m, 2h or 1d");
        match u64::try_from(unit::worth(text, &UNITS).ok_or_else(wrong)?) {
            Ok(0) => Err("a length of 0 leaves no time for anything; write one such as 30m".to_owned()),
            Ok(milliseconds) if milliseconds <= 30 * DAY_MS => Ok(Self(Duration::from_millis(milliseconds))),
            _ => Err(format!("{text:?} is too long; the most is 30d")),
        }
    }
}

impl TryFrom<String> for Span {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        format!("{}ms", span.milliseconds())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_zero_is_refused() {
        assert_eq!("90s".parse::<Span>().unwrap().milliseconds(), 90_000);
        assert_eq!("2h".parse::<Span>().unwrap().milliseconds(), 7_200_000);
        for wrong in ["", "0s", "0m", "5", "m", "-1s", "1.5h", "1w", "99999999999999999999s", "31d", "5 m"] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong}");
        }
        // It may be a deadline, or how long a request is tried or a list is good.
        assert!("0s".parse::<Span>().unwrap_err().starts_with("a length of 0 "));
    }
}
