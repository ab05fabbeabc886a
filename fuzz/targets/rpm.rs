//! rpm's database: what SQLite, ndb and Berkeley DB have in it, and the headers of packages in that.

#![no_main]

use hozen_collector::source::hostile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = hostile::rpm(bytes);
});
