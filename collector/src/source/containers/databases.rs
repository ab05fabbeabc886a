//! Databases of engines. The environments of containers stand in them, so they are not kept unless secrets are asked for; but of what else
//! they say there are rows. Some of it stands nowhere else: containers that do not run, or never ran.

use serde_json::Value;

use super::known::Known;
use super::{containerd, ecs, json, podman};
use crate::model::{Gap, escape};
use crate::source::file_set::Text;
use crate::source::{Evidence, secret};

/// containerd's, of which nerdctl and Kubernetes make use.
pub(super) const CONTAINERD: &str = "containerd-database";
/// That of the agent of ECS.
pub(super) const ECS: &str = "ecs-database";
/// Podman's.
pub(super) const PODMAN: &str = "podman-database";
/// That of older Podmans.
pub(super) const PODMAN_BOLT: &str = "podman-bolt-database";

/// The most bytes of what a database says of one container or task. Engines write some ten thousand.
pub(super) const MOST_VALUE: usize = 1 << 20;

/// One database that is read.
#[derive(Debug)]
pub(super) struct Reading {
    /// Its path, as rows name it.
    pub(super) source: String,
    hides: bool,
    /// How many values nothing was made of.
    pub(super) passed_over: u64,
}

/// Adds the containers of a database to `known`, secrets hidden if `hides`. What could not be read of it is a gap.
pub(super) fn add(text: &Text<'_>, hides: bool, known: &mut Known, evidence: &mut dyn Evidence) {
    let path = text.found.path.as_slice();
    let mut reading = Reading::new(escape::bytes(path), hides);
    if let Err(why) = read(text.found.group.kind, text.bytes, &mut reading, known) {
        let reason = format!("{why}; rows of what stands in that part alone are missing");
        evidence.gap(Gap::whole(path, reason));
    }
    if reading.passed_over > 0 {
        let count = reading.passed_over;
        let reason =
            format!("{count} values are too many, longer than {MOST_VALUE} bytes or of no known form; rows have nothing of them");
        evidence.gap(Gap::whole(path, reason));
    }
}

/// Adds what a database of this kind says to `known`. The error says why a part of it is missing.
pub(super) fn read(kind: &str, bytes: &[u8], reading: &mut Reading, known: &mut Known) -> Result<(), String> {
    match kind {
        // An engine that was killed in its first moment leaves an empty file.
        _ if bytes.is_empty() => Ok(()),
        CONTAINERD => containerd::database(bytes, reading, known),
        ECS => ecs::database(bytes, reading, known),
        PODMAN => podman::database(bytes, reading, known),
        PODMAN_BOLT => podman::bolt_database(bytes, reading, known),
        _ => Ok(()),
    }
}

impl Reading {
    /// Of the database at `source`.
    pub(super) fn new(source: String, hides: bool) -> Self {
        Self { source, hides, passed_over: 0 }
    }

    /// A value that is JSON, secrets hidden; none if it is too long or of another form.
    pub(super) fn json(&mut self, bytes: &[u8]) -> Option<Value> {
        let value = if json::is_too_much(bytes, MOST_VALUE) { None } else { self.parsed(bytes.to_owned()) };
        self.counted(value)
    }

    fn parsed(&self, mut bytes: Vec<u8>) -> Option<Value> {
        if self.hides {
            secret::mask_json(&mut bytes);
        }
        serde_json::from_slice(&bytes).ok()
    }

    /// The same value, secrets hidden.
    pub(super) fn hidden(&mut self, value: &Value) -> Option<Value> {
        self.json(value.to_string().as_bytes())
    }

    /// A value that is text. An empty one says nothing.
    pub(super) fn text(&mut self, bytes: &[u8]) -> Option<Value> {
        let text = std::str::from_utf8(bytes).ok();
        self.counted(text).filter(|text| !text.is_empty()).map(Value::from)
    }

    /// What was made of a value: if nothing, that is counted.
    pub(super) fn counted<T>(&mut self, made: Option<T>) -> Option<T> {
        self.passed_over += u64::from(made.is_none());
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_are_not_what_is_known_are_counted() {
        let mut reading = Reading::new("/db".to_owned(), true);
        assert_eq!(reading.json(br#"{"a":1,"token":"hunter2"}"#), Some(serde_json::json!({"a": 1, "token": "xxxxxxx"})));
        assert_eq!((reading.text(b"a"), reading.text(b""), reading.passed_over), (Some("a".into()), None, 0));
        assert_eq!((reading.json(b"{"), reading.text(b"\xff"), reading.counted(None::<u8>)), (None, None, None));
        let (long, dense) = (Value::from("x".repeat(MOST_VALUE)), Value::from(vec![0; MOST_VALUE / 4]));
        assert_eq!((reading.hidden(&long), reading.hidden(&dense), reading.passed_over), (None, None, 5));
        let mut shows = Reading::new("/db".to_owned(), false);
        assert_eq!(shows.json(br#"{"token":"hunter2"}"#), Some(serde_json::json!({"token": "hunter2"})));
    }
}
