//! Memory through the collector's own way, into nothing or into a folder: the program that `bench_memory` of the tests measures.
//!
//! `capture WHAT [--host FOLDER] [--to FOLDER] [--module FILE] [--threads N] [--rate BYTES]`, where WHAT is
//! - `whole`: the artefact `memory` as in a run: readers, digests, zstd, tables; through `/proc/kcore`, or by LiME where a module is named;
//! - `digests`: the same without the stream: readers, a digest of each extent, the gate;
//! - `bare`: the readers of `/proc/kcore` and nothing else, or, where a module is named, what takes LiME's stream and nothing else;
//! - `socket PORT`: reads what a socket of this machine gives, to its end, and nothing else;
//! - `pipe FILE`: the same of a named pipe, into the file `--to`: a destination for other programs.
//!
//! `--host` reads a folder that looks like a host in place of this machine, `--to` keeps what would be discarded, `--threads` says how
//! many compress, and `--rate` how many bytes a second `whole` and `pipe` take at most, as a network would. Prints one line of JSON:
//! seconds, bytes and, of this process, peak resident memory and threads.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measuring program for developers, not part of the product"
)]

mod pace;

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hozen_collector::collect::{self, Control, Observer, Planned, Progress};
use hozen_collector::host::Host;
use hozen_collector::model::record::Step;
use hozen_collector::model::{Digest, Gap, Receipt};
use hozen_collector::sink::directory::DirectorySink;
use hozen_collector::sink::discard::DiscardSink;
use hozen_collector::sink::{EvidenceSink, SinkError};
use hozen_collector::source::Source as _;
use hozen_collector::source::memory::{GivenModule, MemorySource, Method, Offer, drain_bare, read_bare};
use hozen_collector::source::nowhere::Nowhere;
use hozen_collector::stream::{DEFAULT_LEVEL, Engine};
use serde_json::{Value, json};

use self::pace::{Pace, Paced};

type Failure = Box<dyn std::error::Error>;

#[derive(Debug, Default)]
struct Options {
    words: Vec<String>,
    host: Option<PathBuf>,
    to: Option<PathBuf>,
    module: Option<PathBuf>,
    threads: Option<PathBuf>,
    rate: Option<PathBuf>,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut options = Self::default();
        while let Some(argument) = arguments.next() {
            let place = match argument.as_str() {
                "--host" => &mut options.host,
                "--to" => &mut options.to,
                "--module" => &mut options.module,
                "--threads" => &mut options.threads,
                "--rate" => &mut options.rate,
                _ => {
                    options.words.push(argument);
                    continue;
                }
            };
            *place = Some(PathBuf::from(arguments.next().ok_or("an option without a value")?));
        }
        Ok(options)
    }

    fn host(&self) -> Result<Host, Failure> {
        Ok(self.host.as_ref().map_or_else(Host::live, |folder| Host::fixture(folder))?)
    }

    /// What is taken at most, begun now.
    fn pace(&self) -> Result<Option<Pace>, Failure> {
        Ok(self.rate.as_ref().map(|text| text.display().to_string().parse()).transpose()?.map(Pace::begin))
    }

    fn source(&self) -> Result<MemorySource, Failure> {
        let Some(file) = &self.module else { return Ok(MemorySource { method: Method::Kcore, module: Offer::default() }) };
        let bytes = std::fs::read(file)?;
        let sha256 = Digest::of(&bytes);
        Ok(MemorySource {
            method: Method::Lime,
            module: Offer { module: Some(GivenModule { bytes: Ok(bytes.into()), sha256 }), store: None },
        })
    }
}

fn main() -> Result<(), Failure> {
    let options = Options::parse(std::env::args().skip(1))?;
    let begin = Instant::now();
    let words: Vec<&str> = options.words.iter().map(String::as_str).collect();
    let found = match words.as_slice() {
        ["whole"] => whole(&options)?,
        ["digests"] => {
            let outcome = options.source()?.acquire(&options.host()?, &mut Nowhere)?;
            json!({ "status": outcome.status.word(), "reasons": outcome.reasons })
        }
        ["bare"] => json!({ "bytes": bare(&options)? }),
        ["socket", port] => json!({ "bytes": drain(port.parse()?)? }),
        ["pipe", file] => json!({ "bytes": pipe(&options, file)? }),
        _ => {
            return Err(
                "usage: capture whole|digests|bare|socket PORT|pipe FILE [--host FOLDER] [--to FOLDER] [--module FILE] [--threads N] \
                 [--rate BYTES]"
                    .into(),
            );
        }
    };
    println!("{}", json!({ "seconds": begin.elapsed().as_secs_f64(), "found": found, "process": process()? }));
    Ok(())
}

fn bare(options: &Options) -> Result<u64, Failure> {
    let host = options.host()?;
    Ok(match &options.module {
        Some(file) => drain_bare(&host, &std::fs::read(file)?)?,
        None => read_bare(&host)?,
    })
}

fn whole(options: &Options) -> Result<Value, Failure> {
    let host = options.host()?;
    let sink: Arc<dyn EvidenceSink> = match &options.to {
        Some(folder) => Arc::new(DirectorySink::create(folder)?),
        None => Arc::new(DiscardSink),
    };
    let sink: Arc<dyn EvidenceSink> = match options.pace()? {
        Some(pace) => Arc::new(Paced { sink, pace: Arc::new(pace) }),
        None => sink,
    };
    let clock = host.clock;
    let threads = options.threads.as_ref().map_or(Ok(Engine::default_workers()), |text| text.display().to_string().parse())?;
    let engine = Engine::start(sink, threads, DEFAULT_LEVEL, Arc::new(move || clock.now()))?;
    let plan = vec![Planned { source: Box::new(options.source()?), skip: None }];
    let mut count = Count::default();
    let collected = collect::run(plan, &host, &Arc::new(engine), &Arc::new(Control::new(None)), &mut count);
    let step = &collected.first().ok_or("no step")?.step;
    let Count { content, stored, threads } = count;
    Ok(json!({ "status": step.status.word(), "reasons": step.reasons, "content": content, "stored": stored, "threads": threads }))
}

/// Counts what is stored, and the most threads that were seen.
#[derive(Debug, Default)]
struct Count {
    content: u64,
    stored: u64,
    threads: u64,
}

impl Observer for Count {
    fn step_started(&mut self, _: &'static str) {}
    fn gap(&mut self, _: &'static str, _: &Gap) {}
    fn object_stored(&mut self, receipt: &Receipt) {
        self.content += receipt.content.size;
        self.stored += receipt.size;
    }
    fn object_lost(&mut self, _: u64, _: &SinkError) {}
    fn step_finished(&mut self, _: &Step) {}
    fn tick(&mut self, _: &Progress) {
        self.threads = self.threads.max(of_status("Threads:").unwrap_or(0));
    }
}

/// Waits until somebody listens.
fn drain(port: u16) -> Result<u64, Failure> {
    let began = Instant::now();
    let mut stream = loop {
        match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
            Ok(stream) => break stream,
            Err(error) if began.elapsed() > Duration::from_secs(20) => return Err(error.into()),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let (mut buffer, mut bytes) = (vec![0; 256 << 10], 0);
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(bytes),
            length => bytes += u64::try_from(length)?,
        }
    }
}

fn pipe(options: &Options, file: &str) -> Result<u64, Failure> {
    let (mut from, pace) = (std::fs::File::open(file)?, options.pace()?);
    let mut to = std::fs::File::create(options.to.as_deref().unwrap_or(Path::new("/dev/null")))?;
    let (mut buffer, mut bytes) = (vec![0; 256 << 10], 0);
    loop {
        let length = from.read(&mut buffer)?;
        let Some(taken) = buffer.get(..length).filter(|taken| !taken.is_empty()) else { return Ok(bytes) };
        if let Some(pace) = &pace {
            pace.wait(length);
        }
        to.write_all(taken)?;
        bytes += u64::try_from(length)?;
    }
}

/// A number of `/proc/self/status`.
fn of_status(name: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

fn process() -> Result<Value, Failure> {
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF)?;
    let seconds = |time: nix::sys::time::TimeVal| {
        Duration::from_micros(u64::try_from(time.tv_sec() * 1_000_000 + time.tv_usec()).unwrap_or(0)).as_secs_f64()
    };
    Ok(json!({ "peak_kib": of_status("VmHWM:"), "user": seconds(usage.user_time()), "system": seconds(usage.system_time()) }))
}
