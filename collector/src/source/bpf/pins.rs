//! Objects that have a name in a bpffs, which keeps them alive without a process (bpf(2), `BPF_OBJ_PIN`).

use std::collections::BTreeMap;
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use super::{Key, holders, word};
use crate::host::{Host, SysRoot, read};
use crate::model::{Gap, Row, escape};
use crate::source::tmpfs::find::{self, Found};
use crate::source::{Evidence, Stop, failure};

/// Deeper, and more, than anybody pins.
const DEEPEST: usize = 16;
const MOST: usize = 20_000;

/// The longest that the way to a bpffs may take.
const LIMIT: Duration = Duration::from_secs(2);

/// Every pin of every bpffs that is mounted where we are, by what is pinned. Writes `bpf_pins`, also for those that only other mount
/// namespaces have.
pub(super) fn all(host: &Host, evidence: &mut dyn Evidence) -> Result<BTreeMap<Key, Vec<Vec<u8>>>, Stop> {
    let mut pins = BTreeMap::new();
    for point in points(host) {
        if let Some(root) = host.mounted(c"bpf", &point) {
            walk(host, &root, None, &mut pins, evidence)?;
        }
    }
    let kinds: [&[u8]; 1] = [b"bpf"];
    for found in find::all(host, &kinds, evidence)?.iter().filter(|found| !found.is_own) {
        foreign(host, found, evidence)?;
    }
    Ok(pins)
}

/// Pins of another mount namespace. There is no view of it without access times, so they are listed and not opened: the program, map or
/// link itself is in the kernel's list.
pub(super) fn foreign(host: &Host, found: &Found, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    let point = &found.mount.point;
    if !found.is_safe {
        evidence.gap(Gap::whole(point, "a bpffs of another mount namespace, and the way to it may hang"));
        return Ok(());
    }
    let (there, asked) = (host.clone(), found.clone());
    let open = move || there.mounted_of(asked.pid, &asked.mount.point, asked.mount.dev);
    match host.spare_thread().read(LIMIT, point, open) {
        Ok(root) => walk(host, &root, Some(found), &mut BTreeMap::new(), evidence),
        Err(error) => {
            failure::gap(evidence, &error);
            Ok(())
        }
    }
}

fn points(host: &Host) -> Vec<String> {
    if !host.live {
        return vec!["/sys/fs/bpf".to_owned()];
    }
    let bpffs = host.files.mounts().iter().filter(|mount| mount.kind == b"bpf");
    bpffs.filter_map(|mount| String::from_utf8(mount.point.clone()).ok()).collect()
}

pub(super) fn walk(
    host: &Host,
    root: &SysRoot,
    found: Option<&Found>,
    pins: &mut BTreeMap<Key, Vec<Vec<u8>>>,
    evidence: &mut dyn Evidence,
) -> Result<(), Stop> {
    let mut folders = vec![(Vec::new(), 0)];
    let mut count = 0_usize;
    while let Some((folder, depth)) = folders.pop() {
        for name in root.names(&folder).unwrap_or_default() {
            evidence.check()?;
            let path = if folder.is_empty() { name } else { [folder.as_slice(), b"/", &name].concat() };
            let Ok(stat) = root.stat(&path) else { continue };
            count += 1;
            if depth >= DEEPEST || count > MOST {
                evidence.gap(Gap::whole(&root.full(&path), "more or deeper than what is listed of a bpffs"));
                return Ok(());
            }
            if stat.is_directory() {
                folders.push((path, depth + 1));
            } else {
                let full = root.full(&path);
                let mut row = Row::new(host.clock.now(), escape::bytes(&full));
                row.bytes("path", &full).int("uid", stat.uid).text("mode", &format!("{:o}", stat.mode));
                match found {
                    Some(found) => {
                        row.bytes("namespace", &found.namespace).int("pid", found.pid);
                    }
                    None => pin(host, root, &path, &mut row, pins, evidence),
                }
                evidence.row("bpf_pins", &row)?;
            }
        }
    }
    Ok(())
}

/// Which object it is.
fn pin(
    host: &Host,
    root: &SysRoot,
    path: &[u8],
    row: &mut Row,
    pins: &mut BTreeMap<Key, Vec<Vec<u8>>>,
    evidence: &mut dyn Evidence,
) {
    if !host.live {
        return;
    }
    match root.bpf_pinned(path) {
        Ok(fd) => {
            let own = host.proc.file(format!("thread-self/fdinfo/{}", fd.as_raw_fd()), read::SMALL);
            match own.ok().and_then(|text| holders::object(&text.bytes)) {
                Some(key) => {
                    row.text("kind", word(key.0)).int("id", key.1);
                    pins.entry(key).or_default().push(root.full(path));
                }
                None => row.error("kind", "malformed"),
            }
        }
        Err(error) if error.is_gone() => {}
        Err(error) => {
            row.error("kind", error.reason.word());
            evidence.gap(error.gap());
        }
    }
}
