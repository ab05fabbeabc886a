//! Whether anybody at all can read what is in the bucket: asked as anybody would, with no name and no signature.
//!
//! Policies and lists of grants can be read only with rights that a writer lacks; what they come to shows in the answer to a stranger.

use std::time::Duration;

use aws_smithy_runtime_api::client::result::SdkError;
use serde::Serialize;
use tokio::time::{error::Elapsed, timeout};

use super::sink::S3Sink;

/// What one question may take.
const TIME: Duration = Duration::from_secs(2);

/// What a stranger may do; `None` where nobody answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Public {
    /// Read an object that has just been written.
    pub read: Option<bool>,
    /// List the bucket.
    pub list: Option<bool>,
}

impl Public {
    /// In words, where a stranger may do anything.
    #[must_use]
    pub fn told(&self) -> Option<&'static str> {
        match (self.read == Some(true), self.list == Some(true)) {
            (true, true) => Some("list and read what is in it"),
            (true, false) => Some("read what is in it"),
            (false, true) => Some("list what is in it"),
            (false, false) => None,
        }
    }
}

impl S3Sink {
    /// What a stranger may do with the bucket and its object `name`.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn public(&self, name: &str) -> Result<Public, String> {
        let (client, place) = (self.network().s3_as_anybody()?, &self.bucket().place);
        let read = client.get_object().bucket(place.bucket()).key(place.key(name)).range("bytes=0-0").send();
        let list = client.list_objects_v2().bucket(place.bucket()).max_keys(1).send();
        let (read, list) = self.network().block_on(async { tokio::join!(timeout(TIME, read), timeout(TIME, list)) });
        Ok(Public { read: may(&read), list: may(&list) })
    }
}

fn may<T, E, R>(answer: &Result<Result<T, SdkError<E, R>>, Elapsed>) -> Option<bool> {
    match answer {
        Ok(Ok(_)) => Some(true),
        Ok(Err(SdkError::ServiceError(_))) => Some(false),
        _ => None,
    }
}
