//! What cannot be given beside a list, because it stands in it.

use std::path::Path;
use std::sync::Arc;

use hozen_collector::model::CaseId;

use super::list::List;
use crate::aws::options::NetworkArgs;
use crate::s3::options::BucketArgs;

/// What the command line gives beside a list. What a configuration says of the same gives way to the list: it is for many runs.
#[derive(Debug, Clone, Copy)]
pub struct Beside<'a> {
    /// How objects are put into a bucket.
    pub bucket: &'a BucketArgs,
    /// How the network is reached.
    pub network: &'a NetworkArgs,
    /// Whether a destination is.
    pub to: bool,
    /// The case.
    pub case: Option<&'a CaseId>,
    /// Whether anything else of AWS is asked, by credentials of its own: a parameter, or a module store in a bucket.
    pub others: bool,
}

/// Reads the list at `path`; `-` is standard input.
///
/// # Errors
/// When it cannot be read, is none, or something is given that contradicts it; the text says what to do.
pub fn read(path: &Path, beside: &Beside<'_>) -> Result<Arc<List>, String> {
    let list = List::read(path)?;
    if beside.to {
        return Err(format!("--to and --presigned cannot both be given: the list is for one place, {}", list.place));
    }
    if let Some(option) = contradiction(beside) {
        return Err(format!(
            "{option} cannot be given with --presigned: it is part of what was signed, or of no use where nothing but the list is used"
        ));
    }
    match beside.case.filter(|case| **case != list.case) {
        Some(case) => {
            let due = &list.case;
            Err(format!(
                "the presigned list is for case {due}, and this is case {case}; leave --case out, or take the list of this case"
            ))
        }
        None => Ok(Arc::new(list)),
    }
}

/// The first option that contradicts a list.
fn contradiction(beside: &Beside<'_>) -> Option<&'static str> {
    let Beside { bucket, network, others, .. } = beside;
    let given = [
        ("--lock", bucket.lock.is_some()),
        ("--retain-days", bucket.retain_days.is_some()),
        ("--allow-unlocked", bucket.allow_unlocked),
        ("--kms-key", bucket.kms_key.is_some()),
        ("--bucket-owner", bucket.bucket_owner.is_some()),
        ("--part-size", bucket.part_size.is_some()),
        ("--region", !others && network.region.is_some()),
        ("--endpoint-url", !others && network.endpoint_url.is_some()),
        ("--path-style", !others && network.path_style),
        ("--dual-stack", !others && network.dual_stack),
        ("--credentials", !others && network.credentials.is_some()),
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
        let given = |bucket: &BucketArgs, network: &NetworkArgs, others| {
            contradiction(&Beside { bucket, network, to: false, case: None, others })
        };
        assert_eq!(given(&bucket, &network, false), None);
        let locked = BucketArgs { lock: Some(LockMode::Compliance), ..bucket.clone() };
        assert_eq!((given(&locked, &network, false), given(&locked, &network, true)), (Some("--lock"), Some("--lock")));
        let parallel = BucketArgs { parallel_uploads: Some(2), ..bucket };
        let styled = NetworkArgs { path_style: true, ..network };
        assert_eq!((given(&parallel, &styled, false), given(&parallel, &styled, true)), (Some("--path-style"), None));
    }
}
