//! What a push has sent, in a file beside the folder: a role that can only write cannot ask the bucket.
//!
//! One line of JSON for each object before it is sent, and one after. The file is no evidence, and shows nothing to anybody else.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use hozen_collector::host::read;
use hozen_collector::model::{Digest, escape};
use serde::{Deserialize, Serialize};

/// The largest file that is read: two lines for each of the most objects that a run may have.
const MAX: usize = 256 << 20;

/// The file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}; name another with --progress")]
pub struct ProgressError {
    /// Its path; escaped text.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// What has been sent.
#[derive(Debug)]
pub struct Progress {
    file: File,
    shown: String,
    begun: BTreeSet<(String, Digest)>,
    done: BTreeSet<(String, Digest)>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// The object's whole place in the bucket.
    to: String,
    sha256: Digest,
    done: bool,
}

impl Progress {
    /// Opens the file, or begins it. `place` is the run's: lines of other places do not count.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn open(path: &Path, place: &str) -> Result<Self, ProgressError> {
        let shown = escape::path(path);
        let fail = |reason: String| ProgressError { path: shown.clone(), reason };
        // Never through a link or into a FIFO: the folder may be on a suspect host.
        let flags = nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK | nix::libc::O_CLOEXEC;
        let mut options = OpenOptions::new();
        let opened = options.read(true).append(true).create(true).mode(0o600).custom_flags(flags).open(path);
        let file = opened.map_err(|error| fail(error.to_string()))?;
        if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            return Err(fail("it is no regular file".to_owned()));
        }
        let bytes = read::to_end(file.as_fd(), MAX).map_err(|errno| fail(errno.to_string()))?;
        let mut progress = Self { file, shown, begun: BTreeSet::new(), done: BTreeSet::new() };
        // A line that was cut off says nothing, and the object before it is sent again.
        let lines = bytes.bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Line>(line).ok());
        for line in lines.filter(|line| line.to.starts_with(&format!("{place}/"))) {
            let list = if line.done { &mut progress.done } else { &mut progress.begun };
            list.insert((line.to, line.sha256));
        }
        Ok(progress)
    }

    /// Whether nothing was ever sent of the run to this place.
    pub(super) fn is_empty(&self) -> bool {
        self.begun.is_empty() && self.done.is_empty()
    }

    pub(super) fn is_done(&self, to: &str, sha256: &Digest) -> bool {
        self.done.contains(&(to.to_owned(), *sha256))
    }

    pub(super) fn is_begun(&self, to: &str, sha256: &Digest) -> bool {
        self.begun.contains(&(to.to_owned(), *sha256))
    }

    pub(super) fn begin(&mut self, to: &str, sha256: &Digest) -> Result<(), ProgressError> {
        self.write(to, sha256, false)
    }

    pub(super) fn done(&mut self, to: &str, sha256: &Digest) -> Result<(), ProgressError> {
        self.write(to, sha256, true)
    }

    fn write(&mut self, to: &str, sha256: &Digest, done: bool) -> Result<(), ProgressError> {
        let line = Line { to: to.to_owned(), sha256: *sha256, done };
        let mut text = b"\n".to_vec();
        text.extend(serde_json::to_vec(&line).unwrap_or_default());
        text.push(b'\n');
        let written = self.file.write_all(&text).and_then(|()| self.file.sync_data());
        written.map_err(|error| ProgressError { path: self.shown.clone(), reason: error.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_known_again_and_a_cut_line_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let (path, digest) = (dir.path().join("x.pushed"), Digest::of(b"x"));
        let mut progress = Progress::open(&path, "s3://b/run").unwrap();
        progress.begin("s3://b/run/a", &digest).unwrap();
        progress.begin("s3://b/run/b", &digest).unwrap();
        progress.done("s3://b/run/a", &digest).unwrap();
        progress.file.write_all(b"{\"to\":\"s3://b/run/b\",\"sha2").unwrap();
        let mut again = Progress::open(&path, "s3://b/run").unwrap();
        assert!(again.is_done("s3://b/run/a", &digest) && !again.is_done("s3://b/run/a", &Digest::of(b"y")));
        assert!(again.is_begun("s3://b/run/b", &digest) && !again.is_done("s3://b/run/b", &digest));
        again.done("s3://b/run/b", &digest).unwrap();
        assert!(Progress::open(&path, "s3://b/run").unwrap().is_done("s3://b/run/b", &digest));
        assert!(!Progress::open(&path, "s3://b/other").unwrap().is_done("s3://b/run/a", &digest));
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("link")).unwrap();
        for name in ["link", "", "none/x"] {
            assert!(Progress::open(&dir.path().join(name), "s3://b/run").is_err(), "{name}");
        }
    }
}
