//! The kernel's taint mask in letters and words (Documentation/admin-guide/tainted-kernels.rst).

/// Letter and meaning of each bit, from bit 0.
const BITS: [(char, &str); 20] = [
    ('P', "proprietary module was loaded"),
    ('F', "module was force loaded"),
    ('S', "out-of-specification system"),
    ('R', "module was force unloaded"),
    ('M', "machine check exception"),
    ('B', "bad page referenced"),
    ('U', "taint requested by user space"),
    ('D', "kernel died recently (oops or bug)"),
    ('A', "ACPI table overridden by user"),
    ('W', "warning was issued"),
    ('C', "staging driver was loaded"),
    ('I', "workaround for firmware bug"),
    ('O', "externally built module was loaded"),
    ('E', "unsigned module was loaded"),
    ('L', "soft lockup occurred"),
    ('K', "kernel was live patched"),
    ('X', "auxiliary taint of a distribution"),
    ('T', "structure layout was randomised"),
    ('N', "in-kernel test was run"),
    ('J', "mutating debug operation of fwctl"),
];

/// What the bits of `mask` mean, as `O: externally built module was loaded`; a bit without a name is its number.
#[must_use]
pub fn meanings(mask: u64) -> Vec<String> {
    let meaning = |bit: usize| match BITS.get(bit) {
        Some((letter, words)) => format!("{letter}: {words}"),
        None => format!("bit {bit}"),
    };
    (0..64).filter(|bit| mask & (1 << bit) != 0).map(meaning).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn bits_have_the_kernels_letters() {
        let letters: String = super::BITS.iter().map(|(letter, _)| letter).collect();
        assert_eq!(letters, "PFSRMBUDAWCIOELKXTNJ");
        assert_eq!(super::meanings(1 << 12 | 1 << 40), ["O: externally built module was loaded", "bit 40"]);
        assert!(super::meanings(0).is_empty());
    }
}
