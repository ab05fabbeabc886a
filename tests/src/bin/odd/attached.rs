//! What an intruder hangs into the network of a host: a rule that looks at connections, programs of BPF at an interface, at a control
//! group, at the network namespace and at a tracepoint, and one that is pinned.

#![expect(clippy::host_endian_bytes, reason = "messages of netlink are in the order of the host")]

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use hozen_tests::life::{Failure, Life};
use hozen_tests::raw::{self, BpfProgram};
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send, socket};

use super::stay;

/// `NLM_F_REQUEST`, `_ACK` and `_CREATE` (netlink(7)).
const REQUEST: u16 = 1;
const ACK: u16 = 4;
const CREATE: u16 = 0x400;

/// Becomes it; `groups` is where the second hierarchy of control groups is mounted.
pub(super) fn attached(groups: &Path, pin: Option<&Path>) -> Result<(), Failure> {
    let life = Life::begin()?;
    unshare(CloneFlags::CLONE_NEWNET)?;
    raw::loopback_up(std::os::unix::net::UnixDatagram::unbound()?)?;
    send_all(SockProtocol::NetlinkNetFilter, &rule()).map_err(|error| format!("a rule: {error}"))?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    connection_that_is_over(&listener)?;
    let stream = TcpStream::connect(listener.local_addr()?)?;
    filter_of_loopback().map_err(|error| format!("a filter of an interface: {error}"))?;
    dissector().map_err(|error| format!("a program at a network namespace: {error}"))?;
    let links = links().map_err(|error| format!("links: {error}"))?;
    let group = Group::new(groups)?;
    let pinned = pin.map(Pinned::new).transpose()?;
    let namespace = fs::read_link("/proc/self/ns/net")?;
    let number = namespace.to_string_lossy().trim_matches(|c: char| !c.is_ascii_digit()).to_owned();
    let facts = [
        ("netns", number),
        ("port", listener.local_addr()?.port().to_string()),
        ("from", stream.local_addr()?.port().to_string()),
        ("group", group.name()),
    ];
    let result = stay(&life, facts.into());
    drop((links, pinned));
    result
}

/// A connection that is over. What TCP has learned by it of the other end stays (`tcp_metrics`).
fn connection_that_is_over(listener: &TcpListener) -> Result<(), Failure> {
    let mut client = TcpStream::connect(listener.local_addr()?)?;
    let (mut server, _) = listener.accept()?;
    client.write_all(b"x")?;
    // What is left unread would be a reason to reset the connection.
    Ok(server.read_exact(&mut [0])?)
}

/// A program that the network namespace holds, which ends with it.
fn dissector() -> Result<(), Failure> {
    let program = raw::load_program(BpfProgram::FlowDissector, "odd_dissector", 0)?;
    Ok(raw::attach_to_namespace(program)?)
}

/// Links, each of which holds a program as long as it is open: to what comes in by the loopback interface, which is the first one of
/// every network namespace, and to a tracepoint.
fn links() -> Result<[OwnedFd; 2], Failure> {
    const LOOPBACK: i32 = 1;
    /// `XDP_PASS`: the packet goes on.
    const PASS: i32 = 2;
    let interface = raw::link_to_interface(LOOPBACK, raw::load_program(BpfProgram::Xdp, "odd_xdp", PASS)?)?;
    let program = raw::load_program(BpfProgram::RawTracepoint, "odd_trace", 0)?;
    Ok([interface, raw::link_to_tracepoint(c"sched_process_exec", program)?])
}

/// A control group with a program, which it alone holds.
struct Group {
    dir: PathBuf,
}

impl Group {
    fn new(groups: &Path) -> Result<Self, Failure> {
        let dir = groups.join(format!("hozen-test-{}", std::process::id()));
        fs::create_dir(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        // 1 lets every packet pass.
        let program = raw::load_program(BpfProgram::ControlGroupPackets, "odd_group", 1)?;
        let group = Self { dir };
        raw::attach_to_group(File::open(&group.dir)?, program)?;
        Ok(group)
    }

    fn name(&self) -> String {
        self.dir.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The program goes with it.
        let _ = fs::remove_dir(&self.dir);
    }
}

/// A program that nothing holds but its name.
struct Pinned(PathBuf);

impl Pinned {
    fn new(path: &Path) -> Result<Self, Failure> {
        let program = raw::load_program(BpfProgram::SocketFilter, "odd_pinned", 0)?;
        raw::pin(program, &CString::new(path.as_os_str().as_bytes())?)?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Gives the loopback interface a discipline, and that a program as a filter of what comes in (linux/pkt_sched.h, linux/pkt_cls.h).
fn filter_of_loopback() -> Result<(), Failure> {
    const NEW_DISCIPLINE: u16 = 36;
    const NEW_FILTER: u16 = 44;
    /// All packets, before any other filter: the priority, then the protocol in network order.
    const EVERYTHING: u32 = 1 << 16 | 0x0300;
    let program = raw::load_program(BpfProgram::SchedClassifier, "odd_filter", 0)?;
    let descriptor = u32::try_from(program.as_raw_fd())?.to_ne_bytes();
    let options = [attribute(6, &descriptor), attribute(7, b"odd.o\0"), attribute(8, &1_u32.to_ne_bytes())].concat();
    let discipline = [traffic(0xffff_0000, 0xffff_fff1, 0), attribute(1, b"clsact\0")].concat();
    let filter = [traffic(0, 0xffff_fff2, EVERYTHING), attribute(1, b"bpf\0"), attribute(2, &options)].concat();
    send_all(SockProtocol::NetlinkRoute, &[message(NEW_DISCIPLINE, CREATE | ACK, &discipline)])?;
    send_all(SockProtocol::NetlinkRoute, &[message(NEW_FILTER, CREATE | ACK, &filter)])
}

/// `struct tcmsg` of interface 1: handle, parent, info.
fn traffic(handle: u32, parent: u32, info: u32) -> Vec<u8> {
    [0, 1, handle, parent, info].into_iter().flat_map(u32::to_ne_bytes).collect()
}

/// A table with a chain on the output hook, whose one rule asks for the state of the connection, which makes the kernel track it
/// (linux/netfilter/nf_tables.h); all in one batch.
fn rule() -> Vec<Vec<u8>> {
    const SUBSYSTEM: u8 = 10;
    const IPV4: [u8; 4] = [2, 0, 0, 0];
    let number = |value: u32| value.to_be_bytes();
    let nested = |kind: u16, parts: &[Vec<u8>]| attribute(kind | 0x8000, &parts.concat());
    let (table, chain) = (attribute(1, b"odd\0"), b"out\0");
    let hook = nested(4, &[attribute(1, &number(3)), attribute(2, &number(0))]);
    let state = [attribute(1, &number(1)), attribute(2, &number(0))];
    let expression = nested(1, &[attribute(1, b"ct\0"), nested(2, &state)]);
    let make = |kind: u8, attributes: &[Vec<u8>]| {
        message(u16::from_be_bytes([SUBSYSTEM, kind]), CREATE | ACK, &[&IPV4[..], &attributes.concat()].concat())
    };
    // `NFNL_MSG_BATCH_BEGIN` and `_END`, for the subsystem.
    let edge = |kind: u16| message(kind, 0, &[0, 0, 0, SUBSYSTEM]);
    let batch = [
        edge(16),
        make(0, std::slice::from_ref(&table)),
        make(3, &[table.clone(), attribute(3, chain), hook, attribute(7, b"filter\0")]),
        make(6, &[table, attribute(2, chain), nested(4, &[expression])]),
        edge(17),
    ];
    vec![batch.concat()]
}

/// A message of netlink(7).
fn message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(16 + body.len()).unwrap_or(u32::MAX);
    let head = [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), &(flags | REQUEST).to_ne_bytes(), &[0; 8]].concat();
    [head, body.to_owned()].concat()
}

/// An attribute of netlink, filled up to a multiple of four bytes.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    let mut bytes = [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), value].concat();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// Sends requests, and reads the kernel's answers: there is one for each message that asks for it, and none must be a refusal.
fn send_all(protocol: SockProtocol, requests: &[Vec<u8>]) -> Result<(), Failure> {
    let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
    let mut buffer = vec![0; 64 * 1024];
    for request in requests {
        send(socket.as_raw_fd(), request, MsgFlags::empty())?;
        // The kernel has done the work and put down its answers when `send` returns.
        while let Ok(length @ 1..) = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT) {
            refusal(buffer.get(..length).unwrap_or_default())?;
        }
    }
    Ok(())
}

/// Fails with the first error among answers: `NLMSG_ERROR` with a number that is not 0.
fn refusal(mut answers: &[u8]) -> Result<(), Failure> {
    let word = |bytes: &[u8], at: usize| bytes.get(at..at + 4)?.try_into().ok().map(i32::from_ne_bytes);
    while let Some(length) = word(answers, 0).and_then(|length| usize::try_from(length).ok()) {
        let is_error = answers.get(4..6) == Some(&2_u16.to_ne_bytes()[..]);
        if let Some(errno) = word(answers, 16).filter(|errno| is_error && *errno != 0) {
            return Err(Errno::from_raw(-errno).into());
        }
        answers = answers.get(length.next_multiple_of(4).max(16)..).unwrap_or_default();
    }
    Ok(())
}
