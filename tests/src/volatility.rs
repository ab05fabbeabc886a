//! What an analyst makes of a run's evidence: a plain image by `hozen export`, a symbol file by `hozen symbols`, and Volatility 3 from
//! the package index, which reads both.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::agent::{Agent, Finished};
use crate::python;

/// A Python that can import it, or none, said loudly.
#[must_use]
pub fn python(test: &str) -> Option<PathBuf> {
    python::with(test, &["volatility3", "jsonschema"])
}

/// An image, a symbol file for it, and Volatility.
#[derive(Debug)]
pub struct Analysis {
    python: PathBuf,
    /// The folder that the run is in.
    pub evidence: PathBuf,
    /// What `vol -s` takes.
    pub symbols: PathBuf,
    image: PathBuf,
    cache: PathBuf,
    /// What Volatility has found out about the image, where it was told to keep it.
    config: PathBuf,
}

impl Analysis {
    /// Exports the evidence, of which the image by `method` is read, and makes the symbol file. All that comes of it is in `folder`.
    ///
    /// # Panics
    /// When one of the two does not work, or the image is not called whole.
    #[must_use]
    pub fn of(python: PathBuf, evidence: &Path, method: &str, folder: &Path) -> Self {
        let [symbols, cache, config] = ["symbols", "cache", "config.json"].map(|name| folder.join(name));
        make_symbols(evidence, &symbols).assert_code(0);
        Self { python, evidence: evidence.to_owned(), symbols, image: exported(evidence, method, folder), cache, config }
    }

    /// The image by `method` in other evidence of the same boot of the same kernel, with the same symbol file.
    ///
    /// # Panics
    /// When its export does not work, or the image is not called whole.
    #[must_use]
    pub fn of_another(&self, evidence: &Path, method: &str, folder: &Path) -> Self {
        let (image, config) = (exported(evidence, method, folder), folder.join("config.json"));
        let (python, symbols, cache) = (self.python.clone(), self.symbols.clone(), self.cache.clone());
        Self { python, evidence: evidence.to_owned(), symbols, image, cache, config }
    }

    /// The one symbol file.
    ///
    /// # Panics
    /// When there are others.
    #[must_use]
    pub fn isf(&self) -> PathBuf {
        let folder = std::fs::read_dir(self.symbols.join("linux")).expect("a folder of symbol files");
        let files = folder.map(|entry| entry.expect("a file").path());
        let files: Vec<PathBuf> = files.filter(|file| file.extension().is_some_and(|end| end == "json")).collect();
        let [file] = <[PathBuf; 1]>::try_from(files).expect("one symbol file");
        file
    }

    /// The symbol file is what Volatility's own schema says. Returns the schema's version.
    ///
    /// # Panics
    /// When it is not.
    #[must_use]
    pub fn schema(&self) -> String {
        let said = succeeded(self.command(&self.python).arg(python::script("schema.py")).arg(self.isf()));
        String::from_utf8_lossy(&said.stdout).trim().to_owned()
    }

    /// The rows of a plugin of `linux`, such as `pslist`. What Volatility finds out about the image meanwhile is kept for those that follow:
    /// only the first plugin may be run so.
    ///
    /// # Panics
    /// When it fails.
    #[must_use]
    pub fn run_first(&self, plugin: &str) -> Value {
        self.rows(plugin, &["--save-config".as_ref(), self.config.as_os_str()])
    }

    /// The rows of each of these plugins.
    ///
    /// # Panics
    /// When one fails.
    #[must_use]
    pub fn run_all<const N: usize>(&self, plugins: [&str; N]) -> [Value; N] {
        self.run_each(&plugins).try_into().expect("as many as plugins")
    }

    /// The rows of each of these plugins, two of which run at a time.
    ///
    /// # Panics
    /// When one fails.
    #[must_use]
    pub fn run_each(&self, plugins: &[&str]) -> Vec<Value> {
        let known = ["-c".as_ref(), self.config.as_os_str()];
        let known: &[&OsStr] = if self.config.is_file() { &known } else { &[] };
        let (left, right) = plugins.split_at(plugins.len() / 2);
        let run = |plugins: &[&str]| plugins.iter().map(|name| self.rows(name, known)).collect::<Vec<_>>();
        std::thread::scope(|scope| {
            let left = scope.spawn(|| run(left));
            let right = run(right);
            left.join().expect("plugins").into_iter().chain(right).collect()
        })
    }

    fn rows(&self, plugin: &str, more: &[&OsStr]) -> Value {
        // Read by its Python, for the reason that `python::program` has.
        let mut command = self.command(&self.python);
        command
            .arg(self.python.with_file_name("vol"))
            .args(["-q", "--offline", "-r", "json", "-s"])
            .arg(&self.symbols)
            .arg("-f")
            .arg(&self.image);
        let output = succeeded(command.args(more).arg(format!("linux.{plugin}")));
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{plugin}: {error}: {output:?}"))
    }

    /// Its cache is that of this test, so nothing is taken from an earlier run.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env("XDG_CACHE_HOME", &self.cache).env_remove("PYTHONPATH");
        command
    }
}

/// Exports evidence into `folder`. Returns where its image by `method` is.
fn exported(evidence: &Path, method: &str, folder: &Path) -> PathBuf {
    let export = folder.join("export");
    Agent::find().run(["export".as_ref(), evidence.as_os_str(), "--to".as_ref(), export.as_os_str()]).assert_code(0);
    // The name has no more words only where the image is whole.
    export.join(format!("memory/{method}.lime"))
}

/// Runs `hozen symbols`.
#[must_use]
pub fn make_symbols(evidence: &Path, to: &Path) -> Finished {
    Agent::find().run(["symbols".as_ref(), evidence.as_os_str(), "-o".as_ref(), to.as_os_str()])
}

/// Whether a row, or one below it in a tree, has these values.
#[must_use]
pub fn any(rows: &Value, values: &[(&str, &str)]) -> bool {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let has = |row: &Value, (column, value): &(&str, &str)| row.get(column).is_some_and(|found| text(found) == *value);
    let below = |row: &Value| row.get("__children").is_some_and(|children| any(children, values));
    rows.as_array().is_some_and(|rows| rows.iter().any(|row| values.iter().all(|pair| has(row, pair)) || below(row)))
}

/// What a program said, which must succeed.
///
/// # Panics
/// When it cannot be started, or fails.
pub fn succeeded(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    output
}
