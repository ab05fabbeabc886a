//! Images of ext4, made by mkfs.ext4, beside trees that are what the kernel shows of them.

use std::fs;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ext4::Disk;
use super::*;
use crate::model::Digest;
use crate::source::recorded::Recorded;
use crate::testing::{ROOTS_DISK, skip};

const ROOT_TABLE: &str = "27 1 254:0 / / rw - ext4 /dev/root rw\n28 27 0:25 / /mnt rw - tmpfs cover rw\n29 27 254:0 /opt /opt rw - ext4 /dev/root rw\n";
const DEVICE: &str = "dev/block/254:0";

/// What the kernel shows, and what the disk holds.
struct Both {
    dir: tempfile::TempDir,
}

impl Both {
    /// Both alike.
    fn new() -> Self {
        let both = Self { dir: tempfile::tempdir().unwrap() };
        for side in [both.shown(), both.disk()] {
            for folder in ["etc", "mnt", "opt", "root/.ssh", "usr/bin", "dev/block", "proc/self", "lost+found"] {
                fs::create_dir_all(side.join(folder)).unwrap();
            }
            fs::write(side.join("usr/bin/x"), "x").unwrap();
            fs::write(side.join("etc/passwd"), "root:x:0:0::/root:/bin/sh\n").unwrap();
        }
        both.table(ROOT_TABLE);
        both
    }

    fn shown(&self) -> PathBuf {
        self.dir.path().join("shown")
    }

    fn disk(&self) -> PathBuf {
        self.dir.path().join("disk")
    }

    fn table(&self, text: &str) {
        fs::write(self.shown().join("proc/self/mountinfo"), text).unwrap();
    }

    /// Makes the image of the disk in place, so that whoever has it open sees the new one.
    fn image(&self, options: &[&str]) -> Vec<u8> {
        let made = self.dir.path().join("image");
        let mut command = Command::new("mkfs.ext4");
        command.args(["-q", "-F", "-L", "name", "-d"]).arg(self.disk()).args(options).arg(&made).arg("4M");
        let done = command.output().expect("mkfs.ext4 of e2fsprogs");
        assert!(done.status.success(), "{options:?}: {}", String::from_utf8_lossy(&done.stderr));
        let bytes = fs::read(&made).unwrap();
        fs::remove_file(&made).unwrap();
        self.put(&bytes);
        bytes
    }

    fn put(&self, bytes: &[u8]) {
        fs::create_dir_all(self.shown().join("dev/block")).unwrap();
        let file = fs::OpenOptions::new().write(true).create(true).truncate(false).open(self.shown().join(DEVICE)).unwrap();
        file.write_all_at(bytes, 0).unwrap();
        file.set_len(u64::try_from(bytes.len()).unwrap()).unwrap();
    }

    fn host(&self) -> Host {
        Host::fixture(&self.shown()).unwrap()
    }

    fn acquire(&self) -> (Outcome, Recorded) {
        let mut evidence = Recorded::default();
        let source = HiddenFiles { thorough: false, include_secrets: false };
        (source.acquire(&self.host(), &mut evidence).unwrap(), evidence)
    }
}

fn put(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn row<'a>(evidence: &'a Recorded, path: &str) -> &'a serde_json::Value {
    let rows = evidence.rows("hidden_files");
    rows.iter().find(|row| row["path"] == path).unwrap_or_else(|| panic!("no {path} in {rows:?}"))
}

#[test]
fn what_both_sides_have_is_no_row() {
    let both = Both::new();
    both.image(&[]);
    let (outcome, evidence) = both.acquire();
    assert_eq!((outcome, evidence.gaps.as_slice(), evidence.rows("hidden_files")), (Outcome::ok(), &[][..], &[][..]));
    let system = &evidence.rows("raw_file_systems")[0];
    assert_eq!((&system["compared"], &system["hidden"], &system["label"]), (&1.into(), &0.into(), &"name".into()));
    assert!(system["names"].as_u64() > Some(8) && system["read_bytes"].as_u64() > Some(1024), "{system}");
    assert_eq!(evidence.rows("raw_file_systems").len(), 1);
}

#[test]
fn a_name_that_the_kernel_lacks_is_a_row_with_its_content_in_every_layout() {
    let both = Both::new();
    // Longer than what one block of numbers leads to, with a hole, and no text.
    let mut content: Vec<u8> = (0..700_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    content[300_000..500_000].fill(0);
    put(&both.disk().join("usr/bin/.rk"), &content);
    fs::set_permissions(both.disk().join("usr/bin/.rk"), fs::Permissions::from_mode(0o4755)).unwrap();
    put(&both.disk().join("etc/small"), b"few bytes, and more of them than sixty, so that a part stands elsewhere");
    fs::create_dir_all(both.shown().join("opt/many")).unwrap();
    for number in 0..300 {
        put(&both.disk().join(format!("opt/many/a-name-of-some-length-{number}")), b"");
        if number != 137 {
            put(&both.shown().join(format!("opt/many/a-name-of-some-length-{number}")), b"");
        }
    }
    for options in [
        &["-b", "4096"][..],
        &["-b", "1024", "-O", "^has_journal,^extents,^64bit"],
        &["-b", "1024", "-I", "256", "-O", "inline_data"],
        &["-b", "1024", "-g", "1024", "-O", "meta_bg,^resize_inode"],
        &["-b", "1024", "-I", "128", "-O", "^metadata_csum"],
    ] {
        both.image(options);
        let (outcome, evidence) = both.acquire();
        assert_eq!((outcome, evidence.gaps.as_slice()), (Outcome::ok(), &[][..]), "{options:?}");
        let hidden = row(&evidence, "/usr/bin/.rk");
        assert_eq!(
            (&hidden["size"], &hidden["mode"], &hidden["hidden"]),
            (&700_000.into(), &"4755".into(), &1.into()),
            "{options:?}"
        );
        assert_eq!(
            (&hidden["sha256"], &hidden["lookup"]),
            (&Digest::of(&content).to_string().into(), &"ENOENT".into()),
            "{options:?}"
        );
        assert_eq!(hidden["missing_from"], serde_json::json!(["list", "lookup"]));
        assert_eq!(evidence.member("/dev/block/254:0/usr/bin/.rk"), Some(content.as_slice()), "{options:?}");
        let mtime = fs::metadata(both.disk().join("usr/bin/.rk")).unwrap().mtime();
        assert_eq!(hidden["mtime"], mtime);
        let small = evidence.member("/dev/block/254:0/etc/small").unwrap();
        assert!(small.starts_with(b"few bytes") && small.ends_with(b"elsewhere") && small.len() == 71, "{options:?}");
        assert_eq!(row(&evidence, "/opt/many/a-name-of-some-length-137")["hidden"], 1);
        assert_eq!(evidence.rows("hidden_files").len(), 3, "{options:?}");
    }
}

#[test]
fn a_hidden_folder_is_kept_with_all_that_is_in_it_and_secrets_are_not() {
    let both = Both::new();
    put(&both.disk().join("opt/.x/deep/er/tool"), b"#!/bin/sh\nexport PASSWORD=verysecretword\n");
    symlink("/etc/passwd", both.disk().join("opt/.x/link")).unwrap();
    symlink("/".repeat(100), both.disk().join("opt/.x/long")).unwrap();
    put(&both.disk().join("root/.ssh/.pgpass"), b"*:*:*:*:verysecretword\n");
    both.image(&[]);
    let (outcome, evidence) = both.acquire();
    assert_eq!((outcome, evidence.gaps.as_slice()), (Outcome::ok(), &[][..]));
    let hidden: Vec<&serde_json::Value> =
        evidence.rows("hidden_files").iter().filter(|row| row["hidden"] == 1).map(|row| &row["path"]).collect();
    assert_eq!(hidden, ["/opt/.x", "/root/.ssh/.pgpass"]);
    let tool = row(&evidence, "/opt/.x/deep/er/tool");
    assert_eq!((&tool["hidden_by"], &tool["type"]), (&"/opt/.x".into(), &"regular".into()));
    let kept = evidence.member("/dev/block/254:0/opt/.x/deep/er/tool").unwrap();
    assert!(kept.starts_with(b"#!/bin/sh\nexport PASSWORD=xxxx") && tool["hidden_bytes"].as_u64() > Some(0));
    assert_eq!(row(&evidence, "/opt/.x/link")["symlink_target_path"], "/etc/passwd");
    assert_eq!(row(&evidence, "/opt/.x/long")["symlink_target_path"], "/".repeat(100));
    let key = row(&evidence, "/root/.ssh/.pgpass");
    assert_eq!((&key["secret"], &key["stored"], key.get("head")), (&1.into(), &0.into(), None));
    assert_eq!(evidence.member("/dev/block/254:0/root/.ssh/.pgpass"), None);
}

#[test]
fn what_a_mount_covers_is_not_hidden() {
    let both = Both::new();
    put(&both.disk().join("mnt/under/file"), b"covered");
    put(&both.shown().join("mnt/over"), b"");
    put(&both.disk().join("opt/tool"), b"");
    put(&both.shown().join("opt/tool"), b"");
    put(&both.disk().join("etc/hosts"), b"below");
    put(&both.shown().join("etc/hosts"), b"above");
    both.table(&format!("{ROOT_TABLE}30 27 0:26 /h /etc/hosts rw - tmpfs t rw\n"));
    both.image(&[]);
    let (outcome, evidence) = both.acquire();
    assert_eq!((outcome, evidence.gaps.as_slice()), (Outcome::ok(), &[][..]));
    let rows = evidence.rows("hidden_files");
    assert!(rows.len() == 3 && rows.iter().all(|row| row["hidden"] == 0), "{rows:?}");
    let file = row(&evidence, "/mnt/under/file");
    assert_eq!(
        (&file["covered_by"], &file["covered_by_type"], &file["covered_by_source"]),
        (&"/mnt".into(), &"tmpfs".into(), &"cover".into())
    );
    assert_eq!(evidence.member("/dev/block/254:0/mnt/under/file"), Some(&b"covered"[..]));
    assert_eq!(evidence.member("/dev/block/254:0/etc/hosts"), Some(&b"below"[..]));
    assert_eq!(evidence.rows("raw_file_systems")[0]["covered"], 2);
}

/// Looks for the first time, changes something, and looks again. Returns how many names were suspects, how many still are, and the gaps.
fn looks(both: &Both, change: impl FnOnce()) -> (usize, usize, Vec<crate::model::Gap>) {
    let (host, mut evidence) = (both.host(), Recorded::default());
    let (table, _) = mounts::parse(ROOT_TABLE.as_bytes());
    let mut row = Row::new(host.clock.now(), "x");
    let (mut sides, root, _) =
        open(&host, &table[0], &table, TRIAGE, &mut row).unwrap_or_else(|refused| panic!("{}", refused.reason()));
    let places = Places::of(&host, &mut evidence);
    let first = sides.first(root.number, TRIAGE, &places, &mut evidence).unwrap();
    change();
    let suspects = first.suspects.len();
    let hidden = sides.confirm(first.suspects, &mut evidence).unwrap();
    (suspects, hidden.len(), evidence.gaps)
}

fn after(both: &Both, change: impl FnOnce()) -> (usize, usize) {
    let (suspects, hidden, _) = looks(both, change);
    (suspects, hidden)
}

#[test]
fn a_second_look_that_fails_is_a_gap_with_the_folder() {
    let both = Both::new();
    put(&both.disk().join("etc/hidden"), b"");
    let image = both.image(&[]);
    let (suspects, hidden, gaps) = looks(&both, || both.put(&image[..2048]));
    assert_eq!((suspects, hidden), (1, 0));
    assert!(gaps.iter().any(|gap| gap.source == "/etc" && gap.reason.contains("looked at again")), "{gaps:?}");
}

#[test]
fn a_suspect_of_which_the_inode_cannot_be_read_is_a_gap_with_the_folder() {
    let both = Both::new();
    let (image, place) = hidden_file(&both);
    let failing = Failing(image, place);
    let (host, mut evidence) = (both.host(), Recorded::default());
    let (table, _) = mounts::parse(ROOT_TABLE.as_bytes());
    let mut row = Row::new(host.clock.now(), "x");
    let (mut sides, root, _) =
        open(&host, &table[0], &table, TRIAGE, &mut row).unwrap_or_else(|refused| panic!("{}", refused.reason()));
    sides.system = FileSystem::open(Arc::new(failing)).unwrap();
    let places = Places::of(&host, &mut evidence);
    let first = sides.first(root.number, TRIAGE, &places, &mut evidence).unwrap();
    assert_eq!((first.suspects.len(), first.faults), (0, 1));
    assert!(evidence.gaps.iter().any(|gap| gap.source == "/etc" && gap.reason.contains("EIO")), "{:?}", evidence.gaps);
}

/// A disk that cannot be read at one place.
struct Failing(Vec<u8>, u64);

impl Disk for Failing {
    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Fault> {
        if offset == self.1 {
            return Err(Fault::Device(nix::errno::Errno::EIO));
        }
        self.0.read(offset, buffer)
    }
}

#[test]
fn that_there_are_more_suspects_than_are_looked_at_is_told_once() {
    let both = Both::new();
    (0..5003).for_each(|number| put(&both.disk().join(format!("opt/{number}")), b""));
    both.image(&["-N", "6500", "-I", "128"]);
    let (_, evidence) = both.acquire();
    assert_eq!((evidence.rows("hidden_files").len(), evidence.gaps.len()), (5000, 1), "{:?}", evidence.gaps);
    assert!(evidence.gaps[0].reason.contains("more than 5000 names"), "{:?}", evidence.gaps);
}

#[test]
fn what_is_made_or_deleted_between_the_looks_is_no_contradiction() {
    let both = Both::new();
    let without = both.image(&["-U", "clear"]);
    put(&both.disk().join("etc/late"), b"");
    put(&both.disk().join("etc/hidden"), b"");
    both.image(&["-U", "clear"]);
    assert_eq!(after(&both, || put(&both.shown().join("etc/late"), b"")), (2, 1));
    assert_eq!(after(&both, || both.put(&without)), (1, 0));
}

#[test]
fn another_file_with_the_same_name_and_inode_is_another_file() {
    let both = Both::new();
    let (image, place) = hidden_file(&both);
    // Its generation stands at 0x64.
    let place = usize::try_from(place).unwrap();
    assert_eq!(after(&both, || ()), (1, 1));
    let change = || {
        let mut image = image.clone();
        image[place + 0x64] ^= 1;
        both.put(&image);
    };
    assert_eq!(after(&both, change), (1, 0));
}

/// An image with a file that the kernel does not list, and where its inode stands, which is what is read last.
fn hidden_file(both: &Both) -> (Vec<u8>, u64) {
    put(&both.disk().join("etc/hidden"), b"");
    let image = both.image(&[]);
    let disk = Arc::new(Noting(image.clone(), AtomicU64::new(0)));
    let system = FileSystem::open(disk.clone()).unwrap();
    assert!(system.find(b"etc/hidden").unwrap().is_some());
    (image, disk.1.load(Ordering::Relaxed))
}

/// A disk that notes where it was read last.
struct Noting(Vec<u8>, AtomicU64);

impl Disk for Noting {
    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Fault> {
        self.1.store(offset, Ordering::Relaxed);
        self.0.read(offset, buffer)
    }
}

#[test]
fn what_is_no_file_system_is_an_outcome() {
    let both = Both::new();
    let (outcome, evidence) = both.acquire();
    assert_eq!((outcome.status, evidence.gaps.len()), (Status::Absent, 1));
    assert_eq!(evidence.rows("raw_file_systems")[0]["compared"], 0);
    both.put(&[0xa5; 8192]);
    assert_eq!(both.acquire().0.status, Status::Failed);
    let image = both.image(&["-b", "1024"]);
    both.put(&image[..1500]);
    assert_eq!(both.acquire().0.status, Status::Failed);
    both.put(&image[..200_000]);
    let (_, evidence) = both.acquire();
    assert!(!evidence.gaps.is_empty() && evidence.rows("hidden_files").is_empty());
    both.table("27 1 0:30 / / rw - overlay overlay rw\n28 27 254:0 /f /etc/hosts rw - ext4 /dev/root rw\n");
    both.put(&image);
    assert_eq!(both.acquire().0, Outcome::ok());
    both.table("27 1 0:30 / / rw - overlay overlay rw\n");
    let (outcome, _) = both.acquire();
    assert_eq!((outcome.status, outcome.reasons.join("").contains("overlay")), (Status::Absent, true));
}

#[test]
fn a_disk_that_lies_never_panics_or_hangs() {
    let both = Both::new();
    put(&both.disk().join("opt/large"), &vec![7; 600_000]);
    symlink("x".repeat(80), both.disk().join("opt/link")).unwrap();
    let options = [&["-b", "1024", "-O", "^extents,^64bit"][..], &["-b", "1024", "-I", "256", "-O", "inline_data"]];
    for image in options.map(|options| both.image(options)) {
        assert!(hostile::ext4(&image) > 5);
        // Where anything stands at all.
        let used: Vec<usize> = image
            .chunks(64)
            .enumerate()
            .filter(|(_, chunk)| chunk.iter().any(|b| !matches!(b, 0 | 7)))
            .map(|(at, _)| at * 64)
            .collect();
        let changes = proptest::collection::vec((0..used.len(), 0_usize..64, proptest::num::u8::ANY), 1..60);
        let mut runner =
            proptest::test_runner::TestRunner::new(proptest::test_runner::Config { cases: 100, ..Default::default() });
        let done = runner.run(&changes, |changes| {
            let mut image = image.clone();
            for (chunk, inside, byte) in changes {
                if let Some(place) = image.get_mut(used[chunk] + inside) {
                    *place = byte;
                }
            }
            let _ = hostile::ext4(&image);
            Ok(())
        });
        assert!(done.is_ok(), "{done:?}");
    }
}

#[test]
fn this_machines_root_is_the_same_from_both_sides() {
    let host = Host::live().unwrap();
    let (table, _) = mounts::parse(&host.proc.file("self/mountinfo", read::SMALL).unwrap().bytes);
    let Some(mount) = mounts::covering(&table, b"/").filter(|mount| is_ext4(mount)) else {
        return skip(ROOTS_DISK, root_kind(&table));
    };
    let (mut evidence, mut row) = (Recorded::default(), Row::new(host.clock.now(), "x"));
    if let Err(refused) = BlockDevice::open(&host, mount.dev) {
        return skip(ROOTS_DISK, refused);
    }
    let (mut sides, root, _) =
        open(&host, mount, &table, TRIAGE, &mut row).unwrap_or_else(|refused| panic!("{}", refused.reason()));
    let places = Places::of(&host, &mut evidence);
    let first = sides.first(root.number, Budget { folders: 2000, ..TRIAGE }, &places, &mut evidence).unwrap();
    // Others make and delete files meanwhile, but never many.
    assert!(first.folders > 20 && first.kernel_only <= first.names / 10, "{first:?}");
    let hidden = sides.confirm(first.suspects, &mut evidence).unwrap();
    assert!(hidden.len() <= 2, "{hidden:?}");
}
