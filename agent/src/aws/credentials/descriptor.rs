//! Credentials on a descriptor that whoever started us opened: `hozen collect --credentials-fd 3 3<file`.

use std::io::Read as _;

use aws_credential_types::Credentials;
use hozen_collector::host::{read::FdReader, sys};
use zeroize::Zeroizing;

use super::triple;

/// More than any session token has.
const LIMIT: usize = 64 << 10;

/// Reads descriptor `fd` to its end.
pub(super) fn read(fd: i32) -> Result<Credentials, String> {
    let refused = |errno: &dyn std::fmt::Display| format!("credentials cannot be read from descriptor {fd}: {errno}");
    let ours = sys::duplicate_number(fd).map_err(|errno| refused(&errno))?;
    // Allocated once: a vector that grows leaves copies behind.
    let mut bytes = Zeroizing::new(vec![0_u8; LIMIT]);
    let mut length = 0;
    let mut reader = FdReader(ours);
    loop {
        let room = bytes.get_mut(length..).unwrap_or_default();
        if room.is_empty() {
            return Err(format!("descriptor {fd} gives more than {} KiB; credentials are shorter", LIMIT >> 10));
        }
        match reader.read(room).map_err(|error| refused(&error))? {
            0 => break,
            count => length += count,
        }
    }
    triple::parse(bytes.get(..length).unwrap_or_default()).map_err(|reason| format!("what descriptor {fd} gives {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::os::fd::AsRawFd as _;

    #[test]
    fn a_triple_comes_through_a_pipe() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(br#"{"AccessKeyId":"A","SecretAccessKey":"S","SessionToken":"T"}"#).unwrap();
        drop(writer);
        assert_eq!(read(reader.as_raw_fd()).unwrap().session_token(), Some("T"));
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(writer);
        assert!(read(reader.as_raw_fd()).unwrap_err().contains("is not JSON"));
        let zeros = std::fs::File::open("/dev/zero").unwrap();
        assert!(read(zeros.as_raw_fd()).unwrap_err().contains("64 KiB"));
        assert!(read(999_999).unwrap_err().contains("descriptor 999999"));
    }
}
