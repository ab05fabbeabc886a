//! `SHA256SUMS` (evidence format, section 7): exactly the list that follows from the objects stored before it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};

use hozen_collector::model::record::{MANIFEST_KEY, SUMS_KEY};
use hozen_collector::model::{Digest, ObjectKey};

use super::findings::{Findings, Place};
use super::holding::Holding;
use super::manifest::Listed;
use super::name::Name;
use super::objects::Measured;

/// Digest, two blanks, the longest name, newline.
const MAX_LINE: u64 = 64 + 2 + 512 + 1;

/// Compares the list with the manifest or, where there is none, with the objects that are there. Returns its number of lines.
pub(super) fn check(holding: &Holding, listed: Option<&Listed>, measured: &Measured, findings: &mut Findings) -> Option<u64> {
    if !holding.has(SUMS_KEY) {
        let told = "is missing, though the manifest, which is written after it, is there";
        findings.require(!holding.has(MANIFEST_KEY), SUMS_KEY, told);
        return None;
    }
    if listed.is_none() && measured.stored.len() < holding.objects().len() {
        // What could not be read has been noted; without its digest there is no list to compare with.
        return None;
    }
    let reader = SUMS_KEY.parse().ok().and_then(|key| holding.reader(&key, findings))?;
    let due = due(listed, measured);
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    for (at, (key, sha256)) in (1..).zip(&due) {
        let expected = format!("{sha256}  {key}\n").into_bytes();
        match next_line(&mut reader, &mut line) {
            Ok(()) if line == expected => {}
            Ok(()) => {
                findings.fail(Place::line(SUMS_KEY, at), format!("the line for {key} and its digest should be here, and is not"));
                return Some(at);
            }
            Err(error) => {
                findings.unreadable(SUMS_KEY, format!("cannot be read: {error}"));
                return Some(at);
            }
        }
    }
    let lines = super::words::length(due.len());
    if next_line(&mut reader, &mut line).is_ok() {
        findings.require(line.is_empty(), Place::line(SUMS_KEY, lines + 1), "the list should end here, and does not");
    }
    Some(lines)
}

fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<()> {
    line.clear();
    std::io::Read::take(reader, MAX_LINE).read_until(b'\n', line).map(drop)
}

fn due(listed: Option<&Listed>, measured: &Measured) -> BTreeMap<ObjectKey, Digest> {
    let all: BTreeMap<ObjectKey, Digest> = match listed {
        Some(listed) => listed.manifest.objects.iter().map(|receipt| (receipt.key.clone(), receipt.sha256)).collect(),
        None => measured.stored.iter().map(|(key, stored)| (key.clone(), stored.sha256)).collect(),
    };
    all.into_iter().filter(|(key, _)| !matches!(Name::of(key), Some(Name::Sums | Name::Manifest | Name::End))).collect()
}
