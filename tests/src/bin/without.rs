//! `without SYSCALL[,SYSCALL…] -- COMMAND…`: executes the command on a kernel that seems not to have these system calls: they
//! answer ENOSYS. For testing what a program does on an older kernel. `since-4.14` stands for all that came after Linux 4.14.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use hozen_tests::life::{self, Failure};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

const USAGE: &str = "usage: without SYSCALL[,SYSCALL...] -- COMMAND...";

fn main() -> ExitCode {
    life::report("without", without())
}

#[expect(clippy::disallowed_methods, reason = "this helper exists to execute a command")]
fn without() -> Result<(), Failure> {
    let mut arguments = std::env::args_os().skip(1);
    let missing = arguments.next().ok_or(USAGE)?.into_string().map_err(|_| USAGE)?;
    if arguments.next().is_none_or(|argument| argument != "--") {
        return Err(USAGE.into());
    }
    let program = arguments.next().ok_or(USAGE)?;
    seccompiler::apply_filter(&filter(&missing)?)?;
    let error = Command::new(&program).args(arguments).exec();
    Err(format!("{}: {error}", program.display()).into())
}

/// A filter that lets everything pass but the calls named in `missing`.
fn filter(missing: &str) -> Result<BpfProgram, Failure> {
    let mut rules = BTreeMap::new();
    for name in missing.split(',') {
        // No rule on the arguments: the call is refused whatever they are.
        let numbers = if name == "since-4.14" { since_4_14() } else { number(name).into_iter().collect() };
        let refused: Vec<_> = numbers.into_iter().map(|number| (number, Vec::new())).collect();
        if refused.is_empty() {
            return Err(format!("unknown system call {name}").into());
        }
        rules.extend(refused);
    }
    let enosys = u32::try_from(libc::ENOSYS)?;
    let filter =
        SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(enosys), std::env::consts::ARCH.try_into()?)?;
    Ok(filter.try_into()?)
}

/// The calls that Linux has got since 4.14: `io_pgetevents`, `rseq`, and those from 424 on, which all architectures number alike
/// (syscall_64.tbl of x86, asm-generic/unistd.h). What will come is among them.
fn since_4_14() -> Vec<libc::c_long> {
    let first = if cfg!(target_arch = "x86_64") { [333, 334] } else { [292, 293] };
    first.into_iter().chain(424..512).collect()
}

/// The number of a system call that has not always been there, or is not in every kernel.
fn number(name: &str) -> Option<libc::c_long> {
    Some(match name {
        "bpf" => libc::SYS_bpf,
        "close_range" => libc::SYS_close_range,
        "copy_file_range" => libc::SYS_copy_file_range,
        "faccessat2" => libc::SYS_faccessat2,
        "fsconfig" => libc::SYS_fsconfig,
        "fsmount" => libc::SYS_fsmount,
        "fsopen" => libc::SYS_fsopen,
        "getrandom" => libc::SYS_getrandom,
        "memfd_create" => libc::SYS_memfd_create,
        "mount_setattr" => libc::SYS_mount_setattr,
        "open_tree" => libc::SYS_open_tree,
        "openat2" => libc::SYS_openat2,
        "pidfd_open" => libc::SYS_pidfd_open,
        "seccomp" => libc::SYS_seccomp,
        "setns" => libc::SYS_setns,
        "statx" => libc::SYS_statx,
        _ => return None,
    })
}
