//! Names of an investigation and of one execution of the agent.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// The investigation's id. 1 to 64 characters of `A-Z a-z 0-9 . _ -`, the first a letter or a digit, so that it is safe in a
/// path, an object key and a shell line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct CaseId(String);

/// The text cannot name a case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCaseId {
    /// Nothing, or more than 64 characters.
    #[error("a case id has 1 to 64 characters, this one has {0}")]
    Length(usize),
    /// A character that is not allowed, and where (from 1).
    #[error("character {position} of the case id is {found:?}; allowed are A-Z a-z 0-9 . _ - and a letter or digit first")]
    Character {
        /// Position of the character, counted from 1.
        position: usize,
        /// The character.
        found: char,
    },
}

impl FromStr for CaseId {
    type Err = InvalidCaseId;

    fn from_str(text: &str) -> Result<Self, InvalidCaseId> {
        let length = text.chars().count();
        if length == 0 || length > 64 {
            return Err(InvalidCaseId::Length(length));
        }
        let bad = text.chars().enumerate().find(|(index, c)| !c.is_ascii_alphanumeric() && (*index == 0 || !"._-".contains(*c)));
        match bad {
            Some((index, found)) => Err(InvalidCaseId::Character { position: index + 1, found }),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl CaseId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<CaseId> for String {
    fn from(case: CaseId) -> Self {
        case.0
    }
}

impl TryFrom<String> for CaseId {
    type Error = InvalidCaseId;
    fn try_from(text: String) -> Result<Self, InvalidCaseId> {
        text.parse()
    }
}

/// The id of one execution: a ULID, 26 characters of Crockford's base 32 that sort by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RunId(ulid::Ulid);

/// The text is not a ULID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a run id: expected a ULID of 26 characters")]
pub struct InvalidRunId;

impl RunId {
    /// A run id of this moment and these random bits, of which 80 are used.
    #[must_use]
    pub fn new(time: Timestamp, random: u128) -> Self {
        Self(ulid::Ulid::from_parts(time.milliseconds(), random))
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl From<RunId> for String {
    fn from(run: RunId) -> Self {
        run.to_string()
    }
}

impl TryFrom<String> for RunId {
    type Error = InvalidRunId;
    fn try_from(text: String) -> Result<Self, InvalidRunId> {
        let run = Self(ulid::Ulid::from_string(&text).map_err(|_| InvalidRunId)?);
        if run.to_string() == text { Ok(run) } else { Err(InvalidRunId) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_ids_are_safe_in_paths() {
        assert!("IR-2026.11_a".parse::<CaseId>().is_ok());
        assert_eq!("".parse::<CaseId>(), Err(InvalidCaseId::Length(0)));
        assert_eq!("x".repeat(65).parse::<CaseId>(), Err(InvalidCaseId::Length(65)));
        assert_eq!("..".parse::<CaseId>(), Err(InvalidCaseId::Character { position: 1, found: '.' }));
        assert_eq!("a/b".parse::<CaseId>(), Err(InvalidCaseId::Character { position: 2, found: '/' }));
        assert_eq!("é".parse::<CaseId>(), Err(InvalidCaseId::Character { position: 1, found: 'é' }));
    }

    #[test]
    fn run_ids_sort_by_time() {
        let early = RunId::new(Timestamp::from_seconds(1), u128::MAX);
        let late = RunId::new(Timestamp::from_seconds(2), 0);
        assert!(early.to_string() < late.to_string());
        assert_eq!(RunId::try_from(late.to_string()), Ok(late));
        assert_eq!(RunId::try_from("nonsense".to_owned()), Err(InvalidRunId));
    }
}
