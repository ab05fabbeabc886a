#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests lay out and read files with the standard library")]
//! The floors of the house: an import never points up. `docs/architecture.md` draws them; this test holds the drawing.

use std::fs;
use std::path::{Path, PathBuf};

/// The room that every other one may import: it is compiled for tests only, so nothing that is shipped can.
const FOR_TESTS: &str = "testing";

/// For each room, the rooms of this crate that it may import.
const MAY_IMPORT: [(&str, &[&str]); 7] = [
    (FOR_TESTS, &[]),
    ("model", &[]),
    ("host", &["model"]),
    ("source", &["model", "host"]),
    ("sink", &["model", "host"]),
    ("stream", &["model", "sink"]),
    ("collect", &["model", "host", "source", "sink", "stream"]),
];

fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The rooms that a line of code names by `crate::room`.
fn rooms_named(line: &str) -> Vec<&str> {
    let code = line.split("//").next().unwrap_or_default();
    code.split("crate::").skip(1).filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()).collect()
}

#[test]
fn no_import_points_up() {
    let mut wrong = Vec::new();
    for (room, allowed) in MAY_IMPORT {
        let mut files = Vec::new();
        rust_files(&source_folder().join(room), &mut files);
        assert!(!files.is_empty(), "{room} has no files");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            for (number, line) in text.lines().enumerate() {
                let may = |named: &str| named == room || named == FOR_TESTS || allowed.contains(&named);
                for named in rooms_named(line).into_iter().filter(|named| !may(named)) {
                    wrong.push(format!("{}:{}: {room} may not import {named}", file.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_is_in_a_room() {
    let rooms: Vec<&str> = MAY_IMPORT.iter().map(|(room, _)| *room).collect();
    for entry in fs::read_dir(source_folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name == "lib.rs" || rooms.contains(&name.as_str()), "src/{name} is on no floor");
    }
}

#[test]
fn unsafe_stands_in_one_file() {
    let mut files = Vec::new();
    rust_files(&source_folder(), &mut files);
    let with_unsafe: Vec<_> = files.iter().filter(|file| fs::read_to_string(file).unwrap().contains("unsafe {")).collect();
    assert_eq!(with_unsafe, [&source_folder().join("host/sys.rs")]);
}

#[test]
fn the_reader_of_imports_sees_them() {
    assert_eq!(rooms_named("use crate::sink::{A, B}; // crate::host"), ["sink"]);
    assert_eq!(rooms_named("    let x = crate::host::Host::live(crate::model::X);"), ["host", "model"]);
}
