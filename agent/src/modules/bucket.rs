//! A store in a bucket, laid out as in a folder.

use std::time::Duration;

use hozen_collector::model::Digest;
use hozen_collector::model::modules::{INDEX_KEY, MODULES_FOLDER, file_name};

use super::shelf::{Fault, MAX_INDEX, MAX_MODULE, Shelf};
use crate::s3::read::Unanswered;
use crate::s3::{Reader, Timing, advice_for_reader};

/// What one object may take, whatever is wrong: a run waits for it before it begins.
const TIME: Duration = Duration::from_secs(15);

/// A store below a place in a bucket.
#[derive(Debug)]
pub struct InBucket {
    location: String,
    reader: Reader,
}

impl InBucket {
    /// How long a reader for it tries.
    #[must_use]
    pub fn timing() -> Timing {
        let begin = Duration::from_secs(4);
        Timing { begin, retry_for: 2 * begin, attempt: 2 * begin, ..Timing::default() }
    }

    /// What `reader` reads, as a store; nothing is asked yet.
    #[must_use]
    pub fn new(reader: Reader) -> Self {
        Self { location: reader.place().to_string(), reader }
    }

    fn bounded(&self, name: &str, limit: u64) -> Result<Vec<u8>, Fault> {
        let at = |why: &str| format!("{}/{name}: {why}", self.location);
        match self.reader.current(name, limit, TIME) {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(Fault::Foul(at(&format!("larger than {} MiB", limit >> 20)))),
            Err(unanswered) if unanswered.is_missing() => Err(Fault::Missing(at("does not exist"))),
            Err(unanswered) => Err(Fault::Unreadable(at(&told(&unanswered)))),
        }
    }
}

/// What was answered, and what to do about it.
fn told(unanswered: &Unanswered) -> String {
    let advice = if unanswered.is_denied() {
        "where it may not list, it is told the same of what does not exist"
    } else {
        advice_for_reader(&unanswered.reason)
    };
    let text = unanswered.to_string();
    if text.contains(advice) { text } else { format!("{text}; {advice}") }
}

impl Shelf for InBucket {
    fn location(&self) -> &str {
        &self.location
    }

    fn index(&self) -> Result<Vec<u8>, Fault> {
        self.bounded(INDEX_KEY, MAX_INDEX)
    }

    fn module(&self, sha256: &Digest) -> Result<Vec<u8>, Fault> {
        self.bounded(&format!("{MODULES_FOLDER}/{}", file_name(sha256)), MAX_MODULE)
    }

    fn paths(&self, limit: usize) -> Result<Vec<Vec<u8>>, Fault> {
        let names = self.reader.names(limit, TIME);
        let names = names.map_err(|unanswered| Fault::Unreadable(format!("{}: {unanswered}", self.location)))?;
        Ok(names.into_iter().map(String::into_bytes).collect())
    }
}
