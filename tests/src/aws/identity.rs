//! Signatures of instance identity documents, made by openssl with a certificate of our own in the place of AWS's.

use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

/// A key and its certificate.
#[derive(Debug)]
pub struct Signer {
    folder: TempDir,
}

/// The three signatures of a document, as the metadata service shows them.
#[derive(Debug, Clone)]
pub struct Signatures {
    /// RSA with SHA-256, in base64.
    pub raw: String,
    /// PKCS#7 with SHA-1 (AWS signs this one with a DSA key), in base64 without PEM's head and foot.
    pub pkcs7: String,
    /// PKCS#7 with an RSA key of 2048 bits and SHA-256, in the same form.
    pub rsa2048: String,
}

fn openssl(arguments: &[&str], paths: &[&Path]) {
    let mut command = Command::new("openssl");
    command.args(arguments);
    for pair in paths.chunks(2) {
        command.args(pair);
    }
    let output = command.output().unwrap_or_else(|error| panic!("openssl: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

impl Default for Signer {
    fn default() -> Self {
        Self::new()
    }
}

impl Signer {
    /// Makes a key and a certificate. Needs the program openssl.
    ///
    /// # Panics
    /// When openssl is not there.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the certificate");
        let (key, certificate) = (folder.path().join("key.pem"), folder.path().join("certificate.pem"));
        let arguments = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=not AWS"];
        openssl(&arguments, &[Path::new("-keyout"), &key, Path::new("-out"), &certificate]);
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The certificate in PEM, which stands for AWS's. The file is gone when this is dropped.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.path("certificate.pem")
    }

    /// Signs a document.
    ///
    /// # Panics
    /// When openssl fails.
    #[must_use]
    pub fn sign(&self, document: &str) -> Signatures {
        let (input, key, certificate) = (self.path("document"), self.path("key.pem"), self.certificate());
        std::fs::write(&input, document).expect("write the document");
        let raw = self.path("raw");
        openssl(&["dgst", "-sha256"], &[Path::new("-sign"), &key, Path::new("-out"), &raw, &input]);
        let smime = |digest: &str| {
            let out = self.path("pkcs7");
            let flags = ["smime", "-sign", "-binary", "-nodetach", "-outform", "DER", "-md", digest];
            let files = [
                Path::new("-signer"),
                &certificate,
                Path::new("-inkey"),
                &key,
                Path::new("-in"),
                &input,
                Path::new("-out"),
                &out,
            ];
            openssl(&flags, &files);
            in_lines(&out)
        };
        Signatures { raw: in_lines(&raw), pkcs7: smime("sha1"), rsa2048: smime("sha256") }
    }
}

/// Base64 in lines of 64 characters.
fn in_lines(file: &Path) -> String {
    let text = STANDARD.encode(std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display())));
    let lines: Vec<String> = text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    lines.join("\n")
}
