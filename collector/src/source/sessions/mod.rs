//! Who is logged in, who was, who tried to be: the login records of glibc's world, and what systemd-logind notes.

mod files;
mod lastlog;
mod logind;
mod utmp;

use std::time::Duration;

use self::files::Tail;
use self::utmp::{Abi, Record};
use super::{Evidence, Source, Stop};
use crate::host::Host;
use crate::model::{Artefact, Category, Gap, Outcome, Profile, Row, Status, escape};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "sessions",
    category: Category::Session,
    profile: Profile::Volatile,
    budget: Duration::from_secs(30),
    budget_bytes: None,
    source: "/run/utmp, /var/log/wtmp, /var/log/btmp, /var/log/lastlog, /run/systemd/sessions",
    about: "Logged in users, past and failed logins, last logins, and the sessions that logind knows.",
    tables: &["logged_in_users", "last", "failed_logins", "lastlog"],
};

/// Kept as they are: databases that succeed `wtmp` and `lastlog` (SQLite, with their journals), and counts of failures.
const KEPT: [&str; 9] = [
    "/var/lib/wtmpdb/wtmp.db",
    "/var/lib/wtmpdb/wtmp.db-wal",
    "/var/lib/wtmpdb/wtmp.db-shm",
    "/var/lib/wtmpdb/wtmp.db-journal",
    "/var/lib/lastlog/lastlog2.db",
    "/var/lib/lastlog/lastlog2.db-wal",
    "/var/lib/lastlog/lastlog2.db-shm",
    "/var/lib/lastlog/lastlog2.db-journal",
    "/var/log/faillog",
];

/// Reads `utmp`, `wtmp`, `btmp`, `lastlog` and `/run/systemd`.
#[derive(Debug, Clone, Copy, Default)]
pub struct SessionsSource;

impl Source for SessionsSource {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        // `/var/run` is `/run` on most hosts.
        let mut found = records(host, evidence, "logged_in_users", b"/run/utmp")?
            || records(host, evidence, "logged_in_users", b"/var/run/utmp")?;
        found |= logind::acquire(host, evidence)?;
        let mut unread = false;
        let names = host.files.names("/var/log").unwrap_or_else(|error| {
            if !error.is_gone() {
                unread = true;
                evidence.gap(error.gap());
            }
            Vec::new()
        });
        for name in names {
            let path = [b"/var/log/", name.as_slice()].concat();
            found |= match kind(&name) {
                Some(Kind::Table(table)) => records(host, evidence, table, &path)?,
                Some(Kind::Compressed) => files::keep(host, evidence, &path)?.is_some(),
                Some(Kind::Lastlog) => last_logins(host, evidence, &path)?,
                None => false,
            };
        }
        for path in KEPT {
            found |= files::keep(host, evidence, path.as_bytes())?.is_some();
        }
        Ok(if found || unread { Outcome::ok() } else { Outcome::because(Status::Absent, "the host keeps no login records") })
    }
}

/// What a file in `/var/log` is.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// Records for this table.
    Table(&'static str),
    /// Rotated and compressed: kept, not parsed.
    Compressed,
    /// `lastlog`.
    Lastlog,
}

/// By its name: `wtmp`, `wtmp.1`, `wtmp-20260101`, `wtmp.2.gz`, and so on.
fn kind(name: &[u8]) -> Option<Kind> {
    let rest = |stem: &[u8]| name.strip_prefix(stem).filter(|rest| matches!(rest.first(), None | Some(b'.' | b'-')));
    if rest(b"lastlog").is_some_and(<[u8]>::is_empty) {
        return Some(Kind::Lastlog);
    }
    let (table, rest) = rest(b"wtmp").map(|rest| ("last", rest)).or_else(|| rest(b"btmp").map(|rest| ("failed_logins", rest)))?;
    let compressed = [&b".gz"[..], b".xz", b".zst", b".bz2"].iter().any(|ending| rest.ends_with(ending));
    Some(if compressed { Kind::Compressed } else { Kind::Table(table) })
}

/// Keeps a file of records and writes a row for each. Whether there is such a file.
fn records(host: &Host, evidence: &mut dyn Evidence, table: &'static str, path: &[u8]) -> Result<bool, Stop> {
    let Some(tail) = files::keep(host, evidence, path)? else { return Ok(false) };
    let machine = Abi::of_machine(&host.identity.facts.machine);
    let (abi, sure) = utmp::detect(&tail.bytes, tail.size, machine);
    if tail.cut {
        note_cut(evidence, path, &tail);
    }
    let total = u64::try_from(tail.bytes.len() / abi.record()).unwrap_or(u64::MAX);
    for (done, bytes) in (0..).zip(tail.bytes.chunks(abi.record())) {
        evidence.check()?;
        if done % 1000 == 0 {
            evidence.progress(done, total);
        }
        let mut row = Row::new(host.clock.now(), escape::bytes(path));
        match Record::parse(bytes, abi) {
            Some(record) => columns(&mut row, table, &record),
            None => row.error("record", "truncated"),
        }
        row.int("record", done).text("layout", abi.word()).flag("layout_sure", sure);
        evidence.row(table, &row)?;
    }
    Ok(true)
}

fn note_cut(evidence: &mut dyn Evidence, path: &[u8], tail: &Tail) {
    let held = u64::try_from(tail.bytes.len()).unwrap_or(u64::MAX);
    evidence.gap(Gap::from(path, 0, Some(tail.size.saturating_sub(held)), "too long to be parsed whole; rows are of its end"));
}

fn columns(row: &mut Row, table: &str, record: &Record) {
    if table == "logged_in_users" {
        row.text("type", record.login_type()).bytes("user", &record.user);
        row.bytes("tty", &record.line).bytes("host", &record.host).int("time", record.seconds).int("pid", record.pid);
    } else {
        row.bytes("username", &record.user).bytes("tty", &record.line).int("pid", record.pid);
        row.int("type", record.kind).text("type_name", record.type_name());
        row.int("time", record.seconds).bytes("host", &record.host);
    }
    row.int("time_ns", record.nanoseconds()).bytes("terminal_id", &record.id).int("session", record.session);
    row.int("exit_signal", record.exit.0).int("exit_status", record.exit.1);
    if let Some(address) = record.remote() {
        row.text("address", &address.to_string());
    }
    if !record.is_plausible() {
        row.error("record", "implausible");
    }
}

fn last_logins(host: &Host, evidence: &mut dyn Evidence, path: &[u8]) -> Result<bool, Stop> {
    let Some(stretches) = files::keep_sparse(host, evidence, path)? else { return Ok(false) };
    let abi = lastlog::detect(&stretches, Abi::of_machine(&host.identity.facts.machine));
    for (offset, bytes) in &stretches {
        for login in lastlog::parse(bytes, *offset, abi) {
            evidence.check()?;
            let mut row = Row::new(host.clock.now(), escape::bytes(path));
            row.int("uid", login.uid).int("time", login.seconds).bytes("tty", &login.line).bytes("host", &login.host);
            row.text("layout", abi.word());
            if !login.is_plausible() {
                row.error("record", "implausible");
            }
            evidence.row("lastlog", &row)?;
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::utmp::tests::written;
    use super::*;
    use crate::host::fixture;
    use crate::source::recorded::Recorded;

    fn fixture(files: &[(&str, Vec<u8>)]) -> (tempfile::TempDir, Host) {
        let dir = tempfile::tempdir().unwrap();
        let host = fixture::host(dir.path(), files);
        (dir, host)
    }

    #[test]
    fn this_machine_answers_without_an_error() {
        let mut evidence = Recorded::default();
        let outcome = SessionsSource.acquire(&Host::live().unwrap(), &mut evidence).unwrap();
        assert!(matches!(outcome.status, Status::Ok | Status::Absent), "{outcome:?}");
        assert!(evidence.gaps.iter().all(|gap| gap.reason.contains("EACCES")), "{:?}", evidence.gaps);
    }

    #[test]
    fn every_table_is_filled_and_garbage_stays() {
        let wtmp =
            [written(Abi::Narrow, 2, b"reboot", 1_700_000_000), written(Abi::Narrow, 7, b"a\x1b\xff", 1_700_000_001)].concat();
        let btmp: Vec<u8> = [written(Abi::Wide, 6, b"root", 1_700_000_002), vec![0xff; 400], vec![1; 10]].concat();
        let (_dir, host) = fixture(&[
            ("run/utmp", written(Abi::Narrow, 7, b"root", 1_700_000_003)),
            ("var/log/wtmp.1", wtmp),
            ("var/log/btmp", btmp),
            ("var/log/btmp-20260101.gz", b"\x1f\x8b".to_vec()),
            ("var/log/lastlog", lastlog::tests::written(Abi::Narrow, &[(0, 1_700_000_004), (3, 1_700_000_005)])),
            ("var/lib/wtmpdb/wtmp.db", b"SQLite format 3\0".to_vec()),
            (
                "run/systemd/sessions/4",
                b"# private\nUSER=ann\nUID=1000\nTTY=pts/4\nREMOTE_HOST=192.0.2.9\nLEADER=99\nREALTIME=1700000006000000\n"
                    .to_vec(),
            ),
        ]);
        let mut evidence = Recorded::default();
        assert_eq!(SessionsSource.acquire(&host, &mut evidence), Ok(Outcome::ok()));
        let users = evidence.rows("logged_in_users");
        assert_eq!(
            (&users[0]["user"], &users[0]["type"], &users[0]["address"]),
            (&"root".into(), &"user".into(), &"192.0.2.1".into())
        );
        assert_eq!((&users[1]["user"], &users[1]["pid"], &users[1]["time"]), (&"ann".into(), &99.into(), &1_700_000_006.into()));
        let last = evidence.rows("last");
        assert_eq!((&last[0]["type_name"], &last[1]["username_b64"]), (&"boot-time".into(), &"YRv/".into()));
        let failed = evidence.rows("failed_logins");
        assert_eq!((failed.len(), &failed[0]["layout"]), (3, &"64-bit".into()));
        assert_eq!(
            (&failed[1]["errors"][0]["errno"], &failed[2]["errors"][0]["errno"]),
            (&"implausible".into(), &"truncated".into())
        );
        assert_eq!(evidence.rows("lastlog").iter().map(|row| row["uid"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 3]);
        assert!(evidence.member("/var/log/btmp-20260101.gz").is_some() && evidence.member("/var/lib/wtmpdb/wtmp.db").is_some());
        assert_eq!(evidence.gaps, []);
    }

    #[test]
    fn a_host_without_records_is_absent() {
        let (_dir, host) = fixture(&[]);
        assert_eq!(SessionsSource.acquire(&host, &mut Recorded::default()).unwrap().status, Status::Absent);
    }

    #[test]
    fn names_are_told_apart() {
        assert_eq!(kind(b"wtmp"), Some(Kind::Table("last")));
        assert_eq!(kind(b"btmp-20260101"), Some(Kind::Table("failed_logins")));
        assert_eq!(kind(b"wtmp.2.gz"), Some(Kind::Compressed));
        assert_eq!((kind(b"lastlog"), kind(b"lastlog.1"), kind(b"wtmpx")), (Some(Kind::Lastlog), None, None));
    }
}
