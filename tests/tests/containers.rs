//! Processes in namespaces of their own, as container engines make them: told from the host's, with what they listen on and what they
//! have written.

#![expect(clippy::panic, reason = "tests look at the host with the standard library")]

use std::fs;
use std::path::Path;

use hozen_tests::agent::Agent;
use hozen_tests::evidence::{Evidence, bytes, number, rows_of, text};
use hozen_tests::helper::Helper;
use hozen_tests::host::{Mounts, is_root, scratch};
use serde_json::{Value, json};

const SECRET: &str = "vErYsEcReTvAlUe0123456789";

/// The rows of a table of which a column has this text.
fn with(evidence: &Evidence, table: &str, column: &str, value: &str) -> Vec<Value> {
    let rows = evidence.table(table);
    rows.into_iter().filter(|row| bytes(row, column).as_deref() == Some(value.as_bytes())).collect()
}

/// The one row of a table of which a column has this text.
fn one(evidence: &Evidence, table: &str, column: &str, value: &str) -> Value {
    let mut rows = with(evidence, table, column, value);
    assert_eq!(rows.len(), 1, "rows of {table} with {column} = {value}: {rows:#?}");
    rows.remove(0)
}

/// The one row of a table of which a column has this number.
fn numbered(evidence: &Evidence, table: &str, column: &str, value: i64) -> Value {
    let rows = evidence.table(table);
    let own = rows_of(&rows, column, value);
    let [row] = own.as_slice() else { panic!("{} rows of {table} with {column} = {value}: {own:#?}", own.len()) };
    (*row).clone()
}

/// The listener on this port in a network namespace has this owner, and no other.
fn assert_listens(evidence: &Evidence, (port, netns, pid): (i64, i64, i64)) {
    let sockets = evidence.table("process_open_sockets");
    let own: Vec<&Value> =
        rows_of(&sockets, "local_port", port).into_iter().filter(|row| number(row, "netns_inode") == Some(netns)).collect();
    let [listener] = own.as_slice() else { panic!("port {port} has {} rows in net:[{netns}]: {own:#?}", own.len()) };
    let owners = listener.get("pids").and_then(Value::as_array).into_iter().flatten();
    assert_eq!(owners.filter_map(|owner| number(owner, "pid")).collect::<Vec<_>>(), [pid], "{listener}");
    assert_eq!(
        (text(listener, "state").as_str(), text(listener, "local_address").as_str()),
        ("LISTEN", "127.0.0.1"),
        "{listener}"
    );
    let namespace = numbered(evidence, "network_namespaces", "netns_inode", netns);
    assert_eq!(number(&namespace, "is_host"), Some(0), "{namespace}");
}

/// What Docker would have written of the container, in a folder that only this test sees.
fn describe(odd: &Helper) {
    let environment = ["PATH=/bin".to_owned(), format!("API_TOKEN={SECRET}")];
    let config = json!({"Image": "odd:latest", "Env": environment});
    let state = json!({"Running": true, "Pid": odd.number("pid")});
    let config = json!({"ID": odd.fact("id"), "Name": "/odd", "Config": config, "State": state});
    let folder = Path::new("/var/lib/docker/containers").join(odd.fact("id"));
    fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    #[expect(clippy::disallowed_methods, reason = "tests lay out files")]
    fs::write(folder.join("config.v2.json"), config.to_string()).unwrap_or_else(|error| panic!("{error}"));
}

/// Both processes are in the container's namespaces, and the host's first process is not.
fn assert_inside(evidence: &Evidence, odd: &Helper) {
    let init = numbered(evidence, "processes", "pid", 1);
    for process in ["pid", "worker"].map(|fact| numbered(evidence, "processes", "pid", odd.number(fact))) {
        for (column, fact) in [("ns_mnt", "mnt"), ("ns_pid", "pidns"), ("ns_net", "net"), ("ns_uts", "uts"), ("ns_ipc", "ipc")] {
            assert_eq!(number(&process, column), Some(odd.number(fact)), "{column}: {process}");
            assert_ne!(number(&init, column), Some(odd.number(fact)), "{column} is the host's own: {init}");
        }
    }
    for (fact, known_by, inside) in [("pid", json!(["cgroup", "state"]), 1), ("worker", json!(["cgroup"]), 2)] {
        let row = numbered(evidence, "container_processes", "pid", odd.number(fact));
        let names = ["container_id", "container_name", "runtime"].map(|column| text(&row, column));
        assert_eq!(names, [odd.fact("id"), "odd", "docker"], "{row}");
        assert_eq!((row.get("known_by"), number(&row, "pid_in_namespace")), (Some(&known_by), Some(inside)), "{row}");
        assert_eq!(number(&row, "mnt_namespace"), Some(odd.number("mnt")), "{row}");
    }
}

/// What was written to the container's root is kept as it lies in the overlay's upper folder; so is what was deleted from it, and what
/// lies in its memory.
fn assert_written(evidence: &Evidence, odd: &Helper) {
    let (id, upper) = (odd.fact("id"), odd.fact("upper"));
    let mount = one(evidence, "overlay_mounts", "upper", upper);
    assert_eq!([text(&mount, "path"), text(&mount, "container_id")], ["/", id], "{mount}");
    assert_eq!(number(&mount, "mnt_namespace"), Some(odd.number("mnt")), "{mount}");
    let layer = one(evidence, "container_layers", "path", upper);
    assert_eq!((number(&layer, "mounted"), text(&layer, "container_id").as_str()), (Some(1), id), "{layer}");
    let inside = |path: &str| one(evidence, "container_files", "path", &format!("{upper}{path}"));
    let planted = inside("/etc/planted");
    assert_eq!(["container_id", "layer", "path_in_container"].map(|column| text(&planted, column)), [id, upper, "/etc/planted"]);
    assert_eq!(evidence.raw_file("containers", &format!("{upper}/etc/planted")), b"planted in a container\n");
    let deleted = inside("/etc/os-release");
    assert_eq!((text(&deleted, "type").as_str(), number(&deleted, "device")), ("character", Some(0)), "{deleted}");
    let memory = format!("/.hozen/mnt-{}/tmp/volatile", odd.fact("mnt"));
    assert_eq!(evidence.raw_file("tmpfs", &memory), b"in the memory of a container\n");
}

#[test]
fn a_container_is_told_from_the_host_and_what_it_wrote_is_kept() {
    if !is_root("a_container_is_told_from_the_host_and_what_it_wrote_is_kept") {
        return;
    }
    // Not every file system can be the upper one of an overlay; a tmpfs can.
    let layers = tempfile::tempdir_in("/dev/shm").unwrap_or_else(|error| panic!("no folder in /dev/shm: {error}"));
    let odd = Helper::start("odd", ["container".as_ref(), layers.path().as_os_str()]);
    let mut mounts = Mounts::own();
    mounts.tmpfs(Path::new("/var/lib"), "4m");
    describe(&odd);
    let folder = scratch();
    let evidence = Agent::find().collect(&folder.path().join("evidence"), &["--only", "freeze_frame,tmpfs,containers"]);
    assert_inside(&evidence, &odd);
    assert_listens(&evidence, (odd.number("port"), odd.number("net"), odd.number("pid")));
    let described = one(&evidence, "containers", "id", odd.fact("id"));
    let what = ["runtime", "name", "image", "state"].map(|column| text(&described, column));
    assert_eq!(what, ["docker", "odd", "odd:latest", "running"], "{described}");
    assert_eq!(described.pointer("/env_variables/0"), Some(&"PATH=/bin".into()), "{described}");
    assert_written(&evidence, &odd);
    assert_eq!(evidence.holding(SECRET.as_bytes()), Vec::<String>::new(), "the secret is in these objects");
}

#[test]
fn the_same_port_in_two_network_namespaces_has_two_owners() {
    if !is_root("the_same_port_in_two_network_namespaces_has_two_owners") {
        return;
    }
    let folder = scratch();
    let odd = Helper::start("odd", ["netns-pair"]);
    let evidence = Agent::find().collect(&folder.path().join("evidence"), &["--only", "freeze_frame"]);
    let port = odd.number("port");
    let [one, other] = [("netns", "pid"), ("other_netns", "other_pid")].map(|(netns, pid)| (odd.number(netns), odd.number(pid)));
    assert_ne!(one.0, other.0);
    for (netns, pid) in [one, other] {
        assert_listens(&evidence, (port, netns, pid));
        assert_eq!(number(&numbered(&evidence, "processes", "pid", pid), "ns_net"), Some(netns));
    }
}
