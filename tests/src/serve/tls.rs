//! A server certificate from PEM files.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
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
    /// Makes a certificate for 127.0.0.1 and `localhost` in this folder, with the program openssl. Also returns the path of the
    /// certificate in PEM, which a client must trust.
    ///
    /// # Panics
    /// When openssl is not there.
    #[must_use]
    pub fn self_signed(folder: &Path) -> (Self, PathBuf) {
        let (key, certificate) = (folder.join("tls-key.pem"), folder.join("tls-certificate.pem"));
        let names = "subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:*.localhost";
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650"]);
        command.args(["-subj", "/CN=double", "-addext", names, "-addext", "basicConstraints=critical,CA:FALSE", "-keyout"]);
        let output = command.arg(&key).arg("-out").arg(&certificate).output().unwrap_or_else(|error| panic!("openssl: {error}"));
        assert!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
        (Self::from_pem(&certificate, &key), certificate)
    }

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
