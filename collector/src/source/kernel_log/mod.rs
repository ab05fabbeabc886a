//! The kernel's log, from the oldest record that it still has. Reading it takes nothing from other readers.

mod parse;

use std::time::Duration;

use self::parse::Record;
use super::keep::Keeper;
use super::{Evidence, Member, Source, Stop, failure};
use crate::host::kmsg::{Kmsg, Step};
use crate::host::{Host, ReadError, read};
use crate::model::{Artefact, Category, Gap, Outcome, Profile, Row};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "kernel_log",
    category: Category::Kernel,
    profile: Profile::Volatile,
    budget: Duration::from_secs(30),
    budget_bytes: None,
    source: "/dev/kmsg, /sys/fs/pstore",
    about: "The kernel's log with its structure, and what earlier kernels left in persistent storage.",
    tables: &["dmesg"],
};

/// Where the log is.
const PATH: &str = "/dev/kmsg";
/// More than the largest log buffer that distributions set; a log that grows faster than we read ends here.
const LIMIT: usize = 64 << 20;

/// Reads `/dev/kmsg` and lists `/sys/fs/pstore`.
#[derive(Debug, Clone, Copy, Default)]
pub struct KernelLogSource;

impl Source for KernelLogSource {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let log = if host.live { drain(evidence)? } else { captured(host, evidence) };
        let outcome = match log {
            Ok(log) => {
                rows(host, evidence, &log)?;
                Outcome::ok()
            }
            Err(error) => failure::outcome(&error),
        };
        pstore(&mut Keeper { host, evidence })?;
        Ok(outcome)
    }
}

/// All records, one behind the other.
fn drain(evidence: &mut dyn Evidence) -> Result<Result<Vec<u8>, ReadError>, Stop> {
    let mut kmsg = match Kmsg::open() {
        Ok(kmsg) => kmsg,
        Err(error) => return Ok(Err(error)),
    };
    let mut log = Vec::new();
    let mut overwritten: u64 = 0;
    while log.len() < LIMIT {
        evidence.check()?;
        match kmsg.step() {
            Ok(Step::Record(record)) => log.extend_from_slice(record),
            Ok(Step::Overwritten) => overwritten += 1,
            Ok(Step::End) => break,
            Err(error) => {
                evidence.gap(Gap::from(&error.path, length(&log), None, error.reason.to_string()));
                break;
            }
        }
    }
    if log.len() >= LIMIT {
        evidence.gap(Gap::from(PATH.as_bytes(), length(&log), None, "the log grew while it was read; the rest was left"));
    }
    if overwritten > 0 {
        let reason =
            format!("{overwritten} times the kernel overwrote records before they were read; the sequence numbers show which");
        evidence.gap(Gap::whole(PATH.as_bytes(), reason));
    }
    Ok(Ok(log))
}

/// The log in a fixture: a file with the same bytes.
fn captured(host: &Host, evidence: &mut dyn Evidence) -> Result<Vec<u8>, ReadError> {
    let read = host.files.file(PATH, LIMIT)?;
    if read.truncated {
        evidence.gap(Gap::from(PATH.as_bytes(), length(&read.bytes), None, "longer than what is read of it"));
    }
    Ok(read.bytes)
}

fn rows(host: &Host, evidence: &mut dyn Evidence, log: &[u8]) -> Result<(), Stop> {
    evidence.raw(&Member::pseudo(PATH.as_bytes()), log)?;
    for record in parse::records(log) {
        evidence.check()?;
        let mut row = Row::new(host.clock.now(), PATH);
        match Record::parse(record) {
            Some(parsed) => columns(&mut row, &parsed),
            None => {
                row.bytes("message", record);
                row.error("record", "malformed");
            }
        }
        evidence.row("dmesg", &row)?;
    }
    Ok(())
}

fn columns(row: &mut Row, record: &Record) {
    row.int("priority", record.level()).text("level", record.level_name());
    row.int("facility", record.facility()).text("facility_name", record.facility_name());
    row.int("sequence", record.sequence).int("timestamp_us", record.timestamp_us).bytes("flags", &record.flags);
    if let Some(caller) = &record.caller {
        row.bytes("caller", caller);
    }
    row.bytes("message", &record.text);
    if !record.dictionary.is_empty() {
        row.bytes_list("dictionary", record.dictionary.iter().map(Vec::as_slice));
    }
}

/// What earlier kernels left where their memory survives a crash. Only if it is mounted: mounting it reads the store.
fn pstore(keeper: &mut Keeper<'_>) -> Result<(), Stop> {
    let Some(store) = keeper.host.mounted(c"pstore", "/sys/fs/pstore") else { return Ok(()) };
    for name in store.names("").unwrap_or_default() {
        let read = store.file(&name, read::SMALL);
        keeper.keep(&store.full(&name), read)?.ok();
    }
    Ok(())
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Status;
    use crate::source::recorded::Recorded;

    #[test]
    fn this_machines_log_is_read_twice_the_same() {
        let host = Host::live().unwrap();
        let (mut first, mut second) = (Recorded::default(), Recorded::default());
        let outcome = KernelLogSource.acquire(&host, &mut first).unwrap();
        if outcome.status != Status::Ok {
            assert_eq!(outcome.status, Status::Denied, "{outcome:?}");
            return crate::testing::skip("the kernel's log, for root", format!("{outcome:?}"));
        }
        KernelLogSource.acquire(&host, &mut second).unwrap();
        let (one, two) = (first.member(PATH).unwrap(), second.member(PATH).unwrap());
        assert!(!one.is_empty() && two.len() >= one.len());
        assert!(first.rows("dmesg").iter().all(|row| row["status"] == "ok" && row["sequence"].is_u64()));
    }

    #[test]
    fn a_captured_log_gives_rows_and_bad_records_stay() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("proc")).unwrap();
        std::fs::create_dir(dir.path().join("dev")).unwrap();
        std::fs::create_dir_all(dir.path().join("sys/fs/pstore")).unwrap();
        std::fs::write(dir.path().join("sys/fs/pstore/dmesg-efi-1"), "Oops").unwrap();
        std::fs::write(dir.path().join("dev/kmsg"), "6,339,5140900,-;NET\\x1b[31m\n SUBSYSTEM=acpi\n DEVICE=+acpi:x\nwrong\n")
            .unwrap();
        let mut evidence = Recorded::default();
        KernelLogSource.acquire(&Host::fixture(dir.path()).unwrap(), &mut evidence).unwrap();
        let rows = evidence.rows("dmesg");
        assert_eq!(rows[0]["message"], "NET\u{1b}[31m");
        assert_eq!(rows[0]["dictionary"], serde_json::json!(["SUBSYSTEM=acpi", "DEVICE=+acpi:x"]));
        assert_eq!((&rows[1]["message"], &rows[1]["status"]), (&"wrong".into(), &"partial".into()));
        assert_eq!(evidence.member("/sys/fs/pstore/dmesg-efi-1").unwrap(), b"Oops");
    }
}
