//! What was found, on its way into the evidence: a row, and the content as it stands on the disk.
//!
//! Members of the archive bear the device's number before their path (`/dev/block/254:0/etc/x`), because that is where they were read: at its own
//! path the kernel shows nothing, or another file. Secrets follow the rule of all files (`super::super::secret`).

use std::collections::BTreeSet;

use super::ext4::{Fault, Inode, Name};
use super::look::{Cover, Folder, Sides};
use crate::host::spare_thread::TimedOut;
use crate::host::{Host, Reason};
use crate::model::{Digest, Gap, Row};
use crate::source::{Evidence, Member, MemberKind, Stop, secret, stat_columns, tree};

/// The most bytes that are kept of one file, and of all.
pub(super) const FILE_CAP: u64 = 32 << 20;
pub(super) const TOTAL_CAP: u64 = 512 << 20;

/// The most bytes of a text in which secrets are looked for.
const MOST_TEXT: usize = 1 << 20;
/// The first bytes of a file that stand in its row.
const HEAD: usize = 64;
/// The most entries below hidden and covered folders that are written down.
const MOST_BELOW: usize = 5_000;

/// Why something is written down.
#[derive(Debug, Clone, Copy)]
pub(super) enum Why<'w> {
    /// The kernel does not list it.
    Hidden,
    /// It lies below a folder that is hidden.
    Below(&'w [u8]),
    /// Something is mounted on it, or on a folder that it lies in: where, and what.
    Covered(&'w [u8], &'w Cover),
}

/// Something on the disk that is written down.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'e> {
    /// Its path below the mount's root.
    pub(super) path: &'e [u8],
    pub(super) inode: &'e Inode,
    pub(super) why: Why<'e>,
}

/// Writes rows and keeps content.
pub(super) struct Keep<'a> {
    pub(super) host: &'a Host,
    pub(super) include_secrets: bool,
    /// Bytes that may still be kept.
    pub(super) left: u64,
    entries_left: usize,
}

impl<'a> Keep<'a> {
    pub(super) fn new(host: &'a Host, include_secrets: bool) -> Self {
        Self { host, include_secrets, left: TOTAL_CAP, entries_left: MOST_BELOW }
    }

    /// Writes down an entry, and if it is a folder all that is in it.
    ///
    /// # Errors
    /// When the run wants no more of this artefact.
    pub(super) fn tree(&mut self, sides: &mut Sides<'_>, entry: Entry<'_>, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        let Entry { path, inode, why } = entry;
        let top = sides.on_host(path);
        // Of a folder that is a mount point, its own row would say nothing.
        if !(matches!(why, Why::Covered(..)) && inode.is_folder()) {
            self.entry(sides, entry, evidence)?;
        }
        let below = if let Why::Hidden = why { Why::Below(&top) } else { why };
        let (mut folders, mut known) =
            (vec![(Folder { path: path.to_owned(), inode: inode.number }, inode.is_folder())], BTreeSet::new());
        while let Some((folder, is_folder)) = folders.pop() {
            if !is_folder || !known.insert(folder.inode) {
                continue;
            }
            for (name, inode) in self.inside(sides, &folder, evidence)? {
                if self.entries_left == 0 {
                    evidence.gap(Gap::whole(
                        &top,
                        format!("more than {MOST_BELOW} entries of hidden and covered folders; the rest is not written down"),
                    ));
                    return Ok(());
                }
                self.entries_left = self.entries_left.saturating_sub(1);
                let path = folder.path_of(&name.name);
                self.entry(sides, Entry { path: &path, inode: &inode, why: below }, evidence)?;
                folders.push((Folder { path, inode: inode.number }, inode.is_folder()));
            }
        }
        Ok(())
    }

    /// The names in a folder of the disk with their inodes.
    fn inside(&self, sides: &mut Sides<'_>, folder: &Folder, evidence: &mut dyn Evidence) -> Result<Vec<(Name, Inode)>, Stop> {
        evidence.check()?;
        let (number, most) = (folder.inode, self.entries_left.saturating_add(1));
        let answer = sides.ask(move |system| {
            let names = system.names(&system.inode(number)?)?;
            Ok::<_, Fault>(
                names.into_iter().take(most).filter_map(|name| Some((system.inode(name.inode).ok()?, name))).collect::<Vec<_>>(),
            )
        });
        let reason = match answer {
            Ok(Ok(names)) => return Ok(names.into_iter().map(|(inode, name)| (name, inode)).collect()),
            Ok(Err(fault)) => fault.to_string(),
            Err(TimedOut) => Reason::Timeout.to_string(),
        };
        evidence.gap(Gap::whole(&sides.on_host(&folder.path), reason));
        Ok(Vec::new())
    }

    fn entry(&mut self, sides: &mut Sides<'_>, entry: Entry<'_>, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        let Entry { path, inode, why } = entry;
        evidence.check()?;
        let (major, minor) = sides.mount.dev;
        let host_path = sides.on_host(path);
        let member = [format!("/dev/block/{major}:{minor}").as_bytes(), &host_path].concat();
        let stat = inode.stat(sides.mount.dev, sides.system.superblock.block_size);
        let mut row = Row::new(self.host.clock.now(), format!("ext4 on {major}:{minor}"));
        let slash = host_path.iter().rposition(|b| *b == b'/').unwrap_or(0);
        let (folder, name) = host_path.split_at(slash);
        row.bytes("path", &host_path).bytes("directory", if folder.is_empty() { b"/" } else { folder });
        row.bytes("filename", name.get(1..).unwrap_or_default());
        stat_columns::add(&mut row, &stat);
        row.int("generation", inode.generation).hex("flags", inode.flags.into());
        views(&mut row, sides, path, why);
        let member = Member { path: &member, kind: MemberKind::Special, stat: Some(stat) };
        if inode.is_regular() {
            self.file(sides, &host_path, inode, &mut row, &member, evidence)?;
        } else if inode.is_link() {
            link(sides, inode, &mut row, &member, evidence)?;
        } else if inode.is_folder() {
            evidence.raw(&Member { kind: MemberKind::Directory, ..member }, b"")?;
        } else {
            evidence.raw(&member, b"")?;
        }
        evidence.row("hidden_files", &row)
    }

    /// Keeps the content of a regular file, as far as it may be.
    fn file(
        &mut self,
        sides: &mut Sides<'_>,
        path: &[u8],
        inode: &Inode,
        row: &mut Row,
        member: &Member<'_>,
        evidence: &mut dyn Evidence,
    ) -> Result<(), Stop> {
        let limit = FILE_CAP.min(self.left);
        let (wanted, whole) = (inode.clone(), inode.size <= limit);
        let answer = if inode.is_encrypted() {
            Ok(Err(Fault::Unsupported("encrypted content".to_owned())))
        } else {
            sides.ask(move |system| system.content(&wanted, limit))
        };
        let mut bytes = match answer {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(fault)) => return failed(row, evidence, path, "malformed", &fault.to_string()),
            Err(TimedOut) => return failed(row, evidence, path, "timeout", &Reason::Timeout.to_string()),
        };
        let digest = Digest::of(&bytes).to_string();
        row.text(if whole { "sha256" } else { "sha256_of_stored" }, &digest);
        if !whole {
            row.error("content", "limit");
            let reason = format!("content beyond the limit of {FILE_CAP} bytes for one file and {TOTAL_CAP} for all");
            evidence.gap(Gap::from(path, limit, Some(inode.size.saturating_sub(limit)), reason));
        }
        if !self.include_secrets && secret::is_file(path) && !secret::may_run(path, &bytes) {
            row.flag("secret", true).int("stored", 0);
            return Ok(());
        }
        let is_text = bytes.len() <= MOST_TEXT && !bytes.contains(&0);
        let hidden = if is_text && !self.include_secrets { tree::without_secrets(path, &mut bytes) } else { 0 };
        let stored = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.left = self.left.saturating_sub(stored);
        let cut = [member.path, b"@0"].concat();
        let path = if whole { member.path } else { cut.as_slice() };
        row.bytes("member", path).bytes("head", bytes.get(..HEAD.min(bytes.len())).unwrap_or_default());
        row.int("stored", stored).int("hidden_bytes", hidden);
        evidence.raw(&Member { kind: MemberKind::File, path, stat: member.stat }, &bytes)
    }
}

/// What each side says of it.
fn views(row: &mut Row, sides: &Sides<'_>, path: &[u8], why: Why<'_>) {
    row.flag("hidden", matches!(why, Why::Hidden));
    match why {
        Why::Covered(point, by) => {
            row.bytes("covered_by", point).bytes("covered_by_type", &by.kind).bytes("covered_by_source", &by.source);
        }
        Why::Hidden => {
            let lookup = sides.lookup(path);
            let (seen, missing): (&[&str], &[&str]) = match lookup {
                None => (&["disk", "lookup"], &["list"]),
                Some(_) => (&["disk"], &["list", "lookup"]),
            };
            row.json("seen_by", seen).json("missing_from", missing).text("lookup", lookup.as_deref().unwrap_or("found"));
        }
        Why::Below(top) => {
            row.bytes("hidden_by", top).text("lookup", sides.lookup(path).as_deref().unwrap_or("found"));
        }
    }
}

fn link(
    sides: &mut Sides<'_>,
    inode: &Inode,
    row: &mut Row,
    member: &Member<'_>,
    evidence: &mut dyn Evidence,
) -> Result<(), Stop> {
    let wanted = inode.clone();
    let Ok(Ok(target)) = sides.ask(move |system| system.target(&wanted)) else {
        row.error("symlink_target_path", "malformed");
        return evidence.check();
    };
    row.bytes("symlink_target_path", &target);
    evidence.raw(&Member { kind: MemberKind::Symlink(&target), ..*member }, b"")
}

fn failed(row: &mut Row, evidence: &mut dyn Evidence, path: &[u8], word: &str, reason: &str) -> Result<(), Stop> {
    row.error("content", word);
    evidence.gap(Gap::whole(path, reason));
    evidence.check()
}
