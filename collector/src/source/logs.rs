//! What was logged: the newest first, within a budget of bytes. The journal, `/var/log`, and what containers wrote.
//!
//! Logs are kept as they are, secrets included: hiding bytes in a journal would break it, and a log is evidence of what was logged.
//! What SSM keeps of commands, where the credentials that this very run was given may stand, is in `cloud`.

use std::time::Duration;

use super::containers::roots;
use super::file_set::{FileSet, Form, Group, Limits, Order};
use super::{Evidence, Source, Stop};
use crate::host::Host;
use crate::model::{Artefact, Category, Outcome, Profile, Status};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "logs",
    category: Category::File,
    profile: Profile::Triage,
    budget: Duration::from_secs(300),
    budget_bytes: Some(TOTAL),
    source: "/var/log, /run/log, logs of containers",
    about: "the journal, /var/log and logs of containers, newest first: 2 GiB, or 16 GiB in profile full",
    tables: &["log_files"],
};

/// The most bytes that are kept of all logs together; eight times as many in profile full.
const TOTAL: u64 = 2 << 30;

const GROUPS: &[Group<'_>] = &[
    Group { kind: "journal", form: Form::Whole, patterns: &["/var/log/journal/**", "/run/log/journal/**"] },
    Group { kind: "cloud", form: Form::Bulk, patterns: &["/var/log/amazon/**", "/var/log/cloud-init*", "/var/log/ecs/**"] },
    Group { kind: "audit", form: Form::Bulk, patterns: &["/var/log/audit/**"] },
    Group {
        kind: "container",
        form: Form::Bulk,
        patterns: &[
            "/var/log/containers/*",
            "/var/log/pods/**",
            "/var/lib/docker/containers/*/*-json.log*",
            "/var/lib/docker/containers/*/local-logs/*",
            "/var/lib/containers/storage/*-containers/*/userdata/ctr.log",
            "/var/lib/nerdctl/*/containers/*/*/*-json.log*",
            "~/.local/share/docker/containers/*/*-json.log*",
            "~/.local/share/containers/storage/*-containers/*/userdata/ctr.log",
            "~/.local/share/nerdctl/*/containers/*/*/*-json.log*",
        ],
    },
    Group {
        kind: "web",
        form: Form::Bulk,
        patterns: &[
            "/var/log/apache2/**",
            "/var/log/httpd/**",
            "/var/log/nginx/**",
            "/var/lib/tomcat*/logs/*",
            "/usr/local/apache*/logs/*",
            "/usr/local/nginx/logs/*",
            "/opt/tomcat*/logs/*",
        ],
    },
    Group {
        kind: "accounting",
        form: Form::Bulk,
        patterns: &["/var/account/*", "/var/log/account/*", "/var/log/sa/*", "/var/log/atop/*"],
    },
    Group { kind: "log", form: Form::Bulk, patterns: &["/var/log/**"] },
];

/// Keeps logs.
#[derive(Debug, Clone, Copy)]
pub struct Logs {
    /// The most bytes that are kept of one file: its end.
    pub file_cap: u64,
    /// The most bytes that are kept of all files together.
    pub total_cap: u64,
    /// Keep files of secrets that a link among logs leads to.
    pub include_secrets: bool,
}

impl Logs {
    /// With the usual limits, or eight times as much.
    #[must_use]
    pub fn new(thorough: bool, include_secrets: bool) -> Self {
        let times = if thorough { 8 } else { 1 };
        Self { file_cap: times * (256 << 20), total_cap: times * TOTAL, include_secrets }
    }
}

impl Source for Logs {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let texts = roots::patterns(GROUPS, &roots::moved(host));
        let lists: Vec<Vec<&str>> = texts.iter().map(|list| list.iter().map(String::as_str).collect()).collect();
        let groups = roots::groups(GROUPS, &lists);
        let set = FileSet {
            table: "log_files",
            groups: &groups,
            limits: Limits::bytes(self.file_cap, self.total_cap),
            order: Order::NewestFirst,
            include_secrets: self.include_secrets,
            is_read: None,
        };
        let count = set.keep(host, evidence, &mut |_, _| Ok(Vec::new()))?;
        Ok(if count == 0 { Outcome::because(Status::Absent, "the host keeps no logs") } else { Outcome::ok() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture::write;
    use crate::source::recorded::Recorded;

    fn acquired(logs: Logs, files: &[(&str, &[u8], u64)]) -> (Outcome, Recorded) {
        let tree = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(tree.path().join("proc")).unwrap();
        for (path, bytes, time) in files {
            write(tree.path(), path, bytes);
            let file = std::fs::File::options().write(true).open(tree.path().join(path)).unwrap();
            file.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(*time)).unwrap();
        }
        let mut evidence = Recorded::default();
        let outcome = logs.acquire(&Host::fixture(tree.path()).unwrap(), &mut evidence).unwrap();
        (outcome, evidence)
    }

    #[test]
    fn logs_of_an_engine_that_was_moved_are_kept() {
        let log = "mnt/d/containers/0a/0a-json.log";
        let files: &[(&str, &[u8], u64)] = &[("etc/docker/daemon.json", br#"{"data-root":"/mnt/d"}"#, 2), (log, b"{}", 1)];
        let (outcome, evidence) = acquired(Logs::new(false, false), files);
        assert_eq!((outcome, evidence.member(&format!("/{log}"))), (Outcome::ok(), Some(&b"{}"[..])));
    }

    #[test]
    fn the_newest_come_first_each_of_its_kind() {
        let container = "var/lib/docker/containers/0a/0a-json.log";
        let (outcome, evidence) = acquired(
            Logs::new(false, false),
            &[
                ("var/log/journal/0a/system.journal", b"LPKSHHRH", 4),
                ("var/log/auth.log", b"password=hunter2 \x1b\xff", 3),
                (container, b"{\"log\":\"x\"}", 2),
                ("var/log/audit/audit.log", b"type=EXECVE", 1),
            ],
        );
        assert_eq!((outcome, evidence.gaps.len()), (Outcome::ok(), 0));
        let kinds: Vec<_> = evidence.rows("log_files").iter().map(|row| row["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["journal", "log", "container", "audit"]);
        assert_eq!(evidence.member("/var/log/auth.log"), Some(&b"password=hunter2 \x1b\xff"[..]));
        assert_eq!(evidence.member(&format!("/{container}")), Some(&b"{\"log\":\"x\"}"[..]));
    }

    #[test]
    fn the_budget_is_for_the_newest() {
        let logs = Logs { file_cap: 8, total_cap: 12, include_secrets: false };
        let files: &[(&str, &[u8], u64)] =
            &[("var/log/a", b"0123456789", 1), ("var/log/b", b"0123456789", 2), ("var/log/journal/c", b"0123456789", 3)];
        let (_, evidence) = acquired(logs, files);
        assert_eq!(
            (evidence.member("/var/log/b@2"), evidence.member("/var/log/a@6")),
            (Some(&b"23456789"[..]), Some(&b"6789"[..]))
        );
        assert_eq!((evidence.members.len(), evidence.gaps.len()), (2, 3));
    }

    #[test]
    fn a_host_without_logs_is_absent() {
        assert_eq!(acquired(Logs::new(true, false), &[]).0.status, Status::Absent);
    }
}
