//! Artefact `arp_cache`: neighbours of all network namespaces, IPv4 and IPv6 (`RTM_GETNEIGH`, `/proc/PID/net/arp`).

use std::net::IpAddr;
use std::time::Duration;

use super::columns::{put_bytes, put_int, put_text};
use super::fields::{address, byte, hardware, hex, lines, native16, native32, split, walk};
use super::rtnetlink::{LINKS, Plan, Request, Seen, each};
use crate::host::Host;
use crate::model::{Artefact, Category, Outcome, Profile, Row};
use crate::source::{Evidence, Source, Stop};

/// What it is.
pub const ARTEFACT: Artefact = Artefact {
    name: "arp_cache",
    category: Category::Network,
    profile: Profile::Volatile,
    budget: Duration::from_secs(30),
    budget_bytes: None,
    source: "rtnetlink in every network namespace, /proc/PID/net",
    about: "Neighbours (ARP and NDP caches) of all network namespaces",
    tables: &[TABLE],
};

const TABLE: &str = "arp_cache";

/// `RTM_GETNEIGH` with an empty `struct ndmsg`: both families.
const NEIGHBOURS: Request = Request { name: "getneigh", kind: 30, body: || vec![0; 12] };

static PLAN: Plan = Plan { artefact: ARTEFACT.name, texts: &["arp", "ndisc_cache"], requests: &[LINKS, NEIGHBOURS] };

/// `NUD_PERMANENT` (linux/neighbour.h).
const PERMANENT: u16 = 0x80;

/// Reads the artefact `arp_cache`.
#[derive(Debug, Clone, Copy)]
pub struct ArpCache;

impl Source for ArpCache {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        each(host, &PLAN, evidence, &mut rows)
    }
}

/// A neighbour.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Neighbour {
    address: IpAddr,
    interface: Option<Vec<u8>>,
    index: Option<u32>,
    mac: Option<String>,
    state: Option<u16>,
    flags: Option<u8>,
    permanent: bool,
}

pub(super) fn rows(seen: &Seen, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    let answered = seen.answered(NEIGHBOURS.name);
    let mut neighbours: Vec<Neighbour> = if answered {
        let parsed = seen.messages(NEIGHBOURS.name).iter().filter_map(|message| neighbour(&message.payload));
        parsed
            .map(|one| Neighbour { interface: one.index.and_then(|i| seen.interface(i)).map(<[u8]>::to_owned), ..one })
            .collect()
    } else {
        lines(seen.text("arp"), 1).filter_map(line).collect()
    };
    neighbours.sort_unstable();
    for neighbour in neighbours {
        evidence.check()?;
        let row = if answered { seen.row(NEIGHBOURS.name) } else { seen.text_row("arp") };
        evidence.row(TABLE, &fill(row, seen.netns, &neighbour))?;
    }
    Ok(())
}

fn fill(mut row: Row, netns: u64, neighbour: &Neighbour) -> Row {
    row.text("address", &neighbour.address.to_string());
    put_text(&mut row, "mac", neighbour.mac.as_ref());
    put_bytes(&mut row, "interface", neighbour.interface.as_deref());
    row.text("permanent", if neighbour.permanent { "1" } else { "0" });
    put_text(&mut row, "state", neighbour.state.map(state));
    row.int("family", if neighbour.address.is_ipv4() { 2 } else { 10 });
    put_int(&mut row, "flags", neighbour.flags);
    put_int(&mut row, "interface_index", neighbour.index);
    row.int("netns_inode", netns);
    row
}

/// `NUD_…` as ip(8) words it; a value with several bits as a number.
fn state(state: u16) -> String {
    let word = match state {
        0 => "NONE",
        0x01 => "INCOMPLETE",
        0x02 => "REACHABLE",
        0x04 => "STALE",
        0x08 => "DELAY",
        0x10 => "PROBE",
        0x20 => "FAILED",
        0x40 => "NOARP",
        PERMANENT => "PERMANENT",
        other => return format!("0x{other:x}"),
    };
    word.to_owned()
}

/// `struct ndmsg`: family u8, 3 pad, index i32, state u16, flags u8, type u8; then attributes.
fn neighbour(payload: &[u8]) -> Option<Neighbour> {
    const DST: u16 = 1;
    const LLADDR: u16 = 2;
    let attributes = payload.get(12..)?;
    let state = native16(payload, 8)?;
    let (mut found, mut mac) = (None, None);
    let _ = walk(attributes, |kind, value| match kind {
        DST => found = address(value),
        LLADDR => mac = Some(hardware(value)),
        _ => {}
    });
    Some(Neighbour {
        address: found?,
        interface: None,
        index: native32(payload, 4),
        mac,
        state: Some(state),
        flags: byte(payload, 10),
        permanent: state & PERMANENT != 0,
    })
}

/// `IP address, HW type, Flags, HW address, Mask, Device`.
fn line(line: &[u8]) -> Option<Neighbour> {
    /// `ATF_PERM` (linux/if_arp.h).
    const ATF_PERM: u8 = 4;
    let mut fields = split(line);
    let address = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    let flags: u8 = hex(fields.nth(1)?.strip_prefix(b"0x")?)?;
    let mac = fields.next()?;
    let interface = fields.nth(1)?.to_owned();
    Some(Neighbour {
        address,
        interface: Some(interface),
        index: None,
        mac: mac.split(|b| *b == b':').map(hex::<u8>).collect::<Option<Vec<u8>>>().map(|octets| hardware(&octets)),
        state: None,
        flags: None,
        permanent: flags & ATF_PERM != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::netlink::{native_u16, native_u32};
    use crate::source::recorded::Recorded;
    use serde_json::json;

    #[test]
    fn a_neighbour_of_a_dump() {
        let head = [&[2, 0, 0, 0][..], &native_u32(3), &native_u16(0x80), &[8, 1]].concat();
        let attributes =
            [&native_u16(8)[..], &native_u16(1), &[10, 0, 0, 1], &native_u16(10), &native_u16(2), &[2, 0, 0, 0, 0, 9, 0, 0]];
        let payload = [head, attributes.concat()].concat();
        let one = neighbour(&payload).unwrap();
        assert_eq!((one.address.to_string().as_str(), one.index, one.permanent), ("10.0.0.1", Some(3), true));
        assert_eq!((one.mac.as_deref(), one.flags), (Some("02:00:00:00:00:09"), Some(8)));
        assert_eq!(neighbour(&payload[..15]), None);
    }

    #[test]
    fn a_fixtures_text_makes_rows_as_osquery_has_them() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("proc/net")).unwrap();
        let text = "IP address       HW type     Flags       HW address            Mask     Device\n\
            10.0.0.9         0x1         0x6         02:0a:00:00:00:01     *        eth0\n\
            10.0.0.7         0x1         0x2         02:0a:00:00:00:02     *        eth\x1b0\nbroken 0x\n";
        std::fs::write(dir.path().join("proc/net/arp"), text).unwrap();
        let mut recorded = Recorded::default();
        let outcome = ArpCache.acquire(&Host::fixture(dir.path()).unwrap(), &mut recorded).unwrap();
        assert_eq!(outcome, Outcome::ok());
        let rows = recorded.rows("arp_cache");
        assert_eq!((rows.len(), &rows[0]["address"], &rows[0]["interface"]), (2, &json!("10.0.0.7"), &json!("eth\u{1b}0")));
        assert_eq!((&rows[1]["mac"], &rows[1]["permanent"]), (&json!("02:0a:00:00:00:01"), &json!("1")));
        assert_eq!(recorded.member("/proc/net/arp"), Some(text.as_bytes()));
    }

    #[test]
    fn this_machines_neighbours_are_archived() {
        let mut recorded = Recorded::default();
        let outcome = ArpCache.acquire(&Host::live().unwrap(), &mut recorded).unwrap();
        assert_eq!(outcome, Outcome::ok());
        assert!(recorded.member("/proc/net/arp").is_some());
        assert!(recorded.members.iter().any(|(path, ..)| path.ends_with(b"/getneigh")));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_parsed(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..120)) {
            let _ = (neighbour(&bytes), line(&bytes));
        }
    }
}
