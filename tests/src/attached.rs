//! What `odd attached` has made of the network and of BPF, looked for in evidence.

use serde_json::Value;

use crate::evidence::{Evidence, bytes, number};

/// The facts that it states: its process, its network namespace, the two ports of its connection, its control group.
#[derive(Debug)]
pub struct Attached {
    /// Its process id.
    pub pid: i64,
    /// The namespace's inode.
    pub netns: i64,
    /// The port on which it listens.
    pub port: i64,
    /// The port from which it talks to that.
    pub from: i64,
    /// The name of its control group.
    pub group: String,
}

impl Attached {
    /// Out of the line `ready …` that it prints.
    ///
    /// # Panics
    /// When one of them is missing.
    #[must_use]
    pub fn of(line: &str) -> Self {
        let fact = |name: &str| {
            let mut words = line.split_ascii_whitespace().filter_map(|word| word.split_once('='));
            words.find(|(key, _)| *key == name).unwrap_or_else(|| panic!("no {name} in {line:?}")).1
        };
        let number = |name: &str| fact(name).parse().unwrap_or_else(|_| panic!("{name} is no number in {line:?}"));
        let group = fact("group").to_owned();
        Self { pid: number("pid"), netns: number("netns"), port: number("port"), from: number("from"), group }
    }

    /// Sees that the artefacts `conntrack`, `firewall`, `traffic_control`, `interfaces` and `bpf` have it.
    ///
    /// # Panics
    /// When something is missing.
    pub fn assert_seen(&self, evidence: &Evidence) {
        self.assert_connections(evidence);
        let programs = evidence.table("bpf_programs");
        self.assert_at_the_namespace(evidence, &programs);
        self.assert_links(evidence, &programs);
        self.assert_at_the_group(evidence, &programs);
    }

    fn assert_connections(&self, evidence: &Evidence) {
        let flow = self.own(evidence, "conntrack", &|row| number(row, "source_port") == Some(self.from));
        assert_eq!(number(&flow, "destination_port"), Some(self.port), "{flow}");
        assert_eq!(text(&flow, "state"), "ESTABLISHED", "{flow}");
        assert!(text(&flow, "source").starts_with("ctnetlink "), "{flow}");
        self.own(evidence, "nft_rules", &|row| text(row, "table") == "odd");
        let learned = self.own(evidence, "tcp_metrics", &|row| text(row, "address") == "127.0.0.1");
        assert_eq!(text(&learned, "source_address"), "127.0.0.1", "{learned}");
        assert!(number(&learned, "rtt_us") > Some(0) && number(&learned, "age_ms").is_some(), "{learned}");
    }

    /// Programs that an interface or the namespace holds without a link.
    fn assert_at_the_namespace(&self, evidence: &Evidence, programs: &[Value]) {
        let filter = self.own(evidence, "tc_filters", &|row| text(row, "bpf_name") == "odd.o");
        assert_eq!((text(&filter, "direction"), text(&filter, "kind")), ("ingress".into(), "bpf".into()), "{filter}");
        assert_eq!(number(named(programs, "odd_filter"), "id"), number(&filter, "bpf_program_id"), "{filter}");
        let dissector = self.own(evidence, "network_bpf_programs", &|row| text(row, "attach_type") == "flow_dissector");
        assert_eq!(dissector.pointer("/program_ids/0"), named(programs, "odd_dissector").get("id"), "{dissector}");
    }

    /// Links say what they are attached to and who holds them; the interface says the same of its program.
    fn assert_links(&self, evidence: &Evidence, programs: &[Value]) {
        let links = evidence.table("bpf_links");
        let of = |name: &str| {
            let program = number(named(programs, name), "id");
            let link = links.iter().find(|row| number(row, "program_id") == program);
            let link = link.unwrap_or_else(|| panic!("no link of program {program:?} in {links:#?}"));
            assert_eq!(link.pointer("/owners/0/pid").and_then(Value::as_i64), Some(self.pid), "{link}");
            assert_eq!(number(link, "contradiction"), Some(0), "{link}");
            link
        };
        let (interface, tracepoint) = (of("odd_xdp"), of("odd_trace"));
        assert_eq!((text(interface, "type").as_str(), number(interface, "ifindex")), ("xdp", Some(1)), "{interface}");
        assert_eq!(text(tracepoint, "type"), "raw_tracepoint", "{tracepoint}");
        assert_eq!(text(tracepoint, "target"), "sched_process_exec", "{tracepoint}");
        let loopback = self.own(evidence, "interface_details", &|row| text(row, "interface") == "lo");
        assert_eq!(number(&loopback, "xdp_prog_id"), number(interface, "program_id"), "{loopback}");
    }

    fn assert_at_the_group(&self, evidence: &Evidence, programs: &[Value]) {
        let groups = evidence.table("bpf_cgroup_programs");
        let own = groups.iter().find(|row| text(row, "cgroup") == format!("/{}", self.group));
        let own = own.unwrap_or_else(|| panic!("no {} in {groups:#?}", self.group));
        assert_eq!(text(own, "attach_type"), "inet_egress", "{own}");
        assert_eq!(own.pointer("/program_ids/0"), named(programs, "odd_group").get("id"), "{own}");
    }

    /// The one row of its network namespace in a table that is so.
    fn own(&self, evidence: &Evidence, table: &str, is: &dyn Fn(&Value) -> bool) -> Value {
        let rows = evidence.table(table);
        let own: Vec<&Value> = rows.iter().filter(|row| number(row, "netns_inode") == Some(self.netns) && is(row)).collect();
        let [row] = own.as_slice() else { panic!("{table}: {} rows of {self:?} in {rows:#?}", own.len()) };
        (*row).clone()
    }
}

/// Sees that the program that `odd attached` has pinned is there, though no process holds it.
///
/// # Panics
/// When it is not.
pub fn assert_pinned(evidence: &Evidence, path: &str) {
    let programs = evidence.table("bpf_programs");
    let program = named(&programs, "odd_pinned");
    assert_eq!(program.pointer("/pins/0").and_then(Value::as_str), Some(path), "{program}");
    assert_eq!(program.get("owners").and_then(Value::as_array).map(Vec::len), Some(0), "{program}");
}

fn named<'a>(programs: &'a [Value], name: &str) -> &'a Value {
    programs.iter().find(|row| text(row, "name") == name).unwrap_or_else(|| panic!("no program {name} in {programs:#?}"))
}

fn text(row: &Value, column: &str) -> String {
    String::from_utf8_lossy(&bytes(row, column).unwrap_or_default()).into_owned()
}
