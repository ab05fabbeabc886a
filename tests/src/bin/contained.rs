//! `contained [CAPABILITY…] -- COMMAND…`: executes the command as the runtime of a container would: `/proc/kcore` and `/proc/iomem` are
//! masked by `/dev/null`, in a mount namespace of its own, and of all capabilities it has these. Needs root.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use hozen_tests::host::Mounts;
use hozen_tests::life::{self, Failure};
use hozen_tests::raw;

const USAGE: &str = "usage: contained [CAPABILITY...] -- COMMAND...";

fn main() -> ExitCode {
    life::report("contained", contained())
}

#[expect(clippy::disallowed_methods, reason = "this helper exists to execute a command")]
fn contained() -> Result<(), Failure> {
    let mut arguments = std::env::args_os().skip(1);
    let mut kept = Vec::new();
    loop {
        let argument = arguments.next().ok_or(USAGE)?.into_string().map_err(|_| USAGE)?;
        if argument == "--" {
            break;
        }
        kept.push(number(&argument).ok_or_else(|| format!("unknown capability {argument}"))?);
    }
    let program = arguments.next().ok_or(USAGE)?;
    // It is not dropped by the program that takes this one's place.
    let _masked = masked();
    let last: u32 = std::fs::read_to_string("/proc/sys/kernel/cap_last_cap")?.trim().parse()?;
    for capability in (0..=last).filter(|capability| !kept.contains(capability)) {
        raw::keep_from_programs(capability)?;
    }
    let error = Command::new(&program).args(arguments).exec();
    Err(format!("{}: {error}", program.display()).into())
}

/// What the runtimes of containers hide of memory, as far as this host has it.
fn masked() -> Mounts {
    let mut mounts = Mounts::own();
    for path in ["/proc/kcore", "/proc/iomem"].map(Path::new) {
        if path.exists() {
            mounts.bind(Path::new("/dev/null"), path);
        }
    }
    mounts
}

/// The number of a capability that a container may be given (linux/capability.h).
fn number(name: &str) -> Option<u32> {
    match name {
        "sys_ptrace" => Some(19),
        "sys_admin" => Some(21),
        _ => None,
    }
}
