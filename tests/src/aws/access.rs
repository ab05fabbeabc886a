//! Access keys and what each may do.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::refusal::Refusal;

/// What somebody may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// Everything.
    All,
    /// These actions, such as `s3:PutObject`.
    Only(BTreeSet<String>),
}

/// An access key.
#[derive(Debug, Clone)]
pub struct Key {
    /// `AKIA…`, or `ASIA…` with a session token.
    pub id: String,
    /// The secret.
    pub secret: String,
    /// The session token that must come with it.
    pub token: Option<String>,
    /// When the session ends.
    pub expires: Option<Timestamp>,
    /// Whose it is.
    pub arn: String,
    /// What it may do.
    pub allowed: Allowed,
    /// See [`Key::used`]; shared by all copies.
    pub log: Arc<Mutex<BTreeSet<String>>>,
}

/// The id of the key of somebody who does not sign: what a public bucket allows everybody.
pub const ANYBODY: &str = "";
/// The actions of a role that can write evidence and do nothing else.
pub const WRITE_ONLY: &[&str] = &[
    "s3:PutObject",
    "s3:PutObjectRetention",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetBucketVersioning",
    "kms:GenerateDataKey",
    "kms:Decrypt",
];

impl Key {
    /// A key of a role that may do these actions.
    #[must_use]
    pub fn new(id: &str, secret: &str, actions: &[&str]) -> Self {
        let allowed = Allowed::Only(actions.iter().map(|action| (*action).to_owned()).collect());
        let arn = format!("arn:aws:sts::{}:assumed-role/hozen/{id}", super::cloud::ACCOUNT);
        Self { id: id.to_owned(), secret: secret.to_owned(), token: None, expires: None, arn, allowed, log: Arc::default() }
    }

    /// A key that may do everything.
    #[must_use]
    pub fn mighty(id: &str, secret: &str) -> Self {
        Self { allowed: Allowed::All, ..Self::new(id, secret, &[]) }
    }

    /// The same as a session that ends.
    #[must_use]
    pub fn session(mut self, token: &str, expires: Option<Timestamp>) -> Self {
        self.token = Some(token.to_owned());
        self.expires = expires;
        self
    }

    /// The same without one action.
    #[must_use]
    pub fn without(mut self, action: &str) -> Self {
        if let Allowed::Only(actions) = &mut self.allowed {
            actions.remove(action);
        }
        self
    }

    /// Whether it may do this.
    #[must_use]
    pub fn may(&self, action: &str) -> bool {
        match &self.allowed {
            Allowed::All => true,
            Allowed::Only(actions) => actions.contains(action),
        }
    }

    /// The actions that were needed, and allowed, so far: the least that a policy must have for what was done.
    #[must_use]
    pub fn used(&self) -> BTreeSet<String> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// # Errors
    /// When it may not, with the message that AWS has for it.
    pub fn must(&self, action: &str, resource: &str) -> Result<(), Refusal> {
        if self.may(action) {
            self.log.lock().unwrap_or_else(PoisonError::into_inner).insert(action.to_owned());
            return Ok(());
        }
        // KMS, and S3 on behalf of KMS, name the resource without quotes.
        let quote = if action.starts_with("kms:") { "" } else { "\"" };
        let (arn, from) = (&self.arn, "because no identity-based policy allows the");
        Err(Refusal::denied(format!(
            "User: {arn} is not authorized to perform: {action} on resource: {quote}{resource}{quote} {from} {action} action"
        )))
    }
}
