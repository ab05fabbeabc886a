//! How a seal comes to be.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use hozen_collector::host::Clock;
use hozen_collector::model::dsse::{self, Envelope, IN_TOTO, Signature};
use hozen_collector::model::receipt::Lock;
use hozen_collector::model::record::{END_KEY, MANIFEST_KEY, Statement, Subject, VERSION};
use hozen_collector::model::seal::{SEAL_TYPE, Seal, seal_key};
use hozen_collector::model::{Digest, ObjectKey, canonical};
use hozen_collector::sink::directory::{DirectoryError, DirectorySink};
use hozen_collector::sink::{EvidenceSink, SinkError};

use crate::custody;
use crate::own;
use crate::s3::Reader;
use crate::seal_key::{KeyError, SealKey};
use crate::verify::{self, Options, Report, Whole};

/// Why a run was not sealed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// It does not verify.
    #[error("it is not sealed, because it does not verify")]
    NotVerified(Box<Report>),
    /// The key did not sign.
    #[error("it is not sealed")]
    Key(#[from] KeyError),
    /// The seal could not be put beside the run.
    #[error("the seal could not be stored")]
    Store(#[from] SinkError),
    /// The folder cannot be opened or written.
    #[error("the seal could not be stored")]
    Folder(#[from] DirectoryError),
    /// The bucket does not take it.
    #[error("the seal could not be stored: {0}")]
    Refused(String),
    /// The seal has no canonical form.
    #[error("the seal could not be written down")]
    Form(#[from] canonical::Error),
}

/// A seal that was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Its name.
    pub key: ObjectKey,
    /// Digest of its stored bytes.
    pub sha256: Digest,
    /// Which key signed it.
    pub keyid: String,
    /// What it is over.
    pub whole: Whole,
}

/// Where a run lay when it was verified, and what its place says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Where it lay; escaped text.
    pub(super) location: String,
    /// Whether every stored byte was read.
    pub(super) rehashed: bool,
}

/// Verifies the run in the folder `dir` and, if nothing contradicts its records, lays a seal beside it.
///
/// # Errors
/// When it does not verify, the key does not sign, or the seal cannot be stored. Nothing is left behind then.
pub fn seal_folder(dir: &Path, options: &Options, key: &dyn SealKey, clock: Clock) -> Result<Sealed, SealError> {
    let (report, whole) = verify::examine(dir, options);
    let Some(whole) = whole else { return Err(SealError::NotVerified(Box::new(report))) };
    let place = Place { location: report.folder, rehashed: true };
    seal(whole, place, key, &DirectorySink::reopen(dir)?, clock)
}

/// Verifies the run in a bucket and, if nothing contradicts its records, lays a seal beside it, through the sink that `open` gives:
/// it is told the longest lock of the run, which the seal needs too.
///
/// # Errors
/// When it does not verify, the key does not sign, or the seal cannot be stored. Nothing is left behind then.
pub fn seal_bucket<S: EvidenceSink>(
    reader: &Arc<Reader>,
    (options, rehash): (&Options, bool),
    key: &dyn SealKey,
    open: impl FnOnce(Option<&Lock>) -> Result<S, String>,
    clock: Clock,
) -> Result<Sealed, SealError> {
    let (report, whole) = verify::examine_bucket(reader, options, rehash);
    let Some(whole) = whole else { return Err(SealError::NotVerified(Box::new(report))) };
    let sink = open(whole.lock.as_ref()).map_err(SealError::Refused)?;
    let rehashed = rehash || report.bucket.as_ref().is_some_and(|facts| facts.rehashed);
    let place = Place { location: report.folder, rehashed };
    seal(whole, place, key, &sink, clock)
}

/// Signs and stores the seal of a run that has been verified.
fn seal(whole: Whole, place: Place, key: &dyn SealKey, sink: &dyn EvidenceSink, clock: Clock) -> Result<Sealed, SealError> {
    let sealed = clock.now();
    let subjects = vec![Subject::new(MANIFEST_KEY, whole.manifest_sha256), Subject::new(END_KEY, whole.end_sha256)];
    let seal = Seal {
        v: VERSION,
        run: whole.begin.run,
        case: whole.begin.case.clone(),
        sealed,
        sealer: own::sealer(),
        location: place.location,
        rehashed: place.rehashed,
        status: whole.end.status,
        chain: whole.end.chain.clone(),
        objects: whole.end.objects,
        places: whole.places.clone(),
        seal_key: key.public().record(),
        key_facts: key.facts().into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<BTreeMap<_, _>>(),
    };
    let bytes = sign(&Statement::new(SEAL_TYPE, subjects, seal), key)?;
    let name = seal_key(sealed);
    let receipt = custody::store(sink, clock, &name, &bytes)?;
    Ok(Sealed { key: name, sha256: receipt.sha256, keyid: key.public().keyid(), whole })
}

fn sign(statement: &Statement<Seal>, key: &dyn SealKey) -> Result<Vec<u8>, SealError> {
    let payload = canonical::to_bytes(statement)?;
    let signature = key.sign(&dsse::pae(IN_TOTO, &payload))?;
    let signature = Signature { keyid: key.public().keyid(), sig: dsse::base64(&signature) };
    let envelope = Envelope { payload: dsse::base64(&payload), payload_type: IN_TOTO.to_owned(), signatures: vec![signature] };
    Ok(canonical::to_bytes(&envelope)?)
}
