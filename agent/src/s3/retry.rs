//! Which failures pass, and how long a request is tried again.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use hozen_collector::host::Clock;
use hozen_collector::model::Digest;
use hozen_collector::model::receipt::Answer;
use tokio::time::{Instant, sleep, timeout};

use super::advice;
use super::haste::Haste;
use super::tap::Tap;
use super::watch::Watch;
use crate::aws::words;

/// Tries for a failure that is either gone the next time or will never be: so many in a row, however often the request was tried before.
const FEW: u32 = 5;
/// How often a try that waits looks whether the run is to end.
const LOOK: Duration = Duration::from_secs(1);
/// What one more try of a request may take whose time is over: enough for a small record on a slow line.
const BRIEF: Duration = Duration::from_secs(2);

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// One request is tried again for this long.
    pub retry_for: Duration,
    /// The first request of all is tried again for this long: a destination that is refused must be refused soon.
    pub begin: Duration,
    /// Once the run is to end, for whatever cause, a bucket that takes nothing is waited for so long by all requests together.
    pub hurry: Duration,
    /// After one was given up, and as long as nothing has succeeded since, a request is tried again for this long at most: a run need not
    /// wait for each object anew.
    pub lost: Option<Duration>,
    /// One try of a request takes this at most,
    pub attempt: Duration,
    /// or as long as its bytes take at this many bytes a second, where that is longer.
    pub least_rate: u64,
    /// One try of `CompleteMultipartUpload`, which S3 may need minutes for.
    pub complete: Duration,
    /// The longest pause between two tries.
    pub pause: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            retry_for: Duration::from_secs(20 * 60),
            begin: Duration::from_secs(8),
            hurry: Duration::from_secs(60),
            lost: None,
            attempt: Duration::from_secs(30),
            least_rate: 256 << 10,
            complete: Duration::from_secs(15 * 60),
            pause: Duration::from_secs(10),
        }
    }
}

impl Timing {
    /// What one try of a request with `bytes` in its body may take while `parallel` of them share the line.
    pub(super) fn for_bytes(&self, bytes: usize, parallel: usize) -> Duration {
        let bytes = u64::try_from(bytes.saturating_mul(parallel)).unwrap_or(u64::MAX);
        self.attempt.max(Duration::from_secs(bytes / self.least_rate.max(1)))
    }

    /// What one try of `CompleteMultipartUpload` may take. It has no body that a slow line could be busy with.
    pub(super) fn for_completing(&self) -> Limit {
        Limit { most: self.complete, slow: self.complete.min(self.hurry.saturating_mul(2)) }
    }
}

/// What one try of a request may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limit {
    /// In all.
    pub(super) most: Duration,
    /// For so long a slow line may be busy without anything that succeeds. A run that is to end gives no try up before.
    pub(super) slow: Duration,
}

impl From<Duration> for Limit {
    fn from(most: Duration) -> Self {
        Self { most, slow: most }
    }
}

/// Whether the run is to end.
pub type Hurried = Arc<dyn Fn() -> bool + Send + Sync>;

/// What all requests of a sink share.
pub(super) struct Patience {
    pub(super) timing: Timing,
    pub(super) watch: Watch,
    hurried: Hurried,
    haste: Haste,
}

impl std::fmt::Debug for Patience {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Patience").field("timing", &self.timing).finish_non_exhaustive()
    }
}

/// Why one try came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) kind: Kind,
    /// Whether the bucket may have done what it was asked all the same.
    pub(super) perhaps_done: bool,
    pub(super) reason: String,
}

/// What follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It may be gone the next time.
    Passing,
    /// It may be gone the next time, and if it is not soon it never will.
    Rare,
    /// It will be the same the next time.
    Lasting,
    /// The key is taken.
    Taken,
    /// There is no such upload, or no more.
    NoUpload,
    /// The bucket has other bytes than were sent.
    Mismatch,
}

/// A request that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GivenUp {
    pub(super) trouble: Trouble,
    /// Whether any of the tries may have been obeyed.
    pub(super) perhaps_done: bool,
    /// Tries after the first.
    pub(super) retries: u64,
}

/// Sorts what went wrong. The one place that knows which failures pass.
pub(super) fn judge<E>(error: &SdkError<E, HttpResponse>) -> Trouble
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let status = error.raw_response().map(|response| response.status().as_u16());
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default();
    let kind = match (error, status) {
        // Credentials that cannot be had, a request that cannot be built. The first may pass where they are asked for anew.
        (SdkError::ConstructionFailure(_), _) => Kind::Rare,
        (SdkError::DispatchFailure(failure), _) if failure.is_user() => Kind::Lasting,
        (SdkError::ServiceError(_), Some(status)) => of_answer(status, code),
        _ => Kind::Passing,
    };
    // An answer of 4xx, and one that asks to come back later, say that it was not done.
    let refused = status.is_some_and(|status| (400..500).contains(&status)) || code == "SlowDown";
    let sent = !matches!(error, SdkError::ConstructionFailure(_));
    Trouble { kind, perhaps_done: sent && !refused, reason: words::of(error) }
}

/// What an error answer means ("List of error codes" of the S3 API reference). Where a server in between answers for S3, there is
/// a status and no code.
fn of_answer(status: u16, code: &str) -> Kind {
    match (code, status) {
        ("NoSuchUpload", _) => Kind::NoUpload,
        ("PreconditionFailed", _) | (_, 412) => Kind::Taken,
        ("BadDigest" | "XAmzContentSHA256Mismatch" | "IncompleteBody" | "RequestTimeout" | "InvalidDigest", _) => Kind::Rare,
        // Refused once because of a copy of the credentials that has just been replaced.
        ("ExpiredToken" | "TokenRefreshRequired" | "InvalidToken", _) => Kind::Rare,
        // The SDK signs the next one by the clock of this answer.
        ("RequestTimeTooSkewed", _) => Kind::Rare,
        ("SlowDown" | "InternalError" | "ServiceUnavailable" | "ThrottlingException" | "Throttling", _) => Kind::Passing,
        ("ConditionalRequestConflict" | "OperationAborted", _) => Kind::Passing,
        // A success that carries an error: no code that we know, and yet it was not done.
        (_, 200..=299 | 408 | 425 | 429 | 500..=599) => Kind::Passing,
        _ => Kind::Lasting,
    }
}

/// A request that succeeded.
#[derive(Debug)]
pub(super) struct Done<T> {
    pub(super) value: T,
    pub(super) answer: Answer,
    /// Tries after the first.
    pub(super) retries: u64,
}

/// Tries `attempt` until it succeeds, will never succeed, or the time is over. Each try may take `limit` and has a body with the digest
/// `payload`.
pub(super) async fn persist<T, F, A>(
    patience: &Patience,
    limit: impl Into<Limit>,
    payload: Digest,
    attempt: F,
) -> Result<Done<T>, GivenUp>
where
    F: Fn(Tap) -> A,
    A: Future<Output = Result<T, Trouble>>,
{
    let (began, limit) = (Instant::now(), limit.into());
    let (mut retries, mut rare, mut perhaps_done, mut unheard) = (0_u64, 0_u32, false, None);
    loop {
        let (try_began, try_ns, tap) = (Instant::now(), patience.watch.now_ns(), Tap::with_payload(&payload));
        let in_time = !patience.left(began).is_zero();
        let limit = if in_time || unheard.is_none() { patience.limit(began, limit) } else { BRIEF.into() };
        let heard = patience.wait(limit, Box::pin(attempt(tap.clone())).as_mut()).await;
        unheard = heard.is_none().then_some(try_began);
        let result = heard.unwrap_or_else(|| Err(silent(try_began.elapsed())));
        let answer = tap.answer().unwrap_or_default();
        patience.watch.heard(answer.date.as_deref());
        let trouble = match result {
            Ok(value) => {
                patience.succeeded();
                return Ok(Done { value, answer, retries });
            }
            Err(trouble) => skewed(trouble, &patience.watch),
        };
        perhaps_done |= trouble.perhaps_done;
        let given_up = |trouble| GivenUp { trouble, perhaps_done, retries };
        rare = match trouble.kind {
            Kind::Passing => 0,
            Kind::Rare if rare + 1 < FEW => rare + 1,
            _ => return Err(given_up(trouble)),
        };
        patience.watch.failed(try_ns, &trouble.reason);
        patience.haste.failed(unheard);
        let pause = pause(u32::try_from(retries).unwrap_or(u32::MAX), patience.timing.pause);
        // Where the run is to end, a try that began in time is followed by one more: what was on its way so long may have been done.
        if pause >= patience.left(began) && !(in_time && patience.is_hurried()) {
            patience.watch.given_up();
            return Err(given_up(trouble));
        }
        sleep(pause).await;
        retries = retries.saturating_add(1);
    }
}

impl Patience {
    pub(super) fn new(timing: Timing, clock: Clock, hurried: Hurried) -> Self {
        Self { timing, watch: Watch::new(clock), hurried, haste: Haste::default() }
    }

    fn succeeded(&self) {
        self.watch.succeeded();
        self.haste.succeeded();
    }

    /// Whether the run is to end.
    fn is_hurried(&self) -> bool {
        let hurried = (self.hurried)();
        if hurried {
            self.haste.ask();
        }
        hurried
    }

    /// Whether there is no use in waiting long.
    fn is_lost(&self) -> bool {
        self.timing.lost.is_some() && self.watch.has_given_up()
    }

    /// How much longer a request that began then is tried.
    fn left(&self, began: Instant) -> Duration {
        let timing = &self.timing;
        let all = if self.watch.reached() { timing.retry_for } else { timing.begin };
        let most = timing.lost.filter(|_| self.is_lost()).unwrap_or(all);
        let left = all.min(most).saturating_sub(began.elapsed());
        if self.is_hurried() { left.min(self.haste.left(timing.hurry)) } else { left }
    }

    /// What the next try may take of a request that began then.
    fn limit(&self, began: Instant, limit: Limit) -> Limit {
        if self.watch.reached() && !self.is_lost() {
            return limit;
        }
        let least = self.left(began).max(BRIEF);
        Limit { most: limit.most.min(least), slow: limit.slow.min(least) }
    }

    /// Waits for a try that begins now, as long as it may take; `None` where there was no answer by then. Where the run is to end it may
    /// be of no use before.
    async fn wait<T, A>(&self, limit: Limit, mut attempt: Pin<&mut A>) -> Option<Result<T, Trouble>>
    where
        A: Future<Output = Result<T, Trouble>>,
    {
        let began = Instant::now();
        loop {
            let left = limit.most.saturating_sub(began.elapsed());
            if let Ok(result) = timeout(left.min(LOOK), attempt.as_mut()).await {
                return Some(result);
            }
            if left <= LOOK || (self.is_hurried() && self.haste.is_over(began, limit.slow, self.timing.hurry)) {
                return None;
            }
        }
    }
}

/// Where the clocks are too far apart, how far they are.
fn skewed(trouble: Trouble, watch: &Watch) -> Trouble {
    match watch.clock_offset().filter(|_| trouble.reason.starts_with("RequestTimeTooSkewed")) {
        Some(offset) => {
            Trouble { reason: format!("{} (the bucket's clock is {offset} s ahead of the host's)", trouble.reason), ..trouble }
        }
        None => trouble,
    }
}

fn silent(waited: Duration) -> Trouble {
    let reason = format!("no answer within {} s; {}", waited.as_secs(), advice::SILENT);
    Trouble { kind: Kind::Passing, perhaps_done: true, reason }
}

/// Full jitter: anything up to a limit that doubles, so that many writers do not come back together.
fn pause(tries: u32, most: Duration) -> Duration {
    let limit = Duration::from_millis(200).saturating_mul(1 << tries.min(16)).min(most);
    let mut random = [0_u8; 4];
    // Without random numbers all come back together, which is slower and no worse.
    let _ = getrandom::fill(&mut random);
    limit.mul_f64(f64::from(u32::from_le_bytes(random)) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn patience(timing: Timing) -> Patience {
        Patience::new(timing, Clock::start(), Arc::new(|| false))
    }

    fn quick() -> Timing {
        Timing { pause: Duration::from_millis(1), begin: Duration::from_secs(600), ..Timing::default() }
    }

    fn none() -> Digest {
        Digest::of(b"")
    }

    fn run(patience: &Patience, troubles: u32, kind: Kind) -> Result<(u32, u64), GivenUp> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let tries = AtomicU32::new(0);
        let done = runtime.block_on(persist(patience, Duration::from_secs(600), none(), |_| {
            let tried = tries.fetch_add(1, Ordering::SeqCst);
            let trouble = Trouble { kind, perhaps_done: tried == 0, reason: "x".to_owned() };
            async move { if tried < troubles { Err(trouble) } else { Ok(tried) } }
        }))?;
        Ok((done.value, done.retries))
    }

    #[test]
    fn what_passes_is_tried_again_and_what_lasts_is_not() {
        let patience = patience(quick());
        assert_eq!(run(&patience, 7, Kind::Passing).unwrap(), (7, 7));
        assert_eq!(run(&patience, 3, Kind::Rare).unwrap(), (3, 3));
        let given_up = run(&patience, 99, Kind::Rare).unwrap_err();
        assert_eq!((given_up.retries, given_up.perhaps_done), (u64::from(FEW) - 1, true));
        for kind in [Kind::Lasting, Kind::Taken, Kind::NoUpload, Kind::Mismatch] {
            assert_eq!(run(&patience, 1, kind).unwrap_err().retries, 0);
        }
    }

    #[test]
    fn what_passes_uses_up_no_try_of_what_is_rare() {
        use Kind::{Passing, Rare};
        let mixed = |kinds: Vec<Kind>| {
            let (patience, tries, kinds) = (patience(quick()), AtomicU32::new(0), &kinds);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let done = runtime.block_on(persist(&patience, Duration::from_secs(600), none(), |_| {
                let kind = kinds.get(usize::try_from(tries.fetch_add(1, Ordering::SeqCst)).unwrap()).copied();
                let trouble = |kind| Trouble { kind, perhaps_done: false, reason: "x".to_owned() };
                async move { kind.map_or(Ok(()), |kind| Err(trouble(kind))) }
            }));
            done.map(|done| done.retries).map_err(|given_up| given_up.retries)
        };
        // Throttled, and then a body that did not come through; an outage, and then a session that has ended.
        assert_eq!(mixed([vec![Passing; 4], vec![Rare]].concat()), Ok(5));
        assert_eq!(mixed([vec![Passing; 12], vec![Rare; 4]].concat()), Ok(16));
        assert_eq!(mixed([vec![Rare; 4], vec![Passing], vec![Rare; 4]].concat()), Ok(9));
        assert_eq!(mixed([vec![Passing; 6], vec![Rare; 5]].concat()), Err(10));
    }

    #[test]
    fn time_ends_it_too() {
        let patience = patience(Timing { begin: Duration::ZERO, ..quick() });
        assert!(run(&patience, 1, Kind::Passing).is_err());
        assert!(patience.watch.stalled_ns() > 0);
    }

    #[test]
    fn once_one_was_given_up_the_next_are_until_something_succeeds() {
        let patience = patience(Timing { begin: Duration::ZERO, lost: Some(Duration::ZERO), ..quick() });
        assert!(run(&patience, 1, Kind::Passing).is_err() && patience.watch.has_given_up());
        patience.watch.succeeded();
        assert_eq!(run(&patience, 7, Kind::Passing).unwrap(), (7, 7));
        patience.watch.failed(patience.watch.now_ns(), "x");
        patience.watch.given_up();
        assert!(run(&patience, 1, Kind::Passing).is_err());
        assert_eq!(run(&patience, 0, Kind::Passing).unwrap(), (0, 0));
        assert_eq!(run(&patience, 7, Kind::Passing).unwrap(), (7, 7));
    }

    /// How often a request was tried again that is answered only after so many minutes, if it was, and what that took. Whether until then
    /// each try fails at once or has no answer. Time that is waited for passes at once.
    fn after(minutes: u64, silent: bool, timing: Timing) -> (Result<u64, GivenUp>, Duration) {
        let patience = patience(timing);
        patience.watch.succeeded();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (began, over) = (Instant::now(), Instant::now() + Duration::from_secs(60 * minutes));
            let done = persist(&patience, timing.attempt, none(), |_| async move {
                match Instant::now() < over {
                    true if silent => std::future::pending().await,
                    true => Err(Trouble { kind: Kind::Passing, perhaps_done: true, reason: "connection refused".to_owned() }),
                    false => Ok(()),
                }
            });
            (done.await.map(|done| done.retries), began.elapsed())
        })
    }

    #[test]
    fn a_quarter_of_an_hour_is_waited_out_and_half_an_hour_is_not() {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        for silent in [false, true] {
            let (retries, took) = after(15, silent, Timing::default());
            // A try or a pause may have begun just before the end of it.
            assert!(retries.clone().is_ok_and(|retries| retries >= 20), "{retries:?}");
            assert!((minutes(15)..minutes(16)).contains(&took), "{took:?}");
            let (retries, took) = after(30, silent, Timing::default());
            assert!(retries.is_err_and(|given_up| given_up.trouble.kind == Kind::Passing && given_up.retries > 20));
            assert!((minutes(19)..minutes(21)).contains(&took), "{took:?}");
        }
        let (retries, _) = after(15, false, Timing { retry_for: minutes(10), ..Timing::default() });
        assert!(retries.is_err());
    }

    /// Lets time that is only waited for pass at once.
    fn at_once<T>(test: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(test)
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Patience of a run that is to end so many seconds from now, with a bucket that was reached.
    fn to_end_in(wait: u64, timing: Timing) -> Patience {
        let end = Instant::now() + seconds(wait);
        let patience = Patience::new(timing, Clock::start(), Arc::new(move || Instant::now() >= end));
        patience.succeeded();
        patience
    }

    fn refused() -> Trouble {
        Trouble { kind: Kind::Passing, perhaps_done: true, reason: "connection refused".to_owned() }
    }

    #[test]
    fn a_silent_bucket_holds_a_run_that_is_to_end_a_minute_and_not_a_minute_for_each_object() {
        let timing = Timing { lost: Some(seconds(10)), ..Timing::default() };
        let tries: Vec<Limit> = [timing.for_completing(), seconds(128).into()]
            .into_iter()
            .chain(std::iter::repeat_n(Limit::from(timing.attempt), 8))
            .collect();
        for silent in [false, true] {
            // Whether it has been silent for long, or falls silent when the run is to end.
            for (end, most) in [(300, 85), (25 * 60, 85), (0, 145)] {
                let took = at_once(async {
                    let (began, patience) = (Instant::now(), to_end_in(end, timing));
                    for limit in &tries {
                        let given_up = persist(&patience, *limit, none(), |_| async move {
                            if silent { std::future::pending::<Result<(), Trouble>>().await } else { Err(refused()) }
                        });
                        assert_eq!(given_up.await.unwrap_err().trouble.kind, Kind::Passing);
                    }
                    began.elapsed()
                });
                assert!(took <= seconds(end + most), "{silent} {end}: {took:?}");
            }
        }
    }

    /// A line so slow that nothing succeeds for longer than the budget, in a run that is to end in the middle of it or has been told before.
    #[test]
    fn what_is_on_its_way_when_the_run_is_to_end_is_waited_for() {
        for end in [0, 30] {
            at_once(async {
                let patience = to_end_in(end, Timing::default());
                let patience = &patience;
                let slow = |limit: Limit, takes: u64| async move {
                    let done = persist(patience, limit, none(), |_| async move {
                        sleep(seconds(takes)).await;
                        Ok(())
                    });
                    done.await.map(|done| done.retries)
                };
                for takes in [100, 127, 127, 10, 127] {
                    assert_eq!(slow(seconds(128).into(), takes).await, Ok(0));
                }
                assert_eq!(slow(patience.timing.for_completing(), 110).await, Ok(0));
            });
        }
    }

    /// A part that was cut when its time was over all but for one try, on a line that is as slow as ever and never silent.
    #[test]
    fn one_failure_on_a_slow_line_costs_no_object_of_a_run_that_is_to_end() {
        at_once(async {
            let patience = to_end_in(0, Timing { lost: Some(seconds(60)), ..Timing::default() });
            let tries = AtomicU32::new(0);
            let part = persist(&patience, seconds(512), none(), |_| {
                let first = tries.fetch_add(1, Ordering::Relaxed) == 0;
                async move {
                    sleep(seconds(100)).await;
                    if first { Err(refused()) } else { Ok(()) }
                }
            });
            assert_eq!(part.await.map(|done| done.retries), Ok(1));
            let record = persist(&patience, seconds(30), none(), |_| async {
                sleep(seconds(5)).await;
                Ok::<(), Trouble>(())
            });
            assert_eq!(record.await.map(|done| done.retries), Ok(0));
        });
    }

    /// S3 may complete an upload after we have stopped waiting: it is asked once more, and says that there is no such upload any more.
    #[test]
    fn an_upload_that_takes_long_to_complete_is_asked_for_once_more() {
        at_once(async {
            let patience = to_end_in(0, Timing { lost: Some(seconds(60)), ..Timing::default() });
            let over = Instant::now() + seconds(110);
            let gone = || Trouble { kind: Kind::NoUpload, perhaps_done: false, reason: "NoSuchUpload".to_owned() };
            let done = persist(&patience, patience.timing.for_completing(), none(), |_| async move {
                if Instant::now() < over { std::future::pending::<Result<(), Trouble>>().await } else { Err(gone()) }
            });
            let given_up = done.await.unwrap_err();
            assert!(given_up.perhaps_done && given_up.trouble.kind == Kind::NoUpload, "{given_up:?}");
        });
    }

    #[test]
    fn what_was_waited_for_is_not_waited_for_once_more() {
        at_once(async {
            let patience = to_end_in(0, Timing::default());
            let mut results = Vec::new();
            for wait in [40, 58] {
                let over = Instant::now() + seconds(wait);
                let done = persist(&patience, seconds(30), none(), |_| async move {
                    if Instant::now() < over { Err(refused()) } else { Ok(()) }
                });
                results.push(done.await.is_ok());
            }
            assert_eq!(results, [true, false]);
        });
    }

    #[test]
    fn a_request_that_is_never_answered_is_given_up() {
        let patience = patience(Timing { begin: Duration::ZERO, ..quick() });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let never = persist(&patience, Duration::from_millis(5), none(), |_| std::future::pending::<Result<(), Trouble>>());
        let given_up = runtime.block_on(never).unwrap_err();
        assert!(given_up.perhaps_done && given_up.trouble.reason.contains("no answer"), "{given_up:?}");
    }

    #[test]
    fn answers_are_sorted() {
        assert_eq!(of_answer(503, "SlowDown"), Kind::Passing);
        assert_eq!(of_answer(200, "InternalError"), Kind::Passing);
        assert_eq!(of_answer(200, ""), Kind::Passing);
        assert_eq!(of_answer(502, ""), Kind::Passing);
        assert_eq!(of_answer(409, "ConditionalRequestConflict"), Kind::Passing);
        assert_eq!(of_answer(412, ""), Kind::Taken);
        assert_eq!(of_answer(404, "NoSuchUpload"), Kind::NoUpload);
        assert_eq!(of_answer(400, "BadDigest"), Kind::Rare);
        assert_eq!(of_answer(403, "RequestTimeTooSkewed"), Kind::Rare);
        for (status, code) in [(403, "AccessDenied"), (404, "NoSuchBucket"), (301, "PermanentRedirect"), (400, "InvalidRequest")]
        {
            assert_eq!(of_answer(status, code), Kind::Lasting, "{code}");
        }
    }

    #[test]
    fn a_try_takes_as_long_as_its_bytes_may() {
        let timing = Timing::default();
        assert_eq!(timing.for_bytes(100, 4), Duration::from_secs(30));
        assert_eq!(timing.for_bytes(8 << 20, 4), Duration::from_secs(128));
    }
}
