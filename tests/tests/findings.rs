//! What hides is named in `findings`, and the row that the finding rests on is there.
//!
//! Findings that only a kernel that lies gives are not planted here: `module-in-one-view`, `module-memory-unclaimed` and `hidden-file` are seen in
//! guests with a module that hides (vm.rs). For `tasks-unaccounted` and `socket-in-one-view` it would have to leave processes or sockets out of some
//! lists and not of others, which ours does not: these two rest on the rows that `collector/src/source/findings/tests.rs` gives them.

use std::path::Path;

use hozen_tests::agent::Agent;
use hozen_tests::evidence::{Evidence, bytes, number};
use hozen_tests::helper::Helper;
use hozen_tests::host::{Mounts, is_root};
use serde_json::Value;

/// The findings of this word about this process.
fn about(evidence: &Evidence, finding: &str, pid: i64) -> Vec<Value> {
    let rows = evidence.table("findings");
    let is = |row: &&Value| row.get("finding").is_some_and(|word| word == finding) && number(row, "pid") == Some(pid);
    rows.iter().filter(is).cloned().collect()
}

/// The row that a finding rests on, in the table that it names.
fn rests_on(evidence: &Evidence, finding: &Value) -> Value {
    let record = finding.pointer("/records/0").cloned().unwrap_or_default();
    let object = record.get("object").and_then(Value::as_str).unwrap_or_default().to_owned();
    let content = evidence.content(&object);
    let row = usize::try_from(number(&record, "row").unwrap_or(-1)).unwrap_or(usize::MAX);
    let line = content.split(|byte| *byte == b'\n').nth(row).unwrap_or_default();
    serde_json::from_slice(line).unwrap_or_default()
}

#[test]
fn what_runs_from_no_file_is_a_finding_that_names_its_row() {
    let (folder, drop) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let memfd = Helper::start("odd", ["memfd"]);
    let deleted = Helper::start("odd", ["deleted".as_ref(), drop.path().as_os_str()]);
    let plain = Helper::start("odd", ["plain"]);
    let evidence = Agent::find().collect(&folder.path().join("evidence"), &["--only", "freeze_frame,findings"]);
    for (helper, word) in [(&memfd, "memfd-executable"), (&deleted, "deleted-executable")] {
        let pid = helper.number("pid");
        let found = about(&evidence, word, pid);
        assert_eq!(found.len(), 1, "{word}: {found:#?}");
        let row = found.first().map(|finding| rests_on(&evidence, finding)).unwrap_or_default();
        assert_eq!((number(&row, "pid"), bytes(&row, "artefact").as_deref()), (Some(pid), Some(&b"processes"[..])), "{row}");
    }
    for word in ["memfd-executable", "deleted-executable", "named-as-kernel-thread"] {
        assert!(about(&evidence, word, plain.number("pid")).is_empty(), "an ordinary process is called {word}");
    }
    let kinds = evidence.table("finding_kinds");
    let collected = |word: &str| {
        kinds.iter().find(|row| bytes(row, "finding").as_deref() == Some(word.as_bytes())).and_then(|row| bytes(row, "collected"))
    };
    assert_eq!(collected("memfd-executable").as_deref(), Some(&b"ok"[..]));
    assert_eq!(collected("package-file-changed").as_deref(), Some(&b"no"[..]), "no package was looked at");
}

#[test]
fn what_goes_by_another_name_is_a_finding_that_names_its_row() {
    let (folder, drop) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let disguised = Helper::start("odd", ["disguised"]);
    let replaced = Helper::start("odd", ["replaced".as_ref(), drop.path().as_os_str()]);
    let plain = Helper::start("odd", ["plain"]);
    let only = ["--only", "freeze_frame,executables,findings"];
    let evidence = Agent::find().collect(&folder.path().join("evidence"), &only);
    let row_of = |word: &str, helper: &Helper, others: [&Helper; 2]| {
        let found = about(&evidence, word, helper.number("pid"));
        assert_eq!(found.len(), 1, "{word}: {found:#?}");
        let innocent = others.iter().all(|other| about(&evidence, word, other.number("pid")).is_empty());
        assert!(innocent, "another process is called {word}");
        found.first().map(|finding| rests_on(&evidence, finding)).unwrap_or_default()
    };
    let text = |row: &Value, column: &str| String::from_utf8(bytes(row, column).unwrap_or_default()).unwrap_or_default();
    let row = row_of("named-as-kernel-thread", &disguised, [&replaced, &plain]);
    assert_eq!((number(&row, "pid"), text(&row, "artefact").as_str()), (Some(disguised.number("pid")), "processes"), "{row}");
    assert_eq!([text(&row, "name"), text(&row, "cmdline")], ["kworker/0:1", "[kworker/0:1] disguised-again"], "{row}");
    let row = row_of("executable-is-not-its-path", &replaced, [&disguised, &plain]);
    let expected = (Some(replaced.number("pid")), Some(0), "process_executables");
    assert_eq!((number(&row, "pid"), number(&row, "matches"), text(&row, "artefact").as_str()), expected, "{row}");
    for column in ["sha256", "path_sha256", "path"] {
        assert_eq!(text(&row, column), replaced.fact(column), "{column}: {row}");
    }
}

#[test]
fn a_filter_on_a_packet_socket_and_what_lives_for_a_moment_are_there() {
    if !is_root("a_filter_on_a_packet_socket_and_what_lives_for_a_moment_are_there") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (sniffer, mortal) = (Helper::start("odd", ["sniffer"]), Helper::start("odd", ["mortal"]));
    let only = ["--only", "freeze_frame,process_events,findings"];
    let evidence = Agent::find().collect(&folder.path().join("evidence"), &only);
    let found = about(&evidence, "packet-socket-filter", sniffer.number("pid"));
    assert_eq!(found.len(), 1, "{found:#?}");
    let row = found.first().map(|finding| rests_on(&evidence, finding)).unwrap_or_default();
    let text = |column: &str| String::from_utf8(bytes(&row, column).unwrap_or_default()).unwrap_or_default();
    assert_eq!(
        (text("bpf_filter_hex"), text("bpf_filter_sha256")),
        (sniffer.fact("filter").to_owned(), sniffer.fact("sha256").to_owned()),
        "{row}"
    );
    assert_eq!((number(&row, "bpf_filter_length"), number(&row, "netns_inode")), (Some(4), Some(sniffer.number("netns"))));
    let outcome = evidence.step("process_events").get("status").cloned().unwrap_or_default();
    if outcome == "absent" {
        hozen_tests::host::skipped("processes that live for a moment", "a kernel that tells events of processes");
        return;
    }
    let events = evidence.table("process_events");
    let is = |row: &&Value, event: &str| bytes(row, "event").as_deref() == Some(event.as_bytes());
    let forks = events.iter().filter(|row| is(row, "fork") && number(row, "parent") == Some(mortal.number("pid")));
    let children: Vec<_> = forks.filter_map(|row| number(row, "pid")).collect();
    assert!(children.len() > 3, "{outcome}: {children:?} of {} events", events.len());
    let ended = events.iter().filter(|row| is(row, "exit")).filter_map(|row| number(row, "pid"));
    assert!(ended.filter(|pid| children.contains(pid)).count() > 2, "no child of {children:?} ended");
}

#[test]
fn a_mount_over_a_process_is_a_finding() {
    if !is_root("a_mount_over_a_process_is_a_finding") {
        return;
    }
    let (folder, cover) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let hidden = Helper::start("odd", ["plain"]);
    let pid = hidden.number("pid");
    let mut mounts = Mounts::own();
    mounts.bind(cover.path(), Path::new(&format!("/proc/{pid}")));
    let evidence = Agent::find().collect(&folder.path().join("evidence"), &["--only", "hidden_processes,findings"]);
    for word in ["hidden-process", "mount-over-process"] {
        let found = about(&evidence, word, pid);
        assert_eq!(found.len(), 1, "{word}: {found:#?}");
        let row = found.first().map(|finding| rests_on(&evidence, finding)).unwrap_or_default();
        assert_eq!(bytes(&row, "mount_point"), Some(format!("/proc/{pid}").into_bytes()), "{row}");
    }
}
