//! Text of which secrets are hidden before it is kept: lines, JSON and the files of accounts.

#![no_main]

use hozen_collector::source::hostile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = hostile::secrets(bytes);
});
