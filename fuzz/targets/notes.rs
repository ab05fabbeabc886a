//! ELF notes: those of `/sys/kernel/notes` and of `/proc/kcore`, by both of their readers.

#![no_main]

use hozen_collector::source::kernel_symbols::notes;
use hozen_collector::source::memory::hostile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    hostile::notes(bytes);
    let most = notes::notes(bytes).map(|note| note.name.len() + note.content.len()).sum::<usize>();
    assert!(most <= bytes.len(), "the notes are longer than the bytes that they stand in");
    let _ = notes::build_id(bytes);
});
