//! Processes in a state in which they do not run, or not for long.

#![expect(clippy::disallowed_methods, reason = "a helper program that reads the states of its children")]

use std::fs;
use std::io::{self, PipeWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use hozen_tests::life::{self, Failure, Life};
use hozen_tests::raw;
use nix::poll::PollTimeout;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::stay;

const STEP: Duration = Duration::from_millis(5);

/// Just sleeps.
pub(super) fn plain() -> Result<(), Failure> {
    stay(&Life::begin()?, Vec::new())
}

/// A child waits in state D: it has called `vfork`, and its child sleeps.
pub(super) fn dstate() -> Result<(), Failure> {
    let life = Life::begin()?;
    let child = raw::fork(|| u8::from(raw::sleep_in_vfork().is_err()))?;
    let result = until(|| Ok(state(child)? == 'D')).and_then(|()| {
        life::ready(&[("pid", child.to_string())])?;
        Ok(life.wait()?)
    });
    life::end(&[child]);
    result
}

/// The letter of a process's state: field 3 of `/proc/PID/stat`, after the name, which ends with the last `)`.
fn state(pid: Pid) -> Result<char, Failure> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, rest) = stat.rsplit_once(") ").ok_or("no state")?;
    Ok(rest.chars().next().ok_or("no state")?)
}

/// Polls until `done`, for ten seconds at most.
pub(super) fn until(mut done: impl FnMut() -> Result<bool, Failure>) -> Result<(), Failure> {
    for _ in 0..2000 {
        if done()? {
            return Ok(());
        }
        sleep(STEP);
    }
    Err("not within 10 s".into())
}

/// Children that live for two milliseconds, one after the other.
pub(super) fn mortal() -> Result<(), Failure> {
    let life = Life::begin()?;
    life::ready(&[life::own_pid()])?;
    while !life.over(PollTimeout::ZERO, None)?.is_over {
        let child = raw::fork(|| {
            sleep(Duration::from_millis(2));
            0
        })?;
        nix::sys::wait::waitpid(child, None)?;
    }
    Ok(())
}

/// A child is frozen by a control group.
///
/// A frozen process does not die of SIGKILL before it is thawed, so a second child, the keeper, cleans up when this process
/// is killed.
pub(super) fn frozen() -> Result<(), Failure> {
    let life = Life::begin()?;
    let child = raw::fork(|| life::sleep_for_ever())?;
    let group = Group::new(&format!("hozen-test-{child}"))?;
    let parent = nix::unistd::getpid();
    let (mut armed, mut arm) = io::pipe()?;
    let keeper = raw::fork(|| u8::from(arm_keeper(&mut arm).and_then(|()| keep(&life, &group, (parent, child))).is_err()))?;
    drop(arm);
    let result = armed.read_exact(&mut [0]).map_err(Failure::from).and_then(|()| group.freeze(child)).and_then(|()| {
        life::ready(&[("pid", child.to_string())])?;
        Ok(life.wait()?)
    });
    let thawed = group.thaw();
    life::end(&[child, keeper]);
    group.remove();
    result.and(thawed)
}

/// From here on the keeper outlives its parent. Nothing is frozen before it says so.
fn arm_keeper(arm: &mut PipeWriter) -> Result<(), Failure> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGTERM)?;
    Ok(arm.write_all(&[0])?)
}

/// Waits for the end or for the death of the parent, then sees to it that the child ends.
fn keep(life: &Life, group: &Group, (parent, child): (Pid, Pid)) -> Result<(), Failure> {
    if nix::unistd::getppid() == parent {
        life.wait()?;
    }
    nix::sys::signal::kill(child, Signal::SIGKILL)?;
    group.thaw()?;
    until(|| Ok(group.remove()))
}

/// A control group of our own that can be frozen.
pub(super) struct Group {
    dir: PathBuf,
    /// Whether this is version 1, with a hierarchy of its own for freezing.
    old: bool,
}

impl Group {
    pub(super) fn new(name: &str) -> Result<Self, Failure> {
        let old = Path::new("/sys/fs/cgroup/freezer/cgroup.procs").exists();
        let top = if old { "/sys/fs/cgroup/freezer" } else { "/sys/fs/cgroup" };
        let dir = Path::new(top).join(name);
        fs::create_dir(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        Ok(Self { dir, old })
    }

    pub(super) fn add(&self, process: Pid) -> Result<(), Failure> {
        Ok(fs::write(self.dir.join("cgroup.procs"), process.to_string())?)
    }

    fn freeze(&self, child: Pid) -> Result<(), Failure> {
        self.add(child)?;
        self.set(true)?;
        let (file, word) = if self.old { ("freezer.state", "FROZEN") } else { ("cgroup.events", "frozen 1") };
        until(|| Ok(fs::read_to_string(self.dir.join(file))?.contains(word)))
    }

    /// Of parent and keeper whoever comes later may find no group any more, and nobody in it.
    fn thaw(&self) -> Result<(), Failure> {
        match self.set(false) {
            Err(_) if !self.dir.exists() => Ok(()),
            result => result,
        }
    }

    fn set(&self, frozen: bool) -> Result<(), Failure> {
        let (file, word) = match (self.old, frozen) {
            (true, true) => ("freezer.state", "FROZEN"),
            (true, false) => ("freezer.state", "THAWED"),
            (false, true) => ("cgroup.freeze", "1"),
            (false, false) => ("cgroup.freeze", "0"),
        };
        Ok(fs::write(self.dir.join(file), word)?)
    }

    /// Removes it. Whether it is gone: it stays while the child has not ended.
    pub(super) fn remove(&self) -> bool {
        let _ = fs::remove_dir(&self.dir);
        !self.dir.exists()
    }
}
