//! What the engines' files say of each container, put together under its id.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::host::Host;
use crate::model::{Gap, Row};
use crate::source::file_set::SHARES;
use crate::source::{Evidence, Stop};

/// The most containers of which rows are made, and the most folders in which they write; of what one user's files say a tenth.
const MOST: usize = 20_000;

/// The most bytes of all that is said of them, and what is said in one more description; of what one user's files say a tenth.
const MOST_BYTES: usize = 64 << 20;

/// Engines, the one that knows most of a container last: Docker's containers are containerd's and runc's as well.
const ENGINES: [&str; 6] = ["oci", "containerd", "podman", "cri-o", "ecs", "docker"];

/// A container as it is described.
#[derive(Debug, Default)]
pub(super) struct Container {
    /// The engine that describes it best.
    pub(super) runtime: &'static str,
    /// What is said of it, as JSON: values take much more memory than text.
    columns: BTreeMap<&'static str, String>,
    /// Columns that count where nobody sets the same.
    fallbacks: BTreeMap<&'static str, String>,
    /// When a first process began, by its number: in clock ticks since boot.
    begun: BTreeMap<i64, u64>,
    sources: Vec<String>,
    /// Whether a file of the host's own describes it, and not of a user's.
    is_hosts: bool,
    /// Bytes of all that is said of it.
    bytes: usize,
}

/// What is said of a container's first process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct First<'a> {
    /// The container.
    pub(super) id: &'a [u8],
    /// When the process began, in clock ticks since boot, where that is said.
    pub(super) ticks: Option<u64>,
}

/// A folder in which a container writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Upper {
    pub(super) folder: Vec<u8>,
    pub(super) container: Vec<u8>,
    /// The user whose file says so; none where it is the host's.
    pub(super) user: Option<Vec<u8>>,
}

/// What the files of one user, or those of the host, have added.
#[derive(Debug, Default)]
struct Added {
    containers: usize,
    layers: usize,
    bytes: usize,
    /// Descriptions that there was no room for, and folders.
    left_out: u64,
    layers_left_out: u64,
    /// Descriptions of what the host's own files describe.
    of_hosts: u64,
}

/// All containers that any engine describes, by id. The host's files are read before those of users.
#[derive(Debug, Default)]
pub(super) struct Known {
    containers: BTreeMap<Vec<u8>, Container>,
    /// Folders in which containers write.
    pub(super) layers: Vec<Upper>,
    /// The user whose file is read; none where it is the host's.
    user: Option<Vec<u8>>,
    added: BTreeMap<Option<Vec<u8>>, Added>,
    /// Bytes of all that is said, but for what is said of the container that was handed out last.
    bytes: usize,
    /// That container, and how many bytes it had before.
    last: Option<(Vec<u8>, usize)>,
}

impl Known {
    /// What comes next is said by a file of this user; of the host's, if none.
    pub(super) fn read_for(&mut self, user: Option<&[u8]>) {
        self.settle();
        self.user = user.map(<[u8]>::to_vec);
    }

    /// The container `id`, which the file `source` of this engine describes; none where there is no room, or where a user's file speaks of a
    /// container of the host's.
    pub(super) fn container(&mut self, id: &[u8], runtime: &'static str, source: String) -> Option<&mut Container> {
        self.settle();
        let before = self.containers.get(id).map(|known| (known.is_hosts, known.bytes));
        let (has_room, is_hosts) = (self.has_room(before.is_none()), self.user.is_none());
        let added = self.added.entry(self.user.clone()).or_default();
        if !is_hosts && before.is_some_and(|(of_host, _)| of_host) {
            added.of_hosts += 1;
            return None;
        }
        if !has_room {
            added.left_out += 1;
            return None;
        }
        added.containers += usize::from(before.is_none());
        self.last = Some((id.to_owned(), before.map_or(0, |(_, bytes)| bytes)));
        let new = || Container { is_hosts, bytes: id.len(), ..Container::default() };
        let container = self.containers.entry(id.to_owned()).or_insert_with(new);
        container.described(runtime, source);
        Some(container)
    }

    /// Counts what was said of the container that was handed out last.
    fn settle(&mut self) {
        let Some((id, before)) = self.last.take() else { return };
        let now = self.containers.get(&id).map_or(before, |container| container.bytes);
        self.count_bytes(now.saturating_sub(before));
    }

    fn count_bytes(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.added.entry(self.user.clone()).or_default().bytes += bytes;
    }

    /// Whether there is room for more from whose file is read: to be said of a container, and for another one.
    fn has_room(&self, is_new: bool) -> bool {
        let (containers, bytes) = self.added.get(&self.user).map_or((0, 0), |added| (added.containers, added.bytes));
        let is_full = is_new && (self.containers.len() >= MOST || containers >= share(MOST, self.user.as_ref()));
        !is_full && self.bytes < MOST_BYTES && bytes < share(MOST_BYTES, self.user.as_ref())
    }

    /// Remembers that a container writes into `folder`.
    pub(super) fn layer(&mut self, folder: Vec<u8>, id: &[u8]) {
        self.settle();
        let has_room = self.layers.len() < MOST && self.has_room(false);
        let added = self.added.entry(self.user.clone()).or_default();
        if !has_room || added.layers >= share(MOST, self.user.as_ref()) {
            added.layers_left_out += 1;
            return;
        }
        added.layers += 1;
        self.count_bytes(folder.len() + id.len());
        self.layers.push(Upper { folder, container: id.to_owned(), user: self.user.clone() });
    }

    /// The container `id`.
    pub(super) fn get(&self, id: &[u8]) -> Option<&Container> {
        self.containers.get(id)
    }

    /// What is said to be a container's first process, by its number. Of several containers that name the same one, one at least has ended.
    pub(super) fn firsts(&self) -> BTreeMap<i64, Vec<First<'_>>> {
        let mut firsts: BTreeMap<i64, Vec<First<'_>>> = BTreeMap::new();
        for (id, container) in &self.containers {
            let pid = container.columns.get("pid").and_then(|text| text.parse::<i64>().ok());
            if let Some(pid) = pid.filter(|pid| *pid > 0) {
                let ticks = container.begun.get(&pid).copied();
                firsts.entry(pid).or_default().push(First { id, ticks });
            }
        }
        firsts
    }

    /// How many there are.
    #[cfg(any(test, feature = "test-util"))]
    pub(super) fn count(&self) -> usize {
        self.containers.len()
    }

    /// Writes a row for each.
    ///
    /// # Errors
    /// When the run wants no more of this artefact.
    pub(super) fn rows(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        self.tell(evidence);
        for (id, container) in &self.containers {
            evidence.check()?;
            let mut row = Row::new(host.clock.now(), container.sources.first().cloned().unwrap_or_default());
            row.bytes("id", id).text("runtime", container.runtime);
            let others = container.fallbacks.iter().filter(|(column, _)| !container.columns.contains_key(*column));
            for (column, text) in container.columns.iter().chain(others) {
                row.json(column, &serde_json::from_str::<Value>(text).unwrap_or_default());
            }
            row.json("described_by", &container.sources);
            evidence.row("containers", &row)?;
        }
        Ok(())
    }

    /// Tells what there was no room for.
    fn tell(&self, evidence: &mut dyn Evidence) {
        for (user, added) in &self.added {
            let (most, bytes) = (share(MOST, user.as_ref()), share(MOST_BYTES, user.as_ref()));
            let whose = if user.is_some() { "this user's files" } else { "the host's files" };
            let mut gap = |count: u64, what: &str| {
                if count > 0 {
                    evidence.gap(Gap::whole(user.as_deref().unwrap_or(b"containers"), format!("{count} {what}")));
                }
            };
            let limit = format!("beyond the {most} and the {bytes} bytes that are taken from {whose}");
            gap(added.left_out, &format!("descriptions of containers {limit}"));
            gap(added.layers_left_out, &format!("folders in which containers write {limit}"));
            gap(
                added.of_hosts,
                "descriptions of containers that the host's own files describe; what a user says of those is left out",
            );
        }
    }
}

/// Which part of `most` is for the files of `user`, or, if none, of the host.
fn share(most: usize, user: Option<&Vec<u8>>) -> usize {
    if user.is_some() { most / SHARES } else { most }
}

impl Container {
    /// Notes that the file `source` of this engine describes it.
    fn described(&mut self, runtime: &'static str, source: String) {
        let rank = |engine: &str| ENGINES.iter().position(|known| *known == engine);
        if rank(runtime) >= rank(self.runtime) {
            self.runtime = runtime;
        }
        // A database may speak of it in several places.
        if self.sources.last() != Some(&source) {
            self.bytes += source.len();
            self.sources.push(source);
        }
    }

    /// Sets a column, unless an engine that knows more has set it or there is no value.
    pub(super) fn set(&mut self, column: &'static str, value: Option<Value>) {
        if !self.columns.contains_key(column) {
            self.overwrite(column, value);
        }
    }

    /// Sets a column whatever was there.
    pub(super) fn overwrite(&mut self, column: &'static str, value: Option<Value>) {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            let text = value.to_string();
            self.bytes += text.len();
            let before = self.columns.insert(column, text);
            self.bytes -= before.map_or(0, |text| text.len());
        }
    }

    /// Sets a column to what counts if nobody else sets it, before or later.
    pub(super) fn fall_back(&mut self, column: &'static str, value: Option<Value>) {
        if let Some(value) = value.filter(|value| !value.is_null() && !self.fallbacks.contains_key(column)) {
            let text = value.to_string();
            self.bytes += text.len();
            self.fallbacks.insert(column, text);
        }
    }

    /// Notes when the first process began that has the number `pid`.
    pub(super) fn begun(&mut self, pid: i64, ticks: u64) {
        self.begun.insert(pid, ticks);
    }

    /// A column's text.
    pub(super) fn text(&self, column: &str) -> Option<String> {
        self.columns.get(column).and_then(|text| serde_json::from_str(text).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::recorded::Recorded;

    fn gaps(known: &Known) -> Vec<(String, String)> {
        let mut evidence = Recorded::default();
        known.tell(&mut evidence);
        evidence.gaps.into_iter().map(|gap| (gap.source, gap.reason)).collect()
    }

    #[test]
    fn a_user_takes_no_more_than_his_share_and_says_nothing_of_the_hosts_containers() {
        let mut known = Known::default();
        known.container(b"web", "docker", "/var".into()).unwrap().set("name", Some("web".into()));
        known.read_for(Some(b"/home/eve"));
        assert!(known.container(b"web", "docker", "/home/eve/x".into()).is_none());
        let mut add = |n: usize| known.container(n.to_string().as_bytes(), "podman", "/home/eve/x".into()).is_some();
        assert_eq!((0..MOST).filter(|n| add(*n)).count(), MOST / SHARES);
        (0..=MOST / SHARES).for_each(|n| known.layer(n.to_string().into_bytes(), b"x"));
        known.read_for(None);
        assert!(known.container(b"late", "docker", "/var".into()).is_some());
        known.layer(b"/upper".to_vec(), b"late");
        assert_eq!((known.layers.len(), known.layers.last().unwrap().user.as_ref()), (MOST / SHARES + 1, None));
        assert_eq!(known.get(b"web").unwrap().text("name").as_deref(), Some("web"));
        let told = gaps(&known);
        assert!(told.len() == 3 && told.iter().all(|(source, _)| source == "/home/eve"), "{told:?}");
        assert!(told[0].1.starts_with("18000 descriptions") && told[1].1.starts_with("1 folders"), "{told:?}");
        assert!(told[2].1.starts_with("1 descriptions"), "{told:?}");
    }

    #[test]
    fn what_is_said_of_all_containers_is_bounded() {
        let mut known = Known::default();
        let (text, mut kept) = ("x".repeat(1 << 20), 0);
        for n in 0..100_u8 {
            if let Some(container) = known.container(&[n % 10, n], "docker", "/x".into()) {
                container.set("labels", Some(text.as_str().into()));
                // Said once more, it takes no more room.
                container.overwrite("labels", Some(text.as_str().into()));
                kept += 1;
            }
        }
        assert_eq!((kept, gaps(&known).len()), (64, 1));
        known.read_for(None);
        assert!((MOST_BYTES..MOST_BYTES + (1 << 20)).contains(&known.bytes));
    }
}
