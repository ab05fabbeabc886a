//! What is in a guest, and what it does.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::cpio::Archive;
use super::lab::{Lab, program};
use super::machine::{Machine, Plan};
use crate::helper::libraries;

/// How long a guest may run before it counts as hanging. Without KVM a busy machine is slow; nothing is measured with it.
const LIMIT: Duration = Duration::from_secs(300);
/// What the guest needs to see its disk.
const DISK: [&str; 2] = ["virtio_pci", "virtio_blk"];
/// Before the modules are loaded. Pages that are locked stay in their frames: a guest short of memory would move them to make room, and
/// break the stamps of `stamp`.
const START: &str = "\
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t securityfs securityfs /sys/kernel/security
mount -t tmpfs tmpfs /tmp
echo 0 >/proc/sys/vm/compact_unevictable_allowed
hostname guest
ifconfig lo 127.0.0.1 up
";
/// After that. `/out` is the folder whose files the test gets; the file `exit` in it has the exit code of the script.
const END: &str = "\
mount -t ext4 /dev/vda /out || { echo 'vm: no disk'; poweroff -f; }
cd /
sh /script
echo $? >/out/exit
umount /out
sync
poweroff -f
";

/// A guest that has not been started. Its script runs as root, with busybox in `PATH`; what it leaves in `/out` the test gets.
#[derive(Debug, Clone)]
pub struct Guest {
    lab: Lab,
    files: Archive,
    load: Vec<String>,
    extra: Vec<String>,
    available: Vec<String>,
    arguments: Vec<String>,
    settings: Vec<String>,
    network: bool,
    memory: u32,
    disk: u64,
    limit: Duration,
}

impl Guest {
    /// A guest of 256 MiB, two processors and a disk of 1 GiB (which takes only what is written to it).
    ///
    /// # Panics
    /// When busybox cannot be read.
    #[must_use]
    pub fn new(lab: &Lab) -> Self {
        let mut files = Archive::default();
        files.file("/bin/busybox", 0o755, read(&lab.busybox()));
        files.link("/bin/sh", "busybox");
        files.device("/dev/console", 5, 1);
        for folder in ["/dev", "/mnt", "/out", "/proc", "/root", "/sbin", "/sys", "/tmp"] {
            files.folder(folder);
        }
        Self {
            lab: lab.clone(),
            files,
            load: DISK.map(str::to_owned).to_vec(),
            extra: Vec::new(),
            available: Vec::new(),
            arguments: Vec::new(),
            settings: Vec::new(),
            network: false,
            memory: 256,
            disk: 1 << 30,
            limit: LIMIT,
        }
    }

    /// Loads these modules of the kernel, and what they need, before the script runs.
    #[must_use]
    pub fn load(mut self, names: &[&str]) -> Self {
        self.load.extend(names.iter().map(|name| (*name).to_owned()));
        self
    }

    /// Loads a module from a file of this machine, with parameters, before the script runs.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn insert(mut self, module: &Path, parameters: &str) -> Self {
        let guest = format!("/modules/{}", file_name(module));
        self.files.file(&guest, 0o644, read(module));
        self.extra.push(format!("{guest} {parameters}"));
        self
    }

    /// Puts these modules, and what they need, where `modprobe` finds them, and loads none of them.
    #[must_use]
    pub fn available(mut self, names: &[&str]) -> Self {
        self.available.extend(names.iter().map(|name| (*name).to_owned()));
        self
    }

    /// Writes a setting below `/proc/sys` before the script runs.
    #[must_use]
    pub fn sysctl(mut self, path: &str, value: &str) -> Self {
        self.settings.push(format!("echo '{value}' >/proc/sys/{path}\n"));
        self
    }

    /// Adds to the kernel's command line.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Where a guest with a network finds this machine's loopback.
    pub const GATEWAY: &str = "10.0.2.2";

    /// Gives it a network in which [`Self::GATEWAY`] is this machine's loopback.
    #[must_use]
    pub fn network(mut self) -> Self {
        self.network = true;
        self.load(&["virtio_net"])
    }

    /// Gives it this much memory.
    #[must_use]
    pub fn memory(mut self, mebibytes: u32) -> Self {
        self.memory = mebibytes;
        self
    }

    /// Gives it a disk of this size, for what it leaves in `/out`.
    #[must_use]
    pub fn disk(mut self, mebibytes: u64) -> Self {
        self.disk = mebibytes << 20;
        self
    }

    /// How long it may run.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Puts a file into the guest.
    #[must_use]
    pub fn file(mut self, path: &str, permissions: u32, content: impl Into<Vec<u8>>) -> Self {
        self.files.file(path, permissions, content.into());
        self
    }

    /// Puts a program into the guest's `/bin`, without what only a debugger reads, with this machine's libraries where it is linked
    /// to any.
    ///
    /// # Panics
    /// When it, or one of them, cannot be read.
    #[must_use]
    pub fn program(mut self, file: &Path) -> Self {
        self.files.file(&format!("/bin/{}", file_name(file)), 0o755, stripped(file));
        for library in libraries(file) {
            let name = library.to_str().unwrap_or_else(|| panic!("{} is not text", library.display()));
            self.files.file(name, 0o755, read(&library));
        }
        self
    }

    /// Puts all files and links below a folder of this machine into the guest, where that folder is `/`.
    ///
    /// # Panics
    /// When one of them cannot be read.
    #[must_use]
    pub fn tree(mut self, folder: &Path) -> Self {
        self.put_folder(folder, "");
        self
    }

    fn put_folder(&mut self, folder: &Path, to: &str) {
        let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let path = entry.expect("an entry").path();
            let guest = format!("{to}/{}", file_name(&path));
            if path.is_symlink() {
                let target = path.read_link().expect("a link");
                self.files.link(&guest, target.to_str().expect("a target that is text"));
            } else if path.is_dir() {
                self.put_folder(&path, &guest);
            } else {
                self.files.file(&guest, 0o755, read(&path));
            }
        }
    }

    /// Boots it with this script.
    ///
    /// # Panics
    /// When QEMU cannot be started.
    #[must_use]
    pub fn boot(&self, script: &str) -> Machine {
        let loaded = self.lab.with_needed(&self.load);
        let mut files = self.files.clone();
        self.put_modules(&mut files, &loaded);
        files.file("/init", 0o755, self.init(&loaded).into_bytes());
        files.file("/script", 0o644, script.as_bytes().to_vec());
        let console = self.lab.architecture.console();
        Machine::start(&Plan {
            architecture: self.lab.architecture,
            kernel: &self.lab.kernel(),
            initramfs: &files.bytes(),
            arguments: &format!("console={console} quiet panic=-1 {}", self.arguments.join(" ")),
            memory: self.memory,
            disk: self.disk,
            network: self.network,
            limit: self.limit,
        })
    }

    fn put_modules(&self, files: &mut Archive, loaded: &[String]) {
        let base = format!("/lib/modules/{}", self.lab.release);
        let mut paths = self.lab.with_needed(&self.available);
        paths.extend(loaded.iter().filter(|path| !paths.contains(path)).cloned().collect::<Vec<_>>());
        for path in &paths {
            files.file(&format!("{base}/{path}"), 0o644, read(&self.lab.module_file(path)));
        }
        let (depends, aliases) = self.lab.index_of(&paths);
        files.file(&format!("{base}/modules.dep"), 0o644, depends.into_bytes());
        files.file(&format!("{base}/modules.alias"), 0o644, aliases.into_bytes());
        let builtin = read(&self.lab.module_file("modules.builtin"));
        files.file(&format!("{base}/modules.builtin"), 0o644, builtin);
    }

    /// The first program of the guest.
    fn init(&self, loaded: &[String]) -> String {
        let base = format!("/lib/modules/{}", self.lab.release);
        let insert = |module: &str| format!("insmod {module} || echo 'vm: not loaded: {module}'\n");
        let kernels: String = loaded.iter().map(|path| insert(&format!("{base}/{path}"))).collect();
        let extra: String = self.extra.iter().map(|module| insert(module)).collect();
        let network = if self.network { "ifconfig eth0 10.0.2.15\nroute add default gw 10.0.2.2\n" } else { "" };
        let shell = "#!/bin/sh\nexport PATH=/bin:/sbin\n/bin/busybox --install -s /bin\n";
        [shell, START, &kernels, &extra, network, &self.settings.concat(), END].concat()
    }
}

fn file_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_else(|| panic!("{} has no name", path.display()))
}

/// A program without its debug information, which is most of it and would fill a small guest's memory; as it is where `strip` does
/// not know its architecture.
fn stripped(file: &Path) -> Vec<u8> {
    let to = tempfile::NamedTempFile::new().expect("a temporary file");
    let output = Command::new(program("strip")).arg("--strip-debug").arg("-o").args([to.path(), file]).output();
    let works = output.is_ok_and(|output| output.status.success());
    read(if works { to.path() } else { file })
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
