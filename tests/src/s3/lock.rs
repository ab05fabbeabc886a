//! Object Lock: retention and legal hold. Reference: "Locking objects with Object Lock" in the S3 User Guide.

use jiff::{SignedDuration, Timestamp};

use super::state::{Bucket, Version};
use crate::aws::access::Key;
use crate::aws::refusal::Refusal;
use crate::serve::Head;

/// How strict retention is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Nobody can shorten it.
    Compliance,
    /// Whoever may bypass it can.
    Governance,
}

impl Mode {
    /// As S3 writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Compliance => "COMPLIANCE",
            Self::Governance => "GOVERNANCE",
        }
    }

    /// The mode of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Compliance, Self::Governance].into_iter().find(|mode| mode.name() == name)
    }
}

/// Until when a version cannot be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// How strict.
    pub mode: Mode,
    /// Until when.
    pub until: Timestamp,
}

/// What a bucket gives to objects that come without retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefaultRetention {
    /// How strict.
    pub mode: Mode,
    /// For how many days.
    pub days: i64,
}

impl DefaultRetention {
    /// The retention of an object that is made now.
    #[must_use]
    pub fn from(self, now: Timestamp) -> Retention {
        Retention { mode: self.mode, until: now + SignedDuration::from_hours(24 * self.days) }
    }
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wish {
    pub(super) retention: Option<Retention>,
    pub(super) hold: Option<bool>,
}

const MODE: &str = "x-amz-object-lock-mode";
const UNTIL: &str = "x-amz-object-lock-retain-until-date";
const HOLD: &str = "x-amz-object-lock-legal-hold";

fn invalid(message: &str) -> Refusal {
    Refusal::new(400, "InvalidArgument", message)
}

impl Wish {
    /// Reads the lock headers and checks them against the bucket, the clock and what the caller may do.
    pub(super) fn read(head: &Head, bucket: &Bucket, key: &str, caller: &Key, now: Timestamp) -> Result<Self, Refusal> {
        let retention = match (head.header(MODE), head.header(UNTIL)) {
            (None, None) => None,
            (Some(mode), Some(until)) => Some(retention(mode, until, now)?),
            _ => return Err(invalid("x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied")),
        };
        let hold = head.header(HOLD).map(is_on).transpose()?;
        let wish = Self { retention, hold };
        if retention.is_some() {
            caller.must("s3:PutObjectRetention", &bucket.arn(key))?;
        }
        if hold.is_some() {
            caller.must("s3:PutObjectLegalHold", &bucket.arn(key))?;
        }
        if wish.is_any() && !bucket.locked {
            return Err(Refusal::new(400, "InvalidRequest", "Bucket is missing Object Lock Configuration"));
        }
        Ok(wish)
    }

    pub(super) fn is_any(self) -> bool {
        self.retention.is_some() || self.hold.is_some()
    }
}

/// `ON` or `OFF`.
pub(super) fn is_on(text: &str) -> Result<bool, Refusal> {
    match text {
        "ON" => Ok(true),
        "OFF" => Ok(false),
        _ => Err(invalid("Legal Hold must be either of 'ON' or 'OFF'")),
    }
}

/// A retention that lies in the future.
pub(super) fn retention(mode: &str, until: &str, now: Timestamp) -> Result<Retention, Refusal> {
    let mode = Mode::named(mode).ok_or_else(|| invalid("Unknown wormMode directive."))?;
    let until: Timestamp = until.parse().map_err(|_| invalid("The retain until date must be provided in ISO 8601 format"))?;
    if until <= now {
        return Err(invalid("The retain until date must be in the future!"));
    }
    Ok(Retention { mode, until })
}

/// As S3 writes times in headers and elements.
pub(super) fn iso(time: Timestamp) -> String {
    time.strftime("%FT%T%.3fZ").to_string()
}

/// Whether this version may be deleted.
pub(super) fn check_delete(version: &Version, bypass: bool, now: Timestamp) -> Result<(), Refusal> {
    let denied = || Err(Refusal::denied("Access Denied because object protected by object lock."));
    if version.hold {
        return denied();
    }
    match version.retention {
        Some(retention) if retention.until > now && (retention.mode == Mode::Compliance || !bypass) => denied(),
        _ => Ok(()),
    }
}

/// Whether retention may be changed so.
pub(super) fn check_change(version: &Version, wanted: Option<Retention>, bypass: bool, now: Timestamp) -> Result<(), Refusal> {
    let Some(is) = version.retention.filter(|retention| retention.until > now) else { return Ok(()) };
    let extends =
        wanted.is_some_and(|wanted| wanted.until >= is.until && (wanted.mode == is.mode || wanted.mode == Mode::Compliance));
    if extends || (bypass && is.mode == Mode::Governance) {
        return Ok(());
    }
    Err(Refusal::denied("Access Denied because object protected by object lock."))
}
