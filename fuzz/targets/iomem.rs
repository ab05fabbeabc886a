//! `/proc/iomem`.

#![no_main]

use hozen_collector::source::memory::hostile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hostile::iomem(bytes));
