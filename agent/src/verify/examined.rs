//! All checks of a run, one after the other, and what they found out before it becomes a report.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use hozen_collector::model::record::{BEGIN_KEY, END_KEY, MANIFEST_KEY, SUMS_KEY};
use hozen_collector::model::{ObjectKey, Receipt, escape};
use serde_json::Value;

use super::begin::{self, Beginning};
use super::bucket::{self, Place};
use super::end::{self, Ending};
use super::findings::{self, Findings, State};
use super::holding::Holding;
use super::journal::{self, Journal};
use super::killed::{self, KilledLine};
use super::manifest::{self, Listed};
use super::objects::{self, Measured, Said};
use super::places::{self, Places, Told};
use super::report::{Check, Report, Witness};
use super::salvage::{self, SalvageLine};
use super::seals::{self, SealLine};
use super::{Options, Verdict, Whole, assemble, folder, sums, warned, words};
use crate::s3::Reader;

/// Used where every object is read: none is exempt.
static NONE: BTreeMap<ObjectKey, objects::Unread> = BTreeMap::new();

/// All that was found out, before it becomes a report.
#[derive(Debug, Default)]
pub(super) struct Examined {
    pub(super) holding: Option<Holding>,
    pub(super) beginning: Option<Beginning>,
    pub(super) journal: Journal,
    pub(super) listed: Option<Listed>,
    pub(super) measured: Measured,
    pub(super) ending: Option<Ending>,
    pub(super) witness: Witness,
    pub(super) seals: Vec<SealLine>,
    pub(super) salvaged: Vec<SalvageLine>,
    pub(super) killed: Option<KilledLine>,
    /// What the bucket says, where the run lies in one.
    pub(super) places: Option<Places>,
    /// Where it lies; escaped text.
    pub(super) location: String,
    pub(super) checks: Vec<Check>,
    pub(super) findings: Findings,
}

impl Examined {
    /// All that can be found out of the folder `dir`.
    pub(super) fn folder(dir: &Path, options: &Options) -> Self {
        let location = escape::path(dir);
        let mut run = Self { location, ..Self::default() };
        let mark = run.findings.mark();
        if let Some(holding) = folder::open(dir, &mut run.findings) {
            run.examine(holding, None, mark, options);
        }
        run
    }

    /// All that can be found out of the run that `reader` reads in a bucket.
    pub(super) fn bucket(reader: &Arc<Reader>, options: &Options, rehash: bool) -> Self {
        let mut run = Self { location: reader.place().to_string(), places: Some(Places::default()), ..Self::default() };
        let mark = run.findings.mark();
        if let Some((holding, place)) = bucket::open(reader, &mut run.findings) {
            run.examine(holding, Some((place, rehash)), mark, options);
        }
        run
    }

    /// The report, and what the run says of itself where it is verified.
    pub(super) fn conclude(self) -> (Report, Option<Whole>) {
        let whole = self.whole();
        let report = assemble::report(self);
        let verified = report.verdict == Verdict::Verified;
        (report, whole.filter(|_| verified))
    }

    fn whole(&self) -> Option<Whole> {
        let (begin, ending) = (&self.beginning.as_ref()?.begin, self.ending.as_ref()?);
        let objects = self.measured.stored.iter().map(|(key, stored)| (key.clone(), (stored.size, stored.sha256)));
        Some(Whole {
            begin: begin.clone(),
            end: ending.end.clone(),
            manifest_sha256: self.listed.as_ref()?.sha256,
            end_sha256: ending.sha256,
            objects: objects.collect(),
            places: self.places.as_ref().map(Places::sealed).unwrap_or_default(),
            lock: self.places.as_ref().and_then(Places::longest_lock),
        })
    }

    /// All checks, in the order of the evidence format. `place` is the bucket, and whether every byte of it is read.
    fn examine(&mut self, mut holding: Holding, place: Option<(Rc<Place>, bool)>, mark: findings::Mark, options: &Options) {
        if holding.objects().is_empty() && holding.growing().is_empty() {
            if holding.beside().next().is_some() {
                return self.removed(&holding);
            }
            self.findings = Findings::default();
            let here = if place.is_some() { self.location.as_str() } else { "." };
            self.findings.unreadable(here, "holds no run: there is not even the beginning of one in it");
            return;
        }
        let (name, what) = match place {
            Some(_) => ("listing", "versions, each of an object with a name of the evidence format"),
            None => ("folder", "files, each of them regular and with a name of the evidence format"),
        };
        self.note(name, mark, holding.entries(), what);
        self.begin(&holding);
        self.journal(&holding);
        let mark = self.findings.mark();
        self.listed = manifest::read(&holding, self.beginning.as_ref(), &mut self.findings);
        let manifest = self.findings.since(mark);
        self.killed(&holding);
        self.salvages(&mut holding);
        self.given_up(&mut holding);
        if let Some((place, rehash)) = &place {
            self.places(place, &holding, *rehash);
        }
        self.objects(&holding);
        self.manifest(&holding, manifest);
        let begin = self.beginning.as_ref().map(|beginning| &beginning.begin);
        warned::tell(begin, self.listed.as_ref().map(|listed| &listed.manifest), &mut self.findings);
        self.sums(&holding);
        self.end(&holding);
        self.seals(&holding, options);
        self.compare_with_witness(&holding, options);
        self.holding = Some(holding);
    }

    /// What others laid beside a run is here, and the run is not.
    fn removed(&mut self, holding: &Holding) {
        let mark = self.findings.mark();
        for key in holding.beside() {
            self.findings.fail(key, "speaks of a run that was here, and nothing of that run is: it was removed");
        }
        self.note("begin record", mark, 0, "record of the run that what lies here speaks of");
    }

    fn killed(&mut self, holding: &Holding) {
        let mark = self.findings.mark();
        let begin = self.beginning.as_ref().map(|beginning| &beginning.begin);
        self.killed = killed::check(holding, begin, &mut self.findings);
        if self.killed.is_some() {
            self.note("killed", mark, 1, "record, of the run and the process of the begin record, that the agent was killed");
        }
    }

    fn salvages(&mut self, holding: &mut Holding) {
        let mark = self.findings.mark();
        let receipts = receipts(&self.journal, self.listed.as_ref());
        let run = self.beginning.as_ref().map(|beginning| beginning.begin.run);
        self.salvaged = salvage::check(holding, run, |key| receipts.contains_key(key), &mut self.findings);
        if !holding.salvages().is_empty() {
            let count = words::length(holding.salvages().len());
            self.note("salvages", mark, count, "records of what was made afterwards of uploads that the run had left open");
        }
    }

    /// Sets aside objects that the run gave up and the bucket stored all the same (the answer was lost or wrong). Only where the seal was
    /// begun: manifest and sums are written when the journal has ended, and list no such object. Of a run that was cut off before, the
    /// journal may not have told all.
    fn given_up(&mut self, holding: &mut Holding) {
        if self.listed.is_none() && !holding.has(SUMS_KEY) {
            return;
        }
        let receipts = receipts(&self.journal, self.listed.as_ref());
        for lost in self.journal.story.lost.iter().filter(|lost| lost.from == 0) {
            if holding.has(lost.key.as_str()) && !receipts.contains_key(&lost.key) {
                holding.set_aside(&lost.key);
                let told = "is there, although the run gave it up: nothing vouches for it, and it is no part of the run";
                self.findings.warn(&lost.key, told);
            }
        }
    }

    fn places(&mut self, place: &Rc<Place>, holding: &Holding, rehash: bool) {
        let mark = self.findings.mark();
        let receipts = receipts(&self.journal, self.listed.as_ref());
        place.choose(&receipts, &mut self.findings);
        let begin = self.beginning.as_ref().map(|beginning| &beginning.begin);
        let told = Told { receipts: &receipts, begin, rehash };
        let places = places::check(place, holding, told, &mut self.findings);
        let what = format!(
            "objects of which the bucket has the version that the receipt names, {} of them with the checksum that it says, each \
             locked as was promised",
            places.facts.compared
        );
        self.note("bucket", mark, words::length(places.objects.len()), &what);
        self.places = Some(places);
    }

    fn begin(&mut self, holding: &Holding) {
        let mark = self.findings.mark();
        self.beginning = begin::check(holding, &mut self.findings);
        if self.beginning.is_some() || self.findings.since(mark) != State::Passed {
            self.note("begin record", mark, 1, "record, in its one spelling and signed with the key that it carries");
        } else {
            self.not_done("begin record", "there is none yet: the run was cut off before it was stored");
        }
    }

    fn journal(&mut self, holding: &Holding) {
        let mark = self.findings.mark();
        self.journal = journal::check(holding, self.beginning.as_ref(), &mut self.findings);
        if self.journal.lines == 0 && self.findings.since(mark) == State::Passed {
            return self.not_done("custody journal", "there is none yet");
        }
        let what =
            "lines, each numbered in turn and with the digest of the line before it, the first with that of the begin record";
        self.note("custody journal", mark, self.journal.lines, what);
    }

    fn objects(&mut self, holding: &Holding) {
        let mark = self.findings.mark();
        let begin = self.beginning.as_ref().map(|beginning| &beginning.begin);
        let said = Said {
            receipts: receipts(&self.journal, self.listed.as_ref()),
            cut: self.journal.story.lost.iter().map(|lost| (&lost.key, lost.from)).collect(),
            host_id: begin.map(|begin| begin.host.id.as_str()),
            kms_key: begin.and_then(|begin| begin.sink.get("kms_key")).and_then(Value::as_str),
            unread: self.places.as_ref().map_or(&NONE, |places| &places.unread),
        };
        self.measured = objects::check(holding, &said, &mut self.findings);
        let Measured { with_receipt, unread, decompressed, rows, members, .. } = self.measured;
        let how = match unread {
            0 => String::new(),
            unread => format!(", {unread} of them by the bucket's checksum and not read"),
        };
        let what = format!(
            "objects with the size and digest that their receipt says{how}; {decompressed} of them were decompressed to content of \
             the size, digest and number of entries that the receipt says ({rows} rows and {members} archive members in all)"
        );
        self.note("objects", mark, with_receipt, &what);
    }

    fn manifest(&mut self, holding: &Holding, form: State) {
        let mark = self.findings.mark();
        let Some(listed) = &self.listed else {
            return match form {
                State::Passed => self.not_done("manifest", "there is none: the run was cut off before it was written"),
                state => self.checks.push(Check::new("manifest", state, 0, "it could not be read")),
            };
        };
        let beginning = self.beginning.as_ref();
        manifest::check(listed, holding, beginning, &self.journal, &self.measured, &mut self.findings);
        let state = if form == State::Passed { self.findings.since(mark) } else { form };
        let what = "objects listed under the signature of the run's key: those that are there and no others, with the receipts, \
                    outcomes and gaps of the journal, and a step for each entry of the plan";
        let count = words::length(listed.manifest.objects.len());
        self.checks.push(Check::new("manifest", state, count, what));
    }

    fn sums(&mut self, holding: &Holding) {
        let mark = self.findings.mark();
        let lines = sums::check(holding, self.listed.as_ref(), &self.measured, &mut self.findings);
        if lines.is_none() && self.findings.since(mark) == State::Passed {
            return self.not_done(SUMS_KEY, "there is none: the run was cut off before it was written");
        }
        self.note(SUMS_KEY, mark, lines.unwrap_or_default(), "lines, exactly those that follow from the objects");
    }

    fn end(&mut self, holding: &Holding) {
        let mark = self.findings.mark();
        let rest =
            end::Rest { holding, beginning: self.beginning.as_ref(), journal: &self.journal, listed: self.listed.as_ref() };
        self.ending = end::check(rest, &mut self.findings);
        if self.ending.is_none() && self.findings.since(mark) == State::Passed {
            return self.not_done("end record", "there is none: the run was cut off");
        }
        let what = "record, signed with the run's key, over the manifest that is there, the end of the journal and the number of \
                    objects";
        self.note("end record", mark, 1, what);
    }

    fn seals(&mut self, holding: &Holding, options: &Options) {
        let mark = self.findings.mark();
        let run = seals::Run {
            beginning: self.beginning.as_ref(),
            listed: self.listed.as_ref(),
            ending: self.ending.as_ref(),
            location: &self.location,
            places: self.places.as_ref(),
        };
        self.seals = seals::check(holding, run, options.seal_key.as_ref(), &mut self.findings);
        if holding.seals().is_empty() && self.findings.since(mark) == State::Passed {
            return self.not_done("seals", "there are none: nobody has countersigned this run");
        }
        let count = words::length(self.seals.len());
        self.note(
            "seals",
            mark,
            count,
            "made over the manifest and the end record that are here, each signed with the key it names",
        );
    }

    fn compare_with_witness(&mut self, holding: &Holding, options: &Options) {
        let pairs = [
            (BEGIN_KEY, options.begin_sha256, self.beginning.as_ref().map(|beginning| beginning.sha256)),
            (END_KEY, options.end_sha256, self.ending.as_ref().map(|ending| ending.sha256)),
            (MANIFEST_KEY, options.manifest_sha256, self.listed.as_ref().map(|listed| listed.sha256)),
        ];
        let digests = pairs.iter().filter(|(_, given, _)| given.is_some()).count();
        let given = words::length(digests);
        if digests == 0 {
            return self.compare_with_seals();
        }
        let mark = self.findings.mark();
        let mut agrees = true;
        for (key, given, there) in pairs.into_iter().filter_map(|(key, given, there)| Some((key, given?, there))) {
            agrees &= there == Some(given);
            match there {
                Some(there) if there == given => {}
                Some(there) => {
                    self.findings.fail(key, format!("the digest given from elsewhere is {given}, and here it is {there}"))
                }
                None if !holding.has(key) => self.findings.fail(key, "is missing, and its digest was given from elsewhere"),
                // It is there and is no such record, or cannot be read: that has been told.
                None => {}
            }
        }
        let sealed = self.seals.iter().any(|seal| seal.key_was_given);
        let of_the_end = sealed || options.end_sha256.is_some() || options.manifest_sha256.is_some();
        self.witness = match (agrees, of_the_end) {
            (true, true) => Witness::Agrees,
            (true, false) => Witness::AgreesOnBegin,
            (false, _) => Witness::Disagrees,
        };
        if !agrees && self.findings.since(mark) == State::Passed {
            return self.not_done("outside witness", "the record whose digest was given cannot be read");
        }
        self.note("outside witness", mark, given, "digest given from elsewhere and found to be that of the record here");
    }

    /// Without a digest from elsewhere, a key from elsewhere that has sealed the run is the witness.
    fn compare_with_seals(&mut self) {
        if !self.seals.iter().any(|seal| seal.key_was_given) {
            return self.not_done("outside witness", "no digest from elsewhere was given to compare with");
        }
        self.witness = Witness::Agrees;
        let mark = self.findings.mark();
        self.note("outside witness", mark, 1, "key given from elsewhere and found to have sealed this run");
    }

    fn note(&mut self, name: &'static str, mark: findings::Mark, count: u64, what: &str) {
        self.checks.push(Check::new(name, self.findings.since(mark), count, what));
    }

    fn not_done(&mut self, name: &'static str, why: &str) {
        self.checks.push(Check::new(name, State::NotDone, 0, why));
    }
}

/// The receipt of each object: the journal's, else the manifest's.
pub(super) fn receipts<'a>(journal: &'a Journal, listed: Option<&'a Listed>) -> BTreeMap<&'a ObjectKey, &'a Receipt> {
    let listed = listed.into_iter().flat_map(|listed| &listed.manifest.objects).map(|receipt| (&receipt.key, receipt));
    listed.chain(&journal.story.receipts).collect()
}
