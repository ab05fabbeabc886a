//! One small object, written in all the ways that a run writes: an upload in parts, whose completion is conditional and locked.

use bytes::Bytes;
use hozen_collector::model::Digest;
use hozen_collector::model::encryption::not_as_asked;
use hozen_collector::sink::Cause;
use serde_json::{Value, json};

use super::advice;
use super::object::cause;
use super::retry::GivenUp;
use super::sink::S3Sink;

impl S3Sink {
    /// Writes `body` as `name`, in one part of an upload: with encryption by KMS, only parts need `kms:Decrypt`. Gives what the
    /// bucket said of it.
    ///
    /// # Errors
    /// When the bucket refuses any of it, or encrypts it otherwise than was asked.
    pub fn probe(&self, name: &str, body: Vec<u8>) -> Result<Value, Cause> {
        let bucket = self.bucket();
        let key = bucket.place.key(name);
        let sha256 = Digest::of(&body);
        let given_up = |request: &'static str| move |given_up: GivenUp| cause(request, &given_up);
        let done = self.network().block_on(async {
            let upload = bucket.create(&key).await.map_err(given_up("CreateMultipartUpload"))?.value;
            let part = bucket.part(&key, &upload, 1, Bytes::from(body), sha256).await.map_err(given_up("UploadPart"))?;
            bucket.complete(&key, &upload, &[part]).await.map_err(given_up("CompleteMultipartUpload"))
        })?;
        let asked = bucket.options.kms_key.as_deref();
        if let Some(fault) = asked.and_then(|asked| not_as_asked(asked, done.value.sse.as_ref())) {
            return Err(Cause::Refused(format!("{fault}; {}", advice::ENCRYPTION)));
        }
        let lock = bucket.lock.map(|(mode, until)| json!({"mode": mode, "until": until}));
        Ok(json!({
            "key": key, "version_id": done.value.version_id, "encryption": done.value.sse, "checksum_echoed": done.value.echoed,
            "lock": lock, "date": done.answer.date,
        }))
    }
}
