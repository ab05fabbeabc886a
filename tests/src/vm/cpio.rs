//! An initramfs: a cpio archive in the format `newc` (kernel documentation, driver-api/early-userspace/buffer-format).

use std::collections::BTreeMap;

/// Type and permission bits, as in `st_mode`.
const DIRECTORY: u32 = 0o04_0755;
const SYMLINK: u32 = 0o12_0777;
const DEVICE: u32 = 0o02_0600;
const REGULAR: u32 = 0o10_0000;

/// Files of a guest by their absolute paths. Folders above them come by themselves.
#[derive(Debug, Clone, Default)]
pub(super) struct Archive {
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    mode: u32,
    device: (u32, u32),
    content: Vec<u8>,
}

impl Archive {
    /// Puts a file; `permissions` such as `0o755`.
    pub(super) fn file(&mut self, path: &str, permissions: u32, content: Vec<u8>) {
        self.put(path, Entry { mode: REGULAR | permissions, device: (0, 0), content });
    }

    /// Makes an empty folder.
    pub(super) fn folder(&mut self, path: &str) {
        self.put(path, Entry { mode: DIRECTORY, device: (0, 0), content: Vec::new() });
    }

    /// Puts a symbolic link.
    pub(super) fn link(&mut self, path: &str, target: &str) {
        self.put(path, Entry { mode: SYMLINK, device: (0, 0), content: target.as_bytes().to_vec() });
    }

    /// Puts a character device.
    pub(super) fn device(&mut self, path: &str, major: u32, minor: u32) {
        self.put(path, Entry { mode: DEVICE, device: (major, minor), content: Vec::new() });
    }

    fn put(&mut self, path: &str, entry: Entry) {
        let path = path.trim_start_matches('/');
        for (at, _) in path.match_indices('/') {
            let (parent, _) = path.split_at(at);
            let folder = Entry { mode: DIRECTORY, device: (0, 0), content: Vec::new() };
            self.entries.entry(parent.to_owned()).or_insert(folder);
        }
        self.entries.insert(path.to_owned(), entry);
    }

    /// The archive's bytes. A folder sorts before what is in it, as the kernel wants it.
    ///
    /// # Panics
    /// When a file has 4 GiB or more.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (number, (path, entry)) in (1..).zip(&self.entries) {
            append(&mut bytes, number, path, entry);
        }
        let trailer = Entry { mode: 0, device: (0, 0), content: Vec::new() };
        append(&mut bytes, 0, "TRAILER!!!", &trailer);
        bytes
    }
}

/// One member: thirteen fields of eight hex digits behind the magic, the name with a NUL, the content; both padded to four bytes.
fn append(bytes: &mut Vec<u8>, inode: u32, path: &str, entry: &Entry) {
    let length = |length: usize| u32::try_from(length).expect("less than 4 GiB");
    let (major, minor) = entry.device;
    let links = 1;
    let size = length(entry.content.len());
    let name = length(path.len() + 1);
    bytes.extend(b"070701");
    for field in [inode, entry.mode, 0, 0, links, 0, size, 0, 0, major, minor, name, 0] {
        bytes.extend(format!("{field:08x}").bytes());
    }
    bytes.extend(path.bytes().chain([0]));
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes.extend(&entry.content);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_first_and_members_are_padded() {
        let mut archive = Archive::default();
        archive.file("/a/b/c", 0o755, b"hello".to_vec());
        archive.link("/a/d", "b/c");
        let bytes = archive.bytes();
        let text = String::from_utf8_lossy(&bytes);
        let names: Vec<_> = ["a\0", "a/b\0", "a/b/c\0", "a/d\0", "TRAILER!!!\0"].iter().map(|name| text.find(name)).collect();
        assert!(names.is_sorted() && names.iter().all(Option::is_some), "{names:?}");
        assert!(bytes.len().is_multiple_of(4) && text.matches("070701").count() == 5);
        assert!(text.contains("000081ed"), "the mode of /a/b/c: {text}");
    }
}
