//! Points in time as the records carry them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A UTC point in time with nanoseconds. Text form: RFC 3339 with nine digits and `Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Timestamp(jiff::Timestamp);

/// The text is not an RFC 3339 time in the one form that the records use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a time of the form 2026-11-22T03:50:27.123456789Z")]
pub struct InvalidTimestamp;

impl Timestamp {
    /// From nanoseconds since the Unix epoch; times outside the years −9999 to 9999 become the epoch.
    #[must_use]
    pub fn from_nanoseconds(nanoseconds: i128) -> Self {
        Self(jiff::Timestamp::from_nanosecond(nanoseconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH))
    }

    /// From whole seconds since the Unix epoch, as `stat` and utmp give them.
    #[must_use]
    pub fn from_seconds(seconds: i64) -> Self {
        Self::from_nanoseconds(i128::from(seconds) * 1_000_000_000)
    }

    /// Nanoseconds since the Unix epoch.
    #[must_use]
    pub fn nanoseconds(self) -> i128 {
        self.0.as_nanosecond()
    }

    /// Milliseconds since the Unix epoch; times before the epoch become 0.
    #[must_use]
    pub fn milliseconds(self) -> u64 {
        u64::try_from(self.0.as_millisecond()).unwrap_or(0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.9}", self.0)
    }
}

impl From<Timestamp> for String {
    fn from(time: Timestamp) -> Self {
        time.to_string()
    }
}

impl TryFrom<String> for Timestamp {
    type Error = InvalidTimestamp;
    fn try_from(text: String) -> Result<Self, InvalidTimestamp> {
        text.parse()
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;
    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        let time = Self(text.parse().map_err(|_| InvalidTimestamp)?);
        if time.to_string() == text { Ok(time) } else { Err(InvalidTimestamp) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_nine_digits_and_round_trips() {
        let time = Timestamp::from_nanoseconds(1_795_319_427_123_456_789);
        assert_eq!(time.to_string(), "2026-11-22T03:50:27.123456789Z");
        assert_eq!(time.to_string().parse(), Ok(time));
        assert_eq!(Timestamp::from_seconds(0).to_string(), "1970-01-01T00:00:00.000000000Z");
    }

    #[test]
    fn refuses_other_spellings_of_the_same_time() {
        assert_eq!("2026-11-22T03:50:27Z".parse::<Timestamp>(), Err(InvalidTimestamp));
        assert_eq!("2026-11-22T04:50:27.000000000+01:00".parse::<Timestamp>(), Err(InvalidTimestamp));
    }
}
