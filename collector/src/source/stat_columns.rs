//! What `statx` says of a file, as columns. Names and units of osquery's `file` table first, then ours.

use crate::host::sys::Stat;
use crate::model::Row;

/// `stx_attributes` (statx(2)) and their words.
const ATTRIBUTES: [(u64, &str); 7] = [
    (0x0000_0004, "compressed"),
    (0x0000_0010, "immutable"),
    (0x0000_0020, "append"),
    (0x0000_0040, "nodump"),
    (0x0000_0800, "encrypted"),
    (0x0010_0000, "verity"),
    (0x0020_0000, "dax"),
];

const NANOSECONDS: i128 = 1_000_000_000;

/// Adds the columns. Times are seconds since the Unix epoch, with a twin in nanoseconds; `device` is the number of a device
/// node as `makedev` packs it (as osquery has it), `dev` the file system's, `major:minor`.
pub(super) fn add(row: &mut Row, stat: &Stat) {
    row.int("inode", stat.ino).int("uid", stat.uid).int("gid", stat.gid);
    row.text("mode", &format!("{:04o}", stat.mode & 0o7777));
    row.int("device", nix::sys::stat::makedev(u64::from(stat.rdev.0), u64::from(stat.rdev.1)));
    row.int("size", stat.size);
    let times = [
        ("atime", "atime_ns", Some(stat.atime_ns)),
        ("mtime", "mtime_ns", Some(stat.mtime_ns)),
        ("ctime", "ctime_ns", Some(stat.ctime_ns)),
        ("btime", "btime_ns", stat.btime_ns),
    ];
    for (column, twin, time) in times {
        if let Some(time) = time {
            row.int(column, time.div_euclid(NANOSECONDS)).int(twin, time);
        }
    }
    row.int("hard_links", stat.nlink).text("type", kind(stat));
    let (major, minor) = stat.dev;
    row.text("dev", &format!("{major}:{minor}")).int("blocks", stat.blocks);
    let words = ATTRIBUTES.iter().filter(|(bit, _)| stat.attributes & bit != 0).map(|(_, word)| *word);
    row.json("attributes", &words.collect::<Vec<_>>());
}

/// The file's type in osquery's words.
fn kind(stat: &Stat) -> &'static str {
    match stat.kind() {
        libc::S_IFREG => "regular",
        libc::S_IFDIR => "directory",
        libc::S_IFLNK => "symlink",
        libc::S_IFBLK => "block",
        libc::S_IFCHR => "character",
        libc::S_IFIFO => "fifo",
        libc::S_IFSOCK => "socket",
        _ => "unknown",
    }
}
