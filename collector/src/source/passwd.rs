//! Lines of `/etc/passwd` (passwd(5)), read by ourselves: the C library's functions would run code of the host.

/// The most that is read of it.
pub(super) const LIMIT: usize = 8 << 20;

/// One account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account<'a> {
    pub(super) name: &'a [u8],
    /// `x` where `/etc/shadow` has the hash; anything else is one, or none.
    pub(super) password: &'a [u8],
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) description: &'a [u8],
    pub(super) directory: &'a [u8],
    pub(super) shell: &'a [u8],
}

/// One line, if it is an account.
pub(super) fn account(line: &[u8]) -> Option<Account<'_>> {
    let mut fields = line.split(|b| *b == b':');
    let (name, password) = (fields.next()?, fields.next()?);
    let (uid, gid) = (id(fields.next()?)?, id(fields.next()?)?);
    let (description, directory) = (fields.next()?, fields.next()?);
    Some(Account { name, password, uid, gid, description, directory, shell: fields.next().unwrap_or_default() })
}

/// A user's or a group's number.
pub(super) fn id(field: &[u8]) -> Option<u32> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_read_whatever_their_names() {
        let found = account(b"a\xff:x:0:7:,\x1b[2J:/home/a:/bin/sh").unwrap();
        assert_eq!((found.name, found.uid, found.gid, found.directory), (&b"a\xff"[..], 0, 7, &b"/home/a"[..]));
        assert_eq!(account(b"b::4294967295:1::/").unwrap().shell, b"");
        for bad in [&b""[..], b"+::::::", b"a:x:-1:1:::", b"a:x:4294967296:1:::", b"a:x:1:1:d"] {
            assert_eq!(account(bad), None);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_line_is_an_account_or_none(line: Vec<u8>) {
            if let Some(found) = account(&line) {
                assert!(line.starts_with(found.name));
            }
        }
    }
}
