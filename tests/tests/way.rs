//! The way to the bucket: names, certificates, the instance's role and metadata, parameters. Nothing of the host decides it.

#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests lay out files with the standard library"
)]

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hozen_tests::agent::{Agent, Finished, code};
use hozen_tests::aws::access::{Key, WRITE_ONLY};
use hozen_tests::aws::cloud::{ACCOUNT, Cloud, REGION};
use hozen_tests::aws::identity::Signer;
use hozen_tests::aws::{imds, ssm};
use hozen_tests::dns::{Conduct, DnsDouble};
use hozen_tests::proxy::ProxyDouble;
use hozen_tests::s3::{Bucket, Options, S3Double};
use hozen_tests::serve::Tls;
use serde_json::Value;

const BUCKET: &str = "evidence";
const NAME: &str = "s3.evidence.test";
const SECRET: &str = "CharlieSecretThatMustBeNowhere012345678";
const TOKEN: &str = "DeltaTokenThatMustBeNowhere0123456789==";
const ROLE: &str = "web-server";

fn key(id: &str, actions: &[&str]) -> Key {
    Key::new(id, SECRET, actions).session(TOKEN, None)
}

fn double(cloud: &Arc<Cloud>, tls: Option<Tls>) -> S3Double {
    let double = S3Double::start(cloud, Options { tls, ..Options::default() });
    double.add_bucket(Bucket::new(BUCKET).locked(None));
    double
}

fn collect(agent: &Agent, url: &str, more: &[&str]) -> Finished {
    let fixed =
        ["collect", "--case", "TEST-1", "--to", "s3://evidence", "--only", "context", "--path-style", "--lock", "governance"];
    let fixed = fixed.into_iter().chain(["--retain-days", "1", "--endpoint-url", url]);
    let unprivileged = if nix::unistd::geteuid().is_root() { None } else { Some("--unprivileged") };
    agent.run(fixed.chain(unprivileged).chain(more.iter().copied()))
}

fn with_credentials() -> Agent {
    let names = [("SSM_AWS_ACCESS_KEY_ID", "ASIAWAY"), ("SSM_AWS_SECRET_ACCESS_KEY", SECRET), ("SSM_AWS_SESSION_TOKEN", TOKEN)];
    names.into_iter().fold(Agent::find(), |agent, (name, value)| agent.with(name, value))
}

/// The begin record of the one run, and its key.
fn begin(double: &S3Double) -> (String, Value) {
    let key = double.keys(BUCKET).into_iter().find(|key| key.ends_with("000-begin.json")).expect("a begin record");
    let envelope: Value = serde_json::from_slice(&double.object(BUCKET, &key).unwrap().content().unwrap()).unwrap();
    let payload = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
    (key, serde_json::from_slice::<Value>(&payload).unwrap()["predicate"].clone())
}

/// A certificate for [`NAME`].
fn certificate(folder: &Path) -> (Tls, PathBuf) {
    let (key, certificate) = (folder.join("key.pem"), folder.join("certificate.pem"));
    let mut openssl = Command::new("openssl");
    openssl.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "3650",
        "-subj",
        "/CN=s3",
    ]);
    openssl.args(["-addext", "subjectAltName=DNS:s3.evidence.test", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout"]);
    assert!(openssl.arg(&key).arg("-out").arg(&certificate).output().expect("openssl").status.success());
    (Tls::from_pem(&certificate, &key), certificate)
}

#[test]
fn a_name_is_resolved_by_the_servers_that_were_named_and_the_certificate_decides() {
    let (folder, cloud, dns) = (tempfile::tempdir().unwrap(), Cloud::new(), DnsDouble::start());
    cloud.add_key(key("ASIAWAY", WRITE_ONLY));
    let (tls, root) = certificate(folder.path());
    let double = double(&cloud, Some(tls));
    let (port, server) = (double.address().port(), dns.address().to_string());
    let (url, root) = (format!("https://{NAME}:{port}"), root.to_str().unwrap());
    let way = ["--region", REGION, "--dns", &server, "--imds-endpoint", "off"];
    let refused = |more: &[&str], word: &str| {
        let finished = collect(&with_credentials(), &url, &[&way, more].concat());
        finished.assert_code(code::BAD_DESTINATION);
        assert!(finished.said().contains(word), "{word}: {}", finished.said());
    };
    // No such name, no answer, an answer that is none; the host's own servers know no name below .test either.
    for conduct in [Conduct::NoSuchName, Conduct::Garbage, Conduct::Hang] {
        dns.set(NAME, conduct);
        refused(&["--ca-bundle", root], "--dns");
    }
    // Whoever asks before a run is not kept waiting: what it may take in all is the program's own limit, which it keeps and tells.
    let asked = |conduct: Conduct, more: &[&str], actions: &[&str]| {
        dns.set(NAME, conduct);
        let preflight = ["preflight", "--to", "s3://evidence/cases", "--path-style", "--endpoint-url", &url];
        let finished = with_credentials().run([&preflight[..], &way, more].concat());
        finished.assert_code(code::BAD_DESTINATION);
        let destination = serde_json::from_str::<Value>(&finished.stdout).unwrap()["destination"].clone();
        let action = destination["action"].as_str().unwrap();
        assert!(actions.iter().any(|words| action.contains(words)), "{destination:#}");
        let milliseconds = |member: &str| destination[member].as_u64().unwrap_or(u64::MAX);
        assert!(milliseconds("limit_ms") < 10_000 && milliseconds("took_ms") < 30_000, "{destination:#}");
    };
    let here = || vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    for conduct in [Conduct::Hang, Conduct::NoSuchName, Conduct::WrongId(here()), Conduct::WrongName(here())] {
        asked(conduct, &["--ca-bundle", root], &["give --dns", "that the name resolves"]);
    }
    // A server that lies: the address is that of somebody who has no certificate that we trust.
    asked(Conduct::Addresses(here()), &[], &["--ca-bundle"]);
    refused(&[], "--ca-bundle");
    assert!(double.keys(BUCKET).is_empty());
    let finished = collect(&with_credentials(), &url, &[&way[..], &["--ca-bundle", root]].concat());
    finished.assert_sealed();
    let (_, begin) = begin(&double);
    let network = &begin["sink"]["network"];
    assert_eq!((&network["dns"][0]["server"], &network["dns"][0]["source"]), (&server.into(), &"--dns".into()));
    assert_eq!((&network["tls"]["roots"], &network["proxy"]), (&1.into(), &Value::Null));
    assert_eq!((&network["region_from"], &network["endpoints"]["s3"]), (&"--region".into(), &url.into()));
}

#[test]
fn a_name_server_that_is_of_no_use_is_not_the_last() {
    for conduct in [Conduct::Hang, Conduct::Failure] {
        let (cloud, broken, right) = (Cloud::new(), DnsDouble::start(), DnsDouble::start());
        cloud.add_key(key("ASIAWAY", WRITE_ONLY));
        let double = double(&cloud, None);
        broken.set_otherwise(conduct.clone());
        right.set(NAME, Conduct::Addresses(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]));
        let url = format!("http://{NAME}:{}", double.address().port());
        let servers = [&broken, &right].map(|server| server.address().to_string());
        let way = ["--region", REGION, "--imds-endpoint", "off", "--dns", &servers[0], "--dns", &servers[1]];
        collect(&with_credentials(), &url, &way).assert_sealed();
        assert!(!broken.questions().is_empty() && !right.questions().is_empty(), "{conduct:?}");
        let (_, begin) = begin(&double);
        let dns = &begin["sink"]["network"]["dns"];
        for (at, answered) in [(0, false), (1, true)] {
            let entry = serde_json::json!({"server": servers[at], "source": "--dns", "answered": answered});
            assert_eq!(dns[at], entry, "{conduct:?}");
        }
    }
}

#[test]
fn a_bucket_behind_a_vpc_endpoint_is_in_the_host_name() {
    let (cloud, dns) = (Cloud::new(), DnsDouble::start());
    cloud.add_key(key("ASIAWAY", WRITE_ONLY));
    let double = double(&cloud, None);
    let name = format!("bucket.vpce-1a2b3c4d-5e6f.s3.{REGION}.vpce.amazonaws.com");
    dns.set(&format!("evidence.{name}"), Conduct::Addresses(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]));
    let url = format!("http://{name}:{}", double.address().port());
    let fixed = ["collect", "--to", "s3://evidence", "--only", "context", "--lock", "governance", "--retain-days", "1"];
    let server = dns.address().to_string();
    let way = ["--endpoint-url", &url, "--region", REGION, "--dns", &server, "--imds-endpoint", "off"];
    let unprivileged = if nix::unistd::geteuid().is_root() { None } else { Some("--unprivileged") };
    with_credentials().run(fixed.into_iter().chain(way).chain(unprivileged)).assert_sealed();
    let host = format!("evidence.{name}:{}", double.address().port());
    for entry in double.journal() {
        assert_eq!(entry.head.header("host"), Some(host.as_str()));
        assert!(!entry.head.path.starts_with("/evidence"), "{}", entry.head.path);
    }
    assert!(!double.keys(BUCKET).is_empty());
    assert!(dns.questions().iter().all(|(asked, _)| *asked == format!("evidence.{name}")), "{:?}", dns.questions());
}

#[test]
fn the_environment_of_the_host_is_obeyed_only_when_asked() {
    let (cloud, trap) = (Cloud::new(), ProxyDouble::start());
    cloud.add_key(key("ASIAWAY", WRITE_ONLY));
    let double = double(&cloud, None);
    let to_us = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"].into_iter();
    let to_us = to_us.chain(["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_SSM", "AWS_ENDPOINT_URL_STS"]);
    let to_us = to_us.chain(["AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_CONTAINER_CREDENTIALS_FULL_URI"]);
    let others = [
        ("NO_PROXY", ""),
        ("AWS_REGION", "nowhere-1"),
        ("AWS_ACCESS_KEY_ID", "AKIASOMEBODYELSE"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("AWS_CA_BUNDLE", "/nonexistent"),
        ("SSL_CERT_FILE", "/nonexistent"),
        ("AWS_CONFIG_FILE", "/nonexistent"),
    ];
    let url = trap.url();
    let agent = to_us.map(|name| (name, url.as_str())).chain(others);
    let agent = agent.fold(with_credentials(), |agent, (name, value)| agent.with(name, value));
    let way = ["--imds-endpoint", "off", "--region", REGION];
    collect(&agent, &double.url(), &way).assert_sealed();
    assert_eq!((trap.connections(), trap.heads()), (0, Vec::new()));
    let (_, begin) = begin(&double);
    let (network, endpoints) = (&begin["sink"]["network"], &begin["sink"]["network"]["endpoints"]);
    assert_eq!((&network["proxy"], &network["region_from"]), (&Value::Null, &"--region".into()));
    assert_eq!((&endpoints["s3"], &endpoints["ssm"]), (&double.url().into(), &usual("ssm")));
    let obeyed = collect(&agent, &double.url(), &[&way[..], &["--use-environment"]].concat());
    obeyed.assert_code(code::BAD_DESTINATION);
    // Even so nothing but the proxy is taken: what goes to it is for the address that was given.
    let heads = trap.heads();
    let address = format!("{}/evidence", double.url());
    assert!(!heads.is_empty() && heads.iter().all(|head| head.split(' ').nth(1).unwrap().starts_with(&address)), "{heads:#?}");
}

/// The address of a service where none is given.
fn usual(service: &str) -> Value {
    format!("https://{service}.{REGION}.amazonaws.com").into()
}

#[test]
fn a_proxy_that_was_asked_for_carries_everything_but_the_metadata() {
    const PASSWORD: &str = "FoxtrotPasswordThatMustBeNowhere";
    let (folder, cloud, signer) = (tempfile::tempdir().unwrap(), Cloud::new(), Signer::new());
    let (imds, dns, proxy) = (imds::start(&cloud, &signer), DnsDouble::start(), ProxyDouble::start());
    let role = key("ASIAROLE", WRITE_ONLY);
    cloud.add_key(role.clone());
    imds.service().set_role(ROLE, &role);
    let (tls, root) = certificate(folder.path());
    let double = double(&cloud, Some(tls));
    let place = format!("{NAME}:{}", double.address().port());
    proxy.lead(&place, double.address());
    let with_password = format!("http://somebody:{PASSWORD}@{}/", proxy.address());
    let agent = Agent::find().with("HTTPS_PROXY", &with_password).with("HTTP_PROXY", &proxy.url());
    let agent = agent.with("NO_PROXY", "").with("AWS_REGION", REGION);
    let (url, server, metadata) = (format!("https://{place}"), dns.address().to_string(), imds.url());
    let way = ["--use-environment", "--credentials", "instance-role", "--imds-endpoint", &metadata, "--dns", &server];
    let finished = collect(&agent, &url, &[&way[..], &["--ca-bundle", root.to_str().unwrap()]].concat());
    finished.assert_sealed();
    let heads = proxy.heads();
    let login = format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode(format!("somebody:{PASSWORD}")));
    let tunnel = |head: &String| head.starts_with(&format!("CONNECT {place} HTTP/1.1\r\n")) && head.contains(&login);
    assert!(!heads.is_empty() && heads.iter().all(tunnel), "{heads:#?}");
    let stored: u64 = double.keys(BUCKET).iter().map(|key| double.object(BUCKET, key).unwrap().size).sum();
    assert!(proxy.carried().0 > stored && proxy.carried().1 > 0, "{:?} for {stored} bytes", proxy.carried());
    // The proxy asks for names, and sees nothing of the metadata, which are asked in clear text.
    assert_eq!(dns.questions(), Vec::new());
    assert!(imds.paths_read().iter().any(|path| path.ends_with(ROLE)));
    let (_, begin) = begin(&double);
    let network = &begin["sink"]["network"];
    assert_eq!(network["proxy"], serde_json::json!({"http": proxy.url(), "https": proxy.url(), "no_proxy": null}));
    assert_eq!((&network["region"], &network["region_from"]), (&REGION.into(), &"AWS_REGION".into()));
    let endpoints = serde_json::json!({"s3": url, "ssm": usual("ssm"), "kms": usual("kms")});
    assert_eq!((&network["endpoints"], &network["dns"][0]["server"]), (&endpoints, &server.into()));
    assert!(!begin.to_string().contains(PASSWORD) && !finished.said().contains(PASSWORD));
}

#[test]
fn a_proxy_whose_address_cannot_be_read_is_not_gone_past() {
    let cloud = Cloud::new();
    cloud.add_key(key("ASIAWAY", WRITE_ONLY));
    let double = double(&cloud, None);
    let agent = with_credentials().with("HTTPS_PROXY", "socks5://somebody:FoxtrotPassword@127.0.0.1:9").with("HTTP_PROXY", "");
    let way = ["--imds-endpoint", "off", "--region", REGION, "--use-environment"];
    let finished = collect(&agent, &double.url(), &way);
    finished.assert_code(code::BAD_DESTINATION);
    assert!(finished.said().contains("HTTPS_PROXY") && !finished.said().contains("Foxtrot"), "{}", finished.said());
    assert_eq!(double.requests(), 0);
}

#[test]
fn the_instance_says_who_it_is_and_its_role_writes() {
    let (cloud, signer) = (Cloud::new(), Signer::new());
    let (double, imds) = (double(&cloud, None), imds::start(&cloud, &signer));
    let role = key("ASIAROLE", WRITE_ONLY);
    cloud.add_key(role.clone());
    imds.service().set_role(ROLE, &role);
    let finished = collect(&Agent::find(), &double.url(), &["--imds-endpoint", &imds.url()]);
    finished.assert_sealed();
    let (key, begin) = begin(&double);
    assert!(key.starts_with(&format!("TEST-1/{ACCOUNT}/i-0123456789abcdef0/")), "{key}");
    let instance = &begin["instance"];
    let document = STANDARD.decode(instance["signed"]["document"].as_str().unwrap()).unwrap();
    let document: Value = serde_json::from_slice(&document).unwrap();
    assert_eq!(document["accountId"], ACCOUNT);
    for name in ["signature", "pkcs7", "rsa2048"] {
        assert!(instance["signed"][name].as_str().unwrap().len() > 100, "{name}");
    }
    let metadata = &instance["metadata"];
    assert_eq!((&metadata["tags/instance/case"], &metadata["placement/region"]), (&"TEST-1".into(), &REGION.into()));
    assert_eq!(metadata["network/interfaces/macs/02:00:00:00:00:01/vpc-id"], "vpc-0123456789abcdef0");
    assert!(metadata["public-keys/0/openssh-key"].as_str().unwrap().ends_with(" my-key"), "{metadata:#}");
    assert_eq!((&instance["roles"][0], instance["user_data"]["size"].as_u64()), (&ROLE.into(), Some(32)));
    let network = &begin["sink"]["network"];
    assert_eq!(
        (&network["region"], &network["region_from"], &network["imds"]),
        (&REGION.into(), &"imds".into(), &imds.url().into())
    );
    assert_eq!(begin["sink"]["credentials"]["access_key_id"], "ASIAROLE");
    let text = begin.to_string();
    assert!(![SECRET, TOKEN, "hunter2", "never-to-be-read"].iter().any(|secret| text.contains(secret)));
    let paths = imds.paths_read();
    assert!(!paths.iter().any(|path| path.contains("identity-credentials")), "{paths:?}");
}

#[test]
fn no_credentials_of_a_role_are_asked_for_unless_they_are_to_write() {
    let (cloud, signer) = (Cloud::new(), Signer::new());
    let (double, imds) = (double(&cloud, None), imds::start(&cloud, &signer));
    imds.service().set_role(ROLE, &key("ASIAROLE", &[]));
    cloud.add_key(key("ASIAWAY", WRITE_ONLY));
    collect(&with_credentials(), &double.url(), &["--imds-endpoint", &imds.url()]).assert_sealed();
    let paths = imds.paths_read();
    assert!(paths.contains("/latest/meta-data/iam/security-credentials/"), "{paths:?}");
    assert!(!paths.iter().any(|path| path.ends_with(ROLE)), "{paths:?}");
}

#[test]
fn metadata_that_are_switched_off_are_named_as_missing() {
    let (cloud, signer) = (Cloud::new(), Signer::new());
    let (double, imds) = (double(&cloud, None), imds::start(&cloud, &signer));
    cloud.add_key(key("ASIAWAY", WRITE_ONLY));
    imds.service().disable();
    collect(&with_credentials(), &double.url(), &["--imds-endpoint", &imds.url(), "--region", REGION]).assert_sealed();
    let (key, begin) = begin(&double);
    assert!(key.contains("/no-account/"), "{key}");
    assert!(begin["instance"]["missing"]["dynamic/instance-identity/document"].is_string(), "{begin}");
    let finished = collect(&Agent::find(), &double.url(), &["--imds-endpoint", &imds.url(), "--region", REGION]);
    finished.assert_code(code::BAD_DESTINATION);
    assert!(finished.said().contains("instance role"), "{}", finished.said());
}

#[test]
fn a_parameter_gives_credentials_that_the_role_may_read() {
    let (cloud, signer) = (Cloud::new(), Signer::new());
    let (double, imds, ssm) = (double(&cloud, None), imds::start(&cloud, &signer), ssm::start(&cloud));
    let reader = key("ASIAROLE", &["ssm:GetParameter", "kms:Decrypt"]);
    cloud.add_key(reader.clone());
    cloud.add_key(Key::new("ASIAPARAMETER", "EchoSecretThatMustBeNowhere", WRITE_ONLY).session(TOKEN, None));
    imds.service().set_role(ROLE, &reader);
    let triple = r#"{"AccessKeyId":"ASIAPARAMETER","SecretAccessKey":"EchoSecretThatMustBeNowhere","SessionToken":"DeltaTokenThatMustBeNowhere0123456789=="}"#;
    ssm.service().api().set("/hozen/upload", "SecureString", triple);
    let way = [imds.url(), ssm.url()];
    let way = ["--imds-endpoint", way[0].as_str(), "--ssm-endpoint-url", way[1].as_str(), "--credentials"];
    let finished = collect(&Agent::find(), &double.url(), &[&way[..], &["ssm:/hozen/upload"]].concat());
    finished.assert_sealed();
    assert!(!finished.said().contains("EchoSecret"));
    assert_eq!(begin(&double).1["sink"]["credentials"]["access_key_id"], "ASIAPARAMETER");
    let finished = collect(&Agent::find(), &double.url(), &[&way[..], &["ssm:/hozen/none"]].concat());
    finished.assert_code(code::BAD_DESTINATION);
    assert!(finished.said().contains("/hozen/none") && finished.said().contains("ParameterNotFound"), "{}", finished.said());
    ssm.service().api().set("/hozen/broken", "SecureString", "EchoSecretThatIsNoTriple");
    let finished = collect(&Agent::find(), &double.url(), &[&way[..], &["ssm:/hozen/broken"]].concat());
    finished.assert_code(code::BAD_DESTINATION);
    assert!(!finished.said().contains("EchoSecret"), "{}", finished.said());
}
