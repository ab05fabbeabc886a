//! QEMU's monitor (docs/interop/qmp-spec in QEMU): one JSON object a line, a greeting first.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

/// How long an answer may take. To write out a guest's memory takes seconds on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A connection to the monitor of a running guest.
#[derive(Debug)]
pub struct Monitor {
    answers: BufReader<UnixStream>,
}

impl Monitor {
    pub(super) fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).unwrap_or_else(|error| panic!("{}: {error}", socket.display()));
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        let mut monitor = Self { answers: BufReader::new(stream) };
        let greeting = monitor.line();
        assert!(greeting.get("QMP").is_some(), "the monitor greets with {greeting}");
        monitor.run("qmp_capabilities", json!({}));
        monitor
    }

    /// Halts the guest's processors. Its clock halts too.
    ///
    /// # Panics
    /// When QEMU refuses.
    pub fn stop(&mut self) {
        self.run("stop", json!({}));
    }

    /// Lets the guest go on.
    ///
    /// # Panics
    /// When QEMU refuses.
    pub fn go_on(&mut self) {
        self.run("cont", json!({}));
    }

    /// Writes `length` bytes of physical memory from `start` to a file of this machine.
    ///
    /// # Panics
    /// When QEMU refuses.
    pub fn save_memory(&mut self, start: u64, length: u64, file: &Path) {
        self.run("pmemsave", json!({ "val": start, "size": length, "filename": file }));
    }

    /// Runs a command and returns its result.
    ///
    /// # Panics
    /// When QEMU refuses or does not answer.
    pub fn run(&mut self, command: &str, arguments: Value) -> Value {
        let request = json!({ "execute": command, "arguments": arguments });
        let stream = self.answers.get_mut();
        stream.write_all(format!("{request}\n").as_bytes()).unwrap_or_else(|error| panic!("{command}: {error}"));
        loop {
            let mut answer = self.line();
            if let Some(result) = answer.get_mut("return") {
                return result.take();
            }
            // Events come in between.
            assert!(answer.get("error").is_none(), "{command}: {answer}");
        }
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        let length = self.answers.read_line(&mut line).expect("an answer of the monitor");
        assert!(length > 0, "QEMU closed its monitor");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("the monitor says {line:?}: {error}"))
    }
}
