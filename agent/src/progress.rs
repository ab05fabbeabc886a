//! What a person sees while a run goes on: bars on a terminal, a line now and then elsewhere. All of it on stderr.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use hozen_collector::collect::Progress;
use hozen_collector::model::Status;
use hozen_collector::model::record::Step;
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

/// Nanoseconds between two lines where stderr is no terminal.
const LINE_NS: u64 = 10_000_000_000;

/// Shows a run.
#[derive(Debug)]
pub struct Display {
    bar: Option<ProgressBar>,
    total: usize,
    done: usize,
    artefact: &'static str,
    spoke_ns: u64,
    began_ns: u64,
}

/// Prints one line on stderr; if that is gone, nobody is there to tell.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

impl Display {
    /// A display for a run of `total` artefacts.
    #[must_use]
    pub fn new(total: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            bar.set_style(
                ProgressStyle::with_template("{spinner} {prefix} [{bar:24}] {msg}")
                    .unwrap_or_else(|_| ProgressStyle::default_spinner()),
            );
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self { bar, total, done: 0, artefact: "", spoke_ns: 0, began_ns: 0 }
    }

    /// An artefact begins.
    pub fn start(&mut self, artefact: &'static str, now_ns: u64) {
        (self.artefact, self.began_ns) = (artefact, now_ns);
        if let Some(bar) = &self.bar {
            bar.set_prefix(format!("[{}/{}] {artefact}", self.done + 1, self.total));
            bar.set_message("");
            // Empty until the source says how much there is.
            bar.set_length(1);
            bar.set_position(0);
        }
    }

    /// Called several times a second.
    pub fn tick(&mut self, progress: &Progress, now_ns: u64) {
        let text = describe(progress, now_ns.saturating_sub(self.began_ns));
        match &self.bar {
            Some(bar) => {
                let (done, total) = progress.units();
                bar.set_length(total.max(1));
                bar.set_position(done);
                bar.set_message(text);
            }
            None if now_ns.saturating_sub(self.spoke_ns) >= LINE_NS => {
                self.spoke_ns = now_ns;
                say(&format!("hozen: [{}/{}] {} {text}", self.done + 1, self.total, self.artefact));
            }
            None => {}
        }
    }

    /// An artefact has its outcome. On a terminal it stays as a line; elsewhere the summary at the end has it.
    pub fn finish(&mut self, step: &Step) {
        // What is skipped was never counted, and the summary at the end has it.
        if step.status == Status::Skipped {
            return;
        }
        self.done += 1;
        if let Some(bar) = &self.bar {
            let reason = step.reasons.first().map(String::as_str).unwrap_or_default();
            bar.println(format!("  {:<20} {:<8} {reason}", step.artefact, step.status.word()));
        }
    }

    /// The run is over.
    pub fn close(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Bytes, rate, and time left where the source knows how much there is.
fn describe(progress: &Progress, elapsed_ns: u64) -> String {
    let (bytes, (done, total)) = (progress.bytes(), progress.units());
    let milliseconds = (elapsed_ns / 1_000_000).max(1);
    let rate = HumanBytes(bytes.saturating_mul(1000) / milliseconds);
    let mut text = format!("{} ({rate}/s)", HumanBytes(bytes));
    if total > 0 {
        let left = milliseconds.saturating_mul(total.saturating_sub(done)) / done.max(1) / 1000;
        text.push_str(&format!(", {done}/{total}"));
        if done > 0 {
            text.push_str(&format!(", {left} s left"));
        }
    }
    text
}
