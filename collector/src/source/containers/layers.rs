//! What containers have written: the upper folders of overlays, with their content.
//!
//! They are found in the mount tables of all mount namespaces, so whatever the engine, and in what engines keep of containers
//! that do not run. They are read on the host, where the engine mounted them from.
//!
//! What a user's files name counts only in his home, comes last, and takes a part of the bytes at most.

use std::collections::{BTreeMap, BTreeSet};

use super::Containers;
use super::describe::is_name;
use super::known::{Known, Upper};
use super::overlay::{self, Overlay};
use super::processes::{Namespaces, table_of};
use crate::host::mounts::{self, Mount};
use crate::host::{Host, ReadError, Reason, read};
use crate::model::{Gap, Row, escape};
use crate::source::file_set::{Few, SHARES, is_below};
use crate::source::tree::{Limits, Place, Tree};
use crate::source::walk::Walk;
use crate::source::{Evidence, Stop, failure};

/// The most overlay mounts of which rows are made.
const MOST_MOUNTS: usize = 20_000;

/// An upper folder, and whose it is.
#[derive(Debug, Default)]
struct Layer {
    container: Option<Vec<u8>>,
    mounted: bool,
    /// The user whose file names it; none where the host's do, or nobody's.
    user: Option<Vec<u8>>,
}

/// All upper folders, by their path on the host.
type Layers = BTreeMap<Vec<u8>, Layer>;

/// Writes a row for each overlay mount and for each layer, and keeps what lies in the layers. Returns how many there are.
///
/// # Errors
/// When the run wants no more of this artefact.
pub(super) fn keep(
    host: &Host,
    limits: &Containers,
    known: &Known,
    namespaces: &Namespaces,
    evidence: &mut dyn Evidence,
) -> Result<usize, Stop> {
    let mut layers = Layers::new();
    for Upper { folder, container, user } in &known.layers {
        // The host's files come first: what a user says of the same folder changes nothing.
        let layer = || Layer { container: Some(container.clone()), mounted: false, user: user.clone() };
        layers.entry(folder.clone()).or_insert_with(layer);
    }
    let mut few = Few::new(evidence);
    let kept = mounted(host, namespaces, &mut layers, &mut few).and_then(|()| content(host, limits, &layers, &mut few));
    few.tell("container_layers");
    kept.map(|()| layers.len())
}

/// Overlays in the mount tables of all processes, each table once.
fn mounted(host: &Host, namespaces: &Namespaces, layers: &mut Layers, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    let (mut seen, mut rows) = (BTreeSet::new(), 0_usize);
    for pid in host.proc.pids().unwrap_or_default() {
        evidence.check()?;
        let Ok(link) = host.proc.link(format!("{pid}/ns/mnt")) else { continue };
        if !seen.insert(link.clone()) {
            continue;
        }
        let Ok(table) = host.proc.file(format!("{pid}/mountinfo"), read::SMALL) else { continue };
        if table.bytes.is_empty() {
            // It is ending; another process may be in the same namespace.
            seen.remove(&link);
            continue;
        }
        if table.truncated {
            let length = u64::try_from(table.bytes.len()).unwrap_or(u64::MAX);
            evidence.gap(Gap::from(table_of(pid).as_bytes(), length, None, "longer than what is read of a table of mounts"));
        }
        let inode = link.strip_prefix(b"mnt:[").and_then(|rest| rest.strip_suffix(b"]"));
        let inode = inode.and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<u64>().ok()).unwrap_or(0);
        for mount in mounts::parse(&table.bytes).0 {
            let Some(overlay) = overlay::of(&mount) else { continue };
            rows += 1;
            if rows > MOST_MOUNTS {
                let reason =
                    format!("only {MOST_MOUNTS} overlays are looked at; the first that was not is in mount namespace {inode}");
                evidence.gap(Gap::whole(b"overlay_mounts", reason));
                return Ok(());
            }
            let container = namespaces.get(&inode).filter(|_| mount.point == b"/");
            let upper = overlay.upper.as_ref().map(|upper| absolute(upper, &mount.point, layers));
            remember(layers, upper.as_ref(), container);
            let owner = upper.and_then(|upper| layers.get(&upper)).and_then(|layer| layer.container.clone());
            evidence.row("overlay_mounts", &row(host, pid, inode, &mount, &overlay, owner.as_deref()))?;
        }
    }
    Ok(())
}

/// Where an upper folder lies. Where options would not fit into a page, because an image has many layers, engines name folders from
/// the one in which all layers are (`<layer>/diff`; moby and containers/storage, drivers/overlay). Which that is, the place of the
/// mount on the host tells (`<layer>/merged`), or what the engine's files say of its containers.
fn absolute(upper: &[u8], point: &[u8], layers: &Layers) -> Vec<u8> {
    let Some(layer) = upper.strip_suffix(b"/diff").filter(|layer| is_name(layer)) else { return upper.to_owned() };
    let (merged, diff) = ([&b"/"[..], layer, b"/merged"].concat(), [&b"/"[..], layer, b"/diff"].concat());
    let by_point = point.strip_suffix(merged.as_slice()).map(|all| [all, diff.as_slice()].concat());
    by_point.or_else(|| layers.keys().find(|known| known.ends_with(&diff)).cloned()).unwrap_or_else(|| upper.to_owned())
}

fn remember(layers: &mut Layers, upper: Option<&Vec<u8>>, container: Option<&Vec<u8>>) {
    if let Some(upper) = upper {
        let layer = layers.entry(upper.clone()).or_default();
        layer.mounted = true;
        layer.container = layer.container.take().or_else(|| container.cloned());
    }
}

fn row(host: &Host, pid: i32, inode: u64, mount: &Mount, overlay: &Overlay, container: Option<&[u8]>) -> Row {
    let mut row = Row::new(host.clock.now(), table_of(pid));
    row.bytes("path", &mount.point).int("mnt_namespace", inode).int("pid", pid).int("mount_id", mount.id);
    row.text("dev", &format!("{}:{}", mount.dev.0, mount.dev.1));
    for (column, value) in [("upper", &overlay.upper), ("work", &overlay.work)] {
        if let Some(value) = value {
            row.bytes(column, value);
        }
    }
    row.bytes_list("lower", overlay.lower.iter().map(Vec::as_slice));
    if let Some(id) = container {
        row.bytes("container_id", id);
    }
    row
}

fn content(host: &Host, limits: &Containers, layers: &Layers, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    let all = Limits { file: limits.file_cap, total: limits.total_cap, entries: limits.entries };
    let tree = Tree::new(host, "container_files", all, limits.include_secrets);
    let waiting = u64::try_from(layers.len()).unwrap_or(u64::MAX).max(1);
    let mut keep = Keep { host, limits, tree, waiting, taken: BTreeMap::new() };
    let mut order: Vec<(&Vec<u8>, &Layer)> = layers.iter().collect();
    // What is mounted first: it may be gone soon. What users name last.
    order.sort_by_key(|(_, layer)| (!layer.mounted, layer.user.is_some()));
    for (upper, layer) in order {
        evidence.check()?;
        keep.layer(upper, layer, evidence)?;
    }
    Ok(())
}

/// Layers on their way into the evidence.
struct Keep<'a> {
    host: &'a Host,
    limits: &'a Containers,
    tree: Tree<'a>,
    /// Layers that wait for their turn, with the one that has it.
    waiting: u64,
    /// Bytes of the layers that each user has named.
    taken: BTreeMap<Vec<u8>, u64>,
}

impl Keep<'_> {
    fn layer(&mut self, upper: &[u8], layer: &Layer, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        let mut row = Row::new(self.host.clock.now(), escape::bytes(upper));
        row.bytes("path", upper).flag("mounted", layer.mounted);
        if let Some(id) = &layer.container {
            row.bytes("container_id", id);
        }
        match self.walk(upper, layer) {
            Ok(walk) => {
                let (before, share) = (self.tree.left(), self.share(layer));
                one(&mut self.tree, walk, upper, layer, share, evidence)?;
                let stored = before.saturating_sub(self.tree.left());
                row.int("stored", stored);
                if let Some(user) = &layer.user {
                    *self.taken.entry(user.clone()).or_default() += stored;
                }
            }
            Err(error) => failure::note(&mut row, evidence, "path", &error),
        }
        self.waiting = self.waiting.saturating_sub(1).max(1);
        evidence.row("container_layers", &row)
    }

    fn walk(&self, upper: &[u8], layer: &Layer) -> Result<Walk, ReadError> {
        if !upper.starts_with(b"/") {
            // It was named from the engine's working folder, which nobody knows any more.
            return Err(ReadError::errno(upper, nix::errno::Errno::ENOENT));
        }
        let folder = self.host.files.dir(upper)?;
        let Some(user) = &layer.user else { return Ok(Walk::of(folder)) };
        let limit = if !is_of(self.host, user, upper, folder.path()) {
            let real = escape::bytes(folder.path());
            format!("a file in {} names it, and it leads elsewhere, to {real}; it was not looked into", escape::bytes(user))
        } else if self.left_of(user) == 0 {
            format!("the {} bytes that layers named in {} may take are used up", self.most_of_one(), escape::bytes(user))
        } else {
            return Ok(Walk::of(folder));
        };
        Err(ReadError::new(upper, Reason::Limit(limit)))
    }

    /// The most bytes of one layer.
    fn share(&self, layer: &Layer) -> u64 {
        let left = self.tree.left();
        // One container that has written much takes no more than its share of what is left for all.
        let share = (left / self.waiting).max(left.min(self.limits.file_cap));
        layer.user.as_ref().map_or(share, |user| share.min(self.left_of(user)))
    }

    fn most_of_one(&self) -> u64 {
        self.limits.total_cap / u64::try_from(SHARES).unwrap_or(1)
    }

    /// The bytes that layers which `user` names may still take.
    fn left_of(&self, user: &[u8]) -> u64 {
        self.most_of_one().saturating_sub(self.taken.get(user).copied().unwrap_or(0))
    }
}

/// Whether the folder `real`, to which `upper` leads, lies in the home of `user`, or in the store (`<store>/<driver>/<layer>/diff`) in which
/// the file that names it was really found.
fn is_of(host: &Host, user: &[u8], upper: &[u8], real: &[u8]) -> bool {
    let store = upper.rsplitn(4, |b| *b == b'/').nth(3).filter(|store| !store.is_empty());
    store.is_some_and(|store| is_below(real, store)) || host.files.real(user).is_ok_and(|(home, _)| is_below(real, &home))
}

fn one(
    tree: &mut Tree<'_>,
    walk: Walk,
    upper: &[u8],
    layer: &Layer,
    share: u64,
    evidence: &mut dyn Evidence,
) -> Result<(), Stop> {
    let columns = |row: &mut Row, path: &[u8]| {
        row.bytes("layer", upper);
        if let Some(inside) = path.strip_prefix(upper) {
            row.bytes("path_in_container", inside);
        }
        if let Some(id) = &layer.container {
            row.bytes("container_id", id);
        }
    };
    let source = escape::bytes(upper);
    tree.keep(walk, &Place { prefix: b"", source: &source, reads_links: true, columns: &columns }, share, evidence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_named_from_the_engines_own_is_found() {
        let layers = Layers::from([(b"/var/lib/docker/overlay2/a1/diff".to_vec(), Layer::default())]);
        let of = |upper: &str, point: &str| String::from_utf8(absolute(upper.as_bytes(), point.as_bytes(), &layers)).unwrap();
        assert_eq!(of("/x/a1/diff", "/"), "/x/a1/diff");
        assert_eq!(of("a1/diff", "/"), "/var/lib/docker/overlay2/a1/diff");
        assert_eq!(of("b2/diff", "/mnt/docker/overlay2/b2/merged"), "/mnt/docker/overlay2/b2/diff");
        for lost in ["b2/diff", "1/diff", "../diff", "/diff", "diff", "x/a1/diff"] {
            assert_eq!(of(lost, "/"), lost);
        }
    }
}
