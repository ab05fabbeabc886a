//! What comes out of LiME's socket, from its first byte to the verdict on the image.

#![no_main]

use hozen_collector::source::memory::hostile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = hostile::lime_stream(bytes);
});
