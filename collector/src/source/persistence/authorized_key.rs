//! Lines of `authorized_keys` (sshd(8), AUTHORIZED_KEYS FILE FORMAT).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use crate::model::Digest;

/// One key that may log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key<'a> {
    /// What the key may do and what it runs; empty where nothing is said.
    pub(super) options: &'a [u8],
    pub(super) algorithm: &'a [u8],
    /// The key in base64.
    pub(super) key: &'a [u8],
    pub(super) comment: &'a [u8],
    /// As `ssh-keygen -l` prints it; none where the key is not base64, or not of its algorithm.
    pub(super) fingerprint: Option<String>,
}

/// Whether there is nothing in the line but a comment.
pub(super) fn is_comment(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    line.is_empty() || line.starts_with(b"#")
}

/// One line; `None` for comments, empty lines and what is no key.
pub(super) fn key(line: &[u8]) -> Option<Key<'_>> {
    let line = line.trim_ascii();
    if is_comment(line) {
        return None;
    }
    let (first, rest) = word(line)?;
    let (options, algorithm, rest) = if is_algorithm(first) {
        (&b""[..], first, rest)
    } else {
        let (algorithm, rest) = word(rest)?;
        (first, algorithm, rest)
    };
    if !is_algorithm(algorithm) {
        return None;
    }
    let (key, comment) = word(rest)?;
    Some(Key { options, algorithm, key, comment, fingerprint: fingerprint(algorithm, key) })
}

/// Names that sshd takes in any case for those that stand in the key (OpenSSH up to at least 7.4, as Amazon Linux 2 and RHEL 7 have it).
const SHORT: [(&[u8], &[u8]); 4] =
    [(b"rsa", b"ssh-rsa"), (b"dsa", b"ssh-dss"), (b"ecdsa", b"ecdsa-sha2-"), (b"ed25519", b"ssh-ed25519")];

/// What a key begins with that bears this short name.
fn of_short(word: &[u8]) -> Option<&'static [u8]> {
    SHORT.iter().find(|(short, _)| word.eq_ignore_ascii_case(short)).map(|(_, name)| *name)
}

fn is_algorithm(word: &[u8]) -> bool {
    of_short(word).is_some() || is_full_name(word)
}

fn is_full_name(word: &[u8]) -> bool {
    [&b"ssh-"[..], b"ecdsa-", b"sk-ssh-", b"sk-ecdsa-"].iter().any(|start| word.starts_with(start))
        && word.iter().all(|b| b.is_ascii_alphanumeric() || b"-@.".contains(b))
}

/// The first word, and what follows the blanks behind it. Blanks between quotes do not end it.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (mut quoted, mut escaped) = (false, false);
    let ends = |b: &u8| {
        let blank = b.is_ascii_whitespace() && !quoted;
        quoted ^= *b == b'"' && !escaped;
        escaped = *b == b'\\' && !escaped;
        blank
    };
    let end = text.iter().position(ends).unwrap_or(text.len());
    let (first, rest) = text.split_at_checked(end)?;
    (!first.is_empty()).then_some((first, rest.trim_ascii_start()))
}

/// The digest of a key whose first field is its algorithm (RFC 4253, 6.6).
fn fingerprint(algorithm: &[u8], key: &[u8]) -> Option<String> {
    let blob = STANDARD.decode(key).ok()?;
    let (length, rest) = blob.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let name = rest.get(..length)?;
    let is_named = of_short(algorithm).map_or(name == algorithm, |start| name.starts_with(start));
    is_named.then(|| format!("SHA256:{}", STANDARD_NO_PAD.encode(Digest::of(&blob).as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The host key and fingerprint that GitHub publishes.
    const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
    const FINGERPRINT: &str = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU";

    #[test]
    fn options_algorithm_key_and_comment() {
        let text = format!("command=\"/bin/x \\\"a b\\\" c\",no-pty ssh-ed25519 {KEY} a comment\u{1b}");
        let found = key(text.as_bytes()).unwrap();
        assert_eq!(found.options, b"command=\"/bin/x \\\"a b\\\" c\",no-pty");
        assert_eq!((found.algorithm, found.comment), (&b"ssh-ed25519"[..], &b"a comment\x1b"[..]));
        assert_eq!(found.fingerprint.as_deref(), Some(FINGERPRINT));
        let plain = format!("ssh-ed25519 {KEY}");
        assert_eq!(key(plain.as_bytes()).unwrap().fingerprint.as_deref(), Some(FINGERPRINT));
        let wrong = format!("ssh-rsa {KEY}");
        assert_eq!(key(wrong.as_bytes()).unwrap().fingerprint, None);
        for none in [&b"# ssh-rsa AAAA"[..], b"", b"ssh-rsa", b"a b c", b"\"ssh-rsa AAAA"] {
            assert_eq!(key(none), None);
        }
    }

    #[test]
    fn short_names_of_algorithms_are_taken_in_any_case() {
        for name in ["ed25519", "ED25519", "Ed25519"] {
            let text = format!("no-pty {name} {KEY} c");
            let found = key(text.as_bytes()).unwrap();
            assert_eq!((found.algorithm, found.options), (name.as_bytes(), &b"no-pty"[..]));
            assert_eq!(found.fingerprint.as_deref(), Some(FINGERPRINT));
        }
        for (name, is_one) in [("RSA", true), ("dsa", true), ("ECDSA", true), ("SSH-RSA", false), ("rsa1", false)] {
            let text = format!("{name} {KEY}");
            assert_eq!(key(text.as_bytes()).map(|key| key.fingerprint), is_one.then_some(None), "{name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_line_is_a_key_or_none(line: Vec<u8>) {
            if let Some(found) = key(&line) {
                assert!(line.trim_ascii().ends_with(found.comment));
            }
        }
    }
}
