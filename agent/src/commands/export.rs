//! `hozen export`.

use super::print;
use crate::cli::ExportArgs;
use crate::exit::Exit;
use crate::export::{self, Options};
use crate::progress::say;

/// Exports a run, says what came out and returns the exit code.
#[must_use]
pub fn export(arguments: &ExportArgs) -> u8 {
    if arguments.unverified {
        say("hozen: --unverified: what is exported may be anything; its README.txt says what verification has come to");
    }
    let options = Options {
        evidence: arguments.evidence.clone(),
        to: arguments.to.clone(),
        formats: arguments.format.clone(),
        include_rejected: arguments.include_rejected,
        unverified: arguments.unverified,
    };
    let ended = export::export(&options);
    if ended.code == u8::from(Exit::Complete) || ended.code == u8::from(Exit::Partial) {
        print(&ended.text);
    } else {
        say(&format!("hozen: {}", ended.text));
    }
    ended.code
}
