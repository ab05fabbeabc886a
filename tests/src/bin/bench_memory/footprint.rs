//! What a capture changes in the memory that it captures: a guest is halted before and after, its memory is written out by the emulator,
//! and pages that differ are counted. Then it rests for as long as the capture took, and what differs after that is taken off.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use hozen_tests::life::Failure;
use hozen_tests::mixture::PAGE;
use hozen_tests::vm::Guest;
use serde_json::json;

use crate::peers::{Peers, lab};
use crate::{figures, say};

/// Memory of the guest in MiB.
const MEMORY: u32 = 512;
/// What is measured, each in a boot of its own.
const CAPTURES: [(&str, &str); 5] = [
    ("kcore", "capture whole"),
    ("avml", "avml acquire --source /proc/kcore /dev/null"),
    ("avml-snappy", "avml acquire --source /proc/kcore --compress /dev/null"),
    ("lime", "capture whole --module /lime.ko"),
    ("true", "true"),
];
const SCRIPT: &str = "\
sleep 3
echo ready; read -r go
from=$(cut -d' ' -f1 /proc/uptime)
CAPTURE >/tmp/said 2>&1 || echo failed
to=$(cut -d' ' -f1 /proc/uptime)
echo \"took $from $to.\"; read -r seconds
sleep $seconds
echo rested; read -r go
cp /tmp/said /out/said
";

/// Measures all captures, or the one of this name.
pub(crate) fn measure(peers: &Peers, runs: usize, only: Option<&str>) -> Result<(), Failure> {
    let captures: Vec<_> = CAPTURES.into_iter().filter(|(name, _)| only.is_none_or(|only| only == *name)).collect();
    if captures.is_empty() {
        return Err(format!("no capture of this name; there are: {}", CAPTURES.map(|(name, _)| name).join(", ")).into());
    }
    let mut changed = vec![Vec::new(); captures.len()];
    let mut control = changed.clone();
    for _ in 0..runs {
        for (((_, command), changed), control) in captures.iter().zip(&mut changed).zip(&mut control) {
            let (during, after) = one(peers, command)?;
            changed.push(during - after);
            control.push(after);
        }
    }
    for (((name, _), changed), control) in captures.iter().zip(&changed).zip(&control) {
        say(
            "footprint",
            json!({ "of": name, "memory_mib": MEMORY, "pages": figures(changed), "control_pages": figures(control) }),
        )?;
    }
    Ok(())
}

/// Pages that changed while the capture ran, and in the same time after it.
fn one(peers: &Peers, command: &str) -> Result<(f64, f64), Failure> {
    let lab = lab()?;
    let guest = Guest::new(&lab).program(&peers.capture).program(&peers.avml).file("/lime.ko", 0o644, std::fs::read(lab.lime())?);
    let mut machine = guest.memory(MEMORY).limit(Duration::from_secs(900)).boot(&SCRIPT.replace("CAPTURE", command));
    let folder = tempfile::tempdir()?;
    let (before, after, later) = (folder.path().join("before"), folder.path().join("after"), folder.path().join("later"));
    let mut monitor = machine.monitor();
    let mut save = |file: &Path| {
        monitor.stop();
        monitor.save_memory(0, u64::from(MEMORY) << 20, file);
        monitor.go_on();
    };
    machine.await_text("ready\n");
    save(&before);
    machine.type_line("");
    machine.await_text(".\n");
    save(&after);
    let console = machine.console();
    let took = console.lines().find_map(|line| line.strip_prefix("took ")).ok_or("no time")?.trim_end_matches('.');
    let (from, to) = took.split_once(' ').ok_or("no time")?;
    let seconds = to.parse::<f64>()? - from.parse::<f64>()?;
    machine.type_line(&format!("{seconds:.2}"));
    machine.await_text("rested\n");
    save(&later);
    machine.type_line("");
    let ended = machine.end();
    if ended.console.contains("failed") {
        return Err(format!("{command} failed: {}", ended.text("said")).into());
    }
    Ok((different(&before, &after)?, different(&after, &later)?))
}

/// Pages of two files of one length that differ.
fn different(one: &Path, other: &Path) -> Result<f64, Failure> {
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    let (mut left, mut right, mut pages) = (vec![0; 1 << 20], vec![0; 1 << 20], 0_u32);
    while one.read_exact(&mut left).is_ok() {
        other.read_exact(&mut right)?;
        for (left, right) in left.chunks(PAGE).zip(right.chunks(PAGE)) {
            pages += u32::from(left != right);
        }
    }
    Ok(f64::from(pages))
}
