//! The double of S3 against boto3, a client written by others, so that it is not judged by our own client alone.

#![expect(clippy::disallowed_methods, reason = "tests run other people's programs")]

use std::process::Command;
use std::sync::Arc;

use hozen_tests::aws::access::{Key, WRITE_ONLY};
use hozen_tests::aws::cloud::{Cloud, KeyState, REGION};
use hozen_tests::python;
use hozen_tests::s3::{Bucket, Options, S3Double};
use hozen_tests::serve::{Entry, Tls};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

fn account() -> (Arc<Cloud>, Value, String) {
    let cloud = Cloud::new();
    let kms_key = cloud.set_kms_key("11111111-2222-3333-4444-555555555555", KeyState::Enabled);
    let writer = Key::new("AKIAWRITER", "writes", WRITE_ONLY);
    let past = Timestamp::now() - SignedDuration::from_hours(1);
    let keys = [
        ("mighty", Key::mighty("AKIAMIGHTY", "may do all")),
        ("expired", Key::mighty("ASIAEXPIRED", "was").session("old", Some(past))),
        ("session", Key::mighty("ASIASESSION", "is").session("token", Some(Timestamp::now() + SignedDuration::from_hours(1)))),
        ("without_generatedatakey", Key { id: "AKIANOGENERATE".to_owned(), ..writer.clone() }.without("kms:GenerateDataKey")),
        ("without_decrypt", Key { id: "AKIANODECRYPT".to_owned(), ..writer.clone() }.without("kms:Decrypt")),
        ("writer", writer),
    ];
    let mut shown = Map::new();
    for (name, key) in keys {
        shown.insert(name.to_owned(), json!({"id": key.id, "secret": key.secret, "token": key.token}));
        cloud.add_key(key);
    }
    (cloud, Value::Object(shown), kms_key)
}

#[test]
fn boto3_finds_it_as_strict_as_s3() {
    let Some(python) = python::with("boto3_finds_it_as_strict_as_s3", &["boto3"]) else { return };
    let (cloud, keys, kms_key) = account();
    let double = S3Double::start(&cloud, Options::default());
    double.add_bucket(Bucket::new("evidence").locked(None));
    double.add_bucket(Bucket::new("plain"));
    double.add_bucket(Bucket::new("foreign").owned_by("999999999999"));
    double.add_bucket(Bucket::new("elsewhere").in_region("us-west-2"));
    double.add_bucket(Bucket::new("kms").encrypted_with(&kms_key));
    let folder = tempfile::tempdir().unwrap();
    let (tls, certificate) = Tls::self_signed(folder.path());
    let secure = S3Double::start(&cloud, Options { tls: Some(tls), ..Options::default() });
    secure.add_bucket(Bucket::new("evidence").locked(None));
    let setup = json!({"url": double.url(), "secure_url": secure.url(), "certificate": certificate, "region": REGION, "keys": keys, "kms_key": kms_key});
    let output = Command::new(python).arg(python::script("s3_conformance.py")).arg(setup.to_string()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let results: Map<String, Value> = serde_json::from_slice(&output.stdout).unwrap();
    let wrong: Vec<_> = results.iter().filter(|(_, result)| **result != Value::Bool(true)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(results.len() >= 45, "the script has found only {} behaviours", results.len());
    let has_trailer = |entry: &Entry| entry.head.header("x-amz-content-sha256") == Some("STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    assert!(secure.journal().iter().any(has_trailer), "boto3 has sent no trailer");
    assert_eq!(double.take_complaints(), Vec::<String>::new());
}
