//! What the kernel answers about its network, from datagrams to rows: firewall, connections, traffic control, interfaces, routes,
//! neighbours, sockets. The first byte says to which question.

#![no_main]

use hozen_collector::source::hostile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = hostile::netlink(bytes);
});
