//! Where the content of a file stands: a tree of extents (fs/ext4/ext4_extents.h), or in older file systems numbers of blocks of which
//! the last three lead to blocks of numbers.

use super::{Fault, FileSystem, Inode};
use crate::model::little_endian::{short, word};

const MAGIC: u16 = 0xf30a;
/// Header and entries of a tree are of one size.
const ENTRY: usize = 12;
/// `EXT4_MAX_EXTENT_DEPTH`.
const DEEPEST: u16 = 5;
/// An extent that is longer was reserved and never written (`EXT_INIT_MAX_LEN`).
const LONGEST: u16 = 32_768;
/// The most blocks of a map that are read, and the most stretches of one file.
const MOST_NODES: usize = 20_000;
const MOST_RUNS: usize = 200_000;

/// Numbers of blocks in the inode itself; behind them come the three that lead to blocks of numbers.
const DIRECT: usize = 12;

/// A stretch of blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// Its first block in the file.
    pub(super) logical: u64,
    /// Its first block in the file system.
    pub(super) physical: u64,
    /// Blocks.
    pub(super) length: u64,
}

impl Run {
    pub(super) fn bytes(&self, block_size: u64) -> u64 {
        self.length.saturating_mul(block_size)
    }
}

struct Walk<'a> {
    system: &'a FileSystem,
    /// The block of the file from which on nothing is wanted.
    until: u64,
    nodes: usize,
    runs: Vec<Run>,
}

/// The stretches that hold the first `bytes` bytes of a file; what is in none of them is zeros.
pub(super) fn runs(system: &FileSystem, file: &Inode, bytes: u64) -> Result<Vec<Run>, Fault> {
    let until = bytes.div_ceil(system.superblock.block_size);
    let mut walk = Walk { system, until, nodes: 0, runs: Vec::new() };
    if file.has_extents() {
        walk.tree(file.map(), None)?;
    } else {
        walk.numbers(file.map())?;
    }
    Ok(walk.runs)
}

impl Walk<'_> {
    fn node(&mut self, block: u64) -> Result<Vec<u8>, Fault> {
        self.nodes = self.nodes.saturating_add(1);
        if self.nodes > MOST_NODES {
            return Err(Fault::Limit("the map of a file has more blocks than are read"));
        }
        self.system.block(block)
    }

    /// Adds a stretch. They ascend, so that all together are never longer than what is wanted.
    fn run(&mut self, run: Run) -> Result<(), Fault> {
        let length = run.length.min(self.until.saturating_sub(run.logical));
        let end = self.runs.last().map_or(0, |last| last.logical.saturating_add(last.length));
        if run.logical < end {
            return Err(Fault::Malformed("a map that goes back"));
        }
        let is_full = self.runs.len() >= MOST_RUNS;
        match self.runs.last_mut() {
            _ if length == 0 => {}
            Some(last) if end == run.logical && last.physical.checked_add(last.length) == Some(run.physical) => {
                last.length = last.length.saturating_add(length);
            }
            _ if is_full => return Err(Fault::Limit("a file in more pieces than are read")),
            _ => self.runs.push(Run { length, ..run }),
        }
        Ok(())
    }

    /// A node of the tree, `depth` steps above the leaves; the root says itself how many.
    fn tree(&mut self, node: &[u8], depth: Option<u16>) -> Result<(), Fault> {
        let cut = Fault::Malformed("a map that is cut short");
        let header = || Some((short(node, 0)?, short(node, 2)?, short(node, 6)?));
        let (magic, count, own) = header().ok_or(cut)?;
        if magic != MAGIC || own > DEEPEST || depth.is_some_and(|depth| depth != own) {
            return Err(Fault::Malformed("a tree of extents that is none"));
        }
        for entry in node.get(ENTRY..).unwrap_or_default().chunks_exact(ENTRY).take(count.into()) {
            match own.checked_sub(1) {
                None => self.leaf(entry)?,
                Some(below) => self.branch(entry, below)?,
            }
        }
        Ok(())
    }

    fn leaf(&mut self, entry: &[u8]) -> Result<(), Fault> {
        let fields = || Some((word(entry, 0)?, short(entry, 4)?, short(entry, 6)?, word(entry, 8)?));
        let Some((logical, length, high, low)) = fields() else { return Ok(()) };
        if length > LONGEST {
            return Ok(());
        }
        self.run(Run { logical: logical.into(), physical: u64::from(low) | u64::from(high) << 32, length: length.into() })
    }

    fn branch(&mut self, entry: &[u8], below: u16) -> Result<(), Fault> {
        let fields = || Some((word(entry, 0)?, word(entry, 4)?, short(entry, 8)?));
        match fields() {
            Some((logical, low, high)) if u64::from(logical) < self.until => {
                let node = self.node(u64::from(low) | u64::from(high) << 32)?;
                self.tree(&node, Some(below))
            }
            _ => Ok(()),
        }
    }

    /// The numbers of the inode: of blocks of content, and then of blocks of numbers, of blocks of those, and once more.
    fn numbers(&mut self, map: &[u8]) -> Result<(), Fault> {
        let mut logical = 0;
        for (position, number) in map.chunks_exact(4).filter_map(|bytes| word(bytes, 0)).enumerate() {
            let level = u32::try_from(position.saturating_sub(DIRECT - 1)).unwrap_or(u32::MAX);
            self.number(number, level, &mut logical)?;
        }
        Ok(())
    }

    fn number(&mut self, number: u32, level: u32, logical: &mut u64) -> Result<(), Fault> {
        if *logical >= self.until {
            return Ok(());
        }
        if number == 0 {
            let in_block = self.system.superblock.block_size / 4;
            *logical = logical.saturating_add(in_block.saturating_pow(level));
            return Ok(());
        }
        let Some(below) = level.checked_sub(1) else {
            let at = *logical;
            *logical = logical.saturating_add(1);
            return self.run(Run { logical: at, physical: number.into(), length: 1 });
        };
        let node = self.node(number.into())?;
        node.chunks_exact(4).filter_map(|bytes| word(bytes, 0)).try_for_each(|number| self.number(number, below, logical))
    }
}
