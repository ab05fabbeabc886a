//! Where a store is: a folder, or a place in a bucket.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::ensure;
use hozen_collector::model::escape;

use crate::s3::{self, BucketUri};

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A folder.
    Folder(PathBuf),
    /// A place in a bucket.
    Bucket(BucketUri),
}

impl Place {
    /// What `argument` names.
    ///
    /// # Errors
    /// When it is neither.
    pub fn new(argument: &Path) -> anyhow::Result<Self> {
        ensure!(!argument.as_os_str().is_empty(), "the module store is empty text; name a folder, or s3://bucket/prefix");
        Ok(s3::place(argument)?.map_or_else(|| Self::Folder(argument.to_owned()), Self::Bucket))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => f.write_str(&escape::path(path)),
            Self::Bucket(place) => write!(f, "{place}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_a_folder_or_in_a_bucket() {
        let place = |text: &str| Place::new(Path::new(text));
        assert_eq!(place("modules").unwrap(), Place::Folder("modules".into()));
        assert_eq!(place("s3://bucket/modules/").unwrap().to_string(), "s3://bucket/modules");
        for wrong in ["", "s3://", "s3:bucket", "https://bucket/modules", "s3://bucket//x"] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }
}
