//! Who is known on this host: names of users and groups, from the host's own files.

use std::collections::BTreeMap;

use crate::host::Host;
use crate::source::text::lines;
use crate::source::{Evidence, failure, passwd};

/// Names by number; `None` where the file could not be read, so that nobody is called unknown for that.
#[derive(Debug)]
pub(super) struct Owners {
    users: Option<BTreeMap<u32, Vec<u8>>>,
    groups: Option<BTreeMap<u32, Vec<u8>>>,
}

impl Owners {
    /// Reads `/etc/passwd` and `/etc/group`.
    pub(super) fn read(host: &Host, evidence: &mut dyn Evidence) -> Self {
        let users = table(host, "/etc/passwd", evidence, |line| passwd::account(line).map(|one| (one.uid, one.name.to_owned())));
        let groups = table(host, "/etc/group", evidence, group);
        Self { users, groups }
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
}

fn table(
    host: &Host,
    path: &str,
    evidence: &mut dyn Evidence,
    read: impl Fn(&[u8]) -> Option<(u32, Vec<u8>)>,
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
