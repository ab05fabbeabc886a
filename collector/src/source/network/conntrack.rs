//! Artefact `conntrack`: connections that the kernel tracks in each network namespace, with what they were before address
//! translation (`IPCTNL_MSG_CT_GET`, else `/proc/PID/net/nf_conntrack`), and those that it expects.
//!
//! Sources: linux/netfilter/nfnetlink_conntrack.h; the text is made by net/netfilter/nf_conntrack_standalone.c.

use std::collections::BTreeMap;
use std::time::Duration;

use nix::sys::socket::SockProtocol;

use super::ask::ask;
use super::autoload::Guard;
use super::columns::{put_bytes, put_int, put_text};
use super::fields::{address, be32, be64, lines, port, split, walk};
use super::taken::{Kept, Taken, each};
use super::visit::Inside;
use crate::host::Host;
use crate::model::{Artefact, Category, Outcome, Profile, Row};
use crate::source::text::decimal;
use crate::source::{Evidence, Source, Stop};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "conntrack",
    category: Category::Network,
    profile: Profile::Volatile,
    budget: Duration::from_secs(60),
    budget_bytes: None,
    source: "ctnetlink in every network namespace, /proc/PID/net",
    about: "Tracked connections of all network namespaces, with their addresses before and after translation",
    tables: &[TABLE],
};

const TABLE: &str = "conntrack";

/// `NFNL_SUBSYS_CTNETLINK` and `_EXP`, each with its `…_GET`.
const CONNECTIONS: u16 = 1 << 8 | 1;
const EXPECTED: u16 = 2 << 8 | 1;

/// Reads the artefact `conntrack`.
#[derive(Debug, Clone, Copy)]
pub struct Conntrack;

impl Source for Conntrack {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let allowed = Guard::read(host).may_ask(&["nfnetlink", "nf_conntrack_netlink"]);
        each(host, ARTEFACT.name, evidence, move |inside| look(inside, &allowed), &mut rows)
    }
}

fn look(inside: &Inside, allowed: &Result<(), String>) -> Taken {
    let texts = ["nf_conntrack", "nf_conntrack_expect", "stat/nf_conntrack"];
    let mut taken = Taken { texts: texts.into_iter().map(|name| (name, inside.text(name))).collect(), ..Taken::default() };
    match allowed {
        Err(reason) => taken.not_asked.push(reason.clone()),
        Ok(()) if inside.ask => {
            for (name, kind) in [("connections", CONNECTIONS), ("expected", EXPECTED)] {
                taken.push(name, ask(SockProtocol::NetlinkNetFilter, kind, &[0; 4]));
            }
        }
        Ok(()) => {}
    }
    taken
}

pub(super) fn rows(kept: &Kept, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    for message in kept.messages("connections") {
        evidence.check()?;
        let mut row = kept.row("ctnetlink");
        fill(&mut row, &message.payload);
        evidence.row(TABLE, &row)?;
    }
    if kept.dumps.contains_key("connections") {
        return Ok(());
    }
    for line in lines(kept.texts.get("nf_conntrack").map(Vec::as_slice).unwrap_or_default(), 0) {
        evidence.check()?;
        let mut row = kept.row("nf_conntrack");
        from_text(&mut row, line);
        evidence.row(TABLE, &row)?;
    }
    Ok(())
}

/// The columns of one direction, `CTA_TUPLE_…`.
struct Direction([&'static str; 4]);

const ORIGINAL: Direction = Direction(["source_address", "destination_address", "source_port", "destination_port"]);
const REPLY: Direction =
    Direction(["reply_source_address", "reply_destination_address", "reply_source_port", "reply_destination_port"]);

fn fill(row: &mut Row, payload: &[u8]) {
    if let Some(family) = payload.first() {
        row.int("family", *family);
    }
    let anomaly = walk(payload.get(4..).unwrap_or_default(), |kind, value| match kind {
        1 => tuple(row, value, &ORIGINAL),
        2 => tuple(row, value, &REPLY),
        3 => status(row, value),
        4 => state(row, value),
        7 => put_int(row, "timeout_s", be32(value)),
        8 => put_int(row, "mark", be32(value)),
        9 => counters(row, value, ["packets", "bytes"]),
        10 => counters(row, value, ["reply_packets", "reply_bytes"]),
        12 => put_int(row, "id", be32(value)),
        18 => put_int(row, "zone", port(value, 0)),
        20 => started(row, value),
        _ => {}
    });
    if let Some(anomaly) = anomaly {
        row.error("message", anomaly);
    }
}

fn tuple(row: &mut Row, value: &[u8], columns: &Direction) {
    let Direction([source, destination, source_port, destination_port]) = columns;
    let _ = walk(value, |kind, value| match kind {
        1 => {
            let (mut from, mut to) = (None, None);
            let _ = walk(value, |kind, value| match kind {
                // IPv4 and IPv6. A connection has one of them; what claims both has the first.
                1 | 3 => from = from.or(address(value)),
                2 | 4 => to = to.or(address(value)),
                _ => {}
            });
            put_text(row, source, from);
            put_text(row, destination, to);
        }
        2 => {
            let _ = walk(value, |kind, value| match kind {
                1 if *source == "source_address" => put_int(row, "protocol", value.first().copied()),
                2 => put_int(row, source_port, port(value, 0)),
                3 => put_int(row, destination_port, port(value, 0)),
                _ => {}
            });
        }
        _ => {}
    });
}

/// `IPS_…` of linux/netfilter/nf_conntrack_common.h.
fn status(row: &mut Row, value: &[u8]) {
    const WORDS: [&str; 15] = [
        "expected",
        "seen-reply",
        "assured",
        "confirmed",
        "src-nat",
        "dst-nat",
        "seq-adjust",
        "src-nat-done",
        "dst-nat-done",
        "dying",
        "fixed-timeout",
        "template",
        "untracked",
        "helper",
        "offload",
    ];
    let bits = be32(value).unwrap_or(0);
    let words = WORDS.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1).map(|(_, word)| *word);
    row.json("flags", &words.collect::<Vec<_>>());
}

/// The state of TCP: `CTA_PROTOINFO_TCP`, in it `…_STATE`.
fn state(row: &mut Row, value: &[u8]) {
    const STATES: [&str; 10] =
        ["NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE", "SYN_SENT2"];
    let _ = walk(value, |kind, value| {
        if kind == 1 {
            let _ = walk(value, |kind, value| {
                let word = value.first().and_then(|state| STATES.get(usize::from(*state)));
                if let Some(word) = word.filter(|_| kind == 1) {
                    row.text("state", word);
                }
            });
        }
    });
}

fn counters(row: &mut Row, value: &[u8], [packets, bytes]: [&str; 2]) {
    let _ = walk(value, |kind, value| match kind {
        1 => put_int(row, packets, be64(value)),
        2 => put_int(row, bytes, be64(value)),
        _ => {}
    });
}

fn started(row: &mut Row, value: &[u8]) {
    let _ = walk(value, |kind, value| match kind {
        1 => put_int(row, "start_ns", be64(value)),
        2 => put_int(row, "stop_ns", be64(value)),
        _ => {}
    });
}

/// A line of the text: family, its number, protocol, its number, for TCP and others timeout and state, then `name=value`, those
/// of the original direction first.
fn from_text(row: &mut Row, line: &[u8]) {
    let fields: Vec<&[u8]> = split(line).collect();
    put_int(row, "family", fields.get(1).and_then(|field| decimal::<u8>(field)));
    put_int(row, "protocol", fields.get(3).and_then(|field| decimal::<u8>(field)));
    put_int(row, "timeout_s", fields.get(4).and_then(|field| decimal::<u32>(field)));
    if let Some(state) = fields.get(5).filter(|field| field.iter().all(|b| b.is_ascii_uppercase() || b"_0123456789".contains(b)))
    {
        row.bytes("state", state);
    }
    let mut seen = BTreeMap::<&[u8], u32>::new();
    for field in fields {
        let Some(sign) = field.iter().position(|b| *b == b'=') else { continue };
        let (name, value) = (field.get(..sign).unwrap_or_default(), field.get(sign + 1..).unwrap_or_default());
        let times = seen.entry(name).or_default();
        *times += 1;
        let is_reply = match *times {
            1 => false,
            2 => true,
            // No connection has a third direction, and no row a column twice.
            _ => continue,
        };
        let (column, is_text) = match (name, is_reply) {
            (b"src", false) => ("source_address", true),
            (b"dst", false) => ("destination_address", true),
            (b"src", true) => ("reply_source_address", true),
            (b"dst", true) => ("reply_destination_address", true),
            (b"sport", false) => ("source_port", false),
            (b"dport", false) => ("destination_port", false),
            (b"sport", true) => ("reply_source_port", false),
            (b"dport", true) => ("reply_destination_port", false),
            (b"packets", false) => ("packets", false),
            (b"bytes", false) => ("bytes", false),
            (b"packets", true) => ("reply_packets", false),
            (b"bytes", true) => ("reply_bytes", false),
            (b"mark", false) => ("mark", false),
            (b"zone", false) => ("zone", false),
            _ => continue,
        };
        if is_text { put_bytes(row, column, Some(value)) } else { put_int(row, column, decimal::<u64>(value)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::netlink::attribute;
    use crate::model::Timestamp;
    use crate::model::row::Placing;
    use crate::source::network::second::Second;
    use crate::source::recorded::Recorded;

    fn made(fill: impl FnOnce(&mut Row)) -> serde_json::Value {
        let mut row = Row::new(Timestamp::from_seconds(0), "x");
        fill(&mut row);
        let mut out = Vec::new();
        row.write_to(Placing { table: "t", seq: 0, mono_ns: 0, host_id: "h" }, &mut out);
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn a_translated_connection() {
        let ip =
            |source: [u8; 4], destination: [u8; 4]| attribute(1, &[attribute(1, &source), attribute(2, &destination)].concat());
        let tcp = attribute(2, &[attribute(1, &[6]), attribute(2, &[0x30, 0x39]), attribute(3, &[1, 0xbb])].concat());
        let payload = [
            vec![2, 0, 0, 0],
            attribute(1, &[ip([10, 0, 0, 5], [192, 0, 2, 1]), tcp.clone()].concat()),
            attribute(2, &[ip([192, 0, 2, 1], [198, 51, 100, 7]), tcp].concat()),
            attribute(3, &0x1e_u32.to_be_bytes()),
            attribute(4, &attribute(1, &attribute(1, &[3]))),
            attribute(9, &[attribute(1, &7_u64.to_be_bytes()), attribute(2, &900_u64.to_be_bytes())].concat()),
        ]
        .concat();
        let row = made(|row| fill(row, &payload));
        assert_eq!(
            (&row["source_address"], &row["destination_port"], &row["protocol"]),
            (&"10.0.0.5".into(), &443.into(), &6.into())
        );
        assert_eq!((&row["reply_destination_address"], &row["state"]), (&"198.51.100.7".into(), &"ESTABLISHED".into()));
        assert_eq!(
            (&row["flags"], &row["bytes"]),
            (&serde_json::json!(["seen-reply", "assured", "confirmed", "src-nat"]), &900.into())
        );
    }

    #[test]
    fn the_text_says_the_same() {
        let line =
            b"ipv4     2 tcp      6 431999 ESTABLISHED src=10.0.0.5 dst=192.0.2.1 sport=12345 dport=443 packets=7 bytes=900 \
            src=192.0.2.1 dst=198.51.100.7 sport=443 dport=12345 packets=1 bytes=40 [ASSURED] mark=0 zone=0 use=2";
        let row = made(|row| from_text(row, line));
        assert_eq!(
            (&row["source_address"], &row["destination_port"], &row["state"]),
            (&"10.0.0.5".into(), &443.into(), &"ESTABLISHED".into())
        );
        assert_eq!((&row["reply_destination_address"], &row["reply_bytes"]), (&"198.51.100.7".into(), &40.into()));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            made(|row| fill(row, &bytes));
            made(|row| from_text(row, &bytes));
        }
    }

    #[test]
    fn this_machine_answers_or_says_why_not() {
        let host = Host::live().unwrap();
        let _second = Second::start(|| ());
        let mut evidence = Recorded::default();
        let outcome = Conntrack.acquire(&host, &mut evidence).unwrap();
        let has_text = host.proc.stat("self/net/nf_conntrack").is_ok();
        assert!(!has_text || outcome == Outcome::ok(), "{outcome:?}");
        assert_eq!(has_text, evidence.members.iter().any(|(path, ..)| path.ends_with(b"/net/nf_conntrack")));
    }
}
