//! `bench_memory [WHAT [RUNS [OF]]]`: measures what `docs/specification.md` promises about memory images, beside AVML and beside the plainest
//! program that does as much. `make bench-memory` builds what it needs, all of it with `--release`, and gets AVML.
//!
//! - `image`: the same image of 2 GiB ([`hozen_tests::mixture`]) through the whole pipeline and through `avml convert`, on this machine.
//! - `speed`: `/proc/kcore` and what LiME sends in a guest, into nothing.
//! - `footprint`: pages of a guest that change while a capture runs, less those that change in the same time without one.
//! - `smear`: how far counters that run all the time lie apart in an image of a guest.
//!
//! Without WHAT all of them. Runs alternate, RUNS of each (default 5), and medians count. OF limits `footprint` and `smear` to one capture (`lime`, `'avml at RATE'`). Each result is one line
//! of JSON. Times in a guest are those of an emulated processor; before QEMU 8.2 it has no SHA instructions: ratios to programs that hash nothing say so.

#![expect(
    clippy::disallowed_methods,
    reason = "a measuring program: it runs others and reads their results in the plainest way there is"
)]

mod footprint;
mod image;
mod peers;
mod smear;
mod speed;

use std::process::ExitCode;

use hozen_tests::life::{self, Failure};
use serde_json::{Value, json};

use self::peers::Peers;

fn main() -> ExitCode {
    life::report("bench_memory", bench())
}

fn bench() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let what = arguments.first().map_or("all", String::as_str);
    let runs = arguments.get(1).map_or(Ok(5), |text| text.parse())?;
    if !["all", "image", "speed", "footprint", "smear"].contains(&what) {
        return Err("usage: bench_memory [all|image|speed|footprint|smear [RUNS [OF]]]".into());
    }
    let peers = Peers::find()?;
    let wanted = |name: &str| what == "all" || what == name;
    if wanted("image") {
        image::measure(&peers, runs)?;
    }
    if wanted("speed") {
        speed::measure(&peers, runs)?;
    }
    if wanted("footprint") {
        footprint::measure(&peers, runs, arguments.get(2).map(String::as_str))?;
    }
    if wanted("smear") {
        smear::measure(&peers, runs, arguments.get(2).map(String::as_str))?;
    }
    Ok(())
}

/// The figures of several runs: median, lowest and highest, with three decimals.
fn figures(values: &[f64]) -> Value {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rounded = |value: Option<&f64>| value.map(|value| (value * 1000.0).round() / 1000.0);
    json!({ "median": rounded(sorted.get(sorted.len() / 2)), "lowest": rounded(sorted.first()), "highest": rounded(sorted.last()) })
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn say(what: &str, value: Value) -> Result<(), Failure> {
    Ok(life::say(&json!({ what: value }).to_string())?)
}
