//! The command lines of what is done for and in a bucket: `presign`, `push` and `salvage`.

use std::path::PathBuf;

use clap::Args;
use hozen_collector::model::CaseId;

use super::ReadArgs;
use crate::aws::options::NetworkArgs;
use crate::s3::BucketArgs;
use crate::size::Size;
use crate::span::Span;

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
    /// Memory of the host, for how large an image there is to be room: 16G or 16GiB [default: 64G]
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<Size>,
    /// Stored bytes that each archive may have: 512M or 512MiB [default: 4G]
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
