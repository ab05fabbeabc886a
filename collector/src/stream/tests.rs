//! Tests of the stream as a whole.

use super::*;
use crate::model::{Digest, Encoding};
use crate::sink::faulty::{Fault, FaultySink};
use crate::sink::memory::MemorySink;
use proptest::prelude::*;

fn engine(sink: impl EvidenceSink + 'static, workers: usize) -> Engine {
    Engine::start(Arc::new(sink), workers, 1, Arc::new(|| Timestamp::from_seconds(0))).unwrap()
}

/// Bytes that compress somewhat and repeat nowhere.
fn mixed(length: usize) -> Vec<u8> {
    (0..length).map(|n| u8::try_from((n * n / 7 + n / 1000) % 251).unwrap()).collect()
}

fn stored(sink: &MemorySink, key: &str) -> Vec<u8> {
    sink.objects()[&key.parse().unwrap()].clone()
}

fn check(sink: &MemorySink, receipt: &Receipt, content: &[u8]) {
    let bytes = stored(sink, receipt.key.as_str());
    assert_eq!((receipt.size, receipt.sha256), (bytes.len() as u64, Digest::of(&bytes)));
    assert_eq!((receipt.content.size, receipt.content.sha256), (content.len() as u64, Digest::of(content)));
    assert_eq!(receipt.content.encoding, Encoding::ZstdFrames);
    assert_eq!(zstd::decode_all(bytes.as_slice()).unwrap(), content);
}

#[test]
fn content_comes_out_as_it_went_in() {
    let sink = MemorySink::default();
    let engine = engine(sink.clone(), 3);
    for (name, length) in [("empty", 0), ("one", 1), ("exact", TABLE_PART), ("more", 5 * TABLE_PART + 17)] {
        let content = mixed(length);
        let mut object = engine.open(name.parse().unwrap(), Kind::Table).unwrap();
        content.chunks(70_001).for_each(|chunk| object.write_all(chunk).unwrap());
        let closed = object.close().unwrap();
        assert_eq!(closed.lost, None);
        let receipt = closed.receipt.unwrap();
        assert_eq!(receipt.parts, (length.div_ceil(TABLE_PART)).max(1) as u64);
        check(&sink, &receipt, &content);
    }
}

#[test]
fn a_whole_buffer_is_a_part_and_another_comes_back() {
    let sink = MemorySink::default();
    let engine = engine(sink.clone(), 2);
    let mut object = engine.open("image".parse().unwrap(), Kind::Bulk).unwrap();
    let (mut content, mut buffer) = (Vec::new(), Vec::with_capacity(BULK_PART));
    for length in [BULK_PART, 40, BULK_PART, BULK_PART - 1, BULK_PART / 2, BULK_PART + 9] {
        let bytes = mixed(length);
        content.extend_from_slice(&bytes);
        buffer.clear();
        buffer.extend_from_slice(&bytes);
        let place = buffer.as_ptr();
        buffer = object.take(buffer).unwrap();
        let kept = length > BULK_PART / 2 && length <= BULK_PART;
        assert_eq!(buffer.as_ptr() != place, kept, "{length}");
    }
    let receipt = object.close().unwrap().receipt.unwrap();
    check(&sink, &receipt, &content);
}

#[test]
fn each_part_is_a_frame_of_its_own() {
    let sink = MemorySink::default();
    let engine = engine(sink.clone(), 2);
    let mut object = engine.open("a".parse().unwrap(), Kind::Table).unwrap();
    object.write_all(&mixed(2 * TABLE_PART + 5)).unwrap();
    object.close().unwrap();
    let bytes = stored(&sink, "a");
    let first = zstd::zstd_safe::find_frame_compressed_size(&bytes).unwrap();
    assert_eq!(zstd::decode_all(&bytes[..first]).unwrap(), &mixed(2 * TABLE_PART + 5)[..TABLE_PART]);
}

#[test]
fn many_objects_share_the_engine() {
    let sink = MemorySink::default();
    let engine = engine(sink.clone(), 2);
    std::thread::scope(|scope| {
        for n in 0..MAX_OPEN_TABLES {
            let engine = &engine;
            scope.spawn(move || {
                let mut object = engine.open(format!("o{n}").parse().unwrap(), Kind::Table).unwrap();
                mixed(TABLE_PART + n).chunks(5000).for_each(|chunk| object.write_all(chunk).unwrap());
                object.close().unwrap().receipt.unwrap()
            });
        }
    });
    assert_eq!(sink.objects().len(), MAX_OPEN_TABLES);
}

#[test]
fn a_dropped_object_is_not_visible() {
    let sink = MemorySink::default();
    let engine = engine(sink.clone(), 1);
    let mut object = engine.open("gone".parse().unwrap(), Kind::Table).unwrap();
    object.write_all(b"x").unwrap();
    drop(object);
    engine.open("next".parse().unwrap(), Kind::Table).unwrap().close().unwrap();
    assert_eq!(sink.objects().into_keys().collect::<Vec<_>>(), ["next".parse().unwrap()]);
}

/// The sink fails at every call in turn: what the receipt says is stored is stored, and what is lost is named.
#[test]
fn a_failing_sink_keeps_the_parts_before() {
    let content = mixed(3 * TABLE_PART + 9);
    let calls = 1 + 4 + 1;
    for at in 1..calls {
        for fault in [Fault::Once(at), Fault::From(at)] {
            let memory = MemorySink::default();
            let (sink, script) = FaultySink::new(memory.clone(), fault);
            let engine = engine(sink, 1);
            let mut object = engine.open("a".parse().unwrap(), Kind::Table).unwrap();
            let _ = object.write_all(&content);
            let closed = object.close().unwrap();
            assert!(script.injected() > 0, "{fault:?}");
            let lost = closed.lost.unwrap();
            match closed.receipt {
                Some(receipt) => {
                    assert_eq!(receipt.content.size, lost.from);
                    check(&memory, &receipt, &content[..usize::try_from(lost.from).unwrap()]);
                }
                None => assert!(lost.from == 0 && memory.objects().is_empty(), "{fault:?}"),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_chunking_gives_the_same_digests(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..90_000), 0..30)) {
        let sink = MemorySink::default();
        let engine = engine(sink.clone(), 2);
        let mut object = engine.open("a".parse().unwrap(), Kind::Table).unwrap();
        for chunk in &chunks {
            object.write_all(chunk).unwrap();
        }
        check(&sink, &object.close().unwrap().receipt.unwrap(), &chunks.concat());
    }
}
