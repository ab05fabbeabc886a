//! Whether a process is the one that an engine's files call a container's first. Files outlive containers, and the kernel gives numbers
//! again: then they name a process that has nothing to do with the container.

use std::collections::BTreeMap;

use super::cgroup::Belongs;
use super::known::{First, Known, Upper};
use super::overlay;
use crate::host::mounts::{self, Mount};
use crate::host::{Host, Process, read};
use crate::source::process::stat;

/// What is known of whether it is the one, the best proof first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Proof {
    /// It began when the runtime's state says.
    StartTime,
    /// Its cgroup is named after the container.
    Cgroup,
    /// Its root is the container's upper folder, or something is mounted in it that is named after the container.
    Mounts,
    /// Nothing speaks for it or against it.
    Nothing,
    /// Its root is that of the host's first process. So is that of a virtual machine's monitor, if containers are such.
    HostRoot,
    /// Its cgroup is named after another container.
    OtherCgroup,
    /// It began at another time: another process had the number.
    OtherStartTime,
}

impl Proof {
    /// The word for it in rows.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::StartTime => "start-time",
            Self::Cgroup => "cgroup",
            Self::Mounts => "mounts",
            Self::Nothing => "none",
            Self::HostRoot => "host-root",
            Self::OtherCgroup => "other-cgroup",
            Self::OtherStartTime => "other-start-time",
        }
    }

    /// Whether it speaks against it.
    pub(super) fn is_against(self) -> bool {
        self > Self::Nothing
    }
}

/// That a process is a container's first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    /// The container.
    pub(super) container: Vec<u8>,
    /// What is known of it.
    pub(super) proof: Proof,
}

/// All that files say of first processes.
pub(super) struct Claims<'a> {
    firsts: BTreeMap<i64, Vec<First<'a>>>,
    /// Folders in which containers write.
    layers: &'a [Upper],
    /// The root of the host's first process.
    hosts_root: Option<Root>,
}

/// Device and folder that are mounted at `/`.
type Root = ((u32, u32), Vec<u8>);

/// What a process is held against.
struct Looked<'a> {
    ticks: Option<u64>,
    belongs: Option<&'a Belongs>,
    mounts: Vec<Mount>,
}

impl<'a> Claims<'a> {
    /// What `known` says.
    pub(super) fn of(known: &'a Known, host: &Host) -> Self {
        let table = host.proc.file("1/mountinfo", read::SMALL).ok();
        let hosts_root = table.and_then(|table| root(&mounts::parse(&table.bytes).0).map(identity));
        Self { firsts: known.firsts(), layers: &known.layers, hosts_root }
    }

    /// What of it is said of `process`, whose cgroup is that of `belongs`. Of several containers, the one for which most speaks.
    pub(super) fn on(&self, process: &Process, belongs: Option<&Belongs>) -> Option<Claim> {
        let firsts = self.firsts.get(&i64::from(process.pid))?;
        let text = |name: &str| process.file(name, read::SMALL).map(|text| text.bytes).unwrap_or_default();
        let ticks = stat::parse(&text("stat")).map(|stat| stat.start_ticks);
        let looked = Looked { ticks, belongs, mounts: mounts::parse(&text("mountinfo")).0 };
        let claims = firsts.iter().map(|first| Claim { container: first.id.to_owned(), proof: self.proof(first, &looked) });
        claims.min_by_key(|claim| claim.proof)
    }

    fn proof(&self, first: &First<'_>, looked: &Looked<'_>) -> Proof {
        if let (Some(said), Some(found)) = (first.ticks, looked.ticks) {
            return if said == found { Proof::StartTime } else { Proof::OtherStartTime };
        }
        if let Some(belongs) = looked.belongs.filter(|belongs| !belongs.container.is_empty()) {
            return if belongs.container == first.id { Proof::Cgroup } else { Proof::OtherCgroup };
        }
        let own = root(&looked.mounts);
        if self.hosts_root.is_some() && own.map(identity) == self.hosts_root {
            return Proof::HostRoot;
        }
        let writes_in_it = own.and_then(overlay::of).and_then(|overlay| overlay.upper).is_some_and(|upper| {
            let is_its_own = |layer: &Upper| layer.folder == upper && layer.container == first.id;
            self.layers.iter().any(is_its_own)
        });
        if writes_in_it || looked.mounts.iter().any(|mount| is_named_after(mount, first.id)) {
            Proof::Mounts
        } else {
            Proof::Nothing
        }
    }
}

/// The mount at `/`: of several, the last covers the others.
fn root(mounts: &[Mount]) -> Option<&Mount> {
    mounts.iter().rfind(|mount| mount.point == b"/")
}

fn identity(mount: &Mount) -> Root {
    (mount.dev, mount.root.clone())
}

/// Whether what is mounted lies in a folder of the container's id (as `/etc/hostname` of Docker's containers does). Where it is mounted
/// says nothing: on the host are the mounts of all containers.
fn is_named_after(mount: &Mount, id: &[u8]) -> bool {
    /// A shorter one is a name, which anything may bear.
    const SHORTEST: usize = 32;
    let names = |text: &[u8]| text.windows(id.len()).any(|part| part == id);
    id.len() >= SHORTEST && (names(&mount.root) || names(&mount.super_options))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &[u8; 64] = &[b'a'; 64];
    const OTHER: &[u8; 64] = &[b'b'; 64];
    const HOST: &str = "21 1 8:1 / / rw - ext4 /dev/root rw\n";

    fn claims(layers: &[Upper]) -> Claims<'_> {
        Claims { firsts: BTreeMap::new(), layers, hosts_root: root(&mounts::parse(HOST.as_bytes()).0).map(identity) }
    }

    fn cgroup(id: &[u8]) -> Belongs {
        Belongs { container: id.to_owned(), ..Belongs::default() }
    }

    /// What is known of a process that is said to be the first of [`ID`].
    fn proof(said: Option<u64>, found: Option<u64>, belongs: Option<&Belongs>, table: &str) -> Proof {
        let layer = |folder: &str, id: &[u8]| Upper { folder: folder.into(), container: id.to_vec(), user: None };
        let layers = [layer("/layers/a/diff", ID), layer("/layers/b/diff", OTHER)];
        let looked = Looked { ticks: found, belongs, mounts: mounts::parse(table.as_bytes()).0 };
        claims(&layers).proof(&First { id: ID, ticks: said }, &looked)
    }

    #[test]
    fn the_time_of_the_start_decides_where_it_is_known() {
        let other = cgroup(OTHER);
        assert_eq!(proof(Some(7), Some(7), Some(&other), HOST), Proof::StartTime);
        assert_eq!(proof(Some(7), Some(8), Some(&cgroup(ID)), HOST), Proof::OtherStartTime);
        assert_eq!(
            (proof(None, Some(7), Some(&other), HOST), proof(Some(7), None, Some(&other), HOST)),
            (Proof::OtherCgroup, Proof::OtherCgroup)
        );
        assert_eq!(
            (proof(None, None, Some(&cgroup(ID)), HOST), proof(None, None, Some(&cgroup(b"")), HOST)),
            (Proof::Cgroup, Proof::HostRoot)
        );
    }

    #[test]
    fn a_root_tells_the_host_from_a_container() {
        let overlay =
            |upper: &str| format!("{HOST}30 21 0:40 / / rw - overlay overlay rw,lowerdir=/l,upperdir={upper},workdir=/w\n");
        let of = |table: &str| proof(None, None, None, table);
        assert_eq!((of(HOST), of("")), (Proof::HostRoot, Proof::Nothing));
        assert_eq!((of(&overlay("/layers/a/diff")), of(&overlay("/layers/b/diff"))), (Proof::Mounts, Proof::Nothing));
        let id = "a".repeat(64);
        let bound = format!("31 30 8:1 /var/lib/docker/containers/{id}/hostname /etc/hostname rw - ext4 /dev/root rw\n");
        assert_eq!(of(&(overlay("/x") + &bound)), Proof::Mounts);
        let elsewhere = format!("31 30 0:41 / /var/lib/docker/containers/{id}/shm rw - tmpfs shm rw\n");
        assert_eq!((of(&(overlay("/x") + &elsewhere)), of(&(HOST.to_owned() + &bound))), (Proof::Nothing, Proof::HostRoot));
        // A folder of the host's own disk as root, as drivers without overlays have it.
        assert_eq!(of("30 21 8:1 /var/lib/docker/vfs/dir/x / rw - ext4 /dev/root rw\n"), Proof::Nothing);
    }

    #[test]
    fn proofs_are_ordered_by_how_much_they_say() {
        let words =
            [Proof::StartTime, Proof::Cgroup, Proof::Mounts, Proof::Nothing].map(|proof| (proof.word(), proof.is_against()));
        assert_eq!(words, [("start-time", false), ("cgroup", false), ("mounts", false), ("none", false)]);
        let against = [Proof::HostRoot, Proof::OtherCgroup, Proof::OtherStartTime];
        assert!(against.iter().all(|proof| proof.is_against() && *proof > Proof::Nothing));
    }
}
