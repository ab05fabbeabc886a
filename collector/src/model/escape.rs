//! Text from the host is bytes; this is how it is shown.

use std::fmt::Write as _;
use std::path::Path;

use super::Digest;

/// Bytes that [`clipped`] puts in the place of what it takes away, at most.
const MARK: usize = 64;

/// `bytes` as text that no terminal acts on: printable UTF-8 stays, everything else becomes `\n`, `\t`, `\\` or `\xNN`.
#[must_use]
pub fn bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|c| push(&mut out, c));
        chunk.invalid().iter().for_each(|b| push_hex(&mut out, *b));
    }
    out
}

/// `path` as text that no terminal acts on.
#[must_use]
pub fn path(path: &Path) -> String {
    bytes(path.as_os_str().as_encoded_bytes())
}

fn push(out: &mut String, c: char) {
    match c {
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\t' => out.push_str("\\t"),
        c if c.is_control() || is_invisible(c) => c.encode_utf8(&mut [0; 4]).bytes().for_each(|b| push_hex(out, b)),
        c => out.push(c),
    }
}

/// Characters that reorder or hide their neighbours on a terminal: bidirectional controls, zero width, line separators.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn push_hex(out: &mut String, byte: u8) {
    // Writing into a String cannot fail.
    let _ = write!(out, "\\x{byte:02x}");
}

/// `text`, if it has at most `most` bytes; else its beginning, its length and the digest by which it can be told from others that begin
/// alike. What it returns has at most `most` bytes, so it stays as it is when it is clipped once more.
#[must_use]
pub fn clipped(text: String, most: usize) -> String {
    if text.len() <= most {
        return text;
    }
    let head = text.get(..text.floor_char_boundary(most.saturating_sub(MARK))).unwrap_or_default();
    let digest = Digest::of(text.as_bytes()).to_string();
    format!("{head}… (sha256 {} of {} bytes)", digest.get(..16).unwrap_or_default(), text.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    #[test]
    fn no_terminal_acts_on_it() {
        assert_eq!(super::bytes(b"a\x1b[31m\n\\\xff\xc3\xa4"), "a\\x1b[31m\\n\\\\\\xff\u{e4}");
        assert_eq!(super::bytes("\u{202e}".as_bytes()), "\\xe2\\x80\\xae");
    }

    #[test]
    fn long_texts_that_begin_alike_stay_apart() {
        let (a, b) = ("ä".repeat(2000) + "a", "ä".repeat(2000) + "b");
        let (a, b) = (super::clipped(a, 1000), super::clipped(b, 1000));
        assert!(a != b && a.ends_with(" of 4001 bytes)") && a.len() > 970 && a.len() <= 1000, "{a}");
    }

    proptest! {
        #[test]
        fn what_is_clipped_fits_and_stays_as_it_is(text in any::<String>(), most in 64_usize..200) {
            let once = super::clipped(text.clone(), most);
            prop_assert!(once.len() <= most && (text.len() > most || once == text));
            prop_assert_eq!(super::clipped(once.clone(), most), once);
        }
    }
}
