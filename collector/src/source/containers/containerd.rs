//! containerd's database (`meta.db`): its containers in all namespaces, whether they run or not (containerd, core/metadata/buckets.go).
//!
//! ```text
//! v1/<namespace>/containers/<id>/ image, createdat, updatedat, snapshotter, snapshotKey
//!                                 runtime/name
//!                                 labels/<name>
//!                                 spec, extensions, runtime/options: passed by, for environments stand in them
//! ```

use serde_json::{Map, Value};

use super::bolt::{Bucket, Database, Item, Walk};
use super::databases::{MOST_VALUE, Reading};
use super::describe::at;
use super::known::{Container, Known};
use crate::model::Timestamp;

/// Adds the containers of the database in `bytes`. The error says why a part of it is missing.
pub(super) fn database(bytes: &[u8], reading: &mut Reading, known: &mut Known) -> Result<(), String> {
    let mut database = Database::open(bytes)?;
    let root = database.root();
    let Some(version) = database.child(root, b"v1") else { return database.finish() };
    let mut namespaces = Walk::new(version);
    while let Some((namespace, item)) = database.entry(&mut namespaces) {
        // Beside them stands the number of the schema.
        let Item::Bucket(objects) = item else { continue };
        let Some(containers) = database.child(objects, b"containers") else { continue };
        let mut ids = Walk::new(containers);
        while let Some((id, item)) = database.entry(&mut ids) {
            let Item::Bucket(fields) = item else { continue };
            let told = told(&mut database, fields, reading);
            if let Some(told) = reading.hidden(&told)
                && let Some(container) = known.container(id, "containerd", reading.source.clone())
            {
                container.set("containerd_namespace", reading.text(namespace));
                describe(container, &told);
            }
        }
    }
    database.finish()
}

/// What the bucket of a container says. The names are such that none is taken for that of a secret.
fn told<'a>(database: &mut Database<'a>, fields: Bucket<'a>, reading: &mut Reading) -> Value {
    let mut told = Map::new();
    let mut walk = Walk::new(fields);
    while let Some((key, item)) = database.entry(&mut walk) {
        let (name, value) = match (key, item) {
            (b"image", Item::Value(text)) => ("image", reading.text(text)),
            (b"snapshotter", Item::Value(text)) => ("snapshotter", reading.text(text)),
            (b"snapshotKey", Item::Value(text)) => ("snapshot", reading.text(text)),
            (b"createdat", Item::Value(bytes)) => ("created", reading.counted(time(bytes)).map(Value::from)),
            (b"updatedat", Item::Value(bytes)) => ("updated", reading.counted(time(bytes)).map(Value::from)),
            (b"runtime", Item::Bucket(fields)) => {
                ("runtime", database.value(fields, b"name").and_then(|text| reading.text(text)))
            }
            (b"labels", Item::Bucket(fields)) => ("labels", Some(labels(database, fields, reading))),
            _ => continue,
        };
        told.extend(value.map(|value| (name.to_owned(), value)));
    }
    told.into()
}

/// The most bytes of all labels of a container, and what each takes of them beside its own: somebody may have written as many as there is
/// room for in the database.
const MOST_LABELS: usize = MOST_VALUE / 2;
const LABEL: usize = 64;

fn labels<'a>(database: &mut Database<'a>, fields: Bucket<'a>, reading: &mut Reading) -> Value {
    let (mut labels, mut left) = (Map::new(), MOST_LABELS);
    let mut walk = Walk::new(fields);
    while let Some((name, item)) = database.entry(&mut walk) {
        let Item::Value(value) = item else { continue };
        let Some(rest) = left.checked_sub(name.len() + value.len() + LABEL) else {
            reading.passed_over += 1;
            continue;
        };
        left = rest;
        let texts = std::str::from_utf8(name).ok().zip(std::str::from_utf8(value).ok());
        labels.extend(reading.counted(texts).map(|(name, value)| (name.to_owned(), value.into())));
    }
    labels.into()
}

/// Bytes of a time as Go writes it (`MarshalBinary` of package time), of versions 1 and 2: the version (1), seconds since the year 1 (8),
/// nanoseconds (4), all big-endian, and behind that the zone, which changes nothing.
const TIMES: [(u8, usize); 2] = [(1, 15), (2, 16)];

fn time(bytes: &[u8]) -> Option<String> {
    /// From the first day of the year 1 to that of 1970.
    const EPOCH: i128 = 62_135_596_800;
    let (version, rest) = bytes.split_first()?;
    let (seconds, rest) = rest.split_first_chunk()?;
    let seconds = i128::from(i64::from_be_bytes(*seconds)).checked_sub(EPOCH)?;
    let nanoseconds = i128::from(i32::from_be_bytes(*rest.first_chunk()?));
    let nanoseconds = seconds.checked_mul(1_000_000_000)?.checked_add(nanoseconds)?;
    let time = Timestamp::from_nanoseconds(nanoseconds);
    // What is no time is made the epoch.
    (TIMES.contains(&(*version, bytes.len())) && time.nanoseconds() == nanoseconds).then(|| time.to_string())
}

/// Columns, and where [`told`] has them.
const COLUMNS: [(&str, &str); 6] = [
    ("image", "/image"),
    ("labels", "/labels"),
    ("updated", "/updated"),
    ("runtime_name", "/runtime"),
    ("snapshotter", "/snapshotter"),
    ("snapshot_key", "/snapshot"),
];

/// Columns, and the labels of nerdctl and of the kubelet.
const LABELS: [(&str, &[&str]); 5] = [
    ("name", &["nerdctl/name", "io.kubernetes.container.name"]),
    ("hostname", &["nerdctl/hostname"]),
    ("pod_name", &["io.kubernetes.pod.name"]),
    ("pod_namespace", &["io.kubernetes.pod.namespace"]),
    ("pod_uid", &["io.kubernetes.pod.uid"]),
];

fn describe(container: &mut Container, told: &Value) {
    for (column, pointer) in COLUMNS {
        container.set(column, at(told, pointer));
    }
    for (column, names) in LABELS {
        let labels = told.get("labels");
        container.set(column, names.iter().find_map(|name| labels?.get(name).cloned()));
    }
    let created = at(told, "/created");
    // A runtime's state has the time of the last start. Docker and ECS know better than both.
    if container.runtime == "containerd" { container.overwrite("created", created) } else { container.set("created", created) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_go() {
        // 2026-01-01T00:00:00.5Z, in UTC and in the zone of Kathmandu.
        let head = [&[1_u8][..], &63_902_822_400_u64.to_be_bytes(), &500_000_000_u32.to_be_bytes()].concat();
        let of = |zone: &[u8]| time(&[&head[..], zone].concat());
        let new_year = Some("2026-01-01T00:00:00.500000000Z".to_owned());
        assert_eq!((of(&[0xff, 0xff]), of(&[1, 0x59])), (new_year.clone(), new_year.clone()));
        assert_eq!((of(&[]), of(&[0xff, 0xff, 0])), (None, None));
        let newer = [&[2_u8][..], &head[1..], &[1, 0x59, 0]].concat();
        assert_eq!(time(&newer), new_year);
        assert_eq!(time(&[1; 15]), None, "a time far beyond all years");
        let none = time(&[&[1_u8][..], &[0; 12], &[0xff, 0xff]].concat());
        assert_eq!(none.as_deref(), Some("0001-01-01T00:00:00.000000000Z"), "what Go calls no time");
    }

    proptest::proptest! {
        #[test]
        fn any_time_is_survived(bytes: Vec<u8>) {
            let _ = time(&bytes);
        }
    }
}
