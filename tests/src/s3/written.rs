//! What a writer's requests must have, looked at in the journal of the double: that it refuses some of their absence is not relied on.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::serve::{Entry, Head};

/// The requests that a run may make, and the one question besides them.
const WRITER: [&str; 5] =
    ["GetObjectLockConfiguration", "PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"];

/// Holds every request of a run to what it must have: the owner of the bucket, checksums, conditions, sizes, lock; no grant to anybody, and
/// no request that a role that only writes may not make. Gives how often each was made.
///
/// # Panics
/// When one lacks any of that.
#[must_use]
pub fn assert_write_only(journal: &[Entry], owner: &str) -> BTreeMap<String, usize> {
    let (mut counts, mut sizes) = (BTreeMap::new(), BTreeMap::<String, u64>::new());
    for entry in journal {
        let Entry { operation, head, .. } = entry;
        *counts.entry(operation.clone()).or_insert(0) += 1;
        assert!(WRITER.contains(&operation.as_str()), "{operation} is not for one who only writes: {head:?}");
        expect(head, operation, &[("x-amz-expected-bucket-owner", owner)]);
        assert_grants_nothing(head, operation);
        let upload = head.parameter("uploadId").unwrap_or_default();
        match operation.as_str() {
            "PutObject" => {
                expect(head, operation, &[("if-none-match", "*"), ("x-amz-sdk-checksum-algorithm", "SHA256")]);
                assert_digest(head, operation);
                assert_locked(head, operation);
            }
            "CreateMultipartUpload" => {
                expect(head, operation, &[("x-amz-checksum-algorithm", "SHA256"), ("x-amz-checksum-type", "COMPOSITE")]);
                assert_locked(head, operation);
            }
            "UploadPart" => {
                assert_digest(head, operation);
                *sizes.entry(upload).or_default() += entry.length;
            }
            "CompleteMultipartUpload" => {
                let size = sizes.get(&upload).copied().unwrap_or_default().to_string();
                let size = ("x-amz-mp-object-size", size.as_str());
                expect(head, operation, &[("if-none-match", "*"), size, ("x-amz-checksum-type", "COMPOSITE")]);
            }
            _ => {}
        }
    }
    counts
}

fn expect(head: &Head, operation: &str, headers: &[(&str, &str)]) {
    for (name, value) in headers {
        assert_eq!(head.header(name), Some(*value), "{name} of {operation} {}", head.path);
    }
}

/// The body's SHA-256 is a header of its own, and the one that is signed.
fn assert_digest(head: &Head, operation: &str) {
    let sent = head.header("x-amz-checksum-sha256").and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
    let sent: String = sent.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(sent.len(), 64, "{operation} {}", head.path);
    assert_eq!(head.header("x-amz-content-sha256"), Some(sent.as_str()), "{operation} {}", head.path);
}

fn assert_locked(head: &Head, operation: &str) {
    for name in ["x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date"] {
        assert!(head.header(name).is_some(), "{name} of {operation} {}", head.path);
    }
}

/// Neither a canned list of grants nor a grant, in headers or query.
fn assert_grants_nothing(head: &Head, operation: &str) {
    let names: BTreeSet<&str> = head.headers.iter().map(|(name, _)| name.as_str()).collect();
    let grants: Vec<&&str> = names.iter().filter(|name| **name == "x-amz-acl" || name.starts_with("x-amz-grant-")).collect();
    assert!(grants.is_empty() && head.parameter("acl").is_none(), "{operation} {}: {grants:?}", head.path);
}
