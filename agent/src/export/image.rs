//! Images of memory: the segments of each become one `.lime` file, whose name says what the image is worth.

use std::collections::BTreeMap;
use std::os::fd::AsFd as _;

use hozen_collector::model::ObjectKey;
use serde_json::Value;

use super::destination::{Destination, PART};
use super::object::{self, Failure};
use super::progress::Progress;
use crate::verify::Opened;
use crate::verify::name::Name;

/// The table that says what each image is worth.
const CAPTURES: &str = "data/memory/memory_captures.jsonl.zst";
/// The most bytes of it that are read; it has a row for each method.
const MOST: usize = 1 << 20;
/// Folder of the images in an export.
const FOLDER: &str = "memory";

/// What the table says of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Worth {
    /// `ok`, `incomplete`, `rejected`; `unknown` where the table does not say.
    pub(super) quality: &'static str,
    /// Why; escaped text.
    pub(super) reasons: Vec<String>,
    /// Bytes of the whole stream.
    bytes: Option<u64>,
}

/// An image of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Image {
    /// Its name: the method that wrote it.
    pub(super) name: String,
    /// What the table says of it.
    pub(super) worth: Worth,
    /// Its file below the export; `None` where it was left out.
    pub(super) file: Option<String>,
    /// Bytes of the file.
    pub(super) bytes: u64,
}

/// The segments of each image, in order.
pub(super) fn segments(evidence: &Opened) -> BTreeMap<String, Vec<(u64, ObjectKey)>> {
    let mut images: BTreeMap<String, Vec<(u64, ObjectKey)>> = BTreeMap::new();
    for key in evidence.objects() {
        if let Some(Name::Segment { image, number }) = Name::of(key) {
            images.entry(image.to_owned()).or_default().push((number, key.clone()));
        }
    }
    images.values_mut().for_each(|segments| segments.sort_unstable());
    images
}

/// What the table of captures says of each image.
pub(super) fn worths(evidence: &Opened) -> Result<BTreeMap<String, Worth>, Failure> {
    let Some(key) = evidence.objects().find(|key| key.as_str() == CAPTURES) else { return Ok(BTreeMap::new()) };
    let mut text = Vec::new();
    let mut keep = |bytes: &[u8]| {
        if text.len() + bytes.len() > MOST {
            return Err(Failure::Evidence(format!("{CAPTURES}: is larger than such a table can be")));
        }
        text.extend_from_slice(bytes);
        Ok(())
    };
    object::stream(evidence, key, &mut keep, &Progress::hidden())?;
    let rows = text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    Ok(rows.filter_map(|row| Some((row.get("image")?.as_str()?.to_owned(), worth(&row)))).collect())
}

fn worth(row: &Value) -> Worth {
    let word = row.get("quality").and_then(Value::as_str);
    let quality = ["ok", "incomplete", "rejected"].into_iter().find(|known| word == Some(known)).unwrap_or("unknown");
    let reasons = row.get("reasons").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let reasons = reasons.map(|text| hozen_collector::model::escape::bytes(text.as_bytes())).collect();
    Worth { quality, reasons, bytes: row.get("image_bytes").and_then(Value::as_u64) }
}

/// What is said of an image that no row speaks of.
pub(super) fn unknown() -> Worth {
    let reasons = vec!["the table memory_captures does not speak of it: the run was cut off before".to_owned()];
    Worth { quality: "unknown", reasons, bytes: None }
}

/// Writes an image as one file. Its name has `label` in it where it is not empty.
pub(super) fn write(
    evidence: &Opened,
    destination: &Destination,
    (name, segments): (&str, &[(u64, ObjectKey)]),
    worth: &Worth,
    label: Option<&str>,
    progress: &Progress,
) -> Result<(String, u64), Failure> {
    let folder = destination.folder(FOLDER)?;
    let part = format!("{name}.lime{PART}");
    let mut file = destination.file(folder.as_fd(), FOLDER, &part)?;
    let path = format!("{FOLDER}/{part}");
    let mut is_whole = true;
    for (at, (number, key)) in (0_u64..).zip(segments) {
        if at != *number {
            is_whole = false;
            break;
        }
        progress.tell(key.as_str());
        let mut write = |bytes: &[u8]| file.write(bytes).map_err(|errno| destination.errno(&path, errno).into());
        object::stream(evidence, key, &mut write, progress)?;
    }
    let bytes = file.size();
    let file = file.end(None).map_err(|errno| destination.errno(&path, errno))?;
    nix::unistd::fsync(file).map_err(|errno| destination.errno(&path, errno))?;
    is_whole &= worth.bytes.is_none_or(|predicted| predicted == bytes);
    let quality = Some(worth.quality).filter(|quality| *quality != "ok");
    let labels = [quality, (!is_whole).then_some("cut"), label].into_iter().flatten();
    let name = format!("{name}.{}lime", labels.map(|label| format!("{label}.")).collect::<String>());
    destination.rename(folder.as_fd(), &part, &name)?;
    Ok((format!("{FOLDER}/{name}"), bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_the_words_of_the_format_become_part_of_a_name() {
        for (word, known) in [("ok", "ok"), ("rejected", "rejected"), ("../x", "unknown"), ("refused", "unknown")] {
            assert_eq!(worth(&json!({"quality": word, "reasons": ["a\u{1b}b", 7]})).quality, known);
        }
        let worth = worth(&json!({"quality": "incomplete", "reasons": ["a\u{1b}b"], "image_bytes": 7}));
        assert_eq!((worth.reasons, worth.bytes), (vec!["a\\x1bb".to_owned()], Some(7)));
    }
}
