//! What a receipt says of the bucket that took the object (evidence format, section 2.2). A copy in a folder says nothing of its
//! bucket, so here only what the receipt says is held against itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hozen_collector::model::encryption::not_as_asked;
use hozen_collector::model::{Held, Receipt};

use super::findings::Findings;

/// Notes where it contradicts itself, the rest of the receipt, or the KMS key that the run asked for.
pub(super) fn check(receipt: &Receipt, kms_key: Option<&str>, findings: &mut Findings) {
    let Some(held) = &receipt.sink else { return };
    let mut require = |holds: bool, fault: &str| findings.require(holds, &receipt.key, format!("its receipt {fault}"));
    let name = receipt.key.as_str();
    let ends = held.key.strip_suffix(name).is_some_and(|prefix| prefix.is_empty() || prefix.ends_with('/'));
    require(ends && !held.bucket.is_empty(), "names another key in the bucket");
    require(checksum_fits(receipt, held), "says a checksum that cannot be that of the object");
    let known = |mode: &str| matches!(mode, "COMPLIANCE" | "GOVERNANCE");
    require(held.lock.as_ref().is_none_or(|lock| known(&lock.mode)), "says a lock of unknown mode");
    require(!held.ambiguous || held.version_id.is_none(), "says a version although its answer was lost");
    // An answer that was lost has told nothing.
    let fault = kms_key.filter(|_| !held.ambiguous).and_then(|key| not_as_asked(key, held.sse.as_ref()));
    if let Some(fault) = fault {
        findings.fail(&receipt.key, format!("by its receipt {fault}"));
    }
}

/// One part: the digest itself. Several: as many as the size makes, and a digest of digests with their number.
fn checksum_fits(receipt: &Receipt, held: &Held) -> bool {
    let (checksum, size) = (&held.checksum, receipt.size);
    if checksum.part_size == 0 || checksum.parts != size.div_ceil(checksum.part_size).max(1) {
        return false;
    }
    match (checksum.kind.as_str(), checksum.parts) {
        ("FULL_OBJECT", 1) => checksum.sha256 == STANDARD.encode(receipt.sha256.as_bytes()),
        // Nobody could sign a digest in advance: only reading the object shows it.
        ("NONE", _) => checksum.sha256.is_empty() && !checksum.echoed,
        ("COMPOSITE", parts) if parts > 1 => {
            let digest = checksum.sha256.strip_suffix(&format!("-{parts}")).and_then(|text| STANDARD.decode(text).ok());
            digest.is_some_and(|digest| digest.len() == 32)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hozen_collector::model::receipt::Checksum;
    use hozen_collector::model::{Content, Digest, Encoding, Timestamp};

    fn receipt(size: u64, kind: &str, sha256: &str, parts: u64) -> Receipt {
        let (time, digest) = (Timestamp::from_seconds(0), Digest::of(b"x"));
        let checksum = Checksum { kind: kind.to_owned(), sha256: sha256.to_owned(), part_size: 10, parts, echoed: true };
        let held = Held { bucket: "b".to_owned(), key: "p/log.jsonl.zst".to_owned(), checksum, ..Held::default() };
        let content = Content { sha256: digest, size, encoding: Encoding::ZstdFrames, entries: Some(0) };
        let key = "log.jsonl.zst".parse().unwrap();
        Receipt { key, sha256: digest, size, parts: 1, content, started: time, finished: time, sink: Some(held) }
    }

    fn fits(receipt: &Receipt) -> bool {
        checksum_fits(receipt, receipt.sink.as_ref().unwrap())
    }

    #[test]
    fn a_checksum_must_be_possible() {
        let digest = STANDARD.encode(Digest::of(b"x").as_bytes());
        assert!(fits(&receipt(0, "FULL_OBJECT", &digest, 1)) && fits(&receipt(10, "FULL_OBJECT", &digest, 1)));
        assert!(fits(&receipt(11, "COMPOSITE", &format!("{digest}-2"), 2)));
        let mut unsigned = receipt(11, "NONE", "", 2);
        assert!(!fits(&unsigned), "nothing can be echoed");
        unsigned.sink.as_mut().unwrap().checksum.echoed = false;
        assert!(fits(&unsigned));
        let other = STANDARD.encode(Digest::of(b"y").as_bytes());
        for wrong in [
            receipt(10, "FULL_OBJECT", &other, 1),
            receipt(11, "FULL_OBJECT", &digest, 1),
            receipt(10, "COMPOSITE", &format!("{digest}-1"), 1),
            receipt(11, "COMPOSITE", &format!("{digest}-3"), 2),
            receipt(11, "COMPOSITE", &digest, 2),
            receipt(21, "COMPOSITE", &format!("{digest}-2"), 2),
            receipt(11, "COMPOSITE", "AAAA-2", 2),
        ] {
            assert!(!fits(&wrong), "{wrong:?}");
        }
    }
}
