//! The one HTTP client of the process: our resolver, our roots, no proxy of the host.

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use super::resolve::Names;

/// A client over HTTP and HTTPS. `proxy`: whether `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` of this environment are obeyed.
pub(super) fn client(context: TlsContext, names: Names, proxy: bool) -> SharedHttpClient {
    let provider = Provider::Rustls(CryptoMode::Ring);
    if !proxy {
        return Builder::new().tls_provider(provider).tls_context(context).build_with_resolver(names);
    }
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder().proxy_config(ProxyConfig::from_env());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        connector.tls_provider(provider.clone()).tls_context(context.clone()).build_with_resolver(names.clone())
    })
}
