//! What the end-to-end tests stand on: running the program, reading what it wrote, and making a host odd.
//!
//! ```text
//! agent      finds and runs `hozen`, with a time limit
//! core_file  reads an ELF core file
//! evidence   reads an evidence directory with nothing of ours: zstd, tar, base64, JSON
//! helper     starts the helper programs of this package and ends them
//! host       what a test may do to this machine: its own mounts, which vanish with it
//! lime       reads a memory image in LiME's format
//! life       for the helper programs: say "ready", end when stdin closes
//! fuse       the few messages of the FUSE protocol that `wedge` speaks
//! stamp      pages that know where in memory they are, and a memory image that is checked against them
//! vm         boots a real kernel with the program in it
//! raw        all `unsafe` of this package
//! ```
//!
//! **Invariant:** nothing here imports Hozen's own crates. What they write is judged from outside.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    reason = "test support: what fails here is a failed test, and its message is for a person"
)]

pub mod agent;
pub mod core_file;
pub mod evidence;
pub mod fuse;
pub mod helper;
pub mod host;
pub mod life;
pub mod lime;
pub mod raw;
pub mod stamp;
pub mod vm;
