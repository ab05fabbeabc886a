//! Canonical JSON: one value, one spelling.
//!
//! A subset of RFC 8785: UTF-8, no white space, members sorted by name (all names are ASCII), integers only, the short
//! escapes of RFC 8785 3.2.2.2. Digests and signatures are taken over these bytes, so a reader can parse a record, write it
//! again and compare.

use serde::Serialize;
use serde_json::Value;

/// The value has no canonical form.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be JSON at all.
    #[error("the record is not JSON")]
    Json(#[from] serde_json::Error),
    /// It holds a number that is not an integer.
    #[error("the record holds {0}, and only integers have one spelling")]
    Float(f64),
}

/// The canonical bytes of `value`.
///
/// # Errors
/// When `value` has no JSON form or holds a number that is not an integer.
pub fn to_bytes<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    let value = serde_json::to_value(value)?;
    refuse_floats(&value)?;
    // serde_json's map is sorted (its `preserve_order` feature is off; a test below holds that).
    Ok(serde_json::to_vec(&value)?)
}

/// Whether `bytes` are exactly the canonical form of the JSON they hold.
#[must_use]
pub fn is_canonical(bytes: &[u8]) -> bool {
    serde_json::from_slice::<Value>(bytes).is_ok_and(|value| to_bytes(&value).is_ok_and(|again| again == bytes))
}

fn refuse_floats(value: &Value) -> Result<(), Error> {
    match value {
        Value::Number(number) if number.is_f64() => Err(Error::Float(number.as_f64().unwrap_or(f64::NAN))),
        Value::Array(items) => items.iter().try_for_each(refuse_floats),
        Value::Object(members) => members.values().try_for_each(refuse_floats),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn members_are_sorted_and_nothing_is_spaced() {
        let bytes = to_bytes(&json!({"b": [1, -2], "a": {"z": null, "y": "\u{8}\n\u{1f}ä"}})).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), "{\"a\":{\"y\":\"\\b\\n\\u001fä\",\"z\":null},\"b\":[1,-2]}");
    }

    #[test]
    fn floats_are_refused() {
        assert!(matches!(to_bytes(&json!({"a": [0.5]})), Err(Error::Float(_))));
    }

    #[test]
    fn other_spellings_are_not_canonical() {
        assert!(is_canonical(b"{\"a\":1,\"b\":2}"));
        for other in
            [&b"{\"b\":2,\"a\":1}"[..], b"{\"a\": 1}", b"{\"a\":1}\n", b"{\"a\":1,\"a\":1}", b"{\"a\":\"\\u0041\"}", b"{"]
        {
            assert!(!is_canonical(other), "{}", String::from_utf8_lossy(other));
        }
    }
}
