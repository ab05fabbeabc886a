//! The command line: values only. Nothing is checked against the host here, and nothing is done.

mod bucket;
mod collect;
mod evidence;
pub mod modules;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use self::modules::ModulesArgs;
use crate::aws::options::NetworkArgs;

pub use bucket::{PresignArgs, PushArgs, SalvageArgs};
pub use collect::{CollectArgs, MemoryMode, PreflightArgs, ProfileName};
pub use evidence::{ExportArgs, SealArgs, SealKeyArgs, SymbolsArgs, VerifyArgs};

/// Collects forensic evidence from this Linux host into a sealed folder or a locked bucket that anyone can verify.
///
/// Start with `hozen preflight` (what can be had here?), then `sudo hozen collect --case ID`, then `hozen verify FOLDER`.
/// Nothing is executed on the host, nothing is written outside the destination, no kernel module is loaded but a LiME that you give or have signed.
#[derive(Debug, Parser)]
#[command(name = "hozen", version, max_term_width = 110)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Collect evidence from this host into a new folder or a locked bucket, sealed.
    Collect(Box<CollectArgs>),
    /// Say what can be collected here, and why not the rest; with --to, whether the bucket takes and locks it. Prints JSON.
    Preflight(Box<PreflightArgs>),
    /// Check a run in a folder or a bucket: signatures, custody chain, digests, counts, gaps. Exit code 0 verified, 1 failed, 2 incomplete,
    /// 3 could not check.
    Verify(Box<VerifyArgs>),
    /// Write evidence out for analysts' tools: plain images of memory, files at their paths, plain tables. Exit code 0 exported,
    /// 10 not all of it, 1, 2 and 3 as `verify`, 32 destination refused or full.
    Export(ExportArgs),
    /// Verify a run, away from the host, and countersign it: a seal is laid beside it. What does not verify is not sealed.
    Seal(Box<SealArgs>),
    /// Sign, away from the host, all requests of one run, so that the host needs no credentials: `collect --presigned`.
    Presign(Box<PresignArgs>),
    /// Copy a finished run in a folder, as --spool leaves one, into a bucket: unchanged, locked, begin record first.
    Push(Box<PushArgs>),
    /// Make objects of what a host that died left open in a bucket, and say so in a record beside the run.
    Salvage(Box<SalvageArgs>),
    /// Make a symbol file for Volatility 3 out of evidence, with no debug package.
    Symbols(SymbolsArgs),
    /// List what can be collected, in the order of a run.
    Artefacts(ArtefactsArgs),
    /// The store of LiME modules: list, add, verify, which one fits this kernel; a key to sign it with.
    Modules(Box<ModulesArgs>),
    /// Say which program this is: version, and with --verbose commit, compiler, target, and the SHA-256 of itself.
    Version(VersionArgs),
    /// Write the manual pages of all commands and the completions for bash, zsh and fish into a new folder. For packages.
    Manual(ManualArgs),
}

/// Options of `version`.
#[derive(Debug, Args)]
pub struct VersionArgs {
    /// Say also of what, by what and for what it was built, and the SHA-256 of the running program
    #[arg(long, short)]
    pub verbose: bool,
    /// Print all of that as JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `manual`.
#[derive(Debug, Args)]
pub struct ManualArgs {
    /// The folder, which must not be there yet; it gets `man` and `completions`
    #[arg(value_name = "DIR")]
    pub to: PathBuf,
}

/// Whose bucket is read, and how it is reached.
#[derive(Debug, Default, Clone, Args)]
pub struct ReadArgs {
    /// Account that must own the bucket: 12 digits
    #[arg(long, value_name = "ACCOUNT", help_heading = "Network")]
    pub bucket_owner: Option<String>,
    /// How the network is reached.
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Options of `artefacts`.
#[derive(Debug, Args)]
pub struct ArtefactsArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Print the table of docs/artefacts.md
    #[arg(long, conflicts_with = "json")]
    pub markdown: bool,
}
