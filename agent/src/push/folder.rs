//! The folder that a run is sent from.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use hozen_collector::host::read::{self, FdReader};
use hozen_collector::model::salvage::SALVAGE_FOLDER;
use hozen_collector::model::seal::SEAL_FOLDER;
use hozen_collector::model::{Digest, ObjectKey, escape};
use nix::errno::Errno;
use sha2::{Digest as _, Sha256};

use super::{PIECE, PushError};

/// Seals and the like that are sent, at most.
const MOST: usize = 1000;

/// An open folder.
#[derive(Debug)]
pub(super) struct Folder(OwnedFd);

pub(super) fn failed(key: impl std::fmt::Display, reason: &impl ToString) -> PushError {
    PushError::Folder { path: key.to_string(), reason: reason.to_string() }
}

impl Folder {
    pub(super) fn open(dir: &Path) -> Result<Self, PushError> {
        let shown = escape::path(dir);
        File::open(dir).map(|file| Self(file.into())).map_err(|error| failed(shown, &error))
    }

    /// What lies beside the run: seals, and records of salvages.
    pub(super) fn beside(&self) -> Result<BTreeSet<ObjectKey>, PushError> {
        let mut keys = BTreeSet::new();
        for folder in [SEAL_FOLDER, SALVAGE_FOLDER] {
            let names = match read::open_folder(self.0.as_fd(), folder) {
                Ok(opened) => read::names_limited(opened.as_fd(), b"", MOST).map_err(|errno| failed(folder, &errno))?.0,
                Err(Errno::ENOENT) => continue,
                Err(errno) => return Err(failed(folder, &errno)),
            };
            // What a sealer that died left behind is no object.
            let names = names.iter().filter_map(|name| std::str::from_utf8(name).ok()).filter(|name| name.ends_with(".json"));
            keys.extend(names.filter_map(|name| format!("{folder}/{name}").parse::<ObjectKey>().ok()));
        }
        Ok(keys)
    }

    /// Reads an object from its first byte.
    pub(super) fn reader(&self, key: &ObjectKey) -> Result<FdReader, PushError> {
        let mut folder = self.0.try_clone().map_err(|error| failed(key, &error))?;
        let (path, name) = key.as_str().rsplit_once('/').unwrap_or(("", key.as_str()));
        for part in path.split('/').filter(|part| !part.is_empty()) {
            folder = read::open_folder(folder.as_fd(), part).map_err(|errno| failed(key, &errno))?;
        }
        let (fd, _) = read::open_regular(folder.as_fd(), name).map_err(|reason| failed(key, &reason))?;
        Ok(FdReader(fd))
    }

    /// Size and digest of an object.
    pub(super) fn measure(&self, key: &ObjectKey) -> Result<(u64, Digest), PushError> {
        let (mut reader, mut piece) = (self.reader(key)?, vec![0_u8; PIECE]);
        let (mut hasher, mut size) = (Sha256::new(), 0_u64);
        loop {
            let length = reader.read(&mut piece).map_err(|error| failed(key, &error))?;
            if length == 0 {
                return Ok((size, Digest::so_far(&hasher)));
            }
            hasher.update(piece.get(..length).unwrap_or_default());
            size = size.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        }
    }
}
