//! All `unsafe` of this package: `fork`, `vfork`, capabilities, mappings, bpf(2) and one ioctl, for the helper programs, and what ties QEMU to
//! its test.
//!
//! **Invariant:** the helper programs have one thread, so a forked child may do all that its parent may.

#![expect(unsafe_code, reason = "fork, clone, prctl, mmap, bpf and ioctl have no safe form; they are gathered here")]

use std::ffi::{CStr, c_int, c_long, c_void};
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicI32, Ordering};

use nix::errno::Errno;
use nix::sys::mman::{MapFlags, ProtFlags};
use nix::sys::signal::Signal;
use nix::unistd::{ForkResult, Pid};

/// Forks. The child runs `child` and exits with what it returns; it is killed when its parent ends, so it cannot be orphaned.
///
/// # Errors
/// When the kernel has no room for another process.
pub fn fork(child: impl FnOnce() -> u8) -> nix::Result<Pid> {
    let parent = nix::unistd::getpid();
    // SAFETY: the process has one thread (this module's invariant), so no lock is held by a thread that the child lacks.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => exit_now(run_child(parent, child)),
    }
}

fn run_child(parent: Pid, child: impl FnOnce() -> u8) -> u8 {
    let tied = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).is_ok();
    // The parent may have ended before the line above; then nobody would ever kill us. The first process of a PID namespace cannot tell:
    // who is not in it is 0 there.
    if !tied || ![parent, Pid::from_raw(0)].contains(&nix::unistd::getppid()) {
        return 1;
    }
    catch_unwind(AssertUnwindSafe(child)).unwrap_or(101)
}

/// Ties a program that is about to be started to the thread that starts it: the kernel kills it when that thread ends, be it by
/// SIGKILL. The thread must live as long as the program is wanted.
pub fn end_with_this_thread(command: &mut Command) {
    let tie = || Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?);
    // SAFETY: between fork and exec the child only makes one system call; it allocates nothing and takes no lock.
    unsafe { command.pre_exec(tie) };
}

/// Keeps a capability, by its number, from every program that this process will execute (capabilities(7), the bounding set).
///
/// # Errors
/// With the kernel's errno; needs `CAP_SETPCAP`.
pub fn keep_from_programs(capability: u32) -> nix::Result<()> {
    // SAFETY: PR_CAPBSET_DROP takes a number and touches no memory of ours.
    Errno::result(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, libc::c_ulong::from(capability)) }).map(drop)
}

fn exit_now(code: u8) -> ! {
    // SAFETY: _exit takes any number and runs no code of ours: the parent's exit handlers must not run in a child.
    unsafe { libc::_exit(c_int::from(code)) }
}

/// Blocks for ever in state D (uninterruptible), as a parent whose `vfork` child has not yet executed anything. The child
/// only sleeps, and is killed when this process ends. Returns only when the child could not be made or was killed.
///
/// # Errors
/// With the kernel's errno.
pub fn sleep_in_vfork() -> nix::Result<()> {
    PARENT.store(nix::unistd::getpid().as_raw(), Ordering::SeqCst);
    let mut stack = vec![0_u128; 4096];
    let top: *mut u128 = stack.as_mut_ptr_range().end;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the child runs on its own 64 KiB stack, aligned to 16, which outlives it because this thread is suspended until
    // the child is gone; it shares our memory but writes none of it except its stack and errno.
    Errno::result(unsafe { libc::clone(sleeper, top.cast::<c_void>(), flags, ptr::null_mut()) })?;
    Ok(())
}

/// Who calls [`sleep_in_vfork`], for its child, which shares our memory.
static PARENT: AtomicI32 = AtomicI32::new(0);

extern "C" fn sleeper(_: *mut c_void) -> c_int {
    // SAFETY: PR_SET_PDEATHSIG takes a signal number and touches no memory of ours.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    // The parent may have ended before the line above; then nobody would ever kill us.
    while nix::unistd::getppid().as_raw() == PARENT.load(Ordering::SeqCst) {
        // SAFETY: pause has no preconditions.
        unsafe { libc::pause() };
    }
    exit_now(1)
}

/// Brings the loopback interface of this network namespace up, so that 127.0.0.1 exists in it.
///
/// # Errors
/// With the kernel's errno; needs `CAP_NET_ADMIN`.
pub fn loopback_up(socket: impl AsFd) -> nix::Result<()> {
    // SAFETY: an ifreq is plain old data, for which all zeros is a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(c"lo".to_bytes()) {
        *to = libc::c_char::try_from(*from).map_err(|_| Errno::EINVAL)?;
    }
    request.ifr_ifru.ifru_flags = libc::c_short::try_from(libc::IFF_UP | libc::IFF_RUNNING).map_err(|_| Errno::EINVAL)?;
    // SAFETY: the request is a whole ifreq with a terminated name; the kernel only reads it.
    unsafe { set_flags(socket.as_fd().as_raw_fd(), ptr::from_ref(&request)) }.map(drop)
}

nix::ioctl_write_ptr_bad!(
    /// `SIOCSIFFLAGS` (netdevice(7)): the flags of the interface that the request names.
    set_flags,
    libc::SIOCSIFFLAGS,
    libc::ifreq
);
/// Gives a socket a filter (`SO_ATTACH_FILTER`).
///
/// # Errors
/// With the kernel's errno.
pub fn attach_filter(socket: impl AsFd, program: &mut [libc::sock_filter]) -> nix::Result<()> {
    let len = libc::c_ushort::try_from(program.len()).map_err(|_| Errno::EINVAL)?;
    let option = libc::sock_fprog { len, filter: program.as_mut_ptr() };
    let length = libc::socklen_t::try_from(size_of::<libc::sock_fprog>()).map_err(|_| Errno::EINVAL)?;
    let (fd, pointer) = (socket.as_fd().as_raw_fd(), ptr::from_ref(&option).cast::<c_void>());
    // SAFETY: the option names a live program of as many instructions as it says; the kernel only reads both.
    Errno::result(unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, pointer, length) }).map(drop)
}

/// What kind of BPF program is loaded: `enum bpf_prog_type` of linux/bpf.h.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum BpfProgram {
    /// `BPF_PROG_TYPE_SOCKET_FILTER`.
    SocketFilter = 1,
    /// `BPF_PROG_TYPE_SCHED_CLS`.
    SchedClassifier = 3,
    /// `BPF_PROG_TYPE_XDP`.
    Xdp = 6,
    /// `BPF_PROG_TYPE_CGROUP_SKB`.
    ControlGroupPackets = 8,
    /// `BPF_PROG_TYPE_RAW_TRACEPOINT`.
    RawTracepoint = 17,
    /// `BPF_PROG_TYPE_FLOW_DISSECTOR`.
    FlowDissector = 22,
}

/// Loads a program that only returns `result` (`BPF_PROG_LOAD`), under this name of at most 15 bytes.
///
/// # Errors
/// With the kernel's errno.
pub fn load_program(kind: BpfProgram, name: &str, result: i32) -> nix::Result<OwnedFd> {
    #[repr(C)]
    struct Question(u32, u32, u64, u64, u32, u32, u64, u32, u32, [u8; 16]);
    let [a, b, c, d] = result.to_le_bytes();
    // `r0 = result; exit`, in the kernel's encoding.
    let code: [u8; 16] = [0xb7, 0, 0, 0, a, b, c, d, 0x95, 0, 0, 0, 0, 0, 0, 0];
    let mut padded = [0_u8; 16];
    let room = padded.get_mut(..name.len()).filter(|_| name.len() < 16).ok_or(Errno::ENAMETOOLONG)?;
    room.copy_from_slice(name.as_bytes());
    let (code, licence) = (code.as_ptr().expose_provenance() as u64, c"GPL".as_ptr().expose_provenance() as u64);
    let question = Question(kind as u32, 2, code, licence, 0, 0, 0, 0, 0, padded);
    // SAFETY: the question, the code and the licence are live for the call; the kernel only reads them.
    made(unsafe { libc::syscall(libc::SYS_bpf, 5, &raw const question, size_of::<Question>()) })
}

/// The descriptor that a system call which makes one has just returned.
fn made(answer: c_long) -> nix::Result<OwnedFd> {
    let fd = c_int::try_from(Errno::result(answer)?).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just returned this descriptor to us and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Attaches a program to what leaves the processes of a control group (`BPF_PROG_ATTACH`, `BPF_CGROUP_INET_EGRESS`).
///
/// # Errors
/// With the kernel's errno.
pub fn attach_to_group(group: impl AsFd, program: impl AsFd) -> nix::Result<()> {
    const EGRESS: c_int = 1;
    attach(group.as_fd().as_raw_fd(), program, EGRESS)
}

/// Lets a program take the packets of this network namespace apart (`BPF_PROG_ATTACH`, `BPF_FLOW_DISSECTOR`).
///
/// # Errors
/// With the kernel's errno.
pub fn attach_to_namespace(program: impl AsFd) -> nix::Result<()> {
    const FLOW_DISSECTOR: c_int = 17;
    attach(0, program, FLOW_DISSECTOR)
}

fn attach(target: c_int, program: impl AsFd, place: c_int) -> nix::Result<()> {
    let question: [c_int; 4] = [target, program.as_fd().as_raw_fd(), place, 0];
    // SAFETY: the question is live for the call and of the size given; the kernel only reads it.
    Errno::result(unsafe { libc::syscall(libc::SYS_bpf, 8, &raw const question, size_of_val(&question)) }).map(drop)
}

/// Ties a program to all that comes in by an interface of this network namespace, as long as the link is open (`BPF_LINK_CREATE`,
/// `BPF_XDP`, Linux 5.9).
///
/// # Errors
/// With the kernel's errno.
pub fn link_to_interface(index: c_int, program: impl AsFd) -> nix::Result<OwnedFd> {
    const XDP: c_int = 37;
    let question: [c_int; 4] = [program.as_fd().as_raw_fd(), index, XDP, 0];
    // SAFETY: the question is live for the call and of the size given; the kernel only reads it.
    made(unsafe { libc::syscall(libc::SYS_bpf, 28, &raw const question, size_of_val(&question)) })
}

/// Ties a program to a tracepoint of the kernel, as long as the link is open (`BPF_RAW_TRACEPOINT_OPEN`; a link since Linux 5.8).
///
/// # Errors
/// With the kernel's errno.
pub fn link_to_tracepoint(name: &CStr, program: impl AsFd) -> nix::Result<OwnedFd> {
    #[repr(C)]
    struct Question(u64, c_int, u32);
    let question = Question(name.as_ptr().expose_provenance() as u64, program.as_fd().as_raw_fd(), 0);
    // SAFETY: the question and its name, which ends with NUL, are live for the call; the kernel only reads them.
    made(unsafe { libc::syscall(libc::SYS_bpf, 17, &raw const question, size_of::<Question>()) })
}

/// Gives a program a name in a file system of BPF (`BPF_OBJ_PIN`).
///
/// # Errors
/// With the kernel's errno.
pub fn pin(program: impl AsFd, path: &CStr) -> nix::Result<()> {
    #[repr(C)]
    struct Question(u64, c_int, u32);
    let question = Question(path.as_ptr().expose_provenance() as u64, program.as_fd().as_raw_fd(), 0);
    // SAFETY: the question and its path, which ends with NUL, are live for the call; the kernel only reads them.
    Errno::result(unsafe { libc::syscall(libc::SYS_bpf, 6, &raw const question, size_of::<Question>()) }).map(drop)
}

/// How a mapping is made.
#[derive(Debug, Clone, Copy)]
pub struct Mapping<'a> {
    /// Bytes, whole pages.
    pub length: usize,
    /// Whether it can be executed as well as read and written.
    pub executable: bool,
    /// The file that is mapped shared; memory of its own without one.
    pub file: Option<BorrowedFd<'a>>,
}

/// Makes a mapping that stays until this process ends, and writes `content` at its beginning. Returns its address. No memory is
/// reserved for it, and no page made but those that are written.
///
/// # Errors
/// With the kernel's errno.
pub fn map(mapping: Mapping<'_>, content: &[u8]) -> nix::Result<usize> {
    let length = NonZeroUsize::new(mapping.length.max(content.len())).ok_or(Errno::EINVAL)?;
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    let access = if mapping.executable { access | ProtFlags::PROT_EXEC } else { access };
    let place: NonNull<c_void> = match mapping.file {
        // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing.
        Some(file) => unsafe { nix::sys::mman::mmap(None, length, access, MapFlags::MAP_SHARED, file, 0) }?,
        None => {
            let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE;
            // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing.
            unsafe { nix::sys::mman::mmap_anonymous(None, length, access, flags) }?
        }
    };
    // SAFETY: the mapping is writable, at least as long as the content, and nothing else refers to it.
    unsafe { place.cast::<u8>().copy_from_nonoverlapping(NonNull::from(content).cast(), content.len()) };
    Ok(place.as_ptr().expose_provenance())
}

/// Asks the kernel to put the pages of a mapping of ours into swap (madvise(2), `MADV_PAGEOUT`, Linux 5.4). Where there is no swap
/// nothing happens.
///
/// # Errors
/// With the kernel's errno.
pub fn page_out(address: usize, length: usize) -> nix::Result<()> {
    let place: *mut c_void = ptr::with_exposed_provenance_mut(address);
    // SAFETY: the advice changes where the content of pages is kept, and never the content; the kernel checks the address.
    Errno::result(unsafe { libc::madvise(place, length, libc::MADV_PAGEOUT) }).map(drop)
}

/// Memory that the kernel itself cannot read any more (memfd_secret(2), Linux 5.14).
///
/// # Errors
/// With the kernel's errno; `ENOSYS` where it has none.
pub fn memfd_secret() -> nix::Result<OwnedFd> {
    // SAFETY: only integers are passed.
    made(unsafe { libc::syscall(libc::SYS_memfd_secret, libc::O_CLOEXEC) })
}

/// Writes one byte to a shared mapping of the first page of `file`, then maps something else over it. While the dirty page is
/// being written back, the process holds its own `mmap_lock`; on a file system that does not answer, for ever.
///
/// # Errors
/// With the kernel's errno.
pub fn replace_dirty_page(file: impl AsFd) -> nix::Result<()> {
    let page = NonZeroUsize::new(4096).ok_or(Errno::EINVAL)?;
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing.
    let place: NonNull<c_void> = unsafe { nix::sys::mman::mmap(None, page, access, MapFlags::MAP_SHARED, file, 0) }?;
    // SAFETY: the byte is inside the page just mapped, which is writable and belongs to nobody else.
    unsafe { place.cast::<u8>().write_volatile(1) };
    let here = NonZeroUsize::new(place.addr().get());
    // SAFETY: it replaces exactly the page mapped above, to which no reference exists.
    unsafe { nix::sys::mman::mmap_anonymous(here, page, access, MapFlags::MAP_PRIVATE | MapFlags::MAP_FIXED) }?;
    Ok(())
}

/// Puts `code` into a new page that can be written and executed and has no file behind it, for as long as this process lives.
/// Returns its address.
///
/// # Errors
/// With the kernel's errno.
pub fn writable_code(code: &[u8]) -> nix::Result<usize> {
    let page = NonZeroUsize::new(4096).ok_or(Errno::EINVAL)?;
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE | ProtFlags::PROT_EXEC;
    // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing.
    let place: NonNull<c_void> = unsafe { nix::sys::mman::mmap_anonymous(None, page, access, MapFlags::MAP_PRIVATE) }?;
    let length = code.len().min(page.get());
    // SAFETY: at most one page is written, to the page just mapped, which belongs to nobody else.
    unsafe { ptr::copy_nonoverlapping(code.as_ptr(), place.cast::<u8>().as_ptr(), length) };
    Ok(place.addr().get())
}
