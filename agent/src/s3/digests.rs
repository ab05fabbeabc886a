//! Digests of an object and of the part that is being filled, made of the same bytes in one go.

use hozen_collector::model::Digest;
use sha2::{Digest as _, Sha256};

/// Bytes that go into one digest before they go into the other: two blocks of SHA-256. Each step of a digest waits for the one before,
/// so that a processor which finds both close together works at both at once; the second then costs some two thirds of the first.
const PIECE: usize = 128;

/// What has been written of an object.
#[derive(Debug, Clone, Default)]
pub(super) struct Digests {
    whole: Sha256,
    /// Of the part. The first part is all that there is so far.
    part: Option<Sha256>,
}

impl Digests {
    /// Takes what was written next.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        let Some(part) = &mut self.part else { return self.whole.update(bytes) };
        for piece in bytes.chunks(PIECE) {
            self.whole.update(piece);
            part.update(piece);
        }
    }

    /// The digest of all so far.
    pub(super) fn whole(&self) -> Digest {
        Digest::so_far(&self.whole)
    }

    /// The digest of the part, which ends here; what follows is the next one.
    pub(super) fn end_part(&mut self) -> Digest {
        let ended = self.part.replace(Sha256::new());
        Digest::so_far(ended.as_ref().unwrap_or(&self.whole))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn each_part_and_the_whole_have_their_own(
            parts in prop::collection::vec(prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..6), 1..5),
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
