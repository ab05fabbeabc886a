//! Who may be on the host: accounts, groups, who may become whom, and which credentials lie in the homes.
//!
//! Hashes of passwords and credentials are not taken along unless asked for: of a hash only how it was made stays, of a file of
//! credentials its length and digest. The records of logins (`wtmp`, `btmp`, `lastlog`) are in `sessions`.

mod patterns;
mod shadow;
mod sudoers;

use std::time::Duration;

use self::sudoers::Included;
use super::file_set::{FileSet, Limits, Order, Text, Unlisted, bounded, in_folder};
use super::text::lines;
use super::{Evidence, Source, Stop, passwd};
use crate::host::Host;
use crate::model::{Artefact, Category, Gap, Outcome, Profile, Row, Status, escape};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "accounts",
    category: Category::Session,
    profile: Profile::Triage,
    budget: Duration::from_secs(30),
    budget_bytes: Some(TOTAL),
    source: "/etc/passwd, /etc/group, /etc/shadow, /etc/sudoers, credentials in homes",
    about: "users, groups, sudoers, and which credentials are in the homes; hashes and credentials without their content",
    tables: &["account_files", "users", "groups", "user_groups", "shadow", "sudoers"],
};

/// The most bytes that are kept of all files together.
const TOTAL: u64 = 256 << 20;

/// Keeps accounts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Accounts {
    /// Keep hashes and credentials as they are.
    pub include_secrets: bool,
}

impl Source for Accounts {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let set = FileSet {
            table: "account_files",
            groups: patterns::GROUPS,
            limits: Limits::bytes(16 << 20, TOTAL),
            order: Order::Path,
            include_secrets: self.include_secrets,
            is_read: None,
        };
        let count = set.keep(host, evidence, &mut |text, evidence| rows(host, text, evidence))?;
        Ok(if count == 0 { Outcome::because(Status::Absent, "the host has no files of accounts") } else { Outcome::ok() })
    }
}

/// Writes the rows of a text. Returns the files that it includes. Copies that editors of these files leave (`passwd-`) are kept and not made
/// rows of.
fn rows(host: &Host, text: &Text<'_>, evidence: &mut dyn Evidence) -> Result<Vec<Vec<u8>>, Stop> {
    let kind = text.found.group.kind;
    match kind {
        "sudoers" if !text.name().starts_with(b"doas") => return rules(host, text, evidence),
        _ if text.name().ends_with(b"-") => {}
        "passwd" => users(host, text, evidence)?,
        "group" => groups(host, text, evidence)?,
        "shadow" if text.name() == b"shadow" => hashes(host, text, evidence)?,
        _ => {}
    }
    Ok(Vec::new())
}

fn row(host: &Host, text: &Text<'_>) -> Row {
    Row::new(host.clock.now(), escape::bytes(&text.found.path))
}

fn users(host: &Host, text: &Text<'_>, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    bounded(text, evidence, lines(text.bytes), |line, evidence| {
        let mut row = row(host, text);
        let Some(account) = passwd::account(line) else {
            row.bytes("line", line).error("line", "malformed");
            return evidence.row("users", &row);
        };
        row.int("uid", account.uid).int("gid", account.gid);
        row.int("uid_signed", account.uid.cast_signed()).int("gid_signed", account.gid.cast_signed());
        row.bytes("username", account.name).bytes("description", account.description);
        row.bytes("directory", account.directory).bytes("shell", account.shell);
        let password = match account.password {
            b"" => "empty",
            b"x" => "shadow",
            b"*" | b"!" | b"!!" => "none",
            _ => "hash",
        };
        row.text("password", password).bytes("path", &text.found.path);
        evidence.row("users", &row)
    })
}

/// The most bytes of a group's name, which stands in the row of each member. Linux lets it have 32.
const MOST_NAME: usize = 256;

/// Name, number and members of a line of group(5).
fn group(line: &[u8]) -> Option<(&[u8], u32, &[u8])> {
    let mut fields = line.split(|b| *b == b':');
    let (name, _, gid, members) = (fields.next()?, fields.next()?, passwd::id(fields.next()?)?, fields.next()?);
    (fields.next().is_none() && name.len() <= MOST_NAME).then_some((name, gid, members))
}

fn groups(host: &Host, text: &Text<'_>, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    bounded(text, evidence, lines(text.bytes), |line, evidence| {
        let mut row = row(host, text);
        let Some((name, gid, members)) = group(line) else {
            row.bytes("line", line).error("line", "malformed");
            return evidence.row("groups", &row);
        };
        row.int("gid", gid).int("gid_signed", gid.cast_signed()).bytes("groupname", name).bytes("path", &text.found.path);
        evidence.row("groups", &row)?;
        for member in members.split(|b| *b == b',').filter(|member| !member.is_empty()) {
            evidence.check()?;
            let mut row = self::row(host, text);
            row.int("gid", gid).bytes("groupname", name).bytes("username", member);
            evidence.row("user_groups", &row)?;
        }
        Ok(())
    })
}

fn hashes(host: &Host, text: &Text<'_>, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    bounded(text, evidence, lines(text.bytes).filter_map(shadow::shadow), |shadow, evidence| {
        let mut row = row(host, text);
        row.bytes("username", shadow.name).text("password_status", shadow.password_status);
        if let Some(algorithm) = shadow.algorithm {
            row.bytes("hash_alg", algorithm);
        }
        for (column, days) in ["last_change", "min", "max", "warning", "inactive", "expire"].into_iter().zip(shadow.days) {
            if let Some(days) = days {
                row.int(column, days);
            }
        }
        row.bytes("flag", shadow.flag);
        evidence.row("shadow", &row)
    })
}

/// The most files that one text may include, and the most bytes of the host's name.
const MOST_INCLUDED: usize = 1000;
const MOST_HOSTNAME: usize = 256;

/// Writes the rows of rules. Returns the files that they include: what stands there counts as well as if it stood here.
fn rules(host: &Host, text: &Text<'_>, evidence: &mut dyn Evidence) -> Result<Vec<Vec<u8>>, Stop> {
    let path = text.found.path.as_slice();
    let folder = path.iter().rposition(|b| *b == b'/').and_then(|slash| path.get(..slash)).unwrap_or_default();
    let name = host.proc.file("sys/kernel/hostname", MOST_HOSTNAME).map(|name| name.bytes).unwrap_or_default();
    let (mut files, mut unlisted, mut is_cut) = (Vec::new(), Unlisted::default(), false);
    bounded(text, evidence, sudoers::rules(text.bytes), |rule, evidence| {
        let mut row = row(host, text);
        // `source` is the head's own name for the path.
        row.bytes("header", &rule.header).bytes("rule_details", &rule.details);
        row.bytes("path", path).int("line", rule.line);
        match rule.included(folder, name.trim_ascii_end()) {
            Some(_) if files.len() >= MOST_INCLUDED => is_cut = true,
            Some(Included::File(file)) => files.push(file),
            Some(Included::Folder(folder)) => {
                let (found, error) = in_folder(host, &folder);
                unlisted.note(error);
                files.extend(found);
            }
            None => {}
        }
        evidence.row("sudoers", &row)
    })?;
    unlisted.tell(path, evidence);
    if is_cut {
        evidence.gap(Gap::whole(path, format!("only the first {MOST_INCLUDED} files that it includes are looked for")));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture;
    use crate::source::recorded::Recorded;
    use serde_json::Value;

    fn acquired(source: Accounts, files: &[(&str, &[u8])]) -> (Outcome, Recorded) {
        let tree = tempfile::tempdir().unwrap();
        let host = fixture::host(tree.path(), files);
        let mut evidence = Recorded::default();
        let outcome = source.acquire(&host, &mut evidence).unwrap();
        (outcome, evidence)
    }

    fn column<'a>(evidence: &'a Recorded, table: &str, column: &str) -> Vec<&'a Value> {
        evidence.rows(table).iter().map(|row| &row[column]).collect()
    }

    const FILES: &[(&str, &[u8])] = &[
        ("etc/passwd", b"root:x:0:0:root:/root:/bin/bash\ntoor::0:0::/root:/bin/sh\nn\x1b\xff:x:4294967294:1::/n:\nbad line\n"),
        ("etc/passwd-", b"old:x:5:5::/:\n"),
        ("etc/group", b"root:x:0:\nsudo:x:27:ann,n\xff\nbad\n"),
        ("etc/shadow", b"root:$6$salt$hunter2:19000:0:99999:7:::\ntoor::1:\n"),
        ("etc/gshadow", b"sudo:$6$a$hunter2::ann\n"),
        ("var/lib/extrausers/shadow", b"ex:$6$a$hunter2:1:::::\n"),
        ("var/lib/extrausers/shadow-", b"ex:$6$a$hunter2:1:::::\n"),
        ("usr/lib/passwd", b"nis:hunter2:9:9:::\n"),
        ("etc/sudoers", b"Defaults env_reset\nann ALL=(ALL) NOPASSWD: ALL\n"),
        ("root/.aws/credentials", b"[default]\naws_secret_access_key = hunter2\n"),
        ("root/.aws/config", b"[default]\nregion = eu-central-1\n"),
    ];

    #[test]
    fn every_table_is_filled_and_what_is_no_account_stays() {
        let (outcome, evidence) = acquired(Accounts::default(), FILES);
        assert_eq!((outcome, evidence.gaps.len()), (Outcome::ok(), 0));
        let users = evidence.rows("users");
        assert_eq!(column(&evidence, "users", "username")[..2], ["root", "toor"]);
        assert_eq!((&users[1]["uid"], &users[1]["password"]), (&0.into(), &"empty".into()));
        assert_eq!((&users[2]["username_b64"], &users[2]["uid_signed"]), (&"bhv/".into(), &(-2).into()));
        assert_eq!((users.len(), &users[3]["line"], &users[3]["status"]), (5, &"bad line".into(), &"partial".into()));
        assert_eq!(column(&evidence, "groups", "gid"), [&Value::from(0), &27.into(), &Value::Null]);
        assert_eq!((evidence.rows("user_groups").len(), &evidence.rows("user_groups")[0]["username"]), (2, &"ann".into()));
        assert_eq!(column(&evidence, "shadow", "password_status"), ["active", "empty", "active"]);
        assert_eq!(users[4]["password"], "hash");
        assert_eq!(column(&evidence, "shadow", "hash_alg")[0], "6");
        assert_eq!(column(&evidence, "sudoers", "header"), ["Defaults", "ann"]);
        assert!(evidence.member("/etc/passwd-").is_some() && evidence.member("/root/.aws/config").is_some());
    }

    #[test]
    fn what_sudoers_includes_is_kept_and_made_rows_of() {
        let (_, evidence) = acquired(
            Accounts::default(),
            &[
                ("etc/sudoers", b"@includedir /opt/d\n#include more-\n@include /opt/none\n"),
                ("etc/more-", b"@include \"/opt/a b\"\n"),
                ("opt/a b", b"@include /etc/sudoers\neve ALL=(ALL) NOPASSWD: ALL\n"),
                ("opt/d/one", b"bob ALL=ALL\n"),
            ],
        );
        let headers = column(&evidence, "sudoers", "header");
        assert_eq!(headers, ["@includedir", "#include", "@include", "bob", "@include", "@include", "eve"]);
        let file = evidence.rows("account_files").iter().find(|row| row["path"] == "/opt/a b").unwrap();
        assert_eq!((&file["via"], &file["kind"]), (&"/etc/more-".into(), &"sudoers".into()));
        assert_eq!((evidence.member("/opt/d/one"), evidence.gaps.len()), (Some(&b"bob ALL=ALL\n"[..]), 0));
    }

    #[test]
    fn the_name_of_a_group_does_not_grow_with_its_members() {
        let long = [&b"g".repeat(MOST_NAME + 1), &b":x:7:"[..], &b"a,".repeat(1000)].concat();
        let (_, evidence) = acquired(Accounts::default(), &[("etc/group", &long)]);
        assert_eq!((evidence.rows("user_groups").len(), &evidence.rows("groups")[0]["status"]), (0, &"partial".into()));
        assert_eq!((group(b"g:x:7:a,b"), group(b"g:x:7:a:b"), group(b"g:x:7")), (Some((&b"g"[..], 7, &b"a,b"[..])), None, None));
    }

    #[test]
    fn no_hash_and_no_credential_is_anywhere_unless_asked_for() {
        let holds = |evidence: &Recorded| {
            let rows = format!("{:?}", evidence.tables);
            let raw: Vec<u8> = evidence.members.iter().flat_map(|(.., content)| content.clone()).collect();
            [rows.into_bytes(), raw].concat().windows(7).filter(|window| window == b"hunter2").count()
        };
        let (_, evidence) = acquired(Accounts::default(), FILES);
        assert_eq!(holds(&evidence), 0);
        let credentials = evidence.rows("account_files").iter().find(|row| row["path"] == "/root/.aws/credentials").unwrap();
        assert_eq!((&credentials["secret"], &credentials["size"]), (&1.into(), &42.into()));
        let (_, evidence) = acquired(Accounts { include_secrets: true }, FILES);
        assert_eq!(holds(&evidence), 6);
    }

    #[test]
    fn a_host_without_accounts_is_absent() {
        assert_eq!(acquired(Accounts::default(), &[]).0.status, Status::Absent);
    }

    #[test]
    fn this_machine_has_root() {
        let mut evidence = Recorded::default();
        assert_eq!(Accounts::default().acquire(&Host::live().unwrap(), &mut evidence), Ok(Outcome::ok()));
        assert!(evidence.rows("users").iter().any(|row| row["uid"] == 0 && row["username"] == "root"));
        assert!(evidence.gaps.iter().all(|gap| gap.refused), "{:?}", evidence.gaps);
    }
}
