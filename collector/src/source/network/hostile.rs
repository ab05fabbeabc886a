//! What the kernel answers to questions about its network, from the datagrams to the rows, held against what must be true of it whatever
//! comes. A rootkit that rewrites what we receive is part of the threat.

use std::collections::BTreeMap;

use super::rtnetlink::Seen;
use super::taken::Kept;
use super::{arp_cache, conntrack, firewall, interfaces, routes, sockets, traffic};
use crate::host::netlink::{self, Dump};
use crate::source::strict::Strict;
use crate::source::{Evidence, Stop};

/// Who makes something of an answer.
enum Reader {
    /// Rows of a dump.
    Dump(fn(&Kept, &mut dyn Evidence) -> Result<(), Stop>),
    /// Rows of a dump of rtnetlink.
    Route(fn(&Seen, &mut dyn Evidence) -> Result<(), Stop>),
    /// Rows of a table of iptables: so many bytes are its `struct ipt_getinfo`, the others its entries.
    Table(usize),
    /// Rows of a text of `/proc/PID/net`.
    Text(fn(&Kept, &mut dyn Evidence) -> Result<(), Stop>),
    /// Sockets.
    Sockets,
}

/// The answers, by the names that they have in the archive. An input's first byte chooses; the seeds in `fuzz/` go by this order.
static ANSWERS: [(&str, Reader); 25] = [
    ("gettable", Reader::Dump(firewall::rows)),
    ("getchain", Reader::Dump(firewall::rows)),
    ("getrule", Reader::Dump(firewall::rows)),
    ("getset", Reader::Dump(firewall::rows)),
    ("getobj", Reader::Dump(firewall::rows)),
    ("getflowtable", Reader::Dump(firewall::rows)),
    ("getsetelem-0000", Reader::Dump(firewall::rows)),
    ("ipsets", Reader::Dump(firewall::rows)),
    ("connections", Reader::Dump(conntrack::rows)),
    ("getqdisc", Reader::Dump(traffic::rows)),
    ("gettfilter-1-fffffff2", Reader::Dump(traffic::rows)),
    ("tcp_metrics", Reader::Dump(traffic::rows)),
    ("getlink", Reader::Route(interfaces::rows)),
    ("getaddr", Reader::Route(interfaces::rows)),
    ("getroute4", Reader::Route(routes::rows)),
    ("getrule", Reader::Route(routes::rows)),
    ("getneigh", Reader::Route(arp_cache::rows)),
    ("iptables-filter", Reader::Table(84)),
    ("ip6tables-filter", Reader::Table(84)),
    ("arptables-filter", Reader::Table(68)),
    ("nf_conntrack", Reader::Text(conntrack::rows)),
    ("diag-tcp6", Reader::Sockets),
    ("diag-unix", Reader::Sockets),
    ("diag-packet", Reader::Sockets),
    ("diag-netlink", Reader::Sockets),
];

/// An answer of the kernel: a byte that says to which question, and its datagrams in one piece. Returns how many rows were made of it.
///
/// # Panics
/// When a message is longer than what came, or a row is not as the format has it.
#[must_use]
pub fn netlink(bytes: &[u8]) -> usize {
    let Some((choice, answer)) = bytes.split_first() else { return 0 };
    let Some((name, reader)) = ANSWERS.get(usize::from(*choice) % ANSWERS.len()) else { return 0 };
    let mut strict = Strict::default();
    let sockets = read(name, reader, answer, &mut strict);
    assert!(sockets.is_ok(), "{name}: {sockets:?}, and nobody had enough");
    strict.rows() + sockets.unwrap_or(0)
}

/// Lets the answer be read; how many sockets it has.
fn read(name: &'static str, reader: &Reader, answer: &[u8], strict: &mut Strict) -> Result<usize, Stop> {
    let mut kept = Kept::empty();
    match reader {
        Reader::Dump(rows) => {
            kept.dumps = BTreeMap::from([(name.to_owned(), dump(answer))]);
            rows(&kept, strict)?;
        }
        Reader::Route(rows) => rows(&Seen::of(name, dump(answer)), strict)?,
        Reader::Table(length) => {
            let (info, entries) = answer.split_at(answer.len().min(*length));
            kept.others =
                BTreeMap::from([(format!("{name}.info"), info.to_owned()), (format!("{name}.entries"), entries.to_owned())]);
            firewall::rows(&kept, strict)?;
        }
        Reader::Text(rows) => {
            kept.texts = BTreeMap::from([(name, answer.to_owned())]);
            rows(&kept, strict)?;
        }
        Reader::Sockets => return Ok(sockets::count(name, dump(answer))),
    }
    Ok(0)
}

/// The messages in an answer; none where it says that the kernel refused.
fn dump(answer: &[u8]) -> Dump {
    let dump = netlink::in_datagram(answer).unwrap_or_default();
    let length: usize = dump.messages.iter().map(|message| message.payload.len()).sum();
    assert!(length <= answer.len(), "{length} bytes of messages in {} that came", answer.len());
    dump
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::netlink::{attribute, native_u16, native_u32, native_u64};
    use crate::testing::seeds;
    use proptest::prelude::*;

    /// An answer of one message: the fixed fields, and attributes.
    fn answer(name: &str, fixed: &[u8], attributes: &[Vec<u8>]) -> Vec<u8> {
        let choice = ANSWERS.iter().position(|(known, _)| *known == name).unwrap();
        let payload = [fixed, &attributes.concat()].concat();
        let length = u32::try_from(16 + payload.len()).unwrap();
        let head = [&native_u32(length)[..], &native_u16(20), &[0; 10]].concat();
        [vec![u8::try_from(choice).unwrap()], head, payload].concat()
    }

    #[test]
    fn every_seed_is_read_and_every_answer_has_one() {
        let mut choices = std::collections::BTreeSet::new();
        for (name, bytes) in seeds("netlink") {
            assert!(netlink(&bytes) > 0, "{name}");
            choices.insert(usize::from(bytes[0]));
        }
        assert!(choices.into_iter().eq(0..ANSWERS.len()));
    }

    #[test]
    fn nothing_that_stands_twice_in_an_answer_stands_twice_in_a_row() {
        let address = |kind, last: u8| attribute(kind, &[10, 0, 0, last]);
        let ends = attribute(1, &attribute(1, &[address(1, 1), address(3, 2), address(2, 3), address(4, 4)].concat()));
        assert_eq!(netlink(&answer("connections", &[2, 0, 0, 0], &[ends])), 1);
        let no_name = attribute(1, b"");
        assert_eq!(netlink(&answer("gettable", &[2, 0, 0, 0], &[no_name.clone(), no_name])), 1);
        let hosts = [address(1, 1), address(2, 2), address(11, 3), address(12, 4), attribute(3, &native_u64(7))];
        assert_eq!(netlink(&answer("tcp_metrics", &[1, 1, 0, 0], &hosts)), 1);
        let line = b"ipv4 2 tcp 6 9 CLOSE src=10.0.0.1 src=10.0.0.2 src=10.0.0.3 mark=1 mark=2\n";
        assert_eq!(netlink(&[&[20][..], line].concat()), 1);
    }

    #[test]
    fn two_matches_with_ports_make_one_pair_of_columns() {
        let part = |name: &[u8], length: u16| {
            let mut part = [&native_u16(length)[..], name].concat();
            part.resize(length.into(), 0);
            part
        };
        let mut entry = vec![0; 112];
        let parts = [part(b"tcp", 48), part(b"udp", 48), part(b"", 40)].concat();
        entry[88..90].copy_from_slice(&native_u16(112 + 96));
        entry[90..92].copy_from_slice(&native_u16(112 + 136));
        assert_eq!(netlink(&[vec![17], vec![0; 84 + 40], entry, parts].concat()), 1);
    }

    proptest! {
        #[test]
        fn any_answer_is_survived(
            choice in 0_u8..25,
            attributes in proptest::collection::vec((0_u16..32, proptest::collection::vec(any::<u8>(), 0..24)), 0..8),
        ) {
            let attributes: Vec<Vec<u8>> = attributes.iter().map(|(kind, value)| attribute(*kind, value)).collect();
            for fixed in [4, 8, 12, 16, 20, 72] {
                let mut bytes = answer("gettable", &vec![2; fixed], &attributes);
                bytes[0] = choice;
                let _ = netlink(&bytes);
            }
        }
    }
}
