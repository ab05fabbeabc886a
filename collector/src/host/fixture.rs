//! Hosts that tests lay out: a folder with `proc/`, `etc/` and whatever else a source reads.
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "lays out files for tests, and is compiled for them only; a test that cannot do so fails"
)]

use std::path::Path;

use super::Host;

/// Writes the file `path` below `root`, and makes the folders that lead to it.
///
/// # Panics
/// When it cannot be written.
pub fn write(root: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap_or(root)).expect("the fixture's folders can be made");
    std::fs::write(path, content).expect("the fixture's files can be written");
}

/// Lays out `files` below `root`, and a `/proc` that is empty but for them, and opens it all as a host.
///
/// # Panics
/// When that cannot be done.
pub fn host(root: &Path, files: &[(&str, impl AsRef<[u8]>)]) -> Host {
    std::fs::create_dir_all(root.join("proc")).expect("the fixture's folders can be made");
    for (path, content) in files {
        write(root, path, content);
    }
    Host::fixture(root).expect("the fixture can be opened")
}
