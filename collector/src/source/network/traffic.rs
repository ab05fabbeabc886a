//! Artefact `traffic_control`: what of each interface of all network namespaces queues, filters and rewrites packets (queueing
//! disciplines and their filters, programs of BPF among them), and what TCP remembers of the hosts it has talked to.
//!
//! rtnetlink is part of every kernel that has networks, and a dump makes it load nothing. The metrics of TCP are a family of generic
//! netlink: it is looked for in the list of families, because asking for one by its name loads a module where there is none.
//!
//! Sources: linux/pkt_sched.h, linux/pkt_cls.h, linux/genetlink.h, linux/tcp_metrics.h.

use std::collections::BTreeMap;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::SockProtocol;

use super::ask::ask;
use super::columns::{put_bytes, put_int, put_text, until_nul};
use super::fields::{address, digits, native16, native32, native64, port, walk};
use super::rtnetlink::{LINKS, names};
use super::taken::{Kept, Taken, each};
use super::visit::Inside;
use crate::host::netlink::{Message, native_u16, native_u32};
use crate::host::{Host, bpf};
use crate::model::{Artefact, Category, Outcome, Profile, Row};
use crate::source::{Evidence, Source, Stop};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "traffic_control",
    category: Category::Network,
    profile: Profile::Volatile,
    budget: Duration::from_secs(30),
    budget_bytes: None,
    source: "rtnetlink, generic netlink and BPF_PROG_QUERY in every network namespace",
    about: "Queueing disciplines, filters and BPF programs of all interfaces, and what TCP remembers of other hosts",
    tables: &[QDISCS, FILTERS, PROGRAMS, METRICS],
};

const QDISCS: &str = "tc_qdiscs";
const FILTERS: &str = "tc_filters";
const PROGRAMS: &str = "network_bpf_programs";
const METRICS: &str = "tcp_metrics";

/// `RTM_GETQDISC`, `RTM_GETTFILTER`.
const GET_QDISC: u16 = 38;
const GET_FILTER: u16 = 46;

/// `TC_H_INGRESS` as the parent of a discipline, and the two places of filters that such a one has (`TC_H_MIN_INGRESS`, `…_EGRESS`).
const AT_INGRESS: u32 = 0xffff_fff1;
const PLACES: [u32; 2] = [0xffff_fff2, 0xffff_fff3];

/// The most disciplines of one namespace whose filters are asked for.
const MOST: usize = 4096;

/// `BPF_TCX_INGRESS` and its like, of an interface.
const OF_INTERFACE: [(u32, &str); 4] = [(46, "tcx_ingress"), (47, "tcx_egress"), (54, "netkit_primary"), (55, "netkit_peer")];
/// `BPF_FLOW_DISSECTOR`, `BPF_SK_LOOKUP`, of a namespace.
const OF_NAMESPACE: [(u32, &str); 2] = [(17, "flow_dissector"), (36, "sk_lookup")];

/// Reads the artefact `traffic_control`.
#[derive(Debug, Clone, Copy)]
pub struct TrafficControl;

impl Source for TrafficControl {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        each(host, ARTEFACT.name, evidence, look, &mut rows)
    }
}

fn look(inside: &Inside) -> Taken {
    let mut taken = Taken::default();
    if !inside.ask {
        taken.not_asked.push("the kernel cannot be asked in this network namespace".to_owned());
        return taken;
    }
    let links = taken.push(LINKS.name, ask(SockProtocol::NetlinkRoute, LINKS.kind, &(LINKS.body)()));
    let interfaces: Vec<u32> = links.iter().filter_map(|message| native32(&message.payload, 4)).collect();
    // Those that the kernel gave an interface by itself as well (`TCA_DUMP_INVISIBLE`).
    let body = [vec![0; 20], native_u16(4).to_vec(), native_u16(10).to_vec()].concat();
    let disciplines = taken.push("getqdisc", ask(SockProtocol::NetlinkRoute, GET_QDISC, &body));
    let parents: Vec<(u32, u32)> = disciplines.iter().flat_map(places).collect();
    for (interface, parent) in parents.into_iter().take(MOST) {
        let answer = ask(SockProtocol::NetlinkRoute, GET_FILTER, &tcmsg(interface, parent));
        if !answer.as_ref().is_ok_and(|dump| dump.messages.is_empty()) {
            taken.push(format!("gettfilter-{interface}-{parent:08x}"), answer);
        }
    }
    programs(inside, &interfaces, &mut taken);
    if let Some(family) = metrics_family(&mut taken) {
        // `TCP_METRICS_CMD_GET`, version 1.
        taken.push("tcp_metrics", ask(SockProtocol::NetlinkGeneric, family, &[1, 1, 0, 0]));
    }
    taken
}

/// Where a discipline may have filters: an interface and a parent. `clsact` has a place for each direction; `ingress`, which is older, has
/// one, and answers with its filters for whichever is asked.
fn places(message: &Message) -> Vec<(u32, u32)> {
    let fields = (native32(&message.payload, 4), native32(&message.payload, 8), native32(&message.payload, 12));
    let (Some(interface), Some(handle), Some(parent)) = fields else { return Vec::new() };
    let handles = match (parent, kind_of(&message.payload)) {
        (AT_INGRESS, b"ingress") => vec![PLACES[0]],
        (AT_INGRESS, _) => PLACES.to_vec(),
        _ => vec![handle],
    };
    handles.into_iter().filter(|handle| *handle != 0).map(|handle| (interface, handle)).collect()
}

/// `TCA_KIND` behind `struct tcmsg`.
fn kind_of(payload: &[u8]) -> &[u8] {
    let mut found = &[][..];
    let _ = walk(payload.get(20..).unwrap_or_default(), |kind, value| {
        if kind == 1 {
            found = until_nul(value);
        }
    });
    found
}

/// `struct tcmsg`: family, interface, handle, parent, info.
fn tcmsg(interface: u32, parent: u32) -> Vec<u8> {
    [0, interface, 0, parent, 0].into_iter().flat_map(native_u32).collect()
}

/// The number of the family of TCP's metrics, out of the list of all (`CTRL_CMD_GETFAMILY`).
fn metrics_family(taken: &mut Taken) -> Option<u16> {
    const CONTROL: u16 = 0x10;
    let families = taken.push("families", ask(SockProtocol::NetlinkGeneric, CONTROL, &[3, 1, 0, 0]));
    families.iter().find_map(|message| {
        let (mut number, mut is_it) = (None, false);
        let _ = walk(message.payload.get(4..)?, |kind, value| match kind {
            1 => number = native16(value, 0),
            2 => is_it = until_nul(value) == b"tcp_metrics",
            _ => {}
        });
        number.filter(|_| is_it)
    })
}

/// Asks for programs by where they are attached: some have no link and no filter that would name them.
fn programs(inside: &Inside, interfaces: &[u32], taken: &mut Taken) {
    for interface in interfaces {
        for (number, word) in OF_INTERFACE {
            attached(format!("programs-{interface}-{word}"), bpf::attached(*interface, number), taken);
        }
    }
    if let Ok(namespace) = inside.namespace() {
        for (number, word) in OF_NAMESPACE {
            attached(format!("programs-0-{word}"), bpf::attached_to(&namespace, number), taken);
        }
    }
}

/// Keeps the ids of programs where there are any. An older kernel knows no such place, and a smaller one has no BPF.
fn attached(name: String, answer: Result<bpf::Attached, Errno>, taken: &mut Taken) {
    match answer {
        Ok(found) if found.programs.is_empty() => {}
        Ok(found) => taken.others.push((name, Ok(found.programs.into_iter().flat_map(native_u32).collect()))),
        Err(Errno::EINVAL | Errno::ENOSYS | Errno::ENOENT | Errno::EOPNOTSUPP | Errno::ENODEV | Errno::EPERM) => {}
        Err(errno) => taken.others.push((name, Err(errno))),
    }
}

pub(super) fn rows(kept: &Kept, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    let names = names(kept.messages(LINKS.name));
    for message in kept.messages("getqdisc") {
        evidence.check()?;
        evidence.row(QDISCS, &control(kept.row("rtnetlink getqdisc"), &names, message))?;
    }
    for (_, dump) in kept.dumps.iter().filter(|(name, _)| name.starts_with("gettfilter-")) {
        for message in &dump.messages {
            evidence.check()?;
            evidence.row(FILTERS, &filter(kept.row("rtnetlink gettfilter"), &names, message))?;
        }
    }
    for (name, ids) in kept.others.iter().filter_map(|(name, ids)| Some((name.strip_prefix("programs-")?, ids))) {
        let Some((interface, place)) = name.split_once('-') else { continue };
        let mut row = kept.row("BPF_PROG_QUERY");
        row.text("attach_type", place);
        if let Some(index) = interface.parse::<u32>().ok().filter(|index| *index != 0) {
            row.int("interface_index", index);
            put_bytes(&mut row, "interface", names.get(&index).map(Vec::as_slice));
        }
        let (ids, _) = ids.as_chunks::<4>();
        row.json("program_ids", &ids.iter().map(|id| crate::host::netlink::u32_of(*id)).collect::<Vec<_>>());
        evidence.row(PROGRAMS, &row)?;
    }
    for message in kept.messages("tcp_metrics") {
        evidence.check()?;
        let mut row = kept.row("genetlink tcp_metrics");
        metrics(&mut row, &message.payload);
        evidence.row(METRICS, &row)?;
    }
    Ok(())
}

/// What disciplines and filters have in common: `struct tcmsg` and `TCA_KIND`, `TCA_CHAIN`, `TCA_INGRESS_BLOCK`, `TCA_EGRESS_BLOCK`.
fn control(mut row: Row, names: &BTreeMap<u32, Vec<u8>>, message: &Message) -> Row {
    let payload = &message.payload;
    let index = native32(payload, 4);
    put_int(&mut row, "interface_index", index);
    put_bytes(&mut row, "interface", index.and_then(|index| names.get(&index)).map(Vec::as_slice));
    put_text(&mut row, "handle", native32(payload, 8).map(handle));
    put_text(&mut row, "parent", native32(payload, 12).map(handle));
    let anomaly = walk(payload.get(20..).unwrap_or_default(), |kind, value| match kind {
        1 => put_bytes(&mut row, "kind", Some(until_nul(value))),
        11 => put_int(&mut row, "chain", native32(value, 0)),
        13 => put_int(&mut row, "ingress_block", native32(value, 0)),
        14 => put_int(&mut row, "egress_block", native32(value, 0)),
        _ => {}
    });
    if let Some(anomaly) = anomaly {
        row.error("message", anomaly);
    }
    row
}

/// Major and minor number, as tc(8) writes them.
fn handle(number: u32) -> String {
    match number {
        0xffff_ffff => "root".to_owned(),
        AT_INGRESS => "ingress".to_owned(),
        number => format!("{:x}:{:x}", number >> 16, number & 0xffff),
    }
}

fn filter(row: Row, names: &BTreeMap<u32, Vec<u8>>, message: &Message) -> Row {
    let mut row = control(row, names, message);
    let payload = &message.payload;
    let place = match native32(payload, 12) {
        Some(number) if number == PLACES[0] => "ingress",
        Some(number) if number == PLACES[1] => "egress",
        _ => "class",
    };
    row.text("direction", place);
    if let Some(info) = native32(payload, 16) {
        // The protocol is in network order.
        let protocol = u16::try_from(info & 0xffff).ok().and_then(|half| port(&native_u16(half), 0));
        row.int("priority", info >> 16);
        put_int(&mut row, "protocol", protocol);
    }
    let (mut kind, mut options) = (&[][..], &[][..]);
    let _ = walk(payload.get(20..).unwrap_or_default(), |attribute, value| match attribute {
        1 => kind = until_nul(value),
        2 => options = value,
        _ => {}
    });
    if kind == b"bpf" {
        program(&mut row, options);
    }
    row
}

/// `TCA_BPF_…`.
fn program(row: &mut Row, options: &[u8]) {
    let _ = walk(options, |kind, value| match kind {
        7 => put_bytes(row, "bpf_name", Some(until_nul(value))),
        8 => put_int(row, "bpf_direct_action", native32(value, 0).map(|flags| flags & 1)),
        10 => put_text(row, "bpf_tag", Some(digits(value))),
        11 => put_int(row, "bpf_program_id", native32(value, 0)),
        _ => {}
    });
}

/// `TCP_METRICS_ATTR_…` behind `struct genlmsghdr`.
fn metrics(row: &mut Row, payload: &[u8]) {
    const VALUES: [&str; 7] =
        ["rtt_ms", "rtt_variance_ms", "slow_start_threshold", "congestion_window", "reordering", "rtt_us", "rtt_variance_us"];
    // IPv4 and IPv6, of which a host has one.
    let (mut to, mut from) = (None, None);
    let anomaly = walk(payload.get(4..).unwrap_or_default(), |kind, value| match kind {
        1 | 2 => to = to.or(address(value)),
        11 | 12 => from = from.or(address(value)),
        3 => put_int(row, "age_ms", native64(value, 0)),
        7 => put_int(row, "fast_open_mss", native16(value, 0)),
        8 => put_int(row, "fast_open_drops", native16(value, 0)),
        10 => put_text(row, "fast_open_cookie", Some(digits(value))),
        6 => {
            let _ = walk(value, |kind, value| {
                let column = usize::from(kind).checked_sub(1).and_then(|at| VALUES.get(at));
                if let Some(column) = column {
                    put_int(row, column, native32(value, 0));
                }
            });
        }
        _ => {}
    });
    put_text(row, "address", to);
    put_text(row, "source_address", from);
    if let Some(anomaly) = anomaly {
        row.error("message", anomaly);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::netlink::{attribute, native_u64};
    use crate::model::Timestamp;
    use crate::source::network::second::Second;
    use crate::source::recorded::Recorded;
    use crate::testing::skip;
    use nix::sys::socket::{AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockType, bind, send, socket};
    use std::os::fd::AsRawFd as _;

    /// `struct tcmsg` of interface 1, with a kind.
    fn made(handle: u32, parent: u32, info: u32, rest: &[u8]) -> Vec<u8> {
        let head: Vec<u8> = [0, 1, handle, parent, info].into_iter().flat_map(native_u32).collect();
        [head, rest.to_owned()].concat()
    }

    /// Gives the loopback interface a discipline for what comes in.
    fn clsact() -> nix::Result<()> {
        let body = made(0xffff_0000, AT_INGRESS, 0, &attribute(1, b"clsact\0"));
        let length = u32::try_from(16 + body.len()).unwrap();
        // `RTM_NEWQDISC`; request, create, exclusively.
        let message =
            [&native_u32(length)[..], &native_u16(36), &native_u16(0x601), &native_u32(1), &native_u32(0), &body].concat();
        let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute)?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
        send(socket.as_raw_fd(), &message, MsgFlags::empty()).map(drop)
    }

    #[test]
    fn a_discipline_of_another_network_namespace_is_found() {
        let second = Second::start(|| clsact().unwrap());
        let mut evidence = Recorded::default();
        let outcome = TrafficControl.acquire(&Host::live().unwrap(), &mut evidence).unwrap();
        assert!(outcome == Outcome::ok() && evidence.gaps.iter().all(|gap| gap.refused), "{outcome:?} {:?}", evidence.gaps);
        let of_second = |row: &&serde_json::Value| row["netns_inode"] == second.inode;
        let rows: Vec<_> = evidence.rows(QDISCS).iter().filter(of_second).collect();
        let Some(row) = rows.iter().find(|row| row["kind"] == "clsact") else {
            return skip("a kernel with clsact", format!("{rows:?}"));
        };
        assert_eq!((&row["interface"], &row["handle"], &row["parent"]), (&"lo".into(), &"ffff:0".into(), &"ingress".into()));
        let path = format!("/.hozen/traffic_control/netns-{}/getqdisc", second.inode);
        assert!(evidence.member(&path).is_some_and(|bytes| bytes.windows(6).any(|part| part == b"clsact")));
    }

    fn columns(fill: impl FnOnce(Row) -> Row) -> serde_json::Map<String, serde_json::Value> {
        fill(Row::new(Timestamp::from_seconds(0), "x")).columns()
    }

    #[test]
    fn a_filter_that_is_a_program() {
        let options = [attribute(7, b"evil.o\0"), attribute(8, &native_u32(1)), attribute(11, &native_u32(42))].concat();
        let rest = [attribute(1, b"bpf\0"), attribute(2, &options)].concat();
        let payload = made(1, PLACES[1], 49152 << 16 | 0x0300, &rest);
        let names = BTreeMap::from([(1, b"lo".to_vec())]);
        let row = columns(|row| filter(row, &names, &Message { kind: 44, payload: payload.clone() }));
        assert_eq!((&row["direction"], &row["priority"], &row["protocol"]), (&"egress".into(), &49152.into(), &3.into()));
        assert_eq!(
            (&row["bpf_name"], &row["bpf_program_id"], &row["bpf_direct_action"]),
            (&"evil.o".into(), &42.into(), &1.into())
        );
    }

    #[test]
    fn filters_are_asked_for_where_a_discipline_has_them() {
        let of =
            |handle, parent, kind: &[u8]| places(&Message { kind: 36, payload: made(handle, parent, 0, &attribute(1, kind)) });
        assert_eq!(of(0xffff_0000, AT_INGRESS, b"clsact\0"), PLACES.map(|place| (1, place)));
        assert_eq!(of(0xffff_0000, AT_INGRESS, b"ingress\0"), [(1, PLACES[0])]);
        assert_eq!((of(0x1_0000, u32::MAX, b"htb\0"), of(0, u32::MAX, b"noqueue\0")), (vec![(1, 0x1_0000)], Vec::new()));
    }

    #[test]
    fn what_tcp_remembers() {
        let values = [attribute(4, &native_u32(10)), attribute(6, &native_u32(25_000))].concat();
        let parts = [attribute(1, &[198, 51, 100, 7]), attribute(3, &native_u64(900)), attribute(6, &values)].concat();
        let row = columns(|mut row| {
            metrics(&mut row, &[vec![1, 1, 0, 0], parts].concat());
            row
        });
        assert_eq!((&row["address"], &row["age_ms"], &row["rtt_us"]), (&"198.51.100.7".into(), &900.into(), &25_000.into()));
        assert_eq!(row["congestion_window"], 10);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(payload: Vec<u8>) {
            let message = Message { kind: 0, payload };
            places(&message);
            columns(|row| filter(row, &BTreeMap::new(), &message));
            columns(|mut row| { metrics(&mut row, &message.payload); row });
        }
    }
}
