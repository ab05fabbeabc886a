//! Finds and runs `hozen`, with a time limit that turns a hang into a failed test that says where it hung.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::evidence::Evidence;
use crate::helper::beside;

/// How long a run may take before it counts as hanging. Nothing is measured with it.
pub const LIMIT: Duration = Duration::from_secs(180);

/// Exit codes (docs/exit-codes.md).
pub mod code {
    /// Complete and sealed.
    pub const COMPLETE: i32 = 0;
    /// Sealed; some artefacts failed.
    pub const PARTIAL: i32 = 10;
    /// Sealed; memory was left out by the plan.
    pub const NO_MEMORY: i32 = 11;
    /// Sealed; every way to memory failed or was denied.
    pub const MEMORY_FAILED: i32 = 20;
    /// The destination was refused before anything was read.
    pub const BAD_DESTINATION: i32 = 32;
    /// Sealed in the spool, because the bucket took nothing, or nothing more.
    pub const SPOOLED: i32 = 30;
    /// Bad arguments or configuration.
    pub const USAGE: i32 = 40;
    /// Not root, and not told to go on without.
    pub const NOT_ROOT: i32 = 41;
    /// Cut short by the deadline or a signal; sealed as partial.
    pub const CUT_SHORT: i32 = 50;
}

/// The program under test, and how to start it.
#[derive(Debug, Clone)]
pub struct Agent {
    command: Vec<OsString>,
    folder: Option<PathBuf>,
    uid: Option<u32>,
    variables: Vec<(String, String)>,
    limit: Duration,
}

impl Agent {
    /// The binary that `HOZEN_BIN` names, else the one built beside this test.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn find() -> Self {
        let program = std::env::var_os("HOZEN_BIN").map_or_else(|| beside("hozen"), PathBuf::from);
        assert!(
            program.is_file(),
            "{} is not there. Build it with `cargo build -p hozen` (same profile as the tests), or set HOZEN_BIN.",
            program.display()
        );
        Self::at(&program)
    }

    /// The binary at this path.
    #[must_use]
    pub fn at(program: &Path) -> Self {
        Self { command: vec![program.into()], folder: None, uid: None, variables: Vec::new(), limit: LIMIT }
    }

    /// The path of the binary.
    #[must_use]
    pub fn program(&self) -> PathBuf {
        self.command.last().map(PathBuf::from).unwrap_or_default()
    }

    /// Another copy of the binary.
    #[must_use]
    pub fn copied_to(mut self, program: &Path) -> Self {
        std::fs::copy(self.program(), program).expect("copy the binary");
        self.command = vec![program.into()];
        self
    }

    /// Started through the helper program `name` with these arguments and `--`.
    #[must_use]
    pub fn through(mut self, name: &str, arguments: &[&str]) -> Self {
        let mut command = vec![beside(name).into_os_string()];
        command.extend(arguments.iter().map(OsString::from));
        command.push("--".into());
        command.append(&mut self.command);
        self.command = command;
        self
    }

    /// Started in this working directory.
    #[must_use]
    pub fn inside(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    /// Started as this user and group.
    #[must_use]
    pub fn as_user(mut self, uid: u32) -> Self {
        self.uid = Some(uid);
        self
    }

    /// With this variable in its environment.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts it and does not wait.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Running {
        let (program, before) = self.command.split_first().expect("a program");
        let mut command = Command::new(program);
        command.args(before).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        if let Some(uid) = self.uid {
            command.uid(uid).gid(uid);
        }
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let stdout = drain(child.stdout.take().expect("a pipe"));
        let stderr = drain(child.stderr.take().expect("a pipe"));
        Running { child, stdout, stderr, limit: self.limit }
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it cannot be started, or hangs.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Finished {
        self.start(arguments).wait()
    }

    /// The arguments of a collection into `to`.
    #[must_use]
    pub fn collection(to: &Path, more: &[&str]) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = ["collect", "--case", "TEST-1", "--to"].map(OsString::from).to_vec();
        arguments.push(to.into());
        arguments.extend(more.iter().map(OsString::from));
        arguments
    }

    /// Collects into `to`, which must work: the run is sealed, `verify` agrees, the result is on stdout.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn collect(&self, to: &Path, more: &[&str]) -> Evidence {
        let finished = self.run(Self::collection(to, more));
        finished.assert_sealed();
        Self::find().verify(to).assert_code(0);
        Evidence::open(to)
    }

    /// Runs `verify` on a directory.
    ///
    /// # Panics
    /// When it cannot be started, or hangs.
    #[must_use]
    pub fn verify(&self, evidence: &Path) -> Finished {
        self.run([OsStr::new("verify"), evidence.as_os_str()])
    }
}

/// Reads everything on a thread of its own. If the program hangs, the thread is left behind.
pub(crate) fn drain(mut from: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut bytes) {
            // The receiver is only gone when the test has ended.
            let _ = sender.send(bytes.iter().take(length).copied().collect());
        }
    });
    receiver
}

/// A run that has not ended.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: Receiver<Vec<u8>>,
    stderr: Receiver<Vec<u8>>,
    limit: Duration,
}

impl Running {
    /// Its process id.
    ///
    /// # Panics
    /// Never: process ids fit.
    #[must_use]
    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"))
    }

    /// Sends it a signal. That it has ended already does not matter.
    pub fn signal(&self, signal: Signal) {
        let _ = kill(self.pid(), signal);
    }

    /// Whether it has ended.
    ///
    /// # Panics
    /// When the kernel does not say.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("wait").is_some()
    }

    /// Waits until `path` exists, or the run has ended.
    ///
    /// # Panics
    /// When neither happens in time.
    pub fn await_file(&mut self, path: &Path) {
        let start = Instant::now();
        while !path.exists() && !self.has_ended() {
            assert!(start.elapsed() < self.limit, "{} did not appear within {:?}", path.display(), self.limit);
            sleep(Duration::from_millis(1));
        }
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it hangs: it is killed, and the message says where its threads were.
    #[must_use]
    pub fn wait(mut self) -> Finished {
        let start = Instant::now();
        while !self.has_ended() {
            if start.elapsed() > self.limit {
                let threads = threads(self.pid());
                let _ = self.child.kill();
                panic!("hozen hangs: no end within {:?}. Its threads:\n{threads}\nstderr: {}", self.limit, so_far(&self.stderr));
            }
            sleep(Duration::from_millis(5));
        }
        let status = self.child.wait().expect("wait");
        Finished { status, stdout: to_end(&self.stdout), stderr: to_end(&self.stderr) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A test that failed between start and wait leaves nothing running.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
        }
    }
}

fn so_far(receiver: &Receiver<Vec<u8>>) -> String {
    String::from_utf8_lossy(&receiver.try_iter().flatten().collect::<Vec<u8>>()).into_owned()
}

fn to_end(receiver: &Receiver<Vec<u8>>) -> String {
    String::from_utf8_lossy(&receiver.iter().flatten().collect::<Vec<u8>>()).into_owned()
}

/// State and kernel function of every thread, for the message about a hang.
fn threads(pid: Pid) -> String {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return "gone".to_owned() };
    let describe = |path: PathBuf| {
        let text = |name: &str| std::fs::read_to_string(path.join(name)).unwrap_or_default();
        let state = text("status").lines().find(|line| line.starts_with("State:")).unwrap_or_default().to_owned();
        format!("{} {} {state} in {}\n{}", path.display(), text("comm").trim(), text("wchan"), text("stack"))
    };
    tasks.flatten().map(|task| describe(task.path())).collect()
}

/// A run that has ended.
#[derive(Debug)]
pub struct Finished {
    /// How.
    pub status: ExitStatus,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

impl Finished {
    /// Its exit code.
    ///
    /// # Panics
    /// When a signal ended it.
    #[must_use]
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| panic!("ended by signal {:?}\n{}", self.status.signal(), self.stderr))
    }

    /// # Panics
    /// When the exit code is another.
    pub fn assert_code(&self, code: i32) {
        assert_eq!(self.code(), code, "exit code\nstdout: {}\nstderr: {}", self.stdout, self.stderr);
    }

    /// The one line of JSON on stdout.
    ///
    /// # Panics
    /// When stdout is anything else, or longer than Run Command shows, or its code is not the exit code.
    #[must_use]
    pub fn result(&self) -> Value {
        let line = self.stdout.strip_suffix('\n').unwrap_or_else(|| panic!("stdout does not end with a newline: {self:?}"));
        assert!(!line.contains('\n'), "stdout has more than one line: {}", self.stdout);
        assert!(line.len() <= 2000, "the line has {} bytes", line.len());
        let result: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("stdout is not JSON: {error}: {line}"));
        assert_eq!(result.get("code").and_then(Value::as_i64), Some(i64::from(self.code())), "{result}");
        result
    }

    /// The result says that the run is sealed, as a whole or in part.
    ///
    /// # Panics
    /// When it does not.
    pub fn assert_sealed(&self) {
        let sealed = [code::COMPLETE, code::PARTIAL, code::NO_MEMORY];
        assert!(sealed.contains(&self.code()), "exit code {}\nstdout: {}\nstderr: {}", self.code(), self.stdout, self.stderr);
        let result = self.result();
        let outcome = result.get("outcome").and_then(Value::as_str);
        assert!(matches!(outcome, Some("complete" | "partial")), "{result}");
    }

    /// All that it said, for a person or on stdout.
    #[must_use]
    pub fn said(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }
}
