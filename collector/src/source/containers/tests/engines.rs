//! Hosts of single engines, laid out as those lay out their files.

use super::from_databases::{agent_db, bolt_state, configured, db_sql, meta_db, stopped};
use super::*;
use serde_json::{Value, json};

pub(super) const STORE: &str = "var/lib/containers/storage";
const HOME_STORE: &str = "home/ann/.local/share/containers/storage";
pub(super) const IMAGE: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const UID: &str = "6b1f3a52-0c4d-4c3f-9a67-0f3b1d6a4e21";
pub(super) const TASK: &str = "arn:aws:ecs:eu-west-1:123456789012:task/prod/0123456789abcdef0123456789abcdef";
/// What a container has written, and what of it is kept.
const WRITTEN_FILE: [&str; 2] = ["* * * * * root TOKEN=hunter2 /tmp/.x\n", "* * * * * root TOKEN=xxxxxxx /tmp/.x\n"];

/// An id.
pub(super) fn hex(digit: &str) -> String {
    digit.repeat(64)
}

/// A container in the list of a store.
fn entry(id: &str, layer: &str, name: &str, noted: &Value) -> Value {
    let (metadata, created) = (noted.to_string(), "2026-01-01T00:00:00.5Z");
    json!({"id": id, "names": [name], "image": IMAGE, "layer": layer, "metadata": metadata, "created": created, "flags": {}})
}

/// A store with these containers in its list `list`, each of which has written a file.
fn store(root: &Path, at: &str, list: &str, entries: &[Value]) {
    write(root, &format!("{at}/overlay-containers/{list}"), json!(entries).to_string());
    std::fs::create_dir_all(root.join(at).join("overlay/l")).unwrap();
    for entry in entries {
        let (layer, id) = (entry["layer"].as_str().unwrap(), entry["id"].as_str().unwrap());
        write(root, &format!("{at}/overlay/{layer}/diff/etc/cron.d/x"), WRITTEN_FILE[0]);
        symlink(format!("../{layer}/diff"), root.join(at).join("overlay/l").join(id)).unwrap();
    }
    write(root, &format!("{at}/overlay-layers/layers.json"), r#"[{"id":"x","parent":"y"}]"#);
}

pub(super) fn columns<const N: usize>(row: &Value, names: [&str; N]) -> Value {
    names.iter().map(|name| row[*name].clone()).collect()
}

/// The layer `upper` is that of the container, and what was written into it is kept.
fn assert_layer(evidence: &Recorded, upper: &str, id: &str, mounted: u32) {
    let layer = row(evidence, "container_layers", "path", upper);
    assert_eq!(columns(layer, ["container_id", "mounted"]), json!([id, mounted]));
    let path = format!("{upper}/etc/cron.d/x");
    let file = row(evidence, "container_files", "path", path.as_str());
    assert_eq!(columns(file, ["container_id", "layer", "path_in_container"]), json!([id, upper, "/etc/cron.d/x"]));
    assert_eq!(evidence.member(&path), Some(WRITTEN_FILE[1].as_bytes()));
}

/// The files are rows without content.
pub(super) fn assert_withheld(evidence: &Recorded, paths: &[String]) {
    for path in paths {
        let file = row(evidence, "container_state_files", "path", path.as_str());
        assert_eq!(columns(file, ["secret", "stored"]), json!([1, 0]), "{path}");
    }
}

pub(super) fn assert_no_secret(evidence: &Recorded) {
    let has = |bytes: &[u8]| bytes.windows(7).any(|part| part == b"hunter2");
    let members: Vec<_> = evidence.members.iter().filter(|(.., content)| has(content)).map(|(path, ..)| path).collect();
    assert!(members.is_empty(), "{:?}", members.iter().map(|path| String::from_utf8_lossy(path)).collect::<Vec<_>>());
    assert!(!has(format!("{:?}", evidence.tables).as_bytes()), "{:#?}", evidence.tables);
}

/// What Podman writes into `config.json`: some of the annotations bear CRI-O's name.
fn config_of_podman(privileged: &str) -> String {
    let annotations = json!({
        "io.container.manager": "libpod", "io.kubernetes.cri-o.Created": "2026-01-01T00:00:00.5Z", "io.kubernetes.cri-o.TTY": "false",
        "io.podman.annotations.autoremove": "FALSE", "io.podman.annotations.privileged": privileged,
        "org.opencontainers.image.stopSignal": "3"
    });
    let process = json!({"args": ["nginx"], "cwd": "/", "env": ["PATH=/bin", "DB_PASSWORD=hunter2"]});
    let mounts = json!([{"destination": "/host", "type": "bind", "source": "/", "options": ["rbind"]}]);
    json!({"ociVersion": "1.2.0", "process": process, "mounts": mounts, "annotations": annotations}).to_string()
}

fn noted_by_podman(image: &str, name: &str) -> Value {
    json!({"image-name": image, "image-id": IMAGE, "name": name, "created-at": 1_767_225_600})
}

#[test]
fn podman_of_root() {
    let (id, layer) = (hex("e"), hex("2"));
    let userdata = format!("{STORE}/overlay-containers/{id}/userdata");
    let upper = format!("/{STORE}/overlay/{layer}/diff");
    let image = "docker.io/library/nginx:latest";
    let (outcome, evidence) = acquired(Containers::new(false, false), |root| {
        store(root, STORE, "containers.json", &[entry(&id, &layer, "web", &noted_by_podman(image, "web"))]);
        write(root, &format!("{userdata}/config.json"), config_of_podman("TRUE"));
        write(root, &format!("{userdata}/secrets/db"), "hunter2");
        write(root, &format!("{STORE}/secrets/filedriver/secretsdata.json"), r#"{"0a":"hunter2"}"#);
        let running = json!({"state": 3, "pid": 80, "startedTime": "2026-02-02T00:00:01Z"});
        write(root, &format!("{STORE}/db.sql"), db_sql(&[(configured(&id, "web"), running)]));
        write(root, "run/containers/0/auth.json", r#"{"auths":{"quay.io":{"auth":"hunter2"}}}"#);
        let status =
            json!({"pid": 80, "process-start-time": 7, "created": "2026-02-02T00:00:00Z", "bundle": format!("/{userdata}")});
        write(root, &format!("run/crun/{id}/status"), status.to_string());
        let overlay =
            format!("40 1 0:40 / / rw - overlay overlay rw,lowerdir=/{STORE}/overlay/l/A,upperdir={upper},workdir=/w\n");
        process(root, 1, 10, "0::/init.scope\n", HOST_MOUNTS);
        process(root, 80, 20, &format!("0::/machine.slice/libpod-{id}.scope/container\n"), &overlay);
    });
    assert_eq!((outcome, evidence.gaps.len()), (Outcome::ok(), 0), "{:?}", evidence.gaps);
    let web = row(&evidence, "containers", "id", id.as_str());
    assert_eq!(columns(web, ["runtime", "name", "image", "image_id"]), json!(["podman", "web", image, IMAGE]));
    assert_eq!(columns(web, ["created", "pid", "privileged"]), json!(["2026-01-01T00:00:00.5Z", 80, true]));
    assert_eq!(columns(web, ["state", "started_at", "args"]), json!(["running", "2026-02-02T00:00:01Z", ["nginx"]]));
    assert_eq!(web["env_variables"], json!(["PATH=/bin", "DB_PASSWORD=xxxxxxx"]));
    let nginx = row(&evidence, "container_processes", "pid", 80);
    let known = columns(nginx, ["container_id", "container_name", "runtime", "known_by"]);
    assert_eq!(known, json!([id, "web", "podman", ["cgroup", "state"]]));
    assert_eq!(row(&evidence, "overlay_mounts", "upper", upper.as_str())["container_id"], id);
    assert_layer(&evidence, &upper, &id, 1);
    let link = row(&evidence, "container_state_files", "path", format!("/{STORE}/overlay/l/{id}"));
    assert_eq!(columns(link, ["kind", "symlink_target_path"]), json!(["layer-link", format!("../{layer}/diff")]));
    let secrets =
        [format!("/{STORE}/db.sql"), format!("/{STORE}/secrets/filedriver/secretsdata.json"), format!("/{userdata}/secrets/db")];
    assert_withheld(&evidence, &secrets);
    assert_eq!(evidence.member("/run/containers/0/auth.json"), Some(&br#"{"auths":{"quay.io":{"auth":"xxxxxxx"}}}"#[..]));
    assert!(evidence.member(&format!("/{STORE}/overlay-layers/layers.json")).is_some());
    assert_no_secret(&evidence);
}

#[test]
fn podman_of_a_user() {
    let (id, layer) = (hex("4"), hex("5"));
    let userdata = format!("{HOME_STORE}/overlay-containers/{id}/userdata");
    let (outcome, evidence) = acquired(Containers::new(false, false), |root| {
        write(root, "etc/passwd", "ann:x:1000:1000::/home/ann:/bin/sh\n");
        // Of a container that is removed when it ends.
        let entries = [entry(&id, &layer, "miner", &noted_by_podman("quay.io/x/miner:1", "miner"))];
        store(root, HOME_STORE, "volatile-containers.json", &entries);
        write(root, &format!("{userdata}/config.json"), config_of_podman("FALSE"));
        write(root, &format!("{HOME_STORE}/libpod/bolt_state.db"), bolt_state(&[(configured(&hex("9"), "old"), stopped())]));
        write(root, &format!("{HOME_STORE}/db.sql"), db_sql(&[(configured(&id, "miner"), json!({"state": 3, "pid": 90}))]));
        write(root, &format!("{HOME_STORE}/db.sql-journal"), "hunter2");
        write(root, &format!("run/user/1000/crun/{id}/status"), r#"{"pid":90}"#);
        // A program of the user's serves this overlay, so the mount does not tell its folders.
        let fuse = "40 1 0:50 / / rw - fuse.fuse-overlayfs fuse-overlayfs rw,user_id=0,group_id=0\n";
        process(root, 1, 10, "0::/init.scope\n", HOST_MOUNTS);
        let group = format!("0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{id}.scope/container\n");
        process(root, 90, 20, &group, fuse);
    });
    assert_eq!((outcome, evidence.gaps.len()), (Outcome::ok(), 0), "{:?}", evidence.gaps);
    let miner = row(&evidence, "containers", "id", id.as_str());
    assert_eq!(columns(miner, ["runtime", "name", "image", "image_id"]), json!(["podman", "miner", "quay.io/x/miner:1", IMAGE]));
    assert_eq!(columns(miner, ["pid", "privileged", "args"]), json!([90, true, ["nginx"]]));
    let process = row(&evidence, "container_processes", "pid", 90);
    assert_eq!(columns(process, ["container_id", "container_name", "runtime"]), json!([id, "miner", "podman"]));
    assert_layer(&evidence, &format!("/{HOME_STORE}/overlay/{layer}/diff"), &id, 0);
    let config = row(&evidence, "container_state_files", "path", format!("/{userdata}/config.json"));
    assert_eq!(columns(config, ["kind", "username"]), json!(["oci-config", "ann"]));
    let old = row(&evidence, "containers", "id", hex("9"));
    assert_eq!(columns(old, ["runtime", "name", "state", "exit_code"]), json!(["podman", "old", "exited", 137]));
    assert_withheld(&evidence, &["db.sql", "db.sql-journal", "libpod/bolt_state.db"].map(|name| format!("/{HOME_STORE}/{name}")));
    assert_no_secret(&evidence);
}

fn noted_by_crio() -> Value {
    let (pod, container) = (format!("k8s_redis-0_prod_{UID}_0"), format!("k8s_redis_redis-0_prod_{UID}_0"));
    json!({
        "pod-name": pod, "pod-id": hex("0"), "image-name": "quay.io/redis:7", "image-id": IMAGE, "name": container,
        "metadata-name": "redis", "created-at": 1_767_225_600, "privileged": true
    })
}

fn config_of_crio(id: &str) -> String {
    let annotations = json!({
        "io.container.manager": "cri-o", "io.kubernetes.container.name": "redis", "io.kubernetes.pod.name": "redis-0",
        "io.kubernetes.pod.namespace": "prod", "io.kubernetes.pod.uid": UID, "io.kubernetes.cri-o.ContainerID": id,
        "io.kubernetes.cri-o.ContainerType": "container", "io.kubernetes.cri-o.Image": "quay.io/redis:7",
        "io.kubernetes.cri-o.ImageName": "", "io.kubernetes.cri-o.Labels": "{\"app\":\"cache\"}",
        "io.kubernetes.cri-o.LogPath": "/var/log/pods/prod_redis-0/redis/0.log", "io.kubernetes.cri-o.SandboxID": hex("0")
    });
    let process = json!({"args": ["redis-server"], "cwd": "/data", "env": ["REDIS_PASSWORD=hunter2"]});
    json!({"ociVersion": "1.0.0", "process": process, "annotations": annotations}).to_string()
}

/// A host with a container of CRI-O that runs, and one that has ended before the host was booted.
fn lay_out_crio(root: &Path) {
    let (running, layer, ended) = (hex("3"), hex("6"), hex("d"));
    let name = format!("k8s_redis_redis-0_prod_{UID}_0");
    store(root, STORE, "volatile-containers.json", &[entry(&running, &layer, &name, &noted_by_crio())]);
    store(root, STORE, "containers.json", &[entry(&ended, &hex("7"), &name, &noted_by_crio())]);
    let userdata = |top: &str, id: &str| format!("{top}/overlay-containers/{id}/userdata");
    write(root, &format!("{}/config.json", userdata("run/containers/storage", &running)), config_of_crio(&running));
    write(root, &format!("{}/config.json", userdata(STORE, &running)), config_of_crio(&running));
    write(root, &format!("{}/config.json", userdata(STORE, &ended)), config_of_crio(&ended));
    let state = json!({"ociVersion": "1.0.2", "id": running, "status": "running", "pid": 95, "created": "2026-02-02T00:00:00Z",
        "started": "2026-02-02T00:00:01Z", "initPid": 95, "initStartTime": "123"});
    write(root, &format!("{}/state.json", userdata(STORE, &running)), state.to_string());
    let state =
        json!({"ociVersion": "1.0.2", "id": ended, "status": "stopped", "finished": "2026-01-03T00:00:00Z", "exitCode": 137});
    write(root, &format!("{}/state.json", userdata(STORE, &ended)), state.to_string());
    write(root, "etc/crio/crio.conf.d/10-crio.conf", "[crio.image]\n");
    // So many layers that the engine names them from their folder.
    let overlay = |id: u32, point: &str| {
        format!("{id} 1 0:50 / {point} rw - overlay overlay rw,lowerdir=l/A:l/B,upperdir={layer}/diff,workdir={layer}/work\n")
    };
    let merged = format!("/{STORE}/overlay/{layer}/merged");
    process(root, 1, 10, "0::/init.scope\n", &[HOST_MOUNTS, overlay(50, &merged).as_str()].concat());
    let pod = format!("kubepods-burstable-pod{}.slice", UID.replace('-', "_"));
    let group = format!("0::/kubepods.slice/kubepods-burstable.slice/{pod}/crio-{running}.scope/container\n");
    process(root, 95, 20, &group, &overlay(60, "/"));
}

#[test]
fn crio() {
    let (running, ended) = (hex("3"), hex("d"));
    let (outcome, evidence) = acquired(Containers::new(false, false), lay_out_crio);
    assert_eq!((outcome, evidence.gaps.len()), (Outcome::ok(), 0), "{:?}", evidence.gaps);
    for id in [&running, &ended] {
        let redis = row(&evidence, "containers", "id", id.as_str());
        let named = columns(redis, ["runtime", "name", "image", "image_id", "labels"]);
        assert_eq!(named, json!(["cri-o", "redis", "quay.io/redis:7", IMAGE, {"app": "cache"}]));
        let pod = columns(redis, ["pod_name", "pod_namespace", "pod_uid", "privileged", "created"]);
        assert_eq!(pod, json!(["redis-0", "prod", UID, true, "2026-01-01T00:00:00.5Z"]));
        assert_eq!(redis["log_path"], "/var/log/pods/prod_redis-0/redis/0.log");
        assert_eq!(redis["env_variables"], json!(["REDIS_PASSWORD=xxxxxxx"]));
    }
    let state = |id: &str| columns(row(&evidence, "containers", "id", id), ["state", "pid", "exit_code"]);
    assert_eq!((state(&running), state(&ended)), (json!(["running", 95, null]), json!(["stopped", null, 137])));
    let process = row(&evidence, "container_processes", "pid", 95);
    let known = columns(process, ["container_id", "container_name", "runtime", "pod_uid", "known_by"]);
    assert_eq!(known, json!([running, "redis", "cri-o", UID, ["cgroup", "state"]]));
    assert_layer(&evidence, &format!("/{STORE}/overlay/{}/diff", hex("6")), &running, 1);
    assert_layer(&evidence, &format!("/{STORE}/overlay/{}/diff", hex("7")), &ended, 0);
    assert_eq!(evidence.rows("container_layers").len(), 2, "{:#?}", evidence.rows("container_layers"));
    let mounts = evidence.rows("overlay_mounts");
    assert!(mounts.len() == 2 && mounts.iter().all(|mount| mount["container_id"] == running), "{mounts:#?}");
    assert_eq!(row(&evidence, "container_state_files", "path", "/etc/crio/crio.conf.d/10-crio.conf")["kind"], "cri-o");
    assert_no_secret(&evidence);
}

const REGISTRY: &str = r#"{"https://index.docker.io/v1/":{"username":"u","password":"hunter2","email":"u@example.com"}}"#;

/// An instance of ECS: a task whose container runs, one whose container Docker has removed, and one of which only the file for the
/// container itself tells.
fn lay_out_ecs(root: &Path) {
    let web = hex("a");
    let labels = json!({
        "com.amazonaws.ecs.cluster": "prod", "com.amazonaws.ecs.container-name": "web", "com.amazonaws.ecs.task-arn": TASK,
        "com.amazonaws.ecs.task-definition-family": "shop", "com.amazonaws.ecs.task-definition-version": "7"
    });
    let env =
        ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/credentials/hunter2".to_owned(), format!("ECS_ENGINE_AUTH_DATA={REGISTRY}")];
    let config = json!({"Image": "shop/web:7", "Env": env, "Labels": labels});
    let config = json!({"ID": web, "Name": "/ecs-shop-7-web-0a", "Image": "sha256:0a", "Config": config, "State": {"Running": true, "Pid": 50}});
    write(root, &format!("var/lib/docker/containers/{web}/config.v2.json"), config.to_string());
    write(root, &format!("var/lib/docker/image/overlay2/layerdb/mounts/{web}/mount-id"), "layer");
    write(root, "var/lib/docker/overlay2/layer/diff/etc/cron.d/x", WRITTEN_FILE[0]);
    process(root, 1, 10, "0::/init.scope\n", HOST_MOUNTS);
    process(
        root,
        50,
        20,
        &format!("0::/ecstasks.slice/ecstasks-0123456789abcdef0123456789abcdef.slice/docker-{web}.scope\n"),
        HOST_MOUNTS,
    );
    write(
        root,
        "etc/ecs/ecs.config",
        format!("ECS_CLUSTER=prod\nECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={REGISTRY}\n"),
    );
    let container = json!({"Name": "db", "Image": "shop/db:7", "ImageID": "sha256:0b", "Command": ["postgres"], "KnownStatus": "STOPPED",
        "KnownExitCode": 137, "environment": {"API_TOKEN": "hunter2", "MODE": "a"}});
    let gone = json!({"DockerId": hex("b"), "DockerName": "ecs-shop-7-db-0b", "Container": container});
    let to_come = json!({"DockerId": "", "DockerName": "ecs-shop-7-x", "Container": {"Name": "x"}});
    let engine = json!({
        "Tasks": [{"Arn": TASK, "Family": "shop"}], "IdToContainer": {hex("b"): gone, "ecs-shop-7-x": to_come}, "IdToTask": {hex("b"): TASK}
    });
    let data = json!({"Data": {"Cluster": "prod", "TaskEngine": engine}, "Version": 31});
    write(root, "var/lib/ecs/data/ecs_agent_data.json", data.to_string());
    let metadata = json!({"Cluster": "prod", "TaskARN": TASK, "TaskDefinitionFamily": "shop", "ContainerID": hex("c"),
        "ContainerName": "job", "DockerContainerName": "/ecs-shop-7-job-0c", "ImageID": "sha256:0c", "ImageName": "shop/job:7"});
    write(root, "var/lib/ecs/data/metadata/prod/0123/job/ecs-container-metadata.json", metadata.to_string());
    write(root, "var/lib/ecs/data/agent.db", agent_db(&[("late", hex("d").as_str()), ("to-come", "")]));
    write(root, "var/lib/ecs/data/envfiles/prod/0123/bucket/x.env", "PASSWORD=hunter2\n");
}

#[test]
fn ecs() {
    let (outcome, evidence) = acquired(Containers::new(false, false), lay_out_ecs);
    assert_eq!((outcome, evidence.gaps.len()), (Outcome::ok(), 0), "{:?}", evidence.gaps);
    assert_eq!(evidence.rows("containers").len(), 4, "one that is not made yet is none: {:#?}", evidence.rows("containers"));
    let of = |id: &str| row(&evidence, "containers", "id", hex(id));
    let what = |id: &str| columns(of(id), ["runtime", "name", "image", "image_id"]);
    assert_eq!(what("a"), json!(["docker", "ecs-shop-7-web-0a", "shop/web:7", "sha256:0a"]));
    assert_eq!(what("b"), json!(["ecs", "ecs-shop-7-db-0b", "shop/db:7", "sha256:0b"]));
    assert_eq!(what("c"), json!(["ecs", "ecs-shop-7-job-0c", "shop/job:7", "sha256:0c"]));
    for (id, name) in [("a", "web"), ("b", "db"), ("c", "job")] {
        let task = columns(of(id), ["ecs_cluster", "ecs_task_arn", "ecs_task_family", "ecs_container_name"]);
        assert_eq!(task, json!(["prod", TASK, "shop", name]), "{id}");
    }
    assert_eq!(of("a")["labels"]["com.amazonaws.ecs.task-definition-version"], "7");
    assert_eq!(columns(of("b"), ["state", "exit_code", "args"]), json!(["stopped", 137, ["postgres"]]));
    assert_eq!(of("b")["env_variables"], json!({"API_TOKEN": "xxxxxxx", "MODE": "a"}));
    let process = row(&evidence, "container_processes", "pid", 50);
    assert_eq!(columns(process, ["container_id", "runtime", "known_by"]), json!([hex("a"), "docker", ["cgroup", "state"]]));
    assert_layer(&evidence, "/var/lib/docker/overlay2/layer/diff", &hex("a"), 0);
    let shown = format!("ECS_CLUSTER=prod\nECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={}\n", "x".repeat(REGISTRY.len()));
    assert_eq!(evidence.member("/etc/ecs/ecs.config"), Some(shown.as_bytes()));
    let files = ["agent.db", "envfiles/prod/0123/bucket/x.env"].map(|name| format!("/var/lib/ecs/data/{name}"));
    assert_withheld(&evidence, &files);
    assert_no_secret(&evidence);
    let late = columns(of("d"), ["runtime", "name", "state", "ecs_task_arn", "ecs_task_version"]);
    assert_eq!(late, json!(["ecs", "ecs-shop-7-late", "running", TASK, "7"]), "only the database has it");
    let (_, evidence) = acquired(Containers::new(false, true), lay_out_ecs);
    let database = evidence.member("/var/lib/ecs/data/agent.db").unwrap();
    assert!(database.windows(7).any(|part| part == b"hunter2"), "as it is, where secrets are asked for");
    assert_eq!(row(&evidence, "containers", "id", hex("d"))["name"], "ecs-shop-7-late", "and rows are made of it all the same");
}

#[test]
fn other_places_of_containerd() {
    let (admin, db) = ("run/host-containerd/io.containerd.runtime.v2.task/default/admin", hex("8"));
    let user = format!("run/user/1000/containerd/io.containerd.runtime.v2.task/default/{db}");
    let bolt = "var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db";
    let (outcome, evidence) = acquired(Containers::new(false, false), |root| {
        write(root, &format!("{admin}/config.json"), r#"{"process":{"args":["/usr/sbin/sshd"]}}"#);
        write(root, &format!("{admin}/init.pid"), "70");
        let annotations = json!({"nerdctl/name": "db", "nerdctl/namespace": "default", "nerdctl/privileged": "true"});
        write(root, &format!("{user}/config.json"), json!({"annotations": annotations}).to_string());
        write(root, "var/lib/nerdctl/1935db59/names/default/db", &db);
        write(root, bolt, meta_db());
        process(root, 1, 10, "0::/init.scope\n", HOST_MOUNTS);
        process(root, 70, 20, "0::/\n", "40 1 8:2 / / rw - ext4 /dev/other rw\n");
    });
    assert_eq!((outcome, evidence.gaps.len()), (Outcome::ok(), 0), "{:?}", evidence.gaps);
    let host = columns(row(&evidence, "containers", "id", "admin"), ["runtime", "pid", "args"]);
    assert_eq!(host, json!(["containerd", 70, ["/usr/sbin/sshd"]]));
    let first = columns(row(&evidence, "container_processes", "pid", 70), ["container_id", "known_by", "state_check"]);
    assert_eq!(first, json!(["admin", ["state"], "none"]));
    let users = columns(row(&evidence, "containers", "id", db.as_str()), ["runtime", "name", "privileged"]);
    assert_eq!(users, json!(["containerd", "db", true]));
    let name = row(&evidence, "container_state_files", "path", "/var/lib/nerdctl/1935db59/names/default/db");
    assert_eq!(columns(name, ["kind", "stored"]), json!(["nerdctl", 64]));
    assert_withheld(&evidence, &[format!("/{bolt}")]);
    assert_no_secret(&evidence);
}

#[test]
fn state_that_was_moved_is_found() {
    let (web, db, layer) = (hex("a"), hex("b"), hex("9"));
    let (outcome, evidence) = acquired(Containers::new(false, false), |root| {
        write(root, "etc/docker/daemon.json", r#"{"data-root":"/mnt/docker"}"#);
        write(root, &format!("mnt/docker/containers/{web}/config.v2.json"), r#"{"Name":"/web","Config":{"Image":"shop/web:7"}}"#);
        write(root, &format!("mnt/docker/image/overlay2/layerdb/mounts/{web}/mount-id"), "layer");
        write(root, "mnt/docker/overlay2/layer/diff/etc/cron.d/x", WRITTEN_FILE[0]);
        write(root, "etc/containers/storage.conf", "[storage]\ngraphroot = \"/mnt/store\"\n");
        store(root, "mnt/store", "containers.json", &[entry(&db, &layer, "db", &noted_by_podman("quay.io/db:1", "db"))]);
        write(root, &format!("mnt/store/overlay-containers/{db}/userdata/config.json"), config_of_podman("FALSE"));
        write(root, "mnt/store/db.sql", db_sql(&[(configured(&db, "db"), stopped())]));
        process(root, 1, 10, "0::/init.scope\n", HOST_MOUNTS);
    });
    assert_eq!((outcome, evidence.gaps.len()), (Outcome::ok(), 0), "{:?}", evidence.gaps);
    let what = |id: &str| columns(row(&evidence, "containers", "id", id), ["runtime", "name", "image"]);
    assert_eq!((what(&web), what(&db)), (json!(["docker", "web", "shop/web:7"]), json!(["podman", "db", "quay.io/db:1"])));
    assert_layer(&evidence, "/mnt/docker/overlay2/layer/diff", &web, 0);
    assert_layer(&evidence, &format!("/mnt/store/overlay/{layer}/diff"), &db, 0);
    assert_withheld(&evidence, &["/mnt/store/db.sql".to_owned()]);
    assert_no_secret(&evidence);
}
