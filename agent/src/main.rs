//! The `hozen` command.

use std::process::ExitCode;

use clap::Parser as _;
use hozen::cli::{Cli, Command};
use hozen::commands;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return commands::usage(&error),
    };
    let code = match cli.command {
        Command::Collect(arguments) => commands::collect(&arguments),
        Command::Preflight(arguments) => commands::preflight(&arguments),
        Command::Verify(arguments) => commands::verify(&arguments),
        Command::Artefacts(arguments) => commands::artefacts(&arguments),
    };
    ExitCode::from(code)
}
