//! Making a list: off the host, with credentials that never go there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sdk_s3::presigning::PresigningConfig;
use hozen_collector::host::Clock;
use hozen_collector::model::receipt::Lock;
use hozen_collector::model::{CaseId, ObjectKey, RunId, Timestamp};
use serde_json::Value;
use tokio::sync::Semaphore;

use super::list::{Entry, List, MOST_BYTES, MOST_PARTS, Upload, VERSION};
use super::names::Room;
use super::request::{Deed, Signer, Terms, Token};
use crate::aws::credentials::Found;
use crate::aws::{Network, words};
use crate::s3::options::BucketOptions;
use crate::s3::request::Bucket;
use crate::s3::retry::{Patience, Timing};
use crate::s3::uri::BucketUri;
use crate::s3::{advice, bucket};

/// Uploads that are begun at once.
const AT_ONCE: usize = 16;

/// All that a list is made with.
pub struct Making {
    /// The way to the bucket.
    pub network: Arc<Network>,
    /// Who signs.
    pub credentials: Found,
    /// Where the run goes.
    pub place: BucketUri,
    /// How objects are put there.
    pub options: BucketOptions,
    /// How long requests are tried.
    pub timing: Timing,
    /// The clock of this machine.
    pub clock: Clock,
    /// The run.
    pub run: RunId,
    /// The case.
    pub case: CaseId,
    /// The host that the list is for.
    pub host: String,
    /// Bytes of the host's memory, and stored bytes of each archive, that there is to be room for.
    pub room: (u64, u64),
    /// Seconds for which the list is to be good.
    pub expires_s: u32,
}

impl std::fmt::Debug for Making {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Making").field("place", &self.place).finish_non_exhaustive()
    }
}

/// Asks the bucket whether it locks, begins an upload for every object that may need one, and signs.
///
/// # Errors
/// When the bucket locks nothing, refuses, or the credentials end before the list would. The text says what to do.
pub fn make(making: Making) -> Result<List, String> {
    let network = Arc::clone(&making.network);
    network.block_on(making.make())
}

impl Making {
    async fn make(self) -> Result<List, String> {
        let provider = self.credentials.provider.clone();
        let secret = provider.provide_credentials().await.map_err(|error| words::chain(&error))?;
        let client = self.network.s3(provider)?;
        let patience = Patience::new(self.timing, self.clock, Arc::new(|| false));
        let (place, options) = (self.place.clone(), self.options.clone());
        let mut bucket = Bucket { client, place, options, lock: None, patience, presigned: None, pace: None };
        let bucket_lock = bucket::lock(&bucket).await?;
        let signed = bucket.patience.watch.their_now();
        bucket.lock = bucket.options.retention.from(signed);
        let signed = in_whole_seconds(signed);
        self.lasts(&secret, signed)?;
        let terms = terms(&bucket, &secret, signed, self.expires_s).await?;
        let bucket = Arc::new(bucket);
        let objects = self.objects(&bucket, &terms, &terms.signer(secret.secret_access_key())).await?;
        Ok(self.list(terms, bucket_lock, objects))
    }

    /// Refuses a list that would outlive the credentials.
    fn lasts(&self, secret: &Credentials, signed: Timestamp) -> Result<(), String> {
        let end = signed.nanoseconds() + i128::from(self.expires_s) * 1_000_000_000;
        let session = secret.expiry().and_then(|end| end.duration_since(std::time::UNIX_EPOCH).ok());
        if session.is_some_and(|session| i128::try_from(session.as_nanos()).is_ok_and(|session| session < end)) {
            return Err(
                "the credentials end before the list would, and what they signed ends with them; give a shorter --expires, or \
                        credentials of a longer session"
                    .to_owned(),
            );
        }
        Ok(())
    }

    fn list(self, terms: Terms, bucket_lock: Value, objects: BTreeMap<ObjectKey, Entry>) -> List {
        List {
            v: VERSION,
            run: self.run,
            case: self.case,
            host: self.host,
            place: self.place,
            part_size: u64::try_from(self.options.part).unwrap_or(u64::MAX),
            bucket_lock,
            allow_unlocked: self.options.allow_unlocked,
            terms,
            objects,
            sha256: None,
        }
    }

    async fn objects(&self, bucket: &Arc<Bucket>, terms: &Terms, signer: &Signer) -> Result<BTreeMap<ObjectKey, Entry>, String> {
        let part = u64::try_from(self.options.part).unwrap_or(u64::MAX);
        let (memory, archive) = self.room;
        let names = Room { memory, archive, part, seconds: self.expires_s }.names();
        // Before anything is begun in the bucket.
        fits(&names)?;
        let ids = begin(bucket, names.iter().filter(|(_, parts)| *parts > 0).map(|(name, _)| name)).await?;
        let sign = |deed: Deed<'_>, key: &str| signer.sign(&terms.request(deed, key));
        let entry = |(name, parts): (ObjectKey, usize)| {
            let key = self.place.key(name.as_str());
            let upload = ids.get(&name).map(|id| Upload {
                id: id.clone(),
                parts: (1..=parts).map(|number| sign(Deed::Part { upload: id, number }, &key)).collect(),
                complete: sign(Deed::Complete { upload: id }, &key),
            });
            (name, Entry { put: sign(Deed::Put, &key), upload })
        };
        Ok(names.into_iter().map(entry).collect())
    }
}

fn in_whole_seconds(time: Timestamp) -> Timestamp {
    let second = 1_000_000_000;
    Timestamp::from_nanoseconds(time.nanoseconds() / second * second)
}

/// What `secret` signs for objects of `bucket`.
async fn terms(bucket: &Bucket, secret: &Credentials, signed: Timestamp, expires_s: u32) -> Result<Terms, String> {
    let region = bucket.client.config().region().map(ToString::to_string).unwrap_or_default();
    Ok(Terms {
        base: base(bucket).await?,
        region,
        access_key_id: secret.access_key_id().to_owned(),
        token: secret.session_token().map(|token| Token(token.to_owned())),
        signed,
        expires_s,
        owner: bucket.options.owner.clone(),
        lock: bucket.lock.map(|(mode, until)| Lock { mode: mode.to_owned(), until }),
        kms_key: bucket.options.kms_key.clone(),
    })
}

/// Which run of which host a request is signed for.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The run.
    pub run: RunId,
    /// The case.
    pub case: CaseId,
    /// The host.
    pub host: String,
}

/// A list of the one request that stores the object `name` of a run into `bucket`, good for so many seconds or as long as the session of
/// `credentials`.
///
/// # Errors
/// When there are no credentials now, or the bucket has no usual address.
pub(in crate::s3) async fn one(
    bucket: &Bucket,
    credentials: &Found,
    name: ObjectKey,
    of: Signed,
    expires_s: u32,
) -> Result<List, String> {
    let secret = credentials.provider.provide_credentials().await.map_err(|error| words::chain(&error))?;
    let signed = in_whole_seconds(bucket.patience.watch.their_now());
    let terms = terms(bucket, &secret, signed, expires_s).await?;
    let signer = terms.signer(secret.secret_access_key());
    let put = signer.sign(&terms.request(Deed::Put, &bucket.place.key(name.as_str())));
    Ok(List {
        v: VERSION,
        run: of.run,
        case: of.case,
        host: of.host,
        place: bucket.place.clone(),
        part_size: u64::try_from(bucket.options.part).unwrap_or(u64::MAX),
        bucket_lock: Value::Null,
        allow_unlocked: bucket.options.allow_unlocked,
        terms,
        objects: BTreeMap::from([(name, Entry { put, upload: None })]),
        sha256: None,
    })
}

/// Bytes of a signature in the list, and of what stands around it.
const ENTRY_BYTES: usize = 72;

/// Refuses names whose list nobody could use.
fn fits(names: &[(ObjectKey, usize)]) -> Result<(), String> {
    if let Some((name, parts)) = names.iter().find(|(_, parts)| *parts > MOST_PARTS) {
        return Err(format!(
            "{name} would have {parts} parts, and S3 takes {MOST_PARTS}; give a larger --part-size, or less room with --archives"
        ));
    }
    let signatures = names.iter().map(|(_, parts)| parts.saturating_add(2)).sum::<usize>();
    if signatures.saturating_mul(ENTRY_BYTES) > usize::try_from(MOST_BYTES).unwrap_or(usize::MAX) {
        return Err(format!(
            "the list would have {signatures} signatures, more than {} MiB; give a larger --part-size, or less room with --memory",
            MOST_BYTES >> 20
        ));
    }
    Ok(())
}

/// Begins an upload for each of these objects, some at once, and gives their ids.
async fn begin(bucket: &Arc<Bucket>, names: impl Iterator<Item = &ObjectKey>) -> Result<BTreeMap<ObjectKey, String>, String> {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let begin = |name: &ObjectKey| {
        let (bucket, room, key) = (Arc::clone(bucket), Arc::clone(&room), bucket.place.key(name.as_str()));
        let begun = tokio::spawn(async move {
            let _permit = room.acquire().await;
            bucket.begin_for_another(&key).await
        });
        (name.clone(), begun)
    };
    let beginning: Vec<_> = names.map(begin).collect();
    let mut ids = BTreeMap::new();
    for (name, begun) in beginning {
        let begun = begun.await.map_err(|_| "an upload's begin ended by a bug".to_owned())?;
        let begun = begun.map_err(|given_up| {
            let reason = &given_up.trouble.reason;
            format!("CreateMultipartUpload of {name}: {reason}; {}", advice::of(reason))
        })?;
        ids.insert(name, begun.value);
    }
    Ok(ids)
}

/// The address of the bucket, as the SDK's rules for endpoints make it.
async fn base(bucket: &Bucket) -> Result<String, String> {
    const NAME: &str = "/hozen";
    let config = PresigningConfig::expires_in(Duration::from_secs(60)).map_err(|error| error.to_string())?;
    let request = bucket.client.put_object().bucket(bucket.place.bucket()).key(NAME.trim_start_matches('/'));
    let presigned = request.presigned(config).await.map_err(|error| words::of(&error))?;
    let address = presigned.uri().split('?').next().and_then(|address| address.strip_suffix(NAME));
    address.map(str::to_owned).ok_or_else(|| "the address of the bucket is not as expected".to_owned())
}
