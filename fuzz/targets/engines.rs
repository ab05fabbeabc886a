//! Databases of container engines: bbolt's and SQLite's pages, and what engines keep in them.

#![no_main]

use hozen_collector::source::hostile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = hostile::engines(bytes);
});
