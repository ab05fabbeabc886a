//! What a run is asked to do: the command line over the configuration file over the defaults, checked.

mod choice;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, ensure};
use hozen_collector::model::{CaseId, Profile, escape};
use hozen_collector::source::catalogue;
use hozen_collector::source::memory::{Method, Offer};
use hozen_collector::source::process_memory::ProcessMemory;
use hozen_collector::source::user_files::UserFiles;
use hozen_collector::stream::{DEFAULT_LEVEL, Engine, SEGMENT};
use serde_json::{Value, json};

use crate::artefact_name::ArtefactName;
use crate::artifacts;
use crate::aws::options::NetworkArgs;
use crate::cli::{CollectArgs, MemoryMode};
use crate::config::{Config, Source};
use crate::modules::{ModuleArgs, Wanted};
use crate::s3::presigned::{self, Beside, List};
use crate::s3::{self, BucketOptions, BucketUri};
use crate::size::Size;
use crate::span::Span;
use crate::status;

/// What a run is asked to do.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Destination as it was given; `None` for the default.
    pub to: Option<PathBuf>,
    /// The bucket, where the destination is one.
    pub place: Option<BucketUri>,
    /// The list of presigned requests that the run goes by, where it has no credentials.
    pub presigned: Option<Arc<List>>,
    /// How objects are put into the bucket.
    pub bucket: BucketOptions,
    /// Folder for the whole run where the bucket takes nothing.
    pub spool: Option<PathBuf>,
    /// How the network is reached.
    pub network: NetworkArgs,
    /// Case.
    pub case: CaseId,
    /// Profile.
    pub profile: Profile,
    /// Way to memory; `None` where nobody asked and the profile decides.
    pub memory: Option<MemoryMode>,
    /// Where a LiME module that may be loaded comes from.
    pub module: Wanted,
    /// Whose memory is taken by itself, and how much of it.
    pub process_memory: ProcessMemory,
    /// When the run must end.
    pub deadline: Span,
    /// Artefacts to collect alone; empty for all.
    pub only: Vec<ArtefactName>,
    /// Artefacts to leave out.
    pub skip: Vec<ArtefactName>,
    /// Definitions of files that are collected besides.
    pub user_files: UserFiles,
    /// The files and folders of definitions as they were given; escaped text.
    pub artifacts: Vec<String>,
    /// Who collects.
    pub operator: Option<String>,
    /// Ticket or legal ground.
    pub reference: Option<String>,
    /// Whether secrets are kept.
    pub include_secrets: bool,
    /// Whether to go on without root.
    pub unprivileged: bool,
    /// Threads that compress.
    pub threads: u8,
    /// zstd level.
    pub level: u8,
    /// Content bytes of a segment of an image, at most: [`SEGMENT`] in every run that a command starts.
    pub segment: u64,
    /// Where the run says how it goes.
    pub status: Option<status::Place>,
    /// Where the configuration came from; escaped text.
    pub config: Option<String>,
}

impl Settings {
    /// Merges and checks.
    ///
    /// # Errors
    /// When a value cannot be; the message says what to do.
    pub fn new(arguments: &CollectArgs, mut config: Config) -> Result<Self> {
        let module = wanted_module(arguments, &mut config)?;
        let process_memory = process_memory(arguments, &config);
        let files = either(&arguments.artifacts, config.artifacts);
        let names = either(&arguments.definitions, config.definitions);
        let include_secrets = arguments.include_secrets || config.include_secrets.unwrap_or(false);
        let threads = u8::try_from(Engine::default_workers()).unwrap_or(1);
        let to = arguments.to.clone().or(config.to);
        let bucket = arguments.bucket.clone().over(config.bucket);
        let network = arguments.network.clone().over(config.network);
        let case = arguments.case.clone().or(config.case);
        let status = arguments.status.clone().or(config.status);
        let others = status.is_some() || module.is_in_bucket() || arguments.config.as_deref().is_some_and(Source::is_parameter);
        let signed = signed(arguments, config.presigned, others)?;
        let options = bucket.check().map_err(anyhow::Error::msg)?;
        let settings = Self {
            place: match &signed {
                Some(list) => Some(list.place.clone()),
                None => to.as_deref().map(destination).transpose()?.flatten(),
            },
            to: to.filter(|_| signed.is_none()),
            bucket: signed.as_ref().map_or_else(|| options.clone(), |list| list.options(options.parallel, options.max_bandwidth)),
            spool: bucket.spool,
            network: NetworkArgs {
                region: network.region.clone().or(signed.as_ref().map(|list| list.region().to_owned())),
                ..network
            },
            presigned: signed.clone(),
            case: signed.map(|list| list.case.clone()).or(case).map_or_else(|| "unassigned".parse(), Ok)?,
            profile: arguments.profile.map(Profile::from).or(config.profile).unwrap_or_default(),
            memory: arguments.memory.or(config.memory),
            module,
            process_memory,
            deadline: arguments.deadline.or(config.deadline).map_or_else(|| "30m".parse(), Ok).map_err(anyhow::Error::msg)?,
            only: either(&arguments.only, config.only),
            skip: either(&arguments.skip, config.skip),
            user_files: UserFiles { definitions: artifacts::read(&files, &names)?, include_secrets },
            artifacts: files.iter().map(|path| escape::path(path)).collect(),
            operator: arguments.operator.clone().or(config.operator),
            reference: arguments.reference.clone().or(config.reference),
            include_secrets,
            unprivileged: arguments.unprivileged || config.unprivileged.unwrap_or(false),
            threads: arguments.threads.or(config.threads).unwrap_or(threads),
            status,
            config: config.source,
            level: arguments.level.or(config.level).unwrap_or(u8::try_from(DEFAULT_LEVEL).unwrap_or(1)),
            segment: SEGMENT,
        };
        settings.check()
    }

    fn check(self) -> Result<Self> {
        self.check_contradictions()?;
        ensure!((1..=4).contains(&self.threads), "--threads is {}; it must be 1 to 4", self.threads);
        ensure!((1..=19).contains(&self.level), "--level is {}; it must be 1 to 19", self.level);
        for text in [&self.operator, &self.reference].into_iter().flatten() {
            ensure!(text.len() <= 1000, "--operator and --reference take at most 1000 bytes, one of them has {}", text.len());
        }
        if let Some(to) = &self.to {
            ensure!(!to.as_os_str().is_empty(), "--to is empty; name a folder");
        }
        ensure!(
            self.spool.is_none() || self.place.is_some(),
            "--spool is for a run into a bucket; the run goes into a folder as it is"
        );
        ensure!(
            self.bucket.max_bandwidth.is_none() || self.place.is_some(),
            "--max-bandwidth limits what is sent to a bucket; this run goes into a folder, and nothing is sent"
        );
        self.network.check().map_err(anyhow::Error::msg)?;
        Ok(self)
    }

    /// What the sources are asked for, with this offer of a LiME module.
    #[must_use]
    pub fn catalogue(&self, module: Offer) -> catalogue::Options {
        let memory = match self.memory {
            Some(MemoryMode::Lime) => Method::Lime,
            Some(MemoryMode::Kcore) => Method::Kcore,
            Some(MemoryMode::Crash) => Method::Crash,
            Some(MemoryMode::Mem) => Method::Mem,
            _ => Method::Auto,
        };
        catalogue::Options {
            include_secrets: self.include_secrets,
            thorough: self.profile == Profile::Full,
            memory,
            module,
            process_memory: self.process_memory.clone(),
            user_files: self.user_files.clone(),
        }
    }

    /// The options in force, for the begin record.
    #[must_use]
    pub fn record(&self) -> BTreeMap<String, Value> {
        let memory = match self.memory {
            Some(mode) => json!(mode),
            None if self.wants_memory() => json!("auto"),
            None => json!("off"),
        };
        let path = |path: &Option<PathBuf>| json!(path.as_deref().map(escape::path));
        BTreeMap::from([
            ("profile".to_owned(), json!(self.profile)),
            ("memory".to_owned(), memory),
            ("module_sha256".to_owned(), json!(self.module.file.as_ref().map(|(_, sha256)| sha256))),
            ("modules".to_owned(), json!(self.module.store.as_ref().map(ToString::to_string))),
            ("modules_key".to_owned(), path(&self.module.key)),
            ("process_memory".to_owned(), json!(self.process_memory.which)),
            ("process_memory_limit".to_owned(), json!(self.process_memory.process_limit)),
            ("process_memory_total".to_owned(), json!(self.process_memory.total_limit)),
            ("deadline_ms".to_owned(), json!(self.deadline.milliseconds())),
            ("only".to_owned(), json!(self.only)),
            ("skip".to_owned(), json!(self.skip)),
            ("artifacts".to_owned(), json!(self.artifacts)),
            ("include_secrets".to_owned(), json!(self.include_secrets)),
            ("unprivileged".to_owned(), json!(self.unprivileged)),
            ("threads".to_owned(), json!(self.threads)),
            ("level".to_owned(), json!(self.level)),
            ("status".to_owned(), json!(self.status)),
            ("config".to_owned(), json!(self.config)),
        ])
    }
}

/// Where a LiME module may come from; what the file says of it is taken out.
fn wanted_module(arguments: &CollectArgs, config: &mut Config) -> Result<Wanted> {
    let given = arguments.lime.clone();
    Wanted::new(&ModuleArgs {
        module: given.module.or(config.module.take()),
        module_sha256: given.module_sha256.or(config.module_sha256),
        modules: given.modules.or(config.modules.take()),
        modules_key: given.modules_key.or(config.modules_key.take()),
    })
}

/// Whose memory is taken by itself, and how much of it.
fn process_memory(arguments: &CollectArgs, config: &Config) -> ProcessMemory {
    let usual = ProcessMemory::default();
    let limit = |given: Option<Size>, usual: u64| given.map_or(usual, Size::bytes);
    ProcessMemory {
        which: arguments.process_memory.clone().or_else(|| config.process_memory.clone()).unwrap_or_default(),
        process_limit: limit(arguments.process_memory_limit.or(config.process_memory_limit), usual.process_limit),
        total_limit: limit(arguments.process_memory_total.or(config.process_memory_total), usual.total_limit),
    }
}

/// What the command line gives, or else the file.
fn either<T: Clone>(given: &[T], file: Option<Vec<T>>) -> Vec<T> {
    if given.is_empty() { file.unwrap_or_default() } else { given.to_vec() }
}

/// The list of presigned requests that is to be used; `others` says whether anything besides it needs credentials.
fn signed(arguments: &CollectArgs, config: Option<PathBuf>, others: bool) -> Result<Option<Arc<List>>> {
    let (bucket, network) = (&arguments.bucket, &arguments.network);
    let beside = Beside { bucket, network, to: arguments.to.is_some(), case: arguments.case.as_ref(), others };
    let path = arguments.presigned.clone().or(config);
    path.map(|path| presigned::read(&path, &beside)).transpose().map_err(anyhow::Error::msg)
}

/// A destination that begins like a place in a bucket and is none: refused as a destination is, and not as a word out of place.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(String);

/// The bucket that a run is to go to; `None` where it is a folder.
fn destination(to: &Path) -> Result<Option<BucketUri>> {
    s3::place(to)
        .map_err(|error| if s3::is_meant_as_bucket(to) { Malformed(format!("--to: {error}")).into() } else { error.into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::MEMORY;
    use crate::s3::BucketArgs;
    use hozen_collector::model::Digest;
    use hozen_collector::source::process_memory::Which;

    pub(super) fn new(arguments: &CollectArgs) -> Result<Settings> {
        Settings::new(arguments, Config::default())
    }

    pub(super) fn settings(change: impl FnOnce(&mut CollectArgs)) -> Settings {
        let mut arguments = CollectArgs::default();
        change(&mut arguments);
        new(&arguments).unwrap()
    }

    #[test]
    fn the_documented_configuration_holds_every_option_and_the_defaults() {
        let text = include_str!("../../docs/hozen.toml");
        let live: String =
            text.lines().map(|line| line.strip_prefix("#= ").unwrap_or(line)).map(|line| format!("{line}\n")).collect();
        let config = Config::parse(&live).unwrap();
        let given = [config.to.is_some(), config.case.is_some(), config.profile.is_some(), config.memory.is_some()];
        assert!(given.iter().all(|given| *given));
        assert_eq!(config.deadline, Some("30m".parse().unwrap()));
        assert_eq!((config.level, config.include_secrets, config.unprivileged), (Some(1), Some(false), Some(false)));
        assert!(config.only.is_some() && config.skip.is_some() && config.operator.is_some() && config.reference.is_some());
        let usual = ProcessMemory::default();
        let sizes = [config.process_memory_limit, config.process_memory_total].map(|size| size.unwrap().bytes());
        assert_eq!((config.process_memory, sizes), (Some(Which::Nobody), [usual.process_limit, usual.total_limit]));
        assert!(config.threads.is_some() && config.module.is_some() && config.module_sha256.is_some());
        assert!(config.modules.is_some() && config.modules_key.is_some() && config.status.is_some());
        let (bucket, network) = (config.bucket, config.network);
        assert!(
            bucket.retain_days.is_some() && bucket.kms_key.is_some() && bucket.bucket_owner.is_some() && bucket.spool.is_some()
        );
        let defaults = BucketArgs::default().check().unwrap();
        assert!(config.presigned.is_some() && bucket.max_bandwidth.is_some());
        let told = BucketArgs { retain_days: None, kms_key: None, bucket_owner: None, max_bandwidth: None, ..bucket };
        let told = told.check().unwrap();
        assert_eq!(told, defaults);
        assert!(network.region.is_some() && network.endpoint_url.is_some() && network.ssm_endpoint_url.is_some());
        assert!(network.kms_endpoint_url.is_some() && network.ca_bundle.is_some() && network.credentials.is_some());
        let timing = crate::s3::Timing::default();
        assert_eq!(network.retry_for.map(Span::duration), Some(timing.retry_for));
    }

    #[test]
    fn a_bucket_is_told_from_a_folder() {
        let to = |text: &str| new(&CollectArgs { to: Some(PathBuf::from(text)), ..CollectArgs::default() });
        assert_eq!(to("s3://evidence/cases").unwrap().place.unwrap().to_string(), "s3://evidence/cases");
        assert_eq!(to("./s3").unwrap().place, None);
        for wrong in ["s3:/evidence", "S3://evidence", "s3://ev//x", "https://evidence/x", ""] {
            assert!(to(wrong).is_err(), "{wrong}");
        }
        let spool =
            CollectArgs { bucket: BucketArgs { spool: Some("x".into()), ..BucketArgs::default() }, ..CollectArgs::default() };
        assert!(new(&spool).unwrap_err().to_string().contains("--spool"));
        let limited = BucketArgs { max_bandwidth: Some("1MiB".parse().unwrap()), ..BucketArgs::default() };
        let limited =
            |to: Option<&str>| new(&CollectArgs { to: to.map(PathBuf::from), bucket: limited.clone(), ..CollectArgs::default() });
        assert_eq!(limited(Some("s3://evidence/cases")).unwrap().bucket.max_bandwidth, Some(1 << 20));
        for folder in [None, Some("./folder")] {
            assert!(limited(folder).unwrap_err().to_string().contains("--max-bandwidth"));
        }
    }

    #[test]
    fn a_module_needs_its_digest_and_is_looked_for_only_where_it_can_be_of_use() {
        let lime = ModuleArgs { module: Some("/nonexistent/lime.ko".into()), ..ModuleArgs::default() };
        let alone = CollectArgs { lime: lime.clone(), ..CollectArgs::default() };
        assert!(new(&alone).unwrap_err().to_string().contains("--module-sha256"));
        let given = settings(|a| a.lime = ModuleArgs { module_sha256: Some(Digest::of(b"")), ..lime });
        assert!(given.may_load_module() && given.module.file.is_some());
        assert!(settings(|_| ()).may_load_module());
        for mode in [MemoryMode::Kcore, MemoryMode::Crash, MemoryMode::Mem, MemoryMode::Off] {
            assert!(!settings(|a| a.memory = Some(mode)).may_load_module());
        }
        assert!(!settings(|a| a.skip = vec![MEMORY.parse().unwrap()]).may_load_module());
        assert!(!settings(|a| a.only = vec!["context".parse().unwrap()]).may_load_module());
        assert!(!settings(|a| a.profile = Some(crate::cli::ProfileName::Volatile)).may_load_module());
    }

    #[test]
    fn a_store_is_a_folder_or_in_a_bucket() {
        let store = |store: &str| {
            let lime = ModuleArgs { modules: Some(store.into()), ..ModuleArgs::default() };
            new(&CollectArgs { lime, ..CollectArgs::default() })
        };
        assert_eq!(store("s3://bucket/modules").unwrap().record()["modules"], "s3://bucket/modules");
        assert!(format!("{:#}", store("").unwrap_err()).contains("--modules"));
        assert!(store("s3://bucket//x").is_err());
    }
}
