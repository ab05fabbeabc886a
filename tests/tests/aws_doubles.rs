//! The doubles of SSM, KMS, instance metadata and DNS: boto3, openssl and plain sockets judge them.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests run other people's programs")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hozen_tests::aws::access::Key;
use hozen_tests::aws::cloud::{Cloud, KeyState, REGION};
use hozen_tests::aws::identity::Signer;
use hozen_tests::aws::{imds, kms, ssm};
use hozen_tests::dns::{Conduct, DnsDouble};
use hozen_tests::python;
use hozen_tests::serve::{Fault, Rule};
use serde_json::{Map, Value, json};

fn shown(key: &Key) -> Value {
    json!({"id": key.id, "secret": key.secret, "token": key.token})
}

/// Whether openssl agrees.
fn openssl(arguments: &[&str], folder: &Path) -> bool {
    Command::new("openssl").args(arguments).current_dir(folder).output().unwrap().status.success()
}

#[test]
fn boto3_can_work_with_them() {
    let Some(python) = python::with("boto3_can_work_with_them", &["boto3"]) else { return };
    let cloud = Cloud::new();
    let key = Key::mighty("ASIAMIGHTY", "may do all").session("token", None);
    let reader = Key::new("AKIAREADER", "reads", &["ssm:GetParameter", "kms:DescribeKey"]);
    cloud.add_key(key.clone());
    cloud.add_key(reader.clone());
    let (store, keys, metadata) = (ssm::start(&cloud), kms::start(&cloud), imds::start(&cloud, &Signer::new()));
    let kms_key = keys.service().api().add_signing_key("seal");
    keys.service().api().set_alias("alias/seal", &kms_key);
    metadata.service().set_role("collector", &key);
    let setup = json!({
        "ssm": store.url(), "kms": keys.url(), "imds": metadata.url(), "region": REGION, "key": shown(&key), "reader": shown(&reader),
        "role": "collector", "kms_key": kms_key,
    });
    let output = Command::new(python).arg(python::script("aws_conformance.py")).arg(setup.to_string()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut results: Map<String, Value> = serde_json::from_slice(&output.stdout).unwrap();
    let signed = results.remove("signed");
    let wrong: Vec<_> = results.iter().filter(|(_, result)| **result != Value::Bool(true)).collect();
    assert!(wrong.is_empty() && results.len() >= 11, "{wrong:#?}");
    assert!(openssl_agrees(&signed.unwrap()));
    assert_eq!((store.service().take_complaints(), keys.service().take_complaints()), (vec![], vec![]));
    assert_eq!(store.service().api().get("/hozen/a").unwrap().values, ["1", "2"]);
    let read = metadata.paths_read();
    assert!(read.contains("/latest/meta-data/iam/security-credentials/collector"), "{read:?}");
}

/// Whether openssl verifies a signature of KMS, and not with another message.
fn openssl_agrees(signed: &Value) -> bool {
    let folder = tempfile::tempdir().unwrap();
    for name in ["key", "signature", "message"] {
        let bytes = STANDARD.decode(signed.get(name).and_then(Value::as_str).unwrap()).unwrap();
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let verify = ["dgst", "-sha256", "-verify", "key", "-keyform", "DER", "-signature", "signature", "message"];
    let agrees = openssl(&verify, folder.path());
    fs::write(folder.path().join("message"), "other").unwrap();
    agrees && !openssl(&verify, folder.path())
}

/// One request of HTTP, and the status and body of the answer.
fn http(address: SocketAddr, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(format!("{request}\r\nhost: {address}\r\nconnection: close\r\n\r\n").as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[test]
fn metadata_need_a_token() {
    let cloud = Cloud::new();
    let double = imds::start(&cloud, &Signer::new());
    let ask = |request: &str| http(double.address(), request);
    let id = "GET /latest/meta-data/instance-id HTTP/1.1";
    assert_eq!(ask(id).0, 401);
    assert_eq!(ask(&format!("{id}\r\nx-aws-ec2-metadata-token: made-up")).0, 401);
    let put = "PUT /latest/api/token HTTP/1.1\r\ncontent-length: 0";
    assert_eq!(ask(put).0, 400);
    assert_eq!(ask(&format!("{put}\r\nx-aws-ec2-metadata-token-ttl-seconds: 21601")).0, 400);
    assert_eq!(ask(&format!("{put}\r\nx-aws-ec2-metadata-token-ttl-seconds: 60\r\nx-forwarded-for: 10.0.0.1")).0, 403);
    let (status, token) = ask(&format!("{put}\r\nx-aws-ec2-metadata-token-ttl-seconds: 60"));
    assert_eq!(status, 200);
    let get = |path: &str| ask(&format!("GET /latest/{path} HTTP/1.1\r\nx-aws-ec2-metadata-token: {token}"));
    assert_eq!(get("meta-data/instance-id"), (200, "i-0123456789abcdef0".to_owned()));
    assert_eq!(get("meta-data/tags/instance/"), (200, "Name\ncase".to_owned()));
    assert!(get("meta-data/").1.lines().any(|line| line == "placement/"));
    assert_eq!(get("meta-data/iam/security-credentials/").0, 404);
    assert_eq!(get("meta-data/none").0, 404);
    cloud.shift_clock(61);
    assert_eq!(get("meta-data/instance-id").0, 401);
    double.service().disable();
    assert_eq!(get("meta-data/instance-id").0, 403);
    assert!(double.paths_read().contains("/latest/meta-data/none"));
}

#[test]
fn openssl_verifies_the_identity_document() {
    let (cloud, signer) = (Cloud::new(), Signer::new());
    let double = imds::start(&cloud, &signer);
    let (_, token) =
        http(double.address(), "PUT /latest/api/token HTTP/1.1\r\ncontent-length: 0\r\nx-aws-ec2-metadata-token-ttl-seconds: 60");
    let get = |name: &str| {
        let path = format!("/latest/dynamic/instance-identity/{name}");
        http(double.address(), &format!("GET {path} HTTP/1.1\r\nx-aws-ec2-metadata-token: {token}")).1
    };
    let folder = tempfile::tempdir().unwrap();
    fs::copy(signer.certificate(), folder.path().join("aws.pem")).unwrap();
    for name in ["pkcs7", "rsa2048"] {
        fs::write(folder.path().join("p7"), format!("-----BEGIN PKCS7-----\n{}\n-----END PKCS7-----\n", get(name))).unwrap();
        let verify = ["smime", "-verify", "-in", "p7", "-inform", "PEM", "-certfile", "aws.pem", "-noverify", "-out", "document"];
        assert!(openssl(&verify, folder.path()), "{name}");
        assert_eq!(fs::read_to_string(folder.path().join("document")).unwrap(), get("document"));
    }
    fs::write(folder.path().join("raw"), STANDARD.decode(get("signature").replace('\n', "")).unwrap()).unwrap();
    assert!(openssl(&["x509", "-in", "aws.pem", "-pubkey", "-noout", "-out", "public.pem"], folder.path()));
    assert!(openssl(&["dgst", "-sha256", "-verify", "public.pem", "-signature", "raw", "document"], folder.path()));
}

#[test]
fn a_key_that_is_switched_off_does_not_sign_and_faults_have_the_form_of_the_service() {
    let Some(python) = python::with("a_key_that_is_switched_off", &["boto3"]) else { return };
    let cloud = Cloud::new();
    let key = Key::mighty("AKIAMIGHTY", "may do all");
    cloud.add_key(key);
    let double = kms::start(&cloud);
    let arn = double.service().api().add_signing_key("seal");
    double.service().api().set_state(&arn, KeyState::Disabled);
    let rule = double.inject(Rule::at(1, Fault::Refuse(400, "ThrottlingException")));
    let script = "import boto3, sys\nfrom botocore.config import Config\nkms = boto3.client('kms', endpoint_url=sys.argv[1], region_name=sys.argv[2], \
                  aws_access_key_id='AKIAMIGHTY', aws_secret_access_key='may do all', config=Config(retries={'max_attempts': 0}))\n\
                  for _ in range(2):\n    try:\n        kms.sign(KeyId=sys.argv[3], Message=bytes(32), MessageType='DIGEST', SigningAlgorithm='ECDSA_SHA_256')\n    \
                  except Exception as error:\n        print(error.response['Error']['Code'])\n";
    let output = Command::new(python).args(["-c", script, &double.url(), REGION, &arn]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "DisabledException\nThrottlingException\n", "{output:?}");
    assert_eq!(double.times_fired(rule), 1);
}

/// A question with this id, and the answer to it if one comes.
fn question(double: &DnsDouble, name: &str, kind: u16) -> Option<Vec<u8>> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(if name.starts_with("hangs") { 1 } else { 60 }))).unwrap();
    let mut message = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        message.push(u8::try_from(label.len()).unwrap());
        message.extend(label.bytes());
    }
    message.extend([0, 0, u8::try_from(kind).unwrap(), 0, 1]);
    socket.send_to(&message, double.address()).unwrap();
    let mut buffer = [0; 512];
    socket.recv(&mut buffer).ok().map(|length| buffer.get(..length).unwrap().to_vec())
}

#[test]
fn a_name_server_answers_lies_fails_and_hangs() {
    let double = DnsDouble::start();
    let addresses: Vec<IpAddr> = vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap(), "192.0.2.2".parse().unwrap()];
    for (name, conduct) in [
        ("good.test", Conduct::Addresses(addresses.clone())),
        ("fails.test", Conduct::Failure),
        ("refuses.test", Conduct::Refused),
        ("hangs.test", Conduct::Hang),
        ("forged.test", Conduct::WrongId(addresses.clone())),
        ("other.test", Conduct::WrongName(addresses)),
        ("garbage.test", Conduct::Garbage),
    ] {
        double.set(name, conduct);
    }
    let answer = question(&double, "GOOD.test", 1).unwrap();
    assert_eq!(answer.get(..8), Some([0x12, 0x34, 0x81, 0x80, 0, 1, 0, 2].as_slice()));
    assert!(answer.ends_with(&[0, 4, 192, 0, 2, 2]));
    let answer = question(&double, "good.test", 28).unwrap();
    assert!(answer.ends_with(&[0, 16, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]));
    let code = |name: &str| question(&double, name, 1).unwrap().get(3).map(|byte| byte & 0x0f);
    assert_eq!([code("fails.test"), code("refuses.test"), code("nobody.test")], [Some(2), Some(5), Some(3)]);
    assert_eq!(question(&double, "hangs.test", 1), None);
    assert_ne!(question(&double, "forged.test", 1).unwrap().first(), Some(&0x12));
    assert!(question(&double, "other.test", 1).unwrap().windows(5).any(|window| window == b"wrong"));
    assert_eq!(question(&double, "garbage.test", 1).unwrap().len(), 3);
    assert!(double.questions().contains(&("good.test".to_owned(), 28)));
}
