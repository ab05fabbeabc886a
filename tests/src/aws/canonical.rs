//! The canonical request of Signature Version 4, and what is made of it. Reference: "Create a signed AWS API request" in the IAM User
//! Guide, "Authenticating Requests" in the S3 API Reference.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::serve::{Head, decode, encode};

/// The name of the algorithm.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Lower case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// HMAC-SHA-256.
#[must_use]
pub fn hmac(key: &[u8], text: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

/// The key that signs for one day, region and service.
#[must_use]
pub fn signing_key(secret: &str, date: &str, region: &str, service: &str) -> [u8; 32] {
    let day = hmac(format!("AWS4{secret}").as_bytes(), date);
    let key = hmac(&hmac(&day, region), service);
    hmac(&key, "aws4_request")
}

/// The string that is signed.
#[must_use]
pub fn string_to_sign(time: &str, scope: &str, request: &str) -> String {
    format!("{ALGORITHM}\n{time}\n{scope}\n{}", hex(&Sha256::digest(request)))
}

/// The canonical request. Services other than S3 encode the path a second time.
#[must_use]
pub fn request(head: &Head, signed: &[&str], payload: &str, is_s3: bool) -> String {
    let path = if is_s3 { encode(&decode(&head.path), "/") } else { encode(&head.path, "/") };
    let headers: String = signed.iter().map(|name| format!("{name}:{}\n", values(head, name))).collect();
    format!("{}\n{path}\n{}\n{headers}\n{}\n{payload}", head.method, query(head), signed.join(";"))
}

/// All parameters but the signature, sorted by name and value.
fn query(head: &Head) -> String {
    let parameters = head.parameters();
    let kept = parameters.iter().filter(|(name, _)| name != "X-Amz-Signature");
    let mut pairs: Vec<(String, String)> = kept.map(|(name, value)| (encode(name, ""), encode(value, ""))).collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// The values of a header: each without white space around it, and with single spaces within.
fn values(head: &Head, name: &str) -> String {
    let values = head.headers.iter().filter(|(other, _)| other == name);
    let trimmed = values.map(|(_, value)| value.split_ascii_whitespace().collect::<Vec<_>>().join(" "));
    trimmed.collect::<Vec<_>>().join(",")
}
