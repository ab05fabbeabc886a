//! A Python with the packages that tests use (`tests/third-party/requirements.txt`), in a virtual environment under the target folder.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::helper::beside;
use crate::host::skipped;

/// A script or list of `tests/third-party`.
#[must_use]
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("third-party").join(name)
}

/// A Python that can import all of `modules`. The environment is made once, from the package index; if it cannot be had, the test is skipped.
///
/// # Panics
/// When the target folder cannot be written.
#[must_use]
pub fn with(test: &str, modules: &[&str]) -> Option<PathBuf> {
    let venv = beside("third-party");
    let python = venv.join("bin/python");
    // Another test may be making it right now.
    let lock = File::create(beside("third-party.lock")).expect("a file in the target folder");
    lock.lock().expect("a lock on it");
    if imports(&python, modules) {
        return Some(python);
    }
    let runs = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    let is_there =
        runs(Command::new(&python).arg("--version")) || runs(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv));
    let install = ["-m", "pip", "install", "--quiet", "--requirement"];
    let is_made = is_there && runs(Command::new(&python).args(install).arg(script("requirements.txt")));
    ((is_made && imports(&python, modules)) || skipped(test, "python3 with venv, and the package index")).then_some(python)
}

fn imports(python: &Path, modules: &[&str]) -> bool {
    Command::new(python)
        .args(["-c", &format!("import {}", modules.join(", "))])
        .output()
        .is_ok_and(|output| output.status.success())
}
