//! Reads evidence from a live Linux host and streams it, hashed and compressed, into a sink.
//!
//! The crate is built in floors; an import never points up (`tests/floors.rs` reads the `use` lines and fails when one does):
//!
//! ```text
//! collect   the order of a run: each source in turn, a few beside the one before; one failure never stops the rest
//! stream    content hash, zstd, stored hash, parts, one bounded queue
//! source    one module per artefact family; reads the host, writes to the `Evidence` it is handed
//! sink      where objects go: a directory, memory (a bucket lives in the agent)
//! host      the only door to the machine; all `unsafe` is in host/sys.rs
//! model     nouns: ids, rows, receipts, outcomes, records
//! testing   what a test does that cannot run here; compiled for tests only, named by any floor
//! ```
//!
//! `source` knows neither `sink` nor `stream`, and they do not know it; `stream` does not know `host`. The way of a byte is one line:
//!
//! ```text
//! kernel → host → source → SHA-256(content) → zstd → part → one bounded queue → sink, SHA-256(stored) → receipt
//! ```
//!
//! **Invariant:** no AWS, no command line, no async and no printing here. Blocking reads and writes only.

#![cfg_attr(
    test,
    expect(clippy::disallowed_methods, reason = "tests lay out files and read them back with the standard library")
)]

pub mod collect;
pub mod host;
pub mod model;
pub mod sink;
pub mod source;
pub mod stream;
#[cfg(test)]
mod testing;
