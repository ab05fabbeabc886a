//! `hozen symbols`: what was collected of the kernel → a symbol file that Volatility 3 reads, with no debug package.
//!
//! ```text
//! evidence (archive, checked) → btf (types of kernel and modules) → isf (the document's types, each with a name)
//!                             → kallsyms or System.map, the KASLR offset taken off → table, with globals for types → write
//! ```
//!
//! **Invariant:** the evidence is only read; nothing but the two files below the output folder is written, and no file is overwritten.

mod btf;
mod evidence;
mod globals;
mod isf;
mod make;
mod map;
mod table;
mod write;

use std::path::{Path, PathBuf};

use crate::exit::Exit;

/// Why there is no symbol file.
#[derive(Debug)]
pub enum Failure {
    /// The arguments lead nowhere, or not to evidence.
    Arguments(anyhow::Error),
    /// The evidence is not what its records say.
    Altered(anyhow::Error),
    /// The evidence does not hold what it takes.
    Insufficient(anyhow::Error),
    /// The output is there already, or cannot be written.
    Output(anyhow::Error),
}

impl Failure {
    /// The process's exit code (docs/exit-codes.md).
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Arguments(_) => Exit::Usage.into(),
            Self::Altered(_) => 1,
            Self::Insufficient(_) => Exit::NoSymbols.into(),
            Self::Output(_) => Exit::Destination.into(),
        }
    }

    /// What is wrong, and what to do.
    #[must_use]
    pub fn error(&self) -> &anyhow::Error {
        match self {
            Self::Arguments(error) | Self::Altered(error) | Self::Insufficient(error) | Self::Output(error) => error,
        }
    }
}

/// A symbol file that was written.
#[derive(Debug)]
pub struct Written {
    /// The file.
    pub isf: PathBuf,
    /// What it was made of.
    pub provenance: PathBuf,
    /// How many structs and unions, enumerations, symbols, and symbols with a type it has.
    pub counts: Counts,
    /// What the reader of it should know.
    pub warnings: Vec<String>,
}

pub use make::Counts;

/// Makes a symbol file of the evidence in `folder` and writes it below `to`.
///
/// # Errors
/// When the evidence does not allow it, or the output is there already.
pub fn symbols(folder: &Path, to: &Path) -> Result<Written, Failure> {
    let collected = evidence::read(folder)?;
    let made = make::make(&collected)?;
    write::write(to, made)
}
