//! The bytes of one version. Where the connection breaks, the rest is asked for from there.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use bytes::{Buf as _, Bytes};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::ask::Unanswered;
use crate::aws::words;
use crate::s3::request::Bucket;
use crate::s3::retry::judge;

/// Times that it may break in a row without a byte between.
const FEW: u32 = 5;
/// How long no byte may come.
const IDLE: Duration = Duration::from_secs(60);

/// Bytes on their way from a bucket.
#[derive(Debug)]
pub struct Body {
    bucket: Arc<Bucket>,
    handle: Handle,
    key: String,
    version: String,
    stream: Option<ByteStream>,
    /// What has come and was not taken.
    chunk: Bytes,
    /// Bytes that have come.
    at: u64,
    size: u64,
    breaks: u32,
}

impl Body {
    pub(super) fn open(bucket: Arc<Bucket>, handle: Handle, key: String, version: String) -> Result<Self, Unanswered> {
        let (size, stream) = handle.block_on(bucket.get(&key, &version, 0))?;
        Ok(Self { bucket, handle, key, version, stream: Some(stream), chunk: Bytes::new(), at: 0, size, breaks: 0 })
    }

    /// The next bytes into `chunk`, or how it broke.
    fn pull(&mut self) -> Result<(), String> {
        if self.stream.is_none() {
            let stream = self.handle.block_on(self.bucket.get(&self.key, &self.version, self.at));
            self.stream = Some(stream.map_err(|unanswered| unanswered.to_string())?.1);
        }
        let Some(stream) = self.stream.as_mut() else { return Ok(()) };
        match self.handle.block_on(async { timeout(IDLE, stream.next()).await }) {
            Ok(Some(Ok(bytes))) => {
                self.at = self.at.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
                self.chunk = bytes;
                Ok(())
            }
            Ok(Some(Err(error))) => Err(words::chain(&error)),
            Ok(None) if self.at >= self.size => Ok(()),
            Ok(None) => Err("the answer ended too early".to_owned()),
            Err(_) => Err(format!("no byte came for {} s", IDLE.as_secs())),
        }
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.pull() {
                Ok(()) if self.chunk.is_empty() && self.at >= self.size => return Ok(0),
                Ok(()) => self.breaks = 0,
                Err(reason) => {
                    self.breaks += 1;
                    self.stream = None;
                    // All bytes were there, and what was said of them at the end was wrong: no use in asking for none.
                    if self.breaks >= FEW || self.at >= self.size {
                        return Err(io::Error::other(reason));
                    }
                }
            }
        }
        let length = self.chunk.len().min(buffer.len());
        if let Some(room) = buffer.get_mut(..length) {
            self.chunk.copy_to_slice(room);
        }
        Ok(length)
    }
}

impl Bucket {
    /// Size of all, and the bytes from `from` on.
    async fn get(&self, key: &str, version: &str, from: u64) -> Result<(u64, ByteStream), Unanswered> {
        self.ask("s3:GetObjectVersion", |ear| {
            let request = self.client.get_object().bucket(self.place.bucket()).key(key).version_id(version);
            let range = (from > 0).then(|| format!("bytes={from}-"));
            let request = request.set_range(range).set_expected_bucket_owner(self.options.owner.clone());
            let sending = request.customize().interceptor(ear).send();
            async move {
                let output = sending.await.map_err(|error| judge(&error))?;
                let length = u64::try_from(output.content_length().unwrap_or_default()).unwrap_or_default();
                Ok((from.saturating_add(length), output.body))
            }
        })
        .await
    }
}
