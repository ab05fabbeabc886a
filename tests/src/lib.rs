//! What the end-to-end tests stand on: running the program, reading what it wrote, and making a host odd.
//!
//! ```text
//! attached   what `odd attached` has made of the network and of BPF, looked for in evidence
//! aws        doubles of AWS services, and what they have in common
//! s3         the strict double of S3
//! serve      what all doubles stand on: server, journal, faults
//! agent      finds and runs `hozen`, with a time limit
//! core_file  reads an ELF core file
//! dns        a double of a name server
//! emulator   emulators of AWS that others have written
//! evidence   reads an evidence directory with nothing of ours: zstd, tar, base64, JSON
//! helper     starts the helper programs of this package and ends them
//! host       what a test may do to this machine: its own mounts, which vanish with it
//! lime       reads a memory image in LiME's format
//! images     images of memory in the evidence of a guest, held against stamped pages
//! life       for the helper programs: say "ready", end when stdin closes
//! module_file  kernel modules as far as they speak of themselves
//! mixture    memory made up for measurements, from what a server's memory is made of
//! fuse       the few messages of the FUSE protocol that `wedge` speaks
//! proxy      a double of an HTTP proxy
//! vault      a locked bucket, KMS, and the roles of packaging/cloudformation
//! stamp      pages that know where in memory they are, and a memory image that is checked against them
//! vm         boots a real kernel with the program in it
//! volatility what an analyst makes of evidence: export, symbol file, Volatility 3
//! planted    a small host: files for each artefact of a triage run, and what must be in the evidence of them
//! python     a Python with the packages that tests use
//! root       a small root of a test's own
//! still      whether a tree has stayed as it was, access times included
//! rpm        a package that rpm has installed, as far as one test sees it
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
pub mod attached;
pub mod aws;
pub mod core_file;
pub mod dns;
pub mod emulator;
pub mod evidence;
pub mod fuse;
pub mod helper;
pub mod host;
pub mod images;
pub mod life;
pub mod lime;
pub mod mixture;
pub mod module_file;
pub mod npm;
pub mod planted;
pub mod proxy;
pub mod python;
pub mod raw;
pub mod root;
pub mod rpm;
pub mod run_command;
pub mod s3;
pub mod serve;
pub mod stamp;
pub mod still;
pub mod vault;
pub mod vm;
pub mod volatility;
