//! The report as text that a lawyer can read: verdict first, then what was checked, what that shows and what it does not.

use hozen_collector::model::record::RunStatus;

use super::findings::State;
use super::page::{LABEL, Page};
use super::report::{Check, Facts, Report, StepLine, Witness};
use super::seals::SealLine;
use super::{Verdict, words};

impl Report {
    /// The report as text, at most 100 columns wide where words allow, each line ended by a newline.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut page = Page::default();
        page.line("Verification of forensic evidence collected by Hozen");
        page.line("");
        page.entry(if self.bucket.is_some() { "Bucket" } else { "Folder" }, &self.folder);
        page.entry("Verdict", verdict_word(self.verdict));
        page.paragraph("", &self.sentence());
        self.write_checks(&mut page);
        self.write_claims(&mut page);
        page.heading("4. The run, as its records state it");
        write_facts(&self.facts, &mut page);
        page.entry("Objects", &format!("{} with {}", self.objects, words::count(self.bytes, "byte")));
        self.write_steps(&mut page);
        self.write_missing(&mut page);
        self.write_findings(&mut page);
        page.text
    }

    /// The verdict in one or two sentences.
    #[must_use]
    pub fn sentence(&self) -> String {
        let place = self.noun();
        match self.verdict {
            Verdict::Verified => format!(
                "The {place} holds one whole run: {}, and nothing that they list is missing. {} {}",
                self.agreement(),
                collected(self.facts.status),
                match self.witness {
                    Witness::Agrees => "A digest or a seal from elsewhere vouches for these records.",
                    Witness::AgreesOnBegin =>
                        "A digest from elsewhere vouches for the begin and for the key that signed the rest.",
                    _ => "No digest from elsewhere vouches for these records: see section 2.",
                }
            ),
            Verdict::Failed => format!(
                "{} the records (section 7). This {place} is not what one run of the agent left behind, or it was changed since.",
                match words::length(self.findings.len()).saturating_add(self.findings_omitted) {
                    1 => "1 finding contradicts".to_owned(),
                    many => format!("{many} findings contradict"),
                }
            ),
            Verdict::Incomplete => {
                "The run was cut off: its end record is not there. Nothing contradicts what is there, but it must \
                                    not be taken for the whole run, and it may have been cut by somebody's hand."
                    .to_owned()
            }
            Verdict::CouldNotCheck => {
                "Something could not be opened or read (section 7), so nothing can be concluded.".to_owned()
            }
        }
    }

    fn write_checks(&self, page: &mut Page) {
        page.heading("1. What was checked");
        for (number, check) in (1..).zip(&self.checks) {
            page.hanging(&format!("  {number}. {:<9} ", state_word(check.state)), &check_sentence(check));
        }
        if self.checks.is_empty() {
            page.paragraph("  ", &format!("Nothing: the {} could not be opened.", self.noun()));
        }
    }

    fn write_claims(&self, page: &mut Page) {
        page.heading("2. What this shows");
        page.paragraph("  ", self.claims_apply());
        for (number, claim) in ["i", "ii", "iii", "iv"].iter().zip(self.claims()) {
            page.hanging(&format!("  ({number}) "), &claim);
        }
        page.paragraph("  ", self.witness_sentence());
        self.seals.iter().for_each(|seal| page.hanging("  - ", &seal_sentence(seal)));
        page.heading("3. What this does not show");
        for line in NOT_CLAIMED {
            page.hanging("  - ", line);
        }
    }

    fn claims_apply(&self) -> &'static str {
        match self.verdict {
            Verdict::Verified => "The run is verified, so that:",
            Verdict::Failed => "The run is NOT verified, so none of this is shown. A verified run would show:",
            Verdict::Incomplete => {
                "The run was cut off. Only the begin record and the manifest (if there is one) are signed; the journal's chain shows \
                 that its lines fit together, not who wrote them. Whoever can write to this folder could have cut the run or \
                 written what follows the begin record anew. A verified run would show:"
            }
            Verdict::CouldNotCheck => "The check could not be made, so none of this is shown. A verified run would show:",
        }
    }

    /// Which of the claims somebody outside this folder must vouch for.
    fn witness_sentence(&self) -> &'static str {
        match self.witness {
            Witness::Agrees => {
                "Against somebody who writes a whole new run with a new key, (i) to (iii) need an outside witness. There is one: the \
                 digest or the sealing key that was given from elsewhere agrees with this folder, so they hold from when that \
                 digest left the host, or from when the seal was made."
            }
            Witness::AgreesOnBegin => {
                "Against somebody who writes a whole new run with a new key, (i) to (iii) need an outside witness. There is one of the \
                 begin: the digest of 000-begin.json that was given from elsewhere is that of the record here, which names the key \
                 that signed the others. So (i) to (iii) hold against everybody who had not that key, which was only in the \
                 agent's memory while it ran. The digest of 999-end.json would show it against those, too, from when it left the host."
            }
            Witness::Disagrees => {
                "The digest that was given from elsewhere does NOT agree with this folder: it is not the run that the witness saw."
            }
            Witness::None => {
                "Against somebody who writes a whole new run with a new key, (i) to (iii) need an outside witness: the digest of \
                 999-end.json or 900-manifest.json as the agent's result line gave it, kept where the host could not reach it. \
                 None was given here, so whoever could write to this folder could have made all of it."
            }
        }
    }

    fn write_steps(&self, page: &mut Page) {
        page.heading("5. Artefacts and their outcome");
        if self.steps.is_empty() {
            return page.paragraph("  ", "None are known.");
        }
        let width = self.steps.iter().map(|step| step.artefact.chars().count()).max().unwrap_or_default().clamp(8, 40);
        page.line(&format!("  {:<width$}  {:<11}  {:>7}  {:>9}", "artefact", "outcome", "objects", "gaps"));
        for step in &self.steps {
            page.line(&format!("  {:<width$}  {:<11}  {:>7}  {:>9}", step.artefact, step.outcome, step.objects, step.gaps));
        }
    }

    fn write_missing(&self, page: &mut Page) {
        page.heading("6. What is missing, and why");
        let before = page.text.len();
        for reason in &self.facts.reasons {
            page.hanging("  - the run: ", reason);
        }
        self.steps.iter().for_each(|step| write_missing_of(step, page));
        for lost in &self.lost {
            let from =
                if lost.from == 0 { "not stored at all".to_owned() } else { format!("content from byte {} on", lost.from) };
            page.hanging("  - ", &format!("{}: {from}: {}", lost.object, lost.reason));
        }
        self.killed.iter().for_each(|killed| page.hanging("  - ", &killed.sentence()));
        self.write_salvage(page);
        for object in &self.unattested {
            page.hanging("  - ", &format!("{object} is there without a receipt: nothing vouches for it"));
        }
        for growing in &self.growing {
            page.hanging("  - ", &format!("{growing} was still growing: it is only a part, and nothing vouches for it"));
        }
        if page.text.len() == before {
            page.paragraph("  ", "Nothing is known to be missing.");
        }
    }

    fn write_findings(&self, page: &mut Page) {
        page.heading("7. Findings");
        for finding in &self.findings {
            page.hanging("  - ", &finding.to_string());
        }
        if self.findings_omitted > 0 {
            page.paragraph("  ", &format!("and {} more.", self.findings_omitted));
        }
        for finding in &self.unreadable {
            page.hanging("  - could not be read: ", &finding.to_string());
        }
        for warning in &self.warnings {
            page.hanging("  - to know: ", &warning.to_string());
        }
        if self.findings.is_empty() && self.unreadable.is_empty() && self.warnings.is_empty() {
            page.paragraph("  ", "None.");
        }
    }
}

/// The four claims (`docs/threat-model.md`), as far as a folder can carry them.
pub(super) const CLAIMS: [&str; 4] = [
    "The bytes of each object are those that the holder of the run's key stored. When that was, only the host's own clock says.",
    "One uninterrupted process wrote the series: the journal is one chain from the begin record on, and begin record, manifest \
     and end record are signed with one key, which was made when the run began.",
    "Nothing was removed, added or altered since the run ended.",
    "What is missing is visible: each artefact of the plan has an outcome, and what of it could not be read is listed as a gap with \
     its reason, as far as the agent was able to notice.",
];

/// What no verification of a folder can show.
const NOT_CLAIMED: [&str; 3] = [
    "That the content is true. Root on the host can lie to every program that runs there, and could have read the run's key from \
     the agent's memory while it ran.",
    "That nothing was hidden from the agent, on the host or in its memory.",
    "Who ran the agent: operator and reference are what it was told.",
];

fn collected(status: Option<RunStatus>) -> &'static str {
    match status {
        Some(RunStatus::Complete) => "The agent collected all that was planned.",
        Some(RunStatus::Partial) => "The agent did not collect all that was planned: section 6 says what is missing and why.",
        Some(RunStatus::Failed) => "The agent collected nothing of use: section 6 says why.",
        None => "",
    }
}

fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Verified => "VERIFIED",
        Verdict::Failed => "FAILED",
        Verdict::Incomplete => "INCOMPLETE",
        Verdict::CouldNotCheck => "COULD NOT CHECK",
    }
}

fn state_word(state: State) -> &'static str {
    match state {
        State::Passed => "passed",
        State::Failed => "FAILED",
        State::NotDone => "not done",
    }
}

fn check_sentence(check: &Check) -> String {
    let title: String = check.name.chars().take(1).flat_map(char::to_uppercase).chain(check.name.chars().skip(1)).collect();
    match check.state {
        State::Passed => format!("{title}: {} {}", check.count, check.what),
        State::Failed => format!("{title}: see section 7. This does not hold: {}", check.what),
        State::NotDone => format!("{title}: {}", check.what),
    }
}

fn seal_sentence(seal: &SealLine) -> String {
    let key = match (&seal.kms_key, seal.key_was_given) {
        (_, true) => "the key that was given from elsewhere".to_owned(),
        (Some(kms), false) => format!("a key that it says is {kms}; compare the key's id with that of your sealer"),
        (None, false) => "a key that nobody here vouches for; compare its id with that of your sealer".to_owned(),
    };
    let how = if seal.rehashed { "every byte was read for it" } else { "the bucket's checksums were compared for it" };
    format!("{}: sealed at {} with {} ({key}); {how}", seal.object, seal.sealed, seal.keyid)
}

fn write_facts(facts: &Facts, page: &mut Page) {
    let digest = |digest: Option<hozen_collector::model::Digest>| digest.map(|digest| digest.to_string());
    let status = facts.status.map(|status| match status {
        RunStatus::Complete => "complete",
        RunStatus::Partial => "partial",
        RunStatus::Failed => "failed",
    });
    let host = facts.host_id.as_ref().zip(facts.host_id_kind.as_ref()).map(|(id, kind)| format!("{id} ({kind})"));
    let first = facts.continues.as_ref().map(|first| {
        let (run, place, begin, reason) = (first.run, &first.location, first.begin_sha256, &first.reason);
        format!("run {run} in {place}, whose 000-begin.json has the digest {begin}; verify it, too. It ended there: {reason}")
    });
    let exit = facts.exit_code.map(|code| format!("{} (exit code {code})", status.unwrap_or("unknown")));
    let entries = [
        ("Run", facts.run.clone()),
        ("Case", facts.case.clone()),
        ("Host", host),
        ("Host name", facts.hostname.clone()),
        ("Kernel", facts.kernel.clone()),
        ("Architecture", facts.machine.clone()),
        ("Operator", facts.operator.clone()),
        ("Reference", facts.reference.clone()),
        ("Started", facts.started.clone()),
        ("Ended", facts.ended.clone()),
        ("Last journal entry", facts.last_event.clone()),
        ("Status", exit),
        ("Goes on with", first),
        ("Interrupted by", Some(facts.interrupted.join(", ")).filter(|cause| !cause.is_empty())),
        ("Agent version", facts.agent_version.clone()),
        ("Agent program", digest(facts.agent_sha256)),
        ("Run key", facts.keyid.clone()),
        ("000-begin.json", digest(facts.begin_sha256)),
        ("900-manifest.json", digest(facts.manifest_sha256)),
        ("999-end.json", digest(facts.end_sha256)),
    ];
    for (label, value) in entries {
        if let Some(value) = value {
            page.hanging(&format!("  {label:<LABEL$}"), &value);
        }
    }
}

fn write_missing_of(step: &StepLine, page: &mut Page) {
    if step.reasons.is_empty() && step.missing.is_empty() {
        return;
    }
    page.hanging("  - ", &format!("{} ({})", step.artefact, step.outcome));
    for reason in &step.reasons {
        page.hanging("      ", reason);
    }
    for group in &step.missing {
        let more = if group.count > words::length(group.examples.len()) { ", …" } else { "" };
        let examples = group.examples.join(", ");
        page.hanging("      ", &format!("{}: {}: {examples}{more}", words::count(group.count, "gap"), group.reason));
    }
}
