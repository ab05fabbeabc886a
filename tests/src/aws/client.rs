//! A client that does nothing by itself: one signed request on one connection, and what came back, byte by byte. For tests that must see
//! what an SDK would hide, such as a reset or a response that ends too early.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::access::Key;
use super::canonical::{self, hex, hmac, signing_key, string_to_sign};
use super::cloud::{Cloud, REGION};
use crate::serve::Head;

/// A request to S3.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// `PUT` and the like.
    pub method: &'a str,
    /// The path, encoded.
    pub path: &'a str,
    /// The query, encoded, without the question mark.
    pub query: &'a str,
    /// Headers besides those of the signature, in lower case.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Heard {
    /// All bytes.
    pub bytes: Vec<u8>,
    /// How it ended: with the end of the stream, or with an error such as a reset.
    pub end: Result<(), io::ErrorKind>,
}

impl Heard {
    /// The status, if the first line came.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        String::from_utf8_lossy(&self.bytes).split_ascii_whitespace().nth(1)?.parse().ok()
    }

    /// Everything as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The value of a header (lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let text = self.text();
        let mut lines = text.split("\r\n").take_while(|line| !line.is_empty());
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned))
    }

    /// The text between `<name>` and `</name>`.
    #[must_use]
    pub fn element(&self, name: &str) -> Option<String> {
        let text = self.text();
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once('<').map(|(value, _)| value.to_owned())
    }
}

/// Asks, and listens for at most this long.
///
/// # Errors
/// When there is no connection.
pub fn ask(address: SocketAddr, cloud: &Cloud, key: &Key, asked: &Asked<'_>, patience: Duration) -> io::Result<Heard> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(patience))?;
    let head = signed(address, cloud, key, asked);
    let lines: String = head.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let target = if asked.query.is_empty() { asked.path.to_owned() } else { format!("{}?{}", asked.path, asked.query) };
    let first = format!("{} {target} HTTP/1.1\r\n{lines}connection: close\r\n\r\n", asked.method);
    // Whoever resets the connection may do so while we still send; what came back says more than that error.
    let sent = stream.write_all(first.as_bytes()).and_then(|()| stream.write_all(asked.body));
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes).map(drop);
    Ok(Heard { bytes, end: sent.and(read).map_err(|error| error.kind()) })
}

fn signed(address: SocketAddr, cloud: &Cloud, key: &Key, asked: &Asked<'_>) -> Head {
    let time = cloud.now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let (day, payload) = (time.split('T').next().unwrap_or_default().to_owned(), hex(&Sha256::digest(asked.body)));
    let mut headers: Vec<(String, String)> =
        asked.headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    for (name, value) in [("host", address.to_string()), ("x-amz-date", time.clone()), ("x-amz-content-sha256", payload.clone())]
    {
        headers.push((name.to_owned(), value));
    }
    headers.extend(key.token.iter().map(|token| ("x-amz-security-token".to_owned(), token.clone())));
    headers.sort();
    let names: Vec<String> = headers.iter().map(|(name, _)| name.clone()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut head = Head { method: asked.method.to_owned(), path: asked.path.to_owned(), query: asked.query.to_owned(), headers };
    let scope = format!("{day}/{REGION}/s3/aws4_request");
    let text = string_to_sign(&time, &scope, &canonical::request(&head, &names, &payload, true));
    let signature = hex(&hmac(&signing_key(&key.secret, &day, REGION, "s3"), &text));
    let value = format!(
        "{} Credential={}/{scope}, SignedHeaders={}, Signature={signature}",
        canonical::ALGORITHM,
        key.id,
        names.join(";")
    );
    head.headers.push(("authorization".to_owned(), value));
    head.headers.push(("content-length".to_owned(), asked.body.len().to_string()));
    head
}
