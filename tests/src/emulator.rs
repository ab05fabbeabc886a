//! Emulators of AWS that others have written: installed from the package index, started on 127.0.0.1, ended with the test.
//!
//! A second opinion beside our own doubles, which are stricter. What they hold and what they let pass is in `docs/testing.md`.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::host::skipped;
use crate::python::{self, Wanted};
use crate::raw;

/// How long one may take to get ready.
const PATIENCE: Duration = Duration::from_secs(180);

/// A running emulator. It ends when this is dropped, and when the thread that started it ends.
#[derive(Debug)]
pub struct Emulator {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl Emulator {
    /// ministack: holds callers to their policies, and has KMS, Systems Manager and instance metadata. Nothing where it cannot be had.
    #[must_use]
    pub fn ministack(test: &str) -> Option<Self> {
        let (list, modules) = ("ministack.txt", ["ministack", "cryptography"].as_slice());
        let python = python::made(&Wanted { folder: "ministack", pythons: &["python3"], list, modules });
        let Some(python) = python else { return none(test, "python3 with venv, and the package index") };
        let address = free();
        let mut command = python::program(&python, "ministack");
        command.env("AUTH", "true").env("BIND_HOST", "127.0.0.1").env("MINISTACK_HOST", "127.0.0.1");
        command.env("GATEWAY_PORT", address.port().to_string()).env("MINISTACK_IMDS_V2_REQUIRED", "1");
        // What it would start besides listens on every address.
        command.env("IOT_MTLS_ENABLED", "0").env("SFTP_ENABLED", "0").env("SERVICES", "s3,iam,sts,kms,ssm,imds");
        Some(Self::start(command, address, "/_ministack/ready"))
    }

    /// localemu: nearest to S3 in locks, versions and checksums; holds all but root to the bucket's policy, as far as it knows what a
    /// condition asks for. Nothing where it cannot be had.
    #[must_use]
    pub fn localemu(test: &str) -> Option<Self> {
        let (list, modules) = ("localemu.txt", ["localemu"].as_slice());
        let newer = newer_pythons();
        let pythons: Vec<&str> = newer.iter().map(String::as_str).collect();
        let python = python::made(&Wanted { folder: "localemu", pythons: &pythons, list, modules });
        let Some(python) = python else { return none(test, "Python 3.13 or newer with venv, and the package index") };
        let address = free();
        let mut command = python::program(&python, "localemu");
        command.args(["start", "--host", "127.0.0.1", "--port", &address.port().to_string()]);
        // Its usual server listens on every address, whatever it is told.
        command.env("GATEWAY_SERVER", "hypercorn").env("GATEWAY_LISTEN", address.to_string());
        command.env("SKIP_SSL_CERT_DOWNLOAD", "1").env("DISABLE_EVENTS", "1");
        command.env("IAM_ENFORCEMENT", "1").env("ROOT_ACCESS_KEYS", "test");
        Some(Self::start(command, address, "/_localemu/health"))
    }

    fn start(mut command: Command, address: SocketAddr, ready: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = File::create(folder.path().join("log")).expect("a log");
        let both = log.try_clone().expect("a second descriptor");
        command.env("HOME", folder.path()).env("TMPDIR", folder.path()).current_dir(folder.path());
        raw::end_with_this_thread(&mut command);
        let child = command.stdin(Stdio::null()).stdout(log).stderr(both).spawn().expect("an emulator");
        let mut emulator = Self { child, address, folder };
        let begun = Instant::now();
        while !emulator.answers(ready) {
            let ended = emulator.child.try_wait().expect("wait").is_some();
            assert!(!ended && begun.elapsed() < PATIENCE, "the emulator does not get ready: {}", emulator.log());
            sleep(Duration::from_millis(100));
        }
        emulator
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Runs `account.py`, which makes an account in it or lays hands on one.
    ///
    /// # Panics
    /// When that fails.
    #[must_use]
    pub fn account(&self, python: &Path, what: &str, asked: &Value) -> Value {
        let mut command = Command::new(python);
        command.arg(python::script("account.py")).arg(what).arg(asked.to_string());
        self.said(command)
    }

    /// Deploys the stacks of `packaging/cloudformation` in it, with an evidence bucket of this name.
    ///
    /// # Panics
    /// When that fails.
    #[must_use]
    pub fn stacks(&self, python: &Path, bucket: &str) -> Value {
        let mut command = Command::new(python);
        command.arg(python::script("documents/deploy.py")).arg(self.url()).arg(bucket);
        self.said(command)
    }

    fn said(&self, mut command: Command) -> Value {
        let output = command.output().expect("python");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}\n{}", self.log());
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    fn answers(&self, path: &str) -> bool {
        let Ok(mut stream) = TcpStream::connect(self.address) else { return false };
        let mut answer = String::new();
        let asked = write!(stream, "GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address);
        asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.split(' ').nth(1) == Some("200")
    }

    fn log(&self) -> String {
        let bytes = std::fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(bytes.get(bytes.len().saturating_sub(4000)..).unwrap_or_default()).into_owned()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn none(test: &str, what: &str) -> Option<Emulator> {
    skipped(test, what);
    None
}

/// Where a Python of 3.13 or newer may be: on the path, or among those of pyenv.
fn newer_pythons() -> Vec<String> {
    let home = std::env::var("HOME").unwrap_or_default();
    let root = std::env::var("PYENV_ROOT").unwrap_or_else(|_| format!("{home}/.pyenv"));
    let versions = std::fs::read_dir(format!("{root}/versions")).into_iter().flatten().flatten();
    let mut found: Vec<String> = versions.map(|entry| format!("{}/bin/python3", entry.path().display())).collect();
    found.retain(|path| ["/3.13.", "/3.14."].iter().any(|version| path.contains(version)));
    ["python3.14", "python3.13"].map(str::to_owned).into_iter().chain(found).collect()
}

/// An address that nobody listens on at the moment.
fn free() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its address")
}
