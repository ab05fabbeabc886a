//! Adds modules to a store on the builder: everything is checked before anything is written, and the index changes last.

use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use hozen_collector::host::read;
use hozen_collector::model::modules::{Architecture, BuildId, INDEX_KEY, MODULES_FOLDER, ModuleEntry, file_name};
use hozen_collector::model::{Digest, Timestamp, escape};
use hozen_collector::source::memory::ModuleInfo;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, Flock, FlockArg};
use nix::sys::stat::{Mode, mkdirat};

use super::shelf::{Fault, Folder, MAX_MODULE, Shelf as _};
use super::{TrustedKey, index};
use crate::sign::Signing;
use crate::whole_file::{self, Existing};

/// What is known of the modules beside what they say themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addition {
    /// BUILD-ID of the kernel.
    pub build_id: Option<BuildId>,
    /// The release that they must be for.
    pub release: Option<String>,
    /// The architecture that they must be for.
    pub arch: Option<Architecture>,
    /// How they were built.
    pub built: String,
    /// Version of LiME, where the module does not say it.
    pub lime_version: Option<String>,
    /// Whether a module for the same kernel is replaced.
    pub replace: bool,
}

/// What was added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// The new entries.
    pub entries: Vec<ModuleEntry>,
    /// Digest of the new index.
    pub index_sha256: Digest,
    /// Modules in the store now.
    pub modules: usize,
}

/// Adds `files` to the store at `store` and signs its index with `signing`.
///
/// # Errors
/// When one of them is not to be added, the store is another's, or something cannot be written. The index is then as it was.
pub fn add(store: &Path, signing: &Signing, files: &[PathBuf], addition: &Addition, now: Timestamp) -> Result<Added> {
    ensure!(files.len() == 1 || addition.build_id.is_none(), "--build-id is of one kernel; add its module alone");
    let new =
        files.iter().map(|file| admit(file, addition, now).with_context(|| escape::path(file))).collect::<Result<Vec<_>>>()?;
    make(AT_FDCWD, store)?;
    let folder = Flock::lock(open(store)?, FlockArg::LockExclusiveNonblock)
        .map_err(|(_, errno)| anyhow!("the store {} is being changed by another process ({errno})", escape::path(store)))?;
    let mut entries = present(store, signing)?;
    let mut replaced = Vec::new();
    for (entry, _) in &new {
        replaced.extend(place(&mut entries, entry, addition.replace)?);
    }
    let modules = entries.len();
    let bytes = index::seal(entries, signing).map_err(|why| anyhow!("the index would be wrong: {why}"))?;
    make(folder.as_fd(), Path::new(MODULES_FOLDER))?;
    let modules_folder = open(&store.join(MODULES_FOLDER))?;
    let mode = Mode::from_bits_truncate(0o644);
    for (entry, content) in &new {
        let written = whole_file::write(&modules_folder, &file_name(&entry.sha256), content, mode, Existing::Replaced);
        written.with_context(|| format!("cannot write {} in {}", entry.file(), escape::path(store)))?;
    }
    let written = whole_file::write(folder.as_fd(), INDEX_KEY, &bytes, mode, Existing::Replaced);
    written.with_context(|| format!("cannot write {INDEX_KEY} in {}", escape::path(store)))?;
    for sha256 in replaced {
        whole_file::remove(&modules_folder, &file_name(&sha256))
            .with_context(|| format!("cannot remove the old module {sha256}"))?;
    }
    let entries = new.into_iter().map(|(entry, _)| entry).collect();
    Ok(Added { entries, index_sha256: Digest::of(&bytes), modules })
}

/// The entry of a file that may be added, and its bytes.
fn admit(file: &Path, addition: &Addition, now: Timestamp) -> Result<(ModuleEntry, Vec<u8>)> {
    let limit = usize::try_from(MAX_MODULE)?;
    let (fd, _) = read::open_magic(AT_FDCWD, file).map_err(|reason| anyhow!("cannot be read: {reason}"))?;
    let bytes = read::to_end(fd.as_fd(), limit).context("cannot be read")?;
    ensure!(!bytes.truncated, "is larger than {} MiB, which no module is", MAX_MODULE >> 20);
    let info = ModuleInfo::read(&bytes.bytes).map_err(anyhow::Error::msg)?;
    if let Some(why) = info.not_lime() {
        bail!(why);
    }
    let entry = entry(&info, &bytes.bytes, addition, now)?;
    if let Some(wanted) = addition.arch.filter(|wanted| *wanted != entry.arch) {
        bail!("it is for {}, and --arch asks for {wanted}", entry.arch);
    }
    if let Some(wanted) = addition.release.as_ref().filter(|wanted| **wanted != entry.release) {
        bail!("it was built for kernel {:?}, and --release asks for {:?}", entry.release, escape::bytes(wanted.as_bytes()));
    }
    index::sound(&entry).map_err(anyhow::Error::msg)?;
    Ok((entry, bytes.bytes))
}

fn entry(info: &ModuleInfo, bytes: &[u8], addition: &Addition, now: Timestamp) -> Result<ModuleEntry> {
    let text = |bytes: &[u8]| {
        let text = std::str::from_utf8(bytes).map(str::to_owned);
        text.with_context(|| format!("its .modinfo holds what is no text: {}", escape::bytes(bytes)))
    };
    let present = |bytes: &[u8]| if bytes.is_empty() { Ok(None) } else { text(bytes).map(Some) };
    Ok(ModuleEntry {
        arch: info.architecture,
        release: text(info.release())?,
        build_id: addition.build_id.clone(),
        vermagic: text(&info.vermagic)?,
        srcversion: present(&info.srcversion)?,
        name: text(&info.name)?,
        sha256: Digest::of(bytes),
        size: u64::try_from(bytes.len())?,
        lime_version: present(&info.version)?.or_else(|| addition.lime_version.clone()),
        built: addition.built.clone(),
        added: now,
    })
}

/// The modules that are in the store, if it is ours. A store that does not exist yet is empty.
fn present(store: &Path, signing: &Signing) -> Result<Vec<ModuleEntry>> {
    let folder = Folder::named(store).map_err(|fault| anyhow!("the store cannot be read: {fault}"))?;
    let bytes = match folder.index() {
        Ok(bytes) => bytes,
        Err(Fault::Missing(_)) => {
            let paths = folder.paths(1).map_err(|fault| anyhow!("the store cannot be read: {fault}"))?;
            ensure!(paths.is_empty(), "the folder {} is no store: it has no {INDEX_KEY} and is not empty", escape::path(store));
            return Ok(Vec::new());
        }
        Err(fault) => bail!("the store cannot be read: {fault}"),
    };
    let key = TrustedKey::of(signing).map_err(anyhow::Error::msg)?;
    let index = index::read(&bytes, &key);
    let index = index.map_err(|why| {
        anyhow!("the store {} is not of this key, and is left as it is: {INDEX_KEY}: {why}", escape::path(store))
    })?;
    Ok(index.modules)
}

/// Puts `entry` among `entries`; returns the digest of the one whose place it took.
fn place(entries: &mut Vec<ModuleEntry>, entry: &ModuleEntry, replace: bool) -> Result<Option<Digest>> {
    if entries.iter().any(|other| other.sha256 == entry.sha256) {
        bail!("the module {} is in the store already, or was named twice", entry.sha256);
    }
    let same = entries.iter().position(|other| other.kernel() == entry.kernel());
    let old = match same {
        Some(at) if replace => Some(entries.remove(at).sha256),
        Some(_) => {
            bail!("a module for {} kernel {} is in the store already; --replace takes its place", entry.arch, entry.release)
        }
        None => None,
    };
    entries.push(entry.clone());
    Ok(old)
}

fn make(at: impl std::os::fd::AsFd, path: &Path) -> Result<()> {
    match mkdirat(at, path, Mode::from_bits_truncate(0o755)) {
        Ok(()) | Err(Errno::EEXIST) => Ok(()),
        Err(errno) => Err(anyhow!("cannot make the folder {}: {errno}", escape::path(path))),
    }
}

fn open(path: &Path) -> Result<OwnedFd> {
    whole_file::folder(path).with_context(|| format!("cannot open the folder {}", escape::path(path)))
}

#[cfg(test)]
mod tests {
    use super::super::index::tests::entry;
    use super::*;

    #[test]
    fn a_kernel_has_one_module_and_a_module_one_place() {
        let mut entries = vec![entry("6.1", None)];
        assert!(place(&mut entries, &entry("6.1", None), true).unwrap_err().to_string().contains("already"));
        let rebuilt = ModuleEntry { sha256: Digest::of(b"rebuilt"), ..entry("6.1", None) };
        assert!(place(&mut entries, &rebuilt, false).unwrap_err().to_string().contains("--replace"));
        assert_eq!(place(&mut entries, &rebuilt, true).unwrap(), Some(entry("6.1", None).sha256));
        assert_eq!(place(&mut entries, &entry("6.1", Some("ab")), false).unwrap(), None);
        assert_eq!(entries.len(), 2);
    }
}
