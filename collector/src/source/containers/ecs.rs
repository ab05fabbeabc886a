//! What the agent of ECS says of containers. They are Docker's, which knows more of them; but the agent knows the task of each, and
//! remembers those that Docker has removed. Its database (`agent.db`) is withheld, so that of a newer agent it is Docker's labels
//! and the files for the containers themselves that tell.

use serde_json::Value;

use super::describe::at;
use super::known::{Container, Known};
use crate::model::escape;

/// Columns, and the labels that the agent gives to its containers (amazon-ecs-agent, agent/engine/docker_task_engine.go).
const LABELS: [(&str, &str); 4] = [
    ("ecs_cluster", "com.amazonaws.ecs.cluster"),
    ("ecs_task_arn", "com.amazonaws.ecs.task-arn"),
    ("ecs_task_family", "com.amazonaws.ecs.task-definition-family"),
    ("ecs_container_name", "com.amazonaws.ecs.container-name"),
];

/// Adds what the labels of a container of Docker say.
pub(super) fn labels(container: &mut Container, labels: &Value) {
    for (column, label) in LABELS {
        container.set(column, labels.get(label).cloned());
    }
}

/// Columns, and where the file that the agent lays out for a container has them (agent/containermetadata/types.go).
const METADATA: [(&str, &str); 6] = [
    ("image", "/ImageName"),
    ("image_id", "/ImageID"),
    ("ecs_cluster", "/Cluster"),
    ("ecs_task_arn", "/TaskARN"),
    ("ecs_task_family", "/TaskDefinitionFamily"),
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

/// Columns, and where the state of an agent before 1.44 has them (agent/api/container/container.go).
const AGENT: [(&str, &str); 8] = [
    ("name", "/DockerName"),
    ("image", "/Container/Image"),
    ("image_id", "/Container/ImageID"),
    ("args", "/Container/Command"),
    ("config_entrypoint", "/Container/EntryPoint"),
    ("env_variables", "/Container/environment"),
    ("exit_code", "/Container/KnownExitCode"),
    ("ecs_container_name", "/Container/Name"),
];

/// Adds the containers of an `ecs_agent_data.json`.
pub(super) fn agent(path: &[u8], value: &Value, known: &mut Known) {
    let Some(engine) = value.pointer("/Data/TaskEngine") else { return };
    for (key, entry) in engine.get("IdToContainer").and_then(Value::as_object).into_iter().flatten() {
        // One that Docker has not made yet stands under the name that it will have.
        let Some(id) = text(entry, "DockerId") else { continue };
        let Some(container) = known.container(id.as_bytes(), "ecs", escape::bytes(path)) else { return };
        for (column, pointer) in AGENT {
            container.set(column, at(entry, pointer));
        }
        let state = entry.pointer("/Container/KnownStatus").and_then(Value::as_str);
        container.set("state", state.map(|word| word.to_ascii_lowercase().into()));
        let task = engine.get("IdToTask").and_then(|tasks| tasks.get(key));
        container.set("ecs_task_arn", task.cloned());
        container.set("ecs_task_family", task.and_then(|arn| family(engine, arn)));
        container.set("ecs_cluster", at(value, "/Data/Cluster"));
    }
}

/// The family of the task with this ARN.
fn family(engine: &Value, arn: &Value) -> Option<Value> {
    let tasks = engine.get("Tasks").and_then(Value::as_array)?;
    at(tasks.iter().find(|task| task.get("Arn") == Some(arn))?, "/Family")
}

/// A member's text, if there is one.
fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}
