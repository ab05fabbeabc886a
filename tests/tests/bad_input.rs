//! Bad input and bad luck: refused with the thing named and nothing created, or sealed in part with the reason. Never a lie.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests lay out files with the standard library")]

use std::fs;
use std::path::Path;

use hozen_tests::agent::{Agent, Finished, code};
use hozen_tests::evidence::Evidence;
use hozen_tests::helper::Helper;
use hozen_tests::host::{Mounts, is_root};
use nix::sys::signal::Signal;
use serde_json::Value;

/// Everything below a folder, sorted.
fn tree(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path().display().to_string()).collect();
    names.sort();
    names
}

/// A refusal: this exit code, one line of JSON that says so, and a message that names `thing`.
fn assert_refused(finished: &Finished, code: i32, thing: &str) {
    finished.assert_code(code);
    let result = finished.result();
    assert_eq!(result.get("outcome").and_then(Value::as_str), Some("refused"), "{result}");
    assert!(finished.stderr.contains(thing), "the message does not name {thing:?}: {}", finished.stderr);
}

/// Runs `collect` with these options in a folder of its own, where nothing may be left.
fn refused(options: &[&str], thing: &str) {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [&["collect"], options].concat();
    assert_refused(&Agent::find().inside(folder.path()).run(arguments), code::USAGE, thing);
    assert_eq!(tree(folder.path()), Vec::<String>::new(), "{options:?}");
}

#[test]
fn wrong_options_are_refused_by_name() {
    let to = ["--to", "evidence", "--case", "TEST-1"];
    let table: &[(&[&str], &str)] = &[
        (&["--only", "proceses"], "proceses"),
        (&["--skip", "nothing_of_the_kind"], "nothing_of_the_kind"),
        (&["--only", "freeze_frame,,mounts"], "--only"),
        (&["--only", "mounts,shm", "--skip", "shm"], "shm"),
        (&["--profile", "everything"], "everything"),
        (&["--memory", "always"], "always"),
        (&["--deadline", "soon"], "soon"),
        (&["--deadline", "-5m"], "-5m"),
        (&["--colour", "blue"], "--colour"),
        (&["surplus"], "surplus"),
    ];
    for (options, thing) in table {
        refused(&[&to[..], options].concat(), thing);
    }
}

#[test]
fn wrong_case_ids_are_refused_with_the_place() {
    let long = "x".repeat(65);
    for (case, thing) in [
        ("", "1 to 64"),
        ("a/b", "character 2"),
        ("..", "character 1"),
        ("a b", "character 2"),
        (&long, "65"),
        ("é", "character 1"),
    ] {
        refused(&["--to", "evidence", "--case", case], thing);
    }
}

#[test]
fn a_wrong_command_is_refused() {
    for (arguments, code) in [(&["colect"][..], code::USAGE), (&["verify"], 3), (&["verify", "a", "b"], 3)] {
        let finished = Agent::find().run(arguments);
        finished.assert_code(code);
        assert!(!finished.stderr.is_empty());
    }
}

#[test]
fn wrong_configurations_are_refused_with_line_and_column() {
    let table: &[(&str, &[&str])] = &[
        ("profile = \"triage\"\ncase = \n", &["line 2", "column"]),
        ("# fine\ncolour = \"blue\"\n", &["line 2", "colour"]),
        ("deadline = [1]\n", &["line 1", "deadline"]),
        ("case = \"a/b\"\n", &["character 2"]),
        ("only = [\"proceses\"]\n", &["proceses"]),
        ("profile = \"triage\"\nprofile = \"full\"\n", &["line 2", "profile"]),
    ];
    for (text, things) in table {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config.toml");
        fs::write(&config, text).unwrap();
        let finished = Agent::find().inside(folder.path()).run(["collect", "--to", "evidence", "--config", "config.toml"]);
        for thing in *things {
            assert_refused(&finished, code::USAGE, thing);
        }
        assert!(finished.stderr.contains("config.toml"), "{}", finished.stderr);
        assert_eq!(tree(folder.path()), [config.display().to_string()]);
    }
    refused(&["--to", "evidence", "--config", "missing.toml"], "missing.toml");
}

#[test]
fn a_configuration_that_is_not_text_or_not_a_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    fs::write(&config, b"case = \"\xff\"").unwrap();
    nix::unistd::mkfifo(&folder.path().join("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    for name in ["config.toml", "fifo", ".", "/dev/zero"] {
        let finished = Agent::find().inside(folder.path()).run(["collect", "--to", "evidence", "--config", name]);
        assert_refused(&finished, code::USAGE, name);
    }
    assert!(!folder.path().join("evidence").exists());
}

#[test]
fn destinations_that_cannot_take_evidence_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let full = folder.path().join("full");
    fs::create_dir(&full).unwrap();
    fs::write(full.join("something"), b"of somebody else").unwrap();
    let file = folder.path().join("file");
    fs::write(&file, b"a file").unwrap();
    std::os::unix::fs::symlink(folder.path().join("nowhere/else"), folder.path().join("dangling")).unwrap();
    let before = tree(folder.path());
    let below_file = file.join("evidence");
    for to in [&full, &file, &below_file, &folder.path().join("dangling"), Path::new("/proc/evidence")] {
        let finished = Agent::find().run(Agent::collection(to, &["--profile", "volatile"]));
        assert_refused(&finished, code::BAD_DESTINATION, to.to_str().unwrap());
    }
    assert_eq!(tree(folder.path()), before);
    assert_eq!(fs::read(full.join("something")).unwrap(), b"of somebody else");
    assert_eq!(tree(&full).len(), 1);
}

#[test]
fn an_empty_folder_is_taken_and_a_second_run_into_it_refused() {
    let folder = tempfile::tempdir().unwrap();
    let evidence = Agent::find().collect(folder.path(), &["--only", "mounts"]);
    let keys = evidence.keys();
    let again = Agent::find().run(Agent::collection(folder.path(), &["--only", "mounts"]));
    assert_refused(&again, code::BAD_DESTINATION, folder.path().to_str().unwrap());
    assert_eq!(evidence.keys(), keys);
    Agent::find().verify(folder.path()).assert_code(0);
}

#[test]
fn a_read_only_destination_is_refused() {
    if !is_root("a_read_only_destination_is_refused") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut mounts = Mounts::own();
    mounts.tmpfs(folder.path(), "1m");
    assert!(mounts.read_only(folder.path()));
    for to in [folder.path().to_owned(), folder.path().join("evidence")] {
        let finished = Agent::find().run(Agent::collection(&to, &["--profile", "volatile"]));
        assert_refused(&finished, code::BAD_DESTINATION, to.to_str().unwrap());
    }
}

#[test]
fn without_root_it_says_so_and_how_to_go_on() {
    use std::os::unix::fs::PermissionsExt as _;
    if !is_root("without_root_it_says_so_and_how_to_go_on") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let agent = Agent::find().copied_to(&folder.path().join("hozen")).as_user(65534);
    let finished = agent.run(Agent::collection(&folder.path().join("evidence"), &[]));
    assert_refused(&finished, code::NOT_ROOT, "--unprivileged");
    assert!(!folder.path().join("evidence").exists());
}

#[test]
fn a_dry_run_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let options = ["collect", "--to", "evidence", "--case", "TEST-1", "--dry-run"];
    let finished = Agent::find().inside(folder.path()).run(options);
    finished.assert_code(0);
    assert!(finished.said().contains("freeze_frame"), "the plan is not shown: {}", finished.said());
    assert_eq!(tree(folder.path()), Vec::<String>::new());
}

/// What the end of a run that did not go well must look like: it never claims more than `verify` finds.
fn assert_truthful(finished: &Finished, to: &Path) {
    let _ = finished.result();
    let verdict = if to.join("000-begin.json").exists() { Some(Agent::find().verify(to).code()) } else { None };
    match finished.code() {
        code::COMPLETE | code::NO_MEMORY | code::PARTIAL | code::CUT_SHORT => assert_eq!(verdict, Some(0), "{finished:?}"),
        // What was written before the end is whole as far as it goes, and nobody can take it for a finished run.
        _ => assert!(matches!(verdict, None | Some(0 | 2)), "verdict {verdict:?} after {finished:?}"),
    }
}

#[test]
fn a_destination_that_fills_up_is_told_at_every_size() {
    if !is_root("a_destination_that_fills_up_is_told_at_every_size") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut short = 0;
    for size in ["4k", "16k", "32k", "64k", "128k", "256k", "512k", "1m", "2m"] {
        let mut mounts = Mounts::own();
        mounts.tmpfs(folder.path(), size);
        let to = folder.path().join("evidence");
        let finished = Agent::find().run(Agent::collection(&to, &["--profile", "volatile"]));
        assert_truthful(&finished, &to);
        let whole = matches!(finished.code(), code::COMPLETE | code::NO_MEMORY);
        if !whole && finished.said().contains("no space left at the destination") {
            short += 1;
        } else {
            assert!(whole || finished.code() == code::PARTIAL, "{size}: no word of the full disk: {finished:?}");
        }
    }
    assert!(short > 0, "no size was small enough to fill up");
}

#[test]
fn a_deadline_of_nothing_is_refused_or_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("evidence");
    let finished = Agent::find().run(Agent::collection(&to, &["--deadline", "0"]));
    match finished.code() {
        code::USAGE => {
            assert_refused(&finished, code::USAGE, "deadline");
            assert!(!to.exists());
        }
        code::CUT_SHORT => assert_sealed_in_part(&finished, &to),
        other => panic!("exit code {other}: {finished:?}"),
    }
}

#[test]
fn a_short_deadline_cuts_the_tail_and_never_the_seal() {
    let folder = tempfile::tempdir().unwrap();
    // Much to read, and a deadline that it cannot make.
    let _crowd = Helper::start("crowd", ["800", "1600"]);
    let to = folder.path().join("evidence");
    let finished = Agent::find().run(Agent::collection(&to, &["--deadline", "1ms"]));
    finished.assert_code(code::CUT_SHORT);
    assert_sealed_in_part(&finished, &to);
}

/// Sealed as partial: the end record says so, `verify` agrees, and no planned artefact is without an outcome.
fn assert_sealed_in_part(finished: &Finished, to: &Path) {
    assert_eq!(finished.result().get("outcome").and_then(Value::as_str), Some("partial"), "{finished:?}");
    Agent::find().verify(to).assert_code(0);
    let evidence = Evidence::open(to);
    let end = evidence.predicate("999-end.json");
    assert_eq!(end.get("status").and_then(Value::as_str), Some("partial"), "{end}");
    assert!(end.get("reasons").and_then(Value::as_array).is_some_and(|reasons| !reasons.is_empty()), "{end}");
    let length = |record: &str, list: &str| evidence.predicate(record).get(list).and_then(Value::as_array).map(Vec::len);
    assert_eq!(length("000-begin.json", "plan"), length("900-manifest.json", "steps"));
}

#[test]
fn a_signal_ends_the_run_sealed() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let folder = tempfile::tempdir().unwrap();
        let _crowd = Helper::start("crowd", ["800", "1600"]);
        let to = folder.path().join("evidence");
        let mut run = Agent::find().start(Agent::collection(&to, &["--profile", "volatile"]));
        run.await_file(&to.join("000-begin.json"));
        run.signal(signal);
        let finished = run.wait();
        finished.assert_code(code::CUT_SHORT);
        assert_sealed_in_part(&finished, &to);
        assert!(finished.said().contains(signal.as_str()), "it does not say which signal: {finished:?}");
        let journal: Vec<String> = Evidence::open(&to).keys().into_iter().filter(|key| key.starts_with("custody/")).collect();
        let told =
            journal.iter().any(|key| String::from_utf8_lossy(&fs::read(to.join(key)).unwrap()).contains("\"interrupted\""));
        assert!(told, "the custody journal does not tell of the signal");
    }
}

#[test]
fn a_second_signal_ends_at_once_and_leaves_no_lie() {
    let folder = tempfile::tempdir().unwrap();
    let _crowd = Helper::start("crowd", ["800", "1600"]);
    let to = folder.path().join("evidence");
    let mut run = Agent::find().start(Agent::collection(&to, &["--profile", "volatile"]));
    run.await_file(&to.join("000-begin.json"));
    run.signal(Signal::SIGTERM);
    run.signal(Signal::SIGINT);
    let finished = run.wait();
    let verdict = Agent::find().verify(&to).code();
    // It may have sealed before the second signal came; then it is whole.
    assert!(matches!(verdict, 0 | 2), "verdict {verdict} after {finished:?}");
    assert!(finished.status.code() != Some(0), "{finished:?}");
}

#[test]
fn a_closed_stdout_does_not_cost_the_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("evidence");
    let mut command = std::process::Command::new(Agent::find().program());
    command.args(Agent::collection(&to, &["--only", "mounts"])).stdin(std::process::Stdio::null());
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = command.stdout(writer).stderr(std::process::Stdio::null()).status().unwrap();
    Agent::find().verify(&to).assert_code(0);
    assert!(status.code().is_some(), "SIGPIPE ended it: {status:?}");
}

#[test]
fn verify_can_tell_what_is_no_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, b"a file").unwrap();
    for path in [folder.path().join("missing"), file, folder.path().to_owned()] {
        let finished = Agent::find().verify(&path);
        assert!(matches!(finished.code(), 2 | 3), "{finished:?}");
        assert!(finished.said().contains(path.to_str().unwrap()), "{finished:?}");
    }
}
