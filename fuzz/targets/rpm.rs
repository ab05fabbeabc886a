//! rpm's database: the pages of SQLite, and the headers of packages in them.

#![no_main]

use hozen_collector::source::hostile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = hostile::rpm(bytes);
});
