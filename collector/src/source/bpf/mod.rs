//! What runs in the kernel as BPF: programs with their code, maps, types, links with what they are attached to, and pins.
//!
//! The kernel's own lists are compared with what else shows an object: descriptors of processes (`fdinfo`), pins, symbols of the
//! compiled code, and other objects that name it. A rootkit of BPF hides from bpf(2) by a program of its own that sits on that
//! call; it does not hide from all the others at once.
//!
//! bpffs is read only where it is mounted: mounting it makes the kernel start a program (`bpf_preload`). Its files are never
//! read: reading a pinned iterator runs a program of BPF.

mod attached;
mod columns;
mod contents;
mod helpers;
mod holders;
mod pins;
mod symbols;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use nix::errno::Errno;

use self::contents::Kept;
use self::holders::Owner;
use self::symbols::Symbols;
use super::{Evidence, Member, Source, Stop};
use crate::host::bpf::{self, BpfKind, BpfObject, Info};
use crate::host::{Host, ReadError, clock};
use crate::model::row::RowStatus;
use crate::model::{Artefact, Category, Gap, Outcome, Profile, Row, Status};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "bpf",
    category: Category::Kernel,
    profile: Profile::Volatile,
    budget: Duration::from_secs(60),
    budget_bytes: Some(64 << 20),
    source: "bpf(2), /proc/PID/fdinfo, /sys/fs/bpf, /proc/kallsyms",
    about: "BPF programs with their code, maps with their content, links, types and pins, who holds them, and where lists contradict",
    tables: &[
        "bpf_programs",
        "bpf_maps",
        "bpf_map_entries",
        "bpf_links",
        "bpf_types",
        "bpf_pins",
        "bpf_cgroup_programs",
        "bpf_views",
    ],
};

/// Each kind: its table, its word in views and archives, and the word in `fdinfo` (`kernel/bpf/syscall.c`).
const KINDS: [(BpfKind, &str, &str, &[u8]); 4] = [
    (BpfKind::Program, "bpf_programs", "program", b"prog_id"),
    (BpfKind::Map, "bpf_maps", "map", b"map_id"),
    (BpfKind::Link, "bpf_links", "link", b"link_id"),
    (BpfKind::Types, "bpf_types", "types", b"btf_id"),
];

/// Lists and describes what there is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bpf;

impl Source for Bpf {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let mut seen = Seen::default();
        let mut refusal = None;
        for (kind, ..) in KINDS {
            refusal = seen.list(host, kind, evidence)?.or(refusal);
        }
        seen.owners = holders::all(host, evidence)?;
        seen.pins = pins::all(host, evidence)?;
        let symbols = symbols::read(host);
        let objects = seen.describe(host);
        let mut context = Context { symbols, kept: Kept::default() };
        // What came and went meanwhile is in the second list and not in the first, or the other way round.
        for (kind, ..) in KINDS {
            let (ids, _) = if host.live { bpf::ids(kind).unwrap_or_default() } else { Default::default() };
            seen.listed.extend(ids.into_iter().map(|id| (kind, id)));
        }
        for (key, object) in &objects {
            evidence.check()?;
            seen.row(host, *key, object, &mut context, evidence)?;
        }
        attached::all(host, evidence)?;
        symbols::unclaimed(host, &context.symbols, &objects, evidence)?;
        Ok(outcome(host, refusal, &objects))
    }
}

/// What of BPF has an id.
type Key = (BpfKind, u32);
/// What asking for an object came to.
type Objects = BTreeMap<Key, Result<Info, Errno>>;

fn outcome(host: &Host, refusal: Option<Errno>, objects: &Objects) -> Outcome {
    match refusal {
        _ if !host.live => Outcome::because(Status::Absent, "not the machine that we run on; its kernel cannot be asked"),
        Some(Errno::ENOSYS) => Outcome::because(Status::Absent, "the kernel has no BPF"),
        Some(errno) if objects.is_empty() => Outcome::because(Status::Denied, format!("bpf(2): {errno}")),
        _ => Outcome::ok(),
    }
}

/// What rows need besides the object itself.
#[derive(Default)]
struct Context {
    symbols: Symbols,
    kept: Kept,
}

/// Every view of the objects.
#[derive(Default)]
struct Seen {
    listed: BTreeSet<Key>,
    owners: BTreeMap<Key, Vec<Owner>>,
    pins: BTreeMap<Key, Vec<Vec<u8>>>,
    /// Objects that another one names.
    named: BTreeSet<Key>,
}

impl Seen {
    /// Takes the kernel's list of `kind`, and writes the row that says what came of it.
    fn list(&mut self, host: &Host, kind: BpfKind, evidence: &mut dyn Evidence) -> Result<Option<Errno>, Stop> {
        let mut row = Row::new(host.clock.now(), "bpf(2)");
        row.text("view", word(kind));
        let listed = if host.live { bpf::ids(kind) } else { Err(Errno::ENOSYS) };
        row.flag("available", listed.is_ok());
        let refusal = match listed {
            Ok((ids, more)) => {
                row.int("entries", i64::try_from(ids.len()).unwrap_or(i64::MAX));
                if more {
                    row.error("ids", "limit");
                    evidence
                        .gap(Gap::whole(b"bpf(2)", format!("more ids of kind {} than are listed, or not ascending", word(kind))));
                }
                self.listed.extend(ids.into_iter().map(|id| (kind, id)));
                None
            }
            Err(errno) => {
                row.text("reason", errno.desc());
                // EINVAL: an older kernel, which has no such kind.
                if !matches!(errno, Errno::ENOSYS | Errno::EINVAL) {
                    row.error("ids", format!("{errno:?}"));
                    evidence.gap(ReadError::errno(b"bpf(2)", errno).gap());
                }
                Some(errno)
            }
        };
        evidence.row("bpf_views", &row)?;
        Ok(refusal)
    }

    /// Asks for each object that any view has, and for those that these name.
    fn describe(&mut self, host: &Host) -> Objects {
        let mut objects = Objects::new();
        let shown = self.owners.keys().chain(self.pins.keys()).copied();
        let mut open: Vec<Key> = self.listed.iter().copied().chain(shown).collect();
        while let Some(key) = open.pop() {
            if objects.contains_key(&key) {
                continue;
            }
            // Ids of another host would be those of other objects here.
            let open_one = || BpfObject::open(key.0, key.1).and_then(|object| Info::of(&object));
            let info = if host.live { open_one() } else { Err(Errno::ENOSYS) };
            let named = info.as_ref().map(|info| columns::names(key.0, info)).unwrap_or_default();
            self.named.extend(named.iter().copied());
            open.extend(named);
            objects.insert(key, info);
        }
        objects
    }

    fn row(
        &self,
        host: &Host,
        key: Key,
        object: &Result<Info, Errno>,
        context: &mut Context,
        evidence: &mut dyn Evidence,
    ) -> Result<(), Stop> {
        let (kind, id) = key;
        let mut row = Row::new(host.clock.now(), "bpf(2)");
        row.int("id", id);
        match object {
            Ok(info) => {
                columns::put(&mut row, kind, info, host.live.then(clock::boot_ns).unwrap_or(0));
                keep(kind, id, info, &mut row, evidence)?;
                if let Some(code) = info.part("xlated") {
                    let (names, unknown) = context.symbols.helpers.called(code);
                    row.bytes_list("helpers", names).int("calls_unknown", i64::try_from(unknown).unwrap_or(i64::MAX));
                }
                if kind == BpfKind::Map && host.live {
                    contents::keep(host, id, info, &mut context.kept, &mut row, evidence)?;
                }
            }
            Err(_) if !host.live => row.status(RowStatus::Error),
            Err(Errno::ENOENT) => row.status(RowStatus::Vanished),
            Err(errno) => {
                row.error("info", format!("{errno:?}"));
                evidence.gap(ReadError::errno(format!("bpf(2) {} {id}", word(kind)).as_bytes(), *errno).gap());
            }
        }
        let owners = self.owners.get(&key).map(Vec::as_slice).unwrap_or_default();
        let pins = self.pins.get(&key).map(Vec::as_slice).unwrap_or_default();
        row.json("owners", owners).bytes_list("pins", pins.iter().map(Vec::as_slice));
        let views = [
            ("list", self.listed.contains(&key)),
            ("fdinfo", !owners.is_empty()),
            ("pin", !pins.is_empty()),
            ("named", self.named.contains(&key)),
        ];
        row.json("seen_by", &views.iter().filter(|(_, seen)| *seen).map(|(view, _)| *view).collect::<Vec<_>>());
        // A contradiction: not in the list, although it can be opened now or a descriptor still shows it. What merely came and
        // went between the lists is none.
        let is_there = || BpfObject::open(kind, id).is_ok() || owners.iter().any(|owner| holders::still(host, owner, key));
        row.flag("contradiction", host.live && !self.listed.contains(&key) && is_there());
        evidence.row(table(kind), &row)
    }
}

/// Keeps the structure as the kernel gave it, and code and types beside it.
fn keep(kind: BpfKind, id: u32, info: &Info, row: &mut Row, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    let mut member = |ending: &str, bytes: &[u8]| {
        let path = format!("/.hozen/bpf/{}-{id}.{ending}", word(kind));
        evidence.raw(&Member::pseudo(path.as_bytes()), bytes)
    };
    member("info", &info.bytes)?;
    for (part, bytes) in info.parts.iter().filter(|(part, _)| matches!(*part, "xlated" | "jited" | "btf")) {
        member(part, bytes)?;
        row.text(&format!("{part}_sha256"), &crate::model::Digest::of(bytes).to_string());
    }
    Ok(())
}

fn word(kind: BpfKind) -> &'static str {
    KINDS.iter().find(|(other, ..)| *other == kind).map_or("", |(_, _, word, _)| word)
}

fn table(kind: BpfKind) -> &'static str {
    KINDS.iter().find(|(other, ..)| *other == kind).map_or("bpf_views", |(_, table, ..)| table)
}

#[cfg(test)]
mod tests;
