//! The triple that makes credentials, in the JSON that STS, IMDS and people write.

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use serde::Deserialize;
use zeroize::Zeroize as _;

use super::PROVIDER;

/// Text that is zeroed when it is given back.
#[derive(Deserialize)]
#[serde(transparent)]
struct Secret(String);

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Names as STS prints them, as IMDS does (`Token`), and as a configuration would.
#[derive(Deserialize)]
struct Triple {
    #[serde(alias = "access_key_id", alias = "aws_access_key_id", rename = "AccessKeyId")]
    id: Secret,
    #[serde(alias = "secret_access_key", alias = "aws_secret_access_key", rename = "SecretAccessKey")]
    secret: Secret,
    #[serde(default, alias = "Token", alias = "session_token", alias = "aws_session_token", rename = "SessionToken")]
    token: Option<Secret>,
    #[serde(default, alias = "expiration", rename = "Expiration")]
    expires: Option<String>,
}

/// `{"Credentials": …}` of `aws sts assume-role`.
#[derive(Deserialize)]
struct Wrapped {
    #[serde(rename = "Credentials")]
    inner: Triple,
}

/// Reads JSON. The error names no part of the text, which may be a secret.
pub(super) fn parse(text: &[u8]) -> Result<Credentials, String> {
    let wrapped = serde_json::from_slice(text).map(|Wrapped { inner }| inner);
    // One form after the other: trying both at once would keep a copy of the secret that nobody zeroes.
    let triple = wrapped.or_else(|_| serde_json::from_slice::<Triple>(text));
    let triple = triple.map_err(|_| "is not JSON with AccessKeyId, SecretAccessKey and SessionToken".to_owned())?;
    let expires = triple.expires.as_deref().map(|text| seconds(text).ok_or("holds an Expiration that is no time")).transpose()?;
    make(&triple.id.0, &triple.secret.0, triple.token.as_ref().map(|token| token.0.as_str()), expires)
}

/// Seconds since the epoch of an RFC 3339 time.
fn seconds(text: &str) -> Option<u64> {
    use aws_smithy_types::date_time::{DateTime, Format};
    u64::try_from(DateTime::from_str(text, Format::DateTimeWithOffset).ok()?.secs()).ok()
}

/// Credentials of these parts, each looked at for what would only fail later, and less clearly.
pub(super) fn make(id: &str, secret: &str, token: Option<&str>, expires: Option<u64>) -> Result<Credentials, String> {
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
    let token = token.filter(|token| !token.is_empty());
    if !plain(id) || !plain(secret) || token.is_some_and(|token| !plain(token)) {
        return Err("hold an empty value or a character that none has; give the triple as STS printed it".to_owned());
    }
    let expires = expires.map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds));
    Ok(Credentials::new(id, secret, token.map(str::to_owned), expires, PROVIDER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_forms_that_are_met_are_read() {
        let sts = r#"{"Credentials":{"AccessKeyId":"A","SecretAccessKey":"S","SessionToken":"T","Expiration":"2026-11-22T00:00:00+00:00"}}"#;
        let imds = r#"{"Code":"Success","Type":"AWS-HMAC","AccessKeyId":"A","SecretAccessKey":"S","Token":"T","Expiration":"2026-11-22T00:00:00Z"}"#;
        let own = r#"{"access_key_id":"A","secret_access_key":"S","session_token":"T"}"#;
        for text in [sts, imds, own] {
            let credentials = parse(text.as_bytes()).unwrap();
            let parts = (credentials.access_key_id(), credentials.secret_access_key(), credentials.session_token());
            assert_eq!(parts, ("A", "S", Some("T")), "{text}");
            assert_eq!(credentials.expiry().is_some(), text != own);
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_secret() {
        for text in [
            "",
            "{}",
            "SECRETSECRET",
            r#"{"AccessKeyId":"A","SecretAccessKey":""}"#,
            r#"{"AccessKeyId":"","SecretAccessKey":"SECRETSECRET"}"#,
            r#"{"AccessKeyId":"A","SecretAccessKey":"SECRET\nSECRET"}"#,
            r#"{"AccessKeyId":"A","SecretAccessKey":"SECRETSECRET","Expiration":"soon"}"#,
            r#"{"AccessKeyId":"A","SecretAccessKey":["SECRETSECRET"]}"#,
        ] {
            let error = parse(text.as_bytes()).unwrap_err();
            assert!(!error.contains("SECRET"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }
    }
}
