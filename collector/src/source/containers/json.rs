//! JSON that anybody may have written, because it lies in a home: a byte of it may take a hundred of memory once it is read, so what it
//! would take is looked at first, and a list is read one entry at a time.

use serde_json::Value;

/// The most bytes of JSON that describes something. Engines write some ten thousand.
pub(super) const MOST: usize = 2 << 20;

/// The number of bytes that have one sign (`[]{},`) at most, on the average of a text of the greatest length.
const BYTES_OF_A_SIGN: usize = 16;

/// Whether `text` is longer than `most` bytes, or has more values than so many bytes of an engine's.
pub(super) fn is_too_much(text: &[u8], most: usize) -> bool {
    text.len() > most || signs(text).count() > most / BYTES_OF_A_SIGN
}

/// What `text` says; nothing where it is too much or no JSON.
pub(super) fn parsed(text: &[u8], most: usize) -> Option<Value> {
    if is_too_much(text, most) { None } else { serde_json::from_slice(text).ok() }
}

/// The entries of the list that `text` is, each as it stands there; none where it is no list.
pub(super) fn entries(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let inside = text.trim_ascii_start().strip_prefix(b"[").unwrap_or_default();
    let (mut signs, mut from, mut depth, mut is_over) = (signs(inside), 0, 0_u64, false);
    let next = move || {
        if is_over {
            return None;
        }
        for (at, sign) in signs.by_ref() {
            match sign {
                b'[' | b'{' => depth += 1,
                b']' | b'}' if depth > 0 => depth -= 1,
                b',' if depth > 0 => {}
                // Between two entries, or behind the last.
                _ => {
                    is_over = sign != b',';
                    let entry = inside.get(from..at);
                    from = at + 1;
                    return entry;
                }
            }
        }
        is_over = true;
        inside.get(from..)
    };
    std::iter::from_fn(next).filter(|entry| !entry.trim_ascii().is_empty())
}

/// The signs of `text` that stand in no string, with their places.
fn signs(text: &[u8]) -> impl Iterator<Item = (usize, u8)> {
    let (mut within, mut is_escaped) = (false, false);
    text.iter().copied().enumerate().filter(move |(_, byte)| {
        if is_escaped {
            is_escaped = false;
            return false;
        }
        match *byte {
            b'\\' => is_escaped = within,
            b'"' => within = !within,
            b'[' | b']' | b'{' | b'}' | b',' => return !within,
            _ => {}
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_take_much_memory_is_not_read() {
        let dense = format!("[0{}]", ",0".repeat(1000));
        assert!(parsed(dense.as_bytes(), MOST).is_some() && parsed(dense.as_bytes(), 4096).is_none());
        let text = format!("\"{}\"", ",[\\\"".repeat(1000));
        assert!(parsed(text.as_bytes(), 4096).is_some() && parsed(text.as_bytes(), 4000).is_none());
        assert_eq!(parsed(b"{", MOST), None);
    }

    #[test]
    fn a_list_has_entries() {
        let of =
            |text: &'static str| entries(text.as_bytes()).map(|entry| std::str::from_utf8(entry).unwrap()).collect::<Vec<_>>();
        assert_eq!(of(" [1,{\"a\":[2,3]} ,\"],\\\"\" ] 4, 5"), ["1", "{\"a\":[2,3]} ", "\"],\\\"\" "]);
        assert_eq!(of("[1,[2"), ["1", "[2"]);
        assert_eq!((of("[]"), of("{\"a\":[1]}"), of("null"), of("[ ")), (vec![], vec![], vec![], vec![]));
    }

    proptest::proptest! {
        #[test]
        fn entries_are_what_the_list_has(numbers: Vec<u32>, texts: Vec<String>) {
            let values: Vec<Value> = numbers.into_iter().map(Value::from).chain(texts.into_iter().map(Value::from)).collect();
            let nested = Value::from(vec![Value::from(values.clone()), serde_json::json!({"a": values})]);
            for list in [Value::from(values), nested] {
                let text = list.to_string();
                let read: Vec<Value> = entries(text.as_bytes()).map(|entry| serde_json::from_slice(entry).unwrap()).collect();
                assert_eq!(Value::from(read), list);
            }
        }

        #[test]
        fn any_text_is_read(text: Vec<u8>) {
            let bytes: usize = entries(&text).map(<[u8]>::len).sum();
            assert!(bytes <= text.len());
        }
    }
}
