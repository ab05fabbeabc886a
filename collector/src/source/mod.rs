//! Floor 2: one module per artefact family. A source reads the host and writes rows and raw bytes to the [`Evidence`] it is
//! handed; it does not know where they go.
//!
//! **Invariant:** a source never fails the run. What it cannot read becomes a row's error, a [`Gap`] or its [`Outcome`].
//! Raw bytes are the evidence; rows are derived from the same buffer.

use std::io::Read;

use crate::host::Host;
use crate::host::sys::Stat;
use crate::model::{Artefact, Gap, Outcome, Row};

// All artefacts, in the order of a run.
pub mod catalogue;

// One per artefact, or per family of them.
pub mod accounts;
pub mod audit;
pub mod block_devices;
pub mod bpf;
pub mod containers;
pub mod context;
pub mod deleted_files;
pub mod ec2;
pub mod executables;
pub mod files;
pub mod findings;
pub mod footprint;
pub mod freeze_frame;
pub mod freeze_frame_end;
pub mod hidden;
pub mod hidden_files;
pub mod histories;
pub mod kernel_keys;
pub mod kernel_log;
pub mod kernel_modules;
pub mod kernel_symbols;
pub mod kernel_tracing;
pub mod loaded_files;
pub mod logs;
pub mod memory;
pub mod mounts;
pub mod network;
pub mod packages;
pub mod persistence;
pub mod process_detail;
pub mod process_envs;
pub mod process_events;
pub mod process_memory;
pub mod process_memory_map;
pub mod sessions;
pub mod shm;
pub mod system_controls;
pub mod tmpfs;
pub mod user_files;

// What they share.
pub(crate) mod between;
mod content;
mod digests;
mod each_process;
mod failure;
mod file_set;
mod kcore;
pub mod keep;
pub mod nowhere;
mod pages;
mod passwd;
pub mod process;
mod secret;
mod sqlite;
mod stat_columns;
pub mod taint;
mod text;
mod tree;
pub mod walk;

// For tests.
#[cfg(any(test, feature = "test-util"))]
pub mod hostile;
#[cfg(any(test, feature = "test-util"))]
pub mod recorded;
#[cfg(any(test, feature = "test-util"))]
mod strict;

/// Reads one artefact.
pub trait Source: Send {
    /// What it reads.
    fn artefact(&self) -> Artefact;

    /// Called once when the run begins, for every artefact that the plan does not skip: a source that must listen during the run
    /// starts here. Failures are reported by [`Source::acquire`].
    fn begin(&self, _host: &Host) {}

    /// The artefact that this one may be read in parallel with; it stands directly before it in the plan. For work that keeps one
    /// processor busy and whose evidence does not fade. Both share the stream's buffers, so at most one writes raw bytes.
    fn beside(&self) -> Option<&'static str> {
        None
    }

    /// Reads it all. Long loops call [`Evidence::check`] at each step and pass its `Stop` on with `?`. Called a second time, and
    /// must then read everything again, where the destination was lost and the run goes on in another.
    ///
    /// # Errors
    /// [`Stop`], and nothing else, when the run no longer wants this artefact or cannot store it.
    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop>;
}

/// The run wants this artefact no longer. What was handed over before is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// A signal asked the run to end.
    #[error("the run was interrupted")]
    Interrupted,
    /// The artefact's budget or the run's deadline is spent.
    #[error("out of time")]
    OutOfTime,
    /// The destination takes no more of it.
    #[error("the destination takes no more")]
    Sink,
}

/// Where a source puts what it reads. One evidence belongs to one artefact of one run.
pub trait Evidence {
    /// Adds `row` to `table`, which is one of the artefact's tables.
    ///
    /// # Errors
    /// When the run wants no more of this artefact.
    fn row(&mut self, table: &'static str, row: &Row) -> Result<(), Stop>;

    /// Adds a member with this content to the artefact's archive of raw bytes (`data/raw/<artefact>.tar.zst`).
    ///
    /// # Errors
    /// When the run wants no more of this artefact.
    fn raw(&mut self, member: &Member<'_>, content: &[u8]) -> Result<(), Stop>;

    /// Adds a member of exactly `size` bytes, read from `content` piece by piece. If `content` ends or fails early, the rest
    /// is filled with zeros, because the archive's format needs its size beforehand, and a gap says from where and why.
    ///
    /// # Errors
    /// When the run wants no more of this artefact.
    fn raw_stream(&mut self, member: &Member<'_>, size: u64, content: &mut dyn Read) -> Result<Streamed, Stop>;

    /// Begins the image `name` (one lower-case word), a stream of bytes that is cut into objects
    /// `data/<category>/<name>/000000.lime.zst` and so on. An image that is still open ends before.
    ///
    /// # Errors
    /// When the run wants no more of this artefact.
    fn image_begin(&mut self, name: &'static str) -> Result<(), Stop>;

    /// Adds bytes to the open image. Waits while the destination is slow.
    ///
    /// # Errors
    /// When the run wants no more of this artefact, or the destination takes no more of the image: what is stored by then is
    /// its beginning, without a hole.
    fn image_write(&mut self, bytes: &[u8]) -> Result<(), Stop>;

    /// Adds a whole buffer to the open image, and returns a buffer that may be filled next: another one, where this one could be
    /// handed on without being copied. What it holds is of no meaning.
    ///
    /// # Errors
    /// As [`Evidence::image_write`].
    fn image_take(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, Stop> {
        self.image_write(&bytes)?;
        Ok(bytes)
    }

    /// Ends the open image, if there is one.
    ///
    /// # Errors
    /// As [`Evidence::image_write`].
    fn image_end(&mut self) -> Result<(), Stop>;

    /// Notes that something is missing. The outcome `ok` becomes `partial`.
    fn gap(&mut self, gap: Gap);

    /// Whether to go on. To be called at each step of a long loop.
    ///
    /// # Errors
    /// When the run wants no more of this artefact.
    fn check(&self) -> Result<(), Stop>;

    /// How far it is, for whoever watches: `done` of `total` units of its own choice.
    fn progress(&mut self, done: u64, total: u64);
}

/// What became of a streamed member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streamed {
    /// SHA-256 of the bytes that were read.
    pub sha256: crate::model::Digest,
    /// Bytes that were read; less than asked where there is a gap.
    pub read: u64,
}

/// A member of an archive: a file of the host and what is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// Absolute path on the host; in the archive it stands below `[root]`.
    pub path: &'a [u8],
    /// What it is.
    pub kind: MemberKind<'a>,
    /// What `statx` said, where it matters (files; not the pseudo files of `/proc`).
    pub stat: Option<Stat>,
}

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberKind<'a> {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link to this target.
    Symlink(&'a [u8]),
    /// A FIFO, socket or device, noted and never opened.
    Special,
}

impl<'a> Member<'a> {
    /// A pseudo file of `/proc` or `/sys`, whose times and owner say nothing.
    #[must_use]
    pub fn pseudo(path: &'a [u8]) -> Self {
        Self { path, kind: MemberKind::File, stat: None }
    }

    /// A magic or symbolic link.
    #[must_use]
    pub fn symlink(path: &'a [u8], target: &'a [u8]) -> Self {
        Self { path, kind: MemberKind::Symlink(target), stat: None }
    }

    /// A regular file with its metadata.
    #[must_use]
    pub fn file(path: &'a [u8], stat: Stat) -> Self {
        Self { path, kind: MemberKind::File, stat: Some(stat) }
    }
}
