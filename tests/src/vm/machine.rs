//! One run of QEMU. It ends when its guest powers off, at the latest when the time is up or the test ends.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::architecture::Architecture;
use super::lab::{program, read_text};
use super::monitor::Monitor;
use crate::agent::drain;
use crate::raw;

/// A running guest.
#[derive(Debug)]
pub struct Machine {
    child: Child,
    input: ChildStdin,
    output: Receiver<Vec<u8>>,
    console: Vec<u8>,
    folder: TempDir,
    deadline: Instant,
}

/// What is started.
pub(super) struct Plan<'a> {
    pub architecture: Architecture,
    pub kernel: &'a Path,
    pub initramfs: &'a [u8],
    /// The kernel's command line.
    pub arguments: &'a str,
    /// Mebibytes of memory.
    pub memory: u32,
    /// Bytes of its disk.
    pub disk: u64,
    pub network: bool,
    pub limit: Duration,
}

impl Machine {
    pub(super) fn start(plan: &Plan<'_>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let at = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(at("initramfs"), plan.initramfs).expect("write the initramfs");
        make_disk(&folder.path().join("disk"), plan.disk);
        let mut qemu = Command::new(program(plan.architecture.qemu()));
        qemu.args(plan.architecture.machine());
        qemu.args(["-accel", "tcg,thread=multi", "-smp", "2", "-m", &plan.memory.to_string()]);
        qemu.args(["-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio"]);
        qemu.arg("-kernel").arg(plan.kernel).args(["-initrd", &at("initramfs"), "-append", plan.arguments]);
        qemu.args(["-drive", &format!("file={},if=none,id=d0,format=raw,cache=unsafe", at("disk"))]);
        qemu.args(["-device", "virtio-blk-pci,drive=d0"]);
        qemu.args(["-qmp", &format!("unix:{},server=on,wait=off", at("monitor"))]);
        if plan.network {
            qemu.args(["-netdev", "user,id=n0", "-device", "virtio-net-pci,netdev=n0,romfile="]);
        }
        raw::end_with_this_thread(&mut qemu);
        let mut child = qemu.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("QEMU");
        let input = child.stdin.take().expect("a pipe");
        let output = drain(child.stdout.take().expect("a pipe"));
        Self { child, input, output, console: Vec::new(), folder, deadline: Instant::now() + plan.limit }
    }

    /// The process id of QEMU.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Connects to the monitor.
    ///
    /// # Panics
    /// When QEMU has not opened it in time.
    #[must_use]
    pub fn monitor(&self) -> Monitor {
        let socket = self.folder.path().join("monitor");
        while !socket.exists() {
            assert!(Instant::now() < self.deadline, "QEMU has opened no monitor");
            std::thread::sleep(Duration::from_millis(5));
        }
        Monitor::connect(&socket)
    }

    /// Waits until the guest has written `text` to its console, since its start.
    ///
    /// # Panics
    /// When it ends first, or the time is up.
    pub fn await_text(&mut self, text: &str) {
        while !self.console().contains(text) {
            assert!(self.listen(), "the guest ended without {text:?}. Its console:\n{}", self.console());
        }
    }

    /// Types a line on the guest's console.
    ///
    /// # Panics
    /// When the guest has ended.
    pub fn type_line(&mut self, line: &str) {
        self.input.write_all(format!("{line}\n").as_bytes()).expect("the guest's console");
    }

    /// What the guest has written to its console so far, without carriage returns.
    #[must_use]
    pub fn console(&self) -> String {
        String::from_utf8_lossy(&self.console).replace('\r', "")
    }

    /// Waits until the guest has powered off, and takes the files out of its disk.
    ///
    /// # Panics
    /// When it hangs, or the script did not come to its end.
    #[must_use]
    pub fn end(mut self) -> Ended {
        while self.listen() {}
        let status = self.child.wait().expect("wait for QEMU");
        let console = self.console();
        assert!(status.success(), "QEMU ended with {status}. The guest's console:\n{console}");
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().expect("a temporary folder"));
        let out = folder.path().join("out");
        unpack_disk(&folder.path().join("disk"), &out);
        assert!(out.join("exit").is_file(), "the guest's script did not end. Its console:\n{console}");
        let exit = read_text(&out.join("exit")).trim().parse().expect("an exit code");
        Ended { console, exit, out, _folder: folder }
    }

    /// Hears what comes next from the console. False at its end, which is the end of QEMU.
    fn listen(&mut self) -> bool {
        let left = self.deadline.saturating_duration_since(Instant::now());
        match self.output.recv_timeout(left) {
            Ok(bytes) => self.console.extend(bytes),
            Err(RecvTimeoutError::Disconnected) => return false,
            Err(RecvTimeoutError::Timeout) => panic!("the guest hangs. Its console:\n{}", self.console()),
        }
        true
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // A test that failed leaves no guest running. One that has ended is what we want.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// A guest that has powered off.
#[derive(Debug)]
pub struct Ended {
    /// All that it wrote to its console, without carriage returns.
    pub console: String,
    /// The exit code of its script.
    pub exit: i32,
    /// Its `/out`, on this machine.
    pub out: PathBuf,
    _folder: TempDir,
}

impl Ended {
    /// The text of a file that the guest left in `/out`.
    ///
    /// # Panics
    /// When it left none.
    #[must_use]
    pub fn text(&self, name: &str) -> String {
        read_text(&self.out.join(name))
    }
}

/// An empty ext4. The file has holes: it takes only what the guest writes.
fn make_disk(file: &Path, size: u64) {
    let disk = std::fs::File::create(file).expect("create the disk");
    disk.set_len(size).expect("the size of the disk");
    run(Command::new(program("mke2fs")).args(["-q", "-F", "-t", "ext4", "-O", "^has_journal"]).arg(file));
}

/// Copies all files of an ext4 into a new folder, without mounting it.
fn unpack_disk(file: &Path, to: &Path) {
    std::fs::create_dir(to).expect("create a folder");
    run(Command::new(program("debugfs")).arg("-R").arg(format!("rdump / {}", to.display())).arg(file));
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
}
