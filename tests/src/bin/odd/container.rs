//! A process tree as container engines make it: namespaces of its own, an overlay as root, a control group that bears an id.

#![expect(clippy::disallowed_methods, reason = "a helper program that lays out files")]

use std::fs;
use std::io::{self, PipeReader, PipeWriter, Write as _};
use std::path::Path;

use hozen_tests::life::{self, Failure, Life};
use hozen_tests::raw;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Pid, chdir, pivot_root, sethostname};

use super::files::{heard, listen, namespace};
use super::sha256;
use super::states::{Group, until};

/// Has a container in `dir`, until the end.
pub(super) fn container(dir: &Path) -> Result<(), Failure> {
    let life = Life::begin()?;
    for folder in ["lower/etc", "lower/proc", "lower/tmp", "lower/old", "upper", "work", "merged"] {
        fs::create_dir_all(dir.join(folder))?;
    }
    fs::write(dir.join("lower/etc/os-release"), "ID=odd\n")?;
    let (mut hear, say) = io::pipe()?;
    let id = sha256(dir.as_os_str().as_encoded_bytes());
    let group = Group::new(&format!("docker-{id}.scope"))?;
    // What is forked from here on is in a PID namespace of its own, and this process is not.
    let first = unshare(CloneFlags::CLONE_NEWPID).and_then(|()| raw::fork(|| first(&life, dir, say)));
    let result = first.map_err(Failure::from).and_then(|first| {
        let stayed = outside(&life, first, &group, &mut hear, &[("id", id), ("upper", dir.join("upper").display().to_string())]);
        // All others of its PID namespace go with it.
        life::end(&[first]);
        stayed
    });
    result.and(until(|| Ok(group.remove())))
}

/// Waits until the container is ready, states the facts, and waits for the end.
fn outside(life: &Life, first: Pid, group: &Group, hear: &mut PipeReader, own: &[(&str, String)]) -> Result<(), Failure> {
    let port = heard(hear)?;
    let worker: i32 = fs::read_to_string(format!("/proc/{first}/task/{first}/children"))?.trim().parse()?;
    for process in [first, Pid::from_raw(worker)] {
        group.add(process)?;
    }
    let mut facts = vec![("pid", first.to_string()), ("worker", worker.to_string()), ("port", port.to_string())];
    for (fact, kind) in [("mnt", "mnt"), ("pidns", "pid"), ("net", "net"), ("uts", "uts"), ("ipc", "ipc")] {
        facts.push((fact, namespace(first, kind)?));
    }
    facts.extend_from_slice(own);
    life::ready(&facts)?;
    Ok(life.wait()?)
}

/// The container's first process.
fn first(life: &Life, dir: &Path, say: PipeWriter) -> u8 {
    match inside(life, dir, say) {
        Ok(()) => 0,
        Err(failure) => {
            // Nobody is left to hear that stderr is closed.
            let _ = writeln!(io::stderr(), "odd: the container: {failure}");
            1
        }
    }
}

fn inside(life: &Life, dir: &Path, mut say: PipeWriter) -> Result<(), Failure> {
    let own = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWUTS | CloneFlags::CLONE_NEWIPC;
    unshare(own)?;
    root(dir).map_err(|error| format!("its root: {error}"))?;
    sethostname("odd-container")?;
    fs::write("/etc/planted", "planted in a container\n")?;
    fs::remove_file("/etc/os-release")?;
    fs::write("/tmp/volatile", "in the memory of a container\n")?;
    let worker = raw::fork(|| life::sleep_for_ever())?;
    let listener = listen(0, &mut say)?;
    let waited = life.wait();
    drop(listener);
    life::end(&[worker]);
    Ok(waited?)
}

/// Makes an overlay of the folders in `dir` the root, with the `/proc` of this PID namespace and a tmpfs.
fn root(dir: &Path) -> nix::Result<()> {
    const NONE: Option<&str> = None;
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)?;
    let at = |name: &str| dir.join(name);
    let folders = [("lowerdir", "lower"), ("upperdir", "upper"), ("workdir", "work")];
    let options = folders.map(|(option, name)| format!("{option}={}", at(name).display())).join(",");
    let root = at("merged");
    mount(Some("overlay"), root.as_path(), Some("overlay"), MsFlags::empty(), Some(options.as_str()))?;
    mount(Some("proc"), root.join("proc").as_path(), Some("proc"), MsFlags::empty(), NONE)?;
    mount(Some("tmpfs"), root.join("tmp").as_path(), Some("tmpfs"), MsFlags::empty(), Some("size=64k"))?;
    pivot_root(root.as_path(), root.join("old").as_path())?;
    chdir("/")?;
    umount2("/old", MntFlags::MNT_DETACH)
}
