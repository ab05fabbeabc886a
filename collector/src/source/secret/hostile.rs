//! Text of a hostile host, of which secrets are hidden, held against what must be true of it whatever comes: what is kept is as long as what
//! was read, and differs from it only where an `x` stands.

use serde_json::Value;

use super::{mask, mask_cut, mask_json, mask_shadow};

/// Hides secrets in place, and says how many.
type Mask = fn(&mut [u8]) -> u64;

/// The ways to hide secrets.
const WAYS: [(&str, Mask); 4] = [("text", mask), ("cut text", mask_cut), ("accounts", mask_shadow), ("JSON", mask_json)];

/// Hides the secrets of `text` by each of the ways. Returns in how many of them there was one.
///
/// # Panics
/// When a byte was changed that must not be, a change was not counted, or JSON is no longer JSON of the same form.
#[must_use]
pub fn secrets(text: &[u8]) -> usize {
    let hides = |(way, hide): &(&str, Mask)| {
        let mut shown = text.to_owned();
        let count = hide(&mut shown);
        assert!(is_hidden(text, &shown), "{way}: another byte was changed");
        assert_eq!(count == 0, text == shown, "{way}: {count} bytes");
        count > 0
    };
    let found = WAYS.iter().filter(|way| hides(way)).count();
    if let Some(before) = members(text) {
        let mut shown = text.to_owned();
        mask_json(&mut shown);
        assert!(members(&shown).is_some_and(|after| has_form(&before, &after)), "JSON is no longer what it was");
    }
    found
}

/// Whether `shown` is `text` with an `x` in the place of some bytes, and all of its lines.
fn is_hidden(text: &[u8], shown: &[u8]) -> bool {
    let is_right = |(old, new): (&u8, &u8)| old == new || (*new == b'x' && *old != b'\n');
    text.len() == shown.len() && text.iter().zip(shown).all(is_right)
}

/// What a runtime of containers would write: an object or an array.
fn members(text: &[u8]) -> Option<Value> {
    serde_json::from_slice(text).ok().filter(|value: &Value| value.is_object() || value.is_array())
}

/// Whether both differ in strings alone.
fn has_form(before: &Value, after: &Value) -> bool {
    match (before, after) {
        (Value::String(_), Value::String(_)) => true,
        (Value::Array(before), Value::Array(after)) => {
            before.len() == after.len() && before.iter().zip(after).all(|(before, after)| has_form(before, after))
        }
        (Value::Object(before), Value::Object(after)) => {
            before.keys().eq(after.keys()) && before.values().zip(after.values()).all(|(before, after)| has_form(before, after))
        }
        (before, after) => before == after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::seeds;

    #[test]
    fn every_seed_has_a_secret() {
        for (name, bytes) in seeds("secrets") {
            // One of them is the beginning that is hidden of any text that was cut.
            assert!(secrets(&bytes) > 1, "{name}");
        }
        assert_eq!(secrets(b"nothing of that kind"), 1);
    }

    #[test]
    fn only_strings_may_differ() {
        let form =
            |before: &str, after: &str| has_form(&members(before.as_bytes()).unwrap(), &members(after.as_bytes()).unwrap());
        assert!(form(r#"{"a":["b",1,null]}"#, r#"{"a":["x",1,null]}"#));
        for other in [r#"{"x":["b",1,null]}"#, r#"{"a":["b",1]}"#, r#"{"a":["b",2,null]}"#, r#"{"a":"b"}"#] {
            assert!(!form(r#"{"a":["b",1,null]}"#, other), "{other}");
        }
        assert!(is_hidden(b"a\nb", b"x\nb") && !is_hidden(b"a\nb", b"axb") && !is_hidden(b"a", b"ax"));
    }
}
