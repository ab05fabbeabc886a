//! One method of the ladder, tried: the image, the verdict on it, and the row that says both.

use std::sync::Arc;

use super::chunk::Lens;
use super::facts::{self, Facts};
use super::image::{Image, Tally, note_gaps, note_moved};
use super::physical::{Device, Kcore, Physical};
use super::quality::{self, Measure, Quality};
use super::{Offer, lime, readers};
use crate::host::physical::{Reader, Way, page_size};
use crate::host::{Host, ReadError};
use crate::model::{Gap, PhysRange, Row, Timestamp, range};
use crate::source::kcore::{self, Piece};
use crate::source::{Evidence, Member, Stop};

/// What a method came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tried {
    pub method: &'static str,
    /// None where there is no image.
    pub quality: Option<Quality>,
    pub reasons: Vec<String>,
    /// Whether the kernel refused.
    pub denied: bool,
}

/// What a capture read, before it is judged.
#[derive(Default)]
struct Captured {
    tally: Tally,
    refused: Option<String>,
    denied: bool,
    faults: Vec<String>,
    /// Why what was read is not this memory, where that is known by other means than its content.
    foreign: Option<String>,
    stop: Option<Stop>,
    /// How many readers there were.
    readers: usize,
    lime: Option<lime::Report>,
}

/// What every method needs.
pub(super) struct Attempt<'a> {
    pub host: &'a Host,
    pub evidence: &'a mut dyn Evidence,
    pub facts: &'a Facts,
    pub offer: &'a Offer,
    /// Whether `/proc/kcore` may fill what LiME leaves out.
    pub may_fill: bool,
}

impl Attempt<'_> {
    /// Tries `method`; the evidence has its row, whatever came of it.
    ///
    /// # Errors
    /// When the run wants no more of this artefact.
    pub(super) fn run(mut self, method: &'static str) -> Result<Tried, Stop> {
        let started = self.host.clock.now();
        let captured = match method {
            "lime" => self.lime()?,
            "crash" => self.file(method, Way::Crash)?,
            "mem" => self.file(method, Way::Mem)?,
            _ => self.file(method, Way::Kcore)?,
        };
        let stop = captured.stop;
        let tried = self.conclude(method, captured, started);
        stop.map_or(tried, Err)
    }

    fn lens(&self) -> Lens {
        // As the kernel prints it at boot, and keeps it: linux_banner of init/version.c.
        let banner = if self.facts.kernel.is_empty() {
            Vec::new()
        } else {
            [b"Linux version ", self.facts.kernel.as_slice(), b" ("].concat()
        };
        Lens::new(page_size(), banner, self.host.clock)
    }

    /// Reads through a file of the kernel's.
    fn file(&mut self, method: &'static str, way: Way) -> Result<Captured, Stop> {
        let (host, ram) = (self.host, &self.facts.iomem.ram);
        let (memories, pieces) = match open(host, way, ram) {
            Ok(opened) => opened,
            Err(error) => {
                return Ok(Captured {
                    denied: error.is_denied(),
                    refused: Some(error.reason.to_string()),
                    ..Captured::default()
                });
            }
        };
        let (lens, readers) = (self.lens(), memories.len());
        let mut image = Image::begin(self.evidence, method, range::total(ram))?;
        let parts: Vec<_> = ram.iter().map(|range| (*range, *range)).collect();
        let read = readers::read(memories, &parts, &lens, &mut |chunk| image.take(method, chunk));
        let (tally, ended) = image.end();
        let faults = pieces.and_then(|pieces| changed(host, ram, &pieces)).into_iter().collect();
        Ok(Captured { tally, faults, stop: read.and(ended).err(), readers, ..Captured::default() })
    }

    /// Loads LiME, and fills from `/proc/kcore` what its stream leaves out.
    fn lime(&mut self) -> Result<Captured, Stop> {
        let (host, ram, lens, may_fill) = (self.host, &self.facts.iomem.ram, self.lens(), self.may_fill);
        let bytes = self.offer.module.as_ref().and_then(|module| module.bytes.clone().ok()).unwrap_or_else(|| Arc::from(&[][..]));
        self.evidence.raw(&Member::pseudo(b"/.hozen/lime.ko"), &bytes)?;
        let mut image = Image::begin(self.evidence, "lime", range::total(ram))?;
        // Nobody would unload it if the run has given up waiting for us.
        image.check()?;
        let (mut report, mut read) = lime::capture(host, &bytes, ram, &lens, &mut |chunk| image.take("lime", chunk));
        if read.is_ok() && report.refused.is_none() && report.foreign.is_none() && image.tally.bytes > 0 && may_fill {
            read = fill(host, &mut image, ram, &lens, &mut report.faults);
        }
        let (tally, ended) = image.end();
        if !report.log.is_empty() {
            self.evidence.raw(&Member::pseudo(b"/.hozen/lime.kmsg"), &report.log)?;
        }
        if let Some(why) = &report.log_lost {
            let reason = format!("records of the kernel's log that came while LiME was loaded are missing: {why}");
            self.evidence.gap(Gap::whole(b"/dev/kmsg", reason));
        }
        let (refused, faults, foreign) = (report.refused.clone(), report.faults.clone(), report.foreign.clone());
        let stop = read.and(ended).err();
        let is_denial = |why: &String| ["EPERM", "EACCES", "EKEYREJECTED"].iter().any(|errno| why.contains(errno));
        let denied = refused.as_ref().is_some_and(is_denial);
        Ok(Captured { tally, refused, denied, faults, foreign, stop, readers: 1, lime: Some(report) })
    }

    /// Judges a capture, writes its row, and makes gaps of what an image lacks that is of use.
    fn conclude(&mut self, method: &'static str, mut captured: Captured, started: Timestamp) -> Result<Tried, Stop> {
        let mut row = Row::new(self.host.clock.now(), method);
        row.text("method", method);
        let mut faults = std::mem::take(&mut captured.faults);
        let (quality, reasons) = match captured.refused.take() {
            Some(why) => (None, std::iter::once(why).chain(faults).collect()),
            None => {
                faults.extend(captured.stop.map(|stop| stop.to_string()));
                faults.extend(self.unmapped());
                let moved = self.compare_iomem(method, &mut faults)?;
                let (quality, reasons) = quality::judge(&captured.tally, self.measure(), faults);
                let (quality, reasons) = match captured.foreign.take() {
                    Some(why) => (Quality::Rejected, std::iter::once(why).chain(reasons).collect()),
                    None => (quality, reasons),
                };
                self.gaps(method, quality, &captured.tally, &moved);
                (Some(quality), reasons)
            }
        };
        if captured.tally.offset > 0 {
            row.text("image", method);
        }
        row.text("quality", quality.map_or("refused", Quality::word)).json("reasons", &reasons);
        self.describe(&mut row, &captured);
        row.text("started", &started.to_string()).text("finished", &self.host.clock.now().to_string());
        self.evidence.row("memory_captures", &row)?;
        Ok(Tried { method, quality, reasons, denied: captured.denied })
    }

    /// What a rejected image lacks is of no interest: another one may hold it.
    fn gaps(&mut self, method: &str, quality: Quality, tally: &Tally, moved: &Moved) {
        if quality == Quality::Rejected {
            return;
        }
        let path = match method {
            "lime" => "LiME",
            "crash" => Way::Crash.path(),
            "mem" => Way::Mem.path(),
            _ => Way::Kcore.path(),
        };
        note_gaps(self.evidence, path, &self.facts.iomem.ram, tally);
        note_moved(self.evidence, &moved.added, &moved.removed);
    }

    fn measure(&self) -> Measure {
        let facts = self.facts;
        Measure { predicted: range::total(&facts.iomem.ram), in_use: facts.in_use, knows_banner: !facts.kernel.is_empty() }
    }

    fn describe(&self, row: &mut Row, captured: &Captured) {
        let tally = &captured.tally;
        row.int("bytes", tally.bytes).int("predicted_bytes", self.measure().predicted).int("image_bytes", tally.offset);
        row.int("data_bytes", tally.data_bytes).int("zero_pages", tally.zero_pages).int("zero_tail", tally.zero_tail);
        row.int("unreadable_bytes", tally.unreadable_bytes()).int("edge_bytes", tally.edge_bytes).flag("banner", tally.banner);
        row.int("filled_bytes", tally.filled_bytes).int("readers", i64::try_from(captured.readers).unwrap_or(0));
        if let Some(in_use) = self.facts.in_use {
            row.int("in_use_bytes", in_use);
        }
        if let Some(report) = &captured.lime {
            row.text("module_parameters", &report.parameters).flag("module_unloaded", report.unloaded);
            for (column, taint) in [("taint_before", report.taint.0), ("taint_after", report.taint.1)] {
                if let Some(taint) = taint {
                    row.int(column, taint);
                }
            }
            self.offer.describe(row);
        }
    }

    /// What is wrong with the map that the image is measured by.
    fn unmapped(&self) -> Option<String> {
        let bad = self.facts.iomem.bad;
        (bad > 0)
            .then(|| format!("{bad} lines of /proc/iomem say no range of addresses: there may be memory that nobody looked for"))
    }

    /// What memory was added or removed while it was read.
    fn compare_iomem(&mut self, method: &str, faults: &mut Vec<String>) -> Result<Moved, Stop> {
        let Some((text, now)) = facts::iomem_now(self.host).filter(|(_, now)| !now.hidden) else {
            faults.push("/proc/iomem could not be read again".to_owned());
            return Ok(Moved::default());
        };
        let moved = Moved::between(&self.facts.iomem.ram, &now.ram);
        let member = format!("/.hozen/iomem.after-{method}");
        self.evidence.raw(&Member::pseudo(member.as_bytes()), &text)?;
        faults.extend(moved.fault(&member));
        Ok(moved)
    }
}

/// How the map of memory has changed while an image was made.
#[derive(Debug, Default)]
struct Moved {
    added: Vec<PhysRange>,
    removed: Vec<PhysRange>,
}

impl Moved {
    fn between(before: &[PhysRange], after: &[PhysRange]) -> Self {
        Self { added: range::difference(after, before), removed: range::difference(before, after) }
    }

    /// Says it, and where the map of then is.
    fn fault(&self, member: &str) -> Option<String> {
        let (added, removed) = (range::total(&self.added), range::total(&self.removed));
        (added.max(removed) > 0)
            .then(|| format!("while it was read, {added} bytes of memory were added and {removed} removed ({member})"))
    }
}

/// What has become of `/proc/kcore` since its `pieces` were read, if it is not as it was.
fn changed(host: &Host, ram: &[PhysRange], pieces: &[Piece]) -> Option<String> {
    match kcore::pieces(host, ram) {
        Ok(now) if *now == *pieces => None,
        Ok(_) => Some("/proc/kcore had another layout after the capture than before".to_owned()),
        Err(error) => Some(format!("after the capture: {error}")),
    }
}

/// Reads through `/proc/kcore` what LiME has left out.
fn fill(host: &Host, image: &mut Image<'_>, ram: &[PhysRange], lens: &Lens, faults: &mut Vec<String>) -> Result<(), Stop> {
    let rest = rest(image, ram);
    let bytes: u64 = rest.iter().map(|(_, part)| part.length()).sum();
    if bytes == 0 {
        return Ok(());
    }
    faults.push(format!("LiME left out {bytes} bytes, which were looked for in /proc/kcore"));
    match open(host, Way::Kcore, ram) {
        Ok((memories, _)) => readers::read(memories, &rest, lens, &mut |chunk| image.take("kcore", chunk)),
        Err(error) => {
            faults.push(error.to_string());
            Ok(())
        }
    }
}

/// What of `ram` can still be added to the image, in order: range of the image, and what of it.
fn rest(image: &Image<'_>, ram: &[PhysRange]) -> Vec<(PhysRange, PhysRange)> {
    let open = image.unfinished().and_then(|(record, next)| Some((record, PhysRange::new(next, record.end())?)));
    let behind = open.map(|(record, _)| record.end()).or(image.tally.covered.last().map(|last| last.end())).unwrap_or(0);
    let later = image.tally.missing(ram).into_iter().filter_map(|range| PhysRange::new(range.start().max(behind), range.end()));
    open.into_iter().chain(later.map(|range| (range, range))).collect()
}

/// The readers of a way to memory, and what `/proc/kcore` is made of.
pub(super) type Opened = (Vec<Box<dyn Physical>>, Option<Arc<[Piece]>>);

/// Opens as many readers as are of use, each anew, and proves that one of them can read something.
pub(super) fn open(host: &Host, way: Way, ram: &[PhysRange]) -> Result<Opened, ReadError> {
    let pieces = if way == Way::Kcore { Some(kcore::pieces(host, ram)?) } else { None };
    let one = || -> Result<Box<dyn Physical>, ReadError> {
        let reader = Reader::open(host, way)?;
        Ok(match &pieces {
            Some(pieces) => Box::new(Kcore { reader, pieces: Arc::clone(pieces) }),
            None => Box::new(Device { reader, stride: (way == Way::Crash).then(page_size) }),
        })
    };
    let mut first = one()?;
    probe(&mut *first, ram, page_size()).map_err(|errno| ReadError::errno(way.path().as_bytes(), errno))?;
    let mut memories = vec![first];
    memories.extend((1..readers::count()).map_while(|_| one().ok()));
    Ok((memories, pieces))
}

/// Reads the first page of each range until one can be read.
fn probe(memory: &mut dyn Physical, ram: &[PhysRange], page: u64) -> Result<(), nix::errno::Errno> {
    let mut buffer = vec![0; usize::try_from(page).unwrap_or(4096)];
    let mut result = Err(nix::errno::Errno::ENXIO);
    for pages in ram.iter().filter_map(|range| kcore::whole_pages(*range, page)) {
        result = memory.read(pages.start(), &mut buffer).map(drop);
        if result.is_ok() {
            break;
        }
    }
    result
}
