//! The same image through the whole pipeline and through `avml convert`, on this machine, both without a disk: the image lies in the
//! page cache, and what comes out goes nowhere.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use hozen_tests::life::Failure;
use hozen_tests::lime;
use hozen_tests::mixture::{Mixture, PAGE};
use serde_json::{Value, json};

use crate::peers::Peers;
use crate::{figures, median, say};

/// Bytes of memory in the image, and the address of the first.
const SIZE: u64 = 2 << 30;
const START: u64 = 1 << 20;
/// Where memory begins in the made-up core file.
const DIRECT: usize = 0x1_0000;
const BANNER: &[u8] = b"Linux version 6.1.0-bench (";

pub(crate) fn measure(peers: &Peers, runs: usize) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    make(folder.path())?;
    let (lime, host) = (folder.path().join("memory.lime"), folder.path().join("host"));
    let (mut ours, mut theirs, mut peak) = (Vec::new(), Vec::new(), 0);
    let mut stored = 0;
    for _ in 0..runs {
        let found = run(Command::new(&peers.capture).args(["whole", "--host"]).arg(&host))?;
        let number = |pointer: &str| found.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        if found.pointer("/found/status") != Some(&json!("ok")) || number("/found/content") < SIZE {
            return Err(format!("not a whole image: {found}").into());
        }
        ours.push(found.get("seconds").and_then(Value::as_f64).unwrap_or_default());
        (stored, peak) = (number("/found/stored"), peak.max(number("/process/peak_kib")));
        let begin = Instant::now();
        convert(peers, &lime, Path::new("/dev/null"))?;
        theirs.push(begin.elapsed().as_secs_f64());
    }
    let snappy = folder.path().join("memory.avml");
    convert(peers, &lime, &snappy)?;
    let their_stored = fs::metadata(&snappy)?.len();
    say(
        "image",
        json!({
            "bytes": SIZE, "seconds": figures(&ours), "avml_seconds": figures(&theirs), "of_avml": median(&ours) / median(&theirs),
            "stored": stored, "avml_stored": their_stored, "stored_of_avml": ratio(stored, their_stored),
            "peak_mib": peak / 1024,
        }),
    )
}

fn ratio(one: u64, other: u64) -> f64 {
    // Both are far below 2^52.
    let float = |value: u64| value.to_string().parse::<f64>().unwrap_or_default();
    float(one) / float(other)
}

fn convert(peers: &Peers, from: &Path, to: &Path) -> Result<(), Failure> {
    let mut command = Command::new(&peers.avml);
    command.args(["convert", "--source-format", "lime", "--format", "lime_compressed"]).arg(from).arg(to);
    let output = command.output()?;
    if output.status.success() { Ok(()) } else { Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into()) }
}

/// Runs a program that prints one line of JSON.
fn run(command: &mut Command) -> Result<Value, Failure> {
    let output = command.output()?;
    let said = || format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(serde_json::from_slice(&output.stdout)?) } else { Err(said().into()) }
}

/// Writes the memory twice below `folder`: as an image in LiME's format, and as `/proc/kcore` of a made-up host.
fn make(folder: &Path) -> Result<(), Failure> {
    let proc = folder.join("host/proc");
    fs::create_dir_all(proc.join("self"))?;
    fs::create_dir_all(proc.join("sys/kernel"))?;
    let last = START + SIZE - 1;
    fs::write(proc.join("iomem"), format!("{START:08x}-{last:08x} : System RAM\n"))?;
    fs::write(proc.join("self/status"), "CapEff:\t000001ffffffffff\n")?;
    fs::write(proc.join("sys/kernel/osrelease"), "6.1.0-bench\n")?;
    fs::write(proc.join("meminfo"), format!("MemTotal: {} kB\nMemFree: {} kB\n", SIZE >> 10, SIZE >> 12))?;
    let open = |path: &Path| Ok::<_, Failure>(BufWriter::with_capacity(1 << 20, File::create(path)?));
    let (mut lime, mut kcore) = (open(&folder.join("memory.lime"))?, open(&proc.join("kcore"))?);
    lime.write_all(&lime::header_of(&(START..=last)))?;
    kcore.write_all(&core_header())?;
    let (mut mixture, mut page) = (Mixture::of_this_machine()?, [0; PAGE]);
    for number in 0..SIZE / PAGE as u64 {
        mixture.fill(&mut page);
        if number == 2 {
            page.iter_mut().zip(BANNER).for_each(|(place, byte)| *place = *byte);
        }
        lime.write_all(&page)?;
        kcore.write_all(&page)?;
    }
    lime.flush()?;
    Ok(kcore.flush()?)
}

/// An ELF core file (elf(5)) with one part: all of the memory.
fn core_header() -> Vec<u8> {
    let mut out = b"\x7fELF\x02\x01\x01".to_vec();
    out.resize(16, 0);
    // ET_CORE, x86-64, version; entry; program headers at 64, no sections; flags; 64 bytes of header, headers of 56 bytes, one of them.
    out.extend([4_u16, 62].iter().flat_map(|half| half.to_le_bytes()));
    out.extend(1_u32.to_le_bytes());
    out.extend([0_u64, 64, 0].iter().flat_map(|long| long.to_le_bytes()));
    out.extend(0_u32.to_le_bytes());
    out.extend([64_u16, 56, 1, 64, 0, 0].iter().flat_map(|half| half.to_le_bytes()));
    // PT_LOAD, readable.
    out.extend([1_u32, 4].iter().flat_map(|word| word.to_le_bytes()));
    let longs = [DIRECT as u64, 0xffff_8880_0000_0000 + START, START, SIZE, SIZE, PAGE as u64];
    out.extend(longs.iter().flat_map(|long| long.to_le_bytes()));
    out.resize(DIRECT, 0);
    out
}
