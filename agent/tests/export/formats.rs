//! What single tools ask for: one archive, timelines, a bag, a graph.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;

use hozen::export::Format;
use hozen_collector::model::{Digest, Row, Timestamp};
use serde_json::Value;

use super::Scene;
use super::planted::{Files, Planted, Rows};

fn file(path: &'static [u8], content: &str) -> Planted {
    Planted::File(path, content.as_bytes().to_vec(), 0o640, 1_500_000_000_000_000_001)
}

fn stat_row(path: &[u8], mtime: i64) -> Row {
    let mut row = Row::new(Timestamp::from_seconds(9), "/");
    row.bytes("path", path).int("inode", 5).text("mode", "0644").text("type", "regular");
    row.int("uid", 1).int("gid", 2).int("size", 3).int("mtime", mtime).int("ctime", 8);
    row
}

fn scene() -> Scene {
    let mut login = Row::new(Timestamp::from_seconds(9), "/var/log/wtmp");
    login.text("username", "ann").text("type_name", "user-process").int("time", 1_700_000_000);
    Scene::with(vec![
        Box::new(Files("first", vec![file(b"/etc/passwd", "root"), Planted::Link(b"/proc/7/fd/3", b"socket:[9]")])),
        Box::new(Files("second", vec![file(b"/tmp/x", "late"), file(b"/tmp/\xff\n", "odd")])),
        Box::new(Rows("files", vec![stat_row(b"/a|b\n", 7), stat_row(b"/a|b\n", 7), stat_row(b"/c", -7)])),
        Box::new(Rows("last", vec![login])),
    ])
}

#[test]
fn an_archive_has_the_members_of_all_with_owners_and_times() {
    let scene = scene();
    let ended = scene.export(|options| options.formats = vec![Format::Tar]);
    assert_eq!(ended.code, 0, "{}", ended.text);
    assert_eq!(scene.paths(), ["README.txt", "root.tar"]);
    let bytes = scene.read("root.tar");
    let mut archive = tar::Archive::new(bytes.as_slice());
    let mut seen = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut content = String::new();
        entry.read_to_string(&mut content).unwrap();
        seen.push((entry.path_bytes().into_owned(), entry.header().uid().unwrap(), content));
    }
    let expected: Vec<(&[u8], u64, &str)> = vec![
        (b"[root]/etc/passwd", 1000, "root"),
        (b"[root]/proc/7/fd/3", 0, ""),
        (b"[root]/tmp/x", 1000, "late"),
        (b"[root]/tmp/\xff\n", 1000, "odd"),
    ];
    let expected: Vec<_> = expected.into_iter().map(|(path, uid, text)| (path.to_vec(), uid, text.to_owned())).collect();
    assert_eq!(seen, expected);
}

/// The paths of an archive's members, in their order.
fn paths_of(archive: &[u8]) -> Vec<String> {
    let mut archive = tar::Archive::new(archive);
    let entries = archive.entries().unwrap();
    entries.map(|entry| String::from_utf8(entry.unwrap().path_bytes().into_owned()).unwrap()).collect()
}

#[test]
fn a_process_that_has_no_stat_stands_apart_from_those_that_have() {
    let pseudo = |path: &'static [u8], text: &str| Planted::Pseudo(path, text.as_bytes().to_vec());
    let late = vec![
        pseudo(b"/proc/9/environ", "LATE=1"),
        Planted::Link(b"/proc/9/exe", b"/usr/bin/late"),
        pseudo(b"/proc/1/environ", "HOME=/"),
        Planted::File(b"/etc/x", vec![7; 1500], 0o640, 1),
    ];
    let frame =
        vec![pseudo(b"/proc/1/stat", "1 (init)"), pseudo(b"/proc/2/stat", "2 (other)"), pseudo(b"/proc/2/environ", "X=1")];
    let scene = Scene::with(vec![Box::new(Files("first", late)), Box::new(Files("freeze_frame", frame))]);
    let ended = scene.export(|options| options.formats = vec![Format::Tree, Format::Tar]);
    assert_eq!(ended.code, 0, "{}", ended.text);
    assert_eq!(fs::read_dir(scene.out().join("[root]/proc")).unwrap().count(), 2);
    assert_eq!(scene.read("[root]/proc/2/environ"), b"X=1");
    assert_eq!((scene.read("[root]/proc/1/environ"), scene.read("[root]/proc/1/stat").len()), (b"HOME=/".to_vec(), 8));
    assert_eq!(scene.read("also/first/[root]/proc/9/environ"), b"LATE=1");
    let exe = scene.member("first", "/proc/9/exe");
    assert_eq!((&exe["exported"], &exe["target"]), (&"also/first/[root]/proc/9/exe".into(), &"/usr/bin/late".into()));
    assert!(exe["note"].as_str().unwrap().contains("no stat") && ended.text.contains("2 of them are of processes without stat"));
    let kept = ["proc/1/stat", "proc/2/stat", "proc/2/environ", "proc/1/environ", "etc/x"].map(|path| format!("[root]/{path}"));
    assert_eq!(paths_of(&scene.read("root.tar")), kept);
    assert!(ended.text.contains("without 2 members of processes that have no stat"), "{}", ended.text);
}

#[test]
fn timelines_have_each_file_once_and_every_login() {
    let scene = scene();
    let ended = scene.export(|options| options.formats = vec![Format::Bodyfile, Format::Timesketch]);
    assert!(ended.code == 0 && ended.text.contains("times of 2 files"), "{}", ended.text);
    let body = String::from_utf8(scene.read("bodyfile.txt")).unwrap();
    let line = "0|/a%7Cb\\x0a|5|r/rrw-r--r--|1|2|3|0|7|8|0";
    assert_eq!(body.lines().collect::<Vec<_>>(), [line, "0|/c|5|r/rrw-r--r--|1|2|3|0|-7|8|0"]);
    let text = String::from_utf8(scene.read("timesketch.jsonl")).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), 5, "{text}");
    let must = ["message", "datetime", "timestamp", "timestamp_desc", "data_type"];
    assert!(events.iter().all(|event| must.iter().all(|name| event.get(name).is_some())), "{text}");
    let login = events.iter().find(|event| event["timestamp_desc"] == "Login Record Time").unwrap();
    assert_eq!((&login["datetime"], &login["row"]), (&"2023-11-14T22:13:20.000000+00:00".into(), &0.into()));
    assert!(login["message"].as_str().unwrap().contains("username: ann"), "{login}");
}

#[test]
fn a_bag_holds_the_run_byte_for_byte() {
    let scene = scene();
    let ended = scene.export(|options| options.formats = vec![Format::Bagit]);
    assert_eq!(ended.code, 0, "{}", ended.text);
    let (report, opened) =
        (hozen::verify::verify(&scene.out().join("bag/data"), &hozen::verify::Options::default()), scene.evidence());
    assert_eq!(report.verdict, hozen::verify::Verdict::Verified, "{report:?}");
    assert_eq!(scene.read("bag/data/999-end.json"), fs::read(opened.join("999-end.json")).unwrap());
    assert_eq!(scene.read("bag/bagit.txt"), b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n");
    for (manifest, folder) in [("bag/manifest-sha256.txt", "data/"), ("bag/tagmanifest-sha256.txt", "")] {
        let text = String::from_utf8(scene.read(manifest)).unwrap();
        let listed: BTreeSet<String> = text
            .lines()
            .map(|line| {
                let (digest, name) = line.split_once("  ").unwrap();
                assert_eq!(Digest::of(&scene.read(format!("bag/{name}"))).to_string(), digest, "{name}");
                name.to_owned()
            })
            .collect();
        let there = scene.paths().into_iter().filter_map(|path| Some(path.strip_prefix("bag/")?.to_owned()));
        let is_file = |name: &String| scene.out().join("bag").join(name).is_file();
        let wanted = |name: &String| {
            if folder.is_empty() { !name.contains('/') && !name.starts_with("tagmanifest") } else { name.starts_with(folder) }
        };
        assert_eq!(listed, there.filter(|name| is_file(name) && wanted(name)).collect(), "{manifest}");
    }
}

#[test]
fn a_graph_names_every_object_with_its_digest() {
    let scene = scene();
    let ended = scene.export(|options| options.formats = vec![Format::Case, Format::Tree]);
    assert_eq!(ended.code, 0, "{}", ended.text);
    let graph: Value = serde_json::from_slice(&scene.read("case.jsonld")).unwrap();
    let nodes = graph["@graph"].as_array().unwrap();
    let tables = fs::read(scene.evidence().join("data/process/last.jsonl.zst")).unwrap();
    let digest = Digest::of(&tables).to_string().to_uppercase();
    let file = nodes.iter().find(|node| node.to_string().contains(&digest)).unwrap();
    assert!(file.to_string().contains("data/process/last.jsonl.zst"), "{file}");
    let ids: BTreeSet<&str> = nodes.iter().filter_map(|node| node["@id"].as_str()).collect();
    assert_eq!(ids.len(), nodes.len());
    assert!(scene.out().join("tables/process/last.jsonl").is_file());
}

#[test]
fn an_archive_that_was_damaged_is_not_handed_on_as_whole() {
    let scene = scene();
    let path = scene.evidence().join("data/raw/first.tar.zst");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let refused = scene.export(|options| options.formats = vec![Format::Tar, Format::Bagit]);
    assert!(refused.code == 1 && !scene.out().exists(), "{}", refused.text);
    let ended = scene.export(|options| (options.formats, options.unverified) = (vec![Format::Tar, Format::Bagit], true));
    assert!(ended.code == 10 && ended.text.contains("NOT EXPORTED AS IT IS: data/raw/first.tar.zst"), "{}", ended.text);
    assert!(!scene.out().join("bag/data/data/raw/first.tar.zst").exists());
}
