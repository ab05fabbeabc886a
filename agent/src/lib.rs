//! Hozen: the on-instance forensic evidence collector, as a library for its binary and its tests.
//!
//! ```text
//! main → cli (values only) → config (TOML, from a file or a parameter)
//!      → settings (command line over configuration over defaults, checked)
//!      → run (the order of a run: begin, collect, seal) → result (the one line on stdout) → exit code
//! status: what a run says of itself while it goes, for whoever watches
//! artifacts: definitions of files that a run is asked for
//! symbols: a run → a symbol file for Volatility
//! warden: the process that outlives a killed agent, and unloads LiME
//! modules: the store of LiME modules; gives a run the one that is signed and built for this kernel
//! verify stands apart: it shares nothing with the writer but the nouns of the records. export reads what verify has checked.
//! ```
//!
//! The rooms stand on floors, and an import never points up (`tests/rooms.rs`; `docs/architecture.md` draws them).
//!
//! **Invariant:** nothing here opens, reads or asks anything of the host under investigation; that is `hozen_collector::host`.

/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

pub mod artefact_name;
pub mod artifacts;
pub mod aws;
pub mod cli;
pub mod commands;
pub mod config;
pub mod custody;
pub mod exit;
pub mod export;
pub mod interrupt;
pub mod log;
pub mod modules;
pub mod own;
pub mod progress;
pub mod push;
pub mod result;
pub mod run;
pub mod s3;
pub mod salvage;
pub mod seal;
pub mod seal_key;
pub mod settings;
pub mod sign;
pub mod size;
pub mod span;
pub mod status;
pub mod symbols;
mod unit;
pub mod verify;
pub mod warden;
mod whole_file;
