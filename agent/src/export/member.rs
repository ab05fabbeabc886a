//! What is known of a member of an archive, as a line of `members.jsonl`. Names that are not UTF-8 stand there as in the tables:
//! base64 beside their column.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::verify::archive::Head;

/// What sort of member it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    Symlink,
    HardLink,
    /// A FIFO, socket or device, in a word.
    Special(&'static str),
}

impl Kind {
    /// Of this member.
    pub(super) fn of(head: &Head<'_>) -> Self {
        match head.kind {
            b'0' | b'7' | 0 if head.record(b"HOZEN.type") == Some(b"socket") => Self::Special("socket"),
            b'1' => Self::HardLink,
            b'2' => Self::Symlink,
            b'3' => Self::Special("character device"),
            b'4' => Self::Special("block device"),
            b'5' => Self::Folder,
            b'6' => Self::Special("fifo"),
            _ => Self::File,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Folder => "folder",
            Self::Symlink => "symlink",
            Self::HardLink => "hard link",
            Self::Special(word) => word,
        }
    }
}

/// The time of a pax record (`12.000000345`, `-1.5`), in nanoseconds.
pub(super) fn time(head: &Head<'_>, key: &[u8]) -> Option<i128> {
    parse_time(std::str::from_utf8(head.record(key)?).ok()?)
}

fn parse_time(text: &str) -> Option<i128> {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |text| (-1, text));
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if seconds.is_empty() || !digits(seconds) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let fraction: i128 = format!("{fraction:0<9}").parse().ok()?;
    Some(sign * (i128::from(seconds.parse::<i64>().ok()?) * 1_000_000_000 + fraction))
}

/// The line of a member: `exported` is where it is, `note` why it is not, or not as it was.
pub(super) fn line(artefact: &str, head: &Head<'_>, exported: Option<&[u8]>, note: Option<&str>) -> Vec<u8> {
    let kind = Kind::of(head);
    let mut row = Map::new();
    row.insert("artefact".to_owned(), json!(artefact));
    let path = head.path.strip_prefix(b"[root]").unwrap_or(head.path);
    bytes(&mut row, "path", path);
    row.insert("type".to_owned(), json!(kind.word()));
    row.insert("size".to_owned(), json!(head.size));
    // Files of /proc and /sys have no owner or times of meaning, and no times in the archive.
    if head.record(b"mtime").is_some() {
        row.insert("mode".to_owned(), json!(head.mode().map(|mode| format!("{mode:04o}"))));
        row.insert("uid".to_owned(), json!(head.uid()));
        row.insert("gid".to_owned(), json!(head.gid()));
        for (column, key) in [("mtime", "mtime"), ("atime", "atime"), ("ctime", "ctime"), ("btime", "LIBARCHIVE.creationtime")] {
            if let Some(time) = head.record(key.as_bytes()) {
                bytes(&mut row, column, time);
            }
        }
    }
    if matches!(kind, Kind::Symlink | Kind::HardLink) {
        bytes(&mut row, "target", &head.link());
    }
    if let Some(exported) = exported {
        bytes(&mut row, "exported", exported);
    }
    if let Some(note) = note {
        row.insert("note".to_owned(), json!(note));
    }
    let mut line = Value::Object(row).to_string().into_bytes();
    line.push(b'\n');
    line
}

fn bytes(row: &mut Map<String, Value>, column: &str, value: &[u8]) {
    match std::str::from_utf8(value) {
        Ok(text) => row.insert(column.to_owned(), json!(text)),
        Err(_) => row.insert(format!("{column}_b64"), json!(STANDARD.encode(value))),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_pax_records_are_read() {
        assert_eq!(parse_time("12.000000345"), Some(12_000_000_345));
        assert_eq!(
            (parse_time("-0.000000001"), parse_time("-1.5"), parse_time("7")),
            (Some(-1), Some(-1_500_000_000), Some(7_000_000_000))
        );
        for odd in ["", "-", ".5", "1.0000000001", "1.x", "+1", "99999999999999999999", "1.-5"] {
            assert_eq!(parse_time(odd), None, "{odd}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_time_or_none(text in "\\PC{0,24}") {
            let _ = parse_time(&text);
        }
    }
}
