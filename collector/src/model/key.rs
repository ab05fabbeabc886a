//! Names of objects inside one run.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name of an object inside a run, relative to the run's folder: components of `A-Z a-z 0-9 . _ -` joined by `/`, none
/// empty, `.` or `..`. The same text is the path in a directory and the key in a bucket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ObjectKey(String);

/// The text cannot name an object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} cannot name an object: components of A-Z a-z 0-9 . _ - joined by /")]
pub struct InvalidObjectKey(String);

impl ObjectKey {
    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A key whose text the model itself has made; tests hold that it is valid.
    pub(super) fn made(text: String) -> Self {
        Self(text)
    }

    /// The components, outermost first.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

impl FromStr for ObjectKey {
    type Err = InvalidObjectKey;
    fn from_str(text: &str) -> Result<Self, InvalidObjectKey> {
        if text.len() <= 512 && text.split('/').all(is_component) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidObjectKey(text.to_owned()))
        }
    }
}

fn is_component(part: &str) -> bool {
    !matches!(part, "" | "." | "..") && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<ObjectKey> for String {
    fn from(key: ObjectKey) -> Self {
        key.0
    }
}

impl TryFrom<String> for ObjectKey {
    type Error = InvalidObjectKey;
    fn try_from(text: String) -> Result<Self, InvalidObjectKey> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_cannot_leave_the_run() {
        assert!("data/process/processes.jsonl.zst".parse::<ObjectKey>().is_ok());
        for text in ["", "/etc/passwd", "../x", "a//b", "a/./b", "a/", "a b", "a\nb", "ä"] {
            assert!(text.parse::<ObjectKey>().is_err(), "{text}");
        }
    }
}
