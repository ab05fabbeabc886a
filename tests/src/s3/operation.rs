//! Which operation a request is, and the action that it needs.

use super::address::Address;
use crate::serve::Head;

/// An operation that the double knows.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) name: &'static str,
    method: &'static str,
    on_object: bool,
    /// The parameter that tells it from its neighbours.
    marker: &'static str,
    /// Other parameters that it has.
    parameters: &'static [&'static str],
    /// The action that whoever calls must be allowed, and the one for a version that is named.
    action: &'static str,
    version_action: &'static str,
}

const fn object(name: &'static str, method: &'static str, marker: &'static str, action: &'static str) -> Operation {
    Operation { name, method, on_object: true, marker, parameters: &[], action, version_action: action }
}

const fn bucket(name: &'static str, method: &'static str, marker: &'static str, action: &'static str) -> Operation {
    Operation { on_object: false, ..object(name, method, marker, action) }
}

const GET: &[&str] = &[
    "versionId",
    "partNumber",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
];
const VERSION: &[&str] = &["versionId"];
const LIST: &[&str] = &["prefix", "delimiter", "max-keys", "encoding-type"];
const LIST_V2: &[&str] =
    &["prefix", "delimiter", "max-keys", "encoding-type", "continuation-token", "start-after", "fetch-owner"];
const LIST_VERSIONS: &[&str] = &["prefix", "delimiter", "max-keys", "encoding-type", "key-marker", "version-id-marker"];
const LIST_UPLOADS: &[&str] = &["prefix", "delimiter", "max-uploads", "encoding-type", "key-marker", "upload-id-marker"];
const LIST_PARTS: &[&str] = &["max-parts", "part-number-marker"];

static OPERATIONS: &[Operation] = &[
    Operation { parameters: &["partNumber"], ..object("UploadPart", "PUT", "uploadId", "s3:PutObject") },
    Operation { parameters: VERSION, ..object("PutObjectRetention", "PUT", "retention", "s3:PutObjectRetention") },
    Operation { parameters: VERSION, ..object("PutObjectLegalHold", "PUT", "legal-hold", "s3:PutObjectLegalHold") },
    object("PutObject", "PUT", "", "s3:PutObject"),
    object("CreateMultipartUpload", "POST", "uploads", "s3:PutObject"),
    object("CompleteMultipartUpload", "POST", "uploadId", "s3:PutObject"),
    object("AbortMultipartUpload", "DELETE", "uploadId", "s3:AbortMultipartUpload"),
    Operation {
        parameters: VERSION,
        version_action: "s3:DeleteObjectVersion",
        ..object("DeleteObject", "DELETE", "", "s3:DeleteObject")
    },
    Operation { parameters: LIST_PARTS, ..object("ListParts", "GET", "uploadId", "s3:ListMultipartUploadParts") },
    Operation { parameters: VERSION, ..object("GetObjectRetention", "GET", "retention", "s3:GetObjectRetention") },
    Operation { parameters: VERSION, ..object("GetObjectLegalHold", "GET", "legal-hold", "s3:GetObjectLegalHold") },
    Operation {
        parameters: VERSION,
        version_action: "s3:GetObjectVersionAttributes",
        ..object("GetObjectAttributes", "GET", "attributes", "s3:GetObjectAttributes")
    },
    Operation { parameters: GET, version_action: "s3:GetObjectVersion", ..object("GetObject", "GET", "", "s3:GetObject") },
    Operation { parameters: GET, version_action: "s3:GetObjectVersion", ..object("HeadObject", "HEAD", "", "s3:GetObject") },
    Operation { parameters: LIST_V2, ..bucket("ListObjectsV2", "GET", "list-type", "s3:ListBucket") },
    Operation { parameters: LIST_VERSIONS, ..bucket("ListObjectVersions", "GET", "versions", "s3:ListBucketVersions") },
    Operation { parameters: LIST_UPLOADS, ..bucket("ListMultipartUploads", "GET", "uploads", "s3:ListBucketMultipartUploads") },
    bucket("GetObjectLockConfiguration", "GET", "object-lock", "s3:GetBucketObjectLockConfiguration"),
    bucket("PutObjectLockConfiguration", "PUT", "object-lock", "s3:PutBucketObjectLockConfiguration"),
    bucket("GetBucketVersioning", "GET", "versioning", "s3:GetBucketVersioning"),
    bucket("PutBucketVersioning", "PUT", "versioning", "s3:PutBucketVersioning"),
    bucket("GetBucketLocation", "GET", "location", "s3:GetBucketLocation"),
    Operation { parameters: LIST, ..bucket("HeadBucket", "HEAD", "", "s3:ListBucket") },
    bucket("CreateBucket", "PUT", "", "s3:CreateBucket"),
    bucket("DeleteBucket", "DELETE", "", "s3:DeleteBucket"),
];

impl Operation {
    /// The operation that this head asks for. None if the double does not know it, or one of its parameters.
    pub(super) fn of(head: &Head, address: &Address) -> Option<&'static Self> {
        let parameters = head.parameters();
        let names: Vec<&str> = parameters.iter().map(|(name, _)| name.as_str()).filter(|name| !is_for_all(name)).collect();
        let said = head.parameter("x-id");
        OPERATIONS.iter().find(|operation| {
            operation.method == head.method
                && !address.bucket.is_empty()
                && operation.on_object != address.key.is_empty()
                && (operation.marker.is_empty() || names.contains(&operation.marker))
                && names.iter().all(|name| *name == operation.marker || operation.parameters.contains(name))
                && said.as_deref().is_none_or(|said| said == operation.name)
        })
    }

    /// The action that it needs.
    pub(super) fn action(&self, head: &Head) -> &'static str {
        if head.parameter("versionId").is_some() { self.version_action } else { self.action }
    }
}

/// Parameters that any request may have: the SDKs' name of the operation, and those of presigned URLs.
fn is_for_all(name: &str) -> bool {
    name == "x-id" || name.starts_with("X-Amz-")
}

/// Headers of AWS that the double understands, or that change nothing. Any other might, so it is refused.
const HEADERS: &[&str] = &[
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-user-agent",
    "x-amz-expected-bucket-owner",
    "x-amz-decoded-content-length",
    "x-amz-trailer",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-checksum-algorithm",
    "x-amz-checksum-type",
    "x-amz-checksum-mode",
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-sha1",
    "x-amz-checksum-sha256",
    "x-amz-mp-object-size",
    "x-amz-object-lock-mode",
    "x-amz-object-lock-retain-until-date",
    "x-amz-object-lock-legal-hold",
    "x-amz-bypass-governance-retention",
    "x-amz-bucket-object-lock-enabled",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-bucket-key-enabled",
    "x-amz-object-attributes",
    "x-amz-max-parts",
    "x-amz-part-number-marker",
    "x-amz-storage-class",
    "x-amz-acl",
    "x-amz-request-payer",
    "x-amz-optional-object-attributes",
];

/// A header of AWS that the double does not know.
pub(super) fn unknown_header(head: &Head) -> Option<&str> {
    let names = head.headers.iter().map(|(name, _)| name.as_str());
    names.filter(|name| name.starts_with("x-amz-") && !name.starts_with("x-amz-meta-")).find(|name| !HEADERS.contains(name))
}
