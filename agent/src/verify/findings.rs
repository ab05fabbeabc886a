//! What contradicts the records, and what could not be read: each with its place.
//!
//! **Invariant:** text of a finding is safe to print, short, and there are never more than [`MAX_FINDINGS`] of them.

use std::fmt;

use serde::Serialize;

use super::words;

/// The most findings that a report lists; the rest are counted.
pub const MAX_FINDINGS: usize = 1000;
/// The most characters of one finding's text.
const MAX_TEXT: usize = 400;

/// Something that is not as the records say, or that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The object's name below the folder, escaped; `.` for the folder itself.
    pub object: String,
    /// The line of a journal or list, or the row of a table, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What is wrong there; escaped text.
    pub what: String,
}

impl Finding {
    /// The place in words: object, and line where there is one.
    #[must_use]
    pub fn place(&self) -> String {
        match (self.object.as_str(), self.line) {
            (".", _) => "the folder".to_owned(),
            (object, Some(line)) => format!("{object}, line {line}"),
            (object, None) => object.to_owned(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place(), self.what)
    }
}

/// Where something was found.
#[derive(Debug, Clone)]
pub(super) struct Place {
    object: String,
    line: Option<u64>,
}

impl Place {
    /// In this line of the object.
    pub(super) fn line(object: impl fmt::Display, line: u64) -> Self {
        Self { object: object.to_string(), line: Some(line) }
    }

    /// The folder itself.
    pub(super) fn folder() -> Self {
        Self { object: ".".to_owned(), line: None }
    }
}

impl<T: fmt::Display> From<T> for Place {
    fn from(object: T) -> Self {
        Self { object: object.to_string(), line: None }
    }
}

/// The findings so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    failures: Vec<Finding>,
    unreadable: Vec<Finding>,
    warnings: Vec<Finding>,
    omitted: u64,
}

/// The findings by what they mean.
#[derive(Debug)]
pub(super) struct Parts {
    /// What contradicts the records.
    pub(super) failures: Vec<Finding>,
    /// What could not be read.
    pub(super) unreadable: Vec<Finding>,
    /// What contradicts nothing, and should be known.
    pub(super) warnings: Vec<Finding>,
    /// Contradictions that are not listed.
    pub(super) omitted: u64,
}

/// How many findings there were at a point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    failures: u64,
    unreadable: usize,
}

/// What became of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It was made, and nothing contradicts.
    Passed,
    /// It was made, and something contradicts.
    Failed,
    /// It could not be made, or there was nothing to check.
    NotDone,
}

impl Findings {
    /// Notes that something contradicts the records.
    pub(super) fn fail(&mut self, place: impl Into<Place>, what: impl AsRef<str>) {
        if self.failures.len() < MAX_FINDINGS {
            self.failures.push(finding(place.into(), what.as_ref()));
        } else {
            self.omitted += 1;
        }
    }

    /// Notes a contradiction unless `holds`.
    pub(super) fn require(&mut self, holds: bool, place: impl Into<Place>, what: impl AsRef<str>) {
        if !holds {
            self.fail(place, what);
        }
    }

    /// Notes that something could not be read.
    pub(super) fn unreadable(&mut self, place: impl Into<Place>, what: impl AsRef<str>) {
        if self.unreadable.len() < MAX_FINDINGS {
            self.unreadable.push(finding(place.into(), what.as_ref()));
        }
    }

    /// Notes something that contradicts nothing, and should be known.
    pub(super) fn warn(&mut self, place: impl Into<Place>, what: impl AsRef<str>) {
        if self.warnings.len() < MAX_FINDINGS {
            self.warnings.push(finding(place.into(), what.as_ref()));
        }
    }

    /// This point in time, for [`Findings::since`].
    pub(super) fn mark(&self) -> Mark {
        let failures = u64::try_from(self.failures.len()).unwrap_or(u64::MAX).saturating_add(self.omitted);
        Mark { failures, unreadable: self.unreadable.len() }
    }

    /// What became of the check that began at `mark`.
    pub(super) fn since(&self, mark: Mark) -> State {
        let now = self.mark();
        if now.failures > mark.failures {
            State::Failed
        } else if now.unreadable > mark.unreadable {
            State::NotDone
        } else {
            State::Passed
        }
    }

    /// All of it, apart.
    pub(super) fn into_parts(self) -> Parts {
        let Self { failures, unreadable, warnings, omitted } = self;
        Parts { failures, unreadable, warnings, omitted }
    }
}

fn finding(place: Place, what: &str) -> Finding {
    Finding { object: words::shown(&place.object), line: place.line, what: words::clipped(what, MAX_TEXT) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_capped_and_safe_to_print() {
        let mut findings = Findings::default();
        let mark = findings.mark();
        assert_eq!(findings.since(mark), State::Passed);
        (0..MAX_FINDINGS + 2).for_each(|_| findings.fail(Place::line("a\x1b", 3), "b\nc\\x07".repeat(1000)));
        assert_eq!(findings.since(mark), State::Failed);
        let Parts { failures, omitted, .. } = findings.into_parts();
        assert_eq!((failures.len(), omitted), (MAX_FINDINGS, 2));
        assert_eq!(failures[0].place(), "a\\x1b, line 3");
        assert!(failures[0].what.starts_with("b\\nc\\x07b") && failures[0].what.chars().count() <= MAX_TEXT + 1);
    }

    #[test]
    fn what_cannot_be_read_is_no_contradiction() {
        let mut findings = Findings::default();
        let mark = findings.mark();
        findings.warn(Place::folder(), "look");
        assert_eq!(findings.since(mark), State::Passed);
        findings.unreadable(Place::folder(), "no");
        assert_eq!(findings.since(mark), State::NotDone);
    }
}
