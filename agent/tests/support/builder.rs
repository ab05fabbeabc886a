//! A small run, made from `docs/evidence-format.md` alone, with a key of its own. A [`Forge`] has its hand in it before
//! anything is hashed or signed, so that the run is wrong in one way and right in all others.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use hozen_collector::model::dsse::{self, Envelope, IN_TOTO, Signature};
use hozen_collector::model::record::{
    Actor, Agent, Authority, BEGIN_KEY, BEGIN_TYPE, Begin, ChainHead, END_KEY, END_TYPE, End, Event, HostFacts, LOG_KEY,
    MANIFEST_KEY, MANIFEST_TYPE, Manifest, PlannedStep, RunKey, RunStatus, SUMS_KEY, Statement, Step, Subject,
};
use hozen_collector::model::row::Placing;
use hozen_collector::model::{
    CaseId, Category, Content, Digest, Encoding, Gap, ObjectKey, Receipt, Row, RunId, Status, Timestamp, canonical,
};
use serde::Serialize;
use serde_json::{Value, json};

pub(crate) const PROCESSES: &str = "data/process/processes.jsonl.zst";
pub(crate) const PORTS: &str = "data/network/listening_ports.jsonl.zst";
pub(crate) const ARCHIVE: &str = "data/raw/process.tar.zst";
const HOST: &str = "i-0123456789abcdef0";
const VERSION: &str = "0.1.0";
/// A name that would repaint a terminal.
const NASTY: &str = "web\u{1b}[2J\\x1b";

/// Hands in the making of a run. Each may change one thing.
pub(crate) struct Forge {
    pub(crate) key: [u8; 32],
    pub(crate) begin: fn(&mut Begin),
    pub(crate) program: fn(&mut Vec<Subject>),
    pub(crate) rows: fn(&mut Vec<u8>),
    pub(crate) archive: fn(&mut Vec<u8>),
    pub(crate) compressed: fn(&mut Vec<u8>),
    pub(crate) receipt: fn(&mut Receipt),
    pub(crate) events: fn(&mut Vec<Event>),
    pub(crate) journal: fn(&mut Vec<u8>),
    pub(crate) sums: fn(&mut Vec<u8>),
    pub(crate) manifest: fn(&mut Manifest),
    pub(crate) subjects: fn(&mut Vec<Subject>),
    pub(crate) end: fn(&mut End),
    pub(crate) envelope: fn(&str, &mut Vec<u8>),
}

impl Default for Forge {
    fn default() -> Self {
        Self {
            key: [7; 32],
            begin: |_| (),
            program: |_| (),
            rows: |_| (),
            archive: |_| (),
            compressed: |_| (),
            receipt: |_| (),
            events: |_| (),
            journal: |_| (),
            sums: |_| (),
            manifest: |_| (),
            subjects: |_| (),
            end: |_| (),
            envelope: |_, _| (),
        }
    }
}

/// Makes an honest run in `dir`; returns the names of its objects in the order in which they were written.
pub(crate) fn build(dir: &Path) -> Vec<String> {
    forge(dir, &Forge::default())
}

/// Makes a run in which `forge` has its hand.
pub(crate) fn forge(dir: &Path, forge: &Forge) -> Vec<String> {
    let mut run = Maker { dir, forge, order: Vec::new(), receipts: BTreeMap::new() };
    let begin = run.begin();
    run.zstd(PROCESSES, &processes(forge), 2, Some(3));
    run.zstd(ARCHIVE, &archive(forge), 1, Some(2));
    let mut events = run.events(&begin);
    let cut = events.len() / 2;
    let mut prev = format!("sha256:{}", digest_of(dir, BEGIN_KEY));
    let late = events.split_off(cut);
    run.custody(1, events, &mut prev);
    run.zstd(PORTS, b"", 1, Some(0));
    run.zstd(LOG_KEY, b"{\"message\":\"begun\"}\n{\"message\":\"done\"}\n", 1, Some(2));
    let late = run.complete(late);
    let last = late.last().map_or(0, |event| event.seq);
    run.custody(2, late, &mut prev);
    run.sums();
    let chain = ChainHead { seq: last, head: prev };
    run.manifest(&begin, chain.clone());
    run.end(&begin, chain);
    run.order
}

pub(crate) fn digest_of(dir: &Path, name: &str) -> Digest {
    Digest::of(&fs::read(dir.join(name)).unwrap())
}

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_795_319_427 + seconds)
}

struct Maker<'a> {
    dir: &'a Path,
    forge: &'a Forge,
    order: Vec<String>,
    receipts: BTreeMap<ObjectKey, Receipt>,
}

impl Maker<'_> {
    fn write(&mut self, name: &str, bytes: &[u8]) {
        let path = self.dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self.order.push(name.to_owned());
    }

    fn receive(&mut self, name: &str, stored: &[u8], parts: u64, content: Content) {
        let (sha256, size) = (Digest::of(stored), u64::try_from(stored.len()).unwrap());
        let key: ObjectKey = name.parse().unwrap();
        let mut receipt =
            Receipt { key: key.clone(), sha256, size, parts, content, started: time(1), finished: time(2), sink: None };
        (self.forge.receipt)(&mut receipt);
        self.receipts.insert(key, receipt);
        self.write(name, stored);
    }

    fn whole(&mut self, name: &str, bytes: &[u8]) {
        let (sha256, size) = (Digest::of(bytes), u64::try_from(bytes.len()).unwrap());
        self.receive(name, bytes, 1, Content { sha256, size, encoding: Encoding::Identity, entries: None });
    }

    fn zstd(&mut self, name: &str, content: &[u8], parts: usize, entries: Option<u64>) {
        let mut compressor = zstd::bulk::Compressor::new(1).unwrap();
        compressor.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true)).unwrap();
        let piece = content.len().div_ceil(parts).max(1);
        let pieces: Vec<&[u8]> = if content.is_empty() { vec![b""] } else { content.chunks(piece).collect() };
        let mut stored: Vec<u8> = pieces.iter().flat_map(|piece| compressor.compress(piece).unwrap()).collect();
        if name == PROCESSES {
            (self.forge.compressed)(&mut stored);
        }
        let size = u64::try_from(content.len()).unwrap();
        let content = Content { sha256: Digest::of(content), size, encoding: Encoding::ZstdFrames, entries };
        self.receive(name, &stored, u64::try_from(parts).unwrap(), content);
    }

    fn sign<P: Serialize>(&self, name: &str, kind: &str, subject: Vec<Subject>, predicate: P) -> Vec<u8> {
        let payload = canonical::to_bytes(&Statement::new(kind, subject, predicate)).unwrap();
        let (signer, run_key) = (SigningKey::from_bytes(&self.forge.key), self.run_key());
        let sig = dsse::base64(&signer.sign(&dsse::pae(IN_TOTO, &payload)).to_bytes());
        let signatures = vec![Signature { keyid: run_key.keyid, sig }];
        let envelope = Envelope { payload: dsse::base64(&payload), payload_type: IN_TOTO.to_owned(), signatures };
        let mut bytes = canonical::to_bytes(&envelope).unwrap();
        (self.forge.envelope)(name, &mut bytes);
        bytes
    }

    fn run_key(&self) -> RunKey {
        let public = SigningKey::from_bytes(&self.forge.key).verifying_key();
        let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        let der = [&prefix[..], public.as_bytes()].concat();
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&der));
        RunKey { algorithm: "ed25519".to_owned(), keyid: format!("sha256:{}", Digest::of(&der)), pem }
    }

    fn begin(&mut self) -> Begin {
        let mut begin = begin(self.run_key());
        (self.forge.begin)(&mut begin);
        let mut program = vec![Subject::new("hozen", Digest::of(b"the program"))];
        (self.forge.program)(&mut program);
        let bytes = self.sign(BEGIN_KEY, BEGIN_TYPE, program, &begin);
        self.whole(BEGIN_KEY, &bytes);
        begin
    }

    /// The journal without the receipts of what is stored later.
    fn events(&self, begin: &Begin) -> Vec<Event> {
        let begin_sha256 = self.receipts[&BEGIN_KEY.parse::<ObjectKey>().unwrap()].sha256;
        let receipt = |name: &str| serde_json::to_value(&self.receipts[&name.parse::<ObjectKey>().unwrap()]).unwrap();
        let later = |name: &str| json!({ "later": name });
        let steps = steps();
        let told = [
            ("run.begin", json!({ "begin_sha256": begin_sha256 })),
            ("step.start", json!({"artefact": "process"})),
            ("gap", json!({"artefact": "process", "gap": gap()})),
            ("object.completed", receipt(PROCESSES)),
            ("object.completed", receipt(ARCHIVE)),
            ("step.finish", finish(&steps[0])),
            ("step.start", json!({"artefact": "network"})),
            ("object.completed", later(PORTS)),
            ("step.finish", finish(&steps[1])),
            ("step.finish", finish(&steps[2])),
            ("object.completed", later(LOG_KEY)),
            ("run.end", json!({"status": "partial", "exit_code": 10, "reasons": ["process is partial"]})),
        ];
        let event = |(seq, (event, data)): (u64, (&str, Value))| Event {
            v: 1,
            run: begin.run,
            seq,
            prev: String::new(),
            t: time(i64::try_from(seq).unwrap()),
            mono_ns: seq * 1_000_000,
            actor: Actor { kind: "agent".to_owned(), version: VERSION.to_owned() },
            event: event.to_owned(),
            justification: "collection plan".to_owned(),
            data,
        };
        let mut events: Vec<Event> = (1..).zip(told).map(event).collect();
        (self.forge.events)(&mut events);
        events
    }

    /// Puts in the receipts that were not known when the journal was drafted.
    fn complete(&self, mut events: Vec<Event>) -> Vec<Event> {
        for event in &mut events {
            if let Some(name) = event.data.get("later").and_then(Value::as_str) {
                event.data = serde_json::to_value(&self.receipts[&name.parse::<ObjectKey>().unwrap()]).unwrap();
            }
        }
        events
    }

    fn custody(&mut self, number: u64, events: Vec<Event>, prev: &mut String) {
        let mut text = Vec::new();
        for mut event in events {
            event.prev.clone_from(prev);
            let line = [canonical::to_bytes(&event).unwrap(), b"\n".to_vec()].concat();
            *prev = format!("sha256:{}", Digest::of(&line));
            text.extend(line);
        }
        (self.forge.journal)(&mut text);
        self.whole(&format!("custody/{number:06}.jsonl"), &text);
    }

    fn sums(&mut self) {
        let lines = self.receipts.values().map(|receipt| format!("{}  {}\n", receipt.sha256, receipt.key));
        let mut text = lines.collect::<String>().into_bytes();
        (self.forge.sums)(&mut text);
        self.whole(SUMS_KEY, &text);
    }

    fn manifest(&mut self, begin: &Begin, chain: ChainHead) {
        let objects: Vec<Receipt> = self.receipts.values().cloned().collect();
        let mut counts: BTreeMap<Status, u64> = Status::ALL.into_iter().map(|status| (status, 0)).collect();
        steps().iter().for_each(|step| *counts.get_mut(&step.status).unwrap() += 1);
        let (run, case, warnings) = (begin.run, begin.case.clone(), Vec::new());
        let mut manifest = Manifest { v: 1, run, case, steps: steps(), objects, chain, counts, continues: None, warnings };
        (self.forge.manifest)(&mut manifest);
        let mut subjects: Vec<Subject> =
            manifest.objects.iter().map(|receipt| Subject::new(receipt.key.as_str(), receipt.sha256)).collect();
        (self.forge.subjects)(&mut subjects);
        let bytes = self.sign(MANIFEST_KEY, MANIFEST_TYPE, subjects, &manifest);
        self.write(MANIFEST_KEY, &bytes);
    }

    fn end(&mut self, begin: &Begin, chain: ChainHead) {
        let mut end = End {
            v: 1,
            run: begin.run,
            status: RunStatus::Partial,
            reasons: vec!["process is partial".to_owned()],
            exit_code: 10,
            ended: time(60),
            chain,
            objects: u64::try_from(self.order.len()).unwrap() + 1,
        };
        (self.forge.end)(&mut end);
        let subject = vec![Subject::new(MANIFEST_KEY, digest_of(self.dir, MANIFEST_KEY))];
        let bytes = self.sign(END_KEY, END_TYPE, subject, &end);
        self.write(END_KEY, &bytes);
    }
}

fn begin(run_key: RunKey) -> Begin {
    let planned = |artefact: &str, category, skip: Option<&str>| PlannedStep {
        artefact: artefact.to_owned(),
        category,
        budget_s: 60,
        skip: skip.map(str::to_owned),
    };
    let map = |value: Value| serde_json::from_value(value).unwrap();
    Begin {
        v: 1,
        run: RunId::new(time(0), 1),
        case: "IR-2026-11".parse::<CaseId>().unwrap(),
        started: time(0),
        authority: Authority {
            operator: Some("A. Responder".to_owned()),
            reference: Some("ticket 4711".to_owned()),
            ssm_command_id: None,
            login: map(json!({"loginuid": 1000, "sessionid": 2, "uid": 0})),
        },
        options: map(json!({"profile": "triage"})),
        plan: vec![
            planned("process", Category::Process, None),
            planned("network", Category::Network, None),
            planned("memory", Category::Memory, Some("not asked for")),
        ],
        agent: Agent { version: VERSION.to_owned(), sha256: Some(Digest::of(b"the program")), pid: 4242 },
        host: HostFacts {
            id: HOST.to_owned(),
            id_kind: "instance-id".to_owned(),
            hostname: NASTY.to_owned(),
            kernel: "6.18.0".to_owned(),
            machine: "x86_64".to_owned(),
            boot_id: None,
        },
        clock: json!({"realtime": 1, "boottime": 2}),
        sink: map(json!({"kind": "directory", "location": "/evidence"})),
        access: map(json!({"proc_view": "detached", "private_views": true, "seccomp": {"on": true}})),
        instance: None,
        continues: None,
        run_key,
    }
}

fn gap() -> Gap {
    Gap::from(b"/proc/1/mem\n", 4096, Some(10), "EIO")
}

fn step(artefact: &str, status: Status, reasons: &[&str], objects: &[&str], gaps: Vec<Gap>) -> Step {
    Step {
        artefact: artefact.to_owned(),
        status,
        reasons: reasons.iter().map(|reason| (*reason).to_owned()).collect(),
        started: time(1),
        finished: time(9),
        objects: objects.iter().map(|name| name.parse().unwrap()).collect(),
        gaps,
        gaps_omitted: 0,
    }
}

fn steps() -> Vec<Step> {
    vec![
        step("process", Status::Partial, &["some memory could not be read"], &[PROCESSES, ARCHIVE], vec![gap()]),
        step("network", Status::Ok, &[], &[PORTS], Vec::new()),
        step("memory", Status::Skipped, &["not asked for"], &[], Vec::new()),
    ]
}

fn finish(step: &Step) -> Value {
    let mut value = serde_json::to_value(step).unwrap();
    let members = value.as_object_mut().unwrap();
    members.remove("gaps");
    members.insert("gap_count".to_owned(), json!(step.gaps.len()));
    value
}

fn processes(forge: &Forge) -> Vec<u8> {
    let mut content = Vec::new();
    for pid in 0..3_u64 {
        let mut row = Row::new(time(1), format!("/proc/{pid}"));
        row.int("pid", pid).text("name", NASTY);
        row.write_to(Placing { table: "processes", seq: pid, mono_ns: 1_000_000 + pid, host_id: HOST }, &mut content);
    }
    (forge.rows)(&mut content);
    content
}

fn archive(forge: &Forge) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for pid in 0..2 {
        let mut header = tar::Header::new_ustar();
        header.set_size(700);
        header.set_mode(0o444);
        builder.append_data(&mut header, format!("[root]/proc/{pid}/stat"), &[b'a'; 700][..]).unwrap();
    }
    let mut content = builder.into_inner().unwrap();
    (forge.archive)(&mut content);
    content
}
