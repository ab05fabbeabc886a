//! A small object whole, as it is now, for who may do nothing but `s3:GetObject`; and which objects there are.

use std::future::Future;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::types::{EncodingType, Object};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::time::timeout;

use super::Reader;
use super::ask::Unanswered;
use crate::aws::words;
use crate::s3::advice::SILENT;
use crate::s3::request::Bucket;
use crate::s3::retry::{Kind, Trouble, judge};

/// What an object's bucket answers.
enum Answer {
    /// All of it.
    Whole(Vec<u8>),
    /// There is more than was asked for.
    TooLarge,
    /// The bucket is in this region.
    Elsewhere(String),
}

/// `question`, or that it took too long.
pub(super) async fn within<T>(
    time: Duration,
    permission: &'static str,
    question: impl Future<Output = Result<T, Unanswered>>,
) -> Result<T, Unanswered> {
    let silent = || Unanswered::new(permission, format!("no answer within {} s; {SILENT}", time.as_secs()));
    timeout(time, question).await.unwrap_or_else(|_| Err(silent()))
}

/// See [`Reader::current`].
pub(super) async fn whole(reader: &Reader, name: &str, limit: u64) -> Result<Option<Vec<u8>>, Unanswered> {
    let own = reader.elsewhere.get().unwrap_or(&reader.bucket.client);
    let answer = match reader.bucket.current(own, name, limit).await? {
        Answer::Elsewhere(region) => reader.bucket.current(there(reader, region)?, name, limit).await?,
        answer => answer,
    };
    match answer {
        Answer::Whole(bytes) => Ok(Some(bytes)),
        Answer::TooLarge => Ok(None),
        Answer::Elsewhere(region) => {
            let reason = format!("PermanentRedirect: the bucket is said to be in {region}, and says there that it is not");
            Err(Unanswered::new("s3:GetObject", reason))
        }
    }
}

/// The client for `region`, for this question and all that follow.
fn there(reader: &Reader, region: String) -> Result<&Client, Unanswered> {
    let client = reader.network.s3_in(region, reader.credentials.clone());
    let client = client.map_err(|reason| Unanswered::new("s3:GetObject", reason))?;
    Ok(reader.elsewhere.get_or_init(|| client))
}

/// See [`Reader::names`].
pub(super) async fn names(reader: &Reader, limit: usize) -> Result<Vec<String>, Unanswered> {
    let (bucket, client) = (&reader.bucket, reader.elsewhere.get().unwrap_or(&reader.bucket.client));
    let (mut names, mut next) = (Vec::new(), None);
    loop {
        let page = bucket
            .ask("s3:ListBucket", |ear| {
                let request = client.list_objects_v2().bucket(bucket.place.bucket()).prefix(bucket.below());
                let request = request.encoding_type(EncodingType::Url).set_continuation_token(next.clone());
                let request = request.set_expected_bucket_owner(bucket.options.owner.clone());
                let sending = request.customize().interceptor(ear).send();
                async move { sending.await.map_err(|error| judge(&error)) }
            })
            .await?;
        names.extend(page.contents().iter().filter(|object| !is_folder(object)).filter_map(|object| bucket.name(object.key())));
        next = page.next_continuation_token().map(str::to_owned);
        if next.is_none() || names.len() >= limit {
            names.truncate(limit);
            return Ok(names);
        }
    }
}

/// What consoles lay down so that a prefix looks like a folder.
fn is_folder(object: &Object) -> bool {
    object.size() == Some(0) && object.key().is_some_and(|key| key.ends_with('/'))
}

impl Bucket {
    async fn current(&self, client: &Client, name: &str, limit: u64) -> Result<Answer, Unanswered> {
        let key = self.place.key(name);
        self.ask("s3:GetObject", |ear| {
            let request = client.get_object().bucket(self.place.bucket()).key(&key);
            let request = request.set_expected_bucket_owner(self.options.owner.clone());
            let sending = request.customize().interceptor(ear).send();
            async move {
                match sending.await {
                    Ok(output) => read(output, limit).await,
                    Err(error) => region_of(&error).map(Answer::Elsewhere).ok_or_else(|| judge(&error)),
                }
            }
        })
        .await
    }
}

/// Reads an answer of at most `limit` bytes; what breaks off is asked for again.
async fn read(mut output: GetObjectOutput, limit: u64) -> Result<Answer, Trouble> {
    let too_large = |length: u64| length > limit;
    if output.content_length().and_then(|length| u64::try_from(length).ok()).is_some_and(too_large) {
        return Ok(Answer::TooLarge);
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = output.body.next().await {
        let broken = |reason| Trouble { kind: Kind::Passing, perhaps_done: true, reason };
        bytes.extend_from_slice(&chunk.map_err(|error| broken(words::chain(&error)))?);
        if u64::try_from(bytes.len()).is_ok_and(too_large) {
            return Ok(Answer::TooLarge);
        }
    }
    Ok(Answer::Whole(bytes))
}

/// The region that an answer names where the question went to the wrong one (the header `x-amz-bucket-region`; "Making requests:
/// redirection" of the S3 user guide).
fn region_of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<String> {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default();
    let region = error.raw_response()?.headers().get("x-amz-bucket-region")?;
    let wrong = ["PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"];
    wrong.contains(&code).then(|| region.to_owned())
}
