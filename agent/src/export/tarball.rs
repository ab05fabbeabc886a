//! The files of the host in one archive: the members of all archives of the run one after the other, byte for byte, with their owners
//! and times.
//!
//! Archives are joined by leaving out what ends each (pax(1): two blocks of zeros end an archive). So a member that two artefacts
//! have stands twice, and a reader takes the later one. What there is of processes without `stat` is left out and counted.

use hozen_collector::model::ObjectKey;

use super::destination::{Destination, Refused};
use super::object::{self, Failure, Taker};
use super::output::Output;
use super::place::Place;
use super::processes::Processes;
use super::progress::Progress;
use crate::verify::Opened;
use crate::verify::archive::{Archive, BLOCK, Head, Visitor};

/// What ends an archive.
const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// The archive in the making.
pub(super) struct Tarball<'a> {
    output: Output<'a>,
    archives: u64,
    processes: Processes,
    /// Members that were left out.
    apart: u64,
}

impl<'a> Tarball<'a> {
    pub(super) fn begin(destination: &'a Destination) -> Result<Self, Refused> {
        let output = Output::create(destination, "", "root.tar")?;
        Ok(Self { output, archives: 0, processes: Processes::default(), apart: 0 })
    }

    /// Adds the members of one archive, which must be whole.
    pub(super) fn archive(&mut self, evidence: &Opened, key: &ObjectKey, progress: &Progress) -> Result<(), Failure> {
        let walk = Archive::new(Chosen { processes: &mut self.processes, begun: None, apart: 0 });
        let mut joined = Joined { key, output: &mut self.output, walk, begun: Vec::new(), head: Vec::new(), wanted: false };
        let wrong = |what| Failure::Evidence(format!("{key}: {what}; root.tar may be broken behind it"));
        object::stream(evidence, key, &mut joined, progress)?;
        joined.walk.finish(false).map_err(wrong)?;
        self.apart += joined.walk.visitor.apart;
        self.archives += 1;
        Ok(())
    }

    /// Ends it and gives it its name. Returns what is told of it.
    pub(super) fn finish(mut self) -> Result<String, Refused> {
        self.output.write(&END)?;
        let size = self.output.finish()?;
        let left = match self.apart {
            0 => String::new(),
            apart => format!("; without {apart} members of processes that have no stat, which --format tree has"),
        };
        Ok(format!("root.tar: {} archives, {size} bytes{left}; target-query -f processes root.tar", self.archives))
    }
}

/// Decides which members are wanted.
struct Chosen<'a> {
    processes: &'a mut Processes,
    /// Whether the member that began just now is wanted.
    begun: Option<bool>,
    apart: u64,
}

impl Visitor for Chosen<'_> {
    fn begin(&mut self, member: &Head<'_>) -> Result<(), String> {
        // What has no place in a tree is no process's.
        let lacks = Place::of(member.path, "").is_ok_and(|place| self.processes.lacks(&place));
        self.apart += u64::from(lacks);
        self.begun = Some(!lacks);
        Ok(())
    }

    fn content(&mut self, _: &[u8]) -> Result<(), String> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        Ok(())
    }
}

/// Hands on the blocks of the members that are wanted. What stands before a member is held until it is known which one it is; what
/// ends the archive is before none.
struct Joined<'a, 'b> {
    key: &'b ObjectKey,
    output: &'b mut Output<'a>,
    walk: Archive<Chosen<'b>>,
    /// A block that has not all come.
    begun: Vec<u8>,
    /// Blocks that stand before the next member.
    head: Vec<u8>,
    /// Whether the member that began last is wanted.
    wanted: bool,
}

impl Joined<'_, '_> {
    fn block(&mut self, block: &[u8]) -> Result<(), Failure> {
        let is_content = self.walk.is_within_content();
        self.walk.take(block).map_err(|what| Failure::Evidence(format!("{}: {what}", self.key)))?;
        if !is_content {
            self.head.extend_from_slice(block);
        } else if self.wanted {
            self.output.write(block)?;
        }
        if let Some(wanted) = self.walk.visitor.begun.take() {
            self.wanted = wanted;
            if wanted {
                self.output.write(&self.head)?;
            }
            self.head.clear();
        }
        Ok(())
    }
}

impl Taker for Joined<'_, '_> {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.begun.extend_from_slice(bytes);
        let begun = std::mem::take(&mut self.begun);
        let mut blocks = begun.chunks_exact(BLOCK);
        self.begun = blocks.remainder().to_vec();
        blocks.try_for_each(|block| self.block(block))
    }
}
