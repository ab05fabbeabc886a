//! What `hozen modules` says to a person. Text of an index is printable: nothing else passes its reader.

use std::fmt::Write as _;

use hozen_collector::model::modules::{Architecture, ModuleEntry, ModuleIndex};
use hozen_collector::model::{Digest, escape};
use hozen_collector::source::memory::Kernel;

use crate::modules::{Added, Report};
use crate::verify::Verdict;

/// The modules of a store.
pub(super) fn list(index: &ModuleIndex, store: &str, keyid: &str) -> String {
    let mut text =
        format!("{:<8} {:<40} {:<14} {:<14} {:>8}  {}\n", "ARCH", "KERNEL", "BUILD-ID", "SHA-256", "BYTES", "HOW IT WAS BUILT");
    for entry in &index.modules {
        let _ = writeln!(text, "{}", line(entry));
    }
    let _ = write!(text, "\n{} modules in {store}, signed by {keyid}", index.modules.len());
    text
}

fn line(entry: &ModuleEntry) -> String {
    let build_id = entry.build_id.as_ref().map_or_else(|| "any".to_owned(), |id| short(&id.to_string()));
    let version = entry.lime_version.as_ref().map(|version| format!("LiME {version}, ")).unwrap_or_default();
    let (arch, sha256) = (entry.arch.word(), short(&entry.sha256.to_string()));
    format!("{arch:<8} {:<40} {build_id:<14} {sha256:<14} {:>8}  {version}{}", entry.release, entry.size, entry.built)
}

fn short(digits: &str) -> String {
    if digits.len() > 13 { format!("{digits:.12}…") } else { digits.to_owned() }
}

/// What was added.
pub(super) fn added(added: &Added, store: &str) -> String {
    let mut text = String::new();
    for entry in &added.entries {
        let _ = writeln!(text, "added {} for {} kernel {}", entry.file(), entry.arch, entry.release);
    }
    let _ = write!(text, "{} modules in {store}; SHA-256 of its index: {}", added.modules, added.index_sha256);
    text
}

/// What a check has come to.
pub(super) fn report(report: &Report) -> String {
    let verdict = match report.verdict {
        Verdict::Verified => "VERIFIED",
        Verdict::CouldNotCheck => "COULD NOT CHECK",
        Verdict::Failed | Verdict::Incomplete => "FAILED",
    };
    let mut text = format!("{verdict}: the module store {}\n", report.store);
    if let Some(keyid) = &report.keyid {
        let _ = writeln!(text, "trusted key       {keyid}");
    }
    if let Some(sha256) = &report.index_sha256 {
        let _ = writeln!(text, "SHA-256 of index  {sha256}");
    }
    if let Some(modules) = report.modules {
        let _ = writeln!(text, "modules           {modules}, each asked for signature, digest, size and what it says of itself");
    }
    for (what, findings) in [("wrong", &report.findings), ("unreadable", &report.unreadable)] {
        for finding in findings {
            let _ = writeln!(text, "{what}: {}: {}", finding.file, finding.what);
        }
    }
    text
}

/// Which module fits a kernel, or why none does.
pub(super) fn fit(kernel: &Kernel, chosen: Option<Digest>, reasons: &[String], store: &str) -> String {
    let build_id = kernel.build_id.as_ref().map_or_else(|| "not known".to_owned(), ToString::to_string);
    let architecture = kernel.architecture.map_or("unknown machine", Architecture::word);
    let text = format!("kernel {} ({architecture}), BUILD-ID {build_id}\n", escape::bytes(&kernel.release));
    match chosen {
        Some(sha256) => format!("{text}fits: modules/{sha256}.ko of {store}"),
        None => format!("{text}no module of {store} is to be used:\n  {}", reasons.join("\n  ")),
    }
}
