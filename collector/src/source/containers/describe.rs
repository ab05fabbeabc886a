//! Reads the files in which engines describe containers. They are read as they were kept, so secrets are hidden in them.

use serde_json::Value;

use super::databases::MOST_VALUE;
use super::known::{Container, Known};
use super::{ecs, json, storage};
use crate::model::{Gap, escape};
use crate::source::Evidence;
use crate::source::file_set::Text;

/// Adds what `text` says to `known`; what is not of the form that is expected adds nothing, and what is too much is a gap.
pub(super) fn add(text: &Text<'_>, known: &mut Known, evidence: &mut dyn Evidence) {
    let path = text.found.path.as_slice();
    match text.found.group.kind {
        "docker-layer" => docker_layer(path, text.bytes, known),
        "init-pid" => init_pid(path, text.bytes, known),
        "storage-containers" => {
            let left_out = storage::list(path, text.bytes, known);
            if left_out > 0 {
                let reason = format!(
                    "no rows are made of {left_out} of its entries: they are longer than {MOST_VALUE} bytes, have more values than so \
                     many bytes of an engine's, or are no JSON"
                );
                evidence.gap(Gap::whole(path, reason));
            }
        }
        kind if KINDS.contains(&kind) => {
            let most = if kind == "ecs-agent" { MOST_OF_AGENT } else { json::MOST };
            if json::is_too_much(text.bytes, most) {
                let reason = format!(
                    "no row is made of it: it is longer than {most} bytes, or has more values than so many bytes of an engine's; the \
                     archive has its bytes"
                );
                evidence.gap(Gap::whole(path, reason));
            } else if let Ok(value) = serde_json::from_slice::<Value>(text.bytes) {
                described(kind, path, &value, known);
            }
        }
        _ => {}
    }
}

/// What is read as JSON.
const KINDS: [&str; 6] = ["docker-container", "docker-host-config", "oci-config", "oci-state", "ecs-agent", "ecs-metadata"];

/// The most bytes of the state of ECS's agent: it has all containers in it, and none but root writes it.
const MOST_OF_AGENT: usize = 8 << 20;

fn described(kind: &str, path: &[u8], value: &Value, known: &mut Known) {
    let source = escape::bytes(path);
    let folder = match component(path, 1).unwrap_or_default() {
        // Of containers/storage, in which each container has a folder for its engine.
        b"userdata" => component(path, 2).unwrap_or_default(),
        folder => folder,
    };
    match kind {
        "docker-container" => known.container(folder, "docker", source).into_iter().for_each(|at| docker(at, value)),
        "docker-host-config" => known.container(folder, "docker", source).into_iter().for_each(|at| docker_host(at, value)),
        "oci-config" => {
            let engine = engine(path, value);
            known.container(folder, engine, source).into_iter().for_each(|at| oci_config(at, engine, value));
        }
        "oci-state" => {
            let id = value.get("id").and_then(Value::as_str).map_or(folder, str::as_bytes);
            known.container(id, "oci", source).into_iter().for_each(|at| oci_state(at, value));
        }
        "ecs-agent" => ecs::agent(path, value, known),
        _ => ecs::metadata(path, value, known),
    }
}

/// The component of `path` that stands `back` before its last.
fn component(path: &[u8], back: usize) -> Option<&[u8]> {
    path.rsplit(|b| *b == b'/').nth(back)
}

/// The part of `path` before the last `/name/`.
pub(super) fn before<'a>(path: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let at = path.windows(name.len()).rposition(|window| window == name)?;
    path.get(..at)
}

fn engine(path: &[u8], value: &Value) -> &'static str {
    if component(path, 1) == Some(b"userdata") {
        return if is_of_crio(value) { "cri-o" } else { "podman" };
    }
    if path.windows(6).any(|part| part == b"/moby/") { "docker" } else { "containerd" }
}

/// Whether CRI-O made this configuration. Podman writes some of CRI-O's annotations too, so not each of them says so.
fn is_of_crio(value: &Value) -> bool {
    let Some(annotations) = annotations(value) else { return false };
    match annotations.get("io.container.manager") {
        Some(manager) => manager == "cri-o",
        // Before engines said who they are, CRI-O alone wrote a container's id.
        None => annotations.contains_key("io.kubernetes.cri-o.ContainerID"),
    }
}

fn annotations(value: &Value) -> Option<&serde_json::Map<String, Value>> {
    value.get("annotations").and_then(Value::as_object)
}

/// The value at a path of member names.
pub(super) fn at(value: &Value, pointer: &str) -> Option<Value> {
    value.pointer(pointer).cloned()
}

/// Columns, and where Docker's `config.v2.json` has them (moby, container/container.go).
const DOCKER: [(&str, &str); 19] = [
    ("created", "/Created"),
    ("image", "/Config/Image"),
    ("image_id", "/Image"),
    ("path", "/Path"),
    ("args", "/Args"),
    ("config_entrypoint", "/Config/Entrypoint"),
    ("env_variables", "/Config/Env"),
    ("labels", "/Config/Labels"),
    ("hostname", "/Config/Hostname"),
    ("user", "/Config/User"),
    ("pid", "/State/Pid"),
    ("exit_code", "/State/ExitCode"),
    ("started_at", "/State/StartedAt"),
    ("finished_at", "/State/FinishedAt"),
    ("oom_killed", "/State/OOMKilled"),
    ("log_path", "/LogPath"),
    ("driver", "/Driver"),
    ("mounts", "/MountPoints"),
    ("networks", "/NetworkSettings/Networks"),
];

fn docker(container: &mut Container, value: &Value) {
    let name = value.get("Name").and_then(Value::as_str).map(|name| name.trim_start_matches('/').into());
    container.overwrite("name", name);
    for (column, pointer) in DOCKER {
        container.overwrite(column, at(value, pointer));
    }
    if let Some(labels) = value.pointer("/Config/Labels") {
        ecs::labels(container, labels);
    }
    let is = |name: &str| value.get("State").and_then(|state| state.get(name)).and_then(Value::as_bool) == Some(true);
    let words = [("Dead", "dead"), ("RemovalInProgress", "removing"), ("Restarting", "restarting"), ("Paused", "paused")];
    let word = words.iter().chain(&[("Running", "running")]).find(|(name, _)| is(name)).map_or("exited", |(_, word)| *word);
    container.overwrite("state", value.get("State").map(|_| word.into()));
}

/// Columns, and where Docker's `hostconfig.json` has them (moby, api/types/container/hostconfig.go).
const DOCKER_HOST: [(&str, &str); 15] = [
    ("privileged", "/Privileged"),
    ("network_mode", "/NetworkMode"),
    ("pid_mode", "/PidMode"),
    ("ipc_mode", "/IpcMode"),
    ("uts_mode", "/UTSMode"),
    ("userns_mode", "/UsernsMode"),
    ("binds", "/Binds"),
    ("cap_add", "/CapAdd"),
    ("cap_drop", "/CapDrop"),
    ("security_options", "/SecurityOpt"),
    ("devices", "/Devices"),
    ("restart_policy", "/RestartPolicy"),
    ("port_bindings", "/PortBindings"),
    ("readonly_rootfs", "/ReadonlyRootfs"),
    ("auto_remove", "/AutoRemove"),
];

fn docker_host(container: &mut Container, value: &Value) {
    for (column, pointer) in DOCKER_HOST {
        container.overwrite(column, at(value, pointer));
    }
}

/// Columns, and where an OCI runtime's `config.json` has them (OCI runtime specification, config.md).
const OCI_CONFIG: [(&str, &str); 11] = [
    ("args", "/process/args"),
    ("env_variables", "/process/env"),
    ("cwd", "/process/cwd"),
    ("user", "/process/user"),
    ("capabilities", "/process/capabilities/bounding"),
    ("hostname", "/hostname"),
    ("rootfs", "/root/path"),
    ("readonly_rootfs", "/root/readonly"),
    ("cgroup_path", "/linux/cgroupsPath"),
    ("namespaces", "/linux/namespaces"),
    ("mounts", "/mounts"),
];

/// Columns, and the annotations of containerd's CRI, of CRI-O, of nerdctl and of the kubelet.
const ANNOTATIONS: [(&str, &[&str]); 6] = [
    ("name", &["io.kubernetes.cri.container-name", "io.kubernetes.container.name", "nerdctl/name"]),
    ("image", &["io.kubernetes.cri.image-name", "io.kubernetes.cri-o.ImageName", "io.kubernetes.cri-o.Image"]),
    ("pod_name", &["io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name"]),
    ("pod_namespace", &["io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace"]),
    ("pod_uid", &["io.kubernetes.cri.sandbox-uid", "io.kubernetes.pod.uid"]),
    ("log_path", &["io.kubernetes.cri-o.LogPath"]),
];

/// Annotations that say, in words, whether a container has all rights.
const PRIVILEGED: [&str; 3] = ["io.kubernetes.cri-o.PrivilegedRuntime", "io.podman.annotations.privileged", "nerdctl/privileged"];

fn oci_config(container: &mut Container, engine: &str, value: &Value) {
    for (column, pointer) in OCI_CONFIG {
        container.set(column, at(value, pointer));
    }
    let Some(annotations) = annotations(value) else { return };
    for (column, names) in ANNOTATIONS {
        let value = names.iter().filter_map(|name| annotations.get(*name)).find(|value| value.as_str() != Some("")).cloned();
        // What containers/storage calls a container of CRI-O nobody else does; Podman's have their names there alone.
        if engine == "cri-o" { container.overwrite(column, value) } else { container.set(column, value) }
    }
    let privileged = PRIVILEGED.iter().find_map(|name| annotations.get(*name)).and_then(Value::as_str);
    container.set("privileged", privileged.map(|word| word.eq_ignore_ascii_case("true").into()));
    let labels = annotations.get("io.kubernetes.cri-o.Labels").and_then(Value::as_str);
    container.set("labels", labels.and_then(|text| json::parsed(text.as_bytes(), MOST_VALUE)));
    container.set("annotations", Some(Value::Object(annotations.clone())));
}

/// Where a state has the number of the first process.
const PID: [&str; 2] = ["/init_process_pid", "/pid"];

/// Where it has when that began, in clock ticks since boot; of CRI-O as text.
const TICKS: [&str; 3] = ["/init_process_start", "/process-start-time", "/initStartTime"];

/// Columns, and where runc's `state.json`, crun's `status` and CRI-O's `state.json` (cri-o, internal/oci/container.go) have them.
const OCI_STATE: [(&str, &[&str]); 12] = [
    ("pid", &PID),
    ("pid_start_ticks", &TICKS),
    ("created", &["/created"]),
    ("rootfs", &["/config/rootfs", "/rootfs"]),
    ("bundle", &["/bundle"]),
    ("cgroup_path", &["/config/cgroups/path", "/cgroup-path"]),
    ("namespaces", &["/namespace_paths"]),
    ("state", &["/status"]),
    ("started_at", &["/started"]),
    ("finished_at", &["/finished"]),
    ("exit_code", &["/exitCode"]),
    ("oom_killed", &["/oomKilled"]),
];

fn oci_state(container: &mut Container, value: &Value) {
    for (column, pointers) in OCI_STATE {
        container.set(column, pointers.iter().find_map(|pointer| at(value, pointer)));
    }
    let number = |pointers: &[&str]| pointers.iter().find_map(|pointer| value.pointer(pointer));
    let ticks = number(&TICKS).and_then(|ticks| ticks.as_u64().or_else(|| ticks.as_str()?.parse().ok()));
    if let (Some(pid), Some(ticks @ 1..)) = (number(&PID).and_then(Value::as_i64), ticks) {
        container.begun(pid, ticks);
    }
}

/// `image/<driver>/layerdb/mounts/<container>/mount-id` names the folder in which a container of Docker writes.
fn docker_layer(path: &[u8], text: &[u8], known: &mut Known) {
    let id = text.trim_ascii();
    if component(path, 0) != Some(b"mount-id") || !is_name(id) {
        return;
    }
    let driver = path.rsplit(|b| *b == b'/').nth(4).unwrap_or_default();
    if let (Some(top), Some(container)) = (before(path, b"/image/"), component(path, 1)) {
        let container = container.to_owned();
        known.layer([top, b"/", driver, b"/", id, b"/diff"].concat(), &container);
    }
}

/// The first process of a task of containerd.
fn init_pid(path: &[u8], text: &[u8], known: &mut Known) {
    let pid = std::str::from_utf8(text.trim_ascii()).ok().and_then(|text| text.parse::<i32>().ok());
    if let (Some(id), Some(pid)) = (component(path, 1), pid)
        && let Some(container) = known.container(id, engine(path, &Value::Null), escape::bytes(path))
    {
        container.set("pid", Some(pid.into()));
    }
}

/// A name that leads nowhere but into its folder.
pub(super) fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.len() < 256 && name != b".." && name.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
}
