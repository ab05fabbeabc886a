//! What was heard, in memory until the end of the run.

use std::collections::BTreeMap;

use super::event::{Event, Kind};
use super::program::Program;
use crate::host::connector::answer;
use crate::model::Timestamp;

/// The most events that are kept, of some 80 bytes each.
const MOST: usize = 200_000;

/// Events of a run, and what is missing of them.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// In the order in which they came, with the time at which they did.
    pub(super) events: Vec<(Timestamp, Event)>,
    /// What was executed, by the number of the event.
    pub(super) programs: BTreeMap<usize, Program>,
    /// How many came of each kind: of processes, and of mere threads.
    pub(super) received: BTreeMap<Kind, (u64, u64)>,
    /// Events for which there was no room.
    pub(super) beyond: u64,
    /// How often the kernel threw some away, because we did not keep up.
    pub(super) overruns: u64,
    /// How many the sequences of the processors lack.
    pub(super) missed: u64,
    /// Messages of other processes, and ones that make no sense.
    pub(super) odd: u64,
    /// Programs that could not be looked at in time.
    pub(super) unseen: u64,
    /// Why listening ended before the run did.
    pub(super) failed: Option<String>,
    /// `CLOCK_MONOTONIC` of the latest event.
    pub(super) latest_ns: u64,
    last: BTreeMap<u32, u32>,
}

impl Heard {
    /// Takes a message. Says which process executed something, and the event's number.
    pub(super) fn take(&mut self, time: Timestamp, message: &[u8]) -> Option<(usize, u32)> {
        let Some(event) = Event::parse(message) else {
            // That another program began or ended to listen is no event.
            self.odd = self.odd.saturating_add(u64::from(answer(message).is_none()));
            return None;
        };
        self.follow(&event);
        let (processes, threads) = self.received.entry(event.kind).or_default();
        if !event.is_of_process() {
            *threads = threads.saturating_add(1);
            return None;
        }
        *processes = processes.saturating_add(1);
        if self.events.len() >= MOST {
            self.beyond = self.beyond.saturating_add(1);
            return None;
        }
        self.events.push((time, event));
        (event.kind == Kind::Exec).then(|| (self.events.len() - 1, event.pid()))
    }

    /// Counts what lies between this event and the one before it on the same processor.
    fn follow(&mut self, event: &Event) {
        self.latest_ns = self.latest_ns.max(event.monotonic_ns);
        if let Some(last) = self.last.insert(event.cpu, event.sequence) {
            let missed = event.sequence.wrapping_sub(last).wrapping_sub(1);
            // One that came late: processors take turns at the socket.
            if missed < u32::MAX / 2 {
                self.missed = self.missed.saturating_add(u64::from(missed));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::tests::message;
    use super::*;

    #[test]
    fn what_a_processors_sequence_lacks_is_counted() {
        let mut heard = Heard::default();
        let now = Timestamp::from_seconds(0);
        for (cpu, sequence) in [(0, u32::MAX), (1, 5), (0, 0), (1, 9), (0, 1)] {
            heard.take(now, &message(2, (cpu, sequence), &[7, 7]));
        }
        assert_eq!((heard.missed, heard.events.len(), heard.odd), (3, 5, 0));
        assert_eq!(heard.take(now, &message(2, (0, 2), &[8, 9])), Some((5, 9)));
        assert_eq!(heard.take(now, &message(1, (0, 3), &[8, 9, 11, 9])), None);
        assert_eq!(heard.received[&Kind::Fork], (0, 1));
        assert_eq!((heard.take(now, b"short"), heard.odd), (None, 1));
        assert_eq!((heard.take(now, &message(0, (0, 4), &[0])), heard.odd), (None, 1), "an answer to another listener");
    }

    #[test]
    fn there_is_room_for_so_many() {
        let mut heard = Heard::default();
        for number in 0..210_000 {
            heard.take(Timestamp::from_seconds(0), &message(2, (0, number), &[7, 7]));
        }
        assert_eq!((heard.events.len(), heard.beyond, heard.received[&Kind::Exec]), (MOST, 10_000, (210_000, 0)));
    }
}
