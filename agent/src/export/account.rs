//! What an export has come to, in words: printed, and kept as `README.txt` in the export itself.

use std::fmt::Write as _;

use indicatif::HumanBytes;

use super::image::Image;
use super::tree::Tally;
use crate::verify::{Report, Verdict};

/// What an export has come to.
#[derive(Debug)]
pub(super) struct Account {
    /// What verification of the evidence has come to.
    pub(super) report: Report,
    /// Whether there is a tree.
    pub(super) tree: bool,
    /// The images.
    pub(super) images: Vec<Image>,
    /// The members of archives.
    pub(super) members: Tally,
    /// Tables and logs.
    pub(super) tables: u64,
    /// What else was written, each in a line.
    pub(super) others: Vec<String>,
    /// What of the evidence could not be exported, or not as it is; escaped text.
    pub(super) faults: Vec<String>,
}

const LAYOUT: &str = "\
memory/      images of physical memory in LiME format; long stretches of zeros are holes
[root]/      files of the host as they were collected, at their paths
process/     memory of single processes as ELF core files, and the maps that belong to them
hozen/       what the collector made itself, by artefact
also/        what stands in [root]/ already from another artefact, by artefact; what links of processes lead to (proc/PID/exe, fd/N); and
             what there is of processes without stat, which began behind the freeze-frame: tools that list processes end at one of those
tables/      tables, one JSON object a line, by category
members.jsonl  every member of the archives: owner, permissions, times, targets of links, where it is here

Links are rewritten so that they stay within this export; members.jsonl has the targets that they had. Nothing here can be executed,
and owners and permissions are yours, not the host's. These are copies: the evidence is what can be verified.
";

const COPIES: &str = "These are copies: the evidence is what can be verified.\n";

impl Account {
    /// Whether all that was asked for is there as it was.
    pub(super) fn is_whole(&self) -> bool {
        self.faults.is_empty() && self.members.left_out == 0
    }

    /// In words.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        self.evidence(&mut text);
        for image in &self.images {
            self.image(image, &mut text);
        }
        if self.tree {
            self.tree(&mut text);
        }
        for other in &self.others {
            let _ = writeln!(text, "{other}");
        }
        for fault in &self.faults {
            let _ = writeln!(text, "NOT EXPORTED AS IT IS: {fault}");
        }
        text
    }

    fn tree(&self, text: &mut String) {
        let Tally { exported, special, apart, left_out, named } = &self.members;
        let _ = writeln!(text, "{exported} files, folders and links; {} tables and logs", self.tables);
        if *special > 0 {
            let _ = writeln!(text, "{special} devices, FIFOs and sockets are listed in members.jsonl and not made");
        }
        if *apart > 0 {
            let _ =
                writeln!(text, "{apart} of them are of processes without stat, and stand in also/ (members.jsonl says which)");
        }
        if *left_out > 0 {
            let _ = writeln!(text, "{left_out} members were LEFT OUT (members.jsonl has them all):");
            for one in named {
                let _ = writeln!(text, "  {one}");
            }
        }
    }

    /// What the export itself says of it.
    pub(super) fn readme(&self) -> String {
        let layout = if self.tree { LAYOUT } else { COPIES };
        format!("An export of evidence that Hozen {} has written.\n\n{}\n{layout}", crate::VERSION, self.text())
    }

    fn evidence(&self, text: &mut String) {
        let facts = &self.report.facts;
        let known = |fact: &Option<String>| fact.clone().unwrap_or_else(|| "unknown".to_owned());
        let _ = writeln!(text, "run {}, case {}, host {}", known(&facts.run), known(&facts.case), known(&facts.host_id));
        let verdict = match self.report.verdict {
            Verdict::Verified => "verified: nothing contradicts the records of the run".to_owned(),
            verdict => format!("UNVERIFIED: hozen verify says {verdict:?}; nothing here can be relied on as evidence"),
        };
        let _ = writeln!(text, "{verdict}");
        if let Some(end) = facts.end_sha256 {
            let _ = writeln!(text, "SHA-256 of its end record: {end}");
        }
    }

    fn image(&self, image: &Image, text: &mut String) {
        let reasons = image.worth.reasons.join("; ");
        let why = if reasons.is_empty() { String::new() } else { format!(" ({reasons})") };
        let _ = match &image.file {
            Some(file) => writeln!(text, "{file}: {}, quality {}{why}", HumanBytes(image.bytes), image.worth.quality),
            None => writeln!(text, "image {}: LEFT OUT, because it is rejected{why}; --include-rejected exports it", image.name),
        };
    }
}
