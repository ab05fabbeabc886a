use super::*;
use crate::host::fixture::write;
use crate::model::Digest;
use crate::source::recorded::Recorded;
use std::os::unix::fs::symlink;
use std::path::Path;

mod engines;
mod from_databases;

const ID: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const POD: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn process(root: &Path, pid: u32, mnt: u32, cgroup: &str, mountinfo: &str) {
    let at = format!("proc/{pid}");
    write(root, &format!("{at}/cgroup"), cgroup);
    write(root, &format!("{at}/comm"), "sh\n");
    write(root, &format!("{at}/status"), format!("Name:\tsh\nNSpid:\t{pid}\t1\n"));
    write(root, &format!("{at}/stat"), "1 (sh) S 0 0 0 0 -1 4194560 0 0");
    write(root, &format!("{at}/mountinfo"), mountinfo);
    std::fs::create_dir_all(root.join(&at).join("ns")).unwrap();
    symlink(format!("mnt:[{mnt}]"), root.join(&at).join("ns/mnt")).unwrap();
}

fn acquired(containers: Containers, lay_out: impl FnOnce(&Path)) -> (Outcome, Recorded) {
    let tree = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(tree.path().join("proc")).unwrap();
    lay_out(tree.path());
    let mut evidence = Recorded::default();
    let outcome = containers.acquire(&Host::fixture(tree.path()).unwrap(), &mut evidence).unwrap();
    (outcome, evidence)
}

const HOST_MOUNTS: &str = "21 1 8:1 / / rw - ext4 /dev/root rw\n";

/// A host with one running and one stopped container of Docker and a pod.
fn lay_out(root: &Path) {
    let docker = format!("var/lib/docker/containers/{ID}");
    let config = format!(
        r#"{{"ID":"{ID}","Name":"/web","Image":"sha256:0a","Created":"2026-01-01T00:00:00Z","Path":"sh","Args":["-c","id"],
        "Config":{{"Image":"nginx","Env":["PATH=/bin","DB_PASSWORD=hunter2"]}},"State":{{"Running":true,"Pid":50}}}}"#
    );
    write(root, &format!("{docker}/config.v2.json"), config);
    write(root, &format!("{docker}/hostconfig.json"), r#"{"Privileged":true,"NetworkMode":"host","Binds":["/:/host"]}"#);
    write(root, &format!("var/lib/docker/image/overlay2/layerdb/mounts/{ID}/mount-id"), "layer1");
    write(root, "var/lib/docker/overlay2/layer1/diff/tmp/x.sh", "#!/bin/sh\nTOKEN=hunter2 /tmp/y\n");
    write(root, "var/lib/docker/overlay2/layer1/diff/run/secrets/db", "hunter2");
    let task = format!("run/containerd/io.containerd.runtime.v2.task/k8s.io/{POD}");
    let oci =
        r#"{"process":{"args":["sleep"],"env":["API_TOKEN=hunter2"]},"annotations":{"io.kubernetes.cri.sandbox-name":"p"}}"#;
    write(root, &format!("{task}/config.json"), oci);
    write(root, &format!("{task}/init.pid"), "60");
    let token = "var/lib/kubelet/pods/u/volumes/kubernetes.io~projected/api/token";
    write(root, token, "hunter2");
    write(root, "upper/etc/new", "written");
    process(root, 1, 10, "0::/init.scope\n", HOST_MOUNTS);
    process(root, 50, 11, &format!("0::/system.slice/docker-{ID}.scope\n"), HOST_MOUNTS);
    let overlay = "30 1 0:40 / / rw - overlay overlay rw,lowerdir=/l,upperdir=/upper,workdir=/w\n";
    process(root, 60, 12, "0::/odd\n", overlay);
    process(root, 61, 12, "0::/\n", overlay);
    process(root, 70, 10, "0::/user.slice\n", HOST_MOUNTS);
}

fn row<'a>(evidence: &'a Recorded, table: &str, column: &str, value: impl Into<serde_json::Value>) -> &'a serde_json::Value {
    let value = value.into();
    evidence.rows(table).iter().find(|row| row[column] == value).unwrap_or_else(|| panic!("{table} {column} {value}"))
}

#[test]
fn containers_are_described_by_all_who_know_them() {
    let (outcome, evidence) = acquired(Containers::new(false, false), lay_out);
    assert_eq!((outcome, evidence.gaps.len()), (Outcome::ok(), 0), "{:?}", evidence.gaps);
    let web = row(&evidence, "containers", "id", ID);
    assert_eq!((&web["runtime"], &web["name"], &web["state"]), (&"docker".into(), &"web".into(), &"running".into()));
    assert_eq!((&web["privileged"], &web["binds"]), (&true.into(), &serde_json::json!(["/:/host"])));
    assert_eq!(web["env_variables"], serde_json::json!(["PATH=/bin", "DB_PASSWORD=xxxxxxx"]));
    let pod = row(&evidence, "containers", "id", POD);
    assert_eq!((&pod["runtime"], &pod["pid"], &pod["pod_name"]), (&"containerd".into(), &60.into(), &"p".into()));
}

#[test]
fn processes_are_known_by_cgroup_by_state_and_by_namespace() {
    let (_, evidence) = acquired(Containers::new(false, false), lay_out);
    let of = |pid: u32| row(&evidence, "container_processes", "pid", pid);
    assert_eq!(evidence.rows("container_processes").len(), 3, "neither the host's init nor its user");
    assert_eq!((&of(50)["container_id"], &of(50)["known_by"]), (&ID.into(), &serde_json::json!(["cgroup", "state"])));
    assert_eq!((&of(60)["container_id"], &of(60)["known_by"]), (&POD.into(), &serde_json::json!(["state"])));
    assert_eq!((&of(61)["container_id"], &of(61)["known_by"]), (&POD.into(), &serde_json::json!(["mnt-namespace"])));
    assert_eq!((&of(50)["container_name"], &of(61)["pid_in_namespace"]), (&"web".into(), &1.into()));
}

/// A process that began at this time.
fn begun(root: &Path, pid: u32, ticks: u32) {
    let stat = format!("{pid} (sh) S 1 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 {ticks} 1000 10 0\n");
    write(root, &format!("proc/{pid}/stat"), stat);
}

#[test]
fn a_number_that_another_process_has_by_now_is_of_no_container() {
    let (old, new) = ("c".repeat(64), "d".repeat(64));
    let (_, evidence) = acquired(Containers::new(false, false), |root| {
        for (id, pid) in [(ID, 80), (old.as_str(), 80), (new.as_str(), 81)] {
            let state =
                format!(r#"{{"id":"{id}","init_process_pid":{pid},"init_process_start":{}}}"#, if id == ID { 700 } else { 600 });
            write(root, &format!("run/runc/{id}/state.json"), state);
        }
        write(root, "run/containerd/io.containerd.runtime.v2.task/default/short/init.pid", "82");
        process(root, 1, 10, "0::/init.scope\n", HOST_MOUNTS);
        process(root, 80, 11, "0::/\n", "40 1 0:40 / / rw - tmpfs none rw\n");
        begun(root, 80, 700);
        process(root, 81, 10, "0::/system.slice/cron.service\n", HOST_MOUNTS);
        begun(root, 81, 900);
        // A service with a mount namespace of its own, and nothing else of a container.
        process(root, 82, 12, "0::/system.slice/web.service\n", HOST_MOUNTS);
        process(root, 83, 12, "0::/system.slice/web.service\n", HOST_MOUNTS);
    });
    let of = |pid: u32| {
        let row = row(&evidence, "container_processes", "pid", pid);
        ["container_id", "state_container_id", "state_check", "known_by"].map(|column| row[column].clone())
    };
    let none = serde_json::Value::Null;
    assert_eq!(of(80), [ID.into(), ID.into(), "start-time".into(), serde_json::json!(["state"])], "of two the one that is right");
    assert_eq!(of(81), [none.clone(), new.into(), "other-start-time".into(), serde_json::json!([])]);
    assert_eq!(of(82), [none.clone(), "short".into(), "host-root".into(), serde_json::json!([])]);
    assert_eq!(of(83), [none.clone(), none.clone(), none, serde_json::json!([])]);
    assert_eq!(row(&evidence, "containers", "id", old)["pid"], 80, "what files say stands in their rows");
}

#[test]
fn what_containers_wrote_is_kept_without_secrets() {
    let (_, evidence) = acquired(Containers::new(false, false), lay_out);
    assert_eq!(evidence.member("/upper/etc/new"), Some(&b"written"[..]));
    let script = evidence.member("/var/lib/docker/overlay2/layer1/diff/tmp/x.sh").unwrap();
    assert_eq!(script, b"#!/bin/sh\nTOKEN=xxxxxxx /tmp/y\n");
    let file = row(&evidence, "container_files", "path_in_container", "/etc/new");
    assert_eq!((&file["container_id"], &file["layer"]), (&POD.into(), &"/upper".into()));
    let secret = row(&evidence, "container_files", "path_in_container", "/run/secrets/db");
    assert_eq!((&secret["secret"], &secret["sha256"]), (&1.into(), &Digest::of(b"hunter2").to_string().into()));
    let layer = row(&evidence, "container_layers", "path", "/var/lib/docker/overlay2/layer1/diff");
    assert_eq!((&layer["mounted"], &layer["container_id"]), (&0.into(), &ID.into()));
    assert_eq!(row(&evidence, "overlay_mounts", "path", "/")["container_id"], POD);
    assert!(!evidence.members.iter().any(|(_, _, content)| content.windows(7).any(|part| part == b"hunter2")));
    let (_, evidence) = acquired(Containers::new(false, true), lay_out);
    assert_eq!(evidence.member("/var/lib/docker/overlay2/layer1/diff/run/secrets/db"), Some(&b"hunter2"[..]));
    assert!(evidence.members.iter().any(|(path, ..)| path.ends_with(b"projected/api/token")));
}

#[test]
fn one_layer_takes_no_more_than_its_share() {
    let limits = Containers { file_cap: 8, total_cap: 20, entries: 100, include_secrets: false };
    let (outcome, evidence) = acquired(limits, |root| {
        write(root, "a/1", "0123456789");
        write(root, "a/2", "01234567");
        write(root, "b/1", "01234567");
        let mounts = "30 1 0:40 / /x rw - overlay overlay rw,upperdir=/a\n31 1 0:41 / /y rw - overlay overlay rw,upperdir=/b\n\
            32 1 0:41 / /z rw - overlay overlay rw,upperdir=/none\n33 1 0:41 / /z rw - overlay overlay rw,upperdir=rel\n";
        process(root, 1, 10, "0::/\n", mounts);
    });
    assert_eq!(outcome, Outcome::ok());
    assert_eq!((evidence.member("/a/1@0"), evidence.member("/b/1")), (Some(&b"01234567"[..]), Some(&b"01234567"[..])));
    assert!(evidence.gaps.iter().all(|gap| gap.source.starts_with("/a/")), "{:?}", evidence.gaps);
    assert_eq!(row(&evidence, "container_layers", "path", "/none")["status"], "vanished");
}

/// Lists a container of containers/storage that writes into the layer `x`.
fn list(root: &Path, store: &str, id: &str) {
    let entry = format!(r#"[{{"id":"{id}","layer":"x","metadata":"{{}}"}}]"#);
    write(root, &format!("{store}/overlay-containers/containers.json"), entry);
    std::fs::create_dir_all(root.join(store).join("overlay/x")).unwrap();
}

#[test]
fn a_layer_that_a_user_names_leads_nowhere_but_into_his_home() {
    let store = |user: &str| format!("home/{user}/.local/share/containers/storage");
    let (_, evidence) = acquired(Containers::new(false, false), |root| {
        write(root, "etc/passwd", "ann:x:1000:1000::/home/ann:\neve:x:1001:1001::/home/eve:\n");
        write(root, "root/notes", "root's");
        write(root, "home/ann/data/file", "ann's");
        for (user, target) in [("ann", "/home/ann/data"), ("eve", "/root")] {
            list(root, &store(user), user);
            symlink(target, root.join(store(user)).join("overlay/x/diff")).unwrap();
        }
        process(root, 1, 10, "0::/init.scope\n", HOST_MOUNTS);
    });
    let files: Vec<_> = evidence.rows("container_files").iter().map(|row| row["path"].as_str().unwrap()).collect();
    assert_eq!(files, ["/home/ann/data/file"]);
    let upper = format!("/{}/overlay/x/diff", store("eve"));
    let layer = row(&evidence, "container_layers", "path", upper.as_str());
    assert_eq!((&layer["errors"][0]["errno"], evidence.gaps.len()), (&"limit".into(), 1));
    assert!(evidence.gaps[0].source == upper && evidence.gaps[0].reason.contains("/root"), "{:?}", evidence.gaps);
}

#[test]
fn layers_that_a_user_names_take_no_more_than_his_share() {
    let limits = Containers { file_cap: 60, total_cap: 100, entries: 100, include_secrets: false };
    let (host, home) = ("var/lib/containers/storage", "home/eve/.local/share/containers/storage");
    let (_, evidence) = acquired(limits, |root| {
        write(root, "etc/passwd", "eve:x:1001:1001::/home/eve:\n");
        for (store, id) in [(home, "fake"), (host, "true")] {
            list(root, store, id);
            write(root, &format!("{store}/overlay/x/diff/f"), [b'x'; 55]);
        }
        process(root, 1, 10, "0::/init.scope\n", HOST_MOUNTS);
    });
    let layers = evidence.rows("container_layers").iter();
    let layers: Vec<_> = layers.map(|row| (row["container_id"].as_str(), row["stored"].as_u64())).collect();
    assert_eq!(layers, [(Some("true"), Some(55)), (Some("fake"), Some(10))]);
}

#[test]
fn json_that_would_fill_the_memory_is_kept_and_made_no_row_of() {
    let path = format!("var/lib/docker/containers/{ID}/config.v2.json");
    let dense = format!(r#"{{"Args":[0{}]}}"#, ",0".repeat(1 << 19));
    let (_, evidence) = acquired(Containers::new(false, false), |root| {
        write(root, &path, &dense);
        process(root, 1, 10, "0::/init.scope\n", HOST_MOUNTS);
    });
    assert_eq!((evidence.rows("containers").len(), evidence.gaps.len()), (0, 1), "{:?}", evidence.gaps);
    assert_eq!(evidence.member(&format!("/{path}")).map(<[u8]>::len), Some(dense.len()));
}

#[test]
fn of_lxd_the_configuration_is_kept_and_its_database_is_a_digest() {
    let (outcome, evidence) = acquired(Containers::new(false, false), |root| {
        let lxd = "var/snap/lxd/common/lxd";
        let config =
            "container:\n  name: web\n  config:\n    environment.API_TOKEN: hunter2\n    security.privileged: \"true\"\n";
        write(root, &format!("{lxd}/storage-pools/default/containers/web/backup.yaml"), config);
        write(root, &format!("{lxd}/storage-pools/default/containers/web/rootfs/etc/hostname"), "web\n");
        write(root, &format!("{lxd}/database/global/db.bin"), "SQLite format 3\0 hunter2");
        write(root, "var/lib/lxc/old/config", "lxc.environment = DB_PASSWORD=hunter2\nlxc.hook.start = /tmp/x\n");
        process(root, 1, 10, "0::/init.scope\n", HOST_MOUNTS);
    });
    assert_eq!((outcome, evidence.gaps.len()), (Outcome::ok(), 0));
    let files = evidence.rows("container_state_files");
    let kinds: Vec<_> = files.iter().map(|row| (row["kind"].as_str().unwrap(), row["filename"].as_str().unwrap())).collect();
    assert_eq!(kinds, [("lxc", "config"), ("secret", "db.bin"), ("lxc", "backup.yaml")]);
    assert_eq!(
        (&files[1]["stored"], &files[1]["sha256"]),
        (&0.into(), &Digest::of(b"SQLite format 3\0 hunter2").to_string().into())
    );
    assert!(evidence.member("/var/lib/lxc/old/config").unwrap().ends_with(b"lxc.hook.start = /tmp/x\n"));
    assert!(!evidence.members.iter().any(|(.., content)| content.windows(7).any(|w| w == b"hunter2")));
}

#[test]
fn a_host_without_containers_is_absent() {
    let (outcome, evidence) = acquired(Containers::new(true, false), |root| process(root, 1, 10, "0::/\n", HOST_MOUNTS));
    assert_eq!((outcome.status, evidence.gaps.len()), (Status::Absent, 0));
}

/// A process in mount, PID and host name namespaces of its own, with an overlay in which it has written.
fn container_like(at: &Path) -> std::process::Child {
    let script = "mkdir $0/l $0/u $0/w $0/m && mount -t overlay o -o lowerdir=$0/l,upperdir=$0/u,workdir=$0/w $0/m && \
        echo planted > $0/m/new && ln -s /etc $0/m/link && echo ready && exec sleep 600";
    let mut command = std::process::Command::new("unshare");
    command.args(["-m", "-p", "-u", "-f", "--kill-child", "sh", "-c", script]).arg(at);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut [0; 6]).unwrap();
    child
}

#[test]
fn a_live_overlay_of_another_mount_namespace_is_kept() {
    assert!(nix::unistd::geteuid().is_root(), "this test makes namespaces and an overlay, which needs root");
    // Not every file system can be the upper one of an overlay; a tmpfs can.
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let mut child = container_like(folder.path());
    let mut evidence = Recorded::default();
    let limits = Containers { file_cap: 4096, total_cap: 1 << 20, entries: 100_000, include_secrets: false };
    let outcome = limits.acquire(&Host::live().unwrap(), &mut evidence);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(outcome, Ok(Outcome::ok()));
    let upper = folder.path().join("u");
    let upper = upper.to_str().unwrap();
    assert_eq!(evidence.member(&format!("{upper}/new")), Some(&b"planted\n"[..]));
    let mount = row(&evidence, "overlay_mounts", "upper", upper);
    assert_eq!(mount["path"], format!("{}/m", folder.path().display()));
    let file = row(&evidence, "container_files", "path_in_container", "/link");
    assert_eq!((&file["symlink_target_path"], &file["layer"]), (&"/etc".into(), &upper.into()));
    let namespace = &mount["mnt_namespace"];
    let inside: Vec<_> = evidence.rows("container_processes").iter().filter(|row| row["mnt_namespace"] == *namespace).collect();
    assert!(inside.iter().any(|row| row["pid_in_namespace"] == 1), "{inside:?}");
}
