//! Which entries of an environment are secrets, and how they are kept out of the evidence.

use super::parse::Entry;
use crate::source::secret;

/// What of an entry must be hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Secret {
    /// Nothing.
    No,
    /// What stands behind the `=`.
    Value,
    /// All of it.
    Whole,
}

/// What of `entry` must be hidden.
pub(super) fn judge(entry: &Entry<'_>) -> Secret {
    if secret::is_text(entry.key) {
        return Secret::Whole;
    }
    match entry.value {
        Some(b"") => Secret::No,
        Some(value) if entry.cut || secret::is_key(entry.key) || secret::is_text(value) => Secret::Value,
        None if entry.cut => Secret::Whole,
        _ => Secret::No,
    }
}

/// Whether an entry is one of the credentials that Run Command gives to Hozen itself: the shell that started it has them too, and
/// evidence must not hold what it was written with.
pub(super) fn is_uploaders(entry: &Entry<'_>) -> bool {
    entry.key.starts_with(b"SSM_AWS_") && entry.value.is_some_and(|value| !value.is_empty())
}

/// A copy of `environ` in which every hidden byte is an `x`, so that all others keep their place.
pub(super) fn masked<'a>(environ: &[u8], judged: impl IntoIterator<Item = (&'a Entry<'a>, Secret)>) -> Vec<u8> {
    let mut copy = environ.to_owned();
    for (entry, secret) in judged {
        let hidden = match secret {
            Secret::No => continue,
            Secret::Value => entry.span.end - entry.value.unwrap_or_default().len()..entry.span.end,
            Secret::Whole => entry.span.clone(),
        };
        copy.get_mut(hidden).unwrap_or_default().fill(b'x');
    }
    copy
}

#[cfg(test)]
mod tests {
    use super::super::parse::entries;
    use super::*;
    use proptest::prelude::*;

    fn verdict(entry: &str) -> Secret {
        judge(&entries(entry.as_bytes(), false)[0])
    }

    #[test]
    fn the_uploaders_own_credentials_are_known() {
        let ours = |text: &str| is_uploaders(&entries(text.as_bytes(), false)[0]);
        assert!(ours("SSM_AWS_SESSION_TOKEN=v") && ours("SSM_AWS_SECRET_ACCESS_KEY=v"));
        assert!(!ours("SSM_AWS_SESSION_TOKEN=") && !ours("AWS_SESSION_TOKEN=v") && !ours("SSM_AWS_SESSION_TOKEN"));
    }

    #[test]
    fn secrets_are_known_by_their_key() {
        for key in [
            "AWS_ACCESS_KEY_ID",
            "aws_secret_access_key",
            "AWS_SESSION_TOKEN",
            "GitHub_Token",
            "PGPASSWORD",
            "MYSQL_PWD",
            "APP_SECRET",
            "SSH_KEY",
            "myApiKey",
            "SENTRY_DSN",
            "GOOGLE_CREDENTIALS",
            "ROOT_PASSWD",
            "DB_PASS",
        ] {
            assert_eq!(verdict(&format!("{key}=v")), Secret::Value, "{key}");
            assert_eq!(verdict(&format!("{key}=")), Secret::No, "nothing to hide in {key}");
        }
    }

    #[test]
    fn secrets_are_known_by_their_value() {
        for value in [
            "AKIAIOSFODNN7EXAMPLE",
            "x ASIAIOSFODNN7EXAMPLE y",
            "eyJhbGciOiJIUzI1NiJ9.e30.x",
            "-----BEGIN RSA PRIVATE KEY-----",
            "postgres://u:p/w@h/db",
            "a http://x:y@z",
            "root:pw@tcp(db:3306)/x",
            "-Djavax.net.ssl.keyStorePassword=changeit",
            "Bearer abc",
            "ghp_aaaaaaaaaaaaaaaaaaaaaaaa",
            "redis://:pw@h",
        ] {
            assert_eq!(verdict(&format!("X={value}")), Secret::Value, "{value}");
            assert_ne!(verdict(value), Secret::No, "{value} alone");
        }
    }

    #[test]
    fn what_a_responder_needs_stays() {
        for entry in [
            "PATH=/usr/bin:/bin",
            "PWD=/tmp",
            "OLDPWD=/",
            "SSH_CONNECTION=10.0.0.1 22 10.0.0.2 22",
            "SSH_AUTH_SOCK=/tmp/a",
            "LD_PRELOAD=/dev/shm/x.so",
            "SESSION_MANAGER=local/h:@/tmp/.ICE-unix/1",
            "IMAGE=reg:5000/img@sha256:00",
            "bare",
            "HISTFILE=/dev/null",
            "http_proxy=http://10.0.0.9:3128",
            "MAIL=root@host",
            "GIT=git@github.com:a/b",
            "AKIA=AKIA",
        ] {
            assert_eq!(verdict(entry), Secret::No, "{entry}");
        }
    }

    #[test]
    fn an_entry_cut_short_is_hidden() {
        let cut = |environ: &'static [u8]| judge(entries(environ, true).last().unwrap());
        assert_eq!((cut(b"A=1\0URL=postgres://u:pass"), cut(b"A=1\0eyJ")), (Secret::Value, Secret::Whole));
    }

    fn secret_entry() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
        let value = "[Q-Z]{16,40}";
        let by_key = ("[a-p]{0,4}", "(_TOKEN|_KEY|SECRET|password|_dsn|Credential)", value)
            .prop_map(|(start, end, value)| (format!("{start}{end}={value}").into_bytes(), value.into_bytes()));
        let by_url =
            ("[a-p]{1,4}", value).prop_map(|(key, value)| (format!("{key}=ftp://u:{value}@h/").into_bytes(), value.into_bytes()));
        let by_shape = ("[a-p]{0,4}", "[Q-Z]{16}").prop_map(|(key, value)| {
            let value = format!("AKIA{value}");
            (format!("{key}={value}").into_bytes(), value.into_bytes())
        });
        prop_oneof![by_key, by_url, by_shape]
    }

    proptest! {
        #[test]
        fn no_byte_of_a_secret_survives(
            pieces in proptest::collection::vec((secret_entry(), proptest::collection::vec(any::<u8>(), 0..40)), 0..8),
        ) {
            let environ: Vec<u8> = pieces.iter().flat_map(|((entry, _), noise)| [entry, &b"\0"[..], noise, b"\0"].concat()).collect();
            let found = entries(&environ, false);
            let copy = masked(&environ, found.iter().map(|entry| (entry, judge(entry))));
            prop_assert_eq!(copy.len(), environ.len());
            for ((_, secret), _) in &pieces {
                prop_assert!(!copy.windows(secret.len()).any(|window| window == secret.as_slice()));
            }
            // Whatever is not an x is what it was.
            prop_assert!(copy.iter().zip(&environ).all(|(new, old)| new == old || *new == b'x'));
        }

        #[test]
        fn any_bytes_are_judged(environ: Vec<u8>) {
            let found = entries(&environ, true);
            prop_assert_eq!(masked(&environ, found.iter().map(|entry| (entry, judge(entry)))).len(), environ.len());
        }
    }
}
