//! Credentials as S3 is asked with them: kept until shortly before they end, or until S3 says that they have ended. Their end is told by
//! another clock than the host's, which may be wrong, and a parameter may not tell it at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use hozen_collector::host::Clock;
use tokio::sync::Mutex;

/// So long before their end others are asked for. IMDS has new ones five minutes before ("Retrieve security credentials from instance
/// metadata").
const AHEAD: Duration = Duration::from_secs(60);
/// What S3 says of credentials that have ended ("List of error codes").
const ENDED: [&[u8]; 2] = [b"<Code>ExpiredToken</Code>", b"<Code>TokenRefreshRequired</Code>"];
/// Bytes of an answer that are looked at: an error has its code at the beginning.
const LOOKED_AT: usize = 4096;

/// In an S3 client both the credentials provider and an interceptor that sees each answer. Clones share one cache.
#[derive(Debug, Clone)]
pub(in crate::aws) struct Kept(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    source: SharedCredentialsProvider,
    kept: Mutex<Option<Credentials>>,
    ended: AtomicBool,
}

impl Kept {
    pub(in crate::aws) fn new(source: SharedCredentialsProvider) -> Self {
        Self(Arc::new(Inner { source, kept: Mutex::new(None), ended: AtomicBool::new(false) }))
    }

    async fn give(&self) -> provider::Result {
        let mut kept = self.0.kept.lock().await;
        if self.0.ended.swap(false, Ordering::Relaxed) {
            *kept = None;
        }
        if let Some(good) = kept.as_ref().filter(|good| !ends_soon(good, now())) {
            return Ok(good.clone());
        }
        match self.0.source.provide_credentials().await {
            Ok(fresh) => Ok(kept.insert(fresh).clone()),
            // Whoever gives them may be away for a moment; those that are there hold for a little longer, and S3 says when they do not.
            Err(error) => kept.clone().ok_or(error),
        }
    }
}

fn now() -> SystemTime {
    let nanoseconds = u64::try_from(Clock::start().now().nanoseconds()).unwrap_or_default();
    UNIX_EPOCH + Duration::from_nanos(nanoseconds)
}

fn ends_soon(credentials: &Credentials, now: SystemTime) -> bool {
    credentials.expiry().is_some_and(|end| end < now + AHEAD)
}

impl ProvideCredentials for Kept {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.give())
    }
}

impl Intercept for Kept {
    fn name(&self) -> &'static str {
        "HozenKept"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let text = response.body().bytes().filter(|_| !response.status().is_success()).unwrap_or_default();
        let text = text.get(..LOOKED_AT).unwrap_or(text);
        if ENDED.iter().any(|code| text.windows(code.len()).any(|window| window == *code)) {
            self.0.ended.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_credential_types::provider::error::CredentialsError;
    use std::sync::atomic::AtomicU64;

    /// Gives each time others, which end after so many seconds; none while it is away.
    #[derive(Debug, Default)]
    struct Source {
        given: AtomicU64,
        seconds: AtomicU64,
        away: AtomicBool,
    }

    #[derive(Debug, Clone, Default)]
    struct Shared(Arc<Source>);

    impl ProvideCredentials for Shared {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            if self.0.away.load(Ordering::SeqCst) {
                return future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("away")));
            }
            let id = format!("AKIA{}", self.0.given.fetch_add(1, Ordering::SeqCst));
            let end = now() + Duration::from_secs(self.0.seconds.load(Ordering::SeqCst));
            future::ProvideCredentials::ready(Ok(Credentials::new(id, "secret", None, Some(end), "test")))
        }
    }

    fn id(kept: &Kept) -> Option<String> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(kept.provide_credentials()).ok().map(|given| given.access_key_id().to_owned())
    }

    #[test]
    fn they_are_kept_until_they_end_or_are_refused() {
        let source = Shared::default();
        let kept = Kept::new(SharedCredentialsProvider::new(source.clone()));
        source.0.seconds.store(1_000_000, Ordering::SeqCst);
        assert_eq!((id(&kept).as_deref(), id(&kept).as_deref()), (Some("AKIA0"), Some("AKIA0")));
        kept.0.ended.store(true, Ordering::SeqCst);
        source.0.seconds.store(30, Ordering::SeqCst);
        assert_eq!((id(&kept).as_deref(), id(&kept).as_deref()), (Some("AKIA1"), Some("AKIA2")));
    }

    #[test]
    fn those_that_end_soon_do_where_there_are_no_others_and_those_that_were_refused_do_not() {
        let source = Shared::default();
        let kept = Kept::new(SharedCredentialsProvider::new(source.clone()));
        source.0.seconds.store(30, Ordering::SeqCst);
        assert_eq!(id(&kept).as_deref(), Some("AKIA0"));
        source.0.away.store(true, Ordering::SeqCst);
        assert_eq!(id(&kept).as_deref(), Some("AKIA0"));
        kept.0.ended.store(true, Ordering::SeqCst);
        assert_eq!(id(&kept), None);
        source.0.away.store(false, Ordering::SeqCst);
        assert_eq!(id(&kept).as_deref(), Some("AKIA1"));
    }
}
