//! Expressions of nftables: each is a name and attributes of its own. The common ones are put into words; of others the name
//! stays, and their bytes are in the archive.

use serde_json::{Value, json};

use crate::host::netlink::attributes;
use crate::source::network::columns::until_nul;
use crate::source::network::fields::{array, be32, be64, digits, inner, walk};

/// A list of expressions (`NFTA_RULE_EXPRESSIONS`), in order. Elements all have the same type, so they are no anomaly.
pub(super) fn list(bytes: &[u8]) -> Vec<Value> {
    attributes(bytes).map_while(Result::ok).map(|(_, element)| one(element)).collect()
}

/// One expression: `NFTA_EXPR_NAME` and `NFTA_EXPR_DATA`.
fn one(element: &[u8]) -> Value {
    let (mut name, mut data) = (String::new(), &[][..]);
    let _ = walk(element, |kind, value| match kind {
        1 => name = text(value),
        2 => data = value,
        _ => {}
    });
    let mut out = json!({ "name": name });
    if let (Some(out), Some(words)) = (out.as_object_mut(), words(&name, data)) {
        out.extend(words);
    }
    out
}

/// A C string as text; what is no UTF-8 is escaped.
pub(super) fn text(value: &[u8]) -> String {
    crate::model::escape::bytes(until_nul(value))
}

/// Members of an expression that say what it does.
fn words(name: &str, data: &[u8]) -> Option<serde_json::Map<String, Value>> {
    let number = |kind| inner(data, kind).and_then(be32);
    let string = |kind| inner(data, kind).map(text);
    let value = match name {
        "cmp" => json!({ "op": op(number(2)?), "value": inner(data, 3).and_then(|data| inner(data, 1)).map(digits) }),
        "immediate" => immediate(data)?,
        "counter" => json!({ "bytes": inner(data, 1).and_then(be64), "packets": inner(data, 2).and_then(be64) }),
        "payload" => json!({ "base": number(2), "offset": number(3), "length": number(4) }),
        "meta" | "ct" => json!({ "key": number(2) }),
        "lookup" => json!({ "set": string(1) }),
        "log" => json!({ "prefix": string(2) }),
        "objref" => json!({ "object": string(2) }),
        // A comment of iptables is a match that always holds (linux/netfilter/xt_comment.h).
        "match" if string(1).as_deref() == Some("comment") => json!({ "extension": "comment", "comment": string(3) }),
        "match" | "target" => json!({ "extension": string(1) }),
        "queue" => json!({ "number": inner(data, 1).and_then(|bytes| array(bytes, 0)).map(u16::from_be_bytes) }),
        _ => return None,
    };
    value.as_object().cloned()
}

/// What a register is loaded with: a value, or a verdict.
fn immediate(data: &[u8]) -> Option<Value> {
    let data = inner(data, 2)?;
    match inner(data, 2) {
        Some(verdict) => {
            let code = inner(verdict, 1).and_then(be32)?.cast_signed();
            Some(json!({ "verdict": verdict_word(code), "chain": inner(verdict, 2).map(text) }))
        }
        None => Some(json!({ "value": inner(data, 1).map(digits) })),
    }
}

/// `NF_…` and `NFT_…` of linux/netfilter.h and nf_tables.h.
pub(super) fn verdict_word(code: i32) -> String {
    match code {
        0 => "drop",
        1 => "accept",
        2 => "stolen",
        3 => "queue",
        -1 => "continue",
        -2 => "break",
        -3 => "jump",
        -4 => "goto",
        -5 => "return",
        other => return other.to_string(),
    }
    .to_owned()
}

/// `NFT_CMP_…`.
fn op(code: u32) -> String {
    const OPS: [&str; 6] = ["==", "!=", "<", "<=", ">", ">="];
    usize::try_from(code).ok().and_then(|code| OPS.get(code)).map_or_else(|| code.to_string(), ToString::to_string)
}
