//! Where a run stands in a bucket: `<prefix>/<case>/<account>/<instance>/<run id>/…`.

use hozen_collector::model::{CaseId, RunId};

pub use super::options::is_account;
use super::uri::{BucketUri, InvalidUri};

/// Stands for the account where none is known, as outside EC2.
pub const NO_ACCOUNT: &str = "no-account";

/// The place of a run below `to`. `account` is the one that the instance belongs to; `host` is an instance id, a machine id or a
/// host name, of which only what a key can hold is kept.
///
/// # Errors
/// When the whole is too long for a prefix.
pub fn run(to: &BucketUri, case: &CaseId, account: Option<&str>, host: &str, run: RunId) -> Result<BucketUri, InvalidUri> {
    to.below(case.as_str())?.below(account.unwrap_or(NO_ACCOUNT))?.below(&component(host))?.below(&run.to_string())
}

/// `text` as one component of a key: other characters become `_`, and it never is empty, `.` or `..`.
pub(crate) fn component(text: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let kept: String = text.chars().take(64).map(keep).collect();
    if kept.chars().all(|c| c == '.') { "unknown-host".to_owned() } else { kept }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hozen_collector::model::Timestamp;
    use proptest::prelude::*;

    fn place(account: Option<&str>, host: &str) -> BucketUri {
        let id = RunId::new(Timestamp::from_seconds(0), 7);
        run(&"s3://evidence/cases".parse().unwrap(), &"IR-1".parse().unwrap(), account, host, id).unwrap()
    }

    #[test]
    fn the_layout_is_case_account_instance_run() {
        let uri = place(Some("123456789012"), "i-0123456789abcdef0");
        let (place, id) = uri.prefix().rsplit_once('/').unwrap();
        assert_eq!((place, id.len()), ("cases/IR-1/123456789012/i-0123456789abcdef0", 26));
        assert!(self::place(None, "").prefix().contains("/no-account/unknown-host/"));
    }

    proptest! {
        #[test]
        fn any_host_name_gives_a_place(host in any::<String>()) {
            let uri = place(None, &host);
            prop_assert_eq!(uri.prefix().split('/').count(), 5);
            prop_assert_eq!(uri.to_string().parse::<BucketUri>().unwrap(), uri);
        }
    }
}
