//! A row that tells of a file: every table whose rows have a path, an inode and times, whichever artefact wrote it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// What every such row has in its line.
pub(super) const MARKS: [&str; 3] = ["\"inode\":", "\"mtime\":", "\"mode\":"];

/// The four times and what Timesketch and plaso call them.
pub(super) const TIMES: [(&str, &str); 4] = [
    ("atime", "Last Access Time"),
    ("mtime", "Content Modification Time"),
    ("ctime", "Metadata Modification Time"),
    ("btime", "Creation Time"),
];

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StatRow {
    pub(super) path: Vec<u8>,
    pub(super) target: Option<Vec<u8>>,
    pub(super) inode: u64,
    /// Permissions in octal digits, without the type.
    pub(super) mode: u32,
    /// osquery's word.
    pub(super) kind: String,
    pub(super) uid: u64,
    pub(super) gid: u64,
    pub(super) size: u64,
    /// In the order of [`TIMES`], in nanoseconds since 1970.
    pub(super) times: [Option<i128>; 4],
}

impl StatRow {
    /// Of a row, if it is one.
    pub(super) fn of(row: &Map<String, Value>) -> Option<Self> {
        let number = |column: &str| row.get(column).and_then(Value::as_u64);
        let mode = row.get("mode")?.as_str()?;
        Some(Self {
            path: bytes(row, "path")?,
            target: bytes(row, "symlink_target_path").filter(|target| !target.is_empty()),
            inode: number("inode")?,
            mode: u32::from_str_radix(mode, 8).ok()? & 0o7777,
            kind: row.get("type").and_then(Value::as_str).unwrap_or_default().to_owned(),
            uid: number("uid").unwrap_or(0),
            gid: number("gid").unwrap_or(0),
            size: number("size").unwrap_or(0),
            times: TIMES.map(|(column, _)| nanoseconds(row, column)),
        })
    }

    /// Permissions as `ls` and The Sleuth Kit show them, without the type.
    pub(super) fn permissions(&self) -> String {
        let bit = |mask: u32, letter: char| if self.mode & mask == 0 { '-' } else { letter };
        let execute = |mask: u32, special: u32, both: char, only: char| match (self.mode & mask != 0, self.mode & special != 0) {
            (true, true) => both,
            (false, true) => only,
            (true, false) => 'x',
            (false, false) => '-',
        };
        let user = [bit(0o400, 'r'), bit(0o200, 'w'), execute(0o100, 0o4000, 's', 'S')];
        let group = [bit(0o040, 'r'), bit(0o020, 'w'), execute(0o010, 0o2000, 's', 'S')];
        let other = [bit(0o004, 'r'), bit(0o002, 'w'), execute(0o001, 0o1000, 't', 'T')];
        [user, group, other].concat().into_iter().collect()
    }
}

/// The bytes of a column, be it text or base64.
pub(super) fn bytes(row: &Map<String, Value>, column: &str) -> Option<Vec<u8>> {
    match row.get(column) {
        Some(text) => text.as_str().map(|text| text.as_bytes().to_owned()),
        None => STANDARD.decode(row.get(&format!("{column}_b64"))?.as_str()?).ok(),
    }
}

/// A time, from the column in nanoseconds or the one in seconds.
pub(super) fn nanoseconds(row: &Map<String, Value>, column: &str) -> Option<i128> {
    let exact = row.get(&format!("{column}_ns")).and_then(Value::as_i64).map(i128::from);
    exact.or_else(|| row.get(column).and_then(Value::as_i64).map(|seconds| i128::from(seconds) * 1_000_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_row_of_a_file_is_read_and_others_are_not() {
        let row = json!({
            "path_b64": "L3RtcC//", "inode": 5, "mode": "4755", "type": "regular", "uid": 1, "gid": 2, "size": 3,
            "mtime": 7, "mtime_ns": 7_000_000_001_i64, "atime": -1
        });
        let stat = StatRow::of(row.as_object().unwrap()).unwrap();
        assert_eq!((stat.path.as_slice(), stat.permissions().as_str()), (&b"/tmp/\xff"[..], "rwsr-xr-x"));
        assert_eq!(stat.times, [Some(-1_000_000_000), Some(7_000_000_001), None, None]);
        for other in [json!({"path": "/x"}), json!({"path": "/x", "inode": 1, "mode": "rwx"})] {
            assert_eq!(StatRow::of(other.as_object().unwrap()), None);
        }
    }

    #[test]
    fn permissions_are_shown_as_ls_does() {
        let shown = |mode: &str| {
            let row = json!({"path": "/x", "inode": 1, "mode": mode});
            StatRow::of(row.as_object().unwrap()).unwrap().permissions()
        };
        let modes = ["0644", "1777", "2745", "6000", "1000"];
        assert_eq!(modes.map(shown), ["rw-r--r--", "rwxrwxrwt", "rwxr-Sr-x", "--S--S---", "--------T"]);
    }
}
