//! What a run is asked to do: the command line over the configuration file over the defaults, checked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use hozen_collector::model::{Artefact, CaseId, Profile, escape, glob};
use hozen_collector::source::catalogue;
use hozen_collector::source::memory::{Method, Offer};
use hozen_collector::source::process_memory::{self, ProcessMemory, Which};
use hozen_collector::source::user_files::{self, UserFiles};
use hozen_collector::stream::{DEFAULT_LEVEL, Engine};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::artifacts;
use crate::aws::options::NetworkArgs;
use crate::cli::modules::ModuleArgs;
use crate::cli::{CollectArgs, MemoryMode};
use crate::config::{Config, Source};
use crate::exit::MEMORY;
use crate::modules::Wanted;
use crate::s3::presigned::{self, Beside, List};
use crate::s3::{BucketOptions, BucketUri};
use crate::size::Size;
use crate::status;

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;

/// A length of time, written `90s`, `30m`, `2h` or `1d` (or in `ms`). Never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(Duration);

impl Span {
    /// The length.
    #[must_use]
    pub fn duration(self) -> Duration {
        self.0
    }

    /// The length in milliseconds.
    #[must_use]
    pub fn milliseconds(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
}

impl FromStr for Span {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a length of time; write 90s, 30m, 2h or 1d");
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = match text.strip_prefix(digits).unwrap_or_default() {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => DAY_MS,
            _ => return Err(wrong()),
        };
        let count: u64 = digits.parse().map_err(|_| wrong())?;
        match count.checked_mul(unit) {
            Some(0) => {
                Err("a deadline of 0 leaves no time for anything; write how long the run may take, such as 30m".to_owned())
            }
            Some(milliseconds) if milliseconds <= 30 * DAY_MS => Ok(Self(Duration::from_millis(milliseconds))),
            _ => Err(format!("{text:?} is too long; the most is 30d")),
        }
    }
}

impl TryFrom<String> for Span {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        format!("{}ms", span.milliseconds())
    }
}

/// The name of an artefact of the catalogue, or a glob of such names (`*`, `?`) that at least one of them matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ArtefactName(String);

impl ArtefactName {
    /// Whether it means the artefact `name`.
    fn means(&self, name: &str) -> bool {
        glob::matches(self.0.as_bytes(), name.as_bytes())
    }

    /// Whether it is one name, and not a glob, and so asks for this artefact whatever the profile.
    fn is(&self, name: &str) -> bool {
        self.0 == name
    }
}

impl FromStr for ArtefactName {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let given = Self(text.to_owned());
        let names: Vec<&str> = catalogue::artefacts().iter().map(|artefact| artefact.name).collect();
        // Globs of names have fewer signs than globs of files.
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'*' | b'?');
        let is_plain = text.bytes().all(plain);
        if is_plain && names.iter().any(|name| given.means(name)) {
            return Ok(given);
        }
        let names = names.join(", ");
        Err(if !is_plain {
            format!("{text:?} is neither a name nor a glob of names, which take letters, _, * and ? only; there are: {names}")
        } else if text.contains(['*', '?']) {
            format!("no artefact matches {text:?}; there are: {names}")
        } else {
            format!("there is no artefact {text:?}; there are: {names}")
        })
    }
}

impl TryFrom<String> for ArtefactName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ArtefactName> for String {
    fn from(name: ArtefactName) -> Self {
        name.0
    }
}

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
    pub fn new(arguments: &CollectArgs, config: Config) -> Result<Self> {
        let files = either(&arguments.artifacts, config.artifacts);
        let names = either(&arguments.definitions, config.definitions);
        let include_secrets = arguments.include_secrets || config.include_secrets.unwrap_or(false);
        let usual = ProcessMemory::default();
        let limit = |given: Option<Size>, usual: u64| given.map_or(usual, Size::bytes);
        let threads = u8::try_from(Engine::default_workers()).unwrap_or(1);
        let to = arguments.to.clone().or(config.to);
        let bucket = arguments.bucket.clone().over(config.bucket);
        let network = arguments.network.clone().over(config.network);
        let case = arguments.case.clone().or(config.case);
        let module = Wanted::new(&ModuleArgs {
            module: arguments.lime.module.clone().or(config.module),
            module_sha256: arguments.lime.module_sha256.or(config.module_sha256),
            modules: arguments.lime.modules.clone().or(config.modules),
            modules_key: arguments.lime.modules_key.clone().or(config.modules_key),
        })?;
        let status = arguments.status.clone().or(config.status);
        let others = status.is_some() || module.is_in_bucket() || arguments.config.as_deref().is_some_and(Source::is_parameter);
        let signed = signed(arguments, config.presigned, others)?;
        let options = bucket.check().map_err(anyhow::Error::msg)?;
        let settings = Self {
            place: match &signed {
                Some(list) => Some(list.place.clone()),
                None => to.as_deref().map(place).transpose()?.flatten(),
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
            process_memory: ProcessMemory {
                which: arguments.process_memory.clone().or(config.process_memory).unwrap_or_default(),
                process_limit: limit(arguments.process_memory_limit.or(config.process_memory_limit), usual.process_limit),
                total_limit: limit(arguments.process_memory_total.or(config.process_memory_total), usual.total_limit),
            },
            deadline: arguments.deadline.or(config.deadline).map_or_else(|| "30m".parse(), Ok).map_err(anyhow::Error::msg)?,
            only: either(&arguments.only, config.only),
            skip: either(&arguments.skip, config.skip),
            user_files: UserFiles { definitions: artifacts::read(&files, &names)?, include_secrets },
            artifacts: files.iter().map(|path| escape::bytes(path.as_os_str().as_encoded_bytes())).collect(),
            operator: arguments.operator.clone().or(config.operator),
            reference: arguments.reference.clone().or(config.reference),
            include_secrets,
            unprivileged: arguments.unprivileged || config.unprivileged.unwrap_or(false),
            threads: arguments.threads.or(config.threads).unwrap_or(threads),
            status,
            config: config.source,
            level: arguments.level.or(config.level).unwrap_or(u8::try_from(DEFAULT_LEVEL).unwrap_or(1)),
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

    /// Whether an image of memory is wanted.
    #[must_use]
    pub fn wants_memory(&self) -> bool {
        match self.memory {
            Some(mode) => mode != MemoryMode::Off,
            None => self.profile != Profile::Volatile,
        }
    }

    /// Whether the plan has a use for a kernel module, so that one may be looked for and loaded.
    #[must_use]
    pub fn may_load_module(&self) -> bool {
        let planned = self.skip.iter().all(|name| !name.means(MEMORY));
        let planned = planned && (self.only.is_empty() || self.only.iter().any(|name| name.means(MEMORY)));
        planned && self.wants_memory() && self.memory != Some(MemoryMode::Kcore)
    }

    /// Whether one way to memory was asked for by name.
    #[must_use]
    pub fn names_memory_method(&self) -> bool {
        matches!(self.memory, Some(MemoryMode::Lime | MemoryMode::Kcore))
    }

    /// Why `artefact` is left out, if it is.
    #[must_use]
    pub fn skip_reason(&self, artefact: &Artefact) -> Option<String> {
        let named = |list: &[ArtefactName]| list.iter().any(|name| name.means(artefact.name));
        if named(&self.skip) {
            return Some("left out by --skip".to_owned());
        }
        if !self.only.is_empty() && !named(&self.only) {
            return Some("not named by --only".to_owned());
        }
        if artefact.name == MEMORY && !self.wants_memory() {
            let why = if self.memory.is_some() {
                "--memory off"
            } else {
                "profile volatile takes no memory image; --memory auto asks for one"
            };
            return Some(why.to_owned());
        }
        if artefact.name == process_memory::ARTEFACT.name && self.process_memory.which == Which::Nobody {
            return Some("taken only of processes that --process-memory names".to_owned());
        }
        if artefact.name == user_files::ARTEFACT.name && self.user_files.definitions.is_empty() {
            return Some("taken only where --artifacts names definitions".to_owned());
        }
        // A name asks for what a larger profile has; a glob means those of the profile.
        let beyond = artefact.profile > self.profile && !self.only.iter().any(|name| name.is(artefact.name));
        beyond.then(|| format!("belongs to profile {}", word(artefact.profile)))
    }

    /// Refuses contradictions between `--only`, `--skip` and `--memory off`.
    fn check_contradictions(&self) -> Result<()> {
        if let Some(name) = self.only.iter().find(|name| self.skip.contains(name)) {
            bail!("{} is named by both --only and --skip; take it out of one of them", name.0);
        }
        let named = |list: &[ArtefactName], name: &str| list.iter().any(|one| one.means(name));
        ensure!(
            catalogue::artefacts()
                .iter()
                .any(|one| { (self.only.is_empty() || named(&self.only, one.name)) && !named(&self.skip, one.name) }),
            "--skip leaves out all that would be collected; take something out of it"
        );
        ensure!(
            !self.only.iter().any(|name| name.is(MEMORY)) || self.wants_memory(),
            "--only names memory, but no memory image is wanted; give --memory auto"
        );
        let name = process_memory::ARTEFACT.name;
        ensure!(
            !self.only.iter().any(|only| only.is(name)) || self.process_memory.which != Which::Nobody,
            "--only names {name}, but no process is named; give --process-memory PID, all or suspicious"
        );
        let name = user_files::ARTEFACT.name;
        ensure!(
            !self.only.iter().any(|only| only.is(name)) || !self.user_files.definitions.is_empty(),
            "--only names {name}, but no definitions are given; give --artifacts FILE"
        );
        Ok(())
    }

    /// What the sources are asked for, with this offer of a LiME module.
    #[must_use]
    pub fn catalogue(&self, module: Offer) -> catalogue::Options {
        let memory = match self.memory {
            Some(MemoryMode::Lime) => Method::Lime,
            Some(MemoryMode::Kcore) => Method::Kcore,
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
        let path = |path: &Option<PathBuf>| json!(path.as_ref().map(|path| escape::bytes(path.as_os_str().as_encoded_bytes())));
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

/// The bucket that `to` names; `None` where it is a folder.
pub(crate) fn place(to: &Path) -> Result<Option<BucketUri>> {
    let bytes = to.as_os_str().as_encoded_bytes();
    let lower = bytes.to_ascii_lowercase();
    if !lower.starts_with(b"s3:") {
        ensure!(
            !lower.windows(3).any(|window| window == b"://"),
            "{} is neither a folder nor a place in a bucket; write s3://bucket/prefix",
            escape::bytes(bytes)
        );
        return Ok(None);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| anyhow::anyhow!("the place is not text; write s3://bucket/prefix"))?;
    Ok(Some(text.parse()?))
}

fn word(profile: Profile) -> &'static str {
    match profile {
        Profile::Volatile => "volatile",
        Profile::Triage => "triage",
        Profile::Full => "full",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::BucketArgs;
    use hozen_collector::model::{Category, Digest};

    fn artefact(name: &'static str, profile: Profile) -> Artefact {
        Artefact {
            name,
            category: Category::System,
            profile,
            budget: Duration::from_secs(1),
            budget_bytes: None,
            source: "",
            about: "",
            tables: &[],
        }
    }

    fn new(arguments: &CollectArgs) -> Result<Settings> {
        Settings::new(arguments, Config::default())
    }

    fn settings(change: impl FnOnce(&mut CollectArgs)) -> Settings {
        let mut arguments = CollectArgs::default();
        change(&mut arguments);
        new(&arguments).unwrap()
    }

    #[test]
    fn spans_are_read_and_zero_is_refused() {
        assert_eq!("90s".parse::<Span>().unwrap().milliseconds(), 90_000);
        assert_eq!("2h".parse::<Span>().unwrap().milliseconds(), 7_200_000);
        for wrong in ["", "0s", "0m", "5", "m", "-1s", "1.5h", "1w", "99999999999999999999s", "31d", "5 m"] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong}");
        }
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
        for mode in [MemoryMode::Kcore, MemoryMode::Off] {
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

    #[test]
    fn names_are_checked() {
        let name = |text: &str| text.parse::<ArtefactName>().unwrap();
        assert!("contxt".parse::<ArtefactName>().unwrap_err().contains("there are: context, "));
        let error = |only: &[&str], skip: &[&str], memory| {
            let (only, skip) = (only.iter().map(|n| name(n)).collect(), skip.iter().map(|n| name(n)).collect());
            new(&CollectArgs { only, skip, memory, ..CollectArgs::default() }).unwrap_err().to_string()
        };
        assert!(error(&["context"], &["context"], None).contains("both"));
        assert!(error(&[MEMORY], &[], Some(MemoryMode::Off)).contains("--memory auto"));
        assert!(error(&["process_memory"], &[], None).contains("--process-memory"));
    }

    #[test]
    fn names_and_globs_choose_artefacts_and_what_means_none_is_refused() {
        let plan = |only: &[&str], skip: &[&str]| {
            let names = |list: &[&str]| list.iter().map(|name| name.parse().unwrap()).collect::<Vec<ArtefactName>>();
            let mut arguments = CollectArgs { only: names(only), skip: names(skip), ..CollectArgs::default() };
            arguments.memory = Some(MemoryMode::Auto);
            let settings = new(&arguments)?;
            let artefacts = catalogue::artefacts();
            let kept = artefacts.iter().filter(|artefact| settings.skip_reason(artefact).is_none());
            anyhow::Ok(kept.map(|artefact| artefact.name).collect::<Vec<_>>())
        };
        assert_eq!(plan(&["process_env?", "sh*"], &[]).unwrap(), ["process_envs", "shm"]);
        let kernel = plan(&["kernel_*"], &["*_log"]).unwrap();
        assert!(
            kernel.contains(&"kernel_modules") && kernel.iter().all(|name| name.starts_with("kernel_") && *name != "kernel_log")
        );
        assert!(plan(&[], &["m*"]).unwrap().iter().all(|name| !name.starts_with('m')));
        assert!(plan(&["shm"], &["s*"]).unwrap_err().to_string().contains("leaves out all"));
        assert!(plan(&["shm"], &["shm"]).unwrap_err().to_string().contains("both"));
        for (wrong, why) in
            [("nope", "there is no artefact"), ("nope*", "no artefact matches"), ("[ab]*", "neither"), ("", "there is no")]
        {
            let error = wrong.parse::<ArtefactName>().unwrap_err();
            assert!(error.contains(why) && error.contains("context, freeze_frame"), "{error}");
        }
    }

    #[test]
    fn a_glob_stays_in_the_profile() {
        let late = artefact("shm", Profile::Full);
        let asked = |name: &str| settings(|a| a.only = vec![name.parse().unwrap()]).skip_reason(&late);
        assert_eq!((asked("shm"), asked("sh*")), (None, Some("belongs to profile full".to_owned())));
    }

    #[test]
    fn the_plan_says_why_something_is_left_out() {
        let (context, memory, late) =
            (artefact("context", Profile::Volatile), artefact(MEMORY, Profile::Volatile), artefact("late", Profile::Full));
        let triage = settings(|_| ());
        assert_eq!((triage.skip_reason(&context), triage.skip_reason(&memory)), (None, None));
        let of_processes = artefact("process_memory", Profile::Volatile);
        assert_eq!(triage.skip_reason(&of_processes).unwrap(), "taken only of processes that --process-memory names");
        assert_eq!(settings(|a| a.process_memory = Some(Which::All)).skip_reason(&of_processes), None);
        assert_eq!(triage.skip_reason(&late).unwrap(), "belongs to profile full");
        let volatile = settings(|a| a.profile = Some(crate::cli::ProfileName::Volatile));
        assert!(volatile.skip_reason(&memory).unwrap().contains("profile volatile"));
    }
}
