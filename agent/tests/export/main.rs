#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests lay out runs, damage them and read exports with the standard library"
)]
//! Export of whole runs: images with what they are worth in their names, archives that are honest or hostile, evidence that does not
//! verify.

mod formats;
mod planted;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hozen::export::{Ended, Format, Options, export};
use hozen_collector::sink::directory::DirectorySink;
use hozen_collector::sink::faulty::{Fault, FaultySink};
use hozen_collector::source::Source;
use planted::{Files, Image, Images, Planted, collect, collect_into};
use serde_json::Value;

struct Scene {
    dir: tempfile::TempDir,
}

impl Scene {
    fn with(sources: Vec<Box<dyn Source>>) -> Self {
        let scene = Self { dir: tempfile::tempdir().unwrap() };
        collect(sources, &scene.evidence());
        scene
    }

    fn evidence(&self) -> PathBuf {
        self.dir.path().join("evidence")
    }

    fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    fn export(&self, change: impl FnOnce(&mut Options)) -> Ended {
        let mut options = Options {
            evidence: self.evidence(),
            to: self.out(),
            formats: vec![Format::Tree],
            include_rejected: false,
            unverified: false,
        };
        change(&mut options);
        export(&options)
    }

    fn read(&self, path: impl AsRef<[u8]>) -> Vec<u8> {
        let path = self.out().join(OsStr::from_bytes(path.as_ref()));
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Every path of the export, sorted.
    fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        walk(&self.out(), &mut |path| paths.push(path.strip_prefix(self.out()).unwrap().to_string_lossy().into_owned()));
        paths.sort();
        paths
    }

    /// The line of `members.jsonl` for a path on the host.
    fn member(&self, artefact: &str, path: &str) -> Value {
        let text = String::from_utf8(self.read("members.jsonl")).unwrap();
        let mut rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        rows.find(|row| row["artefact"] == artefact && row["path"] == path).unwrap_or_else(|| panic!("{path}: {text}"))
    }
}

fn walk(dir: &Path, seen: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        seen(&path);
        if path.symlink_metadata().unwrap().is_dir() {
            walk(&path, seen);
        }
    }
}

/// A LiME image of one range with content at its end and nothing but zeros before.
fn lime(megabytes: usize) -> Vec<u8> {
    let length = megabytes << 20;
    let last = 0x1000 + u64::try_from(length).unwrap() - 1;
    let header = [0x1_4C69_4D45_u64, 0x1000, last, 0].map(u64::to_le_bytes).concat();
    let mut image = [header, vec![0; length - 7], b"the end".to_vec()].concat();
    image[32 + 5000] = 1;
    image
}

#[test]
fn an_image_is_one_file_with_its_worth_in_the_name_and_no_zeros_on_the_disk() {
    let images =
        || Images(vec![Image("lime", "rejected", lime(1)), Image("kcore", "ok", lime(64)), Image("mem", "incomplete", lime(2))]);
    let scene = Scene::with(vec![Box::new(images())]);
    let ended = scene.export(|_| ());
    assert_eq!(ended.code, 0, "{}", ended.text);
    assert!(ended.text.contains("image lime: LEFT OUT") && ended.text.contains("for a reason"), "{}", ended.text);
    assert_eq!((scene.read("memory/kcore.lime"), scene.read("memory/mem.incomplete.lime")), (lime(64), lime(2)));
    let stat = scene.out().join("memory/kcore.lime").metadata().unwrap();
    assert!(stat.blocks() * 512 < 1 << 20, "{} blocks for zeros", stat.blocks());
    assert!(!scene.out().join("memory/lime.rejected.lime").exists());
    assert!(String::from_utf8(scene.read("README.txt")).unwrap().contains("quality incomplete"));
    let table = String::from_utf8(scene.read("tables/memory/memory_captures.jsonl")).unwrap();
    assert_eq!(table.lines().count(), 3);
    let all = scene.export(|options| (options.to, options.include_rejected) = (scene.dir.path().join("all"), true));
    assert_eq!(all.code, 0, "{}", all.text);
    assert_eq!(fs::read(scene.dir.path().join("all/memory/lime.rejected.lime")).unwrap(), lime(1));
}

#[test]
fn an_archive_becomes_files_at_their_paths_with_their_times() {
    let first = vec![
        Planted::Folder(b"/tmp"),
        Planted::File(b"/tmp/a\nb\xff", b"content".to_vec(), 0o6755, 1_500_000_007),
        Planted::File(b"/tmp/holes", [vec![0; 3 << 20], b"x".to_vec()].concat(), 0o644, -1),
        Planted::Pseudo(b"/proc/1/stat", b"1 (init)".to_vec()),
        Planted::Link(b"/proc/1/exe", b"/usr/sbin/init"),
        Planted::Link(b"/proc/1/fd/3", b"socket:[7]"),
        Planted::Special(b"/tmp/fifo", 0o010_600),
        Planted::Special(b"/tmp/null", 0o020_666),
        Planted::Special(b"/tmp/socket", 0o140_600),
        Planted::Pseudo(b"/.hozen/process/7.core", b"\x7fELF".to_vec()),
        Planted::Pseudo(b"/.hozen/after/tcp", b"sl".to_vec()),
    ];
    let scene = Scene::with(vec![Box::new(Files("first", first))]);
    let ended = scene.export(|_| ());
    assert_eq!(ended.code, 0, "{}", ended.text);
    let stat = scene.out().join("[root]/tmp").join(OsStr::from_bytes(b"a\nb\xff")).metadata().unwrap();
    assert_eq!(scene.read(b"[root]/tmp/a\nb\xff"), b"content");
    assert_eq!((stat.mtime(), stat.mtime_nsec(), stat.atime(), stat.mode() & 0o7777), (1, 500_000_007, 2, 0o600));
    let holes = scene.out().join("[root]/tmp/holes").metadata().unwrap();
    assert!(holes.len() == (3 << 20) + 1 && holes.blocks() < 100 && (holes.mtime(), holes.mtime_nsec()) == (-1, 999_999_999));
    assert_eq!(scene.out().join("[root]/tmp").metadata().unwrap().mtime_nsec(), 7);
    assert_eq!(scene.read("[root]/proc/1/stat"), b"1 (init)");
    assert_eq!(fs::read_link(scene.out().join("[root]/proc/1/exe")).unwrap(), Path::new("../../usr/sbin/init"));
    assert_eq!(scene.member("first", "/proc/1/exe")["target"], "/usr/sbin/init");
    assert_eq!((scene.read("process/7.core"), scene.read("hozen/first/after/tcp")), (b"\x7fELF".to_vec(), b"sl".to_vec()));
    for special in ["fifo", "null", "socket"] {
        assert!(!scene.out().join("[root]/tmp").join(special).exists());
        assert!(scene.member("first", &format!("/tmp/{special}")).get("exported").is_none());
    }
    let text = String::from_utf8(scene.read("members.jsonl")).unwrap();
    assert!(text.contains("path_b64") && text.contains("\"mode\":\"6755\"") && ended.text.contains("3 devices"), "{text}");
    assert!(scene.paths().iter().all(|path| !path.ends_with(".part")));
}

#[test]
fn what_two_artefacts_have_is_there_twice() {
    let first = vec![Planted::Pseudo(b"/etc/x", b"one".to_vec()), Planted::Link(b"/l", b"/etc/x")];
    let second =
        vec![Planted::Pseudo(b"/etc/x", b"two".to_vec()), Planted::Link(b"/l", b"/etc/x"), Planted::Link(b"/etc/x/y", b"z")];
    let scene = Scene::with(vec![Box::new(Files("first", first)), Box::new(Files("second", second))]);
    let ended = scene.export(|_| ());
    assert_eq!((scene.read("[root]/etc/x"), scene.read("also/second/[root]/etc/x")), (b"one".to_vec(), b"two".to_vec()));
    assert_eq!(scene.member("second", "/etc/x")["exported"], "also/second/[root]/etc/x");
    assert!(!scene.out().join("also/second/[root]/l").exists(), "the same link is one link");
    assert_eq!(ended.code, 10, "a file is no folder: {}", ended.text);
    assert!(scene.member("second", "/etc/x/y")["note"].as_str().unwrap().contains("no folder"));
}

/// Nothing outside of the export was touched, and no link in it leads out.
fn stays_inside(scene: &Scene) {
    let canary = scene.dir.path().join("canary");
    assert_eq!(fs::read(&canary).unwrap(), b"untouched");
    let beside: Vec<_> = fs::read_dir(scene.dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(beside.len(), 3, "{beside:?}");
    walk(&scene.out(), &mut |path| {
        let kind = path.symlink_metadata().unwrap().file_type();
        assert!(kind.is_file() || kind.is_dir() || kind.is_symlink(), "{}", path.display());
        assert!(!kind.is_fifo() && !kind.is_char_device() && !kind.is_block_device());
        if let Ok(real) = path.canonicalize() {
            assert!(real.starts_with(scene.out().canonicalize().unwrap()), "{} leads to {}", path.display(), real.display());
        }
    });
}

#[test]
fn a_hostile_archive_stays_in_its_place() {
    let evil = || b"evil".to_vec();
    let first = vec![
        Planted::Link(b"/out", b"../../.."),
        Planted::Pseudo(b"/out/canary", evil()),
        Planted::Link(b"/abs", b"/"),
        Planted::Pseudo(b"/abs/canary", evil()),
        Planted::Link(b"/deep/a", b"../../../../../../../../tmp"),
        Planted::Link(b"/self", b"self"),
        Planted::Link(b"/chain/a", b"../chain/b/../../../.."),
        Planted::Pseudo(b"/file", b"first".to_vec()),
        Planted::Pseudo(b"/file", b"second".to_vec()),
        Planted::Pseudo(b"/file", b"third".to_vec()),
        Planted::Pseudo(b"/file/below", evil()),
        Planted::Link(b"/turn", b"/file"),
        Planted::Pseudo(b"/turn", b"through a link".to_vec()),
        Planted::Special(b"/dev/mem", 0o020_600),
        Planted::Pseudo(b"//a/./b", b"plain".to_vec()),
    ];
    let scene = Scene::with(vec![Box::new(Files("first", first))]);
    fs::write(scene.dir.path().join("canary"), b"untouched").unwrap();
    let ended = scene.export(|_| ());
    assert_eq!(ended.code, 10, "{}", ended.text);
    stays_inside(&scene);
    assert_eq!((scene.read("[root]/file"), scene.read("also/first/[root]/file")), (b"first".to_vec(), b"second".to_vec()));
    assert_eq!(scene.read("also/first/[root]/turn"), b"through a link");
    assert_eq!(scene.read("[root]/a/b"), b"plain");
    assert!(ended.text.contains("LEFT OUT") && ended.text.contains("is there already"), "{}", ended.text);
}

#[test]
fn names_that_lead_out_do_not_verify_and_go_nowhere_even_then() {
    let first = vec![Planted::Pseudo(b"/../../canary", b"evil".to_vec()), Planted::Pseudo(b"/fine", b"fine".to_vec())];
    let scene = Scene::with(vec![
        Box::new(Files("first", first)),
        Box::new(Files("second", vec![Planted::Pseudo(b"/ok", b"ok".to_vec())])),
    ]);
    fs::write(scene.dir.path().join("canary"), b"untouched").unwrap();
    let refused = scene.export(|_| ());
    assert_eq!(refused.code, 1, "{}", refused.text);
    assert!(refused.text.contains("does not verify") && !scene.out().exists());
    let ended = scene.export(|options| options.unverified = true);
    assert_eq!(ended.code, 10, "{}", ended.text);
    assert!(ended.text.contains("UNVERIFIED") && ended.text.contains("the archive of first: archive member 1"), "{}", ended.text);
    stays_inside(&scene);
    // What is not whole does not look as if it were.
    assert_eq!(scene.read("[root].part/ok"), b"ok");
    assert!(!scene.out().join("[root]").exists());
}

#[test]
fn what_does_not_verify_is_not_exported_unless_asked_and_then_says_so() {
    let scene = Scene::with(vec![
        Box::new(Images(vec![Image("kcore", "ok", lime(3))])),
        Box::new(Files("first", vec![Planted::Pseudo(b"/x", b"x".to_vec())])),
    ]);
    let segment = scene.evidence().join("data/memory/kcore/000000.lime.zst");
    let mut bytes = fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&segment, bytes).unwrap();
    assert_eq!(scene.export(|_| ()).code, 1);
    let ended = scene.export(|options| options.unverified = true);
    assert_eq!(ended.code, 10, "{}", ended.text);
    assert!(ended.text.contains("NOT EXPORTED AS IT IS: data/memory/kcore/000000.lime.zst"), "{}", ended.text);
    assert!(!scene.out().join("memory/kcore.lime").exists() && scene.out().join("memory/kcore.lime.part").exists());
    assert_eq!(scene.read("[root]/x"), b"x");
    // A run that was cut off: what is there is exported, and is called unverified.
    let cut = Scene::with(vec![Box::new(Images(vec![Image("kcore", "ok", lime(3))]))]);
    for name in ["999-end.json", "900-manifest.json", "SHA256SUMS"] {
        fs::remove_file(cut.evidence().join(name)).unwrap();
    }
    assert!(matches!(cut.export(|_| ()).code, 1 | 2));
    let ended = cut.export(|options| options.unverified = true);
    assert_eq!((ended.code, cut.read("memory/kcore.unverified.lime")), (0, lime(3)), "{}", ended.text);
}

/// Bytes that do not compress, so that an object of them has several parts.
fn noise(length: usize) -> Vec<u8> {
    let step = |state: &mut u64| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Some(state.to_be_bytes()[0])
    };
    (0..length).scan(7_u64, |state, _| step(state)).collect()
}

#[test]
fn an_archive_that_was_cut_while_it_was_stored_verifies_and_is_exported_as_far_as_it_goes() {
    let content = noise(20 << 20);
    let mut cut = 0;
    for at in 0..40 {
        let scene = Scene { dir: tempfile::tempdir().unwrap() };
        let members = vec![Planted::Pseudo(b"/first", b"one".to_vec()), Planted::Pseudo(b"/large", content.clone())];
        let (sink, script) = FaultySink::new(DirectorySink::create(&scene.evidence()).unwrap(), Fault::Once(at));
        let sealed = collect_into(vec![Box::new(Files("first", members))], Arc::new(sink));
        if !sealed || script.injected() == 0 {
            continue;
        }
        let ended = scene.export(|_| ());
        assert!(matches!(ended.code, 0 | 10), "{at}: {}", ended.text);
        if ended.text.contains("data/raw/first.tar.zst: the run could not store all of it") {
            cut += 1;
            assert_eq!((ended.code, scene.read("[root]/first")), (10, b"one".to_vec()), "{at}: {}", ended.text);
            assert!(content.starts_with(&scene.read("[root]/large")) && ended.text.contains("ends within it"), "{at}");
        }
    }
    assert!(cut > 1, "no run was cut within its archive");
}

#[test]
fn a_destination_that_cannot_be_is_refused_before_anything_is_written() {
    let scene = Scene::with(vec![Box::new(Files("first", vec![]))]);
    fs::create_dir(scene.out()).unwrap();
    fs::write(scene.out().join("there"), b"x").unwrap();
    let full = scene.export(|_| ());
    assert_eq!(full.code, 32, "{}", full.text);
    assert!(full.text.contains("not empty") && scene.paths() == ["there"]);
    let inside = scene.export(|options| options.to = scene.evidence().join("out"));
    assert_eq!((inside.code, scene.evidence().join("out").exists()), (32, false), "{}", inside.text);
    let nothing = scene.export(|options| options.evidence = scene.dir.path().join("nothing"));
    assert_eq!(nothing.code, 3, "{}", nothing.text);
}
