//! Rows of what nftables answered.

use serde_json::Value;

use super::expression::{list, text, verdict_word};
use super::{Kept, elements};
use crate::host::netlink::{Message, attributes};
use crate::model::Row;
use crate::source::network::columns::{put_bytes, put_int, put_text, until_nul};
use crate::source::network::fields::{be32, be64, digits, inner, walk};
use crate::source::{Evidence, Stop};

/// How an attribute becomes a column.
#[derive(Clone, Copy)]
enum As {
    Text,
    Be32,
    Be64,
    Hex,
}

/// Attributes and their columns.
type Columns = &'static [(u16, &'static str, As)];

const TABLE: Columns =
    &[(1, "name", As::Text), (2, "flags", As::Be32), (3, "use", As::Be32), (4, "handle", As::Be64), (7, "owner", As::Be32)];
const CHAIN: Columns = &[
    (1, "table", As::Text),
    (2, "handle", As::Be64),
    (3, "name", As::Text),
    (6, "use", As::Be32),
    (7, "type", As::Text),
    (10, "flags", As::Be32),
];
const RULE: Columns = &[(1, "table", As::Text), (2, "chain", As::Text), (3, "handle", As::Be64), (6, "position", As::Be64)];
const SET: Columns = &[
    (1, "table", As::Text),
    (2, "name", As::Text),
    (3, "flags", As::Be32),
    (4, "key_type", As::Be32),
    (5, "key_length", As::Be32),
    (6, "data_type", As::Be32),
    (7, "data_length", As::Be32),
    (11, "timeout_ms", As::Be64),
    (16, "handle", As::Be64),
];
const OBJECT: Columns = &[
    (1, "table", As::Text),
    (2, "name", As::Text),
    (3, "type", As::Be32),
    (4, "data", As::Hex),
    (5, "use", As::Be32),
    (6, "handle", As::Be64),
];
const FLOWTABLE: Columns =
    &[(1, "table", As::Text), (2, "name", As::Text), (4, "use", As::Be32), (5, "handle", As::Be64), (7, "flags", As::Be32)];
const ELEMENT: Columns =
    &[(3, "flags", As::Be32), (4, "timeout_ms", As::Be64), (5, "expires_ms", As::Be64), (9, "object", As::Text)];

/// Rows of one namespace.
///
/// # Errors
/// When the run wants no more of this artefact.
pub(super) fn all(kept: &Kept, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    each(kept, "gettable", "nft_tables", evidence, &|row, payload| fill(row, payload, TABLE))?;
    each(kept, "getchain", "nft_chains", evidence, &chain)?;
    each(kept, "getrule", "nft_rules", evidence, &rule)?;
    each(kept, "getset", "nft_sets", evidence, &|row, payload| fill(row, payload, SET))?;
    each(kept, "getobj", "nft_objects", evidence, &|row, payload| {
        row.text("kind", "object");
        fill(row, payload, OBJECT);
    })?;
    each(kept, "getflowtable", "nft_objects", evidence, &|row, payload| {
        row.text("kind", "flowtable");
        fill(row, payload, FLOWTABLE);
    })?;
    for message in elements(kept) {
        set_elements(kept, message, evidence)?;
    }
    Ok(())
}

fn each(
    kept: &Kept,
    dump: &str,
    table: &'static str,
    evidence: &mut dyn Evidence,
    fill: &dyn Fn(&mut Row, &[u8]),
) -> Result<(), Stop> {
    for message in kept.messages(dump) {
        evidence.check()?;
        let mut row = start(kept, dump, message);
        fill(&mut row, message.payload.get(4..).unwrap_or_default());
        evidence.row(table, &row)?;
    }
    Ok(())
}

fn start(kept: &Kept, dump: &str, message: &Message) -> Row {
    let mut row = kept.row(&format!("nftables {dump}"));
    let family = message.payload.first().copied().unwrap_or(0);
    row.text("family", &family_word(family));
    row
}

/// `NFPROTO_…` as nft(8) words it.
fn family_word(family: u8) -> String {
    match family {
        1 => "inet".to_owned(),
        2 => "ip".to_owned(),
        3 => "arp".to_owned(),
        5 => "netdev".to_owned(),
        7 => "bridge".to_owned(),
        10 => "ip6".to_owned(),
        other => other.to_string(),
    }
}

fn fill(row: &mut Row, attributes: &[u8], columns: Columns) {
    let anomaly = walk(attributes, |kind, value| {
        let Some((_, column, form)) = columns.iter().find(|(known, ..)| *known == kind) else { return };
        match form {
            As::Text => put_bytes(row, column, Some(until_nul(value))),
            As::Be32 => put_int(row, column, be32(value)),
            As::Be64 => put_int(row, column, be64(value)),
            As::Hex => put_text(row, column, Some(digits(value))),
        }
    });
    if let Some(anomaly) = anomaly {
        row.error("message", anomaly);
    }
}

/// A chain; one with a hook is where packets come in.
fn chain(row: &mut Row, payload: &[u8]) {
    fill(row, payload, CHAIN);
    if let Some(hook) = inner(payload, 4) {
        let number = inner(hook, 1).and_then(be32);
        put_int(row, "hook_number", number);
        if let Some(word) = number.and_then(hook_word) {
            row.text("hook", word);
        }
        if let Some(priority) = inner(hook, 2).and_then(be32) {
            row.int("priority", priority.cast_signed());
        }
        if let Some(device) = inner(hook, 3) {
            row.bytes("device", until_nul(device));
        }
    }
    if let Some(policy) = inner(payload, 5).and_then(be32) {
        row.text("policy", &verdict_word(policy.cast_signed()));
    }
}

/// `NF_INET_…`: of the families `ip`, `ip6`, `inet` and `bridge`. `arp` and `netdev` count their own hooks.
fn hook_word(number: u32) -> Option<&'static str> {
    const HOOKS: [&str; 6] = ["prerouting", "input", "forward", "output", "postrouting", "ingress"];
    usize::try_from(number).ok().and_then(|number| HOOKS.get(number)).copied()
}

/// A rule with the names of its expressions, what the common ones of them say, and its comment.
fn rule(row: &mut Row, payload: &[u8]) {
    fill(row, payload, RULE);
    let expressions = inner(payload, 4).map(list).unwrap_or_default();
    let names: Vec<&Value> = expressions.iter().filter_map(|one| one.get("name")).collect();
    row.json("expressions", &names);
    if let Some(verdict) = expressions.iter().rev().find_map(|one| one.get("verdict")) {
        row.json("verdict", verdict);
    }
    for column in ["packets", "bytes"] {
        if let Some(count) = expressions.iter().find(|one| one["name"] == "counter").and_then(|one| one.get(column)) {
            row.json(column, count);
        }
    }
    row.json("details", &expressions);
    let of_iptables = || expressions.iter().find_map(|one| one.get("comment")?.as_str().map(str::to_owned));
    if let Some(comment) = inner(payload, 7).and_then(comment).or_else(of_iptables) {
        row.text("comment", &comment);
    }
}

/// The comment among what nft(8) keeps with a rule: type, length and text, type 0.
fn comment(user_data: &[u8]) -> Option<String> {
    let mut rest = user_data;
    while let [kind, length, tail @ ..] = rest {
        let (value, next) = tail.split_at_checked(usize::from(*length))?;
        if *kind == 0 {
            return Some(text(value));
        }
        rest = next;
    }
    None
}

fn set_elements(kept: &Kept, message: &Message, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    let payload = message.payload.get(4..).unwrap_or_default();
    for (_, element) in attributes(inner(payload, 3).unwrap_or_default()).map_while(Result::ok) {
        evidence.check()?;
        let mut row = start(kept, "getsetelem", message);
        for (kind, column) in [(1, "table"), (2, "set")] {
            if let Some(name) = inner(payload, kind) {
                row.bytes(column, until_nul(name));
            }
        }
        for (kind, column) in [(1, "key"), (10, "key_end"), (2, "data")] {
            if let Some(value) = inner(element, kind).and_then(|data| inner(data, 1)) {
                row.text(column, &digits(value));
            }
        }
        fill(&mut row, element, ELEMENT);
        evidence.row("nft_set_elements", &row)?;
    }
    Ok(())
}
