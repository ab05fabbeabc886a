//! The custody journal (evidence format, section 3): one hash chain of lines over all its objects.
//!
//! After a fault the walk goes on from the line as it is there, so that each fault is told once and the rest is still checked.

use std::io::{BufRead, BufReader, Read as _};

use hozen_collector::model::record::{ChainHead, END_KEY, Event, MANIFEST_KEY, MAX_LINE_BYTES, VERSION, event};
use hozen_collector::model::{Digest, RunId};

use super::begin::Beginning;
use super::envelope::{is_spelling_of, prefixed};
use super::events::{Known, Story};
use super::findings::{Findings, Place};
use super::holding::Holding;
use super::name::{self, Name};

/// The journal, read to its end.
#[derive(Debug, Default)]
pub(super) struct Journal {
    /// What it tells.
    pub(super) story: Story,
    /// Its last line.
    pub(super) head: Option<ChainHead>,
    /// Its lines.
    pub(super) lines: u64,
    /// Its objects.
    pub(super) objects: u64,
    /// Time of the last line, for the report.
    pub(super) last: Option<String>,
    /// All of it could be read.
    pub(super) whole: bool,
}

impl Journal {
    /// Whether its last line is this one.
    pub(super) fn ends_with(&self, chain: &ChainHead) -> bool {
        self.head.as_ref() == Some(chain)
    }
}

/// The walk along the chain.
struct Walk<'a> {
    known: Known<'a>,
    run: Option<RunId>,
    version: Option<&'a str>,
    /// The number that is due, where the line before could be read.
    seq: Option<u64>,
    prev: Option<String>,
    mono_ns: u64,
    last_event: String,
    journal: Journal,
}

/// Walks along the journal and notes every break.
pub(super) fn check(holding: &Holding, beginning: Option<&Beginning>, findings: &mut Findings) -> Journal {
    let begin = beginning.map(|beginning| &beginning.begin);
    let plan = begin.map(|begin| begin.plan.iter().map(|step| step.artefact.as_str()).collect());
    let mut walk = Walk {
        known: Known { begin: beginning.map(|beginning| beginning.sha256), plan, holding },
        run: begin.map(|begin| begin.run),
        version: begin.map(|begin| begin.agent.version.as_str()),
        seq: Some(1),
        prev: beginning.map(|beginning| prefixed(&beginning.sha256)),
        mono_ns: 0,
        last_event: String::new(),
        journal: Journal { whole: true, ..Journal::default() },
    };
    let mut due = 1;
    for number in numbers(holding) {
        while due < number {
            findings.fail(name::custody(due), "is missing: the journal has a hole here");
            // A hole of any width is one fault.
            due = number;
        }
        walk.object(holding, number, findings);
        due = number.saturating_add(1);
    }
    let ended = holding.has(MANIFEST_KEY) || holding.has(END_KEY);
    if ended && walk.journal.whole && walk.journal.story.end.is_none() {
        findings.fail(
            name::custody(due.saturating_sub(1).max(1)),
            "the journal ends here without run.end, and yet the run has ended",
        );
    }
    walk.journal
}

fn numbers(holding: &Holding) -> Vec<u64> {
    let number = |name| if let Some(Name::Custody(number)) = name { Some(number) } else { None };
    let mut numbers: Vec<u64> = holding.objects().iter().filter_map(|key| number(Name::of(key))).collect();
    numbers.sort_unstable();
    numbers
}

impl Walk<'_> {
    fn object(&mut self, holding: &Holding, number: u64, findings: &mut Findings) {
        let object = name::custody(number);
        let reader = object.parse().ok().and_then(|key| holding.reader(&key, findings));
        let Some(reader) = reader else {
            return self.lose_the_thread();
        };
        self.journal.objects += 1;
        let mut reader = BufReader::with_capacity(64 << 10, reader);
        let (mut line, mut at) = (Vec::new(), 0);
        loop {
            at += 1;
            match next_line(&mut reader, &mut line) {
                Ok(true) => self.line(&line, &object, at, findings),
                Ok(false) => break,
                Err(fault) => {
                    self.lose_the_thread();
                    return match fault {
                        Fault::Read(error) => findings.unreadable(Place::line(&object, at), format!("cannot be read: {error}")),
                        Fault::Line(what) => findings.fail(Place::line(&object, at), what),
                    };
                }
            }
        }
        findings.require(at > 1, &object, "is empty, which no object of the journal is");
    }

    /// What follows has no line before it to be compared with.
    fn lose_the_thread(&mut self) {
        self.journal.whole = false;
        self.prev = None;
        self.seq = None;
    }

    fn line(&mut self, line: &[u8], object: &str, at: u64, findings: &mut Findings) {
        let place = Place::line(object, at);
        self.journal.lines += 1;
        let prev = self.prev.replace(prefixed(&Digest::of(line)));
        match serde_json::from_slice::<Event>(line.strip_suffix(b"\n").unwrap_or(line)) {
            Ok(event) => {
                let canonical = line.strip_suffix(b"\n").is_some_and(|text| is_spelling_of(text, &event));
                findings.require(canonical, place.clone(), "the line is not in canonical form");
                self.event(&event, prev.as_deref(), &place, findings);
            }
            Err(error) => {
                findings.fail(place, format!("the line is not an event: {error}"));
                self.seq = self.seq.map(|seq| seq.saturating_add(1));
            }
        }
        let head = self.prev.clone().unwrap_or_default();
        self.journal.head = self.seq.map(|due| ChainHead { seq: due.saturating_sub(1), head });
    }

    fn event(&mut self, event: &Event, prev: Option<&str>, place: &Place, findings: &mut Findings) {
        let mut require = |holds: bool, what: &str| findings.require(holds, place.clone(), what);
        let due = self.seq.unwrap_or(event.seq);
        require(event.seq == due, &format!("it has number {}, and {due} is due", event.seq));
        require(prev.is_none_or(|prev| prev == event.prev), "it does not follow the line before it: the chain is broken");
        require(self.run.is_none_or(|run| run == event.run), "it belongs to another run");
        require(event.mono_ns >= self.mono_ns, "its monotonic clock runs backwards");
        require(event.actor.kind == "agent", "its actor is not the agent");
        require(self.version.is_none_or(|version| version == event.actor.version), "it is by another version of the agent");
        let (first, begins) = (due == 1, event.event == event::RUN_BEGIN);
        require(first == begins, if first { "the first line is not run.begin" } else { "run.begin is not the first line" });
        require(self.last_event != event::RUN_END, "it stands behind run.end, which is the last line");
        require(event.v == VERSION, "it is of another version of the evidence format");
        self.journal.story.take(event, &self.known, place, findings);
        self.seq = Some(event.seq.saturating_add(1));
        self.mono_ns = event.mono_ns;
        self.last_event.clone_from(&event.event);
        self.journal.last = Some(event.t.to_string());
    }
}

/// Why a line cannot be taken.
enum Fault {
    Read(std::io::Error),
    Line(String),
}

/// Reads the next line, newline included; false at the end.
fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> Result<bool, Fault> {
    line.clear();
    reader.take(MAX_LINE_BYTES.saturating_add(1)).read_until(b'\n', line).map_err(Fault::Read)?;
    if super::words::length(line.len()) > MAX_LINE_BYTES {
        return Err(Fault::Line("the line is longer than 1 MiB; the rest of the object was not looked at".to_owned()));
    }
    if line.last().is_some_and(|last| *last != b'\n') {
        return Err(Fault::Line("the last line is cut off".to_owned()));
    }
    Ok(!line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn walk_over(holding: &Holding) -> Walk<'_> {
        Walk {
            known: Known { begin: None, plan: None, holding },
            run: None,
            version: None,
            seq: Some(1),
            prev: None,
            mono_ns: 0,
            last_event: String::new(),
            journal: Journal::default(),
        }
    }

    #[test]
    fn lines_are_cut_and_bounded() {
        let mut line = Vec::new();
        let mut reader = &b"a\nb"[..];
        assert!(matches!(next_line(&mut reader, &mut line), Ok(true)) && line == b"a\n");
        assert!(matches!(next_line(&mut reader, &mut line), Err(Fault::Line(_))));
        let long = vec![b'x'; 2 << 20];
        assert!(matches!(next_line(&mut long.as_slice(), &mut line), Err(Fault::Line(_))));
        assert!(matches!(next_line(&mut &b""[..], &mut line), Ok(false)));
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(line in prop::collection::vec(any::<u8>(), 0..200), seq in any::<u64>(), word in 0_usize..8) {
            let holding = Holding::default();
            let mut findings = Findings::default();
            let mut walk = walk_over(&holding);
            walk.line(&line, "custody/000001.jsonl", 1, &mut findings);
            let words = ["run.begin", "step.start", "step.finish", "gap", "object.completed", "object.failed", "run.end", "?"];
            let data = String::from_utf8_lossy(&line).into_owned();
            let event = serde_json::json!({
                "v": 1, "run": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "seq": seq, "prev": data, "t": "2026-11-22T03:50:27.123456789Z",
                "mono_ns": seq, "actor": {"type": "agent", "version": "0"}, "event": words[word], "justification": data,
                "data": {"artefact": data, "cause": data},
            });
            let bytes = [hozen_collector::model::canonical::to_bytes(&event).unwrap(), b"\n".to_vec()].concat();
            walk.line(&bytes, "custody/000001.jsonl", 2, &mut findings);
        }
    }
}
