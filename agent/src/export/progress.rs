//! How far an export is, on a terminal. Elsewhere nothing is shown: what came out is said at the end.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over the stored bytes.
#[derive(Debug)]
pub(super) struct Progress(Option<ProgressBar>);

impl Progress {
    /// A bar for this many bytes.
    pub(super) fn new(total: u64) -> Self {
        let template = "{spinner} [{bar:24}] {bytes}/{total_bytes} ({bytes_per_sec}, {eta} left) {msg}";
        Self(std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(total).with_style(style)
        }))
    }

    /// No bar.
    pub(super) fn hidden() -> Self {
        Self(None)
    }

    /// What is being read now; escaped text.
    pub(super) fn tell(&self, what: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(what.to_owned());
        }
    }

    /// This many bytes more have been read.
    pub(super) fn add(&self, bytes: usize) {
        if let Some(bar) = &self.0 {
            bar.inc(u64::try_from(bytes).unwrap_or(u64::MAX));
        }
    }

    /// The end.
    pub(super) fn close(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
