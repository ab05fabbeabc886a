//! A package of the npm registry that a test reads (`tests/third-party/npm.txt`): packed by npm into the target folder, never installed, nothing of it
//! executed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::helper::beside;
use crate::host::skipped;
use crate::python::script;

/// The package that the list names, as npm packs it. Whoever reads it compares its digest with the list. It is fetched once; if it cannot be had, the
/// test is skipped.
///
/// # Panics
/// When the list cannot be read, or the target folder not be written.
#[must_use]
pub fn package(test: &str) -> Option<PathBuf> {
    let list = std::fs::read_to_string(script("npm.txt")).expect("tests/third-party/npm.txt");
    let wanted = list.split_whitespace().next().expect("the name of a package");
    let file = beside(&format!("{}.tgz", wanted.replace('@', "-")));
    // Another test may be fetching it right now.
    let lock = File::create(beside("npm.lock")).expect("a file in the target folder");
    lock.lock().expect("a lock on it");
    let is_there = file.is_file() || packed(wanted, &file);
    if !is_there {
        skipped(test, "npm, and its registry");
    }
    is_there.then_some(file)
}

/// In a folder of its own first, so that half of it never lies in its place.
fn packed(wanted: &str, file: &Path) -> bool {
    let folder = tempfile::tempdir_in(beside("")).expect("a folder in the target folder");
    let mut pack = Command::new("npm");
    pack.args(["pack", "--silent", "--pack-destination"]).arg(folder.path()).arg(wanted);
    let is_packed = pack.output().is_ok_and(|output| output.status.success());
    is_packed && file.file_name().is_some_and(|name| std::fs::rename(folder.path().join(name), file).is_ok())
}
