//! Part buffers: allocated once, used again, never more than the sink's bound.

use std::sync::{Arc, Mutex};

use bytes::Bytes;

/// Up to here an object's bytes lie in memory of their own; most objects never have more.
const SMALL: usize = 1 << 20;

/// Buffers of one part each. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Buffers {
    part: usize,
    spare: Arc<Mutex<Vec<Vec<u8>>>>,
    keep: usize,
}

/// The part that is being filled.
#[derive(Debug)]
pub(super) struct Fill {
    buffers: Buffers,
    bytes: Vec<u8>,
}

/// A full part on its way; its buffer goes back when the last copy of it is dropped.
struct Lent {
    bytes: Vec<u8>,
    buffers: Buffers,
}

impl Buffers {
    /// Buffers of `part` bytes, of which `keep` are kept for the next to come.
    pub(super) fn new(part: usize, keep: usize) -> Self {
        Self { part, spare: Arc::default(), keep }
    }

    /// An empty part.
    pub(super) fn fill(&self) -> Fill {
        Fill { buffers: self.clone(), bytes: Vec::new() }
    }

    fn take(&self) -> Vec<u8> {
        let spare = self.spare.lock().ok().and_then(|mut spare| spare.pop());
        spare.unwrap_or_else(|| Vec::with_capacity(self.part))
    }

    fn give(&self, mut bytes: Vec<u8>) {
        if bytes.capacity() < self.part {
            return;
        }
        bytes.clear();
        if let Ok(mut spare) = self.spare.lock()
            && spare.len() < self.keep
        {
            spare.push(bytes);
        }
    }
}

impl Fill {
    /// Takes as much of `bytes` as there is room for, and gives back the rest.
    pub(super) fn take<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (now, later) = bytes.split_at(self.room().min(bytes.len()));
        let length = self.bytes.len() + now.len();
        if length > self.bytes.capacity() && length > SMALL.min(self.buffers.part) {
            let small = std::mem::replace(&mut self.bytes, self.buffers.take());
            self.bytes.extend_from_slice(&small);
        }
        self.bytes.extend_from_slice(now);
        later
    }

    /// Bytes that still fit.
    pub(super) fn room(&self) -> usize {
        self.buffers.part.saturating_sub(self.bytes.len())
    }

    /// Whether no byte more fits.
    pub(super) fn is_full(&self) -> bool {
        self.room() == 0
    }

    /// What it holds.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets all behind the first `length` bytes.
    pub(super) fn shorten(&mut self, length: usize) {
        self.bytes.truncate(length);
    }

    /// The part, to be sent; an empty one takes its place.
    pub(super) fn send(&mut self) -> Bytes {
        let bytes = std::mem::take(&mut self.bytes);
        Bytes::from_owner(Lent { bytes, buffers: self.buffers.clone() })
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.buffers.give(std::mem::take(&mut self.bytes));
    }
}

impl Drop for Fill {
    fn drop(&mut self) {
        self.buffers.give(std::mem::take(&mut self.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_full_buffer_comes_back_and_a_small_one_is_its_own() {
        let buffers = Buffers::new(2 << 20, 1);
        let mut fill = buffers.fill();
        assert_eq!(fill.take(&[7; 100]), [0_u8; 0]);
        assert!(fill.bytes.capacity() < SMALL);
        let rest = vec![8; 3 << 20];
        assert_eq!(fill.take(&rest).len(), (1 << 20) + 100);
        assert!(fill.is_full());
        let part = fill.send();
        let place = part.as_ptr();
        assert!(buffers.spare.lock().unwrap().is_empty());
        drop(part);
        let again = buffers.take();
        assert_eq!(again.as_ptr(), place);
    }

    proptest! {
        #[test]
        fn bytes_are_cut_at_the_part_size(chunks in prop::collection::vec(0_usize..5000, 0..40), part in 1_usize..6000) {
            let buffers = Buffers::new(part, 2);
            let all: Vec<u8> = (0..chunks.iter().sum()).map(|n: usize| u8::try_from(n % 251).unwrap()).collect();
            let (mut fill, mut parts, mut at) = (buffers.fill(), Vec::new(), 0);
            for length in chunks {
                let mut bytes = &all[at..at + length];
                at += length;
                while !bytes.is_empty() {
                    if fill.is_full() {
                        parts.push(fill.send());
                    }
                    bytes = fill.take(bytes);
                }
            }
            parts.push(fill.send());
            let expected: Vec<&[u8]> = if all.is_empty() { vec![&[]] } else { all.chunks(part).collect() };
            prop_assert_eq!(parts, expected);
        }
    }
}
