#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files with the standard library")]
//! The floors of the agent: a room imports those below it, never one beside or above it. `docs/architecture.md` draws them.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms, those that import nothing of the agent first.
const FLOORS: [&[&str]; 11] = [
    &["artefact_name", "artifacts", "custody", "exit", "log", "own", "progress", "seal_key", "sign", "unit", "whole_file"],
    &["interrupt", "result", "size", "span"],
    &["aws"],
    &["s3"],
    &["status", "verify", "warden"],
    &["export", "modules", "push", "salvage", "seal", "symbols"],
    &["cli"],
    &["config"],
    &["settings"],
    &["run"],
    &["commands"],
];

/// What stands in `lib.rs` itself and is no room.
const OF_THE_CRATE: &str = "VERSION";

fn agent() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&room))
}

/// Every file of every room, with the name of its room: a file and a folder of one name are one room.
fn rooms() -> Vec<(String, Vec<PathBuf>)> {
    let entries = fs::read_dir(agent().join("src")).unwrap().map(|entry| entry.unwrap().path());
    let entries = entries.filter(|path| !path.ends_with("lib.rs") && !path.ends_with("main.rs"));
    let files = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let mut files = Vec::new();
        rust_files(path, &mut files);
        (name, files)
    };
    entries.map(files).collect()
}

fn rust_files(path: PathBuf, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| rust_files(entry.unwrap().path(), found));
    } else if path.extension().is_some_and(|ending| ending == "rs") {
        found.push(path);
    }
}

/// The lines of a file that are part of the program; its tests may name any room.
fn shipped(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines()).take_while(|(_, line)| !line.ends_with("mod tests {"))
}

/// The rooms that a line of code names by `crate::room`.
fn rooms_named(line: &str) -> Vec<&str> {
    let code = line.split("//").next().unwrap_or_default();
    let names = code.split("crate::").skip(1);
    names.filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()).collect()
}

#[test]
fn no_import_points_up() {
    let mut wrong = Vec::new();
    for (room, files) in rooms() {
        assert!(!files.is_empty(), "{room} has no files");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            for (number, line) in shipped(&text) {
                let below = |named: &str| floor(named) < floor(&room) && floor(named).is_some();
                let may = |named: &str| named == room || named == OF_THE_CRATE || below(named);
                for named in rooms_named(line).into_iter().filter(|named| !may(named)) {
                    wrong.push(format!("{}:{number}: {room} may not import {named}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_room_is_on_a_floor_and_every_floor_has_its_rooms() {
    let rooms: Vec<String> = rooms().into_iter().map(|(room, _)| room).collect();
    for room in &rooms {
        assert!(floor(room).is_some(), "{room} is on no floor");
    }
    for named in FLOORS.concat() {
        assert!(rooms.iter().any(|room| room == named), "there is no room {named}");
    }
}

#[test]
fn the_page_draws_the_floors() {
    let page = fs::read_to_string(agent().join("../docs/architecture.md")).unwrap();
    for (number, floor) in FLOORS.iter().enumerate() {
        let line = format!("\n  {number:>2}  {}", floor.join("  "));
        assert!(page.contains(&line), "docs/architecture.md lacks the line{line}");
    }
}

#[test]
fn the_reader_of_imports_sees_them() {
    assert_eq!(rooms_named("use crate::s3::{A, B}; // crate::run"), ["s3"]);
    assert_eq!(rooms_named("    let x = crate::verify::open(crate::seal_key::X);"), ["verify", "seal_key"]);
    let text = "use crate::aws;\n#[cfg(test)]\nmod tests {\n    use crate::run;\n";
    assert_eq!(shipped(text).map(|(number, _)| number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((floor("unit"), floor("commands"), floor("elsewhere")), (Some(0), Some(FLOORS.len() - 1), None));
}
