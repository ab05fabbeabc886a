//! The filter that we put on ourselves before anything is read (seccomp(2)).
//!
//! It is not there against an attacker, who is root, but for whoever has to believe us: with it in force this process cannot
//! execute a program, load a module (but the one that the run was given, if it was), attach a mount, load or attach BPF, set the time or change a file's metadata, and it can open a file for writing
//! only by a name relative to a folder of its own evidence. The begin record holds the filter itself.
//!
//! What the filter cannot see lies in memory: names (the sink passes plain names without a slash) and the arguments of `openat2`, `bpf`
//! and `adjtimex` (`host::sys` passes none that write or set). An error here would be ours, and a test counts what is written.

use std::collections::BTreeMap;

use libc::{O_ACCMODE, O_CREAT, O_RDWR, O_TRUNC, O_WRONLY};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp as Op, SeccompCondition as Condition, SeccompFilter,
    SeccompRule,
};

use crate::model::{Digest, dsse};

/// The filter could not be built or put in force.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// It could not be built for this architecture.
    #[error("the seccomp filter cannot be built: {0}")]
    Build(String),
    /// The kernel refused it.
    #[error("the kernel refuses the seccomp filter: {0}")]
    Apply(String),
}

/// A filter, ready to be put in force.
#[derive(Debug)]
pub struct Sandbox {
    programs: Vec<BpfProgram>,
    denied: Vec<&'static str>,
    modules: Modules,
}

/// Whether this process may load and unload a kernel module.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Modules {
    /// It may not.
    #[default]
    Denied,
    /// It may, because the run was given one to load: `finit_module`, `init_module` where it cannot have a file in memory, and
    /// `delete_module`; nothing else more.
    Allowed,
}

/// What [`Modules::Allowed`] allows.
const FOR_MODULES: [&str; 3] = ["init_module", "finit_module", "delete_module"];

/// What bpf(2) may be asked for: the value of a key (1) and the next key (4) of a map, to open a pinned object (7), to list objects (11,
/// 12, 23, 31), to open one by its id (13, 14, 19, 30), to describe it (15), and which programs are attached somewhere (16). What loads,
/// attaches, pins, changes or runs anything is refused.
const BPF_QUESTIONS: [u64; 13] = [1, 4, 7, 11, 12, 13, 14, 15, 16, 19, 23, 30, 31];

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Calls that libc does not name for every architecture (asm-generic/unistd.h, and syscall_64.tbl of x86).
const SYS_KEXEC_FILE_LOAD: i64 = if cfg!(target_arch = "x86_64") { 320 } else { 294 };
const SYS_FCHMODAT2: i64 = 452;

/// System calls that are refused whatever their arguments.
const DENIED: &[(&str, i64)] = &[
    ("execve", libc::SYS_execve),
    ("execveat", libc::SYS_execveat),
    ("ptrace", libc::SYS_ptrace),
    ("process_vm_writev", libc::SYS_process_vm_writev),
    ("pidfd_send_signal", libc::SYS_pidfd_send_signal),
    ("init_module", libc::SYS_init_module),
    ("finit_module", libc::SYS_finit_module),
    ("delete_module", libc::SYS_delete_module),
    ("kexec_load", libc::SYS_kexec_load),
    ("kexec_file_load", SYS_KEXEC_FILE_LOAD),
    ("perf_event_open", libc::SYS_perf_event_open),
    ("io_uring_setup", libc::SYS_io_uring_setup),
    ("open_by_handle_at", libc::SYS_open_by_handle_at),
    ("reboot", libc::SYS_reboot),
    ("mount", libc::SYS_mount),
    ("umount2", libc::SYS_umount2),
    ("move_mount", libc::SYS_move_mount),
    ("pivot_root", libc::SYS_pivot_root),
    ("chroot", libc::SYS_chroot),
    ("unshare", libc::SYS_unshare),
    ("swapon", libc::SYS_swapon),
    ("swapoff", libc::SYS_swapoff),
    ("acct", libc::SYS_acct),
    ("syslog", libc::SYS_syslog),
    ("sethostname", libc::SYS_sethostname),
    ("setdomainname", libc::SYS_setdomainname),
    ("settimeofday", libc::SYS_settimeofday),
    ("clock_settime", libc::SYS_clock_settime),
    ("clock_adjtime", libc::SYS_clock_adjtime),
    ("linkat", libc::SYS_linkat),
    ("symlinkat", libc::SYS_symlinkat),
    ("mknodat", libc::SYS_mknodat),
    ("truncate", libc::SYS_truncate),
    ("fchmod", libc::SYS_fchmod),
    ("fchmodat", libc::SYS_fchmodat),
    ("fchmodat2", SYS_FCHMODAT2),
    ("fchown", libc::SYS_fchown),
    ("fchownat", libc::SYS_fchownat),
    ("utimensat", libc::SYS_utimensat),
    ("setxattr", libc::SYS_setxattr),
    ("lsetxattr", libc::SYS_lsetxattr),
    ("fsetxattr", libc::SYS_fsetxattr),
    ("removexattr", libc::SYS_removexattr),
    ("lremovexattr", libc::SYS_lremovexattr),
    ("fremovexattr", libc::SYS_fremovexattr),
    ("add_key", libc::SYS_add_key),
    ("request_key", libc::SYS_request_key),
    ("keyctl", libc::SYS_keyctl),
];

/// The old calls that only x86_64 has.
#[cfg(target_arch = "x86_64")]
const DENIED_X86_64: &[(&str, i64)] = &[
    ("fork", libc::SYS_fork),
    ("vfork", libc::SYS_vfork),
    ("creat", libc::SYS_creat),
    ("mkdir", libc::SYS_mkdir),
    ("rmdir", libc::SYS_rmdir),
    ("rename", libc::SYS_rename),
    ("renameat", libc::SYS_renameat),
    ("link", libc::SYS_link),
    ("unlink", libc::SYS_unlink),
    ("symlink", libc::SYS_symlink),
    ("mknod", libc::SYS_mknod),
    ("chmod", libc::SYS_chmod),
    ("chown", libc::SYS_chown),
    ("lchown", libc::SYS_lchown),
    ("utime", libc::SYS_utime),
    ("utimes", libc::SYS_utimes),
    ("futimesat", libc::SYS_futimesat),
];
#[cfg(not(target_arch = "x86_64"))]
const DENIED_X86_64: &[(&str, i64)] = &[];

impl Sandbox {
    /// Builds the filter. Descriptors from `least_folder_fd` up are the folders of the evidence, where writing is allowed.
    ///
    /// # Errors
    /// When there is no filter for this architecture.
    pub fn new(least_folder_fd: i32, modules: Modules) -> Result<Self, SandboxError> {
        let folder = u64::try_from(least_folder_fd).unwrap_or(0);
        let calls = DENIED.iter().chain(DENIED_X86_64);
        let calls: Vec<_> = calls.filter(|(name, _)| modules == Modules::Denied || !FOR_MODULES.contains(name)).collect();
        let mut rules: Rules = calls.iter().map(|(_, number)| (*number, Vec::new())).collect();
        rules.insert(libc::SYS_clone, vec![rule(vec![condition(0, Op::MaskedEq(clone_thread()), 0)?])?]);
        rules.insert(libc::SYS_kill, vec![rule(vec![condition(1, Op::Ne, 0)?])?]);
        rules.insert(libc::SYS_bpf, vec![no_question()?]);
        rules.insert(libc::SYS_openat, writing_elsewhere(folder)?);
        rules.insert(libc::SYS_mkdirat, elsewhere(0, folder)?);
        rules.insert(libc::SYS_unlinkat, elsewhere(0, folder)?);
        rules.insert(libc::SYS_renameat2, [elsewhere(0, folder)?, elsewhere(2, folder)?].concat());
        #[cfg(target_arch = "x86_64")]
        rules.insert(libc::SYS_open, writing(1)?.into_iter().map(|flag| rule(vec![flag])).collect::<Result<_, _>>()?);
        // Without clone3, libc falls back to clone, whose flags the filter can see.
        let no_clone3 = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
        let mut programs = vec![compile(rules, libc::EPERM)?, compile(no_clone3, libc::ENOSYS)?];
        programs.extend(no_second_numbering());
        let denied = calls.iter().map(|(name, _)| *name).collect();
        Ok(Self { programs, denied, modules })
    }

    /// Puts the filter in force for all threads of this process, for good.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn enter(&self) -> Result<(), SandboxError> {
        let apply = |program: &BpfProgram| seccompiler::apply_filter_all_threads(program);
        self.programs.iter().try_for_each(apply).map_err(|error| SandboxError::Apply(error.to_string()))
    }

    /// Puts the filter in force for the calling thread alone, for good.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn enter_thread(&self) -> Result<(), SandboxError> {
        let apply = |program: &BpfProgram| seccompiler::apply_filter(program);
        self.programs.iter().try_for_each(apply).map_err(|error| SandboxError::Apply(error.to_string()))
    }

    /// What the begin record says of it: the calls that are denied outright, and the programs that the kernel runs (struct
    /// sock_filter, 8 bytes each, in this machine's byte order) with their digest.
    #[must_use]
    pub fn describe(&self) -> BTreeMap<String, serde_json::Value> {
        let bytes: Vec<u8> = self.programs.iter().flatten().flat_map(instruction).collect();
        let modules: &[&str] = if self.modules == Modules::Allowed { &FOR_MODULES } else { &[] };
        BTreeMap::from([
            ("denied".to_owned(), self.denied.clone().into()),
            ("allowed_for_lime".to_owned(), modules.into()),
            (
                "conditional".to_owned(),
                "bpf, clone, kill, open, openat, mkdirat, unlinkat, renameat2; clone3 answers ENOSYS".into(),
            ),
            ("program_b64".to_owned(), dsse::base64(&bytes).into()),
            ("program_sha256".to_owned(), Digest::of(&bytes).to_string().into()),
        ])
    }
}

/// On x86_64 a kernel may know every call a second time, under a number with bit 30 set (x32), which rules by number would not
/// meet: none of them is let through.
fn no_second_numbering() -> Option<BpfProgram> {
    const X32_BIT: u32 = 0x4000_0000;
    let (load_number, jump_if_at_least, give_back) = (0x20, 0x35, 0x06);
    let step = |code, jt, jf, k| seccompiler::sock_filter { code, jt, jf, k };
    let program = vec![
        step(load_number, 0, 0, 0),
        step(jump_if_at_least, 0, 1, X32_BIT),
        step(give_back, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM.unsigned_abs()),
        step(give_back, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    cfg!(target_arch = "x86_64").then_some(program)
}

#[expect(clippy::host_endian_bytes, reason = "the kernel's own layout of struct sock_filter")]
fn instruction(filter: &seccompiler::sock_filter) -> [u8; 8] {
    let ([c0, c1], [k0, k1, k2, k3]) = (filter.code.to_ne_bytes(), filter.k.to_ne_bytes());
    [c0, c1, filter.jt, filter.jf, k0, k1, k2, k3]
}

fn compile(rules: Rules, errno: i32) -> Result<BpfProgram, SandboxError> {
    let build = |error: seccompiler::BackendError| SandboxError::Build(error.to_string());
    let arch = std::env::consts::ARCH.try_into().map_err(build)?;
    let refuse = SeccompAction::Errno(errno.unsigned_abs());
    SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch).and_then(BpfProgram::try_from).map_err(build)
}

fn rule(conditions: Vec<Condition>) -> Result<SeccompRule, SandboxError> {
    SeccompRule::new(conditions).map_err(|error| SandboxError::Build(error.to_string()))
}

fn condition(argument: u8, operator: Op, value: u64) -> Result<Condition, SandboxError> {
    Condition::new(argument, Dword, operator, value).map_err(|error| SandboxError::Build(error.to_string()))
}

/// Holds for a bpf(2) that does more than ask.
fn no_question() -> Result<SeccompRule, SandboxError> {
    rule(BPF_QUESTIONS.into_iter().map(|command| condition(0, Op::Ne, command)).collect::<Result<_, _>>()?)
}

fn clone_thread() -> u64 {
    u64::from(libc::CLONE_THREAD.unsigned_abs())
}

/// Refuses where descriptor argument `argument` is not a folder of the evidence: below the least, or negative (`AT_FDCWD`).
fn elsewhere(argument: u8, folder: u64) -> Result<Vec<SeccompRule>, SandboxError> {
    not_a_folder(argument, folder)?.into_iter().map(|condition| rule(vec![condition])).collect()
}

fn not_a_folder(argument: u8, folder: u64) -> Result<[Condition; 2], SandboxError> {
    Ok([condition(argument, Op::Lt, folder)?, condition(argument, Op::Ge, 1 << 31)?])
}

/// Conditions on the flags in argument `argument`, one of which holds if a file would be written, created or cut.
fn writing(argument: u8) -> Result<Vec<Condition>, SandboxError> {
    let flag = |mask: i32, value: i32| {
        condition(argument, Op::MaskedEq(u64::from(mask.unsigned_abs())), u64::from(value.unsigned_abs()))
    };
    Ok(vec![flag(O_ACCMODE, O_WRONLY)?, flag(O_ACCMODE, O_RDWR)?, flag(O_CREAT, O_CREAT)?, flag(O_TRUNC, O_TRUNC)?])
}

fn writing_elsewhere(folder: u64) -> Result<Vec<SeccompRule>, SandboxError> {
    let mut rules = Vec::new();
    for place in not_a_folder(0, folder)? {
        for flag in writing(2)? {
            rules.push(rule(vec![place.clone(), flag])?);
        }
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::errno::Errno;
    use std::os::fd::AsFd;

    /// Runs `test` on a thread with the filter in force, which ends with it.
    fn filtered(test: impl FnOnce() + Send + 'static) {
        let enter = || Sandbox::new(900, Modules::Denied).unwrap().enter_thread().unwrap();
        std::thread::spawn(move || {
            enter();
            test();
        })
        .join()
        .unwrap();
    }

    #[test]
    fn no_program_can_be_executed() {
        filtered(|| {
            let error = std::process::Command::new("/bin/true").spawn().unwrap_err();
            assert!(matches!(error.raw_os_error(), Some(libc::EPERM | libc::ENOSYS)), "{error}");
        });
    }

    #[test]
    #[cfg(target_env = "gnu")]
    fn the_numbers_that_libc_lacks_elsewhere_are_right() {
        assert_eq!((SYS_KEXEC_FILE_LOAD, SYS_FCHMODAT2), (libc::SYS_kexec_file_load, libc::SYS_fchmodat2));
    }

    #[test]
    fn threads_still_start() {
        filtered(|| assert_eq!(std::thread::spawn(|| 7).join().unwrap(), 7));
    }

    #[test]
    fn files_are_written_in_the_folders_of_the_evidence_only() {
        let dir = tempfile::tempdir().unwrap();
        let folder = std::fs::File::open(dir.path()).unwrap();
        let path = dir.path().to_owned();
        filtered(move || {
            let denied = |result: std::io::Result<()>| assert_eq!(result.unwrap_err().raw_os_error(), Some(libc::EPERM));
            denied(std::fs::File::create(path.join("a")).map(drop));
            denied(std::fs::create_dir(path.join("b")));
            denied(std::fs::OpenOptions::new().append(true).open("/etc/hostname").map(drop));
            denied(std::fs::remove_dir(&path));
            let ours = crate::host::sys::duplicate_from(folder.as_fd(), 900).unwrap();
            use nix::fcntl::{OFlag, openat};
            use nix::sys::stat::Mode;
            let create = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL;
            assert_eq!(openat(&folder, "c", create, Mode::S_IRWXU).unwrap_err(), Errno::EPERM);
            openat(&ours, "c", create, Mode::S_IRWXU).unwrap();
            assert!(std::fs::File::open(path.join("c")).is_ok());
        });
    }

    #[test]
    fn no_signal_is_sent_but_processes_can_be_looked_for() {
        filtered(|| {
            use nix::sys::signal::{Signal, kill};
            let me = nix::unistd::getpid();
            assert_eq!(kill(me, None), Ok(()));
            assert_eq!(kill(me, Signal::SIGCONT), Err(Errno::EPERM));
        });
    }

    #[test]
    fn bpf_answers_questions_and_does_nothing_else() {
        use crate::host::sys::{BpfKind, bpf_for_tests, bpf_next_id};
        // Without the filter, to tell its refusal from the kernel's.
        let unfiltered = bpf_for_tests::load("hozen_filter").map(drop);
        if let Err(errno) = unfiltered {
            crate::testing::skip(crate::testing::BPF, errno);
        }
        filtered(move || {
            assert_eq!(bpf_for_tests::load("hozen_filter").unwrap_err(), Errno::EPERM);
            if unfiltered.is_ok() {
                assert!(bpf_next_id(BpfKind::Program, 0).is_ok());
            }
        });
    }

    #[test]
    fn the_record_holds_the_program() {
        let description = Sandbox::new(900, Modules::Denied).unwrap().describe();
        assert!(description["program_b64"].as_str().unwrap().len() > 1000);
        assert!(description["denied"].as_array().unwrap().contains(&"finit_module".into()));
    }

    #[test]
    fn modules_are_refused_by_the_filter_unless_one_was_given() {
        let file = || std::fs::File::open("/dev/null").unwrap();
        let load = move || crate::host::sys::finit_module(file().as_fd(), c"");
        filtered(move || {
            assert_eq!(load(), Err(Errno::EPERM));
            assert_eq!(crate::host::sys::init_module(b"no module", c""), Err(Errno::EPERM));
            assert_eq!(crate::host::sys::delete_module(c"no_such_module_here"), Err(Errno::EPERM));
        });
        let open = Sandbox::new(900, Modules::Allowed).unwrap();
        let description = open.describe();
        assert_eq!(description["allowed_for_lime"], serde_json::json!(["init_module", "finit_module", "delete_module"]));
        assert!(!description["denied"].as_array().unwrap().contains(&"finit_module".into()));
        assert!(description["denied"].as_array().unwrap().contains(&"kexec_load".into()));
        if nix::unistd::geteuid().is_root()
            && crate::host::privilege::Privileges::read(&crate::host::ProcRoot::plain().unwrap()).unwrap().has("sys_module")
        {
            std::thread::spawn(move || {
                open.enter_thread().unwrap();
                assert_ne!(crate::host::sys::delete_module(c"no_such_module_here"), Err(Errno::EPERM));
            })
            .join()
            .unwrap();
        }
    }
}
