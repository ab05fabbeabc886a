//! Small pieces of language that findings and the report share.

use hozen_collector::model::escape;

/// Text that may be from a stranger, made safe to print. Backslashes stay single, because text in records is escaped already.
pub(super) fn shown(text: &str) -> String {
    text.split('\\').map(|piece| escape::bytes(piece.as_bytes())).collect::<Vec<_>>().join("\\")
}

/// As [`shown`], cut after about `limit` characters.
pub(super) fn clipped(text: &str, limit: usize) -> String {
    let head: String = text.chars().take(limit).collect();
    let safe = shown(&head);
    if head.len() == text.len() && safe.chars().count() <= limit {
        return safe;
    }
    safe.chars().take(limit).chain(['…']).collect()
}

/// `1 object`, `2 objects`: the number with its noun.
pub(super) fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// A length as a number that cannot be exceeded.
pub(super) fn length(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_text_is_not_escaped_again() {
        assert_eq!(shown("a\\x1bb\x1b\n\u{202e}"), "a\\x1bb\\x1b\\n\\xe2\\x80\\xae");
        assert_eq!(clipped("äbc", 3), "äbc");
        assert_eq!(clipped("äbcd", 3), "äbc…");
        assert_eq!(count(1, "row"), "1 row");
        assert_eq!(count(0, "row"), "0 rows");
    }
}
