//! The one question that is asked of a bucket: whether it locks what is put into it.

use std::time::Duration;

use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::types::{DefaultRetention, ObjectLockEnabled};
use hozen_collector::model::{Digest, escape};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::advice;
use super::options::Retention;
use super::request::Bucket;
use super::tap::Tap;
use crate::aws::words;

/// What the question may take: it stands before everything else.
const TIME: Duration = Duration::from_secs(6);

/// What is known of the bucket's lock, for the begin record.
///
/// # Errors
/// Where objects name no retention of their own and the bucket is known to give them none, unless that is allowed. A writer that
/// may not ask gets no refusal: then the record says that it is not known.
pub(super) async fn lock(bucket: &Bucket) -> Result<Value, String> {
    let known = timeout(TIME, ask_by_the_right_clock(bucket)).await.unwrap_or_else(|_| Lock::Unknown("no answer".to_owned()));
    let refuse = |what: &str| {
        let place = bucket.place.bucket();
        let told = format!(
            "the bucket {place} {what}, so what is written into it can be deleted; give --lock with --retain-days, use a bucket \
             with Object Lock and a default retention, or give --allow-unlocked"
        );
        if bucket.options.allow_unlocked || bucket.options.retention != Retention::BucketDefault { Ok(()) } else { Err(told) }
    };
    match known {
        Lock::NoDefault => refuse("has Object Lock and no default retention")?,
        Lock::None => refuse("has no Object Lock")?,
        Lock::Default { .. } | Lock::Unknown(_) => {}
    }
    Ok(known.record().unwrap_or_else(|reason| json!({"enabled": null, "reason": reason})))
}

/// That the lock of the bucket `name` is not known for `reason`, and what to do. Where more is wrong than that this question is refused,
/// the advice is about that.
pub(super) fn unknown(name: &str, reason: &str) -> String {
    let refused = ["AccessDenied", "MethodNotAllowed", "NotImplemented"].iter().any(|code| reason.starts_with(code));
    let action = if refused { "grant s3:GetBucketObjectLockConfiguration" } else { advice::of(reason) };
    format!("it is not known that the bucket {name} locks what it is given ({reason}); {action}, or name a lock with --lock")
}

/// What a bucket says of its lock.
pub(super) enum Lock {
    Default { mode: String, time: String },
    NoDefault,
    None,
    Unknown(String),
}

impl Lock {
    /// As records have it; the reason where nothing is known.
    pub(super) fn record(&self) -> Result<Value, String> {
        match self {
            Self::Default { mode, time } => Ok(json!({"enabled": true, "default": {"mode": mode, "time": time}})),
            Self::NoDefault => Ok(json!({"enabled": true, "default": null})),
            Self::None => Ok(json!({"enabled": false})),
            Self::Unknown(reason) => Err(reason.clone()),
        }
    }
}

/// The first answer of all may be that the host's clock is wrong; the SDK then signs by the clock of that answer.
pub(super) async fn ask_by_the_right_clock(bucket: &Bucket) -> Lock {
    match ask(bucket).await {
        Lock::Unknown(reason) if reason.starts_with("RequestTimeTooSkewed") => ask(bucket).await,
        known => known,
    }
}

async fn ask(bucket: &Bucket) -> Lock {
    let request = bucket.client.get_object_lock_configuration().bucket(bucket.place.bucket());
    let (request, tap) = (request.set_expected_bucket_owner(bucket.options.owner.clone()), Tap::with_payload(&Digest::of(b"")));
    let answer = request.customize().interceptor(tap.ear()).send().await;
    bucket.patience.watch.heard(tap.answer().and_then(|answer| answer.date).as_deref());
    match answer {
        Ok(answer) => {
            let Some(configuration) = answer.object_lock_configuration else { return Lock::None };
            if configuration.object_lock_enabled != Some(ObjectLockEnabled::Enabled) {
                return Lock::None;
            }
            configuration.rule.and_then(|rule| rule.default_retention).map_or(Lock::NoDefault, |retention| of(&retention))
        }
        Err(error) => match error.as_service_error().and_then(|error| error.code()) {
            Some("ObjectLockConfigurationNotFoundError") => Lock::None,
            _ => Lock::Unknown(words::of(&error)),
        },
    }
}

fn of(retention: &DefaultRetention) -> Lock {
    let Some(mode) = &retention.mode else { return Lock::NoDefault };
    let time = match (retention.days, retention.years) {
        (Some(days), _) => format!("{days} days"),
        (None, Some(years)) => format!("{years} years"),
        (None, None) => return Lock::NoDefault,
    };
    Lock::Default { mode: escape::bytes(mode.as_str().as_bytes()), time }
}
