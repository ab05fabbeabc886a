//! Who is known on this host: names of users and groups, and the numbers that users may give to their containers, from the host's own files.

use std::collections::BTreeMap;

use crate::host::Host;
use crate::source::text::lines;
use crate::source::{Evidence, failure, passwd};

/// Names by number; `None` where the file could not be read, so that nobody is called unknown for that.
#[derive(Debug)]
pub(super) struct Owners {
    users: Option<BTreeMap<u32, Vec<u8>>>,
    groups: Option<BTreeMap<u32, Vec<u8>>>,
    /// What `/etc/subuid` may call the accounts of each home: their names and numbers.
    homes: BTreeMap<Vec<u8>, Vec<Vec<u8>>>,
    user_ranges: Vec<Range>,
    group_ranges: Vec<Range>,
}

/// Numbers that a user may give to the users or groups of his containers.
#[derive(Debug, PartialEq, Eq)]
struct Range {
    owner: Vec<u8>,
    first: u32,
    count: u32,
}

impl Range {
    fn has(&self, id: u32) -> bool {
        id.checked_sub(self.first).is_some_and(|offset| offset < self.count)
    }
}

impl Owners {
    /// Reads `/etc/passwd`, `/etc/group`, `/etc/subuid` and `/etc/subgid`.
    pub(super) fn read(host: &Host, evidence: &mut dyn Evidence) -> Self {
        let mut homes: BTreeMap<Vec<u8>, Vec<Vec<u8>>> = BTreeMap::new();
        let users = table(host, "/etc/passwd", evidence, |line| {
            let one = passwd::account(line)?;
            let home = one.directory.strip_suffix(b"/").unwrap_or(one.directory);
            homes.entry(home.to_owned()).or_default().extend([one.name.to_owned(), one.uid.to_string().into_bytes()]);
            Some((one.uid, one.name.to_owned()))
        });
        let groups = table(host, "/etc/group", evidence, group);
        let user_ranges = ranges(host, "/etc/subuid", evidence);
        let group_ranges = ranges(host, "/etc/subgid", evidence);
        Self { users, groups, homes, user_ranges, group_ranges }
    }

    /// The user's name.
    pub(super) fn user(&self, uid: u32) -> Option<&[u8]> {
        self.users.as_ref()?.get(&uid).map(Vec::as_slice)
    }

    /// The group's name.
    pub(super) fn group(&self, gid: u32) -> Option<&[u8]> {
        self.groups.as_ref()?.get(&gid).map(Vec::as_slice)
    }

    /// Whether no account has this number.
    pub(super) fn lacks_user(&self, uid: u32) -> bool {
        self.users.as_ref().is_some_and(|users| !users.contains_key(&uid))
    }

    /// Whether no group has this number.
    pub(super) fn lacks_group(&self, gid: u32) -> bool {
        self.groups.as_ref().is_some_and(|groups| !groups.contains_key(&gid))
    }

    /// Whether an account with this home has this number, and is not root.
    pub(super) fn is_account(&self, home: &[u8], uid: u32) -> bool {
        uid != 0 && self.homes.get(home).is_some_and(|accounts| accounts.contains(&uid.to_string().into_bytes()))
    }

    /// Whether only containers of the account with this home have users of this number.
    pub(super) fn is_subordinate_user(&self, home: &[u8], uid: u32) -> bool {
        uid != 0 && self.lacks_user(uid) && self.is_within(&self.user_ranges, home, uid)
    }

    /// Whether only containers of the account with this home have groups of this number.
    pub(super) fn is_subordinate_group(&self, home: &[u8], gid: u32) -> bool {
        gid != 0 && self.lacks_group(gid) && self.is_within(&self.group_ranges, home, gid)
    }

    fn is_within(&self, ranges: &[Range], home: &[u8], id: u32) -> bool {
        let Some(accounts) = self.homes.get(home).filter(|_| !home.is_empty()) else { return false };
        ranges.iter().any(|range| range.has(id) && accounts.contains(&range.owner))
    }
}

fn table(
    host: &Host,
    path: &str,
    evidence: &mut dyn Evidence,
    read: impl FnMut(&[u8]) -> Option<(u32, Vec<u8>)>,
) -> Option<BTreeMap<u32, Vec<u8>>> {
    match host.files.file(path, passwd::LIMIT) {
        Ok(text) => {
            let mut names = BTreeMap::new();
            for (id, name) in lines(&text.bytes).filter_map(read) {
                // The first account of a number is the one that the kernel's tools name.
                names.entry(id).or_insert(name);
            }
            Some(names)
        }
        Err(error) => {
            failure::gap(evidence, &error);
            None
        }
    }
}

/// A line of group(5): `name:password:gid:members`.
fn group(line: &[u8]) -> Option<(u32, Vec<u8>)> {
    let mut fields = line.split(|b| *b == b':');
    let (name, _, gid) = (fields.next()?, fields.next()?, passwd::id(fields.next()?)?);
    Some((gid, name.to_owned()))
}

/// The ranges of `/etc/subuid` or `/etc/subgid`; none where there is no such file, as on hosts without containers of users.
fn ranges(host: &Host, path: &str, evidence: &mut dyn Evidence) -> Vec<Range> {
    match host.files.file(path, passwd::LIMIT) {
        Ok(text) => lines(&text.bytes).filter_map(range).collect(),
        Err(error) => {
            if !error.is_gone() {
                failure::gap(evidence, &error);
            }
            Vec::new()
        }
    }
}

/// A line of subuid(5): `name or number:first:count`.
fn range(line: &[u8]) -> Option<Range> {
    let mut fields = line.split(|b| *b == b':');
    let (owner, first, count) = (fields.next()?, passwd::id(fields.next()?)?, passwd::id(fields.next()?)?);
    Some(Range { owner: owner.to_owned(), first, count })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture;
    use crate::source::recorded::Recorded;

    const PASSWD: &str = "root:x:0:0::/root:\nann:x:1000:1000::/home/ann/:\nbob:x:1001:1001::/home/bob:\nsync:x:4:4::/:\n";

    fn owners(subuid: Option<&str>) -> Owners {
        let dir = tempfile::tempdir().unwrap();
        let mut files = vec![("etc/passwd", PASSWD), ("etc/group", "root:x:0:\nann:x:1000:\n")];
        files.extend(subuid.into_iter().flat_map(|text| [("etc/subuid", text), ("etc/subgid", text)]));
        let mut evidence = Recorded::default();
        let owners = Owners::read(&fixture::host(dir.path(), &files), &mut evidence);
        assert_eq!(evidence.gaps, []);
        owners
    }

    #[test]
    fn only_numbers_of_the_home_s_own_ranges_are_of_its_containers() {
        let text = "ann:0:2000\nann:100000:65536\n1001:300000:10\nsync:500000:1\nann:4294967295:4294967295\nodd\n";
        let owners = owners(Some(text));
        let is = |home: &str, id: u32| {
            let both = [owners.is_subordinate_user(home.as_bytes(), id), owners.is_subordinate_group(home.as_bytes(), id)];
            assert_eq!(both[0], both[1], "{home} {id}");
            both[0]
        };
        for (home, id) in [("/home/ann", 100_000), ("/home/ann", 165_535), ("/home/bob", 300_009), ("/home/ann", u32::MAX)] {
            assert!(is(home, id), "{home} {id}");
        }
        for (home, id) in [
            ("/home/ann", 0),
            ("/home/ann", 1000),
            ("/home/ann", 99_999),
            ("/home/ann", 165_536),
            ("/home/ann", 300_000),
            ("/home/bob", 100_000),
            ("/home/ann/x", 100_000),
            ("", 500_000),
        ] {
            assert!(!is(home, id), "{home} {id}");
        }
    }

    #[test]
    fn without_ranges_no_number_is_of_a_container() {
        let owners = owners(None);
        assert!(owners.lacks_user(100_000) && !owners.is_subordinate_user(b"/home/ann", 100_000));
    }

    proptest::proptest! {
        #[test]
        fn any_line_is_a_range_or_none(line: Vec<u8>, id: u32) {
            if let Some(range) = range(&line) {
                range.has(id);
            }
        }
    }
}
