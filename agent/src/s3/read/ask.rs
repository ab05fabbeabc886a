//! One question to a bucket.

use std::fmt;
use std::future::Future;

use hozen_collector::model::Digest;

use crate::s3::request::Bucket;
use crate::s3::retry::{Trouble, persist};
use crate::s3::tap::Ear;

/// A question that got no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered {
    /// The permission that the question needs, such as `s3:GetObjectRetention`.
    pub permission: &'static str,
    /// What the bucket or the way there said; escaped text.
    pub reason: String,
}

impl Unanswered {
    pub(super) fn new(permission: &'static str, reason: String) -> Self {
        Self { permission, reason }
    }

    /// Whether it is the permission that is missing.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self.code(), "AccessDenied" | "Forbidden" | "AllAccessDisabled")
    }

    /// Whether there is no such object.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.code() == "NoSuchKey"
    }

    fn code(&self) -> &str {
        self.reason.split(':').next().unwrap_or_default().trim()
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { permission, reason } = self;
        if self.is_denied() { write!(f, "{reason}; the reader needs {permission} here") } else { f.write_str(reason) }
    }
}

impl std::error::Error for Unanswered {}

impl Bucket {
    /// Asks until there is an answer, or there will be none. `permission` is what the question needs.
    pub(super) async fn ask<T, F, A>(&self, permission: &'static str, attempt: F) -> Result<T, Unanswered>
    where
        F: Fn(Ear) -> A,
        A: Future<Output = Result<T, Trouble>>,
    {
        let asking = persist(&self.patience, self.patience.timing.attempt, Digest::of(b""), |tap| attempt(tap.ear()));
        asking.await.map(|done| done.value).map_err(|given_up| Unanswered::new(permission, given_up.trouble.reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_names_what_is_missing() {
        let denied = Unanswered::new("s3:GetObjectRetention", "AccessDenied: Access Denied".to_owned());
        assert_eq!(denied.to_string(), "AccessDenied: Access Denied; the reader needs s3:GetObjectRetention here");
        let silent = Unanswered::new("s3:GetObjectRetention", "no answer within 30 s".to_owned());
        assert!(!silent.is_denied() && !silent.to_string().contains("Retention"));
    }
}
