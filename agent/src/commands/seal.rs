//! `hozen seal`.

use hozen_collector::host::Clock;
use serde_json::json;

use super::print;
use super::way::{self, Way};
use crate::cli::{SealArgs, SealKeyArgs};
use crate::exit::Exit;
use crate::progress::say;
use crate::s3::options::Retention;
use crate::s3::{self, BucketArgs, BucketOptions, BucketUri};
use crate::seal::{KmsKey, LocalKey, SealError, SealKey, Sealed, seal_bucket, seal_folder};
use crate::verify::{Options, Verdict};

/// Verifies and seals, prints what came of it and returns the exit code.
#[must_use]
pub fn seal(arguments: &SealArgs) -> u8 {
    let opened = s3::place(&arguments.run)
        .map_err(|error| error.to_string())
        .and_then(|place| Ok((way(arguments, place.is_some())?, place)));
    let (way, place) = match opened {
        Ok(opened) => opened,
        Err(error) => return refuse(&error, Exit::Usage.into()),
    };
    let key = match key(&arguments.key, way.as_ref()) {
        Ok(key) => key,
        Err(error) => return refuse(&error, Exit::Usage.into()),
    };
    let options = Options { end_sha256: arguments.end_sha256, ..Options::default() };
    let sealed = match (place, way) {
        (Some(place), Some(way)) => in_bucket(arguments, &way, place, &options, &*key),
        _ => Ok(seal_folder(&arguments.run, &options, &*key, Clock::start())),
    };
    match sealed {
        Ok(Ok(sealed)) => {
            show(&sealed, arguments.json);
            Exit::Complete.into()
        }
        Ok(Err(SealError::NotVerified(report))) => {
            print(report.to_text().trim_end());
            refuse(
                &format!("{}: not sealed, because it does not verify (see the report)", report.folder),
                report.verdict.exit_code(),
            )
        }
        Ok(Err(error)) => refuse(&format!("{:#}", anyhow::Error::new(error)), Exit::Unsealed.into()),
        Err(error) => refuse(&error, Verdict::CouldNotCheck.exit_code()),
    }
}

fn refuse(error: &str, code: u8) -> u8 {
    say(&format!("hozen: {error}"));
    code
}

/// The way to AWS, where the run or the key is there.
fn way(arguments: &SealArgs, bucket: bool) -> Result<Option<Way>, String> {
    let wanted = bucket || arguments.key.kms_key.is_some();
    wanted.then(|| way::open(&arguments.read.network)).transpose()
}

fn key(arguments: &SealKeyArgs, way: Option<&Way>) -> Result<Box<dyn SealKey>, String> {
    match (&arguments.local_key, &arguments.kms_key, way) {
        (Some(path), _, _) => Ok(Box::new(LocalKey::read(path).map_err(|error| format!("--local-key: {error}"))?)),
        (None, Some(name), Some(way)) => {
            let key = KmsKey::open(way.network()?, way.credentials()?.provider, name);
            Ok(Box::new(key.map_err(|error| format!("--kms-key: {error}"))?))
        }
        _ => Err("no key to seal with; give --local-key FILE or --kms-key KEY".to_owned()),
    }
}

/// Seals in the bucket, under the longest lock of the run.
fn in_bucket(
    arguments: &SealArgs,
    way: &Way,
    place: BucketUri,
    options: &Options,
    key: &dyn SealKey,
) -> Result<Result<Sealed, SealError>, String> {
    let owner = arguments.read.bucket_owner.clone();
    let reader = way.reader(place.clone(), owner.clone())?;
    let open = |lock: Option<&_>| way.sink(place, beside(owner, Retention::like(lock))?);
    Ok(seal_bucket(&reader, (options, arguments.rehash), key, open, way.clock))
}

/// How an object is put beside a run that is there: as it is locked itself. Where it is not, it will not be refused for that.
pub(super) fn beside(owner: Option<String>, retention: Retention) -> Result<BucketOptions, String> {
    let options = BucketArgs { bucket_owner: owner, allow_unlocked: true, ..BucketArgs::default() }.check()?;
    Ok(BucketOptions { retention, ..options })
}

fn show(sealed: &Sealed, as_json: bool) {
    let (whole, begin) = (&sealed.whole, &sealed.whole.begin);
    if as_json {
        let line = json!({
            "seal": sealed.key, "sha256": sealed.sha256, "keyid": sealed.keyid, "run": begin.run, "case": begin.case,
            "status": whole.end.status, "manifest_sha256": whole.manifest_sha256, "end_sha256": whole.end_sha256,
            "places": whole.places.len(),
        });
        return print(&line.to_string());
    }
    print(&format!("sealed: run {}, case {}, {} objects, verified in this call", begin.run, begin.case, whole.end.objects));
    print(&format!("seal:   {} (sha256 {})", sealed.key, sealed.sha256));
    print(&format!("key:    {}", sealed.keyid));
}
