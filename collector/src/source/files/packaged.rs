//! Whether a file belongs to a package: the lists of dpkg (`info/*.list`) and of apk (`installed`), and rpm's database.

use std::hash::{BuildHasher as _, RandomState};

use crate::host::{Host, read};
use crate::model::Gap;
use crate::source::keep::lines;
use crate::source::packages::rpm;
use crate::source::{Evidence, Stop};

const DPKG: &str = "/var/lib/dpkg/info";
const APK: &str = "/lib/apk/db/installed";

/// More packages, and more files of all together, than a host has.
const MOST_PACKAGES: usize = 50_000;
const MOST_FILES: usize = 2_000_000;

/// Folders that hold files of containers and snaps, which belong to packages of their own.
const OTHERS: [&[u8]; 5] =
    [b"/var/lib/docker/", b"/var/lib/containerd/", b"/var/lib/containers/", b"/snap/", b"/var/lib/machines/"];

/// Folders that lie in `/usr` where the two are one.
const MERGED: [&[u8]; 5] = [b"/bin/", b"/sbin/", b"/lib/", b"/lib64/", b"/lib32/"];

/// A hash of each path of all packages, sorted: of the paths themselves there may be many megabytes. Its key is new in every run, so that
/// nobody can make a path that has the hash of another; that one has it by chance, among a million, is one in 10¹³.
#[derive(Debug, Default)]
pub(super) struct Packaged {
    paths: Option<Vec<u64>>,
    key: RandomState,
    /// Whether `/bin` and `/usr/bin` are one.
    is_merged: bool,
}

impl Packaged {
    /// Reads the lists. What cannot be read is a gap, and then nothing is said of any file.
    ///
    /// # Errors
    /// When the run wants no more of this artefact.
    pub(super) fn read(host: &Host, evidence: &mut dyn Evidence) -> Result<Self, Stop> {
        let mut out = Self { is_merged: host.files.stat("/bin").is_ok_and(|stat| stat.is_symlink()), ..Self::default() };
        let mut paths = Vec::new();
        let lists = out.dpkg(host, &mut paths).and_then(|dpkg| Ok(out.apk(host, &mut paths)? || dpkg));
        let rpm = rpm::files(host, evidence, &mut |path| {
            if paths.len() < MOST_FILES {
                paths.push(out.hash(path))
            }
        })?;
        // Of a database that was read in part, a gap has been told.
        let read = lists.map(|lists| (lists || rpm.is_some()) && rpm != Some(false));
        match read {
            Ok(true) if paths.len() < MOST_FILES => {
                paths.sort_unstable();
                out.paths = Some(paths);
            }
            Ok(true) => evidence.gap(Gap::whole(
                DPKG.as_bytes(),
                format!("the packages list {MOST_FILES} files or more: which are theirs is not told"),
            )),
            Ok(false) => {}
            Err(error) => evidence.gap(error.gap()),
        }
        Ok(out)
    }

    /// Whether the file belongs to a package, where that can be told.
    pub(super) fn has(&self, path: &[u8]) -> Option<bool> {
        if OTHERS.iter().any(|folder| path.starts_with(folder)) {
            return None;
        }
        self.paths.as_ref().map(|paths| paths.binary_search(&self.hash(path)).is_ok())
    }

    fn dpkg(&self, host: &Host, paths: &mut Vec<u64>) -> Result<bool, crate::host::ReadError> {
        let names = match host.files.dir(DPKG).and_then(|dir| dir.names(MOST_PACKAGES * 8)) {
            Ok((names, _)) => names,
            Err(error) if error.is_gone() => return Ok(false),
            Err(error) => return Err(error),
        };
        for name in names.iter().filter(|name| name.ends_with(b".list")) {
            let text = host.files.file([DPKG.as_bytes(), b"/", name].concat(), read::SMALL)?;
            paths.extend(lines(&text.bytes).take(MOST_FILES.saturating_sub(paths.len())).map(|path| self.hash(path)));
        }
        Ok(true)
    }

    /// `F:` is a folder, `R:` a file in the last one.
    fn apk(&self, host: &Host, paths: &mut Vec<u64>) -> Result<bool, crate::host::ReadError> {
        let text = match host.files.file(APK, read::SMALL) {
            Ok(text) => text.bytes,
            Err(error) if error.is_gone() => return Ok(false),
            Err(error) => return Err(error),
        };
        let mut folder = Vec::new();
        for line in lines(&text) {
            if let Some(name) = line.strip_prefix(b"F:") {
                folder = [b"/", name, b"/"].concat();
            } else if let Some(name) = line.strip_prefix(b"R:") {
                paths.push(self.hash(&[folder.as_slice(), name].concat()));
            }
        }
        Ok(true)
    }

    fn hash(&self, path: &[u8]) -> u64 {
        let is_old = self.is_merged && MERGED.iter().any(|folder| path.starts_with(folder));
        if is_old { self.key.hash_one([b"/usr", path].concat().as_slice()) } else { self.key.hash_one(path) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture;
    use crate::source::recorded::Recorded;

    fn host(files: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
        let dir = tempfile::tempdir().unwrap();
        let host = fixture::host(dir.path(), files);
        (dir, host)
    }

    #[test]
    fn lists_of_dpkg_and_apk() {
        let (dir, host) = host(&[("var/lib/dpkg/info/login.list", "/.\n/bin/su\n"), ("usr/bin/su", "")]);
        let packaged = Packaged::read(&host, &mut Recorded::default()).unwrap();
        assert_eq!((packaged.has(b"/bin/su"), packaged.has(b"/usr/bin/su")), (Some(true), Some(false)));
        assert_eq!(packaged.has(b"/var/lib/docker/overlay2/x/bin/su"), None);
        std::os::unix::fs::symlink("usr/bin", dir.path().join("bin")).unwrap();
        assert_eq!(Packaged::read(&host, &mut Recorded::default()).unwrap().has(b"/usr/bin/su"), Some(true));
        let (_dir, alpine) = self::host(&[("lib/apk/db/installed", "P:busybox\nF:bin\nR:bbsuid\nF:etc\nR:x\n")]);
        let packaged = Packaged::read(&alpine, &mut Recorded::default()).unwrap();
        assert_eq!((packaged.has(b"/bin/bbsuid"), packaged.has(b"/bin/x")), (Some(true), Some(false)));
    }

    #[test]
    fn the_database_of_rpm_and_nothing_where_it_is_not_whole() {
        let (dir, host) = host(&[("var/lib/rpm/rpmdb.sqlite-wal", "")]);
        let database = include_bytes!("../packages/rpm/fixture.sqlite.zst").as_slice();
        std::fs::write(dir.path().join("var/lib/rpm/rpmdb.sqlite"), zstd::decode_all(database).unwrap()).unwrap();
        let mut evidence = Recorded::default();
        let packaged = Packaged::read(&host, &mut evidence).unwrap();
        assert_eq!((packaged.has(b"/opt/hozen/two"), packaged.has(b"/opt/hozen/x")), (Some(true), Some(false)));
        assert!(evidence.gaps.is_empty());
        // What was installed last may stand there.
        std::fs::write(dir.path().join("var/lib/rpm/rpmdb.sqlite-wal"), "frames").unwrap();
        assert_eq!(Packaged::read(&host, &mut evidence).unwrap().has(b"/opt/hozen/x"), None);
        assert_eq!(evidence.gaps.len(), 1);
    }

    #[test]
    fn older_databases_of_rpm_and_nothing_where_one_is_damaged() {
        let bdb = include_bytes!("../packages/rpm/fixture.bdb.zst").as_slice();
        let ndb = include_bytes!("../packages/rpm/fixture.ndb.zst").as_slice();
        for (name, database, page) in [("Packages", bdb, 4096 + 8), ("Packages.db", ndb, 32)] {
            let mut bytes = zstd::decode_all(database).unwrap();
            let place = format!("usr/lib/sysimage/rpm/{name}");
            let (dir, host) = host(&[(place.as_str(), "")]);
            let path = dir.path().join(&place);
            std::fs::write(&path, &bytes).unwrap();
            let mut evidence = Recorded::default();
            let packaged = Packaged::read(&host, &mut evidence).unwrap();
            assert_eq!((packaged.has(b"/opt/hozen/two"), packaged.has(b"/opt/hozen/x")), (Some(true), Some(false)), "{name}");
            assert!(evidence.gaps.is_empty(), "{name}");
            bytes[page] = !bytes[page];
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(Packaged::read(&host, &mut evidence).unwrap().has(b"/opt/hozen/x"), None, "{name}");
            assert_eq!(evidence.gaps.len(), 1, "{name}");
        }
    }

    #[test]
    fn where_there_are_no_lists_nothing_is_said() {
        let (_dir, host) = host(&[]);
        assert_eq!(Packaged::read(&host, &mut Recorded::default()).unwrap().has(b"/tmp/x"), None);
    }
}
