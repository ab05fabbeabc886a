//! Starting the helper programs of this package, and ending them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a helper may take to get ready, or to end. Generous: it only guards against hanging for ever.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running helper program. It ends when this is dropped.
#[derive(Debug)]
pub struct Helper {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    facts: BTreeMap<String, String>,
    /// The line in which it stated them.
    pub said: String,
}

/// The path of a program that was built beside this one: `target/{debug,release}/<name>`.
///
/// # Panics
/// When this program does not know where it is.
#[must_use]
pub fn beside(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("the path of this program");
    let folder = own.parent().expect("a folder");
    // Test programs lie in `deps`, one deeper.
    let folder = if folder.ends_with("deps") { folder.parent().expect("a folder") } else { folder };
    folder.join(name)
}

/// The libraries and the loader of a program, by `ldd`; none for a static one.
///
/// # Panics
/// When `ldd` fails, or one is not there.
#[must_use]
pub fn libraries(program: &Path) -> Vec<PathBuf> {
    let output = Command::new("ldd").arg(program).output().expect("ldd");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let is_static = text.contains("not a dynamic executable") || text.contains("statically linked");
    assert!(output.status.success() || is_static, "ldd {}: {text}", program.display());
    assert!(!text.contains("not found"), "ldd {}: {text}", program.display());
    let path = |line: &str| line.split_ascii_whitespace().find(|word| word.starts_with('/')).map(PathBuf::from);
    if is_static { Vec::new() } else { text.lines().filter_map(path).collect() }
}

impl Helper {
    /// Starts the helper `name` and waits until it is ready.
    ///
    /// # Panics
    /// When it cannot be started or does not get ready.
    pub fn start<A: AsRef<OsStr>>(name: &str, arguments: impl IntoIterator<Item = A>) -> Self {
        Self::start_at(&beside(name), arguments)
    }

    /// Starts a helper that lies elsewhere, and waits until it is ready.
    ///
    /// # Panics
    /// When it cannot be started or does not get ready.
    pub fn start_at<A: AsRef<OsStr>>(program: &Path, arguments: impl IntoIterator<Item = A>) -> Self {
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let stdout = child.stdout.take().expect("a pipe");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // The test may have lost interest; the helper must not block on a full pipe because of that.
                let _ = sender.send(line);
            }
        });
        let stdin = child.stdin.take();
        let mut helper = Self { name, child, stdin, lines, facts: BTreeMap::new(), said: String::new() };
        helper.await_ready();
        helper
    }

    fn await_ready(&mut self) {
        let line = match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => panic!("helper {} was not ready within {PATIENCE:?}", self.name),
            Err(RecvTimeoutError::Disconnected) => panic!("helper {} ended before it was ready (see its message)", self.name),
        };
        let mut words = line.split_ascii_whitespace();
        assert_eq!(words.next(), Some("ready"), "helper {} said {line:?}", self.name);
        self.facts = words.filter_map(|word| word.split_once('=')).map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
        self.said = line;
    }

    /// A fact that it stated when it got ready.
    ///
    /// # Panics
    /// When it stated no such fact.
    #[must_use]
    pub fn fact(&self, name: &str) -> &str {
        self.facts.get(name).unwrap_or_else(|| panic!("helper {} states no {name}: {:?}", self.name, self.facts))
    }

    /// A fact that is a number, such as `pid`.
    ///
    /// # Panics
    /// When it stated no such fact, or it is not a number.
    #[must_use]
    pub fn number(&self, name: &str) -> i64 {
        self.fact(name).parse().unwrap_or_else(|_| panic!("helper {}: {name} is not a number", self.name))
    }

    /// The process id of the helper itself, which is not always the odd process.
    #[must_use]
    pub fn pid(&self) -> i64 {
        i64::from(self.child.id())
    }

    /// Kills it with SIGKILL, as a test that crashes does.
    ///
    /// # Panics
    /// When the kernel refuses.
    pub fn kill(mut self) {
        self.child.kill().expect("kill the helper");
        self.child.wait().expect("wait for the helper");
    }

    /// Ends it and returns what it said after `ready`.
    ///
    /// # Panics
    /// When it does not end, or fails.
    #[must_use]
    pub fn finish(mut self) -> Vec<String> {
        let status = self.close();
        assert!(status.is_some_and(|status| status.success()), "helper {} ended with {status:?}", self.name);
        self.lines.iter().collect()
    }

    /// Closes its stdin and waits for its end; kills it if it takes too long.
    fn close(&mut self) -> Option<std::process::ExitStatus> {
        drop(self.stdin.take());
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            match self.child.try_wait() {
                Ok(None) => sleep(Duration::from_millis(5)),
                Ok(status) => return status,
                Err(_) => break,
            }
        }
        // Its children are tied to it by the kernel and go with it.
        let _ = self.child.kill();
        None
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_has_libraries_that_are_there() {
        let own = std::env::current_exe().unwrap();
        assert!(libraries(&own).iter().all(|path| path.is_file()), "{:?}", libraries(&own));
    }
}
