//! What `tests/vm/prepare.sh` has left on this machine.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::architecture::Architecture;
use crate::helper::beside;
use crate::host::skipped;

/// A kernel, its modules, and the programs that boot it.
#[derive(Debug, Clone)]
pub struct Lab {
    /// What boots.
    pub architecture: Architecture,
    folder: PathBuf,
    /// The kernel's release, such as `6.1.0-56-cloud-amd64`.
    pub release: String,
    depends: String,
    aliases: String,
}

impl Lab {
    /// The lab, if this machine has one. If not it says so, loudly; with `HOZEN_NO_SKIP` set (as in CI) it fails.
    #[must_use]
    pub fn find(test: &str) -> Option<Self> {
        Self::of(Architecture::X86_64, test)
    }

    /// The lab for arm64, likewise.
    #[must_use]
    pub fn arm64(test: &str) -> Option<Self> {
        Self::of(Architecture::Aarch64, test)
    }

    fn of(architecture: Architecture, test: &str) -> Option<Self> {
        let folder = architecture.folder(&folder());
        let Ok(release) = std::fs::read_to_string(folder.join("release")) else {
            skipped(test, &format!("a kernel in {}: run tests/vm/prepare.sh", folder.display()));
            return None;
        };
        for program in [architecture.qemu(), "mke2fs", "debugfs", "busybox"] {
            if which(program).is_none() {
                skipped(test, &format!("{program}: run tests/vm/prepare.sh"));
                return None;
            }
        }
        let text = |name: &str| read_text(&folder.join("modules").join(name));
        let (depends, aliases) = (text("modules.dep"), text("modules.alias"));
        Some(Self { architecture, release: release.trim().to_owned(), depends, aliases, folder })
    }

    /// The static program under test: the one that `HOZEN_BIN` names, where it is for this architecture's lab, else the one of
    /// tests/vm/static.sh. None, said loudly, where there is none.
    #[must_use]
    pub fn hozen(&self, test: &str) -> Option<PathBuf> {
        let named = std::env::var_os("HOZEN_BIN").map(PathBuf::from).filter(|_| self.architecture == Architecture::X86_64);
        let program = named.unwrap_or_else(|| self.architecture.programs().join("hozen"));
        if program.is_file() {
            return Some(program);
        }
        skipped(test, &format!("{}: run tests/vm/static.sh", program.display()));
        None
    }

    /// A helper program of this package, for this lab's guests.
    #[must_use]
    pub fn helper(&self, name: &str) -> PathBuf {
        match self.architecture {
            Architecture::X86_64 => beside(name),
            Architecture::Aarch64 => self.architecture.programs().join(name),
        }
    }

    /// A busybox for its guests.
    pub(super) fn busybox(&self) -> PathBuf {
        match self.architecture {
            Architecture::X86_64 => program("busybox"),
            Architecture::Aarch64 => self.folder.join("busybox"),
        }
    }

    /// The kernel.
    #[must_use]
    pub fn kernel(&self) -> PathBuf {
        self.folder.join("vmlinuz")
    }

    /// How the kernel was built: what a distribution has in `/boot/config-RELEASE`.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.folder.join("config")
    }

    /// LiME, built for this kernel.
    #[must_use]
    pub fn lime(&self) -> PathBuf {
        self.folder.join("lime.ko")
    }

    /// A module that hides (tests/vm/hiding), built for this kernel. Parameter `depth`: 1 or 2.
    #[must_use]
    pub fn hiding(&self) -> PathBuf {
        self.folder.join("hiding.ko")
    }

    /// A module that is a live patch of this kernel (tests/vm/patching).
    #[must_use]
    pub fn patching(&self) -> PathBuf {
        self.folder.join("patching.ko")
    }

    /// A module that makes a `/dev/crash` as Red Hat's kernels have one (tests/vm/crash).
    #[must_use]
    pub fn crash(&self) -> PathBuf {
        self.folder.join("crash.ko")
    }

    /// Programs with which others set a kernel up: iptables, arptables, nft, ipset and auditctl, with all that they need to run, in a
    /// folder that stands for `/`.
    #[must_use]
    pub fn tools(&self) -> PathBuf {
        self.folder.join("tools")
    }

    /// A module of LiME's name and parameters that `does` what LiME must not do (the words stand in tests/vm/faulty/lime.c).
    ///
    /// # Panics
    /// When the module has no place for the word.
    #[must_use]
    pub fn faulty(&self, does: &str) -> Vec<u8> {
        let file = self.folder.join("faulty.ko");
        let mut module = std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let mark = b"HOZENDOES:nothing";
        let at = module.windows(mark.len()).position(|window| window == mark).expect("the mark of the module");
        let word = at + mark.len() - b"nothing".len();
        assert!(does.len() <= b"nothing".len(), "no room for {does}");
        module.splice(word..at + mark.len(), does.bytes().chain([0; 8]).take(b"nothing".len()).collect::<Vec<u8>>());
        module
    }

    /// A file of the kernel's modules, by its path below `/lib/modules/RELEASE`.
    #[must_use]
    pub fn module_file(&self, path: &str) -> PathBuf {
        self.folder.join("modules").join(path)
    }

    /// These modules (`virtio_net`) and all that they need, as paths below `/lib/modules/RELEASE`, in an order in which they
    /// can be loaded. What is built into the kernel is left out.
    ///
    /// # Panics
    /// When the kernel has no such module.
    #[must_use]
    pub fn with_needed(&self, names: &[String]) -> Vec<String> {
        let mut paths = Vec::new();
        for name in names {
            for path in self.needed(name) {
                if !paths.contains(&path) {
                    paths.push(path);
                }
            }
        }
        paths
    }

    /// What one module needs, itself last. `modules.dep` has a line `path: nearest … farthest` for each (depmod(8)).
    fn needed(&self, name: &str) -> Vec<String> {
        let of = |path: &str| module_name(path) == Some(name.replace('-', "_"));
        let mut lines = self.depends.lines().filter_map(|line| line.split_once(':'));
        if let Some((path, depends)) = lines.find(|(path, _)| of(path)) {
            return depends.split_ascii_whitespace().rev().chain([path]).map(str::to_owned).collect();
        }
        let builtin = read_text(&self.folder.join("modules/modules.builtin"));
        assert!(builtin.lines().any(of), "kernel {} has no module {name}", self.release);
        Vec::new()
    }

    /// `modules.dep` and `modules.alias` for a guest that has only these modules.
    #[must_use]
    pub fn index_of(&self, paths: &[String]) -> (String, String) {
        let names: BTreeSet<String> = paths.iter().filter_map(|path| module_name(path)).collect();
        let listed = |line: &&str| line.split_once(':').is_some_and(|(path, _)| paths.iter().any(|own| own == path));
        let alias = |line: &&str| line.rsplit(' ').next().is_some_and(|name| names.contains(name));
        let lines =
            |text: &str, keep: &dyn Fn(&&str) -> bool| text.lines().filter(keep).map(|line| format!("{line}\n")).collect();
        (lines(&self.depends, &listed), lines(&self.aliases, &alias))
    }
}

/// `kernel/net/packet/af_packet_diag.ko` → `af_packet_diag`.
fn module_name(path: &str) -> Option<String> {
    let file = path.rsplit('/').next()?;
    Some(file.split_once(".ko")?.0.replace('-', "_"))
}

fn folder() -> PathBuf {
    let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = || from("XDG_CACHE_HOME").or_else(|| Some(from("HOME")?.join(".cache")));
    from("HOZEN_VM_CACHE").or_else(|| Some(cache()?.join("hozen-vm"))).unwrap_or_default()
}

/// A program in `PATH`, or where Debian keeps those for root.
pub(super) fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// A program that [`Lab::find`] has found.
pub(super) fn program(name: &str) -> PathBuf {
    which(name).unwrap_or_else(|| panic!("{name} is not installed: run tests/vm/prepare.sh"))
}

pub(super) fn read_text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lab() -> Lab {
        let depends = "kernel/virtio_net.ko: kernel/failover.ko kernel/virtio.ko\nkernel/failover.ko:\nkernel/virtio.ko:\n\
                       kernel/virtio-blk.ko: kernel/virtio.ko\n";
        let aliases = "# comment\nalias net-pf-16 failover\nalias virtio:d1 virtio_net\n";
        let architecture = Architecture::X86_64;
        Lab {
            architecture,
            folder: PathBuf::new(),
            release: "6.1".to_owned(),
            depends: depends.to_owned(),
            aliases: aliases.to_owned(),
        }
    }

    #[test]
    fn what_a_module_needs_is_loaded_before_it_and_once() {
        let paths = lab().with_needed(&["virtio_net".to_owned(), "virtio_blk".to_owned()]);
        assert_eq!(paths, ["kernel/virtio.ko", "kernel/failover.ko", "kernel/virtio_net.ko", "kernel/virtio-blk.ko"]);
    }

    #[test]
    fn the_index_names_no_module_that_is_not_there() {
        let (depends, aliases) = lab().index_of(&["kernel/failover.ko".to_owned()]);
        assert_eq!((depends.as_str(), aliases.as_str()), ("kernel/failover.ko:\n", "alias net-pf-16 failover\n"));
    }
}
