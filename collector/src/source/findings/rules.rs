//! Which rows are findings.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::source::process::kernel_name;

/// The columns of a row.
pub(super) type Columns = Map<String, Value>;

/// What a row is to a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// It shows the fact.
    Finding,
    /// It shows nothing by itself, but belongs to what does.
    Support,
}

/// One kind of finding.
#[derive(Debug)]
pub(super) struct Rule {
    /// Its word.
    pub(super) finding: &'static str,
    /// The fact, in a sentence.
    pub(super) about: &'static str,
    /// The table whose rows show it.
    pub(super) table: &'static str,
    /// What every such row has in its line; others are not even parsed.
    pub(super) mark: &'static [u8],
    /// What the row is.
    pub(super) judge: fn(&Columns) -> Option<Weight>,
    /// The columns that are shown; the row has more.
    pub(super) columns: &'static [&'static str],
    /// Whether all rows together are one finding.
    pub(super) together: bool,
}

/// Columns of `processes` that tell which process it is.
const PROCESS: &[&str] = &["pid", "name", "path", "cmdline", "uid", "parent", "start_ticks", "entity_id", "exe_inode", "exe_dev"];

/// Columns of `bpf_programs` that tell which program it is.
const BPF: &[&str] =
    &["id", "type", "name", "tag", "symbol", "uid", "load_ns", "helpers", "owners", "pins", "seen_by", "xlated_sha256"];

/// Columns of `containers` that tell which one it is and what it may.
const CONTAINER: &[&str] =
    &["id", "name", "runtime", "image", "pid", "state", "privileged", "binds", "cap_add", "pid_mode", "network_mode", "created"];

/// Every kind of finding, processes first.
pub(super) const RULES: &[Rule] = &[
    Rule {
        finding: "hidden-process",
        about: "a process that is seen in one way is missing from another that should show it, in three looks one after the other",
        table: "hidden_processes",
        mark: b"\"hidden\":1",
        judge: |row| finding(is(row, "hidden", 1)),
        columns: &["pid", "name", "path", "cmdline", "start_ticks", "seen_by", "missing_from", "reason"],
        together: false,
    },
    Rule {
        finding: "mount-over-process",
        about: "something is mounted over the folder of a process in /proc, or over a part of it",
        table: "hidden_processes",
        mark: b"\"mount_point",
        judge: |row| finding(row.contains_key("mount_point") || row.contains_key("mount_point_b64")),
        columns: &["pid", "name", "path", "reason", "mount_point", "mount_root", "mount_type", "mount_source"],
        together: false,
    },
    Rule {
        finding: "tasks-unaccounted",
        about: "the kernel counts more tasks than all processes that can be found have threads",
        table: "process_counts",
        mark: b"\"view\":\"tasks-",
        judge: tasks,
        columns: &["view", "count"],
        together: true,
    },
    Rule {
        finding: "deleted-executable",
        about: "a process runs from a file that has no name any more",
        table: "processes",
        mark: b"\"exe_deleted\":1",
        judge: |row| finding(is(row, "exe_deleted", 1) && !is(row, "exe_memfd", 1)),
        columns: PROCESS,
        together: false,
    },
    Rule {
        finding: "memfd-executable",
        about: "a process runs from memory: its executable is a memfd and was never a file of any disk",
        table: "processes",
        mark: b"\"exe_memfd\":1",
        judge: |row| finding(is(row, "exe_memfd", 1)),
        columns: PROCESS,
        together: false,
    },
    Rule {
        finding: "executable-is-not-its-path",
        about: "the path of a process's executable names another file than the one that runs, or none although that one has a name",
        table: "process_executables",
        mark: b"\"matches\":0",
        judge: |row| finding(is(row, "matches", 0) && (row.contains_key("path_sha256") || is(row, "deleted", 0))),
        columns: &["pid", "path", "sha256", "path_sha256", "size", "dev", "inode", "deleted", "matches"],
        together: false,
    },
    Rule {
        finding: "named-as-kernel-thread",
        about: "a process of user space bears the name of a thread of the kernel",
        table: "processes",
        mark: b"\"is_kthread\":0",
        judge: |row| finding(is(row, "is_kthread", 0) && is_named_as_kernel_thread(row)),
        columns: PROCESS,
        together: false,
    },
    Rule {
        finding: "module-in-one-view",
        about: "one list of the kernel has a module that another, which should, does not have",
        table: "kernel_modules",
        mark: b"\"contradiction\":1",
        judge: |row| finding(is(row, "contradiction", 1)),
        columns: &["name", "size", "address", "taint_letters", "symbols_lowest", "symbols_highest", "seen_by", "missing_from"],
        together: false,
    },
    Rule {
        finding: "module-memory-unclaimed",
        about: "the kernel has memory that was allocated for a module, and no list names a module that lies there",
        table: "module_views",
        mark: b"\"unclaimed\":1",
        judge: |row| finding(is(row, "unclaimed", 1)),
        columns: &["view", "start", "end", "caller"],
        together: false,
    },
    Rule {
        finding: "module-without-file",
        about: "the kernel has a module that its own tree of modules has no file for: it was loaded from another place, or its file is gone",
        table: "module_files",
        mark: b"\"in_tree\":0",
        judge: |row| finding(is(row, "in_tree", 0)),
        columns: &["name", "in_tree"],
        together: false,
    },
    Rule {
        finding: "socket-in-one-view",
        about: "a network namespace has sockets that one of /proc/net and sock_diag shows each time, and the other never",
        table: "network_namespaces",
        mark: b"_only_sockets\":[{",
        judge: |row| finding(is_above_zero(row, "text_only") || is_above_zero(row, "diag_only")),
        columns: &[
            "netns_inode",
            "pid",
            "is_host",
            "text_only",
            "text_only_sockets",
            "diag_only",
            "diag_only_sockets",
            "anomalies",
        ],
        together: false,
    },
    Rule {
        finding: "packet-socket-filter",
        about: "a packet socket has a BPF filter: it sees all traffic of an interface and waits for some of it",
        table: "process_open_sockets",
        mark: b"\"bpf_filter_b64\"",
        judge: |row| finding(row.contains_key("bpf_filter_b64")),
        columns: &[
            "pid",
            "fd",
            "pids",
            "socket",
            "family",
            "protocol",
            "socket_type",
            "interface_index",
            "netns_inode",
            "bpf_filter_b64",
            "bpf_filter_hex",
            "bpf_filter_length",
            "bpf_filter_sha256",
        ],
        together: false,
    },
    Rule {
        finding: "kernel-probe",
        about: "a probe is set in the kernel's code: whoever set it sees each call there, and from a module may change what it does",
        table: "kprobes",
        mark: b"\"symbol",
        judge: |_| Some(Weight::Finding),
        columns: &["address", "kind", "symbol", "flags"],
        together: true,
    },
    Rule {
        finding: "function-diverted",
        about: "calls of a function of the kernel may be sent to another one by ftrace: live patches do that, and so do rootkits",
        table: "ftrace_functions",
        mark: b"\"flags\"",
        judge: |row| finding(word(row, "list") == "enabled_functions" && word(row, "flags").contains('I')),
        columns: &["function", "module", "count", "flags", "details"],
        together: true,
    },
    Rule {
        finding: "bpf-program-not-listed",
        about: "a BPF program is seen by a descriptor, a pin, another object or the kernel's symbols, and the kernel's own list lacks it",
        table: "bpf_programs",
        mark: b"\"contradiction\":1",
        judge: |row| finding(is(row, "contradiction", 1)),
        columns: BPF,
        together: false,
    },
    Rule {
        finding: "bpf-program-changes-others",
        about: "a BPF program calls a function that writes into the memory of processes, decides what a function of the kernel returns, or \
                sends signals",
        table: "bpf_programs",
        mark: b"\"helpers\":[\"",
        judge: |row| finding(calls_any(row, &CHANGING)),
        columns: BPF,
        together: false,
    },
    Rule {
        finding: "audit-off",
        about: "the kernel has audit and it is switched off",
        table: "audit_status",
        mark: b"\"enabled\":0",
        judge: |row| finding(is(row, "enabled", 0)),
        columns: &["enabled", "pid", "lost", "backlog", "failure"],
        together: false,
    },
    Rule {
        finding: "audit-rule-excludes",
        about: "a rule of audit keeps something from being recorded",
        table: "audit_rules",
        mark: b"\"action\":\"",
        judge: |row| finding(word(row, "action") == "never" || word(row, "list") == "exclude"),
        columns: &["list", "action", "key", "syscalls", "all_syscalls", "fields", "member"],
        together: false,
    },
    Rule {
        finding: "privileged-container",
        about: "a container runs with all rights of the host's root",
        table: "containers",
        mark: b"\"privileged\":",
        judge: |row| finding(row.get("privileged").is_some_and(|value| *value == Value::Bool(true) || value == 1)),
        columns: CONTAINER,
        together: false,
    },
    Rule {
        finding: "container-mounts-host",
        about: "a container has the host's root folder, a folder of its kernel or administration, or the socket of a container engine",
        table: "containers",
        mark: b"",
        judge: |row| finding(mounts_host(row)),
        columns: CONTAINER,
        together: false,
    },
    Rule {
        finding: "hidden-file",
        about: "a name stands in a folder on the disk, and the kernel's list of that folder lacks it, in three looks one after the other",
        table: "hidden_files",
        mark: b"\"hidden\":1",
        judge: |row| finding(is(row, "hidden", 1)),
        columns: &[
            "path",
            "type",
            "size",
            "uid",
            "gid",
            "mode",
            "mtime",
            "ctime",
            "btime",
            "inode",
            "sha256",
            "seen_by",
            "missing_from",
            "symlink_target_path",
        ],
        together: false,
    },
    Rule {
        finding: "set-user-id-without-package",
        about: "a program that runs with the rights of its owner or group belongs to no package",
        table: "suid_bin",
        mark: b"\"packaged\":0",
        judge: |row| finding(is(row, "packaged", 0)),
        columns: &[
            "path",
            "permissions",
            "username",
            "groupname",
            "uid",
            "gid",
            "mode",
            "size",
            "mtime",
            "ctime",
            "btime",
            "inode",
        ],
        together: false,
    },
    Rule {
        finding: "preload-file",
        about: "/etc/ld.so.preload is there: the loader puts what it names into every program",
        table: "persistence_files",
        mark: b"\"/etc/ld.so.preload\"",
        judge: |row| finding(text(row, "path").as_deref() == Some(b"/etc/ld.so.preload")),
        columns: &["path", "type", "size", "uid", "gid", "mode", "mtime", "ctime", "btime", "sha256", "attributes"],
        together: false,
    },
    Rule {
        finding: "preload-library",
        about: "/etc/ld.so.preload names a library",
        table: "preload_libraries",
        mark: b"",
        judge: |_| Some(Weight::Finding),
        columns: &["library", "path", "exists"],
        together: false,
    },
    Rule {
        finding: "package-file-changed",
        about: "a file that a package installed is not what the package's own sums say, or is no file any more",
        table: "changed_package_files",
        mark: b"\"state\":\"",
        judge: |row| finding(["changed", "no-file"].iter().any(|word| row.get("state").is_some_and(|state| state == word))),
        columns: &[
            "package",
            "path",
            "manager",
            "state",
            "expected_md5",
            "expected_sha1",
            "expected_sha256",
            "md5",
            "sha1",
            "sha256",
        ],
        together: false,
    },
];

/// Whether any rule looks at the rows of `table`.
pub(super) fn is_of_interest(table: &str) -> bool {
    RULES.iter().any(|rule| rule.table == table)
}

fn finding(holds: bool) -> Option<Weight> {
    holds.then_some(Weight::Finding)
}

fn is(row: &Columns, column: &str, value: i64) -> bool {
    row.get(column).and_then(Value::as_i64) == Some(value)
}

fn is_above_zero(row: &Columns, column: &str) -> bool {
    row.get(column).and_then(Value::as_i64).is_some_and(|value| value > 0)
}

/// The bytes of a column, be it text or base64.
fn text(row: &Columns, column: &str) -> Option<Vec<u8>> {
    match row.get(column).and_then(Value::as_str) {
        Some(text) => Some(text.as_bytes().to_owned()),
        None => STANDARD.decode(row.get(&format!("{column}_b64"))?.as_str()?).ok(),
    }
}

/// The text of a column; empty where there is none.
fn word<'a>(row: &'a Columns, column: &str) -> &'a str {
    row.get(column).and_then(Value::as_str).unwrap_or_default()
}

/// Functions by which a program of BPF changes what others do (linux/bpf.h).
const CHANGING: [&str; 4] = ["bpf_probe_write_user", "bpf_override_return", "bpf_send_signal", "bpf_send_signal_thread"];

fn calls_any(row: &Columns, names: &[&str]) -> bool {
    let helpers = row.get("helpers").and_then(Value::as_array);
    helpers.is_some_and(|helpers| helpers.iter().filter_map(Value::as_str).any(|name| names.contains(&name)))
}

/// Folders of the host by which whoever is in a container is on the host: all of it, its administration, other processes, devices, and
/// the sockets that start containers.
const OF_HOST: [&str; 9] = ["/", "/etc", "/root", "/proc", "/sys", "/dev", "/boot", "/var/lib/docker", "/run"];
const ENGINES: [&str; 5] = ["docker.sock", "containerd.sock", "crio.sock", "podman.sock", "cri-dockerd.sock"];

/// Docker's `binds` (`source:destination:options`) and `mounts` (objects with `Source`), and the `mounts` of an OCI runtime (`source`), of
/// which those of the kernel's own file systems name no folder.
fn mounts_host(row: &Columns) -> bool {
    let binds = row.get("binds").and_then(Value::as_array).into_iter().flatten();
    let binds = binds.filter_map(Value::as_str).filter_map(|bind| bind.split(':').next());
    let list = |value: &'_ Value| match value {
        Value::Array(all) => all.clone(),
        Value::Object(all) => all.values().cloned().collect(),
        _ => Vec::new(),
    };
    let mounts = row.get("mounts").map(list).unwrap_or_default();
    let sources = mounts.iter().filter(|mount| mount.get("type").is_none_or(|kind| kind == "bind"));
    let sources = sources.filter_map(|mount| mount.get("Source").or_else(|| mount.get("source"))?.as_str());
    binds.chain(sources).any(|source| {
        let folder = source.trim_end_matches('/');
        let folder = if folder.is_empty() && source.starts_with('/') { "/" } else { folder };
        OF_HOST.contains(&folder) || folder.rsplit('/').next().is_some_and(|name| ENGINES.contains(&name))
    })
}

/// The counts of tasks: the difference is the finding, what it was made of belongs to it.
fn tasks(row: &Columns) -> Option<Weight> {
    let is_difference = row.get("view").is_some_and(|view| view == "tasks-unaccounted");
    Some(if is_difference && is_above_zero(row, "count") { Weight::Finding } else { Weight::Support })
}

/// `ps` shows a thread of the kernel, which has no command line, by its name in brackets; a process that writes that over its own looks
/// the same. A zombie has no command line either, and keeps its name.
fn is_named_as_kernel_thread(row: &Columns) -> bool {
    let has = |column: &str, is: fn(&[u8]) -> bool| text(row, column).is_some_and(|bytes| is(&bytes));
    has("cmdline", kernel_name::is_in_brackets) || has("name", kernel_name::is_of_kernel)
}
