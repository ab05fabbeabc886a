//! Artefact `routes`: all routing tables of all network namespaces, IPv4 and IPv6 (`RTM_GETROUTE`, `/proc/PID/net/route`,
//! `ipv6_route`, `fib_trie`, `rt_cache`), and the rules that choose a table (`RTM_GETRULE`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::columns::{put_bytes, put_int, put_text};
use super::rtnetlink::{LINKS, Plan, Request, Seen, each};
use crate::host::Host;
use crate::model::{Artefact, Category, Outcome, Profile, Row};
use crate::source::{Evidence, Source, Stop};

mod message;
mod rule;
mod text;

/// What it is.
pub const ARTEFACT: Artefact = Artefact {
    name: "routes",
    category: Category::Network,
    profile: Profile::Volatile,
    budget: Duration::from_secs(30),
    budget_bytes: None,
    source: "rtnetlink in every network namespace, /proc/PID/net",
    about: "All routing tables of all network namespaces, and the rules that choose a table",
    tables: &[TABLE, RULES_TABLE],
};

const TABLE: &str = "routes";
const RULES_TABLE: &str = "routing_rules";

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// `RTM_GETROUTE` with a `struct rtmsg` that names the family and no table: all of them.
const ROUTES: [Request; 2] = [
    Request { name: "getroute4", kind: 26, body: || body(AF_INET) },
    Request { name: "getroute6", kind: 26, body: || body(AF_INET6) },
];

fn body(family: u8) -> Vec<u8> {
    let mut body = vec![0; 12];
    body.iter_mut().take(1).for_each(|first| *first = family);
    body
}

static PLAN: Plan = Plan {
    artefact: ARTEFACT.name,
    texts: &["route", "ipv6_route", "fib_trie", "rt_cache"],
    requests: &[LINKS, ROUTES[0], ROUTES[1], rule::RULES],
};

/// Reads the artefact `routes`.
#[derive(Debug, Clone, Copy)]
pub struct Routes;

impl Source for Routes {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        each(host, &PLAN, evidence, &mut rows)
    }
}

/// One way of a route: a route with several next hops is as many of these.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Route {
    table: Option<u32>,
    destination: IpAddr,
    prefix: u8,
    metric: u32,
    hop: Hop,
    /// Position among the next hops of a multipath route.
    ordinal: Option<u32>,
    source: Option<IpAddr>,
    /// `RTN_…`
    kind: Option<u8>,
    /// `RTM_F_…` and `RTNH_F_…`.
    flags: Option<u32>,
    /// `RTF_…`, which only the text has.
    text_flags: Option<u32>,
    protocol: Option<u8>,
    scope: Option<u8>,
    mtu: Option<u32>,
    hop_limit: Option<u32>,
    next_hop_id: Option<u32>,
}

/// Where a route leads.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Hop {
    gateway: Option<IpAddr>,
    index: Option<u32>,
    interface: Option<Vec<u8>>,
    weight: Option<u32>,
}

impl Route {
    fn new(destination: IpAddr, prefix: u8) -> Self {
        Self {
            table: None,
            destination,
            prefix,
            metric: 0,
            hop: Hop::default(),
            ordinal: None,
            source: None,
            kind: None,
            flags: None,
            text_flags: None,
            protocol: None,
            scope: None,
            mtu: None,
            hop_limit: None,
            next_hop_id: None,
        }
    }
}

fn unspecified(family: u8) -> IpAddr {
    if family == AF_INET6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() }
}

pub(super) fn rows(seen: &Seen, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    for (request, file, parse) in [(&ROUTES[0], "route", text::line4 as text::Parse), (&ROUTES[1], "ipv6_route", text::line6)] {
        let answered = seen.answered(request.name);
        let mut routes: Vec<Route> = if answered {
            seen.messages(request.name).iter().flat_map(|message| message::parse(&message.payload)).collect()
        } else {
            text::parse(seen.text(file), parse)
        };
        routes.sort();
        for route in routes {
            evidence.check()?;
            let row = if answered { seen.row(request.name) } else { seen.text_row(file) };
            evidence.row(TABLE, &fill(row, seen, &route))?;
        }
    }
    for message in seen.messages(rule::RULES.name) {
        evidence.check()?;
        let mut row = seen.row(rule::RULES.name);
        rule::fill(&mut row, &message.payload);
        row.int("netns_inode", seen.netns);
        evidence.row(RULES_TABLE, &row)?;
    }
    Ok(())
}

fn fill(mut row: Row, seen: &Seen, route: &Route) -> Row {
    row.text("destination", &route.destination.to_string()).int("netmask", route.prefix);
    put_text(&mut row, "gateway", route.hop.gateway);
    put_text(&mut row, "source_address", route.source);
    put_int(&mut row, "flags", route.flags);
    let named = route.hop.index.and_then(|index| seen.interface(index)).or(route.hop.interface.as_deref());
    put_bytes(&mut row, "interface", named);
    put_int(&mut row, "mtu", route.mtu);
    row.int("metric", route.metric).text("type", osquery_type(route));
    put_int(&mut row, "hopcount", route.hop_limit);
    put_int(&mut row, "table", route.table);
    put_int(&mut row, "protocol", route.protocol);
    put_int(&mut row, "scope", route.scope);
    row.int("priority", route.metric);
    row.int("family", if route.destination.is_ipv4() { AF_INET } else { AF_INET6 });
    put_int(&mut row, "route_type", route.kind);
    put_int(&mut row, "interface_index", route.hop.index);
    put_int(&mut row, "next_hop", route.ordinal);
    put_int(&mut row, "weight", route.hop.weight);
    put_int(&mut row, "next_hop_id", route.next_hop_id);
    put_int(&mut row, "text_flags", route.text_flags);
    row.int("netns_inode", seen.netns);
    row
}

/// osquery's word for `RTN_…`; it calls every unicast route a gateway.
fn osquery_type(route: &Route) -> &'static str {
    match route.kind {
        Some(1) => "gateway",
        Some(2) => "local",
        Some(3) => "broadcast",
        Some(4) => "anycast",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::network::namespaces::own;
    use crate::source::recorded::Recorded;
    use serde_json::json;

    #[test]
    fn the_loopback_route_of_this_machine_is_found() {
        let host = Host::live().unwrap();
        let mut recorded = Recorded::default();
        assert_eq!(Routes.acquire(&host, &mut recorded).unwrap(), Outcome::ok());
        let netns = own(&host).unwrap();
        let row = recorded.rows("routes").iter().find(|row| row["destination"] == "127.0.0.0" && row["netns_inode"] == netns);
        let row = row.expect("a route to the loopback network in table local");
        assert_eq!((&row["interface"], &row["type"], &row["table"]), (&json!("lo"), &json!("local"), &json!(255)));
        assert!(recorded.member("/proc/net/fib_trie").is_some());
        let rules = recorded.rows("routing_rules");
        let own = |row: &&serde_json::Value| row["netns_inode"] == netns && row["table"] == 255 && row["family"] == AF_INET;
        // A kernel without CONFIG_IP_MULTIPLE_TABLES has none.
        assert!(rules.is_empty() || rules.iter().any(|row| own(&row) && row["action"] == "lookup"), "{rules:?}");
    }

    #[test]
    fn a_fixtures_text_makes_rows() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("proc/net")).unwrap();
        let gateway = crate::host::netlink::u32_of([10, 0, 0, 1]);
        let text = format!("Iface\nens5\t00000000\t{gateway:08X}\t0003\t0\t0\t512\t00000000\t0\t0\t0\n");
        std::fs::write(dir.path().join("proc/net/route"), text).unwrap();
        let mut recorded = Recorded::default();
        Routes.acquire(&Host::fixture(dir.path()).unwrap(), &mut recorded).unwrap();
        let row = &recorded.rows("routes")[0];
        assert_eq!(
            (&row["destination"], &row["gateway"], &row["interface"]),
            (&json!("0.0.0.0"), &json!("10.0.0.1"), &json!("ens5"))
        );
        assert_eq!((&row["netmask"], &row["metric"], &row["type"]), (&json!(0), &json!(512), &json!("gateway")));
    }
}
