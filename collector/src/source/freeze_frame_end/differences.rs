//! What two frames have that the other has not, or has otherwise.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::seen::Seen;
use crate::host::Host;
use crate::model::Row;
use crate::source::{Evidence, Stop, text};

/// One kind of thing: by which columns it is the same in both frames, and which others are compared.
struct Kind {
    name: &'static str,
    table: &'static str,
    key: &'static [&'static str],
    compared: &'static [&'static str],
}

const KINDS: [Kind; 2] = [
    Kind {
        name: "process",
        table: "processes",
        key: &["pid", "start_ticks"],
        compared: &[
            "name",
            "name_b64",
            "path",
            "path_b64",
            "cmdline",
            "cmdline_b64",
            "parent",
            "uid",
            "euid",
            "root",
            "cwd",
            "exe_inode",
            "exe_deleted",
            "cap_eff",
            "ns_mnt",
            "ns_net",
            "ns_pid",
            "ns_user",
            "tracer_pid",
            "seccomp",
            "lsm_label",
        ],
    },
    Kind {
        name: "socket",
        table: "process_open_sockets",
        key: &[
            "net_namespace",
            "family",
            "protocol",
            "socket",
            "local_address",
            "local_port",
            "remote_address",
            "remote_port",
            "path",
            "path_b64",
        ],
        compared: &["state", "pids", "uid", "bpf_filter_b64"],
    },
];

type Things = BTreeMap<String, Map<String, Value>>;

/// Writes a row for each difference.
pub(super) fn write(host: &Host, first: &Seen, second: &Seen, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    for kind in &KINDS {
        let (before, after) = (things(kind, &first.lines(kind.table)), things(kind, &second.lines(kind.table)));
        compare(host, kind.name, kind.compared, &before, &after, evidence)?;
    }
    let (before, after) = (modules(&first.module_text()), modules(&second.module_text()));
    compare(host, "module", &["size", "status", "address", "taint"], &before, &after, evidence)
}

fn things(kind: &Kind, lines: &[Vec<u8>]) -> Things {
    let columns = || kind.key.iter().chain(kind.compared);
    lines
        .iter()
        .filter_map(|line| {
            let mut whole: Map<String, Value> = serde_json::from_slice(line).ok()?;
            let part: Map<String, Value> =
                columns().filter_map(|column| Some(((*column).to_owned(), whole.remove(*column)?))).collect();
            let key: Vec<Option<&Value>> = kind.key.iter().map(|column| part.get(*column)).collect();
            Some((serde_json::to_string(&key).ok()?, part))
        })
        .collect()
}

fn modules(text: &[u8]) -> Things {
    let word = |field: &[u8]| Value::from(String::from_utf8_lossy(field));
    text::lines(text)
        .filter_map(|line| {
            let fields: Vec<&[u8]> = text::fields(line).collect();
            let columns = [("name", 0), ("size", 1), ("status", 4), ("address", 5), ("taint", 6)];
            let part = columns.into_iter().filter_map(|(column, at)| Some((column.to_owned(), word(fields.get(at)?))));
            Some((String::from_utf8_lossy(fields.first()?).into_owned(), part.collect()))
        })
        .collect()
}

fn compare(
    host: &Host,
    kind: &'static str,
    compared: &[&str],
    before: &Things,
    after: &Things,
    evidence: &mut dyn Evidence,
) -> Result<(), Stop> {
    for (key, was) in before {
        evidence.check()?;
        match after.get(key) {
            None => tell(host, (kind, "vanished"), Some(was), None, &[], evidence)?,
            Some(is) => {
                let changed: Vec<&str> = compared.iter().copied().filter(|column| was.get(*column) != is.get(*column)).collect();
                if !changed.is_empty() {
                    tell(host, (kind, "changed"), Some(was), Some(is), &changed, evidence)?;
                }
            }
        }
    }
    for (_, is) in after.iter().filter(|(key, _)| !before.contains_key(*key)) {
        evidence.check()?;
        tell(host, (kind, "appeared"), None, Some(is), &[], evidence)?;
    }
    Ok(())
}

fn tell(
    host: &Host,
    (kind, change): (&str, &str),
    before: Option<&Map<String, Value>>,
    after: Option<&Map<String, Value>>,
    columns: &[&str],
    evidence: &mut dyn Evidence,
) -> Result<(), Stop> {
    let mut row = Row::new(host.clock.now(), "both frames");
    row.text("kind", kind).text("change", change);
    // What most queries ask for stands in columns of its own.
    for column in ["pid", "start_ticks", "name"] {
        if let Some(value) = after.or(before).and_then(|part| part.get(column)) {
            row.json(column, value);
        }
    }
    if !columns.is_empty() {
        row.json("columns", columns);
    }
    for (column, part) in [("before", before), ("after", after)] {
        if let Some(part) = part {
            row.json(column, part);
        }
    }
    evidence.row("frame_differences", &row)
}
