use std::fs;

use super::*;
use crate::source::recorded::Recorded;

fn acquire(host: &Host) -> (Recorded, Outcome) {
    let mut evidence = Recorded::default();
    let outcome = LoadedFiles::default().acquire(host, &mut evidence).unwrap();
    (evidence, outcome)
}

#[test]
fn the_libraries_of_this_test_are_hashed_once() {
    let (evidence, outcome) = acquire(&Host::live().unwrap());
    assert_eq!(outcome, Outcome::ok());
    let rows = evidence.rows("mapped_files");
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let libc = maps.lines().filter_map(|line| line.split_whitespace().nth(5)).find(|path| path.contains("libc.so")).unwrap();
    let mine: Vec<_> = rows.iter().filter(|row| row["path"] == libc).collect();
    let sha256 = crate::model::Digest::of(&fs::read(libc).unwrap()).to_string();
    assert!(mine.iter().any(|row| row["sha256"] == sha256.as_str() && row["elf"] == 1 && row["deleted"] == 0));
    let exe = std::env::current_exe().unwrap();
    assert_eq!(rows.iter().filter(|row| row["path"] == exe.to_str().unwrap()).count(), 1);
}

#[test]
fn a_library_that_lost_its_name_is_read_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let library = dir.path().join("implant.so");
    fs::copy("/bin/true", &library).unwrap();
    let python = format!(
        "import mmap, os, sys, time; f = os.open('{0}', 0); m = mmap.mmap(f, 0, prot=5, flags=2); os.unlink('{0}'); print('up', flush=True); time.sleep(600)",
        library.display()
    );
    let mut child =
        std::process::Command::new("python3").args(["-c", &python]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.as_mut().unwrap()), &mut line).unwrap();
    let (evidence, _) = acquire(&Host::live().unwrap());
    child.kill().unwrap();
    child.wait().unwrap();
    let path = format!("{} (deleted)", library.display());
    let row = evidence.rows("mapped_files").iter().find(|row| row["path"] == path.as_str()).unwrap();
    assert_eq!(row["sha256"], crate::model::Digest::of(&fs::read("/bin/true").unwrap()).to_string());
    assert_eq!((&row["deleted"], &row["pid"]), (&1.into(), &child.id().into()));
}

/// A host with these modules loaded and this `modules.dep`.
fn modules(loaded: &str, dep: Option<&str>) -> Recorded {
    let tree = tempfile::tempdir().unwrap();
    let put = |path: &str, content: &str| {
        let path = tree.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    put("proc/modules", loaded);
    put("proc/sys/kernel/osrelease", "6.1\n");
    put("lib/modules/6.1/kernel/fs/fat-s.ko.xz", "compressed");
    if let Some(dep) = dep {
        put("lib/modules/6.1/modules.dep", dep);
    }
    let (evidence, outcome) = acquire(&Host::fixture(tree.path()).unwrap());
    assert_eq!(outcome.status, Status::Absent);
    evidence
}

const LOADED: &str = "fat_s 81920 1 vfat, Live 0x0\ndiamorphine 16384 0 - Live 0x0 (OE)\n";

#[test]
fn a_module_that_the_tree_lacks_is_told_from_one_that_it_has() {
    let evidence = modules(LOADED, Some("kernel/fs/fat-s.ko.xz:\nkernel/gone.ko:\n"));
    let [known, foreign] = evidence.rows("module_files") else { panic!("{:?}", evidence.rows("module_files")) };
    assert_eq!((&known["name"], &known["in_tree"]), (&"fat_s".into(), &1.into()));
    assert_eq!(known["path"], "/lib/modules/6.1/kernel/fs/fat-s.ko.xz");
    assert_eq!(known["sha256"], crate::model::Digest::of(b"compressed").to_string());
    assert_eq!((&foreign["name"], &foreign["in_tree"]), (&"diamorphine".into(), &0.into()));
    assert!(foreign.get("path").is_none() && evidence.gaps.is_empty());
}

#[test]
fn without_a_tree_nothing_is_said_of_files_and_a_listed_file_that_is_gone_is_noted() {
    let evidence = modules(LOADED, None);
    assert!(evidence.rows("module_files").iter().all(|row| row.get("in_tree").is_none()));
    assert_eq!(evidence.gaps.len(), 1);
    let long = format!("kernel/fs/fat-s.ko.xz:{}\n", " ".repeat(16 << 20));
    let evidence = modules(LOADED, Some(&long));
    assert!(evidence.rows("module_files").iter().all(|row| row.get("in_tree").is_none()), "cut short, it tells nothing");
    assert!(evidence.gaps.len() == 1 && evidence.gaps[0].reason.contains("longer than"), "{:?}", evidence.gaps);
    let evidence = modules("gone 1 0 - Live 0x0\n", Some("kernel/gone.ko:\n"));
    let row = &evidence.rows("module_files")[0];
    assert_eq!((&row["in_tree"], &row["status"]), (&1.into(), &"vanished".into()));
}
