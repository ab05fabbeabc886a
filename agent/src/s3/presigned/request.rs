//! One request of a list: what of it is signed, and the address that the signature makes of it ("Authenticating Requests: Using
//! Query Parameters" of the S3 API reference).

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use hmac::{Hmac, KeyInit as _, Mac as _};
use hozen_collector::model::receipt::Lock;
use hozen_collector::model::{Digest, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What all requests of one list have in common: what they are signed for, and with what. Never the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Address of the bucket: scheme, host, and the bucket's name as path where it is not in the host.
    pub base: String,
    /// Region of the signatures.
    pub region: String,
    /// The id of the key that signed.
    pub access_key_id: String,
    /// Token of the session that signed, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Token>,
    /// When the requests were signed, in whole seconds, by the bucket's clock as far as it was known.
    pub signed: Timestamp,
    /// Seconds for which they are good.
    pub expires_s: u32,
    /// Account that must own the bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Retention of every object; absent where the bucket's default decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<Lock>,
    /// KMS key that the bucket encrypts with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
}

/// The token of a session. It is not shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(pub(super) String);

/// A signature: whoever has it can make the request. It is not shown.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Signature(Digest);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(…)")
    }
}

/// What a signature is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::s3) enum Deed<'a> {
    /// Making an object of one body.
    Put,
    /// Sending a part of an upload.
    Part { upload: &'a str, number: usize },
    /// Making an object of the parts of an upload.
    Complete { upload: &'a str },
}

/// A request that can be signed, or has been.
pub(super) struct Request<'a> {
    terms: &'a Terms,
    method: &'static str,
    path: String,
    query: BTreeMap<&'static str, String>,
    headers: BTreeMap<&'static str, String>,
}

impl Terms {
    /// The request for `deed` on the object `key`, a key of the alphabet that runs use.
    pub(super) fn request(&self, deed: Deed<'_>, key: &str) -> Request<'_> {
        let headers = self.headers(deed);
        let names: Vec<&str> = headers.keys().copied().collect();
        let mut query = BTreeMap::from([
            ("X-Amz-Algorithm", ALGORITHM.to_owned()),
            ("X-Amz-Credential", encode(&format!("{}/{}", self.access_key_id, self.scope()))),
            ("X-Amz-Date", self.time()),
            ("X-Amz-Expires", self.expires_s.to_string()),
            ("X-Amz-SignedHeaders", encode(&names.join(";"))),
        ]);
        if let Some(token) = &self.token {
            query.insert("X-Amz-Security-Token", encode(&token.0));
        }
        if let Deed::Part { upload, .. } | Deed::Complete { upload } = deed {
            query.insert("uploadId", encode(upload));
        }
        if let Deed::Part { number, .. } = deed {
            query.insert("partNumber", number.to_string());
        }
        let method = if matches!(deed, Deed::Complete { .. }) { "POST" } else { "PUT" };
        let (_, path) = self.host_and_path();
        Request { terms: self, method, path: format!("{path}/{key}"), query, headers }
    }

    /// The headers that a request must have, exactly so: all are signed.
    fn headers(&self, deed: Deed<'_>) -> BTreeMap<&'static str, String> {
        let mut headers = BTreeMap::from([("host", self.host_and_path().0.to_owned())]);
        if let Some(owner) = &self.owner {
            headers.insert("x-amz-expected-bucket-owner", owner.clone());
        }
        if !matches!(deed, Deed::Part { .. }) {
            headers.insert("if-none-match", "*".to_owned());
        }
        if deed != Deed::Put {
            return headers;
        }
        if let Some(lock) = &self.lock {
            headers.insert("x-amz-object-lock-mode", lock.mode.clone());
            headers.insert("x-amz-object-lock-retain-until-date", in_seconds(lock.until));
        }
        if let Some(key) = &self.kms_key {
            headers.insert("x-amz-server-side-encryption", "aws:kms".to_owned());
            headers.insert("x-amz-server-side-encryption-aws-kms-key-id", key.clone());
        }
        headers
    }

    /// Host, with its port where that is not the scheme's, and the path before the key.
    pub(super) fn host_and_path(&self) -> (&str, &str) {
        let rest = self.base.split_once("://").map_or(self.base.as_str(), |(_, rest)| rest);
        rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash))
    }

    /// `20261122T041011Z`.
    fn time(&self) -> String {
        in_seconds(self.signed).chars().filter(|c| !matches!(c, '-' | ':')).collect()
    }

    fn scope(&self) -> String {
        let day: String = self.time().chars().take(8).collect();
        format!("{day}/{}/s3/aws4_request", self.region)
    }

    /// The key that signs, made of the secret.
    pub(super) fn signer(&self, secret: &str) -> Signer {
        let first = Zeroizing::new(format!("AWS4{secret}"));
        let scope = self.scope();
        let key = scope
            .split('/')
            .fold(Zeroizing::new(first.as_bytes().to_vec()), |key, part| Zeroizing::new(hmac(&key, part.as_bytes()).to_vec()));
        Signer(key)
    }
}

/// Signs.
pub(super) struct Signer(Zeroizing<Vec<u8>>);

impl Signer {
    /// The signature of `request`.
    pub(super) fn sign(&self, request: &Request<'_>) -> Signature {
        let terms = request.terms;
        let digest = Digest::of(request.canonical().as_bytes());
        let text = format!("{ALGORITHM}\n{}\n{}\n{digest}", terms.time(), terms.scope());
        Signature(Digest::from(hmac(&self.0, text.as_bytes())))
    }
}

impl Request<'_> {
    /// The canonical request. The body is not signed: nobody knows it yet.
    fn canonical(&self) -> String {
        let names: Vec<&str> = self.headers.keys().copied().collect();
        let headers = self.headers.iter().fold(String::new(), |mut text, (name, value)| {
            // Writing into a String cannot fail.
            let _ = writeln!(text, "{name}:{value}");
            text
        });
        let (method, path, query) = (self.method, &self.path, self.query_text());
        format!("{method}\n{path}\n{query}\n{headers}\n{}\nUNSIGNED-PAYLOAD", names.join(";"))
    }

    fn query_text(&self) -> String {
        let pairs: Vec<String> = self.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("&")
    }

    /// The address that is asked.
    pub(super) fn url(&self, signature: &Signature) -> String {
        let scheme = self.terms.base.split_once("://").map_or("https", |(scheme, _)| scheme);
        let (host, _) = self.terms.host_and_path();
        format!("{scheme}://{host}{}?{}&X-Amz-Signature={}", self.path, self.query_text(), signature.0)
    }

    /// The headers that it must have, but `host`, which whoever connects sends by himself.
    pub(super) fn into_headers(self) -> BTreeMap<&'static str, String> {
        self.headers.into_iter().filter(|(name, _)| *name != "host").collect()
    }
}

/// RFC 3339 without fractions, as S3 writes retentions.
fn in_seconds(time: Timestamp) -> String {
    time.to_string().chars().take(19).chain(['Z']).collect()
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    // An HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    mac.update(text);
    mac.finalize().into_bytes().into()
}

/// Percent-encoding as signatures want it: everything but `A-Z a-z 0-9 - _ . ~`.
fn encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

    fn terms() -> Terms {
        Terms {
            base: "https://examplebucket.s3.amazonaws.com".to_owned(),
            region: "us-east-1".to_owned(),
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            token: None,
            signed: "2013-05-24T00:00:00.000000000Z".parse().unwrap(),
            expires_s: 86_400,
            owner: None,
            lock: None,
            kms_key: None,
        }
    }

    /// The example of "Authenticating Requests: Using Query Parameters": a GET with no header but `host`.
    #[test]
    fn the_published_example_is_signed_as_published() {
        let terms = terms();
        let mut request = terms.request(Deed::Part { upload: "", number: 0 }, "test.txt");
        (request.method, request.query) = ("GET", terms.request(Deed::Put, "").query);
        request.query.insert("X-Amz-SignedHeaders", "host".to_owned());
        let url = request.url(&terms.signer(SECRET).sign(&request));
        assert!(url.ends_with("aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"), "{url}");
        assert!(url.starts_with("https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&"), "{url}");
    }

    #[test]
    fn what_makes_an_object_is_bound_to_its_lock_key_and_owner_and_to_a_free_name() {
        let lock = Lock { mode: "COMPLIANCE".to_owned(), until: Timestamp::from_seconds(86_400) };
        let (owner, kms_key) = (Some("123456789012".to_owned()), Some("alias/evidence".to_owned()));
        let terms = Terms { lock: Some(lock), owner, kms_key, ..terms() };
        let names = |deed: Deed<'_>| terms.headers(deed).into_keys().collect::<Vec<_>>().join(" ");
        assert_eq!(
            names(Deed::Put),
            "host if-none-match x-amz-expected-bucket-owner x-amz-object-lock-mode x-amz-object-lock-retain-until-date \
             x-amz-server-side-encryption x-amz-server-side-encryption-aws-kms-key-id"
        );
        assert_eq!(names(Deed::Part { upload: "u", number: 1 }), "host x-amz-expected-bucket-owner");
        assert_eq!(names(Deed::Complete { upload: "u" }), "host if-none-match x-amz-expected-bucket-owner");
        assert_eq!(terms.headers(Deed::Put)["x-amz-object-lock-retain-until-date"], "1970-01-02T00:00:00Z");
    }

    #[test]
    fn a_signature_is_good_for_one_thing() {
        let terms =
            Terms { base: "http://127.0.0.1:9000/evidence".to_owned(), token: Some(Token("a/b+c=".to_owned())), ..terms() };
        let signer = terms.signer(SECRET);
        let deeds = [
            Deed::Put,
            Deed::Part { upload: "u/1", number: 1 },
            Deed::Part { upload: "u/1", number: 2 },
            Deed::Part { upload: "u/2", number: 1 },
            Deed::Complete { upload: "u/1" },
        ];
        let mut seen = Vec::new();
        for (deed, key) in deeds.into_iter().flat_map(|deed| [(deed, "a"), (deed, "b")]) {
            let request = terms.request(deed, key);
            let signature = signer.sign(&request);
            assert!(!seen.contains(&signature), "{deed:?} {key}");
            let url = request.url(&signature);
            assert!(url.starts_with(&format!("http://127.0.0.1:9000/evidence/{key}?")) && !url.contains("u/1"), "{url}");
            assert!(url.contains("X-Amz-Security-Token=a%2Fb%2Bc%3D"), "{url}");
            seen.push(signature);
        }
    }

    #[test]
    fn nothing_secret_is_shown() {
        let signer = terms().signer(SECRET);
        let signature = signer.sign(&terms().request(Deed::Put, "a"));
        let shown = format!("{signature:?} {:?}", Token("secret".to_owned()));
        assert_eq!(shown, "Signature(…) Token(…)");
    }
}
