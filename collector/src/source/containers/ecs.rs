//! What the agent of ECS says of containers. They are Docker's, which knows more of them; but the agent knows the task of each, and
//! remembers those that Docker has removed: in a file of JSON (before 1.44), or in a database (`agent.db`).

use std::collections::BTreeMap;

use serde_json::Value;

use super::bolt::{Bucket, Database, Item, Walk};
use super::databases::Reading;
use super::describe::at;
use super::known::{Container, Known};
use crate::model::escape;

/// Columns, and the labels that the agent gives to its containers (amazon-ecs-agent, agent/engine/docker_task_engine.go).
const LABELS: [(&str, &str); 5] = [
    ("ecs_cluster", "com.amazonaws.ecs.cluster"),
    ("ecs_task_arn", "com.amazonaws.ecs.task-arn"),
    ("ecs_task_family", "com.amazonaws.ecs.task-definition-family"),
    ("ecs_task_version", "com.amazonaws.ecs.task-definition-version"),
    ("ecs_container_name", "com.amazonaws.ecs.container-name"),
];

/// Adds what the labels of a container of Docker say.
pub(super) fn labels(container: &mut Container, labels: &Value) {
    for (column, label) in LABELS {
        container.set(column, labels.get(label).cloned());
    }
}

/// Columns, and where the file that the agent lays out for a container has them (agent/containermetadata/types.go).
const METADATA: [(&str, &str); 7] = [
    ("image", "/ImageName"),
    ("image_id", "/ImageID"),
    ("ecs_cluster", "/Cluster"),
    ("ecs_task_arn", "/TaskARN"),
    ("ecs_task_family", "/TaskDefinitionFamily"),
    ("ecs_task_version", "/TaskDefinitionRevision"),
    ("ecs_container_name", "/ContainerName"),
];

/// Adds the container of an `ecs-container-metadata.json`.
pub(super) fn metadata(path: &[u8], value: &Value, known: &mut Known) {
    // The file is there before the container is.
    let Some(id) = text(value, "ContainerID") else { return };
    let Some(container) = known.container(id.as_bytes(), "ecs", escape::bytes(path)) else { return };
    container.set("name", text(value, "DockerContainerName").map(|name| name.trim_start_matches('/').into()));
    for (column, pointer) in METADATA {
        container.set(column, at(value, pointer));
    }
}

/// Columns, and where the agent's state has them of a container (agent/api/container/container.go).
const CONTAINER: [(&str, &str); 9] = [
    ("name", "/DockerName"),
    ("image", "/Container/Image"),
    ("image_id", "/Container/ImageID"),
    ("args", "/Container/Command"),
    ("config_entrypoint", "/Container/EntryPoint"),
    ("exit_code", "/Container/KnownExitCode"),
    ("ecs_container_name", "/Container/Name"),
    ("ecs_desired_status", "/Container/desiredStatus"),
    ("ecs_task_arn", "/Container/taskARN"),
];

/// Columns, and where the agent's state has them of a task (agent/api/task/task.go).
const TASK: [(&str, &str); 4] = [
    ("ecs_task_family", "/Family"),
    ("ecs_task_version", "/Version"),
    ("ecs_task_status", "/KnownStatus"),
    ("ecs_task_desired_status", "/DesiredStatus"),
];

/// Adds the containers of an `ecs_agent_data.json`, which an agent before 1.44 kept.
pub(super) fn agent(path: &[u8], value: &Value, known: &mut Known) {
    let Some(engine) = value.pointer("/Data/TaskEngine") else { return };
    for (key, entry) in engine.get("IdToContainer").and_then(Value::as_object).into_iter().flatten() {
        // One that Docker has not made yet stands under the name that it will have.
        let Some(id) = text(entry, "DockerId") else { continue };
        let Some(container) = known.container(id.as_bytes(), "ecs", escape::bytes(path)) else { return };
        let task = engine.get("IdToTask").and_then(|tasks| tasks.get(key));
        container.set("ecs_task_arn", task.cloned());
        describe(container, entry);
        container.set("env_variables", at(entry, "/Container/environment"));
        if let Some(task) = task.and_then(|arn| with_arn(engine, arn)) {
            describe_task(container, task);
        }
        container.set("ecs_cluster", at(value, "/Data/Cluster"));
    }
}

/// The task with this ARN.
fn with_arn<'a>(engine: &'a Value, arn: &Value) -> Option<&'a Value> {
    let tasks = engine.get("Tasks").and_then(Value::as_array)?;
    tasks.iter().find(|task| task.get("Arn") == Some(arn))
}

fn describe(container: &mut Container, entry: &Value) {
    for (column, pointer) in CONTAINER {
        container.set(column, at(entry, pointer));
    }
    let state = entry.pointer("/Container/KnownStatus").and_then(Value::as_str);
    container.set("state", state.map(|word| word.to_ascii_lowercase().into()));
}

fn describe_task(container: &mut Container, task: &Value) {
    for (column, pointer) in TASK {
        container.set(column, at(task, pointer));
    }
}

/// Adds the containers of an `agent.db`, in which each container and each task is JSON (agent/data). Of its environment, and of secrets
/// that a task is given, nothing is taken. The error says why a part of it is missing.
pub(super) fn database(bytes: &[u8], reading: &mut Reading, known: &mut Known) -> Result<(), String> {
    let mut database = Database::open(bytes)?;
    let mut walk = Walk::new(database.root());
    let (mut containers, mut told, mut metadata) = (None, None, None);
    while let Some((name, item)) = database.entry(&mut walk) {
        match (name, item) {
            (b"containers", Item::Bucket(bucket)) => containers = Some(bucket),
            (b"tasks", Item::Bucket(bucket)) => told = Some(bucket),
            (b"metadata", Item::Bucket(bucket)) => metadata = Some(bucket),
            _ => {}
        }
    }
    let cluster = metadata.and_then(|bucket| database.value(bucket, b"cluster-name")).and_then(|text| reading.json(text));
    let tasks = told.map(|bucket| tasks(&mut database, bucket, reading)).unwrap_or_default();
    if let Some(bucket) = containers {
        let mut walk = Walk::new(bucket);
        while let Some((_, item)) = database.entry(&mut walk) {
            let Item::Value(json) = item else { continue };
            if let Some(entry) = reading.json(json) {
                of_database(&entry, (cluster.as_ref(), &tasks), reading, known);
            }
        }
    }
    database.finish()
}

/// The most tasks that are remembered.
const MOST_TASKS: usize = 20_000;

/// What [`TASK`] names of each task, by its ARN.
type Tasks = BTreeMap<String, Value>;

fn tasks<'a>(database: &mut Database<'a>, bucket: Bucket<'a>, reading: &mut Reading) -> Tasks {
    let mut tasks = Tasks::new();
    let mut walk = Walk::new(bucket);
    while let Some((_, item)) = database.entry(&mut walk) {
        let Item::Value(json) = item else { continue };
        let Some(task) = reading.json(json) else { continue };
        let arn = text(&task, "Arn").filter(|_| tasks.len() < MOST_TASKS);
        let Some(arn) = reading.counted(arn) else { continue };
        let told = TASK.iter().filter_map(|(_, pointer)| Some((pointer.trim_start_matches('/').to_owned(), at(&task, pointer)?)));
        tasks.insert(arn.to_owned(), told.collect::<serde_json::Map<_, _>>().into());
    }
    tasks
}

fn of_database(entry: &Value, (cluster, tasks): (Option<&Value>, &Tasks), reading: &Reading, known: &mut Known) {
    let Some(id) = text(entry, "DockerId") else { return };
    let Some(container) = known.container(id.as_bytes(), "ecs", reading.source.clone()) else { return };
    describe(container, entry);
    container.set("ecs_cluster", cluster.cloned());
    container.set("started_at", at(entry, "/Container/startedAt"));
    let arn = entry.pointer("/Container/taskARN").and_then(Value::as_str);
    if let Some(task) = arn.and_then(|arn| tasks.get(arn)) {
        describe_task(container, task);
    }
}

/// A member's text, if there is one.
fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}
