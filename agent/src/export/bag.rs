//! The run as a bag (BagIt, RFC 8493): its objects below `data/`, byte for byte and under their own names, with a manifest of
//! SHA-256 that any tool for bags checks. `hozen verify bag/data` verifies the run itself.

use std::fmt::Write as _;

use hozen_collector::model::{Digest, ObjectKey};

use super::destination::{Destination, Refused};
use super::object::{self, Failure};
use super::output::Output;
use super::progress::Progress;
use crate::verify::Facts;
use crate::verify::Opened;

/// Its folder in the export.
const FOLDER: &str = "bag";
/// The declaration (RFC 8493 2.1.1).
const DECLARATION: &str = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";

/// A bag in the making.
pub(super) struct Bag<'a> {
    destination: &'a Destination,
    manifest: String,
    bytes: u64,
    files: u64,
}

impl<'a> Bag<'a> {
    pub(super) fn begin(destination: &'a Destination) -> Self {
        Self { destination, manifest: String::new(), bytes: 0, files: 0 }
    }

    /// Copies one object, and compares it with its receipt on the way.
    pub(super) fn object(&mut self, evidence: &Opened, key: &ObjectKey, progress: &Progress) -> Result<(), Failure> {
        let (folder, name) = key.as_str().rsplit_once('/').unwrap_or(("", key.as_str()));
        let mut output = Output::create(self.destination, &format!("{FOLDER}/data/{folder}"), name)?;
        let (digest, size) = object::stored(evidence, key, progress, &mut |bytes| Ok(output.write(bytes)?))?;
        if evidence.receipt(key).is_some_and(|receipt| (receipt.sha256, receipt.size) != (digest, size)) {
            return Err(object::wrong(key, "is not what its receipt says".to_owned()));
        }
        output.finish()?;
        // Names of objects have none of the characters that a manifest must encode.
        let _ = writeln!(self.manifest, "{digest}  data/{key}");
        (self.bytes, self.files) = (self.bytes + size, self.files + 1);
        Ok(())
    }

    /// Writes what makes a bag of it. Returns what is told of it.
    pub(super) fn finish(self, facts: &Facts) -> Result<String, Refused> {
        let tags = [
            ("bagit.txt", DECLARATION.to_owned()),
            ("bag-info.txt", self.info(facts)),
            ("manifest-sha256.txt", self.manifest.clone()),
        ];
        let mut sums = String::new();
        for (name, text) in &tags {
            let _ = writeln!(sums, "{}  {name}", Digest::of(text.as_bytes()));
        }
        let sums = ("tagmanifest-sha256.txt", sums);
        for (name, text) in tags.iter().chain([&sums]) {
            let mut output = Output::create(self.destination, FOLDER, name)?;
            output.write(text.as_bytes())?;
            output.finish()?;
        }
        Ok(format!("{FOLDER}: {} objects, {} bytes; hozen verify {FOLDER}/data", self.files, self.bytes))
    }

    /// `bag-info.txt` (RFC 8493 2.2.2).
    fn info(&self, facts: &Facts) -> String {
        let mut text = String::new();
        let day = facts.ended.as_deref().and_then(|time| time.get(..10));
        let known = [
            ("Bagging-Date", day),
            ("External-Identifier", facts.run.as_deref()),
            ("Internal-Sender-Identifier", facts.case.as_deref()),
            ("External-Description", facts.hostname.as_deref()),
        ];
        for (label, value) in known.into_iter().filter_map(|(label, value)| Some((label, value?))) {
            let _ = writeln!(text, "{label}: {value}");
        }
        let _ = writeln!(text, "Payload-Oxum: {}.{}", self.bytes, self.files);
        let _ = writeln!(text, "Bag-Software-Agent: Hozen {}", crate::VERSION);
        text
    }
}
