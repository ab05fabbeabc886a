//! Pythons with the packages that tests use (lists in `tests/third-party`), in virtual environments under the target folder.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::helper::beside;
use crate::host::skipped;

/// A script or list of `tests/third-party`.
#[must_use]
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("third-party").join(name)
}

/// A program of the environment that `python` is of. Its first line names the folder that the environment was made in, and a build cache
/// may have got another name since: so it is `python` that reads it.
#[must_use]
pub fn program(python: &Path, name: &str) -> Command {
    let mut command = Command::new(python);
    command.arg(python.with_file_name(name));
    command
}

/// A Python that can import all of `modules`. The environment is made once, from the package index; if it cannot be had, the test is skipped.
///
/// # Panics
/// When the target folder cannot be written.
#[must_use]
pub fn with(test: &str, modules: &[&str]) -> Option<PathBuf> {
    let wanted = Wanted { folder: "third-party", pythons: &["python3"], list: "requirements.txt", modules };
    let python = made(&wanted);
    if python.is_none() {
        skipped(test, "python3 with venv, and the package index");
    }
    python
}

/// A Python with moto, cfn-lint and `PyYAML`, for the documents of Systems Manager and the templates of CloudFormation.
///
/// # Panics
/// When the target folder cannot be written.
#[must_use]
pub fn documents(test: &str) -> Option<PathBuf> {
    let modules = ["moto.cloudformation", "boto3", "cfnlint", "jsonschema", "yaml"].as_slice();
    let python = made(&Wanted { folder: "documents", pythons: &["python3"], list: "documents.txt", modules });
    if python.is_none() {
        skipped(test, "python3 with venv, and the package index");
    }
    python
}

/// A Python with the tools of analysts that read exports, likewise.
///
/// # Panics
/// When the target folder cannot be written.
#[must_use]
pub fn forensics(test: &str) -> Option<PathBuf> {
    let modules = &["artifacts", "bagit", "case_utils", "dissect.target", "plaso"];
    let python = made(&Wanted { folder: "forensics", pythons: &["python3"], list: "forensics.txt", modules });
    if python.is_none() {
        skipped(test, "python3 with venv, and the package index");
    }
    python
}

/// What the queries of `docs/queries` say of a run, by DuckDB: the rows of each, or null where the run lacks a table that it reads. A column of the
/// run that no view declares, and a table without a view, fail the test.
///
/// # Panics
/// When DuckDB fails, or a column is not declared.
#[must_use]
pub fn queries(test: &str, run: &Path, variables: &[&str]) -> Option<Value> {
    let python = with(test, &["duckdb"])?;
    let mut command = Command::new(python);
    command.arg(script("queries.py")).arg(run).arg(script("../../docs/queries")).args(variables);
    let output = command.output().expect("a Python that runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut said: Value = serde_json::from_slice(&output.stdout).expect("a line of JSON");
    let undeclared = said.get("undeclared").cloned();
    assert_eq!(undeclared, Some(Value::Object(serde_json::Map::new())), "columns that duckdb.sql does not declare");
    said.get_mut("queries").map(Value::take)
}

/// A virtual environment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// Its folder under the target folder.
    pub folder: &'a str,
    /// Programs that it may be made with, the first that is there.
    pub pythons: &'a [&'a str],
    /// The list of `tests/third-party` that names its packages.
    pub list: &'a str,
    /// What it must be able to import.
    pub modules: &'a [&'a str],
}

/// Its Python. It is made once, from the package index; nothing where that cannot be.
pub(crate) fn made(wanted: &Wanted<'_>) -> Option<PathBuf> {
    let venv = beside(wanted.folder);
    let python = venv.join("bin/python");
    // Another test may be making it right now.
    let lock = File::create(beside(&format!("{}.lock", wanted.folder))).expect("a file in the target folder");
    lock.lock().expect("a lock on it");
    if imports(&python, wanted.modules) {
        return Some(python);
    }
    let runs = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    let make = |program: &&str| runs(Command::new(program).args(["-m", "venv", "--clear"]).arg(&venv));
    let is_there = runs(Command::new(&python).arg("--version")) || wanted.pythons.iter().any(make);
    let install = ["-m", "pip", "install", "--quiet", "--requirement"];
    let is_made = is_there && runs(Command::new(&python).args(install).arg(script(wanted.list)));
    (is_made && imports(&python, wanted.modules)).then_some(python)
}

fn imports(python: &Path, modules: &[&str]) -> bool {
    Command::new(python)
        .args(["-c", &format!("import {}", modules.join(", "))])
        .output()
        .is_ok_and(|output| output.status.success())
}
