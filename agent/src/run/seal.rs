//! The seal: the journal's end, the sums, the manifest and, last, the end record.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Context as _;
use hozen_collector::host::Host;
use hozen_collector::host::warden::Word;
use hozen_collector::model::record::{self, Before, End, Manifest, RunStatus, Statement, Step, Subject, VERSION, event};
use hozen_collector::model::{Receipt, Status};
use hozen_collector::sink::EvidenceSink;
use serde_json::json;

use super::{LastRecords, because};
use crate::custody::{self, Journal};
use crate::exit::Exit;
use crate::sign::Signing;

/// How the run ends.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) exit: Exit,
    pub(super) status: RunStatus,
    /// Why the run is not complete; empty if it is.
    pub(super) reasons: Vec<String>,
    /// What the person who started the run should know, complete or not.
    pub(super) warnings: Vec<String>,
    pub(super) cut_short: bool,
    /// The run that this one goes on with.
    pub(super) before: Option<Before>,
}

/// Everything that the seal is made with.
struct Sealer<'a> {
    signing: &'a Signing,
    sink: &'a dyn EvidenceSink,
    host: &'a Host,
    ending: &'a Ending,
}

/// Seals the run.
///
/// # Errors
/// When the sink does not take a record, after several tries; the run is then incomplete for every verifier.
pub(super) fn seal(
    journal: &mut Journal,
    signing: &Signing,
    sink: &dyn EvidenceSink,
    host: &Host,
    ending: &Ending,
    steps: &[Step],
) -> anyhow::Result<LastRecords> {
    let sealer = Sealer { signing, sink, host, ending };
    let data = json!({"status": ending.status, "exit_code": u8::from(ending.exit), "reasons": ending.reasons});
    let why = if ending.cut_short { "the run was cut short; what is there is sealed" } else { "the plan is done" };
    journal.append(event::RUN_END, why, &data);
    journal.flush().map_err(|error| anyhow::anyhow!(because(&error))).context("custody journal")?;
    if let Some(event) = journal.overlong() {
        anyhow::bail!("custody journal: a line of {event} is longer than verifiers read");
    }
    let sums = sums(&journal.receipts());
    let receipt = sealer.store(record::SUMS_KEY, sums.as_bytes())?;
    journal.add_receipt(receipt);
    let manifest = sealer.manifest(journal, steps)?;
    let end = sealer.end(journal, &manifest)?;
    Ok(LastRecords { manifest, end })
}

impl Sealer<'_> {
    fn store(&self, key: &'static str, bytes: &[u8]) -> anyhow::Result<Receipt> {
        fits(key, bytes).map_err(anyhow::Error::msg)?;
        custody::store(self.sink, self.host.clock, &record::key(key), bytes).map_err(|error| anyhow::anyhow!(because(&error)))
    }

    fn manifest(&self, journal: &Journal, steps: &[Step]) -> anyhow::Result<Receipt> {
        let objects = journal.receipts();
        let subjects = objects.iter().map(|receipt| Subject::new(receipt.key.as_str(), receipt.sha256)).collect();
        let manifest = Manifest {
            v: VERSION,
            run: journal.run(),
            case: journal.case().clone(),
            steps: steps.to_vec(),
            objects,
            chain: journal.head(),
            counts: counts(steps),
            continues: self.ending.before.clone(),
            warnings: super::warnings(self.sink),
        };
        let bytes = self.signing.envelope(&Statement::new(record::MANIFEST_TYPE, subjects, manifest))?;
        self.store(record::MANIFEST_KEY, &bytes)
    }

    fn end(&self, journal: &Journal, manifest: &Receipt) -> anyhow::Result<Receipt> {
        // The manifest and this record come on top of what the journal knows.
        let objects = u64::try_from(journal.receipts().len()).unwrap_or(u64::MAX).saturating_add(2);
        let end = End {
            v: VERSION,
            run: journal.run(),
            status: self.ending.status,
            reasons: self.ending.reasons.clone(),
            exit_code: self.ending.exit.into(),
            ended: self.host.clock.now(),
            chain: journal.head(),
            objects,
        };
        let subject = vec![Subject::new(record::MANIFEST_KEY, manifest.sha256)];
        let bytes = self.signing.envelope(&Statement::new(record::END_TYPE, subject, end))?;
        self.host.loaded.tell(&Word::Sealing);
        self.store(record::END_KEY, &bytes)
    }
}

/// Refuses a record that no verifier would read: what is sealed with it would fail for good, and nobody would know before.
pub(super) fn fits(key: &str, bytes: &[u8]) -> Result<(), String> {
    let most = match key {
        record::BEGIN_KEY | record::END_KEY => record::MAX_RECORD_BYTES,
        record::MANIFEST_KEY => record::MAX_MANIFEST_BYTES,
        _ => return Ok(()),
    };
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if size <= most { Ok(()) } else { Err(format!("{key} would have {size} bytes, and verifiers read {most} at most")) }
}

fn counts(steps: &[Step]) -> BTreeMap<Status, u64> {
    let mut counts: BTreeMap<Status, u64> = Status::ALL.into_iter().map(|status| (status, 0)).collect();
    for step in steps {
        *counts.entry(step.status).or_default() += 1;
    }
    counts
}

/// What `sha256sum -c` reads.
fn sums(receipts: &[Receipt]) -> String {
    receipts.iter().fold(String::new(), |mut text, receipt| {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{}  {}", receipt.sha256, receipt.key);
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hozen_collector::model::record::{MAX_GAP_BYTES, MAX_REASON, MAX_REASONS};
    use hozen_collector::model::{Gap, Timestamp, canonical};
    use hozen_collector::source::catalogue;

    /// Receipts and subjects of so many objects, 2 GiB of memory each, have at most so many bytes.
    const OBJECTS: usize = 4_000 * 2_000;

    fn json(value: &impl serde::Serialize) -> usize {
        canonical::to_bytes(value).unwrap().len()
    }

    /// A step that has all the gaps and reasons that there is room for, of characters that JSON has to escape.
    fn largest(artefact: &str) -> Step {
        let gap = Gap::whole("\"".repeat(2_000).as_bytes(), "\"".repeat(2_000)).clipped();
        let gaps = vec![gap.clone(); MAX_GAP_BYTES / json(&gap) + 1];
        // What the run itself adds to a source's reasons are a few.
        let (status, reasons) = (Status::Timeout, vec!["\"".repeat(MAX_REASON); MAX_REASONS + 4]);
        let (started, finished) = (Timestamp::from_seconds(0), Timestamp::from_seconds(0));
        Step { artefact: artefact.to_owned(), status, reasons, started, finished, objects: Vec::new(), gaps, gaps_omitted: 0 }
    }

    #[test]
    fn the_largest_records_are_read_by_verifiers() {
        let steps: Vec<Step> = catalogue::artefacts().iter().map(|artefact| largest(artefact.name)).collect();
        // All of it once more where the run goes on with another; and a third more as base64.
        let manifest = (json(&steps) * 2 + OBJECTS) / 3 * 4 + 1_000;
        assert!(manifest < usize::try_from(record::MAX_MANIFEST_BYTES).unwrap(), "{manifest}");
        let asked = crate::exit::Asked { cut_short: true, one_method: false };
        let end = json(&crate::exit::of_run(&steps, asked, |_| true).1);
        assert!(end < usize::try_from(record::MAX_LINE_BYTES).unwrap() / 2, "{end}");
        let finish = json(&Step { gaps: Vec::new(), ..largest("memory") });
        assert!(finish < usize::try_from(record::MAX_LINE_BYTES).unwrap() / 2, "{finish}");
    }

    #[test]
    fn a_record_that_no_verifier_reads_is_refused() {
        let most = usize::try_from(record::MAX_RECORD_BYTES).unwrap();
        assert_eq!(fits(record::END_KEY, &vec![0; most]), Ok(()));
        let why = fits(record::END_KEY, &vec![0; most + 1]).unwrap_err();
        assert!(why.contains("999-end.json would have 4194305 bytes"), "{why}");
        assert_eq!(fits(record::SUMS_KEY, &vec![0; most + 1]), Ok(()));
    }
}
