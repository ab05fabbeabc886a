//! Small files are opened before it is their turn.

use std::collections::VecDeque;
use std::sync::Arc;

use nix::errno::Errno;

use super::{Form, Found};
use crate::host::content::READ_LIMIT;
use crate::host::spare_thread::TimedOut;
use crate::host::sys::Stat;
use crate::host::{Content, Crew, Host, HostFiles, ReadError, Reason, read};
use crate::source::{Evidence, Stop};

/// Files up to this size are opened ahead.
const SMALL: u64 = 64 << 10;

/// Whether what it holds is wanted.
pub(super) fn has_content(found: &Found<'_>) -> bool {
    found.stat.is_regular() && found.group.form != Form::Listed
}

/// Opens the file, if it is still the one that was found, and reads its beginning.
pub(super) fn open(files: &HostFiles, path: &[u8], stat: &Stat) -> Opened {
    let (reader, now) = files.open(path)?;
    if (now.dev, now.ino) != (stat.dev, stat.ino) {
        return Err(ReadError::errno(path, Errno::ESTALE));
    }
    read::named(path, Content::with_head(reader.0, now))
}

/// Opens small files before it is their turn: to hand one to another thread and to wait for it takes longer than to read it. What is
/// longer is opened when it is kept, as it may be a log that grows.
pub(super) struct Ahead {
    files: Arc<HostFiles>,
    crew: Crew<Opened>,
    /// The first that has not been looked at.
    next: usize,
    /// The ones that are being opened.
    under_way: VecDeque<usize>,
}

/// A file, or why it could not be opened.
pub(super) type Opened = Result<Content, ReadError>;

impl Ahead {
    pub(super) fn new(host: &Host) -> Self {
        Self { files: Arc::clone(&host.files), crew: host.crew(READ_LIMIT), next: 0, under_way: VecDeque::new() }
    }

    /// Goes on with `found` as far as there is room.
    pub(super) fn open(&mut self, found: &[Found<'_>]) {
        while !self.crew.is_full()
            && let Some(one) = found.get(self.next)
        {
            if has_content(one) && one.stat.size <= SMALL {
                let (files, path, stat) = (Arc::clone(&self.files), one.path.clone(), one.stat);
                self.crew.hand_over(move |_| open(&files, &path, &stat));
                self.under_way.push_back(self.next);
            }
            self.next += 1;
        }
    }

    /// What came of the file number `at`, if it was opened.
    pub(super) fn take(&mut self, at: usize, found: &Found<'_>, evidence: &dyn Evidence) -> Result<Option<Opened>, Stop> {
        if self.under_way.front() != Some(&at) {
            return Ok(None);
        }
        self.under_way.pop_front();
        let opened = self.crew.next(|| evidence.check())?;
        Ok(opened.map(|opened| opened.unwrap_or_else(|TimedOut| Err(ReadError::new(&found.path, Reason::Timeout)))))
    }
}
