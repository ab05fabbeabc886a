use super::*;
use crate::host::netlink::{attribute, native_u32};
use crate::model::Outcome;
use crate::source::network::archive::frame;
use crate::source::network::second::Second;
use crate::source::recorded::Recorded;
use crate::testing::skip;
use nix::sys::socket::{AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockType, bind, send, socket};
use std::os::fd::AsRawFd as _;

/// A message of a batch: `kind`, flags, `struct nfgenmsg` and attributes.
fn message(kind: u16, flags: u16, header: &[u8], attributes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(16 + header.len() + attributes.len()).unwrap();
    [&native_u32(length)[..], &native_u16(kind), &native_u16(flags | 1), &native_u32(1), &native_u32(0), header, attributes]
        .concat()
}

/// A table `evil` with a chain on the output hook, whose one rule counts and drops.
fn batch() -> Vec<u8> {
    const CREATE: u16 = 0x400;
    let nft = |kind: u16| SUBSYSTEM << 8 | kind;
    let be = |value: u32| value.to_be_bytes();
    let hook = attribute(4 | 0x8000, &[attribute(1, &be(3)), attribute(2, &be(5))].concat());
    let chain = [string(1, b"evil"), string(3, b"out"), hook, attribute(5, &be(1)), string(7, b"filter")].concat();
    let counter = attribute(1 | 0x8000, &[string(1, b"counter"), attribute(2 | 0x8000, &[])].concat());
    let verdict = attribute(2 | 0x8000, &attribute(2 | 0x8000, &attribute(1, &be(0))));
    let immediate = [attribute(1, &be(0)), verdict].concat();
    let drop = attribute(1 | 0x8000, &[string(1, b"immediate"), attribute(2 | 0x8000, &immediate)].concat());
    let comment = attribute(7, b"\0\x04hid\0");
    let rule = [string(1, b"evil"), string(2, b"out"), attribute(4 | 0x8000, &[counter, drop].concat()), comment].concat();
    // `NFNL_MSG_BATCH_BEGIN` and `_END`, for the subsystem in the resource.
    let edge = [0, 0, 0, u8::try_from(SUBSYSTEM).unwrap()];
    [
        message(16, 0, &edge, &[]),
        message(nft(0), CREATE, &[2, 0, 0, 0], &string(1, b"evil")),
        message(nft(3), CREATE, &[2, 0, 0, 0], &chain),
        message(nft(6), CREATE, &[2, 0, 0, 0], &rule),
        message(17, 0, &edge, &[]),
    ]
    .concat()
}

/// A set `evil` of ipset with one address.
fn set_of_addresses() -> [Vec<u8>; 2] {
    const NESTED: u16 = 0x8000;
    const NETWORK_ORDER: u16 = 0x4000;
    let head = [attribute(1, &[6]), string(2, b"evil")].concat();
    let made = [head.clone(), string(3, b"hash:ip"), attribute(4, &[0]), attribute(5, &[2]), attribute(7 | NESTED, &[])].concat();
    let address = attribute(1 | NESTED, &attribute(1 | NETWORK_ORDER, &[198, 51, 100, 7]));
    let added = [head, attribute(7 | NESTED, &address)].concat();
    [message(6 << 8 | 2, 0x600, &[2, 0, 0, 0], &made), message(6 << 8 | 9, 0, &[2, 0, 0, 0], &added)]
}

fn load() -> nix::Result<()> {
    let protocol = SockProtocol::NetlinkNetFilter;
    let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
    for request in set_of_addresses().into_iter().chain([batch()]) {
        send(socket.as_raw_fd(), &request, MsgFlags::empty())?;
    }
    Ok(())
}

#[test]
fn a_rule_of_another_network_namespace_is_found() {
    let host = Host::live().unwrap();
    // To ask for a table by its name makes it, with nothing but its policies.
    let second = Second::start(|| (load().ok(), xtables::table(Family::V4, b"filter").ok()));
    let mut evidence = Recorded::default();
    let outcome = Firewall.acquire(&host, &mut evidence).unwrap();
    if evidence.rows("nft_tables").is_empty() {
        return skip("a kernel with nf_tables", format!("{outcome:?}"));
    }
    // A namespace that not even root may look into is no failure of ours.
    assert!(outcome == Outcome::ok() && evidence.gaps.iter().all(|gap| gap.refused), "{outcome:?} {:?}", evidence.gaps);
    let rows = evidence.rows("nft_rules");
    let rule = rows.iter().find(|row| row["netns_inode"] == second.inode).unwrap();
    assert_eq!((&rule["table"], &rule["chain"], &rule["family"]), (&"evil".into(), &"out".into(), &"ip".into()));
    assert_eq!(rule["expressions"], serde_json::json!(["counter", "immediate"]));
    assert_eq!((&rule["verdict"], &rule["packets"], &rule["comment"]), (&"drop".into(), &0.into(), &"hid".into()));
    let chain = evidence.rows("nft_chains").iter().find(|row| row["netns_inode"] == second.inode).unwrap();
    assert_eq!((&chain["hook"], &chain["priority"], &chain["policy"]), (&"output".into(), &5.into(), &"accept".into()));
    let of_second = |row: &&serde_json::Value| row["netns_inode"] == second.inode;
    match evidence.rows("ip_sets").iter().find(of_second) {
        Some(set) => {
            assert_eq!((&set["name"], &set["type"], &set["elements"]), (&"evil".into(), &"hash:ip".into(), &1.into()));
            let element = evidence.rows("ip_set_elements").iter().find(of_second).unwrap();
            assert_eq!((&element["set"], &element["address"]), (&"evil".into(), &"198.51.100.7".into()));
        }
        None => skip("a kernel with ipset", "no set was made or listed"),
    }
    let policies: Vec<_> = evidence.rows("iptables").iter().filter(|row| row["netns_inode"] == second.inode).collect();
    if policies.is_empty() {
        skip("a kernel with the tables of iptables", "no table was made or listed");
    } else {
        let words: Vec<_> = policies.iter().map(|row| (row["chain"].as_str(), row["target"].as_str())).collect();
        assert_eq!(words, ["INPUT", "FORWARD", "OUTPUT"].map(|chain| (Some(chain), Some("ACCEPT"))));
        assert!(policies.iter().all(|row| row["filter_name"] == "filter" && row["is_policy"] == 1 && row["number"] == 1));
    }
    let path = format!("/.hozen/firewall/netns-{}/getrule", second.inode);
    assert!(evidence.member(&path).is_some_and(|bytes| bytes.windows(4).any(|part| part == b"evil")));
}

#[test]
fn without_the_module_nothing_is_asked() {
    let tree = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(tree.path().join("proc/net")).unwrap();
    std::fs::create_dir_all(tree.path().join("proc/sys/kernel")).unwrap();
    std::fs::write(tree.path().join("proc/sys/kernel/modprobe"), "/sbin/modprobe\n").unwrap();
    let host = Host::fixture(tree.path()).unwrap();
    let allowed = Guard::read(&host).may_ask(&["nfnetlink", "nf_tables"]);
    assert!(allowed.unwrap_err().ends_with("to load nfnetlink, nf_tables"));
}

#[test]
fn elements_of_sets_and_odd_messages() {
    let element = attribute(1, &[attribute(1, &attribute(1, &[10, 0, 0, 1])), attribute(4, &7_u64.to_be_bytes())].concat());
    let payload = [vec![2, 0, 0, 0], string(1, b"t"), string(2, b"s"), attribute(3, &element)].concat();
    let messages = vec![Message { kind: 0xa0c, payload }, Message { kind: 0xa0c, payload: vec![1] }];
    assert!(!frame(&crate::host::netlink::Dump { messages: messages.clone(), ..Default::default() }).is_empty());
    assert_eq!(set(&messages[0]), Some((2, b"t".to_vec(), b"s".to_vec())));
    assert_eq!(set(&messages[1]), None);
    assert_eq!(expression::list(&[9, 0, 0]).len(), 0);
}
