//! How much time an image spans: a program in the guest counts in every page of some of its memory, page after page, round after
//! round. What counters differ by in the image, in rounds, is the smear; in seconds, by the rate at which the program counted. A quarter of the
//! memory is a mixture, as in the image that `image` measures, so that what is stored weighs what it weighs elsewhere.
//!
//! Each is measured into a folder, which takes what comes, and into one that takes no more than a network takes that is as slow beside
//! this emulated processor as 1 Gbit/s is beside a real one.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use hozen_tests::helper::beside;
use hozen_tests::life::Failure;
use hozen_tests::mixture;
use hozen_tests::stamp;
use hozen_tests::vm::{Ended, Guest};
use serde_json::json;

use crate::peers::{Peers, lab};
use crate::{figures, say};

/// Memory of the guest and what of it is a mixture, in MiB, and pages of it that are counted in.
const MEMORY: u32 = 1024;
const MIXED: usize = 256;
const PAGES: u32 = 16_384;
/// Bytes a second that the slow destination takes.
const RATE: u32 = 4_000_000;
/// What is measured, each in a boot of its own: the image is what it leaves in `/out`. AVML knows no slow destination: it gets a pipe.
const CAPTURES: [(&str, &str); 8] = [
    ("kcore", "capture whole --to /out/image"),
    ("avml", "avml acquire --source /proc/kcore /out/image"),
    ("avml-snappy", "avml acquire --source /proc/kcore --compress /out/image"),
    ("lime", "capture whole --module /lime.ko --to /out/image"),
    ("kcore at RATE", "capture whole --to /out/image --rate RATE"),
    ("avml at RATE", "piped avml acquire --source /proc/kcore"),
    ("avml-snappy at RATE", "piped avml acquire --source /proc/kcore --compress"),
    ("lime at RATE", "capture whole --module /lime.ko --to /out/image --rate RATE"),
];
const SCRIPT: &str = "\
piped() {
  mkfifo /tmp/pipe
  capture pipe /tmp/pipe --to /out/image --rate RATE &
  \"$@\" /tmp/pipe && wait $!
}
mkfifo /tmp/hold
stamp PAGES /out/frames ticking </tmp/hold >/out/stamped &
exec 3>/tmp/hold
until grep -q ready /out/stamped; do sleep 0.1; done
read began rest </proc/uptime
CAPTURE >/out/said 2>&1
code=$?
read ended rest </proc/uptime
echo \" $began $ended\" | awk '{ print \"capture=\" $2 - $1 }' >/out/took
exec 3>&-
until grep -q moved /out/stamped; do sleep 0.1; done
exit $code
";

/// Measures all captures, or the one of this name.
pub(crate) fn measure(peers: &Peers, runs: usize, only: Option<&str>) -> Result<(), Failure> {
    let captures: Vec<_> = CAPTURES.into_iter().filter(|(name, _)| only.is_none_or(|only| only == *name)).collect();
    if captures.is_empty() {
        return Err(format!("no capture of this name; there are: {}", CAPTURES.map(|(name, _)| name).join(", ")).into());
    }
    let mut rounds = vec![Vec::new(); captures.len()];
    let (mut seconds, mut whole) = (rounds.clone(), rounds.clone());
    for _ in 0..runs {
        for (index, (name, command)) in captures.iter().enumerate() {
            let smear = one(peers, name, command)?;
            for (all, figure) in [(&mut rounds, smear.rounds), (&mut seconds, smear.seconds), (&mut whole, smear.whole)] {
                all.get_mut(index).ok_or("no place")?.push(figure);
            }
        }
    }
    for ((((name, _), rounds), seconds), whole) in captures.iter().zip(&rounds).zip(&seconds).zip(&whole) {
        let of = with_rate(name);
        let (rounds, seconds, whole) = (figures(rounds), figures(seconds), figures(whole));
        say("smear", json!({ "of": of, "memory_mib": MEMORY, "rounds": rounds, "seconds": seconds, "seconds_of_all": whole }))?;
    }
    Ok(())
}

fn with_rate(text: &str) -> String {
    text.replace("RATE", &RATE.to_string())
}

/// How far the counters lie apart, in rounds and in seconds, and how long all of the capture took.
struct Smear {
    rounds: f64,
    seconds: f64,
    whole: f64,
}

fn one(peers: &Peers, name: &str, command: &str) -> Result<Smear, Failure> {
    let lab = lab()?;
    let guest = Guest::new(&lab).program(&peers.capture).program(&peers.avml).program(&beside("stamp"));
    let guest = guest.file("/lime.ko", 0o644, std::fs::read(lab.lime())?).memory(MEMORY).limit(Duration::from_secs(900));
    // An image of all of its memory, and what else there is.
    let guest = guest.disk(2 * u64::from(MEMORY));
    let guest = guest.file("/mixture", 0o644, mixture::bytes(MIXED << 20)?);
    let ended = guest.boot(&with_rate(&SCRIPT.replace("CAPTURE", command).replace("PAGES", &PAGES.to_string()))).end();
    if ended.exit != 0 {
        return Err(format!("{command} failed: {}\n{}", ended.text("said"), ended.console).into());
    }
    let stamped = ended.text("stamped") + &ended.text("took");
    let fact =
        |fact: &str| stamped.split_ascii_whitespace().find_map(|word| word.strip_prefix(fact)).ok_or("no fact of the stamps");
    let frames = ended.text("frames").lines().map(str::parse).collect::<Result<Vec<u64>, _>>()?;
    let report = stamp::check(lime_image(peers, name, &ended)?.as_slice(), fact("run=")?.parse()?, &frames)?;
    // AVML leaves out the last byte of each range, and with it, at most, one page.
    if report.missing.len() > 8 || !report.wrong.is_empty() {
        return Err(format!(
            "{command}: the image is not whole: {} right, {} wrong, {} missing",
            report.right,
            report.wrong.len(),
            report.missing.len()
        )
        .into());
    }
    let (low, high) = report.counters.ok_or("no counters")?;
    let rounds = f64::from(u32::try_from(high - low)?);
    let seconds = rounds * fact("seconds=")?.parse::<f64>()? / fact("rounds=")?.parse::<f64>()?;
    Ok(Smear { rounds, seconds, whole: fact("capture=")?.parse()? })
}

/// The image in LiME's format.
fn lime_image(peers: &Peers, name: &str, ended: &Ended) -> Result<Vec<u8>, Failure> {
    let image = ended.out.join("image");
    match name.trim_end_matches(" at RATE") {
        "avml" => Ok(std::fs::read(image)?),
        "avml-snappy" => {
            let lime = ended.out.join("lime");
            let status = Command::new(&peers.avml).arg("convert").args([&image, &lime]).status()?;
            if status.success() { Ok(std::fs::read(lime)?) } else { Err("avml convert failed".into()) }
        }
        method => segments(&image.join("data/memory").join(method)),
    }
}

fn segments(folder: &Path) -> Result<Vec<u8>, Failure> {
    let mut files: Vec<_> = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let stored: Vec<u8> = files.iter().map(std::fs::read).collect::<Result<Vec<_>, _>>()?.concat();
    Ok(zstd::decode_all(stored.as_slice())?)
}
