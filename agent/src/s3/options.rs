//! How objects are put into a bucket: the options, and their defaults.

use std::time::Duration;

use clap::{Args, ValueEnum};
use hozen_collector::model::Timestamp;
use hozen_collector::model::receipt::Lock;
use serde::{Deserialize, Serialize};

use super::pace::Rate;
use crate::size::Size;

/// The least that S3 takes as a part that is not the last.
pub(super) const LEAST_PART: u64 = 5 << 20;
/// The most that is taken here, because every part is held in memory.
pub(super) const MOST_PART: u64 = 512 << 20;
/// Bytes of a part where nobody says otherwise: those of the content that one zstd frame is made of.
const DEFAULT_PART: u64 = 8 << 20;
/// Parts on their way at once where nobody says otherwise.
const DEFAULT_PARALLEL: u8 = 4;
/// A century is a slip of the finger, and COMPLIANCE cannot be undone.
const MOST_DAYS: u32 = 36_500;
/// Nanoseconds of a day.
const DAY_NS: i128 = 86_400_000_000_000;

/// What keeps an object from being deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LockMode {
    /// Nobody can delete or shorten it before its time, not even the account's root.
    Compliance,
    /// Only who may bypass governance can.
    Governance,
    /// The default retention of the bucket decides.
    #[default]
    BucketDefault,
}

/// Options for a bucket. In a configuration file they stand in the table `[bucket]`.
#[derive(Debug, Default, Clone, Args, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[command(next_help_heading = "Bucket (--to s3://…)")]
pub struct BucketArgs {
    /// Object Lock of every object [default: bucket-default]
    #[arg(long, value_enum)]
    pub lock: Option<LockMode>,
    /// Days that every object is retained, with --lock compliance or governance
    #[arg(long, value_name = "N")]
    pub retain_days: Option<u32>,
    /// Write into a bucket that locks nothing; the begin record and the manifest then say so
    #[arg(long)]
    pub allow_unlocked: bool,
    /// KMS key that the bucket encrypts with: ARN, id or alias [default: as the bucket has it]
    #[arg(long, value_name = "KEY")]
    pub kms_key: Option<String>,
    /// Account that must own the bucket: 12 digits
    #[arg(long, value_name = "ACCOUNT")]
    pub bucket_owner: Option<String>,
    /// Bytes of a part, 5MiB to 512MiB, or 5M to 512M, which is the same [default: 8MiB]
    #[arg(long, value_name = "SIZE")]
    pub part_size: Option<Size>,
    /// Parts on their way at once, 1 to 16 [default: 4]
    #[arg(long, value_name = "N")]
    pub parallel_uploads: Option<u8>,
    /// The most bytes that leave in a second, all uploads together: 10MiB or 10M [default: no limit]
    #[arg(long, value_name = "RATE")]
    pub max_bandwidth: Option<Rate>,
    /// Folder on this host for the run when the bucket takes nothing at its begin, and for what is left of it when the bucket is lost later
    #[arg(long, value_name = "DIR")]
    pub spool: Option<std::path::PathBuf>,
}

impl BucketArgs {
    /// What is given here, and what `file` says for the rest.
    #[must_use]
    pub fn over(self, file: Self) -> Self {
        Self {
            lock: self.lock.or(file.lock),
            retain_days: self.retain_days.or(file.retain_days),
            allow_unlocked: self.allow_unlocked || file.allow_unlocked,
            kms_key: self.kms_key.or(file.kms_key),
            bucket_owner: self.bucket_owner.or(file.bucket_owner),
            part_size: self.part_size.or(file.part_size),
            parallel_uploads: self.parallel_uploads.or(file.parallel_uploads),
            max_bandwidth: self.max_bandwidth.or(file.max_bandwidth),
            spool: self.spool.or(file.spool),
        }
    }

    /// The options, checked, with their defaults.
    ///
    /// # Errors
    /// When a value cannot be, or two contradict each other; the text says what to do.
    pub fn check(&self) -> Result<BucketOptions, String> {
        let part = self.part_size.map_or(DEFAULT_PART, Size::bytes);
        if !(LEAST_PART..=MOST_PART).contains(&part) {
            return Err(format!("--part-size is {part} bytes; it must be 5MiB to 512MiB"));
        }
        let parallel = self.parallel_uploads.unwrap_or(DEFAULT_PARALLEL);
        if !(1..=16).contains(&parallel) {
            return Err(format!("--parallel-uploads is {parallel}; it must be 1 to 16"));
        }
        if let Some(owner) = self.bucket_owner.as_ref().filter(|owner| !is_account(owner)) {
            return Err(format!("--bucket-owner is {owner:?}; an account has 12 digits"));
        }
        if self.kms_key.as_ref().is_some_and(|key| key.is_empty() || key.len() > 2048 || !key.is_ascii()) {
            return Err("--kms-key is not the ARN, id or alias of a key".to_owned());
        }
        let retention = retention(self.lock.unwrap_or_default(), self.retain_days)?;
        Ok(BucketOptions {
            retention,
            allow_unlocked: self.allow_unlocked,
            kms_key: self.kms_key.clone(),
            owner: self.bucket_owner.clone(),
            part: usize::try_from(part).unwrap_or(usize::MAX),
            parallel: usize::from(parallel),
            max_bandwidth: self.max_bandwidth.map(Rate::bytes),
        })
    }
}

/// Whether it can be the number of an account.
#[must_use]
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

fn retention(lock: LockMode, days: Option<u32>) -> Result<Retention, String> {
    match (lock, days) {
        (LockMode::BucketDefault, None) => Ok(Retention::BucketDefault),
        (LockMode::BucketDefault, Some(_)) => {
            Err("--retain-days needs --lock compliance or --lock governance; a bucket's own default has its own time".to_owned())
        }
        (_, None) => Err("--lock compliance and --lock governance need --retain-days N".to_owned()),
        (_, Some(0)) => Err("--retain-days is 0, which retains nothing; give 1 or more".to_owned()),
        (_, Some(days)) if days > MOST_DAYS => Err(format!("--retain-days is {days}; the most is {MOST_DAYS}, a hundred years")),
        (LockMode::Compliance, Some(days)) => Ok(Retention::For { mode: "COMPLIANCE", days }),
        (LockMode::Governance, Some(days)) => Ok(Retention::For { mode: "GOVERNANCE", days }),
    }
}

/// How long objects are retained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retention {
    /// The bucket decides.
    BucketDefault,
    /// Until this time, as what it lies beside.
    Until {
        /// `COMPLIANCE` or `GOVERNANCE`.
        mode: &'static str,
        /// The end.
        until: Timestamp,
    },
    /// Every object says so itself.
    For {
        /// `COMPLIANCE` or `GOVERNANCE`.
        mode: &'static str,
        /// Days from the begin of the run.
        days: u32,
    },
}

impl Retention {
    /// That of an object that lies there, for what is laid beside it.
    #[must_use]
    pub fn like(lock: Option<&Lock>) -> Self {
        match lock.map(|lock| (lock.mode.as_str(), lock.until)) {
            Some(("COMPLIANCE", until)) => Self::Until { mode: "COMPLIANCE", until },
            Some(("GOVERNANCE", until)) => Self::Until { mode: "GOVERNANCE", until },
            _ => Self::BucketDefault,
        }
    }

    /// Mode and end for a run that begins at `now`, in whole seconds, because S3 keeps no fractions that all its tools show.
    #[must_use]
    pub fn from(self, now: Timestamp) -> Option<(&'static str, Timestamp)> {
        let (mode, days) = match self {
            Self::BucketDefault => return None,
            // What is over cannot be asked for any more.
            Self::Until { mode, until } => return (until > now).then_some((mode, until)),
            Self::For { mode, days } => (mode, days),
        };
        let second = 1_000_000_000;
        let now = now.nanoseconds() / second * second;
        Some((mode, Timestamp::from_nanoseconds(now + i128::from(days) * DAY_NS)))
    }
}

/// Options for a bucket, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketOptions {
    /// How long objects are retained.
    pub retention: Retention,
    /// Whether a bucket that locks nothing will do.
    pub allow_unlocked: bool,
    /// KMS key.
    pub kms_key: Option<String>,
    /// Account that must own the bucket.
    pub owner: Option<String>,
    /// Bytes of a part.
    pub part: usize,
    /// Parts on their way at once.
    pub parallel: usize,
    /// The most bytes that leave in a second.
    pub max_bandwidth: Option<u64>,
}

impl BucketOptions {
    /// How long the parts take that may be on their way when a run is told to end; nothing where no limit makes them slow.
    #[must_use]
    pub fn on_its_way(&self) -> Duration {
        let parts = u64::try_from(self.parallel.saturating_add(1).saturating_mul(self.part)).unwrap_or(u64::MAX);
        Duration::from_secs(self.max_bandwidth.map_or(0, |rate| parts / rate.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut BucketArgs)) -> Result<BucketOptions, String> {
        let mut args = BucketArgs::default();
        change(&mut args);
        args.check()
    }

    #[test]
    fn the_defaults_are_those_of_the_documentation() {
        let options = check(|_| ()).unwrap();
        assert_eq!((options.part, options.parallel, options.retention), (8 << 20, 4, Retention::BucketDefault));
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_to_do() {
        let error = |change: fn(&mut BucketArgs)| check(change).unwrap_err();
        assert!(error(|a| a.part_size = "5242879".parse().ok()).contains("5MiB"));
        assert!(error(|a| a.part_size = "536870913".parse().ok()).contains("512MiB"));
        assert!(error(|a| a.parallel_uploads = Some(0)).contains("1 to 16"));
        assert!(error(|a| a.bucket_owner = Some("12345678901x".to_owned())).contains("12 digits"));
        assert!(error(|a| a.kms_key = Some(String::new())).contains("--kms-key"));
        assert!(error(|a| a.lock = Some(LockMode::Compliance)).contains("--retain-days"));
        assert!(error(|a| a.retain_days = Some(3)).contains("--lock"));
        assert!(error(|a| (a.lock, a.retain_days) = (Some(LockMode::Governance), Some(0))).contains("retains nothing"));
        assert!(error(|a| (a.lock, a.retain_days) = (Some(LockMode::Compliance), Some(40_000))).contains("hundred years"));
    }

    #[test]
    fn retention_ends_whole_days_after_the_begin() {
        let options = check(|a| (a.lock, a.retain_days) = (Some(LockMode::Compliance), Some(2))).unwrap();
        let (mode, until) = options.retention.from(Timestamp::from_nanoseconds(1_500_000_000)).unwrap();
        assert_eq!((mode, until), ("COMPLIANCE", Timestamp::from_seconds(2 * 86_400 + 1)));
        assert_eq!(Retention::BucketDefault.from(Timestamp::from_seconds(0)), None);
        let lock = Lock { mode: "GOVERNANCE".to_owned(), until: Timestamp::from_seconds(100) };
        let like = Retention::like(Some(&lock));
        assert_eq!(like.from(Timestamp::from_seconds(99)), Some(("GOVERNANCE", lock.until)));
        assert_eq!((like.from(Timestamp::from_seconds(100)), Retention::like(None)), (None, Retention::BucketDefault));
    }
}
