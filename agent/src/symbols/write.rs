//! Writes the symbol file to where Volatility looks for it, `DIR/linux/<release>-<build id>.json`, and its provenance beside it.
//!
//! The provenance does not end in `.json`: `vol -s DIR` takes every file that does for a symbol file.

use std::fs::{DirBuilder, File, OpenOptions, remove_file, rename};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use hozen_collector::model::{Digest, escape};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::make::Made;
use super::{Failure, Written};

/// Writes both, the symbol file first.
pub(super) fn write(to: &Path, mut made: Made) -> Result<Written, Failure> {
    let folder = to.join("linux");
    let isf = folder.join(format!("{}.json", made.name));
    let provenance = folder.join(format!("{}.provenance", made.name));
    for file in [&isf, &provenance] {
        if file.symlink_metadata().is_ok() {
            return Err(Failure::Output(anyhow!(
                "{} is there already; remove it, or give another folder with -o",
                escape::path(file)
            )));
        }
    }
    DirBuilder::new()
        .recursive(true)
        .create(&folder)
        .with_context(|| format!("{} cannot be made", escape::path(&folder)))
        .map_err(Failure::Output)?;
    let sha256 = json(&isf, &made.document)?;
    made.provenance.isf_sha256 = Some(sha256);
    json(&provenance, &made.provenance)?;
    Ok(Written { isf, provenance, counts: made.counts, warnings: made.provenance.warnings })
}

/// Writes a value whole or not at all; the digest of its bytes.
fn json(file: &Path, value: &impl Serialize) -> Result<Digest, Failure> {
    let part = file.with_added_extension("part");
    let written = create(&part).and_then(|to| put(to, value)).and_then(|digest| {
        rename(&part, file)?;
        Ok(digest)
    });
    written.map_err(|error| {
        // What is half written is of no use; that it cannot be removed either is told by the error before.
        let _ = remove_file(&part);
        Failure::Output(anyhow!(error).context(format!("{} cannot be written", escape::path(file))))
    })
}

fn create(part: &PathBuf) -> std::io::Result<File> {
    // What an earlier attempt left behind.
    match remove_file(part) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).open(part)
}

fn put(to: File, value: &impl Serialize) -> std::io::Result<Digest> {
    let mut hashing = Hashing { to: BufWriter::with_capacity(1 << 20, to), hasher: Sha256::new() };
    serde_json::to_writer(&mut hashing, value)?;
    hashing.write_all(b"\n")?;
    hashing.to.flush()?;
    hashing.to.get_ref().sync_all()?;
    Ok(Digest::so_far(&hashing.hasher))
}

/// Hashes what is written.
struct Hashing {
    to: BufWriter<File>,
    hasher: Sha256,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.to.write_all(bytes)?;
        self.hasher.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.to.flush()
    }
}
