//! The end of the stream: one thread puts parts in order and hands them to the sink, which digests them.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Receiver, Sender};

use super::buffers::Buffer;
use super::{Closed, Lost, Now};
use crate::model::{Content, Digest, Encoding, ObjectKey, Receipt, Timestamp};
use crate::sink::{Cause, ObjectWriter, SinkError};

/// State of the content up to the end of a part: what the receipt says if this is the last part that is stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub(super) sha256: Digest,
    pub(super) size: u64,
    pub(super) entries: Option<u64>,
}

/// What the one bounded queue carries.
pub(super) enum Message {
    /// An object begins.
    Open { object: u64, opening: Opening },
    /// A compressed part; `failed` where zstd refused it.
    Part { object: u64, index: u64, frame: Buffer, mark: Mark, failed: bool },
    /// No part follows the `parts` that were sent.
    Close { object: u64, parts: u64, reply: Sender<Closed> },
    /// The object is given up.
    Abort { object: u64 },
}

/// An object's beginning.
pub(super) struct Opening {
    pub(super) key: ObjectKey,
    pub(super) writer: Box<dyn ObjectWriter>,
    pub(super) refused: Arc<AtomicBool>,
    pub(super) started: Timestamp,
}

struct Open {
    opening: Opening,
    waiting: BTreeMap<u64, (Buffer, Mark, bool)>,
    arrived: u64,
    stored: u64,
    size: u64,
    good: Mark,
    error: Option<SinkError>,
    closing: Option<(u64, Sender<Closed>)>,
}

/// Starts the thread.
pub(super) fn spawn(messages: Receiver<Message>, now: Now) -> io::Result<()> {
    let run = move || {
        let mut objects = BTreeMap::new();
        for message in messages {
            take(&mut objects, message, &now);
        }
    };
    std::thread::Builder::new().name("hozen-store".to_owned()).spawn(run).map(drop)
}

fn take(objects: &mut BTreeMap<u64, Open>, message: Message, now: &Now) {
    let id = match message {
        Message::Open { object, opening } => {
            objects.insert(object, Open::new(opening));
            return;
        }
        Message::Abort { object } => {
            objects.remove(&object);
            return;
        }
        Message::Part { object, index, frame, mark, failed } => {
            if let Some(open) = objects.get_mut(&object) {
                open.waiting.insert(index, (frame, mark, failed));
                open.store_in_order();
            }
            object
        }
        Message::Close { object, parts, reply } => {
            if let Some(open) = objects.get_mut(&object) {
                open.closing = Some((parts, reply));
            }
            object
        }
    };
    let done = |open: &Open| open.closing.as_ref().is_some_and(|(parts, _)| *parts == open.arrived);
    if objects.get(&id).is_some_and(done)
        && let Some(open) = objects.remove(&id)
    {
        open.close(now);
    }
}

impl Open {
    fn new(opening: Opening) -> Self {
        let good = Mark { sha256: Digest::of(b""), size: 0, entries: None };
        Self { opening, waiting: BTreeMap::new(), arrived: 0, stored: 0, size: 0, good, error: None, closing: None }
    }

    fn store_in_order(&mut self) {
        while let Some((frame, mark, failed)) = self.waiting.remove(&self.arrived) {
            self.arrived += 1;
            if failed {
                let cause = Cause::System { action: "compress", errno: nix::errno::Errno::ENOMEM };
                self.refuse(SinkError { key: self.opening.key.clone(), cause });
            }
            if self.error.is_none() {
                self.store_part(&frame, mark);
            }
        }
    }

    fn store_part(&mut self, frame: &Buffer, mark: Mark) {
        match self.opening.writer.part(&frame.bytes) {
            Ok(()) => {
                self.size = self.size.saturating_add(u64::try_from(frame.bytes.len()).unwrap_or(u64::MAX));
                self.stored += 1;
                self.good = mark;
            }
            Err(error) => self.refuse(error),
        }
    }

    /// From here on nothing more of the object is stored; what is stored already stays.
    fn refuse(&mut self, error: SinkError) {
        self.error.get_or_insert(error);
        self.opening.refused.store(true, Ordering::Relaxed);
    }

    fn close(self, now: &Now) {
        let Some((_, reply)) = self.closing else { return };
        let Opening { key, writer, started, .. } = self.opening;
        let (_, sha256) = writer.taken();
        let lost = self.error.map(|error| Lost { from: self.good.size, error });
        let finished = if self.stored == 0 { None } else { Some(writer.finish(self.size, &sha256)) };
        let Mark { sha256: content_sha256, size: content_size, entries } = self.good;
        let content = Content { sha256: content_sha256, size: content_size, encoding: Encoding::ZstdFrames, entries };
        let (size, parts) = (self.size, self.stored);
        let receipt = |sink| Receipt { key: key.clone(), sha256, size, parts, content, started, finished: now(), sink };
        let closed = match finished {
            Some(Ok(sink)) => Closed { receipt: Some(receipt(sink)), key, lost },
            Some(Err(error)) => Closed { key, receipt: None, lost: Some(Lost { from: 0, error }) },
            None => Closed { key, receipt: None, lost },
        };
        // Whoever closed the object may have given up waiting.
        let _ = reply.send(closed);
    }
}
