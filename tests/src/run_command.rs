//! Shell steps of Command documents, run as the agent of Systems Manager runs them: by `sh`, in a process group of their own that gets a
//! SIGKILL at the time-out, with the variables that it sets, and with the first 24,000 characters of their output kept.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::python;

/// Characters of the standard output that Systems Manager keeps.
pub const KEPT: usize = 24_000;

/// And of the standard error.
pub const KEPT_OF_ERRORS: usize = 8_000;

/// A step that is ready to run.
#[derive(Debug)]
pub struct Step {
    script: String,
    variables: Vec<(String, String)>,
}

impl Step {
    /// The shell step of the document `name` with these parameters; or why Systems Manager refuses them. None, said loudly, where there
    /// is no Python that reads documents.
    ///
    /// # Panics
    /// When the document cannot be read.
    #[must_use]
    pub fn of(test: &str, name: &str, given: &[(&str, &str)]) -> Option<Result<Self, String>> {
        let python = python::documents(test)?;
        let given: Value = given.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
        let mut command = Command::new(python);
        command.env("PYTHONDONTWRITEBYTECODE", "1").arg(python::script("documents/command.py")).arg(name).arg(given.to_string());
        let output = command.output().expect("python");
        if !output.status.success() {
            return Some(Err(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let script = told.get("script").and_then(Value::as_str).expect("a script").to_owned();
        let variables = told.get("variables").and_then(Value::as_object).expect("variables").iter();
        let variables = variables.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect();
        Some(Ok(Self { script, variables }))
    }

    /// With this variable, whatever the document says of it.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(other, _)| other != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The text that the agent of Systems Manager writes to `_script.sh`.
    #[must_use]
    pub fn script(&self) -> &str {
        &self.script
    }

    /// The variables that the script finds: what the service's agent sets, and the parameters of the document.
    #[must_use]
    pub fn environment(&self, command_id: &str) -> Vec<(String, String)> {
        let own = [
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            ("HOME", "/root"),
            ("SSM_COMMAND_ID", command_id),
            ("AWS_SSM_INSTANCE_ID", "i-0123456789abcdef0"),
            ("AWS_SSM_REGION_NAME", "eu-central-1"),
            ("AWS_SSM_PLATFORM_NAME", "Debian GNU/Linux"),
            ("AWS_SSM_PLATFORM_VERSION", "12"),
        ];
        let own = own.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        own.chain(self.variables.iter().cloned()).collect()
    }

    /// Starts it with its script in `folder`.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(&self, folder: &Path, command_id: &str) -> Child {
        let script = folder.join("_script.sh");
        fs::write(&script, &self.script).expect("a script");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).expect("a script that can be run");
        let mut command = Command::new("sh");
        command.arg("-c").arg(&script).current_dir(folder).process_group(0);
        command.env_clear().envs(self.environment(command_id));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("sh")
    }

    /// Runs it to its end: its exit code, and of its output what Systems Manager keeps.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn run(&self, folder: &Path, command_id: &str) -> (Option<i32>, String) {
        let mut child = self.start(folder, command_id);
        let mut errors = child.stderr.take().expect("a pipe");
        // Read beside the output, so that neither holds up the other.
        let said = std::thread::spawn(move || {
            let mut text = String::new();
            errors.read_to_string(&mut text).map(|_| text).unwrap_or_default()
        });
        let output = child.wait_with_output().expect("its end");
        let text: String = String::from_utf8_lossy(&output.stdout).chars().take(KEPT).collect();
        let said = said.join().unwrap_or_default();
        (output.status.code(), if text.is_empty() { said } else { text })
    }
}
