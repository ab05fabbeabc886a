use super::*;
use crate::model::Timestamp;
use crate::source::recorded::Recorded;
use serde_json::{Value, json};

/// A source that writes these rows.
struct Rows(Artefact, Vec<(&'static str, Row)>);

impl Source for Rows {
    fn artefact(&self) -> Artefact {
        self.0
    }

    fn acquire(&self, _: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        self.1.iter().try_for_each(|(table, row)| evidence.row(table, row))?;
        Ok(Outcome::ok())
    }
}

fn artefact_of(table: &str) -> Artefact {
    let artefacts = crate::source::catalogue::artefacts();
    artefacts.into_iter().find(|artefact| artefact.tables.contains(&table)).unwrap()
}

fn row(columns: Value) -> Row {
    let mut row = Row::new(Timestamp::from_seconds(9), "/proc/7");
    for (name, value) in columns.as_object().unwrap() {
        row.json(name, value);
    }
    row
}

/// What is found in these rows of one table.
fn found(table: &'static str, rows: impl IntoIterator<Item = Value>) -> Recorded {
    let notes = Arc::new(Notes::default());
    let host = Host::live().unwrap();
    let rows = rows.into_iter().map(|columns| (table, row(columns))).collect();
    let mut first = Recorded::default();
    overheard(Box::new(Rows(artefact_of(table), rows)), &notes).acquire(&host, &mut first).unwrap();
    let mut evidence = Recorded::default();
    Findings(notes).acquire(&host, &mut evidence).unwrap();
    evidence
}

fn words(evidence: &Recorded) -> Vec<&str> {
    evidence.rows("findings").iter().map(|row| row["finding"].as_str().unwrap()).collect()
}

#[test]
fn each_kind_has_a_word_of_its_own_and_a_table_that_exists() {
    let mut words: Vec<&str> = rules::RULES.iter().map(|rule| rule.finding).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), rules::RULES.len());
    assert!(rules::RULES.iter().all(|rule| artefact_of(rule.table).tables.contains(&rule.table)));
}

#[test]
fn a_finding_names_the_row_that_it_rests_on() {
    let dull = json!({"pid": 1, "name": "init", "exe_deleted": 0, "exe_memfd": 0, "is_kthread": 0});
    let deleted =
        json!({"pid": 7, "name": "x", "path": "/tmp/x", "exe_deleted": 1, "exe_memfd": 0, "is_kthread": 0, "threads": 3});
    let evidence = found("processes", [dull, deleted]);
    assert_eq!(words(&evidence), ["deleted-executable"]);
    let finding = &evidence.rows("findings")[0];
    assert_eq!(
        (&finding["pid"], &finding["path"], &finding["collected_at"]),
        (&7.into(), &"/tmp/x".into(), &"1970-01-01T00:00:09.000000000Z".into())
    );
    let columns = json!({"pid": 7, "name": "x", "path": "/tmp/x"});
    let record = json!({"artefact": "freeze_frame", "object": "data/process/processes.jsonl.zst", "row": 1, "source": "/proc/7", "columns": columns});
    assert_eq!(finding["records"], json!([record]));
}

#[test]
fn a_changed_file_of_any_manager_shows_both_sums() {
    for [manager, expected, sum] in
        [["dpkg", "expected_md5", "md5"], ["apk", "expected_sha1", "sha1"], ["rpm", "expected_sha256", "sha256"]]
    {
        let columns =
            json!({"package": "p", "path": "/bin/ls", "manager": manager, "state": "changed", expected: "00", sum: "11"});
        let evidence = found("changed_package_files", [columns.clone()]);
        assert_eq!(evidence.rows("findings")[0]["records"][0]["columns"], columns);
    }
}

#[test]
fn rows_of_each_table_are_told_apart() {
    let process = |more: Value| {
        let mut row = json!({"pid": 7, "exe_deleted": 0, "exe_memfd": 0, "is_kthread": 0});
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        row
    };
    let cases: Vec<(&str, Value, &[&str])> = vec![
        ("processes", process(json!({"exe_deleted": 1, "exe_memfd": 1})), &["memfd-executable"]),
        ("processes", process(json!({"cmdline": "[kworker/0:1]"})), &["named-as-kernel-thread"]),
        ("processes", process(json!({"name_b64": "a3dvcmtlci//", "cmdline": ""})), &["named-as-kernel-thread"]),
        ("processes", process(json!({"is_kthread": 1, "name": "kworker/0:1"})), &[]),
        ("processes", process(json!({"cmdline": "sh -c [ -f x ]"})), &[]),
        ("processes", process(json!({"cmdline": "[lxc monitor] /var/lib/incus/containers c1"})), &[]),
        ("hidden_processes", json!({"pid": 7, "hidden": 1, "mount_point": "/proc/7"}), &["hidden-process", "mount-over-process"]),
        ("hidden_processes", json!({"pid": 7, "hidden": 0, "mount_point_b64": "/w=="}), &["mount-over-process"]),
        ("process_executables", json!({"pid": 7, "matches": 0, "deleted": 1}), &[]),
        ("process_executables", json!({"matches": 0, "deleted": 1, "path_sha256": "00"}), &["executable-is-not-its-path"]),
        ("process_executables", json!({"matches": 0, "deleted": 0}), &["executable-is-not-its-path"]),
        ("process_executables", json!({"matches": 1, "deleted": 0, "path_sha256": "00"}), &[]),
        ("kernel_modules", json!({"name": "rk", "contradiction": 1, "missing_from": ["sysfs"]}), &["module-in-one-view"]),
        ("kernel_modules", json!({"name": "xfs", "contradiction": 0}), &[]),
        ("module_views", json!({"view": "vmallocinfo", "unclaimed": 1}), &["module-memory-unclaimed"]),
        ("module_views", json!({"view": "sysfs", "available": 1}), &[]),
        ("module_files", json!({"name": "rk", "in_tree": 0}), &["module-without-file"]),
        ("module_files", json!({"name": "fat", "in_tree": 1, "path": "/lib/modules/6/fat.ko"}), &[]),
        (
            "network_namespaces",
            json!({"text_only": 1, "text_only_sockets": [{"kind": "tcp", "socket": 3}], "diag_only": 0}),
            &["socket-in-one-view"],
        ),
        ("network_namespaces", json!({"text_only": 0, "text_only_sockets": [], "diag_only": 0}), &[]),
        ("process_open_sockets", json!({"pid": 7, "bpf_filter_b64": "AAAA"}), &["packet-socket-filter"]),
        ("process_open_sockets", json!({"pid": 7, "path": "bpf_filter_b64"}), &[]),
        ("persistence_files", json!({"path": "/etc/ld.so.preload", "type": "regular"}), &["preload-file"]),
        ("persistence_files", json!({"path": "/etc/x", "via": "/etc/ld.so.preload"}), &[]),
        ("preload_libraries", json!({"library": "/lib/x.so"}), &["preload-library"]),
        ("changed_package_files", json!({"path": "/bin/ls", "state": "changed"}), &["package-file-changed"]),
        ("changed_package_files", json!({"path": "/bin/ls", "state": "no-file"}), &["package-file-changed"]),
        ("changed_package_files", json!({"path": "/usr/share/doc/x", "state": "missing"}), &[]),
    ];
    for (table, columns, expected) in cases {
        assert_eq!(words(&found(table, [columns.clone()])), expected, "{table}: {columns}");
    }
}

#[test]
fn rows_of_bpf_audit_containers_and_files_are_told_apart() {
    let cases: Vec<(&str, Value, &[&str])> = vec![
        ("bpf_programs", json!({"id": 7, "helpers": [], "contradiction": 1}), &["bpf-program-not-listed"]),
        (
            "bpf_programs",
            json!({"id": 7, "helpers": ["bpf_get_current_comm", "bpf_override_return"]}),
            &["bpf-program-changes-others"],
        ),
        ("bpf_programs", json!({"id": 7, "helpers": ["bpf_get_current_comm"], "contradiction": 0}), &[]),
        (
            "ftrace_functions",
            json!({"list": "enabled_functions", "function": "x64_sys_kill", "flags": "R I"}),
            &["function-diverted"],
        ),
        ("ftrace_functions", json!({"list": "enabled_functions", "function": "do_sys_open", "flags": "R"}), &[]),
        ("ftrace_functions", json!({"list": "touched_functions", "function": "do_sys_open", "flags": "I"}), &[]),
        ("audit_status", json!({"enabled": 0}), &["audit-off"]),
        ("audit_status", json!({"enabled": 1}), &[]),
        ("audit_rules", json!({"list": "exit", "action": "never"}), &["audit-rule-excludes"]),
        ("audit_rules", json!({"list": "exclude", "action": "always"}), &["audit-rule-excludes"]),
        ("audit_rules", json!({"list": "exit", "action": "always"}), &[]),
        ("containers", json!({"id": "a", "privileged": true, "binds": []}), &["privileged-container"]),
        ("containers", json!({"id": "a", "privileged": false, "binds": ["/:/host:ro"]}), &["container-mounts-host"]),
        ("containers", json!({"id": "a", "mounts": {"/x": {"Source": "/var/run/docker.sock"}}}), &["container-mounts-host"]),
        ("containers", json!({"id": "a", "mounts": [{"type": "bind", "source": "/etc/"}]}), &["container-mounts-host"]),
        (
            "containers",
            json!({"id": "a", "mounts": [{"type": "proc", "source": "proc"}, {"type": "bind", "source": "/data"}]}),
            &[],
        ),
        ("kprobes", json!({"symbol": "do_sys_openat2+0x0", "kind": "k", "address": "0xffffffff81000010"}), &["kernel-probe"]),
        ("kprobes", json!({"line": "?"}), &[]),
        ("hidden_files", json!({"path": "/etc/x", "hidden": 1}), &["hidden-file"]),
        ("hidden_files", json!({"path": "/mnt/x", "hidden": 0, "covered_by": "/mnt"}), &[]),
        ("suid_bin", json!({"path": "/tmp/x", "packaged": 0}), &["set-user-id-without-package"]),
        ("suid_bin", json!({"path": "/bin/su", "packaged": 1}), &[]),
    ];
    for (table, columns, expected) in cases {
        assert_eq!(words(&found(table, [columns.clone()])), expected, "{table}: {columns}");
    }
}

#[test]
fn the_arithmetic_of_tasks_is_one_finding_with_all_its_numbers() {
    let count = |view: &str, count: u64| json!({"view": view, "count": count});
    let counts = |unaccounted| {
        [count("kill", 3), count("tasks-found", 3), count("tasks-sysinfo", 5), count("tasks-unaccounted", unaccounted)]
    };
    assert_eq!(words(&found("process_counts", counts(0))), [""; 0]);
    let evidence = found("process_counts", counts(2));
    assert_eq!(words(&evidence), ["tasks-unaccounted"]);
    let rows: Vec<_> = evidence.rows("findings")[0]["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["row"].as_u64().unwrap())
        .collect();
    assert_eq!(rows, [1, 2, 3]);
}

#[test]
fn what_there_is_no_room_for_is_counted() {
    let library = |number: usize| json!({"library": format!("/lib/{number:0100}.so")});
    let evidence = found("preload_libraries", (0..3000).map(library));
    assert_eq!(words(&evidence).len(), 1000);
    let kind = evidence.rows("finding_kinds").iter().find(|row| row["finding"] == "preload-library").unwrap().clone();
    assert_eq!((&kind["found"], &kind["beyond"], &kind["rows_seen"]), (&3000.into(), &2000.into(), &3000.into()));
    assert!(evidence.gaps[0].reason.contains("2000 more rows"), "{:?}", evidence.gaps);
    let long = |_| json!({"library": "x".repeat(1500)});
    assert!(words(&found("preload_libraries", (0..1000).map(long))).len() < 400);
    let longer = found("preload_libraries", [json!({"library": "x".repeat(5000)})]);
    assert_eq!(longer.rows("findings")[0]["records"][0]["columns"], json!({}));
}

#[test]
fn what_was_not_collected_is_not_called_looked_at() {
    let evidence = found("processes", []);
    let collected =
        |finding: &str| evidence.rows("finding_kinds").iter().find(|row| row["finding"] == finding).unwrap()["collected"].clone();
    assert_eq!((collected("deleted-executable"), collected("preload-file")), ("ok".into(), "no".into()));
    let outcome = Findings(Arc::default()).acquire(&Host::live().unwrap(), &mut Recorded::default()).unwrap();
    assert_eq!(outcome.status, Status::Absent);
}

#[test]
fn a_source_that_panics_or_is_stopped_is_called_cut() {
    let notes = Arc::new(Notes::default());
    let rows = vec![("processes", row(json!({"pid": 7, "exe_memfd": 1})))];
    let source = overheard(Box::new(Rows(artefact_of("processes"), rows)), &notes);
    let mut stopped = Recorded { stop: Some(Stop::OutOfTime), ..Recorded::default() };
    assert_eq!(source.acquire(&Host::live().unwrap(), &mut stopped), Err(Stop::OutOfTime));
    let all = notes.all();
    let (_, found) = all.iter().find(|(rule, _)| rule.finding == "memfd-executable").unwrap();
    // A row that was refused is in no table, so nothing rests on it.
    assert_eq!((found.outcome, found.count), (Some("cut"), 0));
}
