//! An open upload of somebody who has died, made an object of the parts that are there.

use hozen_collector::model::receipt::Answer;

use super::read::{OpenUpload, Reader, StoredPart};
use super::request::{Part, composite};
use super::retry::Kind;

/// An object that was made of an open upload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Completed {
    /// Its version; absent where the answer was lost.
    pub version_id: Option<String>,
    /// Its entity tag.
    pub etag: Option<String>,
    /// Its composite checksum, of the parts' own; absent where the bucket keeps none of them.
    pub checksum: Option<String>,
    /// The answer.
    pub answer: Answer,
}

/// Why no object was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotCompleted {
    /// An object of this name is there.
    Taken,
    /// What the bucket said.
    Refused(String),
}

/// The parts from 1 on without a hole, and how many lie behind one. Where the first has a checksum a part without one is a hole.
#[must_use]
pub fn contiguous(parts: &[StoredPart]) -> (&[StoredPart], usize) {
    let has_sums = parts.first().is_some_and(|part| part.sha256.is_some());
    let fits = |number: i32, part: &StoredPart| part.number == number && part.sha256.is_some() == has_sums;
    let whole = (1..).zip(parts).take_while(|(number, part)| fits(*number, part)).count();
    let (whole, rest) = parts.split_at(whole);
    (whole, rest.len())
}

impl Reader {
    /// Makes an object of these parts of the upload, which begin with 1 and have no hole. It gets the lock that was asked for when
    /// the upload was begun.
    ///
    /// # Errors
    /// When the bucket refuses.
    pub fn complete(&self, upload: &OpenUpload, parts: &[StoredPart]) -> Result<Completed, NotCompleted> {
        let of = |part: &StoredPart| Part {
            number: part.number,
            etag: part.etag.clone(),
            sha256: part.sha256,
            bytes: part.size,
            echoed: false,
            retries: 0,
        };
        let parts: Vec<Part> = parts.iter().map(of).collect();
        let checksum = composite(&parts);
        let key = self.place().key(&upload.name);
        match self.network.block_on(self.bucket.complete(&key, &upload.id, &parts)) {
            Ok(done) => Ok(Completed { version_id: done.value.version_id, etag: done.value.etag, checksum, answer: done.answer }),
            Err(given_up) if given_up.perhaps_done && matches!(given_up.trouble.kind, Kind::Taken | Kind::NoUpload) => {
                Ok(Completed { checksum, ..Completed::default() })
            }
            Err(given_up) if given_up.trouble.kind == Kind::Taken => Err(NotCompleted::Taken),
            Err(given_up) => Err(NotCompleted::Refused(given_up.trouble.reason)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hozen_collector::model::Digest;

    #[test]
    fn only_parts_before_the_first_hole_are_taken() {
        let part = |number, sha256| StoredPart { number, etag: None, size: 1, modified: None, sha256 };
        let digest = Some(Digest::of(b"x"));
        let counts = |parts: &[StoredPart]| (contiguous(parts).0.len(), contiguous(parts).1);
        assert_eq!(counts(&[]), (0, 0));
        assert_eq!(counts(&[part(1, digest), part(2, digest), part(4, digest)]), (2, 1));
        assert_eq!(counts(&[part(2, digest)]), (0, 1));
        assert_eq!(counts(&[part(1, digest), part(2, None), part(3, digest)]), (1, 2));
        assert_eq!(counts(&[part(1, None), part(2, None), part(4, None)]), (2, 1), "of a presigned list");
    }
}
