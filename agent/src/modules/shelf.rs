//! Where the bytes of a store come from.
//!
//! **Invariant:** what is read is bounded, and only regular files are opened; no link in the store is followed.

use std::fmt;
use std::io::Read as _;
use std::path::Path;

use hozen_collector::host::{Dir, Host, ReadError, Reason};
use hozen_collector::model::modules::{INDEX_KEY, MODULES_FOLDER, file_name};
use hozen_collector::model::{Digest, escape};

/// The largest index that is read, in bytes.
pub const MAX_INDEX: u64 = 4 << 20;
/// The largest module that is read, in bytes.
pub const MAX_MODULE: u64 = 32 << 20;

/// A store, as far as it can be read. Whoever reads believes nothing that comes from here.
pub trait Shelf {
    /// Where it is; escaped text.
    fn location(&self) -> &str;

    /// The bytes of the index, at most [`MAX_INDEX`].
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    fn index(&self) -> Result<Vec<u8>, Fault>;

    /// The bytes of the module file that bears this digest as its name, at most [`MAX_MODULE`]; whether they have it is not checked.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    fn module(&self, sha256: &Digest) -> Result<Vec<u8>, Fault>;

    /// What lies in the store, as paths below it, the folder of the modules itself not counted; at most `limit` in each folder.
    ///
    /// # Errors
    /// When a folder cannot be read. That of the modules may be missing.
    fn paths(&self, limit: usize) -> Result<Vec<Vec<u8>>, Fault>;
}

/// Why something in a store is not there to be read; escaped text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It does not exist.
    Missing(String),
    /// It is there, and nothing that a store holds: no regular file, too large.
    Foul(String),
    /// It is there and could not be read.
    Unreadable(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Missing(text) | Self::Foul(text) | Self::Unreadable(text)) = self;
        f.write_str(text)
    }
}

impl From<ReadError> for Fault {
    fn from(error: ReadError) -> Self {
        let text = error.to_string();
        match error.reason {
            Reason::Errno(nix::errno::Errno::ENOENT) => Self::Missing(text),
            Reason::NotRegular(_) | Reason::Errno(nix::errno::Errno::ELOOP | nix::errno::Errno::ENOTDIR) => Self::Foul(text),
            _ => Self::Unreadable(text),
        }
    }
}

/// A store in a folder.
#[derive(Debug)]
pub struct Folder {
    location: String,
    dir: Dir,
}

impl Folder {
    /// The folder at `path` on a host that may lay traps: it is read through the host's own files, and not touched where it lies
    /// on a file system that may hang.
    ///
    /// # Errors
    /// When it is no folder, or cannot be read.
    pub fn on_host(host: &Host, path: &Path) -> Result<Self, Fault> {
        let absolute =
            std::path::absolute(path).map_err(|error| Fault::Unreadable(format!("{}: {error}", escape::path(path))))?;
        let dir = host.files.dir(absolute.as_os_str().as_encoded_bytes())?;
        Ok(Self { location: escape::path(&absolute), dir })
    }

    /// The folder at `path` on a machine that is trusted.
    ///
    /// # Errors
    /// When it is no folder, or cannot be read.
    pub fn named(path: &Path) -> Result<Self, Fault> {
        Ok(Self { location: escape::path(path), dir: Dir::named(path)? })
    }
}

impl Shelf for Folder {
    fn location(&self) -> &str {
        &self.location
    }

    fn index(&self) -> Result<Vec<u8>, Fault> {
        bounded(&self.dir, INDEX_KEY.as_bytes(), MAX_INDEX)
    }

    fn module(&self, sha256: &Digest) -> Result<Vec<u8>, Fault> {
        bounded(&self.dir.enter(MODULES_FOLDER.as_bytes())?, file_name(sha256).as_bytes(), MAX_MODULE)
    }

    fn paths(&self, limit: usize) -> Result<Vec<Vec<u8>>, Fault> {
        let folder = MODULES_FOLDER.as_bytes();
        let modules = match self.dir.enter(folder) {
            Ok(modules) => modules.names(limit)?.0,
            Err(error) if error.is_gone() => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let own = self.dir.names(limit)?.0.into_iter().filter(|name| name != folder);
        Ok(own.chain(modules.into_iter().map(|name| [folder, b"/", &name].concat())).collect())
    }
}

/// Reads the regular file `name` whole, if it has at most `limit` bytes.
fn bounded(dir: &Dir, name: &[u8], limit: u64) -> Result<Vec<u8>, Fault> {
    let (reader, _) = dir.open(name)?;
    let mut bytes = Vec::new();
    let path = || escape::bytes(&dir.path_of(name));
    let read = reader.take(limit.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|error| Fault::Unreadable(format!("{}: {error}", path())))?;
    let fits = u64::try_from(bytes.len()).is_ok_and(|length| length <= limit);
    if fits { Ok(bytes) } else { Err(Fault::Foul(format!("{}: larger than {} MiB", path(), limit >> 20))) }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests lay out stores with the standard library")]
mod tests {
    use super::*;
    use nix::sys::stat::Mode;

    fn shelf(dir: &Path) -> [Folder; 2] {
        [Folder::named(dir).unwrap(), Folder::on_host(&Host::live().unwrap(), dir).unwrap()]
    }

    #[test]
    fn what_lies_there_is_read_and_traps_are_not_opened() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let digest = Digest::of(b"");
        for folder in shelf(dir.path()) {
            assert!(matches!((folder.index(), folder.module(&digest)), (Err(Fault::Missing(_)), Err(Fault::Missing(_)))));
        }
        std::fs::create_dir(at("modules")).unwrap();
        std::fs::write(at("index.json"), "text").unwrap();
        nix::unistd::mkfifo(&at("modules").join(file_name(&digest)), Mode::S_IRWXU).unwrap();
        for folder in shelf(dir.path()) {
            assert_eq!(folder.index().unwrap(), b"text");
            assert!(matches!(folder.module(&digest), Err(Fault::Foul(why)) if why.contains("FIFO")));
            let module = format!("modules/{}", file_name(&digest));
            assert_eq!(folder.paths(9).unwrap(), [b"index.json".to_vec(), module.into_bytes()]);
        }
        std::fs::rename(at("index.json"), at("elsewhere")).unwrap();
        std::os::unix::fs::symlink("elsewhere", at("index.json")).unwrap();
        for folder in shelf(dir.path()) {
            assert!(matches!(folder.index(), Err(Fault::Foul(_))), "{:?}", folder.index());
        }
    }

    #[test]
    fn a_huge_index_is_refused_and_a_store_that_is_no_folder_too() {
        let dir = tempfile::tempdir().unwrap();
        let index = std::fs::File::create(dir.path().join("index.json")).unwrap();
        index.set_len(1 << 40).unwrap();
        for folder in shelf(dir.path()) {
            assert!(matches!(folder.index(), Err(Fault::Foul(why)) if why.contains("larger than 4 MiB")));
        }
        assert!(Folder::named(&dir.path().join("index.json")).is_err());
        assert!(Folder::on_host(&Host::live().unwrap(), &dir.path().join("none")).is_err());
    }
}
