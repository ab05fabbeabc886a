//! How fast memory is read in a guest: `/proc/kcore` by the collector and by AVML, what LiME sends through a pipe by the collector and by a
//! program that does nothing but read it, and the same through LiME's socket. All of it goes nowhere, in one boot, in turn.

use std::collections::BTreeMap;
use std::time::Duration;

use hozen_tests::life::Failure;
use hozen_tests::mixture;
use hozen_tests::vm::Guest;
use serde_json::{Map, Value, json};

use crate::peers::{Peers, lab};
use crate::{figures, median, say};

/// Memory of the guest, and what of it is a mixture, in MiB.
const MEMORY: u32 = 512;
const MIXED: usize = 128;

const SCRIPT: &str = "\
now() { cut -d' ' -f1 /proc/uptime; }
timed() {
  name=$1; shift
  from=$(now)
  \"$@\" >/tmp/said 2>&1 || { echo \"failed: $*\"; cat /tmp/said; }
  echo \"$name $from $(now)\" >>/out/times
}
bare_socket() {
  insmod /lime.ko path=tcp:4444 format=lime localhostonly=1 timeout=0 &
  capture socket 4444 && wait && rmmod lime
}
bare_pipe() {
  rm -f /tmp/memory; mkfifo /tmp/memory
  insmod /lime.ko path=/tmp/memory format=lime timeout=0 &
  capture pipe /tmp/memory && wait && rmmod lime
}
round=0
while [ $round -lt ROUNDS ]; do
  timed bare capture bare
  timed avml avml acquire --source /proc/kcore /dev/null
  timed digests capture digests
  timed avml-snappy avml acquire --source /proc/kcore --compress /dev/null
  timed whole capture whole
  timed lime-socket bare_socket
  timed lime-bare bare_pipe
  timed lime-drain capture bare --module /lime.ko
  timed lime-digests capture digests --module /lime.ko
  timed lime-whole capture whole --module /lime.ko
  round=$((round + 1))
done
";

pub(crate) fn measure(peers: &Peers, runs: usize) -> Result<(), Failure> {
    let lab = lab()?;
    let guest = Guest::new(&lab).program(&peers.capture).program(&peers.avml).file("/lime.ko", 0o644, std::fs::read(lab.lime())?);
    let guest = guest.file("/mixture", 0o644, mixture::bytes(MIXED << 20)?).memory(MEMORY).limit(Duration::from_secs(3600));
    let ended = guest.boot(&SCRIPT.replace("ROUNDS", &runs.to_string())).end();
    if ended.exit != 0 || ended.console.contains("failed:") {
        return Err(format!("the guest failed:\n{}", ended.console).into());
    }
    let mut times: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for line in ended.text("times").lines() {
        let [name, from, to] = line.split(' ').collect::<Vec<_>>().try_into().map_err(|_| "a line of times that is none")?;
        times.entry(name.to_owned()).or_default().push(to.parse::<f64>()? - from.parse::<f64>()?);
    }
    let of = |name: &str| times.get(name).map_or(0.0, |times| median(times));
    let all: Map<String, Value> = times.iter().map(|(name, times)| (name.clone(), figures(times))).collect();
    say(
        "speed",
        json!({
            "memory_mib": MEMORY, "seconds": all,
            "bare_of_avml": of("bare") / of("avml"), "digests_of_avml": of("digests") / of("avml"),
            "whole_of_avml_snappy": of("whole") / of("avml-snappy"),
            "lime_bare_of_socket": of("lime-bare") / of("lime-socket"),
            "lime_drain_rate_of_bare": of("lime-bare") / of("lime-drain"),
            "lime_digests_rate_of_bare": of("lime-bare") / of("lime-digests"),
            "lime_whole_rate_of_bare": of("lime-bare") / of("lime-whole"),
        }),
    )
}
