//! Digests of an object and of the part that is being filled, made of the same bytes in one go.

use std::slice::from_ref;

use hozen_collector::model::Digest;
use sha2::block_api::Sha256VarCore;
use sha2::digest::Output;
use sha2::digest::block_api::{Block, Buffer, CtOutWrapper, FixedOutputCore as _, UpdateCore as _};
use sha2::digest::typenum::U32;

/// SHA-256, which takes blocks of 64 bytes.
type Core = CtOutWrapper<Sha256VarCore, U32>;

/// What has been written of an object.
#[derive(Debug, Clone, Default)]
pub(super) struct Digests {
    whole: Running,
    /// Of the part. The first part is all that there is so far.
    part: Option<Running>,
}

impl Digests {
    /// Feeds each block to both digests in turn. One SHA-256 is a chain of dependent steps; with two side by side the processor works on
    /// both, and the second costs about half.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        let Some(part) = &mut self.part else { return self.whole.update(bytes) };
        let (head, bytes) = bytes.split_at(self.whole.to_block().min(bytes.len()));
        self.whole.update(head);
        part.update(head);
        // Not so behind a part of a length that is no multiple of 64.
        let is_even = self.whole.to_block() == 0 && part.to_block() == 0;
        let (blocks, rest) = if is_even { Block::<Core>::slice_as_chunks(bytes) } else { (&[][..], bytes) };
        for block in blocks {
            self.whole.core.update_blocks(from_ref(block));
            part.core.update_blocks(from_ref(block));
        }
        self.whole.update(rest);
        part.update(rest);
    }

    /// The digest of all so far.
    pub(super) fn whole(&self) -> Digest {
        self.whole.so_far()
    }

    /// The digest of the part, which ends here; what follows is the next one.
    pub(super) fn end_part(&mut self) -> Digest {
        let ended = self.part.replace(Running::default());
        ended.as_ref().unwrap_or(&self.whole).so_far()
    }
}

/// A digest so far, and the bytes that do not fill a block yet.
#[derive(Debug, Clone, Default)]
struct Running {
    core: Core,
    tail: Buffer<Core>,
}

impl Running {
    fn update(&mut self, bytes: &[u8]) {
        self.tail.digest_blocks(bytes, |blocks| self.core.update_blocks(blocks));
    }

    /// How many bytes would fill the block that has begun; 0 where none has.
    fn to_block(&self) -> usize {
        let begun = self.tail.get_pos();
        if begun == 0 { 0 } else { self.tail.size().saturating_sub(begun) }
    }

    fn so_far(&self) -> Digest {
        let (Self { mut core, mut tail }, mut out) = (self.clone(), Output::<Core>::default());
        core.finalize_fixed_core(&mut tail, &mut out);
        Digest::from(<[u8; 32]>::from(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Often whole blocks, so that parts, too, are of whole blocks.
    fn piece() -> impl Strategy<Value = Vec<u8>> {
        let length = prop_oneof![0..300_usize, Just(64), Just(4096)];
        length.prop_flat_map(|length| prop::collection::vec(any::<u8>(), length))
    }

    proptest! {
        #[test]
        fn each_part_and_the_whole_have_their_own(
            parts in prop::collection::vec(prop::collection::vec(piece(), 0..6), 1..5),
        ) {
            let mut digests = Digests::default();
            for part in &parts {
                part.iter().for_each(|bytes| digests.update(bytes));
                prop_assert_eq!(digests.end_part(), Digest::of(&part.concat()));
            }
            prop_assert_eq!(digests.whole(), Digest::of(&parts.concat().concat()));
        }
    }
}
