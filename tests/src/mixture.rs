//! Memory made up for measurements: what a server's memory is made of, in proportions that are written down here.
//!
//! Of each 64 MiB a quarter is zeros, and the rest comes in runs of 1 to 64 pages, in an order that a generator with a fixed seed
//! gives: pages of programs and libraries (of this machine's `/usr`, in the order of their names), of text (the same), of structures
//! full of pointers, and of random bytes, as compressed or encrypted files leave in the page cache. The same machine gives the same
//! bytes again.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Bytes of a page.
pub const PAGE: usize = 4096;
/// Of a hundred runs, how many are what.
const ZEROS: u64 = 25;
const PROGRAMS: u64 = 40;
const TEXT: u64 = 12;
const POINTERS: u64 = 13;
/// The most pages of a run.
const LONGEST: u64 = 64;
/// Folders that programs and libraries are taken from, and those of text.
const PROGRAM_FOLDERS: [&str; 3] = ["/usr/bin", "/usr/sbin", "/usr/lib/x86_64-linux-gnu"];
const TEXT_FOLDERS: [&str; 4] = ["/etc", "/usr/share/perl", "/usr/lib/python3", "/usr/include"];

/// The first `length` bytes of the mixture of this machine, in whole pages.
///
/// # Errors
/// As [`Mixture::of_this_machine`].
pub fn bytes(length: usize) -> Result<Vec<u8>, String> {
    let (mut mixture, mut page, mut bytes) = (Mixture::of_this_machine()?, [0; PAGE], Vec::with_capacity(length));
    while bytes.len() < length {
        mixture.fill(&mut page);
        bytes.extend_from_slice(&page);
    }
    Ok(bytes)
}

/// Gives page after page. Endless: when the files of a kind are used up they begin anew.
#[derive(Debug)]
pub struct Mixture {
    random: Random,
    programs: Files,
    text: Files,
    kind: u64,
    left: u64,
}

impl Mixture {
    /// The mixture of this machine.
    ///
    /// # Errors
    /// When the folders hold no file that can be read.
    pub fn of_this_machine() -> Result<Self, String> {
        let programs = Files::below(&PROGRAM_FOLDERS)?;
        let text = Files::below(&TEXT_FOLDERS)?;
        Ok(Self { random: Random(0x9E37_79B9_7F4A_7C15), programs, text, kind: 0, left: 0 })
    }

    /// Fills `page` with the next page.
    pub fn fill(&mut self, page: &mut [u8; PAGE]) {
        if self.left == 0 {
            self.kind = self.random.below(100);
            self.left = 1 + self.random.below(LONGEST);
        }
        self.left -= 1;
        match self.kind {
            kind if kind < ZEROS => page.fill(0),
            kind if kind < ZEROS + PROGRAMS => self.programs.fill(page),
            kind if kind < ZEROS + PROGRAMS + TEXT => self.text.fill(page),
            kind if kind < ZEROS + PROGRAMS + TEXT + POINTERS => self.pointers(page),
            _ => self.noise(page),
        }
    }

    /// Objects of 64 bytes as a kernel's or a program's heap holds them: two addresses, small numbers, a name, and zeros.
    fn pointers(&mut self, page: &mut [u8; PAGE]) {
        page.fill(0);
        for object in page.as_chunks_mut::<64>().0 {
            let one = self.random.next();
            let address = 0xffff_8880_0000_0000 | (one & 0x3fff_ffc0);
            let other = 0x0000_7f12_3400_0000 | (one >> 32 & 0xff_fff8);
            let words = [address, other, one >> 40 & 7, address, 0, one >> 48 & 0xff, 0x6b6e_6f77_6e00, 0];
            for (place, word) in object.as_chunks_mut::<8>().0.iter_mut().zip(words) {
                *place = word.to_le_bytes();
            }
        }
    }

    fn noise(&mut self, page: &mut [u8; PAGE]) {
        for place in page.as_chunks_mut::<8>().0 {
            *place = self.random.next().to_le_bytes();
        }
    }
}

/// Marsaglia's xorshift.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// The contents of files, one behind the other, each padded to whole pages as the page cache does.
#[derive(Debug)]
struct Files {
    paths: Vec<PathBuf>,
    next: usize,
    open: Option<File>,
}

impl Files {
    fn below(folders: &[&str]) -> Result<Self, String> {
        let mut paths = Vec::new();
        folders.iter().for_each(|folder| walk(Path::new(folder), &mut paths));
        // Without a page of content `fill` would look for ever.
        paths.retain(|path| fs::metadata(path).is_ok_and(|stat| stat.len() >= PAGE as u64) && File::open(path).is_ok());
        if paths.is_empty() {
            Err(format!("no files below {}", folders.join(", ")))
        } else {
            Ok(Self { paths, next: 0, open: None })
        }
    }

    fn fill(&mut self, page: &mut [u8; PAGE]) {
        loop {
            let mut length = 0;
            if let Some(file) = &mut self.open {
                while let Ok(more @ 1..) = file.read(page.get_mut(length..).unwrap_or_default()) {
                    length += more;
                }
            }
            if length > 0 {
                page.get_mut(length..).unwrap_or_default().fill(0);
                return;
            }
            self.open = self.paths.get(self.next % self.paths.len()).and_then(|path| File::open(path).ok());
            self.next += 1;
        }
    }
}

/// Regular files below `folder`, by name; links are not followed.
fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut entries: Vec<_> = entries.flatten().collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => walk(&entry.path(), found),
            Ok(kind) if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
}
