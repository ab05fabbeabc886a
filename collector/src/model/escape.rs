//! Text from the host is bytes; this is how it is shown.

use std::fmt::Write as _;

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

#[cfg(test)]
mod tests {
    #[test]
    fn no_terminal_acts_on_it() {
        assert_eq!(super::bytes(b"a\x1b[31m\n\\\xff\xc3\xa4"), "a\\x1b[31m\\n\\\\\\xff\u{e4}");
        assert_eq!(super::bytes("\u{202e}".as_bytes()), "\\xe2\\x80\\xae");
    }
}
