//! The command lines of what is done on the host: `collect` and `preflight`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use hozen_collector::model::{CaseId, Profile};
use hozen_collector::source::process_memory::Which;
use serde::{Deserialize, Serialize};

use crate::artefact_name::ArtefactName;
use crate::aws::options::NetworkArgs;
use crate::modules::ModuleArgs;
use crate::s3::BucketArgs;
use crate::size::Size;
use crate::span::Span;
use crate::status;

/// Which way to physical memory to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemoryMode {
    /// The first that works: LiME, /proc/kcore, /dev/crash, /dev/mem.
    Auto,
    /// LiME or nothing.
    Lime,
    /// /proc/kcore or nothing.
    Kcore,
    /// /dev/crash, of the crash driver of Red Hat's kernels, or nothing.
    Crash,
    /// /dev/mem or nothing.
    Mem,
    /// No memory image.
    Off,
}

/// How much to collect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProfileName {
    /// What is lost first, in seconds; no memory image unless --memory asks for one.
    Volatile,
    /// What a responder wants before a host is cut off.
    Triage,
    /// Everything, at the price of time.
    Full,
}

impl From<ProfileName> for Profile {
    fn from(name: ProfileName) -> Self {
        match name {
            ProfileName::Volatile => Self::Volatile,
            ProfileName::Triage => Self::Triage,
            ProfileName::Full => Self::Full,
        }
    }
}

/// Options of `collect`. Those not given come from --config, then from the defaults.
#[derive(Debug, Default, Args)]
#[command(after_help = COLLECT_HELP)]
pub struct CollectArgs {
    /// Destination: a folder that does not exist yet or is empty, or s3://bucket/prefix [default: ./evidence-<run id>]
    #[arg(long, value_name = "DIR|S3")]
    pub to: Option<PathBuf>,
    /// List of presigned requests (`hozen presign`) that says where the run goes; needs no credentials here. - is standard input
    #[arg(long, value_name = "FILE")]
    pub presigned: Option<PathBuf>,
    /// Case id: 1 to 64 of A-Z a-z 0-9 . _ -, a letter or digit first [default: unassigned]
    #[arg(long, value_name = "ID")]
    pub case: Option<CaseId>,
    /// How much to collect [default: triage]
    #[arg(long, value_enum)]
    pub profile: Option<ProfileName>,
    /// Which way to physical memory to take [default: auto; off in profile volatile]
    #[arg(long, value_enum)]
    pub memory: Option<MemoryMode>,
    /// The LiME module.
    #[command(flatten)]
    pub lime: ModuleArgs,
    /// Memory of single processes as ELF core files, for hosts where no way leads to physical memory: of these, of all, or of those
    /// of which something is out of the ordinary [default: off]
    #[arg(long, value_name = "PID[,PID…]|all|suspicious")]
    pub process_memory: Option<Which>,
    /// The most that is kept of one process's memory: 512M or 512MiB, 4G [default: 4G]
    #[arg(long, value_name = "SIZE")]
    pub process_memory_limit: Option<Size>,
    /// The most that is kept of the memory of all processes together [default: 16G]
    #[arg(long, value_name = "SIZE")]
    pub process_memory_total: Option<Size>,
    /// Collecting stops then, and what is there is sealed: 90s, 30m, 2h [default: 30m]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub deadline: Option<Span>,
    /// Collect these artefacts and no others (see `hozen artefacts`): names, which may be of a larger profile, or globs, which mean
    /// those of the profile
    #[arg(long, value_name = "ARTEFACT,…", value_delimiter = ',')]
    pub only: Vec<ArtefactName>,
    /// Leave these artefacts out: names or globs
    #[arg(long, value_name = "ARTEFACT,…", value_delimiter = ',')]
    pub skip: Vec<ArtefactName>,
    /// Definitions of files to collect besides, in the YAML of ForensicArtifacts: files, or folders of *.yaml; their types FILE, PATH and
    /// ARTIFACT_GROUP
    #[arg(long, value_name = "FILE,…", value_delimiter = ',')]
    pub artifacts: Vec<PathBuf>,
    /// Of the definitions in --artifacts only these, and the members of the groups among them
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub definitions: Vec<String>,
    /// TOML with any of these options (docs/hozen.toml shows all of them): a file, or a parameter of Systems Manager
    #[arg(long, value_name = "FILE|ssm:/path")]
    pub config: Option<PathBuf>,
    /// Parameter of Systems Manager to say in, at most every 15 s, how the run goes; with / at its end, one below it for each host
    #[arg(long, value_name = "ssm:/path")]
    pub status: Option<status::Place>,
    /// Who collects: name or role, for the begin record
    #[arg(long, value_name = "TEXT")]
    pub operator: Option<String>,
    /// Ticket or legal ground, for the begin record
    #[arg(long, value_name = "TEXT")]
    pub reference: Option<String>,
    /// Keep secrets in environments and files as they are, instead of their length and digest
    #[arg(long)]
    pub include_secrets: bool,
    /// Collect what can be seen without root
    #[arg(long)]
    pub unprivileged: bool,
    /// Threads that compress, 1 to 4 [default: as many as processors, at most 4]
    #[arg(long, value_name = "N")]
    pub threads: Option<u8>,
    /// zstd level, 1 to 19; in a released program those above 4 differ by their windows only [default: 1]
    #[arg(long, value_name = "N")]
    pub level: Option<u8>,
    /// Print the plan and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How objects are put into a bucket.
    #[command(flatten)]
    pub bucket: BucketArgs,
    /// How the network is reached.
    #[command(flatten)]
    pub network: NetworkArgs,
}

const COLLECT_HELP: &str = "\
Progress goes to stderr. stdout gets exactly one line of JSON, the result, whatever happens.
Ctrl-C, SIGTERM or a lost connection ends the run early and seals what is there as partial; a second one ends it at once.

Exit codes (docs/exit-codes.md): 0 complete, 10 partial, 11 all but memory, 20 memory failed, 30 sealed in the spool (all, or what was left),
31 not sealed, 32 destination refused, 40 wrong arguments, 41 not root, 43 this system cannot be read, 50 cut short by deadline or signal and
sealed, 70 a bug and 71 ended by a second signal, both not sealed.

Examples:
  sudo hozen collect --case IR-2026-014                    triage of this host into ./evidence-<run id>
  sudo hozen collect --profile volatile --to /mnt/usb/run1 the volatile part only, in seconds
  sudo hozen collect --skip memory --deadline 5m           no memory image, five minutes at most
  sudo hozen collect --process-memory suspicious           in a container, where physical memory cannot be had
  sudo hozen collect --case IR-2026-014 --to s3://evidence/cases --bucket-owner 123456789012
                                                           into a locked bucket, with what Run Command or the role gives
  sudo hozen collect --presigned run.json                  into the bucket that run.json was signed for, with no credentials
  sudo hozen collect --artifacts linux.yaml,ours.yaml      and besides what these definitions mean
  hozen collect --unprivileged                             what an ordinary user can see";

/// Options of `preflight`.
#[derive(Debug, Args)]
#[command(after_help = PREFLIGHT_HELP)]
pub struct PreflightArgs {
    /// The LiME module.
    #[command(flatten)]
    pub lime: ModuleArgs,
    /// Bucket to ask: one small object is written there, and locked as the run's would be
    #[arg(long, value_name = "S3")]
    pub to: Option<PathBuf>,
    /// Case that the run would have
    #[arg(long, value_name = "ID")]
    pub case: Option<CaseId>,
    /// Leave an entry for the inventory of Systems Manager (Custom:HozenReadiness) in DIR, or where its agent on this host looks: the one
    /// file that a preflight writes here
    #[arg(long, value_name = "DIR")]
    pub inventory: Option<Option<PathBuf>>,
    /// Only warn where the host's clock is more than 15 minutes from the bucket's: a run signs, and counts retention, by the bucket's
    #[arg(long, help_heading = "Bucket (--to s3://…)")]
    pub allow_clock_offset: bool,
    /// How objects are put into a bucket.
    #[command(flatten)]
    pub bucket: BucketArgs,
    /// How the network is reached.
    #[command(flatten)]
    pub network: NetworkArgs,
}

const PREFLIGHT_HELP: &str = "\
A clock that is more than 15 minutes from the bucket's is refused, so that somebody notes it before it is among the evidence; `collect`
goes on by the bucket's clock and says so.

Exit codes: 0 ready; 32 the destination refused, and `destination.action` says what to do; 60 something of this host is in the
way (`obstacles`), or the entry for the inventory could not be left; 40 wrong arguments; 43 this system cannot be read.";
