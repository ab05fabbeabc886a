//! Why something on the host could not be read.

use std::fmt;

use nix::errno::Errno;

use crate::model::{Gap, escape};

/// Something on the host could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}", escape::bytes(.path))]
pub struct ReadError {
    /// What was to be read, as a path on the host.
    pub path: Vec<u8>,
    /// Why not.
    pub reason: Reason,
}

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The kernel refused.
    Errno(Errno),
    /// It is not a regular file but this; opening it could block or have an effect.
    NotRegular(&'static str),
    /// It lies on a file system of this type, which may hang; it was not touched.
    FileSystem(String),
    /// The read did not return in time and was abandoned.
    Timeout,
    /// The kernel's answer makes no sense; what is wrong with it.
    Malformed(String),
    /// It is larger or deeper than what is read; the limit in words.
    Limit(String),
}

impl ReadError {
    /// The kernel refused `path` with `errno`.
    #[must_use]
    pub fn errno(path: &[u8], errno: Errno) -> Self {
        Self { path: path.to_owned(), reason: Reason::Errno(errno) }
    }

    /// `path` could not be read for `reason`.
    #[must_use]
    pub fn new(path: &[u8], reason: Reason) -> Self {
        Self { path: path.to_owned(), reason }
    }

    /// The gap that it leaves.
    #[must_use]
    pub fn gap(&self) -> Gap {
        let gap = Gap::whole(&self.path, self.reason.to_string());
        if self.is_denied() { gap.refused() } else { gap }
    }

    /// Whether the object is gone: it never existed, or it vanished under our hands.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self.reason, Reason::Errno(Errno::ENOENT | Errno::ESRCH))
    }

    /// Whether it is a folder that something else is mounted on, where mounts are not crossed.
    #[must_use]
    pub fn is_mount(&self) -> bool {
        matches!(self.reason, Reason::Errno(Errno::EXDEV))
    }

    /// Whether it was open and has been removed since, as kernfs (cgroups, `/sys`) says it.
    #[must_use]
    pub fn is_removed(&self) -> bool {
        matches!(self.reason, Reason::Errno(Errno::ENODEV))
    }

    /// Whether it is covered by a mount that was not to be crossed.
    #[must_use]
    pub fn is_covered(&self) -> bool {
        matches!(self.reason, Reason::Errno(Errno::EXDEV))
    }

    /// Whether the kernel has no answer to such a question, as for the label of a process where no security module labels.
    #[must_use]
    pub fn is_unsupported(&self) -> bool {
        matches!(self.reason, Reason::Errno(Errno::EINVAL | Errno::EOPNOTSUPP))
    }

    /// Whether privileges were missing.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self.reason, Reason::Errno(Errno::EACCES | Errno::EPERM))
    }
}

impl Reason {
    /// One word for the `errors` of a row: the errno's name, `timeout`, `not-regular`, `file-system`, `malformed` or
    /// `limit`.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::Errno(errno) => format!("{errno:?}"),
            Self::NotRegular(_) => "not-regular".to_owned(),
            Self::FileSystem(_) => "file-system".to_owned(),
            Self::Timeout => "timeout".to_owned(),
            Self::Malformed(_) => "malformed".to_owned(),
            Self::Limit(_) => "limit".to_owned(),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Errno(errno) => write!(f, "{errno}"),
            Self::NotRegular(kind) => write!(f, "is a {kind}; only regular files are opened"),
            Self::FileSystem(kind) => write!(f, "lies on {kind}, which may hang; not touched"),
            Self::Timeout => f.write_str("the read did not return in time and was abandoned"),
            Self::Malformed(what) => write!(f, "the kernel's answer is malformed: {what}"),
            Self::Limit(limit) => write!(f, "beyond the limit: {limit}"),
        }
    }
}
