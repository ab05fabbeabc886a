//! The names that a run may hold (evidence format, section 1), and nothing else.

use hozen_collector::model::killed::KILLED_KEY;
use hozen_collector::model::record::{BEGIN_KEY, CUSTODY_FOLDER, END_KEY, LOG_KEY, MANIFEST_KEY, SUMS_KEY};
use hozen_collector::model::salvage::SALVAGE_FOLDER;
use hozen_collector::model::seal::SEAL_FOLDER;
use hozen_collector::model::{Category, Encoding, ObjectKey};

/// Ending of the name of an object that was still growing.
const PART: &str = ".part";
/// The folder of the archives.
const RAW: &str = "raw";
/// Below it, images of memory have a folder each.
const IMAGES: &str = "data/memory/";
/// Ending of a segment's name.
const SEGMENT: &str = ".lime.zst";
/// Every category has a folder below `data/`.
const CATEGORIES: [Category; 8] = [
    Category::System,
    Category::Process,
    Category::Network,
    Category::Kernel,
    Category::Memory,
    Category::Session,
    Category::File,
    Category::Run,
];

/// What an object's name says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name<'a> {
    Begin,
    Table { category: Category, table: &'a str },
    Archive { artefact: &'a str },
    Segment { image: &'a str, number: u64 },
    Custody(u64),
    Log,
    Sums,
    Manifest,
    End,
    Seal,
    Salvage,
    Killed,
}

impl<'a> Name<'a> {
    /// What the object `key` is; `None` where no run has such a name.
    pub(crate) fn of(key: &'a ObjectKey) -> Option<Self> {
        match key.as_str() {
            BEGIN_KEY => Some(Self::Begin),
            LOG_KEY => Some(Self::Log),
            SUMS_KEY => Some(Self::Sums),
            MANIFEST_KEY => Some(Self::Manifest),
            END_KEY => Some(Self::End),
            KILLED_KEY => Some(Self::Killed),
            other if is_dated(other, SEAL_FOLDER) => Some(Self::Seal),
            other if is_dated(other, SALVAGE_FOLDER) => Some(Self::Salvage),
            other => custody_number(other).map(Self::Custody).or_else(|| segment_of(other)).or_else(|| data(other)),
        }
    }

    /// Whether it is evidence: below `data/`.
    pub(super) fn is_data(self) -> bool {
        matches!(self, Self::Table { .. } | Self::Archive { .. } | Self::Segment { .. })
    }

    /// Whether its receipt says how many entries it has.
    pub(super) fn has_entries(self) -> bool {
        matches!(self, Self::Table { .. } | Self::Archive { .. })
    }

    /// Whether the journal has a receipt for it.
    pub(crate) fn has_journal_receipt(self) -> bool {
        self.is_data() || self == Self::Log
    }

    /// How it is stored.
    pub(super) fn encoding(self) -> Encoding {
        if self.has_journal_receipt() { Encoding::ZstdFrames } else { Encoding::Identity }
    }
}

/// The name of the custody object with this number.
pub(super) fn custody(number: u64) -> String {
    format!("{CUSTODY_FOLDER}/{number:06}.jsonl")
}

/// The object whose growing form bears this name.
pub(super) fn growing(name: &str) -> Option<ObjectKey> {
    name.strip_suffix(PART).and_then(|whole| whole.parse().ok()).filter(|key| Name::of(key).is_some())
}

/// Whether the format has a folder of this path.
pub(super) fn is_folder(path: &str) -> bool {
    path == "data"
        || path == CUSTODY_FOLDER
        || path == SEAL_FOLDER
        || path == SALVAGE_FOLDER
        || path.strip_prefix("data/").is_some_and(|name| name == RAW || category(name).is_some())
        || path.strip_prefix(IMAGES).is_some_and(is_image)
}

/// The name of the segment of `image` with this number.
pub(super) fn segment(image: &str, number: u64) -> String {
    format!("{IMAGES}{image}/{number:06}{SEGMENT}")
}

/// Images are named by one word.
fn is_image(name: &str) -> bool {
    !name.is_empty() && name.len() <= 32 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
}

fn segment_of(text: &str) -> Option<Name<'_>> {
    let (image, file) = text.strip_prefix(IMAGES)?.split_once('/').filter(|(image, _)| is_image(image))?;
    let number = file.strip_suffix(SEGMENT)?.parse().ok().filter(|number| segment(image, *number) == text)?;
    Some(Name::Segment { image, number })
}

/// `seal/20261122T035027Z.json`, and the same in another folder.
fn is_dated(text: &str, folder: &str) -> bool {
    let time = text.strip_prefix(folder).and_then(|text| text.strip_prefix('/')?.strip_suffix("Z.json"));
    let parts = time.and_then(|time| time.split_once('T'));
    parts.is_some_and(|(date, time)| is_digits(date, 8) && is_digits(time, 6))
}

fn is_digits(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_digit())
}

fn custody_number(text: &str) -> Option<u64> {
    let digits = text.strip_prefix(CUSTODY_FOLDER)?.strip_prefix('/')?.strip_suffix(".jsonl")?;
    digits.parse().ok().filter(|number| *number > 0 && custody(*number) == text)
}

fn data(text: &str) -> Option<Name<'_>> {
    let (folder, file) = text.strip_prefix("data/")?.split_once('/')?;
    let file = Some(file).filter(|file| !file.contains('/'))?;
    if folder == RAW {
        let artefact = file.strip_suffix(".tar.zst").filter(|stem| !stem.is_empty())?;
        return Some(Name::Archive { artefact });
    }
    let table = file.strip_suffix(".jsonl.zst").filter(|stem| !stem.is_empty())?;
    Some(Name::Table { category: category(folder)?, table })
}

fn category(folder: &str) -> Option<Category> {
    CATEGORIES.into_iter().find(|category| category.folder() == folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(text: &str) -> bool {
        text.parse().is_ok_and(|key: ObjectKey| Name::of(&key).is_some())
    }

    #[test]
    fn the_names_of_section_1_and_no_others() {
        for name in [
            "000-begin.json",
            "data/process/processes.jsonl.zst",
            "data/raw/process.tar.zst",
            "data/memory/kcore/000000.lime.zst",
            "data/memory/lime/1000000.lime.zst",
            "custody/000001.jsonl",
            "custody/1000000.jsonl",
            "log.jsonl.zst",
            "SHA256SUMS",
            "900-manifest.json",
            "999-end.json",
            "999-killed.json",
            "seal/20261122T035027Z.json",
            "salvage/20261122T035027Z.json",
        ] {
            assert!(known(name), "{name}");
        }
        for name in [
            "begin.json",
            "data/x",
            "data/other/x.jsonl.zst",
            "data/process/x.tar.zst",
            "data/process/.jsonl.zst",
            "data/process/a/b.jsonl.zst",
            "data/raw/x.jsonl.zst",
            "data/memory/000000.lime.zst",
            "data/memory/kcore/0.lime.zst",
            "data/memory/kcore/+00001.lime.zst",
            "data/memory/K/000000.lime.zst",
            "data/process/kcore/000000.lime.zst",
            "data/memory/a/b/000000.lime.zst",
            "custody/000000.jsonl",
            "custody/1.jsonl",
            "custody/0000001.jsonl",
            "custody/+00001.jsonl",
            "999-end.json.part",
            "seal/20261122T035027.json",
            "seal/2026-11-22Z.json",
            "seal/20261122T035027Z.json.part",
        ] {
            assert!(!known(name), "{name}");
        }
    }

    #[test]
    fn growing_objects_and_folders() {
        assert_eq!(growing("custody/000002.jsonl.part").unwrap().as_str(), "custody/000002.jsonl");
        assert!(growing("x.part").is_none() && growing("999-end.json").is_none());
        assert!(["data", "custody", "data/raw", "data/run", "data/memory/kcore"].into_iter().all(is_folder));
        assert!(!["", "data/x", "data/raw/x", "custody/x", "data/memory/x/y", "data/memory/"].into_iter().any(is_folder));
    }
}
