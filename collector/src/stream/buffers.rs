//! A fixed number of buffers that are allocated once and come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};

/// Buffers of one size. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    size: usize,
    limit: usize,
    made: Arc<AtomicUsize>,
    give: Sender<Vec<u8>>,
    take: Receiver<Vec<u8>>,
}

/// A buffer on loan; it goes back when dropped.
#[derive(Debug)]
pub(super) struct Buffer {
    pub(super) bytes: Vec<u8>,
    home: Sender<Vec<u8>>,
}

impl Pool {
    /// At most `limit` buffers of `size` bytes, none allocated before it is needed.
    pub(super) fn new(size: usize, limit: usize) -> Self {
        let (give, take) = bounded(limit);
        Self { size, limit, made: Arc::new(AtomicUsize::new(0)), give, take }
    }

    /// An empty buffer; waits while all are on loan.
    pub(super) fn take(&self) -> Buffer {
        let mut buffer = self.take_used();
        buffer.bytes.clear();
        buffer
    }

    /// A buffer that holds `bytes`, and for them another one with whatever it held last: who reads over it need not have it emptied, and
    /// filled with zeros, first. Waits while all are on loan.
    pub(super) fn exchange(&self, mut bytes: Vec<u8>) -> (Buffer, Vec<u8>) {
        let mut buffer = self.take_used();
        std::mem::swap(&mut buffer.bytes, &mut bytes);
        (buffer, bytes)
    }

    fn take_used(&self) -> Buffer {
        let spare = self.take.try_recv().ok().or_else(|| self.make());
        // Both ends of the channel are ours, so it cannot be closed; an empty vector would only be slower.
        let bytes = spare.or_else(|| self.take.recv().ok()).unwrap_or_default();
        Buffer { bytes, home: self.give.clone() }
    }

    fn make(&self) -> Option<Vec<u8>> {
        let made = self.made.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |made| (made < self.limit).then_some(made + 1));
        made.ok().map(|_| Vec::with_capacity(self.size))
    }

    /// Bytes that a buffer holds without growing.
    pub(super) fn size(&self) -> usize {
        self.size
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // The channel has room for every buffer of the pool.
        let _ = self.home.try_send(std::mem::take(&mut self.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_and_are_not_made_anew() {
        let pool = Pool::new(10, 2);
        let (one, two) = (pool.take(), pool.take());
        let place = one.bytes.as_ptr();
        drop(one);
        let again = pool.take();
        assert_eq!(again.bytes.as_ptr(), place);
        drop((two, again));
        assert_eq!(pool.made.load(Ordering::SeqCst), 2);
    }
}
