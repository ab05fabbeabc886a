//! The record of a salvage: what somebody with rights over the bucket completed of a run whose host has died.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::seal::{Sealer, dated_key};
use super::{ObjectKey, RunId, Timestamp};

/// Folder of the records of salvages.
pub const SALVAGE_FOLDER: &str = "salvage";

/// The key of the record that is made at this time: `salvage/20261122T035027Z.json`.
#[must_use]
pub fn salvage_key(salvaged: Timestamp) -> ObjectKey {
    dated_key(SALVAGE_FOLDER, salvaged)
}

/// What became of the uploads that a run had left open. It is not signed: what it says can be asked of the bucket, and it stands
/// under the bucket's own lock and date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Salvage {
    /// [`super::record::VERSION`].
    pub v: u32,
    /// The run, as its begin record says; absent where that could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// When it was salvaged, by the salvager's clock.
    pub salvaged: Timestamp,
    /// The program that did it.
    pub salvager: Sealer,
    /// Where the run lies; escaped text.
    pub location: String,
    /// Every upload that was found open, in the order of their names.
    pub uploads: Vec<SalvagedUpload>,
}

/// One upload that was found open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SalvagedUpload {
    /// Name below the run's place; escaped text.
    pub key: String,
    /// The upload.
    pub upload_id: String,
    /// When it was begun, by the bucket's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initiated: Option<Timestamp>,
    /// What became of it.
    pub outcome: Salvaged,
    /// Why, where it was not completed; escaped text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Parts that the object was made of, from 1 without a hole.
    pub parts: u64,
    /// Parts that lay behind a hole, and are lost.
    pub parts_left: u64,
    /// Stored bytes of the object.
    pub size: u64,
    /// The object's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// The object's composite SHA-256 checksum, as in a receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// What more the bucket said: `etag`, `date`.
    pub facts: BTreeMap<String, Value>,
}

/// What became of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Salvaged {
    /// It is an object now, of the parts from 1 on that were there.
    Completed,
    /// There was no part 1, so nothing could be made of it.
    Empty,
    /// An object of this name was there already.
    Taken,
    /// The bucket refused.
    Failed,
    /// Its name is none that a run has; it was left alone.
    Foreign,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_salvage_is_named_by_its_second() {
        let time: Timestamp = "2026-11-22T03:50:27.123456789Z".parse().unwrap();
        assert_eq!(salvage_key(time).as_str(), "salvage/20261122T035027Z.json");
    }
}
