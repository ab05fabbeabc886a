//! Images: one stream of bytes, cut into objects `data/<category>/<image>/000000.lime.zst`, `000001.lime.zst`, ….
//!
//! **Invariant:** the contents of the segments, in the order of their names, are the bytes that were written, without a hole:
//! once a segment is not stored whole, no further one is begun.

use crate::model::{Category, ObjectKey, record};
use crate::sink::{Cause, SinkError};
use crate::stream::{Closed, Engine, Kind, Lost, Object, Refused};

/// An image that is being written.
pub(super) struct Image {
    category: Category,
    name: &'static str,
    /// Content bytes that a segment holds.
    limit: u64,
    segments: u64,
    open: Option<Box<Object>>,
}

impl Image {
    /// An image without a segment yet. `name` is one component of a key.
    pub(super) fn new(category: Category, name: &'static str, limit: u64) -> Self {
        Self { category, name, limit: limit.max(1), segments: 0, open: None }
    }

    /// Adds a whole buffer, without copying it where the open segment has room for more than that; returns a buffer to fill next.
    pub(super) fn take(&mut self, engine: &Engine, bytes: Vec<u8>, done: &mut dyn FnMut(Closed)) -> Result<Vec<u8>, Refused> {
        let fits = |object: &Object| u64::try_from(bytes.len()).is_ok_and(|more| more < self.limit.saturating_sub(object.size()));
        match self.open.take_if(|object| fits(object)) {
            Some(mut object) => match object.take(bytes) {
                Ok(spare) => {
                    self.open = Some(object);
                    Ok(spare)
                }
                Err(Refused) => Err(refused(close(object), done)),
            },
            None => self.write(engine, &bytes, done).map(|()| bytes),
        }
    }

    /// Adds bytes; every segment that is full, or that the sink refused, goes to `done`.
    pub(super) fn write(&mut self, engine: &Engine, mut bytes: &[u8], done: &mut dyn FnMut(Closed)) -> Result<(), Refused> {
        while !bytes.is_empty() {
            let mut object = match self.open.take() {
                Some(object) => object,
                None => self.begin(engine).map_err(|closed| refused(*closed, done))?,
            };
            let room = usize::try_from(self.limit.saturating_sub(object.size())).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            bytes = later;
            let taken = object.write_all(now);
            if taken.is_err() || object.size() >= self.limit {
                let closed = close(object);
                let lost = closed.lost.is_some();
                done(closed);
                if lost {
                    return Err(Refused);
                }
            } else {
                self.open = Some(object);
            }
        }
        Ok(())
    }

    /// Ends the image; returns its last segment, if one is open.
    pub(super) fn end(mut self) -> Option<Closed> {
        self.open.take().map(close)
    }

    fn begin(&mut self, engine: &Engine) -> Result<Box<Object>, Box<Closed>> {
        let key = record::segment_key(self.category.folder(), self.name, self.segments);
        self.segments += 1;
        engine.open(key.clone(), Kind::Bulk).map(Box::new).map_err(|error| Box::new(lost(key, error)))
    }
}

fn refused(closed: Closed, done: &mut dyn FnMut(Closed)) -> Refused {
    done(closed);
    Refused
}

fn lost(key: ObjectKey, error: SinkError) -> Closed {
    Closed { key, receipt: None, lost: Some(Lost { from: 0, error }) }
}

/// Ends `object`; if the stream's threads are gone, all of it counts as lost.
pub(super) fn close(object: Box<Object>) -> Closed {
    let key = object.key().clone();
    object.close().unwrap_or_else(|_| {
        let cause = Cause::System { action: "finish the stream", errno: nix::errno::Errno::EPIPE };
        lost(key.clone(), SinkError { key, cause })
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::Timestamp;
    use crate::sink::EvidenceSink;
    use crate::sink::faulty::{Fault, FaultySink};
    use crate::sink::memory::MemorySink;
    use crate::stream::BULK_PART;

    fn engine(sink: impl EvidenceSink + 'static) -> Engine {
        Engine::start(Arc::new(sink), 2, 1, Arc::new(|| Timestamp::from_seconds(0))).unwrap()
    }

    fn bytes(count: usize) -> Vec<u8> {
        (0..count).map(|n| u8::try_from(n % 251).unwrap()).collect()
    }

    #[test]
    fn segments_in_order_are_the_bytes_and_none_is_empty() {
        for length in [0, 1, 99, 100, 101, 200, 1234] {
            let sink = MemorySink::default();
            let engine = engine(sink.clone());
            let mut image = Image::new(Category::Memory, "kcore", 100);
            let mut closed = Vec::new();
            for (number, chunk) in bytes(length).chunks(33).enumerate() {
                let done = &mut |one| closed.push(one);
                if number % 2 == 0 {
                    image.write(&engine, chunk, done).unwrap();
                } else {
                    image.take(&engine, chunk.to_vec(), done).unwrap();
                }
            }
            closed.extend(image.end());
            assert_eq!(closed.len(), length.div_ceil(100));
            assert!(closed.iter().all(|one| one.lost.is_none()));
            let sizes: Vec<u64> = closed.iter().map(|one| one.receipt.as_ref().unwrap().content.size).collect();
            assert!(sizes.iter().all(|size| (1..=100).contains(size)), "{sizes:?}");
            let all: Vec<u8> = sink.objects().into_values().collect::<Vec<_>>().concat();
            let content = if all.is_empty() { Vec::new() } else { zstd::decode_all(all.as_slice()).unwrap() };
            assert_eq!(content, bytes(length));
            let first = closed.first().map_or("data/memory/kcore/000000.lime.zst", |one| one.key.as_str());
            assert_eq!(first, "data/memory/kcore/000000.lime.zst");
        }
    }

    /// A buffer that the stream can keep.
    fn whole(seed: usize) -> Vec<u8> {
        let mut buffer = Vec::with_capacity(BULK_PART);
        buffer.extend((0..BULK_PART).map(|n| u8::try_from((n / 5 + seed) % 253).unwrap()));
        buffer
    }

    #[test]
    fn whole_buffers_fill_segments_to_the_byte() {
        let limit = BULK_PART as u64 * 5 / 2;
        let sink = MemorySink::default();
        let engine = engine(sink.clone());
        let mut image = Image::new(Category::Memory, "kcore", limit);
        let (mut closed, mut content) = (Vec::new(), Vec::new());
        for seed in 0..7 {
            let buffer = whole(seed);
            content.extend_from_slice(&buffer);
            image.take(&engine, buffer, &mut |one| closed.push(one)).unwrap();
        }
        closed.extend(image.end());
        let sizes: Vec<u64> = closed.iter().map(|one| one.receipt.as_ref().unwrap().content.size).collect();
        assert_eq!(sizes, [limit, limit, 2 * BULK_PART as u64]);
        let all: Vec<u8> = sink.objects().into_values().collect::<Vec<_>>().concat();
        assert!(zstd::decode_all(all.as_slice()).unwrap() == content);
    }

    #[test]
    fn whole_buffers_stop_at_a_segment_that_is_not_whole() {
        let (sink, _) = FaultySink::new(MemorySink::default(), Fault::From(3));
        let engine = engine(sink);
        let mut image = Image::new(Category::Memory, "kcore", 1 << 40);
        let mut closed = Vec::new();
        let refused = (0..1000).find(|seed| image.take(&engine, whole(*seed), &mut |one| closed.push(one)).is_err());
        assert!(refused.is_some() && closed.len() == 1 && closed[0].lost.is_some(), "{closed:?}");
    }

    #[test]
    fn nothing_follows_a_segment_that_is_not_whole() {
        for at in 1..7 {
            let (sink, _) = FaultySink::new(MemorySink::default(), Fault::Once(at));
            let engine = engine(sink);
            let mut image = Image::new(Category::Memory, "kcore", 100);
            let mut closed = Vec::new();
            let mut all = bytes(500);
            while !all.is_empty() && image.write(&engine, &all, &mut |one| closed.push(one)).is_ok() {
                all.clear();
            }
            closed.extend(image.end());
            let holes = closed.iter().position(|one| one.lost.is_some()).unwrap();
            assert_eq!(holes, closed.len() - 1, "{at}: {closed:?}");
        }
    }
}
