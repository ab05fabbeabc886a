//! What the report says of a bucket in words: what its checksums, dates and locks make of the four claims.

use super::Verdict;
use super::page::Page;
use super::report::{BucketFacts, OpenLine, Report};
use super::text::CLAIMS;
use super::words;

impl Report {
    /// What the run lies in.
    pub(super) fn noun(&self) -> &'static str {
        if self.bucket.is_some() { "place in the bucket" } else { "folder" }
    }

    /// In what the bytes agree with the records.
    pub(super) fn agreement(&self) -> &'static str {
        match &self.bucket {
            Some(facts) if !facts.rehashed => {
                "its records are read and agree, and the bucket's own checksums of the evidence are those of the signed records"
            }
            _ => "every byte agrees with its signed records",
        }
    }

    /// The four claims, as far as this place can carry them.
    pub(super) fn claims(&self) -> Vec<String> {
        let mut claims: Vec<String> = CLAIMS.iter().map(|claim| (*claim).to_owned()).collect();
        let Some(facts) = &self.bucket else { return claims };
        if let Some(first) = claims.first_mut() {
            *first = stored(facts);
        }
        if let Some(third) = claims.get_mut(2) {
            *third = format!("Nothing was removed, added or altered since the run ended. {}", kept(facts));
        }
        claims
    }

    /// What a run that was cut off left open, and what others made of it.
    pub(super) fn write_salvage(&self, page: &mut Page) {
        if let (Verdict::Incomplete, Some(newest)) = (self.verdict, self.bucket.as_ref().and_then(|facts| facts.last_stored)) {
            let text = format!(
                "the newest object of it came at {newest}, by the bucket's clock: where that is not long ago, it may be going on"
            );
            page.hanging("  - ", &text);
        }
        match &self.bucket {
            Some(facts) if facts.presigned && !facts.uploads.is_empty() => page.hanging("  - ", &begun_in_advance(facts)),
            facts => facts.iter().flat_map(|facts| &facts.uploads).for_each(|upload| page.hanging("  - ", &open(upload))),
        }
        for line in &self.salvaged {
            let there = if line.there { "" } else { "; it is not there any more" };
            let parts = words::count(line.parts, "part");
            let text = format!(
                "{}: partial: {parts}, {} bytes, made afterwards of what the run left open ({}). It may end within a frame, and \
                 nothing vouches for it{there}",
                line.object, line.size, line.record
            );
            page.hanging("  - ", &text);
        }
    }
}

/// An upload that the run left open.
fn open(upload: &OpenLine) -> String {
    let since = upload.initiated.as_deref().unwrap_or("an unknown time");
    format!(
        "{}: an upload of it is open since {since} (by the bucket's clock); its parts are not locked, and the bucket may clean them up. \
         `hozen salvage` makes an object of them",
        upload.object
    )
}

/// The many uploads that whoever signed a list began for the run.
fn begun_in_advance(facts: &BucketFacts) -> String {
    let count = words::count(words::length(facts.uploads.len()), "upload");
    format!(
        "{count} that were begun with the presigned list are open. What the run did not need ends by the bucket's lifecycle; where the run was \
         cut off, `hozen salvage` makes objects of those that hold parts, which are not locked"
    )
}

/// The first claim: which bytes, and when.
fn stored(facts: &BucketFacts) -> String {
    let when = match (facts.first_stored, facts.last_stored) {
        (Some(first), Some(last)) => format!("between {first} and {last} by the bucket's own clock, which the host cannot set"),
        _ => "at a time that the bucket does not say".to_owned(),
    };
    let how =
        if facts.rehashed { "every byte was read for this report" } else { "S3 keeps their checksums, which were compared" };
    let from = match &facts.copied_from {
        None => "the agent stored".to_owned(),
        Some(place) => format!(
            "were copied here (the run was written to {place}); they are those that the holder of the run's key stored, and lie here since"
        ),
    };
    if facts.copied_from.is_some() {
        return format!("The bytes of each object, under the version that was verified, {from} {when}; {how}.");
    }
    format!("The bytes of each object, under the version that its receipt names, are those that {from} {when}; {how}.")
}

/// What keeps the objects from being deleted.
fn kept(facts: &BucketFacts) -> String {
    let all = facts.unlocked == 0 && facts.locked + facts.held > 0;
    let mode = facts.lock_mode.as_deref().unwrap_or_default();
    match (facts.locked_until, all) {
        (Some(until), true) => {
            let who = match mode {
                "COMPLIANCE" => "nobody can delete or change one before then, not even the account's root",
                _ => "only who may bypass governance can delete or change one before then",
            };
            let held = if facts.held > 0 { format!(" {} are under legal hold besides.", facts.held) } else { String::new() };
            format!("All of its objects are locked ({mode}) until {until} at least: {who}.{held}")
        }
        (None, true) => "All of its objects are under legal hold.".to_owned(),
        _ if facts.locked + facts.held + facts.unlocked == 0 => "What locks its objects the bucket did not say.".to_owned(),
        _ => format!(
            "{} have no lock: whoever has the rights can delete them, and lay others in their place.",
            words::count(facts.unlocked, "object")
        ),
    }
}
