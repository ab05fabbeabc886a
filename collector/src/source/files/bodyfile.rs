//! Lines of a bodyfile, version 3 of The Sleuth Kit's: `MD5|name|inode|mode|UID|GID|size|atime|mtime|ctime|crtime`.
//!
//! Times are whole seconds, 0 where there is none. There is no MD5. The name is bytes of the host: what is no text, control characters and
//! `|` are written `\xNN`, and a backslash is doubled, as plaso's reader undoes it. mactime shows the escapes; nothing in a name
//! can end a field or a line. A link has ` -> ` and its target behind its name.

use std::fmt::Write as _;

use crate::host::sys::Stat;

/// The line of one file, without its newline.
pub(super) fn line(path: &[u8], target: Option<&[u8]>, stat: &Stat) -> String {
    let mut line = String::from("0|");
    escape(path, &mut line);
    if let Some(target) = target {
        line.push_str(" -> ");
        escape(target, &mut line);
    }
    let seconds = |ns: i128| ns.div_euclid(1_000_000_000);
    let times = [Some(stat.atime_ns), Some(stat.mtime_ns), Some(stat.ctime_ns), stat.btime_ns].map(|ns| ns.map_or(0, seconds));
    let [atime, mtime, ctime, btime] = times;
    let mode = mode(stat.mode);
    let _ = write!(line, "|{}|{mode}|{}|{}|{}|{atime}|{mtime}|{ctime}|{btime}", stat.ino, stat.uid, stat.gid, stat.size);
    line
}

fn escape(bytes: &[u8], out: &mut String) {
    for chunk in bytes.utf8_chunks() {
        // Nearly every name is.
        if chunk.valid().bytes().all(is_plain) {
            out.push_str(chunk.valid());
        } else {
            chunk.valid().chars().for_each(|char| escape_char(char, out));
        }
        hex(chunk.invalid(), out);
    }
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'\\' && byte != b'|'
}

fn escape_char(char: char, out: &mut String) {
    match char {
        '\\' => out.push_str("\\\\"),
        '|' => hex(b"|", out),
        char if char.is_control() => hex(char.encode_utf8(&mut [0; 4]).as_bytes(), out),
        char => out.push(char),
    }
}

fn hex(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        let _ = write!(out, "\\x{byte:02x}");
    }
}

/// Type and permissions as The Sleuth Kit writes them: `r/rrwxr-xr-x`.
fn mode(mode: u32) -> String {
    let kind = match mode & libc::S_IFMT {
        libc::S_IFREG => 'r',
        libc::S_IFDIR => 'd',
        libc::S_IFLNK => 'l',
        libc::S_IFBLK => 'b',
        libc::S_IFCHR => 'c',
        libc::S_IFIFO => 'p',
        libc::S_IFSOCK => 's',
        _ => '-',
    };
    let mut text = format!("{kind}/{kind}");
    for (shift, special, letter) in [(6, libc::S_ISUID, 's'), (3, libc::S_ISGID, 's'), (0, libc::S_ISVTX, 't')] {
        let bits = mode >> shift;
        text.push(if bits & 4 == 0 { '-' } else { 'r' });
        text.push(if bits & 2 == 0 { '-' } else { 'w' });
        text.push(match (bits & 1 != 0, mode & special != 0) {
            (true, true) => letter,
            (false, true) => letter.to_ascii_uppercase(),
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(mode: u32) -> Stat {
        Stat {
            mode,
            nlink: 1,
            uid: 7,
            gid: 8,
            ino: 9,
            size: 10,
            blocks: 0,
            dev: (8, 1),
            rdev: (0, 0),
            atime_ns: 1_999_999_999,
            mtime_ns: -1,
            ctime_ns: 3_000_000_000,
            btime_ns: None,
            attributes: 0,
            mnt_id: None,
        }
    }

    #[test]
    fn a_line_has_eleven_fields_whatever_the_name() {
        let line = line(b"/a|b\n\x1b\xff\\x\xc2\x9f\xc3\xa4", None, &stat(0o100_755));
        assert_eq!(line, "0|/a\\x7cb\\x0a\\x1b\\xff\\\\x\\xc2\\x9f\u{e4}|9|r/rrwxr-xr-x|7|8|10|1|-1|3|0");
        assert_eq!(line.split('|').count(), 11);
        assert!(super::line(b"/l", Some(b"/t|"), &stat(0o120_777)).starts_with("0|/l -> /t\\x7c|9|l/lrwxrwxrwx|"));
    }

    #[test]
    fn modes_are_written_as_sleuth_kit_writes_them() {
        for (bits, text) in [
            (0o104_755, "r/rrwsr-xr-x"),
            (0o102_644, "r/rrw-r-Sr--"),
            (0o041_777, "d/drwxrwxrwt"),
            (0o041_776, "d/drwxrwxrwT"),
            (0o010_000, "p/p---------"),
            (0o140_200, "s/s-w-------"),
        ] {
            assert_eq!(mode(bits), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_name_can_be_read_back(name: Vec<u8>) {
            let mut text = String::new();
            escape(&name, &mut text);
            assert!(!text.contains(['|', '\n']) && !text.chars().any(char::is_control));
            assert_eq!(unescape(text.as_bytes()), name);
        }
    }

    fn unescape(mut text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        while let Some((byte, rest)) = text.split_first() {
            text = rest;
            match (byte, rest.first()) {
                (b'\\', Some(b'\\')) => (text = &rest[1..], out.push(b'\\')).1,
                (b'\\', _) => {
                    out.push(u8::from_str_radix(std::str::from_utf8(&rest[1..3]).unwrap(), 16).unwrap());
                    text = &rest[3..];
                }
                (byte, _) => out.push(*byte),
            }
        }
        out
    }
}
