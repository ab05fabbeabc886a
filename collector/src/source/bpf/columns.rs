//! Rows of programs, maps, links and types, by the structures of linux/bpf.h. Numbers in brackets are offsets in them.
//!
//! ```text
//! bpf_prog_info  type [0] id [4] tag [8] jited length [16] xlated length [20] load time [40] uid [48] maps [52] name [64]
//!                ifindex [80] GPL [84] netns device [88] inode [96] ksyms [104] BTF [128] run time [192] runs [200]
//!                recursion misses [208] verified instructions [216] attached: BTF object [220] type [224]
//! bpf_map_info   type [0] id [4] key [8] value [12] entries [16] flags [20] name [24] ifindex [40] netns device [48]
//!                inode [56] BTF [64] of key [68] of value [72] extra [80]
//! bpf_link_info  type [0] id [4] program [8], then by type from [16]
//! bpf_btf_info   size [8] id [12] of the kernel [28]
//! ```

use super::Key;
use super::symbols::hex;
use super::words::{LINKS, MAPS, PERF_EVENTS, PROGRAMS, put_word};
use crate::host::bpf::{BpfKind, Info};
use crate::model::Row;

/// The objects that this one names.
pub(super) fn names(kind: BpfKind, info: &Info) -> Vec<Key> {
    let some = |kind: BpfKind, id: u32| (id != 0).then_some((kind, id));
    match kind {
        BpfKind::Program => {
            let maps = info.numbers("maps").into_iter().map(|id| (BpfKind::Map, id));
            maps.chain(some(BpfKind::Types, info.number(128))).collect()
        }
        BpfKind::Map => some(BpfKind::Types, info.number(64)).into_iter().collect(),
        BpfKind::Link => some(BpfKind::Program, info.number(8)).into_iter().collect(),
        BpfKind::Types => Vec::new(),
    }
}

/// Adds the columns of `info`. Load times count from boot, at `boot_ns`.
pub(super) fn put(row: &mut Row, kind: BpfKind, info: &Info, boot_ns: i128) {
    match kind {
        BpfKind::Program => program(row, info, boot_ns),
        BpfKind::Map => map(row, info),
        BpfKind::Link => link(row, info),
        BpfKind::Types => types(row, info),
    }
}

fn program(row: &mut Row, info: &Info, boot_ns: i128) {
    put_word(row, "type", &PROGRAMS, info.number(0));
    row.bytes("name", info.name(64)).bytes("tag", &hex(info.bytes.get(8..16).unwrap_or_default()));
    row.int("uid", info.number(48)).int("load_ns", boot_ns.saturating_add(i128::from(info.long(40))));
    row.json("map_ids", &info.numbers("maps")).int("btf_id", info.number(128));
    row.int("attach_btf_object", info.number(220)).int("attach_btf_id", info.number(224));
    row.int("xlated_bytes", info.number(20)).int("jited_bytes", info.number(16)).int("verified_instructions", info.number(216));
    row.int("run_time_ns", info.long(192)).int("run_count", info.long(200));
    row.int("ifindex", info.number(80)).int("netns_inode", info.long(96)).flag("gpl_compatible", info.number(84) & 1 != 0);
    let addresses: Vec<String> = info.longs("ksyms").iter().map(|address| format!("0x{address:x}")).collect();
    row.json("addresses", &addresses);
}

fn map(row: &mut Row, info: &Info) {
    put_word(row, "type", &MAPS, info.number(0));
    row.bytes("name", info.name(24)).int("key_size", info.number(8)).int("value_size", info.number(12));
    row.int("max_entries", info.number(16)).hex("flags", info.number(20).into()).int("ifindex", info.number(40));
    row.int("netns_inode", info.long(56)).int("btf_id", info.number(64));
    row.int("btf_key_type_id", info.number(68)).int("btf_value_type_id", info.number(72)).hex("map_extra", info.long(80));
}

fn types(row: &mut Row, info: &Info) {
    row.bytes("name", info.text("name").unwrap_or_default()).int("size", info.number(8));
    row.flag("of_kernel", info.number(28) != 0);
}

fn link(row: &mut Row, info: &Info) {
    put_word(row, "type", &LINKS, info.number(0));
    row.int("program_id", info.number(8));
    if let Some(target) = info.text("target") {
        row.bytes("target", target);
    }
    match info.number(0) {
        2 => {
            row.int("attach_type", info.number(16)).int("target_object", info.number(20)).int("target_btf_id", info.number(24));
        }
        3 => {
            row.int("cgroup_id", info.long(16)).int("attach_type", info.number(24));
        }
        5 => {
            row.int("netns_inode", info.number(16)).int("attach_type", info.number(20));
        }
        6 => {
            row.int("ifindex", info.number(16));
        }
        7 => perf_event(row, info),
        8 => {
            let addresses: Vec<String> = info.longs("addresses").iter().map(|address| format!("0x{address:x}")).collect();
            row.json("addresses", &addresses).int("target_count", info.number(24));
        }
        10 => netfilter(row, info),
        11 | 13 => {
            row.int("ifindex", info.number(16)).int("attach_type", info.number(20));
        }
        12 => {
            row.int("target_count", info.number(52)).int("target_pid", info.number(60));
        }
        9 | 14 => {
            row.int("map_id", info.number(16));
        }
        _ => {}
    }
}

/// Union by what the event is: a uprobe has a file and an offset, a kprobe a function, an offset and an address.
fn perf_event(row: &mut Row, info: &Info) {
    put_word(row, "event", &PERF_EVENTS, info.number(16));
    if matches!(info.number(16), 1..=4) {
        row.int("target_offset", info.number(36));
    }
    if matches!(info.number(16), 3 | 4) {
        row.hex("address", info.long(40));
    }
}

fn netfilter(row: &mut Row, info: &Info) {
    row.int("protocol_family", info.number(16)).int("hook", info.number(20));
    row.int("priority", info.number(24).cast_signed()).hex("flags", info.number(28).into());
}
