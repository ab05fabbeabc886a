//! The environment of each process, in its own order, duplicates kept.
//!
//! Secrets are not taken along unless asked for: a value that [`redact`] judges to be one is a length and a digest in its row,
//! and as many `x` in the archive. `environ_sha256` is the digest of the true bytes, so that a memory image or a later reading
//! can be compared with what was seen.

mod parse;
mod redact;

use std::sync::Arc;
use std::time::Duration;

use self::parse::Entry;
use self::redact::Secret;
use super::each_process::each_process;
use super::{Evidence, Member, Source, Stop, failure};
use crate::host::read::{self, Bytes};
use crate::host::{Host, Process, SpareThread};
use crate::model::{Artefact, Category, Digest, Gap, Outcome, Profile, Row};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "process_envs",
    category: Category::Process,
    profile: Profile::Volatile,
    budget: Duration::from_secs(60),
    budget_bytes: None,
    source: "/proc/PID/environ",
    about: "environment variables of every process; secrets only as length and digest",
    tables: &["process_envs"],
};

/// `environ` takes the process's `mmap_lock`, which another thread may hold for ever.
const LIMIT: Duration = Duration::from_secs(2);

/// The most variables of one process that become rows. A process may declare any of its memory to be its environment.
const MOST_ENTRIES: usize = 10_000;

/// Reads the environment of each process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnvs {
    /// Whether secrets are kept as they are.
    pub include_secrets: bool,
}

impl Source for ProcessEnvs {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let mut spare = host.spare_thread();
        each_process(host, evidence, |process, evidence| self.process(host, process, &mut spare, evidence))
    }
}

impl ProcessEnvs {
    fn process(
        &self,
        host: &Host,
        process: &Arc<Process>,
        spare: &mut SpareThread,
        evidence: &mut dyn Evidence,
    ) -> Result<(), Stop> {
        let owned = Arc::clone(process);
        match spare.read(LIMIT, process.path("environ").as_bytes(), move || owned.file("environ", read::SMALL)) {
            Ok(environ) => self.keep(host, process, environ, evidence),
            Err(error) if error.is_gone() => Ok(()),
            Err(error) => {
                let row = failure::row(host, process, "environ", evidence, &error);
                evidence.row("process_envs", &row)
            }
        }
    }

    fn keep(&self, host: &Host, process: &Process, environ: Bytes, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        let path = process.path("environ");
        let digest = Digest::of(&environ.bytes);
        let entries = parse::entries(&environ.bytes, environ.truncated);
        let secrets: Vec<Secret> = entries.iter().map(|entry| self.judge(entry)).collect();
        let masked = redact::masked(&environ.bytes, entries.iter().zip(secrets.iter().copied()));
        evidence.raw(&Member::pseudo(path.as_bytes()), &masked)?;
        if environ.truncated {
            evidence.gap(Gap::from(path.as_bytes(), length(&environ.bytes), None, "longer than what is read of one environment"));
        }
        if entries.len() > MOST_ENTRIES {
            let reason = format!("rows of all but the first {MOST_ENTRIES} variables; the archive has their bytes");
            evidence.gap(Gap::whole(path.as_bytes(), reason));
        }
        for (entry, secret) in entries.iter().zip(secrets).take(MOST_ENTRIES) {
            evidence.check()?;
            let mut row = Row::new(host.clock.now(), path.as_str());
            columns(row.int("pid", process.pid), entry, secret);
            row.text("environ_sha256", &digest.to_string());
            if environ.truncated {
                row.error("environ", "truncated");
            }
            evidence.row("process_envs", &row)?;
        }
        Ok(())
    }

    fn judge(&self, entry: &Entry<'_>) -> Secret {
        match self.include_secrets {
            true if redact::is_uploaders(entry) => Secret::Value,
            true => Secret::No,
            false => redact::judge(entry),
        }
    }
}

fn columns(row: &mut Row, entry: &Entry<'_>, secret: Secret) {
    if secret != Secret::Whole {
        row.bytes("key", entry.key);
    }
    if let (Some(value), Secret::No) = (entry.value, secret) {
        row.bytes("value", value);
    }
    row.int("ordinal", entry.ordinal).flag("redacted", secret != Secret::No).flag("bare", entry.value.is_none());
    let hidden = if secret == Secret::Whole { entry.text } else { entry.value.unwrap_or_default() };
    row.int("value_length", length(hidden));
    if secret != Secret::No {
        row.text("value_sha256", &Digest::of(hidden).to_string());
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::recorded::Recorded;

    const ENVIRON: &[u8] = b"PATH=/bin\0A=1\0A=2\0bare\0\0BAD=\xff\xfe\0Aws_Secret_Access_Key=wJalrXUtnFEMI\0\
        URL=postgres://u:hunter2@db/x\0EVIL=a\n\x1b[31m\0https://me:pw@h/?q=1\0";

    fn acquired(source: ProcessEnvs) -> Recorded {
        let tree = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(tree.path().join("proc/7")).unwrap();
        std::fs::create_dir_all(tree.path().join("proc/8")).unwrap();
        std::fs::write(tree.path().join("proc/7/environ"), ENVIRON).unwrap();
        let host = Host::fixture(tree.path()).unwrap();
        let mut evidence = Recorded::default();
        assert_eq!(source.acquire(&host, &mut evidence), Ok(Outcome::ok()));
        evidence
    }

    #[test]
    fn order_duplicates_and_odd_entries_are_kept() {
        let evidence = acquired(ProcessEnvs::default());
        let rows = evidence.rows("process_envs");
        let keys: Vec<_> = rows.iter().map(|row| row["key"].as_str().unwrap_or_default()).collect();
        assert_eq!(keys, ["PATH", "A", "A", "bare", "BAD", "Aws_Secret_Access_Key", "URL", "EVIL", ""]);
        assert_eq!((&rows[1]["value"], &rows[2]["value"]), (&"1".into(), &"2".into()));
        assert_eq!((&rows[3]["bare"], &rows[3]["value"]), (&1.into(), &serde_json::Value::Null));
        assert_eq!((&rows[4]["value_b64"], &rows[4]["ordinal"]), (&"//4=".into(), &5.into()));
        assert_eq!(rows[7]["value"], "a\n\u{1b}[31m");
    }

    #[test]
    fn secrets_are_lengths_and_digests_in_rows_and_archive() {
        let evidence = acquired(ProcessEnvs::default());
        let rows = evidence.rows("process_envs");
        assert_eq!((&rows[5]["redacted"], &rows[5]["value_length"]), (&1.into(), &13.into()));
        assert_eq!(rows[5]["value_sha256"], Digest::of(b"wJalrXUtnFEMI").to_string());
        assert_eq!(rows[0]["environ_sha256"], Digest::of(ENVIRON).to_string());
        let raw = evidence.member("/proc/7/environ").unwrap();
        assert_eq!(raw.len(), ENVIRON.len());
        assert!(raw.starts_with(b"PATH=/bin\0A=1\0") && raw.ends_with(b"\0xxxxxxxxxxxxxxxxxxxx\0"));
        let everything = [format!("{rows:?}").as_bytes(), raw].concat();
        for secret in [&b"wJalrXUtnFEMI"[..], b"hunter2", b"me:pw"] {
            assert!(!everything.windows(secret.len()).any(|window| window == secret));
        }
    }

    #[test]
    fn secrets_are_kept_when_asked_for() {
        let evidence = acquired(ProcessEnvs { include_secrets: true });
        assert_eq!(evidence.member("/proc/7/environ"), Some(ENVIRON));
        assert_eq!(evidence.rows("process_envs")[5]["value"], "wJalrXUtnFEMI");
    }

    #[test]
    fn this_process_is_read_on_a_live_host() {
        let host = Host::live().unwrap();
        let mut evidence = Recorded::default();
        let pid = std::process::id();
        let process = Arc::new(host.proc.process(pid.try_into().unwrap()).unwrap());
        let done = ProcessEnvs::default().process(&host, &process, &mut host.spare_thread(), &mut evidence);
        assert_eq!((done, evidence.gaps.len()), (Ok(()), 0));
        let path = std::env::var("PATH").unwrap();
        assert!(
            evidence.rows("process_envs").iter().any(|row| row["pid"] == pid && row["key"] == "PATH" && row["value"] == path)
        );
        assert!(evidence.member(&format!("/proc/{pid}/environ")).is_some());
    }
}
