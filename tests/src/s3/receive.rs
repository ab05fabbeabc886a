//! The body of a request: digests, checksums, lengths.

use hyper::body::Bytes;
use jiff::Timestamp;
use md5::Md5;
use sha2::{Digest as _, Sha256};

use super::checksum::{ALL, Algorithm, Hasher, base64};
use super::chunked::Chunked;
use super::state::Part;
use crate::aws::canonical::hex;
use crate::aws::refusal::Refusal;
use crate::aws::sigv4::Signed;
use crate::serve::{Body, Broken, Head};

/// The most that one request may bring.
pub(super) const MAX_BODY: u64 = 5 << 30;

/// What is to be done with a body.
#[derive(Debug)]
pub(super) struct Terms {
    /// Bytes that are kept; the data of a longer body is thrown away.
    pub(super) keep: u64,
    /// Whether the entity tag is an MD5 digest.
    pub(super) md5_tag: bool,
    /// The algorithm to compute where the request names none.
    pub(super) otherwise: Option<Algorithm>,
    /// Whether a checksum in the headers is one of this body, and not of an object.
    pub(super) is_of_body: bool,
}

/// A checksum that the request states, or will state in its trailer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stated {
    Nothing,
    Header(Algorithm, Vec<u8>),
    Trailer(Algorithm),
}

impl Stated {
    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        match self {
            Self::Nothing => None,
            Self::Header(algorithm, _) | Self::Trailer(algorithm) => Some(*algorithm),
        }
    }

    /// Reads the headers.
    pub(super) fn read(head: &Head) -> Result<Self, Refusal> {
        let invalid = |message: String| Refusal::new(400, "InvalidRequest", message);
        let given: Vec<(Algorithm, &str)> =
            ALL.into_iter().filter_map(|algorithm| Some((algorithm, head.header(&algorithm.header())?))).collect();
        let trailer = head.header("x-amz-trailer").and_then(|name| ALL.into_iter().find(|algorithm| algorithm.header() == name));
        let named = head.header("x-amz-sdk-checksum-algorithm");
        let stated = match (given.as_slice(), trailer) {
            ([], None) if named.is_some() => {
                return Err(invalid("x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.".to_owned()));
            }
            ([], None) => return Ok(Self::Nothing),
            ([], Some(algorithm)) => Self::Trailer(algorithm),
            ([(algorithm, text)], None) => {
                let wrong = || invalid(format!("Value for {} header is invalid.", algorithm.header()));
                Self::Header(*algorithm, algorithm.parse(text).ok_or_else(wrong)?)
            }
            _ => {
                return Err(invalid(
                    "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.".to_owned(),
                ));
            }
        };
        if named.is_some_and(|named| Algorithm::named(named) != stated.algorithm()) {
            return Err(invalid("Value for x-amz-sdk-checksum-algorithm header is invalid.".to_owned()));
        }
        Ok(stated)
    }
}

/// A body that was read and is what the request says.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) part: Part,
    pub(super) stated: Stated,
}

/// Why there is no body.
#[derive(Debug)]
pub(super) enum Failed {
    Refused(Refusal),
    Broken,
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Broken> for Failed {
    fn from(_: Broken) -> Self {
        Self::Broken
    }
}

/// Reads a body and holds it against everything that the request says about it.
pub(super) async fn receive(head: &Head, signed: &Signed, body: &mut Body, terms: Terms) -> Result<Received, Failed> {
    let stated = if terms.is_of_body { Stated::read(head)? } else { Stated::Nothing };
    let md5 = content_md5(head)?;
    let framing = Framing::of(head, signed)?;
    let length = announced(head, &framing)?;
    let mut intake = Intake::new(&terms, stated.algorithm().or(terms.otherwise), md5.is_some(), length);
    let mut chunked = framing.chunked();
    while let Some(bytes) = body.next().await? {
        match &mut chunked {
            None => intake.take(&bytes),
            Some(chunked) => chunked.push(&bytes, |bytes| intake.take(bytes))?,
        }
    }
    let trailers = chunked.map(Chunked::finish).transpose()?.unwrap_or_default();
    let part = intake.finish();
    if part.size != length {
        return Err(Refusal::new(
            400,
            "IncompleteBody",
            "You did not provide the number of bytes specified by the Content-Length HTTP header",
        )
        .into());
    }
    framing.check(&part)?;
    check_checksum(&part, &stated, &trailers)?;
    if md5.is_some_and(|md5| Some(md5) != part.md5) {
        return Err(Refusal::new(400, "BadDigest", "The Content-MD5 you specified did not match what we received.").into());
    }
    Ok(Received { part, stated })
}

fn content_md5(head: &Head) -> Result<Option<[u8; 16]>, Refusal> {
    use base64::Engine as _;
    let Some(text) = head.header("content-md5") else { return Ok(None) };
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.map(Some).ok_or_else(|| Refusal::new(400, "InvalidDigest", "The Content-MD5 you specified was invalid."))
}

/// How the body is framed, and what is signed of it.
#[derive(Debug)]
enum Framing {
    Digest(String),
    Unsigned,
    Chunks { signed: Option<Box<Signed>>, trailer: bool },
}

impl Framing {
    fn of(head: &Head, signed: &Signed) -> Result<Self, Refusal> {
        let is_chunked =
            head.header("content-encoding").is_some_and(|value| value.split(',').any(|part| part.trim() == "aws-chunked"));
        let with = |seeded: bool, trailer| Self::Chunks { signed: seeded.then(|| Box::new(signed.clone())), trailer };
        let framing = match signed.payload.as_str() {
            "UNSIGNED-PAYLOAD" => Self::Unsigned,
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" => with(true, false),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => with(true, true),
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER" => with(false, true),
            text if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                Self::Digest(text.to_ascii_lowercase())
            }
            _ => {
                return Err(Refusal::new(
                    400,
                    "InvalidArgument",
                    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, or a valid sha256 value.",
                ));
            }
        };
        match &framing {
            Self::Chunks { trailer, .. } if *trailer != head.header("x-amz-trailer").is_some() => {
                Err(Refusal::new(400, "InvalidRequest", "x-amz-trailer and x-amz-content-sha256 contradict each other"))
            }
            // Otherwise the framing would be stored as data.
            Self::Digest(_) | Self::Unsigned if is_chunked || head.header("x-amz-trailer").is_some() => {
                Err(Refusal::new(400, "InvalidRequest", "aws-chunked needs a STREAMING value of x-amz-content-sha256"))
            }
            _ => Ok(framing),
        }
    }

    fn chunked(&self) -> Option<Chunked> {
        match self {
            Self::Chunks { signed, trailer } => Some(Chunked::new(signed.as_ref().map(|signed| signed.seed.clone()), *trailer)),
            _ => None,
        }
    }

    fn check(&self, part: &Part) -> Result<(), Refusal> {
        match self {
            Self::Digest(digest) if *digest != hex(&part.sha256) => Err(Refusal::new(
                400,
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            )
            .with("ClientComputedContentSHA256", digest.as_str())
            .with("S3ComputedContentSHA256", hex(&part.sha256))),
            _ => Ok(()),
        }
    }
}

/// The length of the data, which a request must state.
fn announced(head: &Head, framing: &Framing) -> Result<u64, Refusal> {
    let missing = || Refusal::new(411, "MissingContentLength", "You must provide the Content-Length HTTP header.");
    let text = match framing {
        Framing::Chunks { .. } => head.header("x-amz-decoded-content-length").ok_or_else(missing)?,
        _ if head.header("transfer-encoding").is_some() => {
            let message = "A header you provided implies functionality that is not implemented";
            return Err(Refusal::new(501, "NotImplemented", message).with("Header", "Transfer-Encoding"));
        }
        _ => match head.header("content-length") {
            Some(text) => text,
            None if head.method == "PUT" => return Err(missing()),
            None => "0",
        },
    };
    let length: u64 = text.parse().map_err(|_| missing())?;
    if length > MAX_BODY {
        return Err(Refusal::new(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
            .with("ProposedSize", length.to_string())
            .with("MaxSizeAllowed", MAX_BODY.to_string()));
    }
    Ok(length)
}

fn check_checksum(part: &Part, stated: &Stated, trailers: &[(String, String)]) -> Result<(), Refusal> {
    let (algorithm, wanted) = match stated {
        Stated::Nothing => return Ok(()),
        Stated::Header(algorithm, value) => (*algorithm, value.clone()),
        Stated::Trailer(algorithm) => {
            let header = algorithm.header();
            let text = trailers.iter().find(|(name, _)| *name == header).map(|(_, value)| value.as_str());
            let wrong = || Refusal::new(400, "InvalidRequest", format!("Value for {header} trailing header is invalid."));
            (*algorithm, text.and_then(|text| algorithm.parse(text)).ok_or_else(wrong)?)
        }
    };
    if part.checksum.as_ref().is_some_and(|(_, value)| *value == wanted) {
        return Ok(());
    }
    let name = algorithm.name();
    Err(Refusal::new(400, "BadDigest", format!("The {name} you specified did not match the calculated checksum.")))
}

/// Computes what is wanted of a body as it comes in.
struct Intake {
    size: u64,
    sha256: Sha256,
    md5: Option<Md5>,
    algorithm: Option<Algorithm>,
    other: Option<Hasher>,
    data: Option<Vec<u8>>,
    md5_tag: bool,
}

impl Intake {
    fn new(terms: &Terms, algorithm: Option<Algorithm>, is_md5_stated: bool, length: u64) -> Self {
        let keep = length <= terms.keep;
        Self {
            size: 0,
            sha256: Sha256::new(),
            // Slower than all the rest together; an entity tag is no digest to rely on anyway.
            md5: (is_md5_stated || (terms.md5_tag && keep)).then(Md5::new),
            algorithm,
            other: algorithm.filter(|algorithm| *algorithm != Algorithm::Sha256).map(Hasher::new),
            data: keep.then(|| Vec::with_capacity(usize::try_from(length).unwrap_or_default())),
            md5_tag: terms.md5_tag,
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.size += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.sha256.update(bytes);
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
        if let Some(other) = &mut self.other {
            other.update(bytes);
        }
        if let Some(data) = &mut self.data {
            data.extend_from_slice(bytes);
        }
    }

    fn finish(self) -> Part {
        let sha256: [u8; 32] = self.sha256.finalize().into();
        let md5: Option<[u8; 16]> = self.md5.map(|md5| md5.finalize().into());
        let tag = md5.filter(|_| self.md5_tag).map(|md5| hex(&md5));
        let value = self.other.map_or_else(|| sha256.to_vec(), Hasher::finish);
        Part {
            number: 0,
            size: self.size,
            etag: tag.unwrap_or_else(|| hex(&Sha256::digest(sha256)).chars().take(32).collect()),
            modified: Timestamp::UNIX_EPOCH,
            sha256,
            md5,
            checksum: self.algorithm.map(|algorithm| (algorithm, value)),
            data: self.data.map(Bytes::from),
        }
    }
}

impl Part {
    /// Its checksum in base64.
    #[must_use]
    pub fn checksum_text(&self) -> Option<String> {
        self.checksum.as_ref().map(|(_, value)| base64(value))
    }
}
