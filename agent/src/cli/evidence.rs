//! The command lines of what is done with evidence that is there: `verify`, `export`, `seal` and `symbols`.

use std::path::PathBuf;

use clap::Args;
use hozen_collector::model::Digest;

use super::ReadArgs;
use crate::export::Format;

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
