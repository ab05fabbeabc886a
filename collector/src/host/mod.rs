//! Floor 1: the only door to the machine.
//!
//! **Invariant:** no other part of the crate opens, reads or asks anything of the host. All `unsafe` is in [`sys`].
//! Nothing here writes (but for the hosts that tests lay out) or executes, and nothing but [`module::Loading`] makes the kernel load a
//! module.

// Processes and their memory.
pub mod address_space;
pub mod connector;
pub mod pid;
pub mod procfs;

// Files and the file systems that they lie on.
pub mod block;
pub mod content;
pub mod dir;
pub mod extents;
pub mod files;
pub mod filesystems;
pub mod mounts;
pub mod read;

// The kernel: what it says of itself, its memory and its modules.
pub mod bpf;
pub mod cgroups;
pub mod identity;
pub mod inflow;
pub mod kmsg;
pub mod loaded;
pub mod module;
pub mod physical;
pub mod sysfs;

// The network.
pub mod netlink;
pub mod netns;
pub mod sockfs;
pub mod xtables;

// Ourselves: system calls, threads and clock, what we may do, what we do, and why something failed.
pub mod clock;
pub mod crew;
pub mod error;
pub mod footprint;
pub mod privilege;
pub mod sandbox;
pub mod spare_thread;
pub mod sys;
pub mod usage;
pub mod warden;

// For tests.
#[cfg(any(test, feature = "test-util"))]
pub mod fixture;

use std::path::Path;
use std::sync::Arc;

pub use address_space::AddressSpace;
pub use block::BlockDevice;
pub use clock::Clock;
pub use content::Content;
pub use crew::Crew;
pub use dir::Dir;
pub use error::{ReadError, Reason};
pub use files::HostFiles;
pub use filesystems::FileSystems;
pub use footprint::Footprint;
pub use loaded::Loaded;
pub use pid::Process;
pub use procfs::ProcRoot;
pub use spare_thread::SpareThread;
pub use sysfs::SysRoot;
pub use warden::Warden;

/// A host that can be read: the machine we run on, or a fixture tree that looks like one.
#[derive(Debug, Clone)]
pub struct Host {
    /// Its `/proc`.
    pub proc: Arc<ProcRoot>,
    /// Its `/sys`.
    pub sys: Arc<SysRoot>,
    /// Its files.
    pub files: Arc<HostFiles>,
    /// The run's clock.
    pub clock: Clock,
    /// What identifies it.
    pub identity: Arc<identity::Identity>,
    /// What we change on it.
    pub footprint: Arc<Footprint>,
    /// The module that we put into its kernel.
    pub loaded: Arc<Loaded>,
    /// Whether this is the machine we run on, so that its kernel can be asked (netlink, pidfd, namespaces).
    pub live: bool,
}

impl Host {
    /// The machine we run on, through private views where the kernel has them.
    ///
    /// # Errors
    /// When `/proc` or `/` cannot be opened at all.
    pub fn live() -> Result<Self, ReadError> {
        let footprint = Arc::new(Footprint::default());
        let proc = Arc::new(ProcRoot::live(&footprint)?);
        let sys = Arc::new(SysRoot::live(&footprint));
        let files = Arc::new(HostFiles::live(&proc, Arc::clone(&footprint))?);
        let identity = Arc::new(identity::Identity::read(&proc, &sys, &files));
        Ok(Self { proc, sys, files, clock: Clock::start(), identity, footprint, loaded: Arc::default(), live: true })
    }

    /// A fixture: a folder with `proc/`, `etc/` and so on, captured or made up.
    ///
    /// # Errors
    /// When the folder or its `proc` cannot be opened.
    pub fn fixture(root: &Path) -> Result<Self, ReadError> {
        let footprint = Arc::new(Footprint::default());
        let proc = Arc::new(ProcRoot::fixture(&root.join("proc"))?);
        let sys = Arc::new(SysRoot::fixture(&root.join("sys")));
        let files = Arc::new(HostFiles::fixture(root, Arc::clone(&footprint))?);
        let identity = Arc::new(identity::Identity::read(&proc, &sys, &files));
        Ok(Self { proc, sys, files, clock: Clock::start(), identity, footprint, loaded: Arc::default(), live: false })
    }

    /// Helpers that run such reads, several at a time; one that does not move for `limit` is given up.
    #[must_use]
    pub fn crew<T: Send + 'static>(&self, limit: std::time::Duration) -> Crew<T> {
        Crew::new(limit, Arc::clone(&self.footprint))
    }

    /// A helper that runs reads which may never return.
    #[must_use]
    pub fn spare_thread(&self) -> SpareThread {
        SpareThread::new(Arc::clone(&self.footprint))
    }
}
