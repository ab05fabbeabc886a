//! The contract of every sink.

use std::cell::Cell;
use std::rc::Rc;

use hozen_collector::sink::conformance;

use super::support::{BUCKET, Place};

#[test]
fn conforms() {
    let place = Rc::new(Place::new());
    let count = Cell::new(0);
    conformance::check(|| {
        count.set(count.get() + 1);
        let (prefix, place) = (format!("run-{}", count.get()), Rc::clone(&place));
        let sink = place.open(&prefix).unwrap();
        let read = move |key: &hozen_collector::model::ObjectKey| {
            place.double.object(BUCKET, &format!("{prefix}/{key}")).map(|version| version.content().unwrap())
        };
        (Box::new(sink), Box::new(read))
    });
}
