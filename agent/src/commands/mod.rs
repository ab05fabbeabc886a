//! What each subcommand does: the glue between the command line and the rest.

mod artefacts;
mod bucket_check;
mod collect;
mod destination;
mod export;
mod inventory;
mod manual;
mod modules;
mod preflight;
mod presign;
mod push;
mod salvage;
mod seal;
mod summary;
mod symbols;
mod verify;
mod version;
mod way;

use std::process::ExitCode;

use crate::exit::Exit;
use crate::progress::say;
use crate::result::RunResult;

pub use artefacts::artefacts;
pub use collect::collect;
pub use export::export;
pub use manual::manual;
pub use modules::modules;
pub use preflight::preflight;
pub use presign::presign;
pub use push::push;
pub use salvage::salvage;
pub use seal::seal;
pub use symbols::symbols;
pub use verify::verify;
pub use version::version;

/// Answers a command line that cannot be understood, or one that asks for help.
///
/// `collect` owes its one line of JSON even then.
#[must_use]
pub fn usage(error: &clap::Error) -> ExitCode {
    // If nobody reads the help, nobody is there to tell.
    let _ = error.print();
    if !error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    match std::env::args_os().nth(1) {
        Some(command) if command == "collect" => {
            let text = error.to_string();
            let first: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).take(3).collect();
            RunResult::refused(Exit::Usage, &first.join(" ")).print();
            ExitCode::from(u8::from(Exit::Usage))
        }
        Some(command) if command == "verify" => ExitCode::from(3),
        Some(command) if command == "modules" && std::env::args_os().nth(2).is_some_and(|command| command == "verify") => {
            ExitCode::from(3)
        }
        _ => ExitCode::from(u8::from(Exit::Usage)),
    }
}

/// Prints `text` on stdout.
fn print(text: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
        say("hozen: stdout is closed");
    }
}
