//! `hozen push`.

use std::path::PathBuf;

use hozen_collector::model::RunId;
use serde_json::json;

use super::{print, way};
use crate::cli::PushArgs;
use crate::exit::Exit;
use crate::progress::say;
use crate::push::{self, Progress, PushError, Pushed};
use crate::verify::{self, Options};

/// Verifies and sends, prints what came of it and returns the exit code.
#[must_use]
pub fn push(arguments: &PushArgs) -> u8 {
    match try_push(arguments) {
        Ok((pushed, run)) => {
            show(&pushed, run, arguments.json);
            if pushed.unproven.is_empty() { Exit::Complete.into() } else { Exit::Partial.into() }
        }
        Err((error, code)) => {
            say(&format!("hozen: {error}"));
            code
        }
    }
}

fn try_push(arguments: &PushArgs) -> Result<(Pushed, RunId), (String, u8)> {
    let usage = |error: String| (error, u8::from(Exit::Usage));
    let destination = |error: String| (error, u8::from(Exit::Destination));
    let to = way::bucket(&arguments.to, "--to").map_err(usage)?;
    let options = arguments.bucket.check().map_err(usage)?;
    if arguments.bucket.spool.is_some() {
        return Err(usage("--spool is for collect; what is pushed lies in a folder already".to_owned()));
    }
    let (report, whole) = verify::examine(&arguments.folder, &Options::default());
    let Some(whole) = whole else {
        print(report.to_text().trim_end());
        let code = report.verdict.exit_code();
        return Err((format!("{}: not sent, because it does not verify (see the report)", report.folder), code));
    };
    let place = push::place(&to, &whole.begin).map_err(|error| usage(format!("--to is too long: {error}")))?;
    let way = way::open(&arguments.network).map_err(destination)?;
    let progress = Progress::open(&progress_file(arguments), &place.to_string()).map_err(|error| usage(error.to_string()))?;
    let reader = way.reader(place.clone(), options.owner.clone()).map_err(destination)?;
    let sink = way.sink(place.clone(), options).map_err(destination)?;
    say(&format!("hozen: run {}, case {}, into {place}", whole.begin.run, whole.begin.case));
    let pushed = push::push(&arguments.folder, &whole, &sink, &reader, progress);
    match pushed {
        Ok(pushed) => Ok((pushed, whole.begin.run)),
        Err(error @ PushError::Refused(_)) => Err(destination(error.to_string())),
        Err(error) => Err((format!("not all of it is in the bucket: {error}"), Exit::Unsealed.into())),
    }
}

/// `DIR.pushed`, beside the folder.
fn progress_file(arguments: &PushArgs) -> PathBuf {
    if let Some(path) = &arguments.progress {
        return path.clone();
    }
    // `DIR/` has no name of its own at its end.
    let folder: PathBuf = arguments.folder.components().collect();
    let mut name = folder.into_os_string();
    name.push(".pushed");
    name.into()
}

fn show(pushed: &Pushed, run: RunId, as_json: bool) {
    if as_json {
        return print(&json!({"run": run, "pushed": pushed}).to_string());
    }
    print(&format!(
        "pushed: run {run}, {} objects, {} bytes, {} of them in this call",
        pushed.objects, pushed.bytes, pushed.sent
    ));
    print(&format!("to:     {}", pushed.location));
    for key in &pushed.unproven {
        print(&format!(
            "{key}: the answer to what completed it was lost; only who reads the bucket can tell that it is the same"
        ));
    }
    print(&format!("next:   hozen verify {}", pushed.location));
}
