//! Containers of containers/storage, the library in which Podman, CRI-O and Buildah keep them: a list names each with its layer and
//! with what its engine noted of it (containers/storage, containers.go).

use serde_json::Value;

use super::databases::MOST_VALUE;
use super::describe::{at, before, is_name};
use super::json;
use super::known::{Container, Known};
use crate::model::escape;

/// Adds the containers of the list at `path`: `<driver>-containers/containers.json`, or `volatile-containers.json` of those that
/// need not survive a crash (all of CRI-O's, and Podman's with `--rm`). Returns how many entries were too much or no JSON.
///
/// All of the list may be long, as each container takes a thousand bytes of it; so its entries are read one by one.
pub(super) fn list(path: &[u8], text: &[u8], known: &mut Known) -> u64 {
    let layers = layers(path);
    let mut left_out = 0;
    for entry in json::entries(text) {
        match json::parsed(entry, MOST_VALUE) {
            Some(entry) => listed(path, layers.as_deref(), &entry, known),
            None => left_out += 1,
        }
    }
    left_out
}

fn listed(path: &[u8], layers: Option<&[u8]>, entry: &Value, known: &mut Known) {
    let Some(id) = entry.get("id").and_then(Value::as_str) else { return };
    let notes = entry.get("metadata").and_then(Value::as_str).unwrap_or_default();
    // CRI-O alone has pods in its notes (cri-o, internal/storage/runtime.go; podman, libpod/storage.go).
    let engine = if notes.contains("\"pod-id\"") { "cri-o" } else { "podman" };
    let Some(container) = known.container(id.as_bytes(), engine, escape::bytes(path)) else { return };
    describe(container, engine, entry, &json::parsed(notes.as_bytes(), MOST_VALUE).unwrap_or_default());
    let layer = entry.get("layer").and_then(Value::as_str).map(str::as_bytes).filter(|layer| is_name(layer));
    if let (Some(layers), Some(layer)) = (layers, layer) {
        known.layer([layers, b"/", layer, b"/diff"].concat(), id.as_bytes());
    }
}

/// `noted` is what the engine noted of the container in `entry`.
fn describe(container: &mut Container, engine: &str, entry: &Value, noted: &Value) {
    // A runtime's state has the time of the last start.
    container.overwrite("created", at(entry, "/created"));
    container.overwrite("image_id", text(entry, "/image"));
    container.overwrite("metadata", at(entry, "/metadata"));
    let (name, image) = (text(entry, "/names/0"), text(noted, "/image-name"));
    if engine == "podman" {
        container.overwrite("name", name);
        container.overwrite("image", image);
        return;
    }
    // Its `config.json` knows better what Kubernetes calls it.
    container.set("name", text(noted, "/metadata-name").or(name));
    container.set("image", image);
    container.set("pod_namespace", text(noted, "/namespace"));
    container.set("pod_uid", text(noted, "/uid"));
    container.set("privileged", at(noted, "/privileged"));
}

/// The text at a path of member names, if there is one.
fn text(value: &Value, pointer: &str) -> Option<Value> {
    at(value, pointer).filter(|value| value.as_str().is_some_and(|text| !text.is_empty()))
}

/// The folder of the layers of which the list at `path` speaks. None where a layer is no upper folder but a whole root (drivers
/// `vfs`, `btrfs`, `zfs`), or where the list does not tell.
fn layers(path: &[u8]) -> Option<Vec<u8>> {
    let root = match before(path, b"/overlay-containers/")? {
        // With `transient_store` (containers-storage.conf(5)) only the list is gone after a boot; layers are where they always are.
        b"/run/containers/storage" => &b"/var/lib/containers/storage"[..],
        root if root.starts_with(b"/run/") => return None,
        root => root,
    };
    Some([root, b"/overlay"].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_read_and_an_entry_that_is_too_much_is_not() {
        let entry = |n: u32| format!(r#"{{"id":"{n}","names":["a,]}}\"b"],"metadata":"{}"}}"#, "x".repeat(500));
        let entries: Vec<String> = (0..6000).map(entry).collect();
        let dense = format!(r#"{{"id":"dense","flags":[0{}]}}"#, ",0".repeat(1 << 18));
        let text = format!("[{},{dense}]", entries.join(","));
        let mut known = Known::default();
        let left_out = list(b"/var/lib/containers/storage/overlay-containers/containers.json", text.as_bytes(), &mut known);
        assert_eq!((known.count(), left_out, text.len() > json::MOST), (6000, 1, true));
        assert_eq!(known.get(b"5999").unwrap().text("name").as_deref(), Some("a,]}\"b"));
    }

    #[test]
    fn layers_lie_beside_the_list_of_containers() {
        let of = |path: &str| layers(path.as_bytes()).map(|layers| String::from_utf8(layers).unwrap());
        let var = Some("/var/lib/containers/storage/overlay".to_owned());
        assert_eq!(of("/var/lib/containers/storage/overlay-containers/containers.json"), var);
        assert_eq!(of("/run/containers/storage/overlay-containers/volatile-containers.json"), var);
        assert_eq!(of("/home/a/s/overlay-containers/containers.json"), Some("/home/a/s/overlay".to_owned()));
        assert_eq!(of("/run/user/1/containers/overlay-containers/volatile-containers.json"), None);
        assert_eq!(of("/var/lib/containers/storage/vfs-containers/containers.json"), None);
    }
}
