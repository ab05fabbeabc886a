//! Reads the files in which engines describe containers. They are read as they were kept, so secrets are hidden in them.

use serde_json::Value;

use super::known::{Container, Known};
use crate::model::escape;
use crate::source::file_set::Text;

/// Adds what `text` says to `known`; what is not of the form that is expected adds nothing.
pub(super) fn add(text: &Text<'_>, known: &mut Known) {
    let path = text.found.path.as_slice();
    match text.found.group.kind {
        "docker-layer" => docker_layer(path, text.bytes, known),
        "init-pid" => init_pid(path, text.bytes, known),
        "docker-container" | "docker-host-config" | "oci-config" | "oci-state" | "storage-containers" => {
            if let Ok(value) = serde_json::from_slice::<Value>(text.bytes) {
                json(text.found.group.kind, path, &value, known);
            }
        }
        _ => {}
    }
}

fn json(kind: &str, path: &[u8], value: &Value, known: &mut Known) {
    let source = escape::bytes(path);
    let (own, above) = (component(path, 1).unwrap_or_default(), component(path, 2).unwrap_or_default());
    match kind {
        "docker-container" => known.container(own, "docker", source).into_iter().for_each(|container| docker(container, value)),
        "docker-host-config" => known.container(own, "docker", source).into_iter().for_each(|at| docker_host(at, value)),
        "oci-config" => {
            let id = if own == b"userdata" { above } else { own };
            let engine = engine(path, value);
            known.container(id, engine, source).into_iter().for_each(|container| oci_config(container, value));
        }
        "oci-state" => {
            let id = value.get("id").and_then(Value::as_str).map_or(own, str::as_bytes);
            known.container(id, "oci", source).into_iter().for_each(|container| oci_state(container, value));
        }
        _ => storage(path, value, known),
    }
}

/// The component of `path` that stands `back` before its last.
fn component(path: &[u8], back: usize) -> Option<&[u8]> {
    path.rsplit(|b| *b == b'/').nth(back)
}

/// The part of `path` before `/name/`.
fn before<'a>(path: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let at = path.windows(name.len()).position(|window| window == name)?;
    path.get(..at)
}

fn engine(path: &[u8], value: &Value) -> &'static str {
    let has = |prefix: &str| annotations(value).is_some_and(|all| all.keys().any(|key| key.starts_with(prefix)));
    if path.windows(11).any(|part| part == b"/containers") {
        return if has("io.kubernetes.cri-o.") { "cri-o" } else { "podman" };
    }
    if path.windows(6).any(|part| part == b"/moby/") { "docker" } else { "containerd" }
}

fn annotations(value: &Value) -> Option<&serde_json::Map<String, Value>> {
    value.get("annotations").and_then(Value::as_object)
}

/// The value at a path of member names.
fn at(value: &Value, pointer: &str) -> Option<Value> {
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

/// Columns, and the annotations of containerd's CRI, of CRI-O and of Podman.
const ANNOTATIONS: [(&str, &[&str]); 5] = [
    ("name", &["io.kubernetes.cri.container-name", "io.kubernetes.container.name"]),
    ("image", &["io.kubernetes.cri.image-name", "io.kubernetes.cri-o.ImageName", "io.podman.annotations.image"]),
    ("pod_name", &["io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name"]),
    ("pod_namespace", &["io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace"]),
    ("pod_uid", &["io.kubernetes.cri.sandbox-uid", "io.kubernetes.pod.uid"]),
];

fn oci_config(container: &mut Container, value: &Value) {
    for (column, pointer) in OCI_CONFIG {
        container.set(column, at(value, pointer));
    }
    if let Some(annotations) = annotations(value) {
        for (column, names) in ANNOTATIONS {
            container.set(column, names.iter().find_map(|name| annotations.get(*name)).cloned());
        }
        container.set("annotations", Some(Value::Object(annotations.clone())));
    }
}

/// What runc's `state.json` and crun's `status` say of the first process.
fn oci_state(container: &mut Container, value: &Value) {
    container.set("pid", at(value, "/init_process_pid").or_else(|| at(value, "/pid")));
    container.set("pid_start_ticks", at(value, "/init_process_start").or_else(|| at(value, "/process-start-time")));
    container.set("created", at(value, "/created"));
    container.set("rootfs", at(value, "/config/rootfs").or_else(|| at(value, "/rootfs")));
    container.set("bundle", at(value, "/bundle"));
    container.set("cgroup_path", at(value, "/config/cgroups/path").or_else(|| at(value, "/cgroup-path")));
    container.set("namespaces", at(value, "/namespace_paths"));
}

/// The list of containers of containers/storage (Podman, CRI-O): `overlay-containers/containers.json`.
fn storage(path: &[u8], value: &Value, known: &mut Known) {
    let top = before(path, b"/overlay-containers/").unwrap_or_default();
    for entry in value.as_array().into_iter().flatten() {
        let Some(id) = entry.get("id").and_then(Value::as_str) else { continue };
        let Some(container) = known.container(id.as_bytes(), "podman", escape::bytes(path)) else { continue };
        container.set("name", at(entry, "/names/0"));
        container.set("image_id", at(entry, "/image"));
        container.set("created", at(entry, "/created"));
        container.set("metadata", at(entry, "/metadata"));
        if let Some(layer) = entry.get("layer").and_then(Value::as_str).filter(|layer| is_name(layer.as_bytes())) {
            known.layer([top, b"/overlay/", layer.as_bytes(), b"/diff"].concat(), id.as_bytes());
        }
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
        && let Some(container) = known.container(id, "containerd", escape::bytes(path))
    {
        container.set("pid", Some(pid.into()));
    }
}

/// A name that leads nowhere but into its folder.
fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.len() < 256 && name != b".." && name.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
}
