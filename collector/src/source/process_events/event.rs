//! One event: `struct cn_msg` and `struct proc_event` of linux/cn_proc.h, behind a netlink header.
//!
//! ```text
//! nlmsghdr 16 | cn_msg: id 2 × u32, seq u32 [24], ack u32, len u16, flags u16 | what u32 [36], cpu u32, timestamp u64 | by kind [52]
//! ```
//!
//! The sequence is counted by each processor for itself.

use crate::host::connector::HEADERS;
use crate::host::netlink::{u32_of, u64_of};
use crate::model::Row;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Fork,
    Exec,
    Uid,
    Gid,
    Session,
    Trace,
    Name,
    Dump,
    Exit,
}

impl Kind {
    /// All of them, with `PROC_EVENT_…` and a word.
    pub(super) const ALL: [(Self, u32, &'static str); 9] = [
        (Self::Fork, 0x1, "fork"),
        (Self::Exec, 0x2, "exec"),
        (Self::Uid, 0x4, "uid"),
        (Self::Gid, 0x40, "gid"),
        (Self::Session, 0x80, "sid"),
        (Self::Trace, 0x100, "ptrace"),
        (Self::Name, 0x200, "comm"),
        (Self::Dump, 0x4000_0000, "coredump"),
        (Self::Exit, 0x8000_0000, "exit"),
    ];

    /// The word that rows have for it.
    pub(super) fn word(self) -> &'static str {
        Self::ALL.iter().find(|(kind, ..)| *kind == self).map_or("", |(.., word)| word)
    }
}

/// An event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) kind: Kind,
    pub(super) cpu: u32,
    pub(super) sequence: u32,
    /// `CLOCK_MONOTONIC`.
    pub(super) monotonic_ns: u64,
    /// Up to six words by kind.
    words: [u32; 6],
}

impl Event {
    /// The event of a message; `None` where it is too short or of no kind that is known.
    pub(super) fn parse(message: &[u8]) -> Option<Self> {
        let word = |at: usize| message.get(at..).and_then(|rest| rest.first_chunk()).map(|bytes| u32_of(*bytes));
        let what = word(HEADERS)?;
        let (kind, ..) = Kind::ALL.into_iter().find(|(_, number, _)| *number == what)?;
        let monotonic_ns = message.get(HEADERS + 8..)?.first_chunk().map(|bytes| u64_of(*bytes))?;
        // Older kernels send a shorter union: what they have not is 0.
        let words = [0, 1, 2, 3, 4, 5].map(|number| word(HEADERS + 16 + number * 4).unwrap_or(0));
        word(HEADERS + 20)?;
        Some(Self { kind, cpu: word(HEADERS + 4)?, sequence: word(24)?, monotonic_ns, words })
    }

    /// The thread and the process that it is about; of a fork the new one.
    fn ids(&self) -> (u32, u32) {
        let [first, second, third, fourth, ..] = self.words;
        if self.kind == Kind::Fork { (third, fourth) } else { (first, second) }
    }

    /// The process that it is about.
    pub(super) fn pid(&self) -> u32 {
        self.ids().1
    }

    /// Whether it is about a process: threads begin, end and get names too, and there are very many of them.
    pub(super) fn is_of_process(&self) -> bool {
        let (thread, process) = self.ids();
        thread == process || !matches!(self.kind, Kind::Fork | Kind::Exit | Kind::Name)
    }

    /// Its columns.
    pub(super) fn fill(&self, row: &mut Row) {
        let (thread, process) = self.ids();
        let [first, second, third, fourth, _, sixth] = self.words;
        row.text("event", self.kind.word()).int("pid", process).int("tid", thread);
        match self.kind {
            Kind::Fork => {
                row.int("parent", second).int("parent_tid", first);
            }
            Kind::Uid => {
                row.int("uid", third).int("euid", fourth);
            }
            Kind::Gid => {
                row.int("gid", third).int("egid", fourth);
            }
            Kind::Trace => {
                row.int("tracer", fourth);
            }
            Kind::Name => {
                row.bytes("name", &self.name());
            }
            Kind::Dump => {
                row.int("parent", fourth);
            }
            Kind::Exit => {
                // As wait(2) has it: the signal below, the code above.
                row.int("exit_code", third >> 8 & 0xff).int("exit_signal", third & 0x7f).int("parent", sixth);
                row.int("signal_to_parent", fourth);
            }
            Kind::Exec | Kind::Session => {}
        }
        row.int("cpu", self.cpu).int("sequence", self.sequence).int("monotonic_ns", self.monotonic_ns);
    }

    /// The name in an event of that kind: 16 bytes.
    fn name(&self) -> Vec<u8> {
        let [_, _, name @ ..] = self.words;
        let bytes = name.map(crate::host::netlink::native_u32).concat();
        bytes.split(|byte| *byte == 0).next().unwrap_or_default().to_owned()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::host::netlink::{native_u32, native_u64};
    use crate::model::Timestamp;

    /// A message of the kernel.
    pub(in super::super) fn message(what: u32, (cpu, sequence): (u32, u32), words: &[u32]) -> Vec<u8> {
        let mut out = vec![0; HEADERS];
        out[24..28].copy_from_slice(&native_u32(sequence));
        out.extend([native_u32(what), native_u32(cpu)].concat());
        out.extend(native_u64(77));
        words.iter().for_each(|word| out.extend(native_u32(*word)));
        out
    }

    fn columns(message: &[u8]) -> serde_json::Map<String, serde_json::Value> {
        let mut row = Row::new(Timestamp::from_seconds(0), "x");
        Event::parse(message).unwrap().fill(&mut row);
        row.columns()
    }

    #[test]
    fn kinds_have_columns_of_their_own() {
        let fork = columns(&message(1, (3, 9), &[10, 11, 12, 12]));
        assert_eq!((&fork["event"], &fork["parent"], &fork["pid"]), (&"fork".into(), &11.into(), &12.into()));
        assert_eq!((&fork["cpu"], &fork["sequence"], &fork["monotonic_ns"]), (&3.into(), &9.into(), &77.into()));
        let exit = columns(&message(0x8000_0000, (0, 0), &[12, 12, 0x0309, 17, 10, 11]));
        assert_eq!((&exit["exit_code"], &exit["exit_signal"], &exit["parent"]), (&3.into(), &9.into(), &11.into()));
        let name = columns(&message(0x200, (0, 0), &[12, 12, u32_of(*b"evil"), 0]));
        assert_eq!(name["name"], "evil");
        let uid = columns(&message(4, (0, 0), &[12, 12, 1000, 0]));
        assert_eq!((&uid["uid"], &uid["euid"]), (&1000.into(), &0.into()));
    }

    #[test]
    fn threads_are_told_from_processes() {
        let is = |what, words: &[u32]| Event::parse(&message(what, (0, 0), words)).unwrap().is_of_process();
        assert!(is(1, &[10, 10, 12, 12]) && !is(1, &[10, 10, 12, 10]));
        assert!(is(0x8000_0000, &[12, 12]) && !is(0x8000_0000, &[13, 12]) && is(4, &[13, 12]));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            if let Some(event) = Event::parse(&bytes) {
                event.fill(&mut Row::new(Timestamp::from_seconds(0), "x"));
            }
        }
    }
}
