//! Keys that the kernel keeps for processes (keyrings(7)), and how many each user has: `/proc/keys`, `/proc/key-users`.
//!
//! Only what they are called is read, never what they hold. The kernel shows in `/proc/keys` only keys that the reader may
//! look at, so the counts of `/proc/key-users` are the other side: a user with more keys than are shown keeps some to himself.

use std::time::Duration;

use super::keep::Keeper;
use super::text::{fields, hexadecimal, lines, number};
use super::{Evidence, Source, Stop, failure};
use crate::host::Host;
use crate::model::{Artefact, Category, Outcome, Profile, Row};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "kernel_keys",
    category: Category::Kernel,
    profile: Profile::Volatile,
    budget: Duration::from_secs(10),
    budget_bytes: None,
    source: "/proc/keys, /proc/key-users",
    about: "names of the keys in the kernel's keyrings, and how many each user has",
    tables: &["kernel_keys", "key_users"],
};

/// Reads both lists.
#[derive(Debug, Clone, Copy, Default)]
pub struct KernelKeys;

impl Source for KernelKeys {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let mut keeper = Keeper { host, evidence };
        let keys = match keeper.proc("keys")? {
            Ok(text) => text.bytes,
            Err(error) => return Ok(failure::outcome(&error)),
        };
        for line in lines(&keys) {
            row(&mut keeper, "kernel_keys", "/proc/keys", line, key)?;
        }
        let users = keeper.proc("key-users")?.map(|text| text.bytes).unwrap_or_default();
        for line in lines(&users) {
            row(&mut keeper, "key_users", "/proc/key-users", line, user)?;
        }
        Ok(Outcome::ok())
    }
}

/// One row; a line that does not parse stands in it whole.
fn row(
    keeper: &mut Keeper<'_>,
    table: &'static str,
    path: &'static str,
    line: &[u8],
    columns: fn(&mut Row, &[u8]) -> Option<()>,
) -> Result<(), Stop> {
    keeper.evidence.check()?;
    let mut row = Row::new(keeper.host.clock.now(), path);
    if columns(&mut row, line).is_none() {
        row = Row::new(keeper.host.clock.now(), path);
        row.bytes("line", line);
        row.error("line", "malformed");
    }
    keeper.evidence.row(table, &row)
}

/// `serial flags usage timeout permissions uid gid type description`, with osquery's names (proc_keys(5)).
fn key(row: &mut Row, line: &[u8]) -> Option<()> {
    let mut words = fields(line);
    let serial = words.next()?;
    hexadecimal(serial)?;
    row.bytes("serial_number", serial).bytes("flags", words.next()?).int("usage", number(words.next()?)?);
    row.bytes("timeout", words.next()?).bytes("permissions", words.next()?);
    row.int("uid", number(words.next()?)?).int("gid", number(words.next()?)?);
    // A description may hold blanks of its own, so it is what follows the type in the line.
    let kind = words.next()?;
    let at = subslice(line, kind)?.saturating_add(kind.len());
    row.bytes("type", kind).bytes("description", line.get(at..)?.trim_ascii());
    Some(())
}

/// Where the word `part`, which was cut out of `whole`, begins.
fn subslice(whole: &[u8], part: &[u8]) -> Option<usize> {
    part.as_ptr().addr().checked_sub(whole.as_ptr().addr()).filter(|at| *at <= whole.len())
}

/// `uid: usage keys/instantiated keys/most bytes/most` (proc_key-users(5)).
fn user(row: &mut Row, line: &[u8]) -> Option<()> {
    let mut words = fields(line);
    row.int("uid", number(words.next()?.strip_suffix(b":")?)?).int("usage", number(words.next()?)?);
    for names in [["keys", "instantiated_keys"], ["quota_keys", "quota_keys_most"], ["quota_bytes", "quota_bytes_most"]] {
        let mut pair = words.next()?.splitn(2, |b| *b == b'/');
        for name in names {
            row.int(name, number(pair.next()?)?);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Status, Timestamp};
    use crate::source::recorded::Recorded;

    fn acquire(files: &[(&str, &[u8])]) -> (Outcome, Recorded) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("proc")).unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join("proc").join(name), text).unwrap();
        }
        let mut evidence = Recorded::default();
        let outcome = KernelKeys.acquire(&Host::fixture(dir.path()).unwrap(), &mut evidence).unwrap();
        (outcome, evidence)
    }

    #[test]
    fn names_with_blanks_and_lines_that_lie() {
        let keys = b"0e88b376 I--Q---     2 3d 1f3f0000  1000 65534 user      krb 5 ccache: 12\nnonsense\n";
        let (outcome, evidence) = acquire(&[("keys", keys), ("key-users", b" 1000:     5 4/3 2/200 9/20000\n")]);
        assert_eq!(outcome, Outcome::ok());
        let rows = evidence.rows("kernel_keys");
        assert_eq!((&rows[0]["serial_number"], &rows[0]["timeout"]), (&"0e88b376".into(), &"3d".into()));
        assert_eq!((&rows[0]["type"], &rows[0]["description"]), (&"user".into(), &"krb 5 ccache: 12".into()));
        assert_eq!((&rows[1]["line"], &rows[1]["status"]), (&"nonsense".into(), &"partial".into()));
        let user = &evidence.rows("key_users")[0];
        assert_eq!((&user["instantiated_keys"], &user["quota_bytes_most"]), (&3.into(), &20000.into()));
        assert_eq!(evidence.member("/proc/keys"), Some(&keys[..]));
    }

    #[test]
    fn a_kernel_without_keys_is_absent_and_this_one_has_its_own() {
        assert_eq!(acquire(&[]).0.status, Status::Absent);
        let mut evidence = Recorded::default();
        if KernelKeys.acquire(&Host::live().unwrap(), &mut evidence) == Ok(Outcome::ok()) {
            assert!(evidence.rows("key_users").iter().any(|row| row["uid"] == 0));
            assert!(evidence.rows("kernel_keys").iter().all(|row| row["status"] == "ok"));
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_parsed(line in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..120)) {
            let mut row = Row::new(Timestamp::from_seconds(0), "x");
            let _ = (key(&mut row, &line), user(&mut row, &line));
        }
    }
}
