//! The kernel's audit: whether it is on, who listens, what it lost, and its rules (linux/audit.h, auditctl(8)). An intruder switches it
//! off, or adds a rule that excludes himself.
//!
//! Asked by netlink, `AUDIT_GET` and `AUDIT_LIST_RULES`, which change nothing and of which nothing is logged. Only a kernel that
//! has audit is asked (then each process has a `loginuid`): for any other, opening the socket would run modprobe.

use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::SockProtocol;
use serde::Serialize;

use super::{Evidence, Member, Source, Stop};
use crate::host::Host;
use crate::host::netlink::{self, NetlinkError, u32_of};
use crate::model::{Artefact, Category, Gap, Outcome, Profile, Row, Status, escape};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "audit",
    category: Category::Kernel,
    profile: Profile::Volatile,
    budget: Duration::from_secs(20),
    budget_bytes: None,
    source: "NETLINK_AUDIT (AUDIT_GET, AUDIT_LIST_RULES)",
    about: "whether the kernel's audit is on, who listens to it, what it lost, and its rules",
    tables: &["audit_status", "audit_rules"],
};

const GET: u16 = 1000;
const LIST_RULES: u16 = 1013;

/// Asks the kernel.
#[derive(Debug, Clone, Copy, Default)]
pub struct Audit;

impl Source for Audit {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        if !host.live {
            return Ok(Outcome::because(Status::Absent, "not the machine that we run on; its kernel cannot be asked"));
        }
        if host.proc.stat("self/loginuid").is_err() {
            return Ok(Outcome::because(Status::Absent, "the kernel has no audit"));
        }
        let status = match netlink::one(SockProtocol::NetlinkAudit, GET) {
            Ok(message) => message.payload,
            Err(error) => return Ok(refused(&error)),
        };
        evidence.raw(&Member::pseudo(b"/.hozen/audit/status"), &status)?;
        evidence.row("audit_status", &status_row(host, &status))?;
        match netlink::dump(SockProtocol::NetlinkAudit, LIST_RULES, &[]) {
            Ok(dump) => rules(host, &dump, evidence)?,
            Err(error) => evidence.gap(Gap::whole(b"netlink audit AUDIT_LIST_RULES", error.to_string())),
        }
        Ok(Outcome::ok())
    }
}

/// In a container the kernel refuses the connection, or says that it is not permitted.
fn refused(error: &NetlinkError) -> Outcome {
    let denied = matches!(
        error,
        NetlinkError::Refused(Errno::EPERM | Errno::EACCES)
            | NetlinkError::Exchange(Errno::ECONNREFUSED | Errno::EPERM)
            | NetlinkError::Open(Errno::EPERM | Errno::EACCES)
    );
    Outcome::because(if denied { Status::Denied } else { Status::Failed }, error.to_string())
}

/// `struct audit_status`: words, of which older kernels have fewer.
fn status_row(host: &Host, status: &[u8]) -> Row {
    const COLUMNS: [&str; 10] = [
        "enabled",
        "failure",
        "pid",
        "rate_limit",
        "backlog_limit",
        "lost",
        "backlog",
        "features",
        "backlog_wait_time",
        "backlog_wait_time_actual",
    ];
    let mut row = Row::new(host.clock.now(), "netlink audit AUDIT_GET");
    // The first word says which of the others are to be set, and here nothing.
    for (column, value) in COLUMNS.iter().zip(words(status).skip(1)) {
        row.int(column, value);
    }
    row
}

fn rules(host: &Host, dump: &netlink::Dump, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    for anomaly in &dump.anomalies {
        evidence.gap(Gap::whole(b"netlink audit AUDIT_LIST_RULES", escape::bytes(anomaly.as_bytes())));
    }
    for (number, message) in dump.messages.iter().filter(|message| message.kind == LIST_RULES).enumerate() {
        let member = format!("/.hozen/audit/rule-{number}");
        evidence.raw(&Member::pseudo(member.as_bytes()), &message.payload)?;
        let mut row = Row::new(host.clock.now(), "netlink audit AUDIT_LIST_RULES");
        row.text("member", &member);
        match Rule::parse(&message.payload) {
            Some(rule) => rule.columns(&mut row),
            None => row.error("rule", "malformed"),
        }
        evidence.row("audit_rules", &row)?;
    }
    Ok(())
}

/// `struct audit_rule_data`: list, action and number of fields; a bit for each system call; 64 words each of fields, values and
/// operators; length of the text behind, and the text, from which the fields that are texts take theirs one after the other.
#[derive(Debug, PartialEq, Eq)]
struct Rule {
    list: u32,
    action: u32,
    /// Whether it is of every system call; then none is named.
    all_syscalls: bool,
    syscalls: Vec<u32>,
    fields: Vec<Field>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Field {
    /// `AUDIT_…` of linux/audit.h.
    field: u32,
    operator: &'static str,
    value: u32,
    /// Escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

impl Rule {
    fn parse(bytes: &[u8]) -> Option<Self> {
        const HEAD: usize = 12;
        const WORDS: usize = 64 * 4;
        /// The last of the 64 words also has the bits of classes of calls, which the kernel clears: `all` is ones in the others.
        const MASKS: usize = 63;
        let part = |at: usize| bytes.get(HEAD + at * WORDS..HEAD + (at + 1) * WORDS).map(words);
        let [list, action, count] = words(bytes.get(..HEAD)?).collect::<Vec<_>>().try_into().ok()?;
        let masks = part(0)?.zip((0_u32..).step_by(32));
        let all_syscalls = part(0)?.take(MASKS).all(|mask| mask == u32::MAX);
        let named = masks.filter(|_| !all_syscalls);
        let syscalls = named.flat_map(|(mask, base)| (0..32).filter(move |bit| mask >> bit & 1 != 0).map(move |bit| base + bit));
        let mut text = bytes.get(HEAD + 4 * WORDS + 4..)?;
        let mut fields = Vec::new();
        let each = part(1)?.zip(part(2)?).zip(part(3)?).take(usize::try_from(count).ok()?);
        for ((field, value), flags) in each {
            let own = if is_text(field) { Some(text.split_at_checked(usize::try_from(value).ok()?)?) } else { None };
            text = own.map_or(text, |(_, rest)| rest);
            fields.push(Field { field, operator: operator(flags), value, text: own.map(|(own, _)| escape::bytes(own)) });
        }
        Some(Self { list, action, all_syscalls, syscalls: syscalls.collect(), fields })
    }

    fn columns(&self, row: &mut Row) {
        const LISTS: [&str; 8] = ["user", "task", "entry", "watch", "exit", "exclude", "filesystem", "io_uring"];
        const ACTIONS: [&str; 3] = ["never", "possible", "always"];
        let word = |words: &[&'static str], number: u32| {
            usize::try_from(number).ok().and_then(|at| words.get(at).copied()).unwrap_or("unknown")
        };
        // Bit 4 only says where the rule was to be put.
        row.text("list", word(&LISTS, self.list & 0x0f)).text("action", word(&ACTIONS, self.action));
        row.json("syscalls", &self.syscalls).flag("all_syscalls", self.all_syscalls).json("fields", &self.fields);
        if let Some(key) = self.fields.iter().find(|field| field.field == KEY).and_then(|field| field.text.as_deref()) {
            row.text("key", key);
        }
    }
}

const KEY: u32 = 210;

/// Labels of subject (13 to 17) and object (19 to 23), a watched file or folder, a program, the key.
fn is_text(field: u32) -> bool {
    matches!(field, 13..=17 | 19..=23 | 105 | 107 | 112 | KEY)
}

/// The topmost bits of the word of flags.
fn operator(flags: u32) -> &'static str {
    match flags >> 27 & 0x0f {
        0x1 => "&",
        0x2 => "<",
        0x4 => ">",
        0x6 => "!=",
        0x8 => "=",
        0x9 => "&=",
        0xa => "<=",
        0xc => ">=",
        _ => "unknown",
    }
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.as_chunks::<4>().0.iter().map(|word| u32_of(*word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::netlink::{Message, native_u32};
    use crate::source::recorded::Recorded;

    /// `-a always,exit -S 59 -F uid!=0 -k <key>`.
    fn rule(key: &[u8]) -> Vec<u8> {
        let mut words = vec![0_u32; 3 + 4 * 64 + 1];
        words[..3].copy_from_slice(&[4, 2, 2]);
        words[3 + 1] = 1 << 27;
        words[3 + 64..][..2].copy_from_slice(&[1, KEY]);
        words[3 + 128 + 1] = u32::try_from(key.len()).unwrap();
        words[3 + 192..][..2].copy_from_slice(&[0x3000_0000, 0x4000_0000]);
        words[3 + 256] = u32::try_from(key.len()).unwrap();
        words.iter().flat_map(|word| native_u32(*word)).chain(key.iter().copied()).collect()
    }

    #[test]
    fn a_rule_has_its_key_and_its_calls() {
        let messages =
            vec![Message { kind: LIST_RULES, payload: rule(b"exec\x1b") }, Message { kind: LIST_RULES, payload: vec![1] }];
        let mut evidence = Recorded::default();
        let dump = netlink::Dump { messages, ..Default::default() };
        rules(&Host::live().unwrap(), &dump, &mut evidence).unwrap();
        let row = &evidence.rows("audit_rules")[0];
        assert_eq!((&row["list"], &row["action"], &row["key"]), (&"exit".into(), &"always".into(), &"exec\\x1b".into()));
        assert_eq!((&row["syscalls"], &row["fields"][0]["operator"]), (&serde_json::json!([59]), &"!=".into()));
        assert_eq!(evidence.rows("audit_rules")[1]["status"], "partial");
        assert!(Rule::parse(&rule(b"exec")[..1042]).is_none(), "a text that is shorter than its field says");
    }

    #[test]
    fn a_rule_for_every_call_names_none() {
        let mut bytes = rule(b"watch");
        bytes[12..][..63 * 4].fill(0xff);
        let watch = Rule::parse(&bytes).unwrap();
        assert!(watch.all_syscalls && watch.syscalls.is_empty(), "{watch:?}");
        bytes[12 + 7] = 0x7f;
        let most = Rule::parse(&bytes).unwrap();
        assert!(!most.all_syscalls && most.syscalls.len() == 63 * 32 - 1, "{most:?}");
    }

    #[test]
    fn this_kernel_answers_or_says_why_not() {
        let mut evidence = Recorded::default();
        let outcome = Audit.acquire(&Host::live().unwrap(), &mut evidence).unwrap();
        if outcome.status == Status::Ok {
            assert!(evidence.rows("audit_status")[0]["enabled"].is_u64());
            assert_eq!(evidence.gaps, []);
        } else {
            assert!(matches!(outcome.status, Status::Absent | Status::Denied), "{outcome:?}");
            crate::testing::skip("a kernel that tells root of its audit", format!("{outcome:?}"));
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_parsed(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..1200)) {
            let _ = Rule::parse(&bytes);
        }
    }
}
