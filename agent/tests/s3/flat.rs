//! Memory while much is sent: that of a process that streams a gigabyte into the bucket is bounded, and does not grow on the way.

use std::process::{Command, Stdio};
use std::sync::Arc;

use hozen::s3::{BucketOptions, Timing};
use hozen_collector::model::Timestamp;
use hozen_collector::stream::{DEFAULT_LEVEL, Engine, Kind};
use hozen_tests::s3::{Bucket, Options};

use super::support::{BUCKET, Place, locked_options, noise, open, way};

/// Where the process finds the bucket, and its key.
const PLACE: [&str; 3] = ["HOZEN_FLAT_URL", "HOZEN_FLAT_ID", "HOZEN_FLAT_SECRET"];
/// Bytes of one object.
const OBJECT: usize = 256 << 20;
/// Objects.
const OBJECTS: usize = 4;
/// Bytes of content, which are sent again and again. No frame of the stream is as long, so zstd does not see that.
const BLOCK: usize = 4 << 20;
/// What the process may have in memory at most, its content and the program itself among it.
const MOST_MIB: u64 = 160;
/// By how much that may be more after the last object than after the first.
const GROWTH_MIB: u64 = 16;

/// The most memory that this process has had, in MiB.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[test]
#[ignore = "the process whose memory is measured"]
fn the_process() {
    let [Ok(url), Ok(id), Ok(secret)] = PLACE.map(std::env::var) else { return };
    // As a run has it where nobody says otherwise.
    let options = BucketOptions { part: 8 << 20, parallel: 4, ..locked_options() };
    let sink = open(&way(&url).unwrap(), "run", &(id, secret), options, Timing::default()).unwrap();
    let (block, now) = (noise(BLOCK), Arc::new(|| Timestamp::from_seconds(0)));
    let engine = Engine::start(Arc::new(sink), Engine::default_workers(), DEFAULT_LEVEL, now).unwrap();
    for number in 0..OBJECTS {
        let key = format!("data/memory/kcore/{number:06}.lime.zst").parse().unwrap();
        let mut object = engine.open(key, Kind::Bulk).unwrap();
        (0..OBJECT / BLOCK).for_each(|_| object.write_all(&block).unwrap());
        let closed = object.close().unwrap();
        assert_eq!(closed.lost, None);
        println!("peak {} of {}", peak_mib(), closed.receipt.unwrap().size);
    }
}

#[test]
fn a_gigabyte_takes_no_more_memory_than_a_quarter_of_it() {
    let place = Place::with(Options { keep: 0, ..Options::default() }, Bucket::new(BUCKET).locked(None));
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--ignored", "--nocapture", "flat::the_process"]);
    command.envs(PLACE.into_iter().zip([place.double.url(), place.key.0.clone(), place.key.1.clone()]));
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let numbers = |line: &str| line.split_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<u64>>();
    let peaks: Vec<(u64, u64)> =
        said.lines().filter(|line| line.contains("peak ")).map(numbers).map(|all| (all[0], all[1])).collect();
    println!("{peaks:?} (MiB at most, bytes stored)");
    assert_eq!(peaks.len(), OBJECTS, "{said}");
    assert!(peaks.iter().all(|(_, stored)| *stored >= OBJECT as u64), "all of it went out: {peaks:?}");
    let (first, last) = (peaks[0].0, peaks[OBJECTS - 1].0);
    assert!(last <= MOST_MIB && last - first <= GROWTH_MIB, "{peaks:?}");
    let sent: u64 = (0..OBJECTS)
        .map(|number| format!("run/data/memory/kcore/{number:06}.lime.zst"))
        .map(|key| place.double.object(BUCKET, &key).unwrap().size)
        .sum();
    assert_eq!(sent, peaks.iter().map(|(_, stored)| stored).sum::<u64>());
}
