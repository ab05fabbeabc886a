//! What lets one request through: the address and the headers that were signed, in the place of what the SDK would sign.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextMut;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// Sits in one request. One without a list changes nothing.
#[derive(Clone)]
pub(in crate::s3) struct Pass(Option<Arc<Carried>>);

struct Carried {
    url: String,
    headers: BTreeMap<&'static str, String>,
}

impl Pass {
    /// For a request that is signed with credentials.
    pub(in crate::s3) fn unneeded() -> Self {
        Self(None)
    }

    /// For a request that goes to `url` and has exactly these headers besides those that nobody signs.
    pub(super) fn new(url: String, headers: BTreeMap<&'static str, String>) -> Self {
        Self(Some(Arc::new(Carried { url, headers })))
    }
}

impl std::fmt::Debug for Pass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pass(…)")
    }
}

impl Intercept for Pass {
    fn name(&self) -> &'static str {
        "HozenPass"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(carried) = &self.0 else { return Ok(()) };
        let request = context.request_mut();
        request.set_uri(carried.url.as_str())?;
        let headers = request.headers_mut();
        // S3 refuses a header of its own that is not signed, the SDK's checksums and user agent among them.
        let unsigned = |name: &&str| name.starts_with("x-amz-") || *name == "authorization";
        let unsigned: Vec<String> = headers.iter().map(|(name, _)| name).filter(unsigned).map(str::to_owned).collect();
        for name in unsigned {
            headers.remove(name);
        }
        for (name, value) in &carried.headers {
            headers.try_insert(*name, value.clone())?;
        }
        Ok(())
    }
}
