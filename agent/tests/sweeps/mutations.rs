//! Mutation sweep over a run that the binary really collected.

use std::path::Path;
use std::process::{Command, Stdio};

use super::mutate;

/// Runs the binary into `to` and returns its exit code.
pub(super) fn collect(to: &Path, only: &str) -> Option<i32> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hozen"));
    command.args(["collect", "--unprivileged", "--only", only, "--to"]).arg(to);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().code()
}

#[test]
fn every_change_to_a_collected_run_is_found() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("run");
    let code = collect(&dir, "context,mounts,arp_cache,sessions");
    assert!(matches!(code, Some(10 | 11)), "{code:?}");
    let mutations = mutate::sweep(&dir, 1);
    assert!(mutations > 500, "only {mutations} mutations");
}
