//! What the objects of a run are called.

use super::ObjectKey;

/// Name of the first object of a run.
pub const BEGIN_KEY: &str = "000-begin.json";
/// Folder of the custody objects.
pub const CUSTODY_FOLDER: &str = "custody";
/// Name of the list that `sha256sum -c` reads.
pub const SUMS_KEY: &str = "SHA256SUMS";
/// Name of the agent's own log.
pub const LOG_KEY: &str = "log.jsonl.zst";
/// Name of the manifest.
pub const MANIFEST_KEY: &str = "900-manifest.json";
/// Name of the last object of a run.
pub const END_KEY: &str = "999-end.json";

/// The key of the record that bears one of the names above.
#[must_use]
pub fn key(name: &'static str) -> ObjectKey {
    ObjectKey::made(name.to_owned())
}

/// The key of the segment of this number, from 0, of the image `image` (a word of `a-z` and `-`).
#[must_use]
pub fn segment_key(folder: &str, image: &'static str, number: u64) -> ObjectKey {
    ObjectKey::made(format!("data/{folder}/{image}/{number:06}.lime.zst"))
}

/// The key of the custody object of this number, from 1.
#[must_use]
pub fn custody_key(number: u32) -> ObjectKey {
    ObjectKey::made(format!("{CUSTODY_FOLDER}/{number:06}.jsonl"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_records_are_valid() {
        let keys = [BEGIN_KEY, SUMS_KEY, LOG_KEY, MANIFEST_KEY, END_KEY].map(key);
        for key in keys.into_iter().chain([custody_key(1), custody_key(u32::MAX)]) {
            assert_eq!(key.as_str().parse(), Ok(key));
        }
    }
}
