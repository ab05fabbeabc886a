//! Whose home is where: the accounts of `/etc/passwd`, and the folders in `/home`, whose owners another directory service or a
//! deleted account may have.

use crate::host::Host;
use crate::model::Gap;
use crate::source::text::lines;
use crate::source::{Evidence, failure, passwd};

/// The most homes that are looked into.
const MOST: usize = 4096;

/// A user's home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::source) struct Home {
    /// Its path.
    pub(in crate::source) path: Vec<u8>,
    /// The account that has it: the first, where several have.
    pub(in crate::source) username: Option<Vec<u8>>,
    /// That account's number, or the folder's owner where no account names it.
    pub(in crate::source) uid: Option<u32>,
}

/// All homes, each once.
pub(in crate::source) fn all(host: &Host, evidence: &mut dyn Evidence) -> Vec<Home> {
    let mut homes: Vec<Home> = Vec::new();
    match host.files.file("/etc/passwd", passwd::LIMIT) {
        Ok(text) => named(&text.bytes, &mut homes),
        Err(error) => failure::gap(evidence, &error),
    }
    add(&mut homes, b"/root", Some(b"root"), Some(0));
    for name in in_home(host, evidence) {
        let path = [b"/home/", name.as_slice()].concat();
        let owner = host.files.stat(&path).ok().map(|stat| stat.uid);
        add(&mut homes, &path, None, owner);
    }
    if homes.len() > MOST {
        evidence.gap(Gap::whole(b"/etc/passwd", format!("only {MOST} homes are looked into")));
        homes.truncate(MOST);
    }
    homes
}

fn named(text: &[u8], homes: &mut Vec<Home>) {
    let mut seen = std::collections::BTreeSet::new();
    for account in lines(text).filter_map(passwd::account) {
        if account.directory.starts_with(b"/") && seen.insert(account.directory) {
            homes.push(Home {
                path: account.directory.to_owned(),
                username: Some(account.name.to_owned()),
                uid: Some(account.uid),
            });
        }
    }
}

fn in_home(host: &Host, evidence: &mut dyn Evidence) -> Vec<Vec<u8>> {
    let names = host.files.dir("/home").and_then(|dir| dir.names(MOST));
    match names {
        Ok((names, more)) => {
            if more {
                evidence.gap(Gap::whole(b"/home", format!("only {MOST} homes are looked into")));
            }
            names
        }
        Err(error) => {
            // No folder, or a link to nowhere, is no gap; `/home` on a server that may hang is one.
            if !error.is_gone() && !matches!(error.reason, crate::host::Reason::Errno(nix::errno::Errno::ENOTDIR)) {
                evidence.gap(error.gap());
            }
            Vec::new()
        }
    }
}

fn add(homes: &mut Vec<Home>, path: &[u8], username: Option<&[u8]>, uid: Option<u32>) {
    if !homes.iter().any(|home| home.path == path) {
        homes.push(Home { path: path.to_owned(), username: username.map(<[u8]>::to_owned), uid });
    }
}
