//! No reader: it breaks where four bytes are right, which the fuzzer must find. Where it does not it is blind, and that no reader breaks says
//! nothing.

#![no_main]

use std::hint::black_box;

/// The four bytes, each times [`FACTOR`]: no comparison has them, so that nothing but the way that an input took tells that one more
/// is right. By chance all four are met once in four billion times.
const WANTED: [u8; 4] = [0x3b, 0xc5, 0x11, 0xee];
const FACTOR: u8 = 167;

#[inline(never)]
fn is_right(bytes: &[u8; 4], at: usize) -> bool {
    black_box(bytes[at]).wrapping_mul(FACTOR) == black_box(WANTED[at])
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some(first) = bytes.first_chunk() else { return };
    if is_right(first, 0) && is_right(first, 1) && is_right(first, 2) && is_right(first, 3) {
        panic!("all four bytes are right");
    }
});
