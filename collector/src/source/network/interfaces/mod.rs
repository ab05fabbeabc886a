//! Artefact `interfaces`: interfaces and addresses of all network namespaces (`RTM_GETLINK`, `RTM_GETADDR`, and the counters
//! and group memberships in `/proc/PID/net`).
//!
//! `link_speed` and `pci_slot` of osquery are left out: a driver would have to be asked for them.

use std::time::Duration;

use super::rtnetlink::{LINKS, Plan, Request, Seen, each};
use crate::host::Host;
use crate::model::{Artefact, Category, Outcome, Profile};
use crate::source::{Evidence, Source, Stop};

mod address;
mod link;
mod text;

/// What it is.
pub const ARTEFACT: Artefact = Artefact {
    name: "interfaces",
    category: Category::Network,
    profile: Profile::Volatile,
    budget: Duration::from_secs(30),
    budget_bytes: None,
    source: "rtnetlink in every network namespace, /proc/PID/net",
    about: "Interfaces of all network namespaces: addresses, counters, promiscuous mode, attached XDP programs",
    tables: &[ADDRESSES, DETAILS],
};

const ADDRESSES: &str = "interface_addresses";
const DETAILS: &str = "interface_details";

/// `RTM_GETADDR` with an empty `struct ifaddrmsg`: both families.
const ADDRESS_DUMP: Request = Request { name: "getaddr", kind: 22, body: || vec![0; 8] };

static PLAN: Plan = Plan {
    artefact: ARTEFACT.name,
    texts: &["dev", "if_inet6", "dev_mcast", "igmp", "igmp6", "snmp", "snmp6", "netstat", "sockstat", "sockstat6", "fib_trie"],
    requests: &[LINKS, ADDRESS_DUMP],
};

/// Reads the artefact `interfaces`.
#[derive(Debug, Clone, Copy)]
pub struct Interfaces;

impl Source for Interfaces {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        each(host, &PLAN, evidence, &mut rows)
    }
}

pub(super) fn rows(seen: &Seen, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    address_rows(seen, evidence)?;
    link_rows(seen, evidence)
}

fn address_rows(seen: &Seen, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    let answered = seen.answered(ADDRESS_DUMP.name);
    let mut addresses: Vec<address::Address> = if answered {
        seen.messages(ADDRESS_DUMP.name).iter().filter_map(|message| address::parse(&message.payload)).collect()
    } else {
        let local = text::local_addresses(seen.text("fib_trie")).into_iter().map(address::Address::bare);
        text::if_inet6(seen.text("if_inet6")).into_iter().chain(local).collect()
    };
    addresses.sort();
    for address in addresses {
        evidence.check()?;
        let text = if address.address.is_ipv4() { "fib_trie" } else { "if_inet6" };
        let row = if answered { seen.row(ADDRESS_DUMP.name) } else { seen.text_row(text) };
        evidence.row(ADDRESSES, &address::fill(row, seen, &address))?;
    }
    Ok(())
}

fn link_rows(seen: &Seen, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    let answered = seen.answered(LINKS.name);
    let mut links: Vec<link::Link> = if answered {
        seen.messages(LINKS.name).iter().filter_map(|message| link::parse(&message.payload)).collect()
    } else {
        text::dev(seen.text("dev"))
    };
    links.sort_by(|a, b| (a.index, &a.name).cmp(&(b.index, &b.name)));
    for link in links {
        evidence.check()?;
        let row = if answered { seen.row(LINKS.name) } else { seen.text_row("dev") };
        evidence.row(DETAILS, &link::fill(row, seen, &link))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::network::namespaces::own;
    use crate::source::network::second::Second;
    use crate::source::recorded::Recorded;
    use serde_json::json;

    #[test]
    fn each_namespace_has_its_own_interfaces() {
        let host = Host::live().unwrap();
        let second = Second::start(|| ());
        let mut recorded = Recorded::default();
        assert_eq!(Interfaces.acquire(&host, &mut recorded).unwrap(), Outcome::ok());
        let of = |netns: u64| recorded.rows("interface_details").iter().filter(move |row| row["netns_inode"] == netns);
        let theirs: Vec<_> = of(second.inode).collect();
        let loopback = theirs.iter().find(|row| row["interface"] == "lo").unwrap();
        // A fresh namespace has a loopback that is down, and perhaps the fallback devices of tunnels.
        assert_eq!((&loopback["type"], &loopback["ibytes"]), (&json!(772), &json!(0)));
        assert_eq!((loopback["flags"].as_u64().unwrap() & 1, &loopback["promiscuity"]), (0, &json!(0)));
        assert!(of(own(&host).unwrap()).any(|row| row["interface"] == "lo" && row["flags"].as_u64().unwrap() & 1 == 1));
        let addresses = recorded.rows("interface_addresses");
        let loopback = addresses.iter().find(|row| row["address"] == "127.0.0.1").unwrap();
        assert_eq!((&loopback["interface"], &loopback["mask"]), (&json!("lo"), &json!("255.0.0.0")));
        assert!(!addresses.iter().any(|row| row["netns_inode"] == second.inode));
        assert!(recorded.member("/proc/net/snmp").is_some());
    }

    #[test]
    fn a_fixtures_text_makes_rows() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("proc/net")).unwrap();
        let dev = "Inter-|\n face |\n  eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n";
        std::fs::write(dir.path().join("proc/net/dev"), dev).unwrap();
        let inet6 = "fe800000000000000000000000000001 02 40 20 80     eth0\n";
        std::fs::write(dir.path().join("proc/net/if_inet6"), inet6).unwrap();
        let mut recorded = Recorded::default();
        Interfaces.acquire(&Host::fixture(dir.path()).unwrap(), &mut recorded).unwrap();
        let row = &recorded.rows("interface_details")[0];
        assert_eq!((&row["interface"], &row["ibytes"], &row["opackets"]), (&json!("eth0"), &json!(1), &json!(10)));
        let row = &recorded.rows("interface_addresses")[0];
        assert_eq!((&row["address"], &row["interface"], &row["prefix"]), (&json!("fe80::1"), &json!("eth0"), &json!(64)));
    }
}
