//! Mount tables, as `/proc/PID/mountinfo` has them (proc_pid_mountinfo(5)). Names are bytes.

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Unique id of the mount.
    pub id: u32,
    /// Id of the mount it lies on.
    pub parent: u32,
    /// Device number of its files, `(major, minor)`.
    pub dev: (u32, u32),
    /// The directory in the file system that forms its root.
    pub root: Vec<u8>,
    /// Where it is mounted, seen from the process's root.
    pub point: Vec<u8>,
    /// Options of the mount.
    pub options: Vec<u8>,
    /// Optional fields (`shared:1`, `master:2`), joined by blanks.
    pub propagation: Vec<u8>,
    /// File system type.
    pub kind: Vec<u8>,
    /// What is mounted.
    pub source: Vec<u8>,
    /// Options of the file system.
    pub super_options: Vec<u8>,
}

/// File systems whose server is this kernel: reading them waits for a local disk at most.
const LOCAL: [&str; 18] = [
    "ext2",
    "ext3",
    "ext4",
    "xfs",
    "btrfs",
    "f2fs",
    "tmpfs",
    "ramfs",
    "devtmpfs",
    "overlay",
    "vfat",
    "exfat",
    "squashfs",
    "erofs",
    "iso9660",
    "zfs",
    "hugetlbfs",
    "rootfs",
];

impl Mount {
    /// Whether its files can be read without waiting for another machine or a user-space server.
    #[must_use]
    pub fn is_local(&self) -> bool {
        LOCAL.iter().any(|local| local.as_bytes() == self.kind)
    }
}

/// Parses a mount table. Lines that do not parse are returned beside it, so that the caller can say so.
#[must_use]
pub fn parse(text: &[u8]) -> (Vec<Mount>, Vec<Vec<u8>>) {
    let mut mounts = Vec::new();
    let mut bad = Vec::new();
    for line in text.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
        match parse_line(line) {
            Some(mount) => mounts.push(mount),
            None => bad.push(line.to_owned()),
        }
    }
    (mounts, bad)
}

fn parse_line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|b| *b == b' ');
    let (id, parent) = (decimal(fields.next()?)?, decimal(fields.next()?)?);
    let mut dev = fields.next()?.split(|b| *b == b':');
    let dev = (decimal(dev.next()?)?, decimal(dev.next()?)?);
    let (root, point, options) = (unescape(fields.next()?), unescape(fields.next()?), fields.next()?.to_owned());
    let propagation: Vec<&[u8]> = fields.by_ref().take_while(|field| *field != b"-").collect();
    Some(Mount {
        id,
        parent,
        dev,
        root,
        point,
        options,
        propagation: propagation.join(&b' '),
        kind: unescape(fields.next()?),
        source: unescape(fields.next()?),
        super_options: unescape(fields.next().unwrap_or_default()),
    })
}

fn decimal(field: &[u8]) -> Option<u32> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

/// Undoes the kernel's `\ooo` escapes for blank, tab, newline, backslash and `#`.
#[must_use]
pub fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((byte, tail)) = rest.split_first() {
        match (byte, octal(tail)) {
            (b'\\', Some(value)) => {
                out.push(value);
                rest = tail.get(3..).unwrap_or_default();
            }
            _ => {
                out.push(*byte);
                rest = tail;
            }
        }
    }
    out
}

fn octal(digits: &[u8]) -> Option<u8> {
    let digits = digits.get(..3)?;
    digits.iter().try_fold(0_u8, |value, digit| match digit {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(digit - b'0'),
        _ => None,
    })
}

/// The mount that holds the absolute path `path`: of the mounts with the longest mount point that is a prefix, the last,
/// because it covers the others.
#[must_use]
pub fn covering<'a>(mounts: &'a [Mount], path: &[u8]) -> Option<&'a Mount> {
    mounts.iter().filter(|mount| below(path, &mount.point).is_some()).max_by_key(|mount| mount.point.len())
}

/// The part of `path` below the directory `point`, without a leading slash; `None` where it is elsewhere.
#[must_use]
pub fn below<'a>(path: &'a [u8], point: &[u8]) -> Option<&'a [u8]> {
    let rest = path.strip_prefix(point)?;
    match rest.split_first() {
        None => Some(rest),
        Some((b'/', tail)) => Some(tail),
        Some(_) if point == b"/" => Some(rest),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw\n\
        22 21 0:20 / /mnt/a\\040b rw - tmpfs tmpfs rw,size=1k\n\
        23 21 0:21 /x /mnt rw shared:2 master:3 - fuse.sshfs host:/ rw\n\
        24 21 0:22 / /mnt rw - nfs4 host:/ rw\n\
        broken\n";

    #[test]
    fn fields_are_unescaped_and_bad_lines_kept() {
        let (mounts, bad) = parse(TABLE);
        assert_eq!(mounts.len(), 4);
        assert_eq!(mounts[1].point, b"/mnt/a b");
        assert_eq!(mounts[2].propagation, b"shared:2 master:3");
        assert!(mounts[0].is_local() && !mounts[2].is_local());
        assert_eq!(bad, [b"broken"]);
    }

    #[test]
    fn the_last_of_the_longest_covers() {
        let (mounts, _) = parse(TABLE);
        let id = |path: &[u8]| covering(&mounts, path).unwrap().id;
        assert_eq!((id(b"/etc"), id(b"/mnt"), id(b"/mnt/x"), id(b"/mnt/a b/c"), id(b"/mntx")), (21, 24, 24, 22, 21));
    }

    #[test]
    fn a_prefix_must_end_at_a_component() {
        assert_eq!(below(b"/run/x", b"/run"), Some(&b"x"[..]));
        assert_eq!(below(b"/run", b"/run"), Some(&b""[..]));
        assert_eq!(below(b"/runx", b"/run"), None);
        assert_eq!(below(b"/etc", b"/"), Some(&b"etc"[..]));
        assert_eq!(unescape(b"a\\134\\9\\12"), b"a\\\\9\\12");
    }
}
