//! How long a run that is to end still waits for a bucket that takes nothing.
//!
//! Only silence counts: the time since the run was asked to end for which requests were made and none succeeded. All requests of a sink
//! share it, so that ten of them, one after the other, hold the run no longer than one. As long as any of them succeeds, however slowly,
//! nothing is cut short.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

/// What all requests of a sink have waited for together.
#[derive(Debug, Default)]
pub(super) struct Haste(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// When it was first seen that the run is to end.
    asked: Option<Instant>,
    /// When a request last succeeded.
    succeeded: Option<Instant>,
    /// The silence that there is.
    silence: Option<Silence>,
    /// What silences that are over took of the time since `asked`.
    spent: Duration,
}

/// Requests have failed, and none has succeeded since.
#[derive(Debug, Clone, Copy)]
struct Silence {
    since: Instant,
    /// When the first of them had failed.
    known: Instant,
}

impl Haste {
    /// The run is to end.
    pub(super) fn ask(&self) {
        if let Ok(mut state) = self.0.lock() {
            state.asked.get_or_insert_with(Instant::now);
        }
    }

    /// A request succeeded. Half of what silence took is given back: the bucket is there, and what follows may meet one more failure.
    pub(super) fn succeeded(&self) {
        let now = Instant::now();
        if let Ok(mut state) = self.0.lock() {
            state.spent = state.spent_by(now) / 2;
            (state.silence, state.succeeded) = (None, Some(now));
        }
    }

    /// A try came to nothing. One that ended without an answer (`unheard` since then) was silence all the while; one that was refused or
    /// cut may have been busy until now, so that silence begins with its end.
    pub(super) fn failed(&self, unheard: Option<Instant>) {
        let known = Instant::now();
        if let Ok(mut state) = self.0.lock() {
            let since = unheard.map_or(known, |began| state.succeeded.map_or(began, |succeeded| succeeded.max(began)));
            state.silence.get_or_insert(Silence { since, known });
        }
    }

    /// What is left of `budget`.
    pub(super) fn left(&self, budget: Duration) -> Duration {
        self.0.lock().map_or(budget, |state| budget.saturating_sub(state.spent_by(Instant::now())))
    }

    /// Whether a try that began then is waited for in vain: nothing has succeeded for as long as a slow line takes for what is on its way
    /// (`slow`), and the budget is spent.
    pub(super) fn is_over(&self, began: Instant, slow: Duration, budget: Duration) -> bool {
        let (Ok(state), now) = (self.0.lock(), Instant::now()) else { return false };
        let Some(asked) = state.asked else { return false };
        let since = state.quiet_since(began);
        let own = now.saturating_duration_since(since.max(asked));
        let spent = state.spent_by(now).max(state.spent.saturating_add(own));
        now.saturating_duration_since(since) >= slow && spent >= budget
    }
}

impl State {
    /// What all silences up to `now` took of the time since the run was asked to end.
    fn spent_by(&self, now: Instant) -> Duration {
        let open = self.silence.zip(self.asked).map(|(silence, asked)| now.saturating_duration_since(silence.since.max(asked)));
        self.spent.saturating_add(open.unwrap_or_default())
    }

    /// Since when a try that began then has seen nothing succeed. One that began in a silence that was known goes by that; for any other
    /// its own begin counts, or the last success if that came later.
    fn quiet_since(&self, began: Instant) -> Instant {
        match self.silence {
            Some(silence) if silence.known <= began => silence.known,
            _ => self.succeeded.map_or(began, |succeeded| succeeded.max(began)),
        }
    }
}
