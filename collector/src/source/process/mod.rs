//! What `/proc/PID` holds, read once and parsed from the bytes that were kept (proc(5)).
//!
//! **Invariant:** the parsers take any bytes and never panic; names stay bytes. Nothing here writes a row.

pub mod capture;
pub mod cgroup;
pub mod kernel_name;
pub mod link;
pub mod slow;
pub mod stat;
pub mod status;

use super::text::parsed;

/// The arguments in `/proc/PID/cmdline` (proc_pid_cmdline(5)): each ends with a NUL, the last one perhaps without. A program
/// may have written anything over them.
#[must_use]
pub fn args(cmdline: &[u8]) -> Vec<&[u8]> {
    if cmdline.is_empty() {
        return Vec::new();
    }
    cmdline.strip_suffix(b"\0").unwrap_or(cmdline).split(|b| *b == 0).collect()
}

/// A field of `/proc/PID/io` (proc_pid_io(5)), in bytes.
#[must_use]
pub fn io_field(io: &[u8], name: &[u8]) -> Option<u64> {
    let line = io.split(|b| *b == b'\n').find_map(|line| line.strip_prefix(name)?.strip_prefix(b":"));
    parsed(line?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn arguments_keep_their_bytes() {
        assert_eq!(args(b"sh\0-c\0\0a\nb\xff\0"), [&b"sh"[..], b"-c", b"", b"a\nb\xff"]);
        assert_eq!(args(b"nginx: worker process"), [b"nginx: worker process"]);
        assert_eq!(args(b"\0"), [b""]);
        assert!(args(b"").is_empty());
    }

    #[test]
    fn io_fields_are_found_by_their_whole_name() {
        let io = b"rchar: 1\nread_bytes: 4096\nwrite_bytes: 99999999999999999999\ncancelled_write_bytes: 7\n";
        assert_eq!(io_field(io, b"read_bytes"), Some(4096));
        assert_eq!(io_field(io, b"write_bytes"), None);
        assert_eq!(io_field(io, b"bytes"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_arguments(bytes: Vec<u8>) {
            let joined = args(&bytes).join(&0);
            prop_assert!(joined == bytes || [&joined[..], b"\0"].concat() == bytes);
            let _ = io_field(&bytes, b"read_bytes");
        }
    }
}
