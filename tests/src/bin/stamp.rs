//! `stamp PAGES LIST [ticking]`: locks PAGES pages of memory, finds out which physical frames they are in, and stamps each with its own
//! frame number (see `hozen_tests::stamp`). Writes the frames to the file LIST, one a line, and says `ready run=… pages=…`. Needs root.
//! With `ticking` it then adds one to the counter of each page in turn, round after round; these pages lie as far apart as those of six
//! times as much memory do, so that they are read at the beginning of an image, at its end, and all along.
//!
//! At its end it says, of the rounds, `rounds=N seconds=S`, and `moved=N`: how many pages the kernel has moved to other frames meanwhile, which breaks their stamps.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use hozen_tests::life::{self, Failure, Life};
use hozen_tests::stamp::{COUNTER, WORDS, word};
use nix::poll::PollTimeout;
use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::prctl;

/// Pages that are stamped between two looks at whether to end.
const TURN: usize = 1024;
/// So many times the memory is asked for where pages are to lie far apart.
const SPREAD: usize = 6;
/// Bits of an entry of `/proc/PID/pagemap` (Documentation/admin-guide/mm/pagemap.rst): the frame, and whether there is one.
const FRAME: u64 = (1 << 55) - 1;
const PRESENT: u64 = 1 << 63;

fn main() -> ExitCode {
    life::report("stamp", stamp())
}

fn stamp() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (count, list, ticking) = match arguments.as_slice() {
        [count, list] => (count, list, false),
        [count, list, mode] if mode == "ticking" => (count, list, true),
        _ => return Err("usage: stamp PAGES LIST [ticking]".into()),
    };
    let life = Life::begin()?;
    let pages = locked(count.parse::<usize>()? * if ticking { SPREAD } else { 1 })?;
    let run = u64::from(std::process::id()) << 32 | u64::from(nix::unistd::getppid().as_raw().unsigned_abs());
    let pagemap = File::open("/proc/self/pagemap")?;
    let mut pages = pages.iter().map(|page| Ok((page.frame(&pagemap)?, page))).collect::<Result<Vec<_>, Failure>>()?;
    if ticking {
        pages.sort_unstable_by_key(|(frame, _)| *frame);
        pages = pages.into_iter().step_by(SPREAD).collect();
    }
    for (counter, (frame, page)) in (0..).zip(&pages) {
        page.write(run, *frame, if ticking { 0 } else { counter });
    }
    write_list(Path::new(list), &pages)?;
    life::ready(&[life::own_pid(), ("run", run.to_string()), ("pages", pages.len().to_string())])?;
    if ticking {
        let began = Instant::now();
        let rounds = tick(&life, &pages)?;
        life::say(&format!("rounds={rounds} seconds={}", began.elapsed().as_secs_f64()))?;
    } else {
        life.wait()?;
    }
    let mut moved = 0;
    for (frame, page) in &pages {
        moved += u64::from(page.frame(&pagemap)? != *frame);
    }
    Ok(life::say(&format!("moved={moved}"))?)
}

/// A page of memory. Its words are atomic so that every write happens, and happens when it is written here.
#[repr(C, align(4096))]
struct Page([AtomicU64; WORDS]);

/// Pages that are in memory and stay there. Huge pages are forbidden: the kernel moves pages about to make them.
fn locked(count: usize) -> Result<Vec<Page>, Failure> {
    prctl::set_thp_disable(true)?;
    let pages = (0..count).map(|_| Page([const { AtomicU64::new(0) }; WORDS])).collect();
    mlockall(MlockAllFlags::MCL_CURRENT)?;
    Ok(std::hint::black_box(pages))
}

impl Page {
    /// The physical frame that it is in.
    fn frame(&self, pagemap: &File) -> Result<u64, Failure> {
        let mut entry = [0; 8];
        let number = u64::try_from(std::ptr::from_ref(self).addr() / size_of::<Self>())?;
        pagemap.read_exact_at(&mut entry, number * 8)?;
        let entry = u64::from_le_bytes(entry);
        let frame = entry & FRAME;
        if entry & PRESENT == 0 || frame == 0 {
            return Err("the kernel does not say where the pages are: run as root".into());
        }
        Ok(frame)
    }

    fn write(&self, run: u64, frame: u64, counter: u64) {
        for (index, place) in (0..).zip(&self.0) {
            let value = if index == COUNTER { counter } else { word(run, frame, index) };
            place.store(value.to_le(), Ordering::SeqCst);
        }
    }

    fn count(&self) {
        if let Some(counter) = self.0.get(COUNTER) {
            counter.store((u64::from_le(counter.load(Ordering::SeqCst)) + 1).to_le(), Ordering::SeqCst);
        }
    }
}

/// Counts in all pages, again and again; returns how often in all of them.
fn tick(life: &Life, pages: &[(u64, &Page)]) -> Result<usize, Failure> {
    let mut turns = 0;
    for turn in pages.chunks(TURN).cycle() {
        if life.over(PollTimeout::ZERO, None)?.is_over {
            break;
        }
        turn.iter().for_each(|(_, page)| page.count());
        turns += 1;
    }
    Ok(turns / pages.len().div_ceil(TURN).max(1))
}

#[expect(clippy::disallowed_methods, reason = "this helper runs in a guest of the tests and reports to them by a file")]
fn write_list(list: &Path, pages: &[(u64, &Page)]) -> Result<(), Failure> {
    let text: String = pages.iter().map(|(frame, _)| format!("{frame}\n")).collect();
    Ok(std::fs::write(list, text)?)
}
