//! Where requests would go: host name and path, by region, style and endpoint, as the SDK's rules make them of our options. No packet is
//! sent.

use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use hozen::aws::Network;
use hozen::aws::options::{ImdsChoice, NetworkArgs};
use hozen_collector::host::Host;

/// An interface endpoint for S3 ("AWS PrivateLink for Amazon S3").
const VPC_ENDPOINT: &str = "https://bucket.vpce-1a2b3c4d-5e6f.s3.eu-central-1.vpce.amazonaws.com";

/// Notes where a request is about to go, and stops it there.
#[derive(Debug, Default, Clone)]
struct Stop(Arc<Mutex<String>>);

impl Intercept for Stop {
    fn name(&self) -> &'static str {
        "Stop"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let uri = context.request().uri();
        *self.0.lock().unwrap() = uri.split('?').next().unwrap_or_default().to_owned();
        Err("it goes no further".into())
    }
}

fn network(region: &str, change: impl FnOnce(&mut NetworkArgs)) -> Network {
    let empty = tempfile::tempdir().unwrap();
    std::fs::create_dir(empty.path().join("proc")).unwrap();
    let mut way = NetworkArgs { region: Some(region.to_owned()), imds_endpoint: Some(ImdsChoice::Off), ..NetworkArgs::default() };
    change(&mut way);
    way.check().unwrap();
    Network::open(way, &Host::fixture(empty.path()).unwrap()).unwrap()
}

fn somebody() -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Credentials::new("AKIASOMEBODY", "secret", None, None, "test"))
}

/// Where `PutObject` of `cases/key` into `bucket` would go.
fn put(network: &Network, bucket: &str) -> String {
    let (client, stop) = (network.s3(somebody()).unwrap(), Stop::default());
    let request = client.put_object().bucket(bucket).key("cases/key").customize().interceptor(stop.clone());
    network.block_on(request.send()).unwrap_err();
    let place = stop.0.lock().unwrap();
    place.clone()
}

/// Where questions to Systems Manager and KMS would go.
fn questions(network: &Network) -> [String; 2] {
    let stops = [Stop::default(), Stop::default()];
    let (ssm, kms) = (network.ssm(somebody()).unwrap(), network.kms(somebody()).unwrap());
    let parameter = ssm.get_parameter().name("/hozen/a").customize().interceptor(stops[0].clone());
    network.block_on(parameter.send()).unwrap_err();
    let key = kms.get_public_key().key_id("alias/a").customize().interceptor(stops[1].clone());
    network.block_on(key.send()).unwrap_err();
    stops.map(|stop| stop.0.lock().unwrap().clone())
}

#[test]
fn a_bucket_is_in_the_host_name_or_in_the_path() {
    for (region, domain) in [
        ("eu-central-1", "amazonaws.com"),
        ("us-east-1", "amazonaws.com"),
        ("us-gov-west-1", "amazonaws.com"),
        ("us-gov-east-1", "amazonaws.com"),
        ("cn-north-1", "amazonaws.com.cn"),
        ("cn-northwest-1", "amazonaws.com.cn"),
    ] {
        let plain = |change: fn(&mut NetworkArgs)| put(&network(region, change), "evidence");
        assert_eq!(plain(|_| ()), format!("https://evidence.s3.{region}.{domain}/cases/key"));
        assert_eq!(plain(|way| way.path_style = true), format!("https://s3.{region}.{domain}/evidence/cases/key"));
        assert_eq!(plain(|way| way.dual_stack = true), format!("https://evidence.s3.dualstack.{region}.{domain}/cases/key"));
        let both = plain(|way| (way.dual_stack, way.path_style) = (true, true));
        assert_eq!(both, format!("https://s3.dualstack.{region}.{domain}/evidence/cases/key"));
        // No certificate of S3 is good for a name below a bucket's own dots.
        let dotted = put(&network(region, |_| ()), "evidence.of.ours");
        assert_eq!(dotted, format!("https://s3.{region}.{domain}/evidence.of.ours/cases/key"));
    }
}

#[test]
fn an_endpoint_that_is_named_is_where_it_goes() {
    let at = |url: &str, path_style: bool| {
        let way = |way: &mut NetworkArgs| (way.endpoint_url, way.path_style) = (Some(url.parse().unwrap()), path_style);
        put(&network("eu-central-1", way), "evidence")
    };
    let host = VPC_ENDPOINT.strip_prefix("https://").unwrap();
    assert_eq!(at(VPC_ENDPOINT, false), format!("https://evidence.{host}/cases/key"));
    assert_eq!(at(VPC_ENDPOINT, true), format!("{VPC_ENDPOINT}/evidence/cases/key"));
    assert_eq!(at("https://store.example:9443/base", true), "https://store.example:9443/base/evidence/cases/key");
    assert_eq!(at("https://store.example/base/", false), "https://evidence.store.example/base/cases/key");
    // An address has no names below it.
    assert_eq!(at("http://127.0.0.1:9000", false), "http://127.0.0.1:9000/evidence/cases/key");
    let way = NetworkArgs { endpoint_url: Some(VPC_ENDPOINT.parse().unwrap()), dual_stack: true, ..NetworkArgs::default() };
    assert!(way.check().unwrap_err().contains("--endpoint-url"));
}

#[test]
fn questions_go_to_the_regions_own_services() {
    for (region, plain, dual) in [
        ("eu-central-1", "amazonaws.com", "api.aws"),
        ("us-gov-west-1", "amazonaws.com", "api.aws"),
        ("cn-north-1", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    ] {
        let asked = |domain: &str| ["ssm", "kms"].map(|service| format!("https://{service}.{region}.{domain}/"));
        assert_eq!(questions(&network(region, |_| ())), asked(plain));
        assert_eq!(questions(&network(region, |way| way.dual_stack = true)), asked(dual));
    }
    let endpoint = |service: &str| format!("https://vpce-1a2b3c4d-5e6f.{service}.eu-central-1.vpce.amazonaws.com");
    let way = network("eu-central-1", |way| {
        (way.ssm_endpoint_url, way.kms_endpoint_url) = (endpoint("ssm").parse().ok(), endpoint("kms").parse().ok());
    });
    assert_eq!(questions(&way), ["ssm", "kms"].map(|service| format!("{}/", endpoint(service))));
    assert_eq!(put(&way, "evidence"), "https://evidence.s3.eu-central-1.amazonaws.com/cases/key");
}
