//! Whether a file belongs to a package: the lists of dpkg (`info/*.list`) and of apk (`installed`), and rpm's database.

use std::hash::{BuildHasher as _, RandomState};

use crate::host::{Host, ReadError, Reason, read};
use crate::model::Gap;
use crate::source::containers::roots;
use crate::source::packages::rpm;
use crate::source::text::lines;
use crate::source::{Evidence, Stop};

const DPKG: &str = "/var/lib/dpkg/info";
const APK: &str = "/lib/apk/db/installed";

/// More packages, and more files of all together, than a host has.
const MOST_PACKAGES: usize = 50_000;
const MOST_FILES: usize = 2_000_000;

/// Folders that hold files of containers and snaps, which belong to packages of their own. Only root can write there.
const OTHERS: [&[u8]; 11] = [
    b"/var/lib/docker/",
    b"/var/lib/containerd/",
    b"/var/lib/host-containerd/",
    b"/var/lib/containers/",
    b"/var/lib/machines/",
    b"/var/lib/lxc/",
    b"/var/lib/lxd/storage-pools/",
    b"/var/snap/lxd/common/lxd/storage-pools/",
    b"/var/lib/incus/storage-pools/",
    b"/snap/",
    b"/var/lib/snapd/snap/",
];

/// Where k3s and RKE2 have a folder each, and where in it their containerd keeps images.
const RANCHER: (&[u8], &[u8]) = (b"/var/lib/rancher/", b"agent/containerd/");

/// Where engines that a user runs without root keep the files of his containers, below his home.
const ROOTLESS: [&[u8]; 4] =
    [b"/.local/share/docker/", b"/.local/share/containers/", b"/.local/share/containerd/", b"/.local/share/lxc/"];

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
    /// Where this host's settings have the folders of engines, each with a slash at its end.
    moved: Vec<Vec<u8>>,
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
                out.moved = moved(host, |folder| paths.binary_search(&out.hash(folder)).is_ok());
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
        if is_of_others(path) || self.moved.iter().any(|folder| path.starts_with(folder)) {
            return None;
        }
        self.paths.as_ref().map(|paths| paths.binary_search(&self.hash(path)).is_ok())
    }

    fn dpkg(&self, host: &Host, paths: &mut Vec<u64>) -> Result<bool, ReadError> {
        let names = match host.files.dir(DPKG).and_then(|dir| dir.names(MOST_PACKAGES * 8)) {
            Ok((names, false)) => names,
            Ok((_, true)) => return Err(cut(DPKG.as_bytes())),
            Err(error) if error.is_gone() => return Ok(false),
            Err(error) => return Err(error),
        };
        for name in names.iter().filter(|name| name.ends_with(b".list")) {
            let path = [DPKG.as_bytes(), b"/", name].concat();
            let text = host.files.file(&path, read::SMALL)?;
            if text.truncated {
                return Err(cut(&path));
            }
            paths.extend(lines(&text.bytes).take(MOST_FILES.saturating_sub(paths.len())).map(|path| self.hash(path)));
        }
        Ok(true)
    }

    /// `F:` is a folder, `R:` a file in the last one.
    fn apk(&self, host: &Host, paths: &mut Vec<u64>) -> Result<bool, ReadError> {
        let text = match host.files.file(APK, read::SMALL) {
            Ok(text) if text.truncated => return Err(cut(APK.as_bytes())),
            Ok(text) => text.bytes,
            Err(error) if error.is_gone() => return Ok(false),
            Err(error) => return Err(error),
        };
        let mut folder = Vec::new();
        for line in lines(&text) {
            if let Some(name) = line.strip_prefix(b"F:") {
                paths.push(self.hash(&[b"/", name].concat()));
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

/// A list that is longer than what is read of it: of what it goes on with, nothing may be said.
fn cut(path: &[u8]) -> ReadError {
    ReadError::new(
        path,
        Reason::Limit("it is longer than what is read of it: which files belong to packages is not told".to_owned()),
    )
}

fn is_of_others(path: &[u8]) -> bool {
    let in_rancher = |rest: &[u8]| {
        let slash = rest.iter().position(|b| *b == b'/')?;
        rest.get(slash + 1..).map(|rest| rest.starts_with(RANCHER.1))
    };
    OTHERS.iter().any(|folder| path.starts_with(folder)) || path.strip_prefix(RANCHER.0).and_then(in_rancher) == Some(true)
}

/// Folders of engines that are elsewhere on this host. One that somebody else than root can write, or that a package brings (`/usr/bin`),
/// would be a place to hide in.
fn moved(host: &Host, is_packaged: impl Fn(&[u8]) -> bool) -> Vec<Vec<u8>> {
    let is_root_s = |folder: &[u8]| host.files.real(folder).is_ok_and(|(_, stat)| stat.uid == 0 && stat.mode & 0o022 == 0);
    let folders = roots::moved(host).into_iter().map(|(_, folder)| folder.into_bytes());
    folders.filter(|folder| is_root_s(folder) && !is_packaged(folder)).map(|folder| [folder.as_slice(), b"/"].concat()).collect()
}

/// What stands before the first folder at `path` that is called like one in which an engine without root keeps files: a home, if the engine is
/// one.
pub(super) fn home_of_engine(path: &[u8]) -> Option<&[u8]> {
    let at = |folder: &[u8]| path.windows(folder.len()).position(|window| window == folder);
    path.get(..ROOTLESS.iter().filter_map(|folder| at(folder)).min()?)
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
    fn of_files_of_containers_and_snaps_nothing_is_said() {
        let settings = r#"{"data-root":"/data/docker"}"#;
        let (dir, host) = host(&[
            ("var/lib/dpkg/info/x.list", "/usr\n/usr/bin\n"),
            ("etc/docker/daemon.json", settings),
            ("data/docker/x", ""),
        ]);
        let packaged = Packaged::read(&host, &mut Recorded::default()).unwrap();
        for path in [
            "/var/lib/rancher/k3s/agent/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/1/fs/bin/su",
            "/var/lib/rancher/rke2/agent/containerd/x",
            "/var/lib/host-containerd/x",
            "/var/snap/lxd/common/lxd/storage-pools/default/containers/c/rootfs/usr/bin/su",
            "/var/lib/lxc/c/rootfs/bin/su",
            "/var/lib/snapd/snap/core20/1/usr/bin/su",
        ] {
            assert_eq!(packaged.has(path.as_bytes()), None, "{path}");
        }
        for path in
            ["/var/lib/rancher/x", "/var/lib/rancher/agent/containerd/x", "/home/ann/.local/share/containers/x", "/data/x"]
        {
            assert_eq!(packaged.has(path.as_bytes()), Some(false), "{path}");
        }
        if !nix::unistd::geteuid().is_root() {
            return crate::testing::skip("root, to own folders", nix::unistd::geteuid());
        }
        assert_eq!(packaged.has(b"/data/docker/overlay2/x/diff/bin/su"), None);
        // Who can write there could hide there, and so could who moves an engine to where programs lie.
        let folder = dir.path().join("data/docker");
        std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        let read = |host: &Host| Packaged::read(host, &mut Recorded::default()).unwrap();
        assert_eq!(read(&host).has(b"/data/docker/x"), Some(false));
        fixture::write(dir.path(), "usr/bin/su", "");
        fixture::write(dir.path(), "etc/docker/daemon.json", settings.replace("/data/docker", "/usr/bin"));
        assert_eq!(read(&host).has(b"/usr/bin/x"), Some(false));
    }

    #[test]
    fn a_list_that_was_read_in_part_says_nothing() {
        let long = format!("/a\n{}", "/b\n".repeat(read::SMALL / 3));
        for path in ["var/lib/dpkg/info/x.list", "lib/apk/db/installed"] {
            let (_dir, host) = host(&[(path, long.as_str())]);
            let mut evidence = Recorded::default();
            assert_eq!(Packaged::read(&host, &mut evidence).unwrap().has(b"/a"), None);
            assert_eq!((evidence.gaps.len(), evidence.gaps[0].source.as_str()), (1, format!("/{path}").as_str()));
        }
    }

    #[test]
    fn homes_of_engines_without_root() {
        let home = |path: &'static str| home_of_engine(path.as_bytes());
        assert_eq!(home("/home/ann/.local/share/containers/storage/overlay/1/diff/bin/su"), Some(&b"/home/ann"[..]));
        let inner = "/home/ann/.local/share/containers/storage/overlay/1/diff/root/.local/share/docker/x";
        assert_eq!(home(inner), Some(&b"/home/ann"[..]));
        assert_eq!((home("/home/ann/.local/share/x/su"), home("/tmp/su")), (None, None));
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
