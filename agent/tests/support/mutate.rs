//! The mutation sweep: damages a verified run in every way that a forger or a bad disk might, one at a time, and demands that
//! verification names what was touched.
//!
//! It works on a copy of any folder that verifies, so it serves runs made by the tests and runs that were really collected.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::Path;

use hozen::verify::{Options, Verdict, verify};

const END: &str = "999-end.json";
const MANIFEST: &str = "900-manifest.json";
/// Flips in each object besides those of its first, middle and last byte.
const RANDOM_FLIPS: u64 = 4;
/// What the sweep complains about before it gives up.
const MAX_COMPLAINTS: usize = 20;

/// One damage.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Mutation {
    Flip { object: String, at: usize, bit: u8 },
    Cut { object: String, length: usize },
    Append { object: String },
    Remove { objects: Vec<String> },
    Copy { object: String, to: String },
    Swap { one: String, other: String },
    Alien { name: String },
    Link { object: String },
    Socket { object: String },
    Lines { object: String, edit: Edit, line: usize },
}

/// A change to the lines of a journal object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edit {
    Flip,
    Delete,
    Duplicate,
    SwapWithNext,
    Cut,
}

impl fmt::Display for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// Applies every `stride`-th mutation of the verified run in `run` (1 for all of them) and returns how many there were.
///
/// # Panics
/// When a mutation is not detected, or is detected in the wrong place.
pub(crate) fn sweep(run: &Path, stride: usize) -> usize {
    assert_eq!(verify(run, &Options::default()).verdict, Verdict::Verified, "the sweep needs a verified run");
    let place = tempfile::tempdir().unwrap();
    let copy = place.path().join("run");
    let objects = objects(run);
    objects.iter().for_each(|name| restore(run, &copy, name));
    let mutations: Vec<Mutation> = enumerate(run, &objects).into_iter().step_by(stride.max(1)).collect();
    let mut complaints = Vec::new();
    for mutation in &mutations {
        mutation.apply(&copy);
        complaints.extend(mutation.judge(&copy));
        mutation.touched().iter().for_each(|name| restore(run, &copy, name));
        assert!(complaints.len() < MAX_COMPLAINTS, "{}", complaints.join("\n"));
    }
    assert!(complaints.is_empty(), "{} of {} mutations:\n{}", complaints.len(), mutations.len(), complaints.join("\n"));
    assert_eq!(verify(&copy, &Options::default()).verdict, Verdict::Verified, "everything was put back");
    mutations.len()
}

/// The names of all objects below `run`, sorted.
fn objects(run: &Path) -> Vec<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(run.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else {
                found.insert(path);
            }
        }
    }
    found.into_iter().collect()
}

/// Makes `name` in `copy` what it is in `run`: the same bytes, or nothing.
fn restore(run: &Path, copy: &Path, name: &str) {
    let (from, to) = (run.join(name), copy.join(name));
    if to.symlink_metadata().is_ok() {
        fs::remove_file(&to).unwrap();
    }
    if from.exists() {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, fs::read(from).unwrap()).unwrap();
    }
}

fn enumerate(run: &Path, objects: &[String]) -> Vec<Mutation> {
    let mut all = Vec::new();
    for object in objects {
        let bytes = fs::read(run.join(object)).unwrap();
        all.extend(flips(object, bytes.len()));
        let lengths: BTreeSet<usize> = [0, bytes.len() / 2, bytes.len().saturating_sub(1)].into();
        let lengths = lengths.into_iter().filter(|length| *length < bytes.len());
        all.extend(lengths.map(|length| Mutation::Cut { object: object.clone(), length }));
        all.push(Mutation::Append { object: object.clone() });
        all.push(Mutation::Remove { objects: vec![object.clone()] });
        all.push(Mutation::Copy { object: object.clone(), to: free_name(object, objects) });
        all.push(Mutation::Copy { object: object.clone(), to: format!("{object}.part") });
        all.push(Mutation::Link { object: object.clone() });
        all.push(Mutation::Socket { object: object.clone() });
        if object.starts_with("custody/") {
            all.extend(line_edits(object, &bytes));
        }
    }
    for pair in objects.windows(2) {
        // Empty tables are all alike; to swap two of them changes nothing.
        if fs::read(run.join(&pair[0])).unwrap() != fs::read(run.join(&pair[1])).unwrap() {
            all.push(Mutation::Swap { one: pair[0].clone(), other: pair[1].clone() });
        }
    }
    all.push(Mutation::Remove { objects: vec![END.to_owned(), MANIFEST.to_owned()] });
    let aliens = ["alien", "custody/notes.txt", "data/alien", "data/process/.hidden", "000-begin.json~"];
    all.extend(aliens.map(|name| Mutation::Alien { name: name.to_owned() }));
    all
}

fn flips(object: &str, length: usize) -> Vec<Mutation> {
    let mut places: BTreeSet<(usize, u8)> = [(0, 0), (length / 2, 3), (length.saturating_sub(1), 7)].into();
    let mut seed = object.bytes().fold(1_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
    for _ in 0..RANDOM_FLIPS {
        // Knuth's generator: reproducible, and good enough to choose a place.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = usize::try_from(seed >> 33).unwrap() % length.max(1);
        places.insert((at, u8::try_from((seed >> 16) % 8).unwrap()));
    }
    places.into_iter().filter(|_| length > 0).map(|(at, bit)| Mutation::Flip { object: object.to_owned(), at, bit }).collect()
}

fn line_edits(object: &str, bytes: &[u8]) -> Vec<Mutation> {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').count();
    let edits = [Edit::Flip, Edit::Delete, Edit::Duplicate, Edit::SwapWithNext, Edit::Cut];
    let all = (0..lines).flat_map(|line| edits.map(|edit| (line, edit)));
    let possible = all.filter(|(line, edit)| *edit != Edit::SwapWithNext || line + 1 < lines);
    possible.map(|(line, edit)| Mutation::Lines { object: object.to_owned(), edit, line }).collect()
}

/// A name that the format knows, where there is one, and that is not taken.
fn free_name(object: &str, objects: &[String]) -> String {
    let custody = objects.iter().filter(|name| name.starts_with("custody/")).count();
    match object {
        _ if object.starts_with("custody/") => format!("custody/{:06}.jsonl", custody + 1),
        _ if object.ends_with(".tar.zst") => "data/raw/duplicate.tar.zst".to_owned(),
        _ if object.ends_with(".jsonl.zst") => "data/run/duplicate.jsonl.zst".to_owned(),
        _ => format!("copy-of-{object}"),
    }
}

impl Mutation {
    /// Every name that it changes.
    fn touched(&self) -> Vec<String> {
        match self {
            Self::Flip { object, .. }
            | Self::Cut { object, .. }
            | Self::Append { object }
            | Self::Link { object }
            | Self::Socket { object }
            | Self::Lines { object, .. } => vec![object.clone()],
            Self::Remove { objects } => objects.clone(),
            Self::Copy { to, .. } => vec![to.clone()],
            Self::Swap { one, other } => vec![one.clone(), other.clone()],
            Self::Alien { name } => vec![name.clone()],
        }
    }

    fn apply(&self, dir: &Path) {
        let edit = |object: &str, change: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = fs::read(dir.join(object)).unwrap();
            change(&mut bytes);
            fs::write(dir.join(object), bytes).unwrap();
        };
        match self {
            Self::Flip { object, at, bit } => edit(object, &|bytes| bytes[*at] ^= 1 << bit),
            Self::Cut { object, length } => edit(object, &|bytes| bytes.truncate(*length)),
            Self::Append { object } => edit(object, &|bytes| bytes.push(b'\n')),
            Self::Lines { object, edit: kind, line } => edit(object, &|bytes| *bytes = edited(bytes, *kind, *line)),
            Self::Remove { objects } => objects.iter().for_each(|object| fs::remove_file(dir.join(object)).unwrap()),
            Self::Copy { object, to } => {
                fs::create_dir_all(dir.join(to).parent().unwrap()).unwrap();
                fs::copy(dir.join(object), dir.join(to)).map(drop).unwrap();
            }
            Self::Swap { one, other } => {
                let (first, second) = (fs::read(dir.join(one)).unwrap(), fs::read(dir.join(other)).unwrap());
                fs::write(dir.join(one), second).unwrap();
                fs::write(dir.join(other), first).unwrap();
            }
            Self::Alien { name } => {
                fs::create_dir_all(dir.join(name).parent().unwrap()).unwrap();
                fs::write(dir.join(name), b"not ours").unwrap();
            }
            Self::Link { object } => {
                let elsewhere = dir.with_extension("elsewhere");
                fs::rename(dir.join(object), &elsewhere).unwrap();
                std::os::unix::fs::symlink(&elsewhere, dir.join(object)).unwrap();
            }
            Self::Socket { object } => {
                fs::remove_file(dir.join(object)).unwrap();
                drop(std::os::unix::net::UnixListener::bind(dir.join(object)).unwrap());
            }
        }
    }

    /// The one thing that cannot be told from a run that was cut off.
    fn looks_cut_off(&self) -> bool {
        matches!(self, Self::Remove { objects } if objects.iter().any(|object| object == END))
    }

    fn judge(&self, dir: &Path) -> Option<String> {
        let report = verify(dir, &Options::default());
        let due = if self.looks_cut_off() { Verdict::Incomplete } else { Verdict::Failed };
        if report.verdict != due {
            return Some(format!("{self}: {:?} instead of {due:?}", report.verdict));
        }
        let touched = self.touched();
        let named = report.findings.iter().any(|finding| touched.contains(&finding.object));
        let findings = || report.findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        if named || self.looks_cut_off() { None } else { Some(format!("{self}: no finding names it: {}", findings())) }
    }
}

fn edited(bytes: &[u8], edit: Edit, line: usize) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    match edit {
        Edit::Flip => {
            let middle = lines[line].len() / 2;
            lines[line][middle] ^= 1;
        }
        Edit::Delete => drop(lines.remove(line)),
        Edit::Duplicate => lines.insert(line, lines[line].clone()),
        Edit::SwapWithNext => lines.swap(line, line + 1),
        Edit::Cut => {
            let half = lines[line].len() / 2;
            lines[line].truncate(half);
            lines[line].push(b'\n');
        }
    }
    lines.concat()
}
