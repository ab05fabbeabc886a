//! `wedge DIR [--hold] [--lock]`: mounts a file system on the empty directory and stops answering, as a network file system
//! does whose server is gone. Whoever asks it anything waits for ever. Needs root.
//!
//! - `--hold`: a child process has its working directory and an open directory in it.
//! - `--lock`: a child process hangs in state D while it holds its own `mmap_lock`, so that reading its `cmdline`, `environ` or
//!   `maps` in `/proc` hangs too.
//!
//! Prints `ready mounted=DIR holder=PID locker=PID`. When its stdin closes, or on SIGTERM, it prints `asked N [OPCODES]`, the
//! requests that came after `ready`, and takes everything away. The kernel ends the file system, and with it every wait, as
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
use nix::unistd::Pid;

const USAGE: &str = "usage: wedge DIR [--hold] [--lock]";

fn main() -> ExitCode {
    life::report("wedge", wedge())
}

fn wedge() -> Result<(), Failure> {
    let mut arguments = std::env::args_os().skip(1);
    let dir = PathBuf::from(arguments.next().ok_or(USAGE)?);
    let (mut hold, mut lock) = (false, false);
    for argument in arguments {
        match argument.to_str() {
            Some("--hold") => hold = true,
            Some("--lock") => lock = true,
            _ => return Err(USAGE.into()),
        }
    }
    let life = Life::begin()?;
    let device = mounted(&dir)?;
    let mut children = Vec::new();
    let result = be_wedged(&life, &dir, device, (hold, lock), &mut children);
    let unmounted = umount2(&dir, MntFlags::MNT_DETACH);
    // The device is closed by now, so whoever waited for an answer has got an error and can be killed.
    life::end(&children);
    result?;
    Ok(unmounted?)
}

fn mounted(dir: &Path) -> Result<File, Failure> {
    let device = OpenOptions::new().read(true).write(true).open("/dev/fuse")?;
    let options = format!("fd={},rootmode=40000,user_id=0,group_id=0,allow_other", device.as_raw_fd());
    mount(Some("wedge"), dir, Some("fuse"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV, Some(options.as_str()))?;
    Ok(device)
}

fn be_wedged(life: &Life, dir: &Path, device: File, (hold, lock): (bool, bool), children: &mut Vec<Pid>) -> Result<(), Failure> {
    serve(life, &device, fuse::INIT)?;
    let mut facts = vec![("mounted", dir.display().to_string())];
    if hold {
        let (mut reports, report) = io::pipe()?;
        let pid = raw::fork(|| be(&device, || hold_directory(dir, report)))?;
        children.push(pid);
        serve(life, &device, fuse::OPENDIR)?;
        reports.read_exact(&mut [0])?;
        facts.push(("holder", pid.to_string()));
    }
    if lock {
        let pid = raw::fork(|| be(&device, || hold_lock(dir)))?;
        children.push(pid);
        serve(life, &device, fuse::WRITE)?;
        facts.push(("locker", pid.to_string()));
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
