//! `hozen verify`.

use super::print;
use crate::cli::VerifyArgs;
use crate::progress::say;
use crate::seal::SealPublic;
use crate::verify::{self, Options, Verdict};

/// Checks a folder, prints the report and returns the exit code.
#[must_use]
pub fn verify(arguments: &VerifyArgs) -> u8 {
    let seal_key = match arguments.seal_key.as_deref().map(SealPublic::read).transpose() {
        Ok(key) => key,
        Err(error) => {
            say(&format!("hozen: --seal-key: {error}"));
            return Verdict::CouldNotCheck.exit_code();
        }
    };
    let options = Options { end_sha256: arguments.end_sha256, manifest_sha256: arguments.manifest_sha256, seal_key };
    let report = verify::verify(&arguments.folder, &options);
    if arguments.json {
        print(&serde_json::to_string_pretty(&report).unwrap_or_default());
    } else {
        print(report.to_text().trim_end());
    }
    report.verdict.exit_code()
}
