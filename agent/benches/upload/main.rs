//! What the way into a bucket costs: its rate against the slower of the pipeline without a bucket and of a plain uploader into the same
//! server, and the memory it takes, whatever the length of the stream.
//!
//! `cargo bench -p hozen --bench upload` starts the strict double of S3, which hashes what comes and throws it away, and prints:
//! - rates of the pipeline into nothing, of the pipeline into the bucket, and of boto3's transfer manager, which is that of the AWS CLI
//!   (8 MiB parts, 10 at once), with as many bytes as the pipeline stores: straight to a server on the same processors, to one that has
//!   a processor of its own, as a server elsewhere has, and over a link of 1 Gbit/s;
//! - processor time of the same three, the server's not counted: what a busy machine cannot blur as it does a rate;
//! - peak resident memory of a process that streams 1 and 32 GiB into the bucket.
//!
//! Content is `hozen_tests::mixture`, 64 MiB of it, over and over; it is not counted as memory.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark for developers, not part of the product"
)]

mod link;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use hozen::aws::Network;
use hozen::aws::credentials::Found;
use hozen::aws::options::{ImdsChoice, NetworkArgs};
use hozen::s3::options::Retention;
use hozen::s3::{BucketOptions, Opening, S3Sink, Timing};
use hozen_collector::host::{Clock, Host};
use hozen_collector::model::Timestamp;
use hozen_collector::sink::EvidenceSink;
use hozen_collector::sink::discard::DiscardSink;
use hozen_collector::stream::{DEFAULT_LEVEL, Engine, Kind, SEGMENT};
use hozen_tests::aws::access::Key;
use hozen_tests::aws::cloud::{ACCOUNT, Cloud, REGION};
use hozen_tests::s3::{Bucket, Options, S3Double};
use hozen_tests::{mixture, python};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use nix::unistd::Pid;
use serde_json::{Value, json};

const BUCKET: &str = "evidence";
const KEY: (&str, &str) = ("AKIAHOZENDOUBLE", "the-secret-of-the-double");
const ROUNDS: usize = 3;
const GIB: u64 = 1 << 30;
/// MiB of content, which is streamed again and again.
const BLOCK: usize = 64;
/// Bytes a second of the slow link: 1 Gbit/s.
const LINK: u64 = 125_000_000;
/// Ways to the server.
const STRAIGHT: &str = "straight";
const SLOW: &str = "over 1 Gbit/s";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["serve"] => serve(),
        ["pipeline", gib] => stream(Arc::new(DiscardSink), gib),
        ["upload", gib, url] => stream(Arc::new(sink(url)), gib),
        // Cargo adds an option of its own.
        _ => compare(),
    }
}

/// The server, until stdin closes.
fn serve() {
    let cloud = Cloud::new();
    cloud.add_key(Key::mighty(KEY.0, KEY.1));
    let double = S3Double::start(&cloud, Options { keep: 0, ..Options::default() });
    double.add_bucket(Bucket::new(BUCKET).locked(None));
    let slow = link::open(&double.url(), LINK);
    println!("{}", json!({ STRAIGHT: double.url(), SLOW: slow }));
    let _ = std::io::stdin().read_line(&mut String::new());
}

fn sink(url: &str) -> S3Sink {
    let empty = tempfile::tempdir().unwrap();
    std::fs::create_dir(empty.path().join("proc")).unwrap();
    let arguments = NetworkArgs {
        endpoint_url: Some(url.parse().unwrap()),
        region: Some(REGION.to_owned()),
        path_style: true,
        imds_endpoint: Some(ImdsChoice::Off),
        ..NetworkArgs::default()
    };
    let network = Arc::new(Network::open(arguments, &Host::fixture(empty.path()).unwrap()).unwrap());
    let credentials = Credentials::new(KEY.0, KEY.1, None, None, "bench");
    let credentials = Found { provider: SharedCredentialsProvider::new(credentials), record: json!({"source": "bench"}) };
    let options = BucketOptions {
        retention: Retention::For { mode: "COMPLIANCE", days: 30 },
        allow_unlocked: false,
        kms_key: None,
        owner: Some(ACCOUNT.to_owned()),
        part: 8 << 20,
        parallel: 4,
        max_bandwidth: None,
    };
    let place = format!("s3://{BUCKET}/{}", std::process::id()).parse().unwrap();
    let (timing, clock, hurried) = (Timing::default(), Clock::start(), Arc::new(|| false));
    S3Sink::open(Opening { network, credentials, place, options, timing, clock, hurried }).unwrap()
}

/// Streams so much content in segments, as an image is, and says how long that took.
fn stream(sink: Arc<dyn EvidenceSink>, gib: &str) {
    let (block, total) = (mixture::bytes(BLOCK << 20).unwrap(), gib.parse::<u64>().unwrap() * GIB);
    let engine = Engine::start(sink, Engine::default_workers(), DEFAULT_LEVEL, Arc::new(|| Timestamp::from_seconds(0))).unwrap();
    let (before, begin, mut done, mut stored) = (cpu_seconds(), Instant::now(), 0, 0);
    while done < total {
        let length = SEGMENT.min(total - done);
        let mut object = engine.open(format!("{done}.lime.zst").parse().unwrap(), Kind::Bulk).unwrap();
        for _ in 0..length / block.len() as u64 {
            object.write_all(&block).unwrap();
        }
        stored += object.close().unwrap().receipt.unwrap().size;
        done += length;
    }
    let seconds = begin.elapsed().as_secs_f64();
    println!(
        "{}",
        json!({ "seconds": seconds, "cpu": cpu_seconds() - before, "stored": stored, "peak_mib": peak_mib() - BLOCK })
    );
}

/// Seconds that this process's threads have had a processor for, in the kernel too.
fn cpu_seconds() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    [usage.user_time(), usage.system_time()].map(|time| time.num_microseconds() as f64 / 1e6).into_iter().sum()
}

/// Peak resident memory of this process.
fn peak_mib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() / 1024
}

/// The server as a process of its own, which ends with this one.
struct Server(Child, Value);

impl Server {
    fn start() -> Self {
        let mut child = this().arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self(child, serde_json::from_str(&line).unwrap())
    }

    fn url(&self, link: &str) -> &str {
        self.1.get(link).unwrap().as_str().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

fn this() -> Command {
    Command::new(std::env::current_exe().unwrap())
}

/// Runs a program that prints one line of JSON.
fn run(command: &mut Command) -> Value {
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{command:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn compare() {
    let Some(python) = python::with("the benchmark upload", &["boto3"]) else { return };
    let all = sched_getaffinity(Pid::from_raw(0)).unwrap();
    let (ours, its) = split(&all);
    for (name, link, ours, its) in [
        ("server on the same processors", STRAIGHT, &all, &all),
        ("server on a processor of its own", STRAIGHT, &ours, &its),
        ("over 1 Gbit/s", SLOW, &all, &all),
    ] {
        // What is started inherits where it may run.
        run_on(its);
        let server = Server::start();
        run_on(ours);
        let rounds: Vec<(f64, f64)> = (0..ROUNDS).map(|_| round(&server, &python, name, link)).collect();
        let (rates, work) = (rounds.iter().map(|round| round.0).collect(), rounds.iter().map(|round| round.1).collect());
        println!(
            "{name}: into the bucket / slower of both, median of {ROUNDS} rounds: rate {:.3}, processor time {:.3}",
            median(rates),
            median(work)
        );
    }
    run_on(&all);
    let server = Server::start();
    for gib in ["1", "32"] {
        let found = run(this().args(["upload", gib, server.url(STRAIGHT)]));
        println!("{gib} GiB into the bucket: peak {} MiB", found.get("peak_mib").unwrap());
    }
}

/// The processors for clients, and one for the server: all of them where there is only one.
fn split(all: &CpuSet) -> (CpuSet, CpuSet) {
    let is_set = |cpu: &usize| all.is_set(*cpu).unwrap_or(false);
    let (mut ours, mut its) = (*all, CpuSet::new());
    let cpus: Vec<usize> = (0..CpuSet::count()).filter(is_set).collect();
    let [_, .., last] = cpus.as_slice() else { return (*all, *all) };
    ours.unset(*last).unwrap();
    its.set(*last).unwrap();
    (ours, its)
}

fn run_on(cpus: &CpuSet) {
    sched_setaffinity(Pid::from_raw(0), cpus).unwrap();
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    *all.get(all.len() / 2).unwrap()
}

/// One round over a link: the ratios of rates, and of processor time.
fn round(server: &Server, python: &std::path::Path, name: &str, link: &str) -> (f64, f64) {
    let url = server.url(link);
    let number = |found: &Value, name: &str| found.get(name).unwrap().as_f64().unwrap();
    let pipeline = run(this().args(["pipeline", "2"]));
    let upload = run(this().args(["upload", "2", url]));
    let mut plain = Command::new(python);
    plain.arg(python::script("upload.py")).args([url, BUCKET, &upload.get("stored").unwrap().to_string(), REGION]);
    let plain = run(plain.envs([("AWS_ACCESS_KEY_ID", KEY.0), ("AWS_SECRET_ACCESS_KEY", KEY.1)]));
    let rate = |found: &Value| 2.0 * GIB as f64 / number(found, "seconds") / 1e6;
    println!(
        "{name}: pipeline {:.0} MB/s, into the bucket {:.0} MB/s, plain uploader {:.0} MB/s of content; {:.2}, {:.2}, {:.2} s of a processor",
        rate(&pipeline),
        rate(&upload),
        rate(&plain),
        number(&pipeline, "cpu"),
        number(&upload, "cpu"),
        number(&plain, "cpu"),
    );
    let ratio = |name: &str| number(&pipeline, name).max(number(&plain, name)) / number(&upload, name);
    (ratio("seconds"), ratio("cpu"))
}
