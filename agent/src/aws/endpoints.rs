//! Where each service is asked, for the begin record: what was given, or what the SDK makes of the region.

use serde_json::{Value, json};

use super::options::{Endpoint, NetworkArgs};

/// The usual address of the service that `$sdk` speaks to, as that crate itself finds it.
macro_rules! usual {
    ($sdk:ident, $region:expr, $dual_stack:expr) => {{
        use $sdk::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
        let params = Params::builder().set_region($region).use_dual_stack($dual_stack).build();
        let (resolver, mut found) = (DefaultResolver::new(), None);
        if let Ok(params) = params {
            found = ResolveEndpoint::resolve_endpoint(&resolver, &params).await.ok();
        }
        found.map(|endpoint| endpoint.url().to_owned())
    }};
}

/// The addresses of S3, Systems Manager and KMS. That of S3 is the region's: the bucket's name is put before it, or behind it with
/// `--path-style`. Null where neither an address nor a region is known.
pub(super) async fn record(options: &NetworkArgs, region: Option<&str>) -> Value {
    let (region, dual_stack) = (region.map(str::to_owned), options.dual_stack);
    let s3 = usual!(aws_sdk_s3, region.clone(), dual_stack);
    let ssm = usual!(aws_sdk_ssm, region.clone(), dual_stack);
    let kms = usual!(aws_sdk_kms, region, dual_stack);
    let or = |given: &Option<Endpoint>, usual| given.as_ref().map(|url| url.as_str().to_owned()).or(usual);
    json!({
        "s3": or(&options.endpoint_url, s3),
        "ssm": or(&options.ssm_endpoint_url, ssm),
        "kms": or(&options.kms_endpoint_url, kms),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(options: &NetworkArgs, region: Option<&str>) -> Value {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(record(options, region))
    }

    #[test]
    fn the_region_decides_where_nothing_is_given() {
        let found = of(&NetworkArgs::default(), Some("eu-central-1"));
        let expected = json!({
            "s3": "https://s3.eu-central-1.amazonaws.com",
            "ssm": "https://ssm.eu-central-1.amazonaws.com",
            "kms": "https://kms.eu-central-1.amazonaws.com",
        });
        assert_eq!(found, expected);
        assert_eq!(of(&NetworkArgs::default(), Some("cn-north-1"))["s3"], "https://s3.cn-north-1.amazonaws.com.cn");
        let both = NetworkArgs { dual_stack: true, ..NetworkArgs::default() };
        assert_eq!(of(&both, Some("eu-central-1"))["s3"], "https://s3.dualstack.eu-central-1.amazonaws.com");
        assert_eq!(of(&NetworkArgs::default(), None)["kms"], Value::Null);
    }

    #[test]
    fn what_is_given_is_said_as_it_was() {
        let given = NetworkArgs { ssm_endpoint_url: Some("http://127.0.0.1:1/x".parse().unwrap()), ..NetworkArgs::default() };
        let found = of(&given, Some("eu-central-1"));
        assert_eq!(
            (&found["ssm"], &found["kms"]),
            (&"http://127.0.0.1:1/x".into(), &"https://kms.eu-central-1.amazonaws.com".into())
        );
    }
}
