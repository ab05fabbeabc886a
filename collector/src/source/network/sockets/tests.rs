//! The sockets of this very process, found on this very machine. They need root and say so by failing.

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

use nix::sys::socket::{AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, socket};
use serde_json::{Value, json};

use super::*;
use crate::source::network::namespaces::{find, own};
use crate::source::network::second::Second;
use crate::source::recorded::Recorded;

const ALL_VIEWS: [&str; 4] = ["text-before", "diag-before", "text-after", "diag-after"];

fn our_pid() -> i32 {
    i32::try_from(std::process::id()).unwrap()
}

/// The sockets of this process by inode.
fn our_sockets() -> BTreeMap<u64, Vec<Owner>> {
    let mut owners: BTreeMap<u64, Vec<Owner>> = BTreeMap::new();
    for entry in std::fs::read_dir("/proc/self/fd").unwrap().flatten() {
        let target = std::fs::read_link(entry.path()).unwrap_or_default();
        let inode = target.to_str().and_then(|t| t.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok());
        let fd = entry.file_name().to_str().unwrap().parse().unwrap();
        inode.into_iter().for_each(|inode| owners.entry(inode).or_default().push(Owner { pid: our_pid(), fd }));
    }
    owners
}

fn collect() -> Recorded {
    let host = Host::live().unwrap();
    let mut recorded = Recorded::default();
    let namespaces = find(&host, &mut recorded).unwrap();
    let before = sweep(&host, &namespaces, "before", &mut recorded).unwrap();
    let owners = our_sockets();
    let after = sweep(&host, &namespaces, "after", &mut recorded).unwrap();
    emit(&before, &after, &owners, &host, &mut recorded).unwrap();
    recorded
}

/// The one row of this process's descriptor.
fn row_of<'a>(recorded: &'a Recorded, fd: &impl AsRawFd) -> &'a Value {
    let rows = recorded.rows("process_open_sockets").iter();
    let ours: Vec<_> = rows.filter(|row| row["pid"] == our_pid() && row["fd"] == fd.as_raw_fd()).collect();
    assert_eq!(ours.len(), 1, "{ours:?}");
    ours[0]
}

#[test]
fn inet_sockets_have_their_owner_and_are_in_both_views() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let udp = UdpSocket::bind("[::1]:0").unwrap();
    let recorded = collect();
    let port = listener.local_addr().unwrap().port();
    let row = row_of(&recorded, &listener);
    for (column, value) in [
        ("family", json!(2)),
        ("protocol", json!(6)),
        ("local_address", json!("127.0.0.1")),
        ("local_port", json!(port)),
        ("remote_port", json!(0)),
        ("state", json!("LISTEN")),
        ("seen_by", json!(ALL_VIEWS)),
        ("uid", json!(nix::unistd::getuid().as_raw())),
    ] {
        assert_eq!(row[column], value, "{column} of {row}");
    }
    assert_eq!(row["pids"], json!([{"pid": our_pid(), "fd": listener.as_raw_fd()}]));
    let netns = own(&Host::live().unwrap()).unwrap();
    assert_eq!((&row["net_namespace"], &row["netns_inode"]), (&json!(netns.to_string()), &json!(netns)));
    let row = row_of(&recorded, &client);
    assert_eq!((&row["state"], &row["remote_port"]), (&json!("ESTABLISHED"), &json!(port)));
    let row = row_of(&recorded, &udp);
    assert_eq!((&row["family"], &row["protocol"], &row["local_address"]), (&json!(10), &json!(17), &json!("::1")));
    assert_eq!(row["seen_by"], json!(ALL_VIEWS));
}

#[test]
fn unix_sockets_keep_every_byte_of_their_names() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a b\n0: c");
    let listener = UnixListener::bind(&path).unwrap();
    let name = [b"hozen \n", our_pid().to_string().as_bytes(), b"\0tail"].concat();
    let hidden = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    let (one, other) = UnixStream::pair().unwrap();
    let recorded = collect();
    let row = row_of(&recorded, &listener);
    assert_eq!((&row["path"], &row["state"]), (&json!(path.to_str().unwrap()), &json!("LISTEN")));
    assert_eq!(row["seen_by"], json!(ALL_VIEWS));
    let row = row_of(&recorded, &hidden);
    assert_eq!(row["path"], json!(format!("\0{}", String::from_utf8(name).unwrap())));
    assert_eq!(row["seen_by"], json!(ALL_VIEWS));
    assert_eq!(row_of(&recorded, &one)["peer_inode"], row_of(&recorded, &other)["socket"]);
}

#[test]
fn packet_and_netlink_sockets_are_found() {
    let raw = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::EthAll).unwrap();
    let netlink = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute).unwrap();
    bind(netlink.as_raw_fd(), &NetlinkAddr::new(0, 0)).unwrap();
    let recorded = collect();
    let row = row_of(&recorded, &raw);
    assert_eq!((&row["family"], &row["protocol"], &row["socket_type"]), (&json!(17), &json!(3), &json!(3)));
    assert_eq!(row["seen_by"], json!(ALL_VIEWS));
    let row = row_of(&recorded, &netlink);
    assert_eq!((&row["family"], &row["protocol"]), (&json!(16), &json!(0)));
    assert_eq!(row["seen_by"], json!(ALL_VIEWS));
}

#[test]
fn a_listener_in_another_namespace_is_found() {
    // The thread shares our descriptors, so the owner is this process although its namespace is another one.
    let (tell, told) = std::sync::mpsc::channel();
    let second = Second::start(move || {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        tell.send((listener.as_raw_fd(), listener.local_addr().unwrap().port())).unwrap();
        listener
    });
    let (fd, port) = told.recv().unwrap();
    let recorded = collect();
    let rows = recorded.rows("process_open_sockets").iter();
    let row = rows.clone().find(|row| row["netns_inode"] == second.inode && row["local_port"] == port).unwrap();
    assert_eq!((&row["fd"], &row["seen_by"]), (&json!(fd), &json!(ALL_VIEWS)));
    let namespaces = recorded.rows("network_namespaces");
    let entry = namespaces.iter().find(|row| row["netns_inode"] == second.inode).unwrap();
    assert_eq!(entry["entered"], format!("setns /proc/{}/task/{}/ns/net", our_pid(), second.tid));
    assert_eq!(entry["sockets"]["tcp"], json!({"text-before": 1, "diag-before": 1, "text-after": 1, "diag-after": 1}));
    let text = recorded.member(&format!("/.hozen/before/netns-{}/tcp", second.inode)).unwrap();
    assert!(text.ends_with(b"\n") && recorded.member(&format!("/.hozen/after/netns-{}/diag-tcp4", second.inode)).is_some());
    assert!(recorded.member("/proc/net/tcp").is_some(), "other tools look there");
}

#[test]
fn a_socket_that_no_view_shows_has_a_row_by_its_descriptor() {
    let unbound = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
    let recorded = collect();
    assert_eq!(row_of(&recorded, &unbound)["seen_by"], json!(["fd"]));
}

#[test]
fn this_machine_is_seen_without_gaps_but_for_what_is_denied() {
    let recorded = collect();
    // Inside a container, processes of the outside may be visible and yet not ours to look into.
    assert!(recorded.gaps.iter().all(|gap| gap.source.ends_with("/ns/net")), "{:?}", recorded.gaps);
    let netns = own(&Host::live().unwrap()).unwrap();
    let ours = recorded.rows("network_namespaces").iter().find(|row| row["netns_inode"] == netns).unwrap();
    assert_eq!((&ours["entered"], &ours["status"], &ours["anomalies"]), (&json!("own"), &json!("ok"), &json!([])));
}
