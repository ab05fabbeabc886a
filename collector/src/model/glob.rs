//! Globs of one name: `*` stands for any bytes, `?` for one.

/// Whether `name` is one that `glob` means. Takes time in proportion to the product of their lengths at worst.
#[must_use]
pub fn matches(glob: &[u8], name: &[u8]) -> bool {
    let (mut g, mut n) = (0, 0);
    // Where the last star stands, and up to where in the name it reaches.
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = name.get(n) {
        match glob.get(g) {
            Some(b'*') => {
                star = Some((g, n));
                g += 1;
            }
            Some(wanted) if *wanted == b'?' || wanted == byte => (g, n) = (g + 1, n + 1),
            _ => {
                let Some((at, reach)) = star else { return false };
                star = Some((at, reach + 1));
                (g, n) = (at + 1, reach + 1);
            }
        }
    }
    glob.get(g..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        for (glob, name) in [("*", ""), ("a*c", "abbc"), ("*.pth", "x.pth"), ("rc?.d", "rc3.d"), ("*a*b", "aab"), ("**", "x")] {
            assert!(matches(glob.as_bytes(), name.as_bytes()), "{glob} {name}");
        }
        for (glob, name) in [("a*c", "abb"), ("rc?.d", "rc.d"), ("", "a"), ("?", ""), ("*.pth", "x.pth~"), ("a", "A")] {
            assert!(!matches(glob.as_bytes(), name.as_bytes()), "{glob} {name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_name_matches_itself_and_what_stars_leave_out(name: Vec<u8>, at: proptest::sample::Index, length in 0_usize..9) {
            assert!(matches(&[b"*", name.as_slice()].concat(), &name));
            let start = at.index(name.len() + 1);
            let end = (start + length).min(name.len());
            assert!(matches(&[&name[..start], b"*", &name[end..]].concat(), &name));
        }
    }
}
