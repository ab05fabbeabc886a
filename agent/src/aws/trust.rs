//! Whom we believe in TLS: the roots of Mozilla's list that are part of this program, or the ones of a file that was given. The
//! host's own store is never read: whoever owns the host owns it.

use std::os::fd::AsFd as _;
use std::path::Path;

use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use hozen_collector::host::read;
use hozen_collector::model::{Digest, dsse, escape};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

/// The largest bundle that is read.
const MAX_BUNDLE: usize = 4 << 20;

/// The roots in force.
#[derive(Debug)]
pub(super) struct Trust {
    /// For the HTTP client.
    pub(super) context: TlsContext,
    /// For the begin record.
    pub(super) record: Value,
}

/// The roots of this program, or those of `bundle` alone.
///
/// # Errors
/// When the bundle cannot be read or holds something that is no certificate.
pub(super) fn load(bundle: Option<&Path>) -> Result<Trust, String> {
    let (roots, source) = match bundle {
        None => (webpki_root_certs::TLS_SERVER_ROOT_CERTS.to_vec(), json!("built-in")),
        Some(path) => from_file(path)?,
    };
    let pem: String = roots.iter().map(|der| pem(der)).collect();
    let store = TrustStore::empty().with_pem_certificate(pem);
    let context = TlsContext::builder().with_trust_store(store).build().map_err(|error| format!("TLS: {error}"))?;
    Ok(Trust { context, record: json!({"source": source, "roots": roots.len()}) })
}

fn from_file(path: &Path) -> Result<(Vec<CertificateDer<'static>>, Value), String> {
    let shown = escape::path(path);
    let opened = read::open_magic(nix::fcntl::AT_FDCWD, path).map_err(|reason| reason.to_string());
    let bytes = opened.and_then(|(fd, _)| read::to_end(fd.as_fd(), MAX_BUNDLE).map_err(|errno| errno.to_string()));
    let bytes = bytes.map_err(|reason| format!("--ca-bundle {shown} cannot be read: {reason}"))?;
    if bytes.truncated {
        return Err(format!("--ca-bundle {shown} is larger than {} MiB; it cannot be meant", MAX_BUNDLE >> 20));
    }
    let roots = certificates(&bytes.bytes).map_err(|reason| format!("--ca-bundle {shown}: {reason}"))?;
    Ok((roots, json!({"file": shown, "sha256": Digest::of(&bytes.bytes)})))
}

/// The certificates in a PEM file, each of which must be able to serve as a root.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let mut store = RootCertStore::empty();
    let mut roots = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| format!("is no PEM file of certificates: {error}"))?;
        store.add(certificate.clone()).map_err(|error| format!("certificate {} cannot be a root: {error}", roots.len() + 1))?;
        roots.push(certificate);
    }
    if roots.is_empty() { Err("holds no certificate; give a PEM file of the roots to trust".to_owned()) } else { Ok(roots) }
}

fn pem(der: &[u8]) -> String {
    let text = dsse::base64(der);
    let lines: Vec<String> = text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests lay out files with the standard library")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_built_in_roots_hold_amazons() {
        let trust = load(None).unwrap();
        assert!(trust.record["roots"].as_u64().unwrap() > 100);
        let amazon =
            webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().filter(|der| der.windows(16).any(|w| w == b"Amazon Root CA 1"));
        assert!(amazon.count() >= 1);
    }

    #[test]
    fn a_bundle_is_taken_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let write = |text: &str| {
            let path = dir.path().join("ca.pem");
            std::fs::write(&path, text).unwrap();
            path
        };
        let good = pem(&webpki_root_certs::TLS_SERVER_ROOT_CERTS[0]);
        let trust = load(Some(&write(&format!("# our root\n{good}{good}")))).unwrap();
        assert_eq!(trust.record["roots"], 2);
        let error = |text: &str| load(Some(&write(text))).unwrap_err();
        assert!(error("").contains("holds no certificate"));
        assert!(error(&format!("{good}{}", pem(b"no certificate"))).contains("certificate 2"));
        assert!(error(&good.replace("MII", "!II")).contains("PEM"));
        assert!(load(Some(&dir.path().join("none"))).unwrap_err().contains("cannot be read"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let text = [b"-----BEGIN CERTIFICATE-----\n".as_slice(), &bytes, b"\n-----END CERTIFICATE-----\n"].concat();
            let _ = certificates(&text);
            prop_assert!(certificates(&bytes).is_err());
        }
    }
}
