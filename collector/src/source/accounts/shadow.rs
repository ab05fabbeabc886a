//! Lines of `/etc/shadow` (shadow(5)), whose hashes may be hidden.

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shadow<'a> {
    pub(super) name: &'a [u8],
    /// osquery's word for the password.
    pub(super) password_status: &'static str,
    /// What it was hashed with (crypt(5)), where that is written.
    pub(super) algorithm: Option<&'a [u8]>,
    /// Days, in the order of the file: last change (since 1970), minimum, maximum, warning, inactive, expiry (since 1970).
    pub(super) days: [Option<i64>; 6],
    /// The reserved field.
    pub(super) flag: &'a [u8],
}

/// One line, if it is one.
pub(super) fn shadow(line: &[u8]) -> Option<Shadow<'_>> {
    let mut fields = line.split(|b| *b == b':');
    let (name, password) = (fields.next()?, fields.next()?);
    let mut days = [None; 6];
    for slot in &mut days {
        *slot = fields.next().and_then(|field| std::str::from_utf8(field).ok()?.parse().ok());
    }
    let unlocked = password.trim_ascii_start();
    let hash = unlocked.iter().position(|b| *b != b'!' && *b != b'*').and_then(|at| unlocked.get(at..));
    Some(Shadow {
        name,
        password_status: status(password),
        algorithm: hash.and_then(|hash| hash.strip_prefix(b"$")?.split(|b| *b == b'$').next()),
        days,
        flag: fields.next().unwrap_or_default(),
    })
}

/// `empty` lets anybody in; `not_set` and `locked` nobody with a password.
fn status(password: &[u8]) -> &'static str {
    match password.first() {
        None => "empty",
        Some(b'!') if password.iter().all(|b| b"!*".contains(b)) => "not_set",
        Some(b'!' | b'*') => "locked",
        Some(_) => "active",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_told_apart_without_their_hashes() {
        let found = shadow(b"root:$y$xxxx:19000:0:99999:7:::").unwrap();
        assert_eq!((found.name, found.password_status, found.algorithm), (&b"root"[..], "active", Some(&b"y"[..])));
        assert_eq!(found.days, [Some(19000), Some(0), Some(99999), Some(7), None, None]);
        let status = |line: &'static [u8]| shadow(line).unwrap().password_status;
        assert_eq!(
            (status(b"a::1"), status(b"a:!:1"), status(b"a:!$6$x:1"), status(b"a:*:1")),
            ("empty", "not_set", "locked", "locked")
        );
        assert_eq!(shadow(b"a:!!$6$x:1").unwrap().algorithm, Some(&b"6"[..]));
        assert_eq!((shadow(b"a:abJnggxhB/yWI:1").unwrap().algorithm, shadow(b"a"), shadow(b"")), (None, None, None));
    }

    proptest::proptest! {
        #[test]
        fn any_line_is_read_or_not(line: Vec<u8>) {
            if let Some(found) = shadow(&line) {
                assert!(line.starts_with(found.name));
            }
        }
    }
}
