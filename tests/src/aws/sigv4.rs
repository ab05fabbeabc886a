//! Signature Version 4, verified: in the header `Authorization`, or in the query of a presigned URL.

use jiff::{SignedDuration, Timestamp};

use super::access::{ANYBODY, Key};
use super::canonical::{self, ALGORITHM, hex, hmac, signing_key, string_to_sign};
use super::cloud::Cloud;
use super::refusal::Refusal;
use crate::serve::{Head, decode};

/// How far the clocks may differ.
pub const MAX_SKEW: SignedDuration = SignedDuration::from_mins(15);
/// The longest life of a presigned URL: seven days, in seconds.
const MAX_EXPIRES: i64 = 604_800;

/// A service that asks for signatures.
#[derive(Debug, Clone, Copy)]
pub struct Realm<'a> {
    /// Its name in the scope, such as `s3`.
    pub service: &'a str,
    /// The region that the scope must name.
    pub region: &'a str,
    /// The digest of the body in hexadecimal, where the service signs it without saying so in a header.
    pub body: Option<&'a str>,
}

/// A request whose signature is right.
#[derive(Debug, Clone)]
pub struct Signed {
    /// Whose it is.
    pub key: Key,
    /// What was signed as the digest of the body.
    pub payload: String,
    /// What the signatures of chunks are made with.
    pub seed: Seed,
}

/// What the signatures of the chunks of a body are made with.
#[derive(Debug, Clone)]
pub struct Seed {
    /// The key that signs.
    pub key: [u8; 32],
    /// `x-amz-date`.
    pub time: String,
    /// Date, region, service.
    pub scope: String,
    /// The signature before.
    pub signature: String,
}

fn unsigned(key: Key) -> Signed {
    let seed = Seed { key: [0; 32], time: String::new(), scope: String::new(), signature: String::new() };
    Signed { key, payload: "UNSIGNED-PAYLOAD".to_owned(), seed }
}

/// What a request says about its signature.
struct Claim {
    id: String,
    date: String,
    region: String,
    service: String,
    signed: Vec<String>,
    signature: String,
    time: String,
    token: Option<String>,
    expires: Option<i64>,
    payload: String,
}

/// Verifies the signature of a request, that its time is right, and that its session has not ended.
///
/// # Errors
/// With S3's code for what is wrong.
pub fn verify(head: &Head, cloud: &Cloud, realm: Realm<'_>) -> Result<Signed, Refusal> {
    let claim = if let Some(value) = head.header("authorization") {
        if head.parameter("X-Amz-Algorithm").is_some() {
            let message = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified";
            return Err(Refusal::new(400, "InvalidArgument", message));
        }
        from_header(head, value, realm)?
    } else if head.parameter("X-Amz-Algorithm").is_some() {
        from_query(head)?
    } else {
        return cloud.key(ANYBODY).map(unsigned).ok_or_else(|| Refusal::denied("Access Denied"));
    };
    check_scope(&claim, realm)?;
    let key = cloud.key(&claim.id).ok_or_else(|| unknown(&claim.id))?;
    check_token(&claim, &key)?;
    check_time(&claim, cloud.now())?;
    let seed = check_signature(head, &claim, &key, realm)?;
    check_all_signed(head, &claim)?;
    if key.expires.is_some_and(|end| cloud.now() >= end) {
        return Err(Refusal::new(400, "ExpiredToken", "The provided token has expired."));
    }
    Ok(Signed { key, payload: claim.payload, seed })
}

fn malformed(message: &str) -> Refusal {
    Refusal::new(400, "AuthorizationHeaderMalformed", format!("The authorization header is malformed; {message}"))
}

fn unknown(id: &str) -> Refusal {
    Refusal::new(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
        .with("AWSAccessKeyId", id)
}

fn from_header(head: &Head, value: &str, realm: Realm<'_>) -> Result<Claim, Refusal> {
    let rest = value.strip_prefix(ALGORITHM).ok_or_else(|| {
        Refusal::new(
            400,
            "InvalidRequest",
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
        )
    })?;
    let field =
        |name: &str| rest.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('=')).map(str::to_owned);
    let missing = || malformed("the authorization component is missing.");
    let mut claim = claim(&field("Credential").ok_or_else(missing)?)?;
    claim.signed = field("SignedHeaders").ok_or_else(missing)?.split(';').map(str::to_owned).collect();
    claim.signature = field("Signature").ok_or_else(missing)?;
    claim.time = head
        .header("x-amz-date")
        .ok_or_else(|| Refusal::denied("AWS authentication requires a valid Date or x-amz-date header"))?
        .to_owned();
    claim.token = head.header("x-amz-security-token").map(str::to_owned);
    let payload = head.header("x-amz-content-sha256").or(realm.body);
    let needed = || Refusal::new(400, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256");
    claim.payload = payload.ok_or_else(needed)?.to_owned();
    Ok(claim)
}

fn from_query(head: &Head) -> Result<Claim, Refusal> {
    let wrong = |message: &str| Refusal::new(400, "AuthorizationQueryParametersError", message);
    let need = |name: &str| head.parameter(name).ok_or_else(|| wrong(&format!("Query-string authentication requires {name}")));
    if need("X-Amz-Algorithm")? != ALGORITHM {
        return Err(wrong("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256\""));
    }
    let mut claim = claim(&need("X-Amz-Credential")?)?;
    claim.signed = need("X-Amz-SignedHeaders")?.split(';').map(str::to_owned).collect();
    claim.signature = need("X-Amz-Signature")?;
    claim.time = need("X-Amz-Date")?;
    claim.token = head.parameter("X-Amz-Security-Token");
    let expires = need("X-Amz-Expires")?.parse().map_err(|_| wrong("X-Amz-Expires should be a number"))?;
    if !(0..=MAX_EXPIRES).contains(&expires) {
        return Err(wrong("X-Amz-Expires must be less than a week (in seconds) that is 604800"));
    }
    claim.expires = Some(expires);
    claim.payload = head.header("x-amz-content-sha256").unwrap_or("UNSIGNED-PAYLOAD").to_owned();
    Ok(claim)
}

/// A claim with its credential, `ID/DATE/REGION/SERVICE/aws4_request`.
fn claim(credential: &str) -> Result<Claim, Refusal> {
    let credential = decode(credential);
    let parts: Vec<&str> = credential.split('/').collect();
    let [id, date, region, service, "aws4_request"] = parts.as_slice() else {
        return Err(malformed("the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\"."));
    };
    let [id, date, region, service] = [id, date, region, service].map(|part| (*part).to_owned());
    let (signature, time, payload) = <(String, String, String)>::default();
    Ok(Claim { id, date, region, service, signed: Vec::new(), signature, time, token: None, expires: None, payload })
}

fn check_scope(claim: &Claim, realm: Realm<'_>) -> Result<(), Refusal> {
    if claim.service != realm.service {
        let text = format!("incorrect service \"{}\". This endpoint belongs to \"{}\".", claim.service, realm.service);
        return Err(malformed(&text));
    }
    if claim.region != realm.region {
        let text = format!("the region '{}' is wrong; expecting '{}'", claim.region, realm.region);
        return Err(malformed(&text).with("Region", realm.region));
    }
    if !claim.time.starts_with(&claim.date) {
        return Err(malformed("Invalid credential date. Date is not the same as X-Amz-Date."));
    }
    Ok(())
}

fn check_token(claim: &Claim, key: &Key) -> Result<(), Refusal> {
    match (&claim.token, &key.token) {
        (given, wanted) if given == wanted => Ok(()),
        // A temporary key alone is not known.
        (None, _) => Err(unknown(&key.id)),
        _ => Err(Refusal::new(400, "InvalidToken", "The provided token is malformed or otherwise invalid.")),
    }
}

/// A time such as `20261122T041011Z`.
fn parse_time(text: &str) -> Option<Timestamp> {
    (text.len() == 16 && text.ends_with('Z')).then(|| text.parse().ok()).flatten()
}

fn check_time(claim: &Claim, now: Timestamp) -> Result<(), Refusal> {
    let denied = || Refusal::denied("AWS authentication requires a valid Date or x-amz-date header");
    let time = parse_time(&claim.time).ok_or_else(denied)?;
    let age = now.duration_since(time);
    let Some(expires) = claim.expires else {
        return if age.abs() > MAX_SKEW { Err(skewed(&claim.time, now)) } else { Ok(()) };
    };
    if age < -MAX_SKEW {
        return Err(Refusal::denied("Request is not yet valid"));
    }
    let end = time + SignedDuration::from_secs(expires);
    if now <= end {
        return Ok(());
    }
    let (end, now) = (end.strftime("%FT%TZ").to_string(), now.strftime("%FT%TZ").to_string());
    Err(Refusal::denied("Request has expired")
        .with("X-Amz-Expires", expires.to_string())
        .with("Expires", end)
        .with("ServerTime", now))
}

/// The refusal of a request whose time is too far from ours.
#[must_use]
pub fn skewed(time: &str, now: Timestamp) -> Refusal {
    Refusal::new(403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")
        .with("RequestTime", time)
        .with("ServerTime", now.strftime("%FT%TZ").to_string())
        .with("MaxAllowedSkewMilliseconds", MAX_SKEW.as_millis().to_string())
}

fn check_signature(head: &Head, claim: &Claim, key: &Key, realm: Realm<'_>) -> Result<Seed, Refusal> {
    let scope = format!("{}/{}/{}/aws4_request", claim.date, claim.region, claim.service);
    let signed: Vec<&str> = claim.signed.iter().map(String::as_str).collect();
    if !signed.contains(&"host") || !signed.is_sorted() {
        return Err(malformed("SignedHeaders must contain host, and be sorted."));
    }
    let request = canonical::request(head, &signed, &claim.payload, realm.service == "s3");
    let text = string_to_sign(&claim.time, &scope, &request);
    let signing = signing_key(&key.secret, &claim.date, &claim.region, &claim.service);
    if hex(&hmac(&signing, &text)) == claim.signature {
        return Ok(Seed { key: signing, time: claim.time.clone(), scope, signature: claim.signature.clone() });
    }
    let message =
        "The request signature we calculated does not match the signature you provided. Check your key and signing method.";
    Err(Refusal::new(403, "SignatureDoesNotMatch", message)
        .with("AWSAccessKeyId", claim.id.as_str())
        .with("StringToSign", text)
        .with("SignatureProvided", claim.signature.as_str())
        .with("CanonicalRequest", request))
}

/// Every header of AWS must be signed.
fn check_all_signed(head: &Head, claim: &Claim) -> Result<(), Refusal> {
    let is_unsigned = |name: &&str| name.starts_with("x-amz-") && !claim.signed.iter().any(|signed| signed == name);
    let unsigned: Vec<&str> = head.headers.iter().map(|(name, _)| name.as_str()).filter(is_unsigned).collect();
    if unsigned.is_empty() {
        return Ok(());
    }
    let message = "There were headers present in the request which were not signed";
    Err(Refusal::denied(message).with("HeadersNotSigned", unsigned.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    /// The account, the moment and the key of the examples in the S3 API Reference.
    fn example() -> std::sync::Arc<Cloud> {
        let cloud = Cloud::new();
        cloud.add_key(Key::mighty("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"));
        at(&cloud, "20130524T000000Z");
        cloud
    }

    fn at(cloud: &Cloud, time: &str) {
        cloud.shift_clock(parse_time(time).unwrap().duration_since(Timestamp::now()).as_secs());
    }

    fn head(method: &str, path: &str, query: &str, headers: &[(&str, &str)]) -> Head {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Head { method: method.to_owned(), path: path.to_owned(), query: query.to_owned(), headers }
    }

    const S3: Realm<'static> = Realm { service: "s3", region: "us-east-1", body: None };

    /// A request of the examples: its headers but `host`, `x-amz-date` and `authorization`, and its signature.
    fn signed(method: &str, path: &str, query: &str, more: &[(&str, &str)], signature: &str) -> Head {
        let mut all = vec![("host", "examplebucket.s3.amazonaws.com"), ("x-amz-date", "20130524T000000Z")];
        all.extend(more);
        let mut names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        let scope = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request";
        let value = format!("AWS4-HMAC-SHA256 Credential={scope},SignedHeaders={},Signature={signature}", names.join(";"));
        all.push(("authorization", &value));
        head(method, path, query, &all)
    }

    fn examples() -> [Head; 4] {
        let digest = ("x-amz-content-sha256", EMPTY);
        let put = [
            ("date", "Fri, 24 May 2013 00:00:00 GMT"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ("x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"),
        ];
        [
            signed(
                "GET",
                "/test.txt",
                "",
                &[digest, ("range", "bytes=0-9")],
                "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            ),
            signed("PUT", "/test%24file.text", "", &put, "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
            signed("GET", "/", "lifecycle", &[digest], "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
            signed(
                "GET",
                "/",
                "max-keys=2&prefix=J",
                &[digest],
                "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
            ),
        ]
    }

    fn code(head: &Head, cloud: &Cloud, realm: Realm<'_>) -> String {
        verify(head, cloud, realm).unwrap_err().code
    }

    #[test]
    fn the_published_examples_are_right() {
        let cloud = example();
        for head in examples() {
            verify(&head, &cloud, S3).unwrap();
        }
    }

    /// The first vector of the general test suite, `get-vanilla`.
    #[test]
    fn the_published_vector_of_another_service_is_right() {
        let cloud = Cloud::new();
        cloud.add_key(Key::mighty("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"));
        at(&cloud, "20150830T123600Z");
        let value = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
        let headers = [("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z"), ("authorization", value)];
        let realm = Realm { service: "service", region: "us-east-1", body: Some(EMPTY) };
        verify(&head("GET", "/", "", &headers), &cloud, realm).unwrap();
    }

    #[test]
    fn the_published_presigned_url_is_right_for_its_time() {
        let cloud = example();
        let query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
        let head = head("GET", "/test.txt", query, &[("host", "examplebucket.s3.amazonaws.com")]);
        verify(&head, &cloud, S3).unwrap();
        let with = |name: &str, value: &str| {
            let mut more = head.clone();
            more.headers.push((name.to_owned(), value.to_owned()));
            more
        };
        assert_eq!(code(&with("authorization", "AWS4-HMAC-SHA256 x"), &cloud, S3), "InvalidArgument");
        assert_eq!(code(&with("x-amz-checksum-sha256", "x"), &cloud, S3), "AccessDenied", "not signed");
        verify(&with("content-md5", "x"), &cloud, S3).unwrap();
        at(&cloud, "20130524T235900Z");
        verify(&head, &cloud, S3).unwrap();
        at(&cloud, "20130525T000100Z");
        assert_eq!(verify(&head, &cloud, S3).unwrap_err().message, "Request has expired");
        at(&cloud, "20130523T234000Z");
        assert_eq!(verify(&head, &cloud, S3).unwrap_err().message, "Request is not yet valid");
    }

    #[test]
    fn whatever_is_changed_is_noticed() {
        let cloud = example();
        let [good, ..] = examples();
        let changed = |change: fn(&mut Head)| {
            let mut head = good.clone();
            change(&mut head);
            code(&head, &cloud, S3)
        };
        assert_eq!(changed(|head| head.method = "HEAD".to_owned()), "SignatureDoesNotMatch");
        assert_eq!(changed(|head| head.path = "/test.txt2".to_owned()), "SignatureDoesNotMatch");
        assert_eq!(changed(|head| head.query = "a=b".to_owned()), "SignatureDoesNotMatch");
        assert_eq!(changed(|head| head.headers[0].1 = "other".to_owned()), "SignatureDoesNotMatch");
        assert_eq!(changed(|head| head.headers.push(("x-amz-acl".to_owned(), "private".to_owned()))), "AccessDenied");
        assert_eq!(changed(|head| head.headers.retain(|(name, _)| name != "authorization")), "AccessDenied");
        assert_eq!(changed(|head| head.headers.retain(|(name, _)| name != "x-amz-content-sha256")), "InvalidRequest");
    }

    #[test]
    fn time_region_service_and_key_must_be_right() {
        let cloud = example();
        let [good, ..] = examples();
        assert_eq!(code(&good, &cloud, Realm { region: "eu-central-1", ..S3 }), "AuthorizationHeaderMalformed");
        assert_eq!(code(&good, &cloud, Realm { service: "kms", ..S3 }), "AuthorizationHeaderMalformed");
        for (time, is_right) in
            [("20130524T001400Z", true), ("20130524T001600Z", false), ("20130523T234600Z", true), ("20130523T234400Z", false)]
        {
            at(&cloud, time);
            let result = verify(&good, &cloud, S3).map_err(|refusal| refusal.code);
            assert_eq!(result.map(drop), if is_right { Ok(()) } else { Err("RequestTimeTooSkewed".to_owned()) }, "{time}");
        }
        at(&cloud, "20130524T000000Z");
        cloud.remove_key("AKIAIOSFODNN7EXAMPLE");
        assert_eq!(code(&good, &cloud, S3), "InvalidAccessKeyId");
    }
}
