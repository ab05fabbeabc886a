//! Export of what was collected from this machine: the files, tables and core files are those of the evidence.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read exports with the standard library")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use hozen_tests::agent::{Agent, Finished, code};
use hozen_tests::helper::Helper;
use hozen_tests::host::{Mounts, is_root};
use serde_json::Value;

fn export(evidence: &Path, to: &Path) -> Finished {
    Agent::find().run(["export".as_ref(), evidence.as_os_str(), "--to".as_ref(), to.as_os_str()])
}

/// Where each member of an artefact's archive is in an export, by its path on the host.
fn places(out: &Path, artefact: &str) -> BTreeMap<String, String> {
    let text = fs::read_to_string(out.join("members.jsonl")).unwrap();
    let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let place = |row: Value| Some((row.get("path")?.as_str()?.to_owned(), row.get("exported")?.as_str()?.to_owned()));
    rows.filter(|row| row["artefact"] == artefact).filter_map(place).collect()
}

#[test]
fn the_round_trip_of_a_collection() {
    let folder = tempfile::tempdir().unwrap();
    let (to, out) = (folder.path().join("evidence"), folder.path().join("out"));
    let odd = Helper::start("odd", ["memory"]);
    let pid = odd.number("pid").to_string();
    let only = ["--only", "freeze_frame,process_memory,deleted_files,mounts", "--process-memory", &pid];
    let evidence = Agent::find().collect(&to, &only);
    let finished = export(&to, &out);
    finished.assert_code(0);
    assert!(finished.stdout.contains("verified") && finished.stdout.contains(out.to_str().unwrap()), "{}", finished.stdout);
    for key in evidence.keys().iter().filter(|key| key.starts_with("data/") && key.ends_with(".jsonl.zst")) {
        let name = key.strip_prefix("data/").unwrap().strip_suffix(".zst").unwrap();
        assert!(fs::read(out.join("tables").join(name)).unwrap() == evidence.content(key), "{key}");
    }
    let places = places(&out, "freeze_frame");
    assert!(places.len() > 100, "{places:?}");
    for (path, raw) in evidence.raw("freeze_frame") {
        let Some(place) = places.get(&String::from_utf8(path).unwrap()) else { continue };
        let exported = out.join(place);
        match (&raw.link, raw.kind) {
            (Some(_), _) => assert!(exported.symlink_metadata().unwrap().is_symlink(), "{place}"),
            (_, tar::EntryType::Directory) => assert!(exported.is_dir(), "{place}"),
            _ => assert!(fs::read(&exported).unwrap() == raw.content, "{place}"),
        }
    }
    let stat = fs::read(out.join(format!("[root]/proc/{pid}/stat"))).unwrap();
    assert!(stat.starts_with(format!("{pid} (odd)").as_bytes()));
    let core = evidence.raw_file("process_memory", &format!("/.hozen/process/{pid}.core"));
    assert!(fs::read(out.join(format!("process/{pid}.core"))).unwrap() == core);
    Agent::find().verify(&to).assert_code(0);
    export(&to, &out).assert_code(code::BAD_DESTINATION);
}

#[test]
fn a_full_disk_is_said_and_leaves_nothing_that_looks_whole() {
    if !is_root("a_full_disk_is_said_and_leaves_nothing_that_looks_whole") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("evidence");
    let _evidence = Agent::find().collect(&to, &["--only", "freeze_frame"]);
    let small = tempfile::tempdir().unwrap();
    let mut mounts = Mounts::own();
    mounts.tmpfs(small.path(), "64k");
    let out = small.path().join("out");
    let finished = export(&to, &out);
    finished.assert_code(code::BAD_DESTINATION);
    assert!(finished.stderr.contains("no space is left") && finished.stderr.contains(".part"), "{}", finished.stderr);
    assert!(!out.join("[root]").exists() && !out.join("README.txt").exists());
}

#[test]
fn wrong_arguments_are_refused() {
    let finished = Agent::find().run(["export", "/nonexistent"]);
    finished.assert_code(code::USAGE);
    let folder = tempfile::tempdir().unwrap();
    export(&folder.path().join("nothing"), &folder.path().join("out")).assert_code(3);
    assert!(!folder.path().join("out").exists());
}
