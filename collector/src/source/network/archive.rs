//! Where the raw bytes of the network go in the archive.
//!
//! Text files stand where the host has them, `/proc/<pid>/net/<file>` for one process of the namespace, and those of the host's
//! own namespace also as `/proc/net/<file>`, where other tools look. What has no such place stands below `/.hozen/`.
//!
//! A netlink dump is stored as it would have come over a socket, so that any netlink library reads it:
//!
//! ```text
//! u32 length of header and payload | u16 type | u16 flags, 0 | u32 sequence, 0 | u32 port, 0 | payload | 0 to 3 zero bytes
//! ```
//!
//! in the host's byte order, one after the other. Flags, sequence and port are not those of the wire.

use super::namespaces::NetNamespace;
use crate::host::netlink::{Dump, native_u16, native_u32};

const HEADER: u32 = 16;

/// The archive paths of the text file `name`, read first (`label` `before`) or again (any other label).
pub(super) fn text_paths(namespace: &NetNamespace, is_host: bool, label: &str, name: &str) -> Vec<String> {
    if label != "before" {
        return vec![extra_path(namespace, label, name)];
    }
    let own = match namespace.pids.first() {
        Some(pid) => vec![format!("/proc/{pid}/net/{name}")],
        None if is_host => vec![],
        None => vec![extra_path(namespace, label, name)],
    };
    own.into_iter().chain(is_host.then(|| format!("/proc/net/{name}"))).collect()
}

/// The archive path of something that is no file of the host.
pub(super) fn extra_path(namespace: &NetNamespace, label: &str, name: &str) -> String {
    format!("/.hozen/{label}/netns-{}/{name}", namespace.inode)
}

/// The messages of `dump`, framed as above.
pub(super) fn frame(dump: &Dump) -> Vec<u8> {
    let mut out = Vec::new();
    for message in &dump.messages {
        let length = u32::try_from(message.payload.len()).unwrap_or(u32::MAX).saturating_add(HEADER);
        out.extend_from_slice(&native_u32(length));
        out.extend_from_slice(&native_u16(message.kind));
        out.extend_from_slice(&[0; 10]);
        out.extend_from_slice(&message.payload);
        out.resize(out.len().next_multiple_of(4), 0);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::netlink::Message;

    #[test]
    fn messages_are_framed_and_padded() {
        let messages = vec![Message { kind: 20, payload: b"abcde".to_vec() }, Message { kind: 21, payload: vec![] }];
        let bytes = frame(&Dump { messages, ..Dump::default() });
        assert_eq!(bytes.len(), 24 + 16);
        assert_eq!(bytes[..6], [&native_u32(21)[..], &native_u16(20)].concat());
        assert_eq!(&bytes[16..24], b"abcde\0\0\0");
    }

    #[test]
    fn the_hosts_own_files_stand_in_two_places() {
        let mut namespace = NetNamespace { inode: 7, pids: vec![1, 5], doors: vec![] };
        assert_eq!(text_paths(&namespace, true, "before", "tcp"), ["/proc/1/net/tcp", "/proc/net/tcp"]);
        assert_eq!(text_paths(&namespace, true, "after", "tcp"), ["/.hozen/after/netns-7/tcp"]);
        namespace.pids.clear();
        assert_eq!(text_paths(&namespace, false, "before", "tcp"), ["/.hozen/before/netns-7/tcp"]);
        assert_eq!(text_paths(&namespace, true, "before", "tcp"), ["/proc/net/tcp"]);
    }
}
