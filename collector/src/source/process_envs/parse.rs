//! The bytes of `/proc/PID/environ` (proc_pid_environ(5)) as entries.

use std::ops::Range;

/// One entry: what stands between two NUL bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    /// Its number, counted from 0, empty entries included.
    pub(super) ordinal: u64,
    /// All of it.
    pub(super) text: &'a [u8],
    /// What stands before the first `=`; all of it where there is none.
    pub(super) key: &'a [u8],
    /// What stands behind the first `=`; `None` where there is none.
    pub(super) value: Option<&'a [u8]>,
    /// Where it stands in the environment.
    pub(super) span: Range<usize>,
    /// Whether the end of what was read cuts it short.
    pub(super) cut: bool,
}

/// The entries of an environment, without empty ones. `truncated` says that more bytes would follow.
pub(super) fn entries(environ: &[u8], truncated: bool) -> Vec<Entry<'_>> {
    let mut at = 0;
    let mut found = Vec::new();
    for (ordinal, text) in (0_u64..).zip(environ.split(|b| *b == 0)) {
        let span = at..at + text.len();
        at = span.end + 1;
        if text.is_empty() {
            continue;
        }
        let mut parts = text.splitn(2, |b| *b == b'=');
        let (key, value) = (parts.next().unwrap_or_default(), parts.next());
        let cut = truncated && span.end == environ.len();
        found.push(Entry { ordinal, text, key, value, span, cut });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_equals_sign_divides() {
        let environ = b"A=b=c\0=x\0\0none\0B=";
        let found = entries(environ, true);
        let shown: Vec<_> = found.iter().map(|e| (e.ordinal, e.key, e.value)).collect();
        assert_eq!(shown, [(0, &b"A"[..], Some(&b"b=c"[..])), (1, b"", Some(b"x")), (3, b"none", None), (4, b"B", Some(b""))]);
        assert_eq!(found.iter().map(|e| e.cut).collect::<Vec<_>>(), [false, false, false, true]);
        assert!(found.iter().all(|e| &environ[e.span.clone()] == e.text));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_entries_in_their_place(environ: Vec<u8>, truncated: bool) {
            for entry in entries(&environ, truncated) {
                assert_eq!(&environ[entry.span.clone()], entry.text);
                assert_eq!(entry.text.len(), entry.key.len() + entry.value.map_or(0, |value| value.len() + 1));
            }
        }
    }
}
