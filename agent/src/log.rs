//! The agent's own log: JSON lines that become the evidence item `log.jsonl.zst`.

use std::io;
use std::sync::{Arc, Mutex};

use hozen_collector::stream::{Closed, Object};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

/// The log while it is open. Clones share it.
#[derive(Debug, Clone)]
pub struct Log(Arc<Mutex<Option<Object>>>);

/// One event on its way into the log.
#[derive(Debug)]
pub struct Line(Log);

impl Log {
    /// A log that goes into `object`, or nowhere where the sink refused it.
    #[must_use]
    pub fn new(mut object: Option<Object>) -> Self {
        // The receipt says how many lines there are, even of none.
        object.iter_mut().for_each(Object::counts_entries);
        Self(Arc::new(Mutex::new(object)))
    }

    /// Sends the events of this thread into the log until the guard is dropped.
    #[must_use]
    pub fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let subscriber = tracing_subscriber::fmt().json().with_max_level(LevelFilter::DEBUG).with_writer(self.clone()).finish();
        tracing::subscriber::set_default(subscriber)
    }

    /// Ends the log and says what became of it.
    #[must_use]
    pub fn close(&self) -> Option<Closed> {
        let object = self.0.lock().ok()?.take()?;
        object.close().ok()
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Line;
    fn make_writer(&'a self) -> Line {
        Line(self.clone())
    }
}

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Ok(mut log) = self.0.0.lock()
            && let Some(object) = log.as_mut()
        {
            // What the sink refuses shows when the log is closed.
            if object.write_all(bytes).is_ok() {
                bytes.iter().filter(|byte| **byte == b'\n').for_each(|_| object.count_entry());
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hozen_collector::model::{Timestamp, record};
    use hozen_collector::sink::memory::MemorySink;
    use hozen_collector::stream::{Engine, Kind};

    #[test]
    fn its_lines_are_counted() {
        let engine = Engine::start(Arc::new(MemorySink::default()), 1, 1, Arc::new(|| Timestamp::from_seconds(0))).unwrap();
        let log = Log::new(engine.open(record::key(record::LOG_KEY), Kind::Table).ok());
        {
            let _listening = log.listen();
            tracing::info!("one");
            tracing::warn!(reason = "two\nin one line", "two");
        }
        let receipt = log.close().and_then(|closed| closed.receipt).unwrap();
        assert_eq!(receipt.content.entries, Some(2));
    }
}
