//! The sockets of this very process, found on this very machine. They need root and say so by failing.

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

use nix::sys::socket::{AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, socket};
use serde_json::{Value, json};

use super::*;
use crate::host::netlink::{Message, native_u32};
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
fn a_namespace_that_only_a_bind_mount_keeps_is_found_and_entered() {
    use std::io::{BufRead, BufReader};
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a b");
    // The inner command ends at once; the mount lies in the outer one's own mount namespace and ends with it.
    let script = "touch \"$0\" && unshare --net=\"$0\" true && echo ready && read wait";
    let mut child = std::process::Command::new("unshare")
        .args(["--mount", "sh", "-c", script])
        .arg(&file)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    let recorded = collect();
    drop(child.stdin.take());
    child.wait().unwrap();
    let point = json!([file.to_str().unwrap()]);
    let row = recorded.rows("network_namespaces").iter().find(|row| row["mount_points"] == point).unwrap();
    assert_eq!((&row["pid"], &row["processes"], &row["status"]), (&json!(-1), &json!(0), &json!("ok")));
    let path = format!("setns /proc/{}/root{}", child.id(), file.to_str().unwrap());
    assert_eq!(row["entered"], path, "{row}");
}

#[test]
fn a_socket_that_no_view_shows_has_a_row_by_its_descriptor() {
    let unbound = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
    let recorded = collect();
    let row = row_of(&recorded, &unbound);
    assert_eq!((&row["seen_by"], &row["protocol_name"]), (&json!(["fd"]), &json!("TCP")));
}

#[test]
fn this_machine_is_seen_without_gaps_but_for_what_is_denied() {
    let recorded = collect();
    // Inside a container, processes of the outside may be visible and yet not ours to look into.
    assert!(recorded.gaps.iter().all(|gap| gap.source.ends_with("/ns/net")), "{:?}", recorded.gaps);
    let netns = own(&Host::live().unwrap()).unwrap();
    let ours = recorded.rows("network_namespaces").iter().find(|row| row["netns_inode"] == netns).unwrap();
    assert_eq!((&ours["entered"], &ours["status"]), (&json!("own"), &json!("ok")));
    // A kernel without raw_diag shows no raw sockets, and somebody else may have one open.
    let anomalies = ours["anomalies"].as_array().unwrap();
    assert!(anomalies.iter().all(|anomaly| anomaly.as_str().unwrap().starts_with("raw")), "{anomalies:?}");
}

/// A sweep of a made-up namespace.
fn made_up(label: &'static str, looks: Vec<Look>, recorded: &mut Recorded) -> Sockets {
    let namespace = NetNamespace { inode: 7, pids: vec![42], doors: vec![] };
    let mut sockets = Sockets { label, sockets: BTreeMap::new(), visited: BTreeMap::new() };
    let mut visited = Visited {
        namespace,
        is_host: false,
        time: Timestamp::from_seconds(0),
        entered: "made up".to_owned(),
        gone: false,
        errors: vec![],
        anomalies: vec![],
        not_asked: vec![],
        counts: BTreeMap::new(),
    };
    let visit = Visit { entered: String::new(), value: Some(looks), refusals: vec![], gone: false };
    sockets.keep(visit, &mut visited, recorded).unwrap();
    sockets.visited.insert(7, visited);
    sockets
}

fn listener(port: u16, inode: u32) -> Message {
    let mut payload = [[2, 10, 0, 0].as_slice(), &port.to_be_bytes(), &[0; 66]].concat();
    payload[68..72].copy_from_slice(&native_u32(inode));
    Message { kind: diag::BY_FAMILY, payload }
}

/// The text has port 80 twice (two subflows share an inode), a time-wait twice, and half a line; the dump has port 81 as well.
fn tcp() -> Look {
    let line = |port: u16, state: u8, inode: u32| {
        format!(" 0: 00000000:{port:04X} 00000000:0000 {state:02X} 00000000:00000000 00:00000000 00000000 0 0 {inode} 1 0\n")
    };
    let text = ["head\n", &line(80, 10, 5), &line(8080, 1, 5), &line(9, 6, 0), &line(9, 6, 0), " 0: 000"].concat();
    let messages = vec![listener(80, 5), listener(8080, 5), listener(81, 6), Message { kind: 3, payload: vec![] }];
    let text = Ok(Bytes { bytes: text.into_bytes(), truncated: true });
    Look { kind: Kind::Tcp, text, dump: Asked::Answered(Dump { messages, ..Dump::default() }) }
}

#[test]
fn what_one_view_hides_is_named() {
    let mut recorded = Recorded::default();
    let before = made_up("before", vec![tcp()], &mut recorded);
    let after = made_up("after", vec![tcp()], &mut recorded);
    let owners = BTreeMap::from([(6, vec![Owner { pid: 9, fd: 4 }, Owner { pid: 8, fd: 5 }, Owner { pid: 9, fd: 4 }])]);
    let fixture = tempfile::tempdir().unwrap();
    std::fs::create_dir(fixture.path().join("proc")).unwrap();
    let host = Host::fixture(fixture.path()).unwrap();
    emit(&before, &after, &owners, &host, &mut recorded).unwrap();
    let rows = recorded.rows("process_open_sockets");
    let ports: Vec<_> = rows.iter().map(|row| (row["local_port"].as_u64().unwrap(), row["socket"].as_u64().unwrap())).collect();
    assert_eq!(ports, [(9, 0), (80, 5), (8080, 5), (81, 6)]);
    assert_eq!((&rows[0]["instances"], &rows[0]["state"]), (&json!(2), &json!("TIME_WAIT")));
    assert_eq!((&rows[2]["seen_by"], &rows[3]["seen_by"]), (&json!(ALL_VIEWS), &json!(["diag-before", "diag-after"])));
    assert_eq!((&rows[3]["pid"], &rows[3]["fd"]), (&json!(8), &json!(5)));
    assert_eq!(rows[3]["pids"], json!([{"pid": 8, "fd": 5}, {"pid": 9, "fd": 4}]));
    let namespace = &recorded.rows("network_namespaces")[0];
    assert_eq!((&namespace["diag_only"], &namespace["diag_only_sockets"]), (&json!(1), &json!([{"kind": "tcp", "socket": 6}])));
    assert_eq!((&namespace["text_only"], &namespace["status"]), (&json!(1), &json!("partial")));
    assert_eq!(namespace["anomalies"][0], "before diag-tcp4: a message is too short or of another kind (1 times)");
    assert_eq!((recorded.gaps.len(), recorded.gaps[0].source.as_str()), (2, "/proc/42/net/tcp"));
}

#[test]
fn a_fixture_is_read_by_its_text_files() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("proc/42/net")).unwrap();
    std::fs::create_dir_all(dir.path().join("proc/42/ns")).unwrap();
    std::os::unix::fs::symlink("net:[77]", dir.path().join("proc/42/ns/net")).unwrap();
    let text = b"Num\n0: 00000002 00000000 00010000 0001 01 5 /run/\xff\x1b[31m\n";
    std::fs::write(dir.path().join("proc/42/net/unix"), text).unwrap();
    let host = Host::fixture(dir.path()).unwrap();
    let mut recorded = Recorded::default();
    let namespaces = find(&host, &mut recorded).unwrap();
    assert_eq!((namespaces.len(), namespaces[0].inode), (1, 77));
    let before = sweep(&host, &namespaces, "before", &mut recorded).unwrap();
    let after = sweep(&host, &namespaces, "after", &mut recorded).unwrap();
    emit(&before, &after, &BTreeMap::new(), &host, &mut recorded).unwrap();
    let row = &recorded.rows("process_open_sockets")[0];
    assert_eq!((&row["path_b64"], &row["pid"], &row["socket"]), (&json!("L3J1bi//G1szMW0="), &json!(-1), &json!(5)));
    assert_eq!(recorded.member("/proc/42/net/unix"), Some(&text[..]));
    assert_eq!(recorded.rows("network_namespaces")[0]["not_asked"].as_array().unwrap().len(), 13);
}
