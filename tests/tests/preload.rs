//! What a rootkit in `/etc/ld.so.preload` hides from every program of the host, the static program sees: it loads nothing of the host.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "plants a rootkit with the standard library, and asks programs of the host"
)]

use std::path::Path;
use std::process::Command;

use hozen_tests::agent::Agent;
use hozen_tests::evidence::{bytes, number, sha256};
use hozen_tests::host::{Mounts, is_root, skipped};
use hozen_tests::vm::Lab;
use serde_json::Value;

const PRELOAD: &str = "/etc/ld.so.preload";
const JOB: &str = "/etc/cron.d/hiding-job";

/// What a program of the host writes, and whether it ends well.
fn host(program: &str, argument: &str) -> (bool, String) {
    let output = Command::new(program).arg(argument).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Builds the rootkit's library; whether there is a compiler.
fn build(test: &str, library: &Path) -> bool {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("preload/hiding.c");
    let status = Command::new("cc").args(["-O1", "-shared", "-fPIC", "-o"]).arg(library).arg(source).arg("-ldl").status();
    let Ok(status) = status else { return skipped(test, "cc") };
    assert!(status.success(), "cc");
    true
}

#[test]
fn what_a_preloaded_library_hides_from_the_host_is_found() {
    let test = "what_a_preloaded_library_hides_from_the_host_is_found";
    if !is_root(test) {
        return;
    }
    let Some(hozen) = Lab::find(test).and_then(|lab| lab.hozen(test)) else { return };
    let (folder, layers) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let library = folder.path().join("hiding-library.so");
    if !build(test, &library) {
        return;
    }
    let mut mounts = Mounts::own();
    mounts.overlay(Path::new("/etc"), layers.path());
    std::fs::create_dir_all("/etc/cron.d").unwrap();
    std::fs::write(JOB, "* * * * * root /hiding-door\n").unwrap();
    std::fs::write(PRELOAD, format!("{}\n", library.display())).unwrap();

    let (_, names) = host("ls", "/etc");
    assert!(names.contains("passwd") && !names.contains("ld.so.preload"), "the rootkit hides nothing: {names}");
    assert!(!host("cat", JOB).0, "the rootkit hides nothing");

    let evidence = Agent::at(&hozen).collect(&folder.path().join("evidence"), &["--only", "persistence,findings"]);
    let libraries = evidence.table("preload_libraries");
    let [row] = libraries.as_slice() else { panic!("{libraries:#?}") };
    assert_eq!(bytes(row, "library").as_deref(), library.to_str().map(str::as_bytes), "{row}");
    assert_eq!(number(row, "exists"), Some(1), "{row}");
    assert_eq!(
        sha256(&evidence.raw_file("persistence", &library.display().to_string())),
        sha256(&std::fs::read(&library).unwrap()),
        "its bytes"
    );
    let jobs = evidence.table("crontab");
    assert!(jobs.iter().any(|row| bytes(row, "command").is_some_and(|command| command == b"/hiding-door")), "{jobs:#?}");
    let findings = evidence.table("findings");
    let is = |word: &str| findings.iter().any(|row| row.get("finding") == Some(&Value::from(word)));
    assert!(is("preload-file") && is("preload-library"), "{findings:#?}");
}
