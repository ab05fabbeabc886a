//! Numbers, lines and fields of the kernel's texts.
//!
//! **Invariant:** takes any bytes, and answers `None` where they are not what is asked for.

use std::str::FromStr;

/// A decimal number that fits into `T`, with white space around it; with a sign where `T` takes one.
pub(super) fn parsed<T: FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text.trim_ascii()).ok()?.parse().ok()
}

/// A decimal number, with a sign or without.
pub(super) fn number(text: &[u8]) -> Option<i64> {
    parsed(text)
}

/// A decimal number that fits into `T`: digits and nothing else.
pub(super) fn decimal<T: FromStr>(digits: &[u8]) -> Option<T> {
    if digits.iter().all(u8::is_ascii_digit) { std::str::from_utf8(digits).ok()?.parse().ok() } else { None }
}

/// A hexadecimal number, with `0x` or without, with white space around it.
pub(super) fn hexadecimal(text: &[u8]) -> Option<u64> {
    let text = text.trim_ascii();
    hex_digits(text.strip_prefix(b"0x").unwrap_or(text))
}

/// A hexadecimal number: digits and nothing else.
pub(super) fn hex_digits(digits: &[u8]) -> Option<u64> {
    let plain = digits.iter().all(u8::is_ascii_hexdigit);
    if plain { u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok() } else { None }
}

/// The lines of `text` that are not empty, without their newlines.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|b| *b == b'\n').filter(|line| !line.is_empty())
}

/// The fields of `line` between blanks and tabs.
pub(super) fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|b| matches!(b, b' ' | b'\t')).filter(|field| !field.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_whole_or_none() {
        assert_eq!(
            (number(b" -7\n"), number(b"7 8"), number(b"\xff"), number(b"99999999999999999999")),
            (Some(-7), None, None, None)
        );
        assert_eq!(
            (hexadecimal(b"0xff"), hexadecimal(b"+f"), hexadecimal(b""), hexadecimal(b"0x")),
            (Some(255), None, None, None)
        );
    }

    #[test]
    fn digits_have_no_sign_and_nothing_around_them() {
        assert_eq!(
            (decimal::<u8>(b"255"), decimal::<u8>(b"256"), decimal::<u8>(b"+1"), decimal::<u8>(b"")),
            (Some(255), None, None, None)
        );
        assert_eq!((decimal::<u8>(b" 1"), parsed::<u8>(b" +1\n")), (None, Some(1)));
        assert_eq!((hex_digits(b"fF"), hex_digits(b"0xff"), hex_digits(b" ff"), hex_digits(b"")), (Some(255), None, None, None));
    }
}
