//! The system calls that no safe crate offers. All `unsafe` of the project is in this file.
//!
//! **Invariant:** each function takes and returns owned or borrowed types that cannot dangle, checks the kernel's return
//! value, and has no effect on the host but the one its name says. None of them attaches a mount, writes or executes; the two that
//! load and unload a module are refused by the seccomp filter unless the run was given a module to load.
#![expect(unsafe_code, reason = "raw system calls; each block states why it is sound")]

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use libc::{c_int, c_long, c_uint};
use nix::NixPath;
use nix::errno::Errno;
use nix::unistd::Pid;

/// `open_tree(2)`: clone the mount instead of opening the path.
const OPEN_TREE_CLONE: c_uint = 1;
const OPEN_TREE_CLOEXEC: c_uint = libc::O_CLOEXEC.cast_unsigned();
/// `mount_setattr(2)` and `fsmount(2)` attributes (linux/mount.h).
const MOUNT_ATTR_RDONLY: u64 = 0x1;
const MOUNT_ATTR_NOSUID: u64 = 0x2;
const MOUNT_ATTR_NODEV: u64 = 0x4;
const MOUNT_ATTR_NOEXEC: u64 = 0x8;
const MOUNT_ATTR_NOATIME: u64 = 0x10;
/// The mask of the access-time modes, which are exclusive.
const MOUNT_ATTR_ATIME: u64 = 0x70;
const FSOPEN_CLOEXEC: c_uint = 1;
const FSCONFIG_CMD_CREATE: c_uint = 6;
const FSMOUNT_CLOEXEC: c_uint = 1;

/// `struct mount_attr` of linux/mount.h.
#[repr(C)]
#[derive(Debug, Default)]
struct MountAttr {
    attr_set: u64,
    attr_clr: u64,
    propagation: u64,
    userns_fd: u64,
}

/// `struct open_how` of linux/openat2.h.
#[repr(C)]
#[derive(Debug, Default, Clone, Copy)]
struct OpenHow {
    flags: u64,
    mode: u64,
    resolve: u64,
}

/// How a path may be resolved (openat2(2), `RESOLVE_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolve(u64);

impl Resolve {
    /// Never leaves the directory, never crosses a mount, never follows a magic link.
    pub const WITHIN: Self = Self(0x08 | 0x01 | 0x02);
    /// Never crosses a mount; magic links are followed (for `/proc/PID/exe`).
    pub const NO_XDEV: Self = Self(0x01);
    /// As if the directory were `/`: absolute links and `..` stay below it; mounts are crossed, magic links never followed.
    pub const IN_ROOT: Self = Self(0x10 | 0x02);
}

fn check(result: c_long) -> Result<c_long, Errno> {
    if result < 0 { Err(Errno::last()) } else { Ok(result) }
}

fn owned(result: c_long) -> Result<OwnedFd, Errno> {
    let fd = RawFd::try_from(check(result)?).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just returned this descriptor to us and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn with_path<T>(path: &(impl NixPath + ?Sized), call: impl FnOnce(&CStr) -> Result<T, Errno>) -> Result<T, Errno> {
    path.with_nix_path(call)?
}

/// A second descriptor for what `fd` is open on, with the lowest free number from `least` up, closed on exec.
///
/// # Errors
/// The kernel's errno; `EINVAL` where `least` is beyond the limit on open files.
pub fn duplicate_from(fd: BorrowedFd<'_>, least: RawFd) -> Result<OwnedFd, Errno> {
    // SAFETY: only integers are passed.
    owned(c_long::from(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, least) }))
}

/// A descriptor of our own for what the open descriptor `number` is open on, closed on exec.
///
/// # Errors
/// The kernel's errno; `EBADF` where no such descriptor is open.
pub fn duplicate_number(number: RawFd) -> Result<OwnedFd, Errno> {
    // SAFETY: only integers are passed; a number that is not open is an error of the kernel's.
    owned(c_long::from(unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3) }))
}

/// Overwrites the value of the environment variable `name` with zeros, where it stands: in the block that the kernel gave this
/// process, which `/proc/self/environ` shows. The variable is then there and empty. This process must not read it meanwhile.
pub fn wipe_variable(name: &CStr) {
    // SAFETY: `name` is NUL-terminated; the answer is NULL or points at a NUL-terminated value in the environment block.
    let value = unsafe { libc::getenv(name.as_ptr()) };
    if value.is_null() {
        return;
    }
    // SAFETY: not NULL, so a NUL-terminated value, and nothing changes the environment of this process.
    let length = unsafe { libc::strlen(value) };
    for at in 0..length {
        // SAFETY: `at` is below the value's length, so within it; the block is private, writable memory, and only the one who
        // takes credentials reads this variable.
        unsafe { value.wrapping_add(at).write_volatile(0) };
    }
}

/// `openat2(2)` (Linux 5.6).
///
/// # Errors
/// The kernel's errno; `ENOSYS` before 5.6, `EXDEV` where `resolve` forbids the path.
pub fn openat2(dir: BorrowedFd<'_>, path: &(impl NixPath + ?Sized), flags: c_int, resolve: Resolve) -> Result<OwnedFd, Errno> {
    let how = OpenHow { flags: u64::from((flags | libc::O_CLOEXEC).cast_unsigned()), mode: 0, resolve: resolve.0 };
    with_path(path, |path| {
        // SAFETY: `path` is NUL-terminated and `how` is a live open_how of the size given; the kernel only reads them.
        owned(unsafe { libc::syscall(libc::SYS_openat2, dir.as_raw_fd(), path.as_ptr(), &raw const how, size_of::<OpenHow>()) })
    })
}

/// A detached clone of the mount at `path`, read-only, without access times, devices or execution: `open_tree(2)` (Linux 5.2)
/// and `mount_setattr(2)` (5.12). No other process sees it, and it vanishes with the descriptor.
///
/// # Errors
/// The kernel's errno; `ENOSYS` on older kernels, `EPERM` without `CAP_SYS_ADMIN`.
pub fn detached_clone(path: &(impl NixPath + ?Sized)) -> Result<OwnedFd, Errno> {
    let flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (libc::AT_NO_AUTOMOUNT | libc::AT_SYMLINK_NOFOLLOW).cast_unsigned();
    let tree = with_path(path, |path| {
        // SAFETY: `path` is NUL-terminated and outlives the call; the kernel only reads it.
        owned(unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path.as_ptr(), flags) })
    })?;
    let attr = MountAttr {
        attr_set: MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOATIME,
        attr_clr: MOUNT_ATTR_ATIME,
        ..MountAttr::default()
    };
    // SAFETY: the empty path is NUL-terminated and `attr` is a live mount_attr of the size given; the kernel only reads them.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            &raw const attr,
            size_of::<MountAttr>(),
        )
    })?;
    Ok(tree)
}

/// A fresh detached instance of a pseudo file system such as `proc`: `fsopen(2)`, `fsconfig(2)`, `fsmount(2)` (Linux 5.2).
/// It is attached nowhere, so nothing can be mounted over a part of it.
///
/// # Errors
/// The kernel's errno; `ENOSYS` on older kernels, `EPERM` without `CAP_SYS_ADMIN`.
pub fn detached_filesystem(kind: &CStr) -> Result<OwnedFd, Errno> {
    // SAFETY: `kind` is NUL-terminated and outlives the call; the kernel only reads it.
    let context = owned(unsafe { libc::syscall(libc::SYS_fsopen, kind.as_ptr(), FSOPEN_CLOEXEC) })?;
    let nothing = std::ptr::null::<libc::c_char>();
    // SAFETY: FSCONFIG_CMD_CREATE takes no key and no value; both are null as the manual asks.
    check(unsafe { libc::syscall(libc::SYS_fsconfig, context.as_raw_fd(), FSCONFIG_CMD_CREATE, nothing, nothing, 0) })?;
    let attributes =
        c_uint::try_from(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOATIME)
            .map_err(|_| Errno::EINVAL)?;
    // SAFETY: only integers are passed.
    owned(unsafe { libc::syscall(libc::SYS_fsmount, context.as_raw_fd(), FSMOUNT_CLOEXEC, attributes) })
}

/// What `statx(2)` says of a file. Times are nanoseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Type and permissions, as `st_mode`.
    pub mode: u32,
    /// Hard links.
    pub nlink: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Inode number.
    pub ino: u64,
    /// Bytes.
    pub size: u64,
    /// 512-byte blocks in use.
    pub blocks: u64,
    /// Device number of the file system, `(major, minor)`.
    pub dev: (u32, u32),
    /// Device number of a device node, `(major, minor)`.
    pub rdev: (u32, u32),
    /// Access time.
    pub atime_ns: i128,
    /// Modification time.
    pub mtime_ns: i128,
    /// Status change time.
    pub ctime_ns: i128,
    /// Birth time, where the file system keeps one.
    pub btime_ns: Option<i128>,
    /// `stx_attributes` (immutable, append-only, …) that the file system reports.
    pub attributes: u64,
    /// Id of the mount through which it was reached, as mountinfo has it (Linux 5.8).
    pub mnt_id: Option<u64>,
}

impl Stat {
    /// The file type bits of `mode` (`S_IFMT`).
    #[must_use]
    pub fn kind(&self) -> u32 {
        self.mode & libc::S_IFMT
    }

    /// Whether it is a regular file.
    #[must_use]
    pub fn is_regular(&self) -> bool {
        self.kind() == libc::S_IFREG
    }

    /// Whether it is a directory.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        self.kind() == libc::S_IFDIR
    }

    /// Whether it is a symbolic link.
    #[must_use]
    pub fn is_symlink(&self) -> bool {
        self.kind() == libc::S_IFLNK
    }

    /// The type in words, for reasons.
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        match self.kind() {
            libc::S_IFREG => "regular file",
            libc::S_IFDIR => "directory",
            libc::S_IFLNK => "symbolic link",
            libc::S_IFIFO => "FIFO",
            libc::S_IFSOCK => "socket",
            libc::S_IFBLK => "block device",
            libc::S_IFCHR => "character device",
            _ => "file of unknown type",
        }
    }
}

/// `statx(2)` (Linux 4.11) of `path` below `dir`, or of `dir` itself where `path` is empty. A final symbolic link is not
/// followed unless `follow`; network file systems are not asked (`AT_STATX_DONT_SYNC`), automounts not triggered.
///
/// # Errors
/// The kernel's errno.
pub fn statx(dir: BorrowedFd<'_>, path: &(impl NixPath + ?Sized), follow: bool) -> Result<Stat, Errno> {
    let nofollow = if follow { 0 } else { libc::AT_SYMLINK_NOFOLLOW };
    let flags = libc::AT_EMPTY_PATH | libc::AT_NO_AUTOMOUNT | libc::AT_STATX_DONT_SYNC | nofollow;
    let mask = libc::STATX_BASIC_STATS | libc::STATX_BTIME | libc::STATX_MNT_ID;
    let mut out = MaybeUninit::<libc::statx>::zeroed();
    with_path(path, |path| {
        // SAFETY: `path` is NUL-terminated, `out` is writable for one struct statx; all its fields are integers.
        check(c_long::from(unsafe { libc::statx(dir.as_raw_fd(), path.as_ptr(), flags, mask, out.as_mut_ptr()) }))
    })?;
    // SAFETY: it was zeroed, and an all-zero struct statx is valid, so it is initialised whatever the kernel wrote.
    Ok(stat_from(&unsafe { out.assume_init() }))
}

fn stat_from(raw: &libc::statx) -> Stat {
    let time = |t: &libc::statx_timestamp| i128::from(t.tv_sec) * 1_000_000_000 + i128::from(t.tv_nsec);
    Stat {
        mode: u32::from(raw.stx_mode),
        nlink: raw.stx_nlink,
        uid: raw.stx_uid,
        gid: raw.stx_gid,
        ino: raw.stx_ino,
        size: raw.stx_size,
        blocks: raw.stx_blocks,
        dev: (raw.stx_dev_major, raw.stx_dev_minor),
        rdev: (raw.stx_rdev_major, raw.stx_rdev_minor),
        atime_ns: time(&raw.stx_atime),
        mtime_ns: time(&raw.stx_mtime),
        ctime_ns: time(&raw.stx_ctime),
        btime_ns: (raw.stx_mask & libc::STATX_BTIME != 0).then(|| time(&raw.stx_btime)),
        attributes: raw.stx_attributes & raw.stx_attributes_mask,
        mnt_id: (raw.stx_mask & libc::STATX_MNT_ID != 0).then_some(raw.stx_mnt_id),
    }
}

/// `pidfd_open(2)` (Linux 5.3). Unlike `kill(pid, 0)` it does not answer for the id of a thread that leads no process.
///
/// # Errors
/// `ESRCH` where there is no such process; `ENOSYS` on older kernels.
pub fn pidfd_open(pid: i32) -> Result<OwnedFd, Errno> {
    // SAFETY: only integers are passed.
    owned(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })
}

/// `renameat2(2)`: gives the file `from` of `folder` the name `to`. Without `replace` a file of that name is never replaced.
///
/// # Errors
/// The kernel's errno; without `replace` `EEXIST` where the name is taken, `EINVAL` where the file system cannot promise that.
pub fn rename(folder: BorrowedFd<'_>, from: &str, to: &str, replace: bool) -> Result<(), Errno> {
    let flags = if replace { 0 } else { libc::RENAME_NOREPLACE };
    with_path(from, |from| {
        with_path(to, |to| {
            let (fd, from, to) = (folder.as_raw_fd(), from.as_ptr(), to.as_ptr());
            // SAFETY: `folder` is open, and both names are NUL-terminated and outlive the call; the kernel only reads them.
            check(unsafe { libc::syscall(libc::SYS_renameat2, fd, from, fd, to, flags) }).map(drop)
        })
    })
}

/// `finit_module(2)`: loads the module that `fd` is open on. Returns when its init function does. No flags: the kernel checks
/// version and symbols as it sees fit.
///
/// # Errors
/// The kernel's errno, or what the module's init function returned.
pub fn finit_module(fd: BorrowedFd<'_>, parameters: &CStr) -> Result<(), Errno> {
    // SAFETY: `parameters` is NUL-terminated and outlives the call; the kernel only reads it.
    check(unsafe { libc::syscall(libc::SYS_finit_module, fd.as_raw_fd(), parameters.as_ptr(), 0) }).map(drop)
}

/// `init_module(2)`: loads the module whose bytes these are. Returns when its init function does.
///
/// # Errors
/// The kernel's errno, or what the module's init function returned.
pub fn init_module(module: &[u8], parameters: &CStr) -> Result<(), Errno> {
    // SAFETY: `module` lives for the call, and its length is its own; `parameters` is NUL-terminated and outlives the call. The
    // kernel only reads both.
    check(unsafe { libc::syscall(libc::SYS_init_module, module.as_ptr(), module.len(), parameters.as_ptr()) }).map(drop)
}

/// Ends the connection of a TCP socket at once and resets its other end, whatever waits unread (connect(2), `AF_UNSPEC`).
///
/// # Errors
/// The kernel's errno; `EBUSY` while another thread waits in the socket.
pub fn disconnect(socket: BorrowedFd<'_>) -> Result<(), Errno> {
    let nowhere = libc::sockaddr { sa_family: 0, sa_data: [0; 14] };
    let length = u32::try_from(size_of::<libc::sockaddr>()).map_err(|_| Errno::EOVERFLOW)?;
    // SAFETY: the address lives for the call, and its length is its own.
    Errno::result(unsafe { libc::connect(socket.as_raw_fd(), &raw const nowhere, length) }).map(drop)
}

/// `delete_module(2)` with `O_NONBLOCK`: unloads the module `name`, or fails at once where it is in use.
///
/// # Errors
/// The kernel's errno; `ENOENT` where there is no such module, `EWOULDBLOCK` where it is in use.
pub fn delete_module(name: &CStr) -> Result<(), Errno> {
    // SAFETY: `name` is NUL-terminated and outlives the call; the kernel only reads it.
    check(unsafe { libc::syscall(libc::SYS_delete_module, name.as_ptr(), libc::O_NONBLOCK) }).map(drop)
}

/// `fork(2)`, for a process of one thread: its child has a copy of everything. `None` in the child.
///
/// # Errors
/// `EBUSY` where this process has more threads, whose locks the child would have for ever; else the kernel's errno.
pub fn fork() -> Result<Option<Pid>, Errno> {
    let tasks = nix::dir::Dir::open("/proc/self/task", nix::fcntl::OFlag::O_RDONLY, nix::sys::stat::Mode::empty())?;
    let threads = tasks.into_iter().flatten().filter(|entry| !entry.file_name().to_bytes().starts_with(b".")).count();
    if threads != 1 {
        return Err(Errno::EBUSY);
    }
    // SAFETY: this thread is the only one, so in the child, too, nothing is left half done or locked by another.
    match unsafe { nix::unistd::fork() }? {
        nix::unistd::ForkResult::Parent { child } => Ok(Some(child)),
        nix::unistd::ForkResult::Child => Ok(None),
    }
}

/// Pages of one kind that stand side by side in an address space: `struct page_region` of linux/fs.h.
#[repr(C)]
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct PageRegion {
    /// First address.
    pub start: u64,
    /// First address behind it.
    pub end: u64,
    /// `PAGE_IS_*` bits.
    pub categories: u64,
}

/// `struct pm_scan_arg` of linux/fs.h.
#[repr(C)]
#[derive(Debug, Default)]
struct ScanArguments {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    vec: u64,
    vec_len: u64,
    max_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_anyof_mask: u64,
    return_mask: u64,
}

/// `PAGEMAP_SCAN`: `_IOWR('f', 16, struct pm_scan_arg)`.
const PAGEMAP_SCAN: libc::c_ulong = 0xC060_6610;

/// The pages from `start` to `end` of the address space behind `pagemap` that are of any of the `wanted` kinds, each with the
/// bits of `told` that it has (ioctl `PAGEMAP_SCAN`, Linux 6.7). Changes nothing: no flag that write-protects is passed. Returns
/// how many of `regions` were filled, and where the walk ended; `end` if all was looked at.
///
/// # Errors
/// The kernel's errno; `ENOTTY` on older kernels.
pub fn pagemap_scan(
    pagemap: BorrowedFd<'_>,
    (start, end): (u64, u64),
    (wanted, told): (u64, u64),
    regions: &mut [PageRegion],
) -> Result<(usize, u64), Errno> {
    let lengths = [size_of::<ScanArguments>(), regions.len()].map(u64::try_from);
    let [Ok(size), Ok(vec_len)] = lengths else { return Err(Errno::EINVAL) };
    let vec = u64::try_from(regions.as_mut_ptr().expose_provenance()).map_err(|_| Errno::EFAULT)?;
    let masks = ScanArguments { category_anyof_mask: wanted, return_mask: told, ..ScanArguments::default() };
    let mut arguments = ScanArguments { size, start, end, vec, vec_len, ..masks };
    // SAFETY: `arguments` is a live pm_scan_arg of the size it states, and its vector is writable for the entries it states.
    // The C libraries disagree on the type of an ioctl's number, so it is asked as a plain system call.
    let filled = check(unsafe { libc::syscall(libc::SYS_ioctl, pagemap.as_raw_fd(), PAGEMAP_SCAN, &raw mut arguments) })?;
    Ok((usize::try_from(filled).map_err(|_| Errno::EOVERFLOW)?.min(regions.len()), arguments.walk_end))
}

/// A socket of the netlink connector (linux/connector.h), for which nix has no name.
///
/// # Errors
/// The kernel's errno.
pub fn connector_socket() -> Result<OwnedFd, Errno> {
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC;
    // SAFETY: only integers are passed.
    owned(c_long::from(unsafe { libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_CONNECTOR) }))
}

/// What of its own iptables the kernel is asked for: `IP(6)T_SO_GET_INFO` and `IP(6)T_SO_GET_ENTRIES`, and those of arptables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XtablesQuestion {
    /// How many rules a table has, and where its chains begin.
    Info = 64,
    /// The rules.
    Entries = 65,
    /// As `Info`, of arptables (`ARPT_SO_GET_INFO`).
    ArpInfo = 96,
    /// As `Entries`, of arptables (`ARPT_SO_GET_ENTRIES`).
    ArpEntries = 97,
}

/// Asks the kernel's own iptables by a socket of IPv4 (`SOL_IP`, for arptables too) or IPv6 (`SOL_IPV6`). `value` begins with the table's name and, for
/// entries, their length; the kernel answers in it. Returns how much of it is the answer.
///
/// # Errors
/// The kernel's errno.
pub fn xtables(socket: BorrowedFd<'_>, level: c_int, what: XtablesQuestion, value: &mut [u8]) -> Result<usize, Errno> {
    let mut length = libc::socklen_t::try_from(value.len()).map_err(|_| Errno::EOVERFLOW)?;
    let (fd, option) = (socket.as_raw_fd(), what as c_int);
    // SAFETY: `value` is readable and writable for the length given, beyond which these options write nothing.
    Errno::result(unsafe { libc::getsockopt(fd, level, option, value.as_mut_ptr().cast(), &raw mut length) })?;
    Ok(usize::try_from(length).map_err(|_| Errno::EOVERFLOW)?.min(value.len()))
}

/// What the kernel keeps for BPF (bpf(2), linux/bpf.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BpfKind {
    /// A program.
    Program,
    /// A map.
    Map,
    /// Types of a program or of the kernel (BTF).
    Types,
    /// What keeps a program attached.
    Link,
}

impl BpfKind {
    /// `BPF_*_GET_NEXT_ID` and `BPF_*_GET_FD_BY_ID`.
    const fn commands(self) -> (c_long, c_long) {
        match self {
            Self::Program => (11, 13),
            Self::Map => (12, 14),
            Self::Types => (23, 19),
            Self::Link => (31, 30),
        }
    }
}

/// `bpf(2)` with an attribute of six words that holds no pointer.
fn bpf_numbers(command: c_long, attribute: &mut [u32; 6]) -> Result<c_long, Errno> {
    // SAFETY: the attribute is a live array of the size given. The commands passed here (GET_NEXT_ID, GET_FD_BY_ID) take numbers
    // only and write nothing but the attribute.
    check(unsafe { libc::syscall(libc::SYS_bpf, command, attribute.as_mut_ptr(), size_of::<[u32; 6]>()) })
}

/// The lowest id above `after` of an object of `kind`, if there is one (`BPF_*_GET_NEXT_ID`).
///
/// # Errors
/// The kernel's errno; `EPERM` without `CAP_SYS_ADMIN`, `EINVAL` where it has no such kind.
pub fn bpf_next_id(kind: BpfKind, after: u32) -> Result<Option<u32>, Errno> {
    let mut attribute = [after, 0, 0, 0, 0, 0];
    match bpf_numbers(kind.commands().0, &mut attribute) {
        Ok(_) => Ok(attribute.get(1).copied()),
        Err(Errno::ENOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Opens the object that is pinned as `path` below `dir` (`BPF_OBJ_GET`), for reading where its kind has that. What kind it is
/// the caller finds out from the descriptor's own `fdinfo`.
///
/// # Errors
/// The kernel's errno.
pub fn bpf_pinned(dir: BorrowedFd<'_>, path: &[u8]) -> Result<OwnedFd, Errno> {
    const OBJ_GET: c_long = 7;
    const READ_ONLY: u32 = 1 << 3;
    /// `pathname`, `bpf_fd`, `file_flags`.
    #[repr(C)]
    struct Question(u64, u32, u32);
    // The view has no access times, so that looking a pin up changes none; the kernel takes a folder for it only since Linux 6.5.
    let path = [format!("/proc/thread-self/fd/{}/", dir.as_raw_fd()).as_bytes(), path].concat();
    with_path(path.as_slice(), |path| {
        let pointer = u64::try_from(path.as_ptr().expose_provenance()).map_err(|_| Errno::EFAULT)?;
        let ask = |flags| {
            let question = Question(pointer, 0, flags);
            // SAFETY: the question is live and of the size given; its path is NUL-terminated and outlives the call.
            owned(unsafe { libc::syscall(libc::SYS_bpf, OBJ_GET, &raw const question, size_of::<Question>()) })
        };
        // Links are given out for reading and writing only.
        ask(READ_ONLY).or_else(|errno| if errno == Errno::EINVAL { ask(0) } else { Err(errno) })
    })
}

/// An open object of BPF, of which it is known what it is.
#[derive(Debug)]
pub struct BpfObject {
    fd: OwnedFd,
    kind: BpfKind,
}

/// What an object's structure points at, by name.
pub type BpfParts = Vec<(&'static str, Vec<u8>)>;

/// One such part: where the pointer stands in it, where the number of units, how long a unit is, and how many.
type Place = (&'static str, usize, usize, usize, u32);

impl BpfObject {
    /// Length of every structure up to that of Linux 6.18, and room for more.
    const INFO: usize = 320;
    /// More than any program, list or name has.
    const MOST: u32 = 64 << 20;

    /// Opens the object of `kind` with this id (`BPF_*_GET_FD_BY_ID`); a map for reading alone.
    ///
    /// # Errors
    /// The kernel's errno; `ENOENT` where it is gone.
    pub fn open(kind: BpfKind, id: u32) -> Result<Self, Errno> {
        let flags = if kind == BpfKind::Map { 1 << 3 } else { 0 };
        Ok(Self { fd: owned(bpf_numbers(kind.commands().1, &mut [id, 0, flags, 0, 0, 0])?)?, kind })
    }

    /// What the kernel says of it (`BPF_OBJ_GET_INFO_BY_FD`): its structure, and what that points at. Pointers are zeros.
    ///
    /// # Errors
    /// The kernel's errno.
    pub fn info(&self) -> Result<(Vec<u8>, BpfParts), Errno> {
        let (bare, _) = self.ask(&[])?;
        let places = self.places(&bare);
        if places.is_empty() { Ok((bare, Vec::new())) } else { self.ask(&places) }
    }

    /// Where `struct bpf_prog_info` and its like have pointers, and to how much, by what they said without any.
    fn places(&self, info: &[u8]) -> Vec<Place> {
        const TEXT: u32 = 4096;
        let number =
            |at: usize| info.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| super::netlink::u32_of(*bytes));
        let all: Vec<Place> = match (self.kind, number(0)) {
            (BpfKind::Program, _) => vec![
                ("jited", 24, 16, 1, number(16)),
                ("xlated", 32, 20, 1, number(20)),
                ("maps", 56, 52, 4, number(52)),
                ("ksyms", 112, 104, 8, number(104)),
                ("tags", 184, 180, 8, number(180)),
            ],
            // The kernel's own types are among its symbols already, and are megabytes.
            (BpfKind::Types, _) if number(28) == 0 => vec![("btf", 0, 8, 1, number(8)), ("name", 16, 24, 1, TEXT)],
            (BpfKind::Types, _) => vec![("name", 16, 24, 1, TEXT)],
            // A raw tracepoint or an iterator.
            (BpfKind::Link, 1 | 4) => vec![("target", 16, 24, 1, TEXT)],
            // A perf event on a uprobe, kprobe (at entry or return) or tracepoint.
            (BpfKind::Link, 7) if (1..=5).contains(&number(16)) => vec![("target", 24, 32, 1, TEXT)],
            // Many kprobes: addresses. Many uprobes: the file.
            (BpfKind::Link, 8) => vec![("addresses", 16, 24, 8, number(24))],
            (BpfKind::Link, 12) => vec![("target", 16, 48, 1, TEXT)],
            (BpfKind::Map | BpfKind::Link, _) => Vec::new(),
        };
        all.into_iter().filter(|(.., count)| (1..=Self::MOST).contains(count)).collect()
    }

    fn ask(&self, places: &[Place]) -> Result<(Vec<u8>, BpfParts), Errno> {
        const INFO_BY_FD: c_long = 15;
        /// `bpf_fd`, `info_len`, `info`.
        #[repr(C)]
        struct Question(c_int, u32, u64);
        let address = |bytes: &mut [u8]| u64::try_from(bytes.as_mut_ptr().expose_provenance()).map_err(|_| Errno::EFAULT);
        let mut info = vec![0_u8; Self::INFO];
        let mut parts = Vec::new();
        for (name, pointer, length, unit, count) in places {
            let mut part = vec![0_u8; usize::try_from(*count).map_err(|_| Errno::EOVERFLOW)?.saturating_mul(*unit)];
            put(&mut info, *pointer, &super::netlink::native_u64(address(&mut part)?))?;
            put(&mut info, *length, &super::netlink::native_u32(*count))?;
            parts.push((*name, part));
        }
        let length = u32::try_from(info.len()).map_err(|_| Errno::EOVERFLOW)?;
        let mut question = Question(self.fd.as_raw_fd(), length, address(&mut info)?);
        // SAFETY: the question and the structure are live and of the sizes given. The structure is zeros but for the pointers of
        // this very kind of object, each to a live buffer of as many units as the number beside it says.
        check(unsafe { libc::syscall(libc::SYS_bpf, INFO_BY_FD, &raw mut question, size_of::<Question>()) })?;
        // What the kernel did not write, for want of rights, it says by a pointer of zero.
        let given = |at: usize| info.get(at..).and_then(|rest| rest.first_chunk::<8>()).is_some_and(|bytes| *bytes != [0; 8]);
        let kept: Vec<bool> = places.iter().map(|(_, pointer, ..)| given(*pointer)).collect();
        for (_, pointer, ..) in places {
            put(&mut info, *pointer, &[0; 8])?;
        }
        Ok((info, parts.into_iter().zip(kept).filter(|(_, kept)| *kept).map(|(part, _)| part).collect()))
    }
}

/// Which programs are attached to a target in the place `attach_type` (`BPF_PROG_QUERY`), and how: the target is a descriptor of a
/// control group or network namespace, or the number of an interface.
///
/// # Errors
/// The kernel's errno.
pub fn bpf_query(target: u32, attach_type: u32) -> Result<(Vec<u32>, u32), Errno> {
    const PROG_QUERY: c_long = 16;
    /// `target_fd`, `attach_type`, `query_flags`, `attach_flags`, `prog_ids`, `prog_cnt`, and zeros. Kernels since 6.6 write `revision`
    /// at offset 56 whatever size they are told, so there is room for all that `union bpf_attr` has, and for what it may get.
    #[repr(C)]
    struct Question(u32, u32, u32, u32, u64, u32, u32, [u64; 28]);
    const { assert!(size_of::<Question>() >= 256, "the kernel writes behind what is smaller") };
    let mut ids = vec![0_u32; 64];
    loop {
        let room = u32::try_from(ids.len()).map_err(|_| Errno::EOVERFLOW)?;
        let pointer = u64::try_from(ids.as_mut_ptr().expose_provenance()).map_err(|_| Errno::EFAULT)?;
        let mut question = Question(target, attach_type, 0, 0, pointer, room, 0, [0; 28]);
        // SAFETY: the question is live, of the size given and larger than the kernel's `union bpf_attr`, in which all lies that is
        // written besides the ids; it points at a live buffer of as many of these as it says.
        let answer = check(unsafe { libc::syscall(libc::SYS_bpf, PROG_QUERY, &raw mut question, size_of::<Question>()) });
        match answer {
            Err(Errno::ENOSPC) if question.5 > room && question.5 < 1 << 16 => {
                ids.resize(usize::try_from(question.5).unwrap_or(64), 0)
            }
            answer => {
                answer?;
                ids.truncate(usize::try_from(question.5).map_err(|_| Errno::EOVERFLOW)?);
                return Ok((ids, question.3));
            }
        }
    }
}

/// The entries of a map, one after the other. Only reads: no entry is made, removed or, in the types that the caller lets through, marked
/// as used.
#[derive(Debug)]
pub struct BpfEntries<'a> {
    map: &'a BpfObject,
    key: Option<Vec<u8>>,
    key_size: usize,
    value: Vec<u8>,
    shown: usize,
}

/// A key, and its value unless it was gone.
pub type BpfEntry = (Vec<u8>, Option<Vec<u8>>);

impl<'a> BpfEntries<'a> {
    /// More than the value of any map that is read: also that of a map of which each processor has a value of its own, however many.
    const ROOM: usize = 16 << 20;
    const PROCESSORS: usize = 8192;

    /// For `map`, of which each of `processors` has a value of its own, or all together have one.
    ///
    /// # Errors
    /// The kernel's errno; `EFBIG` where its keys or values are longer than there is room for; `EINVAL` where it is no map.
    pub fn of(map: &'a BpfObject, processors: Option<usize>) -> Result<Self, Errno> {
        let (info, _) = map.info()?;
        let number =
            |at: usize| info.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| super::netlink::u32_of(*bytes));
        let size = |at| usize::try_from(number(at)).map_err(|_| Errno::EOVERFLOW);
        let (key_size, value_size) = (size(8)?, size(12)?);
        if map.kind != BpfKind::Map || key_size == 0 || value_size == 0 {
            return Err(Errno::EINVAL);
        }
        let (shown, most) = match processors {
            Some(processors) => {
                let each = value_size.next_multiple_of(8);
                (each.saturating_mul(processors), each.saturating_mul(Self::PROCESSORS))
            }
            None => (value_size, value_size),
        };
        if most > Self::ROOM || key_size > Self::ROOM || processors.is_some_and(|count| count > Self::PROCESSORS) {
            return Err(Errno::EFBIG);
        }
        // Zeros that are never touched take no memory, and a length that lies does no harm.
        Ok(Self { map, key: None, key_size, value: vec![0; Self::ROOM], shown })
    }

    /// The next entry (`BPF_MAP_GET_NEXT_KEY`, `BPF_MAP_LOOKUP_ELEM`).
    ///
    /// # Errors
    /// The kernel's errno.
    pub fn step(&mut self) -> Result<Option<BpfEntry>, Errno> {
        const LOOKUP: c_long = 1;
        const NEXT_KEY: c_long = 4;
        let mut next = vec![0_u8; Self::ROOM.min(self.key_size.max(4096))];
        let previous = self.key.as_deref_mut();
        match self.map.ask_of_key(NEXT_KEY, previous, &mut next) {
            Ok(()) => {}
            Err(Errno::ENOENT) => return Ok(None),
            Err(errno) => return Err(errno),
        }
        let value = match self.map.ask_of_key(LOOKUP, Some(&mut next), &mut self.value) {
            Ok(()) => self.value.get(..self.shown).map(<[u8]>::to_owned),
            // Removed meanwhile, or an empty place of an array of objects.
            Err(Errno::ENOENT) => None,
            Err(errno) => return Err(errno),
        };
        let key = next.get(..self.key_size).unwrap_or_default().to_owned();
        self.key = Some(next);
        Ok(Some((key, value)))
    }
}

impl BpfObject {
    /// One question about a key of a map, whose answer goes to `answer`.
    fn ask_of_key(&self, command: c_long, key: Option<&mut [u8]>, answer: &mut [u8]) -> Result<(), Errno> {
        /// `map_fd`, key, `value` or `next_key`, flags.
        #[repr(C)]
        struct Question(u32, u32, u64, u64, u64);
        let address = |bytes: &mut [u8]| u64::try_from(bytes.as_mut_ptr().expose_provenance()).map_err(|_| Errno::EFAULT);
        let key = key.map_or(Ok(0), address)?;
        let fd = u32::try_from(self.fd.as_raw_fd()).map_err(|_| Errno::EBADF)?;
        let question = Question(fd, 0, key, address(answer)?, 0);
        // SAFETY: the question is live and of the size given. Key and answer are live buffers at least as long as keys and values
        // of this map (`BpfEntries::of` asked the kernel for their lengths); the two commands passed here read the one and write
        // the other.
        check(unsafe { libc::syscall(libc::SYS_bpf, command, &raw const question, size_of::<Question>()) }).map(drop)
    }
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) -> Result<(), Errno> {
    let place = bytes.get_mut(at..at.saturating_add(value.len())).ok_or(Errno::EFAULT)?;
    place.copy_from_slice(value);
    Ok(())
}

/// What no run does, and tests need: a program of BPF that is loaded and pinned.
#[cfg(test)]
pub(crate) mod bpf_for_tests {
    use super::*;

    /// `r0 = 0; exit`, in the kernel's encoding.
    pub(crate) const CODE: [u8; 16] = [0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0];

    /// Loads [`CODE`] as a socket filter of this name.
    pub(crate) fn load(name: &str) -> Result<OwnedFd, Errno> {
        #[repr(C)]
        struct Question(u32, u32, u64, u64, u32, u32, u64, u32, u32, [u8; 16]);
        let (code, licence) = (CODE, c"GPL");
        let mut padded = [0_u8; 16];
        put(&mut padded, 0, name.as_bytes())?;
        let pointers = (code.as_ptr().expose_provenance() as u64, licence.as_ptr().expose_provenance() as u64);
        let question = Question(1, 2, pointers.0, pointers.1, 0, 0, 0, 0, 0, padded);
        // SAFETY: the question, the code and the licence are live for the call; the kernel only reads them.
        owned(unsafe { libc::syscall(libc::SYS_bpf, 5, &raw const question, size_of::<Question>()) })
    }

    /// Makes an array of eight values of eight bytes each, and sets these.
    pub(crate) fn array(values: &[(u32, [u8; 8])]) -> Result<OwnedFd, Errno> {
        #[repr(C)]
        struct Making(u32, u32, u32, u32, u32, u32, u32, [u8; 16]);
        #[repr(C)]
        struct Setting(u32, u32, u64, u64, u64);
        let mut name = [0_u8; 16];
        put(&mut name, 0, b"hozen_map")?;
        let making = Making(2, 4, 8, 8, 0, 0, 0, name);
        // SAFETY: the question is live for the call and of the size given; the kernel only reads it.
        let map = owned(unsafe { libc::syscall(libc::SYS_bpf, 0, &raw const making, size_of::<Making>()) })?;
        for (key, value) in values {
            let pointers = (ptr_of(key), ptr_of(value));
            let setting = Setting(map.as_raw_fd().cast_unsigned(), 0, pointers.0, pointers.1, 0);
            // SAFETY: the question, its key and its value are live for the call and as long as the map's; the kernel only reads them.
            check(unsafe { libc::syscall(libc::SYS_bpf, 2, &raw const setting, size_of::<Setting>()) })?;
        }
        Ok(map)
    }

    fn ptr_of<T>(value: &T) -> u64 {
        std::ptr::from_ref(value).expose_provenance() as u64
    }

    /// Pins `object` as `path`.
    pub(crate) fn pin(object: &OwnedFd, path: &std::path::Path) -> Result<(), Errno> {
        #[repr(C)]
        struct Question(u64, c_int, u32);
        with_path(path, |path| {
            let question = Question(path.as_ptr().expose_provenance() as u64, object.as_raw_fd(), 0);
            // SAFETY: the question and its path are live for the call; the kernel only reads them.
            check(unsafe { libc::syscall(libc::SYS_bpf, 6, &raw const question, size_of::<Question>()) }).map(drop)
        })
    }
}

/// The extended attribute `name` of `path` (getxattr(2)); a final symbolic link is followed. At most 255 bytes.
///
/// # Errors
/// The kernel's errno; `ERANGE` where it is longer.
pub fn getxattr(path: &(impl NixPath + ?Sized), name: &CStr) -> Result<Vec<u8>, Errno> {
    let mut value = [0_u8; 255];
    let length = with_path(path, |path| {
        // SAFETY: `path` and `name` are NUL-terminated, and `value` is writable for the length given.
        let length = unsafe { libc::getxattr(path.as_ptr(), name.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
        usize::try_from(length).map_err(|_| Errno::last())
    })?;
    Ok(value.iter().take(length).copied().collect())
}

/// What the kernel says of its clock discipline (adjtimex(2)), read with `modes` 0, which sets nothing.
///
/// # Errors
/// The kernel's errno.
pub fn adjtimex() -> Result<(libc::timex, c_int), Errno> {
    let mut out = MaybeUninit::<libc::timex>::zeroed();
    // SAFETY: `out` is a zeroed, writable struct timex; `modes` 0 makes this a pure query.
    let state = check(c_long::from(unsafe { libc::adjtimex(out.as_mut_ptr()) }))?;
    // SAFETY: it was zeroed, and an all-zero struct timex is valid.
    Ok((unsafe { out.assume_init() }, c_int::try_from(state).unwrap_or(c_int::MAX)))
}

/// Number of tasks (threads of all processes) that the kernel counts: `procs` of sysinfo(2), which holds at most 65,535.
///
/// # Errors
/// The kernel's errno.
pub fn sysinfo_procs() -> Result<u16, Errno> {
    let mut out = MaybeUninit::<libc::sysinfo>::zeroed();
    // SAFETY: `out` is a zeroed, writable struct sysinfo.
    check(c_long::from(unsafe { libc::sysinfo(out.as_mut_ptr()) }))?;
    // SAFETY: it was zeroed, and an all-zero struct sysinfo is valid.
    Ok(unsafe { out.assume_init() }.procs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn statx_of_a_directory_and_of_a_link() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/nowhere", dir.path().join("link")).unwrap();
        let fd = std::fs::File::open(dir.path()).unwrap();
        assert!(statx(fd.as_fd(), "", false).unwrap().is_directory());
        assert!(statx(fd.as_fd(), "link", false).unwrap().is_symlink());
        assert_eq!(statx(fd.as_fd(), "link", true).unwrap_err(), Errno::ENOENT);
    }

    #[test]
    fn openat2_within_refuses_to_leave() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("out")).unwrap();
        let fd = std::fs::File::open(dir.path()).unwrap();
        for path in ["out", "../", "/etc/passwd"] {
            assert_eq!(openat2(fd.as_fd(), path, libc::O_RDONLY, Resolve::WITHIN).unwrap_err(), Errno::EXDEV, "{path}");
        }
    }

    #[test]
    fn no_process_with_several_threads_is_forked() {
        // The harness has a thread of its own beside that of each test.
        let other = std::thread::spawn(std::thread::park);
        assert_eq!(fork(), Err(Errno::EBUSY));
        other.thread().unpark();
        other.join().unwrap();
    }

    #[test]
    fn the_kernel_counts_at_least_this_thread() {
        assert!(sysinfo_procs().unwrap() > 0);
        assert!(pidfd_open(1).is_ok());
        assert_eq!(pidfd_open(i32::MAX).unwrap_err(), Errno::ESRCH);
        assert_eq!(adjtimex().unwrap().0.modes, 0);
    }
}
