//! Times of files as The Sleuth Kit's body file, version 3: `MD5|name|inode|mode|UID|GID|size|atime|mtime|ctime|crtime`, for mactime(1) and plaso.
//!
//! Times are whole seconds, 0 where there is none. In names `%` before two hexadecimal digits and `|` are percent-encoded, which mactime
//! decodes; control bytes and what is not UTF-8 stand as `\xNN`, `\` as `\\`, as plaso reads them. The tables have the names byte for byte.

use std::fmt::Write as _;

use super::stat_row::StatRow;

/// The line of a file, newline included.
pub(super) fn line(stat: &StatRow) -> String {
    let mut name = escaped(&stat.path);
    if let Some(target) = &stat.target {
        name.push_str(" -> ");
        name.push_str(&escaped(target));
    }
    let seconds = stat.times.map(|time| time.unwrap_or(0).div_euclid(1_000_000_000).to_string());
    let letter = letter(&stat.kind);
    let StatRow { inode, uid, gid, size, .. } = stat;
    format!("0|{name}|{inode}|{letter}/{letter}{}|{uid}|{gid}|{size}|{}\n", stat.permissions(), seconds.join("|"))
}

/// The Sleuth Kit's letters for types.
fn letter(kind: &str) -> char {
    match kind {
        "regular" => 'r',
        "directory" => 'd',
        "symlink" => 'l',
        "block" => 'b',
        "character" => 'c',
        "fifo" => 'p',
        "socket" => 'h',
        _ => '-',
    }
}

fn escaped(name: &[u8]) -> String {
    let mut out = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        for (at, letter) in chunk.valid().char_indices() {
            let rest = chunk.valid().get(at + 1..).unwrap_or_default();
            let _ = match letter {
                '|' => out.write_str("%7C"),
                '%' if is_hex_pair(rest) => out.write_str("%25"),
                '\\' => out.write_str("\\\\"),
                letter if letter.is_control() => bytes(&mut out, letter.encode_utf8(&mut [0; 4]).as_bytes()),
                letter => out.write_char(letter),
            };
        }
        let _ = bytes(&mut out, chunk.invalid());
    }
    out
}

fn is_hex_pair(text: &str) -> bool {
    text.len() >= 2 && text.bytes().take(2).all(|byte| byte.is_ascii_hexdigit())
}

fn bytes(out: &mut String, bytes: &[u8]) -> std::fmt::Result {
    bytes.iter().try_for_each(|byte| write!(out, "\\x{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_eleven_fields_whatever_the_name() {
        let stat = StatRow {
            path: b"/a|b\n%7c%\\\xff\xc3\xa4".to_vec(),
            target: Some(b"x|y".to_vec()),
            inode: 5,
            mode: 0o777,
            kind: "symlink".to_owned(),
            uid: 1,
            gid: 2,
            size: 3,
            times: [Some(-1), Some(1_999_999_999), None, Some(0)],
        };
        let line = line(&stat);
        assert_eq!(line, "0|/a%7Cb\\x0a%257c%\\\\\\xff\u{e4} -> x%7Cy|5|l/lrwxrwxrwx|1|2|3|-1|1|0|0\n");
        assert_eq!(line.split('|').count(), 11);
    }

    proptest::proptest! {
        #[test]
        fn any_name_stays_one_field_of_one_line(path in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40)) {
            let escaped = escaped(&path);
            proptest::prop_assert!(!escaped.contains('|') && !escaped.chars().any(char::is_control));
        }
    }
}
