//! What the magic links of `/proc/PID` say: a path, or `kind:[number]` for what has none (proc_pid_fd(5), namespaces(7)).

use crate::source::text::decimal;

/// The inode of a link such as `socket:[123]`, `pipe:[7]` or `net:[4026531840]`.
#[must_use]
pub fn inode(target: &[u8], kind: &[u8]) -> Option<u64> {
    decimal(target.strip_prefix(kind)?.strip_prefix(b":[")?.strip_suffix(b"]")?)
}

/// The inode of a namespace link, whatever its kind.
#[must_use]
pub fn namespace(target: &[u8]) -> Option<u64> {
    let colon = target.iter().position(|b| *b == b':')?;
    inode(target, target.get(..colon)?)
}

/// Whether the target is a path, so that asking for its metadata says something and may touch a file system.
#[must_use]
pub fn is_path(target: &[u8]) -> bool {
    target.starts_with(b"/")
}

/// Whether it is a file without a name, made by memfd_create(2).
#[must_use]
pub fn is_memfd(target: &[u8]) -> bool {
    target.starts_with(b"/memfd:")
}

/// What the kernel appends to the path of a file that has lost this name.
pub const DELETED: &[u8] = b" (deleted)";

/// Whether the file behind a path has lost its name: the kernel says so, or it has no name at all. A name that itself ends in
/// the kernel's mark counts too: the number of names (`nlink`) tells the two apart, and such a name is worth a look.
#[must_use]
pub fn is_deleted(target: &[u8], nlink: Option<u32>) -> bool {
    nlink == Some(0) || target.ends_with(DELETED)
}

/// The kind in words, where the link alone tells: `socket`, `pipe`, `anon_inode` and what else the kernel writes before `:`.
#[must_use]
pub fn kind(target: &[u8]) -> Option<&str> {
    let colon = target.iter().position(|b| *b == b':').filter(|_| !is_path(target))?;
    std::str::from_utf8(target.get(..colon)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_stand_in_brackets() {
        assert_eq!(inode(b"socket:[123]", b"socket"), Some(123));
        assert_eq!(namespace(b"net:[4026531840]"), Some(4_026_531_840));
        for odd in [&b"socket:[x]"[..], b"/tmp/socket:[1]", b"socket:[1", b"", b"socket:[99999999999999999999]"] {
            assert_eq!(inode(odd, b"socket"), None);
        }
        for odd in [&b"net:[]"[..], b"mnt:[1]", b"net:[1", b"net:[-1]", b"net:[+1]", b"net:[ 1]", b"net:[99999999999999999999]"] {
            assert_eq!(inode(odd, b"net"), None, "{odd:?}");
        }
    }

    #[test]
    fn kinds_are_told_from_paths() {
        assert_eq!(kind(b"anon_inode:[eventpoll]"), Some("anon_inode"));
        assert_eq!(kind(b"/a:b"), None);
        assert!(is_path(b"/memfd:x (deleted)") && is_memfd(b"/memfd:x (deleted)") && !is_memfd(b"memfd:x"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            let _ = inode(&bytes, b"socket");
            let _ = namespace(&bytes);
            let _ = kind(&bytes);
        }
    }
}
