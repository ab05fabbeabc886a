//! `hozen presign`.

use std::path::Path;

use hozen_collector::model::{canonical, escape};

use super::{print, way};
use crate::cli::PresignArgs;
use crate::exit::Exit;
use crate::progress::say;
use crate::run::new_id;
use crate::s3::presigned::{List, Making, make};
use crate::s3::{BucketOptions, BucketUri, layout};
use crate::size::Size;
use crate::whole_file;

/// Seconds for which a list is good where nobody says otherwise: 12 hours.
const EXPIRES_S: u64 = 12 * 3600;
/// Seconds that S3 lets a signature live: 7 days.
const MOST_EXPIRES_S: u64 = 7 * 24 * 3600;
/// Memory, and stored bytes of an archive, where nobody says otherwise.
const ROOM: (u64, u64) = (64 << 30, 4 << 30);

/// Signs, writes the list, says what it is for and returns the exit code.
#[must_use]
pub fn presign(arguments: &PresignArgs) -> u8 {
    match try_presign(arguments) {
        Ok(list) => {
            show(&list, &arguments.output);
            Exit::Complete.into()
        }
        Err((error, exit)) => {
            say(&format!("hozen: {error}"));
            exit.into()
        }
    }
}

/// What was asked for, checked.
struct Asked {
    to: BucketUri,
    options: BucketOptions,
    expires_s: u32,
}

impl Asked {
    fn of(arguments: &PresignArgs) -> Result<Self, String> {
        let (to, options) = (way::bucket(&arguments.to, "--to")?, arguments.bucket.check()?);
        let bucket = &arguments.bucket;
        if bucket.spool.is_some() || bucket.parallel_uploads.is_some() || bucket.max_bandwidth.is_some() {
            return Err(
                "--spool, --parallel-uploads and --max-bandwidth are for collect, which takes them beside the list".to_owned()
            );
        }
        if arguments.account.as_deref().is_some_and(|account| !layout::is_account(account)) {
            return Err("--account is none; an account has 12 digits".to_owned());
        }
        let host = &arguments.host;
        if host.is_empty() || host.len() > 64 || !host.bytes().all(|b| b.is_ascii_graphic()) {
            return Err("--host is none; give the instance id, such as i-0123456789abcdef0, or the machine id".to_owned());
        }
        Ok(Self { to, options, expires_s: expires(arguments)? })
    }
}

fn try_presign(arguments: &PresignArgs) -> Result<List, (String, Exit)> {
    let usage = |error: String| (error, Exit::Usage);
    let destination = |error: String| (error, Exit::Destination);
    let Asked { to, options, expires_s } = Asked::of(arguments).map_err(usage)?;
    // Before anything is begun in the bucket.
    if arguments.output.symlink_metadata().is_ok() {
        let shown = escape::path(&arguments.output);
        return Err(destination(format!("{shown} exists; nothing is overwritten: name another file")));
    }
    let way = way::open(&arguments.network).map_err(destination)?;
    let run = new_id(way.clock).map_err(destination)?;
    let place = layout::run(&to, &arguments.case, arguments.account.as_deref(), &arguments.host, run);
    let place = place.map_err(|error| usage(format!("--to is too long: {error}")))?;
    let (case, host, clock) = (arguments.case.clone(), arguments.host.clone(), way.clock);
    let room = (arguments.memory.map_or(ROOM.0, Size::bytes), arguments.archives.map_or(ROOM.1, Size::bytes));
    let (network, credentials, timing) = way.parts().map_err(destination)?;
    let list = make(Making { network, credentials, place, options, timing, clock, run, case, host, room, expires_s });
    let list = list.map_err(destination)?;
    let bytes = canonical::to_bytes(&list).map_err(|error| destination(error.to_string()))?;
    write(&arguments.output, &bytes).map_err(destination)?;
    Ok(list)
}

fn expires(arguments: &PresignArgs) -> Result<u32, String> {
    let seconds = arguments.expires.map_or(EXPIRES_S, |span| span.milliseconds().div_ceil(1000));
    let seconds = Some(seconds).filter(|seconds| *seconds <= MOST_EXPIRES_S).and_then(|seconds| u32::try_from(seconds).ok());
    seconds.ok_or_else(|| "--expires is too long; S3 takes no signature for more than 7d".to_owned())
}

/// Writes the list where its owner alone can read it.
fn write(output: &Path, bytes: &[u8]) -> Result<(), String> {
    use std::io::Write as _;
    if output == Path::new("-") {
        let mut out = std::io::stdout().lock();
        return out.write_all(bytes).and_then(|()| out.flush()).map_err(|error| format!("cannot write the list: {error}"));
    }
    whole_file::write_new(output, bytes, 0o600).map_err(|error| format!("{error:#}"))
}

/// On stdout, unless the list is there.
fn show(list: &List, output: &Path) {
    let shown = escape::path(output);
    let text = format!(
        "signed:  run {}, case {}, for {}, {} objects, good until {}\nto:      {}\nnext:    on the host: hozen collect --presigned {shown}\n         \
         then here: hozen verify {}",
        list.run,
        list.case,
        list.host,
        list.objects.len(),
        list.expires(),
        list.place,
        list.place
    );
    if output == Path::new("-") { say(&text) } else { print(&text) }
}
