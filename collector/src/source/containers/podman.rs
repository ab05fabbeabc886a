//! Podman's database: `db.sql` of SQLite (podman, libpod/sqlite_state_internal.go), in older ones `bolt_state.db` of bbolt
//! (libpod/boltdb_state.go). It has of each container a configuration and a state, both JSON. In the configuration stands the
//! environment, of which nothing is taken; nor of the command line that made the container, in which it stands as well.

use std::convert::Infallible;

use serde_json::Value;

use super::bolt::{self, Item, Walk};
use super::databases::{MOST_VALUE, Reading};
use super::describe::at;
use super::known::{Container, Known};
use crate::source::pages::{Pages, Stopped, Trouble};
use crate::source::sqlite;

/// Tells of a container what one JSON says.
type Describe = fn(&mut Container, &Value);

/// Tables of SQLite with a row for each container: in both the id is the first column and the JSON the fourth.
const TABLES: [(&str, Describe); 2] = [("ContainerConfig", configured), ("ContainerState", state)];

/// A database in memory.
struct Memory<'a>(&'a [u8]);

impl Pages for Memory<'_> {
    type Error = &'static str;

    fn read(&mut self, offset: u64, into: &mut [u8]) -> Result<(), Self::Error> {
        let bytes = usize::try_from(offset).ok().and_then(|at| self.0.get(at..)?.get(..into.len()));
        into.copy_from_slice(bytes.ok_or("it ends in the middle of a page")?);
        Ok(())
    }
}

/// Adds the containers of a `db.sql`. The error says why a part of it is missing.
pub(super) fn database(bytes: &[u8], reading: &mut Reading, known: &mut Known) -> Result<(), String> {
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let mut database = sqlite::Database::open(Memory(bytes), size).map_err(why)?;
    let [configs, states] = TABLES.map(|(name, describe)| table(&mut database, (name, describe), reading, known));
    configs.and(states)
}

fn table(
    database: &mut sqlite::Database<Memory<'_>>,
    (name, describe): (&str, Describe),
    reading: &mut Reading,
    known: &mut Known,
) -> Result<(), String> {
    let root = database.root(name).map_err(why)?.ok_or_else(|| format!("it has no table {name}"))?;
    let passed_over = database.rows(root, MOST_VALUE, &mut |row| {
        let both = match (row.column(0), row.column(3)) {
            (Some(sqlite::Value::Text(id)), Some(sqlite::Value::Text(json))) => Some((id, json)),
            _ => None,
        };
        if let Some((id, json)) = reading.counted(both) {
            add(id, json, describe, reading, known);
        }
        Ok::<_, Infallible>(())
    });
    match passed_over {
        Ok(count) => reading.passed_over = reading.passed_over.saturating_add(count),
        Err(Stopped::Trouble(trouble)) => return Err(format!("table {name}: {}", why(trouble))),
        Err(Stopped::Each(never)) => match never {},
    }
    Ok(())
}

fn why(trouble: Trouble<&'static str>) -> String {
    match trouble {
        Trouble::Read(what) | Trouble::Malformed(what) => what.to_owned(),
    }
}

/// Adds the containers of a `bolt_state.db`. The error says why a part of it is missing.
pub(super) fn bolt_database(bytes: &[u8], reading: &mut Reading, known: &mut Known) -> Result<(), String> {
    let mut database = bolt::Database::open(bytes)?;
    let root = database.root();
    let Some(containers) = database.child(root, b"ctr") else { return database.finish() };
    let mut ids = Walk::new(containers);
    while let Some((id, item)) = database.entry(&mut ids) {
        let Item::Bucket(parts) = item else { continue };
        let mut parts = Walk::new(parts);
        while let Some((name, item)) = database.entry(&mut parts) {
            match (name, item) {
                (b"config", Item::Value(json)) => add(id, json, configured, reading, known),
                (b"state", Item::Value(json)) => add(id, json, state, reading, known),
                _ => {}
            }
        }
    }
    database.finish()
}

fn add(id: &[u8], json: &[u8], describe: Describe, reading: &mut Reading, known: &mut Known) {
    let Some(value) = reading.json(json) else { return };
    if let Some(container) = known.container(id, "podman", reading.source.clone()) {
        describe(container, &value);
    }
}

/// Columns, and where the configuration has them (libpod/container_config.go).
const CONFIG: [(&str, &str); 9] = [
    ("name", "/name"),
    ("image", "/rootfsImageName"),
    ("image_id", "/rootfsImageID"),
    ("labels", "/labels"),
    ("privileged", "/privileged"),
    ("config_entrypoint", "/entrypoint"),
    ("network_mode", "/networkMode"),
    ("log_path", "/logPath"),
    ("restart_policy", "/restart_policy"),
];

fn configured(container: &mut Container, config: &Value) {
    // A runtime's state has the time of the last start.
    container.overwrite("created", at(config, "/createdTime"));
    for (column, pointer) in CONFIG {
        container.set(column, at(config, pointer));
    }
    // Of a container that was started, the runtime's configuration has all of what was executed.
    container.fall_back("args", at(config, "/command"));
}

/// Columns, and where the state has them (libpod/container.go).
const STATE: [(&str, &str); 4] =
    [("pid", "/pid"), ("started_at", "/startedTime"), ("finished_at", "/finishedTime"), ("oom_killed", "/oomKilled")];

/// What Podman calls its states, which are numbers (libpod/define/containerstate.go).
const STATES: [&str; 9] = ["unknown", "created", "initialized", "running", "stopped", "paused", "exited", "removing", "stopping"];

fn state(container: &mut Container, state: &Value) {
    for (column, pointer) in STATE {
        container.set(column, at(state, pointer));
    }
    let number = state.get("state").and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok());
    container.set("state", number.and_then(|number| STATES.get(number)).map(|word| (*word).into()));
    // A code of 0 is left out.
    if state.get("exited").and_then(Value::as_bool) == Some(true) {
        container.set("exit_code", Some(at(state, "/exitCode").unwrap_or_else(|| 0.into())));
    }
}
