//! The `hozen` command.

use std::process::ExitCode;

use clap::Parser as _;
use hozen::cli::{Cli, Command};
use hozen::commands;
use hozen::exit::Exit;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return commands::usage(&error),
    };
    // `collect` catches its own panics, because it owes a line of JSON; the others owe an exit code that means a bug.
    let code = std::panic::catch_unwind(|| run(&cli.command)).unwrap_or_else(|_| Exit::Bug.into());
    ExitCode::from(code)
}

fn run(command: &Command) -> u8 {
    match command {
        Command::Collect(arguments) => commands::collect(arguments),
        Command::Preflight(arguments) => commands::preflight(arguments),
        Command::Verify(arguments) => commands::verify(arguments),
        Command::Export(arguments) => commands::export(arguments),
        Command::Seal(arguments) => commands::seal(arguments),
        Command::Symbols(arguments) => commands::symbols(arguments),
        Command::Presign(arguments) => commands::presign(arguments),
        Command::Push(arguments) => commands::push(arguments),
        Command::Salvage(arguments) => commands::salvage(arguments),
        Command::Artefacts(arguments) => commands::artefacts(arguments),
        Command::Modules(arguments) => commands::modules(&arguments.command),
        Command::Version(arguments) => commands::version(arguments),
        Command::Manual(arguments) => commands::manual(arguments),
    }
}
