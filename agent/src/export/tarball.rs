//! The files of the host in one archive: the members of all archives of the run one after the other, byte for byte, with their owners
//! and times.
//!
//! Archives are joined by leaving out what ends each (pax(1): two blocks of zeros end an archive). So a member that two artefacts
//! have stands twice, and a reader takes the later one.

use hozen_collector::model::ObjectKey;

use super::destination::{Destination, Refused};
use super::object::{self, Failure, Taker};
use super::output::Output;
use super::progress::Progress;
use crate::verify::Opened;

/// What ends an archive.
const END: [u8; 1024] = [0; 1024];

/// The archive in the making.
pub(super) struct Tarball<'a> {
    output: Output<'a>,
    archives: u64,
}

impl<'a> Tarball<'a> {
    pub(super) fn begin(destination: &'a Destination) -> Result<Self, Refused> {
        Ok(Self { output: Output::create(destination, "", "root.tar")?, archives: 0 })
    }

    /// Adds the members of one archive, which must be whole.
    pub(super) fn archive(&mut self, evidence: &Opened, key: &ObjectKey, progress: &Progress) -> Result<(), Failure> {
        let mut joined = Joined { output: &mut self.output, held: Vec::new() };
        object::stream(evidence, key, &mut joined, progress)?;
        if joined.held != END {
            return Err(Failure::Evidence(format!("{key}: does not end as an archive does; root.tar may be broken behind it")));
        }
        self.archives += 1;
        Ok(())
    }

    /// Ends it and gives it its name. Returns what is told of it.
    pub(super) fn finish(mut self) -> Result<String, Refused> {
        self.output.write(&END)?;
        let size = self.output.finish()?;
        Ok(format!("root.tar: {} archives, {size} bytes; target-query -f processes root.tar", self.archives))
    }
}

/// Holds the last bytes back, because only at the end is it known that they are the archive's end.
struct Joined<'a, 'b> {
    output: &'b mut Output<'a>,
    held: Vec<u8>,
}

impl Taker for Joined<'_, '_> {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.held.extend_from_slice(bytes);
        let ready = self.held.len().saturating_sub(END.len());
        let rest = self.held.split_off(ready);
        self.output.write(&self.held)?;
        self.held = rest;
        Ok(())
    }
}
