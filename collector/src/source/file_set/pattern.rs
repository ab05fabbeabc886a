//! Patterns of paths: `/etc/cron.*/*`, `~/.ssh/*`, `/etc/systemd/**`.
//!
//! `*`, `?` and `[a-z]` stand for bytes of one name, `**` for any folders in between, or, at the end, for all that is below; `**3` for at
//! most three folders in between, or for what is at most three levels below. A leading
//! `~/` is the home of each user in turn. A name without these is looked up, and a symbolic link in its place is followed inside the
//! host's own root, and so is one that `*` met in the place of a folder and root owns (`find` says which not); one that `**` comes to is an
//! entry and leads nowhere.

pub(super) use crate::model::glob::matches;

/// One part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// Exactly this name.
    Name(Vec<u8>),
    /// Names that match.
    Glob(Vec<u8>),
    /// At most so many folders.
    Folders(usize),
}

/// A pattern in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    /// Whether it is looked for in each home, and not from the root.
    pub(super) at_home: bool,
    /// Its parts; none is empty.
    pub(super) parts: Vec<Part>,
}

impl Pattern {
    /// The pattern that `text` writes.
    pub(super) fn new(text: &str) -> Self {
        let (at_home, rest) = text.strip_prefix("~/").map_or((false, text), |rest| (true, rest));
        let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
        let mut parts: Vec<Part> = parts.into_iter().map(part).collect();
        // All that is below is every name in any folder; what is one level below is in no folder in between.
        if let Some(Part::Folders(most)) = parts.last_mut() {
            *most = most.saturating_sub(1);
            parts.push(Part::Glob(b"*".to_vec()));
        }
        Self { at_home, parts }
    }
}

fn part(text: &str) -> Part {
    match text.strip_prefix("**") {
        Some("") => Part::Folders(usize::MAX),
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => Part::Folders(digits.parse().unwrap_or(usize::MAX)),
        _ if text.contains(['*', '?', '[']) => Part::Glob(text.as_bytes().to_owned()),
        _ => Part::Name(text.as_bytes().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_have_parts() {
        let name = |text: &str| Part::Name(text.as_bytes().to_owned());
        let glob = |text: &str| Part::Glob(text.as_bytes().to_owned());
        assert_eq!(
            Pattern::new("/etc/cron.*/*"),
            Pattern { at_home: false, parts: vec![name("etc"), glob("cron.*"), glob("*")] }
        );
        assert_eq!(
            Pattern::new("~/a/**"),
            Pattern { at_home: true, parts: vec![name("a"), Part::Folders(usize::MAX - 1), glob("*")] }
        );
        assert_eq!(Pattern::new("/a/**/b").parts, [name("a"), Part::Folders(usize::MAX), name("b")]);
        assert_eq!(Pattern::new("/a/**3").parts, [name("a"), Part::Folders(2), glob("*")]);
        assert_eq!(Pattern::new("/**2/b").parts, [Part::Folders(2), name("b")]);
        assert_eq!(Pattern::new("/a.[0-9]/**x").parts, [glob("a.[0-9]"), glob("**x")]);
    }
}
