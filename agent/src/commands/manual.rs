//! `hozen manual`: manual pages and completions, made of the same words as `--help`.

use std::io;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use clap_complete::generate_to;
use clap_complete::shells::{Bash, Fish, Zsh};
use hozen_collector::model::escape;
use nix::sys::stat::Mode;

use super::print;
use crate::cli::{Cli, ManualArgs};
use crate::exit::Exit;
use crate::progress::say;

/// Writes the manual pages into `man` and the completions into `completions`, both below a new folder.
#[must_use]
pub fn manual(arguments: &ManualArgs) -> u8 {
    match write_all(&arguments.to) {
        Ok(()) => {
            print(&escape::path(&arguments.to));
            0
        }
        Err(error) => {
            say(&format!("hozen: {}: {error}", escape::path(&arguments.to)));
            Exit::Destination.into()
        }
    }
}

fn write_all(to: &Path) -> io::Result<()> {
    folder(to.to_owned())?;
    let pages = folder(to.join("man"))?;
    clap_mangen::generate_to(Cli::command(), pages)?;
    let completions = folder(to.join("completions"))?;
    // By their types: a choice at run time would bring along the shells that are left out.
    generate_to(Bash, &mut Cli::command(), "hozen", &completions)?;
    generate_to(Zsh, &mut Cli::command(), "hozen", &completions)?;
    generate_to(Fish, &mut Cli::command(), "hozen", &completions)?;
    Ok(())
}

/// Makes a folder that was not there, so that nothing in it can be somebody else's.
fn folder(path: PathBuf) -> io::Result<PathBuf> {
    nix::unistd::mkdir(&path, Mode::from_bits_truncate(0o755))?;
    Ok(path)
}
