//! A Python with packages of the index, for the programs of others that judge the evidence.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::helper::beside;
use crate::host::skipped;

/// A file in `tests/third-party`.
#[must_use]
pub fn third_party(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("third-party").join(name)
}

/// A Python that has `packages`, in a virtual environment under the target folder. It is made once, of
/// `third-party/requirements.txt`; where it cannot be made the test is skipped, loudly.
#[must_use]
pub fn with(test: &str, packages: &[&str]) -> Option<PathBuf> {
    let venv = beside("third-party");
    let python = venv.join("bin/python");
    let succeeds = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    let imports: String = packages.iter().map(|name| format!("import {name}\n")).collect();
    let has_all = || succeeds(Command::new(&python).args(["-c", &imports]));
    let made = has_all()
        || (succeeds(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))
            && succeeds(
                Command::new(&python)
                    .args(["-m", "pip", "install", "--quiet", "--requirement"])
                    .arg(third_party("requirements.txt")),
            )
            && has_all());
    (made || skipped(test, "python3 with venv, and the package index")).then_some(python)
}
