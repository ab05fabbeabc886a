//! Globs of one name: `*` stands for any bytes, `?` for one, `[a-z_]` for one of these and `[!a-z]` for one that is none of them. A `[`
//! without its end stands for itself.

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
            _ => match one(glob.get(g..).unwrap_or_default(), *byte) {
                Some(length) => (g, n) = (g + length, n + 1),
                None => {
                    let Some((at, reach)) = star else { return false };
                    star = Some((at, reach + 1));
                    (g, n) = (at + 1, reach + 1);
                }
            },
        }
    }
    glob.get(g..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

/// How long what stands at the beginning of `glob` for `byte` is; nothing where it does not.
fn one(glob: &[u8], byte: u8) -> Option<usize> {
    let first = glob.first()?;
    if *first == b'['
        && let Some((set, length)) = set(glob)
    {
        return is_in(set, byte).then_some(length);
    }
    (*first == b'?' || *first == byte).then_some(1)
}

/// What stands between the brackets at the beginning of `glob`, and how long it is with them. A `]` at its beginning is one of the set.
fn set(glob: &[u8]) -> Option<(&[u8], usize)> {
    let inner = glob.get(1..)?;
    let skipped = 1 + usize::from(matches!(inner.first(), Some(b'!' | b'^')));
    let end = skipped + inner.get(skipped..)?.iter().position(|b| *b == b']')?;
    Some((inner.get(..end)?, end + 2))
}

fn is_in(set: &[u8], byte: u8) -> bool {
    let (is_not, mut rest) = match set.split_first() {
        Some((b'!' | b'^', rest)) => (true, rest),
        _ => (false, set),
    };
    let mut is = false;
    while let Some((from, after)) = rest.split_first() {
        if let [b'-', to, behind @ ..] = after {
            is |= (*from..=*to).contains(&byte);
            rest = behind;
        } else {
            is |= *from == byte;
            rest = after;
        }
    }
    is != is_not
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        for (glob, name) in [
            ("*", ""),
            ("a*c", "abbc"),
            ("*.pth", "x.pth"),
            ("rc?.d", "rc3.d"),
            ("*a*b", "aab"),
            ("**", "x"),
            ("gc.[0-9]", "gc.7"),
            ("*[!a-c]", "abcd"),
            ("[]x]", "]"),
            ("[a", "[a"),
            ("*.[ch]*", "x.h~"),
            ("[a-]", "-"),
        ] {
            assert!(matches(glob.as_bytes(), name.as_bytes()), "{glob} {name}");
        }
        for (glob, name) in [
            ("a*c", "abb"),
            ("rc?.d", "rc.d"),
            ("", "a"),
            ("?", ""),
            ("*.pth", "x.pth~"),
            ("a", "A"),
            ("gc.[0-9]", "gc.x"),
            ("[!a]", "a"),
            ("[a-c]", "d"),
            ("[]", "a"),
            ("[a", "a"),
        ] {
            assert!(!matches(glob.as_bytes(), name.as_bytes()), "{glob} {name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_name_matches_itself_and_what_stars_leave_out(name: Vec<u8>, at: proptest::sample::Index, length in 0_usize..9) {
            // A bracket opens a set.
            let name: Vec<u8> = name.into_iter().filter(|byte| *byte != b'[').collect();
            assert!(matches(&[b"*", name.as_slice()].concat(), &name));
            let start = at.index(name.len() + 1);
            let end = (start + length).min(name.len());
            assert!(matches(&[&name[..start], b"*", &name[end..]].concat(), &name));
        }
    }
}
