//! The contract of [`EvidenceSink`] as one suite that every sink must pass.
#![expect(clippy::expect_used, clippy::panic, reason = "a test suite fails by panicking; it is compiled for tests only")]

use super::{Cause, EvidenceSink, ObjectWriter};
use crate::model::{Digest, ObjectKey};

/// Reads a finished object back, or `None` where nothing is visible under the key.
pub type Reader = Box<dyn Fn(&ObjectKey) -> Option<Vec<u8>>>;

/// Checks the whole contract; `make` gives a fresh, empty sink and a reader of what it holds.
///
/// # Panics
/// At the first sentence of the contract that does not hold.
pub fn check(make: impl Fn() -> (Box<dyn EvidenceSink>, Reader)) {
    whole_objects_are_stored(&make());
    nothing_is_visible_before_finish(&make());
    objects_are_written_once(&make());
    wrong_totals_are_refused(&make());
    aborted_objects_leave_nothing(&make());
    several_objects_may_be_open(&make());
    the_sink_says_what_it_is(&make());
}

type Made = (Box<dyn EvidenceSink>, Reader);

fn key(text: &str) -> ObjectKey {
    text.parse().expect("the suite's keys are valid")
}

fn open(sink: &dyn EvidenceSink, name: &str) -> Box<dyn ObjectWriter> {
    sink.create(&key(name)).unwrap_or_else(|error| panic!("create must work on an empty sink: {error}"))
}

fn finish(object: Box<dyn ObjectWriter>, bytes: &[u8]) {
    object.finish(bytes.len() as u64, &Digest::of(bytes)).expect("finish with the right totals");
}

fn store(sink: &dyn EvidenceSink, name: &str, bytes: &[u8]) {
    let mut object = open(sink, name);
    object.part(bytes).expect("a part is taken");
    finish(object, bytes);
}

fn whole_objects_are_stored((sink, read): &Made) {
    let mut object = open(&**sink, "data/deep/down/object.bin");
    let parts: Vec<Vec<u8>> = (0..5_u8).map(|n| vec![n; 70_000]).collect();
    for part in &parts {
        object.part(part).expect("a part is taken");
    }
    assert_eq!(object.taken(), (350_000, Digest::of(&parts.concat())), "it knows what it has taken");
    finish(object, &parts.concat());
    assert_eq!(read(&key("data/deep/down/object.bin")), Some(parts.concat()), "all parts, in order");
    finish(open(&**sink, "empty"), b"");
    assert_eq!(read(&key("empty")), Some(Vec::new()), "an object of no parts is an empty object");
}

fn nothing_is_visible_before_finish((sink, read): &Made) {
    let mut object = open(&**sink, "late");
    object.part(b"bytes").expect("a part is taken");
    assert_eq!(read(&key("late")), None, "not visible before finish");
    finish(object, b"bytes");
    assert_eq!(read(&key("late")), Some(b"bytes".to_vec()), "visible after finish");
}

fn objects_are_written_once((sink, read): &Made) {
    store(&**sink, "once", b"first");
    match sink.create(&key("once")) {
        Err(error) => assert_eq!(error.cause, Cause::Exists),
        Ok(mut object) => {
            object.part(b"second").expect("a part is taken");
            let refused = object.finish(6, &Digest::of(b"second")).expect_err("the key is taken");
            assert_eq!(refused.cause, Cause::Exists);
        }
    }
    assert_eq!(read(&key("once")), Some(b"first".to_vec()), "the first object stays");
}

fn wrong_totals_are_refused((sink, read): &Made) {
    for (size, digest) in [(5, Digest::of(b"other")), (4, Digest::of(b"bytes")), (6, Digest::of(b"bytes"))] {
        let mut object = open(&**sink, "wrong");
        object.part(b"bytes").expect("a part is taken");
        assert_eq!(object.finish(size, &digest).expect_err("totals disagree").cause, Cause::Mismatch);
        assert_eq!(read(&key("wrong")), None, "a refused object is not visible");
    }
    store(&**sink, "wrong", b"bytes");
}

fn aborted_objects_leave_nothing((sink, read): &Made) {
    let mut object = open(&**sink, "gone");
    object.part(b"bytes").expect("a part is taken");
    object.abort().expect("abort works");
    assert_eq!(read(&key("gone")), None, "an aborted object is not visible");
    drop(open(&**sink, "gone"));
    store(&**sink, "gone", b"again");
    assert_eq!(read(&key("gone")), Some(b"again".to_vec()), "its key is free again");
}

fn several_objects_may_be_open((sink, read): &Made) {
    let (mut one, mut two) = (open(&**sink, "data/one"), open(&**sink, "data/two"));
    one.part(b"1").expect("a part is taken");
    two.part(b"2").expect("a part is taken");
    one.part(b"1").expect("a part is taken");
    std::thread::scope(|scope| {
        scope.spawn(|| finish(two, b"2"));
        scope.spawn(|| finish(one, b"11"));
    });
    assert_eq!((read(&key("data/one")), read(&key("data/two"))), (Some(b"11".to_vec()), Some(b"2".to_vec())));
}

fn the_sink_says_what_it_is((sink, _): &Made) {
    let description = sink.describe();
    assert!(description.contains_key("kind") && description.contains_key("location"), "{description:?}");
}
