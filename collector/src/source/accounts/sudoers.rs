//! Rules of sudoers (sudoers(5)), as osquery cuts them: the first word, and the rest.

/// A rule: its first line, what stands first in it (a user, `%group`, `Defaults`, `@include`), and the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) line: u64,
    pub(super) header: Vec<u8>,
    pub(super) details: Vec<u8>,
}

/// What a rule includes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Included {
    /// A file.
    File(Vec<u8>),
    /// All files of a folder.
    Folder(Vec<u8>),
}

impl Rule {
    /// What it includes, if it does; `%h` stands for the host's name up to the first dot, and a path that is not absolute begins in `folder`.
    pub(super) fn included(&self, folder: &[u8], host: &[u8]) -> Option<Included> {
        let path = path(&self.details, host);
        if path.is_empty() {
            return None;
        }
        let path = if path.starts_with(b"/") { path } else { [folder, b"/", &path].concat() };
        match self.header.as_slice() {
            b"@include" | b"#include" => Some(Included::File(path)),
            b"@includedir" | b"#includedir" => Some(Included::Folder(path)),
            _ => None,
        }
    }
}

/// The path at the beginning of `text`: up to a blank, but for what stands in quotes or behind a backslash.
fn path(text: &[u8], host: &[u8]) -> Vec<u8> {
    let (mut path, mut is_quoted) = (Vec::new(), false);
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\\' => path.extend(bytes.next()),
            b'%' if bytes.as_slice().first() == Some(&b'h') => {
                bytes.next();
                path.extend_from_slice(host.split(|b| *b == b'.').next().unwrap_or_default());
            }
            byte if byte.is_ascii_whitespace() && !is_quoted => break,
            byte => path.push(*byte),
        }
    }
    path
}

/// The rules of a file, one at a time. Lines that end with a backslash go on.
pub(super) fn rules(text: &[u8]) -> impl Iterator<Item = Rule> {
    let mut lines = text.split(|b| *b == b'\n').zip(1..);
    std::iter::from_fn(move || {
        let (mut joined, mut first) = (Vec::new(), None);
        for (line, number) in lines.by_ref() {
            let first = *first.get_or_insert(number);
            let Some(goes_on) = line.strip_suffix(b"\\") else {
                joined.extend_from_slice(line);
                return Some((joined, first));
            };
            joined.extend_from_slice(goes_on);
            joined.push(b' ');
        }
        first.map(|first| (joined, first))
    })
    .filter_map(|(line, first)| rule(&line, first))
}

fn rule(line: &[u8], number: u64) -> Option<Rule> {
    let line = line.trim_ascii();
    // `#include` is no comment, and `#1000` is a user.
    let directive = line.starts_with(b"#include") || line.get(1).is_some_and(u8::is_ascii_digit);
    if line.is_empty() || (line.starts_with(b"#") && !directive) {
        return None;
    }
    let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
    let (header, details) = line.split_at_checked(end)?;
    Some(Rule { line: number, header: header.to_owned(), details: details.trim_ascii_start().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_go_on_and_comments_are_none() {
        let text = b"# no\nroot ALL=(ALL) \\\n NOPASSWD: ALL\n\n#includedir /etc/sudoers.d\n#1000 ALL=ALL\n%a\xff\tALL=/x\n#-1";
        let found: Vec<_> = rules(text).collect();
        let shown: Vec<_> = found.iter().map(|rule| (rule.line, rule.header.as_slice(), rule.details.as_slice())).collect();
        assert_eq!(
            shown,
            [
                (2, &b"root"[..], &b"ALL=(ALL)   NOPASSWD: ALL"[..]),
                (5, b"#includedir", b"/etc/sudoers.d"),
                (6, b"#1000", b"ALL=ALL"),
                (7, b"%a\xff", b"ALL=/x"),
            ]
        );
    }

    #[test]
    fn what_is_included_is_named() {
        let of = |line: &str| rules(line.as_bytes()).next().and_then(|rule| rule.included(b"/etc", b"web.example\n"));
        let file = |path: &str| Some(Included::File(path.into()));
        let folder = |path: &str| Some(Included::Folder(path.into()));
        assert_eq!((of("@include /opt/x # why"), of("#include y")), (file("/opt/x"), file("/etc/y")));
        assert_eq!((of("@includedir \"/opt/a b\""), of("#includedir\t/opt/a\\ b.d")), (folder("/opt/a b"), folder("/opt/a b.d")));
        assert_eq!(of("@include sudoers.%h"), file("/etc/sudoers.web"));
        assert_eq!((of("@include"), of("# include /x"), of("ann ALL=/x"), of("@included /x")), (None, None, None, None));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text: Vec<u8>) {
            assert!(rules(&text).all(|rule| !rule.header.is_empty()));
            assert!(rules(&text).all(|rule| rule.included(b"/etc", b"h").is_none() || !rule.details.is_empty()));
        }
    }
}
