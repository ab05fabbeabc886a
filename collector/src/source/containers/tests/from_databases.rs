//! What stands in the databases of engines alone, and what must not be taken from them.

use super::bolt_writer::{self, bucket, value};
use super::engines::{IMAGE, STORE, TASK, assert_no_secret, assert_withheld, columns, hex};
use super::sqlite_writer::{self, Cell};
use super::*;
use serde_json::{Value, json};

const META_DB: &str = "var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db";

/// A container in containerd's database.
fn in_containerd(image: &str, labels: &[(&str, &str)]) -> bolt_writer::Entry {
    // Noon of the first day of 2026, as Go writes it.
    let time = [&[1_u8][..], &63_902_865_600_u64.to_be_bytes(), &[0, 0, 0, 0, 0xff, 0xff]].concat();
    let runtime = bucket([("name", value("io.containerd.runc.v2")), ("options", value("--token hunter2"))]);
    bucket([
        ("createdat", value(&time)),
        ("extensions", bucket([("io.cri-containerd.container.metadata", value(r#"{"envs":[{"value":"hunter2"}]}"#))])),
        ("image", value(image)),
        ("labels", bucket(labels.iter().map(|(name, text)| (*name, value(text))))),
        ("runtime", runtime),
        ("snapshotKey", value("key-of-it")),
        ("snapshotter", value("overlayfs")),
        ("spec", value("PASSWORD=hunter2 ".repeat(300))),
        ("updatedat", value(&time)),
    ])
}

/// containerd's database: a container of nerdctl, two of a pod, and one of Docker.
pub(super) fn meta_db() -> Vec<u8> {
    let nerdctl = [("nerdctl/name", "idle"), ("nerdctl/hostname", "idle-host"), ("API_TOKEN", "hunter2"), ("maintainer", "ann")];
    let pod = [
        ("io.kubernetes.container.name", "redis"),
        ("io.kubernetes.pod.name", "redis-0"),
        ("io.kubernetes.pod.namespace", "prod"),
        ("io.kubernetes.pod.uid", "6b1f"),
    ];
    let containers = |all: Vec<(String, bolt_writer::Entry)>| bucket([("containers", bucket(all))]);
    let redis = |digit: &str| (hex(digit), in_containerd("quay.io/redis:7", &pod));
    let namespaces = bucket([
        ("default", containers(vec![(hex("1"), in_containerd("docker.io/library/nginx:1", &nerdctl))])),
        ("k8s.io", containers(vec![redis("2"), redis("3")])),
        ("moby", containers(vec![(ID.to_owned(), in_containerd("", &[]))])),
        ("version", value([4_u8])),
    ]);
    bolt_writer::database(&bucket([("v1", namespaces)]))
}

/// The database of ECS's agent, with these containers: the name and Docker's id of each.
pub(super) fn agent_db(containers: &[(&str, &str)]) -> Vec<u8> {
    let env = json!({"API_TOKEN": "hunter2", "PLAIN": "not to be taken"});
    let one = |(name, id): &(&str, &str)| {
        let inside = json!({
            "Name": name, "taskARN": TASK, "Image": format!("shop/{name}:7"), "Command": ["run", "TOKEN=hunter2"], "environment": env,
            "secrets": [{"name": "DB_PASSWORD", "valueFrom": "arn:hunter2"}], "KnownStatus": "RUNNING", "desiredStatus": "STOPPED"
        });
        let container = json!({"DockerId": id, "DockerName": format!("ecs-shop-7-{name}"), "Container": inside});
        (format!("0123-{name}"), value(container.to_string()))
    };
    let task = json!({"Arn": TASK, "Family": "shop", "Version": "7", "KnownStatus": "RUNNING", "DesiredStatus": "STOPPED",
        "Containers": [{"environment": env}]});
    bolt_writer::database(&bucket([
        ("containers", bucket(containers.iter().map(one))),
        ("metadata", bucket([("cluster-name", value("\"prod\""))])),
        ("tasks", bucket([("0123", value(task.to_string()))])),
    ]))
}

/// What Podman notes of a container when it makes it.
pub(super) fn configured(id: &str, name: &str) -> Value {
    json!({
        "id": id, "name": name, "rootfsImageName": "quay.io/x/idle:1", "rootfsImageID": IMAGE, "createdTime": "2026-01-01T00:00:00.5Z",
        "labels": {"app": "idle", "API_TOKEN": "hunter2"}, "command": ["sleep", "TOKEN=hunter2"], "privileged": true,
        "CreateCommand": ["podman", "run", "--env", "X=hunter2"], "spec": {"process": {"env": ["X=hunter2"]}}, "networkMode": "bridge"
    })
}

/// What Podman knows of a container that has ended.
pub(super) fn stopped() -> Value {
    json!({"state": 6, "exited": true, "exitCode": 137, "finishedTime": "2026-01-03T00:00:00Z"})
}

/// Podman's database, with the configuration and the state of each container.
pub(super) fn db_sql(containers: &[(Value, Value)]) -> Vec<u8> {
    let text =
        |(config, state): &(Value, Value)| (config["id"].as_str().unwrap().to_owned(), config.to_string(), state.to_string());
    let texts: Vec<_> = containers.iter().map(text).collect();
    let mut tables = [("ContainerConfig", Vec::new()), ("ContainerState", Vec::new())];
    for (id, config, state) in &texts {
        tables[0].1.push(vec![Cell::Text(id), Cell::Text("name"), Cell::Null, Cell::Text(config)]);
        tables[1].1.push(vec![Cell::Text(id), Cell::Int(6), Cell::Int(137), Cell::Text(state)]);
    }
    sqlite_writer::database(&tables)
}

/// The same as older Podmans have it.
pub(super) fn bolt_state(containers: &[(Value, Value)]) -> Vec<u8> {
    let one = |(config, state): &(Value, Value)| {
        let parts =
            [("config", value(config.to_string())), ("state", value(state.to_string())), ("dependencies", bucket::<&str>([]))];
        (config["id"].as_str().unwrap().to_owned(), bucket(parts))
    };
    bolt_writer::database(&bucket([("ctr", bucket(containers.iter().map(one)))]))
}

#[test]
fn containerd_s_containers_that_do_not_run() {
    let (outcome, evidence) = acquired(Containers::new(false, false), |root| {
        let config =
            format!(r#"{{"ID":"{ID}","Name":"/web","Created":"2025-12-31T00:00:00Z","Config":{{"Image":"shop/web:7"}}}}"#);
        write(root, &format!("var/lib/docker/containers/{ID}/config.v2.json"), config);
        write(root, META_DB, meta_db());
    });
    assert_eq!((outcome, evidence.gaps.len()), (Outcome::ok(), 0), "{:?}", evidence.gaps);
    assert_eq!(evidence.rows("containers").len(), 4, "{:#?}", evidence.rows("containers"));
    let of = |id: &str| row(&evidence, "containers", "id", id);
    let idle = columns(of(&hex("1")), ["runtime", "name", "hostname", "image", "containerd_namespace"]);
    assert_eq!(idle, json!(["containerd", "idle", "idle-host", "docker.io/library/nginx:1", "default"]));
    let idle = columns(of(&hex("1")), ["created", "updated", "runtime_name", "snapshotter", "snapshot_key"]);
    let noon = "2026-01-01T12:00:00.000000000Z";
    assert_eq!(idle, json!([noon, noon, "io.containerd.runc.v2", "overlayfs", "key-of-it"]));
    assert_eq!(of(&hex("1"))["labels"]["API_TOKEN"], "xxxxxxx");
    for id in ["2", "3"] {
        let redis = columns(of(&hex(id)), ["name", "pod_name", "pod_namespace", "pod_uid", "containerd_namespace", "source"]);
        assert_eq!(redis, json!(["redis", "redis-0", "prod", "6b1f", "k8s.io", format!("/{META_DB}")]));
    }
    let docker = columns(of(ID), ["runtime", "name", "image", "created", "containerd_namespace"]);
    assert_eq!(docker, json!(["docker", "web", "shop/web:7", "2025-12-31T00:00:00Z", "moby"]));
    assert_withheld(&evidence, &[format!("/{META_DB}")]);
    assert_eq!(
        row(&evidence, "container_state_files", "path", format!("/{META_DB}"))["sha256"],
        Digest::of(&meta_db()).to_string()
    );
    assert_no_secret(&evidence);
}

#[test]
fn what_the_agent_of_ecs_knows_alone() {
    let (outcome, evidence) = acquired(Containers::new(false, false), |root| {
        write(root, "var/lib/ecs/data/agent.db", agent_db(&[("web", hex("1").as_str()), ("to-come", "")]));
    });
    assert_eq!((outcome, evidence.gaps.len()), (Outcome::ok(), 0), "{:?}", evidence.gaps);
    let [web] = evidence.rows("containers") else { panic!("{:#?}", evidence.rows("containers")) };
    let what = columns(web, ["id", "runtime", "name", "image", "state", "args"]);
    assert_eq!(what, json!([hex("1"), "ecs", "ecs-shop-7-web", "shop/web:7", "running", ["run", "TOKEN=xxxxxxx"]]));
    let task = columns(web, ["ecs_cluster", "ecs_task_arn", "ecs_task_family", "ecs_task_version", "ecs_container_name"]);
    assert_eq!(task, json!(["prod", TASK, "shop", "7", "web"]));
    let status = columns(web, ["ecs_task_status", "ecs_task_desired_status", "ecs_desired_status"]);
    assert_eq!(status, json!(["RUNNING", "STOPPED", "STOPPED"]));
    assert!(!web.to_string().contains("not to be taken") && web.get("env_variables").is_none(), "{web:#?}");
    assert_no_secret(&evidence);
}

#[test]
fn a_container_that_podman_never_started() {
    let never = json!({"state": 1});
    let (outcome, evidence) = acquired(Containers::new(false, false), |root| {
        let both = [(configured(&hex("1"), "idle"), never), (configured(&hex("2"), "ended"), stopped())];
        write(root, &format!("{STORE}/db.sql"), db_sql(&both));
        write(root, &format!("{STORE}/libpod/bolt_state.db"), "");
    });
    assert_eq!((outcome, evidence.gaps.len()), (Outcome::ok(), 0), "{:?}", evidence.gaps);
    let idle = row(&evidence, "containers", "id", hex("1"));
    let what = columns(idle, ["runtime", "name", "image", "image_id", "state", "created"]);
    assert_eq!(what, json!(["podman", "idle", "quay.io/x/idle:1", IMAGE, "created", "2026-01-01T00:00:00.5Z"]));
    assert_eq!(columns(idle, ["args", "labels"]), json!([["sleep", "TOKEN=xxxxxxx"], {"app": "idle", "API_TOKEN": "xxxxxxx"}]));
    assert_eq!((&idle["privileged"], &idle["network_mode"]), (&true.into(), &"bridge".into()));
    let ended = columns(row(&evidence, "containers", "id", hex("2")), ["state", "exit_code", "finished_at", "described_by"]);
    assert_eq!(ended, json!(["exited", 137, "2026-01-03T00:00:00Z", [format!("/{STORE}/db.sql")]]));
    assert_no_secret(&evidence);
}

#[test]
fn a_database_of_which_a_part_is_torn_gives_the_rest_and_a_gap() {
    let mut bytes = meta_db();
    let at = bytes.windows(15).position(|part| part == b"quay.io/redis:7").unwrap();
    // The kind of the page.
    bytes[at / bolt_writer::PAGE * bolt_writer::PAGE + 8] = 0;
    let (outcome, evidence) = acquired(Containers::new(false, false), |root| {
        write(root, META_DB, &bytes);
        write(root, "var/lib/ecs/data/agent.db", "\0\0hunter2");
        write(root, &format!("{STORE}/db.sql"), "SQLite format 3\0hunter2");
    });
    assert_eq!(outcome, Outcome::ok());
    let gaps: Vec<_> = evidence.gaps.iter().map(|gap| gap.source.clone()).collect();
    assert_eq!(gaps, [format!("/{META_DB}"), format!("/{STORE}/db.sql"), "/var/lib/ecs/data/agent.db".to_owned()]);
    assert!(evidence.gaps[0].reason.starts_with("1 of its pages"), "{:?}", evidence.gaps);
    let images: Vec<_> = evidence.rows("containers").iter().filter_map(|row| row["image"].as_str()).collect();
    assert_eq!(images, ["docker.io/library/nginx:1", "quay.io/redis:7"], "one of two is lost");
    assert_no_secret(&evidence);
}

#[test]
fn where_secrets_are_asked_for_databases_are_kept_and_read_as_they_are() {
    let (_, evidence) = acquired(Containers::new(false, true), |root| write(root, META_DB, meta_db()));
    assert_eq!(evidence.member(&format!("/{META_DB}")), Some(meta_db().as_slice()));
    assert_eq!(row(&evidence, "containers", "id", hex("1"))["labels"]["API_TOKEN"], "hunter2");
}
