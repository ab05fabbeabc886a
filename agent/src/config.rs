//! The configuration: TOML, from a file or from a parameter of Systems Manager.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, ensure};
use hozen_collector::host::read;
use hozen_collector::model::{CaseId, Digest, Profile, escape};
use hozen_collector::source::process_memory::Which;
use serde::Deserialize;

use crate::artefact_name::ArtefactName;
use crate::aws::options::NetworkArgs;
use crate::aws::parameter::{ParameterName, Read};
use crate::cli::MemoryMode;
use crate::s3::BucketArgs;
use crate::size::Size;
use crate::span::Span;
use crate::status;

/// The largest configuration file that is read, in bytes.
const MAX_CONFIG: u64 = 1 << 20;

/// The configuration: any option of `collect` but --config and --dry-run. `docs/hozen.toml` documents each.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    pub(crate) to: Option<PathBuf>,
    pub(crate) presigned: Option<PathBuf>,
    pub(crate) case: Option<CaseId>,
    pub(crate) profile: Option<Profile>,
    pub(crate) memory: Option<MemoryMode>,
    pub(crate) module: Option<PathBuf>,
    pub(crate) module_sha256: Option<Digest>,
    pub(crate) modules: Option<PathBuf>,
    pub(crate) modules_key: Option<PathBuf>,
    pub(crate) process_memory: Option<Which>,
    pub(crate) process_memory_limit: Option<Size>,
    pub(crate) process_memory_total: Option<Size>,
    pub(crate) deadline: Option<Span>,
    pub(crate) only: Option<Vec<ArtefactName>>,
    pub(crate) skip: Option<Vec<ArtefactName>>,
    pub(crate) artifacts: Option<Vec<PathBuf>>,
    pub(crate) definitions: Option<Vec<String>>,
    pub(crate) operator: Option<String>,
    pub(crate) reference: Option<String>,
    pub(crate) include_secrets: Option<bool>,
    pub(crate) unprivileged: Option<bool>,
    pub(crate) threads: Option<u8>,
    pub(crate) level: Option<u8>,
    pub(crate) status: Option<status::Place>,
    #[serde(default)]
    pub(crate) bucket: BucketArgs,
    #[serde(default)]
    pub(crate) network: NetworkArgs,
    /// Where it comes from, for the begin record; escaped text.
    #[serde(skip)]
    pub(crate) source: Option<String>,
}

/// Where a configuration is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source<'a> {
    /// In a file.
    File(&'a Path),
    /// In a parameter.
    Parameter(ParameterName),
}

impl<'a> Source<'a> {
    /// Whether what `--config` names is a parameter.
    #[must_use]
    pub fn is_parameter(argument: &Path) -> bool {
        argument.as_os_str().as_encoded_bytes().starts_with(b"ssm:")
    }

    /// What `--config` names: `ssm:/path` is a parameter, all else is a file.
    ///
    /// # Errors
    /// When it is to be a parameter and its name cannot be.
    pub fn new(argument: &'a Path) -> Result<Self> {
        if !Self::is_parameter(argument) {
            return Ok(Self::File(argument));
        }
        let name = argument.to_str().ok_or_else(|| anyhow!("the name of a parameter is ASCII"))?;
        Ok(Self::Parameter(name.parse().map_err(anyhow::Error::msg).context("--config")?))
    }
}

impl Config {
    /// Parses TOML; the error says line and column.
    ///
    /// # Errors
    /// When it is not TOML, or holds an unknown option or a value that cannot be.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    /// When it cannot be read, or is wrong.
    pub fn file(path: &Path) -> Result<Self> {
        let shown = escape::path(path);
        // Opened as a handle first: a FIFO or a device would block us or worse.
        let opened = read::open_magic(nix::fcntl::AT_FDCWD, path);
        let (fd, _) = opened.map_err(|reason| anyhow!("cannot open the configuration file {shown}: {reason}"))?;
        let mut text = String::new();
        let reading = read::FdReader(fd).take(MAX_CONFIG).read_to_string(&mut text);
        ensure!(text.len() < 1 << 20, "the configuration file {shown} has a megabyte or more; it cannot be meant");
        reading.with_context(|| format!("cannot read the configuration file {shown}"))?;
        let config = Self::parse(&text).with_context(|| format!("the configuration file {shown} is wrong"))?;
        Ok(Self { source: Some(shown), ..config })
    }

    /// What the parameter `name` holds, which has been read.
    ///
    /// # Errors
    /// When it is wrong.
    pub fn parameter(name: &ParameterName, read: &Read) -> Result<Self> {
        let config = Self::parse(&read.value).with_context(|| format!("the configuration in the parameter {name} is wrong"))?;
        Ok(Self { source: Some(name.at(read.version)), ..config })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_told_from_a_file() {
        let source = |text: &'static str| Source::new(Path::new(text));
        assert_eq!(source("./ssm:/x").unwrap(), Source::File(Path::new("./ssm:/x")));
        assert!(matches!(source("ssm:/hozen/profile/full"), Ok(Source::Parameter(_))));
        assert!(source("ssm:hozen").is_err() && source("ssm:").is_err());
    }

    #[test]
    fn a_parameter_holds_what_a_file_holds_and_its_version_is_known() {
        let name: ParameterName = "ssm:/hozen/profile/full".parse().unwrap();
        let read = |text: &str| Read { value: text.to_owned(), version: 3 };
        let config = Config::parameter(&name, &read("case = \"IR-1\"\n[network]\nregion = \"eu-central-1\"\n")).unwrap();
        assert_eq!(config.source.as_deref(), Some("ssm:/hozen/profile/full:3"));
        assert_eq!((config.case, config.network.region.as_deref()), (Some("IR-1".parse().unwrap()), Some("eu-central-1")));
        let wrong = format!("{:#}", Config::parameter(&name, &read("cases = 1")).unwrap_err());
        assert!(wrong.contains("ssm:/hozen/profile/full") && wrong.contains("line 1, column 1"), "{wrong}");
    }

    #[test]
    fn a_wrong_configuration_says_where() {
        for (text, place) in [
            ("case = \"a\"\nprofil = \"full\"\n", "line 2, column 1"),
            ("case = \"a/b\"\n", "line 1, column 8"),
            ("\n\nlevel = \"x\"\n", "line 3, column 9"),
            ("deadline = \"0s\"\n", "line 1, column 12"),
            ("case = \n", "line 1"),
            ("only = [\"context\", \"contxt\"]\n", "line 1, column 8"),
            ("status = \"/hozen\"\n", "line 1, column 10"),
        ] {
            let error = Config::parse(text).unwrap_err().to_string();
            assert!(error.contains(place), "{text:?}: {error}");
        }
    }
}
