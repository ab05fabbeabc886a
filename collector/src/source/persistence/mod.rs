//! What makes the host run something later, or again: the files that say so, and rows of those that are simple and exact to read.
//!
//! Rows are of the text that was kept: secrets in it are hidden in both. What `/etc/ld.so.preload`, the configuration of sshd and some others
//! name is kept too.

mod authorized_key;
mod crontab;
mod hook;
mod named;
mod patterns;
mod sshd;
mod unit;

use std::time::Duration;

use self::authorized_key::Key;
use self::crontab::{Job, Line};
use self::hook::Format;
use self::sshd::{Sshd, Whose};
use super::file_set::{FileSet, Limits, Order, Text, Unlisted, bounded};
use super::text::lines;
use super::{Evidence, Source, Stop};
use crate::host::Host;
use crate::model::{Artefact, Category, Gap, Outcome, Profile, Row, Status, escape};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "persistence",
    category: Category::File,
    profile: Profile::Triage,
    budget: Duration::from_secs(120),
    budget_bytes: Some(TOTAL),
    source: "/etc, /usr/lib, /usr/share, /usr/src, /boot, /var/spool, homes, /var/lib/cloud, /var/lib/dkms, files that sshd_config names",
    about: "files that start something by themselves or let somebody in (cron, units, shells, loader, PAM, NSS, ssh, udev, git, web servers, DKMS, initramfs, cloud-init and more), secrets hidden",
    tables: &["persistence_files", "crontab", "systemd_settings", "authorized_keys", "preload_libraries", "persistence_hooks"],
};

/// The most bytes that are kept of all files together.
const TOTAL: u64 = 512 << 20;

/// Keeps what makes the host run something.
#[derive(Debug, Clone, Copy)]
pub struct Persistence {
    /// Keep secrets as they are.
    pub include_secrets: bool,
    /// The most bytes that are kept of one file.
    pub file_cap: u64,
    /// The most bytes that are kept of all files together.
    pub total_cap: u64,
}

impl Persistence {
    /// With the usual limits.
    #[must_use]
    pub fn new(include_secrets: bool) -> Self {
        Self { include_secrets, file_cap: 16 << 20, total_cap: TOTAL }
    }
}

impl Source for Persistence {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let sshd = Sshd::read(host, evidence)?;
        let is_read = |path: &[u8]| sshd.whose_keys(path).is_some() || sshd.is_configuration(path);
        let set = FileSet {
            table: "persistence_files",
            groups: patterns::GROUPS,
            limits: Limits::bytes(self.file_cap, self.total_cap),
            order: Order::Path,
            include_secrets: self.include_secrets,
            is_read: Some(&is_read),
        };
        let count = set.keep(host, evidence, &mut |text, evidence| rows(host, &sshd, text, evidence))?;
        Ok(if count == 0 { Outcome::because(Status::Absent, "none of these files is there") } else { Outcome::ok() })
    }
}

/// The most files that one text may name by its hooks.
const MOST_NAMED: usize = 1000;

/// Writes the rows of a text. Returns the files that it names.
fn rows(host: &Host, sshd: &Sshd, text: &Text<'_>, evidence: &mut dyn Evidence) -> Result<Vec<Vec<u8>>, Stop> {
    let (path, kind) = (text.found.path.as_slice(), text.found.group.kind);
    // Whatever else it is: a crontab in which sshd is told to look for keys is a crontab still.
    if has_keys(sshd, text) {
        key_rows(host, sshd, text, evidence)?;
    }
    match kind {
        "cron" if has_crontab_lines(path) => crontab_rows(host, text, evidence)?,
        "systemd" if !text.bytes.starts_with(b"\x7fELF") => unit_rows(host, text, evidence)?,
        "loader" if path == b"/etc/ld.so.preload" => return preload_rows(host, text, evidence),
        _ => {}
    }
    let format = if sshd.is_configuration(path) { Some(Format::Ssh) } else { Format::of(kind, path, text.bytes) };
    let mut named = sshd.named(path).to_vec();
    if let Some(format) = format {
        named.extend(hook_rows(host, text, format, evidence)?);
    }
    Ok(named)
}

/// Whether sshd looks for keys in it, or would by default, or seems to have done so by its name.
fn has_keys(sshd: &Sshd, text: &Text<'_>) -> bool {
    let is_named_so = text.name().starts_with(b"authorized_keys") || text.found.path.starts_with(b"/etc/ssh/authorized");
    sshd.whose_keys(&text.found.path).is_some() || (text.found.group.kind == "ssh" && is_named_so)
}

/// Whether it is a crontab, and not a script for `run-parts` or a list of users.
fn has_crontab_lines(path: &[u8]) -> bool {
    path == b"/etc/crontab" || path.starts_with(b"/etc/cron.d/") || is_of_one_user(path)
}

/// Whether it is the crontab of the user whose name it has. Alpine has its spool in `/etc`.
fn is_of_one_user(path: &[u8]) -> bool {
    path.starts_with(b"/var/spool/cron/") || path.starts_with(b"/etc/crontabs/")
}

fn crontab_rows(host: &Host, text: &Text<'_>, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    let path = text.found.path.as_slice();
    let spooled = is_of_one_user(path);
    let found = text.bytes.split(|b| *b == b'\n').zip(1_u64..).filter_map(|(line, number)| {
        let line = crontab::line(line, !spooled)?;
        Some((line, number))
    });
    bounded(text, evidence, found, |(line, number), evidence| {
        let mut row = Row::new(host.clock.now(), escape::bytes(path));
        match line {
            Line::Job(job) => job_columns(&mut row, &job, spooled.then(|| text.name())),
            Line::Variable(name, value) => {
                row.bytes("variable", name).bytes("value", value);
            }
            Line::Unknown => row.error("line", "malformed"),
        }
        row.bytes("path", path).int("line", number);
        evidence.row("crontab", &row)
    })
}

/// `owner` is whose crontab it is, where that says as whom its jobs run.
fn job_columns(row: &mut Row, job: &Job<'_>, owner: Option<&[u8]>) {
    if let Some(event) = job.event {
        row.bytes("event", event);
    } else {
        for (column, value) in ["minute", "hour", "day_of_month", "month", "day_of_week"].into_iter().zip(job.time) {
            row.bytes(column, value);
        }
    }
    row.bytes("command", job.command).flag("unlogged", job.is_unlogged);
    if let Some(user) = job.user.or(owner) {
        row.bytes("username", user);
    }
}

fn unit_rows(host: &Host, text: &Text<'_>, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    let path = text.found.path.as_slice();
    let settings = unit::settings(text.bytes).filter(unit::Setting::is_telling);
    bounded(text, evidence, settings, |setting, evidence| {
        let mut row = Row::new(host.clock.now(), escape::bytes(path));
        row.bytes("fragment_path", path).bytes("id", unit_of(text)).bytes("section", &setting.section);
        row.bytes("name", &setting.name).bytes("value", &setting.value);
        evidence.row("systemd_settings", &row)
    })
}

/// The unit that a file belongs to: its own name, or that of the folder of drop-ins that it lies in.
fn unit_of<'a>(text: &'a Text<'_>) -> &'a [u8] {
    let folder = text.found.path.rsplit(|b| *b == b'/').nth(1).unwrap_or_default();
    folder.strip_suffix(b".d").filter(|unit| unit.contains(&b'.')).unwrap_or_else(|| text.name())
}

/// Number and name of the account that keys let in: the one for which sshd looks there, else the one in whose home they lie.
fn let_in<'a>(sshd: &'a Sshd, text: &'a Text<'_>) -> (Option<u32>, Option<&'a [u8]>) {
    match sshd.whose_keys(&text.found.path) {
        Some(Whose::Everybody) => (None, None),
        Some(Whose::One(owner)) => (Some(owner.uid), Some(owner.username.as_slice())),
        None => text.found.home.as_deref().map_or((None, None), |home| (home.uid, home.username.as_deref())),
    }
}

fn key_rows(host: &Host, sshd: &Sshd, text: &Text<'_>, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    let path = text.found.path.as_slice();
    let (uid, username) = let_in(sshd, text);
    let numbered = text.bytes.split(|b| *b == b'\n').zip(1_u64..);
    let keys = numbered.filter(|(line, _)| !authorized_key::is_comment(line));
    bounded(text, evidence, keys, |(line, number), evidence| {
        let mut row = Row::new(host.clock.now(), escape::bytes(path));
        if let Some(uid) = uid {
            row.int("uid", uid);
        }
        if let Some(name) = username {
            row.bytes("username", name);
        }
        row.bytes("key_file", path).int("line", number);
        match authorized_key::key(line) {
            Some(key) => key_columns(&mut row, &key),
            None => row.error("key", "malformed"),
        }
        evidence.row("authorized_keys", &row)
    })
}

fn key_columns(row: &mut Row, key: &Key<'_>) {
    row.bytes("algorithm", key.algorithm).bytes("key", key.key).bytes("options", key.options).bytes("comment", key.comment);
    match &key.fingerprint {
        Some(fingerprint) => drop(row.text("fingerprint", fingerprint)),
        None => row.error("fingerprint", "implausible"),
    }
}

/// The loader takes blanks and colons between names (ld.so(8)).
fn preload_rows(host: &Host, text: &Text<'_>, evidence: &mut dyn Evidence) -> Result<Vec<Vec<u8>>, Stop> {
    let path = text.found.path.as_slice();
    let code = lines(text.bytes).map(|line| line.split(|b| *b == b'#').next().unwrap_or_default());
    let names = code.flat_map(|line| line.split(|b| b.is_ascii_whitespace() || *b == b':')).filter(|name| !name.is_empty());
    let mut named = Vec::new();
    bounded(text, evidence, names, |name, evidence| {
        let mut row = Row::new(host.clock.now(), escape::bytes(path));
        row.bytes("library", name).bytes("path", path);
        row.flag("exists", name.starts_with(b"/") && host.files.real(name).is_ok_and(|(_, stat)| stat.is_regular()));
        evidence.row("preload_libraries", &row)?;
        if name.starts_with(b"/") {
            named.push(name.to_owned());
        }
        Ok(())
    })?;
    Ok(named)
}

/// Writes the rows of lines that name what is run, loaded or trusted. Returns the files that they name.
fn hook_rows(host: &Host, text: &Text<'_>, format: Format, evidence: &mut dyn Evidence) -> Result<Vec<Vec<u8>>, Stop> {
    let path = text.found.path.as_slice();
    let username = text.found.home.as_deref().and_then(|home| home.username.as_deref());
    let (mut files, mut unlisted, mut is_cut) = (Vec::new(), Unlisted::default(), false);
    bounded(text, evidence, format.hooks(text.bytes), |hook, evidence| {
        let mut row = Row::new(host.clock.now(), escape::bytes(path));
        row.text("kind", text.found.group.kind).bytes("path", path).int("line", hook.line);
        row.bytes("name", &hook.name).bytes("value", &hook.value);
        if let Some(name) = username {
            row.bytes("username", name);
        }
        if files.len() < MOST_NAMED {
            files.extend(named::named(host, text, format, &hook, &mut unlisted));
        } else {
            is_cut |= matches!(format, Format::Git | Format::Dkms);
        }
        evidence.row("persistence_hooks", &row)
    })?;
    unlisted.tell(path, evidence);
    if is_cut || files.len() > MOST_NAMED {
        evidence.gap(Gap::whole(path, format!("only the first {MOST_NAMED} files that it names are looked for")));
        files.truncate(MOST_NAMED);
    }
    Ok(files)
}

#[cfg(test)]
mod tests;
