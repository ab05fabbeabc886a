//! `shared LIST RUN`: what becomes of pages that several threads read through one open `/proc/kcore`. `stamp` has written the frames of
//! its pages to LIST, and RUN is the number of its run. Needs root.
//!
//! First each thread reads through a descriptor of its own, then all of them through one. For each it says a line:
//! `own right=N corrupt=N` and `shared right=N corrupt=N`. The second ends as soon as a page was corrupt.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use hozen_tests::life::{self, Failure};
use hozen_tests::stamp::is_stamp;

const THREADS: usize = 4;
const PAGE: usize = 4096;
/// How often all pages are read through descriptors of their own, and at most through a shared one.
const OWN: usize = 16;
const SHARED: usize = 1000;

fn main() -> ExitCode {
    life::report("shared", shared())
}

fn shared() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [list, run] = arguments.as_slice() else { return Err("usage: shared LIST RUN".into()) };
    let run = run.parse()?;
    let parts = parts(&kcore()?)?;
    let pages = frames(list)?.into_iter().map(|frame| Page::of(frame, &parts)).collect::<Result<Vec<_>, Failure>>()?;
    let own = (0..THREADS).map(|_| kcore()).collect::<Result<Vec<_>, Failure>>()?;
    let own: Vec<&File> = own.iter().collect();
    let mut count = Count::default();
    for _ in 0..OWN {
        count.add(&round(&own, &pages, run)?);
    }
    life::say(&format!("own {count}"))?;
    let one = kcore()?;
    let (mut count, mut rounds) = (Count::default(), 0..SHARED);
    while count.corrupt == 0 && rounds.next().is_some() {
        count.add(&round(&[&one; THREADS], &pages, run)?);
    }
    Ok(life::say(&format!("shared {count}"))?)
}

fn kcore() -> Result<File, Failure> {
    File::open("/proc/kcore").map_err(|error| format!("/proc/kcore: {error}").into())
}

/// A stamped page, and where it stands in `/proc/kcore`.
struct Page {
    frame: u64,
    offset: u64,
}

/// Physical address, length and offset of a part of `/proc/kcore`.
type Part = (u64, u64, u64);

impl Page {
    fn of(frame: u64, parts: &[Part]) -> Result<Self, Failure> {
        let address = frame * u64::try_from(PAGE)?;
        let part = parts.iter().find(|(start, length, _)| (*start..start.saturating_add(*length)).contains(&address));
        let (start, _, offset) = part.ok_or_else(|| format!("/proc/kcore has no frame {frame}"))?;
        Ok(Self { frame, offset: offset + (address - start) })
    }
}

/// The parts that have a physical address, by its program headers (elf(5)).
fn parts(kcore: &File) -> Result<Vec<Part>, Failure> {
    let mut header = [0; 64];
    kcore.read_exact_at(&mut header, 0)?;
    let long =
        |bytes: &[u8], at: usize| bytes.get(at..).and_then(|rest| rest.first_chunk().copied()).map_or(0, u64::from_le_bytes);
    let count = long(&header, 56) & 0xffff;
    let mut table = vec![0; usize::try_from(count)? * 56];
    kcore.read_exact_at(&mut table, long(&header, 32))?;
    let part = |one: &[u8]| (long(one, 24), long(one, 40), long(one, 8));
    let loads = table.chunks_exact(56).filter(|one| long(one, 0) & 0xffff_ffff == 1).map(part);
    Ok(loads.filter(|(physical, ..)| *physical != u64::MAX && *physical > 0).collect())
}

#[expect(clippy::disallowed_methods, reason = "this helper runs in a guest of the tests")]
fn frames(list: &str) -> Result<Vec<u64>, Failure> {
    let text = std::fs::read_to_string(list)?;
    text.lines().map(|line| line.parse().map_err(Failure::from)).collect()
}

#[derive(Default)]
struct Count {
    right: u64,
    corrupt: u64,
}

impl Count {
    fn add(&mut self, other: &Self) {
        self.right += other.right;
        self.corrupt += other.corrupt;
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "right={} corrupt={}", self.right, self.corrupt)
    }
}

/// Reads every page once. Thread `n` reads every [`THREADS`]-th, through the `n`-th of `files`.
fn round(files: &[&File], pages: &[Page], run: u64) -> Result<Count, Failure> {
    let (right, corrupt, failed) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for (first, file) in files.iter().enumerate() {
            let (right, corrupt, failed) = (&right, &corrupt, &failed);
            scope.spawn(move || {
                let mut bytes = [0; PAGE];
                for page in pages.iter().skip(first).step_by(files.len()) {
                    let counter = match file.read_exact_at(&mut bytes, page.offset) {
                        Ok(()) if is_stamp(&bytes, run, page.frame) => right,
                        Ok(()) => corrupt,
                        Err(_) => failed,
                    };
                    counter.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    match failed.into_inner() {
        0 => Ok(Count { right: right.into_inner(), corrupt: corrupt.into_inner() }),
        failed => Err(format!("{failed} pages could not be read").into()),
    }
}
