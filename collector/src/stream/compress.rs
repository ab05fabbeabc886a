//! zstd, one independent frame with checksum per part (RFC 8878).

use std::io;

use crossbeam_channel::{Receiver, Sender};
use zstd::bulk::Compressor;
use zstd::zstd_safe::CParameter;

use super::buffers::{Buffer, Pool};
use super::store::{Mark, Message};

/// A part on its way to a worker.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) object: u64,
    pub(super) index: u64,
    pub(super) content: Buffer,
    pub(super) mark: Mark,
}

/// Starts a worker that compresses what comes from `jobs` into buffers of `frames`.
///
/// It takes the buffer first and the job second: so the earliest part that is not compressed yet always lies with a worker that
/// has a buffer, and workers that ran ahead can never hold all buffers while it waits.
pub(super) fn spawn(number: usize, level: i32, jobs: Receiver<Work>, frames: Pool, store: Sender<Message>) -> io::Result<()> {
    let mut compressor = Compressor::new(level)?;
    compressor.set_parameter(CParameter::ChecksumFlag(true))?;
    if level == 1 {
        // Memory is programs more than text, and has matches of six bytes where text has longer ones. A table of 64 KiB stays in the
        // processor's nearer caches: one twice as large stores 0.6 % less, and costs 6 % of the time of a whole image.
        compressor.set_parameter(CParameter::HashLog(14))?;
        compressor.set_parameter(CParameter::MinMatch(6))?;
    }
    let work = move || {
        loop {
            let mut frame = frames.take();
            let Ok(job) = jobs.recv() else { return };
            let failed = compressor.compress_to_buffer(&job.content.bytes, &mut frame.bytes).is_err();
            let Work { object, index, content, mark } = job;
            drop(content);
            if store.send(Message::Part { object, index, frame, mark, failed }).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name(format!("hozen-zstd-{number}")).spawn(work).map(drop)
}
