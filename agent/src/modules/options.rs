//! The options by which a run is given a module.

use std::path::PathBuf;

use clap::Args;
use hozen_collector::model::Digest;

/// Which LiME module a run may load.
#[derive(Debug, Clone, Default, Args)]
pub struct ModuleArgs {
    /// LiME module built for exactly this kernel, to read memory with; any other is refused, and the next way taken
    #[arg(long, value_name = "FILE", requires = "module_sha256")]
    pub module: Option<PathBuf>,
    /// SHA-256 that the module must have
    #[arg(long, value_name = "HEX", requires = "module")]
    pub module_sha256: Option<Digest>,
    /// Module store to take the module for this kernel from; --module goes before it [default: /usr/lib/hozen/modules, if it is there]
    #[arg(long, value_name = "DIR|S3")]
    pub modules: Option<PathBuf>,
    /// Public key (PEM) that must have signed the store's index [default: /etc/hozen/modules.pub]
    #[arg(long, value_name = "FILE")]
    pub modules_key: Option<PathBuf>,
}
