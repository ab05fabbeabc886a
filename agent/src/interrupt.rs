//! Signals. The first SIGINT, SIGTERM, SIGHUP or SIGQUIT asks the run to end and be sealed; the second ends the process at once.

use std::sync::Arc;

use hozen_collector::collect::Control;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::progress::say;

/// Watches for signals on a thread of its own. `on_kill` is called right before the second signal ends the process, and gives the code.
///
/// # Errors
/// When the signals cannot be watched.
pub fn watch(control: Arc<Control>, on_kill: impl FnOnce() -> u8 + Send + 'static) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let mut signals = {
        let _inside = runtime.enter();
        Signals::open()?
    };
    let wait = move || {
        runtime.block_on(async {
            let cause = signals.next().await;
            control.interrupt(cause);
            announce(cause);
            signals.next().await;
        });
        end_at_once(on_kill());
    };
    std::thread::Builder::new().name("hozen-signals".to_owned()).spawn(wait).map(drop)
}

/// A stopped terminal must not keep the second signal from being seen, so somebody else speaks.
fn announce(cause: &'static str) {
    let text = format!("hozen: {cause}: ending the open artefact and sealing what is there; a second signal ends at once");
    let _ = std::thread::Builder::new().name("hozen-say".to_owned()).spawn(move || say(&text));
}

/// The signals that ask a run to end. SIGHUP is among them: a lost connection must not cost the seal.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    quit: Signal,
}

impl Signals {
    fn open() -> std::io::Result<Self> {
        let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(Self { interrupt, terminate, hangup: signal(SignalKind::hangup())?, quit: signal(SignalKind::quit())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.hangup.recv() => "SIGHUP",
            _ = self.quit.recv() => "SIGQUIT",
        }
    }
}

#[expect(clippy::exit, reason = "a second signal means now: nothing is sealed, and what is stored verifies as incomplete")]
fn end_at_once(code: u8) {
    std::process::exit(i32::from(code));
}
