//! How fast the stream is, as a ratio to its physical limits measured in the same run, and how much memory it takes.
//!
//! `cargo bench -p hozen-collector --bench stream` prints:
//! - the pipeline's rate against the slower of zstd alone (same level, same number of threads) and SHA-256 alone (one core);
//! - the peak memory of a process that streams 1, 4 and 16 GiB.
//!
//! The input is mixed: a third text-like, a third random, a third zeros, in blocks, streamed over and over.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark for developers, not part of the product"
)]

use std::sync::Arc;
use std::time::Instant;

use hozen_collector::model::Timestamp;
use hozen_collector::sink::discard::DiscardSink;
use hozen_collector::stream::{BULK_PART, Engine, Kind};
use sha2::{Digest as _, Sha256};

const MIB: usize = 1 << 20;
const LEVEL: i32 = 1;
const ROUNDS: usize = 5;

/// `length` bytes: blocks of 64 KiB, in turn text-like, random and zero.
fn mixed(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let words = ["the ", "process ", "socket ", "inode ", "0x7fff", "kernel ", "root:", "/usr/lib/", "\0\0\0\0", "\n"];
    let mut out = Vec::with_capacity(length + 65_536);
    for block in 0.. {
        let end = out.len() + 65_536;
        match block % 3 {
            0 => {
                while out.len() < end {
                    out.extend_from_slice(words[usize::try_from(random() % 10).unwrap()].as_bytes());
                    out.push(u8::try_from(random() % 64 + 32).unwrap());
                }
            }
            1 => {
                while out.len() < end {
                    out.extend_from_slice(&random().to_le_bytes());
                }
            }
            _ => out.resize(end, 0),
        }
        if out.len() >= length {
            out.truncate(length);
            return out;
        }
    }
    out
}

/// Seconds that the pipeline takes for `total` bytes.
fn pipeline(block: &[u8], total: usize, threads: usize) -> f64 {
    let engine = Engine::start(Arc::new(DiscardSink), threads, LEVEL, Arc::new(|| Timestamp::from_seconds(0))).unwrap();
    let begin = Instant::now();
    let mut object = engine.open("image".parse().unwrap(), Kind::Bulk).unwrap();
    for _ in 0..total / block.len() {
        block.chunks(MIB).for_each(|chunk| object.write_all(chunk).unwrap());
    }
    let closed = object.close().unwrap();
    assert_eq!(closed.receipt.unwrap().content.size, (total / block.len() * block.len()) as u64);
    begin.elapsed().as_secs_f64()
}

/// Seconds that zstd alone takes for `total` bytes on `threads` threads.
fn zstd_alone(block: &[u8], total: usize, threads: usize) -> f64 {
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut compressor = zstd::bulk::Compressor::new(LEVEL).unwrap();
                let mut out = Vec::with_capacity(zstd::zstd_safe::compress_bound(BULK_PART));
                for _ in 0..total / block.len() / threads {
                    for part in block.chunks(BULK_PART) {
                        out.clear();
                        compressor.compress_to_buffer(part, &mut out).unwrap();
                    }
                }
            });
        }
    });
    begin.elapsed().as_secs_f64()
}

/// Seconds that SHA-256 alone takes for `total` bytes on one core.
fn sha256_alone(block: &[u8], total: usize) -> f64 {
    let begin = Instant::now();
    let mut hasher = Sha256::new();
    (0..total / block.len()).for_each(|_| hasher.update(block));
    assert_ne!(hasher.finalize()[..], [0; 32]);
    begin.elapsed().as_secs_f64()
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn speed(threads: usize) {
    let (block, total) = (mixed(64 * MIB), 2048 * MIB);
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let (ours, zstd, sha) =
            (pipeline(&block, total, threads), zstd_alone(&block, total, threads), sha256_alone(&block, total));
        let rate = |seconds: f64| total as f64 / seconds / 1e6;
        println!(
            "threads {threads}: pipeline {:.0} MB/s, zstd {:.0} MB/s, SHA-256 {:.0} MB/s",
            rate(ours),
            rate(zstd),
            rate(sha)
        );
        ratios.push(zstd.max(sha) / ours);
    }
    println!("threads {threads}: pipeline / slower of both: median {:.3} of {ROUNDS} rounds", median(ratios));
}

/// Peak resident memory of this process in MiB.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--gib") {
        let gib: usize = arguments[at + 1].parse().unwrap();
        pipeline(&mixed(4 * MIB), gib * 1024 * MIB, Engine::default_workers());
        println!("{gib} GiB of input: peak {} MiB", peak_mib());
        return;
    }
    speed(Engine::default_workers());
    for gib in ["1", "4", "16"] {
        let status = std::process::Command::new(std::env::current_exe().unwrap()).args(["--gib", gib]).status().unwrap();
        assert!(status.success());
    }
}
