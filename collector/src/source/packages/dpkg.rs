//! dpkg's own files: `status` (deb822(5)), `info/*.md5sums` (deb-md5sums(5)) and `diversions`.

use std::collections::BTreeMap;

use super::sums::{self, Sum};

/// Fields of one package, by their names in lower case; lines that go on are joined by newlines.
pub(super) type Stanza = BTreeMap<Vec<u8>, Vec<u8>>;

/// The stanzas of a control file.
pub(super) fn stanzas(text: &[u8]) -> impl Iterator<Item = Stanza> {
    let mut lines = text.split(|b| *b == b'\n').peekable();
    std::iter::from_fn(move || {
        while lines.next_if(|line| line.trim_ascii().is_empty()).is_some() {}
        lines.peek()?;
        let mut stanza = BTreeMap::new();
        let mut last: Option<Vec<u8>> = None;
        while let Some(line) = lines.next_if(|line| !line.trim_ascii().is_empty()) {
            if line.first().is_some_and(|b| matches!(b, b' ' | b'\t')) {
                if let Some(value) = last.as_ref().and_then(|name| stanza.get_mut(name)) {
                    let value: &mut Vec<u8> = value;
                    value.push(b'\n');
                    value.extend_from_slice(line.trim_ascii());
                }
            } else if let Some(colon) = line.iter().position(|b| *b == b':') {
                let name = line.get(..colon).unwrap_or_default().to_ascii_lowercase();
                stanza.insert(name.clone(), line.get(colon + 1..).unwrap_or_default().trim_ascii().to_owned());
                last = Some(name);
            }
        }
        Some(stanza)
    })
}

/// The upstream version and the revision of a package's version: the revision stands behind the last `-`.
pub(super) fn revision(version: &[u8]) -> &[u8] {
    version.iter().rposition(|b| *b == b'-').and_then(|dash| version.get(dash + 1..)).unwrap_or_default()
}

/// One line of `md5sums`: digest, and path without its leading slash.
pub(super) fn md5sum(line: &[u8]) -> Option<(Sum, &[u8])> {
    let (digits, rest) = line.split_at_checked(32)?;
    let path = rest.strip_prefix(b"  ").or_else(|| rest.strip_prefix(b" *"))?;
    let path = path.strip_prefix(b"./").unwrap_or(path);
    (!path.is_empty()).then_some((sums::bytes(digits).map(Sum::Md5)?, path))
}

/// The package of a file `info/NAME.md5sums`: `libc6:amd64.md5sums` is of `libc6`.
pub(super) fn package_of(file: &[u8]) -> Option<&[u8]> {
    let name = file.strip_suffix(b".md5sums")?;
    name.split(|b| *b == b':').next().filter(|name| !name.is_empty())
}

/// The most diversions that are held in memory. A distribution has some hundreds.
const MOST_DIVERSIONS: usize = 100_000;

/// Files that dpkg has moved out of the way: where a package's file really lies, by its path and for every package but the one
/// that diverts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Diversions(BTreeMap<Vec<u8>, (Vec<u8>, Vec<u8>)>);

impl Diversions {
    /// Three lines each: path, where it is moved to, the package that diverts (or `:` for the administrator).
    pub(super) fn new(text: &[u8]) -> Self {
        let mut lines = text.split(|b| *b == b'\n').map(<[u8]>::to_vec);
        let entries = std::iter::from_fn(|| Some((lines.next()?, (lines.next()?, lines.next()?))));
        Self(entries.take(MOST_DIVERSIONS).collect())
    }

    /// Where the file `path` of `package` lies.
    pub(super) fn place<'a>(&'a self, path: &'a [u8], package: &[u8]) -> &'a [u8] {
        match self.0.get(path) {
            Some((to, by)) if by != package => to,
            _ => path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stanzas_have_fields_and_lines_that_go_on() {
        let text =
            b"\nPackage: a\nConffiles:\n /etc/a d41d\n /etc/b \xff\nStatus: install ok installed\n\n\n orphan\nPACKAGE: b\nbad\n";
        let found: Vec<_> = stanzas(text).collect();
        assert_eq!((found.len(), found[0][&b"package"[..]].as_slice()), (2, &b"a"[..]));
        assert_eq!(found[0][&b"conffiles"[..]], b"\n/etc/a d41d\n/etc/b \xff");
        assert_eq!((found[1][&b"package"[..]].as_slice(), found[1].len()), (&b"b"[..], 1));
        assert_eq!((revision(b"1:2.3-4+deb12u1"), revision(b"1.0")), (&b"4+deb12u1"[..], &b""[..]));
    }

    #[test]
    fn sums_have_a_digest_and_a_path() {
        let found = md5sum(b"d41d8cd98f00b204e9800998ecf8427e  usr/bin/n\x1b\xff").unwrap();
        assert_eq!((found.0.columns().2.as_str(), found.1), ("d41d8cd98f00b204e9800998ecf8427e", &b"usr/bin/n\x1b\xff"[..]));
        for bad in [&b"d41d"[..], b"d41d8cd98f00b204e9800998ecf8427  usr/bin/x", b"z41d8cd98f00b204e9800998ecf8427e  a", b""] {
            assert_eq!(md5sum(bad), None);
        }
        assert_eq!((package_of(b"libc6:amd64.md5sums"), package_of(b"a.list")), (Some(&b"libc6"[..]), None));
    }

    #[test]
    fn a_diverted_file_lies_elsewhere_for_all_but_who_diverts() {
        let found = Diversions::new(b"/bin/sh\n/bin/sh.distrib\ndash\n/bin/x\n/bin/y\n:\n");
        assert_eq!(
            (found.place(b"/bin/sh", b"bash"), found.place(b"/bin/sh", b"dash")),
            (&b"/bin/sh.distrib"[..], &b"/bin/sh"[..])
        );
        let many: String = (0..=MOST_DIVERSIONS).map(|n| format!("/{n}\n/x\np\n")).collect();
        assert_eq!(Diversions::new(many.as_bytes()).0.len(), MOST_DIVERSIONS);
        assert_eq!((found.place(b"/bin/x", b"a"), found.place(b"/bin/z", b"a")), (&b"/bin/y"[..], &b"/bin/z"[..]));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text: Vec<u8>) {
            assert!(stanzas(&text).count() <= text.len());
            Diversions::new(&text);
            if let Some((_, path)) = md5sum(&text) {
                assert!(text.ends_with(path));
            }
        }
    }
}
