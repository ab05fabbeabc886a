//! Conditional requests: If-Match and If-None-Match.

use super::state::Version;
use crate::aws::refusal::Refusal;
use crate::serve::Head;

fn failed(condition: &str) -> Refusal {
    Refusal::new(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
        .with("Condition", condition)
}

/// Whether a key may be written whose current version is this.
pub(super) fn check_write(head: &Head, current: Option<&Version>) -> Result<(), Refusal> {
    match (head.header("if-none-match"), current) {
        (Some("*"), Some(_)) => return Err(failed("If-None-Match")),
        (None | Some("*"), _) => {}
        (Some(_), _) => {
            let message = "A header you provided implies functionality that is not implemented";
            return Err(Refusal::new(501, "NotImplemented", message).with("Header", "If-None-Match"));
        }
    }
    match (head.header("if-match"), current) {
        (Some(_), None) => Err(Refusal::new(404, "NoSuchKey", "The specified key does not exist.")),
        (Some(tag), Some(version)) if !is_tag(tag, version) => Err(failed("If-Match")),
        _ => Ok(()),
    }
}

/// Whether a version may be read.
pub(super) fn check_read(head: &Head, version: &Version) -> Result<(), Refusal> {
    if head.header("if-match").is_some_and(|tag| !is_tag(tag, version)) {
        return Err(failed("If-Match"));
    }
    if head.header("if-none-match").is_some_and(|tag| is_tag(tag, version)) {
        return Err(Refusal::new(304, "NotModified", ""));
    }
    Ok(())
}

fn is_tag(tag: &str, version: &Version) -> bool {
    tag == "*" || tag.trim_matches('"') == version.etag
}
