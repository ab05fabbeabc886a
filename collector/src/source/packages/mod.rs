//! What is installed: the databases of dpkg, rpm and apk as they are, tables of their packages, and which files of packages are no
//! longer what was installed.
//!
//! ```text
//! dpkg  status, md5sums            → deb_packages ┐
//! apk   installed                  → apk_packages ┼→ verify, sums → changed_package_files, package_verification
//! rpm   sqlite, ndb, bdb → header  → rpm_packages ┘
//! ```

mod apk;
mod dpkg;
mod dpkg_sums;
pub(super) mod rpm;
mod sums;
mod verify;

use std::sync::Arc;
use std::time::Duration;

use self::dpkg::Diversions;
use self::verify::Job;
use super::digests::Digests;
use super::file_set::{FileSet, Form, Group, Limits, Order, Text, bounded};
use super::{Evidence, Source, Stop};
use crate::host::Host;
use crate::model::{Artefact, Category, Outcome, Profile, Row, Status, escape};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "packages",
    category: Category::File,
    profile: Profile::Triage,
    budget: Duration::from_secs(300),
    budget_bytes: Some(TOTAL),
    source: "/var/lib/dpkg, /var/lib/rpm, /lib/apk/db, and the files that they name",
    about: "installed packages of dpkg, rpm and apk, and their files that were changed: programs, or all in profile full",
    tables: &["package_files", "deb_packages", "apk_packages", "rpm_packages", "changed_package_files", "package_verification"],
};

/// The most bytes that are kept of the databases.
const TOTAL: u64 = 1 << 30;

const GROUPS: &[Group<'_>] = &[
    Group {
        kind: "dpkg",
        form: Form::Plain,
        patterns: &["/var/lib/dpkg/status", "/var/lib/dpkg/status.d/*", "/var/lib/dpkg/diversions"],
    },
    Group { kind: "apk", form: Form::Plain, patterns: &["/lib/apk/db/installed", "/usr/lib/apk/db/installed"] },
    Group {
        kind: "other",
        form: Form::Bulk,
        patterns: &[
            "/var/lib/dpkg/statoverride",
            "/var/lib/dpkg/arch",
            "/var/lib/dpkg/info/*",
            "/var/lib/apt/extended_states",
            "/lib/apk/db/*",
            "/usr/lib/apk/db/*",
            "/etc/apk/world",
            "/var/lib/dnf/history.sqlite*",
            "/var/lib/yum/history/*",
            "/usr/lib/sysimage/libdnf5/*",
        ],
    },
    Group { kind: "rpm", form: Form::Whole, patterns: &["/var/lib/rpm/*", "/usr/lib/sysimage/rpm/*", "/usr/share/rpm/*"] },
];

/// Keeps and verifies packages.
#[derive(Debug, Default)]
pub struct Packages {
    /// Verify all files, not only programs.
    thorough: bool,
    digests: Arc<Digests>,
}

impl Packages {
    /// The artefact, which leaves its digests of files to others of the run, and takes theirs.
    pub(super) fn new(thorough: bool, digests: Arc<Digests>) -> Self {
        Self { thorough, digests }
    }

    fn job<'a>(&'a self, host: &'a Host, manager: &'static str, database: &'static str) -> Job<'a> {
        Job { host, digests: &self.digests, thorough: self.thorough, manager, database }
    }
}

impl Source for Packages {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let set = FileSet {
            table: "package_files",
            groups: GROUPS,
            limits: Limits::bytes(512 << 20, TOTAL),
            order: Order::Path,
            include_secrets: true,
            is_read: None,
        };
        let mut diversions = Diversions::default();
        let count = set.keep(host, evidence, &mut |text, evidence| {
            match text.found.group.kind {
                "dpkg" if text.name() == b"diversions" => diversions = Diversions::new(text.bytes),
                "dpkg" => deb_rows(host, text, evidence)?,
                "apk" => {
                    apk_rows(host, text, evidence)?;
                    apk_files(self.job(host, "apk", "/lib/apk/db/installed"), text.bytes, evidence)?;
                }
                _ => {}
            }
            Ok(Vec::new())
        })?;
        dpkg_sums::verify(self.job(host, "dpkg", dpkg_sums::INFO), &diversions, evidence)?;
        rpm::packages(self.job(host, "rpm", rpm::NAME), evidence)?;
        Ok(if count == 0 { Outcome::because(Status::Absent, "the host has no packages that we know") } else { Outcome::ok() })
    }
}

/// Columns of `deb_packages` and the fields that they are from. Sizes are in KiB, as dpkg has them.
const DEB: [(&str, &[u8]); 8] = [
    ("name", b"package"),
    ("version", b"version"),
    ("source", b"source"),
    ("arch", b"architecture"),
    ("status", b"status"),
    ("maintainer", b"maintainer"),
    ("section", b"section"),
    ("priority", b"priority"),
];

fn deb_rows(host: &Host, text: &Text<'_>, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    let packages = dpkg::stanzas(text.bytes).filter(|stanza| stanza.contains_key(&b"package"[..]));
    bounded(text, evidence, packages, |stanza, evidence| {
        let mut row = Row::new(host.clock.now(), escape::bytes(&text.found.path));
        for (column, field) in DEB {
            if let Some(value) = stanza.get(field) {
                row.bytes(column, value);
            }
        }
        let size = stanza.get(&b"installed-size"[..]).and_then(|size| std::str::from_utf8(size).ok()?.parse::<u64>().ok());
        if let Some(size) = size {
            row.int("size", size);
        }
        if let Some(version) = stanza.get(&b"version"[..]) {
            row.bytes("revision", dpkg::revision(version));
        }
        evidence.row("deb_packages", &row)
    })
}

/// A link has the sum of its target, which the walk over all files has.
fn apk_files(job: Job<'_>, text: &[u8], evidence: &mut dyn Evidence) -> Result<(), Stop> {
    job.run(evidence, |verifier, evidence| {
        for file in apk::files(text) {
            let path = [b"/", file.path.as_slice()].concat();
            match file.sum {
                None => verifier.tally.malformed += 1,
                Some(_) if job.host.files.stat(&path).is_ok_and(|stat| stat.is_symlink()) => verifier.pass_over(),
                Some(sum) => verifier.file((file.package, &file.path), path, sum, evidence)?,
            }
        }
        Ok(())
    })
}

fn apk_rows(host: &Host, text: &Text<'_>, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    bounded(text, evidence, apk::packages(text.bytes), |package, evidence| {
        let mut row = Row::new(host.clock.now(), escape::bytes(&text.found.path));
        row.bytes("name", package.name).bytes("version", package.version).bytes("arch", package.arch);
        if let Some(size) = package.size {
            row.int("size", size);
        }
        row.bytes("description", package.description).bytes("url", package.url);
        row.bytes("origin", package.origin).bytes("maintainer", package.maintainer);
        if let Some(built) = package.built {
            row.int("build_time", built);
        }
        evidence.row("apk_packages", &row)
    })
}

#[cfg(test)]
mod tests;
