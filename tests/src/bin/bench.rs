//! `bench [RUNS]`: measures what `docs/specification.md` promises about time, with the `hozen` beside this program or in
//! `HOZEN_BIN` (build both with `--release`).
//!
//! 1. The freeze-frame of a host with 3,000 processes and 10,000 sockets, made by `crowd`.
//! 2. A whole `--profile volatile` run on this host as it is.
//!
//! Each is run RUNS times (default 5) and the median counts. Beside each stands a yardstick measured in the same minute on
//! the same host: one thread that opens and reads the same files of `/proc` and keeps nothing. The ratio of the two says more
//! about Hozen than seconds, which say as much about the machine. Exits with 1 when a promise is not kept.

#![expect(clippy::disallowed_methods, reason = "a measuring program; it reads /proc in the plainest way there is")]

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use hozen_tests::agent::Agent;
use hozen_tests::evidence::Evidence;
use hozen_tests::helper::Helper;
use hozen_tests::life::{self, Failure};
use nix::sys::resource::{UsageWho, getrusage};
use serde_json::{Value, json};

/// What the specification promises.
const FREEZE_LIMIT: Duration = Duration::from_millis(1500);
/// What the specification promises.
const VOLATILE_LIMIT: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    match bench() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => life::report("bench", Err(failure)),
    }
}

fn bench() -> Result<bool, Failure> {
    let runs = std::env::args().nth(1).map_or(Ok(5), |text| text.parse())?;
    let agent = Agent::find();
    life::say(&format!(
        "{} on {} CPUs, median of {runs} runs",
        agent.program().display(),
        std::thread::available_parallelism()?
    ))?;
    let crowd = Helper::start("crowd", ["3000", "10000"]);
    let frozen = measure("freeze-frame of 3,000 processes and 10,000 sockets", FREEZE_LIMIT, runs, || freeze_frame(&agent))?;
    drop(crowd);
    let volatile = measure("whole volatile run on this host", VOLATILE_LIMIT, runs, || volatile(&agent))?;
    // Of all programs that this one has started; the crowd's parent is small.
    let peak_kib = getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss();
    life::say(&format!("peak resident size of any of them: {} MiB", peak_kib / 1024))?;
    Ok(frozen && volatile)
}

/// One measurement: what is promised about, and what it took from start to end of the program.
struct Taken {
    promised: Duration,
    program: Duration,
}

/// Measures `run` and the yardstick in turn, prints the medians, and tells whether the promise is kept.
fn measure(what: &str, limit: Duration, runs: usize, run: impl Fn() -> Result<Taken, Failure>) -> Result<bool, Failure> {
    let (mut promised, mut program, mut yardstick) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        let start = Instant::now();
        read_proc_plainly();
        yardstick.push(start.elapsed());
        let taken = run()?;
        promised.push(taken.promised);
        program.push(taken.program);
    }
    let (promised, program, yardstick) = (median(promised), median(program), median(yardstick));
    let line = json!({
        "what": what,
        "seconds": seconds(promised),
        "limit_seconds": seconds(limit),
        "of_limit": ratio(promised, limit),
        "yardstick_seconds": seconds(yardstick),
        "of_yardstick": ratio(promised, yardstick),
        "program_seconds": seconds(program),
        "kept": promised <= limit,
    });
    life::say(&line.to_string())?;
    Ok(promised <= limit)
}

fn freeze_frame(agent: &Agent) -> Result<Taken, Failure> {
    let folder = tempfile::tempdir()?;
    let (evidence, program) = collect(agent, folder.path(), &["--only", "freeze_frame"]);
    let rows = evidence.table("processes").len();
    if rows < 3000 {
        return Err(format!("the freeze-frame has only {rows} processes").into());
    }
    let step = evidence.step("freeze_frame");
    let time = |name: &str| step.get(name).and_then(Value::as_str).and_then(time_of_day).ok_or("no time in the step");
    let (started, finished) = (time("started")?, time("finished")?);
    let day = Duration::from_secs(24 * 3600);
    Ok(Taken { promised: finished.checked_sub(started).unwrap_or(finished + day - started), program })
}

fn volatile(agent: &Agent) -> Result<Taken, Failure> {
    let folder = tempfile::tempdir()?;
    let (_, program) = collect(agent, folder.path(), &["--profile", "volatile"]);
    Ok(Taken { promised: program, program })
}

fn collect(agent: &Agent, folder: &Path, options: &[&str]) -> (Evidence, Duration) {
    let to = folder.join("evidence");
    let start = Instant::now();
    let finished = agent.run(Agent::collection(&to, options));
    let taken = start.elapsed();
    finished.assert_sealed();
    (Evidence::open(&to), taken)
}

/// Reads what a freeze-frame reads of every process, as plainly as one thread can, and forgets it.
fn read_proc_plainly() {
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        if !entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit) {
            continue;
        }
        // Processes end, and kernel threads have no executable: what cannot be read is left out.
        for file in ["stat", "status", "cmdline", "cgroup", "loginuid", "sessionid"] {
            let _ = fs::read(entry.path().join(file));
        }
        for link in ["exe", "cwd", "root", "ns/net", "ns/mnt", "ns/pid"] {
            let _ = fs::read_link(entry.path().join(link));
        }
        for fd in fs::read_dir(entry.path().join("fd")).into_iter().flatten().flatten() {
            let _ = fs::read_link(fd.path());
        }
    }
    for table in ["tcp", "tcp6", "udp", "udp6", "raw", "unix", "packet", "netlink"] {
        let _ = fs::read(Path::new("/proc/net").join(table));
    }
}

/// Time since midnight of a time stamp such as `2026-11-22T04:10:11.123456Z`.
fn time_of_day(stamp: &str) -> Option<Duration> {
    let (clock, fraction) = stamp.strip_suffix('Z')?.split_once('T')?.1.split_once('.')?;
    let mut parts = clock.split(':').map(|part| part.parse::<u64>().ok());
    let (hours, minutes, whole) = (parts.next()??, parts.next()??, parts.next()??);
    let nanoseconds = format!("{fraction:0<9}").parse().ok()?;
    Some(Duration::new(hours * 3600 + minutes * 60 + whole, nanoseconds))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Seconds with three decimals.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

/// `one` over `other`, with two decimals.
fn ratio(one: Duration, other: Duration) -> f64 {
    (one.div_duration_f64(other) * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_any_number_of_decimals() {
        assert_eq!(time_of_day("2026-11-22T04:10:11.5Z"), Some(Duration::from_millis(15_011_500)));
        assert_eq!(time_of_day("2026-11-22T00:00:00.123456789Z"), Some(Duration::from_nanos(123_456_789)));
        assert_eq!(time_of_day("yesterday"), None);
    }
}
