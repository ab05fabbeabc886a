//! What a process executed, looked at as soon as the kernel said that it did: many a process has ended a moment later.
//!
//! The command line lies in the process's own memory, which may be one that never answers. So a thread of its own reads it, and
//! whoever listens does not wait for that thread.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::host::{Host, Process};

/// How much is read of a command line.
const COMMAND_LINE: usize = 4096;

/// How many processes may wait to be looked at.
const WAITING: usize = 1024;

/// How many bytes are kept of all command lines and paths together.
const MOST_BYTES: usize = 16 << 20;

/// What a process executed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Program {
    /// `comm`.
    pub(super) name: Vec<u8>,
    /// Where the link `exe` leads.
    pub(super) path: Option<Vec<u8>>,
    /// Arguments, each ended by a zero.
    pub(super) cmdline: Option<Vec<u8>>,
}

/// A thread that looks at processes.
#[derive(Debug)]
pub(super) struct Looker {
    queue: Sender<(usize, i32)>,
    seen: Arc<Mutex<BTreeMap<usize, Program>>>,
    ended: Receiver<()>,
}

impl Looker {
    /// Starts it. Without one, nothing is looked at.
    pub(super) fn start(host: &Host) -> Option<Self> {
        let (queue, waiting) = bounded::<(usize, i32)>(WAITING);
        let (end, ended) = bounded::<()>(0);
        let seen: Arc<Mutex<BTreeMap<usize, Program>>> = Arc::default();
        let (host, shared) = (host.clone(), Arc::clone(&seen));
        let look = move || {
            let mut bytes = 0_usize;
            for (number, pid) in waiting {
                let Some(program) = host.proc.process(pid).ok().map(|process| read(&process)) else { continue };
                bytes = bytes.saturating_add(program.length());
                if bytes > MOST_BYTES {
                    break;
                }
                shared.lock().unwrap_or_else(PoisonError::into_inner).insert(number, program);
            }
            drop(end);
        };
        std::thread::Builder::new().name("hozen-exec".to_owned()).spawn(look).ok()?;
        Some(Self { queue, seen, ended })
    }

    /// Asks for process `pid` to be looked at, for event `number`; false where it cannot keep up.
    pub(super) fn ask(&self, number: usize, pid: u32) -> bool {
        i32::try_from(pid).is_ok_and(|pid| self.queue.try_send((number, pid)).is_ok())
    }

    /// What it has seen, and whether it came back.
    pub(super) fn end(self) -> (BTreeMap<usize, Program>, bool) {
        drop(self.queue);
        let ended = self.ended.recv_timeout(std::time::Duration::from_secs(1));
        let came_back = ended == Err(crossbeam_channel::RecvTimeoutError::Disconnected);
        (std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner)), came_back)
    }
}

/// The link first: of all that ends with the process it says most, and it needs nothing of its memory.
fn read(process: &Process) -> Program {
    let path = process.link("exe").ok();
    let name = process.file("comm", 64).map(|text| text.bytes.trim_ascii_end().to_owned()).unwrap_or_default();
    let cmdline = process.file("cmdline", COMMAND_LINE).ok().map(|text| text.bytes).filter(|line| !line.is_empty());
    Program { name, path, cmdline }
}

impl Program {
    fn length(&self) -> usize {
        self.name.len() + self.path.as_ref().map_or(0, Vec::len) + self.cmdline.as_ref().map_or(0, Vec::len)
    }
}
