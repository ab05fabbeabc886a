//! Files that the user asks for, by definitions of `ForensicArtifacts`
//! (<https://artifacts.readthedocs.io/en/latest/sources/Format-specification.html>): `--artifacts`, `--definitions`.
//!
//! ```text
//! file → yaml (documents) → definition (its sources) → choose (names, groups) → path (patterns) → what `user_files` looks for
//! ```
//!
//! **Invariant:** nothing of a definition is executed, and nothing that it asks for is left out without a word.

mod choose;
mod definition;
mod path;
mod yaml;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, ensure};
use hozen_collector::host::read;
use hozen_collector::model::{Digest, escape};
use hozen_collector::source::user_files;

use self::definition::Definition;

/// The largest file of definitions that is read, in bytes. The largest that is published has less than a tenth of it.
const MAX_FILE: usize = 4 << 20;

/// The most files that are read.
const MAX_FILES: usize = 1000;

/// The most definitions that all files hold together.
const MAX_DEFINITIONS: usize = 20_000;

/// A definition and the file that holds it.
#[derive(Debug)]
struct Held {
    definition: Definition,
    file: String,
    sha256: Digest,
}

/// What the definitions in `files` want, which are files or folders of them: of all, or of those that `names` names.
///
/// # Errors
/// When a file is wrong, or a name is not there; the text says which, where, and what to do.
pub fn read(files: &[PathBuf], names: &[String]) -> Result<Vec<user_files::Definition>> {
    ensure!(
        names.is_empty() || !files.is_empty(),
        "--definitions names definitions, but no file holds any; give --artifacts FILE"
    );
    let mut held = Vec::new();
    for path in all(files)? {
        file(&path, &mut held)?;
    }
    let wanted = choose::wanted(&held, names)?;
    ensure!(
        files.is_empty() || wanted.iter().any(|one| one.wanted != user_files::Wanted::Elsewhere),
        "nothing in the files of --artifacts is for Linux; give others"
    );
    Ok(wanted)
}

/// The files, and in the place of a folder its `*.yaml` and `*.yml`, by name.
fn all(given: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in given {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let shown = escape::path(path);
        let entries = std::fs::read_dir(path).with_context(|| format!("cannot read the folder of definitions {shown}"))?;
        let mut found: Vec<PathBuf> = entries
            .take(MAX_FILES * 10)
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|end| end == "yaml" || end == "yml"))
            .collect();
        ensure!(!found.is_empty(), "the folder {shown} holds no definitions (*.yaml); name the folder or the files that do");
        found.sort();
        files.extend(found);
    }
    ensure!(files.len() <= MAX_FILES, "{} files of definitions are more than the {MAX_FILES} that are read", files.len());
    Ok(files)
}

fn file(path: &Path, held: &mut Vec<Held>) -> Result<()> {
    let shown = escape::path(path);
    let text = text(path, &shown)?;
    let sha256 = Digest::of(text.as_bytes());
    let documents = yaml::documents(&text);
    let documents = documents.with_context(|| format!("the file of definitions {shown} is no YAML that definitions take"))?;
    for document in &documents {
        let definition = definition::read(document).with_context(|| format!("the file of definitions {shown} is wrong"))?;
        if let Some(twice) = held.iter().find(|other| other.definition.name == definition.name) {
            let name = definition.name.escape_debug();
            return Err(anyhow!("the definition {name} stands in {} and again in {shown}; take one of them out", twice.file));
        }
        held.push(Held { definition, file: shown.clone(), sha256 });
        ensure!(held.len() <= MAX_DEFINITIONS, "more than {MAX_DEFINITIONS} definitions are not read");
    }
    Ok(())
}

/// The text of a file, which is opened as a handle first: a FIFO or a device would block us or worse.
fn text(path: &Path, shown: &str) -> Result<String> {
    let opened = read::open_magic(nix::fcntl::AT_FDCWD, path);
    let (fd, _) = opened.map_err(|reason| anyhow!("cannot open the file of definitions {shown}: {reason}"))?;
    let mut bytes = Vec::new();
    let most = u64::try_from(MAX_FILE + 1).unwrap_or(u64::MAX);
    read::FdReader(fd).take(most).read_to_end(&mut bytes).with_context(|| format!("cannot read {shown}"))?;
    ensure!(bytes.len() <= MAX_FILE, "the file of definitions {shown} has more than {} MiB; it cannot be meant", MAX_FILE >> 20);
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        anyhow!("the file of definitions {shown} is not UTF-8 from byte {at} on; it cannot be meant")
    })
}

#[cfg(test)]
mod tests;
