//! `hozen seal`.

use hozen_collector::host::Clock;
use serde_json::json;

use super::print;
use crate::cli::SealArgs;
use crate::exit::Exit;
use crate::progress::say;
use crate::seal::{LocalKey, SealError, Sealed, seal_folder};
use crate::verify::Options;

/// Verifies and seals, prints what came of it and returns the exit code.
#[must_use]
pub fn seal(arguments: &SealArgs) -> u8 {
    let key = match LocalKey::read(&arguments.local_key) {
        Ok(key) => key,
        Err(error) => {
            say(&format!("hozen: --local-key: {error}"));
            return Exit::Usage.into();
        }
    };
    let options = Options { end_sha256: arguments.end_sha256, ..Options::default() };
    match seal_folder(&arguments.folder, &options, &key, Clock::start()) {
        Ok(sealed) => {
            show(&sealed, arguments.json);
            Exit::Complete.into()
        }
        Err(SealError::NotVerified(report)) => {
            print(report.to_text().trim_end());
            say(&format!("hozen: {}: {}", report.folder, "not sealed, because it does not verify (see the report)"));
            report.verdict.exit_code()
        }
        Err(error) => {
            say(&format!("hozen: {:#}", anyhow::Error::new(error)));
            Exit::Unsealed.into()
        }
    }
}

fn show(sealed: &Sealed, as_json: bool) {
    let whole = &sealed.whole;
    if as_json {
        let line = json!({
            "seal": sealed.key, "sha256": sealed.sha256, "keyid": sealed.keyid, "run": whole.run, "case": whole.case,
            "status": whole.status, "manifest_sha256": whole.manifest_sha256, "end_sha256": whole.end_sha256,
        });
        return print(&line.to_string());
    }
    print(&format!("sealed: run {}, case {}, {} objects, verified in this call", whole.run, whole.case, whole.objects));
    print(&format!("seal:   {} (sha256 {})", sealed.key, sealed.sha256));
    print(&format!("key:    {}", sealed.keyid));
}
