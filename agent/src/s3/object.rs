//! One object on its way into the bucket.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use hozen_collector::model::receipt::{Answer, Checksum, Lock};
use hozen_collector::model::record::{BEGIN_KEY, CUSTODY_FOLDER};
use hozen_collector::model::{Digest, Held, ObjectKey};
use hozen_collector::sink::{Cause, ObjectWriter, SinkError};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

use super::advice;
use super::buffers::Fill;
use super::digests::Digests;
use super::request::{self, Bucket, Made, Part};
use super::retry::{Done, GivenUp, Kind};

/// What all objects of a sink share.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) bucket: Arc<Bucket>,
    pub(super) handle: Handle,
    /// One permit for each part on its way.
    pub(super) room: Arc<Semaphore>,
    pub(super) doubtful: Arc<Doubtful>,
}

/// What was sent for objects that one request stores, where that request was given up and may have been obeyed all the same. Whoever sends
/// the same once more is told that the key is taken: by just these bytes, as far as this sink knows.
#[derive(Debug, Default)]
pub(super) struct Doubtful(Mutex<BTreeMap<ObjectKey, Sent>>);

#[derive(Debug)]
struct Sent {
    sha256: Digest,
    /// What the bucket answered, where that was another checksum.
    mismatch: Option<String>,
}

impl Doubtful {
    /// The failure of a request for `key` with these bytes, in the light of those before.
    fn weigh(&self, key: &ObjectKey, sha256: &Digest, given_up: GivenUp) -> GivenUp {
        let Ok(mut sent) = self.0.lock() else { return given_up };
        let before = sent.get(key).map(|sent| sent.sha256);
        let mismatch = (given_up.trouble.kind == Kind::Mismatch).then(|| given_up.trouble.reason.clone());
        // A bucket that answers with another checksum than was sent is not trusted with a run or its seal, and the journal is chained.
        let counts = mismatch.is_none() || key.components().next() == Some(CUSTODY_FOLDER);
        if before.is_none() && given_up.perhaps_done && counts {
            sent.insert(key.clone(), Sent { sha256: *sha256, mismatch });
        }
        // What is there may be what was sent first, and that was something else.
        let perhaps_done = before.map_or(given_up.perhaps_done, |before| before == *sha256);
        GivenUp { perhaps_done, ..given_up }
    }

    /// What whoever verifies the run should know of it: objects of which the bucket has said that it has other bytes.
    pub(super) fn warnings(&self) -> Vec<String> {
        let Ok(sent) = self.0.lock() else { return Vec::new() };
        let told = |(key, sent): (&ObjectKey, &Sent)| {
            sent.mismatch
                .as_ref()
                .map(|reason| format!("{key}: {reason}; it was taken all the same: verify before the host is given up"))
        };
        sent.iter().filter_map(told).collect()
    }
}

/// An object being written.
#[derive(Debug)]
pub(super) struct BucketObject {
    key: ObjectKey,
    full_key: String,
    shared: Shared,
    fill: Fill,
    digests: Digests,
    size: u64,
    upload: Option<Upload>,
    /// Requests that had to be sent again before the upload's parts.
    retries: u64,
}

/// An upload in parts. Dropping it stops what is on its way; what is there stays for the bucket's lifecycle to clean up, because
/// a role that could abort an upload could abort any.
#[derive(Debug)]
struct Upload {
    id: Arc<str>,
    parts: Vec<JoinHandle<Result<Part, GivenUp>>>,
    /// The first failure of a part, so that no more are sent.
    failed: Arc<Mutex<Option<GivenUp>>>,
}

impl BucketObject {
    pub(super) fn new(key: ObjectKey, shared: Shared, fill: Fill) -> Self {
        let full_key = shared.bucket.place.key(key.as_str());
        Self { key, full_key, shared, fill, digests: Digests::default(), size: 0, upload: None, retries: 0 }
    }

    fn error(&self, cause: Cause) -> SinkError {
        SinkError { key: self.key.clone(), cause }
    }

    /// Sends the part that is full. Waits while as many as may be are on their way.
    fn send(&mut self) -> Result<(), SinkError> {
        self.check()?;
        let permit = self.shared.handle.block_on(Arc::clone(&self.shared.room).acquire_owned());
        let permit = permit.map_err(|_| self.error(Cause::Refused("the upload's threads have ended".to_owned())))?;
        self.begin()?;
        let (body, sha256) = (self.fill.send(), self.digests.end_part());
        if let Some(upload) = &mut self.upload {
            upload.spawn(&self.shared, &self.full_key, body, sha256, permit);
        }
        Ok(())
    }

    /// The first failure of a part so far.
    fn check(&self) -> Result<(), SinkError> {
        let failed = self.upload.as_ref().and_then(|upload| upload.failed.lock().ok().and_then(|failed| failed.clone()));
        match failed {
            Some(given_up) => Err(self.error(cause("UploadPart", &given_up))),
            None => Ok(()),
        }
    }

    /// Whether so many bytes more fit: all of them or none belong to the object.
    fn check_room(&self, bytes: usize) -> Result<(), SinkError> {
        let (bucket, sent) = (&self.shared.bucket, self.upload.as_ref().map_or(0, |upload| upload.parts.len()));
        let (most, part) = (bucket.most_parts(&self.full_key), bucket.options.part);
        let further = most.saturating_sub(sent).saturating_sub(1);
        if bytes <= further.saturating_mul(part).saturating_add(self.fill.room()) {
            return Ok(());
        }
        let full = || format!("the presigned list has room for {most} parts of {part} bytes of this object");
        Err(self.error(bucket.presigned.as_ref().map_or(Cause::Full, |_| Cause::Refused(full()))))
    }

    /// Begins the upload, unless it has begun.
    fn begin(&mut self) -> Result<(), SinkError> {
        if self.upload.is_some() {
            return Ok(());
        }
        let bucket = Arc::clone(&self.shared.bucket);
        let created = self.shared.handle.block_on(bucket.create(&self.full_key));
        let created = created.map_err(|given_up| self.error(cause("CreateMultipartUpload", &given_up)))?;
        self.retries = self.retries.saturating_add(created.retries);
        self.upload = Some(Upload { id: created.value.into(), parts: Vec::new(), failed: Arc::default() });
        Ok(())
    }

    /// Stores an object that one part holds.
    fn put(&mut self, sha256: &Digest) -> Result<Held, SinkError> {
        let (body, bucket) = (self.fill.send(), Arc::clone(&self.shared.bucket));
        let done = self.shared.handle.block_on(bucket.put(&self.full_key, body, *sha256));
        let done = done.map_err(|given_up| self.shared.doubtful.weigh(&self.key, sha256, given_up));
        let done = self.settle("PutObject", done)?;
        let kept = self.shared.bucket.presigned.is_none().then(|| request::base64(sha256));
        Ok(self.held(done, checksum("FULL_OBJECT", kept, 1), true))
    }

    /// Sends the last part, waits for all and makes the object of them.
    fn complete(&mut self) -> Result<Held, SinkError> {
        self.send()?;
        let Some(mut upload) = self.upload.take() else { return Err(self.error(Cause::Mismatch)) };
        let parts = self.parts(&mut upload)?;
        let (bucket, id) = (Arc::clone(&self.shared.bucket), Arc::clone(&upload.id));
        let done = self.shared.handle.block_on(bucket.complete(&self.full_key, &id, &parts));
        let done = self.settle("CompleteMultipartUpload", done)?;
        let checksum = checksum("COMPOSITE", request::composite(&parts), parts.len());
        let retries = parts.iter().map(|part| part.retries).sum::<u64>();
        self.retries = self.retries.saturating_add(retries);
        Ok(self.held(done, checksum, parts.iter().all(|part| part.echoed)))
    }

    /// All parts, in order, once the bucket has them.
    fn parts(&self, upload: &mut Upload) -> Result<Vec<Part>, SinkError> {
        let mut parts = Vec::new();
        for sending in &mut upload.parts {
            let part = self.shared.handle.block_on(sending);
            let part = part.map_err(|_| self.error(Cause::Refused("a part's upload ended by a bug".to_owned())))?;
            parts.push(part.map_err(|given_up| self.error(cause("UploadPart", &given_up)))?);
        }
        Ok(parts)
    }

    /// What became of the request that makes the object visible. Where its answer was lost, the next one may say that the key is
    /// taken, or that there is no such upload any more, because of what the first one did. Not so with the begin record of a presigned
    /// list: the id of its run is not new, and a run that was there before may have begun with it.
    fn settle(&self, name: &'static str, result: Result<Done<Made>, GivenUp>) -> Result<Settled, SinkError> {
        let ours = self.shared.bucket.presigned.is_none() || self.key.as_str() != BEGIN_KEY;
        match result {
            Ok(done) => Ok(Settled { made: done.value, answer: done.answer, retries: done.retries, ambiguous: false }),
            Err(given_up) if ours && given_up.perhaps_done && matches!(given_up.trouble.kind, Kind::Taken | Kind::NoUpload) => {
                tracing::warn!(
                    key = self.key.as_str(),
                    request = name,
                    "its answer was lost or was none to rely on, and the bucket says that it is done"
                );
                Ok(Settled { retries: given_up.retries, ambiguous: true, ..Settled::default() })
            }
            Err(given_up) => Err(self.error(cause(name, &given_up))),
        }
    }

    fn held(&self, settled: Settled, checksum: Checksum, parts_echoed: bool) -> Held {
        let bucket = &self.shared.bucket;
        let echoed = parts_echoed && settled.made.echoed;
        let part_size = u64::try_from(bucket.options.part).unwrap_or(u64::MAX);
        Held {
            bucket: bucket.place.bucket().to_owned(),
            key: self.full_key.clone(),
            version_id: settled.made.version_id,
            etag: settled.made.etag,
            checksum: Checksum { part_size, echoed, ..checksum },
            lock: bucket.lock.map(|(mode, until)| Lock { mode: mode.to_owned(), until }),
            sse: settled.made.sse,
            answer: settled.answer,
            retries: self.retries.saturating_add(settled.retries),
            ambiguous: settled.ambiguous,
        }
    }
}

/// The checksum that the bucket keeps, if it keeps a SHA-256.
fn checksum(kind: &str, sha256: Option<String>, parts: usize) -> Checksum {
    let kind = if sha256.is_some() { kind } else { "NONE" };
    let parts = u64::try_from(parts).unwrap_or(u64::MAX);
    Checksum { kind: kind.to_owned(), sha256: sha256.unwrap_or_default(), parts, ..Checksum::default() }
}

/// A request that made an object visible, or seems to have.
#[derive(Debug, Default)]
struct Settled {
    made: Made,
    answer: Answer,
    retries: u64,
    ambiguous: bool,
}

impl Upload {
    fn spawn(&mut self, shared: &Shared, key: &str, body: Bytes, sha256: Digest, permit: OwnedSemaphorePermit) {
        let number = i32::try_from(self.parts.len() + 1).unwrap_or(i32::MAX);
        let (bucket, id, failed, key) =
            (Arc::clone(&shared.bucket), Arc::clone(&self.id), Arc::clone(&self.failed), key.to_owned());
        let sending = async move {
            let result = bucket.part(&key, &id, number, body, sha256).await;
            if let (Err(given_up), Ok(mut failed)) = (&result, failed.lock()) {
                failed.get_or_insert_with(|| given_up.clone());
            }
            drop(permit);
            result
        };
        self.parts.push(shared.handle.spawn(sending));
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.parts.iter().for_each(JoinHandle::abort);
    }
}

/// Why a request was given up, in words with what to do.
pub(super) fn cause(request: &str, given_up: &GivenUp) -> Cause {
    let (reason, tries) = (&given_up.trouble.reason, given_up.retries.saturating_add(1));
    match given_up.trouble.kind {
        Kind::Taken => Cause::Exists,
        Kind::Mismatch => Cause::Mismatch,
        Kind::Passing => Cause::Unreachable(format!("{request} given up after {tries} tries: {reason}; {}", advice::of(reason))),
        _ => Cause::Refused(format!("{request}: {reason}; {}", advice::of(reason))),
    }
}

impl ObjectWriter for BucketObject {
    fn part(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.check_room(bytes.len())?;
        let (mut rest, held, before) = (bytes, self.fill.bytes().len(), self.digests.clone());
        while !rest.is_empty() {
            // A full part leaves when more comes, not before: so the last part is never empty.
            if self.fill.is_full()
                && let Err(error) = self.send()
            {
                // None of `bytes` may belong to the object. Where an upload has begun, its failure ends the object.
                if self.upload.is_none() {
                    self.fill.shorten(held);
                    self.digests = before;
                }
                return Err(error);
            }
            let filled = self.fill.bytes().len();
            rest = self.fill.take(rest);
            // What is digested is what will be sent, and not what it was copied from.
            self.digests.update(self.fill.bytes().get(filled..).unwrap_or_default());
        }
        self.size = self.size.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    fn taken(&self) -> (u64, Digest) {
        (self.size, self.digests.whole())
    }

    fn finish(mut self: Box<Self>, size: u64, sha256: &Digest) -> Result<Option<Held>, SinkError> {
        self.check()?;
        if self.taken() != (size, *sha256) {
            return Err(self.error(Cause::Mismatch));
        }
        let held = if self.upload.is_none() { self.put(sha256) } else { self.complete() };
        held.map(Some)
    }

    fn abort(self: Box<Self>) -> Result<(), SinkError> {
        Ok(())
    }
}
