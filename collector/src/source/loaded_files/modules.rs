//! The files that loaded kernel modules came from, as far as the kernel's tree of modules has them.
//!
//! `/lib/modules/RELEASE/modules.dep` (depmod(8)) lists every module that modprobe(8) can find. A loaded module that it lacks was loaded from
//! another place.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{LIMIT, columns, unread};
use crate::host::{Content, Host, ReadError, Reason, SpareThread, read};
use crate::model::{Gap, Row};
use crate::source::digests::Digests;
use crate::source::kernel_modules::parse;
use crate::source::{Evidence, Stop, failure, text};

/// The most that is read of `/proc/modules` and `modules.dep`; that of a distribution has less than 1 MiB.
const MOST: usize = 16 << 20;

/// Writes a row for each module that `/proc/modules` lists.
pub(super) fn all(host: &Host, digests: &Digests, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    let listed = match host.proc.file("modules", MOST) {
        Ok(listed) => listed,
        Err(error) => {
            // A kernel that cannot load modules has no such list.
            failure::gap(evidence, &error);
            return Ok(());
        }
    };
    if listed.truncated {
        evidence
            .gap(Gap::whole(b"/proc/modules", "longer than what is read of it; of modules behind that no file is looked for"));
    }
    let modules = parse::modules(&listed.bytes).0;
    if modules.is_empty() {
        return Ok(());
    }
    let (files, mut spare) = (Tree::read(host, evidence), host.spare_thread());
    modules.iter().try_for_each(|module| one(host, (digests, &mut spare), (&module.name, files.as_ref()), evidence))
}

fn one(
    host: &Host,
    (digests, spare): (&Digests, &mut SpareThread),
    (name, tree): (&[u8], Option<&Tree>),
    evidence: &mut dyn Evidence,
) -> Result<(), Stop> {
    evidence.check()?;
    let mut row = Row::new(host.clock.now(), "/proc/modules");
    row.bytes("name", name);
    let Some(tree) = tree else { return evidence.row("module_files", &row) };
    let path = tree.files.get(name);
    row.flag("in_tree", path.is_some());
    if let Some(path) = path {
        row.bytes("path", path);
        let (files, owned) = (Arc::clone(&host.files), path.clone());
        let opened = spare.read(LIMIT, path, move || {
            let (reader, stat) = files.open(&owned)?;
            read::named(&owned, Content::new(reader.0, stat))
        });
        match opened {
            Ok(content) => columns(&mut row, (path, &content), (digests, spare), evidence)?,
            Err(error) => unread(&mut row, &error, evidence),
        }
    }
    evidence.row("module_files", &row)
}

/// The paths of all modules that modprobe can find, by name.
struct Tree {
    files: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Tree {
    /// Reads `modules.dep` of the running kernel. Without it, as in a container, nothing is known of files.
    fn read(host: &Host, evidence: &mut dyn Evidence) -> Option<Self> {
        match Self::look(host) {
            Ok(tree) => Some(tree),
            Err(error) => {
                evidence.gap(error.gap());
                None
            }
        }
    }

    fn look(host: &Host) -> Result<Self, ReadError> {
        let release = host.proc.file("sys/kernel/osrelease", read::SMALL)?;
        let folder = [b"/lib/modules/", release.bytes.trim_ascii(), b"/"].concat();
        let path = [&folder, b"modules.dep".as_slice()].concat();
        let dep = host.files.file(&path, MOST)?;
        // Of a list that was cut short, modules would look as if it lacked them.
        if dep.truncated {
            return Err(ReadError::new(&path, Reason::Limit(format!("longer than the {MOST} bytes that are read of it"))));
        }
        Ok(Self { files: text::lines(&dep.bytes).filter_map(|line| entry(&folder, line)).collect() })
    }
}

/// Name and path of a line `kernel/fs/fat/fat.ko.xz: other.ko.xz`. Names have `_` where files may have `-`.
fn entry(folder: &[u8], line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let path = line.get(..line.iter().position(|byte| *byte == b':')?)?;
    let file = path.rsplit(|byte| *byte == b'/').next()?;
    let stem = file.get(..file.windows(3).position(|three| three == b".ko")?)?;
    let name = stem.iter().map(|byte| if *byte == b'-' { b'_' } else { *byte }).collect();
    let path = if path.starts_with(b"/") { path.to_owned() } else { [folder, path].concat() };
    Some((name, path))
}

#[cfg(test)]
mod tests {
    use super::entry;

    #[test]
    fn names_are_those_of_the_kernel() {
        let of = |line: &[u8]| entry(b"/lib/modules/6/", line).map(|(name, path)| [name, path].join(&b' '));
        assert_eq!(of(b"kernel/net/xt-a.ko.zst: kernel/x.ko").unwrap(), b"xt_a /lib/modules/6/kernel/net/xt-a.ko.zst");
        assert_eq!(of(b"/lib/modules/5/b.ko:").unwrap(), b"b /lib/modules/5/b.ko");
        for hostile in [&b""[..], b":", b"a.ko", b"kernel/readme: a.ko", b"/: x"] {
            assert_eq!(of(hostile), None);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_line_is_read(line: Vec<u8>) {
            entry(b"/lib/modules/6/", &line);
        }
    }
}
