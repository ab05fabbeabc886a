//! `hozen verify`.

use super::{print, way};
use crate::cli::VerifyArgs;
use crate::progress::say;
use crate::s3::{self, BucketUri};
use crate::seal::SealPublic;
use crate::verify::{self, Options, Report, Verdict};

/// Checks a run, prints the report and returns the exit code.
#[must_use]
pub fn verify(arguments: &VerifyArgs) -> u8 {
    match report(arguments) {
        Ok(report) => {
            let json = || serde_json::to_string_pretty(&report).unwrap_or_default();
            let text = if arguments.json { json() } else { report.to_text() };
            print(text.trim_end());
            report.verdict.exit_code()
        }
        Err(error) => {
            say(&format!("hozen: {error}"));
            Verdict::CouldNotCheck.exit_code()
        }
    }
}

fn report(arguments: &VerifyArgs) -> Result<Report, String> {
    let seal_key = arguments.seal_key.as_deref().map(SealPublic::read).transpose();
    let seal_key = seal_key.map_err(|error| format!("--seal-key: {error}"))?;
    let options = Options {
        begin_sha256: arguments.begin_sha256,
        end_sha256: arguments.end_sha256,
        manifest_sha256: arguments.manifest_sha256,
        seal_key,
    };
    match s3::place(&arguments.run).map_err(|error| error.to_string())? {
        None => Ok(verify::verify(&arguments.run, &options)),
        Some(place) => in_bucket(arguments, place, &options),
    }
}

fn in_bucket(arguments: &VerifyArgs, place: BucketUri, options: &Options) -> Result<Report, String> {
    let reader = way::open(&arguments.read.network)?.reader(place, arguments.read.bucket_owner.clone())?;
    Ok(verify::examine_bucket(&reader, options, arguments.rehash).0)
}
