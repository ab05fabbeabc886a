//! The command line of `hozen modules`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use hozen_collector::model::modules::{Architecture, BuildId};

use crate::aws::options::NetworkArgs;

/// Options of `modules`.
#[derive(Debug, Args)]
#[command(after_help = MODULES_HELP)]
pub struct ModulesArgs {
    /// What to do with the store.
    #[command(subcommand)]
    pub command: ModulesCommand,
}

const MODULES_HELP: &str = "\
A module store is a folder: index.json, signed, says for which kernel each file in modules/ was built. It is filled on a
clean builder (packaging/lime/build-module.sh compiles LiME and calls `hozen modules add`), never on a suspect host, and
carried there, copied below s3://bucket/prefix (docs/module-store.md), or put into the package as /usr/lib/hozen/modules,
with the public key as /etc/hozen/modules.pub.
`hozen collect` trusts nothing in a store but what that key has signed.

Exit codes: 0 done; 1 refused, failed, or no module fits; 3 something could not be read; 40 wrong arguments.

Examples:
  hozen modules keygen --key modules.key                         once; keep modules.key away from suspect hosts
  hozen modules add --store modules --key modules.key lime.ko    on the builder
  hozen modules verify --store modules --modules-key modules.pub
  hozen modules match                                            on a host: which module fits, and why not if none does";

/// What to do with the store.
#[derive(Debug, Subcommand)]
pub enum ModulesCommand {
    /// List what is in a store, after its signature was checked.
    List(ListArgs),
    /// Add LiME modules to a store and sign its index again. For the builder, not for a suspect host.
    Add(Box<AddArgs>),
    /// Check a store: signature, digests, sizes, and that nothing else lies in it. Exit code 0 verified, 1 failed, 3 could not check.
    Verify(ListArgs),
    /// Say which module fits the running kernel, or another one, and why not if none does. Loads nothing.
    Match(MatchArgs),
    /// Make a key that signs the index of a store.
    Keygen(KeygenArgs),
}

/// Which store, and by whose word.
#[derive(Debug, Clone, Args)]
pub struct StoreArgs {
    /// The store: a folder, or s3://bucket/prefix
    #[arg(long, value_name = "DIR|S3", default_value = crate::modules::DEFAULT_STORE)]
    pub store: PathBuf,
    /// Public key (PEM) that must have signed its index
    #[arg(long, value_name = "FILE", default_value = crate::modules::DEFAULT_KEY)]
    pub modules_key: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// How the network is reached.
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Options of `modules list` and `modules verify`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// The store.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// Options of `modules add`.
#[derive(Debug, Args)]
#[command(after_help = ADD_HELP)]
pub struct AddArgs {
    /// Modules to add: LiME, for x86_64 or aarch64
    #[arg(value_name = "FILE.ko", required = true)]
    pub files: Vec<PathBuf>,
    /// The store: a folder, which is made if it does not exist
    #[arg(long, value_name = "DIR")]
    pub store: PathBuf,
    /// Signing key (PKCS#8 PEM, `hozen modules keygen`); the one that has signed the store so far
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// BUILD-ID of the kernel it was built for: no other build of the same release then fits. `hozen modules match` prints that of a host
    #[arg(long, value_name = "HEX")]
    pub build_id: Option<BuildId>,
    /// Release that the modules must be for (uname -r); any other is refused
    #[arg(long, value_name = "RELEASE")]
    pub release: Option<String>,
    /// Architecture that the modules must be for: x86_64 or aarch64; any other is refused
    #[arg(long, value_name = "ARCH")]
    pub arch: Option<Architecture>,
    /// How they were built, for people: compiler, options, packages
    #[arg(long, value_name = "TEXT", default_value = "not told")]
    pub built: String,
    /// Version of LiME, where the module itself does not say it
    #[arg(long, value_name = "TEXT")]
    pub lime_version: Option<String>,
    /// Take the place of a module for the same kernel
    #[arg(long)]
    pub replace: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

const ADD_HELP: &str = "\
All of the modules are added, or none. What is no ELF module, not LiME, for another machine, or in the store already is refused,
and so is a store whose index another key has signed. Files and index are written whole or not at all.

Example:
  hozen modules add --store modules --key modules.key --build-id 4f2b… --built 'gcc 12.2, -DLIME_DEBUG' lime.ko";

/// Options of `modules match`.
#[derive(Debug, Args)]
pub struct MatchArgs {
    /// The store.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Another kernel than the running one: its release (uname -r)
    #[arg(long, value_name = "RELEASE")]
    pub release: Option<String>,
    /// Architecture of that kernel [default: that of this program]
    #[arg(long, value_name = "ARCH", requires = "release")]
    pub arch: Option<Architecture>,
    /// BUILD-ID of that kernel [default: not known]
    #[arg(long, value_name = "HEX", requires = "release")]
    pub build_id: Option<BuildId>,
}

/// Options of `modules keygen`.
#[derive(Debug, Args)]
#[command(after_help = KEYGEN_HELP)]
pub struct KeygenArgs {
    /// Where to write the signing key: a new file, for its owner alone (mode 0600)
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// Where to write its public half: a new file [default: the same name with the ending .pub]
    #[arg(long, value_name = "FILE")]
    pub public: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

const KEYGEN_HELP: &str = "\
The key is Ed25519, as PKCS#8 PEM; openssl reads both halves (openssl pkey -in modules.key -pubout). Nothing is overwritten.
Whoever holds the signing key decides what code runs in the kernels of your hosts: keep it on the builder, or off-line.";
