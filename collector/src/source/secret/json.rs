//! Secrets in JSON, as container runtimes write it: all on one line, so that a rule for words would hide too much.

use std::ops::Range;

use super::{hide, is_key, mask};

/// Puts an `x` in the place of each byte of a secret in the strings of `text`, which is JSON; what is none is treated as lines
/// of text. The result is JSON of the same form: quotes, names and all that is no secret keep their place. Returns how many
/// bytes that were.
///
/// A secret is the text of a member whose name says so (`"auth": "…"`), the value of an assignment in a string
/// (`"DB_PASSWORD=…"`), the `value` of an object whose `name` says so, and in any other string what the rules for text find.
pub(in crate::source) fn mask_json(text: &mut [u8]) -> u64 {
    if !text.trim_ascii_start().first().is_some_and(|byte| b"{[".contains(byte)) {
        return mask(text);
    }
    let (mut count, mut at, mut member) = (0, 0, Member::default());
    while let Some(span) = next_string(text, at) {
        at = span.end + 1;
        let content = text.get(span.clone()).unwrap_or_default();
        if is_name(text, at) {
            member.named(content);
        } else if member.is_secret_value(content) {
            count += hide(text, span);
        } else {
            count += in_string(text.get_mut(span).unwrap_or_default());
        }
    }
    count
}

/// What is known of the member whose value comes next.
#[derive(Debug, Default)]
struct Member {
    is_secret: bool,
    is_name: bool,
    is_value: bool,
    /// Whether the object's `name` was that of a secret.
    names_secret: bool,
}

impl Member {
    fn named(&mut self, name: &[u8]) {
        self.is_secret = is_key(name);
        self.is_name = name.eq_ignore_ascii_case(b"name");
        self.is_value = name.eq_ignore_ascii_case(b"value");
    }

    /// Whether all of a string is a secret because of the names that stand before it.
    fn is_secret_value(&mut self, content: &[u8]) -> bool {
        if self.is_name {
            self.names_secret = is_key(content);
            return false;
        }
        self.is_secret || (self.is_value && self.names_secret)
    }
}

/// What stands between the quotes of the next string from `from` on; a string that is cut off ends with the text.
fn next_string(text: &[u8], from: usize) -> Option<Range<usize>> {
    let start = from + text.get(from..)?.iter().position(|b| *b == b'"')? + 1;
    let mut at = start;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => return Some(start..at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    (start < text.len()).then_some(start..text.len())
}

/// Whether the string that ends before `at` is the name of a member.
fn is_name(text: &[u8], at: usize) -> bool {
    text.get(at..).and_then(|rest| rest.iter().find(|b| !b.is_ascii_whitespace())) == Some(&b':')
}

fn in_string(content: &mut [u8]) -> u64 {
    let count = match assigned(content) {
        Some(value) => hide(content, value),
        None => mask(content),
    };
    if count > 0 {
        mend(content);
    }
    count
}

/// The value of `NAME=value`, where the name says that it is a secret.
fn assigned(content: &[u8]) -> Option<Range<usize>> {
    let sign = content.iter().position(|b| *b == b'=')?;
    let name = content.get(..sign)?;
    let is_plain = name.iter().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(b));
    (is_plain && !name.is_empty() && is_key(name)).then_some(sign + 1..content.len())
}

/// Makes a string again of what is left of one: where the backslash before a quote was hidden, the quote would end it; and where what a
/// backslash escapes was hidden, it would escape the `x` in its place, which JSON does not know.
fn mend(content: &mut [u8]) {
    let mut escape: Option<&mut u8> = None;
    for byte in content {
        match (*byte, escape.take()) {
            (b'\\', None) => escape = Some(byte),
            (b'"', None) => *byte = b'x',
            (b'x', Some(backslash)) => *backslash = b'x',
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let mut bytes = text.as_bytes().to_owned();
        mask_json(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn only_the_secret_of_a_long_line_is_hidden() {
        let text = r#"{"Env":["PATH=/bin","DB_PASSWORD=hunter2","LANG=C"],"Cmd":["sh","-c","id"],"auth":"dXNlcg==","n":1}"#;
        let hidden = r#"{"Env":["PATH=/bin","DB_PASSWORD=xxxxxxx","LANG=C"],"Cmd":["sh","-c","id"],"auth":"xxxxxxxx","n":1}"#;
        assert_eq!(masked(text), hidden);
    }

    #[test]
    fn the_value_of_an_object_that_is_called_a_secret_is_hidden() {
        let text = r#"[{"name":"API_TOKEN","value":"v1"},{"name":"HOME","value":"/root"}]"#;
        assert_eq!(masked(text), r#"[{"name":"API_TOKEN","value":"xx"},{"name":"HOME","value":"/root"}]"#);
    }

    #[test]
    fn json_within_json_stays_json() {
        let text = r#"{"last":"{\"token\":\"abc\",\"n\":\"v\"}","args":["curl","-u","a:b@host","https://u:p@h/"]}"#;
        let hidden = masked(text);
        let value: serde_json::Value = serde_json::from_str(&hidden).unwrap();
        assert!(!hidden.contains("abc") && !hidden.contains("u:p@"), "{hidden}");
        assert_eq!(value["args"][0], "curl");
    }

    #[test]
    fn an_escape_whose_second_half_is_hidden_is_none_any_more() {
        for (text, hidden) in [
            (r#"["{\"token\":\n12}"]"#, r#"["{\"token\":xxxx}"]"#),
            (r#"["{\"token\":\u00412,\n"]"#, r#"["{\"token\":xxxxxxx,\n"]"#),
            (r#"["a\npm_aaaaaaaaaaaaaaaaaaaa\\"]"#, r#"["axxxxxxxxxxxxxxxxxxxxxxxxx\\"]"#),
        ] {
            assert_eq!(masked(text), hidden);
            serde_json::from_str::<serde_json::Value>(hidden).unwrap();
        }
    }

    #[test]
    fn what_is_no_json_is_lines_of_text() {
        assert_eq!(masked("password=hunter2\nuser: x\n"), "password=xxxxxxx\nuser: x\n");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_keep_their_length(mut text: Vec<u8>) {
            text.insert(0, b'{');
            let before = text.len();
            mask_json(&mut text);
            assert_eq!(text.len(), before);
        }

        #[test]
        fn what_was_json_is_json(text in "[ -~]{0,60}", name in "[a-zA-Z_]{0,12}") {
            let json = serde_json::json!({ name.clone(): text, "Env": [format!("{name}={text}")], "token": "t\"\\" });
            let mut bytes = serde_json::to_vec(&json).unwrap();
            mask_json(&mut bytes);
            serde_json::from_slice::<serde_json::Value>(&bytes).unwrap();
        }
    }
}
