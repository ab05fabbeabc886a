//! Databases of engines that may be anything, held against what must be true of them whatever comes.

use super::bolt::{Bucket, Database, Item, Walk};
use super::databases::{CONTAINERD, ECS, PODMAN, PODMAN_BOLT, Reading, read};
use super::known::Known;

/// A database, read as each engine has it. Returns how many containers are in it.
///
/// # Panics
/// When there are more of them, or more bytes in buckets of bbolt, than it has bytes.
#[must_use]
pub fn engines(database: &[u8]) -> usize {
    let containers = |kind: &str| {
        let (mut known, mut reading) = (Known::default(), Reading::new("/database".to_owned(), true));
        // That it is none, or ends in the middle, is as good an answer as any.
        let _ = read(kind, database, &mut reading, &mut known);
        assert!(known.count() <= database.len(), "{kind}: {} containers in {} bytes", known.count(), database.len());
        known.count()
    };
    if let Ok(mut opened) = Database::open(database) {
        let root = opened.root();
        let bytes = below(&mut opened, root, 0);
        assert!(bytes <= database.len(), "{bytes} bytes in {}", database.len());
    }
    [CONTAINERD, ECS, PODMAN, PODMAN_BOLT].into_iter().map(containers).sum()
}

/// Buckets in each other that are gone through here: more than any engine has.
const DEPTH: usize = 64;

/// Bytes of all keys and values of a bucket, and of the buckets in it.
fn below<'a>(database: &mut Database<'a>, bucket: Bucket<'a>, depth: usize) -> usize {
    let (mut bytes, mut walk) = (0, Walk::new(bucket));
    while let Some((key, item)) = database.entry(&mut walk) {
        bytes += key.len();
        bytes += match item {
            Item::Value(value) => value.len(),
            Item::Bucket(bucket) if depth < DEPTH => below(database, bucket, depth + 1),
            Item::Bucket(_) => 0,
        };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::seeds;

    #[test]
    fn the_seeds_have_containers() {
        let found: Vec<_> = seeds("engines").into_iter().map(|(name, bytes)| (name, engines(&bytes))).collect();
        let count = |name: &str| found.iter().find(|(path, _)| path.ends_with(name)).map(|(_, count)| *count);
        let counts = ["containerd", "ecs", "podman", "podman-bolt"].map(|name| count(&format!("/{name}")));
        assert_eq!(counts, [Some(7), Some(3), Some(2), Some(2)], "{found:?}");
        assert_eq!(engines(b"SQLite format 3\0"), 0);
    }

    proptest::proptest! {
        #[test]
        fn any_change_of_a_seed_is_survived(
            which in 0..4_usize,
            changes in proptest::collection::vec((0..1_usize << 20, 0..=255_u8), 1..20),
            eighths in 1..=8_usize,
        ) {
            let mut seeds = seeds("engines");
            let (_, mut bytes) = seeds.swap_remove(which);
            for (at, byte) in changes {
                let at = at % bytes.len();
                bytes[at] = byte;
            }
            bytes.truncate(bytes.len() * eighths / 8);
            let _ = engines(&bytes);
        }
    }
}
