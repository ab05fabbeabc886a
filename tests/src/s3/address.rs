//! Which bucket and key a request names: in the path, or with the bucket in the host name.

use crate::serve::{Head, decode};

/// Bucket and key; each may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Address {
    pub(super) bucket: String,
    pub(super) key: String,
}

impl Address {
    pub(super) fn of(head: &Head) -> Self {
        let path = head.path.strip_prefix('/').unwrap_or(&head.path);
        if let Some(bucket) = head.header("host").and_then(bucket_in_host) {
            return Self { bucket: bucket.to_owned(), key: decode(path) };
        }
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        Self { bucket: decode(bucket), key: decode(key) }
    }
}

/// `BUCKET.s3.REGION.amazonaws.com` and its like, `BUCKET.bucket.vpce-….s3.REGION.vpce.amazonaws.com`, `BUCKET.localhost`.
fn bucket_in_host(host: &str) -> Option<&str> {
    let host = host.split(':').next().unwrap_or_default();
    if let Some((bucket, _)) = host.split_once(".bucket.vpce-") {
        return Some(bucket);
    }
    if host.ends_with(".amazonaws.com") {
        return host
            .split_once(".s3.")
            .or_else(|| host.split_once(".s3-"))
            .map(|(bucket, _)| bucket)
            .filter(|name| !name.contains("vpce-"));
    }
    host.strip_suffix(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_found_in_host_names() {
        for host in [
            "evidence.s3.eu-central-1.amazonaws.com",
            "evidence.s3.amazonaws.com",
            "evidence.s3.dualstack.eu-central-1.amazonaws.com:443",
            "evidence.bucket.vpce-1a2b-3c4d.s3.us-east-1.vpce.amazonaws.com",
            "evidence.localhost:8080",
        ] {
            assert_eq!(bucket_in_host(host), Some("evidence"), "{host}");
        }
        for host in
            ["127.0.0.1:80", "localhost", "s3.eu-central-1.amazonaws.com", "bucket.vpce-1a.s3.us-east-1.vpce.amazonaws.com"]
        {
            assert_eq!(bucket_in_host(host), None, "{host}");
        }
    }
}
