use super::*;
use crate::host::fixture::write;
use crate::model::Digest;
use crate::source::digests::Known;
use crate::source::recorded::Recorded;
use std::os::unix::fs::symlink;
use std::path::Path;

/// MD5 of nothing.
const EMPTY: &str = "d41d8cd98f00b204e9800998ecf8427e";

fn acquired(thorough: bool, lay_out: impl FnOnce(&Path)) -> (Outcome, Recorded) {
    let tree = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(tree.path().join("proc")).unwrap();
    lay_out(tree.path());
    let mut evidence = Recorded::default();
    let outcome = Packages::new(thorough, Arc::default()).acquire(&Host::fixture(tree.path()).unwrap(), &mut evidence).unwrap();
    (outcome, evidence)
}

#[test]
fn packages_become_rows_and_databases_are_kept() {
    let (outcome, evidence) = acquired(false, |root| {
        let status = "Package: a\nStatus: install ok installed\nVersion: 1:2-3\nInstalled-Size: 10\nSource: s\n\nbad\n\n";
        write(root, "var/lib/dpkg/status", status);
        write(root, "lib/apk/db/installed", "P:musl\nV:1\nI:5\n\n");
        write(root, "var/lib/rpm/rpmdb.sqlite", "SQLite format 3\0");
    });
    // The database of rpm is none.
    assert_eq!((outcome, evidence.gaps.len()), (Outcome::ok(), 1));
    let deb = &evidence.rows("deb_packages")[0];
    assert_eq!(
        (&deb["name"], &deb["revision"], &deb["size"], &deb["source_"]),
        (&"a".into(), &"3".into(), &10.into(), &"s".into())
    );
    assert_eq!((&deb["status"], &deb["status_"]), (&"ok".into(), &"install ok installed".into()));
    assert_eq!((&evidence.rows("apk_packages")[0]["name"], evidence.rows("deb_packages").len()), (&"musl".into(), 1));
    assert!(evidence.member("/var/lib/rpm/rpmdb.sqlite").is_some());
}

/// Files of a package `a`: good, changed, gone, exchanged for a FIFO or a link, diverted, and documentation.
fn lay_out(root: &Path) {
    let files =
        ["bin/good", "usr/bin/changed", "usr/bin/gone", "usr/bin/fifo", "usr/bin/linked", "usr/sbin/moved", "usr/share/doc"];
    let sums: Vec<String> = files.iter().map(|file| format!("{EMPTY}  {file}\n")).collect();
    write(root, "var/lib/dpkg/info/a.md5sums", sums.concat() + "no sum\n");
    write(root, "var/lib/dpkg/info/a.list", "/bin/good\n");
    write(root, "var/lib/dpkg/info/b:amd64.list", "/usr/sbin/moved\n");
    write(root, "var/lib/dpkg/diversions", "/usr/sbin/moved\n/usr/sbin/moved.orig\nb\n");
    symlink("usr/bin", root.join("bin")).unwrap();
    for (file, content) in [
        ("usr/bin/good", ""),
        ("usr/bin/changed", "evil"),
        ("usr/sbin/moved", "b's"),
        ("usr/sbin/moved.orig", ""),
        ("usr/share/doc", "changed"),
    ] {
        write(root, file, content);
    }
    nix::unistd::mkfifo(&root.join("usr/bin/fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    symlink("/usr/bin/changed", root.join("usr/bin/linked")).unwrap();
}

#[test]
fn changed_and_missing_files_are_named_and_good_ones_counted() {
    let (outcome, evidence) = acquired(false, lay_out);
    assert_eq!((outcome, evidence.gaps.len()), (Outcome::ok(), 0));
    let rows = evidence.rows("changed_package_files");
    let shown: Vec<_> = rows.iter().map(|row| (row["path"].as_str().unwrap(), row["state"].as_str().unwrap())).collect();
    let expected = [
        ("/usr/bin/changed", "changed"),
        ("/usr/bin/gone", "missing"),
        ("/usr/bin/fifo", "no-file"),
        ("/usr/bin/linked", "changed"),
    ];
    assert_eq!(shown, expected);
    assert_eq!((&rows[0]["expected_md5"], &rows[0]["package"]), (&EMPTY.into(), &"a".into()));
    assert_eq!((&rows[0]["md5"], &rows[0]["size"]), (&"4034a346ccee15292d823416f7510a2f".into(), &4.into()));
    assert_eq!(rows[0]["sha256"], Digest::of(b"evil").to_string());
    let tally = &evidence.rows("package_verification")[0];
    let columns = ["verified", "changed", "missing", "unread", "passed_over", "malformed", "without_sums", "thorough"];
    assert_eq!(columns.map(|name| tally[name].as_u64().unwrap()), [2, 3, 1, 0, 1, 1, 1, 0]);
}

#[test]
fn digests_of_what_was_verified_are_left_to_others() {
    let tree = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(tree.path().join("proc")).unwrap();
    lay_out(tree.path());
    let (host, digests) = (Host::fixture(tree.path()).unwrap(), Arc::new(Digests::default()));
    Packages::new(false, Arc::clone(&digests)).acquire(&host, &mut Recorded::default()).unwrap();
    let known = digests.of(&host.files.stat("/usr/bin/changed").unwrap()).unwrap();
    assert_eq!((known.sha256, known.elf), (Digest::of(b"evil"), false));
    assert_eq!(digests.of(&host.files.stat("/usr/share/doc").unwrap()), None);
}

#[test]
fn a_digest_that_others_have_made_is_not_made_again() {
    let tree = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(tree.path().join("proc")).unwrap();
    lay_out(tree.path());
    let (host, digests) = (Host::fixture(tree.path()).unwrap(), Arc::new(Digests::default()));
    let theirs = Known { sha256: Digest::of(b"made by others"), elf: true };
    for name in ["good", "changed"] {
        digests.learn(&host.files.stat(format!("/usr/bin/{name}")).unwrap(), theirs);
    }
    let mut evidence = Recorded::default();
    Packages::new(false, Arc::clone(&digests)).acquire(&host, &mut evidence).unwrap();
    let known = |path: &str| digests.of(&host.files.stat(path).unwrap()).unwrap().sha256;
    assert_eq!((known("/usr/bin/good"), known("/usr/bin/changed")), (theirs.sha256, Digest::of(b"evil")));
    // Of what is not as expected, both digests are of the same bytes: others may have read something else.
    let rows = evidence.rows("changed_package_files");
    let row = rows.iter().find(|row| row["path"] == "/usr/bin/changed").unwrap();
    assert_eq!(
        (&row["sha256"], &row["md5"]),
        (&Digest::of(b"evil").to_string().into(), &"4034a346ccee15292d823416f7510a2f".into())
    );
}

#[test]
fn files_of_apk_are_verified_by_their_sha1() {
    let (_, evidence) = acquired(false, |root| {
        let sum = "Z:Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=\n";
        let database = format!("P:a\nF:bin\nR:good\n{sum}R:changed\n{sum}R:link\n{sum}F:usr/share\nR:x\n{sum}R:bad\nZ:Q1\n\n");
        write(root, "lib/apk/db/installed", database);
        for (file, content) in [("bin/good", ""), ("bin/changed", "evil")] {
            write(root, file, content);
        }
        symlink("good", root.join("bin/link")).unwrap();
    });
    let rows = evidence.rows("changed_package_files");
    assert_eq!((rows.len(), &rows[0]["path"], &rows[0]["manager"]), (1, &"/bin/changed".into(), &"apk".into()));
    assert_eq!(rows[0]["expected_sha1"], "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    assert_eq!(
        (&rows[0]["sha1"], &rows[0]["sha256"]),
        (&"b653891162a040e1bfe6e436bdcd93827e0c56e5".into(), &Digest::of(b"evil").to_string().into())
    );
    let tally = &evidence.rows("package_verification")[0];
    assert_eq!(["verified", "changed", "passed_over", "malformed"].map(|name| tally[name].as_u64().unwrap()), [1, 1, 2, 1]);
}

#[test]
fn a_database_of_rpm_that_is_none_is_a_gap() {
    for (name, content) in [("Packages", "berkeley"), ("Packages.db", "RpmP"), ("rpmdb.sqlite", "SQLite format 3\0")] {
        let (_, evidence) = acquired(false, |root| write(root, &format!("var/lib/rpm/{name}"), content));
        assert_eq!(evidence.gaps.len(), 1, "{name}");
        assert_eq!(evidence.gaps[0].source, format!("/var/lib/rpm/{name}"));
    }
    let (_, evidence) = acquired(false, |root| {
        write(
            root,
            "usr/lib/sysimage/rpm/rpmdb.sqlite",
            zstd::decode_all(&include_bytes!("rpm/fixture.sqlite.zst")[..]).unwrap(),
        );
        write(root, "usr/lib/sysimage/rpm/rpmdb.sqlite-wal", "frames");
    });
    assert!(evidence.gaps.iter().any(|gap| gap.source.ends_with("-wal")), "{:?}", evidence.gaps);
    assert_eq!(evidence.rows("rpm_packages").len(), 42);
}

/// The same packages in databases of all kinds, by the names of their files.
const OF_RPM: [(&str, &[u8]); 4] = [
    ("rpmdb.sqlite", include_bytes!("rpm/fixture.sqlite.zst")),
    ("Packages.db", include_bytes!("rpm/fixture.ndb.zst")),
    ("Packages", include_bytes!("rpm/fixture.bdb.zst")),
    ("Packages", include_bytes!("rpm/fixture.bdb-be.zst")),
];

#[test]
fn packages_of_rpm_are_rows_and_their_files_are_verified() {
    for (name, database) in OF_RPM {
        let (outcome, evidence) = acquired(true, |root| {
            write(root, &format!("var/lib/rpm/{name}"), zstd::decode_all(database).unwrap());
            for (file, content) in [("one", "one"), ("two", "evil"), ("ghost", "anything")] {
                write(root, &format!("opt/hozen/{file}"), content);
            }
        });
        assert_eq!((outcome, evidence.gaps.len()), (Outcome::ok(), 0), "{name}");
        assert_are_those_of_rpm(name, &evidence);
    }
}

fn assert_are_those_of_rpm(database: &str, evidence: &Recorded) {
    let packages = evidence.rows("rpm_packages");
    let main = packages.iter().find(|row| row["name"] == "hozen-main").unwrap();
    assert_eq!((&main["release"], &main["epoch"], &main["vendor"]), (&"4".into(), &5.into(), &"Hozen".into()));
    let source = format!("/var/lib/rpm/{database}");
    assert_eq!((packages.len(), &main["source"], &main["hnum"]), (42, &source.into(), &1.into()));
    let changed = evidence.rows("changed_package_files");
    // Not every kind has packages in the order in which they were installed.
    let of = |path: &str| changed.iter().find(|row| row["path"] == path).unwrap();
    assert_eq!((changed.len(), &of("/opt/hozen/long")["state"]), (2, &"missing".into()));
    let two = of("/opt/hozen/two");
    assert_eq!(
        (&two["state"], &two["expected_sha256"], &two["sha256"]),
        (&"changed".into(), &Digest::of(b"two").to_string().into(), &Digest::of(b"evil").to_string().into())
    );
    let tally = &evidence.rows("package_verification")[0];
    let columns = ["verified", "changed", "missing", "passed_over", "malformed"].map(|name| tally[name].as_u64().unwrap());
    assert_eq!((columns, &tally["manager"], &tally["source"]), ([1, 1, 1, 1, 0], &"rpm".into(), &database.into()));
}

#[test]
fn another_database_of_rpm_is_a_gap_and_the_same_one_is_not() {
    let (_, evidence) = acquired(false, |root| {
        for (name, database) in &OF_RPM[..3] {
            write(root, &format!("var/lib/rpm/{name}"), zstd::decode_all(*database).unwrap());
        }
        std::fs::create_dir_all(root.join("usr/lib/sysimage")).unwrap();
        symlink("../../../var/lib/rpm", root.join("usr/lib/sysimage/rpm")).unwrap();
    });
    let gaps = evidence.gaps.iter().filter(|gap| gap.reason.starts_with("rpm has another database, "));
    let gaps: Vec<_> = gaps.map(|gap| gap.source.as_str()).collect();
    assert_eq!(gaps, ["/usr/lib/sysimage/rpm/Packages.db", "/usr/lib/sysimage/rpm/Packages"]);
    let packages = evidence.rows("rpm_packages");
    assert_eq!((packages.len(), &packages[0]["source"]), (42, &"/usr/lib/sysimage/rpm/rpmdb.sqlite".into()));
}

#[test]
fn what_is_damaged_in_a_database_of_rpm_is_a_gap_and_the_rest_is_told() {
    // A slot, and the checksum of the last blob.
    let (_, evidence) = acquired(false, |root| {
        let mut bytes = zstd::decode_all(OF_RPM[1].1).unwrap();
        let checksum = bytes.len() - 12;
        bytes[checksum] ^= 1;
        bytes[32..36].fill(0);
        write(root, "var/lib/rpm/Packages.db", bytes);
    });
    let reasons: Vec<_> = evidence.gaps.iter().map(|gap| gap.reason.as_str()).collect();
    let expected = [
        "a slot is none (times: 1); packages there are not listed and not verified",
        "1 packages are listed that have another checksum in the database than they should",
    ];
    assert_eq!((&reasons[..], evidence.rows("rpm_packages").len()), (&expected[..], 41));
}

#[test]
fn a_file_of_a_terabyte_of_holes_is_not_read() {
    let (_, evidence) = acquired(false, |root| {
        write(root, "var/lib/dpkg/info/a.md5sums", format!("{EMPTY}  usr/bin/holes\n"));
        write(root, "usr/bin/holes", "");
        std::fs::File::options().write(true).open(root.join("usr/bin/holes")).unwrap().set_len(1 << 40).unwrap();
    });
    assert_eq!((&evidence.rows("changed_package_files")[0]["state"], evidence.gaps.len()), (&"unread".into(), 1));
}

/// Wants no more, and takes rows all the same, as a run does.
struct OutOfTime(Vec<&'static str>);

impl Evidence for OutOfTime {
    fn row(&mut self, table: &'static str, _: &Row) -> Result<(), Stop> {
        self.0.push(table);
        Ok(())
    }
    fn raw(&mut self, _: &crate::source::Member<'_>, _: &[u8]) -> Result<(), Stop> {
        Ok(())
    }
    fn raw_stream(
        &mut self,
        _: &crate::source::Member<'_>,
        _: u64,
        _: &mut dyn std::io::Read,
    ) -> Result<crate::source::Streamed, Stop> {
        Err(Stop::OutOfTime)
    }
    fn image_begin(&mut self, _: &'static str) -> Result<(), Stop> {
        Err(Stop::OutOfTime)
    }
    fn image_write(&mut self, _: &[u8]) -> Result<(), Stop> {
        Err(Stop::OutOfTime)
    }
    fn image_end(&mut self) -> Result<(), Stop> {
        Ok(())
    }
    fn gap(&mut self, _: crate::model::Gap) {}
    fn check(&self) -> Result<(), Stop> {
        Err(Stop::OutOfTime)
    }
    fn progress(&mut self, _: u64, _: u64) {}
}

#[test]
fn what_was_verified_is_told_also_where_the_time_is_up() {
    let tree = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(tree.path().join("proc")).unwrap();
    lay_out(tree.path());
    let mut evidence = OutOfTime(Vec::new());
    let host = Host::fixture(tree.path()).unwrap();
    let packages = Packages::default();
    let job = packages.job(&host, "dpkg", dpkg_sums::INFO);
    assert_eq!(dpkg_sums::verify(job, &Diversions::default(), &mut evidence), Err(Stop::OutOfTime));
    assert_eq!(evidence.0, ["package_verification"]);
}

#[test]
fn all_files_are_verified_if_asked() {
    let (_, evidence) = acquired(true, lay_out);
    assert_eq!(evidence.rows("changed_package_files").last().unwrap()["path"], "/usr/share/doc");
}

#[test]
fn a_host_without_packages_is_absent() {
    let (outcome, evidence) = acquired(true, |_| ());
    assert_eq!((outcome.status, evidence.rows("package_verification").len()), (Status::Absent, 0));
}

#[test]
fn this_machine_answers() {
    let mut evidence = Recorded::default();
    let outcome = Packages::default().acquire(&Host::live().unwrap(), &mut evidence).unwrap();
    assert!(matches!(outcome.status, Status::Ok | Status::Absent), "{outcome:?}");
    assert!(evidence.gaps.iter().all(|gap| gap.refused), "{:?}", evidence.gaps);
}

#[test]
fn programs_and_what_the_loader_and_pam_take_in_come_first() {
    for file in [
        "usr/bin/su",
        "usr/lib/systemd/systemd",
        "usr/lib/x86_64-linux-gnu/security/pam_unix.so",
        "lib/aarch64-linux-gnu/libc.so.6",
        "usr/lib/x86_64-linux-gnu/libpam.so.0",
    ] {
        assert!(verify::comes_first(file.as_bytes()), "{file}");
    }
    for file in [
        "usr/share/doc/bin/x",
        "usr/lib/python3/security/x",
        "usr/lib/x86_64-linux-gnu/libz.so.1",
        "usr/lib/x86_64-linux-gnu",
        "lib/x",
    ] {
        assert!(!verify::comes_first(file.as_bytes()), "{file}");
    }
}
