//! Reads an evidence directory with nothing of ours: zstd, tar, base64 and JSON.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// An evidence directory.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// Where it is.
    pub dir: PathBuf,
}

/// A member of a raw archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    /// The kind of tar member.
    pub kind: tar::EntryType,
    /// Its content.
    pub content: Vec<u8>,
    /// Its target, where it is a link.
    pub link: Option<Vec<u8>>,
}

impl Evidence {
    /// The evidence in `dir`.
    ///
    /// # Panics
    /// When there is no begin record.
    #[must_use]
    pub fn open(dir: &Path) -> Self {
        assert!(dir.join("000-begin.json").is_file(), "{} holds no evidence", dir.display());
        Self { dir: dir.to_owned() }
    }

    /// The rows of a table, by its name; the folder does not matter.
    ///
    /// # Panics
    /// When there is no such table, or it is not NDJSON in zstd.
    #[must_use]
    pub fn table(&self, name: &str) -> Vec<Value> {
        let file = format!("{name}.jsonl.zst");
        let keys = self.keys();
        let mut found = keys.iter().filter(|key| key.starts_with("data/") && key.rsplit('/').next() == Some(&file));
        let key = found.next().unwrap_or_else(|| panic!("no table {name}; there are {keys:#?}"));
        assert_eq!(found.next(), None, "more than one table {name}");
        let row = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{key}: {error}: {line}"));
        String::from_utf8(self.content(key)).expect("UTF-8").lines().map(row).collect()
    }

    /// The members of an artefact's archive of raw bytes, by their paths on the host.
    ///
    /// # Panics
    /// When there is no such archive, or it cannot be read.
    #[must_use]
    pub fn raw(&self, artefact: &str) -> BTreeMap<Vec<u8>, Raw> {
        let content = self.content(&format!("data/raw/{artefact}.tar.zst"));
        let mut archive = tar::Archive::new(content.as_slice());
        let entries = archive.entries().expect("an archive");
        entries.map(|entry| member(entry.unwrap_or_else(|error| panic!("raw/{artefact}: {error}")))).collect()
    }

    /// The content of one member of a raw archive.
    ///
    /// # Panics
    /// When there is no such member.
    #[must_use]
    pub fn raw_file(&self, artefact: &str, path: &str) -> Vec<u8> {
        let mut members = self.raw(artefact);
        members.remove(path.as_bytes()).unwrap_or_else(|| panic!("raw/{artefact} has no {path}")).content
    }

    /// The predicate of a record: `000-begin.json`, `900-manifest.json` or `999-end.json`.
    ///
    /// # Panics
    /// When it is not a DSSE envelope of a statement.
    #[must_use]
    pub fn predicate(&self, record: &str) -> Value {
        let envelope: Value = serde_json::from_slice(&self.stored(record)).expect("an envelope");
        let payload = envelope.get("payload").and_then(Value::as_str).expect("a payload");
        let payload = STANDARD.decode(payload).expect("base64");
        let mut statement: Value = serde_json::from_slice(&payload).expect("a statement");
        statement.get_mut("predicate").map(Value::take).expect("a predicate")
    }

    /// The step of an artefact in the manifest.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn step(&self, artefact: &str) -> Value {
        let manifest = self.predicate("900-manifest.json");
        let steps = manifest.get("steps").and_then(Value::as_array).expect("steps");
        let step = steps.iter().find(|step| step.get("artefact").and_then(Value::as_str) == Some(artefact));
        step.unwrap_or_else(|| panic!("no step {artefact}")).clone()
    }

    /// The events of the custody journal, in their order.
    ///
    /// # Panics
    /// When a line is not JSON.
    #[must_use]
    pub fn journal(&self) -> Vec<Value> {
        let keys = self.keys().into_iter().filter(|key| key.starts_with("custody/"));
        let lines: Vec<u8> = keys.flat_map(|key| self.stored(&key)).collect();
        serde_json::Deserializer::from_slice(&lines).into_iter().map(|event| event.expect("an event")).collect()
    }

    /// The name of every object, sorted.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        walk(&self.dir, &mut |path| {
            let key = path.strip_prefix(&self.dir).unwrap_or(path);
            keys.push(key.to_str().unwrap_or_else(|| panic!("an object's name is not text: {key:?}")).to_owned());
        });
        keys.sort();
        keys
    }

    /// The stored bytes of an object.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn stored(&self, key: &str) -> Vec<u8> {
        std::fs::read(self.dir.join(key)).unwrap_or_else(|error| panic!("{key}: {error}"))
    }

    /// The content of an object: its stored bytes, or what they decompress to.
    ///
    /// # Panics
    /// When it cannot be read or decompressed.
    #[must_use]
    pub fn content(&self, key: &str) -> Vec<u8> {
        let stored = self.stored(key);
        if !key.ends_with(".zst") {
            return stored;
        }
        zstd::decode_all(stored.as_slice()).unwrap_or_else(|error| panic!("{key}: {error}"))
    }

    /// The objects whose content holds these bytes, plainly or in base64 at any of the three alignments.
    #[must_use]
    pub fn holding(&self, needle: &[u8]) -> Vec<String> {
        let mut forms = vec![needle.to_vec()];
        forms.extend((0..3).map(|shift| base64_core(needle, shift)));
        let holds = |content: &[u8]| forms.iter().any(|form| contains(content, form));
        self.keys().into_iter().filter(|key| holds(&self.content(key))).collect()
    }
}

fn member(mut entry: tar::Entry<'_, &[u8]>) -> (Vec<u8>, Raw) {
    let path = entry.path_bytes().into_owned();
    let path = path.strip_prefix(b"[root]").unwrap_or(&path).to_vec();
    let link = entry.link_name_bytes().map(std::borrow::Cow::into_owned);
    let kind = entry.header().entry_type();
    let mut content = Vec::new();
    entry.read_to_end(&mut content).expect("a whole member");
    (path, Raw { kind, content, link })
}

fn walk(dir: &Path, file: &mut dyn FnMut(&Path)) {
    for entry in std::fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display())) {
        let path = entry.expect("an entry").path();
        if path.is_dir() { walk(&path, file) } else { file(&path) }
    }
}

/// The characters of base64 that depend on `needle` alone when it stands `shift` bytes behind a multiple of three.
fn base64_core(needle: &[u8], shift: usize) -> Vec<u8> {
    let padded: Vec<u8> = std::iter::repeat_n(0, shift).chain(needle.iter().copied()).collect();
    let text = STANDARD.encode(&padded).into_bytes();
    let first = (shift * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    text.get(first..last).unwrap_or_default().to_vec()
}

/// Whether `needle` stands in `content`.
#[must_use]
pub fn contains(content: &[u8], needle: &[u8]) -> bool {
    !needle.is_empty() && content.windows(needle.len()).any(|window| window == needle)
}

/// SHA-256 in hex.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A column's bytes, be it text or its base64 twin; none where the column is absent.
///
/// # Panics
/// When it is neither.
#[must_use]
pub fn bytes(row: &Value, column: &str) -> Option<Vec<u8>> {
    if let Some(text) = row.get(column) {
        return Some(text.as_str().unwrap_or_else(|| panic!("{column} is not text: {row}")).as_bytes().to_vec());
    }
    let twin = row.get(format!("{column}_b64"))?;
    Some(STANDARD.decode(twin.as_str().expect("text")).expect("base64"))
}

/// A column's bytes as text.
///
/// # Panics
/// When the column is absent, or neither text nor its base64 twin.
#[must_use]
pub fn text(row: &Value, column: &str) -> String {
    String::from_utf8_lossy(&bytes(row, column).unwrap_or_else(|| panic!("no {column}: {row}"))).into_owned()
}

/// A column's list of byte strings, be they text or base64; none where the column is absent.
///
/// # Panics
/// When it is neither.
#[must_use]
pub fn list(row: &Value, column: &str) -> Option<Vec<Vec<u8>>> {
    let texts = |value: &Value| -> Vec<String> {
        let items = value.as_array().unwrap_or_else(|| panic!("{column} is not a list: {row}"));
        items.iter().map(|item| item.as_str().expect("text").to_owned()).collect()
    };
    if let Some(value) = row.get(column) {
        return Some(texts(value).into_iter().map(String::into_bytes).collect());
    }
    let twin = row.get(format!("{column}_b64"))?;
    Some(texts(twin).iter().map(|text| STANDARD.decode(text).expect("base64")).collect())
}

/// A column's number; none where the column is absent.
#[must_use]
pub fn number(row: &Value, column: &str) -> Option<i64> {
    row.get(column).and_then(Value::as_i64)
}

/// The rows whose `column` is this number.
#[must_use]
pub fn rows_of<'a>(rows: &'a [Value], column: &str, value: i64) -> Vec<&'a Value> {
    rows.iter().filter(|row| number(row, column) == Some(value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_base64_wherever_it_stands() {
        let secret = b"4bdbf98ceeebff64de44";
        for before in 0..7 {
            let text = STANDARD.encode([&vec![b'<'; before], &secret[..], b">>>"].concat());
            let found = (0..3).any(|shift| contains(text.as_bytes(), &base64_core(secret, shift)));
            assert!(found, "behind {before} bytes: {text}");
        }
    }
}
