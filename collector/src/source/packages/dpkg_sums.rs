//! The files that dpkg has sums of: `info/*.md5sums`, and where diversions have put them.

use super::dpkg::{self, Diversions};
use super::verify::{Job, Verifier};
use crate::host::{Host, read};
use crate::model::Gap;
use crate::source::text::lines;
use crate::source::{Evidence, Stop, failure};

/// Where dpkg keeps what it knows of each package.
pub(super) const INFO: &str = "/var/lib/dpkg/info";

/// The most names of [`INFO`] that are looked at.
const MOST_NAMES: usize = 400_000;

/// Verifies files of all packages, where there is dpkg.
pub(super) fn verify(job: Job<'_>, diversions: &Diversions, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    let Some(names) = names(job.host, evidence) else { return Ok(()) };
    let total = u64::try_from(names.len()).unwrap_or(u64::MAX);
    job.run(evidence, |verifier, evidence| {
        verifier.tally.without_sums = without_sums(&names);
        for (done, name) in (1_u64..).zip(&names) {
            if let Some(package) = dpkg::package_of(name) {
                self::package(job.host, (name, package, diversions), verifier, evidence)?;
            }
            evidence.progress(done, total);
        }
        Ok(())
    })
}

/// The sorted names in [`INFO`], if there is such a folder.
fn names(host: &Host, evidence: &mut dyn Evidence) -> Option<Vec<Vec<u8>>> {
    match host.files.dir(INFO).and_then(|dir| dir.names(MOST_NAMES)) {
        Ok((names, more)) => {
            if more {
                let reason = format!("only {MOST_NAMES} names of this folder were looked at");
                evidence.gap(Gap::whole(INFO.as_bytes(), reason));
            }
            Some(names)
        }
        Err(error) => {
            failure::gap(evidence, &error);
            None
        }
    }
}

/// How many of the sorted `names` are lists of packages that have no sums.
fn without_sums(names: &[Vec<u8>]) -> u64 {
    let lists = names.iter().filter_map(|name| name.strip_suffix(b".list"));
    let without = lists.filter(|package| names.binary_search(&[package, &b".md5sums"[..]].concat()).is_err());
    u64::try_from(without.count()).unwrap_or(u64::MAX)
}

fn package(
    host: &Host,
    (file, package, diversions): (&[u8], &[u8], &Diversions),
    verifier: &mut Verifier<'_>,
    evidence: &mut dyn Evidence,
) -> Result<(), Stop> {
    let path = [INFO.as_bytes(), b"/", file].concat();
    let sums = match host.files.file(&path, read::SMALL) {
        Ok(sums) => sums,
        Err(error) => {
            failure::gap(evidence, &error);
            return Ok(());
        }
    };
    if sums.truncated {
        let reason = "longer than what is read of it; the files that it names behind that are not verified";
        evidence.gap(Gap::whole(&path, reason));
    }
    for line in lines(&sums.bytes) {
        let Some((sum, name)) = dpkg::md5sum(line) else {
            verifier.tally.malformed += 1;
            continue;
        };
        let named = [b"/", name].concat();
        verifier.file((package, name), diversions.place(&named, package).to_owned(), sum, evidence)?;
    }
    Ok(())
}
