//! The archive of raw bytes: POSIX tar, ustar headers, pax records where those do not suffice (pax(1), tar(5)).
//!
//! The headers are made by the `tar` crate; the bytes go straight to the stream, so a member of any size costs no memory.

use tar::{EntryType, Header};

use crate::host::sys::Stat;
use crate::source::{Member, MemberKind};

/// Members stand below this folder, which is where dissect looks.
const ROOT: &[u8] = b"[root]";
/// Bytes of a tar block.
pub(super) const BLOCK: u64 = 512;
/// What ends an archive: two blocks of zeros.
pub(super) const END: [u8; 1024] = [0; 1024];
/// The largest owner that seven octal digits hold.
const MAX_ID: u32 = 0o7_777_777;
/// The longest name or link target in a ustar header.
const MAX_NAME: usize = 100;

/// Everything that stands before the content of `member`, which has `size` bytes.
pub(super) fn head(member: &Member<'_>, size: u64) -> Vec<u8> {
    let name = [ROOT, member.path].concat();
    let target = match member.kind {
        MemberKind::Symlink(target) => target,
        _ => b"",
    };
    let mut bytes = Vec::with_capacity(512);
    let records = pax_records(member, &name, target);
    if !records.is_empty() {
        let length = u64::try_from(records.len()).unwrap_or(u64::MAX);
        bytes.extend_from_slice(header(EntryType::XHeader, b"pax", b"", length, None).as_bytes());
        bytes.extend_from_slice(&records);
        bytes.extend(std::iter::repeat_n(0, padding(length)));
    }
    bytes.extend_from_slice(header(entry_type(member), &name, target, size, member.stat.as_ref()).as_bytes());
    bytes
}

/// Zero bytes that follow `size` bytes of content.
pub(super) fn padding(size: u64) -> usize {
    usize::try_from((BLOCK - size % BLOCK) % BLOCK).unwrap_or(0)
}

fn entry_type(member: &Member<'_>) -> EntryType {
    match (member.kind, member.stat.map(|stat| stat.kind())) {
        (MemberKind::Symlink(_), _) => EntryType::Symlink,
        (MemberKind::Directory, _) => EntryType::Directory,
        (MemberKind::Special, Some(libc::S_IFIFO)) => EntryType::Fifo,
        (MemberKind::Special, Some(libc::S_IFCHR)) => EntryType::Char,
        (MemberKind::Special, Some(libc::S_IFBLK)) => EntryType::Block,
        // Tar has no sockets: an empty file with a record that says so.
        (MemberKind::Special | MemberKind::File, _) => EntryType::Regular,
    }
}

fn header(kind: EntryType, name: &[u8], target: &[u8], size: u64, stat: Option<&Stat>) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(stat.map_or(0o444, |stat| stat.mode & 0o7777));
    // What does not fit stands in a pax record.
    let id = |id: u32| if id > MAX_ID { 0 } else { u64::from(id) };
    header.set_uid(stat.map_or(0, |stat| id(stat.uid)));
    header.set_gid(stat.map_or(0, |stat| id(stat.gid)));
    header.set_mtime(stat.map_or(0, |stat| u64::try_from(stat.mtime_ns / 1_000_000_000).unwrap_or(0)));
    if let Some(stat) = stat {
        // Fails only for headers that have no such fields; ustar has them.
        let _ = header.set_device_major(stat.rdev.0).and_then(|()| header.set_device_minor(stat.rdev.1));
    }
    let fields = header.as_old_mut();
    copy(&mut fields.name, name);
    copy(&mut fields.linkname, target);
    header.set_cksum();
    header
}

/// Copies what fits; a pax record holds the whole where it does not.
fn copy(field: &mut [u8; MAX_NAME], bytes: &[u8]) {
    field.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
}

fn pax_records(member: &Member<'_>, name: &[u8], target: &[u8]) -> Vec<u8> {
    let mut records = Vec::new();
    let names = [("path", name), ("linkpath", target)];
    if names.iter().any(|(_, bytes)| std::str::from_utf8(bytes).is_err()) {
        record(&mut records, "hdrcharset", b"BINARY");
    }
    for (key, bytes) in names {
        if bytes.len() > MAX_NAME || !bytes.is_ascii() {
            record(&mut records, key, bytes);
        }
    }
    if let Some(stat) = member.stat {
        for (key, id) in [("uid", stat.uid), ("gid", stat.gid)].into_iter().filter(|(_, id)| *id > MAX_ID) {
            record(&mut records, key, id.to_string().as_bytes());
        }
        time_records(&mut records, &stat);
        if stat.kind() == libc::S_IFSOCK {
            record(&mut records, "HOZEN.type", b"socket");
        }
    }
    records
}

fn time_records(records: &mut Vec<u8>, stat: &Stat) {
    let times = [("mtime", Some(stat.mtime_ns)), ("atime", Some(stat.atime_ns)), ("ctime", Some(stat.ctime_ns))];
    for (key, time) in times.into_iter().chain([("LIBARCHIVE.creationtime", stat.btime_ns)]) {
        if let Some(time) = time {
            let (sign, time) = (if time < 0 { "-" } else { "" }, time.unsigned_abs());
            record(records, key, format!("{sign}{}.{:09}", time / 1_000_000_000, time % 1_000_000_000).as_bytes());
        }
    }
}

/// A pax record: its own length in decimal, blank, key, `=`, value, newline.
fn record(records: &mut Vec<u8>, key: &str, value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + rest.to_string().len();
    if length.to_string().len() > rest.to_string().len() {
        length += 1;
    }
    records.extend_from_slice(format!("{length} {key}=").as_bytes());
    records.extend_from_slice(value);
    records.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn stat(mode: u32) -> Stat {
        let (dev, rdev) = ((8, 1), (5, 6));
        let (atime_ns, mtime_ns, ctime_ns, btime_ns) = (1_500_000_001, 2_000_000_002, -1, Some(3));
        Stat {
            mode,
            nlink: 1,
            uid: 7,
            gid: 3_000_000,
            ino: 1,
            size: 3,
            blocks: 8,
            dev,
            rdev,
            atime_ns,
            mtime_ns,
            ctime_ns,
            btime_ns,
            attributes: 0,
            mnt_id: None,
        }
    }

    fn archive(members: &[(Member<'_>, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (member, content) in members {
            let size = content.len() as u64;
            bytes.extend(head(member, size));
            bytes.extend_from_slice(content);
            bytes.extend(std::iter::repeat_n(0, padding(size)));
        }
        bytes.extend(END);
        bytes
    }

    #[test]
    fn another_reader_of_tar_agrees() {
        let long = [b"/".as_slice(), &[b'n'; 300]].concat();
        let bytes = archive(&[
            (Member::pseudo(b"/proc/1/stat"), b"1 (init)"),
            (Member::symlink(b"/proc/1/fd/3", b"socket:[1]"), b""),
            (Member::file(&long, stat(0o100_640)), b"abc"),
            (Member::file(b"/tmp/\xff\n", stat(0o100_640)), b""),
            (Member { path: b"/tmp/p", kind: MemberKind::Special, stat: Some(stat(0o010_600)) }, b""),
        ]);
        let mut reader = tar::Archive::new(bytes.as_slice());
        let found: Vec<_> = reader
            .entries()
            .unwrap()
            .map(|entry| {
                let mut entry = entry.unwrap();
                let mut content = Vec::new();
                entry.read_to_end(&mut content).unwrap();
                (entry.path_bytes().into_owned(), entry.header().entry_type(), content)
            })
            .collect();
        assert_eq!(found[0], (b"[root]/proc/1/stat".to_vec(), EntryType::Regular, b"1 (init)".to_vec()));
        assert_eq!(found[1].1, EntryType::Symlink);
        assert_eq!(found[2].0, [b"[root]", long.as_slice()].concat());
        assert_eq!(found[3].0, b"[root]/tmp/\xff\n");
        assert_eq!(found[4].1, EntryType::Fifo);
    }

    #[test]
    fn records_count_themselves() {
        for length in [0, 80, 86, 87, 88, 89, 90, 985, 986, 987, 1000] {
            let mut records = Vec::new();
            record(&mut records, "path", &vec![b'x'; length]);
            let announced: usize = std::str::from_utf8(&records).unwrap().split(' ').next().unwrap().parse().unwrap();
            assert_eq!(announced, records.len());
        }
    }

    #[test]
    fn times_before_the_epoch_are_written() {
        let mut records = Vec::new();
        time_records(&mut records, &stat(0));
        let text = String::from_utf8(records).unwrap();
        assert!(text.contains("mtime=2.000000002\n") && text.contains("ctime=-0.000000001\n"), "{text}");
    }
}
