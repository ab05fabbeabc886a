//! The archive of the artefact `kernel_symbols`, out of a folder of evidence, and what vouches for it.
//!
//! **Invariant:** an archive that is not the one of its receipt is not read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::AsFd as _;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use hozen_collector::host::Reason;
use hozen_collector::host::read::{self, FdReader};
use hozen_collector::model::dsse::Envelope;
use hozen_collector::model::record::{BEGIN_KEY, Begin, MANIFEST_KEY, Manifest, Statement, Step};
use hozen_collector::model::{Digest, escape};
use hozen_collector::source::kernel_symbols::ARTEFACT;
use serde::de::DeserializeOwned;

use super::Failure;
use crate::verify::archive::Archive;

/// The most bytes of a record, of the stored archive, and of its content.
const MOST_OF_RECORD: u64 = 64 << 20;
const MOST_STORED: u64 = 512 << 20;
const MOST_CONTENT: u64 = 1 << 30;
/// Where the members stand.
const ROOT: &[u8] = b"[root]";

/// What was collected of the kernel.
#[derive(Debug)]
pub(super) struct Collected {
    /// Files by their path on the host.
    pub(super) files: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The begin record of the run.
    pub(super) begin: Begin,
    /// Name of the archive in the folder.
    pub(super) key: String,
    /// Digest of its stored bytes.
    pub(super) sha256: Digest,
    /// Digest of the manifest that has the receipt; none where the run was cut off before it had one.
    pub(super) manifest: Option<Digest>,
}

impl Collected {
    /// The file of this path on the host, if it was collected.
    pub(super) fn file(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path.as_bytes()).map(Vec::as_slice)
    }
}

/// Reads the archive in `folder`.
pub(super) fn read(folder: &Path) -> Result<Collected, Failure> {
    let shown = escape::path(folder);
    let dir = open(folder).with_context(|| format!("{shown}: not a folder of evidence")).map_err(Failure::Arguments)?;
    let record = |key: &str| object(&dir, key, MOST_OF_RECORD).map_err(|error| Failure::Arguments(error.context(shown.clone())));
    let Some(begin) = record(BEGIN_KEY)? else {
        return Err(Failure::Arguments(anyhow!("{shown}: not a folder of evidence: it has no {BEGIN_KEY}")));
    };
    let begin: Begin = predicate(&begin, BEGIN_KEY).map_err(Failure::Altered)?;
    let manifest = record(MANIFEST_KEY)?;
    let digest = manifest.as_deref().map(Digest::of);
    let manifest: Option<Manifest> =
        manifest.map(|bytes| predicate(&bytes, MANIFEST_KEY)).transpose().map_err(Failure::Altered)?;
    let key = format!("data/raw/{}.tar.zst", ARTEFACT.name);
    let Some(stored) = object(&dir, &key, MOST_STORED).map_err(Failure::Arguments)? else {
        return Err(Failure::Insufficient(not_collected(&key, manifest.as_ref(), &begin)));
    };
    let sha256 = Digest::of(&stored);
    if let Some(manifest) = &manifest {
        check(&key, sha256, manifest).map_err(Failure::Altered)?;
    }
    let files = members(&stored).with_context(|| format!("{shown}/{key}")).map_err(Failure::Altered)?;
    Ok(Collected { files, begin, key, sha256, manifest: digest })
}

fn open(folder: &Path) -> anyhow::Result<File> {
    let dir = File::open(folder)?;
    if dir.metadata()?.is_dir() { Ok(dir) } else { Err(std::io::Error::from(ErrorKind::NotADirectory).into()) }
}

/// The bytes of an object; none where it is not there.
fn object(dir: &File, key: &str, most: u64) -> anyhow::Result<Option<Vec<u8>>> {
    let fd = match read::open_regular(dir.as_fd(), key) {
        Err(Reason::Errno(nix::errno::Errno::ENOENT | nix::errno::Errno::ENOTDIR)) => return Ok(None),
        opened => opened.map_err(|reason| anyhow!("{key}: {reason}"))?.0,
    };
    let mut bytes = Vec::new();
    FdReader(fd).take(most.saturating_add(1)).read_to_end(&mut bytes).with_context(|| key.to_owned())?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > most {
        bail!("{key} is larger than {} MiB, which none of its kind is", most >> 20);
    }
    Ok(Some(bytes))
}

/// What a record says. Its signature is the business of `hozen verify`.
fn predicate<P: DeserializeOwned>(bytes: &[u8], key: &str) -> anyhow::Result<P> {
    let payload = Envelope::parse(bytes).and_then(|envelope| envelope.payload()).with_context(|| key.to_owned())?;
    let statement: Statement<P> =
        serde_json::from_slice(&payload).with_context(|| format!("{key} is not what its format says"))?;
    Ok(statement.predicate)
}

fn check(key: &str, sha256: Digest, manifest: &Manifest) -> anyhow::Result<()> {
    let Some(receipt) = manifest.objects.iter().find(|receipt| receipt.key.as_str() == key) else {
        bail!("{MANIFEST_KEY} has no receipt of {key}: somebody else put it there. `hozen verify` tells more");
    };
    if receipt.sha256 != sha256 {
        bail!(
            "the digest of {key} is {sha256}, and {MANIFEST_KEY} says {}: it was altered. `hozen verify` tells more",
            receipt.sha256
        );
    }
    Ok(())
}

/// Why the archive is not there.
fn not_collected(key: &str, manifest: Option<&Manifest>, begin: &Begin) -> anyhow::Error {
    let planned = begin.plan.iter().find(|step| step.artefact == ARTEFACT.name);
    let step = manifest.and_then(|manifest| manifest.steps.iter().find(|step| step.artefact == ARTEFACT.name));
    let why = match (step, planned) {
        (Some(Step { status, reasons, .. }), _) => format!("the artefact was {}: {}", status.word(), reasons.join("; ")),
        (None, Some(_)) => "the run was cut off before it was collected".to_owned(),
        (None, None) => format!("hozen {} did not collect it", escape::bytes(begin.agent.version.as_bytes())),
    };
    anyhow!("the run has no {key}: {why}. Collect again with the artefact {}, on the same boot", ARTEFACT.name)
}

/// The regular files in the archive. Its form is checked before, so that no header asks for more memory than it may.
fn members(stored: &[u8]) -> anyhow::Result<BTreeMap<Vec<u8>, Vec<u8>>> {
    let mut archive = Archive::new(());
    let mut content = zstd::Decoder::new(stored)?.take(MOST_CONTENT);
    let mut piece = vec![0; 1 << 20];
    loop {
        match content.read(&mut piece)? {
            0 => break,
            length => archive.take(piece.get(..length).unwrap_or_default()).map_err(|error| anyhow!(error))?,
        }
    }
    // A run that was cut off leaves an archive that ends anywhere; what is whole in it is of use.
    let mut files = BTreeMap::new();
    let mut reader = tar::Archive::new(zstd::Decoder::new(stored)?.take(MOST_CONTENT));
    for entry in reader.entries()? {
        let Ok(mut entry) = entry else { break };
        let path = entry.path_bytes().strip_prefix(ROOT).map(<[u8]>::to_vec);
        let mut bytes = Vec::new();
        if entry.header().entry_type().is_file() && entry.read_to_end(&mut bytes).is_ok() {
            files.extend(path.map(|path| (path, bytes)));
        }
    }
    Ok(files)
}
