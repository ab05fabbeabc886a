//! What hangs in a real kernel, put there by the programs that administrators and intruders use, as Debian has them: rules of both kinds
//! of iptables, of arptables and nft, sets of ipset, rules of audit; and a tracer, a probe in a program, a live patch.

#![expect(clippy::panic, clippy::unwrap_used, reason = "tests")]

use hozen_tests::agent::{Agent, code};
use hozen_tests::evidence::{Evidence, bytes, number};
use hozen_tests::python;
use hozen_tests::vm::{Ended, Guest, Lab};
use serde_json::{Value, json};

/// What the kernel needs for all that is planted, loaded before, so that no question of the run could be what loads it.
const MODULES: [&str; 11] = [
    "iptable_filter",
    "ip6table_filter",
    "arptable_filter",
    "xt_tcpudp",
    "xt_comment",
    "xt_conntrack",
    "xt_set",
    "ip_set_hash_ip",
    "nft_compat",
    "nft_ct",
    "nft_objref",
];
/// The program that the kernel executes to load a module: it notes what for, and loads it.
const MODPROBE: &str = "#!/bin/sh\necho \"$*\" >>/tmp/autoload\nexec /bin/busybox modprobe \"$@\"\n";

/// What is not planted says so on the console, after what its program says.
const BEGIN: &str = "\
PATH=$PATH:/usr/sbin
mkdir -p /etc /run /tracing
plant() { \"$@\" || echo \"vm: not planted: $*\"; }
put() { echo \"$1\" >\"$2\" || echo \"vm: not planted: $1 in $2\"; }
";
/// A function that is traced, an instance of the tracer with an event, and a probe in a program. Who set them has gone.
const TRACERS: &str = "\
plant mount -t tracefs none /tracing
put __x64_sys_kill /tracing/set_ftrace_filter
put function /tracing/current_tracer
plant mkdir /tracing/instances/own
put sched:sched_process_exec /tracing/instances/own/set_event
put 'p:own/file /bin/busybox:0x1000' /tracing/uprobe_events
plant umount /tracing
";
/// The module has been loaded before; it has its effect when every process has come to a place where it may.
const PATCH: &str = "\
tries=0
until grep -qs 0 /sys/kernel/livepatch/patching/transition || [ $tries -ge 200 ]; do sleep 0.1; tries=$((tries + 1)); done
cat /proc/version >/out/version
";
const RULES: &str = "\
plant iptables-legacy -N IMPLANT
plant iptables-legacy -A INPUT -p tcp -s 192.0.2.0/24 --dport 4444 -j IMPLANT
plant iptables-legacy -A IMPLANT -m comment --comment planted -j ACCEPT
plant ipset create implant hash:ip timeout 600 counters comment
plant ipset add implant 198.51.100.7 comment c2
plant iptables-legacy -A IMPLANT -m set --match-set implant src -j DROP
plant ip6tables-legacy -A INPUT -p tcp --dport 22 -j DROP
plant arptables-legacy -A INPUT -s 10.0.0.9 -j DROP
plant iptables-nft -A OUTPUT -p tcp --dport 4445 -m conntrack --ctstate NEW -m comment --comment planted -j DROP
plant nft -f /rules.nft
";
const NFT: &str = "\
table inet implant {
  counter hits { }
  set c2 { type ipv4_addr; flags timeout; elements = { 198.51.100.7 timeout 1h, 203.0.113.9 } }
  map elsewhere { type inet_service : ipv4_addr; elements = { 80 : 192.0.2.1 } }
  chain out {
    type filter hook output priority -10; policy accept;
    ct state new counter name hits accept comment \"let out\"
    ip daddr @c2 counter drop
  }
}
";
const AUDIT: &str = "\
plant auditctl -e 1
plant auditctl -a always,exit -F arch=b64 -S execve -F 'auid>=1000' -F 'auid!=unset' -k watched
plant auditctl -a never,exit -F arch=b64 -S openat -F exe=/bin/busybox -k implant
plant auditctl -w /etc/shadow -p wa -k shadow
";
/// A connection that the rules track, and that is over; then the run.
const COLLECT: &str = "\
nc -l -p 4041 >/dev/null &
until netstat -ltn | grep -q :4041; do sleep 0.1; done
echo hello | nc 127.0.0.1 4041
wait
cat /proc/modules >/out/before
: >/tmp/autoload
hozen collect --case VM-7 --only conntrack,firewall,traffic_control,kernel_tracing,audit,findings --to /out/evidence >/out/result 2>/out/said
code=$?
cat /proc/modules >/out/after
cp /tmp/autoload /out/autoload
exit $code
";

const TEST: &str = "what_other_programs_hang_into_a_kernel_is_seen";

#[test]
fn what_other_programs_hang_into_a_kernel_is_seen() {
    let Some(lab) = Lab::find(TEST) else { return };
    // The program last: where it needs a library that the tools brought, it gets the one that it was linked to.
    let guest = Guest::new(&lab).load(&MODULES).insert(&lab.patching(), "").tree(&lab.tools()).program(&Agent::find().program());
    let guest = guest.file("/rules.nft", 0o644, NFT).file("/sbin/modprobe", 0o755, MODPROBE);
    let ended = guest.boot(&[BEGIN, TRACERS, PATCH, RULES, AUDIT, COLLECT].concat()).end();
    all_was_planted(&ended);
    assert_eq!(ended.exit, code::NO_MEMORY, "{}{}", ended.text("said"), ended.text("result"));
    let to = ended.out.join("evidence");
    Agent::find().verify(&to).assert_code(0);
    assert_eq!(modules(&ended.text("before")), modules(&ended.text("after")), "modules before and after the collection");
    assert_eq!(ended.text("autoload"), "", "the kernel was made to execute modprobe");

    let evidence = Evidence::open(&to);
    rules_of_the_kernels_own_iptables(&evidence);
    rules_of_nftables(&evidence);
    sets_of_both(&evidence);
    the_connection(&evidence);
    rules_of_audit(&evidence);
    tracers(&evidence);
    the_live_patch(&evidence);
    // Every column that such rows have is declared.
    let _answers = python::queries(TEST, &to, &["address=192.0.2.1", "pid=1"]);
}

/// Names of modules. How often one is used changes by itself: the kernel lets go of a rule's some time after the rule.
fn modules(listed: &str) -> Vec<&str> {
    listed.lines().filter_map(|line| line.split(' ').next()).collect()
}

fn all_was_planted(ended: &Ended) {
    let missing: Vec<&str> = ended.console.lines().filter(|line| line.contains("vm: not ")).collect();
    assert!(missing.is_empty(), "{missing:#?}. The guest's console:\n{}", ended.console);
    assert_eq!(ended.text("version"), "patched\n", "the live patch has no effect");
}

fn text(row: &Value, column: &str) -> String {
    String::from_utf8(bytes(row, column).unwrap_or_default()).unwrap()
}

/// The one row of a table that has these values in these columns.
fn one(evidence: &Evidence, table: &str, columns: &Value) -> Value {
    let rows = evidence.table(table);
    let wanted = columns.as_object().unwrap();
    let is = |row: &&Value| wanted.iter().all(|(column, value)| row.get(column) == Some(value));
    let found: Vec<&Value> = rows.iter().filter(is).collect();
    let [row] = found.as_slice() else { panic!("{} rows of {table} are so: {columns} in {rows:#?}", found.len()) };
    (*row).clone()
}

/// iptables, ip6tables and arptables: chains of the kernel and of the user, matches, targets, and counters that count.
fn rules_of_the_kernels_own_iptables(evidence: &Evidence) {
    let jump =
        one(evidence, "iptables", &json!({ "family": 2, "chain": "INPUT", "number": 1, "target": "IMPLANT", "protocol": 6 }));
    assert_eq!((text(&jump, "src_ip").as_str(), text(&jump, "src_mask").as_str()), ("192.0.2.0", "255.255.255.0"), "{jump}");
    assert_eq!((text(&jump, "dst_port").as_str(), number(&jump, "is_policy")), ("4444:4444", Some(0)), "{jump}");
    assert_eq!(jump.get("match"), Some(&json!(["tcp"])), "{jump}");
    for (position, target, matches) in [(1, "ACCEPT", json!(["comment"])), (2, "DROP", json!(["set"])), (3, "RETURN", json!([]))]
    {
        let wanted = json!({ "family": 2, "chain": "IMPLANT", "number": position, "target": target, "match": matches });
        one(evidence, "iptables", &wanted);
    }
    one(evidence, "iptables", &json!({ "chain": "IMPLANT", "number": 1, "comment": "planted" }));
    let policy = one(evidence, "iptables", &json!({ "family": 2, "chain": "INPUT", "is_policy": 1, "target": "ACCEPT" }));
    assert!(number(&policy, "packets") > Some(0), "the connection's packets came in: {policy}");
    one(evidence, "iptables", &json!({ "family": 10, "chain": "INPUT", "target": "DROP", "protocol": 6, "dst_port": "22:22" }));
    one(evidence, "iptables", &json!({ "family": 3, "chain": "INPUT", "target": "DROP", "src_ip": "10.0.0.9" }));
}

/// A rule that iptables wrote into nftables, with matches of its own kind, and those of nft.
fn rules_of_nftables(evidence: &Evidence) {
    let translated = json!({ "family": "ip", "table": "filter", "chain": "OUTPUT", "verdict": "drop", "comment": "planted" });
    has(&one(evidence, "nft_rules", &translated), "details", &json!({ "name": "match", "extension": "conntrack" }));
    let chain = json!({ "family": "inet", "table": "implant", "name": "out", "type": "filter" });
    let chain = one(evidence, "nft_chains", &chain);
    assert_eq!((text(&chain, "hook").as_str(), text(&chain, "policy").as_str()), ("output", "accept"), "{chain}");
    assert_eq!(number(&chain, "priority"), Some(-10), "{chain}");
    let counted = one(evidence, "nft_rules", &json!({ "table": "implant", "chain": "out", "comment": "let out" }));
    assert_eq!(text(&counted, "verdict"), "accept", "{counted}");
    has(&counted, "details", &json!({ "name": "objref", "object": "hits" }));
    let dropped = one(evidence, "nft_rules", &json!({ "table": "implant", "chain": "out", "verdict": "drop" }));
    has(&dropped, "details", &json!({ "name": "lookup", "set": "c2" }));
    let hits = one(evidence, "nft_objects", &json!({ "kind": "object", "table": "implant", "name": "hits" }));
    assert_ne!(text(&hits, "data"), "0c00010000000000000000000c0002000000000000000000", "a connection went out: {hits}");
}

/// Sets and their elements, of nft and of ipset.
fn sets_of_both(evidence: &Evidence) {
    one(evidence, "nft_sets", &json!({ "table": "implant", "name": "c2", "key_length": 4 }));
    one(evidence, "nft_sets", &json!({ "table": "implant", "name": "elsewhere", "key_length": 2, "data_length": 4 }));
    one(evidence, "nft_set_elements", &json!({ "set": "c2", "key": "c6336407", "timeout_ms": 3_600_000 }));
    one(evidence, "nft_set_elements", &json!({ "set": "c2", "key": "cb007109" }));
    one(evidence, "nft_set_elements", &json!({ "set": "elsewhere", "key": "0050", "data": "c0000201" }));
    let set = json!({ "name": "implant", "type": "hash:ip", "family": 2, "timeout_s": 600, "elements": 1, "references": 1 });
    one(evidence, "ip_sets", &set);
    one(evidence, "ip_set_elements", &json!({ "set": "implant", "address": "198.51.100.7", "comment": "c2" }));
}

/// Where the kernel cannot be asked without loading a module, the text has what it tracks. What TCP has learned stays when it is over.
fn the_connection(evidence: &Evidence) {
    let tracked = json!({ "family": 2, "protocol": 6, "source_address": "127.0.0.1", "destination_port": 4041 });
    let tracked = one(evidence, "conntrack", &tracked);
    assert!(text(&tracked, "source").starts_with("nf_conntrack "), "{tracked}");
    assert_eq!(number(&tracked, "reply_source_port"), Some(4041), "{tracked}");
    let learned = one(evidence, "tcp_metrics", &json!({ "address": "127.0.0.1", "source_address": "127.0.0.1" }));
    assert!(number(&learned, "rtt_us") > Some(0), "{learned}");
}

/// Rules that record and one that keeps something from being recorded, which is a finding. The numbers are those of linux/audit.h.
fn rules_of_audit(evidence: &Evidence) {
    one(evidence, "audit_status", &json!({ "enabled": 1 }));
    let watched = json!({ "key": "watched", "list": "exit", "action": "always", "syscalls": [59], "all_syscalls": 0 });
    let watched = one(evidence, "audit_rules", &watched);
    has(&watched, "fields", &json!({ "field": 11, "operator": "=", "value": 0xc000_003e_u32 }));
    has(&watched, "fields", &json!({ "field": 9, "operator": ">=", "value": 1000 }));
    has(&watched, "fields", &json!({ "field": 9, "operator": "!=", "value": u32::MAX }));
    let implant =
        one(evidence, "audit_rules", &json!({ "key": "implant", "list": "exit", "action": "never", "syscalls": [257] }));
    has(&implant, "fields", &json!({ "field": 112, "operator": "=", "value": 12, "text": "/bin/busybox" }));
    let shadow = json!({ "key": "shadow", "action": "always", "syscalls": [], "all_syscalls": 1 });
    let shadow = one(evidence, "audit_rules", &shadow);
    has(&shadow, "fields", &json!({ "field": 105, "operator": "=", "value": 11, "text": "/etc/shadow" }));
    let excludes = one(evidence, "findings", &json!({ "finding": "audit-rule-excludes" }));
    assert!(excludes.to_string().contains("/bin/busybox"), "{excludes}");
    let findings = evidence.table("findings");
    assert!(!findings.iter().any(|row| text(row, "finding") == "audit-off"), "{findings:#?}");
}

/// What each instance is set to, which functions are diverted, and the probe in a program.
fn tracers(evidence: &Evidence) {
    let first = json!({ "instance": "", "current_tracer": "function", "set_ftrace_filter": "__x64_sys_kill" });
    one(evidence, "trace_instances", &first);
    one(evidence, "trace_instances", &json!({ "instance": "own", "set_event": "sched:sched_process_exec" }));
    let traced = json!({ "list": "enabled_functions", "function": "__x64_sys_kill", "count": 1 });
    one(evidence, "ftrace_functions", &traced);
    let probe = one(evidence, "trace_probes", &json!({ "list": "uprobe_events", "group": "own", "event": "file" }));
    assert_eq!(
        (text(&probe, "kind").as_str(), text(&probe, "target").as_str()),
        ("p", "/bin/busybox:0x0000000000001000"),
        "{probe}"
    );
}

/// It is listed, and so is the function that it diverts, by the tracer's means: the callback may change where that returns to.
fn the_live_patch(evidence: &Evidence) {
    one(evidence, "livepatches", &json!({ "name": "patching", "enabled": 1, "transition": 0 }));
    let function = json!({ "name": "patching", "object": "vmlinux", "function": "version_proc_show,1" });
    one(evidence, "livepatch_functions", &function);
    let diverted = one(evidence, "ftrace_functions", &json!({ "list": "enabled_functions", "function": "version_proc_show" }));
    assert!(text(&diverted, "flags").contains('I'), "{diverted}");
    assert!(diverted.to_string().contains("klp_ftrace_handler"), "{diverted}");
    let finding = one(evidence, "findings", &json!({ "finding": "function-diverted" }));
    assert!(finding.to_string().contains("version_proc_show"), "{finding}");
}

/// Sees that a list has a member.
fn has(row: &Value, column: &str, member: &Value) {
    let list = row.get(column).and_then(Value::as_array);
    assert!(list.is_some_and(|list| list.contains(member)), "no {member} in {column} of {row}");
}
