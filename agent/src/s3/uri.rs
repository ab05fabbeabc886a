//! `s3://bucket/prefix`: where a run goes in a bucket.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use hozen_collector::model::escape;
use serde::{Deserialize, Serialize};

/// The longest prefix: with a slash and the longest object name (512 bytes) a key stays below the 1024 bytes that S3 takes.
const MAX_PREFIX: usize = 500;

/// A bucket and a prefix in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct BucketUri {
    bucket: String,
    prefix: String,
}

/// The text names no place in a bucket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUri {
    /// Another scheme, or none.
    #[error("{0:?} is not a place in a bucket; write s3://bucket/prefix")]
    Scheme(String),
    /// The bucket's name.
    #[error(
        "{0:?} is not a bucket's name: 3 to 63 of a-z 0-9 . -, a letter or digit first and last, no two dots together; \
         an access point or ARN is not taken here"
    )]
    Bucket(String),
    /// The prefix.
    #[error("{0:?} cannot be a prefix: components of A-Z a-z 0-9 . _ - joined by /, at most 500 bytes")]
    Prefix(String),
    /// An address of another kind; escaped text.
    #[error("{0} is neither a folder nor a place in a bucket; write s3://bucket/prefix")]
    Elsewhere(String),
    /// A path that is no text.
    #[error("the place is not text; write s3://bucket/prefix")]
    NotText,
}

impl BucketUri {
    /// The bucket's name.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The prefix without a slash at its end; empty for the bucket's root.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The key of `name` below the prefix.
    #[must_use]
    pub fn key(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_owned() } else { format!("{}/{name}", self.prefix) }
    }

    /// The place `name` below this one.
    ///
    /// # Errors
    /// When the whole is no prefix any more.
    pub fn below(&self, name: &str) -> Result<Self, InvalidUri> {
        let prefix = self.key(name);
        if is_prefix(&prefix) { Ok(Self { bucket: self.bucket.clone(), prefix }) } else { Err(InvalidUri::Prefix(prefix)) }
    }
}

impl FromStr for BucketUri {
    type Err = InvalidUri;

    fn from_str(text: &str) -> Result<Self, InvalidUri> {
        let rest = text.strip_prefix("s3://").ok_or_else(|| InvalidUri::Scheme(text.to_owned()))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if !is_bucket(bucket) {
            return Err(InvalidUri::Bucket(bucket.to_owned()));
        }
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        if !prefix.is_empty() && !is_prefix(prefix) {
            return Err(InvalidUri::Prefix(prefix.to_owned()));
        }
        Ok(Self { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

/// Whether whoever wrote `to` meant a bucket.
pub(crate) fn is_meant_as_bucket(to: &Path) -> bool {
    to.as_os_str().as_encoded_bytes().to_ascii_lowercase().starts_with(b"s3:")
}

/// The bucket that `to` names; `None` where it is a folder.
pub(crate) fn place(to: &Path) -> Result<Option<BucketUri>, InvalidUri> {
    if is_meant_as_bucket(to) {
        return to.to_str().ok_or(InvalidUri::NotText)?.parse().map(Some);
    }
    let is_address = to.as_os_str().as_encoded_bytes().windows(3).any(|window| window == b"://");
    if is_address { Err(InvalidUri::Elsewhere(escape::path(to))) } else { Ok(None) }
}

/// A general-purpose bucket's name ("Bucket naming rules" of the S3 user guide).
fn is_bucket(name: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-';
    let end = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let address = name.parse::<std::net::Ipv4Addr>().is_ok();
    (3..=63).contains(&name.len())
        && name.bytes().all(inner)
        && end(name.bytes().next())
        && end(name.bytes().next_back())
        && !name.contains("..")
        && !address
}

fn is_prefix(prefix: &str) -> bool {
    let component =
        |part: &str| !matches!(part, "" | "." | "..") && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    prefix.len() <= MAX_PREFIX && prefix.split('/').all(component)
}

impl fmt::Display for BucketUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.bucket)?;
        if self.prefix.is_empty() { Ok(()) } else { write!(f, "/{}", self.prefix) }
    }
}

impl From<BucketUri> for String {
    fn from(uri: BucketUri) -> Self {
        uri.to_string()
    }
}

impl TryFrom<String> for BucketUri {
    type Error = InvalidUri;
    fn try_from(text: String) -> Result<Self, InvalidUri> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn places_in_buckets_are_read() {
        let uri: BucketUri = "s3://evidence-1/cases/a/".parse().unwrap();
        assert_eq!((uri.bucket(), uri.prefix()), ("evidence-1", "cases/a"));
        assert_eq!((uri.key("x"), uri.to_string()), ("cases/a/x".to_owned(), "s3://evidence-1/cases/a".to_owned()));
        let root: BucketUri = "s3://evidence-1".parse().unwrap();
        assert_eq!((root.key("x"), root.below("y").unwrap().key("x")), ("x".to_owned(), "y/x".to_owned()));
    }

    #[test]
    fn what_names_no_bucket_is_refused_with_the_reason() {
        for text in ["", "evidence", "S3://a", "http://bucket/x", "s3:/bucket"] {
            assert!(matches!(text.parse::<BucketUri>(), Err(InvalidUri::Scheme(_))), "{text}");
        }
        for text in ["s3://", "s3:///x", "s3://ab", "s3://Evidence", "s3://a..b", "s3://-ab", "s3://1.2.3.4", "s3://a_b/c"] {
            assert!(matches!(text.parse::<BucketUri>(), Err(InvalidUri::Bucket(_))), "{text}");
        }
        for text in ["s3://abc//x", "s3://abc/../x", "s3://abc/a b", "s3://abc/ä", "s3://abc/x//"] {
            assert!(matches!(text.parse::<BucketUri>(), Err(InvalidUri::Prefix(_))), "{text}");
        }
        assert!(format!("s3://abc/{}", "x".repeat(501)).parse::<BucketUri>().is_err());
    }

    #[test]
    fn a_bucket_is_told_from_a_folder_and_from_other_addresses() {
        use std::os::unix::ffi::OsStrExt as _;
        let named = |bytes: &[u8]| place(Path::new(std::ffi::OsStr::from_bytes(bytes)));
        assert_eq!(named(b"s3://evidence/cases"), Ok(Some("s3://evidence/cases".parse().unwrap())));
        for folder in [&b""[..], b"./s3", b"/mnt/\xff"] {
            assert_eq!(named(folder), Ok(None));
        }
        assert!(matches!(named(b"S3:evidence"), Err(InvalidUri::Scheme(_))));
        assert_eq!(named(b"s3://evidence/\xff"), Err(InvalidUri::NotText));
        let elsewhere = named(b"https://evidence/\xff").unwrap_err().to_string();
        assert!(elsewhere.starts_with("https://evidence/\\xff is neither a folder"), "{elsewhere}");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_what_is_read_comes_back(text in "(s3://)?[a-z0-9./-]{0,20}\\PC{0,10}") {
            if let Ok(uri) = text.parse::<BucketUri>() {
                prop_assert_eq!(uri.to_string().parse::<BucketUri>().unwrap(), uri);
            }
        }
    }
}
