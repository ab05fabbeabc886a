//! A server certificate from PEM files.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What a double shows to clients that speak TLS.
#[derive(Clone)]
pub struct Tls(pub(super) TlsAcceptor);

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Tls")
    }
}

impl Tls {
    /// Reads a chain of certificates and a private key.
    ///
    /// # Panics
    /// When they cannot be read or do not fit together.
    #[must_use]
    pub fn from_pem(chain: &Path, key: &Path) -> Self {
        let chain = CertificateDer::pem_file_iter(chain)
            .and_then(Iterator::collect)
            .unwrap_or_else(|error| panic!("{}: {error}", chain.display()));
        let key = PrivateKeyDer::from_pem_file(key).unwrap_or_else(|error| panic!("{}: {error}", key.display()));
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions that ring knows")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a certificate that fits the key");
        Self(TlsAcceptor::from(Arc::new(config)))
    }
}
