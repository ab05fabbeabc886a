//! Trees with what an intruder leaves behind, and with what breaks tools.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use super::*;
use crate::model::Digest;
use crate::source::digests::Known;
use crate::source::recorded::Recorded;

fn mode(path: impl AsRef<Path>, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn files(thorough: bool, lay_out: impl FnOnce(&Path)) -> (Outcome, Recorded) {
    let tree = tempfile::tempdir().unwrap();
    for folder in ["proc", "etc", "usr/bin", "tmp", "opt", "home/ann"] {
        std::fs::create_dir_all(tree.path().join(folder)).unwrap();
    }
    std::fs::write(tree.path().join("etc/passwd"), "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n").unwrap();
    std::fs::write(tree.path().join("etc/group"), "root:x:0:\nann:x:1000:\n").unwrap();
    lay_out(tree.path());
    let mut evidence = Recorded::default();
    let outcome = Files::new(thorough, Arc::default()).acquire(&Host::fixture(tree.path()).unwrap(), &mut evidence).unwrap();
    (outcome, evidence)
}

fn paths(evidence: &Recorded, table: &str) -> Vec<String> {
    evidence.rows(table).iter().map(|row| row["path"].as_str().unwrap_or("?").to_owned()).collect()
}

fn row<'a>(evidence: &'a Recorded, table: &str, path: &str) -> &'a serde_json::Value {
    evidence.rows(table).iter().find(|row| row["path"] == path).unwrap_or_else(|| panic!("{table} has no {path}"))
}

#[test]
fn each_file_has_a_row_and_a_line_of_eleven_fields() {
    let (outcome, evidence) = files(false, |root| {
        std::fs::write(root.join("opt").join(std::ffi::OsStr::from_bytes(b"n\n\x1b[2J|\xff")), "odd").unwrap();
        symlink("../etc/passwd", root.join("opt/link")).unwrap();
        nix::unistd::mkfifo(&root.join("opt/fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    });
    assert_eq!((outcome, evidence.gaps.len()), (Outcome::ok(), 0));
    let lines: Vec<&str> = evidence.rows(FILES).iter().map(|row| row["bodyfile"].as_str().unwrap()).collect();
    assert!(lines.iter().all(|line| line.split('|').count() == 11 && !line.contains('\n')));
    assert!(lines.iter().any(|line| line.starts_with("0|/opt/n\\x0a\\x1b[2J\\x7c\\xff|")));
    assert!(lines.iter().any(|line| line.starts_with("0|/opt/link -> ../etc/passwd|") && line.contains("|l/l")));
    assert_eq!((paths(&evidence, FILES)[0].as_str(), lines.len()), ("/", 14));
    let row = row(&evidence, FILES, "/etc/passwd");
    assert_eq!(row["mtime"].to_string(), row["bodyfile"].as_str().unwrap().split('|').nth(8).unwrap());
    assert_eq!(evidence.rows("file_systems")[0]["files"], 14);
}

#[test]
fn what_stands_out_has_rows_of_its_own() {
    let (_, evidence) = files(false, |root| {
        for (name, bits) in [("suid", 0o4755), ("sgid", 0o2755), ("both", 0o6755), ("open", 0o777), ("data", 0o666)] {
            std::fs::write(root.join("opt").join(name), name).unwrap();
            mode(root.join("opt").join(name), bits);
        }
        std::os::unix::fs::chown(root.join("opt/data"), Some(4711), None).unwrap();
    });
    let permissions = |name: &str| row(&evidence, "suid_bin", name)["permissions"].as_str().unwrap().to_owned();
    assert_eq!([permissions("/opt/suid"), permissions("/opt/sgid"), permissions("/opt/both")], ["S", "G", "SG"]);
    assert_eq!(paths(&evidence, "suid_bin").len(), 3);
    assert_eq!(paths(&evidence, "world_writable_executables"), ["/opt/open"]);
    let unowned = row(&evidence, "unowned_files", "/opt/data");
    assert_eq!((&unowned["no_user"], &unowned["no_group"], &unowned["uid"]), (&1.into(), &0.into(), &4711.into()));
    assert_eq!(paths(&evidence, "unowned_files"), ["/opt/data"]);
    // Outside of PATH, homes and tmp only what gives rights is read.
    assert_eq!(paths(&evidence, "executable_hashes"), ["/opt/both", "/opt/sgid", "/opt/suid"]);
}

#[test]
fn a_user_s_containers_hide_nothing_but_what_is_of_their_own_numbers() {
    if !nix::unistd::geteuid().is_root() {
        return crate::testing::skip("root, to give files to others", nix::unistd::geteuid());
    }
    let folder = "home/ann/.local/share/containers/storage/overlay/1/diff/bin";
    let (closed, elsewhere) = ("home/ann/.local/share/docker/overlay2", "opt/.local/share/docker");
    let (_, evidence) = files(false, |root| {
        crate::host::fixture::write(root, "var/lib/dpkg/info/x.list", "/usr/bin/x\n");
        for name in ["etc/subuid", "etc/subgid"] {
            crate::host::fixture::write(root, name, "ann:100000:65536\n");
        }
        std::fs::create_dir_all(root.join(folder)).unwrap();
        std::fs::create_dir_all(root.join(elsewhere)).unwrap();
        std::fs::create_dir_all(root.join(closed)).unwrap();
        mode(root.join("home/ann/.local/share/docker"), 0o710);
        std::os::unix::fs::chown(root.join("home/ann"), Some(1000), Some(1000)).unwrap();
        for (name, uid, gid, bits) in [
            (format!("{folder}/subordinate"), 100_999, 100_999, 0o6755),
            (format!("{folder}/ann"), 1000, 1000, 0o6755),
            (format!("{folder}/root"), 0, 100_999, 0o4755),
            (format!("{folder}/group"), 100_999, 0, 0o2755),
            (format!("{folder}/directory"), 300_000, 300_000, 0o4755),
            (format!("{elsewhere}/x"), 100_999, 100_999, 0o4755),
            (format!("{closed}/ann"), 1000, 1000, 0o4755),
            (format!("{closed}/root"), 0, 0, 0o4755),
        ] {
            let path = root.join(&name);
            std::fs::write(&path, name).unwrap();
            std::os::unix::fs::chown(&path, Some(uid), Some(gid)).unwrap();
            mode(&path, bits);
        }
    });
    let said = |name: &str| {
        let row = row(&evidence, "suid_bin", &format!("/{name}"));
        (row.get("user_container").is_some(), row["packaged"].as_u64())
    };
    assert_eq!(said(&format!("{folder}/subordinate")), (true, None));
    for name in ["ann", "root", "group", "directory"] {
        assert_eq!(said(&format!("{folder}/{name}")), (false, Some(0)), "{name}");
    }
    assert_eq!(said(&format!("{elsewhere}/x")), (false, Some(0)));
    assert_eq!(said(&format!("{closed}/ann")), (true, None), "nobody else gets there");
    assert_eq!(said(&format!("{closed}/root")), (false, Some(0)));
}

#[test]
fn programs_are_known_by_permission_or_by_their_head_and_read_once() {
    let lay_out = |root: &Path| {
        std::fs::write(root.join("usr/bin/script"), "#!/bin/sh\n").unwrap();
        mode(root.join("usr/bin/script"), 0o755);
        std::fs::hard_link(root.join("usr/bin/script"), root.join("usr/bin/twin")).unwrap();
        std::fs::write(root.join("tmp/dropped"), b"\x7fELF\x02\x01\x01\0payload").unwrap();
        std::fs::write(root.join("tmp/text"), "text").unwrap();
        std::fs::write(root.join("tmp/x"), "x").unwrap();
        mode(root.join("tmp/x"), 0o755);
        std::fs::write(root.join("home/ann/.tool"), b"\x7fELF").unwrap();
        std::fs::write(root.join("opt/tool"), b"\x7fELF").unwrap();
    };
    let (_, evidence) = files(false, lay_out);
    let triage = ["/home/ann/.tool", "/tmp/dropped", "/tmp/x", "/usr/bin/script", "/usr/bin/twin"];
    assert_eq!(paths(&evidence, "executable_hashes"), triage);
    let script = row(&evidence, "executable_hashes", "/usr/bin/script");
    assert_eq!((&script["sha256"], &script["elf"]), (&Digest::of(b"#!/bin/sh\n").to_string().into(), &0.into()));
    let twin = row(&evidence, "executable_hashes", "/usr/bin/twin");
    assert_eq!((&twin["sha256"], twin.get("elf")), (&script["sha256"], None));
    let dropped = row(&evidence, "executable_hashes", "/tmp/dropped");
    assert_eq!((&dropped["elf"], &dropped["executable"]), (&1.into(), &0.into()));
    assert_eq!(dropped["sha256"], Digest::of(b"\x7fELF\x02\x01\x01\0payload").to_string());
    assert_eq!(row(&evidence, "executable_hashes", "/tmp/x")["sha256"], Digest::of(b"x").to_string());
    let (_, evidence) = files(true, lay_out);
    assert!(paths(&evidence, "executable_hashes").contains(&"/opt/tool".to_owned()));
}

#[test]
fn a_program_that_the_run_has_read_is_not_read_again_unless_it_has_changed() {
    let (tree, digests) = (tempfile::tempdir().unwrap(), Arc::new(Digests::default()));
    for folder in ["proc", "tmp"] {
        std::fs::create_dir(tree.path().join(folder)).unwrap();
    }
    for name in ["changed", "known", "text"] {
        std::fs::write(tree.path().join("tmp").join(name), name).unwrap();
        mode(tree.path().join("tmp").join(name), if name == "text" { 0o644 } else { 0o755 });
    }
    let host = Host::fixture(tree.path()).unwrap();
    let before = Known { sha256: Digest::of(b"read before"), elf: false };
    for name in ["changed", "known", "text"] {
        digests.learn(&host.files.stat(format!("/tmp/{name}")).unwrap(), before);
    }
    std::fs::write(tree.path().join("tmp/changed"), "another").unwrap();
    let mut evidence = Recorded::default();
    Files::new(false, Arc::clone(&digests)).acquire(&host, &mut evidence).unwrap();
    assert_eq!(paths(&evidence, "executable_hashes"), ["/tmp/changed", "/tmp/known"]);
    let left = digests.of(&host.files.stat("/tmp/changed").unwrap()).unwrap();
    assert_eq!(left.sha256, Digest::of(b"another"), "others of the run have it, too");
    let digest = |path: &str| row(&evidence, "executable_hashes", path)["sha256"].as_str().unwrap().to_owned();
    assert_eq!(digest("/tmp/known"), before.sha256.to_string());
    assert_eq!(digest("/tmp/changed"), Digest::of(b"another").to_string());
}

/// A budget that is not spent: bytes and nanoseconds.
const ENOUGH: (u64, u64) = (u64::MAX, u64::MAX);
/// One program of ten bytes is in it, by room and by time.
const TOO_LITTLE: [(u64, u64); 2] = [(15, u64::MAX), (u64::MAX, 1)];

/// Three programs of ten bytes that are of a package and three that are not, with what is left to each kind.
fn within(packages: (u64, u64), others: (u64, u64)) -> Recorded {
    let tree = tempfile::tempdir().unwrap();
    for folder in ["proc", "tmp", "usr/bin", "var/lib/dpkg/info"] {
        std::fs::create_dir_all(tree.path().join(folder)).unwrap();
    }
    for name in ["tmp/a", "tmp/b", "tmp/c", "usr/bin/a", "usr/bin/b", "usr/bin/c"] {
        std::fs::write(tree.path().join(name), "0123456789").unwrap();
        mode(tree.path().join(name), 0o755);
    }
    std::fs::write(tree.path().join("var/lib/dpkg/info/x.list"), "/usr/bin/a\n/usr/bin/b\n/usr/bin/c\n").unwrap();
    let (host, mut evidence) = (Host::fixture(tree.path()).unwrap(), Recorded::default());
    let mut looker = Looker {
        packaged: Packaged::read(&host, &mut evidence).unwrap(),
        host: &host,
        owners: Owners::read(&host, &mut evidence),
        hashes: Hashes::new(&host, false, Arc::default(), &mut evidence),
        written: traits::Written::default(),
    };
    looker.hashes.allow([packages, others]);
    assert_eq!(looker.top(b"/", &mut evidence), Ok(16));
    looker.hashes.tell(&mut evidence);
    evidence
}

/// Which files have digests, and what is told of those that have none: where it begins, and whose they are.
fn digests_and_gaps(evidence: &Recorded) -> (Vec<String>, Vec<(&str, &str)>) {
    let gaps = evidence.gaps.iter().map(|gap| {
        let reason = gap.reason.as_str();
        (gap.source.as_str(), reason.split_once(" have no digest").map_or(reason, |(whose, _)| whose))
    });
    (paths(evidence, "executable_hashes"), gaps.collect())
}

#[test]
fn a_spent_budget_is_a_gap_and_the_walk_goes_on() {
    // What the walk took before the first program is not time that its digest lacks.
    for spent in TOO_LITTLE {
        let evidence = within(spent, spent);
        let (digests, gaps) = digests_and_gaps(&evidence);
        assert_eq!(digests, ["/tmp/a", "/usr/bin/a"]);
        assert_eq!(gaps, [("/usr/bin/b", "2 files of packages"), ("/tmp/b", "2 files of no known package")]);
    }
}

#[test]
fn what_programs_of_packages_spend_others_do_not_lack_nor_the_other_way_round() {
    for spent in TOO_LITTLE {
        let evidence = within(spent, ENOUGH);
        let (digests, gaps) = digests_and_gaps(&evidence);
        assert_eq!(digests, ["/tmp/a", "/tmp/b", "/tmp/c", "/usr/bin/a"]);
        assert_eq!(gaps, [("/usr/bin/b", "2 files of packages")]);
        let evidence = within(ENOUGH, spent);
        let (digests, gaps) = digests_and_gaps(&evidence);
        assert_eq!(digests, ["/tmp/a", "/usr/bin/a", "/usr/bin/b", "/usr/bin/c"]);
        assert_eq!(gaps, [("/tmp/b", "2 files of no known package")]);
    }
}

#[test]
fn a_hundred_thousand_files_in_one_folder_are_all_there() {
    let (outcome, evidence) = files(false, |root| {
        // One inode takes 65,000 names at most on ext4.
        for n in 0..100_000 {
            let first = root.join(format!("opt/{}", n / 50_000));
            let name = root.join(format!("opt/n{n}"));
            if n % 50_000 == 0 {
                std::fs::write(&first, "").unwrap();
            }
            std::fs::hard_link(&first, name).unwrap();
        }
    });
    assert_eq!((outcome, evidence.gaps.len()), (Outcome::ok(), 0));
    assert_eq!(paths(&evidence, FILES).iter().filter(|path| path.starts_with("/opt/n")).count(), 100_000);
}

/// Needs root, a file system with flags, setcap(8) and chattr(1).
#[test]
fn capabilities_and_flags_of_this_machine_are_seen_and_access_times_kept() {
    assert!(nix::unistd::geteuid().is_root(), "this test sets capabilities and flags, which needs root");
    let dir = tempfile::tempdir_in("/var/tmp").unwrap();
    let program = dir.path().join("ping");
    std::fs::write(&program, "program").unwrap();
    mode(&program, 0o755);
    symlink("ping", dir.path().join("link")).unwrap();
    let run = |command: &mut Command| assert!(command.status().unwrap().success(), "{command:?}");
    run(Command::new("setcap").arg("cap_net_raw,cap_sys_admin=ep").arg(&program));
    let flags = Command::new("chattr").arg("+i").arg(&program).status().is_ok_and(|status| status.success());
    let times =
        |name: &str| std::fs::symlink_metadata(dir.path().join(name)).map(|found| (found.atime(), found.atime_nsec())).unwrap();
    let old = nix::sys::time::TimeSpec::new(1_000_000_000, 0);
    let link = dir.path().join("link");
    let flag = nix::sys::stat::UtimensatFlags::NoFollowSymlink;
    nix::sys::stat::utimensat(nix::fcntl::AT_FDCWD, &link, &old, &nix::sys::time::TimeSpec::UTIME_OMIT, flag).unwrap();
    let before = [times("ping"), times("link")];
    let (host, mut evidence) = (Host::live().unwrap(), Recorded::default());
    let mut looker = Looker {
        packaged: Packaged::default(),
        host: &host,
        owners: Owners::read(&host, &mut evidence),
        hashes: Hashes::new(&host, false, Arc::default(), &mut evidence),
        written: traits::Written::default(),
    };
    let done = looker.top(dir.path().as_os_str().as_bytes(), &mut evidence);
    if flags {
        run(Command::new("chattr").arg("-i").arg(&program));
    }
    assert_eq!(done, Ok(3));
    assert_eq!([times("ping"), times("link")], before);
    let path = program.to_str().unwrap();
    let capability = row(&evidence, "file_capabilities", path);
    assert_eq!((&capability["permitted"], &capability["effective"]), (&serde_json::json!(["net_raw", "sys_admin"]), &1.into()));
    assert_eq!(row(&evidence, "executable_hashes", path)["sha256"], Digest::of(b"program").to_string());
    assert_eq!(evidence.rows("file_flags").len(), usize::from(flags));
    if flags {
        assert_eq!(row(&evidence, "file_flags", path)["immutable"], 1);
    } else {
        crate::testing::skip("a file system with flags, and chattr(1)", dir.path().display());
    }
    assert_eq!(row(&evidence, FILES, link.to_str().unwrap())["symlink_target_path"], "ping");
}
