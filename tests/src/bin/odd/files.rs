//! Processes that hold something odd: FIFOs, hostile names, a listener in a namespace of their own.

#![expect(clippy::disallowed_methods, reason = "a helper program that lays out files")]

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, PipeReader, PipeWriter, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;

use hozen_tests::life::{self, Failure, Life};
use hozen_tests::raw;
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket};
use nix::sys::stat::Mode;
use nix::unistd::Pid;

use super::{hex, sha256, stay};

/// Holds a FIFO in `dir` open: whoever opens it for reading without `O_NONBLOCK` waits, and takes what was meant for another.
pub(super) fn fifo(dir: &Path) -> Result<(), Failure> {
    let life = Life::begin()?;
    let path = dir.join("fifo");
    nix::unistd::mkfifo(&path, Mode::S_IRWXU)?;
    let held = File::options().read(true).write(true).open(&path)?;
    let result = stay(&life, vec![("path", path.display().to_string())]);
    drop(held);
    fs::remove_file(&path)?;
    result
}

/// Keeps a file with a hostile name in `dir`, beside a FIFO, a socket and a dangling link.
pub(super) fn shm(dir: &Path) -> Result<(), Failure> {
    let life = Life::begin()?;
    let pid = std::process::id();
    let mut name = format!("hozen-test-{pid} \n\x1b[2J'\"$(touch x)`|\\").into_bytes();
    name.extend(b"\xff\xc3\x28.");
    let content: Vec<u8> = b"volatile \0 \xff \n".iter().copied().cycle().take(70_001).collect();
    let paths = [
        dir.join(OsStr::from_bytes(&name)),
        dir.join(format!("hozen-test-{pid}-fifo")),
        dir.join(format!("hozen-test-{pid}-socket")),
        dir.join(format!("hozen-test-{pid}-link")),
    ];
    let [file, fifo, socket, link] = &paths;
    fs::write(file, &content)?;
    nix::unistd::mkfifo(fifo, Mode::S_IRWXU)?;
    let held = UnixListener::bind(socket)?;
    std::os::unix::fs::symlink(OsStr::from_bytes(&name), link)?;
    let result = stay(&life, vec![("name", hex(&name)), ("sha256", sha256(&content))]);
    drop(held);
    for path in &paths {
        fs::remove_file(path)?;
    }
    result
}

/// Listens on 127.0.0.1 in a network namespace of its own.
pub(super) fn netns() -> Result<(), Failure> {
    let life = Life::begin()?;
    unshare(CloneFlags::CLONE_NEWNET)?;
    let socket = std::os::unix::net::UnixDatagram::unbound()?;
    raw::loopback_up(&socket)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let namespace = fs::read_link("/proc/self/ns/net")?;
    let number = namespace.to_string_lossy().trim_matches(|c: char| !c.is_ascii_digit()).to_owned();
    stay(&life, vec![("port", listener.local_addr()?.port().to_string()), ("netns", number)])
}

/// Two children listen on the same port of 127.0.0.1, each in a network namespace of its own.
pub(super) fn netns_pair() -> Result<(), Failure> {
    let life = Life::begin()?;
    let (one, port) = elsewhere(0)?;
    let result = elsewhere(port).and_then(|(other, _)| {
        let stayed = both(&life, port, one, other);
        life::end(&[other]);
        stayed
    });
    life::end(&[one]);
    result
}

fn both(life: &Life, port: u16, one: Pid, other: Pid) -> Result<(), Failure> {
    life::ready(&[
        ("port", port.to_string()),
        ("pid", one.to_string()),
        ("netns", namespace(one, "net")?),
        ("other_pid", other.to_string()),
        ("other_netns", namespace(other, "net")?),
    ])?;
    Ok(life.wait()?)
}

/// A child that listens on this port, or on any for 0, in a network namespace of its own.
fn elsewhere(port: u16) -> Result<(Pid, u16), Failure> {
    let (mut hear, mut say) = io::pipe()?;
    let child = raw::fork(move || {
        match unshare(CloneFlags::CLONE_NEWNET).map_err(Failure::from).and_then(|()| listen(port, &mut say)) {
            Ok(_listener) => life::sleep_for_ever(),
            Err(_) => 1,
        }
    })?;
    match heard(&mut hear) {
        Ok(port) => Ok((child, port)),
        Err(failure) => {
            life::end(&[child]);
            Err(failure)
        }
    }
}

/// Listens on this port of 127.0.0.1, or on any for 0, in a network namespace that has only just been made, and says on which.
pub(super) fn listen(port: u16, say: &mut PipeWriter) -> Result<TcpListener, Failure> {
    raw::loopback_up(UnixDatagram::unbound()?)?;
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    say.write_all(&listener.local_addr()?.port().to_be_bytes())?;
    Ok(listener)
}

/// The port that a child says it listens on.
pub(super) fn heard(hear: &mut PipeReader) -> Result<u16, Failure> {
    let mut port = [0; 2];
    hear.read_exact(&mut port).map_err(|error| format!("the child listens on no port: {error}"))?;
    Ok(u16::from_be_bytes(port))
}

/// The inode of a namespace of this process.
pub(super) fn namespace(process: Pid, kind: &str) -> Result<String, Failure> {
    let link = fs::read_link(format!("/proc/{process}/ns/{kind}"))?;
    Ok(link.to_string_lossy().trim_matches(|c: char| !c.is_ascii_digit()).to_owned())
}

/// Waits in a network namespace of its own for packets of IPv4, by a packet socket with a filter.
pub(super) fn sniffer() -> Result<(), Failure> {
    /// `ldh [12]; jeq #0x800; ret #65535; ret #0`
    const PROGRAM: [(u16, u8, u8, u32); 4] = [(0x28, 0, 0, 12), (0x15, 0, 1, 0x800), (6, 0, 0, 0xffff), (6, 0, 0, 0)];
    let life = Life::begin()?;
    unshare(CloneFlags::CLONE_NEWNET)?;
    let held = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::EthAll)?;
    raw::attach_filter(&held, &mut PROGRAM.map(|(code, jt, jf, k)| libc::sock_filter { code, jt, jf, k }))?;
    let namespace = fs::read_link("/proc/self/ns/net")?;
    let number = namespace.to_string_lossy().trim_matches(|c: char| !c.is_ascii_digit()).to_owned();
    let instruction = |(code, jt, jf, k): (u16, u8, u8, u32)| [&code.to_le_bytes()[..], &[jt, jf], &k.to_le_bytes()].concat();
    let program: Vec<u8> = PROGRAM.into_iter().flat_map(instruction).collect();
    stay(&life, vec![("filter", hex(&program)), ("sha256", sha256(&program)), ("netns", number)])
}
