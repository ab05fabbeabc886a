//! One account: its clock, access keys, keys of KMS, and made-up identifiers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use super::access::Key;

/// The account of all doubles.
pub const ACCOUNT: &str = "111122223333";
/// The organisation of that account.
pub const ORGANISATION: &str = "o-0123456789";
/// The region that doubles are in unless told otherwise.
pub const REGION: &str = "eu-central-1";

/// How a key of KMS is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Usable.
    Enabled,
    /// Not usable for now.
    Disabled,
    /// To be deleted.
    PendingDeletion,
}

/// What several doubles share.
#[derive(Debug)]
pub struct Cloud {
    shift: AtomicI64,
    made: AtomicU64,
    started: Timestamp,
    keys: Mutex<BTreeMap<String, Key>>,
    kms: Mutex<BTreeMap<String, KeyState>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cloud {
    /// Without keys.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            shift: AtomicI64::new(0),
            made: AtomicU64::new(0),
            started: Timestamp::now(),
            keys: Mutex::default(),
            kms: Mutex::default(),
        })
    }

    /// The time, as the doubles have it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_secs(self.shift.load(Ordering::SeqCst))
    }

    /// From now on the clock is so many seconds ahead of this machine's (negative: behind).
    pub fn shift_clock(&self, seconds: i64) {
        self.shift.store(seconds, Ordering::SeqCst);
    }

    /// Adds an access key, or replaces the one with this id.
    pub fn add_key(&self, key: Key) {
        locked(&self.keys).insert(key.id.clone(), key);
    }

    /// Takes an access key away.
    pub fn remove_key(&self, id: &str) {
        locked(&self.keys).remove(id);
    }

    /// The access key with this id.
    #[must_use]
    pub fn key(&self, id: &str) -> Option<Key> {
        locked(&self.keys).get(id).cloned()
    }

    /// Adds a key of KMS that S3 can encrypt with, or changes its state. Returns its ARN.
    pub fn set_kms_key(&self, id: &str, state: KeyState) -> String {
        let arn = kms_arn(id);
        locked(&self.kms).insert(arn.clone(), state);
        arn
    }

    /// The state of a key of KMS, named by its id or ARN.
    #[must_use]
    pub fn kms_key(&self, name: &str) -> Option<(String, KeyState)> {
        let arn = if name.starts_with("arn:") { name.to_owned() } else { kms_arn(name) };
        let state = locked(&self.kms).get(&arn).copied()?;
        Some((arn, state))
    }

    /// An identifier that nobody had before: 43 characters.
    #[must_use]
    pub fn new_id(&self, kind: &str) -> String {
        let number = self.made.fetch_add(1, Ordering::SeqCst);
        let seed = format!("{kind} {number} {} {}", self.started, std::process::id());
        URL_SAFE_NO_PAD.encode(Sha256::digest(seed))
    }
}

fn kms_arn(id: &str) -> String {
    format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{id}")
}
