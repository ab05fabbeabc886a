//! The [`Evidence`] of a run: rows become lines of tables, raw bytes become members of an archive, both on the stream.
//!
//! The state is shared between the thread of the source and the run. When a source does not come back in time, the run closes
//! its objects without it: what had been handed over is stored, and later calls of the source are refused.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256};

use super::archive;
use super::control::{Control, Progress};
use super::gaps::Gaps;
use super::image::{self, Image};
use crate::host::Clock;
use crate::model::row::Placing;
use crate::model::{Artefact, Digest, Gap, ObjectKey, Row};
use crate::source::{Evidence, Member, Stop, Streamed};
use crate::stream::{Closed, Engine, Kind, Lost, Object};

/// Everything about one artefact of one run that both threads need.
pub(super) struct Shared {
    engine: Arc<Engine>,
    artefact: Artefact,
    host_id: String,
    clock: Clock,
    control: Arc<Control>,
    /// When this artefact must end if the destination never keeps it waiting, in nanoseconds since the run began.
    deadline_ns: u64,
    /// How long the destination had kept the run waiting when this artefact began.
    stalled_ns: u64,
    pub(super) progress: Progress,
    inner: Mutex<Inner>,
    /// Segments of images that have ended and that nobody has been told of. Not in `inner`, whose lock a slow sink may hold.
    ended: Mutex<Vec<Closed>>,
    /// Whether the source is handing over a piece of an image, or waits for the end of a segment.
    in_image: AtomicBool,
}

#[derive(Default)]
struct Inner {
    tables: BTreeMap<&'static str, Table>,
    archive: Option<Slot>,
    /// The archive member that is not complete: its size, and the content bytes that it still lacks.
    member: Option<(u64, u64)>,
    image: Option<Image>,
    gaps: Gaps,
    /// Objects that the sink did not even open.
    unopened: Vec<Closed>,
    closed: bool,
}

#[derive(Default)]
struct Table {
    slot: Slot,
    rows: u64,
    line: Vec<u8>,
}

/// An object, or the knowledge that the sink takes none.
#[derive(Default)]
enum Slot {
    Open(Box<Object>),
    #[default]
    Refused,
}

/// The source's side.
pub(super) struct Recorder(pub(super) Arc<Shared>);

impl Shared {
    /// Opens every table of the artefact, so that one without rows exists too.
    pub(super) fn open(engine: &Arc<Engine>, artefact: Artefact, host_id: &str, clock: Clock, control: &Arc<Control>) -> Self {
        let budget_ns = u64::try_from(artefact.budget.as_nanos()).unwrap_or(u64::MAX);
        let (deadline_ns, stalled_ns) = (clock.mono_ns().saturating_add(budget_ns), engine.sink().stalled_ns());
        let mut inner = Inner::default();
        for name in artefact.tables {
            let key = format!("data/{}/{name}.jsonl.zst", artefact.category.folder());
            let slot = inner.open(engine, &key, Kind::Table);
            inner.tables.insert(name, Table { slot, ..Table::default() });
        }
        Self {
            engine: Arc::clone(engine),
            artefact,
            host_id: host_id.to_owned(),
            clock,
            control: Arc::clone(control),
            deadline_ns,
            stalled_ns,
            progress: Progress::default(),
            inner: Mutex::new(inner),
            ended: Mutex::default(),
            in_image: AtomicBool::new(false),
        }
    }

    /// A source that panicked while it held the lock has left nothing half done that matters: objects take whole writes.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the source should stop, if it should.
    fn stopped(&self) -> Option<Stop> {
        let now = self.clock.mono_ns();
        self.control.stopped(now).or_else(|| (now >= self.deadline_ns()).then_some(Stop::OutOfTime))
    }

    /// When this artefact must end, in nanoseconds since the run began. Time the destination did not answer is added, but never
    /// beyond the run's deadline.
    pub(super) fn deadline_ns(&self) -> u64 {
        let waited = self.engine.sink().stalled_ns().saturating_sub(self.stalled_ns);
        self.deadline_ns.saturating_add(waited).min(self.control.deadline_ns())
    }

    /// The segments of images that have ended since the last call.
    pub(super) fn take_ended(&self) -> Vec<Closed> {
        std::mem::take(&mut *self.ended.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn ended(&self, closed: Closed) {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).push(closed);
    }

    /// Whether the source waits for the destination with a piece of an image or with the end of a segment. [`Shared::close`] waits for
    /// the same.
    pub(super) fn is_in_image(&self) -> bool {
        self.in_image.load(Ordering::Relaxed)
    }

    /// Ends all objects; what the source hands over later is refused. Returns what became of each, and the gaps.
    pub(super) fn close(&self) -> (Vec<Closed>, Vec<Gap>) {
        let mut inner = self.lock();
        inner.closed = true;
        inner.end_archive();
        let mut closed = self.take_ended();
        closed.append(&mut inner.unopened);
        closed.extend(inner.image.take().and_then(Image::end));
        let slots = std::mem::take(&mut inner.tables).into_values().map(|table| table.slot).chain(inner.archive.take());
        closed.extend(slots.filter_map(Slot::close));
        (closed, std::mem::take(&mut inner.gaps).end(self.artefact.name))
    }
}

impl Inner {
    fn open(&mut self, engine: &Engine, key: &str, kind: Kind) -> Slot {
        // Names of artefacts and tables are plain words (a test over the catalogue holds that), so the key is valid.
        let Ok(key) = key.parse::<ObjectKey>() else { return Slot::Refused };
        match engine.open(key.clone(), kind) {
            Ok(mut object) => {
                object.counts_entries();
                Slot::Open(Box::new(object))
            }
            Err(error) => {
                self.unopened.push(Closed { key, receipt: None, lost: Some(Lost { from: 0, error }) });
                Slot::Refused
            }
        }
    }

    /// Fills an open member with zeros, says so, and writes the archive's end.
    fn end_archive(&mut self) {
        let Some(Slot::Open(object)) = &mut self.archive else { return };
        if let Some((size, left)) = self.member.take() {
            if left > 0 {
                let reason = "the artefact was cut off inside this archive member; the rest of it is zeros";
                self.gaps.push(Gap::from(object.key().as_str().as_bytes(), object.size(), Some(left), reason));
            }
            fill(object, left.saturating_add(u64::try_from(archive::padding(size)).unwrap_or(0)));
            object.count_entry();
        }
        let _ = object.write_all(&archive::END);
    }

    fn has_room(&self) -> bool {
        let open = |slot: &Slot| matches!(slot, Slot::Open(object) if !object.is_refused());
        self.tables.values().any(|table| open(&table.slot)) || self.archive.as_ref().is_none_or(open)
    }
}

impl Slot {
    /// Writes to the object; what the sink refuses is dropped here, because closing the object tells what is lost.
    fn write(&mut self, bytes: &[u8]) {
        if let Self::Open(object) = self {
            let _ = object.write_all(bytes);
        }
    }

    fn count_entry(&mut self) {
        if let Self::Open(object) = self {
            object.count_entry();
        }
    }

    fn close(self) -> Option<Closed> {
        match self {
            Self::Open(object) => Some(image::close(object)),
            Self::Refused => None,
        }
    }
}

fn fill(object: &mut Object, count: u64) {
    let zeros = [0_u8; 64 << 10];
    let mut left = count;
    while left > 0 && !object.is_refused() {
        let now = usize::try_from(left).unwrap_or(usize::MAX).min(zeros.len());
        let _ = object.write_all(zeros.get(..now).unwrap_or_default());
        left = left.saturating_sub(u64::try_from(now).unwrap_or(u64::MAX));
    }
}

impl Recorder {
    /// The state, if the artefact is still open.
    fn open(&self) -> Result<MutexGuard<'_, Inner>, Stop> {
        let inner = self.0.lock();
        if inner.closed {
            return Err(Stop::OutOfTime);
        }
        if inner.has_room() { Ok(inner) } else { Err(Stop::Sink) }
    }

    /// Does something with the image, and holds the state until that is done: a run that closed the objects meanwhile would never be told
    /// of a segment that ends only then, and that segment would be stored without a receipt.
    fn with_image<T>(&self, act: impl FnOnce(&Shared, &mut Option<Image>) -> Result<T, Stop>) -> Result<T, Stop> {
        let mut inner = self.open()?;
        self.0.in_image.store(true, Ordering::Relaxed);
        let done = act(&self.0, &mut inner.image);
        self.0.in_image.store(false, Ordering::Relaxed);
        done
    }

    fn begin_member(&self, inner: &mut Inner, member: &Member<'_>, size: u64) {
        if inner.archive.is_none() {
            let key = format!("data/raw/{}.tar.zst", self.0.artefact.name);
            let slot = inner.open(&self.0.engine, &key, Kind::Bulk);
            inner.archive = Some(slot);
        }
        let head = archive::head(member, size);
        if let Some(slot) = &mut inner.archive {
            slot.write(&head);
        }
        inner.member = Some((size, size));
    }

    fn continue_member(&self, inner: &mut Inner, bytes: &[u8]) {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if let Some((_, left)) = &mut inner.member {
            *left = left.saturating_sub(length);
        }
        if let Some(slot) = &mut inner.archive {
            slot.write(bytes);
        }
        self.0.progress.add_bytes(bytes.len());
    }

    fn end_member(inner: &mut Inner) {
        if let (Some(slot), Some((size, _))) = (&mut inner.archive, inner.member.take()) {
            slot.write(&vec![0; archive::padding(size)]);
            slot.count_entry();
        }
    }

    /// Reads up to `size` bytes into the open member; returns how many came and why there were not more.
    fn pump(&self, size: u64, content: &mut dyn Read, hasher: &mut Sha256) -> Result<(u64, String), Stop> {
        let mut chunk = vec![0_u8; 256 << 10];
        let mut done = 0_u64;
        while done < size {
            self.check()?;
            let room = usize::try_from(size - done).unwrap_or(usize::MAX).min(chunk.len());
            let length = match content.read(chunk.get_mut(..room).unwrap_or_default()) {
                Ok(0) => return Ok((done, "it ended before its announced size".to_owned())),
                Ok(length) => length,
                Err(error) => return Ok((done, error.to_string())),
            };
            let bytes = chunk.get(..length).unwrap_or_default();
            hasher.update(bytes);
            self.continue_member(&mut *self.open()?, bytes);
            done += u64::try_from(length).unwrap_or(0);
        }
        Ok((done, String::new()))
    }
}

impl Evidence for Recorder {
    fn row(&mut self, table: &'static str, row: &Row) -> Result<(), Stop> {
        let mono_ns = self.0.clock.mono_ns();
        let mut inner = self.open()?;
        let Some(table_state) = inner.tables.get_mut(table) else {
            inner.gaps.push(Gap::whole(table.as_bytes(), "rows of a table that the artefact does not declare were dropped"));
            return Ok(());
        };
        if row.is_too_long() {
            let reason = "a row was dropped: it is longer than readers take; the archive has its bytes";
            inner.gaps.push(Gap::whole(table.as_bytes(), reason));
            return Ok(());
        }
        let Table { slot, rows, line } = table_state;
        line.clear();
        row.write_to(Placing { table, seq: *rows, mono_ns, host_id: &self.0.host_id }, line);
        *rows += 1;
        slot.write(line);
        slot.count_entry();
        self.0.progress.add_bytes(line.len());
        Ok(())
    }

    fn raw(&mut self, member: &Member<'_>, content: &[u8]) -> Result<(), Stop> {
        let size = u64::try_from(content.len()).unwrap_or(u64::MAX);
        // One hold of the lock: a run that takes over finds a whole member or none.
        let mut inner = self.open()?;
        self.begin_member(&mut inner, member, size);
        self.continue_member(&mut inner, content);
        Self::end_member(&mut inner);
        Ok(())
    }

    fn raw_stream(&mut self, member: &Member<'_>, size: u64, content: &mut dyn Read) -> Result<Streamed, Stop> {
        self.begin_member(&mut *self.open()?, member, size);
        let mut hasher = Sha256::new();
        let (read, why) = self.pump(size, content, &mut hasher)?;
        if read < size {
            self.gap(Gap::from(member.path, read, Some(size - read), why));
            let mut zeros = std::io::repeat(0).take(size - read);
            self.pump(size - read, &mut zeros, &mut Sha256::new())?;
        }
        Self::end_member(&mut *self.open()?);
        Ok(Streamed { sha256: Digest::so_far(&hasher), read })
    }

    fn image_begin(&mut self, name: &'static str) -> Result<(), Stop> {
        self.image_end()?;
        self.open()?.image = Some(Image::new(self.0.artefact.category, name, self.0.engine.segment()));
        Ok(())
    }

    fn image_write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.with_image(|shared, slot| {
            let Some(image) = slot.as_mut() else { return Err(Stop::Sink) };
            let written = image.write(&shared.engine, bytes, &mut |closed| shared.ended(closed));
            shared.progress.add_bytes(bytes.len());
            if written.is_err() {
                *slot = None;
            }
            written.map_err(|_| Stop::Sink)
        })
    }

    fn image_take(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, Stop> {
        let length = bytes.len();
        self.with_image(|shared, slot| {
            let Some(image) = slot.as_mut() else { return Err(Stop::Sink) };
            let taken = image.take(&shared.engine, bytes, &mut |closed| shared.ended(closed));
            shared.progress.add_bytes(length);
            if taken.is_err() {
                *slot = None;
            }
            taken.map_err(|_| Stop::Sink)
        })
    }

    fn image_end(&mut self) -> Result<(), Stop> {
        self.with_image(|shared, slot| {
            let Some(closed) = slot.take().and_then(Image::end) else { return Ok(()) };
            let is_lost = closed.lost.is_some();
            shared.ended(closed);
            if is_lost { Err(Stop::Sink) } else { Ok(()) }
        })
    }

    fn gap(&mut self, gap: Gap) {
        let mut inner = self.0.lock();
        if !inner.closed {
            inner.gaps.push(gap);
        }
    }

    fn check(&self) -> Result<(), Stop> {
        match self.0.stopped() {
            Some(stop) => Err(stop),
            None => self.open().map(drop),
        }
    }

    fn progress(&mut self, done: u64, total: u64) {
        self.0.progress.set_units(done, total);
    }
}
