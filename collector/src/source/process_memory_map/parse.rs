//! `/proc/PID/maps` and `/proc/PID/smaps` (proc_pid_maps(5), proc_pid_smaps(5)).
//!
//! The kernel writes a newline in a path as `\012` and a file without a name with ` (deleted)` behind it; a path that holds
//! either text itself looks the same. Paths are therefore left as the kernel words them.

use crate::source::process::link::DELETED;
use crate::source::text::{decimal, hex_digits, lines};

/// The most numbers of one mapping; the kernel has less than half as many.
const MOST_NUMBERS: usize = 64;

/// One mapping.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Mapping<'a> {
    /// First address.
    pub(crate) start: u64,
    /// First address behind it.
    pub(crate) end: u64,
    /// `rwx` and `s` or `p`.
    pub(crate) permissions: &'a [u8],
    /// Where it begins in the file, in bytes.
    pub(crate) offset: u64,
    /// Device of the file system, `major:minor` in hexadecimal.
    pub(crate) device: &'a [u8],
    /// The file's inode; 0 for memory without a file.
    pub(crate) inode: u64,
    /// Path, `[name]` or nothing.
    pub(crate) path: &'a [u8],
    /// The numbers of smaps in KiB, by their names in lower case.
    pub(crate) numbers: Vec<(String, u64)>,
    /// `VmFlags` of smaps.
    pub(crate) flags: Option<&'a [u8]>,
}

impl Mapping<'_> {
    /// Whether the kernel says that its file has lost its name.
    pub(crate) fn is_deleted(&self) -> bool {
        self.inode != 0 && self.path.ends_with(DELETED)
    }

    /// Whether its bytes may be executed.
    pub(crate) fn is_executable(&self) -> bool {
        self.permissions.get(2) == Some(&b'x')
    }

    /// Device of the file system, `(major, minor)`.
    pub(crate) fn device_number(&self) -> Option<(u32, u32)> {
        let mut parts = self.device.splitn(2, |b| *b == b':');
        let mut part = || u32::try_from(hex_digits(parts.next()?)?).ok();
        Some((part()?, part()?))
    }
}

/// The mappings, and how many lines could not be parsed.
pub(crate) fn mappings(text: &[u8]) -> (Vec<Mapping<'_>>, usize) {
    let mut found: Vec<Mapping<'_>> = Vec::new();
    let mut bad = 0;
    for line in lines(text) {
        if let Some(mapping) = head(line) {
            found.push(mapping);
        } else if found.last_mut().and_then(|mapping| detail(line, mapping)).is_none() {
            bad += 1;
        }
    }
    (found, bad)
}

/// `start-end perms offset dev inode            path`.
fn head(line: &[u8]) -> Option<Mapping<'_>> {
    let mut fields = line.splitn(6, |b| *b == b' ');
    let mut range = fields.next()?.splitn(2, |b| *b == b'-');
    let (start, end) = (hex_digits(range.next()?)?, hex_digits(range.next()?)?);
    let (permissions, offset, device) = (fields.next()?, hex_digits(fields.next()?)?, fields.next()?);
    let inode = decimal(fields.next()?)?;
    let path = fields.next().unwrap_or_default();
    let path = path.iter().position(|b| *b != b' ').and_then(|at| path.get(at..)).unwrap_or_default();
    Some(Mapping { start, end, permissions, offset, device, inode, path, ..Mapping::default() })
}

/// `Name:  number kB`, or `VmFlags: rd wr`. Numbers without a unit are counts or flags of little use and stay in the archive.
fn detail<'a>(line: &'a [u8], mapping: &mut Mapping<'a>) -> Option<()> {
    let colon = line.iter().position(|b| *b == b':')?;
    let (name, value) = (line.get(..colon)?, line.get(colon + 1..)?.trim_ascii());
    if name == b"VmFlags" {
        mapping.flags = Some(value);
    } else if let Some(number) = value.strip_suffix(b" kB") {
        let (name, number) = (column(name)?, decimal(number)?);
        // One that comes again would be a column that stands twice.
        let is_new = mapping.numbers.len() < MOST_NUMBERS && mapping.numbers.iter().all(|(known, _)| *known != name);
        is_new.then(|| mapping.numbers.push((name, number)))?;
    } else {
        decimal::<u64>(value)?;
    }
    Some(())
}

/// `Shared_Clean` as `shared_clean`; a name that is no word is none of the kernel's.
fn column(name: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(name).ok()?;
    let is_word = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_word.then(|| name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMAPS: &[u8] = b"55d0-55d1 r-xp 00001000 fd:01 42                         /usr/bin/a b (deleted)\n\
        Size:                  4 kB\nShared_Clean:          0 kB\nTHPeligible:           0\nVmFlags: rd ex mr \n\
        7ffd-7ffe rw-p 00000000 00:00 0                          [stack]\n\
        ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 \n";

    #[test]
    fn heads_and_details_are_read() {
        let (found, bad) = mappings(SMAPS);
        assert_eq!((found.len(), bad), (3, 0));
        let file = &found[0];
        assert_eq!((file.start, file.end, file.offset, file.inode), (0x55d0, 0x55d1, 0x1000, 42));
        assert_eq!((file.path, file.is_deleted()), (&b"/usr/bin/a b (deleted)"[..], true));
        assert_eq!(file.numbers, [("size".to_owned(), 4), ("shared_clean".to_owned(), 0)]);
        assert_eq!((file.flags, file.device_number()), (Some(&b"rd ex mr"[..]), Some((0xfd, 1))));
        assert_eq!((found[1].path, found[2].path, found[2].start), (&b"[stack]"[..], &b""[..], 0xffff_ffff_ff60_0000));
    }

    #[test]
    fn a_number_that_stands_twice_is_taken_once() {
        let (found, bad) = mappings(b"1-2 r-xp 0 1:2 3 x\nSize: 4 kB\nsize: 5 kB\n");
        assert_eq!((found[0].numbers.as_slice(), bad), (&[("size".to_owned(), 4)][..], 1));
        let many: String = (0..100).map(|number| format!("N{number}: 1 kB\n")).collect();
        assert_eq!(mappings(format!("1-2 r-xp 0 1:2 3 x\n{many}").as_bytes()).1, 100 - MOST_NUMBERS);
    }

    #[test]
    fn hostile_lines_are_counted() {
        let text =
            b"Size: 4 kB\n+1-2 r 0 0:0 0 x\n1-2 rw-p\n1-2 r-xp 0 1:2 99999999999999999999 x\n\xff\n1-2 r-xp 0 zz 1 /\\012\n";
        let (found, bad) = mappings(text);
        assert_eq!((found.len(), bad), (1, 5));
        assert_eq!((found[0].path, found[0].device_number()), (&b"/\\012"[..], None));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_parsed(text: Vec<u8>) {
            let (found, bad) = mappings(&text);
            assert!(found.len() + bad <= text.len());
        }

        #[test]
        fn anything_near_a_map_is_parsed(text in "([0-9a-f]{1,17}-[0-9a-f]{1,17} [rwxps-]{4} [0-9a-f]{8} [0-9a-f:]{0,6} [0-9]{1,22} *[^\n]{0,9}\n|[A-Za-z_]{0,5}: *[0-9]{0,22} kB\n){0,9}") {
            assert!(mappings(text.as_bytes()).0.iter().filter_map(Mapping::device_number).count() <= 9);
        }
    }
}
