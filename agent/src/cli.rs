//! The command line: values only. Nothing is checked against the host here, and nothing is done.

pub mod modules;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use hozen_collector::model::{CaseId, Digest, Profile};
use hozen_collector::source::process_memory::Which;
use serde::{Deserialize, Serialize};

use self::modules::{ModuleArgs, ModulesArgs};
use crate::aws::options::NetworkArgs;
use crate::export::Format;
use crate::s3::BucketArgs;
use crate::settings::{ArtefactName, Span};
use crate::size::Size;
use crate::status;

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
    /// The most that is kept of one process's memory: 512M, 4G [default: 4G]
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
    /// zstd level, 1 to 19; in a released program those above 7 differ by their windows only [default: 1]
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

/// A key that seals.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub struct SealKeyArgs {
    /// Private key that signs: P-256, PKCS#8, PEM
    #[arg(long, value_name = "FILE")]
    pub local_key: Option<PathBuf>,
    /// Key of KMS that signs, of the kind ECC_NIST_P256: ARN, id or alias
    #[arg(long, value_name = "KEY")]
    pub kms_key: Option<String>,
}

/// Options of `verify`.
#[derive(Debug, Args)]
#[command(after_help = VERIFY_HELP)]
pub struct VerifyArgs {
    /// Folder that holds one run, or the place of one in a bucket: s3://bucket/prefix-of-the-run
    #[arg(value_name = "DIR|S3")]
    pub run: PathBuf,
    /// Read every byte of a run in a bucket, instead of comparing the bucket's own checksums of the evidence
    #[arg(long)]
    pub rehash: bool,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
    /// SHA-256 that 000-begin.json must have, known from elsewhere (the witness that `collect --status` leaves)
    #[arg(long, value_name = "HEX")]
    pub begin_sha256: Option<Digest>,
    /// SHA-256 that 999-end.json must have, known from elsewhere (the result line of `collect`)
    #[arg(long, value_name = "HEX")]
    pub end_sha256: Option<Digest>,
    /// SHA-256 that 900-manifest.json must have, known from elsewhere
    #[arg(long, value_name = "HEX")]
    pub manifest_sha256: Option<Digest>,
    /// Public key (PEM) that must have sealed the run, known from elsewhere
    #[arg(long, value_name = "FILE")]
    pub seal_key: Option<PathBuf>,
    /// How a bucket is read.
    #[command(flatten)]
    pub read: ReadArgs,
}

const VERIFY_HELP: &str = "\
A bucket is read with s3:ListBucketVersions, s3:ListBucketMultipartUploads, s3:GetObjectVersion, s3:GetObjectVersionAttributes,
s3:GetObjectRetention, s3:GetObjectLegalHold and s3:GetBucketObjectLockConfiguration (packaging/cloudformation/reader-role.json).
Credentials of your shell are taken with --use-environment, as after
  eval \"$(aws configure export-credentials --format env)\"";

/// Options of `export`.
#[derive(Debug, Args)]
#[command(after_help = EXPORT_HELP)]
pub struct ExportArgs {
    /// Folder that holds one run
    #[arg(value_name = "EVIDENCE")]
    pub evidence: PathBuf,
    /// Where to: a folder that does not exist yet or is empty
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// What to write, one or several with commas between
    #[arg(long, value_enum, value_name = "FORMAT", value_delimiter = ',', default_value = "tree")]
    pub format: Vec<Format>,
    /// Export images of memory that were rejected too; their names say so
    #[arg(long)]
    pub include_rejected: bool,
    /// Export what is there although the evidence does not verify; names and README.txt say so
    #[arg(long)]
    pub unverified: bool,
}

const EXPORT_HELP: &str = "\
  hozen export evidence --to export                              everything, as files
  hozen export evidence --to lines --format bodyfile,timesketch  timelines
  mactime -z UTC -d -b lines/bodyfile.txt > timeline.csv
  hozen export evidence --to one --format tar                    target-query -q -f os,processes,netstat one/root.tar
  hozen export evidence --to bag --format bagit,case             for an archive: a bag, and a CASE/UCO graph

Nothing is exported of evidence that does not verify, unless --unverified is given.
Exit codes: 0 exported; 10 something could not be exported, or not as it is: the text says what; 1, 2, 3 as of `verify`;
32 the folder was refused; 40 wrong arguments.";

/// Options of `seal`.
#[derive(Debug, Args)]
#[command(after_help = SEAL_HELP)]
pub struct SealArgs {
    /// Folder that holds one run, or the place of one in a bucket: s3://bucket/prefix-of-the-run
    #[arg(value_name = "DIR|S3")]
    pub run: PathBuf,
    /// The key that signs.
    #[command(flatten)]
    pub key: SealKeyArgs,
    /// Read every byte of a run in a bucket before it is sealed; the seal says whether that was done
    #[arg(long)]
    pub rehash: bool,
    /// SHA-256 that 999-end.json must have, known from elsewhere (the result line of `collect`)
    #[arg(long, value_name = "HEX")]
    pub end_sha256: Option<Digest>,
    /// Print what was sealed as JSON
    #[arg(long)]
    pub json: bool,
    /// How a bucket, and KMS, are reached.
    #[command(flatten)]
    pub read: ReadArgs,
}

const SEAL_HELP: &str = "\
A seal is worth what its key is worth: keep it where the host never was, and publish its public half.

  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out seal.key
  openssl pkey -in seal.key -pubout -out seal.pub
  hozen seal evidence --local-key seal.key
  hozen verify evidence --seal-key seal.pub

  hozen seal s3://evidence/cases/IR-1/111122223333/i-0123/01J… --kms-key alias/hozen-seal --use-environment

Exit codes: 0 sealed; 1, 2, 3 as of `verify`: it does not verify, and is not sealed; 31 the seal could not be stored;
40 wrong arguments or no usable key.";

/// Options of `symbols`.
#[derive(Debug, Args)]
#[command(after_help = SYMBOLS_HELP)]
pub struct SymbolsArgs {
    /// Folder that holds one run, with the artefact kernel_symbols
    #[arg(value_name = "EVIDENCE")]
    pub folder: PathBuf,
    /// Folder for the symbol file: what `vol -s` takes. The file is DIR/linux/RELEASE-BUILDID.json
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
}

const SYMBOLS_HELP: &str = "\
To be run on the analyst's machine, not on the host. Check the evidence first: `hozen verify EVIDENCE`.

Exit codes (docs/exit-codes.md): 0 written, 1 the evidence was altered, 32 the output is there already or cannot be written,
40 not evidence, or wrong arguments, 61 the evidence does not hold what it takes (the message says which debug package does).

Example (docs/volatility.md says which plugins work):
  hozen symbols evidence -o symbols
  cat evidence/data/memory/kcore/*.lime.zst | zstd -d > memory.lime
  vol -s symbols -f memory.lime linux.pslist";

/// Options of `presign`.
#[derive(Debug, Args)]
#[command(after_help = PRESIGN_HELP)]
pub struct PresignArgs {
    /// Where to: s3://bucket/prefix; the run gets its own place below it, as `collect` gives it
    #[arg(long, value_name = "S3")]
    pub to: PathBuf,
    /// Case id, as of `collect`
    #[arg(long, value_name = "ID")]
    pub case: CaseId,
    /// The host that is to collect: its instance id, or outside EC2 its machine id
    #[arg(long, value_name = "ID")]
    pub host: String,
    /// Account of the instance: 12 digits [default: no-account]
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Option<String>,
    /// How long the list is good: 90m, 12h, at most 7d, and no longer than the credentials [default: 12h]
    #[arg(long, value_name = "TIME")]
    pub expires: Option<Span>,
    /// Memory of the host, for how large an image there is to be room [default: 64G]
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<Size>,
    /// Stored bytes that each archive may have [default: 4G]
    #[arg(long, value_name = "SIZE")]
    pub archives: Option<Size>,
    /// File for the list, which must not exist; - is standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// How objects are put into the bucket.
    #[command(flatten)]
    pub bucket: BucketArgs,
    /// How the bucket is reached.
    #[command(flatten)]
    pub network: NetworkArgs,
}

const PRESIGN_HELP: &str = "\
Whoever has the list can store one run below one place, each object once, until it expires; nobody can read, list, delete or shorten
anything with it. Send it as you would send a key. Needs s3:PutObject, with --lock s3:PutObjectRetention, and what KMS asks for: the
rights of the writer (packaging/cloudformation/writer-role.json), which then never come near the host.

  hozen presign --to s3://evidence/cases --case IR-2026-014 --host i-0123456789abcdef0 --account 111122223333 \\
    --bucket-owner 123456789012 --lock compliance --retain-days 365 --memory 64G --use-environment -o run.json
  hozen presign … -o - | ssh host sudo hozen collect --presigned -

For each object that may not fit one part an upload is begun now, under the lock. Those that the run does not need stay open until
the bucket's lifecycle ends them.

Exit codes: 0 the list is written; 32 the bucket refused, or the file cannot be written; 40 wrong arguments.";

/// Options of `push`.
#[derive(Debug, Args)]
#[command(after_help = PUSH_HELP)]
pub struct PushArgs {
    /// Folder that holds one finished run
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Where to: s3://bucket/prefix; the run gets its own place below it, as `collect` gives it
    #[arg(long, value_name = "S3")]
    pub to: PathBuf,
    /// File that says what has been sent, so that a push that was cut off can go on [default: DIR.pushed beside the folder]
    #[arg(long, value_name = "FILE")]
    pub progress: Option<PathBuf>,
    /// Print what was done as JSON
    #[arg(long)]
    pub json: bool,
    /// How objects are put into the bucket.
    #[command(flatten)]
    pub bucket: BucketArgs,
    /// How the network is reached.
    #[command(flatten)]
    pub network: NetworkArgs,
}

const PUSH_HELP: &str = "\
Verifies first, and sends nothing that does not verify. Every object is sent as it lies there. Called again after it was cut off
it goes on: an object that is in the bucket already is left out if the bucket shows that it is the same (s3:ListBucketVersions,
s3:GetObjectVersion and s3:GetObjectVersionAttributes), or if this program has sent it (--progress).

Exit codes: 0 all is there; 10 all is there, but of some objects only a reader of the bucket can tell that they are the same;
1, 2, 3 as of `verify`: it does not verify, and nothing was sent; 31 not all could be sent; 32 the bucket refused; 40 wrong arguments.";

/// Options of `salvage`.
#[derive(Debug, Args)]
#[command(after_help = SALVAGE_HELP)]
pub struct SalvageArgs {
    /// The place of the run in the bucket: s3://bucket/prefix-of-the-run
    #[arg(value_name = "S3")]
    pub run: PathBuf,
    /// Salvage even where the run has ended, or where something came so lately that it may be going on still
    #[arg(long)]
    pub force: bool,
    /// Print what was done as JSON
    #[arg(long)]
    pub json: bool,
    /// How the bucket is reached.
    #[command(flatten)]
    pub read: ReadArgs,
}

const SALVAGE_HELP: &str = "\
For a run whose host has died or was cut off: uploads that are open are completed with the parts from 1 on that are there, under the
lock that the agent gave them, and salvage/<time>.json says so. What it makes is partial, and `verify` says that nothing vouches for
it. Needs, besides the reader's rights, s3:PutObject, s3:PutObjectRetention and s3:ListMultipartUploadParts.

An agent that is alive could not go on with what is completed under its hands. So a run is left alone until nothing has come for as long
as its agent tries a request again (--retry-for of `collect`, 20 minutes) and a minute more, by the bucket's clock; at once where its
watchdog has stored 999-killed.json, or with --force.

Exit codes: 0 done, or nothing was open; 10 not all could be salvaged; 3 the place cannot be read, or holds no run; 31 the record
could not be stored; 32 the bucket cannot be reached; 40 wrong arguments, or the run has ended or may be going on, and --force was not
given.";

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
