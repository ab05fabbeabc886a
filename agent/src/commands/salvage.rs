//! `hozen salvage`.

use hozen_collector::model::salvage::Salvaged;
use serde_json::json;

use super::seal::beside;
use super::{print, way};
use crate::cli::SalvageArgs;
use crate::exit::Exit;
use crate::progress::say;
use crate::s3::options::Retention;
use crate::salvage::{self, Done, SalvageError};
use crate::verify::Verdict;

/// Salvages, prints what came of it and returns the exit code.
#[must_use]
pub fn salvage(arguments: &SalvageArgs) -> u8 {
    match try_salvage(arguments) {
        Ok(done) => {
            show(done.as_ref(), arguments.json);
            let lost = |done: &Done| done.record.uploads.iter().any(|upload| upload.outcome == Salvaged::Failed);
            if done.as_ref().is_some_and(lost) { Exit::Partial.into() } else { Exit::Complete.into() }
        }
        Err((error, code)) => {
            say(&format!("hozen: {error}"));
            code
        }
    }
}

fn try_salvage(arguments: &SalvageArgs) -> Result<Option<Done>, (String, u8)> {
    let usage = |error: String| (error, Exit::Usage.into());
    let place = way::bucket(&arguments.run, "the place of the run").map_err(usage)?;
    let way = way::open(&arguments.read.network).map_err(|error| (error, Exit::Destination.into()))?;
    let owner = arguments.read.bucket_owner.clone();
    let reader = way.reader(place.clone(), owner.clone()).map_err(usage)?;
    let open = |lock: Option<&_>| way.sink(place, beside(owner, Retention::like(lock))?);
    salvage::salvage(&reader, arguments.force, open, way.clock).map_err(|error| {
        let code = match &error {
            SalvageError::Ended | SalvageError::Going { .. } => Exit::Usage.into(),
            SalvageError::NoRun => Verdict::CouldNotCheck.exit_code(),
            SalvageError::Unanswered(unanswered) if unanswered.is_denied() => Verdict::CouldNotCheck.exit_code(),
            SalvageError::Unanswered(_) => Exit::Destination.into(),
            _ => Exit::Unsealed.into(),
        };
        (format!("{:#}", anyhow::Error::new(error)), code)
    })
}

fn show(done: Option<&Done>, as_json: bool) {
    if as_json {
        let line = done.map(|done| json!({"record": done.key, "sha256": done.sha256, "uploads": done.record.uploads}));
        return print(&line.unwrap_or_else(|| json!({"record": null, "uploads": []})).to_string());
    }
    let Some(done) = done else { return print("nothing is open here") };
    for upload in &done.record.uploads {
        let why = upload.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        let what = match upload.outcome {
            Salvaged::Completed => {
                format!("{} parts, {} bytes; {} parts behind a hole are lost", upload.parts, upload.size, upload.parts_left)
            }
            Salvaged::Empty => "its first part is not there; nothing can be made of it".to_owned(),
            Salvaged::Taken => "an object of this name is there already".to_owned(),
            Salvaged::Foreign => "not a name of a run's evidence; left alone".to_owned(),
            Salvaged::Failed => "the bucket refused".to_owned(),
        };
        print(&format!("{}: {what}{why}", upload.key));
    }
    print(&format!("record: {} (sha256 {})", done.key, done.sha256));
}
