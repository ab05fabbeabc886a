//! Hashes of passwords in the files of accounts.

use super::{hide, is_run_from};

/// Whether the file at `path` is `shadow`, `gshadow`, `passwd` or `group` or a copy of one, in a folder where such files are.
pub(in crate::source) fn is_accounts(path: &[u8]) -> bool {
    let (folder, base) = folder_and_base(path);
    // `/etc/pam.d/passwd` is another thing.
    [&b"etc"[..], b"lib", b"extrausers", b"backups"].contains(&folder)
        && [&b"shadow"[..], b"gshadow", b"passwd", b"group"].contains(&base)
}

/// Whether the file at `path` is called as `shadow`, `gshadow` or a copy of one is. What is run from where it lies must not hide behind that:
/// in `/etc/cron.d/shadow`, what stands behind a colon is no hash.
pub(in crate::source) fn is_called_shadow(path: &[u8]) -> bool {
    [&b"shadow"[..], b"gshadow"].contains(&folder_and_base(path).1) && !is_run_from(path)
}

/// The name of its folder, and its own without what editors put at the end of a copy.
fn folder_and_base(path: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = path.rsplit(|b| *b == b'/');
    let (name, folder) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    (folder, COPIES.iter().find_map(|end| name.strip_suffix(*end)).unwrap_or(name))
}

/// Ends of names of copies of the files of accounts.
const COPIES: [&[u8]; 7] = [b"-", b"+", b"~", b".bak", b".old", b".orig", b".edit"];

/// Puts an `x` in the place of each byte of the password field of lines of `shadow`, `gshadow`, `passwd` and `group` (shadow(5),
/// passwd(5)), but of what says how it was hashed. Returns how many bytes that changed.
pub(in crate::source) fn mask_shadow(text: &mut [u8]) -> u64 {
    let mut count = 0;
    for line in text.split_mut(|b| *b == b'\n') {
        let Some(field) = line.split_mut(|b| *b == b':').nth(1) else { continue };
        let hidden = hash_begins(field);
        let hash = field.get_mut(hidden..).unwrap_or_default();
        count += hide(hash, 0..hash.len());
    }
    count
}

/// Where in a password field the hash begins: behind marks of a locked account and `$id$`. A field of marks alone has none.
fn hash_begins(field: &[u8]) -> usize {
    let marks = field.iter().take_while(|b| b"!*".contains(b)).count();
    let rest = field.get(marks..).unwrap_or_default();
    let id = rest.strip_prefix(b"$").and_then(|rest| rest.iter().position(|b| *b == b'$'));
    marks + id.filter(|length| *length <= 8).map_or(0, |length| length + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_of_passwords_are_hidden_and_their_kind_stays() {
        let mut text =
            b"root:$6$salt$hash:19000:0:99999:7:::\nx:!:1::::::\ny:!$y$j9T$a$b:1:\nz:abJnggxhB/yWI:1:\n\xff\nold::1:".to_vec();
        assert_eq!(mask_shadow(&mut text), 9 + 7 + 12);
        let shown = b"root:$6$xxxxxxxxx:19000:0:99999:7:::\nx:!:1::::::\ny:!$y$xxxxxxx:1:\nz:xxxxxxxxxxxxx:1:\n\xff\nold::1:";
        assert_eq!(text, shown);
    }

    #[test]
    fn a_field_of_passwd_that_is_no_hash_stays() {
        let mut text = b"a:x:0:0:::\nb:*:1:1:::\nc:!!:1:1:::\nd::1:1:::\ne:abJnggxhB/yWI:1:1:::\n".to_vec();
        assert_eq!(mask_shadow(&mut text), 12);
        assert_eq!(text, b"a:x:0:0:::\nb:*:1:1:::\nc:!!:1:1:::\nd::1:1:::\ne:xxxxxxxxxxxxx:1:1:::\n");
        for path in ["/etc/shadow", "/etc/gshadow-", "/var/lib/extrausers/shadow", "/var/backups/passwd.bak", "/srv/x/etc/group"]
        {
            assert!(is_accounts(path.as_bytes()), "{path}");
        }
        for path in ["/etc/pam.d/passwd", "/etc/subuid", "/etc/shadow.conf", "/home/a/passwd"] {
            assert!(!is_accounts(path.as_bytes()), "{path}");
        }
        assert!(is_called_shadow(b"/home/a/shadow-") && !is_called_shadow(b"/home/a/passwd"));
    }
}
