//! The checksums that S3 knows. Reference: "Checking object integrity" in the S3 User Guide.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::{CrcAlgorithm, checksum_combine};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// An algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// CRC-32 (ISO HDLC).
    Crc32,
    /// CRC-32C (iSCSI).
    Crc32c,
    /// CRC-64/NVME.
    Crc64nvme,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// What a checksum of an object with parts is computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The checksums of its parts.
    Composite,
    /// All of its bytes.
    FullObject,
}

impl Kind {
    /// As S3 writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Composite => "COMPOSITE",
            Self::FullObject => "FULL_OBJECT",
        }
    }
}

/// All algorithms.
pub const ALL: [Algorithm; 5] = [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64nvme, Algorithm::Sha1, Algorithm::Sha256];

impl Algorithm {
    /// As S3 writes it, such as `SHA256`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The algorithm of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    /// Its header, such as `x-amz-checksum-sha256`.
    #[must_use]
    pub fn header(self) -> String {
        format!("x-amz-checksum-{}", self.name().to_ascii_lowercase())
    }

    /// Its element, such as `ChecksumSHA256`.
    #[must_use]
    pub fn element(self) -> String {
        format!("Checksum{}", self.name())
    }

    /// The length of its values in bytes.
    #[must_use]
    pub fn length(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// The kind for an upload in parts that names none.
    #[must_use]
    pub fn usual_kind(self) -> Kind {
        if self == Self::Crc64nvme { Kind::FullObject } else { Kind::Composite }
    }

    /// Whether an upload in parts can have a checksum of this kind.
    #[must_use]
    pub fn allows(self, kind: Kind) -> bool {
        match self {
            Self::Crc32 | Self::Crc32c => true,
            Self::Crc64nvme => kind == Kind::FullObject,
            Self::Sha1 | Self::Sha256 => kind == Kind::Composite,
        }
    }

    fn crc(self) -> Option<CrcAlgorithm> {
        match self {
            Self::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Self::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Self::Crc64nvme => Some(CrcAlgorithm::Crc64Nvme),
            Self::Sha1 | Self::Sha256 => None,
        }
    }

    /// A value in base64, if it is one of this algorithm.
    #[must_use]
    pub fn parse(self, text: &str) -> Option<Vec<u8>> {
        STANDARD.decode(text).ok().filter(|bytes| bytes.len() == self.length())
    }

    /// The checksum of all these bytes.
    #[must_use]
    pub fn of(self, bytes: &[u8]) -> Vec<u8> {
        let mut hasher = Hasher::new(self);
        hasher.update(bytes);
        hasher.finish()
    }

    /// The composite checksum of parts with these checksums, without the number of parts.
    #[must_use]
    pub fn composite<'a>(self, parts: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
        self.of(&parts.flatten().copied().collect::<Vec<u8>>())
    }

    /// The checksum of the whole out of checksums and lengths of its parts: for the CRCs.
    #[must_use]
    pub fn joined<'a>(self, parts: impl Iterator<Item = (&'a [u8], u64)>) -> Option<Vec<u8>> {
        let crc = self.crc()?;
        let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        let whole = parts
            .map(|(sum, length)| (number(sum), length))
            .reduce(|(left, before), (right, length)| (checksum_combine(crc, left, right, length), before + length));
        Some(self.bytes(whole.map_or_else(|| number(&self.of(&[])), |(sum, _)| sum)))
    }

    fn bytes(self, sum: u64) -> Vec<u8> {
        sum.to_be_bytes().into_iter().skip(8 - self.length()).collect()
    }
}

/// Base64, as S3 writes checksums.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// A checksum in the making.
pub(super) enum Hasher {
    Crc(Algorithm, Box<crc_fast::Digest>),
    Sha1(Box<Sha1>),
    Sha256(Box<Sha256>),
}

impl Hasher {
    pub(super) fn new(algorithm: Algorithm) -> Self {
        match (algorithm, algorithm.crc()) {
            (_, Some(crc)) => Self::Crc(algorithm, Box::new(crc_fast::Digest::new(crc))),
            (Algorithm::Sha1, None) => Self::Sha1(Box::default()),
            (_, None) => Self::Sha256(Box::default()),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc(_, digest) => digest.update(bytes),
            Self::Sha1(digest) => digest.update(bytes),
            Self::Sha256(digest) => digest.update(bytes),
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        match self {
            Self::Crc(algorithm, digest) => algorithm.bytes(digest.finalize()),
            Self::Sha1(digest) => digest.finalize().to_vec(),
            Self::Sha256(digest) => digest.finalize().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of the catalogue of CRCs and of FIPS 180.
    #[test]
    fn each_algorithm_gives_its_published_value() {
        let digits = b"123456789";
        assert_eq!(Algorithm::Crc32.of(digits), 0xCBF4_3926_u32.to_be_bytes());
        assert_eq!(Algorithm::Crc32c.of(digits), 0xE306_9283_u32.to_be_bytes());
        assert_eq!(Algorithm::Crc64nvme.of(digits), 0xAE8B_1486_0A79_9888_u64.to_be_bytes());
        assert_eq!(base64(&Algorithm::Sha1.of(b"abc")), "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=");
        assert_eq!(base64(&Algorithm::Sha256.of(b"abc")), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    }

    #[test]
    fn a_whole_is_joined_from_its_parts() {
        let (left, right) = (vec![7_u8; 1000], b"and the rest".to_vec());
        let whole: Vec<u8> = left.iter().chain(&right).copied().collect();
        for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64nvme] {
            let (one, two) = (algorithm.of(&left), algorithm.of(&right));
            let parts = [(one.as_slice(), 1000), (two.as_slice(), 12)];
            assert_eq!(algorithm.joined(parts.into_iter()), Some(algorithm.of(&whole)));
        }
        assert_eq!(Algorithm::Sha256.joined(std::iter::empty()), None);
    }
}
