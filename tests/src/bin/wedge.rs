//! `wedge DIR [--hold] [--lock] [--under POINT]`: mounts a file system on the empty directory and stops answering, as a network file
//! system does whose server is gone. Whoever asks it anything waits for ever. Needs root.
//!
//! - `--hold`: a child process has its working directory and an open directory in it.
//! - `--lock`: a child process hangs in state D while it holds its own `mmap_lock`, so that reading its `cmdline`, `environ` or
//!   `maps` in `/proc` hangs too.
//! - `--under`: an overlay on the directory POINT shows what lies there and, above it, the dead file system: to a mount table it is a local
//!   one, and it hangs as a disk does that has gone. Requests are not even taken then: who waits for an answer to one that was cannot be killed.
//!
//! Prints `ready mounted=DIR holder=PID locker=PID overlay=POINT`. When its stdin closes, or on SIGTERM, it prints `asked N [OPCODES]`, the
//! requests that came after `ready` (but for `--under`), and takes everything away. The kernel ends the file system, and with it every wait, as
//! soon as this process is gone, however it goes: only it has the device open.

use std::fs::{File, OpenOptions};
use std::io::{self, PipeWriter, Read as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use hozen_tests::fuse;
use hozen_tests::life::{self, Failure, Life};
use hozen_tests::raw;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::poll::PollTimeout;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

const USAGE: &str = "usage: wedge DIR [--hold] [--lock] [--under POINT]";

/// What there is to be beside the dead file system.
#[derive(Default)]
struct Wanted {
    hold: bool,
    lock: bool,
    under: Option<PathBuf>,
}

fn main() -> ExitCode {
    life::report("wedge", wedge())
}

fn wedge() -> Result<(), Failure> {
    let mut arguments = std::env::args_os().skip(1);
    let dir = PathBuf::from(arguments.next().ok_or(USAGE)?);
    let mut wanted = Wanted::default();
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--hold") => wanted.hold = true,
            Some("--lock") => wanted.lock = true,
            Some("--under") => wanted.under = Some(arguments.next().ok_or(USAGE)?.into()),
            _ => return Err(USAGE.into()),
        }
    }
    let life = Life::begin()?;
    let device = mounted(&dir)?;
    let mut children = Vec::new();
    let result = be_wedged(&life, &dir, device, &wanted, &mut children);
    let overlay = wanted.under.as_deref().map_or(Ok(()), |point| umount2(point, MntFlags::MNT_DETACH));
    let unmounted = umount2(&dir, MntFlags::MNT_DETACH);
    // The device is closed by now, so whoever waited for an answer has got an error and can be killed.
    life::end(&children);
    result?;
    Ok(overlay.and(unmounted)?)
}

fn mounted(dir: &Path) -> Result<File, Failure> {
    let device = OpenOptions::new().read(true).write(true).open("/dev/fuse")?;
    let options = format!("fd={},rootmode=40000,user_id=0,group_id=0,allow_other", device.as_raw_fd());
    mount(Some("wedge"), dir, Some("fuse"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV, Some(options.as_str()))?;
    Ok(device)
}

fn be_wedged(life: &Life, dir: &Path, device: File, wanted: &Wanted, children: &mut Vec<Pid>) -> Result<(), Failure> {
    serve(life, &device, fuse::INIT)?;
    let mut facts = vec![("mounted", dir.display().to_string())];
    if wanted.hold {
        let (mut reports, report) = io::pipe()?;
        let pid = raw::fork(|| be(&device, || hold_directory(dir, report)))?;
        children.push(pid);
        serve(life, &device, fuse::OPENDIR)?;
        reports.read_exact(&mut [0])?;
        facts.push(("holder", pid.to_string()));
    }
    if wanted.lock {
        let pid = raw::fork(|| be(&device, || hold_lock(dir)))?;
        children.push(pid);
        serve(life, &device, fuse::WRITE)?;
        facts.push(("locker", pid.to_string()));
    }
    if let Some(point) = &wanted.under {
        overlay(life, &device, dir, point)?;
        facts.push(("overlay", point.display().to_string()));
        life::ready(&facts)?;
        return Ok(life.wait()?);
    }
    life::ready(&facts)?;
    let asked = listen(life, &device)?;
    Ok(life::say(&format!("asked {} {asked:?}", asked.len()))?)
}

/// Answers requests up to the first one of kind `last`; answers that one too, unless it is the write that shall hang.
fn serve(life: &Life, device: &File, last: u32) -> Result<(), Failure> {
    loop {
        let news = life.over(PollTimeout::from(10_000_u16), Some(device.as_fd()))?;
        if news.is_over || !news.other {
            return Err(format!("the kernel did not send request {last} within 10 s").into());
        }
        let Some(request) = fuse::receive(device)? else { return Err("unmounted by someone else".into()) };
        if request.opcode != fuse::WRITE {
            fuse::answer(device, request)?;
        }
        if request.opcode == last {
            return Ok(());
        }
    }
}

/// Lays an overlay of the file system and of what lies in `point` on `point`, and answers what the kernel asks for that.
fn overlay(life: &Life, device: &File, dir: &Path, point: &Path) -> Result<(), Failure> {
    let layers = format!("lowerdir={}:{}", dir.display(), point.display());
    let lay = || mount(Some("overlay"), point, Some("overlay"), MsFlags::empty(), Some(layers.as_str()));
    let child = raw::fork(|| u8::from(lay().is_err()))?;
    loop {
        match waitpid(child, Some(WaitPidFlag::WNOHANG))? {
            WaitStatus::StillAlive => {}
            WaitStatus::Exited(_, 0) => return Ok(()),
            ended => return Err(format!("no overlay could be mounted on {}: {ended:?}", point.display()).into()),
        }
        let news = life.over(PollTimeout::from(20_u8), Some(device.as_fd()))?;
        if news.is_over {
            return Err("told to end before the overlay was mounted".into());
        }
        if news.other
            && let Some(request) = fuse::receive(device)?
        {
            fuse::answer(device, request)?;
        }
    }
}

/// Takes requests and answers none, until the end. Returns what they were.
fn listen(life: &Life, device: &File) -> Result<Vec<u32>, Failure> {
    let mut asked = Vec::new();
    loop {
        let news = life.over(PollTimeout::NONE, Some(device.as_fd()))?;
        if news.other {
            let request = fuse::receive(device)?;
            asked.extend(request.map(|request| request.opcode));
        }
        if news.is_over {
            return Ok(asked);
        }
    }
}

/// Runs a child's part. The child must not keep the device open: the kernel ends the connection when the last copy closes.
fn be(device: &File, part: impl FnOnce() -> Result<(), Failure>) -> u8 {
    let result = nix::unistd::close(device.as_raw_fd()).map_err(Failure::from).and_then(|()| part());
    if let Err(failure) = result {
        let _ = io::stderr().write_all(format!("wedge: a child failed: {failure}\n").as_bytes());
    }
    1
}

fn hold_directory(dir: &Path, mut report: PipeWriter) -> Result<(), Failure> {
    std::env::set_current_dir(dir)?;
    let _held = File::open(dir)?;
    report.write_all(&[0])?;
    life::sleep_for_ever()
}

fn hold_lock(dir: &Path) -> Result<(), Failure> {
    let trap = OpenOptions::new().read(true).write(true).open(dir.join("trap"))?;
    Ok(raw::replace_dirty_page(trap)?)
}
