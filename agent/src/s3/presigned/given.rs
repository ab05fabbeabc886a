//! What cannot be given beside a list, because it stands in it.

use crate::aws::options::NetworkArgs;
use crate::s3::options::BucketArgs;

/// The first option that contradicts a list.
#[must_use]
pub fn contradiction(bucket: &BucketArgs, network: &NetworkArgs) -> Option<&'static str> {
    let given = [
        ("--lock", bucket.lock.is_some()),
        ("--retain-days", bucket.retain_days.is_some()),
        ("--allow-unlocked", bucket.allow_unlocked),
        ("--kms-key", bucket.kms_key.is_some()),
        ("--bucket-owner", bucket.bucket_owner.is_some()),
        ("--part-size", bucket.part_size.is_some()),
        ("--region", network.region.is_some()),
        ("--endpoint-url", network.endpoint_url.is_some()),
        ("--path-style", network.path_style),
        ("--dual-stack", network.dual_stack),
        ("--credentials", network.credentials.is_some()),
    ];
    given.into_iter().find(|(_, given)| *given).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::options::LockMode;

    #[test]
    fn what_stands_in_the_list_cannot_be_given_again() {
        let (bucket, network) = (BucketArgs::default(), NetworkArgs::default());
        assert_eq!(contradiction(&bucket, &network), None);
        let locked = BucketArgs { lock: Some(LockMode::Compliance), ..bucket.clone() };
        assert_eq!(contradiction(&locked, &network), Some("--lock"));
        let parallel = BucketArgs { parallel_uploads: Some(2), ..bucket };
        assert_eq!(contradiction(&parallel, &NetworkArgs { path_style: true, ..network }), Some("--path-style"));
    }
}
