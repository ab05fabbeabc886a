//! Signals. The first SIGINT or SIGTERM asks the run to end and be sealed; the second ends the process at once.

use std::sync::Arc;

use hozen_collector::collect::Control;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Exit;
use crate::progress::say;

/// Watches for signals on a thread of its own. `on_kill` is called right before the second signal ends the process.
///
/// # Errors
/// When the signals cannot be watched.
pub fn watch(control: Arc<Control>, on_kill: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    let wait = move || {
        runtime.block_on(async {
            let cause = either(&mut interrupt, &mut terminate).await;
            control.interrupt(cause);
            say(&format!("hozen: {cause}: ending the open artefact and sealing what is there; a second signal ends at once"));
            either(&mut interrupt, &mut terminate).await;
        });
        on_kill();
        end_at_once();
    };
    std::thread::Builder::new().name("hozen-signals".to_owned()).spawn(wait).map(drop)
}

async fn either(interrupt: &mut Signal, terminate: &mut Signal) -> &'static str {
    tokio::select! {
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
    }
}

#[expect(clippy::exit, reason = "a second signal means now: nothing is sealed, and what is stored verifies as incomplete")]
fn end_at_once() {
    std::process::exit(i32::from(u8::from(Exit::Killed)));
}
