//! SSE-S3 and SSE-KMS.

use super::state::Bucket;
use crate::aws::access::Key;
use crate::aws::cloud::{Cloud, KeyState};
use crate::aws::refusal::Refusal;
use crate::serve::{Head, Reply};

/// How an object is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encryption {
    /// With a key of S3.
    S3,
    /// With this key of KMS, an ARN.
    Kms(String),
}

const ALGORITHM: &str = "x-amz-server-side-encryption";
const KEY: &str = "x-amz-server-side-encryption-aws-kms-key-id";

impl Encryption {
    /// What the headers ask for, or else the bucket's default.
    pub(super) fn read(head: &Head, bucket: &Bucket, caller: &Key, cloud: &Cloud) -> Result<Self, Refusal> {
        let asked = head.header(KEY).map(str::to_owned);
        let name = match head.header(ALGORITHM) {
            None if asked.is_some() => {
                return Err(Refusal::new(
                    400,
                    "InvalidArgument",
                    "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms",
                ));
            }
            None => bucket.kms_key.clone(),
            Some("AES256") if asked.is_none() => None,
            Some("aws:kms") => Some(asked.or_else(|| bucket.kms_key.clone()).unwrap_or_else(|| "aws-s3".to_owned())),
            Some(_) => return Err(Refusal::new(400, "InvalidArgument", "The encryption method specified is not supported")),
        };
        Self::by(name, caller, cloud)
    }

    /// What the bucket does when nothing is asked for.
    pub(super) fn of_bucket(bucket: &Bucket, caller: &Key, cloud: &Cloud) -> Result<Self, Refusal> {
        Self::by(bucket.kms_key.clone(), caller, cloud)
    }

    /// By this key. It must exist, be enabled, and the caller must be allowed to use it.
    fn by(name: Option<String>, caller: &Key, cloud: &Cloud) -> Result<Self, Refusal> {
        let Some(name) = name else { return Ok(Self::S3) };
        let encryption = Self::Kms(usable(&name, cloud)?);
        encryption.must(caller, "kms:GenerateDataKey")?;
        Ok(encryption)
    }

    /// # Errors
    /// When the caller may not do this with the key.
    pub(super) fn must(&self, caller: &Key, action: &str) -> Result<(), Refusal> {
        match self {
            Self::S3 => Ok(()),
            Self::Kms(arn) => caller.must(action, arn),
        }
    }

    /// Whether entity tags are MD5 digests.
    pub(super) fn has_md5_tags(&self) -> bool {
        *self == Self::S3
    }

    pub(super) fn tell(&self, reply: Reply) -> Reply {
        match self {
            Self::S3 => reply.header(ALGORITHM, "AES256"),
            Self::Kms(arn) => reply.header(ALGORITHM, "aws:kms").header(KEY, arn.as_str()),
        }
    }
}

fn usable(name: &str, cloud: &Cloud) -> Result<String, Refusal> {
    match cloud.kms_key(name) {
        Some((arn, KeyState::Enabled)) => Ok(arn),
        Some((arn, KeyState::Disabled)) => Err(Refusal::new(400, "KMS.DisabledException", format!("{arn} is disabled."))),
        Some((arn, KeyState::PendingDeletion)) => {
            Err(Refusal::new(400, "KMS.KMSInvalidStateException", format!("{arn} is pending deletion.")))
        }
        None if name.starts_with("arn:") => {
            Err(Refusal::new(400, "KMS.NotFoundException", format!("Key '{name}' does not exist")))
        }
        None => Err(Refusal::new(400, "KMS.NotFoundException", format!("Invalid keyId '{name}'"))),
    }
}
