//! Which descriptors of processes hold an object of BPF: `/proc/PID/fdinfo` (`kernel/bpf/syscall.c`, `*_show_fdinfo`).

use std::collections::BTreeMap;

use serde::Serialize;

use super::{KINDS, Key};
use crate::host::{Host, Process, read};
use crate::source::each_process::each_process;
use crate::source::text::parsed;
use crate::source::{Evidence, Member, Stop};

/// A descriptor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Owner {
    pub(super) pid: i32,
    pub(super) fd: i32,
}

/// Every object that a descriptor holds. What the kernel says of these descriptors is kept.
pub(super) fn all(host: &Host, evidence: &mut dyn Evidence) -> Result<BTreeMap<Key, Vec<Owner>>, Stop> {
    let mut owners: BTreeMap<Key, Vec<Owner>> = BTreeMap::new();
    // That there is no /proc is told by others; here it means no view.
    each_process(host, evidence, |process, evidence| {
        for fd in process.numbers("fd").unwrap_or_default() {
            if !process.link(&format!("fd/{fd}")).is_ok_and(|target| is_bpf(&target)) {
                continue;
            }
            let name = format!("fdinfo/{fd}");
            let Ok(text) = process.file(&name, read::SMALL) else { continue };
            evidence.raw(&Member::pseudo(process.path(&name).as_bytes()), &text.bytes)?;
            if let Some(key) = object(&text.bytes) {
                owners.entry(key).or_default().push(Owner { pid: process.pid, fd });
            }
        }
        Ok(())
    })?;
    Ok(owners)
}

/// Whether `owner` holds `key` now.
pub(super) fn still(host: &Host, owner: &Owner, key: Key) -> bool {
    let text = |process: Process| process.file(&format!("fdinfo/{}", owner.fd), read::SMALL);
    host.proc.process(owner.pid).and_then(text).is_ok_and(|text| object(&text.bytes) == Some(key))
}

/// `anon_inode:bpf-prog`, `bpf-map`, `bpf_link`, `bpf_iter`, `btf`; newer kernels have brackets around some.
fn is_bpf(target: &[u8]) -> bool {
    let kind = target.strip_prefix(b"anon_inode:").unwrap_or_default();
    let kind = kind.strip_prefix(b"[").unwrap_or(kind);
    kind.starts_with(b"bpf") || kind.starts_with(b"btf")
}

/// The object in the text of a descriptor. That of a link names its program too, so a link comes first; that of a map may name a
/// program as its owner, after itself.
pub(super) fn object(text: &[u8]) -> Option<Key> {
    let id = |name: &[u8]| text.split(|b| *b == b'\n').find_map(|line| parsed(line.strip_prefix(name)?.strip_prefix(b":")?));
    let order = [2, 1, 0, 3];
    order.into_iter().filter_map(|at| KINDS.get(at)).find_map(|(kind, _, _, name)| Some((*kind, id(name)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::bpf::BpfKind;

    #[test]
    fn a_link_is_not_taken_for_its_program() {
        let text = b"pos:\t0\nlink_type:\ttracing\nlink_id:\t7\nprog_tag:\tab\nprog_id:\t9\n";
        assert_eq!(object(text), Some((BpfKind::Link, 7)));
        assert_eq!(object(b"map_type:\t1\nmap_id:\t3\nowner_prog_type:\t1\n"), Some((BpfKind::Map, 3)));
        assert_eq!(object(b"prog_id:\tx\n"), None);
        assert!(is_bpf(b"anon_inode:[bpf-prog]") && is_bpf(b"anon_inode:bpf_link") && !is_bpf(b"/tmp/bpf-prog"));
    }
}
