//! What is in the bucket already, where the one who pushes may see it.

use std::collections::BTreeMap;
use std::io::{self, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hozen_collector::model::{Digest, ObjectKey};
use sha2::{Digest as _, Sha256};

use super::PIECE;
use crate::s3::Reader;
use crate::s3::read::Version;

/// The oldest version of each name, as far as that may be seen.
#[derive(Debug)]
pub(super) struct There(BTreeMap<String, Version>);

impl There {
    /// Asks once. Whoever may not ask sees nothing, and goes by what the bucket refuses.
    pub(super) fn ask(reader: &Reader) -> Self {
        let listed = reader.versions().map(|listed| listed.versions).unwrap_or_default();
        Self(listed.into_iter().map(|version| (version.name.clone(), version)).collect())
    }

    /// Whether the object is there with exactly these bytes; `None` where that is not known.
    pub(super) fn same(&self, reader: &Reader, key: &ObjectKey, size: u64, sha256: &Digest) -> Option<bool> {
        let version = self.0.get(key.as_str())?;
        if version.size != size {
            return Some(false);
        }
        let question = (key.as_str().to_owned(), version.id.clone());
        let facts = reader.facts(&[question]).pop()?;
        match facts.kept.ok()?.sum {
            Some(sum) if sum.kind == "FULL_OBJECT" => Some(sum.agrees("FULL_OBJECT", &STANDARD.encode(sha256.as_bytes()))),
            // Its checksum is one of parts, which the digest of the whole cannot be compared with.
            _ => digest(reader.body(key.as_str(), &version.id).ok()?).ok().map(|read| read == *sha256),
        }
    }
}

fn digest(mut body: impl Read) -> io::Result<Digest> {
    let (mut hasher, mut piece) = (Sha256::new(), vec![0_u8; PIECE]);
    loop {
        match body.read(&mut piece)? {
            0 => return Ok(Digest::so_far(&hasher)),
            length => hasher.update(piece.get(..length).unwrap_or_default()),
        }
    }
}
